"""RunFolder: what training has written into one folder, to be read while it goes on.

Nothing is certain about these files: they may be missing, damaged, or half written. What can be read is told, and
nothing but regular files is opened: a link may lead anywhere.
"""

import json
import os
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from nets.metrics import parse_row
from server.curves import Curves, Values, counter_of, numbers

METRICS_NAME: Final = "metrics.jsonl"
SETTINGS_NAME: Final = "settings.json"
MAX_SETTINGS: Final = 2**20  # bytes
TAIL: Final = 2**16  # bytes at the end of metrics.jsonl that hold the newest lines
MARK: Final = 256  # bytes before a cursor that must not have changed
CURSOR: Final = "[0-9]{1,15}-[0-9a-f]{8}"
START: Final = "0-00000000"  # the cursor before the first line

# A run goes on as long as its next line is not much later than the time that the one before took.
PATIENCE: Final = 30.0  # seconds, at least
PATIENCE_AT_FIRST: Final = 600.0  # before the first line


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What the list tells of a run."""

    name: str
    """Path below the folder of runs."""
    algorithm: str
    """As in its settings; empty if they do not say."""
    started_at: float
    """When it was begun or last resumed, seconds since 1970."""
    updated_at: float
    """When it last wrote a line."""
    running: bool
    """Whether more lines are to be expected: a guess from the time between lines."""
    last: Values
    """The numbers of the newest line."""


@dataclass(frozen=True, kw_only=True)
class RunCurves:
    """The lines of a run, or those after a cursor."""

    curves: Curves
    """The lines, thinned."""
    whole: bool
    """Whether they begin at the first one."""
    next: str
    """The cursor after the last one."""


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """A folder that holds `METRICS_NAME` or `SETTINGS_NAME`.

    Attributes
    ----------
    name : str
        Path below the folder of runs.
    folder : Path
        Where it lies.
    started_at, updated_at : float
        As in `RunSummary`.
    """

    name: str
    folder: Path
    started_at: float
    updated_at: float

    def summary(self) -> RunSummary:
        """Return what the list tells of the run."""
        rows = self._last_rows()
        age = abs(time.time() - self.updated_at)  # a clock may be set back
        return RunSummary(
            name=self.name,
            algorithm=algorithm_of(self.settings() or {}),
            started_at=self.started_at,
            updated_at=self.updated_at,
            running=age < patience(rows),
            last=numbers(rows[-1]) if rows else {},
        )

    def settings(self) -> dict[str, Any] | None:
        """Return its settings, None if they cannot be read; numbers that JavaScript cannot hold come as text."""
        with suppress(OSError, ValueError, RecursionError), open_regular(self.folder / SETTINGS_NAME) as file:
            text = file.read(MAX_SETTINGS)
            values = json.loads(text, parse_constant=str, parse_int=_int_or_text, parse_float=_float_or_text)
            return values if isinstance(values, dict) else None
        return None

    def curves(self, after: str = START) -> RunCurves:
        """Return its lines.

        Parameters
        ----------
        after : str
            `RunCurves.next` of an earlier answer, to get only what is new. If what was before it has been written anew
            meanwhile, as a resumed run may do, all lines come.
        """
        start, mark = int(after.partition("-")[0]), after.partition("-")[2]
        curves = Curves()
        try:
            with open_regular(self.folder / METRICS_NAME) as file:
                if _mark(file, start) != mark:
                    start = 0
                end = start
                for line in _lines(file, start):
                    end += len(line)
                    curves.add(parse_row(line) or {})
                return RunCurves(curves=curves, whole=start == 0, next=f"{end}-{_mark(file, end)}")
        except OSError:  # no line yet, or not readable
            return RunCurves(curves=curves, whole=True, next=START)

    def _last_rows(self) -> list[dict[str, Any]]:
        """Return the newest one or two lines."""
        with suppress(OSError), open_regular(self.folder / METRICS_NAME) as file:
            start = max(0, file.seek(0, os.SEEK_END) - TAIL)
            newest_first = (parse_row(line) or {} for line in reversed(list(_lines(file, start))))
            return list(islice((row for row in newest_first if counter_of(row) is not None), 2))[::-1]
        return []


def open_run(name: str, folder: Path) -> RunFolder | None:
    """Return the run in a folder, None if there is none."""
    settings, metrics = _modified(folder / SETTINGS_NAME), _modified(folder / METRICS_NAME)
    times = [modified for modified in (settings, metrics) if modified is not None]
    return RunFolder(name=name, folder=folder, started_at=times[0], updated_at=max(times)) if times else None


def algorithm_of(settings: dict[str, Any]) -> str:
    """Return the name of what is trained, from the settings of `agents`, `generative` or `nets`.

    >>> algorithm_of({"algorithm": "ppo"}), algorithm_of({"recipe": {"family": "vae"}}), algorithm_of({})
    ('ppo', 'vae', '')
    """
    recipe = settings.get("recipe")
    recipe = recipe if isinstance(recipe, dict) else {}
    named = (settings.get("algorithm"), recipe.get("family"), recipe.get("model"))
    return next((name for name in named if isinstance(name, str)), "")


def patience(rows: list[dict[str, Any]]) -> float:
    """Return after how many seconds without a line a run is taken to be over, from its newest two lines.

    >>> patience([{"steps": 1, "seconds": 100.0}, {"steps": 2, "seconds": 140.0}])
    120.0
    """
    if not rows:
        return PATIENCE_AT_FIRST
    seconds = [numbers(row).get("seconds", 0.0) for row in rows]
    since_start = counter_of(rows[-1]) != "epoch" and len(rows) == 2
    return max(PATIENCE, 3 * (seconds[-1] - seconds[0] if since_start else seconds[-1]))


def _modified(path: Path) -> float | None:
    """Return when a regular file was written, None if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_mtime if stat.S_ISREG(status.st_mode) else None


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file: a link is refused, and nothing waits for the other end of a pipe."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is not a regular file")
        yield file


def _lines(file: BinaryIO, start: int) -> Iterator[bytes]:
    """Give the lines from a place on, but not one that is still being written."""
    file.seek(start)
    return (line for line in file if line.endswith(b"\n"))


def _mark(file: BinaryIO, end: int) -> str:
    """Return a check of the bytes before a place, empty if the file ends before it."""
    if end > os.fstat(file.fileno()).st_size:
        return ""
    start = max(0, end - MARK)
    file.seek(start)
    return f"{zlib.crc32(file.read(end - start)):08x}"


def _int_or_text(text: str) -> int | str:
    return int(text) if len(text) < 16 else text


def _float_or_text(text: str) -> float | str:
    return float(text) if abs(float(text)) < float("inf") else text
