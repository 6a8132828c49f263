"""``game2048 serve`` as a process, and what its options come to."""

import json
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from cli.main import main
from tests.processes import children, eventually, is_running

SECONDS_TO_OPEN = 3.0


@pytest.fixture
def apps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Flask]]:
    """The apps that would be served."""
    apps: list[Flask] = []
    monkeypatch.setattr("cli.serve.run_server", lambda app, **_: apps.append(app))
    monkeypatch.chdir(tmp_path)
    yield apps
    for app in apps:
        app.extensions["game_store"].close()


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    command = [
        sys.executable,
        "-m",
        "cli",
        "serve",
        "--no-browser",
        "--port",
        "0",
        "--db",
        str(folder / "games.sqlite"),
    ]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        assert server.stdout is not None
        try:
            found = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
            assert found is not None
            yield server, found[0]
        finally:
            server.kill()


# --- options ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "0"], "--workers must be at least 1, got 0"),
        (["--max-streams", "513"], "--max-streams must be at most 512, got 513"),
        (["--proxies", "-1"], "--proxies must be at least 0, got -1"),
        (["--threads", "0"], "--threads must be at least 1, got 0"),
    ],
)
def test_a_number_out_of_range_is_named(
    options: list[str], message: str, apps: list[Flask], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *options]) == 2

    assert message in capsys.readouterr().err
    assert not apps


def test_numbers_reach_the_server(apps: list[Flask]) -> None:
    assert main(["serve", "--db", "games.sqlite", "--workers", "3", "--max-streams", "5"]) == 0

    (app,) = apps
    assert app.extensions["workers"].n_workers == 3
    assert app.extensions["streams"].max_streams == 5
    assert app.config["THREADS_HELD"] == 5 + (5 + 8) + 3 + 4


@pytest.mark.parametrize(
    "options",
    [["--host", "0.0.0.0"], ["--trust", "example.org"], ["--proxies", "1"]],
    ids=lambda options: options[0],
)
def test_what_other_machines_reach_writes_nothing_without_a_token(
    options: list[str], apps: list[Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GAME2048_WRITE_TOKEN", raising=False)
    main(["serve", "--db", "games.sqlite", *options])
    monkeypatch.setenv("GAME2048_WRITE_TOKEN", "secret")
    main(["serve", "--db", "games.sqlite", *options])

    without, with_token = (app.test_client() for app in apps)
    for send in ("post", "delete"):
        path = "/api/games" if send == "post" else f"/api/games/{'0' * 16}"
        assert getattr(without, send)(path, json={}).status_code == 403
        assert getattr(with_token, send)(path, json={}).status_code == 401
    assert [app.test_client().get("/api/games").json["writes"] for app in apps] == ["off", "token"]


def test_metrics_are_for_this_machine_unless_asked_for(apps: list[Flask]) -> None:
    for options in ([], ["--host", "0.0.0.0"], ["--host", "0.0.0.0", "--metrics"]):
        main(["serve", "--db", "games.sqlite", *options])

    assert [app.test_client().get("/metrics").status_code for app in apps] == [200, 404, 200]


# --- a process ---


def test_requests_are_logged_as_json_and_a_page_opens_soon(tmp_path: Path) -> None:
    """Processor time is measured, as the machine may be busy."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with serving(tmp_path, "--log-format", "json") as (server, url):
        with urllib.request.urlopen(url) as page:
            assert b"</html>" in page.read()
        server.send_signal(signal.SIGINT)
        _, err = server.communicate(timeout=20)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    requests = [line for line in map(json.loads, err.splitlines()) if line["logger"] == "server.access"]
    assert [(line["path"], line["status"]) for line in requests] == [("/", 200)]
    assert server.returncode == 0
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS_TO_OPEN


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGKILL],
    ids=lambda number: number.name,
)
def test_no_process_stays_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Whether the server stops or is killed, while a worker plays for a stream."""
    with serving(tmp_path) as (server, url):
        port = int(url.rpartition(":")[2].strip("/"))
        with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
            stream.sendall(b"GET /api/live?player=greedy&pace=20 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            heard = b""
            while b"event: moves" not in heard:
                heard += stream.recv(65536)
            workers = children(server.pid)
            assert len(workers) == 1

            begun = time.monotonic()
            server.send_signal(number)
            server.wait(timeout=20)

    assert time.monotonic() - begun < 10
    assert server.returncode == (-number if number == signal.SIGKILL else 0)
    assert eventually(lambda: not [pid for pid in workers if is_running(pid)])
