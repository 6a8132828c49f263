"""What a network is told of boards: legal actions, exponents, symmetric boards; pure kernels on many packed boards.

A packed board is a uint64, saturated: tiles above 32768 look like 32768 (see `game2048.board`), so its exponents are
0 to 15.
"""

from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from game2048 import board as rules
from game2048._jit import njit
from game2048.symmetry import N_SYMMETRIES, transform_packed

N_ACTIONS: Final = 4
N_EXPONENTS: Final = 16  # of a packed board; 0 is an empty cell
NO_CELL: Final = 16  # in `write_rows`

Boards = npt.NDArray[np.uint64]
Masks = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


# --- kernels ---


@njit("void(uint64[::1], boolean[:, ::1])")
def write_action_masks(boards: Boards, masks: Masks) -> None:
    """Write which of the four actions change each board into ``masks``."""
    for i in range(boards.size):
        mask = rules.action_mask(boards[i])
        for action in range(4):
            masks[i, action] = (mask >> action) & 1 == 1


@njit("void(uint64[::1], uint8[:, ::1])")
def write_exponents(boards: Boards, out: npt.NDArray[np.uint8]) -> None:
    """Write the 16 exponents of each board, row by row, into ``out``."""
    for i in range(boards.size):
        for cell in range(16):
            out[i, cell] = (boards[i] >> np.uint64(4 * cell)) & np.uint64(15)


@njit("void(uint64[::1], uint8[::1], uint64[::1])")
def write_transformed(boards: Boards, symmetries: npt.NDArray[np.uint8], out: Boards) -> None:
    """Write a symmetry of each board into ``out``."""
    for i in range(boards.size):
        out[i] = transform_packed(boards[i], int(symmetries[i]))


@njit("void(uint64[::1], uint8[:, ::1], uint8[:, ::1], uint8[:, ::1])")
def write_rows(
    boards: Boards, cells: npt.NDArray[np.uint8], offsets: npt.NDArray[np.uint8], rows: npt.NDArray[np.uint8]
) -> None:
    """Write ``offsets`` + the exponents of ``cells`` for each board into ``rows``: which rows a first layer sums.

    ``cells`` and ``offsets`` have shape (bags, size), ``rows`` (boards * bags, size); `NO_CELL` counts as exponent 0.
    """
    bags, size = cells.shape
    for i in range(boards.size):
        for bag in range(bags):
            row = rows[i * bags + bag]
            for k in range(size):
                cell = np.uint64(cells[bag, k])
                exponent = (boards[i] >> (np.uint64(4) * (cell & np.uint64(15)))) & np.uint64(15)
                row[k] = np.uint64(offsets[bag, k]) + (np.uint64(0) if cell == np.uint64(NO_CELL) else exponent)


# --- shell ---


def as_kernels_take(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Return an array that is contiguous and may be written to, as kernels ask for; a copy where it is not."""
    return np.require(array, requirements=["C", "W"])


def packed(boards: npt.ArrayLike) -> Boards:
    """Return boards as a contiguous array of uint64, shape (n,).

    Raises
    ------
    ValueError
        If they have another dtype or shape.
    """
    array = np.asarray(boards)
    if array.dtype != np.uint64 or array.ndim != 1:
        raise ValueError(f"boards must be packed boards, uint64 of shape (n,), got {array.dtype} {array.shape}")
    return as_kernels_take(array)


def action_masks(boards: npt.ArrayLike) -> Masks:
    """Return which actions change each board, ndarray of bool, shape (n, 4): 0 up 1 right 2 down 3 left."""
    given = packed(boards)
    masks = np.empty((given.size, N_ACTIONS), np.bool_)
    write_action_masks(given, masks)
    return masks


def exponents(boards: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return the exponents of boards, ndarray of uint8, shape (n, 16), cells row by row.

    Examples
    --------
    >>> exponents(np.array([0x21], np.uint64))[0, :3]
    array([1, 2, 0], dtype=uint8)
    """
    given = packed(boards)
    out = np.empty((given.size, rules.N_CELLS), np.uint8)
    write_exponents(given, out)
    return out


def transform(boards: npt.ArrayLike, symmetries: Any) -> Boards:
    """Return a symmetry of each board; see `game2048.symmetry`.

    Parameters
    ----------
    boards : ndarray of uint64, shape (n,)
    symmetries : ndarray of uint8, shape (n,), or int
        0 ... 7 for each board, or one for all.

    Raises
    ------
    ValueError
        If a symmetry is out of range, or there are not as many as boards.
    """
    given = packed(boards)
    chosen = np.asarray(symmetries)
    if chosen.dtype.kind not in "iu" or chosen.shape not in ((), given.shape):
        raise ValueError(f"symmetries must be ints, of shape () or {given.shape}, got {chosen.dtype} {chosen.shape}")
    if chosen.size and not (chosen.min() >= 0 and chosen.max() < N_SYMMETRIES):
        raise ValueError(f"symmetries must be in [0, {N_SYMMETRIES}), got {chosen.min()} to {chosen.max()}")
    out = np.empty_like(given)
    write_transformed(given, np.array(np.broadcast_to(chosen, given.shape), np.uint8), out)
    return out
