"""Live games: the moves of a player as they come, from any position, by any server; and its advice."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from agents.checkpoint import save_learner
from agents.players import load_player
from agents.td import TDLearner
from game2048 import Game, GameRecord
from game2048.record import PLY_CHARACTERS
from nets.files import write_json
from server import GameStore, ServerConfig, create_app, live, problems
from server.errors import BusyError, JobError, TimeLimitError
from server.limits import RateLimits
from server.live import Live, LiveQuery
from server.players import Players
from server.runs import Runs
from server.streams import Event, Streams
from server.workers import WorkerPool
from server.workers.playing import advise, play
from server.workers.tasks import TaskError

START = "2.0000000001010000"  # of seed 7
DEAD = "1212212112122121"
PLAYER = {"player": Players(Runs(None)).find("greedy").job(), "depth": 0}


class InThisProcess(WorkerPool):
    """Does jobs at once; `failures` are raised by the first of them that are to make moves."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__(1)
        self.failures = list(failures)
        self.moves: list[int] = []

    def run(self, task: str, arguments: dict[str, Any], *, seconds: float) -> Any:
        if arguments.get("moves") and self.failures:
            raise self.failures.pop(0)
        self.moves.append(arguments.get("moves", 0))
        (result,) = {"advise": advise, "play": play}[task](arguments, lambda: None)
        return result


def app_with(pool: WorkerPool, streams: Streams | None = None) -> Flask:
    """Make an app of live games alone."""
    app = Flask("live")
    problems.register(app)
    app.extensions["rate_limits"] = RateLimits(enabled=False)
    app.register_blueprint(Live(Players(Runs(None)), pool, streams or Streams()).blueprint())
    return app


@pytest.fixture
def client() -> FlaskClient:
    """A client of a server without worker processes."""
    return app_with(InThisProcess()).test_client()


def watch(client: FlaskClient, query: str = "", last_id: str | None = None) -> list[Event]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    with client.get(f"/api/live?player=greedy&pace=0{query}", headers=headers) as response:
        assert response.status_code == 200, response.json
        assert response.content_type == "text/event-stream; charset=utf-8"
        return events_of(response.text)


def events_of(body: str) -> list[Event]:
    """Read server-sent events back."""
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in body.strip().split("\n\n")]
    return [Event(name=block["event"], id=block["id"], data=json.loads(block["data"])) for block in blocks]


def plies_of(told: list[Event]) -> str:
    return "".join(event.data["plies"] for event in told if event.name == "moves")


def record_of(seed: int, plies: str) -> GameRecord:
    codes = np.array([PLY_CHARACTERS.index(ply) for ply in plies], np.uint8)
    return GameRecord(start=Game(seed).board, plies=codes, seed=seed)


# --- a game ---


def test_a_whole_game_is_the_game_of_its_seed(client: FlaskClient) -> None:
    """With the same moves, `Game` gives the same tiles."""
    told = watch(client, "&seed=7")

    record, game = record_of(7, plies_of(told)), Game(7)
    for action in record.actions.tolist():
        game.play(action)
    assert game.is_over
    assert game.record() == record
    assert [event.name for event in told[:2]] == ["start", "moves"]
    assert told[0].id == START
    assert told[0].data["unit"] == "points"
    assert (told[-1].name, told[-1].data) == ("end", {"over": True})


def test_the_same_seed_is_the_same_game_and_another_is_another(client: FlaskClient) -> None:
    games = [plies_of(watch(client, f"&seed={seed}")) for seed in (1, 1, 2)]

    assert games[0] == games[1] != games[2]


def test_a_game_ends_after_as_many_moves_as_were_asked_for(client: FlaskClient) -> None:
    told = watch(client, "&seed=7&moves=5")

    assert len(plies_of(told)) == 5
    assert told[-1].data == {"over": False}
    assert told[-1].id == told[-2].id


def test_every_event_has_the_state_after_it_as_its_id(client: FlaskClient) -> None:
    told = watch(client, "&seed=7&moves=90")
    record = record_of(7, plies_of(told))

    n = 0
    for event in told[1:]:
        n += len(event.data.get("plies", ""))
        board = "".join("0123456789abcdefgh"[exponent] for exponent in record.boards[n].flat)
        assert event.id == f"{2 + n}.{board}"


def test_any_server_goes_on_where_another_was_cut_off(client: FlaskClient) -> None:
    """By the id of the last event alone: nothing is kept between requests."""
    whole = plies_of(watch(client, "&seed=3"))
    first = watch(client, "&seed=3&moves=40")
    other = app_with(InThisProcess()).test_client()

    rest = watch(other, "&seed=3", last_id=first[-1].id)

    assert plies_of(first) + plies_of(rest) == whole


def test_the_state_in_the_address_counts_until_an_event_has_come(client: FlaskClient) -> None:
    whole = plies_of(watch(client, "&seed=3&moves=60"))
    middle = watch(client, "&seed=3&moves=20")[-1].id
    later = watch(client, "&seed=3&moves=30")[-1].id

    assert plies_of(watch(client, f"&seed=3&moves=40&at={middle}")) == whole[20:]
    assert plies_of(watch(client, f"&seed=3&moves=30&at={middle}", last_id=later)) == whole[30:]


def test_a_game_that_is_over_ends_at_once(client: FlaskClient) -> None:
    told = watch(client, f"&at=90.{DEAD}")

    assert [(event.name, event.data.get("over")) for event in told] == [("start", None), ("end", True)]


def test_tiles_above_32768_are_played_on(client: FlaskClient) -> None:
    told = watch(client, "&at=30000.gffe000000010002&moves=30")

    assert len(plies_of(told)) == 30
    assert "h" in str(told[-1].id)  # 32768 twice, then 65536 twice


# --- its pace ---


def test_a_pace_spaces_the_moves_and_tells_what_the_player_thought(client: FlaskClient) -> None:
    """Four moves come at once, so that there is something to show."""
    begun = time.perf_counter()
    response = client.get("/api/live?player=greedy&seed=7&moves=12&pace=60")
    told = [event for event in events_of(response.text) if event.name == "moves"]

    assert 0.3 < time.perf_counter() - begun < 1
    assert [len(event.data["plies"]) for event in told] == [2] * 6
    assert all(len(values) == 4 for event in told for values in event.data["values"])


def test_slow_moves_come_one_by_one_and_fast_ones_in_blocks() -> None:
    block = {"plies": bytes(range(10)), "values": [[0.0] * 4] * 10, "boards": bytes(160)}

    told = {pace: [len(event.data["plies"]) for event in live._told(block, 0, pace)] for pace in (300, 100, 40, 0)}

    assert told == {300: [1] * 10, 100: [1] * 10, 40: [3, 3, 3, 1], 0: [10]}


def test_no_more_moves_are_made_ahead_than_are_soon_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.live.time.sleep", lambda _: None)
    pool = InThisProcess()

    app_with(pool).test_client().get("/api/live?player=greedy&moves=12&pace=250").get_data()

    assert pool.moves == [0, 8, 4]


# --- when it cannot go on ---


def stream(*failures: Exception) -> list[Event | None]:
    """Play a few moves with a pool that fails."""
    views = Live(Players(Runs(None)), InThisProcess(*failures), Streams())
    query = LiveQuery(player="greedy", pace=0, moves=5)
    return list(views._events(PLAYER | {"seed": 7}, {"player": "greedy"}, query, 2, Game(7).board.tobytes()))


def test_a_busy_moment_in_a_game_is_waited_for() -> None:
    told = stream(BusyError("busy"), BusyError("busy"))

    assert [event and event.name for event in told] == ["start", None, None, "moves", "end"]


@pytest.mark.parametrize(
    ("failures", "words"),
    [
        ([BusyError("busy")] * 6, "The server is busy"),
        ([JobError("secret")], "The player failed"),
        ([TimeLimitError("late")], "The player failed"),
        ([TaskError("the model has gone")], "the model has gone"),
    ],
)
def test_what_ends_a_game_is_told_in_the_stream(failures: list[Exception], words: str) -> None:
    told = [event for event in stream(*failures) if event is not None]

    assert [event.name for event in told] == ["start", "problem"]
    assert words in told[-1].data["detail"]
    assert told[-1].id == START


def test_too_many_streams_are_refused(client: FlaskClient) -> None:
    full = app_with(InThisProcess(), Streams(1)).test_client()
    first = full.get("/api/live?player=greedy&pace=1000", buffered=False)

    refused = full.get("/api/live?player=greedy&pace=1000")
    first.close()
    again = full.get("/api/live?player=greedy&pace=0&moves=1")

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 400, "player"),
        ("player=nobody", 404, "nobody"),
        ("player=../../etc/passwd", 404, "passwd"),
        ("player=greedy&depth=1", 400, "depth"),
        ("player=greedy&depth=x", 400, "depth"),
        ("player=greedy&at=2.0", 400, "at"),
        ("player=greedy&at=2.000000000101000i", 400, "at"),
        ("player=greedy&at=-2.0000000001010000", 400, "at"),
        ("player=greedy&seed=-1", 400, "seed"),
        ("player=greedy&seed=9007199254740992", 400, "seed"),
        ("player=greedy&pace=-1", 400, "pace"),
        ("player=greedy&pace=nan", 400, "pace"),
        ("player=greedy&moves=0", 400, "moves"),
        ("player=greedy&more=1", 400, "more"),
    ],
)
def test_a_wrong_wish_is_refused_with_words(client: FlaskClient, query: str, status: int, words: str) -> None:
    response = client.get(f"/api/live?{query}")

    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert words in response.json["detail"]


@pytest.mark.parametrize("last_id", ["x", "2.0", START + "0", "9999999999" + START])
def test_an_id_of_no_event_is_refused(client: FlaskClient, last_id: str) -> None:
    response = client.get("/api/live?player=greedy", headers={"Last-Event-ID": last_id})

    assert response.status_code == 400
    assert "Last-Event-ID" in response.json["detail"]


# --- advice ---


def test_advice_is_what_the_player_thinks_of_four_moves(client: FlaskClient) -> None:
    advice = client.get("/api/advice?player=greedy&board=1100220000000000").json

    assert advice == {"player": "greedy", "depth": 0, "unit": "points", "values": [None, 12.0, 0.0, 12.0], "best": 1}


def test_there_is_no_best_move_where_there_is_none(client: FlaskClient) -> None:
    for board in (DEAD, "0" * 16):
        advice = client.get(f"/api/advice?player=random&board={board}").json
        assert (advice["values"], advice["best"]) == ([None] * 4, None)


@pytest.mark.parametrize(
    "query", ["board=0", "board=" + "0" * 17, "board=" + "i" * 16, "", "board=" + "0" * 16 + "&x=1"]
)
def test_advice_needs_a_board(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/advice?player=greedy&{query}").status_code == 400


# --- with real worker processes ---


@pytest.fixture
def app(store: GameStore) -> Iterator[Flask]:
    app = create_app(ServerConfig(runs=None), store=store)
    yield app
    app.extensions["workers"].close()


def test_the_server_plays_and_advises_in_its_worker_processes(app: Flask) -> None:
    client = app.test_client()

    told = watch(client, "&seed=7")
    advice = client.get("/api/advice?player=monte-carlo&board=1100220000000000").json

    assert record_of(7, plies_of(told)).n_moves > 50
    assert told[-1].data == {"over": True}
    assert advice["unit"] == "points"
    assert app.extensions["streams"].open == 0


def test_a_client_that_opens_games_without_end_is_told_to_wait(app: Flask) -> None:
    client = app.test_client()
    answers = [client.get("/api/live?player=nobody").status_code for _ in range(60)]

    assert answers[0] == 404
    assert answers[-1] == 429


@pytest.mark.slow
def test_a_trained_player_plays_the_game_that_it_plays_elsewhere(store: GameStore, tmp_path: Path) -> None:
    learner = TDLearner(seed=1)
    learner.train(200)
    save_learner(learner, tmp_path / "tuples")
    write_json(tmp_path / "tuples" / "settings.json", {"algorithm": "td"})
    app = create_app(ServerConfig(runs=tmp_path), store=store)

    with app.test_client().get("/api/live?player=tuples&seed=7&pace=0") as response:
        plies = plies_of(events_of(response.text))
    app.extensions["workers"].close()

    expected = load_player(tmp_path / "tuples").play_game(7)
    assert plies == "".join(PLY_CHARACTERS[code] for code in expected.plies.tolist())
