"""``game2048 curves``: figures of learning, and their numbers."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

from cli.main import main
from tests.agents.test_learning_curves import rows


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture
def runs(tmp_path):
    """Two runs of three decades of moves."""
    for name in ("one", "other $x$"):
        (tmp_path / name).mkdir()
        moves = np.geomspace(1e5, 1e8, 300)
        lines = rows(20_000 * np.log10(moves), moves)
        (tmp_path / name / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [tmp_path / "one", tmp_path / "other $x$"]


def test_runs_are_drawn_side_by_side(runs, tmp_path, capsys):
    code, out, _ = run(capsys, "curves", *runs, "--out", tmp_path / "figures" / "curves.png")

    assert code == 0
    assert "curves.png" in out.replace("\n", "")
    with Image.open(tmp_path / "figures" / "curves.png") as image:
        assert np.unique(np.asarray(image.convert("L"))).size > 20
    numbers = json.loads((tmp_path / "figures" / "curves.json").read_text())
    assert [curve["name"] for curve in numbers] == ["one", "other $x$"]
    assert len(numbers[0]["mean"]) == len(numbers[0]["cpu_seconds"]) > 40


def test_panels_are_games_moves_and_cpu_time(runs, tmp_path, capsys):
    run(capsys, "curves", *runs, "--out", tmp_path / "curves.svg")

    text = (tmp_path / "curves.svg").read_text()
    for axis in ("training games", "training moves", "CPU seconds, all threads together"):
        assert f"<!-- {axis} -->" in text  # matplotlib's comment beside the drawn letters


def test_an_extrapolation_shows_records_and_search(runs, tmp_path, capsys):
    suite = {"rows": [{"row": "1-ply", "mean": 100_000.0}, {"row": "3-ply", "mean": 150_000.0}]}
    (tmp_path / "paper.json").write_text(json.dumps(suite))

    code, _, _ = run(
        capsys, "curves", runs[0], "--until", "1e11", "--evaluated", tmp_path / "paper.json",
        "--out", tmp_path / "further.svg",
    )  # fmt: skip

    assert code == 0
    text = (tmp_path / "further.svg").read_text()
    for label in ("3-ply: 1.50 times the fit", "6-ply, Guei et al. 2021", "95 % band", "fitted"):
        assert f"<!-- {label} -->" in text
    numbers = json.loads((tmp_path / "further.json").read_text())
    assert numbers["search_factors"] == {"3-ply": 1.5}
    assert numbers["extrapolation"]["moves"][-1] == pytest.approx(1e11)
    assert numbers["extrapolation"]["best"][-1] == pytest.approx(220_000, rel=0.05)  # straight on the logarithm


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curves"], "curves needs at least one RUN"),
        (["curves", "a", "--out", "curves.txt"], "--out must end in .png, .svg, .pdf, got curves.txt"),
        (["curves", "a", "b", "--until", "1e9"], "--until is for a single run, got 2"),
        (["curves", "a", "--evaluated", "x.json"], "--evaluated is for an extrapolation: it needs --until"),
        (["curves", "a", "--until", "nan"], "--until must be at least 1, got nan"),
        (["evaluate", "random", "--figure", "x.png"], "--figure draws the rows of a --suite"),
        (["evaluate", "random", "--suite", "paper", "--figure", "x"], "--figure must end in"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, _, err = run(capsys, *arguments)

    assert code == 2
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no metrics.jsonl"),
        ('{"epoch": 1, "loss": 2.0}', "tells nothing of an n-tuple network"),
        ('{"games": 100, "moves": 5000, "mean_score": 1.0}', "has 1 points to fit"),
    ],
)
def test_a_run_without_a_curve_is_named(tmp_path, capsys, content, message):
    if content:
        (tmp_path / "metrics.jsonl").write_text(content + "\n")

    code, _, err = run(capsys, "curves", tmp_path, "--until", "1e9", "--out", tmp_path / "x.png")

    assert code == 1
    assert re.fullmatch(f"game2048: .*{message}.*\n", err)
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        '{"rows": []}',
        '{"rows": [{"row": "1-ply", "mean": 1}, {"row": "3-ply", "mean": NaN}]}',
        '{"rows": [{"row": "1-ply", "mean": 0}]}',
        "[" * 100_000,
    ],
    ids=lambda content: content[:70],
)
def test_a_file_that_is_no_suite_is_named(runs, tmp_path, capsys, content):
    (tmp_path / "x.json").write_text(content)

    code, _, err = run(
        capsys, "curves", runs[0], "--until", "1e9", "--evaluated", tmp_path / "x.json", "--out", tmp_path / "y.png"
    )

    assert code == 1
    assert "x.json is not what 'game2048 evaluate RUN --suite paper --json' prints" in err


def test_the_numbers_of_a_figure_do_not_overwrite_what_was_evaluated(runs, tmp_path, capsys):
    suite = tmp_path / "paper.json"
    suite.write_text("hours of play")

    code, _, err = run(
        capsys, "curves", runs[0], "--until", "1e11", "--evaluated", suite, "--out", tmp_path / "paper.png"
    )

    assert code == 2
    assert "would overwrite" in err
    assert suite.read_text() == "hours of play"


def test_missing_matplotlib_is_told_in_one_line(runs, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    code, _, err = run(capsys, "curves", *runs, "--out", tmp_path / "x.png")

    assert code == 1
    assert "pip install" in err
