"""Analyses: what agents think of stored games, as bytes beside them.

What the bytes hold is for `server.analysis` to say; here they are kept, and go when their game goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, literal, select

from server.store.database import Database
from server.store.ids import is_id, no_such_game
from server.store.tables import analyses, games


@dataclass(frozen=True, kw_only=True)
class AnalysisSummary:
    """What is told of an analysis without reading it."""

    key: str
    """What was asked, see `Analyses.put`."""
    n_done: int
    """Plies that are done."""
    meta: dict[str, Any]
    """What was noted with it."""
    updated_at: datetime
    """When it was last put, UTC."""


class Analyses:
    """The analyses of stored games; see `GameStore.analyses`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, game_id: str, key: str) -> bytes | None:
        """Return the bytes of an analysis, None where there is none."""
        if not is_id(game_id):
            return None
        query = select(analyses.c.blob).where(analyses.c.game_id == game_id, analyses.c.key == key)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def put(self, game_id: str, key: str, blob: bytes, n_done: int, meta: Mapping[str, Any]) -> None:
        """Keep an analysis, or more of one: where more plies are done already, what is kept stays.

        Parameters
        ----------
        game_id : str
            A stored game.
        key : str
            What was asked: the agent, its weights, how deep it looks. Printable.
        blob : bytes
            The analysis.
        n_done : int
            Plies that are done.
        meta : mapping
            What a list tells of it: anything that JSON holds.

        Raises
        ------
        GameNotFoundError
            If there is no such game, or no longer.
        """
        if not is_id(game_id):
            raise no_such_game(game_id)
        now = int(datetime.now(UTC).timestamp())
        values = {
            "n_done": literal(n_done, analyses.c.n_done.type),
            "meta": literal(msgspec.json.encode(meta).decode(), analyses.c.meta.type),
            "updated_at": literal(now, analyses.c.updated_at.type),
            "blob": literal(blob, analyses.c.blob.type),
        }
        # The game's own row gives the id: of a game that is deleted at this moment, nothing is kept.
        columns = [games.c.id, literal(key, analyses.c.key.type), *values.values()]
        source = select(*columns).where(games.c.id == game_id).with_for_update(read=True)
        insert = self._database.insert(analyses).from_select(["game_id", "key", *values], source)
        replaced = insert.on_conflict_do_update(
            index_elements=["game_id", "key"],
            set_={name: insert.excluded[name] for name in values},
            where=analyses.c.n_done <= insert.excluded.n_done,
        ).execution_options(preserve_rowcount=True)
        with self._database.writing() as connection:
            if connection.execute(replaced).rowcount == 0 and not _is_there(connection, game_id):
                raise no_such_game(game_id)

    def list(self, game_id: str) -> list[AnalysisSummary]:
        """Return the analyses of a game by key, none where no game has this id."""
        if not is_id(game_id):
            return []
        shown = [column for column in analyses.c if column.name not in ("game_id", "blob")]
        query = select(*shown).where(analyses.c.game_id == game_id).order_by(analyses.c.key)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            AnalysisSummary(
                key=row.key,
                n_done=row.n_done,
                meta=msgspec.json.decode(row.meta),
                updated_at=datetime.fromtimestamp(row.updated_at, UTC),
            )
            for row in rows
        ]


def _is_there(connection: Connection, game_id: str) -> bool:
    """Whether there is such a game."""
    return connection.execute(select(games.c.id).where(games.c.id == game_id)).one_or_none() is not None
