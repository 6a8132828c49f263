"""The list of games: what it may be filtered and ordered by, and the cursors that lead from page to page.

A cursor names the last game of a page by the values that the list is ordered by, not by a number of rows: a game that
is added or deleted meanwhile shifts nothing, and the thousandth page is read as fast as the first, from an index.

Games from boards that were set up come last where the order is one of merit: their scores say nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, cast, get_args

from sqlalchemy import BigInteger, ColumnElement, Row, Select, String, false, literal, select, tuple_

from server.errors import CursorError
from server.store.tables import games

Sort = Literal["score", "tile", "moves", "date"]
Order = Literal["desc", "asc"]

DAY: Final = 86_400  # seconds
SUMMARY: Final = [column for column in games.c if column.name != "game"]

_KEYS: Final = {
    "score": (games.c.score, games.c.id),
    "tile": (games.c.max_tile, games.c.score, games.c.id),
    "moves": (games.c.n_moves, games.c.id),
    "date": (games.c.created_at, games.c.id),
}
_CURSOR: Final = re.compile(
    f"({'|'.join(get_args(Sort))})-({'|'.join(get_args(Order))})-([01])-((?:[0-9]{{1,18}}-)+)([0-9a-f]{{16}})", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class GameFilter:
    """Which games are listed; None asks nothing."""

    agent: str | None = None
    """Who played, exactly."""
    min_score: int | None = None
    """Least score."""
    max_score: int | None = None
    """Largest score."""
    tile: int | None = None
    """The largest tile of the last board, exactly."""
    since: date | None = None
    """Day of the first games (UTC)."""
    until: date | None = None
    """Day of the last games (UTC), which is included."""

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Give what a game must fulfil."""
        if self.agent is not None:
            # Names are printable; PostgreSQL cannot even be asked for a text with a zero character.
            yield games.c.agent == self.agent if self.agent.isprintable() else false()
        if self.min_score is not None:
            yield games.c.score >= self.min_score
        if self.max_score is not None:
            yield games.c.score <= self.max_score
        if self.tile is not None:
            yield games.c.max_tile == literal(self.tile, BigInteger())
        if self.since is not None:
            yield games.c.created_at >= _midnight(self.since)
        if self.until is not None:
            yield games.c.created_at < _midnight(self.until) + DAY


@dataclass(frozen=True, kw_only=True)
class Place:
    """The place after a game in an ordered list, and what a cursor writes down.

    >>> place = Place(sort="tile", order="desc", part=0, key=(2048, 18432, "00000000000000ff"))
    >>> place.cursor()
    'tile-desc-0-2048-18432-00000000000000ff'
    >>> Place.read(place.cursor()) == place
    True
    """

    sort: Sort
    order: Order
    part: int
    """As in `parts`."""
    key: tuple[int | str, ...]
    """What the list is ordered by, the id at last."""

    @classmethod
    def after(cls, row: Row[Any], sort: Sort, order: Order) -> "Place":
        """Return the place after a row of the list."""
        key = tuple(getattr(row, column.name) for column in _KEYS[sort])
        return cls(sort=sort, order=order, part=row.set_up if len(parts(sort)) > 1 else 0, key=key)

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """Return what a cursor holds.

        Raises
        ------
        CursorError
            If it is none that `cursor` wrote.
        """
        match = _CURSOR.fullmatch(cursor)
        if match is not None:
            sort, order, part, numbers, game_id = match.groups()
            key = (*(int(number) for number in numbers[:-1].split("-")), game_id)
            if len(key) == len(_KEYS[sort]) and int(part) < len(parts(cast("Sort", sort))):
                return cls(sort=cast("Sort", sort), order=cast("Order", order), part=int(part), key=key)
        raise CursorError("cursor must be the 'next' of an earlier page")

    def cursor(self) -> str:
        """Write the place down."""
        return "-".join(str(value) for value in (self.sort, self.order, self.part, *self.key))


def parts(sort: Sort) -> tuple[bool | None, ...]:
    """Return which games are listed one after the other: by whether they were set up, None if that is all the same."""
    return (None,) if sort == "date" else (False, True)


def part_query(shown: GameFilter, sort: Sort, order: Order, part: int, after: Place | None) -> Select[Any]:
    """Return the query of one of the `parts` of the list, after a place in it."""
    key, descending = _KEYS[sort], order == "desc"
    query = select(*SUMMARY).where(*shown.conditions()).order_by(*(c.desc() if descending else c.asc() for c in key))
    if (set_up := parts(sort)[part]) is not None:
        query = query.where(games.c.set_up == int(set_up))
    if after is None:
        return query
    last = tuple_(*(literal(value, String() if isinstance(value, str) else BigInteger()) for value in after.key))
    return query.where(tuple_(*key) < last if descending else tuple_(*key) > last)


def _midnight(day: date) -> int:
    """Return when a day begins (UTC), in seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
