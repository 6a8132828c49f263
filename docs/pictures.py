"""Make the pictures of the documentation from the real pages: ``python docs/pictures.py runs/demo/games.sqlite``.

Needs the development tools (``make test`` installs them) and Chromium.
"""

import os
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from server import GameStore, create_app

IMAGES = Path(__file__).parent / "images"


class Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def main(database: str) -> None:
    """Show the best game of a database near its end, and take its picture."""
    with GameStore(f"sqlite:///{database}") as store, sync_playwright() as playwright:
        best = store.best()
        if best is None:
            sys.exit(f"no games in {database}: make some with game2048 demo")
        server = make_server("127.0.0.1", 0, create_app(store=store), threaded=True, request_handler=Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic"],
        )
        page = browser.new_page(viewport={"width": 1010, "height": 600})
        page.goto(f"http://127.0.0.1:{server.port}/games/{best.id}#{best.n_moves * 9 // 10}")
        page.locator("html[data-ready='1']").wait_for()
        page.screenshot(path=IMAGES / "viewer.png")
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
