"""The JSON interface to the games: list, fetch, add and delete them.

=======================  ===============================================================================================
GET /api/games           ``{"games": [...], "next": cursor or null, "writes": who may add and delete games}``;
                         `GamesQuery` is what may follow the question mark
GET /api/games/ID        the game as in `GameRecord.to_json`, and when it was added
POST /api/games          add a game, in any form that `game2048.formats` reads: 201, or 200 if it is there already
DELETE /api/games/ID     delete a game and its analyses: 204
GET /api/agents          ``{"agents": [{"name": ..., "games": number}, ...]}``, the busiest first
GET /api/health          ``{"status": "ok", "version": ..., "games": ...}``
=======================  ===============================================================================================

Errors are problem details (`server.problems`); of a game that is not legal, ``ply`` is the first wrong one.
"""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Final, Literal

from flask import Blueprint, Response, request, url_for
from msgspec import UNSET, Meta, Struct, UnsetType

from game2048 import __version__
from game2048.board import MAX_EXPONENT
from game2048.formats import parse_game
from game2048.record import MAX_AGENT_LENGTH, seed_to_json
from server.config import ServerConfig, Writes
from server.game_bodies import Game, GameBodies
from server.operations import Time, answer, operation, read_query
from server.security import check_upload, check_write
from server.store import MAX_PAGE, GameFilter, GameStore, GameSummary, Order, Sort

UPLOAD_TYPES: Final = ("application/json", "application/octet-stream")
MAX_POINTS: Final = 2**53 - 1  # what JavaScript holds
MAX_CURSOR: Final = 100  # characters

# Under its id a game never changes. Who played it and when it was added belong to this database, and the form of the
# JSON to this version: a browser asks again after a day.
GAME_CACHE: Final = "public, max-age=86400, immutable"

Points = Annotated[int, Meta(ge=0, le=MAX_POINTS)]


class GamesQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which games are listed, and in which order."""

    sort: Annotated[Sort, Meta(description="Games from set-up boards come last, except by date")] = "score"
    order: Order = "desc"
    agent: Annotated[str, Meta(max_length=MAX_AGENT_LENGTH, description="Who played")] | UnsetType = UNSET
    min_score: Points | UnsetType = UNSET
    max_score: Points | UnsetType = UNSET
    tile: Annotated[int, Meta(ge=2, le=1 << MAX_EXPONENT, description="Largest tile")] | UnsetType = UNSET
    since: Annotated[date, Meta(description="First day (UTC)")] | UnsetType = UNSET
    until: Annotated[date, Meta(description="Last day (UTC), included")] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50
    cursor: Annotated[str, Meta(max_length=MAX_CURSOR, description="next of the page before")] | UnsetType = UNSET

    def shown(self) -> GameFilter:
        """Return the filter."""
        names = ("agent", "min_score", "max_score", "tile", "since", "until")
        return GameFilter(**{name: value for name in names if (value := getattr(self, name)) is not UNSET})


class ListedGame(Struct, frozen=True, kw_only=True):
    """What the list tells of a game."""

    id: str
    agent: str
    score: int
    max_tile: int
    n_moves: int
    set_up: Literal[True] | UnsetType = UNSET
    seed: int | str | None
    created_at: Time
    board: Annotated[tuple[int, ...], Meta(min_length=16, max_length=16, description="Exponents of the last board")]


class GamesPage(Struct, frozen=True, kw_only=True):
    """Part of the list."""

    games: list[ListedGame]
    next: str | None
    writes: Writes


class AddedGame(Struct, frozen=True, kw_only=True):
    """What an upload turned out to be."""

    id: str
    score: int
    max_tile: int
    n_moves: int


class ListedAgent(Struct, frozen=True, kw_only=True):
    """Who played, and how many games."""

    name: str
    games: int


class Agents(Struct, frozen=True, kw_only=True):
    """Who played."""

    agents: list[ListedAgent]


class Health(Struct, frozen=True, kw_only=True):
    """That all is well."""

    status: Literal["ok"] = "ok"
    version: str
    games: int


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
        self._bodies = GameBodies(store, config.cached_games)

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("api", __name__, url_prefix="/api")
        routes.add_url_rule("/games", "games", self.list_games, methods=["GET"])
        routes.add_url_rule("/games", "add", self.add_game, methods=["POST"])
        routes.add_url_rule("/games/<game_id>", "game", self.get_game, methods=["GET"])
        routes.add_url_rule("/games/<game_id>", "delete", self.delete_game, methods=["DELETE"])
        routes.add_url_rule("/agents", "agents", self.list_agents, methods=["GET"])
        routes.add_url_rule("/health", "health", self.get_health, methods=["GET"])
        return routes

    @operation("List games", query=GamesQuery, answers={200: GamesPage}, problems=(503,))
    def list_games(self) -> Response:
        """Return a page of the list of games."""
        query = read_query(GamesQuery)
        cursor = None if query.cursor is UNSET else query.cursor
        page = self._store.page(query.shown(), sort=query.sort, order=query.order, limit=query.limit, cursor=cursor)
        games = [_listed(game) for game in page.games]
        return answer(GamesPage(games=games, next=page.next, writes=self._config.writes))

    @operation("Get a game", answers={200: Game, 304: None}, problems=(503,))
    def get_game(self, game_id: str) -> Response:
        """Return a game, compressed if the client takes it."""
        return self._bodies.get(game_id).respond(cache_control=GAME_CACHE)

    @operation(
        "Add a game",
        body=", ".join(UPLOAD_TYPES),
        answers={200: AddedGame, 201: AddedGame},
        problems=(401, 403, 413, 415, 422, 503),
    )
    def add_game(self) -> Response:
        """Replay an uploaded game and keep it if it is legal."""
        check_write(self._config)
        check_upload(UPLOAD_TYPES)
        record = parse_game(request.get_data(cache=False))
        game_id, created = self._store.add(record)
        added = AddedGame(id=game_id, score=record.score, max_tile=record.max_tile, n_moves=record.n_moves)
        response = answer(added, HTTPStatus.CREATED if created else HTTPStatus.OK)
        response.location = url_for("api.game", game_id=game_id)
        return response

    @operation("Delete a game and its analyses", answers={204: None}, problems=(401, 403, 503))
    def delete_game(self, game_id: str) -> Response:
        """Delete a game; whoever has fetched it may keep it for a day."""
        check_write(self._config)
        self._store.delete(game_id)
        self._bodies.forget()
        return Response(status=HTTPStatus.NO_CONTENT)

    @operation("List who played", answers={200: Agents}, problems=(503,))
    def list_agents(self) -> Response:
        """Return who played, the busiest first."""
        agents = [ListedAgent(name=agent.name, games=agent.n_games) for agent in self._store.agents()]
        return answer(Agents(agents=agents))

    @operation("Ask whether all is well", answers={200: Health}, problems=(503,))
    def get_health(self) -> Response:
        """Say that the server and its database answer."""
        return answer(Health(version=__version__, games=self._store.count()))


def _listed(game: GameSummary) -> ListedGame:
    """Return what the list tells of a game, with the names and values of the record's JSON."""
    return ListedGame(
        id=game.id,
        agent=game.agent,
        score=game.score,
        max_tile=game.max_tile,
        n_moves=game.n_moves,
        set_up=True if game.set_up else UNSET,
        seed=seed_to_json(game.seed),
        created_at=game.created_at,
        board=game.board,
    )
