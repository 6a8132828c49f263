"""Our own form: `GameRecord.to_json` as compact JSON, one character a ply."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, structs

from game2048.formats.decoding import decode
from game2048.record import GameRecord


class _File(Struct):
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


def read_ours(data: bytes) -> GameRecord:
    """Read a game in our form."""
    given = structs.asdict(decode(data, _File))
    return GameRecord.from_json({name: value for name, value in given.items() if value is not UNSET})


def format_game(record: GameRecord) -> bytes:
    """Write a game as compact JSON in our form."""
    return msgspec.json.encode(record.to_json())
