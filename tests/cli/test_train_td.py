"""``game2048 train --algo td``: recipes, single settings, memory, threads."""

import json
from typing import get_args

import pytest

from agents import memory
from agents.checkpoint import load_learner
from agents.recipes import RECIPES
from cli.main import main
from cli.train_td import RecipeName, TDOptions, limits

TINY = ("train", "--network", "17x4")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return (code, *capsys.readouterr())


def test_the_command_line_knows_every_recipe():
    assert set(get_args(RecipeName)) == set(RECIPES)
    assert all(recipe.games or recipe.minutes for recipe in RECIPES.values())


def test_every_recipe_fits_into_24_gib():
    assert max(memory.learning_bytes(recipe.network) for recipe in RECIPES.values()) < 24 * 2**30


@pytest.mark.parametrize(
    ("options", "minutes", "expected"),
    [
        ({}, None, (10_000, None)),
        ({"recipe": "strong"}, None, (None, 120)),
        ({"recipe": "strong"}, 5, (None, 5)),
        ({"recipe": "strong", "games": 7}, None, (7, None)),
        ({"games": 7}, 5, (7, 5)),
    ],
)
def test_a_recipe_limits_what_is_not_limited(options, minutes, expected):
    assert limits(TDOptions(**options), minutes) == expected


def test_single_settings_change_a_recipe(tmp_path, capsys):
    code, out, err = run(
        capsys, *TINY, "--recipe", "strong", "--games", 40, "--lambda-end", 0, "--coherence-from", 0.5, "--carousel",
        "7,6", "--alpha-drops", "0.5,0.75", "--restart-after", 10, "--threads", 1, "--out", tmp_path, "--json",
    )  # fmt: skip

    assert code == 0
    assert json.loads(out)["network"] == "17x4"
    assert json.loads(out)["episodes"] > 40
    assert "17x4: 327,680 weights, 0.00 GiB of memory" in err
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert (settings["restart"], settings["trace_decay_start"], settings["trace_decay_end"]) == (0.5, 0.5, 0.0)
    assert (settings["coherence_from"], settings["planned_games"], settings["threads"]) == (0.5, 40, 1)
    assert (settings["carousel_tiles"], settings["alpha_drops"]) == ([7, 6], [0.5, 0.75])


def test_a_run_with_a_limit_of_time_cools_down_and_is_warm_when_it_goes_on(tmp_path, capsys):
    def steps():
        return [json.loads(line)["alpha"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]

    run(capsys, *TINY, "--minutes", 0.04, "--cool-down", 0.5, "--out", tmp_path)
    first = steps()
    run(capsys, "train", "--resume", "--minutes", 0.04, "--out", tmp_path)
    second = steps()[len(first) :]

    for alphas in (first, second):
        assert alphas[0] == 1
        assert alphas[-1] == pytest.approx(0.1)
        assert alphas == sorted(alphas, reverse=True)


def test_a_resumed_run_may_get_other_threads_and_keeps_its_network(tmp_path, capsys):
    run(capsys, *TINY, "--games", 20, "--restart", 0.3, "--out", tmp_path)

    code, _, err = run(capsys, "train", "--games", 30, "--threads", 2, "--out", tmp_path, "--resume")

    learner = load_learner(tmp_path)
    assert code == 0
    assert "17x4: 327,680 weights, 0.00 GiB of memory" in err
    assert (learner.games, learner.n_threads, learner.network.name) == (30, 2, "17x4")
    assert learner.settings.restart == 0.3


SETTINGS = ("--restart", 0.3, "--carousel", "7,6", "--alpha-drops", "0.5", "--seed", 3)


def test_the_same_command_resumes(tmp_path, capsys):
    """With all its options, which say what the run is already."""
    command = (*TINY, "--recipe", "strong", *SETTINGS, "--out", tmp_path)
    run(capsys, *command, "--games", 20)

    code, _, _ = run(capsys, *command, "--games", 40, "--resume")

    assert code == 0
    assert load_learner(tmp_path).games == 40
    assert load_learner(tmp_path).settings.planned_games == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--network", "4x6"], "--network of this run is 17x4, which --resume keeps; got 4x6"),
        (["--recipe", "record"], "--network of this run is 17x4, which --resume keeps; got 8x6+lines@"),
        (["--network", "9x9"], "--network: a pattern must be"),
        (["--alpha", "0.5"], "--alpha of this run is 1.0, which --resume keeps; got 0.5"),
        (["--lambda-end", "0"], "--lambda-end of this run is 0.5, which --resume keeps; got 0.0"),
        (["--carousel", "0"], "--carousel of this run is (7, 6), which --resume keeps; got ()"),
        (["--alpha-drops", "x"], "--alpha-drops must be numbers joined by commas, got 'x'"),
        (["--seed", "4"], "--seed of this run is 3, which --resume keeps; got 4"),
    ],
    ids=" ".join,
)
def test_what_a_run_cannot_become_is_refused(arguments, message, tmp_path, capsys):
    run(capsys, *TINY, *SETTINGS, "--games", 5, "--out", tmp_path)

    code, _, err = run(capsys, "train", *arguments, "--games", 10, "--out", tmp_path, "--resume")

    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert load_learner(tmp_path).games == 5


@pytest.mark.parametrize("text", ["", "{", "[]", '{"algorithm": 7}', "\0"], ids=repr)
def test_a_run_whose_settings_json_is_damaged_goes_on_by_its_checkpoint(text, tmp_path, capsys):
    run(capsys, *TINY, "--games", 5, "--restart", 0.3, "--out", tmp_path)
    (tmp_path / "settings.json").write_text(text)

    code, _, _ = run(capsys, "train", "--games", 6, "--out", tmp_path, "--resume")

    assert code == 0
    assert json.loads((tmp_path / "settings.json").read_text())["restart"] == 0.3
    assert load_learner(tmp_path).games == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--network", "9x9"], "--network: a pattern must be 2 to 8 different hex digits of cells, got '9x9'"),
        (["--network", "17x4@x"], "--network: stages must be exponents such as 15,14, got 'x'"),
        (["--delay", "-1"], "--delay must be a number of moves from 0 to 100, got -1"),
        (["--restart", "1"], "--restart must be 0 or in [0.1, 1), got 1.0"),
        (["--restart-after", "-1"], "--restart-after must be a number of games, got -1"),
        (["--cool-down", "2", "--minutes", "1"], "--cool-down must be in [0, 1], got 2.0"),
        (["--cool-down", "0.2", "--games", "9"], "--cool-down is a share of --minutes, which must be given"),
        (["--carousel", "15;14"], "--carousel must be numbers joined by commas, got '15;14'"),
        (["--carousel", "17"], "--carousel must be different exponents from 1 to 15, got (17,)"),
        (["--initial", "-5"], "--initial must be from 0 to 4000000 points, got -5.0"),
        (["--coherence-from", "0.9", "--minutes", "1"], "--coherence-from and --alpha-drops are shares of --games"),
        (["--threads", "0"], "--threads must be at least 1, got 0"),
        (["--steps", "5"], "--steps is no option of --algo td"),
        (["--algo", "ppo", "--recipe", "fast"], "--recipe is no option of --algo ppo"),
    ],
    ids=" ".join,
)
def test_wrong_settings_are_named_as_they_are_written(arguments, message, tmp_path, capsys):
    code, _, err = run(capsys, "train", *arguments, "--out", tmp_path / "run")

    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_a_network_that_does_not_fit_is_one_line_and_leaves_the_old_run(tmp_path, capsys, monkeypatch):
    run(capsys, *TINY, "--games", 5, "--out", tmp_path)
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**6)

    code, _, err = run(capsys, "train", "--recipe", "record", "--out", tmp_path, "--overwrite")

    assert code == 1
    assert "GiB of memory" in err
    assert "do not fit: 0.00 GiB are available" in err
    monkeypatch.undo()
    assert load_learner(tmp_path).games == 5
