"""Games as files: our JSON form, and the JSON of hobby recorders.

`parse_game` takes the bytes of either, from a file or an upload, and trusts nothing: what is not a legal game is a
`RecordError` that names the ply and the reason.

The hobby form is one object a ply, in the actions 0 up, 1 right, 2 down, 3 left::

    {"gameplay": {"initialboard": [[0, 0, 2, 0], ...],
                  "gameplay": [{"move_made": 3, "new_tile_idx": [0, 1], "new_tile_val": 2,
                                "move_idx": 1, "reward": 0}, ...]}}

Two variants of it are read as well: without the outer object, and with exponents instead of tiles in
``initialboard`` (``new_tile_val`` is a tile in both). The second is recognised by its rewards, which only one of the
two readings explains. A ply that moves nothing is in no variant: such a file was written by a faulty recorder.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, structs

from game2048.board import MAX_EXPONENT
from game2048.record import MAX_PLIES, GameRecord, RecordError

T = TypeVar("T")

BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

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


class _OurFile(Struct):
    """The fields of our form, of whatever types: `GameRecord.from_json` judges them."""

    format: Any = UNSET
    version: Any = UNSET
    ruleset: Any = UNSET
    id: Any = UNSET
    agent: Any = UNSET
    seed: Any = UNSET
    score: Any = UNSET
    max_tile: Any = UNSET
    n_moves: Any = UNSET
    set_up: Any = UNSET
    start: Any = UNSET
    plies: Any = UNSET
    probabilities: Any = UNSET


class _Outline(Struct):
    """The fields that tell the forms apart, not yet decoded."""

    format: Raw | UnsetType = UNSET
    initialboard: Raw | UnsetType = UNSET
    gameplay: Raw | UnsetType = UNSET


# --- reading ---


def parse_game(data: bytes) -> GameRecord:
    """Read a game from the bytes of a JSON file, in our form or in a hobby form.

    Raises
    ------
    RecordError
        If the bytes are not JSON in UTF-8, not one of the forms, or not a legal game.

    Examples
    --------
    >>> game = b'{"initialboard": [[2, 0, 0, 2], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], "gameplay": ['
    >>> ply = b'{"move_made": 3, "new_tile_idx": [1, 1], "new_tile_val": 2, "move_idx": 1, "reward": %d}]}'
    >>> parse_game(game + ply % 4).score
    4
    >>> parse_game(game + ply % 6)
    Traceback (most recent call last):
        ...
    game2048.record.RecordError: ply 1: the reward is 4 by the rules, got 6
    """
    if data.startswith(BYTE_ORDER_MARKS):
        raise RecordError("the file starts with a byte-order mark: save it as UTF-8 without one")
    try:
        outline = _decode(data, _Outline)
        if outline.format is not UNSET:
            given = structs.asdict(_decode(data, _OurFile))
            return GameRecord.from_json({name: value for name, value in given.items() if value is not UNSET})
        if outline.initialboard is not UNSET:
            return _read_hobby(_decode(data, _HobbyGame))
        if outline.gameplay is not UNSET:
            return _read_hobby(_decode(data, _HobbyFile).gameplay)
    except RecursionError:
        raise RecordError("the JSON is nested too deeply") from None
    raise RecordError("not a game: neither 'format', nor 'initialboard', nor 'gameplay' is there")


def _read_hobby(game: _HobbyGame) -> GameRecord:
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


def _decode(data: bytes, form: type[T]) -> T:
    """Decode JSON into a type; what is wrong is a RecordError, with the ply where it is inside one."""
    try:
        return msgspec.json.decode(data, type=form)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        ply, field = _place(path.strip(".`"))
        reason = message[0].lower() + message[1:]
        raise RecordError(f"{field}: {reason}" if field else reason, ply=ply) from None
    except msgspec.DecodeError as error:
        raise RecordError(f"not JSON: {error}") from None
    except UnicodeDecodeError:
        raise RecordError("not JSON: the text is not UTF-8") from None


def _place(path: str) -> tuple[int | None, str]:
    """Split the path of a wrong value into the ply and the field.

    >>> _place("gameplay.gameplay[3].new_tile_idx[0]"), _place("gameplay.initialboard[1]")
    ((4, 'new_tile_idx[0]'), (None, 'gameplay.initialboard[1]'))
    """
    in_ply = re.search(r"gameplay\[(\d+)\]\.?(.*)", path)
    return (int(in_ply[1]) + 1, in_ply[2]) if in_ply else (None, path)


def _shown(number: int) -> str:
    """Show an integer of unknown size in an error message."""
    return str(number) if abs(number) < 10**18 else "a huge number"


# --- writing ---


def format_game(record: GameRecord) -> bytes:
    """Write a game as compact JSON in our form."""
    return msgspec.json.encode(record.to_json())


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
