"""Streams: how many, for how long, and who may have them."""

import http.client
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from flask import Flask, Response

from server import run as run_module
from server import serve
from server.problems import register
from server.streams import Event, Streams
from tests.processes import eventually


class Source:
    """Events until it is closed; remembers that it was."""

    def __init__(self, *, seconds: float = 0.01, silent: bool = False) -> None:
        self.seconds = seconds
        self.silent = silent
        self.closed = threading.Event()

    def __call__(self) -> Iterator[Event | None]:
        try:
            for n in range(100_000):
                yield None if self.silent else Event(data={"n": n}, name="step", id=n)
                time.sleep(self.seconds)
        finally:
            self.closed.set()


def make_app(streams: Streams, source: Source) -> Flask:
    app = Flask("server")
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    app.config["THREADS_HELD"] = streams.max_streams
    app.extensions["streams"] = streams
    register(app)

    @app.get("/api/stream")
    def stream() -> Response:
        return streams.respond(source())

    @app.get("/api/other")
    def other() -> str:
        return "here"

    return app


@contextmanager
def serving(app: Flask) -> Iterator[int]:
    """A server of one thread besides those for streams, in a thread of its own, given its port."""
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    stopped, wakers = threading.Event(), []

    @contextmanager
    def stop_signals(wake: Callable[[], None]) -> Iterator[threading.Event]:
        wakers.append(wake)
        yield stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "_stop_signals", stop_signals)
        settings = {"port": 0, "threads": 1, "on_ready": lambda url: ports.put(int(url.rpartition(":")[2].strip("/")))}
        thread = threading.Thread(target=serve, args=(app,), kwargs=settings)
        thread.start()
        try:
            yield ports.get(timeout=10)
        finally:
            stopped.set()
            wakers[0]()
            thread.join(20)
    assert not thread.is_alive()


def listen(port: int, path: str = "/api/stream", host: str = "127.0.0.1") -> tuple[socket.socket, bytes]:
    """A connection that has heard something, and what."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(host, 0))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    heard = b""
    while b"\n\n" not in heard.partition(b"\r\n\r\n")[2] and b"Retry-After" not in heard:
        part = connection.recv(4096)
        assert part, heard
        heard += part
    return connection, heard


@pytest.fixture
def streams() -> Streams:
    return Streams(2)


# --- what is sent ---


def test_events_are_as_browsers_read_them() -> None:
    assert Event(data=[1, "ü\n"]).encode() == 'data: [1,"ü\\n"]\n\n'.encode()
    assert Event(data=None, name="end", id="a").encode() == b"event: end\nid: a\ndata: null\n\n"
    assert Event(data=0, id=0).encode() == b"id: 0\ndata: 0\n\n"


def test_a_stream_is_not_kept_and_a_heartbeat_is_a_comment(streams: Streams) -> None:
    source = Source(silent=True)

    response = make_app(streams, source).test_client().get("/api/stream", buffered=False)

    assert response.content_type == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert next(iter(response.response)) == b": still here\n\n"
    response.close()


# --- how many ---


def test_one_too_many_is_refused_and_told_to_come_back(streams: Streams) -> None:
    client = make_app(streams, Source()).test_client()
    held = [client.get("/api/stream", buffered=False) for _ in range(2)]
    assert streams.open == 2

    refused = client.get("/api/stream")

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.content_type == "application/problem+json"
    assert refused.json["detail"] == "The server is busy: 2 streams are open already. Try again soon."
    held[0].close()
    assert streams.open == 1
    with client.get("/api/stream", buffered=False) as again:
        assert again.status_code == 200


def test_a_client_cannot_have_them_all() -> None:
    streams = Streams(3, per_client=2)
    client = make_app(streams, Source()).test_client()

    def status(address: str) -> int:
        return client.get("/api/stream", buffered=False, environ_base={"REMOTE_ADDR": address}).status_code

    assert [status("192.0.2.1") for _ in range(3)] == [200, 200, 503]
    assert [status("192.0.2.2") for _ in range(2)] == [200, 503]
    assert streams.open == 3


def test_nobody_is_remembered_who_has_no_stream(streams: Streams) -> None:
    client = make_app(streams, Source()).test_client()

    for _ in range(5):
        client.get("/api/stream", buffered=False).close()

    assert streams.open == 0
    assert not streams._open


# --- on real sockets ---


def test_streams_leave_a_thread_for_others(streams: Streams) -> None:
    """Two streams on a server of one thread, and another request is answered meanwhile."""
    with serving(make_app(streams, Source())) as port:
        held = [listen(port) for _ in range(2)]

        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/api/other")
            assert connection.getresponse().read() == b"here"
            connection.request("GET", "/api/stream")
            assert connection.getresponse().status == 503

        for connection, _ in held:
            connection.close()


def test_the_source_is_closed_when_the_client_leaves(streams: Streams) -> None:
    source = Source()
    with serving(make_app(streams, source)) as port:
        connection, heard = listen(port)
        assert b"event: step\nid: 0\n" in heard
        assert streams.open == 1

        connection.close()

        assert source.closed.wait(10)
        assert eventually(lambda: streams.open == 0)


def test_a_client_who_leaves_is_missed_at_the_next_heartbeat(streams: Streams) -> None:
    """Nothing but one more heartbeat is written before the server knows."""
    source = Source(silent=True, seconds=0.5)
    with serving(make_app(streams, source)) as port:
        connection, _ = listen(port)
        left = time.monotonic()
        connection.close()

        assert source.closed.wait(10)
        assert time.monotonic() - left < 5


def test_a_stream_whose_source_breaks_counts_no_longer(streams: Streams, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Source):
        def __call__(self) -> Iterator[Event | None]:
            yield Event(data=0)
            raise LookupError("the source is dry")

    with serving(make_app(streams, Broken())) as port:
        connection, _ = listen(port)

        assert eventually(lambda: streams.open == 0)
        assert eventually(lambda: "the source is dry" in caplog.text)
        connection.close()


def test_a_server_with_streams_stops_at_once(streams: Streams) -> None:
    source = Source()
    with serving(make_app(streams, source)) as port:
        connection, _ = listen(port)
        begun = time.monotonic()

    assert time.monotonic() - begun < 4
    assert source.closed.is_set()
    connection.close()


def test_streams_end_at_their_next_event_when_they_are_closed(streams: Streams) -> None:
    client = make_app(streams, Source(seconds=0)).test_client()
    response = client.get("/api/stream", buffered=False)
    events = iter(response.response)
    next(events)

    streams.close()

    assert len(list(events)) <= 1
    assert client.get("/api/stream").status_code == 503
