"""The eight symmetries of the board: they change where things are, not what a board is worth.

Symmetry ``s`` in 0 ... 7 mirrors a board left to right if ``s >= 4``, then turns it clockwise by ``s % 4`` quarters.
0 is the identity. Sliding commutes with all of them: ``slide(transform(b, s), transform_action(a, s))`` is
``transform(slide(b, a), s)``.
"""

from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from game2048._jit import njit
from game2048.board import transpose

N_SYMMETRIES: Final = 8
Scalar = TypeVar("Scalar", bound=np.generic)

# ACTIONS[s, a] is action a as it looks on the transformed board. Up, right, down, left run clockwise.
ACTIONS: Final = np.array([[((-a if s >= 4 else a) + s) % 4 for a in range(4)] for s in range(N_SYMMETRIES)])
# Turning is undone by turning on, mirroring by mirroring again (whatever the turn that follows).
INVERSE: Final = np.array([0, 3, 2, 1, 4, 5, 6, 7])


# --- packed boards ---


@njit("uint64(uint64)")
def mirror(board: np.uint64) -> np.uint64:
    """Mirror a packed board left to right: ``[1 2 3 4] -> [4 3 2 1]`` in every row."""
    board = ((board & np.uint64(0x00FF00FF00FF00FF)) << np.uint64(8)) | (
        (board >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    )
    return ((board & np.uint64(0x0F0F0F0F0F0F0F0F)) << np.uint64(4)) | (
        (board >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    )


@njit("uint64(uint64)")
def flip(board: np.uint64) -> np.uint64:
    """Flip a packed board upside down: the rows 1 2 3 4 become 4 3 2 1."""
    b = (board << np.uint64(32)) | (board >> np.uint64(32))
    return ((b & np.uint64(0x0000FFFF0000FFFF)) << np.uint64(16)) | (
        (b >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    )


@njit("uint64(uint64, int64)")
def transform_packed(board: np.uint64, symmetry: int) -> np.uint64:
    """Return symmetry 0 ... 7 of a packed board (or of its high word)."""
    if symmetry >= 4:
        board = mirror(board)
    for _ in range(symmetry & 3):
        board = mirror(transpose(board))
    return board


@njit("uint64(uint64)")
def canonical(board: np.uint64) -> np.uint64:
    """Return the smallest of the eight symmetric packed boards: equal for boards that are worth the same."""
    smallest = board
    for _ in range(4):
        smallest = min(smallest, board, mirror(board))
        board = mirror(transpose(board))
    return smallest


# --- arrays ---


def transform(board: npt.NDArray[Scalar], symmetry: int) -> npt.NDArray[Scalar]:
    """Return a symmetry of a board, or of many.

    Parameters
    ----------
    board : ndarray, shape (..., 4, 4)
        Exponents.
    symmetry : int
        0 ... 7.

    Returns
    -------
    ndarray, shape (..., 4, 4)
        A new array of the same dtype.

    Raises
    ------
    ValueError
        If the symmetry or the shape is none of these.

    Examples
    --------
    >>> transform(np.array([[1, 2, 3, 4], [0] * 4, [0] * 4, [0] * 4]), 1)[:, 3]  # a quarter clockwise
    array([1, 2, 3, 4])
    """
    check_symmetry(symmetry)
    if board.shape[-2:] != (4, 4):
        raise ValueError(f"board must have shape (..., 4, 4), got {board.shape}")
    mirrored = board[..., ::-1] if symmetry >= 4 else board
    return np.rot90(mirrored, -(symmetry % 4), axes=(-2, -1)).copy()


def transform_action(action: int, symmetry: int) -> int:
    """Return what an action on a board is called on a symmetry of it.

    Examples
    --------
    >>> transform_action(3, 1)  # left becomes up when the board is turned clockwise
    0
    """
    check_symmetry(symmetry)
    if action not in (0, 1, 2, 3):
        raise ValueError(f"action must be 0, 1, 2 or 3, got {action!r}")
    return int(ACTIONS[symmetry, action])


def transform_mask(mask: npt.NDArray[Scalar], symmetry: int) -> npt.NDArray[Scalar]:
    """Return a mask, or anything else with a value an action, as it is on a symmetry of the board.

    Parameters
    ----------
    mask : ndarray, shape (..., 4)
        A value for each of up, right, down, left.
    symmetry : int
        0 ... 7.

    Returns
    -------
    ndarray, shape (..., 4)
        A new array of the same dtype.
    """
    check_symmetry(symmetry)
    return mask[..., ACTIONS[INVERSE[symmetry]]]


def check_symmetry(symmetry: Any) -> None:
    """Raise ValueError unless ``symmetry`` is an integer from 0 to 7."""
    if symmetry not in range(N_SYMMETRIES):
        raise ValueError(f"symmetry must be an integer from 0 to 7, got {symmetry!r}")
