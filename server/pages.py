"""The pages that people see: the list of games, the viewer and the training page, plain files of the package `web`."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from server.body import Body
from server.errors import AssetsError
from server.store import GameStore

# Ask every time whether a file has changed: the answer is mostly 304, and an upgrade takes effect at once.
PAGE_CACHE: Final = "no-cache"

# Except for the icon: browsers fetch it anew whenever the address changes, which the viewer does at every ply.
ICON: Final = "favicon.svg"
ICON_CACHE: Final = "max-age=86400"

# Not from `mimetypes`, which reads tables of the system: some call JavaScript text/plain, and browsers refuse it.
CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


class Pages:
    """The views, and what they share.

    Parameters
    ----------
    store : GameStore
        Says which games there are.
    assets : Traversable
        The folder with the files.

    Raises
    ------
    AssetsError
        If the pages are not there.
    """

    def __init__(self, store: GameStore, assets: Traversable | None = None) -> None:
        self._store = store
        self._assets = assets or files("web") / "static"
        self._bodies: dict[str, Body] = {}
        for page in ("index.html", "game.html", "training.html"):
            if not (self._assets / page).is_file():
                raise AssetsError(f"the page {page} is missing in {self._assets}; install game2048 anew")

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("pages", __name__)
        routes.add_url_rule("/", "index", self.index)
        routes.add_url_rule("/games/<game_id>", "game", self.game)
        routes.add_url_rule("/training", "training", self.training)
        routes.add_url_rule("/static/<path:name>", "static", self.static)
        routes.add_url_rule("/favicon.ico", "icon", self.icon)
        return routes

    def index(self) -> Response:
        """Return the page with the list of games."""
        return self._body("index.html").respond(cache_control=PAGE_CACHE)

    def game(self, game_id: str) -> Response:
        """Return the viewer, which fetches the game by itself, and says so if there is none."""
        status = 200 if game_id in self._store else 404
        return self._body("game.html").respond(cache_control=PAGE_CACHE, status=status)

    def training(self) -> Response:
        """Return the page with the training runs, which fetches them by itself."""
        return self._body("training.html").respond(cache_control=PAGE_CACHE)

    def static(self, name: str) -> Response:
        """Return a file."""
        return self._body(name).respond(cache_control=ICON_CACHE if name == ICON else PAGE_CACHE)

    def icon(self) -> Response:
        """Return the icon to those who do not look for it in the page."""
        return self._body(ICON).respond(cache_control=ICON_CACHE)

    def _body(self, name: str) -> Body:
        """Return a file; it is compressed anew when its bytes have changed."""
        raw = self._read(name)
        body = self._bodies.get(name)
        if body is None or body.raw != raw:
            kind = CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
            body = self._bodies[name] = Body.of(raw, kind)
        return body

    def _read(self, name: str) -> bytes:
        """Read a file below the folder; no name leads out of it."""
        parts = name.split("/")
        if any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts):
            raise NotFound
        try:
            return self._assets.joinpath(*parts).read_bytes()
        except OSError:  # none of this name, a folder, a name that no file can have
            raise NotFound from None
