"""Symmetries: a group of eight that commutes with the rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from game2048 import symmetry
from game2048.board import action_mask_wide, pack, play, row_tables, slide, unpack

boards = hnp.arrays(np.uint8, (4, 4), elements=st.integers(0, 17))
symmetries = st.integers(0, 7)
actions = st.integers(0, 3)


def transform_pair(packed, s):
    return tuple(np.uint64(symmetry.transform_packed(np.uint64(word), s)) for word in packed)


@given(boards, symmetries)
def test_kernel_and_arrays_agree(board, s):
    transformed = symmetry.transform(board, s)

    np.testing.assert_array_equal(unpack(*transform_pair(pack(board), s)), transformed)
    assert transformed.dtype == np.uint8
    assert not np.shares_memory(transformed, board)


@given(boards, actions, symmetries)
def test_sliding_commutes_with_every_symmetry(board, action, s):
    packed = pack(board)

    *after, reward = play(*packed, action, row_tables())
    *other, other_reward = play(*transform_pair(packed, s), symmetry.transform_action(action, s), row_tables())

    assert transform_pair(after, s) == tuple(np.uint64(word) for word in other)
    assert reward == other_reward


@given(st.integers(0, 2**64 - 1), actions, symmetries)
def test_the_fast_slide_commutes_with_every_symmetry(board, action, s):
    after, reward = slide(np.uint64(board), action, row_tables())

    turned = np.uint64(symmetry.transform_packed(np.uint64(board), s))
    other, other_reward = slide(turned, symmetry.transform_action(action, s), row_tables())

    assert symmetry.transform_packed(np.uint64(after), s) == other
    assert reward == other_reward


@given(boards, symmetries)
def test_masks_turn_with_the_board(board, s):
    def mask(packed):
        bits = action_mask_wide(*packed)
        return np.array([bits >> a & 1 for a in range(4)])

    packed = pack(board)

    np.testing.assert_array_equal(symmetry.transform_mask(mask(packed), s), mask(transform_pair(packed, s)))


@given(boards, symmetries)
def test_every_symmetry_has_its_inverse(board, s):
    inverse = int(symmetry.INVERSE[s])

    np.testing.assert_array_equal(symmetry.transform(symmetry.transform(board, s), inverse), board)
    for action in range(4):
        assert symmetry.transform_action(symmetry.transform_action(action, s), inverse) == action
        assert symmetry.transform_mask(np.eye(4)[action], s)[symmetry.transform_action(action, s)] == 1


def test_the_eight_symmetries_differ_and_are_closed():
    board = np.arange(16, dtype=np.uint8).reshape(4, 4)
    all_eight = {symmetry.transform(board, s).tobytes() for s in range(8)}

    twice = {symmetry.transform(symmetry.transform(board, s), t).tobytes() for s in range(8) for t in range(8)}

    assert len(all_eight) == 8
    assert twice == all_eight
    assert symmetry.transform(board, 0).tobytes() == board.tobytes()


@given(st.integers(0, 2**64 - 1), symmetries)
def test_the_canonical_board_is_one_of_the_eight_and_the_same_for_all(board, s):
    eight = [symmetry.transform_packed(np.uint64(board), t) for t in range(8)]

    assert symmetry.canonical(np.uint64(board)) == min(eight)
    assert symmetry.canonical(np.uint64(eight[s])) == min(eight)


def test_many_boards_turn_at_once():
    many = np.arange(3 * 5 * 16).reshape(3, 5, 4, 4)

    turned = symmetry.transform(many, 5)

    np.testing.assert_array_equal(turned[1, 2], symmetry.transform(many[1, 2], 5))


@pytest.mark.parametrize("wrong", [8, -1, 1.5, None])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match=f"symmetry must be an integer from 0 to 7, got {wrong}"):
        symmetry.transform(np.zeros((4, 4)), wrong)
    with pytest.raises(ValueError, match=r"board must have shape \(\.\.\., 4, 4\), got \(4, 5\)"):
        symmetry.transform(np.zeros((4, 5)), 1)
    with pytest.raises(ValueError, match="action must be 0, 1, 2 or 3, got 7"):
        symmetry.transform_action(7, 1)
