"""Analysing in a worker process: the values of all moves of as many positions as fit into a moment."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from server.workers.thinking import Thinker, load_thinker

SECONDS: Final = 0.2
"""Time that one job takes, about: a worker serves many streams in turn. The first position is always done."""
MAX_BATCH: Final = 256


def analyse(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """Value the moves of positions, from the first one on until the time is up.

    Takes ``player`` (`server.players.Player.job`), ``depth`` and ``boards`` (16 exponents each). Yields one result:
    ``values``, float32 and little-endian, four for each position that is done, NaN where a move is illegal; and their
    ``unit``.
    """
    thinker = load_thinker(arguments["player"], arguments["depth"])
    boards = np.frombuffer(arguments["boards"], np.uint8).reshape(-1, 16)
    ready()
    yield {"values": _in_time(thinker, boards), "unit": thinker.unit}


def _in_time(thinker: Thinker, boards: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    """Value positions in batches, each as large as the pace of the one before allows."""
    begun, done, parts = time.monotonic(), 0, list[bytes]()
    size = 1
    while done < len(boards):
        values = thinker.move_values(boards[done : done + size])
        parts.append(values.astype("<f4").tobytes())
        done += len(values)
        spent = time.monotonic() - begun
        if spent >= SECONDS:
            break
        size = max(1, min(MAX_BATCH, 2 * size, int((SECONDS - spent) * done / max(spent, 1e-6))))
    return b"".join(parts)
