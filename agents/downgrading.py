"""Tile-downgrading: play boards with very large tiles by what is known of boards with smaller ones.

A network has seen few boards with a 32768, and none beyond what its exponents reach. But a board on which a tile is
missing below the largest is played like the one where every tile above the gap is half as large: the same tiles merge,
and the same moves are legal. The search looks at that board, the move is played on the real one.

References
----------
Guei, Chen and Wu, "Optimistic temporal difference learning for 2048", IEEE Trans. Games 14(3), 2022,
https://doi.org/10.1109/TG.2021.3109887 (tile-downgrading).
"""

from typing import Final

import numpy as np

from game2048 import board as rules
from game2048._jit import njit

SAFE: Final = 14  # exponent; boards with no tile above 16384 are left alone


@njit("UniTuple(uint64, 2)(uint64, uint64)")
def downgrade(board: np.uint64, high: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Halve all tiles above the largest missing one, until none is above 16384 or none is missing.

    Missing is an exponent, at least 1, below the largest on the board.

    ``[32768 8192 4096 2] -> [16384 8192 4096 2]``, ``[65536 32768 16384 8] -> [16384 8192 4096 8]``.
    """
    while True:
        present = np.uint64(0)
        for cell in range(16):
            shift = np.uint64(4 * cell)
            present |= np.uint64(1) << (((board >> shift) & np.uint64(15)) + ((high >> shift) & np.uint64(15)))
        missing = rules.largest_exponent(board, high)
        if missing <= SAFE:
            return board, high
        while missing > 0 and (present >> np.uint64(missing)) & np.uint64(1) != np.uint64(0):
            missing -= 1
        if missing == 0:
            return board, high
        lower = np.uint64(0)
        lower_high = np.uint64(0)
        for cell in range(16):
            shift = np.uint64(4 * cell)
            exponent = ((board >> shift) & np.uint64(15)) + ((high >> shift) & np.uint64(15))
            exponent -= np.uint64(int(exponent) > missing)
            low = min(exponent, np.uint64(15))
            lower |= low << shift
            lower_high |= (exponent - low) << shift
        board = lower
        high = lower_high
