"""How long a run has taken, those sessions included that came before."""

import time
from collections.abc import Mapping, Sequence
from typing import Any


class Clock:
    """Seconds of a run, those of earlier sessions included.

    Parameters
    ----------
    rows : sequence of dict
        The lines of metrics.jsonl so far: the last one tells the time of earlier sessions. A line without, of an
        earlier version of this program, tells of none.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        last = rows[-1] if rows else {}
        self._start = time.monotonic() - float(last.get("seconds", 0.0))
        self._cpu_start = time.process_time() - float(last.get("cpu_seconds", 0.0))

    @property
    def seconds(self) -> float:
        """Wall time."""
        return time.monotonic() - self._start

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all threads together."""
        return time.process_time() - self._cpu_start
