"""Memory for temporary arrays, used again as soon as nobody refers to it.

Fresh memory is expensive: the kernel zeroes every page at its first touch, which can take longer than the
arithmetic. A pool hands out views of blocks that it keeps; a block is free when only the pool refers to it, which
its reference count tells (an array keeps the block alive through ``base``).
"""

import math
import sys
import threading
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SMALLEST: Final = 1 << 15  # bytes; malloc recycles smaller blocks by itself
LIMIT: Final = 1 << 30  # bytes kept by one thread
LINE: Final = 64  # bytes of a cache line; arrays start at one, because vectors that lie across two take longer


def _references_when_idle() -> int:
    """Count the references to a free block just where `Pool` does.

    They are the pool's own, the loop variable and the argument of getrefcount; but an interpreter may borrow the
    last two instead of counting them, and a number too high would give away memory that is in use.
    """
    count = 0
    for block, _ in [(np.empty(1, np.uint8), 0)]:
        count = sys.getrefcount(block)
    return count


_IDLE: Final = _references_when_idle()


class Pool(threading.local):
    """Reusable blocks of memory, a set of its own for each thread."""

    def __init__(self) -> None:
        self.blocks: dict[int, list[tuple[npt.NDArray[np.uint8], int]]] = {}  # by size, with the first byte to use
        self.kept = 0

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        """Return an array with arbitrary content, C-contiguous, as ``numpy.empty``."""
        if math.prod(shape) < SMALLEST // 8:  # of 8 bytes each at most, so the dtype does not matter
            return np.empty(shape, dtype)
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        # Sizes are rounded up to eighths of a power of two, so that similar ones share blocks.
        grain = 1 << (size.bit_length() - 4)
        rounded = -(-size // grain) * grain
        block, start = self._free_block(rounded)
        return block[start : start + size].view(dtype).reshape(shape)

    def _free_block(self, size: int) -> tuple[npt.NDArray[np.uint8], int]:
        blocks = self.blocks.setdefault(size, [])
        for block, start in blocks:
            if sys.getrefcount(block) == _IDLE:
                return block, start
        fresh = np.empty(size + LINE, np.uint8)
        start = -fresh.ctypes.data % LINE
        if self.kept + size <= LIMIT:
            blocks.append((fresh, start))
            self.kept += size
        return fresh, start

    def clear(self) -> None:
        """Give the memory back."""
        self.blocks.clear()
        self.kept = 0
