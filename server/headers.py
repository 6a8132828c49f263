"""What files of weights tell of themselves: the headers of safetensors files, read without the weights.

Lists of players and models ask for them at every request, so that they are remembered as long as a file stays as it is.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from nets.tensorfile import KEY
from server.run_folder import open_regular

MAX_HEADER: Final = 2**20  # bytes; ours have a few thousand
AGENTS_KEY: Final = "game2048"  # as in agents.checkpoint, which would load kernels


class Header(NamedTuple):
    """What a file tells of itself."""

    values: dict[str, Any]
    """As `agents.checkpoint` or `nets.checkpoint` wrote it."""
    version: str
    """Another one when the file is another."""
    updated_at: float
    """When it was written, seconds since 1970."""
    size: int
    """Bytes of the file."""


def read_header(path: Path) -> Header | None:
    """Return the header of a file; None if there is none, it is a link, damaged, or none of ours."""
    try:
        status = path.lstat()
        values = _read(path, status.st_mtime_ns, status.st_size)
    except OSError:
        return None
    if values is None:
        return None
    return Header(values, f"{status.st_mtime_ns:x}-{status.st_size:x}", status.st_mtime, status.st_size)


@lru_cache(maxsize=1024)
def _read(path: Path, modified: int, size: int) -> dict[str, Any] | None:
    """Read the header of a file as it was written at a time; what the system refuses is not remembered."""
    with open_regular(path) as file:
        n_bytes = int.from_bytes(file.read(8), "little")
        text = file.read(n_bytes) if n_bytes <= MAX_HEADER else b""
    try:
        texts = json.loads(text)["__metadata__"]
        values = json.loads(texts.get(AGENTS_KEY) or texts[KEY])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
