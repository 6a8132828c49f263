"""GameStore: games in an SQL database, SQLite by default.

A row is the record's bytes and what lists need to know of it; its key is the record's id, so that the same game is
kept once. The version of the tables is noted in the database itself (`SCHEMA_VERSION`), for later versions to migrate.

SQLite runs with a write-ahead log, in which readers never wait for the writer. ``synchronous=NORMAL`` cannot corrupt
the file, but a power cut may lose the last games. A writer waits up to 5 s for another.
"""

import logging
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    SmallInteger,
    String,
    Table,
    Text,
    and_,
    create_engine,
    event,
    func,
    inspect,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from game2048.record import GameRecord, RecordError
from server.errors import CursorError, GameNotFoundError, SchemaError, StoreError
from server.urls import is_sqlite, parse_url, shown_name

logger = logging.getLogger(__name__)

SCHEMA_VERSION: Final = 1
MAX_PAGE: Final = 200
BUSY_SECONDS: Final = 5.0

_metadata = MetaData()

_games = Table(
    "games",
    _metadata,
    Column("id", String(16), primary_key=True),
    Column("agent", Text, nullable=False),
    Column("set_up", SmallInteger, nullable=False),  # 1 where the start board was set up: such games are listed last
    Column("seed", Text),  # decimal digits: the integers of SQL end at 2**63 - 1
    Column("score", BigInteger, nullable=False),
    Column("max_tile", Integer, nullable=False),
    Column("n_moves", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),  # seconds since 1970, UTC: the same in every database
    Column("game", LargeBinary, nullable=False),  # GameRecord.to_bytes(); last, because it is long
)
Index("games_by_score", _games.c.set_up, _games.c.score.desc(), _games.c.id)

_meta = Table("meta", _metadata, Column("key", String(32), primary_key=True), Column("value", Text, nullable=False))

_SUMMARY = [column for column in _games.c if column.name != "game"]
_INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, kw_only=True)
class GameSummary:
    """What a list shows of a game."""

    id: str
    agent: str
    score: int
    max_tile: int
    n_moves: int
    set_up: bool
    """Whether the game starts from a board that was set up, see `GameRecord.is_set_up`."""
    seed: int | None
    created_at: datetime
    """When the game was added, UTC."""


@dataclass(frozen=True, kw_only=True)
class StoredGame:
    """A game and when it was added (UTC)."""

    record: GameRecord
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Page:
    """Part of the list of games, and the cursor of the next part (None at the end)."""

    games: list[GameSummary]
    next: str | None


class GameStore:
    """Games in a database; usable from several threads and, with SQLite, by several processes at once.

    Parameters
    ----------
    url : str
        ``sqlite:///path/to/file`` (made, with its folder, where it does not exist; `sqlite_url` writes it for any path)
        or a PostgreSQL URL such as
        ``postgresql+psycopg://user@host/name``.

    Attributes
    ----------
    name : str
        What to call the database in messages: the path of an SQLite file, a URL without its password.

    Raises
    ------
    SchemaError
        If the database belongs to another version or another program.
    StoreError
        If the database cannot be opened or written.

    Examples
    --------
    >>> import tempfile
    >>> from game2048 import GameRecord
    >>> game = GameRecord(start=[[1, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4], plies=[3 << 5 | 5 << 1])
    >>> with tempfile.TemporaryDirectory() as folder, GameStore(f"sqlite:///{folder}/games.sqlite") as store:
    ...     store.add(game)
    ...     store.add(game)
    ...     store.best().score
    ('61ecfdb83cb106a8', True)
    ('61ecfdb83cb106a8', False)
    4
    """

    def __init__(self, url: str) -> None:
        self._url = parse_url(url)
        self.name = shown_name(self._url)
        if is_sqlite(self._url):
            _make_folder(Path(str(self._url.database)))
        try:
            self._engine = _make_engine(self._url)
        except ImportError as error:
            raise StoreError(f"{self.name}: the driver {error.name!r} is not installed") from error
        except (ArgumentError, ValueError, TypeError) as error:  # of its options, such as ?timeout=soon
            raise StoreError(f"{self.name}: {error}") from error
        try:
            with self._reporting():
                _prepare(self._engine)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- writing ---

    def add(self, record: GameRecord) -> tuple[str, bool]:
        """Add a game; return its id and whether it is new. What is kept of a known game does not change."""
        return self.add_many([record])[0]

    def add_many(self, records: Iterable[GameRecord]) -> list[tuple[str, bool]]:
        """Add games, all or none; return the id of each and whether it is new."""
        insert = _INSERTS[self._engine.dialect.name](_games).on_conflict_do_nothing()
        now = int(datetime.now(UTC).timestamp())
        rows = [_row_values(record, now) for record in records]  # before the database is locked
        with self._reporting(), self._engine.begin() as connection:
            added = [(str(row["id"]), connection.execute(insert, row).rowcount == 1) for row in rows]
        logger.debug("added %d games to %s", sum(new for _, new in added), self.name)
        return added

    # --- reading ---

    def get(self, game_id: str) -> StoredGame:
        """Return a game.

        Raises
        ------
        GameNotFoundError
            If no game has this id.
        StoreError
            If the game cannot be read, or is damaged.
        """
        row = self._row(game_id, [_games.c.agent, _games.c.seed, _games.c.created_at, _games.c.game])
        if row is None:
            raise GameNotFoundError(f"there is no game with the id {game_id!r}")
        try:
            record = GameRecord.from_bytes(row.game, agent=row.agent, seed=_seed(row.seed))
        except RecordError as error:
            raise StoreError(f"{self.name}: the game {game_id!r} is damaged: {error}") from error
        return StoredGame(record=record, created_at=_time(row.created_at))

    def __contains__(self, game_id: str) -> bool:
        return self._row(game_id, [_games.c.id]) is not None

    def page(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Return the next ``limit`` games (1 to 200), best score first, after those that ``cursor`` closed.

        Games from boards that were set up come after all others: their scores say nothing.

        The cursor names the last game that was shown, not a number of rows: added games shift nothing.

        Raises
        ------
        ValueError
            If ``limit`` is out of range.
        CursorError
            If ``cursor`` is none that this method returned.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit must be from 1 to {MAX_PAGE}, got {limit}")
        query = _page_query(None if cursor is None else _read_cursor(cursor)).limit(limit + 1)
        with self._reporting(), self._engine.connect() as connection:
            games = [_summary(row) for row in connection.execute(query)]
        more = len(games) > limit
        return Page(games=games[:limit], next=_write_cursor(games[limit - 1]) if more else None)

    def best(self) -> GameSummary | None:
        """Return the first game of the list, None where there is no game."""
        return next(iter(self.page(limit=1).games), None)

    def count(self) -> int:
        """Return the number of games."""
        with self._reporting(), self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(_games)).scalar_one()

    def _row(self, game_id: str, columns: list[Column[Any]]) -> Row[Any] | None:
        """Return some columns of a game, None where no game has this id."""
        if not re.fullmatch("[0-9a-f]{16}", game_id):
            return None
        with self._reporting(), self._engine.connect() as connection:
            return connection.execute(select(*columns).where(_games.c.id == game_id)).one_or_none()

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Turn what the database complains about into a StoreError that names the database."""
        try:
            yield
        except DBAPIError as error:
            raise StoreError(f"{self.name}: {str(error.orig).strip()}") from error
        except SQLAlchemyError as error:
            raise StoreError(f"{self.name}: {error}") from error
        except SchemaError as error:
            raise SchemaError(f"{self.name}: {error}") from None


# --- opening ---


def _make_folder(file: Path) -> None:
    """Make the folder of an SQLite file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {file.parent} cannot be made: {error.strerror}") from error


def _make_engine(url: URL) -> Engine:
    """Make the engine; connections open when they are needed."""
    if not is_sqlite(url):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    """Set what SQLite forgets when a connection closes."""
    connection.execute("PRAGMA synchronous=NORMAL")


def _prepare(engine: Engine) -> None:
    """Make the tables in an empty database, and check their version in any other."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # one process makes the tables, others wait
        tables = inspect(connection).get_table_names()
        if not tables:
            _metadata.create_all(connection)
            connection.execute(_meta.insert().values(key="schema_version", value=str(SCHEMA_VERSION)))
        elif "meta" not in tables or "games" not in tables:
            raise SchemaError("the database belongs to another program")
        else:
            _check_version(connection)


def _check_version(connection: Connection) -> None:
    """Refuse a database of another schema version."""
    version = connection.execute(select(_meta.c.value).where(_meta.c.key == "schema_version")).scalar_one_or_none()
    if version != str(SCHEMA_VERSION):
        raise SchemaError(f"the database has schema version {version}, this program needs {SCHEMA_VERSION}")


# --- between rows and values ---


def _row_values(record: GameRecord, now: int) -> dict[str, object]:
    """Return the row of a record."""
    return {
        "id": record.id,
        "agent": record.agent,
        "seed": None if record.seed is None else str(record.seed),
        "score": record.score,
        "max_tile": record.max_tile,
        "set_up": int(record.is_set_up),
        "n_moves": record.n_moves,
        "created_at": now,
        "game": record.to_bytes(),
    }


def _summary(row: Row[Any]) -> GameSummary:
    """Return the summary of a row."""
    values = row._asdict()
    readable = {"set_up": bool(row.set_up), "seed": _seed(row.seed), "created_at": _time(row.created_at)}
    return GameSummary(**values | readable)


def _seed(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _page_query(after: tuple[int, int, str] | None) -> Select[Any]:
    """Return the query of the list of games, after the place that a cursor holds."""
    set_up, score, game_id = _games.c.set_up, _games.c.score, _games.c.id
    query = select(*_SUMMARY).order_by(set_up, score.desc(), game_id)
    if after is None:
        return query
    kind, points, name = after
    later = or_(score < points, and_(score == points, game_id > name))
    return query.where(set_up >= kind, or_(set_up > kind, later))


def _write_cursor(last: GameSummary) -> str:
    """Name the place after a game: whether it was set up, its score and its id.

    >>> _read_cursor("0-18432-00000000000000ff")
    (0, 18432, '00000000000000ff')
    """
    return f"{int(last.set_up)}-{last.score}-{last.id}"


def _read_cursor(cursor: str) -> tuple[int, int, str]:
    """Return what a cursor holds."""
    match = re.fullmatch("([01])-([0-9]{1,18})-([0-9a-f]{16})", cursor)
    if match is None:
        raise CursorError("cursor must be the 'next' of an earlier page")
    return int(match[1]), int(match[2]), match[3]
