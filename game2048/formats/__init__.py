"""Games as files: our JSON form, and the forms of others.

============  =====  ======  ======================================================================
form          read   write   what it is
============  =====  ======  ======================================================================
game2048      yes    yes     our JSON, one character a ply (`game2048.formats.ours`)
hobby         yes    yes     JSON, one object a ply, in three variants (`game2048.formats.hobby`)
2048verse     yes    yes     text, 3 characters a ply, and its older form (`game2048.formats.verse`)
.rpl          yes    no      25 bytes a ply (`game2048.formats.rpl`)
============  =====  ======  ======================================================================

`parse_game` takes the bytes of any of them, from a file or an upload, and trusts nothing: what is not a legal game is a
`RecordError` that names the ply and the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from msgspec import UNSET, Raw, Struct, UnsetType

from game2048.formats.decoding import decode
from game2048.formats.hobby import format_hobby, read_hobby
from game2048.formats.ours import format_game, read_ours
from game2048.formats.rpl import is_rpl, read_rpl
from game2048.formats.verse import format_verse, is_verse, read_verse
from game2048.record import GameRecord, RecordError

__all__ = ["FORMATS", "Format", "format_game", "format_hobby", "format_verse", "parse_game"]

UTF_8_MARK: Final = b"\xef\xbb\xbf"
OBJECT_OR_ARRAY: Final = (b"{", b"[")
BYTE_ORDER_MARKS: Final = (UTF_8_MARK, b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, kw_only=True)
class Format:
    """A form that games can be written in."""

    write: Callable[[GameRecord], bytes]
    """Raises RecordError if the form has no place for the game."""
    suffix: str
    """Ending of a file's name."""
    content_type: str
    """Media type."""


FORMATS: Final = MappingProxyType(
    {
        "game2048": Format(write=format_game, suffix=".json", content_type="application/json"),
        "hobby": Format(write=format_hobby, suffix=".hobby.json", content_type="application/json"),
        "2048verse": Format(write=format_verse, suffix=".txt", content_type="text/plain; charset=utf-8"),
    }
)
"""The forms that can be written, by name."""


class _Outline(Struct):
    """The fields that tell the JSON forms apart, not yet decoded."""

    format: Raw | UnsetType = UNSET
    initialboard: Raw | UnsetType = UNSET
    gameplay: Raw | UnsetType = UNSET


def parse_game(data: bytes) -> GameRecord:
    """Read a game from the bytes of a file, in whatever form.

    Raises
    ------
    RecordError
        If the bytes are in none of the forms, or not a legal game.

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
    >>> parse_game("replay_(!äfC".encode()).score
    8
    """
    if is_rpl(data):
        return read_rpl(data)
    text = data.removeprefix(UTF_8_MARK)  # of an editor that replays were pasted into; JSON must not have one
    if is_verse(text):
        return read_verse(text)
    if data.startswith(BYTE_ORDER_MARKS):
        raise RecordError("the file starts with a byte-order mark: save it as UTF-8 without one")
    if not data.lstrip().startswith(OBJECT_OR_ARRAY):
        raise RecordError("not a game: neither JSON, nor a replay of 2048verse, nor a whole .rpl file")
    try:
        return _parse_json(data)
    except RecursionError:
        raise RecordError("the JSON is nested too deeply") from None


def _parse_json(data: bytes) -> GameRecord:
    """Read one of the JSON forms."""
    outline = decode(data, _Outline)
    if outline.format is not UNSET:
        return read_ours(data)
    if outline.initialboard is not UNSET:
        return read_hobby(data, outer=False)
    if outline.gameplay is not UNSET:
        return read_hobby(data, outer=True)
    raise RecordError("not a game: neither 'format', nor 'initialboard', nor 'gameplay' is there")
