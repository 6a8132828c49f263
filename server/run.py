"""serve: run an application on waitress until Ctrl-C or SIGTERM."""

import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import Any, Final

from flask import Flask
from waitress import wasyncore  # type: ignore[import-untyped]  # waitress has no types
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]  # waitress has no types
from waitress.server import create_server  # type: ignore[import-untyped]  # waitress has no types

from server.config import MIB
from server.errors import ListenError, PortInUseError
from server.limits import client_name

logger = logging.getLogger(__name__)

DEFAULT_PORT: Final = 2048
BACKLOG: Final = 128
MAX_CONNECTIONS: Final = 800  # a process may have 1024 files open, if nobody has told the system otherwise
MAX_CONNECTIONS_PER_CLIENT: Final = 100  # or one that opens many and says little would keep all others out
LOOP_SECONDS: Final = 1.0  # the longest wait for something to happen
REACHABLE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to open, not to listen on


def serve(
    app: Flask,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    threads: int = 4,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Answer requests until Ctrl-C or SIGTERM, then finish the running ones and return.

    Parameters
    ----------
    app : Flask
        What `server.create_app` made.
    host : str
        Address to listen on. Other machines reach none that starts with 127; for any other, the names that they use
        belong into `ServerConfig.trusted_hosts`.
    port : int
        0 takes any free port.
    threads : int
        Requests answered at once, besides those that streams and jobs hold (`ServerConfig.threads_held`).
    on_ready : callable, optional
        Called with the URL when the server listens; requests are answered after it returns.

    Raises
    ------
    PortInUseError
        If another program listens on the port.
    ListenError
        If the address cannot be listened on for another reason.
    """
    # A page asks for twenty files at once: that some wait for a thread is not worth a warning.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with closing(_listen(host, port)) as listener:
        sockets: dict[int, Any] = {}
        server = create_server(
            app,
            map=sockets,
            sockets=[listener],
            threads=threads + app.config.get("THREADS_HELD", 0),
            connection_limit=MAX_CONNECTIONS,
            channel_request_lookahead=1,  # reads while it answers, to hear that the client of a stream has left
            # The app refuses what is too large with a reason, which a browser sees only once it has sent all;
            # what is far too large is cut off here.
            max_request_body_size=4 * (app.config["MAX_CONTENT_LENGTH"] or 16 * MIB),
            ident=None,
            clear_untrusted_proxy_headers=not app.config.get("PROXIES", 0),
        )
        if not app.config.get("PROXIES", 0):  # else all connections are those of a proxy, which has limits of its own
            server.channel_class = _Channel
        url = _url(host, listener.getsockname()[1])
        logger.info("listening on %s", url)
        try:
            with _stop_signals(server.pull_trigger) as stopped:
                if on_ready is not None:
                    on_ready(url)
                while not stopped.is_set():
                    wasyncore.loop(timeout=LOOP_SECONDS, map=sockets, count=1, use_poll=True)
        except KeyboardInterrupt:  # raised by on_ready itself
            logger.debug("interrupted before the first request")
        finally:
            for name in ("streams", "workers"):  # what would go on
                if name in app.extensions:
                    app.extensions[name].close()
            server.task_dispatcher.shutdown()
            wasyncore.close_all(sockets)
    logger.info("stopped")


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection; one of a client that has too many is closed at once."""

    def __init__(self, server: Any, connection: socket.socket, address: tuple[Any, ...], *rest: Any, **more: Any):
        self.client = client_name(address[0])
        n_open = sum(channel.client == self.client for channel in server.active_channels.values())
        super().__init__(server, connection, address, *rest, **more)
        if n_open >= MAX_CONNECTIONS_PER_CLIENT:
            self.handle_close()


@contextmanager
def _stop_signals(wake: Callable[[], None]) -> Iterator[threading.Event]:
    """Give an event that Ctrl-C or SIGTERM sets, waking the loop; a second signal interrupts at once.

    An exception raised by a signal could come between any two lines of the loop, for example after a connection was
    forgotten and before it was closed. Only the main thread may set handlers; elsewhere the event is never set.
    """
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()
        wake()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    """Open a listening socket, or say why not."""
    if not 0 <= port <= 65535:
        raise ListenError(f"port must be from 0 to 65535, got {port}")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError):
        raise ListenError(f"host {host!r} is unknown") from None
    try:
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(f"port {port} is in use: choose another, or 0 for any free port") from error
        if error.errno == errno.EACCES:
            raise ListenError(f"port {port} needs special rights: choose one from 1024 on") from error
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ListenError(f"cannot listen on {host!r}, port {port}: {reason}") from error


def _url(host: str, port: int) -> str:
    """Return a URL that a browser on this machine can open.

    >>> _url("127.0.0.1", 2048), _url("::", 80)
    ('http://127.0.0.1:2048/', 'http://[::1]:80/')
    """
    name = REACHABLE.get(host, host)
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"
