"""The rules: kernels against their naive twin, properties, and the tiles beyond 32768."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from game2048 import board as rules
from game2048.rng import draw, seed
from tests.oracles import board as naive

TABLES = rules.row_tables()

exponents = st.integers(0, 17) | st.integers(0, 3) | st.sampled_from([0, 15, 16])
boards = st.lists(st.lists(exponents, min_size=4, max_size=4), min_size=4, max_size=4)


def play(cells, action):
    """Play with the kernels, in and out as lists."""
    board, high, reward = rules.play(*rules.pack(cells), action, TABLES)
    return rules.unpack(board, high).tolist(), reward


def assert_agrees_with_twin(cells):
    board, high = rules.pack(cells)
    mask = rules.action_mask_wide(board, high)
    if high == 0:
        assert rules.action_mask(board) == mask
    for action in range(4):
        expected, expected_reward = naive.slide(cells, action)
        after, after_high, reward = rules.play(board, high, action, TABLES)
        assert rules.unpack(after, after_high).tolist() == expected, (cells, action)
        assert reward == expected_reward, (cells, action)
        assert (mask >> action & 1) == (expected != cells), (cells, action)


def random_boards(n, random_seed):
    """Boards of every kind: crowded and empty, of few and of many tiles."""
    generator = np.random.default_rng(random_seed)
    kinds = generator.choice([2, 3, 5, 12, 16, 18], n)
    cells = generator.integers(0, kinds[:, None, None], (n, 4, 4))
    cells[generator.random((n, 4, 4)) < generator.choice([0.0, 0.3, 0.7], n)[:, None, None]] = 0
    return cells.tolist()


@given(boards)
def test_moves_agree_with_the_naive_twin(cells):
    assert_agrees_with_twin(cells)


def test_twenty_thousand_random_boards_agree_with_the_naive_twin():
    for cells in random_boards(20_000, 1):
        assert_agrees_with_twin(cells)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_random_boards_agree_with_the_naive_twin():
    for cells in random_boards(1_000_000, 2):
        assert_agrees_with_twin(cells)


@pytest.mark.parametrize(
    ("row", "expected", "reward"),
    [
        ([1, 1, 1, 1], [2, 2, 0, 0], 8),
        ([2, 0, 1, 1], [2, 2, 0, 0], 4),
        ([1, 1, 2, 0], [2, 2, 0, 0], 4),
        ([1, 2, 3, 4], [1, 2, 3, 4], 0),
        ([0, 0, 0, 1], [1, 0, 0, 0], 0),
        ([14, 14, 14, 14], [15, 15, 0, 0], 65536),
        ([15, 15, 0, 0], [16, 0, 0, 0], 65536),
        ([15, 15, 15, 15], [16, 16, 0, 0], 131072),
        ([16, 15, 15, 0], [16, 16, 0, 0], 65536),
        ([16, 16, 15, 0], [17, 15, 0, 0], 131072),
        ([16, 15, 16, 15], [16, 15, 16, 15], 0),
        ([17, 17, 0, 0], [17, 17, 0, 0], 0),
    ],
)
def test_a_row_slides_left(row, expected, reward):
    cells = [row, [0] * 4, [0] * 4, [0] * 4]

    assert play(cells, rules.LEFT) == ([expected, [0] * 4, [0] * 4, [0] * 4], reward)


@given(boards, st.integers(0, 3))
def test_sliding_keeps_the_sum_of_tiles(cells, action):
    def tile_sum(board):
        return sum(2**e for row in board for e in row if e)

    after, _ = play(cells, action)

    assert tile_sum(after) == tile_sum(cells)


@given(boards)
def test_packing_loses_nothing(cells):
    assert rules.unpack(*rules.pack(cells)).tolist() == cells


def test_the_packed_board_alone_is_a_saturated_view():
    board, high = rules.pack([[17, 16, 15, 14], [0] * 4, [0] * 4, [0] * 4])

    assert rules.unpack(board)[0].tolist() == [15, 15, 15, 14]
    assert high == 0x12


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([[0] * 4] * 3, "shape"),
        ([[0.5] * 4] * 4, "integer"),
        ([[18] * 4] * 4, r"in \[0, 17\], got 18"),
        ([[-1] * 4] * 4, r"in \[0, 17\], got -1"),
    ],
)
def test_a_board_that_is_none_is_refused(cells, message):
    with pytest.raises(ValueError, match=message):
        rules.pack(cells)


# --- new tiles ---


@given(boards.filter(lambda cells: any(0 in row for row in cells)), st.integers(0, 2**64 - 1))
def test_a_new_tile_is_where_the_naive_twin_puts_it(cells, bits):
    board, high = rules.pack(cells)
    after = rules.spawn(board, np.uint64(bits))
    expected = [row[:] for row in cells]
    naive.spawn(expected, bits)

    assert rules.unpack(after, high).tolist() == expected


@pytest.mark.parametrize("occupied", [0, 1, 5, 9, 13, 14])
def test_new_tiles_are_uniform_over_cells_and_one_in_ten_is_a_four(occupied):
    """One chi-square test of 166,667 tiles for each of six boards, a million in all."""
    cells = np.zeros(16, int)
    cells[np.random.default_rng(occupied).permutation(16)[:occupied]] = 15
    board, _ = rules.pack(cells)
    rng = seed(occupied)
    counts = np.zeros((16, 3), int)
    for _ in range(166_667):
        new = rules.spawn(board, draw(rng, 0)) ^ int(board)
        cell = (new.bit_length() - 1) // 4
        counts[cell, new >> 4 * cell] += 1

    by_cell = counts.sum(axis=1)
    n_new = by_cell.sum()

    assert (by_cell[cells > 0] == 0).all()
    if occupied < 15:
        assert chisquare(by_cell[cells == 0]).pvalue > 0.001
    assert chisquare(counts.sum(axis=0)[1:], [0.9 * n_new, 0.1 * n_new]).pvalue > 0.001


def test_the_last_empty_cell_is_always_found():
    cells = [15] * 16
    for cell in range(16):
        board, high = rules.pack([0 if i == cell else e for i, e in enumerate(cells)])
        after = rules.spawn(board, np.uint64(2**64 - 1))
        assert rules.unpack(after, high).ravel()[cell] == 1


def test_a_random_action_is_uniform_over_the_mask():
    rng = seed(3)
    for mask in range(1, 16):
        counts = np.zeros(4, int)
        for _ in range(4000):
            counts[rules.random_action(np.uint64(mask), draw(rng, 0))] += 1
        legal = np.array([mask >> a & 1 for a in range(4)], bool)
        assert (counts[~legal] == 0).all()
        if legal.sum() > 1:
            assert chisquare(counts[legal]).pvalue > 0.001


@given(boards.filter(lambda cells: any(0 in row for row in cells)), st.integers(0, 3), st.integers(0, 2**64 - 1))
def test_a_ply_code_names_action_cell_and_tile(cells, action, bits):
    board, _ = rules.pack(cells)
    after = rules.spawn(board, np.uint64(bits))
    new = after ^ int(board)
    cell = (new.bit_length() - 1) // 4

    assert rules.ply_code(action, board, after) == action << 5 | cell << 1 | (new >> 4 * cell == 2)
