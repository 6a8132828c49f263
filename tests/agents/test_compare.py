"""Comparisons: pairs of games, and what is sure about them."""

import numpy as np
import pytest

from agents.baselines import GreedyAgent, RandomAgent
from agents.compare import compare
from agents.evaluate import Results, play_results
from agents.game_log import GameResult
from nets.intervals import student_t


def results(scores, first_seed=0):
    games = (GameResult(first_seed + i, int(score), 9, 100, 1.0, 1.0) for i, score in enumerate(scores))
    return Results("someone", 5, tuple(games))


def test_the_figures_are_those_of_the_differences():
    first, second = [1000, 2000, 3000, 5000], [900, 2000, 2000, 6000]

    comparison = compare(results(first), results(second))

    differences = np.subtract(first, second)
    half_width = student_t(3) * differences.std(ddof=1) / 2
    assert comparison.games == 4
    assert comparison.mean_difference == 25
    assert comparison.ci95 == pytest.approx((25 - half_width, 25 + half_width), abs=0.01)
    assert comparison.win_rate == 0.625  # two wins, one draw
    assert comparison.correlation == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-4)
    assert comparison.verdict() == "the difference may be chance"


def test_shared_luck_makes_a_small_difference_sure():
    """Ten points between scores that vary by thousands."""
    luck = np.random.default_rng(0).normal(20_000, 5_000, 200).round()

    comparison = compare(results(luck + 10), results(luck))

    assert comparison.verdict() == "the first scores more"
    assert compare(results(luck), results(luck + 10)).verdict() == "the second scores more"
    assert comparison.ci95 == (10, 10)
    assert comparison.correlation == 1


def test_an_agent_ties_with_itself():
    games = play_results(RandomAgent(), n_games=20, seed=5)

    comparison = compare(games, play_results(RandomAgent(), n_games=20, seed=5))

    assert comparison.mean_difference == 0
    assert comparison.win_rate == 0.5
    assert comparison.correlation == 1


def test_the_better_baseline_wins():
    better, worse = (play_results(agent, n_games=200, seed=5) for agent in (GreedyAgent(), RandomAgent()))

    assert compare(better, worse).verdict() == "the first scores more"


def test_a_single_pair_proves_nothing():
    comparison = compare(results([2000]), results([1000]))

    assert comparison.ci95 is comparison.correlation is None
    assert comparison.verdict() == "the difference may be chance"


def test_games_of_other_seeds_are_no_pairs():
    with pytest.raises(ValueError, match="the same seeds"):
        compare(results([1, 2]), results([1, 2], first_seed=1))
