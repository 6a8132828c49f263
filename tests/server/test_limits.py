"""Rate limits."""

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
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits(clock=clock)


@pytest.fixture
def client(limits: RateLimits) -> Iterator[FlaskClient]:
    """A client of an app with one expensive view, three at once and one in ten seconds."""
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
    assert refused.headers["Retry-After"] == "8"
    assert refused.json["detail"] == "Too many requests of this kind: try again in 8 s."
    clock.seconds += 8
    assert think(client).status_code == 200


def test_being_refused_does_not_cost_anything(client: FlaskClient, clock: Clock) -> None:
    statuses = [think(client).status_code for _ in range(100)]
    clock.seconds += 10

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
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "MAX_CLIENTS", 100)
    limits = RateLimits(clock=clock)
    for n in range(1_000):
        clock.seconds += 1
        assert limits.wait("x", f"client-{n}", per_minute=60, burst=1) == 0

    assert len(limits._due) <= 100
    assert limits.wait("x", "client-999", per_minute=60, burst=1) == pytest.approx(1)


def test_a_client_without_an_address_has_a_name() -> None:
    assert client_name("") == ""
    assert client_name("fe80::1%eth0") == "fe80::"
