"""What a search remembers of positions: a transposition table, so that none is searched twice.

Two moves and two new tiles in another order often lead to the same position. The table keeps the values of afterstates
that were searched, each with the depth to which it was. A position has one place, and the newest in it stays. What is
found again is exactly what was computed: a search with a table gives the same values, bit for bit, as one without.

An entry is four words: the board, its high tiles (see `game2048.board`), the tag and the value, a float64. The tag is
the depth, at least 1, and the generation of the search times 256, so that all that was remembered is forgotten by
counting on. An empty entry has the tag 0.

References
----------
A. L. Zobrist, "A new hashing method with application for game playing", technical report 88, University of Wisconsin,
1970 (the idea; a board of 64 bits needs no random numbers, it is mixed as in `game2048.rng`).
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from game2048._jit import njit
from game2048.rng import mix


def kernel_type(kind: type[tuple[Any, ...]], *fields: Any) -> Any:
    """Return what Numba calls a named tuple whose fields have some types."""
    return types.NamedTuple(fields, kind)  # type: ignore[no-untyped-call]  # Numba has no annotations there


def signature(result: Any, *arguments: Any) -> Any:
    """Return the signature of a kernel that takes named tuples, which have no name in a string."""
    return result(*arguments)


class Memory(NamedTuple):
    """A transposition table; one for each thread."""

    words: npt.NDArray[np.uint64]
    """Entries, shape (n, 4), n a power of two; or n = 0, and nothing is remembered."""
    values: npt.NDArray[np.float64]
    """The same memory as numbers, shape (n, 4); column 3 holds the values."""


MEMORY: Final = kernel_type(Memory, types.uint64[:, ::1], types.float64[:, ::1])
"""The type of a `Memory` in kernels."""


def new_memory(size: int) -> Memory:
    """Return an empty table of ``size`` entries (see `checked_size`)."""
    words = np.zeros((size, 4), np.uint64)
    return Memory(words, words.view(np.float64))


def checked_size(remembered: int) -> int:
    """Return a number of positions to remember, 32 bytes each.

    Raises
    ------
    ValueError
        If it is neither 0 nor a power of two.
    """
    if remembered < 0 or remembered & (remembered - 1):
        raise ValueError(f"remembered must be 0 or a power of two, got {remembered}")
    return remembered


@njit(signature(types.int64, types.uint64, types.uint64, types.uint64, MEMORY))
def place_of(board: np.uint64, high: np.uint64, tag: np.uint64, memory: Memory) -> int:
    """Return the place of a position; the table must have entries."""
    return int(mix(board ^ (tag << np.uint64(60)) ^ high) & np.uint64(len(memory.words) - 1))


@njit(signature(types.boolean, types.int64, types.uint64, types.uint64, types.uint64, MEMORY))
def remembers(place: int, board: np.uint64, high: np.uint64, tag: np.uint64, memory: Memory) -> bool:
    """Return whether an entry is of this position, depth and generation."""
    return bool(memory.words[place, 0] == board and memory.words[place, 1] == high and memory.words[place, 2] == tag)


@njit(signature(types.void, types.int64, types.uint64, types.uint64, types.uint64, types.float64, MEMORY))
def remember(place: int, board: np.uint64, high: np.uint64, tag: np.uint64, value: float, memory: Memory) -> None:
    """Write an entry."""
    memory.words[place, 0] = board
    memory.words[place, 1] = high
    memory.words[place, 2] = tag
    memory.values[place, 3] = value
