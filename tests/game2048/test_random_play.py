"""Random play: the same games as on `Game`, and the score that any right engine gives."""

import numpy as np
import pytest

from game2048 import Game
from game2048.board import action_mask_wide, random_action
from game2048.random_play import random_games
from game2048.rng import mix


def play_slowly(number):
    """Play a random game on the Game class, its actions drawn from the low bits that also draw its tiles."""
    game = Game(seed=number)
    stream = np.uint64(game._rng[0])
    while not game.is_over:
        stream += np.uint64(0x9E3779B97F4A7C15)
        game.play(random_action(np.uint64(action_mask_wide(*game.packed)), np.uint64(mix(stream))))
    return game.score, game.n_moves


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("n_games", [0, 1, 3, 4, 40])
def test_plays_the_games_of_the_game_class(n_games):
    expected = [play_slowly(number) for number in range(n_games)]

    scores, n_moves = random_games(range(n_games))

    assert list(zip(scores.tolist(), n_moves.tolist(), strict=True)) == expected


def test_random_play_scores_about_1090():
    scores, n_moves = random_games(range(20_000))

    assert scores.mean() == pytest.approx(1090, abs=15)
    assert n_moves.mean() == pytest.approx(118, abs=1.5)
