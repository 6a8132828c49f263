"""Migrations: databases of earlier versions are brought up to date; those of others are left alone."""

import logging
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from game2048 import GameRecord
from server import GameStore, SchemaError
from server.store import migrating, tables
from tests.game2048.games import NEARLY_65536, greedy, record_game, thoughts, with_probabilities

VERSION_1 = Path(__file__).parent / "data" / "version-1.db"  # as version 1 wrote it


def games_of_version_1() -> list[GameRecord]:
    """The games in that file."""
    thoughtful = record_game(seed=7, policy=greedy, max_moves=60)
    return [
        record_game(seed=2**64 - 1, max_moves=20),
        with_probabilities(thoughtful, thoughts(thoughtful)),
        record_game(seed=30, board=NEARLY_65536, max_moves=30),
    ]


@pytest.fixture
def old_url(url: str, tmp_path: Path) -> str:
    """The URL of a database of version 1: the file itself, or the same in PostgreSQL."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        file.parent.mkdir()
        shutil.copy(VERSION_1, file)
        return url
    games = rows_of(f"sqlite:///{shutil.copy(VERSION_1, tmp_path)}", "SELECT * FROM games")
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE games (id VARCHAR(16) PRIMARY KEY, agent TEXT NOT NULL, set_up SMALLINT NOT NULL, seed TEXT, "
            "score BIGINT NOT NULL, max_tile INTEGER NOT NULL, n_moves INTEGER NOT NULL, created_at BIGINT NOT NULL, "
            "game BYTEA NOT NULL)",
            "CREATE INDEX games_by_score ON games (set_up, score DESC, id)",
            "CREATE TABLE meta (key VARCHAR(32) PRIMARY KEY, value TEXT NOT NULL)",
            "INSERT INTO meta VALUES ('schema_version', '1')",
        ):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("INSERT INTO games VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", games)
    engine.dispose()
    return url


def rows_of(url: str, query: str) -> list[Any]:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(query)]
    engine.dispose()
    return rows


def drop_all(url: str) -> None:
    """Empty a database of version 1."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE games")
        connection.exec_driver_sql("DROP TABLE meta")
    engine.dispose()


def differences(engine: Engine) -> list[Any]:
    """What Alembic would have to do to make the tables those of this version."""
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata))


def test_games_of_version_1_are_all_there(old_url: str) -> None:
    created_at = dict(rows_of(old_url, "SELECT id, created_at FROM games"))
    games = games_of_version_1()

    with GameStore(old_url) as store:
        assert [store.get(game.id).record for game in games] == games
        assert {game.id: game.board for game in store.page().games} == {
            game.id: tuple(game.boards[-1].ravel().tolist()) for game in games
        }
        assert {game.id: int(game.created_at.timestamp()) for game in store.page().games} == created_at
        assert [game.set_up for game in store.page().games] == [False, False, True]


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "old"])
def test_the_tables_are_those_of_this_version(old_url: str, is_new: bool) -> None:
    url = old_url
    if is_new:
        drop_all(url)

    with GameStore(url) as store:
        assert differences(store._database.engine) == []
        names = [column["name"] for column in inspect(store._database.engine).get_columns("games")]

    assert set(names) == {column.name for column in tables.games.columns}
    if url.startswith("sqlite"):  # where a column behind a long one is slow to read
        assert names == [column.name for column in tables.games.columns]
    assert rows_of(url, "SELECT version_num FROM alembic_version") == [("2",)]


def test_a_migrated_database_works(old_url: str, game: GameRecord) -> None:
    with GameStore(old_url) as store:
        store.add(game)
        store.analyses.put(game.id, "teacher", b"thoughts", 1, {})
        store.delete(game.id)

        assert store.analyses.list(game.id) == []
        assert store.count() == 3


def test_a_damaged_game_is_kept_with_an_empty_board(old_url: str) -> None:
    (game, *_) = games_of_version_1()
    engine = create_engine(old_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE games SET game = :data WHERE id = :id"), {"data": b"damaged", "id": game.id})
    engine.dispose()

    with GameStore(old_url) as store:
        boards = {listed.id: listed.board for listed in store.page().games}

    assert boards[game.id] == (0,) * 16
    assert rows_of(old_url, f"SELECT game FROM games WHERE id = '{game.id}'") == [(b"damaged",)]


def test_a_migration_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch, old_url: str) -> None:
    def fail(data: bytes) -> None:
        raise MemoryError

    before = rows_of(old_url, "SELECT * FROM games ORDER BY id")
    with monkeypatch.context() as patched:
        patched.setattr(GameRecord, "from_bytes", fail)
        with pytest.raises(MemoryError):
            GameStore(old_url)

    assert rows_of(old_url, "SELECT value FROM meta") == [("1",)]
    assert rows_of(old_url, "SELECT * FROM games ORDER BY id") == before
    with GameStore(old_url) as store:
        assert store.count() == 3


def test_stores_open_one_old_database_at_once(old_url: str) -> None:
    barrier = threading.Barrier(4)

    def count(_: int) -> int:
        barrier.wait()
        with GameStore(old_url) as store:
            return store.count()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(count, range(4))) == [3] * 4


def test_a_migration_is_logged_once(old_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "server.store"):
        GameStore(old_url).close()
        GameStore(old_url).close()

    assert [record.getMessage() for record in caplog.records] == ["bringing the database from schema version 1 to 2"]


def test_there_is_a_step_to_every_version() -> None:
    steps = ScriptDirectory(str(migrating.STEPS))

    assert [step.revision for step in steps.walk_revisions()] == [str(n) for n in range(tables.SCHEMA_VERSION, 0, -1)]


@pytest.mark.parametrize("version", ["3", "99", "0", "x"])
def test_another_schema_version_is_refused(url: str, version: str) -> None:
    with GameStore(url) as store, store._database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{version}'")

    with pytest.raises(SchemaError, match=f"the database has schema version {version}, this program knows .* up to 2"):
        GameStore(url)


def test_the_database_of_another_program_is_left_alone(old_url: str) -> None:
    drop_all(old_url)
    engine = create_engine(old_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE bookmarks (title TEXT)")

    with pytest.raises(SchemaError, match="belongs to another program"):
        GameStore(old_url)

    assert inspect(engine).get_table_names() == ["bookmarks"]
    engine.dispose()
