"""N-tuple tables as they were saved before networks had other shapes (version 1), converted without changing a value.

All of them were of 4x6 patterns and of lines, with two differences:

- An index had the exponents of the cells side by side, four bits each. Now it is in Z-order (`agents.ntuple`).
- A line was read once, in the direction with the smaller index, and now is in both::

      w[min(f, b)]  =  w'[f] + w'[b]        w'[f] = w'[b] = w[min(f, b)] / 2

  Halves of floats are exact, and a line that reads the same both ways (f = b) has its one weight read twice. So every
  board has exactly the sum that it had, only added up in another order.

Accumulators (E, A, sums of squared gradients) belong to step sizes, of which both directions have the one that the line
had: learning goes on, if not by the very steps as then, since an error is now shared among 48 weights and no longer 40.
"""

from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents.networks import Network, places_in_table

VERSION: Final = 1
NETWORK: Final = Network.named("4x6+lines")
"""What it is now."""
PATTERNS: Final = [
    [0, 1, 2, 3, 4, 5],
    [4, 5, 6, 7, 8, 9],
    [0, 1, 2, 4, 5, 6],
    [4, 5, 6, 8, 9, 10],
    [0, 1, 2, 3],
    [4, 5, 6, 7],
]
LINES_START: Final = 4 * 16**6
"""Where the tables of lines began, as they do now: outer lines, then inner ones."""

Tensors = dict[str, npt.NDArray[Any]]
Places = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.integer[Any]]


def upgraded_header(header: dict[str, Any]) -> dict[str, Any]:
    """Return the header of an n-tuple checkpoint as it is now.

    Raises
    ------
    ValueError
        If the patterns are others than those that there were, or there are no settings.
    """
    if header.get("patterns") != PATTERNS:
        raise ValueError(f"patterns must be {PATTERNS}, got {header.get('patterns')}")
    if not isinstance(header.get("settings"), dict):
        raise ValueError(f"settings must be a dictionary, got {header.get('settings')!r}")
    settings = {**header["settings"], "initial": 0.0}
    return {**header, "version": 2, "network": asdict(NETWORK), "settings": settings, "episodes": header.get("games")}


def upgraded_tensors(indices: Places, tensors: Tensors) -> tuple[Places, Tensors]:
    """Return the indices of all weights as they are now, ascending, and what belongs to them.

    Parameters
    ----------
    indices : ndarray of uint32, shape (k,)
        All different, below ``NETWORK.n_weights``.
    tensors : dict of arrays, shapes (k, ...)
        ``weights`` are halved where they are shared, others repeated.
    """
    is_line = indices >= LINES_START
    table = np.where(is_line, indices & 0xFFFF_0000, indices & 0xFF00_0000)
    backward = _reversed(indices)
    once = np.where(is_line, table + _z_order(indices & 0xFFFF, 4), table + _z_order(indices & 0xFF_FFFF, 6))
    again = np.flatnonzero(is_line & ((indices & 0xFFFF) < backward))  # the other direction is another weight
    read = np.flatnonzero(~is_line | ((indices & 0xFFFF) <= backward))
    source = np.concatenate([read, again])
    places = np.concatenate([once[read], table[again] + _z_order(backward[again], 4)]).astype(np.uint32)
    order = np.argsort(places)
    places, source = places[order], source[order]
    upgraded = {name: array[source] for name, array in tensors.items()}
    if "weights" in upgraded:
        upgraded["weights"][places >= LINES_START] *= np.float32(0.5)
    return places, upgraded


def _reversed(indices: Places) -> Integers:
    """Return the index of a line in the other direction.

    >>> f"{_reversed(np.array([0x1234], np.uint32))[0]:x}"
    '4321'
    """
    mirrored: Integers = (indices & 15) << 12 | (indices >> 4 & 15) << 8 | (indices >> 8 & 15) << 4 | indices >> 12 & 15
    return mirrored


def _z_order(indices: Integers, n: int) -> Places:
    """Return the places in Z-order of indices whose n exponents stand side by side, by way of their halves."""
    half = n // 2
    cells = np.arange(16**half)[:, None] >> 4 * np.arange(half) & 15
    zeros = np.zeros_like(cells)
    low, high = places_in_table(np.hstack([cells, zeros])), places_in_table(np.hstack([zeros, cells]))
    places: Places = low[indices % 16**half] | high[indices // 16**half % 16**half]
    return places
