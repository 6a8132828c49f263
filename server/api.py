"""The JSON interface: list, fetch and add games.

=====================  =================================================================================================
GET /api/games         ``{"games": [...], "next": cursor or null, "uploads": whether a page may upload}``, best score
                       first, games from boards that were set up (``"set_up": true``) last; ?limit=&cursor=
GET /api/games/ID      the game as in `GameRecord.to_json`, and when it was added
POST /api/games        add a game, in our form or the hobby form: 201, or 200 if it is there already
GET /api/health        ``{"status": "ok", "version": ..., "games": ...}``
=====================  =================================================================================================

Errors are problem details (`server.problems`); of a game that is not legal, ``ply`` is the first wrong one.
"""

import re
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest

from game2048 import __version__
from game2048.formats import parse_game
from game2048.record import seed_to_json
from server.body import Body
from server.config import ServerConfig
from server.security import check_write
from server.store import MAX_PAGE, GameStore, GameSummary

# Under its id a game never changes, but who played it and when it was added belong to this database, and the form of
# the JSON to this version: for a day nobody has to ask, and whoever reloads the page does.
GAME_CACHE: Final = "public, max-age=86400"
DEFAULT_PAGE: Final = 50


class Api:
    """The views, and what they share.

    Parameters
    ----------
    store : GameStore
        The games.
    config : ServerConfig
        Who may write, and how many games are kept compressed.
    """

    def __init__(self, store: GameStore, config: ServerConfig) -> None:
        self._store = store
        self._config = config
        self._game_body = lru_cache(maxsize=config.cached_games)(self._make_game_body)

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("api", __name__, url_prefix="/api")
        routes.add_url_rule("/games", "games", self.list_games, methods=["GET"])
        routes.add_url_rule("/games", "add", self.add_game, methods=["POST"])
        routes.add_url_rule("/games/<game_id>", "game", self.get_game, methods=["GET"])
        routes.add_url_rule("/health", "health", self.get_health, methods=["GET"])
        return routes

    def list_games(self) -> Response:
        """Return a page of the list of games, best score first."""
        page = self._store.page(limit=_limit(request.args.get("limit")), cursor=request.args.get("cursor"))
        games = [_listed(game) for game in page.games]
        return _json({"games": games, "next": page.next, "uploads": self._config.page_uploads})

    def get_game(self, game_id: str) -> Response:
        """Return a game, compressed if the client takes it."""
        return self._game_body(game_id).respond(cache_control=GAME_CACHE)

    def add_game(self) -> Response:
        """Replay an uploaded game and keep it if it is legal."""
        check_write(self._config)
        record = parse_game(request.get_data(cache=False))
        game_id, created = self._store.add(record)
        answer = {"id": game_id, "score": record.score, "max_tile": record.max_tile, "n_moves": record.n_moves}
        response = _json(answer, HTTPStatus.CREATED if created else HTTPStatus.OK)
        response.location = url_for("api.game", game_id=game_id)
        return response

    def get_health(self) -> Response:
        """Say that the server and its database answer."""
        return _json({"status": "ok", "version": __version__, "games": self._store.count()})

    def _make_game_body(self, game_id: str) -> Body:
        """Read a game and write it as JSON."""
        game = self._store.get(game_id)
        values = game.record.to_json() | {"created_at": shown_time(game.created_at)}
        return Body.of(msgspec.json.encode(values), "application/json")


def _json(values: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    """Answer with JSON that may change at any time."""
    response = Response(msgspec.json.encode(values), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _listed(game: GameSummary) -> dict[str, Any]:
    """Return what the list tells of a game, with the names and values of the record's JSON."""
    values = asdict(game) | {"seed": seed_to_json(game.seed), "created_at": shown_time(game.created_at)}
    if not game.set_up:
        del values["set_up"]
    return values


def _limit(text: str | None) -> int:
    """Read the number of games that a page is to hold."""
    if text is None:
        return DEFAULT_PAGE
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_PAGE:
        raise BadRequest(f"limit must be an integer from 1 to {MAX_PAGE}.")
    return int(text)


def shown_time(time: datetime) -> str:
    """Write a time in UTC as in ISO 8601, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
