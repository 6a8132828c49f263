"""TD learning: an n-tuple network plays against itself, game after game, and a part of its tables is shown.

Of the six tables, the one of outer lines is small enough to be seen: a weight for every way in which a row or column at
the edge can be filled. A line is read in both directions; shown is the sum of the two weights.
"""

import mmap
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents.networks import Network, places_in_table
from agents.ntuple import Weights
from agents.td import TDLearner, TDSettings
from server.workers.lessons.packing import looks, pack

N_GAMES: Final = 700
N_LOOKS: Final = 40
N_EXPONENTS: Final = 12
"""Exponents that are shown, 0 (empty) to 11 (2048): larger tiles are rare in so few games."""
NETWORK: Final = Network.named("4x6+lines")
OUTER: Final = slice(4 * 16**6, 4 * 16**6 + 16**4)
"""The weights of outer lines among all."""


def lesson(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[list[Any]]:
    """Learn with ``trace_decay`` (lambda), ``alpha`` and ``seed``.

    Frames hold, of the games since the frame before: ``score`` (mean), ``best`` and ``tile`` (largest); ``error``, the
    mean TD error; and so far: ``games``, ``moves``, ``used`` (lines whose weights have changed), and ``table``, values
    in points (int16), of shape (first, second, third, fourth exponent), `N_EXPONENTS` each.
    """
    decay = arguments["trace_decay"]
    settings = TDSettings(alpha=arguments["alpha"], trace_decay_start=decay, trace_decay_end=decay)
    learner = TDLearner(settings, arguments["seed"], network=NETWORK)
    learner.weights, learner.coherence = untouched(NETWORK.n_weights), untouched(2 * NETWORK.n_weights)
    ready()
    yield ["start", {"n_exponents": N_EXPONENTS, "n_games": N_GAMES}]
    for games in looks(N_GAMES, N_LOOKS)[1:]:
        block = learner.train(games - learner.games)
        lines = values_of_lines(learner.weights[OUTER])
        yield [
            "frame",
            {
                "games": learner.games,
                "moves": learner.moves,
                "score": round(float(block.scores.mean()), 1),
                "best": int(block.scores.max()),
                "tile": 2 ** int(block.max_exponents.max()),
                "error": round(block.td_error, 2),
                "used": n_used(lines),
                "table": pack(table(lines)),
            },
        ]


def values_of_lines(outer: Weights) -> Weights:
    """Return what lines add to the value of a board, shape (16, 16, 16, 16), by their exponents.

    >>> weights = np.zeros(16**4, np.float32)
    >>> weights[places_in_table([1, 2, 0, 0])] = 7.4  # the line that begins with 2 and 4
    >>> lines = values_of_lines(weights)
    >>> lines[1, 2, 0, 0], lines[0, 0, 2, 1], lines[2, 1, 0, 0]
    (np.float32(7.4), np.float32(7.4), np.float32(0.0))
    """
    forward = outer[places_in_table(np.moveaxis(np.indices((16,) * 4), 0, -1))]
    return forward + forward.transpose()


def n_used(lines: Weights) -> int:
    """Return how many lines have a value; one and its mirror image count once."""
    used = lines != 0
    first, second, third, fourth = np.indices(used.shape, sparse=True)
    palindromes = (first == fourth) & (second == third)
    return int(used.sum() + (used & palindromes).sum()) // 2


def table(lines: Weights) -> npt.NDArray[np.int16]:
    """Return the values of lines that are shown, in whole points."""
    limits = np.iinfo(np.int16)
    shown = lines[(slice(N_EXPONENTS),) * 4]
    points: npt.NDArray[np.int16] = np.rint(np.clip(np.nan_to_num(shown), limits.min, limits.max)).astype(np.int16)
    return points


def untouched(n: int) -> Weights:
    """Return zeros that take memory page by page, where they are first written to.

    NumPy asks for pages of 2 MiB for large arrays, which scattered writes soon fill: 790 MB instead of 370.
    """
    return np.frombuffer(mmap.mmap(-1, 4 * n), np.float32)
