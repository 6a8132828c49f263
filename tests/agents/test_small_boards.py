"""Small boards: walls, exact solutions, and what search and learning make of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.networks import Network
from agents.ntuple import Values
from agents.search_kernels import best_action, lookup_of, new_desk
from agents.search_memory import new_memory
from agents.small_boards import SolvedBoard, half_sum, walled_tables, walls
from agents.td import TDLearner, TDSettings
from game2048 import board as rules
from tests.oracles import small_board as naive

NOTHING = Network.named("0123")  # a network for searches that go to the end of the game


@pytest.fixture(scope="module")
def two_by_three():
    return SolvedBoard(2, 3)


@pytest.fixture(scope="module")
def three_by_three():
    """A minute, and 1.5 GB."""
    return SolvedBoard(3, 3)


large = (pytest.mark.slow, pytest.mark.timeout(1800))  # on a busy machine, solving 3x3 takes many minutes
small_boards = pytest.mark.parametrize("name", ["two_by_three", pytest.param("three_by_three", marks=large)])


def in_the_corner(cells):
    """Rows of exponents as a packed board with walls."""
    n_rows, n_columns = len(cells), len(cells[0])
    tiles = sum(e << 4 * (4 * r + c) for r, row in enumerate(cells) for c, e in enumerate(row))
    return walls(n_rows, n_columns) | tiles


def positions(board, n, seed=0):
    """Boards of random games, in which moves are legal, each with how much of its game is over."""
    generator, tables, found = np.random.default_rng(seed), walled_tables(), []
    while len(found) < n:
        game, now = [], board.empty
        for _ in range(2):
            now = int(rules.spawn(np.uint64(now), generator.integers(2**64, dtype=np.uint64)))
        while (q := board.action_values(now)).max() > -np.inf:
            game.append(now)
            after = rules.slide(np.uint64(now), generator.choice(np.flatnonzero(q > -np.inf)), tables)[0]
            now = int(rules.spawn(np.uint64(after), generator.integers(2**64, dtype=np.uint64)))
        found.append(game[generator.integers(len(game))])
    return found


@given(st.sampled_from([(2, 2), (2, 3), (3, 3), (4, 3), (1, 4)]), st.lists(st.integers(0, 4), min_size=12, max_size=12))
def test_tiles_slide_as_if_walls_were_the_edge(shape, exponents):
    n_rows, n_columns = shape
    cells = tuple(tuple(exponents[r * n_columns : (r + 1) * n_columns]) for r in range(n_rows))
    for action in range(4):
        after, points = rules.slide(np.uint64(in_the_corner(cells)), action, walled_tables())

        expected, expected_points = naive.slide(cells, action)
        assert after == in_the_corner(expected)
        assert points == expected_points


def test_a_board_without_walls_has_none():
    assert walls(4, 4) == 0


@pytest.mark.parametrize("shape", [(0, 3), (2, 5)])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(ValueError, match="must be from 1 to 4, got"):
        walls(*shape)


@pytest.mark.parametrize("shape", [(1, 1), (4, 3)])
def test_a_board_of_too_many_cells_is_not_solved(shape):
    with pytest.raises(ValueError, match=f"a small board has 2 to 9 cells, got {shape[0]}x{shape[1]}"):
        SolvedBoard(*shape)


@pytest.mark.parametrize("shape", [(2, 2), (1, 4)])
def test_a_solution_is_that_of_value_iteration_over_all_positions(shape):
    """The naive one knows nothing of layers and symmetries."""
    board, oracle = SolvedBoard(*shape), naive.SmallBoard(*shape)
    values = oracle.best_values()
    top, left = (4 - shape[0]) // 2, (4 - shape[1]) // 2

    assert board.best_score == pytest.approx(oracle.best_score(), rel=1e-12)
    assert board.n_positions < len(oracle.boards)
    for packed, expected in zip(oracle.boards.tolist(), oracle.action_values(values), strict=True):
        cells = rules.unpack(packed)[top : top + shape[0], left : left + shape[1]]
        np.testing.assert_allclose(board.action_values(in_the_corner(cells.tolist())), expected, rtol=1e-12)


def test_layers_are_the_sums_of_tiles(two_by_three):
    for total, layer in two_by_three.layers.items():
        for boards in (layer.states, layer.afterstates):
            assert {half_sum(int(board)) for board in boards} <= {total}
            assert (np.diff(boards.astype(object)) > 0).all()


@pytest.mark.parametrize(
    ("name", "n_positions", "best_score"),
    [
        ("two_by_three", 21_752, 480.259),
        pytest.param("three_by_three", 48_713_519, 5468.486797, marks=large),
    ],
)
def test_a_solution_is_what_it_was(request, name, n_positions, best_score):
    board = request.getfixturevalue(name)

    assert board.n_positions == n_positions
    assert board.best_score == pytest.approx(best_score, abs=0.002)


@small_boards
def test_a_search_comes_closer_to_the_exact_values_the_deeper_it_looks(request, name):
    """With values that know nothing. What it finds is never more than there is."""
    solved = request.getfixturevalue(name)
    values = Values(NOTHING, np.zeros(NOTHING.n_weights, np.float32))
    lookup, desk, memory, q = lookup_of(values, walled_tables()), new_desk(values), new_memory(2**16), np.empty(4)
    missing = np.zeros(7)
    for board in positions(solved, 20):
        exact = solved.action_values(board)
        for depth in range(1, 8):
            best_action(np.uint64(board), np.uint64(0), depth, lookup, 0.0, memory, desk, q)

            assert ((q > -np.inf) == (exact > -np.inf)).all()
            assert (q <= exact + 1e-9).all()
            missing[depth - 1] += exact.max() - q.max()
    assert (np.diff(missing) < 0).all()


def test_a_search_to_the_end_of_the_game_is_exact():
    """2x2: no game has more than 30 moves, but 9 are enough from the later ones on."""
    board = SolvedBoard(2, 2)
    values = Values(NOTHING, np.zeros(NOTHING.n_weights, np.float32))
    lookup, desk, memory, q = lookup_of(values, walled_tables()), new_desk(values), new_memory(2**16), np.empty(4)
    late = [int(state) for total, layer in board.layers.items() if total >= 14 for state in layer.states]
    assert len(late) > 20
    for state in late:
        best_action(np.uint64(state), np.uint64(0), 16, lookup, 0.0, memory, desk, q)

        np.testing.assert_allclose(q, board.action_values(state), rtol=1e-6)


def test_learning_comes_close_to_the_best_player(two_by_three):
    """Measured: 91 % of the optimum, in games that are played while the weights still move."""
    learner = TDLearner(
        TDSettings(), seed=0, network=Network.named("012456"), empty=two_by_three.empty, tables=walled_tables()
    )

    learner.train(20_000)

    assert learner.train(5000).scores.mean() > 0.88 * two_by_three.best_score


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_learning_comes_near_the_best_player_of_nine_cells(three_by_three):
    """Measured: 70 % of the optimum, with the rectangles of six cells."""
    network = Network.named("012456+45689a+014589+12569a")
    learner = TDLearner(TDSettings(), seed=0, network=network, empty=three_by_three.empty, tables=walled_tables())

    learner.train(15_000)

    assert learner.train(5000).scores.mean() > 0.65 * three_by_three.best_score
