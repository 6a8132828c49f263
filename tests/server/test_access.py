"""What a request leaves behind: a name, numbers, a line in the log."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server import GameStore, ServerConfig, StoreError, create_app
from server.logs import set_up_logs


def lines(log: io.StringIO) -> list[str]:
    return log.getvalue().splitlines()


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged, in the form that the test names, from now on."""
    root, stream = logging.getLogger(), io.StringIO()
    level = root.level
    handler = set_up_logs(getattr(request, "param", "json"), stream)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(logging.NOTSET)


# --- names ---


def test_every_answer_has_a_name_of_its_own(client: FlaskClient) -> None:
    names = {client.get(path).headers["X-Request-Id"] for path in ("/", "/api/health", "/api/nothing", "/static/no")}

    assert len(names) == 4
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names)


def test_the_name_that_a_proxy_gave_is_kept_if_it_is_one(client: FlaskClient) -> None:
    def name(given: str) -> str:
        return client.get("/api/health", headers={"X-Request-Id": given}).headers["X-Request-Id"]

    assert name("7f3a-1") == "7f3a-1"
    assert len(name("x" * 65)) == len(name('"><script>')) == 16


# --- the log ---


def test_a_request_is_one_line_of_json(client: FlaskClient, log: io.StringIO) -> None:
    response = client.get("/api/health?secret=1", headers={"X-Request-Id": "abc"})

    (line,) = lines(log)
    told = json.loads(line)
    assert told.pop("milliseconds") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", told.pop("time"))
    assert told.pop("message").startswith("GET /api/health 200 ")
    assert told == {
        "level": "INFO",
        "logger": "server.access",
        "request_id": "abc",
        "method": "GET",
        "path": "/api/health",
        "status": 200,
        "bytes": len(response.data),
        "client": "127.0.0.1",
    }


@pytest.mark.parametrize("log", ["text"], indirect=True)
def test_a_request_is_one_line_of_text(client: FlaskClient, log: io.StringIO) -> None:
    client.get("/api/games/none", headers={"X-Request-Id": "abc"})

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO server\.access abc GET /api/games/none 404 [0-9.]+ ms\n",
        log.getvalue(),
    )


@pytest.mark.parametrize("log", ["text", "json"], indirect=True)
def test_nobody_can_write_a_line_of_their_own(app: Flask, log: io.StringIO) -> None:
    """Not even through messages that hold the path as it came."""
    client = app.test_client()
    client.get("/api/%0d%0a2026-01-01 INFO faked %1b[31m")
    logging.getLogger("server.test").error("GET %s", "/\n2026-01-01 INFO faked \x1b[31m")

    assert len(lines(log)) == 2
    assert "\x1b" not in log.getvalue()


def test_what_goes_wrong_is_logged_under_the_name_of_the_request(
    client: FlaskClient, store: GameStore, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "count", lambda: 1 // 0)

    name = client.get("/api/health").headers["X-Request-Id"]

    fault, request = map(json.loads, lines(log))
    assert "ZeroDivisionError" in fault["exc_info"]
    assert (fault["level"], fault["request_id"], request["request_id"]) == ("ERROR", name, name)
    assert request["status"] == 500


def test_nothing_is_logged_that_nobody_asked_for(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    client.get("/api/health")

    assert capfd.readouterr() == ("", "")


# --- behind a proxy ---


@pytest.mark.parametrize(("proxies", "expected"), [(0, "127.0.0.1"), (1, "192.0.2.9"), (2, "192.0.2.8")])
def test_a_proxy_is_believed_only_where_there_is_one(
    store: GameStore, log: io.StringIO, proxies: int, expected: str
) -> None:
    client = create_app(ServerConfig(proxies=proxies), store=store).test_client()

    client.get("/api/health", headers={"X-Forwarded-For": "192.0.2.7, 192.0.2.8, 192.0.2.9"})

    assert json.loads(log.getvalue())["client"] == expected


# --- metrics ---


def metric(client: FlaskClient, name: str) -> float:
    """A number of the page."""
    (found,) = re.findall(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found)


def requests(endpoint: str, method: str, status: int) -> str:
    return f'game2048_request_seconds_count{{endpoint="{endpoint}",method="{method}",status="{status}"}}'


def test_requests_are_counted_by_endpoint_method_and_status(client: FlaskClient) -> None:
    for path in ("/api/games/none", "/api/games/other", "/api/nothing", "/api/more"):
        client.get(path)
    client.post("/api/health")

    assert client.get("/metrics").content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert metric(client, requests("api.game", "GET", 404)) == 2
    assert metric(client, requests("none", "GET", 404)) == 2
    assert metric(client, requests("none", "POST", 405)) == 1
    assert metric(client, requests("metrics.metrics", "GET", 200)) == 4


def test_whoever_makes_up_methods_and_paths_makes_no_new_numbers(client: FlaskClient) -> None:
    for n in range(20):
        client.open(f"/api/{n}", method=f"MADEUP{n}")

    assert metric(client, requests("none", "other", 404)) == 20
    assert "MADEUP" not in client.get("/metrics").text


def test_streams_jobs_and_games_are_counted(app: Flask, client: FlaskClient, store: GameStore) -> None:
    app.extensions["workers"].run("pause", {"seconds": 0, "steps": 1}, seconds=5)
    app.extensions["workers"].close()

    assert metric(client, 'game2048_jobs_total{outcome="done",task="pause"}') == 1
    assert metric(client, 'game2048_job_seconds_total{task="pause"}') > 0
    assert metric(client, "game2048_max_streams") == 32
    assert metric(client, "game2048_streams") == 0
    assert metric(client, "game2048_workers") == 1
    assert metric(client, "game2048_workers_busy") == metric(client, "game2048_jobs_waiting") == 0
    assert metric(client, "game2048_stored_games") == store.count()
    assert metric(client, "process_resident_memory_bytes") > 1e6


def test_the_other_numbers_are_told_when_the_database_fails(
    client: FlaskClient, store: GameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        raise StoreError("disk I/O error")

    monkeypatch.setattr(store, "count", fail)

    assert metric(client, "game2048_max_streams") == 32
    assert "stored_games" not in client.get("/metrics").text


def test_metrics_can_be_kept_to_oneself(store: GameStore) -> None:
    client = create_app(ServerConfig(metrics=False), store=store).test_client()

    assert client.get("/metrics").status_code == 404
