"""The log of games: evaluations go on where they stopped, and with no one else's games."""

import json
import resource
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from agents.baselines import GreedyAgent, RandomAgent
from agents.errors import GameLogError
from agents.evaluate import play_results
from agents.game_log import GameLog, GameResult, fingerprint

GAME = GameResult(7, 1234, 9, 200, 0.5, 0.25)


def logged(path, agent, player, n_games, **options):
    """Play a series with a log; return the results and how many games were played."""
    played = []
    with GameLog(path) as log:

        def keep(timed):
            played.append(timed)
            log.add(player, agent.name, GameResult.of(timed))

        results = play_results(agent, n_games=n_games, seed=4, known=log.games(player), on_finish=keep, **options)
    return results, len(played)


def figures(results):
    return [game[:4] for game in results.games]  # all but the times


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_stopped_evaluation_goes_on_where_it_was(tmp_path, n_threads):
    path = tmp_path / "games.jsonl"
    _, first = logged(path, RandomAgent(), "a", 12, n_threads=n_threads)

    results, then = logged(path, RandomAgent(), "a", 40, n_threads=n_threads)

    assert (first, then) == (12, 28)
    assert figures(results) == figures(play_results(RandomAgent(), n_games=40, seed=4))


def test_games_of_another_player_are_not_taken(tmp_path):
    path = tmp_path / "games.jsonl"
    logged(path, RandomAgent(), "a", 10)

    results, played = logged(path, GreedyAgent(), "b", 10)

    assert played == 10
    assert figures(results) == figures(play_results(GreedyAgent(), n_games=10, seed=4))
    with GameLog(path) as log:
        assert len(log.games("a")) == len(log.games("b")) == 10


def test_a_line_that_was_cut_short_is_left_out_and_spoils_no_other(tmp_path):
    path = tmp_path / "games.jsonl"
    logged(path, RandomAgent(), "a", 10)
    path.write_bytes(path.read_bytes()[:-20])

    with GameLog(path) as log:
        assert len(log.games("a")) == 9
        log.add("a", "random", GAME)
    with GameLog(path) as log:
        assert len(log.games("a")) == 10
        assert log.games("a")[7] == GAME


@pytest.mark.parametrize("n_bytes", [1, 11, 40])
def test_a_log_whose_very_first_line_was_cut_short_goes_on(tmp_path, n_bytes):
    path = tmp_path / "games.jsonl"
    with GameLog(path) as log:
        log.add("a", "random", GAME)
    path.write_bytes(path.read_bytes()[:n_bytes])

    with GameLog(path) as log:  # and is stopped again before a game
        assert log.games("a") == {}
    with GameLog(path) as log:
        log.add("a", "random", GAME)
    with GameLog(path) as log:
        assert log.games("a") == {7: GAME}


@pytest.mark.parametrize(
    "change",
    [{"score": -1}, {"score": 1.5}, {"moves": None}, {"player": 3}, {"seconds": float("nan")}, {"max_exponent": "9"}],
    ids=str,
)
def test_a_line_that_is_no_game_is_left_out(tmp_path, change):
    path = tmp_path / "games.jsonl"
    with GameLog(path) as log:
        log.add("a", "random", GAME)
    line = json.loads(path.read_text())

    path.write_text(json.dumps(line) + "\n" + json.dumps({**line, "seed": 8, **change}) + "\n")

    with GameLog(path) as log:
        assert log.games("a") == {7: GAME}


def test_a_file_that_is_no_log_is_not_written_to(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"seed": 1}\n')

    with pytest.raises(GameLogError, match=r"settings\.json is not a log of games"):
        GameLog(path)

    assert path.read_text() == '{"seed": 1}\n'


def test_a_full_disk_is_told_and_spoils_no_game(tmp_path):
    """The system writes the part of a line that fits."""
    path = tmp_path / "games.jsonl"
    with GameLog(path) as log:
        log.add("a", "random", GAME)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 30, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                log.add("a", "random", GAME._replace(seed=8))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert log.games("a") == {7: GAME}

    with GameLog(path) as log:
        assert log.games("a") == {7: GAME}
        log.add("a", "random", GAME._replace(seed=9))
    with GameLog(path) as log:
        assert sorted(log.games("a")) == [7, 9]


def test_games_survive_kill_9(tmp_path):
    path = tmp_path / "games.jsonl"
    code = f"""
        from agents.baselines import RandomAgent
        from tests.agents.test_game_log import logged
        from pathlib import Path
        logged(Path({str(path)!r}), RandomAgent(), "a", 10**6, n_threads=2)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    while not (path.exists() and path.read_bytes().count(b"\n") > 100):
        assert process.poll() is None
        time.sleep(0.01)

    process.send_signal(signal.SIGKILL)
    process.wait()

    n_lines = path.read_bytes().count(b"\n")
    with GameLog(path) as log:
        assert len(log.games("a")) == n_lines
    results, played = logged(path, RandomAgent(), "a", n_lines + 50)
    assert figures(results) == figures(play_results(RandomAgent(), n_games=n_lines + 50, seed=4))
    assert played <= 50 + 2 * 8  # those in hand when it was killed, and 50


# --- who plays ---


def test_a_player_is_its_files_and_its_options(tmp_path):
    for name, content in (("one", b"weights"), ("same", b"weights"), ("other", b"Weights")):
        (tmp_path / name / "critic").mkdir(parents=True)
        (tmp_path / name / "critic" / "checkpoint.safetensors").write_bytes(content)
        (tmp_path / name / "metrics.jsonl").write_text(name)  # does not play
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))

    assert fingerprint(one) == fingerprint(same) != fingerprint(other)
    assert fingerprint(one, {"depth": 2}) != fingerprint(one, {"depth": 3})
    assert fingerprint(one, {"depth": 2, "prior": same}) == fingerprint(one, {"prior": one, "depth": 2})
    assert fingerprint(one, {"prior": same}) != fingerprint(one, {"prior": other})
