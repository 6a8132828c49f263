"""Live play: a player's moves as they come, and its opinion of a position.

=====================  =================================================================================================
GET /api/live          a game played live, as server-sent events: ?player=&depth=&seed=&at=&pace=&moves=
GET /api/advice        what a player thinks of a position: ?player=&depth=&board=
=====================  =================================================================================================

Nothing is kept here between two requests, nor between two moves: where a game is, is said by its seed and the *state*
``DRAWN.BOARD``, the number of tiles that the seed has given so far and the 16 exponents in base 18. Every event has the
state after it as its id. So any server process can go on with a game that another one began, a browser comes back with
``Last-Event-ID``, and what a person does in between is for the page alone to know.
"""

import math
import time
from collections.abc import Generator, Iterator
from typing import Annotated, Any, Final

import msgspec
from flask import Blueprint, Response, request
from msgspec import Meta
from werkzeug.exceptions import BadRequest

from game2048.record import PLY_CHARACTERS
from server.errors import BusyError, JobError, TimeLimitError
from server.limits import expensive
from server.operations import answer, operation, read_query
from server.players import Players
from server.streams import Event, Streams
from server.workers import WorkerPool
from server.workers.tasks import TaskError

EVENT_SECONDS: Final = 0.1  # at a high pace, an event brings all moves of this time
AHEAD_SECONDS: Final = 2.0  # moves that one job makes, in the time that they take to be shown
MAX_BLOCK: Final = 256  # moves in one event
HEAD_START: Final = 4  # moves that come at once, in the beginning and after a worker was late
VALUES_PACE: Final = 20  # ms; faster, nobody can read what the player thinks
JOB_SECONDS: Final = 10.0  # one move of the slowest player takes less
ATTEMPTS: Final = 6  # when all workers are busy in the middle of a game

STATE: Final = r"^[0-9]{1,9}\.[0-9a-h]{16}$"
BOARD: Final = r"^[0-9a-h]{16}$"

PlayerName = Annotated[str, Meta(min_length=1, max_length=500, description="a name of /api/players")]
Depth = Annotated[int, Meta(ge=0, le=5, description="moves to look ahead; the player's own depth if not given")]


class LiveQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to play, and how fast."""

    player: PlayerName
    depth: Depth | None = None
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1, description="which tiles come")] = 0
    at: Annotated[str, Meta(pattern=STATE, description="state to go on from, else a new game")] | None = None
    pace: Annotated[int, Meta(ge=0, le=10_000, description="ms a move; 0 is as fast as it can")] = 300
    moves: Annotated[int, Meta(ge=1, le=100_000, description="moves to play at most")] = 100_000


class AdviceQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A position, and whom to ask."""

    player: PlayerName
    depth: Depth | None = None
    board: Annotated[str, Meta(pattern=BOARD, description="16 exponents in base 18, row by row")]


class Advice(msgspec.Struct, kw_only=True):
    """What a player thinks of a position."""

    player: str
    depth: int
    unit: str
    """What the values are: points, return, probability or nothing."""
    values: list[float | None]
    """Of moving up, right, down, left; null where nothing moves."""
    best: int | None
    """The move with the largest value; null where the game is over."""


class Live:
    """The views, and what they share.

    Parameters
    ----------
    players : Players
    workers : WorkerPool
        Where players think.
    streams : Streams
        How many may watch at once.
    """

    def __init__(self, players: Players, workers: WorkerPool, streams: Streams) -> None:
        self._players = players
        self._workers = workers
        self._streams = streams

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("live", __name__, url_prefix="/api")
        routes.add_url_rule("/live", "live", self.live, methods=["GET"])
        routes.add_url_rule("/advice", "advice", self.advice, methods=["GET"])
        return routes

    @operation(
        "Play a game live",
        query=LiveQuery,
        answers={200: "text/event-stream"},
        problems=(422, 429, 503),
    )
    @expensive(per_minute=60, burst=40)
    def live(self) -> Response:
        """Stream the moves of a player.

        Events: ``start`` (who plays, from which board), ``moves`` (``plies`` as in a record, ``values`` of the moves
        before each where there is time to read them), ``end`` (whether the game is over), or ``problem``.
        """
        query = read_query(LiveQuery)
        player = self._players.find(query.player)
        depth = player.depth(query.depth)
        state = _state(request.headers.get("Last-Event-ID"), query)
        job = {"player": player.job(), "depth": depth, "seed": query.seed}
        begun = self._play(job, *state, 0)  # what cannot begin is refused before the answer begins
        about = {"player": query.player, "title": player.info.title, "depth": depth, "unit": begun["unit"]}
        return self._streams.respond(self._events(job, about, query, *state))

    @operation("Ask a player for the best move", query=AdviceQuery, answers={200: Advice}, problems=(422, 429, 503))
    @expensive(per_minute=240, burst=60)
    def advice(self) -> Response:
        """Return what a player thinks of the four moves of a position."""
        query = read_query(AdviceQuery)
        player = self._players.find(query.player)
        depth = player.depth(query.depth)
        job = {"player": player.job(), "depth": depth, "board": _exponents(query.board)}
        told = self._workers.run("advise", job, seconds=JOB_SECONDS)
        legal = [action for action, value in enumerate(told["values"]) if value is not None]
        best = max(legal, key=lambda action: told["values"][action], default=None)
        return answer(Advice(player=query.player, depth=depth, unit=told["unit"], values=told["values"], best=best))

    def _events(
        self, job: dict[str, Any], about: dict[str, Any], query: LiveQuery, drawn: int, board: bytes
    ) -> Generator[Event | None, None, None]:
        """Play, and tell of it at the pace that was asked for."""
        yield Event(name="start", id=_written(drawn, board), data=about | {"board": list(board), "drawn": drawn})
        pace, left = query.pace / 1000, query.moves
        ahead = max(1, min(MAX_BLOCK, int(AHEAD_SECONDS / pace))) if pace else MAX_BLOCK
        due, over = time.monotonic() - HEAD_START * pace, False
        while left and not over:
            block = yield from self._patiently(job, drawn, board, min(left, ahead))
            if block is None:
                return
            for event in _told(block, drawn, query.pace):
                time.sleep(max(0.0, due - time.monotonic()))
                due = max(due, time.monotonic() - HEAD_START * pace)
                due += pace * len(event.data["plies"]) or EVENT_SECONDS
                yield event
            left, over = left - len(block["plies"]), block["over"]
            drawn, board = drawn + len(block["plies"]), block["boards"][-16:] or board
        yield Event(name="end", id=_written(drawn, board), data={"over": over})

    def _patiently(
        self, job: dict[str, Any], drawn: int, board: bytes, moves: int
    ) -> Generator[Event | None, None, Any]:
        """Play some moves, waiting for a worker; where that fails, say so and return None."""
        reason = "The server is busy. Try again soon."
        for _ in range(ATTEMPTS):
            try:
                return self._play(job, drawn, board, moves)
            except BusyError:
                yield None
            except (TimeLimitError, JobError, TaskError) as error:
                reason = str(error) if isinstance(error, TaskError) else "The player failed on the server."
                break
        yield Event(name="problem", id=_written(drawn, board), data={"title": "The game stopped.", "detail": reason})
        return None

    def _play(self, job: dict[str, Any], drawn: int, board: bytes, moves: int) -> Any:
        """Let a worker play some moves."""
        return self._workers.run("play", job | {"drawn": drawn, "board": board, "moves": moves}, seconds=JOB_SECONDS)


def _told(block: dict[str, Any], drawn: int, pace: int) -> Iterator[Event]:
    """Cut a block of moves into events, one for each move or, where they are fast, for many."""
    n = math.ceil(EVENT_SECONDS * 1000 / pace) if pace else MAX_BLOCK
    for first in range(0, len(block["plies"]), n):
        plies = block["plies"][first : first + n]
        last = first + len(plies)
        data: dict[str, Any] = {"plies": "".join(PLY_CHARACTERS[code] for code in plies)}
        if pace >= VALUES_PACE:
            data["values"] = block["values"][first:last]
        state = _written(drawn + last, block["boards"][16 * last - 16 : 16 * last])
        yield Event(name="moves", id=state, data=data)


def _state(last_id: str | None, query: LiveQuery) -> tuple[int, bytes]:
    """Return the tiles drawn and the board that a game goes on from."""
    if last_id is not None:
        try:
            last_id = msgspec.convert(last_id, Annotated[str, Meta(pattern=STATE)])
        except msgspec.ValidationError:
            raise BadRequest("Last-Event-ID must be the id of an event.") from None
    text = last_id or query.at
    if text is None:
        return 2, _start(query.seed)
    drawn, _, board = text.partition(".")
    return int(drawn), _exponents(board)


def _start(seed: int) -> bytes:
    """Return the board that the game of a seed begins with."""
    from game2048.game import Game

    return Game(seed).board.tobytes()


def _exponents(board: str) -> bytes:
    """Read a board.

    >>> list(_exponents("0123456789abcdef")) == list(range(16))
    True
    """
    return bytes(int(digit, 18) for digit in board)


def _written(drawn: int, board: bytes) -> str:
    """Write a state."""
    return f"{drawn}." + "".join("0123456789abcdefgh"[exponent] for exponent in board)
