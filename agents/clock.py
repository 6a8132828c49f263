"""How long a run has taken, those sessions included that came before."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

MAX_SECONDS: Final = 1e12


class Clock:
    """Seconds of a run, those of earlier sessions included.

    Parameters
    ----------
    rows : sequence of dict
        The lines of metrics.jsonl so far: the last one tells the time of earlier sessions. A line without, of an
        earlier version of this program, or with what is no time tells of none.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        last = rows[-1] if rows else {}
        self._start = time.monotonic() - _seconds(last.get("seconds"))
        self._cpu_start = time.process_time() - _seconds(last.get("cpu_seconds"))

    @property
    def seconds(self) -> float:
        """Wall time."""
        return time.monotonic() - self._start

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all threads together."""
        return time.process_time() - self._cpu_start


def _seconds(value: Any) -> float:
    """Return a time as it was written, 0 for anything else.

    >>> _seconds(1.5), _seconds(None), _seconds("x"), _seconds(float("nan"))
    (1.5, 0.0, 0.0, 0.0)
    """
    return float(value) if isinstance(value, int | float) and 0 <= value < MAX_SECONDS else 0.0
