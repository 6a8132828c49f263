"""The run of a policy: exact resumption, metrics told once, prompt stops, files that are whole or not there."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

import nets
from agents.errors import CheckpointError, DivergedError, NoCheckpointError
from agents.policy.checkpoint import FILE_NAME, load_learner, load_network, save_learner
from agents.policy.run import COUNTER, METRICS_NAME, train
from agents.training import remove_run
from nets.metrics import read_metrics
from tests.agents.policy.small import CLASSES, same_state, small_learner

MODEL = "model.safetensors"
ALL = pytest.mark.parametrize("algorithm", CLASSES)


@pytest.fixture
def trained(tmp_path):
    """A folder with a run of 90 steps: three roll-outs of 6 games x 5 steps."""
    train(small_learner("ppo", seed=6), tmp_path, steps=90)
    return tmp_path


def rows(folder):
    return read_metrics(folder / METRICS_NAME, COUNTER)


# --- going on ---


@ALL
def test_a_resumed_run_ends_with_the_same_bytes(algorithm, tmp_path):
    chosen = {"seed": 5, "ema": 0.9, "start_fraction": 0.3, "lr_schedule": "cosine", "planned_steps": 300}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(small_learner(algorithm, **chosen), whole, steps=300)

    train(small_learner(algorithm, **chosen), parts, steps=120)
    train(load_learner(parts), parts, steps=300)

    for name in (FILE_NAME, MODEL):
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name


@ALL
def test_a_learner_is_loaded_with_its_settings_and_state(algorithm, tmp_path):
    learner = small_learner(algorithm, seed=2**53 + 1, gamma=0.9, reward="score/sum")
    learner.iterate()
    save_learner(learner, tmp_path)

    loaded = load_learner(tmp_path)

    assert type(loaded) is type(learner)
    assert loaded.settings == learner.settings
    same_state(loaded, learner)


def test_metrics_tell_every_block_once(tmp_path):
    train(small_learner("reinforce"), tmp_path, steps=150, block=60)
    with (tmp_path / METRICS_NAME).open("a") as file:
        file.write('{"steps": 180}\n{}\n{"steps": 40')  # after the checkpoint, nonsense, and cut short

    train(load_learner(tmp_path), tmp_path, steps=240, block=60)

    assert [row["steps"] for row in rows(tmp_path)] == [60, 120, 150, 180, 240]


def test_a_row_says_what_happened_in_its_block(tmp_path):
    learner = small_learner("ppo", n_games=32, horizon=64)
    told = []
    train(learner, tmp_path, steps=3 * 2048, block=2048, on_block=told.append)

    row = rows(tmp_path)[-1]

    assert told == rows(tmp_path)
    assert row["steps"] == 6144
    assert row["updates"] == learner.updates
    assert row["games"] > 10  # a game without a plan lasts about 110 moves
    assert 400 < row["mean_score"] < 2500
    assert row["max_score"] > row["mean_score"]
    assert list(row["tile_rates"]) == [str(2**e) for e in range(7, 17)]
    assert 0 < row["tile_rates"]["128"] < 1
    assert 0 < row["entropy"] < np.log(4)
    assert row["lr"] == learner.settings.lr
    assert {"kl", "value_error", "policy_loss", "grad_norm", "clipped"} <= row.keys()
    assert row["steps_per_second"] > 0


def test_a_block_without_finished_games_has_no_scores(tmp_path):
    train(small_learner("reinforce"), tmp_path, steps=30)

    (row,) = rows(tmp_path)

    assert row["games"] == 0
    assert row["mean_score"] is row["max_score"] is row["tile_rates"] is None


def test_time_goes_on_where_it_stopped(trained):
    path = trained / METRICS_NAME
    row = {**rows(trained)[-1], "seconds": 1000.0, "cpu_seconds": 2000.0}
    path.write_text(json.dumps(row) + "\n")

    train(load_learner(trained), trained, steps=120)

    assert rows(trained)[-1]["seconds"] >= 1000
    assert rows(trained)[-1]["cpu_seconds"] >= 2000


# --- stopping ---


def test_a_stop_comes_after_the_present_roll_out_and_saves(tmp_path):
    asked = []

    def should_stop():
        asked.append(True)
        return len(asked) > 2

    train(small_learner("ppo"), tmp_path, should_stop=should_stop)

    assert load_learner(tmp_path).steps == 60


def test_the_time_limit_is_kept(tmp_path):
    start = time.monotonic()
    train(small_learner("ppo"), tmp_path, minutes=0.5 / 60)

    assert 0.5 <= time.monotonic() - start < 5
    assert load_learner(tmp_path).steps > 0


def test_a_run_that_is_done_is_left_as_it_is(trained):
    before = (trained / FILE_NAME).read_bytes()

    train(load_learner(trained), trained, steps=90)

    assert (trained / FILE_NAME).read_bytes() == before
    assert len(rows(trained)) == 1


def test_checkpoints_are_saved_on_the_way(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr("agents.policy.run.save_learner", lambda learner, folder: saved.append(learner.steps))

    train(small_learner("ppo"), tmp_path, steps=90, block=30, save_every=0.0)

    assert saved == [30, 60, 90, 90]


def test_divergence_leaves_the_last_checkpoint(trained):
    before = (trained / FILE_NAME).read_bytes(), (trained / MODEL).read_bytes()
    learner = load_learner(trained)
    learner.settings = replace(learner.settings, reward="points", reward_scale=1e30)

    with np.errstate(all="ignore"), pytest.raises(DivergedError):
        train(learner, trained, steps=900)

    assert ((trained / FILE_NAME).read_bytes(), (trained / MODEL).read_bytes()) == before


def test_a_full_disk_leaves_the_last_checkpoint(trained, monkeypatch):
    before = (trained / FILE_NAME).read_bytes()
    learner = load_learner(trained)
    learner.iterate()

    def fail(tensors, path, metadata):
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")  # as safetensors tells it

    monkeypatch.setattr("nets.tensorfile.save_file", fail)
    with pytest.raises(CheckpointError, match="cannot be written: I/O error: No space left"):
        save_learner(learner, trained)

    assert (trained / FILE_NAME).read_bytes() == before
    assert sorted(p.name for p in trained.iterdir()) == sorted([FILE_NAME, MODEL, METRICS_NAME, "settings.json"])


def test_kill_9_leaves_a_run_that_goes_on(tmp_path):
    script = (
        "from pathlib import Path; from agents.policy.run import train;"
        "from tests.agents.policy.small import small_learner;"
        f"train(small_learner('ppo'), Path({str(tmp_path)!r}), save_every=0.0, block=30)"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 60
    while not (tmp_path / MODEL).exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    learner = load_learner(tmp_path)
    train(learner, tmp_path, steps=learner.steps + 30)

    steps = [row["steps"] for row in rows(tmp_path)]
    assert steps == sorted(set(steps))
    assert steps[-1] == learner.steps


# --- files ---


def test_the_settings_are_there_for_people(trained):
    settings = json.loads((trained / "settings.json").read_text())

    assert settings["algorithm"] == "ppo"
    assert settings["seed"] == 6
    assert settings["network"]["width"] == 16


def test_the_model_is_what_was_learned(trained):
    network, learner = load_network(trained), load_learner(trained)

    assert network.settings == learner.settings.network
    for name, weights in learner.network.state_dict().items():
        assert (network.state_dict()[name] == weights).all(), name
    notes = nets.checkpoint.read_notes(trained)
    assert (notes["algorithm"], notes["seed"], notes["steps"]) == ("ppo", 6, 90)


def test_averaged_weights_play_and_plain_ones_learn(tmp_path):
    learner = small_learner("ppo", ema=0.5)
    train(learner, tmp_path, steps=150)

    played = load_network(tmp_path).state_dict()

    assert all((played[name] == average).all() for name, average in learner.ema.averages.items())
    assert any((played[name] != weights).any() for name, weights in learner.network.state_dict().items())
    same_state(load_learner(tmp_path), learner)


def test_a_run_is_removed_and_nothing_else(trained):
    (trained / "notes.txt").write_text("mine")

    remove_run(trained)

    assert [path.name for path in trained.iterdir()] == ["notes.txt"]
    remove_run(trained)


def test_the_critic_that_a_run_left_goes_with_it(tmp_path):
    """Else a later policy in the same folder would search with the values of the earlier one."""
    (tmp_path / "critic").mkdir()
    (tmp_path / "critic" / FILE_NAME).touch()

    remove_run(tmp_path)

    assert not any(tmp_path.iterdir())


def test_what_else_is_in_the_folder_of_a_critic_stays(tmp_path):
    (tmp_path / "critic").mkdir()
    (tmp_path / "critic" / "notes.txt").write_text("mine")

    remove_run(tmp_path)

    assert (tmp_path / "critic" / "notes.txt").read_text() == "mine"


def test_an_empty_folder_has_no_run(tmp_path):
    with pytest.raises(NoCheckpointError, match=r"no run in .*game2048 train"):
        load_learner(tmp_path)
    with pytest.raises(NoCheckpointError, match=r"no network in .*: there is no model\.safetensors"):
        load_network(tmp_path)


@pytest.mark.parametrize("keep", [0, 7, 100, 5000])
def test_truncated_files_are_refused(trained, keep):
    for name in (FILE_NAME, MODEL):
        (trained / name).write_bytes((trained / name).read_bytes()[:keep])

    with pytest.raises(CheckpointError, match="damaged"):
        load_learner(trained)
    with pytest.raises(CheckpointError, match="damaged"):
        load_network(trained)


def test_files_of_another_kind_are_refused(trained):
    save_file({"x": np.zeros(3, np.float32)}, trained / FILE_NAME)
    nets.save(nets.models.build("mlp"), trained / MODEL)

    with pytest.raises(CheckpointError, match="is not a checkpoint of a game2048 policy"):
        load_learner(trained)
    with pytest.raises(CheckpointError, match="is not a policy, but a Sequential"):
        load_network(trained)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "format version 99, this program reads 2"),
        ({"algorithm": "magic"}, "algorithm must be one of vtrace, ppo, reinforce, pretrain, got 'magic'"),
        ({"algorithm": 3}, "damaged"),
        ({"settings": {"lr": -1}}, "damaged: .*network"),
        ({"settings": None}, "damaged"),
        ({"state": {}}, "damaged: KeyError"),
    ],
    ids=str,
)
def test_a_mismatching_header_is_named(trained, change, message):
    with safe_open(trained / FILE_NAME, framework="numpy") as file:
        header = json.loads(file.metadata()["nets"])
    save_file(load_file(trained / FILE_NAME), trained / FILE_NAME, {"nets": json.dumps({**header, **change})})

    with pytest.raises(CheckpointError, match=message):
        load_learner(trained)


@pytest.mark.parametrize("name", ["network.policy.bias", "games.boards", "actions.rng", "optimizer.0.mean"])
@pytest.mark.parametrize("change", ["missing", "shape"])
def test_a_mismatching_tensor_is_refused(trained, name, change):
    with safe_open(trained / FILE_NAME, framework="numpy") as file:
        metadata = file.metadata()
    tensors = load_file(trained / FILE_NAME)
    tensor = tensors.pop(name)
    if change == "shape":
        tensors[name] = np.concatenate([tensor, tensor])
    save_file(tensors, trained / FILE_NAME, metadata)

    with pytest.raises(CheckpointError, match="damaged"):
        load_learner(trained)
