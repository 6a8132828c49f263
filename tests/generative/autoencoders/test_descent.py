"""Adam against SGD: the same start, the same batches, the same measure."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import nets
from generative.autoencoders.descent import MNIST_VAE, Comparison, Descent, compare_optimizers, plot_descent
from generative.errors import SettingError
from nets.data import glyphs

TOY = replace(MNIST_VAE, settings={"latent": 3, "widths": [16], "likelihood": "gaussian"}, batch_size=16)
LETTERS = glyphs(120, characters="AB", size=12, generator=0)


def compare(**settings):
    given = {
        "steps": 30,
        "floor_steps": 120,
        "sgd_rates": (1e-3, 1e-2),
        "adam_rates": (1e-3,),
        "every": 10,
        "recipe": TOY,
        **settings,
    }
    return compare_optimizers(LETTERS, **given)


@pytest.fixture(scope="module")
def comparison():
    return compare()


def descent(rule, lr, *losses):
    return Descent(rule=rule, lr=lr, steps=tuple(range(len(losses))), losses=losses)


def test_all_runs_start_from_the_same_loss_and_take_the_same_steps(comparison):
    assert {run.losses[0] for run in (*comparison.runs, comparison.long_run)} == {comparison.runs[0].losses[0]}
    assert {run.steps for run in comparison.runs} == {(0, 10, 20, 30)}
    assert comparison.long_run.steps[-1] == 120


def test_the_floor_is_below_all_runs(comparison):
    assert comparison.floor == min(min(run.losses) for run in (*comparison.runs, comparison.long_run))


def test_who_reaches_the_floor_is_infinitely_much_closer():
    runs = (descent("adam", 1e-3, 9.0, 2.0), descent("sgd", 1e-3, 9.0, 3.0))

    assert Comparison(floor=2.0, long_run=runs[0], runs=runs, seed=0).ratio == np.inf


def test_the_same_seed_gives_the_same_figures_and_another_does_not(comparison):
    assert compare() == comparison
    assert compare(seed=1).floor != comparison.floor


def test_measuring_changes_nothing():
    often, seldom = (compare(every=every, sgd_rates=(1e-3,)) for every in (5, 10))

    np.testing.assert_array_equal(often.runs[0].losses[::2], seldom.runs[0].losses)


def test_the_best_rate_counts_and_the_ratio_is_of_the_distances():
    runs = (descent("adam", 1e-3, 9.0, 2.5), descent("sgd", 0.1, 9.0, 8.0), descent("sgd", 0.2, 9.0, 7.0))
    figures = Comparison(floor=2.0, long_run=descent("adam", 1e-3, 9.0, 2.0), runs=runs, seed=0)

    assert figures.best("sgd").lr == 0.2
    assert (figures.distance("adam"), figures.distance("sgd"), figures.ratio) == (0.5, 5.0, 10.0)


def test_a_rate_for_both_rules_gives_a_ratio_of_its_own():
    runs = (descent("adam", 0.1, 9.0, 3.0), descent("adam", 0.2, 9.0, 4.0), descent("sgd", 0.1, 9.0, 8.0))
    figures = Comparison(floor=2.0, long_run=descent("adam", 0.1, 9.0, 2.0), runs=runs, seed=0)

    assert figures.ratio_at(0.1) == 6.0
    with pytest.raises(SettingError, match=r"both rules were run with, got 0\.2"):
        figures.ratio_at(0.2)


def test_the_best_rate_is_bracketed_if_there_are_worse_ones_on_both_sides():
    rates = {"adam": (5.0, 4.0, 6.0), "sgd": (9.0, 8.0, 7.0)}
    runs = tuple(descent(rule, 0.1 * i, 9.0, last) for rule, ends in rates.items() for i, last in enumerate(ends, 1))
    figures = Comparison(floor=2.0, long_run=descent("adam", 0.1, 9.0, 2.0), runs=runs, seed=0)

    assert figures.is_bracketed("adam")
    assert not figures.is_bracketed("sgd")


def test_the_floor_is_from_adams_best_rate():
    figures = compare(adam_rates=(1e-5, 3e-3), sgd_rates=(1e-3,))

    assert figures.long_run.lr == figures.best("adam").lr == 3e-3


def test_a_rate_at_which_sgd_diverges_is_infinitely_far():
    figures = compare(sgd_rates=(1e-3, 1e30))

    diverged = figures.runs[-1]
    assert diverged.last == math.inf
    assert diverged.steps == (0, 10, 20, 30)
    assert figures.best("sgd").lr == 1e-3
    assert json.loads(json.dumps(figures.as_dict()))["runs"][-1]["losses"][-1] is None


def test_each_run_is_told_of():
    told = []

    figures = compare(tell=told.append, sgd_rates=(1e-3,), floor_steps=40)

    assert told == [*figures.runs, figures.long_run]


def test_the_plot_shows_the_distance_to_the_floor(comparison):
    figure = pytest.importorskip("matplotlib.figure").Figure()

    ax = plot_descent(figure.subplots(), comparison)

    assert ax.get_yscale() == "log"
    assert len(ax.get_lines()) == len(comparison.runs)
    expected = np.array(comparison.runs[0].losses) - comparison.floor
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), expected)
    assert len(ax.get_legend().get_texts()) == len(comparison.runs)


def test_the_common_stream_is_no_part_of_the_measure(comparison):
    nets.manual_seed(12345)

    assert compare().runs[0].losses == comparison.runs[0].losses


@pytest.mark.parametrize("settings", [{"steps": 120}, {"steps": 0}])
def test_a_floor_from_no_longer_run_is_refused(settings):
    with pytest.raises(SettingError, match="floor_steps must be more than steps"):
        compare(**settings)
