"""Memory for temporary arrays, used again as soon as nobody refers to it.

Fresh memory is expensive: the kernel zeroes every page at its first touch, which can take longer than the
arithmetic. A pool lends blocks of memory as arrays and takes a block back when the array that it lent dies. Views keep
that array alive as their ``base``, so a block that is idle has no user left, whoever that might have been.
"""

import math
import weakref
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SMALLEST: Final = 1 << 15  # bytes; malloc recycles smaller blocks by itself
LIMIT: Final = 1 << 30  # bytes that may lie idle
LINE: Final = 64  # bytes of a cache line; arrays start at one, because vectors that lie across two take longer


class _Loan(weakref.ref[Any]):
    """A weak reference to an array that was lent, which knows its block."""

    __slots__ = ("block", "size")
    __hash__ = object.__hash__  # arrays have none

    block: tuple[bytearray, int]  # with the first byte to use
    size: int


class Pool:
    """Reusable blocks of memory, for all threads.

    Attributes
    ----------
    idle : int
        Bytes that nobody uses; more than `LIMIT` of them are given back to the system.
    """

    def __init__(self) -> None:
        # Several threads may use these at once: each step below is one operation of a list or a set, and atomic.
        self._idle: dict[int, list[tuple[bytearray, int]]] = {}
        self._loans: set[_Loan] = set()
        self.idle = 0

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        """Return an array with arbitrary content, C-contiguous, as ``numpy.empty``."""
        if math.prod(shape) < SMALLEST // 8:  # of 8 bytes each at most, so the dtype does not matter
            return np.empty(shape, dtype)
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        # Sizes are rounded up to eighths of a power of two, so that similar ones share blocks.
        grain = 1 << (size.bit_length() - 4)
        memory = self._lend(-(-size // grain) * grain)
        return memory[:size].view(dtype).reshape(shape)

    def _lend(self, size: int) -> npt.NDArray[np.uint8]:
        """Return the bytes of a block, from the start of a cache line."""
        try:
            block = self._idle[size].pop()
            self.idle -= size
        except (KeyError, IndexError):
            fresh = bytearray(size + LINE)
            block = fresh, -np.frombuffer(fresh, np.uint8).ctypes.data % LINE
        # The base of this array is no array, so views of it have it as their base, not the block behind it.
        memory = np.frombuffer(block[0], np.uint8, size, block[1])
        loan = _Loan(memory, self._take_back)
        loan.block, loan.size = block, size
        self._loans.add(loan)
        return memory

    def _take_back(self, loan: _Loan) -> None:
        self._loans.discard(loan)
        if self.idle + loan.size > LIMIT:
            self.clear()
        self._idle.setdefault(loan.size, []).append(loan.block)
        self.idle += loan.size

    @property
    def lent(self) -> int:
        """Bytes in use."""
        return sum(loan.size for loan in self._loans)

    def clear(self) -> None:
        """Give idle memory back to the system."""
        self._idle.clear()
        self.idle = 0
