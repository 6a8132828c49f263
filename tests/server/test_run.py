"""serve, on real sockets."""

import http.client
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from flask import Flask

from game2048 import GameRecord
from game2048.formats import format_game
from server import ListenError, PortInUseError, ServerError, run, serve

SCRIPT = """
import sys
from server import ServerConfig, create_app, serve

app = create_app(ServerConfig(database=sys.argv[1], max_upload_bytes=100_000))
serve(app, port=0, on_ready=lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", SCRIPT, f"sqlite:///{tmp_path}/games.sqlite"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def port_of(server: subprocess.Popen[str]) -> int:
    """The port, once the server listens."""
    return int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", server.stdout.readline().strip())[1])


def test_a_server_answers_until_ctrl_c(server: subprocess.Popen[str], game: GameRecord) -> None:
    port = port_of(server)
    headers = {"Content-Type": "application/json"}

    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("POST", "/api/games", format_game(game), headers)
        added = connection.getresponse()
        assert (added.status, added.headers["Location"]) == (201, f"/api/games/{game.id}")
        assert "Server" not in added.headers
        added.read()

        connection.request("POST", "/api/games", iter([format_game(game)]), headers)  # chunked, without a length
        again = connection.getresponse()
        assert again.status == 200
        again.read()

        for body in (b" " * 100_001, iter([b" " * 60_000] * 2)):  # with and without a length
            connection.request("POST", "/api/games", body, headers)
            large = connection.getresponse()
            assert (large.status, large.headers["Content-Type"]) == (413, "application/problem+json")
            large.read()
            connection.close()

    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=20)
    assert (server.returncode, out, err) == (0, "stopped\n", "")


@pytest.mark.skipif(sys.platform == "darwin", reason="this machine has one address there")
def test_a_client_with_many_connections_does_not_keep_others_out(server: subprocess.Popen[str]) -> None:
    port = port_of(server)

    with ExitStack() as stack:
        connections = [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", port), timeout=10, source_address=("127.0.0.2", 0))
            )
            for _ in range(run.MAX_CONNECTIONS + run.MAX_CONNECTIONS_PER_CLIENT)
        ]
        for slow in connections[: run.MAX_CONNECTIONS_PER_CLIENT]:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: local")
        first, *_, last = connections
        assert last.recv(1) == b""  # closed
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as other:
            other.request("GET", "/api/health")
            assert other.getresponse().status == 200
        first.sendall(b"host\r\n\r\n")
        assert first.recv(12) == b"HTTP/1.1 200"


def test_what_is_far_too_large_is_cut_off(server: subprocess.Popen[str]) -> None:
    port = port_of(server)

    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall(b"POST /api/games HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400001\r\n\r\n")
        answer = connection.recv(12)

    assert answer == b"HTTP/1.1 413"


def test_a_server_stops_on_sigterm_and_is_quiet_under_load(server: subprocess.Popen[str]) -> None:
    port = port_of(server)

    def ask(_: int) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/")
            return connection.getresponse().status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(100))) == {200}
    server.send_signal(signal.SIGTERM)

    assert server.communicate(timeout=20) == ("stopped\n", "")
    assert server.returncode == 0


def test_slow_clients_do_not_hold_threads(server: subprocess.Popen[str]) -> None:
    """Ten unfinished requests, and the eleventh is answered while they wait."""
    port = port_of(server)
    slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(10)]
    for connection in slow:
        connection.sendall(b"POST /api/games HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n\r\n{")

    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=100)) as connection:
        connection.request("GET", "/api/health")
        assert connection.getresponse().status == 200

    for connection in slow:
        connection.close()


def test_a_busy_port_is_named(app: Flask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(PortInUseError, match=f"port {port} is in use: choose another, or 0 for any free port"):
            serve(app, port=port)


def test_ctrl_c_before_the_first_request_is_no_error(app: Flask) -> None:
    def interrupt(url: str) -> None:
        with pytest.raises(PortInUseError):
            serve(app, port=int(url.rpartition(":")[2].strip("/")))
        raise KeyboardInterrupt

    serve(app, port=0, on_ready=interrupt)


def test_a_fault_in_on_ready_closes_the_port(app: Flask) -> None:
    urls = []

    def fail(url: str) -> None:
        urls.append(url)
        raise LookupError("no browser")

    with pytest.raises(LookupError):
        serve(app, port=0, on_ready=fail)

    port = int(urls[0].rpartition(":")[2].strip("/"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", -1, "port must be from 0 to 65535, got -1"),
        ("127.0.0.1", 65536, "port must be from 0 to 65535, got 65536"),
        ("no.such.host.invalid", 0, "host 'no.such.host.invalid' is unknown"),
        ("x" * 100 + ".example", 0, "is unknown"),
        ("192.0.2.1", 0, "cannot listen on '192.0.2.1', port 0"),
    ],
)
def test_an_impossible_address_is_named(app: Flask, host: str, port: int, message: str) -> None:
    with pytest.raises(ListenError, match=message) as caught:
        serve(app, host=host, port=port)

    assert isinstance(caught.value, ServerError)
