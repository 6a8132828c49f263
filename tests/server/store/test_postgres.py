"""PostgreSQL: servers that stop and come back, and what only they can complain about."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine

from game2048 import GameRecord
from game2048.formats import format_game
from server import GameStore, ServerConfig, StoreError, create_app
from tests.server.store.postgres import PostgresServer

pytestmark = pytest.mark.slow


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    with PostgresServer() as server:
        yield server


def test_connections_that_were_cut_are_replaced(store: GameStore, url: str, game: GameRecord) -> None:
    store.add(game)
    admin = create_engine(url)
    with admin.connect() as connection:
        cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
        assert connection.exec_driver_sql(f"{cut} AND pid <> pg_backend_pid()").scalar_one() > 0
    admin.dispose()

    assert store.get(game.id).record == game


def test_a_server_that_is_away_is_a_503_until_it_is_back(server: PostgresServer, game: GameRecord) -> None:
    with GameStore(server.new_database()) as store:
        client = create_app(ServerConfig(runs=None), store=store).test_client()
        data, content_type = format_game(game), "application/json"
        assert client.post("/api/games", data=data, content_type=content_type).status_code == 201

        server.stop()
        away = [client.get("/api/games"), client.post("/api/games", data=data, content_type=content_type)]
        server.start()

        for response in away:
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
            assert response.json["detail"] == "The games cannot be read or written at the moment."
        assert [listed["id"] for listed in client.get("/api/games").json["games"]] == [game.id]
        assert client.post("/api/games", data=data, content_type=content_type).status_code == 200


def test_readers_do_not_wait_for_a_writer(store: GameStore, games: list[GameRecord]) -> None:
    store.add(games[0])
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE games SET agent = 'somebody else'")

        assert store.get(games[0].id).record.agent == games[0].agent


def test_a_database_that_is_not_there_is_named_without_its_password(server: PostgresServer) -> None:
    url = server.new_database().replace("postgres@", "postgres:secret@").replace("/games_0", "/no_games")

    with pytest.raises(StoreError, match=r'postgres:\*\*\*@/no_games.*database "no_games" does not exist') as caught:
        GameStore(url)

    assert "secret" not in str(caught.value)
