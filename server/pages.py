"""The pages that people see: templates and plain files of the package `web`.

What the pages share (head, header, places to go) is `web/pages/base.html`. Nothing that a visitor sends is ever part
of a page: scripts fetch what a page shows.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from server.body import Body
from server.errors import AssetsError
from server.store import GameStore
from server.templates import render, templates

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


# Address -> template. The page of a game is apart: it says whether there is such a game.
PAGES: Final = {
    "/": "index.html",
    "/compare": "compare.html",
    "/play": "play.html",
    "/training": "training.html",
    "/watch": "watch.html",
    "/demos": "demos.html",
    "/demos/draw": "draw.html",
    "/demos/latent": "latent.html",
    "/demos/write": "write.html",
    "/learn": "learn.html",
    "/learn/adam": "learn-adam.html",
    "/learn/backpropagation": "learn-backpropagation.html",
    "/learn/diffusion": "learn-diffusion.html",
    "/learn/td": "learn-td.html",
    "/learn/weights": "learn-weights.html",
}
GAME_PAGE: Final = "game.html"


class Pages:
    """The views, and what they share.

    Parameters
    ----------
    store : GameStore
        Says which games there are.
    assets : Traversable
        The folder with the folders ``pages`` and ``static``.

    Raises
    ------
    AssetsError
        If the pages are not there.
    """

    def __init__(self, store: GameStore, assets: Traversable | None = None) -> None:
        self._store = store
        assets = assets or files("web")
        self._static = assets / "static"
        self._templates = templates(assets / "pages")
        self._bodies: dict[str, Body] = {}
        for page in (*PAGES.values(), GAME_PAGE):
            if not (assets / "pages" / page).is_file():
                raise AssetsError(f"the page {page} is missing in {assets}; install game2048 anew")

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("pages", __name__)
        for path, template in PAGES.items():
            routes.add_url_rule(path, PurePosixPath(template).stem, self.page, defaults={"template": template})
        routes.add_url_rule("/games/<game_id>", "game", self.game)
        routes.add_url_rule("/static/<path:name>", "static", self.static)
        routes.add_url_rule("/favicon.ico", "icon", self.icon)
        return routes

    def page(self, template: str) -> Response:
        """Return a page."""
        return self._page(template).respond(cache_control=PAGE_CACHE)

    def game(self, game_id: str) -> Response:
        """Return the viewer, which fetches the game by itself, and says so if there is none."""
        status = 200 if game_id in self._store else 404
        return self._page(GAME_PAGE).respond(cache_control=PAGE_CACHE, status=status)

    def static(self, name: str) -> Response:
        """Return a file."""
        body = self._body(name, self._read(name))
        return body.respond(cache_control=ICON_CACHE if name == ICON else PAGE_CACHE)

    def icon(self) -> Response:
        """Return the icon to those who do not look for it in the page."""
        return self._body(ICON, self._read(ICON)).respond(cache_control=ICON_CACHE)

    def _page(self, template: str) -> Body:
        """Return a page, written anew if its template has changed."""
        return self._body(template, render(self._templates, template).encode())

    def _body(self, name: str, raw: bytes) -> Body:
        """Return some bytes as they are sent; they are compressed anew when they have changed."""
        body = self._bodies.get(name)
        if body is None or body.raw != raw:
            kind = CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
            body = self._bodies[name] = Body.of(raw, kind)
        return body

    def _read(self, name: str) -> bytes:
        """Read a file below the folder of static files; no name leads out of it."""
        parts = name.split("/")
        if any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts):
            raise NotFound
        try:
            return self._static.joinpath(*parts).read_bytes()
        except OSError:  # none of this name, a folder, a name that no file can have
            raise NotFound from None
