"""Rate limits: how often one client may ask for what is expensive, and for how much at once.

`expensive` marks a view; the 429 that answers too many requests says in Retry-After when the next one is welcome. Only
such views count anything, so that games and pages pay nothing. Streams, whose views return before they begin, have
limits of their own (`server.streams`). Counts are kept in the memory of this process, so that
of several processes each allows as much. Where the server stands behind a proxy, `ServerConfig.proxies` makes the
addresses those of the clients.

References
----------
The library limits, https://limits.readthedocs.io/en/stable/strategies.html#sliding-window-counter: two numbers for a
client, whatever the limit.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from ipaddress import IPv6Address, ip_address
from typing import Any, Final, TypeVar, cast

from flask import current_app, request
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from werkzeug.exceptions import TooManyRequests

View = TypeVar("View", bound=Callable[..., Any])

MAX_COUNTS: Final = 20_000  # kept, each for two windows at most; 6 MiB
OTHERS: Final = "others"  # newcomers, where no more is kept: they are counted as one
MAX_NAME: Final = 64  # characters of what is no address
MAX_AT_ONCE: Final = 6  # requests of a client that are being worked on: workers take jobs in turns, whoever asks
EXTENSION: Final = "rate_limits"


class RateLimits:
    """What clients have asked for lately.

    Parameters
    ----------
    enabled : bool
        Whether anything is limited.
    """

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._counts = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._counts)
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, client: str) -> Iterator[bool]:
        """Hold one of the client's places while it is worked for; tell whether there was one.

        >>> limits = RateLimits()
        >>> from contextlib import ExitStack
        >>> with ExitStack() as stack:
        ...     [stack.enter_context(limits.place("192.0.2.1")) for _ in range(MAX_AT_ONCE + 1)]
        [True, True, True, True, True, True, False]
        """
        with self._lock:
            free = self._under_way[client] < MAX_AT_ONCE
            self._under_way[client] += free
        try:
            yield free
        finally:
            with self._lock:
                self._under_way[client] -= free
                if not self._under_way[client]:
                    del self._under_way[client]

    def wait(self, what: str, client: str, *, per_minute: int, burst: int) -> int:
        """Count a request; return 0, or the seconds until one would be allowed, if this one comes too early.

        >>> limits = RateLimits()
        >>> [limits.wait("analysis", "192.0.2.1", per_minute=1, burst=2) > 0 for _ in range(3)]
        [False, False, True]
        """
        limit = RateLimitItemPerSecond(burst, max(1, round(60 * burst / per_minute)))
        if len(self._counts.storage) >= MAX_COUNTS and not self._knows(limit, what, client):
            client = OTHERS
        if self._limiter.hit(limit, what, client):
            return 0
        seconds = self._limiter.get_window_stats(limit, what, client).reset_time - time.time()
        return max(1, int(seconds) + 1)  # a moment later than that

    def _knows(self, limit: RateLimitItemPerSecond, what: str, client: str) -> bool:
        """Whether a client has asked for this in the window that is now, or in the one before."""
        before, _, now, _ = self._counts.get_sliding_window(limit.key_for(what, client), limit.get_expiry())
        return bool(before or now)


def expensive(*, per_minute: int, burst: int = 10) -> Callable[[View], View]:
    """Let a client ask a view ``burst`` times at once, and ``per_minute`` times a minute in the long run.

    That is ``burst`` times in a window of as long as ``per_minute`` takes to come to so many; of the window before, the
    part counts that is not yet as long ago.
    Goes below ``@operation``; the 429 is declared by it.
    """

    def limit(view: View) -> View:
        @wraps(view)
        def limited(*args: Any, **kwargs: Any) -> Any:
            limits: RateLimits = current_app.extensions[EXTENSION]
            if not limits.enabled:
                return view(*args, **kwargs)
            with limits.place(client_name(request.remote_addr or "")) as free:
                if not free:
                    raise TooManyRequests(f"At most {MAX_AT_ONCE} such requests at once: try again.", retry_after=1)
                check(view.__qualname__, per_minute=per_minute, burst=burst)
                return view(*args, **kwargs)

        limited.__expensive__ = True  # type: ignore[attr-defined]
        return cast("View", limited)

    return limit


def check(what: str, *, per_minute: int, burst: int) -> None:
    """Count the request at hand, where a decorator cannot tell whether it is expensive.

    Raises
    ------
    TooManyRequests
        If this client has asked too often.
    """
    limits: RateLimits = current_app.extensions[EXTENSION]
    if not limits.enabled:
        return
    seconds = limits.wait(what, client_name(request.remote_addr or ""), per_minute=per_minute, burst=burst)
    if seconds:
        raise TooManyRequests(f"Too many requests of this kind: try again in {seconds} s.", retry_after=seconds)


def client_name(address: str) -> str:
    """Return what tells clients apart: an IPv4 address, or the 64 bits that a network has in IPv6.

    >>> client_name("192.0.2.1"), client_name("2001:db8::1:2:3:4"), client_name("::ffff:192.0.2.1")
    ('192.0.2.1', '2001:db8::', '192.0.2.1')
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:  # a Unix socket has none, and a proxy may say anything
        return address[:MAX_NAME]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
