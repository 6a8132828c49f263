"""Kernels on many packed boards against the rules on one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.boards import NO_CELL, action_masks, exponents, transform, write_rows
from game2048 import board as rules
from game2048 import symmetry
from tests.oracles import board as naive

cells = st.lists(st.integers(0, 15), min_size=16, max_size=16)
many = st.lists(cells, min_size=1, max_size=5)


def pack(boards):
    return np.array([rules.pack(board)[0] for board in boards], np.uint64)


@given(many)
def test_a_mask_has_the_actions_that_change_the_board(boards):
    expected = []
    for board in boards:
        legal = naive.legal_actions([board[row : row + 4] for row in (0, 4, 8, 12)])
        expected.append([action in legal for action in range(4)])

    np.testing.assert_array_equal(action_masks(pack(boards)), expected)


@given(many)
def test_exponents_are_those_that_were_packed(boards):
    np.testing.assert_array_equal(exponents(pack(boards)), boards)


@given(many, st.data())
def test_each_board_is_transformed_by_its_own_symmetry(boards, data):
    chosen = np.array(data.draw(st.lists(st.integers(0, 7), min_size=len(boards), max_size=len(boards))), np.uint8)
    expected = [
        symmetry.transform(np.array(board).reshape(4, 4), int(s)).ravel()
        for board, s in zip(boards, chosen, strict=True)
    ]

    np.testing.assert_array_equal(exponents(transform(pack(boards), chosen)), expected)


@given(many, st.integers(0, 7))
def test_one_symmetry_is_for_all_boards(boards, chosen):
    packed = pack(boards)

    np.testing.assert_array_equal(transform(packed, chosen), transform(packed, np.full(packed.size, chosen, np.uint8)))


@given(many)
def test_rows_are_offsets_plus_exponents(boards):
    places = np.array([[3, 0, NO_CELL], [15, 15, NO_CELL]], np.uint8)
    offsets = np.array([[0, 16, 40], [32, 48, 41]], np.uint8)
    rows = np.empty((2 * len(boards), 3), np.uint8)

    write_rows(pack(boards), places, offsets, rows)

    for i, board in enumerate(boards):
        assert rows[2 * i].tolist() == [board[3], 16 + board[0], 40]
        assert rows[2 * i + 1].tolist() == [32 + board[15], 48 + board[15], 41]


def test_arrays_with_gaps_are_taken():
    boards = np.arange(10, dtype=np.uint64)

    np.testing.assert_array_equal(exponents(boards[::3]), exponents(boards[::3].copy()))


def test_arrays_that_are_read_only_are_taken():
    boards, fixed = np.arange(10, dtype=np.uint64), np.arange(10, dtype=np.uint64)
    fixed.flags.writeable = False

    np.testing.assert_array_equal(transform(fixed, 1), transform(boards, 1))
    np.testing.assert_array_equal(action_masks(fixed), action_masks(boards))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros(3, np.int64), r"uint64 of shape \(n,\), got int64 \(3,\)"),
        (np.zeros((2, 2), np.uint64), r"got uint64 \(2, 2\)"),
    ],
)
def test_what_is_no_packed_board_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        action_masks(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros(2, np.uint8), r"symmetries must be ints, of shape \(\) or \(3,\), got uint8 \(2,\)"),
        (np.zeros(3), "must be ints"),
        (8, r"symmetries must be in \[0, 8\), got 8 to 8"),
        (np.array([0, -1, 2]), "got -1 to 2"),
    ],
)
def test_what_is_no_symmetry_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        transform(np.zeros(3, np.uint64), wrong)
