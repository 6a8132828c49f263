"""Compressed rewards: against the formulas written out, and at their corners."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.rewards import REWARDS, compress, tile_sums


def naive(reward, points, board, over, scale, end_penalty):
    """One reward, from the table in the module's docstring."""
    tiles = [(board >> 4 * cell) & 15 for cell in range(16)]
    total = sum(2**e for e in tiles if e)
    value = {"log2": lambda: math.log2(points) / 11, "score/sum": lambda: points / total, "points": lambda: points}
    return scale * (value[reward]() if points else 0.0) - (end_penalty if over else 0.0)


moves = st.tuples(st.integers(1, 2**64 - 1), st.integers(0, 2**15).map(lambda half: 2 * half), st.booleans())


@pytest.mark.parametrize("reward", REWARDS)
@given(st.lists(moves, min_size=1, max_size=20), st.floats(0.1, 3), st.floats(0, 2))
def test_rewards_are_as_the_table_says(reward, given_moves, scale, end_penalty):
    boards = np.array([b for b, _, _ in given_moves], np.uint64)
    points = np.array([p for _, p, _ in given_moves], np.float32)
    over = np.array([o for _, _, o in given_moves])

    rewards = compress(reward, points, boards, over, scale=scale, end_penalty=end_penalty)

    expected = [naive(reward, p, b, o, scale, end_penalty) for b, p, o in given_moves]
    np.testing.assert_allclose(rewards, expected, rtol=1e-5, atol=1e-5)


def test_shape_is_kept_and_a_move_without_points_is_worth_nothing():
    boards = np.full((2, 3), 0x11, np.uint64)

    rewards = compress("log2", np.zeros((2, 3), np.float32), boards, np.zeros((2, 3), bool), end_penalty=1.0)

    assert rewards.shape == (2, 3)
    assert not rewards.any()


def test_the_2048_tile_is_worth_one_in_log2():
    board = np.array([0xAA], np.uint64)

    assert compress("log2", np.array([2048.0], np.float32), board, np.array([False])) == 1.0


def test_sums_of_tiles_are_exact_on_a_full_board_of_the_largest_tiles():
    assert tile_sums(np.array([2**64 - 1, 0, 0x1], np.uint64)).tolist() == [16 * 2**15, 0, 2]


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"of one shape, got \(2,\), \(3,\), \(2,\)"):
        compress("log2", np.zeros(2, np.float32), np.zeros(3, np.uint64), np.zeros(2, bool))
