"""The JSON of hobby recorders: one object a ply, in the actions 0 up, 1 right, 2 down, 3 left.

::

    {"gameplay": {"initialboard": [[0, 0, 2, 0], ...],
                  "gameplay": [{"move_made": 3, "new_tile_idx": [0, 1], "new_tile_val": 2,
                                "move_idx": 1, "reward": 0}, ...]}}

Two variants of it are read as well: without the outer object, and with exponents instead of tiles in
``initialboard`` (``new_tile_val`` is a tile in both). The second is recognised by its rewards, which only one of the
two readings explains. A ply that moves nothing is in no variant: such a file was written by a faulty recorder.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct

from game2048.board import MAX_EXPONENT
from game2048.formats.decoding import decode
from game2048.record import MAX_PLIES, GameRecord, RecordError

Index = Annotated[int, Meta(ge=0, le=3)]
Row = tuple[int, int, int, int]


class _HobbyPly(Struct):
    """One move and the tile that appeared after it."""

    move_made: Index
    new_tile_idx: tuple[Index, Index]
    new_tile_val: Literal[2, 4]
    move_idx: int
    reward: int


class _HobbyGame(Struct):
    """The inner object of the hobby form."""

    initialboard: tuple[Row, Row, Row, Row]
    gameplay: Annotated[list[_HobbyPly], Meta(max_length=MAX_PLIES)]


class _HobbyFile(Struct):
    """The outer object of the hobby form."""

    gameplay: _HobbyGame


# --- reading ---


def read_hobby(data: bytes, *, outer: bool) -> GameRecord:
    """Read a game, with or without the outer object."""
    game = decode(data, _HobbyFile).gameplay if outer else decode(data, _HobbyGame)
    return _read(game)


def _read(game: _HobbyGame) -> GameRecord:
    """Replay a hobby game in each reading of its start board; the one that explains every ply is right."""
    readings = _start_readings([tile for row in game.initialboard for tile in row])
    failures = []
    for start in readings:
        try:
            return _replay(start, game.gameplay)
        except RecordError as error:
            failures.append(error)
    raise max(failures, key=lambda error: error.ply or 0)  # of the reading that came furthest


def _start_readings(cells: Sequence[int]) -> list[list[int]]:
    """Return the start board as exponents, in each way it can be read: as tiles, then as exponents.

    >>> _start_readings([2, 4, 0]), _start_readings([2, 1, 0]), _start_readings([64, 2, 0])
    ([[1, 2, 0], [2, 4, 0]], [[2, 1, 0]], [[6, 1, 0]])
    """
    exponent_of = {1 << e: e for e in range(1, MAX_EXPONENT + 1)} | {0: 0}
    readings = []
    if all(cell in exponent_of for cell in cells):
        readings.append([exponent_of[cell] for cell in cells])
    if all(0 <= cell <= MAX_EXPONENT for cell in cells):
        readings.append(list(cells))
    if not readings:
        raise RecordError(f"initialboard must hold tiles (0, 2, 4 ... {1 << MAX_EXPONENT}) or exponents (0 ... 17)")
    return readings


def _replay(start: Sequence[int], plies: Sequence[_HobbyPly]) -> GameRecord:
    """Make a record of hobby plies; the first ply that the rules do not give is named."""
    exponents, codes = np.array(start, np.uint8), np.array([_code(ply) for ply in plies], np.uint8)
    illegal = None
    try:
        record = GameRecord(start=exponents, plies=codes)
    except RecordError as error:
        if error.ply is None:
            raise
        illegal = error
        record = GameRecord(start=exponents, plies=codes[: error.ply - 1])
    for number, (ply, reward) in enumerate(zip(plies, record.rewards.tolist(), strict=False), 1):
        if ply.move_idx != number:
            raise RecordError(f"move_idx must be {number}, got {_shown(ply.move_idx)}", ply=number)
        if ply.reward != reward:
            raise RecordError(f"the reward is {reward} by the rules, got {_shown(ply.reward)}", ply=number)
    if illegal is not None:
        raise illegal
    return record


def _code(ply: _HobbyPly) -> int:
    """Pack a hobby ply as in `game2048.record`."""
    row, column = ply.new_tile_idx
    return ply.move_made << 5 | (4 * row + column) << 1 | (ply.new_tile_val == 4)


def _shown(number: int) -> str:
    """Show an integer of unknown size in an error message."""
    return str(number) if abs(number) < 10**18 else "a huge number"


# --- writing ---


def format_hobby(record: GameRecord) -> bytes:
    """Write a game in the full hobby form, with tiles in ``initialboard``; who played and probabilities are not kept.

    About 90 times as large as our form.
    """
    numbered = enumerate(zip(record.plies.tolist(), record.rewards.tolist(), strict=True), 1)
    tiles = [[1 << e if e else 0 for e in row] for row in record.start.tolist()]
    plies = [_hobby_ply(code, reward, number) for number, (code, reward) in numbered]
    return msgspec.json.encode({"gameplay": {"initialboard": tiles, "gameplay": plies}})


def _hobby_ply(code: int, reward: int, number: int) -> _HobbyPly:
    """Unpack one ply into the hobby form."""
    cell = code >> 1 & 15
    return _HobbyPly(
        move_made=code >> 5,
        new_tile_idx=(cell >> 2, cell & 3),
        new_tile_val=4 if code & 1 else 2,
        move_idx=number,
        reward=reward,
    )
