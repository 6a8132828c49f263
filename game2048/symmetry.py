"""The 8 isomorphisms of a board: kernels on packed boards."""

import numpy as np

from game2048._jit import njit


@njit("uint64(uint64)")
def mirror(board: np.uint64) -> np.uint64:
    """Reverse every row: left and right change places."""
    b = ((board & np.uint64(0x00FF00FF00FF00FF)) << np.uint64(8)) | (
        (board >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    )
    return ((b & np.uint64(0x0F0F0F0F0F0F0F0F)) << np.uint64(4)) | (
        (b >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    )


@njit("uint64(uint64)")
def flip(board: np.uint64) -> np.uint64:
    """Reverse the order of the rows: up and down change places."""
    b = (board << np.uint64(32)) | (board >> np.uint64(32))
    return ((b & np.uint64(0x0000FFFF0000FFFF)) << np.uint64(16)) | (
        (b >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    )
