"""The training run: exact resumption, prompt stops, checkpoints that are whole or not there."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from agents import checkpoint
from agents.checkpoint import FILE_NAME, load_agent, load_learner, save_learner
from agents.errors import CheckpointError, DivergedError, NoCheckpointError
from agents.td import TDLearner, TDSettings
from agents.training import COUNTER, train
from nets.metrics import read_metrics


@pytest.fixture
def trained(tmp_path):
    """A folder with a run of 100 games."""
    train(TDLearner(seed=6), 100, tmp_path)
    return tmp_path


def read_header(folder):
    with safe_open(folder / FILE_NAME, framework="numpy") as file:
        return json.loads(file.metadata()["game2048"])


def rewrite(folder, header=None, **tensors):
    """Change parts of a checkpoint."""
    metadata = {"game2048": json.dumps({**read_header(folder), **(header or {})})}
    save_file({**load_file(folder / FILE_NAME), **tensors}, folder / FILE_NAME, metadata)


def test_a_resumed_run_ends_with_the_same_bytes(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(TDLearner(seed=5), 350, whole)

    train(TDLearner(seed=5), 130, parts)
    train(load_learner(parts), 350, parts)

    one, other = load_file(whole / FILE_NAME), load_file(parts / FILE_NAME)
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert np.array_equal(tensor, other[name]), name
    assert read_header(whole) == read_header(parts)


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


def test_an_agent_plays_as_the_learner_that_was_saved(trained):
    learner = load_learner(trained)

    assert load_agent(trained).play_game(1).plies.tolist() == learner.agent().play_game(1).plies.tolist()
    assert load_agent(trained).name == "n-tuple 4x6+lines, 100 games"


def test_settings_and_counts_survive(tmp_path):
    learner = TDLearner(TDSettings(alpha=0.5, trace_decay_start=0.2), seed=2**64 - 1)
    learner.train(3)
    save_learner(learner, tmp_path)

    loaded = load_learner(tmp_path)

    assert (loaded.settings, loaded.seed, loaded.games, loaded.moves) == (
        learner.settings, learner.seed, learner.games, learner.moves,
    )  # fmt: skip
    assert loaded.rng == learner.rng


def test_divergence_leaves_the_last_checkpoint(trained):
    before = (trained / FILE_NAME).read_bytes()
    learner = load_learner(trained)
    learner.weights[:] = np.nan

    with pytest.raises(DivergedError):
        train(learner, 200, trained)

    assert (trained / FILE_NAME).read_bytes() == before


def test_a_full_disk_leaves_the_last_checkpoint(trained, monkeypatch):
    before = (trained / FILE_NAME).read_bytes()
    learner = load_learner(trained)
    learner.train(10)

    def fail(tensors, path, metadata):
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")  # as safetensors tells it

    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(CheckpointError, match="cannot be written: I/O error: No space left"):
        save_learner(learner, trained)

    assert (trained / FILE_NAME).read_bytes() == before
    assert sorted(p.name for p in trained.iterdir()) == [FILE_NAME, "metrics.jsonl", "settings.json"]


# --- files that are none ---


def test_an_empty_folder_has_no_checkpoint(tmp_path):
    with pytest.raises(NoCheckpointError, match=r"no model in .*game2048 train"):
        load_agent(tmp_path)


@pytest.mark.parametrize("keep", [0, 7, 100, 5000])
def test_a_truncated_checkpoint_is_refused(trained, keep):
    path = trained / FILE_NAME
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
        load_agent(trained)


def test_a_file_of_another_kind_is_refused(trained):
    save_file({"x": np.zeros(3, np.float32)}, trained / FILE_NAME)

    with pytest.raises(CheckpointError, match="not a checkpoint of a game2048 n-tuple network"):
        load_agent(trained)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"version": 99}, "format version 99, this program reads 2"),
        ({"network": {"patterns": ["0x"], "counts": [], "stage_tiles": []}}, "the network is none: .*, got '0x'"),
        ({"network": {"patterns": ["01"]}}, "the network is none: .*counts"),
        ({"network": "4x6"}, "the network is none"),
        ({"settings": {"beta": 1}}, "header is damaged"),
        ({"settings": {"alpha": 7}}, r"alpha must be in \(0, 1\], got 7"),
        ({"games": -5}, "games must be a count, got -5"),
        ({"games": None}, "games must be a count, got None"),
        ({"moves": "many"}, "moves must be a count, got 'many'"),
    ],
)
def test_a_mismatching_header_is_named(trained, header, message):
    rewrite(trained, header)

    with pytest.raises(CheckpointError, match=message):
        load_learner(trained)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weights": np.zeros(3, np.float32)}, "tensor weights must be float32 of shape"),
        ({"weights": np.zeros(3, np.float64)}, "tensor weights must be float32"),
        ({"rng": np.zeros((1, 2), np.uint64)}, r"tensor rng must be uint64 of shape \(2,\)"),
        ({"rng": np.zeros(1, np.int64)}, r"tensor rng must be uint64 of shape \(1,\)"),
        ({"indices": np.array([2**31], np.uint32), "weights": np.zeros(1, np.float32),
          "coherence": np.zeros((1, 2), np.float32)}, "tensor indices must be below 67239936"),
        ({"indices": np.array([1], np.uint32), "weights": np.array([np.nan], np.float32),
          "coherence": np.zeros((1, 2), np.float32)}, "tensor weights holds values that are not finite"),
    ],
)  # fmt: skip
def test_a_mismatching_tensor_is_named(trained, tensors, message):
    rewrite(trained, **tensors)

    with pytest.raises(CheckpointError, match=message):
        load_learner(trained)


# --- processes that are stopped ---


def start_training(folder):
    """Start endless training in a process of its own and wait for its first checkpoint."""
    script = (
        "from pathlib import Path; from agents.td import TDLearner; from agents.training import train;"
        f"train(TDLearner(), 10**9, Path({str(folder)!r}), save_every=0.0)"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 60
    while not (folder / FILE_NAME).exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def test_kill_9_leaves_a_checkpoint_that_loads(tmp_path):
    generator = np.random.default_rng(0)
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        process = start_training(folder)
        time.sleep(generator.uniform(0, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

        learner = load_learner(folder)

        assert learner.games >= 100
        train(learner, learner.games + 10, folder)
