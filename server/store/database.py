"""Database: an open SQLite file or PostgreSQL database with the tables in it.

SQLite runs with a write-ahead log, in which readers never wait for the writer. ``synchronous=NORMAL`` cannot corrupt
the file, but a power cut may lose the last games. A writer waits up to 5 s for another. A file that was removed or
replaced is not written to any more, although the system would go on with it: what it took would be lost.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from server.errors import SchemaError, StoreError
from server.store.migrating import prepare
from server.urls import is_sqlite, parse_url, shown_name

BUSY_SECONDS: Final = 5.0

_INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Database:
    """Connections to a database, and transactions that complain as StoreError.

    Parameters
    ----------
    url : str
        As `GameStore` takes it.

    Attributes
    ----------
    name : str
        What to call the database in messages: the path of an SQLite file, a URL without its password.
    engine : Engine
        The connections.
    """

    def __init__(self, url: str) -> None:
        parsed = parse_url(url)
        self.name = shown_name(parsed)
        self._file: Path | None = None  # not looked at before it is there
        self._identity: tuple[int, int] | None = None
        if is_sqlite(parsed):
            _make_folder(Path(str(parsed.database)))
        try:
            self.engine = _make_engine(parsed)
        except ImportError as error:
            raise StoreError(f"{self.name}: the driver {error.name!r} is not installed") from error
        except (ArgumentError, ValueError, TypeError) as error:  # of its options, such as ?timeout=soon
            raise StoreError(f"{self.name}: {error}") from error
        try:
            with self._reporting():
                prepare(self.engine)
            self._file = Path(str(parsed.database)) if is_sqlite(parsed) and "uri" not in parsed.query else None
            self._identity = self._identify()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read from."""
        with self._reporting(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction, kept whole at the end and undone where an exception leaves it."""
        with self._reporting(), self.engine.begin() as connection:
            yield connection

    def insert(self, table: Table) -> Any:
        """Return an INSERT that knows ``ON CONFLICT``, in the dialect of this database."""
        return _INSERTS[self.engine.dialect.name](table)

    def _identify(self) -> tuple[int, int] | None:
        """Return what tells an SQLite file from another one that takes its place; None where there is none."""
        if self._file is None:
            return None
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Turn what the database complains about into a StoreError that names the database."""
        if self._identify() != self._identity:
            raise StoreError(f"{self.name}: the file was removed or replaced; start the server again")
        try:
            yield
        except DBAPIError as error:
            raise StoreError(f"{self.name}: {str(error.orig).strip()}") from error
        except SQLAlchemyError as error:
            raise StoreError(f"{self.name}: {error}") from error
        except SchemaError as error:
            raise SchemaError(f"{self.name}: {error}") from None


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
    connection.execute("PRAGMA foreign_keys=ON")
