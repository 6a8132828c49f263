"""metrics.jsonl: what happened in training, one JSON object a line, to be read while it goes on."""

import json
from pathlib import Path
from typing import Any

from nets.files import naming, write_atomically


def append_metrics(path: Path, row: dict[str, Any]) -> None:
    """Add a line."""
    with naming(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_metrics(path: Path, counter: str = "epoch") -> list[dict[str, Any]]:
    """Return the lines that have an int as ``counter``; others, such as one that a crash cut short, are left out."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    rows = (parse_row(line) for line in text.splitlines())
    return [row for row in rows if row is not None and isinstance(row.get(counter), int)]


def parse_row(line: str | bytes) -> dict[str, Any] | None:
    """Return what a line says, None if it is no JSON object.

    >>> parse_row('{"epoch": 1, "loss": 0.5}')
    {'epoch': 1, 'loss': 0.5}
    >>> parse_row('{"epoch": 2, "lo') is None
    True
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # the second from brackets without end
        return None
    return row if isinstance(row, dict) else None


def drop_metrics_after(path: Path, last: int, counter: str = "epoch") -> None:
    """Forget lines that are newer than the checkpoint, so that a resumed run does not tell them twice."""
    if path.exists():
        kept = "".join(json.dumps(row) + "\n" for row in read_metrics(path, counter) if row[counter] <= last)
        write_atomically(path, lambda temporary: temporary.write_text(kept, encoding="utf-8"))
