"""Streams: server-sent events, so many at once.

A stream holds a thread of the server as long as it lasts, so that their number is limited, that of one client too, and
threads are left for other requests (`server.run`). See https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from flask import Response, request

from server.errors import BusyError
from server.limits import client_name

HEARTBEAT: Final = 15.0
"""Seconds without an event after which a source should yield None: proxies close what is silent."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event: data as JSON, its name if it is not a "message", and an id for the browser to come back with."""

    data: Any
    name: str | None = None
    id: int | str | None = None

    def encode(self) -> bytes:
        r"""Return the event as it is sent.

        >>> Event(data={"ply": 3}, name="move", id=3).encode()
        b'event: move\nid: 3\ndata: {"ply":3}\n\n'
        """
        name = f"event: {self.name}\n" if self.name else ""
        number = f"id: {self.id}\n" if self.id is not None else ""
        return f"{name}{number}data: ".encode() + msgspec.json.encode(self.data) + b"\n\n"


class Streams:
    """The streams of a server.

    Parameters
    ----------
    max_streams : int
        Streams at once; one more is refused (503, Retry-After).
    per_client : int, optional
        Streams of one client at once; None allows all of them.
    """

    def __init__(self, max_streams: int = 32, *, per_client: int | None = None) -> None:
        self.max_streams = max_streams
        self.per_client = max_streams if per_client is None else per_client
        self._open: Counter[str] = Counter()  # by client
        self._closed = False
        self._lock = threading.Lock()

    @property
    def open(self) -> int:
        """Number of streams at the moment."""
        with self._lock:
            return self._open.total()

    def respond(self, events: Iterator[Event | None]) -> Response:
        """Answer the request at hand with events; None is a heartbeat. The source is closed when the client leaves.

        Raises
        ------
        BusyError
            If there are too many streams.
        """
        client = client_name(request.remote_addr or "")
        self._begin(client)
        response = Response(self._encoded(events), content_type="text/event-stream; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would collect events before it sends them
        response.call_on_close(lambda: self._end(client))
        return response

    def close(self) -> None:
        """End every stream at its next event; later ones are refused."""
        self._closed = True

    def _begin(self, client: str) -> None:
        with self._lock:
            if self._closed:
                raise BusyError("it is stopping")
            if self._open.total() >= self.max_streams:
                raise BusyError(f"{self.max_streams} streams are open already")
            if self._open[client] >= self.per_client:
                raise BusyError(f"{self.per_client} streams are open already for you")
            self._open[client] += 1

    def _end(self, client: str) -> None:
        with self._lock:
            self._open[client] -= 1
            self._open += Counter()  # forgets who has none

    def _encoded(self, events: Iterator[Event | None]) -> Iterator[bytes]:
        """Write events; the source is closed with this generator."""
        try:
            for event in events:
                yield b": still here\n\n" if event is None else event.encode()
                if self._closed:
                    return
        finally:
            if (close := getattr(events, "close", None)) is not None:
                close()
