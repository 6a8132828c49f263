"""A value function made by hand: rows and columns that are empty, ordered and about to merge are good.

Each row and each column of the board has a value, looked up in one table::

    h = 200,000 + 270 empty + 700 merges - 47 min(falls, rises) - 11 sum_i e_i^3.5

with e_i the exponents of its four cells, ``merges`` the tiles that stand beside an equal one, ``falls`` the sum of
e_i^4 - e_{i+1}^4 over neighbours where the left one is larger, and ``rises`` likewise where the right one is: a line
that goes one way costs nothing. The weights were found by an evolution strategy (CMA-ES). The constant makes the end of
the game, worth 0, worse than the boards of ordinary play.

That is an n-tuple network of lines: a table for the outer lines, one for the inner. So all that plays with a network
plays with these values, and searches with them; a line is read in both directions, and its weight is h / 2.

References
----------
R. Xiao, W. Vermaelen and P. Morávek, nneonneo/2048-ai, 2014, https://github.com/nneonneo/2048-ai (the heuristic), and
https://stackoverflow.com/a/22498940 (what it is for).

Notes
-----
There, only the values count; here the points of the moves on the way are added, which are small beside them.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from agents.networks import Network
from agents.ntuple import Values

NAME: Final = "heuristic"
LINES: Final = Network.named("lines")

ALIVE: Final = 200_000.0
EMPTY: Final = 270.0
MERGES: Final = 700.0
DISORDER: Final = 47.0
TILES: Final = 11.0


def line_values() -> npt.NDArray[np.float64]:
    """Return h of every line, ndarray of float64, shape (16, 16, 16, 16): the exponents of its cells."""
    e = np.stack(np.meshgrid(*[np.arange(16)] * 4, indexing="ij"))  # (4, 16, 16, 16, 16)
    left, right = e[:-1].astype(float), e[1:].astype(float)
    falls = np.maximum(left**4 - right**4, 0).sum(0)
    rises = np.maximum(right**4 - left**4, 0).sum(0)
    disorder: npt.NDArray[np.float64] = np.minimum(falls, rises)
    tiles: npt.NDArray[np.float64] = (e.astype(float) ** 3.5).sum(0)
    empty: npt.NDArray[np.int64] = np.sum(e == 0, axis=0)
    return ALIVE + EMPTY * empty + MERGES * equal_neighbours(e) - DISORDER * disorder - TILES * tiles


def equal_neighbours(e: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how many tiles of each line (4, ...) stand beside an equal one; the empty cells between do not count.

    ``[2 . 2 4] -> 2``, ``[2 2 2 4] -> 3``.
    """
    beside = np.zeros(e.shape, bool)
    for i in range(4):
        for j in range(i + 1, 4):
            near = (e[i] == e[j]) & (e[i] > 0) & (e[i + 1 : j] == 0).all(0)
            beside[i] |= near
            beside[j] |= near
    return np.asarray(beside.sum(0), np.int64)


def heuristic_values() -> Values:
    """Return the heuristic as an n-tuple network, to play or search with."""
    places = np.zeros((16,) * 4, np.int64)  # of a line in its table, see agents.ntuple on Z-order
    for i, exponents in enumerate(np.meshgrid(*[np.arange(16)] * 4, indexing="ij")):
        for plane in range(4):
            places |= (exponents >> plane & 1) << (4 * plane + i)
    table = np.empty(16**4, np.float32)
    table[places.ravel()] = line_values().ravel() / 2
    return Values(LINES, np.concatenate([table] * len(LINES.patterns)))
