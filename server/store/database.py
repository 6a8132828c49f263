"""Database: an open SQLite file or PostgreSQL database with the tables in it.

SQLite runs with a write-ahead log, in which readers never wait for the writer. ``synchronous=NORMAL`` cannot corrupt
the file, but a power cut may lose the last games. A writer waits up to 5 s for another.
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
