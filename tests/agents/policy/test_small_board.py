"""The oracle on four cells: its rules are the game's, its best score is right, and its games follow both."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.boards import exponents, transform
from game2048.symmetry import ACTIONS
from tests.oracles import board as naive
from tests.oracles.small_board import SmallGames, slide, spawns, two_by_two

BOARD = two_by_two()
OPTIMUM = 66.96414945710126
cells = st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=4, max_size=4)


@given(cells, st.integers(0, 3))
def test_tiles_slide_as_in_the_game(cells, action):
    after, points = slide(tuple(map(tuple, cells)), action)

    assert (list(map(list, after)), points) == naive.slide(cells, action)


def test_the_best_score_is_that_of_a_recursion_over_all_games():
    """Expected points of the best player, straight from the rules, without tables."""

    @cache
    def value(cells):
        slides = [slide(cells, action) for action in range(4)]
        return max(
            (
                points + sum(p * value(board) for board, p in spawns(after))
                for after, points in slides
                if after != cells
            ),
            default=0.0,
        )

    empty = ((0, 0), (0, 0))
    score = sum(p * q * value(two) for one, p in spawns(empty) for two, q in spawns(one))

    assert score == pytest.approx(OPTIMUM, rel=1e-12)
    assert BOARD.best_score() == pytest.approx(OPTIMUM, rel=1e-12)


def test_the_best_actions_reach_the_best_score_and_random_ones_do_not():
    values = BOARD.action_values(BOARD.best_values())
    best = (values == values.max(1, keepdims=True)) & BOARD.legal
    uniform = BOARD.legal / np.maximum(BOARD.legal.sum(1, keepdims=True), 1)

    assert BOARD.expected_score(best / np.maximum(best.sum(1, keepdims=True), 1)) == pytest.approx(OPTIMUM, rel=1e-9)
    assert BOARD.expected_score(uniform) == pytest.approx(19.6565, abs=1e-4)


def test_all_tiles_are_in_the_middle_so_that_a_turned_board_is_a_board():
    """And an action becomes what `game2048.symmetry` calls it, with the same value."""
    values = BOARD.action_values(BOARD.best_values())

    assert not exponents(BOARD.boards)[:, [0, 1, 2, 3, 4, 7, 8, 11, 12, 13, 14, 15]].any()
    for symmetry in range(8):
        turned = BOARD.numbers(transform(BOARD.boards, symmetry))
        np.testing.assert_allclose(values[turned][:, ACTIONS[symmetry]], values, rtol=1e-12)


def best_actions(games):
    values = BOARD.action_values(BOARD.best_values())
    return values[BOARD.numbers(games.boards)].argmax(1).astype(np.uint8)


def test_games_of_the_best_player_score_the_optimum():
    """The first game of each column, within three standard errors; fixed seed."""
    games = SmallGames(3000, seed=2)
    scores, running = np.zeros(3000), np.ones(3000, bool)

    while running.any():
        points, over = games.step(best_actions(games))
        scores += points * running
        running &= ~over

    assert abs(scores.mean() - OPTIMUM) < 3 * scores.std() / np.sqrt(3000)


def test_every_point_and_move_is_told_with_the_game_that_made_it():
    games = SmallGames(50, seed=1)

    points = sum(games.step(best_actions(games))[0].sum() for _ in range(200))
    finished = games.take_finished()

    assert points == finished.scores.sum() + games.counts[:, 0].sum()
    assert finished.n_moves.sum() + games.counts[:, 1].sum() == 50 * 200
    assert set(finished.max_exponents.tolist()) <= {3, 4, 5}
    assert games.take_finished().scores.size == 0


def test_games_do_not_depend_on_the_parts_they_are_stepped_in_and_resume():
    one, other, third = SmallGames(10, seed=3), SmallGames(10, seed=3), SmallGames(10, seed=4)

    for step in range(40):
        actions = best_actions(one)
        points, over = one.step(actions)
        parts = [other.step(actions[part], part) for part in (slice(0, 4), slice(4, 10))]
        np.testing.assert_array_equal(np.concatenate([p for p, _ in parts]), points)
        np.testing.assert_array_equal(np.concatenate([o for _, o in parts]), over)
        if step == 20:
            third.load_state_dict({name: array.copy() for name, array in one.state_dict().items()})
        elif step > 20:
            third.step(actions)

    np.testing.assert_array_equal(one.boards, other.boards)
    np.testing.assert_array_equal(one.boards, third.boards)
    assert one.masks(one.boards[None]).shape == (1, 10, 4)
