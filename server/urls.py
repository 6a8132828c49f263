"""URLs of the games' database: an SQLite file, or PostgreSQL."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from server.errors import StoreError

BACKENDS: Final = ("sqlite", "postgresql")


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite file, whatever characters its path is made of.

    >>> sqlite_url(Path("/home/me/100 %?/games.sqlite"))
    'sqlite:////home/me/100%20%25%3F/games.sqlite'
    """
    return f"sqlite:///{quote(path.as_posix(), safe='/:')}"


def parse_url(url: str) -> URL:
    """Parse the URL of a database.

    Raises
    ------
    StoreError
        If it is none, or of no kind that can be opened.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the second from a port that is no number
        shown = re.sub(r"//.*@", "//***@", url)
        raise StoreError(f"database must be a URL such as sqlite:///games.sqlite, got {shown!r}") from None
    backend = parsed.get_backend_name()
    if backend not in BACKENDS:
        raise StoreError(f"database must be sqlite or postgresql, got {backend!r}")
    return _with_path(parsed, url) if is_sqlite(parsed) else parsed


def is_sqlite(url: URL) -> bool:
    """Whether a URL is that of an SQLite file."""
    return url.get_backend_name() == "sqlite"


def shown_name(url: URL) -> str:
    """Return what to call a database in messages: the path of an SQLite file, a URL without its password."""
    return str(url.database) if is_sqlite(url) else url.render_as_string(hide_password=True)


def _with_path(parsed: URL, url: str) -> URL:
    """Undo what `sqlite_url` did to the path, which SQLAlchemy does from 2.1 on; refuse what is no file."""
    if "uri" not in parsed.query:  # else SQLite reads the path by its own rules
        parsed = parsed.set(database=unquote(url.partition("://")[2].partition("/")[2].partition("?")[0]))
    if parsed.database in (None, "", ":memory:") or parsed.query.get("mode") == "memory":
        raise StoreError("database must be a file: threads cannot share one in memory")
    if "\0" in str(parsed.database):
        raise StoreError("database must be a file: its path cannot hold a zero character")
    return parsed
