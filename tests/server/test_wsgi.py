"""The application under gunicorn, set up by environment variables."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from game2048 import GameRecord
from game2048.formats import format_game
from server import ConfigError
from server.wsgi import application
from tests.processes import children, eventually, is_running

TOKEN = "open sesame"


@contextmanager
def gunicorn(folder: Path, *options: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Gunicorn in a process of its own, and its address."""
    command = [sys.executable, "-m", "gunicorn", "server.wsgi:application()", "--bind", "127.0.0.1:0", *options]
    environ = os.environ | {"GAME2048_DATABASE": f"sqlite:///{folder / 'games.sqlite'}"} | variables
    with subprocess.Popen(
        [*command, "--worker-class", "gthread", "--no-control-socket"],
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        try:
            for line in server.stderr:
                if found := re.search(r"Listening at: (http://127\.0\.0\.1:\d+)", line):
                    yield server, found[1]
                    break
        finally:
            server.kill()


def ask(url: str, *, token: str | None = None, data: bytes | None = None, method: str = "GET") -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_gunicorn_serves_writes_streams_and_stops(tmp_path: Path, game: GameRecord) -> None:
    with gunicorn(
        tmp_path, "--threads", "8", GAME2048_WRITE_TOKEN=TOKEN, GAME2048_MAX_STREAMS="2", GAME2048_METRICS="1"
    ) as (server, url):
        assert ask(f"{url}/api/games", data=format_game(game), method="POST")[0] == 401
        assert ask(f"{url}/api/games", data=format_game(game), method="POST", token=TOKEN)[0] == 201
        status, body = ask(f"{url}/api/games/{game.id}")
        assert (status, json.loads(body)["id"]) == (200, game.id)
        assert ask(f"{url}/")[0] == 200
        assert b"game2048_stored_games 1.0" in ask(f"{url}/metrics")[1]

        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60) as stream:
            stream.sendall(b"GET /api/live?player=greedy&pace=20 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            heard = b""
            while b"event: moves" not in heard:
                part = stream.recv(65536)
                assert part, heard
                heard += part
            processes = [child for each in children(server.pid) for child in (each, *children(each))]
            assert len(processes) == 2  # one of gunicorn's, one of ours

        server.send_signal(signal.SIGTERM)
        server.wait(timeout=40)

    assert server.returncode == 0
    assert eventually(lambda: not [pid for pid in processes if is_running(pid)])


# --- variables ---


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {"GAME2048_DATABASE": f"sqlite:///{tmp_path / 'games.sqlite'}"}


def test_without_variables_nothing_is_written_and_little_is_shown(variables: dict[str, str]) -> None:
    app = application(variables)
    client = app.test_client()

    assert client.get("/api/games").json["writes"] == "off"
    assert client.get("/api/runs").json["runs"] == []
    assert client.get("/metrics").status_code == 404
    assert client.get("/", headers={"Host": "games.example.org"}).status_code == 400
    app.extensions["game_store"].close()


def test_variables_set_it_up(variables: dict[str, str]) -> None:
    app = application(
        variables
        | {
            "GAME2048_TRUST": "games.example.org, .example.net",
            "GAME2048_WRITE_TOKEN": TOKEN,
            "GAME2048_WORKERS": "3",
            "GAME2048_MAX_STREAMS": "7",
            "GAME2048_METRICS": "1",
        }
    )
    client = app.test_client()

    assert client.get("/api/games").json["writes"] == "token"
    assert client.get("/", headers={"Host": "a.example.net"}).status_code == 200
    assert client.get("/metrics").status_code == 200
    assert app.extensions["workers"].n_workers == 3
    assert app.extensions["streams"].max_streams == 7
    app.extensions["game_store"].close()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WORKERS", "many", "GAME2048_WORKERS must be a number, got 'many'"),
        ("WORKERS", "0", "workers must be positive, got 0"),
        ("MAX_STREAMS", "-1", "GAME2048_MAX_STREAMS must be a number, got '-1'"),
        ("LOG_FORMAT", "xml", "GAME2048_LOG_FORMAT must be text or json, got 'xml'"),
        ("TRUST", "a b", "trusted_hosts must hold names"),
    ],
)
def test_a_wrong_variable_is_named(variables: dict[str, str], name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        application(variables | {f"GAME2048_{name}": value})
