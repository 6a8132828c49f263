"""``game2048 compact``: a file to share, and nothing else that changes."""

import json

import pytest

from agents.checkpoint import load_agent, load_learner
from cli.main import main


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return (code, *capsys.readouterr())


@pytest.fixture
def trained(tmp_path, capsys):
    """A folder with a run of a small network."""
    run(capsys, "train", "--network", "lines", "--games", 20, "--out", tmp_path / "run")
    return tmp_path / "run"


def test_a_run_becomes_one_small_file_that_plays(trained, capsys):
    code, out, _ = run(capsys, "compact", trained)

    path = trained / "compact" / "network.safetensors"
    assert code == 0
    assert f"Wrote {path} ({path.stat().st_size:,} bytes), weights in units of 0." in out.replace("\n", "")
    assert f"game2048 evaluate {trained / 'compact'}" in out
    assert load_agent(trained / "compact").name == "n-tuple lines, 20 games, compact"
    code, out, _ = run(capsys, "evaluate", path, "--games", 2, "--json")
    assert (code, json.loads(out)["games"]) == (0, 2)


def test_a_folder_without_a_network_is_one_line_and_is_not_made(tmp_path, capsys):
    code, _, err = run(capsys, "compact", tmp_path / "none")

    assert code == 1
    assert "no model in" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_the_folder_of_a_run_is_refused_and_stays_as_it_was(trained, capsys):
    before = (trained / "settings.json").read_bytes()

    code, _, err = run(capsys, "compact", trained, "--out", trained)

    assert code == 2
    assert "--out must not hold a run" in err
    assert (trained / "settings.json").read_bytes() == before
    assert load_learner(trained).games == 20


@pytest.mark.parametrize(
    ("unit", "message"),
    [("3", "--unit must be a power of two of at least"), ("1e-9", "got 1e-09"), ("nan", "got nan")],
)
def test_a_unit_that_is_none_is_refused(unit, message, trained, capsys):
    code, _, err = run(capsys, "compact", trained, "--unit", unit)

    assert code == 2
    assert message in err
    assert not (trained / "compact").exists()


def test_training_does_not_replace_a_compact_network_unasked(trained, capsys):
    run(capsys, "compact", trained)
    before = {path.name: path.read_bytes() for path in (trained / "compact").iterdir()}
    command = ("train", "--network", "lines", "--games", 5, "--out", trained / "compact")

    code, _, err = run(capsys, *command)

    assert code == 1
    assert "holds a compact network; replace it with --overwrite" in err
    assert {path.name: path.read_bytes() for path in (trained / "compact").iterdir()} == before
    assert run(capsys, *command, "--overwrite")[0] == 0
    assert {path.name for path in (trained / "compact").iterdir()} == {
        "checkpoint.safetensors", "settings.json", "metrics.jsonl",
    }  # fmt: skip


def test_out_may_not_be_a_file(trained, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")

    code, _, err = run(capsys, "compact", trained, "--out", tmp_path / "file")

    assert code == 1
    assert f"{tmp_path / 'file'}" in err
    assert (tmp_path / "file").read_text() == "mine"
