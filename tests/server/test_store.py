"""The store: what goes in comes out, once, in order, from several threads, and complaints are clear."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from game2048 import GameRecord
from server import CursorError, GameNotFoundError, GameStore, SchemaError, ServerError, StoreError, sqlite_url
from server.config import default_database
from server.store.games import _page_query
from tests.game2048.games import NEARLY_65536, greedy, record_game, thoughts, with_probabilities


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


# --- adding and reading ---


def test_a_game_comes_back_with_the_time_it_was_added(store: GameStore, game: GameRecord) -> None:
    game_id, created = store.add(game)

    stored = store.get(game_id)

    assert (game_id, created) == (game.id, True)
    assert stored.record == game
    assert timedelta(0) <= datetime.now(UTC) - stored.created_at < timedelta(minutes=1)
    assert game_id in store


def test_a_game_is_kept_once_and_as_it_first_came(store: GameStore, game: GameRecord) -> None:
    again = GameRecord(start=game.start, plies=game.plies, agent="somebody else")
    store.add(game)

    assert store.add(again) == (game.id, False)
    assert store.count() == 1
    assert store.get(game.id).record.agent == game.agent


@pytest.mark.parametrize("seed", [None, 0, 2**53 + 1, 2**63, 2**64 - 1])
def test_every_seed_survives(store: GameStore, game: GameRecord, seed: int | None) -> None:
    store.add(GameRecord(start=game.start, plies=game.plies, seed=seed))

    assert store.get(game.id).record.seed == seed
    assert store.page().games[0].seed == seed


def test_a_game_beyond_65536_survives(store: GameStore) -> None:
    game = record_game(seed=5, policy=greedy, board=NEARLY_65536)
    store.add(game)

    assert store.get(game.id).record == game
    assert store.page().games[0].max_tile == 65536


def test_probabilities_survive(store: GameStore, game: GameRecord) -> None:
    thoughtful = with_probabilities(game, thoughts(game))

    store.add(thoughtful)

    np.testing.assert_array_equal(store.get(game.id).record.probabilities, thoughts(game))


def test_any_agent_name_survives(store: GameStore, game: GameRecord) -> None:
    name = "Robert'); DROP TABLE games;-- \N{GAME DIE} ".ljust(200, "x")
    store.add(GameRecord(start=game.start, plies=game.plies, agent=name))

    assert store.page().games[0].agent == name


def test_games_are_added_together_or_not_at_all(store: GameStore, games: list[GameRecord]) -> None:
    with store._database.engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER full BEFORE INSERT ON games WHEN new.id = '{games[3].id}' "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )

    with pytest.raises(StoreError, match="the disk is full"):
        store.add_many(games)

    assert store.count() == 0


def test_adding_many_says_which_are_new(store: GameStore, games: list[GameRecord]) -> None:
    store.add_many(games[:2])

    added = store.add_many(iter([*games[:3], games[2]]))

    assert added == [(games[0].id, False), (games[1].id, False), (games[2].id, True), (games[2].id, False)]
    assert store.add_many([]) == []


@pytest.mark.parametrize("game_id", ["0" * 16, "", "x", "0" * 1000, "'; --", "\0", "é" * 16])
def test_an_unknown_id_is_not_found(store: GameStore, game_id: str) -> None:
    assert game_id not in store
    with pytest.raises(GameNotFoundError, match="there is no game with the id"):
        store.get(game_id)


# --- the list ---


def test_pages_hold_every_game_once_best_first(store: GameStore, games: list[GameRecord]) -> None:
    store.add_many(games)
    pages, cursor = [], None

    while True:
        page = store.page(limit=10, cursor=cursor)
        pages.append(page.games)
        cursor = page.next
        if cursor is None:
            break

    assert [len(page) for page in pages] == [10, 10, 5]
    expected = sorted(games, key=lambda game: (-game.score, game.id))
    assert [game.id for page in pages for game in page] == [game.id for game in expected]


def test_a_full_last_page_has_no_next(store: GameStore, games: list[GameRecord]) -> None:
    store.add_many(games[:10])

    assert store.page(limit=10).next is None


def test_equal_scores_are_told_apart(store: GameStore) -> None:
    start = [[1, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4]
    equals = [GameRecord(start=start, plies=[3 << 5 | cell << 1]) for cell in range(1, 16)]
    store.add_many(equals)
    first = store.page(limit=7)
    second = store.page(limit=8, cursor=first.next)

    assert {game.id for game in first.games + second.games} == {game.id for game in equals}
    assert second.next is None


def test_a_game_added_between_two_pages_shifts_nothing(store: GameStore, games: list[GameRecord]) -> None:
    by_score = sorted(games, key=lambda game: (-game.score, game.id))
    store.add_many(by_score[1:])
    first = store.page(limit=3)
    store.add(by_score[0])

    assert store.page(limit=1, cursor=first.next).games[0].id == by_score[4].id


def test_games_from_boards_that_were_set_up_come_last(store: GameStore, games: list[GameRecord]) -> None:
    boast = GameRecord(start=[17] * 16, plies=[])
    set_up = [boast, *(record_game(seed=seed, board=NEARLY_65536, max_moves=seed) for seed in (10, 20, 30))]
    store.add_many([*set_up, *games])
    listed, cursor = [], None

    while True:
        page = store.page(limit=3, cursor=cursor)
        listed += page.games
        cursor = page.next
        if cursor is None:
            break

    expected = [sorted(part, key=lambda game: (-game.score, game.id)) for part in (games, set_up)]
    assert [game.id for game in listed] == [game.id for part in expected for game in part]
    assert [game.set_up for game in listed] == [False] * len(games) + [True] * 4
    assert store.best() == listed[0]


@pytest.mark.parametrize("after", [None, (0, 9, "a"), (1, 9, "a")])
def test_pages_are_read_from_the_index(
    store: GameStore, games: list[GameRecord], after: tuple[int, int, str] | None
) -> None:
    store.add_many(games)
    query = _page_query(after).limit(3).compile(store._database.engine, compile_kwargs={"literal_binds": True})
    with store._database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").fetchall()

    assert "games_by_score" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_best_is_the_highest_score(store: GameStore, games: list[GameRecord]) -> None:
    assert store.best() is None
    store.add_many(games)

    best = store.best()

    assert best is not None
    assert best.score == max(game.score for game in games)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_an_impossible_limit_is_refused(store: GameStore, limit: int) -> None:
    with pytest.raises(ValueError, match="limit must be from 1 to 200"):
        store.page(limit=limit)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "5", "0-5-", *(f"{place}-{0:016}" for place in ("5", "0--5", "2-5", "0-" + "9" * 19, "0-٣", "x-3"))],
)
def test_an_invented_cursor_is_refused(store: GameStore, cursor: str) -> None:
    with pytest.raises(CursorError):
        store.page(cursor=cursor)


# --- several at once ---


def test_threads_add_to_one_store(store: GameStore, games: list[GameRecord]) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(store.add, games * 4))

    assert store.count() == len(games)
    assert sum(created for _, created in added) == len(games)


def test_stores_open_one_new_file_at_once(url: str, games: list[GameRecord]) -> None:
    barrier = threading.Barrier(8)

    def open_and_add(index: int) -> int:
        barrier.wait()
        with GameStore(url) as store:
            store.add(games[index])
            return store.count()

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(open_and_add, range(8)))

    assert max(counts) == 8


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


def test_games_are_there_after_closing(url: str, game: GameRecord) -> None:
    with GameStore(url) as store:
        store.add(game)

    with GameStore(url) as store:
        assert store.get(game.id).record == game


def test_the_file_has_a_write_ahead_log_and_a_version(store: GameStore, url: str) -> None:
    connection = sqlite3.connect(file_of(url))
    mode = connection.execute("PRAGMA journal_mode").fetchone()
    version = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    connection.close()

    assert (mode, version) == (("wal",), ("1",))


def test_another_schema_version_is_refused(url: str) -> None:
    GameStore(url).close()
    connection = sqlite3.connect(file_of(url))
    connection.execute("UPDATE meta SET value = '99'")
    connection.commit()
    connection.close()

    with pytest.raises(SchemaError, match=r"games\.sqlite: the database has schema version 99, this program needs 1"):
        GameStore(url)


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "bookmarks.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE bookmarks (title TEXT)")
    connection.commit()

    with pytest.raises(SchemaError, match="belongs to another program"):
        GameStore(f"sqlite:///{file}")

    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    connection.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir or Madam, " * 50)

    with pytest.raises(StoreError, match=r"letter\.txt: file is not a database"):
        GameStore(f"sqlite:///{file}")


def test_a_damaged_game_is_named(store: GameStore, game: GameRecord) -> None:
    store.add(game)
    with store._database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE games SET game = ?", (game.to_bytes()[:-1] + b"\x80",))

    with pytest.raises(StoreError, match=f"the game '{game.id}' is damaged: ply {game.n_moves}: "):
        store.get(game.id)


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


def test_a_password_is_never_shown() -> None:
    with pytest.raises(StoreError) as caught:
        GameStore("postgresql+psycopg://me:secret@127.0.0.1:1/games")

    assert "secret" not in str(caught.value)


def test_errors_are_one_family() -> None:
    assert all(issubclass(kind, ServerError) for kind in (StoreError, SchemaError, GameNotFoundError, CursorError))
