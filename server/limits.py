"""Rate limits: how often one client may ask for what is expensive.

`expensive` marks a view; the 429 that answers too many requests says in Retry-After when the next one is welcome.
Counts are kept in the memory of this process, so that of several processes each allows as much. Where the server stands
behind a proxy, `ServerConfig.proxies` makes the addresses those of the clients.

References
----------
ITU-T Recommendation I.371 (2004), Annex A: the generic cell rate algorithm, which keeps one number for a client.
"""

import math
import threading
import time
from collections.abc import Callable
from functools import wraps
from ipaddress import IPv6Address, ip_address
from typing import Any, Final, TypeVar, cast

from flask import current_app, request
from werkzeug.exceptions import TooManyRequests

View = TypeVar("View", bound=Callable[..., Any])

MAX_CLIENTS: Final = 10_000  # remembered; beyond, those are forgotten who may ask as if they never had
EXTENSION: Final = "rate_limits"


class RateLimits:
    """What clients have asked for lately.

    Parameters
    ----------
    enabled : bool
        Whether anything is limited.
    clock : callable
        Seconds, from whenever.
    """

    def __init__(self, *, enabled: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self.enabled = enabled
        self._clock = clock
        self._due: dict[tuple[str, str], float] = {}  # when a client who asked evenly would ask again
        self._room = MAX_CLIENTS  # entries
        self._lock = threading.Lock()

    def wait(self, what: str, client: str, *, per_minute: float, burst: int) -> float:
        """Count a request; return 0, or the seconds until one would be allowed, if this one comes too early.

        >>> limits = RateLimits(clock=lambda: 0.0)
        >>> [limits.wait("analysis", "192.0.2.1", per_minute=6, burst=2) for _ in range(3)]
        [0.0, 0.0, 10.0]
        """
        interval, key = 60 / per_minute, (what, client)
        with self._lock:
            now = self._clock()
            due = max(self._due.get(key, now), now)
            early = due - now - (burst - 1) * interval
            if early > 0:
                return early
            if len(self._due) >= self._room:
                self._forget(now)
            self._due[key] = due + interval
            return 0.0

    def _forget(self, now: float) -> None:
        """Forget who is no longer limited; look again when there are twice as many."""
        self._due = {key: due for key, due in self._due.items() if due > now}
        self._room = max(MAX_CLIENTS, 2 * len(self._due))


def expensive(*, per_minute: float, burst: int = 10) -> Callable[[View], View]:
    """Let a client ask a view ``burst`` times at once, and ``per_minute`` times a minute from then on.

    Goes below ``@operation``; the 429 is declared by it.
    """

    def limit(view: View) -> View:
        @wraps(view)
        def limited(*args: Any, **kwargs: Any) -> Any:
            check(view.__qualname__, per_minute=per_minute, burst=burst)
            return view(*args, **kwargs)

        limited.__expensive__ = True  # type: ignore[attr-defined]
        return cast("View", limited)

    return limit


def check(what: str, *, per_minute: float, burst: int) -> None:
    """Count the request at hand, where a decorator cannot tell whether it is expensive.

    Raises
    ------
    TooManyRequests
        If this client has asked too often.
    """
    limits: RateLimits = current_app.extensions[EXTENSION]
    if not limits.enabled:
        return
    seconds = math.ceil(limits.wait(what, client_name(request.remote_addr or ""), per_minute=per_minute, burst=burst))
    if seconds:
        raise TooManyRequests(f"Too many requests of this kind: try again in {seconds} s.", retry_after=seconds)


def client_name(address: str) -> str:
    """Return what tells clients apart: an IPv4 address, or the 64 bits that a network has in IPv6.

    >>> client_name("192.0.2.1"), client_name("2001:db8::1:2:3:4"), client_name("::ffff:192.0.2.1")
    ('192.0.2.1', '2001:db8::', '192.0.2.1')
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:  # a Unix socket has none
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
