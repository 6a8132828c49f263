"""Learning curves: bins that tell what the blocks tell, and extrapolations that hold what they promise."""

import json
from dataclasses import replace

import numpy as np
import pytest

from agents.learning_curves import FEWEST_BINS, LearningCurve, extrapolate, learning_curve, read_curve

TILES = ("1024", "2048")


def rows(scores, moves, games=100):
    return [
        {
            "games": games * (i + 1), "moves": int(move), "seconds": 2.0 * (i + 1), "cpu_seconds": 1.5 * (i + 1),
            "mean_score": float(score), "tile_rates": dict.fromkeys(TILES, 0.5),
        }
        for i, (score, move) in enumerate(zip(scores, moves, strict=True))
    ]  # fmt: skip


def curve(score, moves, noise=0.0, seed=0):
    means = score(moves) + np.random.default_rng(seed).normal(0, 1, moves.size) * noise
    games = np.arange(1.0, moves.size + 1)  # as many in every bin
    return LearningCurve("a run", {"games": games, "moves": moves}, means, np.zeros(moves.size), {})


def test_a_bin_is_the_mean_of_its_games():
    """Ten blocks around 10**6 moves are one bin, and the last block, of 50 games, counts half as much."""
    lines = rows(range(10), np.linspace(1.0e6, 1.1e6, 10))
    lines[-1]["games"] -= 50

    found = learning_curve(lines, "a run")

    assert found.mean == pytest.approx([(sum(range(9)) + 4.5) / 9.5])
    assert found.half_width == pytest.approx([2.262157 * np.std(range(10), ddof=1) / np.sqrt(10)], rel=1e-6)
    assert {name: values.tolist() for name, values in found.over.items()} == {
        "games": [950], "moves": [1.1e6], "seconds": [20], "cpu_seconds": [15],
    }  # fmt: skip
    assert found.tile_rates.keys() == set(TILES)


def test_bins_are_equally_wide_on_the_logarithm():
    found = learning_curve(rows(range(1000), np.geomspace(1e5, 1e8, 1000)), "a run")

    assert found.mean.size == pytest.approx(3 * 16, abs=2)
    assert (np.diff(np.log10(found.over["moves"])) < 0.1).all()


def test_bins_of_few_blocks_are_joined():
    """Ten blocks in ten bins: of four each, and the last two with those before."""
    found = learning_curve(rows(range(10), np.geomspace(1e5, 1e8, 10)), "a run")

    assert found.mean.tolist() == [1.5, 6.5]
    assert found.over["games"].tolist() == [400, 1000]
    assert np.isfinite(found.half_width).all()


def test_a_bin_counts_by_its_games():
    """A first bin that is far off changes next to nothing once it holds a millionth of the games of the others."""
    moves = np.geomspace(1e6, 1e7, 17)
    straight = curve(np.log, moves)
    off = replace(straight, mean=np.concatenate(([0.0], straight.mean[1:])))
    few = replace(off, over={"games": np.arange(17.0) + 1e-6, "moves": moves})

    truth, wrong, right = (extrapolate(shown, 1e9).best[-1] for shown in (straight, off, few))

    assert abs(wrong - truth) > 0.3
    assert abs(right - truth) < 0.1


def test_clocks_that_began_anew_are_added_up():
    lines = rows([1, 2, 3], [1e5, 1e6, 1e7])
    lines[2]["seconds"] = 1.0  # of a run that was resumed

    assert learning_curve(lines, "a run").over["seconds"].tolist() == [5]


def test_what_a_run_does_not_tell_is_left_out():
    lines = rows([1, 2], [1e5, 1e6])
    del lines[0]["cpu_seconds"]

    assert learning_curve(lines, "a run").over.keys() == {"games", "moves", "seconds"}


def test_numbers_are_json_without_nan():
    numbers = learning_curve(rows([1], [1e5]), "a run").to_json()

    assert json.loads(json.dumps(numbers, allow_nan=False))["half_width"] == [None]


def test_metrics_of_other_models_have_no_curve(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert read_curve(path, "nothing") is None

    path.write_text('{"epoch": 1, "loss": 2.0}\n{"games": 0, "steps": 100, "mean_score": null}\n')

    assert read_curve(path, "other") is None


@pytest.mark.parametrize(
    "change",
    [
        {"games": 0}, {"moves": 0}, {"moves": -5}, {"moves": None}, {"moves": 10**400}, {"mean_score": float("nan")},
        {"mean_score": float("inf")}, {"mean_score": "1"}, {"mean_score": True},
    ],
    ids=str,
)  # fmt: skip
def test_a_line_that_tells_no_score_of_games_is_left_out(tmp_path, change):
    lines = rows(range(4), [1e5, 2e5, 3e5, 4e5])
    path = tmp_path / "metrics.jsonl"
    for broken in (0, 2, 3):
        told = [{**line, **change} if i == broken else line for i, line in enumerate(lines)]
        path.write_text("".join(json.dumps(line) + "\n" for line in told))

        found = read_curve(path, "a run")

        assert found.to_json() == learning_curve([lines[i] for i in range(4) if i != broken], "a run").to_json()


@pytest.mark.parametrize("rates", [None, [1], {"2048": 0.5}, {"1024": "x", "2048": 0.5}], ids=str)
def test_rates_that_some_lines_do_not_tell_are_left_out(rates):
    lines = rows(range(4), [1e5, 2e5, 3e5, 4e5])
    lines[2]["tile_rates"] = rates

    assert learning_curve(lines, "a run").tile_rates.keys() == ({"2048"} if isinstance(rates, dict) else set())


@pytest.mark.parametrize("seconds", [float("nan"), "1", None], ids=str)
def test_times_that_some_lines_do_not_tell_are_left_out(seconds):
    lines = rows(range(4), [1e5, 2e5, 3e5, 4e5])
    lines[2]["seconds"] = seconds

    assert learning_curve(lines, "a run").over.keys() == {"games", "moves", "cpu_seconds"}


# --- extrapolation ---


@pytest.mark.parametrize("c", [0.0, 0.3, 1.0])
def test_a_curve_of_the_family_is_found_again(c):
    def score(n):
        return 20_000 + 50_000 * (np.log(n / 1e6) if c == 0 else (1 - (n / 1e6) ** -c) / c)

    found = extrapolate(curve(score, np.geomspace(1e6, 1e8, 33)), 1e11, decades=2)

    assert found.exponent == pytest.approx(c)
    np.testing.assert_allclose(found.best, score(found.moves), rtol=1e-6)
    np.testing.assert_allclose(found.high, found.low, rtol=1e-3)


def test_the_band_holds_what_comes_in_most_cases():
    """Of noisy curves: three decades later, the truth lies in nine of ten 95 % bands."""

    def score(n):
        return 300_000 - 250_000 * (n / 1e6) ** -0.2

    held = []
    for seed in range(60):
        found = extrapolate(curve(score, np.geomspace(1e6, 3e7, 24), noise=2000, seed=seed), 3e10)
        held.append(found.low[-1] <= score(3e10) <= found.high[-1])

    assert np.mean(held) >= 0.9


def test_noise_leaves_the_future_open():
    def width(noise):
        found = extrapolate(curve(lambda n: 1e4 * np.log(n), np.geomspace(1e6, 3e7, 24), noise=noise), 1e10)
        assert (found.low <= found.best).all()
        assert (found.best <= found.high).all()
        return found.high[-1] - found.low[-1]

    assert width(100) < width(1000) < width(5000)


def test_too_few_points_are_refused():
    with pytest.raises(ValueError, match=f"a run has 3 points to fit, {FEWEST_BINS} are needed"):
        extrapolate(curve(np.log, np.geomspace(1e6, 2e6, 3)), 1e9)


def test_the_past_is_not_extrapolated():
    with pytest.raises(ValueError, match=r"until must be more than the 3e\+07 moves that were played, got 1e\+07"):
        extrapolate(curve(np.log, np.geomspace(1e6, 3e7, 24)), 1e7)
