"""How tiles move: the original game's move, 100 ms of sliding and 200 ms of appearing, at any moment of it."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from game2048.animation.drawing import Tile
from game2048.board import MAX_EXPONENT

SLIDE_MS: Final = 100.0
APPEAR_MS: Final = 200.0
POP: Final = 1.2  # the size of a merged tile half way

Board = npt.NDArray[np.uint8]


class Step(NamedTuple):
    """What one move does to the tiles: cells are 4 * row + column."""

    sliding: list[tuple[int, int, int]]
    """Exponent, from and to which cell, of every tile before the move."""
    merged: list[tuple[int, int]]
    """Exponent and cell of every tile that two became."""
    new: tuple[int, int]
    """Exponent and cell of the tile that appears."""


def step(before: Sequence[int], action: int, new: tuple[int, int]) -> Step:
    """Trace the tiles of a board of 16 exponents through a move; 0 up, 1 right, 2 down, 3 left.

    >>> step([1, 1, 2, 0] + [0] * 12, 3, (1, 9))
    Step(sliding=[(1, 0, 0), (1, 1, 0), (2, 2, 1)], merged=[(2, 0)], new=(1, 9))
    """
    sliding, merged = [], []
    for line in _lines(action):
        n_filled, waiting = 0, 0  # cells of the line, and the exponent of the last one if it may still merge
        for cell in line:
            exponent = before[cell]
            if exponent == 0:
                continue
            if exponent == waiting and exponent < MAX_EXPONENT:
                merged.append((exponent + 1, line[n_filled - 1]))
                waiting = 0
            else:
                n_filled += 1
                waiting = exponent
            sliding.append((exponent, cell, line[n_filled - 1]))
    return Step(sliding, merged, new)


def _lines(action: int) -> list[list[int]]:
    """Return the cells of each row or column, from the edge that tiles slide to."""
    cells = np.arange(16).reshape(4, 4)
    lines = cells if action in (1, 3) else cells.T
    found: list[list[int]] = (lines[:, ::-1] if action in (1, 2) else lines).tolist()
    return found


def still(board: Sequence[int]) -> list[Tile]:
    """Return the tiles of a board at rest."""
    return [Tile(exponent, cell % 4, cell // 4) for cell, exponent in enumerate(board) if exponent]


def moving(move: Step, ms: float) -> list[Tile]:
    """Return the tiles so many milliseconds after a move began."""
    way = EASE_IN_OUT(min(1.0, ms / SLIDE_MS))
    tiles = [_between(exponent, start, end, way) for exponent, start, end in move.sliding]
    if ms > SLIDE_MS:
        grown = EASE(min(1.0, (ms - SLIDE_MS) / APPEAR_MS))
        popped = 2 * POP * grown if grown < 0.5 else 2 * (POP - 1) * (1 - grown) + 1
        tiles += [Tile(exponent, cell % 4, cell // 4, popped) for exponent, cell in move.merged]
        exponent, cell = move.new
        tiles.append(Tile(exponent, cell % 4, cell // 4, grown))
    return tiles


def _between(exponent: int, start: int, end: int, way: float) -> Tile:
    """Return a tile part of the way from one cell to another."""
    x, y = start % 4, start // 4
    return Tile(exponent, x + way * (end % 4 - x), y + way * (end // 4 - y))


def _bezier(x1: float, y1: float, x2: float, y2: float) -> Callable[[float], float]:
    """Return a timing function of CSS, ``cubic-bezier(x1, y1, x2, y2)``."""

    def curve(a: float, b: float, t: float) -> float:
        return 3 * a * t * (1 - t) ** 2 + 3 * b * t**2 * (1 - t) + t**3

    def ease(x: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(20):  # to one part in a million
            middle = (low + high) / 2
            low, high = (middle, high) if curve(x1, x2, middle) < x else (low, middle)
        return curve(y1, y2, high)

    return ease


EASE: Final = _bezier(0.25, 0.1, 0.25, 1.0)
EASE_IN_OUT: Final = _bezier(0.42, 0.0, 0.58, 1.0)
