"""metrics.jsonl: what happened in training, one JSON object a line, to be read while it goes on."""

import json
from pathlib import Path
from typing import Any

from nets.files import write_atomically


def append_metrics(path: Path, row: dict[str, Any]) -> None:
    """Add a line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_metrics(path: Path, counter: str = "epoch") -> list[dict[str, Any]]:
    """Return the lines that have an int as ``counter``; others, such as one that a crash cut short, are left out."""
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and isinstance(row.get(counter), int):
            rows.append(row)
    return rows


def drop_metrics_after(path: Path, last: int, counter: str = "epoch") -> None:
    """Forget lines that are newer than the checkpoint, so that a resumed run does not tell them twice."""
    if path.exists():
        kept = "".join(json.dumps(row) + "\n" for row in read_metrics(path, counter) if row[counter] <= last)
        write_atomically(path, lambda temporary: temporary.write_text(kept, encoding="utf-8"))
