"""Game: what a person sees of the rules."""

import re

import numpy as np
import pytest

from game2048 import Game, IllegalMoveError
from game2048.formats import format_game, parse_game
from game2048.rng import game_seeds, seed
from tests.oracles.board import NaiveGame, legal_actions


@pytest.mark.parametrize("game_seed", range(20))
def test_a_whole_game_agrees_with_the_naive_twin(game_seed):
    game, twin = Game(game_seed), NaiveGame(game_seed)
    generator = np.random.default_rng(game_seed)

    while not game.is_over:
        assert game.board.tolist() == twin.cells
        assert game.legal_actions == legal_actions(twin.cells)
        action = int(generator.choice(game.legal_actions))
        assert game.play(action) == twin.play(action)

    assert game.score == twin.score
    assert legal_actions(twin.cells) == []


def test_the_score_follows_from_the_tiles_and_the_fours():
    """Score = sum((e - 1) 2**e) - 4 * (number of new fours)."""
    game = Game(5)
    fours = int((game.board == 2).sum())
    generator = np.random.default_rng(5)
    while not game.is_over:
        game.play(int(generator.choice(game.legal_actions)))
    fours += int((game.record().plies & 1).sum())

    e = game.board.astype(int)

    assert game.score == ((e - 1) * 2**e * (e > 0)).sum() - 4 * fours


def test_a_game_starts_with_two_tiles():
    for game_seed in range(100):
        assert (Game(game_seed).board > 0).sum() == 2


def test_the_same_seed_gives_the_same_game():
    assert Game(2**64 - 1).board.tolist() == Game(2**64 - 1).board.tolist()
    assert Game(1).board.tolist() != Game(2).board.tolist()


def test_a_game_that_makes_65536_and_131072_goes_on():
    game = Game(0, board=[[15, 15, 1, 2], [16, 3, 4, 5], [0] * 4, [0] * 4])

    assert game.play(3) == 65536
    assert game.max_tile == 65536
    assert game.board[0, 0] == 16
    assert game.play(0) == 131072
    assert game.max_tile == 131072
    assert game.board[0, 0] == 17
    assert game.score == 65536 + 131072
    assert game.record().max_tile == 131072


def test_illegal_and_unknown_actions_are_refused_and_change_nothing():
    game = Game(0, board=[[1, 2, 3, 4], [0] * 4, [0] * 4, [0] * 4])
    before = game.board.tolist()

    with pytest.raises(IllegalMoveError, match=r"action 3 \(left\) does not change the board"):
        game.play(3)
    with pytest.raises(ValueError, match="must be 0"):
        game.play(4)

    assert game.board.tolist() == before
    assert game.n_moves == 0


def test_the_board_handed_out_is_a_copy():
    game = Game(0)
    game.board[:] = 9

    assert game.board.max() <= 2


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed must be a non-negative integer, got -1"):
        seed(-1)


def test_series_of_games_share_no_seed_and_fit_javascript():
    all_seeds = np.concatenate([game_seeds(s, 1000) for s in range(50)])

    assert len(set(all_seeds.tolist())) == all_seeds.size
    assert all_seeds.max() < 2**53
    assert (game_seeds(3, 10)[4:] == game_seeds(3, 6, first=4)).all()


def test_a_record_of_a_game_replays_to_its_end():
    game = Game(11)
    while not game.is_over:
        game.play(game.legal_actions[0])

    record = game.record("first legal action")

    assert record.score == game.score
    assert record.boards[-1].tolist() == game.board.tolist()
    assert record.seed == 11


# --- integers of every kind, and what is none ---


@pytest.mark.parametrize("kind", [int, np.int8, np.int64, np.uint64, np.array])
def test_every_kind_of_integer_is_a_seed_and_an_action(kind):
    game, twin = Game(kind(5)), Game(5)

    action = twin.legal_actions[0]

    assert game.play(kind(action)) == twin.play(action)
    assert parse_game(format_game(game.record())) == twin.record()
    assert type(game.record().seed) is int


@pytest.mark.parametrize("value", [None, 1.5, "1", -1, np.int64(-1), np.array([1]), [1]])
def test_what_is_no_seed_is_named(value):
    with pytest.raises(ValueError, match=re.escape(f"seed must be a non-negative integer, got {value!r}")):
        Game(value)


@pytest.mark.parametrize("value", [None, 1.0, "1", -1, 4, 2**70, np.array([1]), np.array(4), [1]])
def test_what_is_no_action_is_named(value):
    game = Game(0)

    with pytest.raises(
        ValueError, match=re.escape(f"action must be 0 (up), 1 (right), 2 (down) or 3 (left), got {value!r}")
    ):
        game.play(value)

    assert game.n_moves == 0


def test_the_record_of_a_seed_beyond_64_bits_names_the_same_game():
    game = Game(2**64 + 5)

    assert game.board.tolist() == Game(5).board.tolist()
    assert game.record().seed == 5
