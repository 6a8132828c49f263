"""Games of a teacher: its own moves and values, spread over whole games, the same for any number of threads."""

import numpy as np
import pytest

from agents.networks import DEFAULT
from agents.ntuple import NTupleAgent, Values
from agents.policy.boards import action_masks, exponents
from agents.policy.rewards import tile_sums
from agents.policy.teacher_games import TeacherGames
from game2048 import board as rules
from game2048.game import Game
from tests.agents.policy.teachers import learned_teacher


@pytest.fixture(scope="module")
def teacher():
    return learned_teacher().agent()


def fields(moves):
    return moves.boards, moves.best, moves.values, moves.rewards, moves.over


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(fields(one), fields(other), strict=True))


def test_moves_and_values_are_the_teachers(teacher):
    """As it would move in a `Game` with each of the boards."""
    moves = TeacherGames(teacher, 3, seed=1).play(50)

    for board, best, values in zip(
        moves.boards[:, :-1].ravel(), moves.best.ravel(), moves.values.reshape(-1, 4), strict=True
    ):
        game = Game(board=rules.unpack(board).reshape(4, 4))
        np.testing.assert_array_equal(values, teacher.move_values(game))
        assert best == teacher.act(game)


def test_every_board_follows_from_the_one_before_by_the_rules(teacher):
    """A move, its points and one new tile; or the beginning of another game after the last move."""
    moves = TeacherGames(teacher, 8, seed=2).play(400)
    tables = rules.row_tables()

    for game, t in np.ndindex(moves.best.shape):
        after, _, points = rules.play(moves.boards[game, t], 0, int(moves.best[game, t]), tables)
        then = rules.unpack(moves.boards[game, t + 1])
        assert moves.rewards[game, t] == points
        if moves.over[game, t]:
            assert np.count_nonzero(then) == 2
        else:
            changed = then[then != rules.unpack(after)]
            assert changed.size == 1
            assert changed[0] in (1, 2)
    assert moves.over.any()
    assert action_masks(moves.boards.ravel()).any(1).all()


def test_positions_come_from_everywhere_in_a_game(teacher):
    """From the first moves on: 100 games are not all near their beginnings."""
    games = TeacherGames(teacher, 100)

    sums = tile_sums(games.boards)

    assert np.quantile(sums, 0.1) < 250 < 700 < np.quantile(sums, 0.9)
    assert np.unique(sums).size > 60


@pytest.mark.parametrize("exploration", [0.0, 0.3])
def test_neither_threads_nor_calls_change_the_games(teacher, exploration):
    one, other = (TeacherGames(teacher, 5, 7, exploration=exploration, n_threads=n) for n in (1, 3))
    whole = one.play(60)

    parts = [other.play(n) for n in (20, 1, 39)]

    assert np.array_equal(np.concatenate([part.best for part in parts], 1), whole.best)
    assert np.array_equal(np.concatenate([part.boards[:, :-1] for part in parts], 1), whole.boards[:, :-1])
    assert np.array_equal(other.boards, one.boards)
    assert not same(TeacherGames(teacher, 5, 8, exploration=exploration).play(60), whole)


def test_games_go_on_exactly_from_a_state(teacher):
    one, other = TeacherGames(teacher, 4, 1), TeacherGames(teacher, 4, 2)
    one.play(30)
    other.load_state_dict({name: array.copy() for name, array in one.state_dict().items()})

    assert same(one.play(30), other.play(30))


def test_random_moves_lead_off_the_path_but_the_answers_stay_the_teachers(teacher):
    """With 1 in 4: a random move is the teacher's own in some cases, and its games are worse."""
    moves = TeacherGames(teacher, 20, seed=3, exploration=0.25).play(300)
    plain = TeacherGames(teacher, 20, seed=3).play(300)
    tables = rules.row_tables()

    differ = 0
    for game, t in np.ndindex(moves.best.shape):
        after, _, _ = rules.play(moves.boards[game, t], 0, int(moves.best[game, t]), tables)
        then = rules.unpack(moves.boards[game, t + 1])
        differ += not moves.over[game, t] and np.count_nonzero(then != rules.unpack(after)) != 1

    assert (moves.best == moves.values.argmax(2)).all()
    assert 0.25 * 0.5 < differ / moves.best.size < 0.25 * 0.8  # of two to four legal actions one is the teacher's
    assert moves.over.sum() > 1.5 * plain.over.sum()


def test_a_game_ends_where_a_board_could_not_show_its_tiles():
    """Two tiles of 32768 make one that a packed board cannot hold; another game begins."""
    values = Values(DEFAULT, np.zeros(DEFAULT.n_weights, np.float32))
    games = TeacherGames(NTupleAgent(values), 1)
    games.boards[...] = rules.pack([15, 15, 0, 0] + 12 * [0])[0]

    moves = games.play(1)

    assert moves.rewards[0, 0] == 65536
    assert moves.over[0, 0]
    assert exponents(moves.boards[0])[1].max() <= 2


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"n_games": 0}, "n_games must be at least 1, got 0"),
        ({"exploration": 1.5}, r"exploration must be in \[0, 1\], got 1.5"),
        ({"n_threads": 0}, "n_threads must be at least 1, got 0"),
    ],
)
def test_what_makes_no_games_is_refused(teacher, chosen, message):
    with pytest.raises(ValueError, match=message):
        TeacherGames(teacher, **{"n_games": 1, **chosen})


def test_a_state_of_other_games_is_refused_and_changes_nothing(teacher):
    games = TeacherGames(teacher, 3)
    before = games.boards.copy()

    with pytest.raises(ValueError, match=r"boards must be uint64 of shape \(3,\), got uint64 \(4,\)"):
        games.load_state_dict(TeacherGames(teacher, 4).state_dict())

    assert (games.boards == before).all()
