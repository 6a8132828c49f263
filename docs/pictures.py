"""Make the pictures of the documentation from the real pages: ``python docs/pictures.py --runs runs``.

The pages show the games of runs/demo (``make demo`` leaves them there) and the models below the folder of runs; the
demos say which commands train theirs. Needs the development tools (``make test`` installs them) and Chromium.
"""

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from server import GameStore, ServerConfig, create_app

IMAGES: Final = Path(__file__).parent / "images"
PATIENCE: Final = 180_000  # ms: kernels may have to be compiled, a game to be analysed


class Shot(NamedTuple):
    """A picture: of which page, how wide and high, and what is done there first."""

    path: str
    size: tuple[int, int]
    prepare: Callable[[Page], None] = lambda page: page.wait_for_timeout(1000)
    dark: bool = False


# --- what is done on a page before its picture is taken ---


def analyse(page: Page) -> None:
    """Have the game judged to its end, by another player than its own where there is one."""
    if page.locator("#judge option[value=policy]").count():
        page.locator("#judge").select_option("policy")
    page.locator("#analyse").click()
    expect(page.locator("#judgements")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#analyse")).not_to_have_attribute("data-running", "1", timeout=PATIENCE)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(500)


def watch(page: Page) -> None:
    """Look on for some moves."""
    page.locator("#speed").select_option("32")
    expect(page.locator("#max-tile")).to_have_text("512", timeout=PATIENCE)
    page.locator("#play").click()
    page.wait_for_timeout(500)


def draw(page: Page) -> None:
    """Show the network an example."""
    page.locator("#example-class").select_option("2")
    page.locator("#example").click()
    expect(page.locator("#answer")).to_have_text("2", timeout=PATIENCE)


def interpolate(page: Page) -> None:
    """Go half of the way."""
    page.locator("input[type=range]").first.fill("50")
    page.wait_for_timeout(500)


def write(page: Page) -> None:
    """Stop while the last letters are still noise."""
    page.locator("#text").fill("Letters out of noise")
    page.locator("#write").click()
    expect(page.locator("#gif")).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(3000)
    frames = page.locator("#frame")
    frames.fill(str(int(frames.get_attribute("max") or 0) * 11 // 20))
    page.wait_for_timeout(300)


def learn(page: Page) -> None:
    """Wait until the lesson has gone on for a while."""
    page.wait_for_timeout(6000)


@contextmanager
def site(store: GameStore, runs: Path) -> Iterator[str]:
    """Serve the pages."""

    class Quiet(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    app = create_app(ServerConfig(runs=runs, rate_limits=False), store=store)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        app.extensions["workers"].close()


def take(browser: Browser, address: str, shot: Shot, file: Path) -> None:
    """Take one picture."""
    width, height = shot.size
    page = browser.new_page(
        base_url=address, viewport={"width": width, "height": height}, color_scheme="dark" if shot.dark else "light"
    )
    page.goto(shot.path)
    page.locator("html[data-ready='1']").wait_for(state="attached")
    shot.prepare(page)
    page.screenshot(path=file)
    page.close()
    with Image.open(file) as image:  # 256 colours: a third of the size, and nobody sees it
        small = image.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    small.save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size / 1024:.0f} kB")


def main(runs: Path, names: list[str]) -> None:
    """Take the pictures, or those that are named."""
    database = runs / "demo" / "games.sqlite"
    if not database.is_file():
        sys.exit(f"no games in {database}: make some with game2048 demo")
    with GameStore(f"sqlite:///{database}") as store, sync_playwright() as playwright:
        best, second = (game for game in store.page(limit=2).games)
        game = f"/games/{best.id}#{best.n_moves * 9 // 10}"
        shots = {
            "viewer": Shot(game, (1010, 1180), analyse),
            "library": Shot("/", (1010, 720)),
            "compare": Shot(f"/compare?left={best.id}&right={second.id}#{second.n_moves * 9 // 10}", (1010, 900)),
            "watch": Shot("/watch?seed=7", (1010, 720), watch),
            "phone": Shot(game, (390, 844), analyse, dark=True),
            "training": Shot("/training", (1010, 1000)),
            "draw": Shot("/demos/draw", (1010, 1180), draw),
            "latent": Shot("/demos/latent", (1010, 900), interpolate),
            "write": Shot("/demos/write", (1010, 720), write),
            "lesson": Shot("/learn/td", (1010, 900), learn),
        }
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic"],
        )
        with site(store, runs) as address:
            for name in names or shots:
                take(browser, address, shots[name], IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("names", nargs="*", help="pictures to make; all if none is named")
    arguments = parser.parse_args()
    main(arguments.runs, arguments.names)
