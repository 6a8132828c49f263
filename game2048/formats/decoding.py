"""JSON into types, with errors that name the ply and the field."""

import re
from typing import TypeVar

import msgspec

from game2048.record import RecordError

T = TypeVar("T")


def decode(data: bytes, form: type[T]) -> T:
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
