"""GameStore: games in an SQL database, SQLite by default.

A row is the record's bytes and what lists need to know of it; its key is the record's id, so that the same game is
kept once.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Column, Row, delete, func, select

from game2048.record import GameRecord, RecordError
from server.errors import CursorError, GameNotFoundError, StoreError
from server.store.analyses import Analyses
from server.store.database import Database
from server.store.ids import is_id, no_such_game
from server.store.listing import GameFilter, Order, Place, Sort, part_query, parts
from server.store.tables import games

logger = logging.getLogger(__name__)

MAX_PAGE: Final = 200
MAX_AGENTS: Final = 1000


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
    board: tuple[int, ...]
    """The 16 exponents of the last board."""


@dataclass(frozen=True, kw_only=True)
class StoredGame:
    """A game and when it was added (UTC)."""

    record: GameRecord
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class AgentSummary:
    """Who played, and how many of the games."""

    name: str
    n_games: int


@dataclass(frozen=True, kw_only=True)
class Page:
    """Part of the list of games, and the cursor of the next part (None at the end)."""

    games: list[GameSummary]
    next: str | None


class GameStore:
    """Games in a database; usable from several threads and by several processes at once.

    Parameters
    ----------
    url : str
        ``sqlite:///path/to/file`` (made, with its folder, where it does not exist; `sqlite_url` writes it for any path)
        or a PostgreSQL URL such as
        ``postgresql+psycopg://user@host/name``. A database of an earlier version is brought up to date.

    Attributes
    ----------
    name : str
        What to call the database in messages: the path of an SQLite file, a URL without its password.
    analyses : Analyses
        What agents think of the games.

    Raises
    ------
    SchemaError
        If the database belongs to a later version or another program.
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
        insert = self._database.insert(games).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        now = int(datetime.now(UTC).timestamp())
        rows = [_row_values(record, now) for record in records]  # before the database is locked
        with self._database.writing() as connection:
            added = [(str(row["id"]), connection.execute(insert, row).rowcount == 1) for row in rows]
        logger.debug("added %d games to %s", sum(new for _, new in added), self.name)
        return added

    def delete(self, game_id: str) -> None:
        """Delete a game and its analyses.

        Raises
        ------
        GameNotFoundError
            If no game has this id.
        """
        if is_id(game_id):
            with self._database.writing() as connection:
                if connection.execute(delete(games).where(games.c.id == game_id)).rowcount:
                    logger.debug("deleted the game %s from %s", game_id, self.name)
                    return
        raise no_such_game(game_id)

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
        row = self._row(game_id, games.c.agent, games.c.seed, games.c.created_at, games.c.game)
        try:
            record = GameRecord.from_bytes(row.game, agent=row.agent, seed=_seed(row.seed))
        except RecordError as error:
            raise StoreError(f"{self.name}: the game {game_id!r} is damaged: {error}") from error
        return StoredGame(record=record, created_at=_time(row.created_at))

    def added_at(self, game_id: str) -> datetime:
        """Return when a game was added, UTC, without reading it.

        Raises
        ------
        GameNotFoundError
            If no game has this id.
        """
        return _time(self._row(game_id, games.c.created_at).created_at)

    def __contains__(self, game_id: str) -> bool:
        try:
            self.added_at(game_id)
        except GameNotFoundError:
            return False
        return True

    def page(
        self,
        shown: GameFilter | None = None,
        *,
        sort: Sort = "score",
        order: Order = "desc",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Return the next ``limit`` games (1 to 200) after those that ``cursor`` closed.

        Parameters
        ----------
        shown : GameFilter, optional
            Which games; all by default.
        sort : {"score", "tile", "moves", "date"}
            By what they are ordered: the score, the largest tile (and among equals the score), the number of moves,
            or when they were added. By any but the last, games from boards that were set up come after all others.
        order : {"desc", "asc"}
            From the largest to the smallest value, or the other way.
        limit : int
            How many.
        cursor : str, optional
            `Page.next` of an earlier page of the same order. It names a game: those that are added or deleted
            meanwhile shift nothing.

        Raises
        ------
        ValueError
            If ``limit`` is out of range.
        CursorError
            If ``cursor`` is none that this method returned for this order.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit must be from 1 to {MAX_PAGE}, got {limit}")
        after = None if cursor is None else Place.read(cursor)
        if after is not None and (after.sort, after.order) != (sort, order):
            raise CursorError(f"cursor must be the 'next' of a page in this order, by {sort} ({order})")
        rows: list[Row[Any]] = []
        with self._database.reading() as connection:
            for part in range(0 if after is None else after.part, len(parts(sort))):
                query = part_query(shown or GameFilter(), sort, order, part, after).limit(limit + 1 - len(rows))
                rows += connection.execute(query).all()
                after = None
        more = len(rows) > limit
        next_cursor = Place.after(rows[limit - 1], sort, order).cursor() if more else None
        return Page(games=[_summary(row) for row in rows[:limit]], next=next_cursor)

    def best(self) -> GameSummary | None:
        """Return the game with the best score, None where there is no game."""
        return next(iter(self.page(limit=1).games), None)

    def count(self) -> int:
        """Return the number of games."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(games)).scalar_one()

    def agents(self) -> list[AgentSummary]:
        """Return who played, the thousand with the most games, by that number and then by name."""
        n_games = func.count().label("n_games")
        query = select(games.c.agent, n_games).group_by(games.c.agent).order_by(n_games.desc()).limit(MAX_AGENTS)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        agents = [AgentSummary(name=row.agent, n_games=row.n_games) for row in rows]
        return sorted(agents, key=lambda agent: (-agent.n_games, agent.name))  # the same in every collation

    def _row(self, game_id: str, *columns: Column[Any]) -> Row[Any]:
        """Return some columns of a game."""
        if is_id(game_id):
            with self._database.reading() as connection:
                row = connection.execute(select(*columns).where(games.c.id == game_id)).one_or_none()
            if row is not None:
                return row
        raise no_such_game(game_id)


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
        "board": record.boards[-1].tobytes(),
        "game": record.to_bytes(),
    }


def _summary(row: Row[Any]) -> GameSummary:
    """Return the summary of a row."""
    readable = {
        "set_up": bool(row.set_up),
        "seed": _seed(row.seed),
        "created_at": _time(row.created_at),
        "board": tuple(row.board),
    }
    return GameSummary(**row._asdict() | readable)


def _seed(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
