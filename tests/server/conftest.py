"""store -> app -> client, and games to put in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from game2048 import GameRecord
from server import GameStore, ServerConfig, create_app
from tests.game2048.games import greedy, record_game


@pytest.fixture(scope="session")
def game() -> GameRecord:
    return record_game(seed=7, policy=greedy)


@pytest.fixture(scope="session")
def games() -> list[GameRecord]:
    return [record_game(seed=seed) for seed in range(25)]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'games.sqlite'}"


@pytest.fixture
def store(url: str) -> Iterator[GameStore]:
    with GameStore(url) as store:
        yield store


@pytest.fixture
def config() -> ServerConfig:
    return ServerConfig(max_upload_bytes=300_000)


@pytest.fixture
def app(config: ServerConfig, store: GameStore) -> Flask:
    return create_app(config, store=store)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
