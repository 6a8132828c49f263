"""Rewards as learning reads them: points span four orders of magnitude, values should not.

With r the points of a move and m the sum of all tiles before it, a move is worth

=============  ==============  =====================================================================
``log2``       log2(r) / 11    the exponents of the merged tiles; 1 for the 2048 tile
``score/sum``  r / m           points in relation to what is on the board; 1 for merging all of it
``points``     r               raw points
=============  ==============  =====================================================================

times a scale, and 0 for r = 0; the move that ends the game costs a penalty beside.
"""

from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from game2048._jit import njit

Reward = Literal["log2", "score/sum", "points"]
REWARDS: Final[tuple[str, ...]] = get_args(Reward)
LOG2, SCORE_OVER_SUM = range(2)  # their places; what is left is points

Floats = npt.NDArray[np.float32]


@njit("int64(uint64)")
def tile_sum(board: np.uint64) -> int:
    """Return the sum of the tiles of a packed board."""
    total = np.int64(0)
    while board != 0:
        exponent = np.int64(board & np.uint64(15))
        if exponent > 0:
            total += np.int64(1) << exponent
        board >>= np.uint64(4)
    return int(total)


@njit("int64[::1](uint64[::1])")
def tile_sums(boards: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return the sum of the tiles of each board."""
    sums = np.empty(boards.size, np.int64)
    for i in range(boards.size):
        sums[i] = tile_sum(boards[i])
    return sums


@njit("void(int64, float32[::1], uint64[::1], boolean[::1], float32, float32, float32[::1])")
def write_compressed(
    kind: int,
    points: Floats,
    boards: npt.NDArray[np.uint64],
    over: npt.NDArray[np.bool_],
    scale: np.float32,
    end_penalty: np.float32,
    out: Floats,
) -> None:
    """Write the compressed rewards of n moves into ``out``; ``boards`` are those before the moves."""
    for i in range(points.size):
        r = points[i]
        value = np.float32(0)
        if r > 0:
            if kind == LOG2:
                value = np.float32(np.log2(r)) / np.float32(11)
            elif kind == SCORE_OVER_SUM:
                value = r / np.float32(tile_sum(boards[i]))
            else:
                value = r
        out[i] = scale * value - (end_penalty if over[i] else np.float32(0))


def compress(
    reward: str,
    points: Floats,
    boards: npt.NDArray[np.uint64],
    over: npt.NDArray[np.bool_],
    *,
    scale: float = 1.0,
    end_penalty: float = 0.0,
) -> Floats:
    """Return rewards as learning reads them.

    Parameters
    ----------
    reward : {"log2", "score/sum", "points"}
        How; see the table above.
    points : ndarray of float32
        Points of moves, of any shape.
    boards : ndarray of uint64, of that shape
        Packed boards before the moves.
    over : ndarray of bool, of that shape
        Whether the move ended the game.
    scale, end_penalty : float
        See above.

    Examples
    --------
    >>> board = np.array([0x2211], np.uint64)  # 2 2 4 4: merging all of it makes 4 + 8 points
    >>> over = np.array([False])
    >>> compress("score/sum", np.array([12.0], np.float32), board, over)
    array([1.], dtype=float32)
    """
    if points.shape != boards.shape or points.shape != over.shape:
        raise ValueError(
            f"points, boards and over must be of one shape, got {points.shape}, {boards.shape}, {over.shape}"
        )
    out = np.empty(points.size, np.float32)
    write_compressed(
        REWARDS.index(reward),
        np.ascontiguousarray(points).reshape(-1),
        np.ascontiguousarray(boards).reshape(-1),
        np.ascontiguousarray(over).reshape(-1),
        np.float32(scale),
        np.float32(end_penalty),
        out,
    )
    return out.reshape(points.shape)
