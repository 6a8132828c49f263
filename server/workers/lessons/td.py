"""TD learning: an n-tuple network plays against itself, game after game, and a part of its tables is shown.

Of the six tables, the one of outer lines is small enough to be seen: a weight for every way in which a row or column at
the edge can be filled.
"""

import mmap
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents.ntuple import LINES_START, N_WEIGHTS, Weights
from agents.td import TDLearner, TDSettings
from server.workers.lessons.packing import looks, pack

N_GAMES: Final = 700
N_LOOKS: Final = 40
N_EXPONENTS: Final = 12
"""Exponents that are shown, 0 (empty) to 11 (2048): larger tiles are rare in so few games."""
LINE_WEIGHTS: Final = 16**4


def lesson(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[list[Any]]:
    """Learn with ``trace_decay`` (lambda), ``alpha`` and ``seed``.

    Frames hold, of the games since the frame before: ``score`` (mean), ``best`` and ``tile`` (largest); ``error``, the
    mean TD error; and so far: ``games``, ``moves``, ``used`` (lines whose weight has changed), and ``table``, weights
    in points (int16), of shape (first, second, third, fourth exponent), `N_EXPONENTS` each.
    """
    decay = arguments["trace_decay"]
    settings = TDSettings(alpha=arguments["alpha"], trace_decay_start=decay, trace_decay_end=decay)
    learner = TDLearner(settings, arguments["seed"])
    learner.weights, learner.coherence = untouched(N_WEIGHTS), untouched(2 * N_WEIGHTS)
    ready()
    yield ["start", {"n_exponents": N_EXPONENTS, "n_games": N_GAMES}]
    for games in looks(N_GAMES, N_LOOKS)[1:]:
        block = learner.train(games - learner.games)
        outer = learner.weights[LINES_START : LINES_START + LINE_WEIGHTS]
        yield [
            "frame",
            {
                "games": learner.games,
                "moves": learner.moves,
                "score": round(float(block.scores.mean()), 1),
                "best": int(block.scores.max()),
                "tile": 2 ** int(block.max_exponents.max()),
                "error": round(block.td_error, 2),
                "used": int(np.count_nonzero(outer)),
                "table": pack(table(outer)),
            },
        ]


def table(outer: Weights) -> npt.NDArray[np.int16]:
    """Return the weights of lines by their four exponents; a line and its mirror image share one.

    >>> weights = np.zeros(LINE_WEIGHTS, np.float32)
    >>> weights[0x0021] = 7.4  # the line that begins with 2 and 4
    >>> values = table(weights)
    >>> values[1, 2, 0, 0], values[0, 0, 2, 1], values[2, 1, 0, 0]
    (np.int16(7), np.int16(7), np.int16(0))
    """
    cells = np.indices((N_EXPONENTS,) * 4)
    forward = sum(exponents << (4 * place) for place, exponents in enumerate(cells))
    backward = sum(exponents << (4 * place) for place, exponents in enumerate(cells[::-1]))
    limits = np.iinfo(np.int16)
    values = np.clip(np.nan_to_num(outer[np.minimum(forward, backward)]), limits.min, limits.max)
    points: npt.NDArray[np.int16] = np.rint(values).astype(np.int16)
    return points


def untouched(n: int) -> Weights:
    """Return zeros that take memory page by page, where they are first written to.

    NumPy asks for pages of 2 MiB for large arrays, which scattered writes soon fill: 790 MB instead of 370.
    """
    return np.frombuffer(mmap.mmap(-1, 4 * n), np.float32)
