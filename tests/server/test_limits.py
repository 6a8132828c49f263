"""Rate limits."""

import random
import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server import limits as limits_module
from server.limits import RateLimits, client_name, expensive
from server.problems import register


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 90.0  # a window of 30 s begins

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the library."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits()


@pytest.fixture
def client(limits: RateLimits) -> Iterator[FlaskClient]:
    """A client of an app with one expensive view, three at once and six a minute."""
    app = Flask("server")
    app.extensions["rate_limits"] = limits
    register(app)

    @app.get("/api/think")
    @expensive(per_minute=6, burst=3)
    def think() -> str:
        return "hm"

    @app.get("/api/look")
    def look() -> str:
        return "oh"

    return app.test_client()


def think(client: FlaskClient, address: str = "192.0.2.1") -> TestResponse:
    return client.get("/api/think", environ_base={"REMOTE_ADDR": address})


def test_one_too_many_is_told_when_to_come_back(client: FlaskClient, clock: Clock) -> None:
    assert [think(client).status_code for _ in range(4)] == [200, 200, 200, 429]

    clock.seconds += 2.5
    refused = think(client)

    assert refused.content_type == "application/problem+json"
    assert refused.headers["Retry-After"] == "28"
    assert refused.json["detail"] == "Too many requests of this kind: try again in 28 s."
    clock.seconds += 27
    assert think(client).status_code == 429
    clock.seconds += 1
    assert think(client).status_code == 200


def test_a_client_has_so_much_done_for_it_at_once_and_others_are_served() -> None:
    app = Flask("server")
    limits = app.extensions["rate_limits"] = RateLimits()
    register(app)
    working, enough = threading.Semaphore(0), threading.Event()

    @app.get("/api/think")
    @expensive(per_minute=600, burst=600)
    def long_thought() -> str:
        working.release()
        assert enough.wait(30)
        return "hm"

    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(think(app.test_client()).status_code))
        for _ in range(limits_module.MAX_AT_ONCE)
    ]
    for thread in threads:
        thread.start()
        assert working.acquire(timeout=30)

    refused = think(app.test_client())
    enough.set()
    other = think(app.test_client(), "192.0.2.2")
    for thread in threads:
        thread.join()
    again = think(app.test_client())

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert answers == [200] * limits_module.MAX_AT_ONCE
    assert (other.status_code, again.status_code) == (200, 200)
    assert not limits._under_way


def test_who_comes_back_when_told_is_let_in_and_asks_as_often_as_is_allowed(limits: RateLimits, clock: Clock) -> None:
    moments = random.Random(1)
    allowed, begun = 0, clock.seconds
    for _ in range(2_000):
        if seconds := limits.wait("x", "192.0.2.1", per_minute=7, burst=5):
            clock.seconds += seconds
            assert limits.wait("x", "192.0.2.1", per_minute=7, burst=5) == 0
        allowed += 1
        clock.seconds += moments.random()

    a_minute = 60 * allowed / (clock.seconds - begun)
    assert 6 < a_minute < 7.1


def test_being_refused_does_not_cost_anything(client: FlaskClient, clock: Clock) -> None:
    statuses = [think(client).status_code for _ in range(100)]
    clock.seconds += 30 + 5  # one of three, or a half more, is as long ago as the window

    assert statuses == [200] * 3 + [429] * 97
    assert think(client).status_code == 200
    assert think(client).status_code == 429


def test_who_waits_may_do_as_much_at_once_again(client: FlaskClient, clock: Clock) -> None:
    for _ in range(3):
        think(client)
    clock.seconds += 1e6

    assert [think(client).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_clients_are_counted_apart_and_other_views_are_free(client: FlaskClient) -> None:
    for _ in range(3):
        think(client)

    assert think(client).status_code == 429
    assert think(client, "192.0.2.2").status_code == 200
    assert {client.get("/api/look", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code for _ in range(50)} == {200}


def test_a_network_cannot_ask_under_all_of_its_addresses(client: FlaskClient) -> None:
    addresses = [f"2001:db8::{n:x}" for n in range(1, 5)]

    assert [think(client, address).status_code for address in addresses] == [200, 200, 200, 429]
    assert think(client, "2001:db8:0:1::1").status_code == 200


def test_a_limit_can_be_switched_off(client: FlaskClient, limits: RateLimits) -> None:
    limits.enabled = False

    assert {think(client).status_code for _ in range(20)} == {200}


def test_many_clients_take_little_memory_and_limited_ones_are_not_forgotten(
    limits: RateLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "MAX_COUNTS", 100)

    waits = [limits.wait("x", f"client-{n}", per_minute=60, burst=2) for n in range(1_000)]

    assert waits[:102] == [0] * 102  # the last two as one of the others
    assert all(wait > 0 for wait in waits[102:])
    assert len(limits._counts.storage) == 101
    assert limits.wait("x", "client-99", per_minute=60, burst=2) == 0
    assert limits.wait("x", "client-99", per_minute=60, burst=2) > 0


def test_who_has_not_asked_for_long_is_forgotten(limits: RateLimits, clock: Clock) -> None:
    for n in range(100):
        limits.wait("x", f"client-{n}", per_minute=60, burst=2)

    clock.seconds += 10
    limits.wait("x", "somebody", per_minute=60, burst=2)
    limits._counts.timer.join()

    counts = limits._counts
    assert len(counts.storage) == len(counts.expirations) == len(counts.locks) == 1


def test_nothing_is_left_running(limits: RateLimits) -> None:
    limits.wait("x", "192.0.2.1", per_minute=60, burst=2)
    limits._counts.timer.join(timeout=5)

    assert not any(isinstance(thread, threading.Timer) for thread in threading.enumerate())


def test_a_client_without_an_address_has_a_name() -> None:
    assert client_name("") == ""
    assert client_name("unknown" * 1_000) == ("unknown" * 1_000)[:64]
    assert client_name("fe80::1%eth0") == "fe80::"
