"""``game2048 train --algo``: policies from the command line, as a user meets them."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

from cli.main import main

MODEL, CHECKPOINT = "model.safetensors", "checkpoint.safetensors"
SMALL = ("--parallel-games", 8, "--horizon", 8, "--width", 16, "--hidden", 16, "--threads", 1)  # 64 steps a roll-out


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two roll-outs."""
    folder = tmp_path_factory.mktemp("runs") / "ppo"
    arguments = ("train", "--algo", "ppo", *SMALL, "--steps", 128, "--seed", 3, "--out", folder)
    assert main([str(argument) for argument in arguments]) == 0
    return folder


def run(capsys, *arguments):
    """Run ``game2048 train``; return its exit code and what it printed."""
    code = main(["train", *(str(argument) for argument in arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def copy(folder, to):
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


# --- training ---


@pytest.mark.parametrize("algorithm", ["ppo", "reinforce", "vtrace"])
def test_a_policy_is_trained_in_a_folder_named_by_its_algorithm(algorithm, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    code, out, _ = run(capsys, "--algo", algorithm, *SMALL, "--steps", 100)

    folder = tmp_path / "runs" / algorithm
    assert code == 0
    assert "Trained: 128 steps in" in out
    assert f"game2048 evaluate runs/{algorithm}" in out
    assert sorted(path.name for path in folder.iterdir()) == [CHECKPOINT, "metrics.jsonl", MODEL, "settings.json"]
    assert json.loads((folder / "settings.json").read_text())["algorithm"] == algorithm


def test_the_summary_as_json_says_how_it_went(tmp_path, capsys):
    code, out, _ = run(capsys, "--algo", "ppo", *SMALL, "--steps", 128, "--out", tmp_path / "run", "--json")

    summary = json.loads(out)
    assert code == 0
    assert summary["algorithm"] == "ppo"
    assert summary["steps"] == 128
    assert not summary["interrupted"]
    assert {"updates", "seconds", "mean_score", "tile_rates", "entropy", "kl", "value_error", "out"} <= summary.keys()


def test_options_become_settings(tmp_path, capsys):
    code, _, _ = run(
        capsys, "--algo", "ppo", *SMALL, "--steps", 64, "--seed", 9, "--lr", 0.01, "--schedule", "linear",
        "--gamma", 0.5, "--entropy", 0.2, "--reward", "score/sum", "--end-penalty", 0.25, "--curriculum", 0.125,
        "--ema", 0.75, "--body", "conv", "--inputs", "embedding", "--depth", 1, "--out", tmp_path / "run",
    )  # fmt: skip

    assert code == 0
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    expected = {
        "seed": 9, "n_games": 8, "horizon": 8, "n_threads": 1, "planned_steps": 64, "lr": 0.01, "lr_schedule": "linear",
        "gamma": 0.5, "entropy": 0.2, "reward": "score/sum", "end_penalty": 0.25, "start_fraction": 0.125, "ema": 0.75,
    }  # fmt: skip
    assert {name: settings[name] for name in expected} == expected
    network = {"body": "conv", "inputs": "embedding", "width": 16, "hidden": 16, "depth": 1}
    assert {name: settings["network"][name] for name in network} == network


def test_the_same_seed_gives_the_same_files(trained, tmp_path, capsys):
    code, _, _ = run(capsys, "--algo", "ppo", *SMALL, "--steps", 128, "--seed", 3, "--out", tmp_path / "run")

    assert code == 0
    for name in (MODEL, CHECKPOINT):
        assert (tmp_path / "run" / name).read_bytes() == (trained / name).read_bytes()


def test_minutes_limit_the_run(tmp_path, capsys):
    start = time.monotonic()
    code, out, _ = run(capsys, "--algo", "ppo", *SMALL, "--minutes", 0.01, "--out", tmp_path / "run", "--json")

    assert code == 0
    assert time.monotonic() - start < 30
    assert json.loads(out)["steps"] > 0


def test_training_begins_with_the_network_of_another_run(trained, tmp_path, capsys):
    """With a learning rate of next to nothing, the weights stay those of the other run."""
    games = ("--parallel-games", 8, "--horizon", 8, "--threads", 1)
    code, _, _ = run(
        capsys,
        "--algo",
        "reinforce",
        *games,
        "--steps",
        64,
        "--lr",
        1e-12,
        "--from",
        trained,
        "--out",
        tmp_path / "run",
    )

    assert code == 0
    weights, others = load_file(tmp_path / "run" / MODEL), load_file(trained / MODEL)
    assert weights.keys() == others.keys()
    for name, array in weights.items():
        np.testing.assert_allclose(array, others[name], atol=1e-9, err_msg=name)


# --- going on ---


def test_the_same_command_with_resume_goes_on_exactly(trained, tmp_path, capsys):
    """Without --algo too: the run knows its own."""
    parts, whole = copy(trained, tmp_path / "parts"), tmp_path / "whole"
    command = (*SMALL, "--seed", 3, "--steps", 256)

    results = [
        run(capsys, *command, "--out", parts, "--resume"),
        run(capsys, *command, "--out", whole, "--algo", "ppo"),
    ]

    assert [code for code, _, _ in results] == [0, 0]
    assert "128 steps in" in results[0][1]
    assert "256 in all" in results[0][1]
    assert (parts / MODEL).read_bytes() == (whole / MODEL).read_bytes()
    steps = [json.loads(line)["steps"] for line in (parts / "metrics.jsonl").read_text().splitlines()]
    assert steps == [128, 256]


def test_ctrl_c_saves_and_resume_goes_on_exactly(tmp_path, capsys):
    """Ctrl-C at some moment, then --resume: the same network as of a run that nobody stopped."""
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    arguments = [str(a) for a in ("train", "--algo", "ppo", *SMALL, "--seed", 7, "--json", "--out", stopped)]
    process = subprocess.Popen([sys.executable, "-m", "cli", *arguments], stdout=subprocess.PIPE, text=True)
    while not (stopped / "settings.json").exists():
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    summary = json.loads(out)
    assert process.returncode == 130
    assert summary["interrupted"]
    assert summary["steps"] % 64 == 0

    limit = ("--steps", summary["steps"] + 128)
    assert run(capsys, "--resume", "--out", stopped, *limit)[0] == 0
    assert run(capsys, "--algo", "ppo", *SMALL, "--seed", 7, "--out", whole, *limit)[0] == 0
    weights, others = load_file(stopped / MODEL), load_file(whole / MODEL)
    assert all((array == others[name]).all() for name, array in weights.items())


def test_a_run_that_is_done_says_so(trained, capsys):
    code, _, err = run(capsys, "--resume", "--out", trained, "--steps", 100)

    assert code == 1
    assert "has 128 steps already; ask for more with --steps" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lr", 0.5], "--lr of this run is 0.001, which --resume keeps; got 0.5"),
        (["--seed", 4], "--seed of this run is 3, which --resume keeps; got 4"),
        (["--parallel-games", 9], "--parallel-games of this run is 8"),
        (["--width", 32], "--width of this run is 16"),
        (["--algo", "reinforce"], "holds a run of --algo ppo, got --algo reinforce"),
        (["--games", 5], "--games is no option of --algo ppo"),
    ],
    ids=str,
)
def test_resume_keeps_the_settings_of_the_run(trained, options, message, capsys):
    code, _, err = run(capsys, "--resume", "--out", trained, *options)

    assert code == 2
    assert message in err


def test_a_run_is_not_replaced_by_accident(trained, capsys):
    code, _, err = run(capsys, "--algo", "reinforce", *SMALL, "--steps", 64, "--out", trained)

    assert code == 1
    assert "--overwrite" in err


@pytest.mark.parametrize(
    "other", [("--algo", "reinforce", *SMALL, "--steps", 64), ("--games", 5)], ids=["reinforce", "td"]
)
def test_overwrite_leaves_nothing_of_the_old_run(trained, other, tmp_path, capsys):
    folder = copy(trained, tmp_path / "run")

    code, _, _ = run(capsys, *other, "--out", folder, "--overwrite")

    assert code == 0
    assert json.loads((folder / "settings.json").read_text())["algorithm"] in ("td", "reinforce")
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 1
    assert (folder / MODEL).exists() == ("reinforce" in other)


# --- wrong usage ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--algo", "ppo", "--replay", 5], "--replay belongs to --algo vtrace, got --algo ppo"),
        (["--algo", "ppo", "--prioritised"], "--prioritised belongs to --algo vtrace, got --algo ppo"),
        (["--algo", "vtrace", "--critic-from", "x"], "--critic-from must be empty unless --critic is 'afterstates'"),
        (["--algo", "vtrace", "--capacity", 0], "--capacity must be a positive int, got 0"),
        (["--algo", "ppo", "--body", "ntuple"], "--body must be one that has values"),
        (["--algo", "ppo", "--teacher", "x"], "--teacher belongs to --algo pretrain, got --algo ppo"),
        (["--algo", "ppo", "--games", 5], "--games is no option of --algo ppo"),
        (["--algo", "reinforce", "--lambda-end", 0.5], "--lambda-end is no option of --algo reinforce"),
        (["--lr", 0.1], "--lr is no option of --algo td"),
        (["--from", "x"], "--from is no option of --algo td"),
        (["--body", "mlp"], "--body is no option of --algo td"),
        (["--algo", "magic"], "'--algo'. Expected one of ppo, pretrain, reinforce, td, vtrace."),
        (["--algo", "ppo", "--body", "transformer", "--width", 30], "--width must be a multiple of heads, 4, got 30"),
        (["--algo", "ppo", "--steps", 0], "--steps must be at least 1, got 0"),
        (["--algo", "ppo", "--threads", 0], "--threads must be at least 1, got 0"),
        (["--algo", "ppo", "--parallel-games", 0], "--parallel-games must be an int from 1 to 65536, got 0"),
        (["--algo", "ppo", "--curriculum", 2], "--curriculum must be in [0, 1], got 2.0"),
        (["--algo", "ppo", "--schedule", "linear"], "--steps must be given where --schedule is linear, got None"),
        (["--algo", "ppo", "--width", 0], "--width must be"),
        (["--algo", "ppo", "--body", "conv", "--inputs", "tuples"], "--inputs must be"),
        (["--algo", "ppo", "--minutes", -1], "--minutes must be positive, got -1.0"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_exit_code_2(options, message, tmp_path, capsys):
    code, out, err = run(capsys, *options, "--out", tmp_path / "run")

    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


def test_a_network_is_not_made_anew_where_one_is_given(trained, tmp_path, capsys):
    code, _, err = run(capsys, "--algo", "ppo", "--from", trained, "--width", 32, "--out", tmp_path / "run")

    assert code == 2
    assert "--from brings a network with it; leave out --width" in err


def test_a_missing_network_is_one_line_and_exit_code_1(tmp_path, capsys):
    code, _, err = run(capsys, "--algo", "ppo", "--from", tmp_path / "nothing", "--out", tmp_path / "run")

    assert code == 1
    assert "no network in" in err
    assert err.count("\n") == 1


def test_resume_without_a_run_is_one_line_and_exit_code_1(tmp_path, capsys):
    code, _, err = run(capsys, "--algo", "ppo", "--resume", "--out", tmp_path)

    assert code == 1
    assert "no run in" in err
    assert err.count("\n") == 1
