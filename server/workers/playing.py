"""Playing in a worker process: some moves of a player from any position, and what it thinks of one.

A game of a seed has the same tiles wherever it is played: tile number n of a seed is a formula of both
(`game2048.rng`), so that a position, the seed and the number of tiles drawn so far are all there is to know.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from server.workers.thinking import Values, choose_action, load_thinker

SECONDS: Final = 0.15
"""Time that one job plays at most: a worker serves many streams in turn. The first move always comes."""


def play(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """Play on: until so many moves are made, the game is over, or the time is up.

    Takes ``player`` (`server.players.Player.job`), ``depth``, ``board`` (16 exponents), ``seed``, ``drawn`` (tiles so
    far) and ``moves``. Yields one result: ``plies`` (their codes), ``values`` (of the four moves before each, None
    where illegal), ``boards`` after each, whether the game is ``over``, and the ``unit`` of the values.
    """
    from game2048 import board as rules
    from game2048.rng import GOLDEN_GAMMA, MASK_64, draw
    from game2048.rng import seed as seed_stream

    thinker = load_thinker(arguments["player"], arguments["depth"])
    tables = rules.row_tables()
    board, high = rules.pack(np.frombuffer(arguments["board"], np.uint8))
    rng = seed_stream(arguments["seed"])
    rng[0] = (int(rng[0]) + arguments["drawn"] * int(GOLDEN_GAMMA)) & MASK_64
    plies, boards, thoughts = bytearray(), bytearray(), []
    ready()
    deadline = time.monotonic() + SECONDS
    while len(plies) < arguments["moves"] and (not plies or time.monotonic() < deadline):
        values = thinker.move_values(rules.unpack(board, high).reshape(1, 16))[0]
        if np.isnan(values).all():
            break
        if arguments["player"]["kind"] == "baseline":  # to some of which all moves are the same
            action = choose_action(values, seed=arguments["seed"] + arguments["drawn"] + len(plies))
        else:  # as the player chooses elsewhere, so that a seed gives the same game
            action = int(np.nanargmax(values))
        after, high, _ = rules.play(board, high, action, tables)
        board = np.uint64(rules.spawn(after, draw(rng, 0)))
        high = np.uint64(high)
        boards += rules.unpack(board, high).tobytes()
        plies.append(rules.ply_code(action, after, board))
        thoughts.append(shown(values))
    yield {
        "plies": bytes(plies),
        "values": thoughts,
        "boards": bytes(boards),
        "over": bool(rules.action_mask_wide(board, high) == 0),
        "unit": thinker.unit,
    }


def advise(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """Say what a player thinks of a position: takes ``player``, ``depth``, ``board``; yields ``values``, ``unit``."""
    thinker = load_thinker(arguments["player"], arguments["depth"])
    board = np.frombuffer(arguments["board"], np.uint8).reshape(1, 16)
    ready()
    yield {"values": shown(thinker.move_values(board)[0]), "unit": thinker.unit}


def shown(values: Values) -> list[float | None]:
    """Return the values of four moves as JSON can hold them, to six digits.

    >>> shown(np.array([1.0, np.nan, 2 / 3, 1234567.8]))
    [1.0, None, 0.666667, 1234570.0]
    """
    return [None if np.isnan(value) else float(f"{value:.6g}") for value in values]
