"""SQLite: one file, wherever it lies; readers and writers at once; complaints are clear."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from game2048 import GameRecord
from server import GameStore, StoreError, sqlite_url
from server.config import default_database


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'games.sqlite'}"


# --- several at once ---


def test_readers_do_not_wait_for_a_writer(store: GameStore, url: str, games: list[GameRecord]) -> None:
    store.add(games[0])
    writer = sqlite3.connect(file_of(url), isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")

    count = store.count()

    writer.execute("ROLLBACK")
    writer.close()
    assert count == 1


def test_a_lock_that_stays_is_a_store_error(monkeypatch: pytest.MonkeyPatch, url: str, games: list[GameRecord]) -> None:
    monkeypatch.setattr("server.store.database.BUSY_SECONDS", 0.05)
    with GameStore(url) as store:
        writer = sqlite3.connect(file_of(url), isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="database is locked") as caught:
            store.add(games[0])

        writer.execute("ROLLBACK")
        writer.close()
    assert isinstance(caught.value.__cause__, OperationalError)


# --- files ---


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_was_removed_is_not_written_to(
    store: GameStore, url: str, games: list[GameRecord], replaced: bool
) -> None:
    store.add(games[0])
    file = file_of(url)
    file.rename(file.with_name("moved"))
    if replaced:
        GameStore(url).close()

    for ask in (lambda: store.add(games[1]), store.count):
        with pytest.raises(StoreError, match="the file was removed or replaced"):
            ask()


def test_the_file_has_a_write_ahead_log(store: GameStore, url: str) -> None:
    connection = sqlite3.connect(file_of(url))
    mode = connection.execute("PRAGMA journal_mode").fetchone()
    connection.close()

    assert mode == ("wal",)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir or Madam, " * 50)

    with pytest.raises(StoreError, match=r"letter\.txt: file is not a database"):
        GameStore(f"sqlite:///{file}")


def test_a_damaged_file_is_a_store_error(url: str, games: list[GameRecord]) -> None:
    with GameStore(url) as store:
        store.add_many(games)
    data = bytearray(file_of(url).read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    file_of(url).write_bytes(data)

    with pytest.raises(StoreError), GameStore(url) as store:  # noqa: PT012 - wherever it is noticed
        store.page()
        store.add_many(games)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"the folder .*file/below cannot be made"):
        GameStore(f"sqlite:///{tmp_path}/file/below/games.sqlite")


def test_a_path_that_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file"):
        GameStore(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("games.sqlite", "database must be a URL such as sqlite:///games.sqlite, got 'games.sqlite'"),
        ("", "database must be a URL"),
        ("mysql://localhost/games", "database must be sqlite or postgresql, got 'mysql'"),
        ("sqlite://", "database must be a file"),
        ("sqlite:///:memory:", "database must be a file"),
        ("sqlite:///%3Amemory%3A", "database must be a file"),
        ("sqlite:///a\0b", "database must be a file"),
        ("sqlite+nodriver:///games.sqlite", "nodriver"),
        ("sqlite://host/games.sqlite", "Invalid SQLite URL"),
        ("postgresql://me@host:abc/games", r"database must be a URL .*, got 'postgresql://\*\*\*@host:abc/games'"),
        ("postgresql://me:secret@host:abc/games", r"got 'postgresql://\*\*\*@host:abc/games'"),
    ],
)
def test_an_impossible_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        GameStore(url)


@pytest.mark.parametrize("option", ["timeout=abc", "timeout=1&timeout=2", "detect_types=x", "uri=maybe"])
def test_an_impossible_option_is_refused(tmp_path: Path, option: str) -> None:
    with pytest.raises(StoreError, match=r"games\.sqlite: ."):
        GameStore(f"sqlite:///{tmp_path}/games.sqlite?{option}")


@pytest.mark.parametrize("name", ["100 %", "a?b#c", "%20", "a%3Fb", "ü;&=+", "x@y:z", "a://b", "file:x", "\\"])
def test_any_path_is_opened_exactly(tmp_path: Path, game: GameRecord, name: str) -> None:
    file = tmp_path / name / f"{name}.sqlite"

    with GameStore(sqlite_url(file)) as store:
        store.add(game)
        assert file.is_file()
        assert store.name == str(file)
    with GameStore(sqlite_url(file)) as store:
        assert store.count() == 1


def test_a_relative_path_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    GameStore(sqlite_url(Path("a?b.sqlite"))).close()

    assert [path.name for path in tmp_path.iterdir()] == ["a?b.sqlite"]


def test_the_default_database_is_a_file_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / "100 %?" / name)

    with GameStore(default_database()) as store:
        assert store.name == str(tmp_path / "100 %?" / "game2048" / "games.sqlite")
