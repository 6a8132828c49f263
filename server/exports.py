"""Games to take away: as a file of another program, or as a moving picture.

==============================  ======================================================================================
GET /api/games/ID/export        the game as a file; ?format=game2048, hobby or 2048verse
GET /api/games/ID/animation     plies of it as a GIF, MP4 or WebM; ?format=&first=&last=&speed=&size=&theme=
==============================  ======================================================================================

Animations last at most `MAX_SECONDS`. A worker process makes them, one at a time: whoever asks for many must not keep
games and analyses waiting. The last ones are kept for a while.
"""

import hashlib
import threading
from collections import OrderedDict
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, Literal

from flask import Blueprint, Response, request
from msgspec import Meta, Struct, structs
from werkzeug.exceptions import UnprocessableEntity

from game2048 import __version__
from game2048.animation import MOVE_MS, AnimationSettings
from game2048.formats import FORMATS
from game2048.record import MAX_PLIES, GameRecord
from server import limits
from server.config import MAX_ANIMATIONS
from server.errors import BusyError
from server.limits import expensive
from server.operations import operation, read_query
from server.store import GameStore
from server.workers import WorkerPool

CACHE: Final = "public, max-age=86400"  # what is made of a game changes with this program at most
KEPT_BYTES: Final = 32 * 2**20
MAX_SECONDS: Final = 40  # that an animation lasts, its last board included
SECONDS: Final = 30.0  # an animation takes three on one idle core
WIDTHS: Final = {"small": 240, "medium": 360, "large": 480}  # pixels
PICTURE_TYPES: Final = {"gif": "image/gif", "mp4": "video/mp4", "webm": "video/webm"}
FILE_TYPES: Final = "application/json, text/plain"

Ply = Annotated[int, Meta(ge=0, le=MAX_PLIES)]


class ExportQuery(Struct, forbid_unknown_fields=True):
    """Parameters of an export."""

    format: Literal["game2048", "hobby", "2048verse"] = "game2048"


class AnimationQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """Parameters of an animation."""

    format: Literal["gif", "mp4", "webm"] = "gif"
    first: Ply = 0
    last: Ply | None = None
    speed: Literal["0.25", "0.5", "1", "2", "4", "8", "16", "32", "64"] = "1"
    size: Literal["small", "medium", "large"] = "medium"
    theme: Literal["legible", "classic"] = "legible"


class Exports:
    """The views, and what they share.

    Parameters
    ----------
    store : GameStore
        The games.
    workers : WorkerPool
        Makes animations.
    """

    def __init__(self, store: GameStore, workers: WorkerPool) -> None:
        self._store = store
        self._workers = workers
        self._kept = Kept(KEPT_BYTES)
        self._room = threading.BoundedSemaphore(MAX_ANIMATIONS)
        self._turn = threading.Lock()

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("exports", __name__, url_prefix="/api/games/<game_id>")
        routes.add_url_rule("/export", "export", self.export, methods=["GET"])
        routes.add_url_rule("/animation", "animation", self.animation, methods=["GET"])
        return routes

    @operation("A game as a file", query=ExportQuery, answers={200: FILE_TYPES}, problems=(422, 429, 503))
    @expensive(per_minute=120, burst=60)
    def export(self, game_id: str) -> Response:
        """Return a game in one of the forms of `game2048.formats`."""
        form = FORMATS[read_query(ExportQuery).format]
        data = form.write(self._store.get(game_id).record)
        return _download(data, f"game-{game_id}{form.suffix}", form.content_type)

    @operation(
        "Plies of a game as a moving picture",
        query=AnimationQuery,
        answers={200: ", ".join(PICTURE_TYPES.values())},
        problems=(422, 429, 503),
    )
    def animation(self, game_id: str) -> Response:
        """Return plies of a game as a moving picture."""
        query = read_query(AnimationQuery)
        game = self._store.get(game_id).record
        settings = AnimationSettings(width=WIDTHS[query.size], theme=query.theme, speed=float(query.speed))
        last = game.n_moves if query.last is None else query.last
        _check(query.first, last, game, settings)
        query = structs.replace(query, last=last)
        data = self._kept.get((game_id, query)) or self._make(game, query, settings)
        name = f"game-{game_id}-{query.first}-{last}.{query.format}"
        return _download(data, name, PICTURE_TYPES[query.format])

    def _make(self, game: GameRecord, query: AnimationQuery, settings: AnimationSettings) -> bytes:
        """Wait for a turn and make an animation; who asked for the same one meanwhile gets it as well.

        Only this is counted: whoever plays a video asks for many parts of it.
        """
        limits.check("animation", per_minute=20, burst=10)
        if not self._room.acquire(blocking=False):
            raise BusyError(f"{MAX_ANIMATIONS} animations are asked for already")
        try:
            if not self._turn.acquire(timeout=self._workers.patience):
                raise BusyError("another animation takes long")
            try:
                data = self._kept.get((game.id, query))
                if data is None:
                    data = self._animate(game, query, settings)
                    self._kept.keep((game.id, query), data)
                return data
            finally:
                self._turn.release()
        finally:
            self._room.release()

    def _animate(self, game: GameRecord, query: AnimationQuery, settings: AnimationSettings) -> bytes:
        """Have an animation made; the folder is ours, so that nothing stays when the worker is stopped."""
        with TemporaryDirectory(prefix="game2048-") as folder:
            path = Path(folder) / f"animation.{query.format}"
            look = {"width": settings.width, "theme": settings.theme, "speed": settings.speed}
            job = {"game": game.to_bytes(), "path": str(path), "kind": query.format, "settings": look}
            self._workers.run("animate", job | {"first": query.first, "last": query.last}, seconds=SECONDS)
            return path.read_bytes()


class Kept:
    """The results that were asked for last, so many bytes of them.

    Parameters
    ----------
    max_bytes : int
        How much is kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._results: OrderedDict[Any, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> bytes | None:
        """Return what is kept under a key, None where nothing is."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def keep(self, key: Any, result: bytes) -> None:
        """Keep a result, and forget as many old ones as it takes."""
        with self._lock:
            self._results[key] = result
            while sum(map(len, self._results.values())) > self._max_bytes:
                self._results.popitem(last=False)


def _check(first: int, last: int, game: GameRecord, settings: AnimationSettings) -> None:
    """Refuse a range that the game does not have, or that takes too long."""
    if not first <= last <= game.n_moves:
        raise UnprocessableEntity(
            f"The plies must be from 0 to {game.n_moves:,}, the first before the last, got {first:,} to {last:,}."
        )
    most = int((MAX_SECONDS - settings.hold) * 1000 * settings.speed / MOVE_MS)
    if last - first > most:
        raise UnprocessableEntity(
            f"At {settings.speed:g}x an animation has at most {most:,} plies, got {last - first:,}: "
            "choose fewer, or a higher speed."
        )


def _download(data: bytes, name: str, content_type: str) -> Response:
    """Answer with a file, a part of it if that is asked for: players of videos do."""
    response = Response(data, HTTPStatus.OK, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = CACHE
    response.set_etag(hashlib.sha256(__version__.encode() + data).hexdigest()[:32])
    response.make_conditional(request, accept_ranges=True, complete_length=len(data))
    return response
