"""Server-sent events, read back."""

from typing import Any

import msgspec


def read_events(body: bytes) -> list[tuple[str, int | None, Any]]:
    """Return name, id and data of each event; comments are left out.

    >>> read_events(b': hello\\n\\nevent: move\\nid: 3\\ndata: {"ply":3}\\n\\n')
    [('move', 3, {'ply': 3})]
    """
    events = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            number = int(fields["id"]) if "id" in fields else None
            events.append((fields.get("event", "message"), number, msgspec.json.decode(fields["data"])))
    return events
