"""The JSON interface to players and analyses.

============================  ==========================================================================================
GET /api/players              the players, the best first
GET /api/games/ID/analyses    the analyses of a game that are kept
GET /api/games/ID/analysis    an analysis as server-sent events, from what is kept to the end: ?player=&depth=
============================  ==========================================================================================
"""

from base64 import b64encode
from collections.abc import Generator
from contextlib import closing
from datetime import datetime
from itertools import chain
from typing import Annotated, Final

import msgspec
from flask import Blueprint, Response, request
from msgspec import Meta
from werkzeug.exceptions import BadRequest

from server.analysis import ROW, Analysis, analysis_key
from server.errors import BusyError, JobError, PlayerNotFoundError, TimeLimitError
from server.limits import expensive
from server.operations import answer, operation, read_query
from server.players import PlayerInfo, Players
from server.store import GameStore
from server.streams import Event, Streams
from server.workers import WorkerPool
from server.workers.tasks import TaskError

MAX_BLOCK: Final = 4096  # positions in one event


class PlayerList(msgspec.Struct, kw_only=True):
    """The players, n-tuple networks first, then policies, then the baselines."""

    players: list[PlayerInfo]


class KeptAnalysis(msgspec.Struct, kw_only=True):
    """An analysis that is kept."""

    player: str
    depth: int
    n_done: int
    """Positions that are done, of one more than the game has plies."""
    complete: bool
    updated_at: datetime


class AnalysisList(msgspec.Struct, kw_only=True):
    """The analyses of a game, the newest first; those by models that have changed since are left out."""

    analyses: list[KeptAnalysis]


class AnalysisQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who looks, and how far ahead."""

    player: Annotated[str, Meta(min_length=1, max_length=500, description="a name of /api/players")]
    depth: (
        Annotated[int, Meta(ge=0, le=5, description="moves to look ahead; the least at which the player judges")] | None
    ) = None


class AnalysisApi:
    """The views.

    Parameters
    ----------
    store : GameStore
    players : Players
    workers : WorkerPool
        Where players think.
    streams : Streams
        How many may listen at once.
    keeps : bool
        Whether analyses are kept.
    """

    def __init__(
        self, store: GameStore, players: Players, workers: WorkerPool, streams: Streams, *, keeps: bool = True
    ) -> None:
        self._store = store
        self._players = players
        self._workers = workers
        self._streams = streams
        self._keeps = keeps

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("analysis", __name__, url_prefix="/api")
        routes.add_url_rule("/players", "players", self.list_players, methods=["GET"])
        routes.add_url_rule("/games/<game_id>/analyses", "list", self.list_analyses, methods=["GET"])
        routes.add_url_rule("/games/<game_id>/analysis", "analysis", self.analyse, methods=["GET"])
        return routes

    @operation("List the players", answers={200: PlayerList})
    def list_players(self) -> Response:
        """Return who can play and judge games here."""
        return answer(PlayerList(players=[player.info for player in self._players.list()]))

    @operation("List the analyses of a game", answers={200: AnalysisList}, problems=(503,))
    def list_analyses(self, game_id: str) -> Response:
        """Return the analyses of a game that are kept, and still speak of the models that there are."""
        self._store.added_at(game_id)  # which says if there is no such game
        kept = []
        for summary in sorted(self._store.analyses.list(game_id), key=lambda one: one.updated_at, reverse=True):
            name, depth = summary.meta["player"], summary.meta["depth"]
            try:
                player = self._players.find(name)
            except PlayerNotFoundError:
                continue
            if analysis_key(player, depth) == summary.key:
                kept.append(
                    KeptAnalysis(
                        player=name,
                        depth=depth,
                        n_done=summary.n_done,
                        complete=summary.n_done == summary.meta["n_boards"],
                        updated_at=summary.updated_at,
                    )
                )
        return answer(AnalysisList(analyses=kept))

    @operation("Analyse a game", query=AnalysisQuery, answers={200: "text/event-stream"}, problems=(422, 429, 503))
    @expensive(per_minute=30, burst=20)
    def analyse(self, game_id: str) -> Response:
        """Stream the values of all moves of a game.

        Events: ``start`` (who looks, how far, how many positions there are), ``values`` (``from``, the number of the
        first position; ``unit``; ``values``, base64 of float32: up, right, down and left of each position), ``end``, or
        ``problem``.
        """
        query = read_query(AnalysisQuery)
        player = self._players.find(query.player)
        depth = player.judging_depth(query.depth)
        game = self._store.get(game_id).record
        analysis = Analysis(game=game, player=player, depth=depth, analyses=self._store.analyses, keeps=self._keeps)
        return self._streams.respond(self._events(analysis, _told_already(analysis.n_boards)))

    def _events(self, analysis: Analysis, told: int) -> Generator[Event | None, None, None]:
        """Tell what is done, then what comes."""
        info = analysis.player.info
        about = {"player": info.name, "title": info.title, "depth": analysis.depth}
        yield Event(name="start", data=about | {"n_boards": analysis.n_boards, "n_done": analysis.n_done})
        with closing(analysis.go_on(self._workers)) as work:
            try:
                for waits in chain([False], work):
                    if waits:
                        yield None
                    while told < analysis.n_done:
                        yield _values(analysis, told)
                        told = min(told + MAX_BLOCK, analysis.n_done)
            except (BusyError, TaskError, TimeLimitError, JobError) as error:
                yield Event(name="problem", data={"title": "The analysis stopped.", "detail": _reason(error)})
                return
        yield Event(name="end", id=told, data={})


def _reason(error: Exception) -> str:
    """Say in words for people why an analysis cannot go on; what failed in here is none of theirs."""
    if isinstance(error, BusyError):
        return "The server is busy. Try again soon."
    return str(error) if isinstance(error, TaskError) else "The player failed on the server."


def _values(analysis: Analysis, first: int) -> Event:
    """Tell the values of positions from one on; the id is how many are told then."""
    part = analysis.values[ROW * first : ROW * (first + MAX_BLOCK)]
    data = {"from": first, "unit": analysis.unit, "values": b64encode(part).decode("ascii")}
    return Event(name="values", id=first + len(part) // ROW, data=data)


def _told_already(n_boards: int) -> int:
    """Return how many positions a browser that comes back knows already."""
    text = request.headers.get("Last-Event-ID", "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= n_boards):
        raise BadRequest("Last-Event-ID must be the id of an event.")
    return int(text)
