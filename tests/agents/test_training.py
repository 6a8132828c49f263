"""The training run: exact resumption, prompt stops, checkpoints that are whole or not there."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from agents.checkpoint import FILE_NAME, load_learner
from agents.errors import DivergedError
from agents.networks import Network
from agents.td import TDLearner, TDSettings
from agents.training import COUNTER, train
from nets.metrics import read_metrics
from tests.processes import eventually


@pytest.fixture
def trained(tmp_path):
    """A folder with a run of 100 games."""
    train(TDLearner(seed=6), 100, tmp_path)
    return tmp_path


def test_a_resumed_run_ends_with_the_same_bytes(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(TDLearner(seed=5), 350, whole)

    train(TDLearner(seed=5), 130, parts)
    train(load_learner(parts), 350, parts)

    assert (whole / FILE_NAME).read_bytes() == (parts / FILE_NAME).read_bytes()


RULES = {
    "plain TD": TDSettings(coherence_from=1.0),
    "OTD, then TC": TDSettings(coherence_from=0.5, planned_games=60, initial=2000.0),
    "falling steps": TDSettings(alpha_drops=(0.25, 0.5), planned_games=60),
    "falling lambda": TDSettings(trace_decay_start=0.9, trace_decay_end=0.1, trace_decay_games=20),
    "carousel": TDSettings(carousel_tiles=(5, 6)),
    "carousel, delayed, with restart": TDSettings(carousel_tiles=(6, 7), delay=4, restart=0.5),
    "cooled down": TDSettings(cool_down=0.5, cooled_from=30),
    "restart after some games": TDSettings(restart=0.5, restart_after=30),
}
"""What changes with the games, or is remembered from one to the next; plans change at game 30 or 15."""


@pytest.mark.parametrize("games", [(10,), (30,), (13, 47)], ids=str)
@pytest.mark.parametrize("name", RULES)
def test_every_rule_goes_on_from_a_file_as_if_it_had_not_stopped(name, games, tmp_path):
    """Before, at and after the game with which a rule changes; the network has stages."""
    network = Network.named("lines+squares@6,7")
    whole, parts = (TDLearner(RULES[name], seed=5, network=network) for _ in range(2))
    train(whole, 60, tmp_path / "whole")

    for last in (*games, 60):
        train(parts, last, tmp_path / "parts")
        parts = load_learner(tmp_path / "parts")

    assert (tmp_path / "whole" / FILE_NAME).read_bytes() == (tmp_path / "parts" / FILE_NAME).read_bytes()


def test_metrics_that_are_damaged_do_not_stop_a_run(trained):
    """The time of the last line is then not known."""
    (trained / "metrics.jsonl").write_text('{"games": 1e9}\n{"games": 3, "seconds": "x", "cpu_seconds": null}\n')

    train(load_learner(trained), 200, trained)

    games = [(row["games"], row["seconds"]) for row in read_metrics(trained / "metrics.jsonl", COUNTER)]
    assert games[0] == (3, "x")
    assert games[1][0] == 200
    assert 0 < games[1][1] < 100


def test_metrics_tell_every_block_once(tmp_path):
    train(TDLearner(seed=5), 250, tmp_path)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"games": 300}\n{}\n{"games": 40')  # after the checkpoint, nonsense, and cut short

    train(load_learner(tmp_path), 400, tmp_path)

    rows = read_metrics(tmp_path / "metrics.jsonl", COUNTER)
    assert [row["games"] for row in rows] == [100, 200, 250, 300, 400]
    assert all(row["mean_score"] > 0 and row["moves_per_second"] > 0 for row in rows)
    assert json.loads((tmp_path / "settings.json").read_text())["seed"] == 5


def test_time_goes_on_where_it_stopped(trained):
    path = trained / "metrics.jsonl"
    (row,) = read_metrics(path, COUNTER)
    path.write_text(json.dumps({**row, "seconds": 1000.0, "cpu_seconds": 2000.0}) + "\n")

    train(load_learner(trained), 200, trained)

    last = read_metrics(path, COUNTER)[-1]
    assert 1000 < last["seconds"] < 1100
    assert 2000 < last["cpu_seconds"] < 2100


def test_a_line_can_be_read_while_training_goes_on(tmp_path):
    seen = []

    train(
        TDLearner(),
        300,
        tmp_path,
        on_block=lambda _: seen.append(len(read_metrics(tmp_path / "metrics.jsonl", COUNTER))),
    )

    assert seen == [1, 2, 3]


def test_a_stop_comes_between_blocks_and_saves(tmp_path):
    blocks = []
    train(TDLearner(), 10**9, tmp_path, on_block=blocks.append, should_stop=lambda: len(blocks) == 2)

    assert load_learner(tmp_path).games == 200


def test_files_are_as_readable_as_the_umask_allows(trained):
    modes = {path.name: path.stat().st_mode for path in trained.iterdir()}

    assert len(set(modes.values())) == 1, modes


def test_checkpoints_are_saved_on_the_way(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr("agents.training.save_learner", lambda learner, folder: saved.append(learner.games))

    train(TDLearner(), 300, tmp_path, save_every=0.0)

    assert saved == [100, 200, 300, 300]


def test_a_full_disk_is_named_with_the_file_and_leaves_the_last_checkpoint(trained):
    """A limit on the size of files stands for the disk: a line of metrics does not fit any more."""
    before = (trained / FILE_NAME).read_bytes()
    learner, size = load_learner(trained), (trained / "metrics.jsonl").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 600, limits[1]))  # settings.json has less
    try:
        with pytest.raises(OSError, match=r"File too large.*metrics\.jsonl"):
            train(learner, 10**6, trained)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert (trained / FILE_NAME).read_bytes() == before
    train(load_learner(trained), 110, trained)
    assert [row["games"] for row in read_metrics(trained / "metrics.jsonl", COUNTER)] == [100, 110]


def test_divergence_leaves_the_last_checkpoint(trained):
    before = (trained / FILE_NAME).read_bytes()
    learner = load_learner(trained)
    learner.weights[:] = np.nan

    with pytest.raises(DivergedError):
        train(learner, 200, trained)

    assert (trained / FILE_NAME).read_bytes() == before


# --- processes that are stopped ---


def start_training(folder):
    """Start endless training in a process of its own and wait for its first checkpoint."""
    script = (
        "from pathlib import Path; from agents.td import TDLearner; from agents.training import train;"
        f"train(TDLearner(), 10**9, Path({str(folder)!r}), save_every=0.0)"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        assert eventually(lambda: (folder / FILE_NAME).exists() or process.poll() is not None, seconds=120)
        assert process.poll() is None
    except AssertionError:
        process.kill()
        process.wait()
        raise
    return process


def test_kill_9_leaves_a_checkpoint_that_loads(tmp_path):
    generator = np.random.default_rng(0)
    for attempt in range(2):
        folder = tmp_path / str(attempt)
        process = start_training(folder)
        time.sleep(generator.uniform(0, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

        learner = load_learner(folder)

        assert learner.games >= 100
        train(learner, learner.games + 10, folder)
