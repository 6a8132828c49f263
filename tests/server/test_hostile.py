"""A client who wants to stop the server: everything at once, and others are answered all the same."""

import http.client
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

SCRIPT = """
import sys
from server import ServerConfig, create_app, serve

config = ServerConfig(database=sys.argv[1], runs=None, max_streams=4, max_streams_per_client=4)
serve(create_app(config), port=0, threads=1, on_ready=lambda url: print(url, flush=True))
"""
N_IDLE = 20  # with the others, less than one client may have: see test_run for more
N_STREAMS = 12
N_JOBS = 60
SECONDS = 5.0  # in which anybody else is answered, however busy the machine of the test is


def status(port: int, path: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_others_are_answered_while_a_client_takes_what_it_can_get(tmp_path: Path) -> None:
    """Connections that say nothing, half requests, streams, jobs: one thread is left, and it is enough."""
    command = [sys.executable, "-c", SCRIPT, f"sqlite:///{tmp_path}/games.sqlite"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
        ThreadPoolExecutor(N_JOBS) as threads,
        ExitStack() as stack,
    ):
        stack.callback(server.kill)
        assert server.stdout is not None
        port = int(server.stdout.readline().strip().rpartition(":")[2].strip("/"))
        address = ("127.0.0.1", port)

        for number in range(N_IDLE):
            idle = stack.enter_context(closing(socket.create_connection(address, timeout=60)))
            idle.sendall(b"POST /api/games HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"[: number % 60])
        streams = [
            stack.enter_context(closing(socket.create_connection(address, timeout=60))) for _ in range(N_STREAMS)
        ]
        for stream in streams:
            stream.sendall(b"GET /api/live?player=greedy&pace=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        advice = f"/api/advice?player=monte-carlo&board={'0' * 14}12"
        jobs = [threads.submit(status, port, advice) for _ in range(N_JOBS)]

        for _ in range(20):
            begun = time.monotonic()
            assert status(port, "/api/health") == 200
            assert time.monotonic() - begun < SECONDS
        begun_streams = Counter(stream.recv(12) for stream in streams)
        answers = Counter(job.result() for job in jobs)
        afterwards = status(port, advice)

    assert begun_streams.keys() <= {b"HTTP/1.1 200", b"HTTP/1.1 429", b"HTTP/1.1 503"}
    assert begun_streams[b"HTTP/1.1 200"] == 4
    assert answers.total() == N_JOBS
    assert answers.keys() <= {200, 429, 503}
    assert afterwards == 200
