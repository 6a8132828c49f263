"""Random numbers shared by kernels, Python and tests: SplitMix64 on a uint64 array.

One word of state per game. Drawing advances the state by a constant and hashes it, so the only serial
dependency between two draws is one addition, and states of different seeds are unrelated.

One draw serves one ply. Its bits are split into independent fields:

======  ===========================================
bits    use
======  ===========================================
63-40   the cell of the new tile (24 bits)
39-16   its value: 4 with probability 0.1 (24 bits)
15-0    the action of a random player (16 bits)
======  ===========================================

References
----------
Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
https://doi.org/10.1145/2660193.2660195
"""

import operator
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from game2048._jit import njit

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
MASK_64 = 2**64 - 1


@njit("uint64(uint64)")
def mix(z: np.uint64) -> np.uint64:
    """Hash 64 bits into 64 bits (the finaliser of SplitMix64, a bijection)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit("uint64(uint64[::1], int64)")
def draw(state: npt.NDArray[np.uint64], i: int) -> np.uint64:
    """Advance stream ``i`` of ``state`` in place and return 64 random bits."""
    state[i] += GOLDEN_GAMMA
    return mix(state[i])


@njit("uint64[::1](uint64[::1])")
def seed_streams(seeds: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the state of one stream per seed, ndarray of uint64, shape (n,)."""
    state = np.empty(seeds.size, np.uint64)
    for i in range(seeds.size):
        state[i] = mix(seeds[i] + GOLDEN_GAMMA)
    return state


def checked_seed(value: SupportsIndex, name: str = "seed") -> int:
    """Return a seed as an int of Python, whatever kind of integer it is.

    Raises
    ------
    ValueError
        If ``value`` is no integer, or negative; the message calls it ``name``.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a non-negative integer, got {value!r}") from None
    if number < 0:
        raise ValueError(f"{name} must be a non-negative integer, got {value!r}")
    return number


def seed(value: SupportsIndex) -> npt.NDArray[np.uint64]:
    """Return the random state of one game, ndarray of uint64, shape (1,).

    Parameters
    ----------
    value : int
        Any non-negative integer; taken modulo 2**64.

    Raises
    ------
    ValueError
        If ``value`` is no integer, or negative.
    """
    return seed_streams(np.array([checked_seed(value) & MASK_64], np.uint64))


def game_seeds(seed_value: SupportsIndex, n_games: int, first: int = 0) -> npt.NDArray[np.uint64]:
    """Return the seeds of games ``first`` ... ``first + n_games - 1`` of a series, ndarray of uint64, shape (n_games,).

    Series of different ``seed_value`` hardly ever share a game (chance about n_games**2 / 2**53), and a game's seed
    depends on nothing but the series and its own number. Seeds are below 2**53, so that they survive JavaScript.

    Examples
    --------
    >>> bool(game_seeds(1, 5)[3] == game_seeds(1, 1, first=3)[0])
    True
    """
    state = seed(seed_value)
    steps = np.arange(first + 1, first + n_games + 1, dtype=np.uint64)
    return seed_streams(state + steps * GOLDEN_GAMMA) >> np.uint64(11)
