"""Analyses of games: streamed, kept, gone on with; and the players that make them."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from agents.checkpoint import save_learner
from agents.td import TDLearner
from game2048 import GameRecord
from game2048.board import pack
from nets.files import write_json
from server import GameStore, ServerConfig, analysis, create_app
from server.analysis import Analysis, analysis_key
from server.analysis_api import AnalysisApi
from server.errors import BusyError, DepthError, JobError, PlayerNotFoundError, TimeLimitError
from server.limits import RateLimits
from server.players import Players
from server.runs import Runs
from server.streams import Streams
from server.workers import WorkerPool
from server.workers.analysing import analyse
from server.workers.tasks import TaskError
from server.workers.thinking import choose_action, load_thinker
from tests.game2048.games import NEARLY_65536, greedy, record_game

MONTE_CARLO = Players(Runs(None)).find("monte-carlo")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an n-tuple network that has learned a little, and what is no player."""
    folder = tmp_path_factory.mktemp("runs")
    learner = TDLearner(seed=1)
    learner.train(20)
    save_learner(learner, folder / "tuples")
    write_json(folder / "tuples" / "settings.json", {"algorithm": "td"})
    write_json(folder / "broken" / "settings.json", {})
    (folder / "broken" / "checkpoint.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0not JSON at all!")
    (folder / "linked").mkdir()
    write_json(folder / "linked" / "settings.json", {})
    (folder / "linked" / "checkpoint.safetensors").symlink_to(folder / "tuples" / "checkpoint.safetensors")
    return folder


@pytest.fixture
def config(runs: Path) -> ServerConfig:
    return ServerConfig(runs=runs, rate_limits=False)


@pytest.fixture
def app(config: ServerConfig, store: GameStore) -> Iterator[Flask]:
    app = create_app(config, store=store)
    yield app
    app.extensions["workers"].close()


@pytest.fixture(scope="module")
def short_game() -> GameRecord:
    return record_game(seed=3, policy=greedy, max_moves=40)


class InThisProcess(WorkerPool):
    """Does jobs at once, and counts them; stops when it was told to."""

    def __init__(self, limit: int = 10**9) -> None:
        super().__init__(1)
        self.jobs = 0
        self.limit = limit

    def run(self, task: str, arguments: dict[str, object], *, seconds: float) -> object:
        if self.jobs == self.limit:
            raise TaskError("no more")
        self.jobs += 1
        assert task == "analyse"
        (result,) = analyse(arguments, lambda: None)
        return result


def events(client: FlaskClient, path: str, **headers: str) -> list[tuple[str, str | None, dict[str, object]]]:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.json
    assert response.content_type.startswith("text/event-stream")
    found = []
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
    return found


def values_of(told: list[tuple[str, str | None, dict[str, object]]]) -> np.ndarray:
    parts = [b64decode(str(data["values"])) for name, _, data in told if name == "values"]
    return np.frombuffer(b"".join(parts), "<f4").reshape(-1, 4)


class Failing(WorkerPool):
    """Refuses every job in the same way, and counts."""

    def __init__(self, error: Exception) -> None:
        super().__init__(1)
        self.error = error
        self.jobs = 0

    def run(self, task: str, arguments: dict[str, object], *, seconds: float) -> object:
        self.jobs += 1
        raise self.error


# --- players ---


def test_players_are_the_trained_models_and_the_baselines(client: FlaskClient) -> None:
    """What is no model, damaged, or a link, is left out."""
    players = client.get("/api/players").json["players"]

    assert [player["name"] for player in players] == ["tuples", "monte-carlo", "greedy", "random"]
    assert players[0]["kind"] == "n-tuple"
    assert players[0]["title"] == "tuples: n-tuple network, 20 games"
    assert [player["judge_depth"] for player in players] == [1, 0, None, None]


def test_players_are_found_by_name_only(runs: Path) -> None:
    players = Players(Runs(runs))

    assert players.find("tuples").folder == runs / "tuples"
    for name in ("", ".", "..", "../tuples", str(runs / "tuples"), "linked", "broken", "Tuples"):
        with pytest.raises(PlayerNotFoundError, match="there is no player"):
            players.find(name)


def test_depths_are_those_that_a_player_has(runs: Path) -> None:
    tuples, random = Players(Runs(runs)).find("tuples"), Players(Runs(runs)).find("random")

    assert (tuples.depth(None), tuples.depth(3), tuples.judging_depth(None), random.depth(None)) == (1, 3, 1, 0)
    for wrong in (0, 4, -1):
        with pytest.raises(DepthError, match=f"from 1 to 3, got {wrong}"):
            tuples.depth(wrong)
    with pytest.raises(DepthError, match="'random' has no values by which moves can be judged"):
        random.judging_depth(None)


# --- thinking ---


def test_a_thinker_values_legal_moves_only(runs: Path, short_game: GameRecord) -> None:
    boards = short_game.boards.reshape(-1, 16)
    blocked = np.array([1, 2, 1, 2, 2, 1, 2, 1, 1, 2, 1, 2, 2, 1, 2, 1], np.uint8)

    for player in Players(Runs(runs)).list():
        for depth in range(player.info.min_depth, player.info.max_depth + 1):
            values = load_thinker(player.job(), depth).move_values(np.vstack([boards[:3], blocked]))

            assert values.shape == (4, 4)
            assert np.isnan(values[3]).all()
            assert all(np.isfinite(values[ply, short_game.actions[ply]]) for ply in range(3))


def test_an_ntuple_thinker_finds_what_its_agent_finds(runs: Path, short_game: GameRecord) -> None:
    from agents.checkpoint import load_agent
    from agents.ntuple_search import NTupleSearchAgent
    from game2048 import Game

    network = load_agent(runs / "tuples").values
    player = Players(Runs(runs)).find("tuples")
    for depth in (1, 2):
        thinker, agent = load_thinker(player.job(), depth), NTupleSearchAgent(network, depth=depth)
        board = short_game.boards[20]

        expected = agent.move_values(Game(0, board=board))
        np.testing.assert_allclose(
            thinker.move_values(board.reshape(1, 16))[0], np.where(np.isinf(expected), np.nan, expected)
        )


def test_the_same_board_has_the_same_rollouts() -> None:
    thinker = load_thinker(MONTE_CARLO.job(), 0)
    board = np.array(NEARLY_65536, np.uint8).reshape(1, 16)[:, ::-1].copy()

    first = thinker.move_values(board)

    np.testing.assert_array_equal(thinker.move_values(np.vstack([board, board])), np.vstack([first, first]))
    assert np.nanargmax(first) in (1, 3)  # to merge the two 8192
    assert pack(board[0])[0] >= 2**63  # a board that is no seed as it is


def test_equal_moves_are_drawn_from() -> None:
    values = np.array([5.0, np.nan, 5.0, 1.0])

    assert {choose_action(values, seed) for seed in range(30)} == {0, 2}
    assert choose_action(np.full(4, np.nan), 0) == -1


def test_a_model_that_went_is_refused_without_a_word_of_its_place(runs: Path, tmp_path: Path) -> None:
    job = Players(Runs(runs)).find("tuples").job() | {"folder": str(tmp_path), "version": "other"}

    with pytest.raises(TaskError, match=r"^the model of 'tuples' cannot be used: its file is damaged or has gone$"):
        load_thinker(job, 1)


# --- analyses ---


def test_an_analysis_is_done_in_a_worker_process_and_kept(
    client: FlaskClient, store: GameStore, short_game: GameRecord
) -> None:
    """The values are those of the player, for the board before each ply and the last one."""
    store.add(short_game)
    path = f"/api/games/{short_game.id}/analysis?player=tuples&depth=2"

    told = events(client, path)

    assert told[0][0] == "start"
    assert told[-1][:2] == ("end", "41")
    assert told[0][2] == {
        "player": "tuples", "title": "tuples: n-tuple network, 20 games", "depth": 2, "n_boards": 41, "n_done": 0,
    }  # fmt: skip
    player = client.application.extensions["players"].find("tuples")
    expected = load_thinker(player.job(), 2).move_values(short_game.boards.reshape(-1, 16))
    np.testing.assert_allclose(values_of(told), expected, rtol=1e-6)
    (kept,) = client.get(f"/api/games/{short_game.id}/analyses").json["analyses"]
    assert (kept["player"], kept["depth"], kept["n_done"], kept["complete"]) == ("tuples", 2, 41, True)
    again = events(client, path)
    assert again[0][2]["n_done"] == 41
    np.testing.assert_array_equal(values_of(again), values_of(told))


def test_an_analysis_goes_on_where_it_was_broken_off(store: GameStore, short_game: GameRecord) -> None:
    """What a job has done is kept even if the next one fails, and no position is valued twice."""
    store.add(short_game)
    whole = Analysis(game=short_game, player=MONTE_CARLO, depth=0, analyses=store.analyses, keeps=False)
    list(whole.go_on(InThisProcess()))
    parts = Analysis(game=short_game, player=MONTE_CARLO, depth=0, analyses=store.analyses)
    parts.values += whole.values[: 16 * 10]
    parts.unit = "points"
    with pytest.raises(TaskError, match="no more"):
        list(parts.go_on(InThisProcess(limit=0)))

    resumed = Analysis(game=short_game, player=MONTE_CARLO, depth=0, analyses=store.analyses)

    assert (resumed.n_done, resumed.unit) == (10, "points")
    list(resumed.go_on(InThisProcess()))
    assert resumed.values == whole.values
    assert store.analyses.get(short_game.id, analysis_key(MONTE_CARLO, 0)) == bytes(whole.values)
    idle = InThisProcess()
    list(Analysis(game=short_game, player=MONTE_CARLO, depth=0, analyses=store.analyses).go_on(idle))
    assert idle.jobs == 0


def test_a_job_lasts_a_moment_whatever_the_game(monkeypatch: pytest.MonkeyPatch, short_game: GameRecord) -> None:
    monkeypatch.setattr("server.workers.analysing.SECONDS", 0.0)
    arguments = {"player": MONTE_CARLO.job(), "depth": 0, "boards": short_game.boards.tobytes()}

    (result,) = analyse(arguments, lambda: None)

    assert len(result["values"]) == 16  # the first position, which always comes
    assert result["unit"] == "points"


def test_a_visitor_who_leaves_loses_nothing(app: Flask, store: GameStore, short_game: GameRecord) -> None:
    store.add(short_game)
    work = Analysis(game=short_game, player=MONTE_CARLO, depth=0, analyses=store.analyses)
    steps = work.go_on(InThisProcess())

    next(steps)
    steps.close()

    assert work.n_done > 0
    assert len(store.analyses.get(short_game.id, analysis_key(MONTE_CARLO, 0)) or b"") == 16 * work.n_done


def test_a_browser_that_comes_back_hears_only_what_is_new(
    client: FlaskClient, store: GameStore, short_game: GameRecord
) -> None:
    store.add(short_game)
    path = f"/api/games/{short_game.id}/analysis?player=monte-carlo"
    whole = values_of(events(client, path))

    told = events(client, path, **{"Last-Event-ID": "30"})

    assert told[1][2]["from"] == 30
    np.testing.assert_array_equal(values_of(told), whole[30:])
    for wrong in ("42", "-1", "x", "9" * 20, "٣"):
        assert client.get(path, headers={"Last-Event-ID": wrong.encode().decode("latin-1")}).status_code == 400


@pytest.mark.parametrize(
    ("error", "reason", "jobs"),
    [
        (BusyError("all workers are busy"), "The server is busy. Try again soon.", analysis.ATTEMPTS),
        (JobError("the task 'analyse' failed: KeyError"), "The player failed on the server.", 1),
        (TimeLimitError("the job took too long"), "The player failed on the server.", 1),
    ],
)
def test_an_analysis_waits_for_a_worker_and_then_says_what_is_wrong(
    store: GameStore, short_game: GameRecord, error: Exception, reason: str, jobs: int
) -> None:
    """While it waits there are heartbeats; what happened in here stays in here."""
    store.add(short_game)
    workers = Failing(error)
    players, streams = Players(Runs(None)), Streams(1)
    app = Flask(__name__)
    app.extensions["rate_limits"] = RateLimits(enabled=False)
    app.register_blueprint(AnalysisApi(store, players, workers, streams).blueprint())

    with app.test_client().get(f"/api/games/{short_game.id}/analysis?player=monte-carlo") as response:
        text = response.text

    assert text.count(": still here") == jobs - 1
    assert workers.jobs == jobs
    assert f'"detail":"{reason}"' in text
    assert streams.open == 0


def test_only_so_many_analyses_of_a_game_are_kept(
    monkeypatch: pytest.MonkeyPatch, store: GameStore, short_game: GameRecord
) -> None:
    monkeypatch.setattr(analysis, "MAX_KEPT", 1)
    store.add(short_game)
    for name in ("monte-carlo", "greedy"):
        player = Players(Runs(None)).find(name)
        list(Analysis(game=short_game, player=player, depth=0, analyses=store.analyses).go_on(InThisProcess()))

    assert [kept.meta["player"] for kept in store.analyses.list(short_game.id)] == ["monte-carlo"]


def test_nothing_is_kept_by_a_server_that_only_reads(runs: Path, store: GameStore, short_game: GameRecord) -> None:
    store.add(short_game)
    app = create_app(ServerConfig(runs=runs, read_only=True, rate_limits=False), store=store)

    told = events(app.test_client(), f"/api/games/{short_game.id}/analysis?player=monte-carlo")

    assert len(values_of(told)) == 41
    assert store.analyses.list(short_game.id) == []
    app.extensions["workers"].close()


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("", 400, "player"),
        ("player=nobody", 404, "there is no player 'nobody'"),
        ("player=../tuples", 404, "there is no player"),
        ("player=random", 400, "'random' has no values by which moves can be judged"),
        ("player=tuples&depth=4", 400, "depth must be from 1 to 3 where 'tuples' judges, got 4"),
        ("player=tuples&depth=x", 400, "depth"),
        ("player=tuples&steps=1", 400, "steps"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    client: FlaskClient, store: GameStore, short_game: GameRecord, query: str, status: int, reason: str
) -> None:
    store.add(short_game)

    response = client.get(f"/api/games/{short_game.id}/analysis?{query}")

    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert reason in response.json["detail"]


def test_games_that_are_not_there_have_no_analyses(client: FlaskClient) -> None:
    assert client.get("/api/games/0123456789abcdef/analyses").status_code == 404
    assert client.get("/api/games/0123456789abcdef/analysis?player=monte-carlo").status_code == 404


def test_an_analysis_that_fails_says_so_and_keeps_paths_to_itself(
    client: FlaskClient, store: GameStore, short_game: GameRecord, runs: Path
) -> None:
    store.add(short_game)
    broken = runs / "damaged"
    write_json(broken / "settings.json", {})
    data = (runs / "tuples" / "checkpoint.safetensors").read_bytes()
    (broken / "checkpoint.safetensors").write_bytes(data[: len(data) // 2])

    told = events(client, f"/api/games/{short_game.id}/analysis?player=damaged")

    assert [name for name, _, _ in told] == ["start", "problem"]
    assert told[1][2]["detail"] == "the model of 'damaged' cannot be used: its file is damaged or has gone"
