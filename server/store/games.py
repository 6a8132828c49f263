"""GameStore: games in an SQL database, SQLite by default.

A row is the record's bytes and what lists need to know of it; its key is the record's id, so that the same game is
kept once. The version of the tables is noted in the database itself (`SCHEMA_VERSION`), for later versions to migrate.

SQLite runs with a write-ahead log, in which readers never wait for the writer. ``synchronous=NORMAL`` cannot corrupt
the file, but a power cut may lose the last games. A writer waits up to 5 s for another.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Column, Row, Select, and_, func, or_, select

from game2048.record import GameRecord, RecordError
from server.errors import CursorError, GameNotFoundError, StoreError
from server.store import tables
from server.store.analyses import Analyses
from server.store.database import Database

logger = logging.getLogger(__name__)

MAX_PAGE: Final = 200

_SUMMARY = [column for column in tables.games.c if column.name != "game"]


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
    analyses : Analyses
        What agents think of the games.

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
        self._database = Database(url)
        self.name = self._database.name
        self.analyses = Analyses(self._database)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

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
        insert = self._database.insert(tables.games).on_conflict_do_nothing()
        now = int(datetime.now(UTC).timestamp())
        rows = [_row_values(record, now) for record in records]  # before the database is locked
        with self._database.writing() as connection:
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
        row = self._row(
            game_id, [tables.games.c.agent, tables.games.c.seed, tables.games.c.created_at, tables.games.c.game]
        )
        if row is None:
            raise GameNotFoundError(f"there is no game with the id {game_id!r}")
        try:
            record = GameRecord.from_bytes(row.game, agent=row.agent, seed=_seed(row.seed))
        except RecordError as error:
            raise StoreError(f"{self.name}: the game {game_id!r} is damaged: {error}") from error
        return StoredGame(record=record, created_at=_time(row.created_at))

    def __contains__(self, game_id: str) -> bool:
        return self._row(game_id, [tables.games.c.id]) is not None

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
        with self._database.reading() as connection:
            games = [_summary(row) for row in connection.execute(query)]
        more = len(games) > limit
        return Page(games=games[:limit], next=_write_cursor(games[limit - 1]) if more else None)

    def best(self) -> GameSummary | None:
        """Return the first game of the list, None where there is no game."""
        return next(iter(self.page(limit=1).games), None)

    def count(self) -> int:
        """Return the number of games."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(tables.games)).scalar_one()

    def _row(self, game_id: str, columns: list[Column[Any]]) -> Row[Any] | None:
        """Return some columns of a game, None where no game has this id."""
        if not re.fullmatch("[0-9a-f]{16}", game_id):
            return None
        with self._database.reading() as connection:
            return connection.execute(select(*columns).where(tables.games.c.id == game_id)).one_or_none()


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
    set_up, score, game_id = tables.games.c.set_up, tables.games.c.score, tables.games.c.id
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
