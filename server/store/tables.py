"""The tables of the database, as this version of the program reads and writes them.

How a database of an earlier version becomes one of these is told by `server.migrations`.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData()

games = Table(
    "games",
    metadata,
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
Index("games_by_score", games.c.set_up, games.c.score.desc(), games.c.id)

analyses = Table(
    "analyses",
    metadata,
    Column("game_id", String(16), ForeignKey("games.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),  # what was asked: of which agent, how deep
    Column("n_done", Integer, nullable=False),
    Column("meta", Text, nullable=False),  # JSON
    Column("updated_at", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),  # last, because it is long
)

meta = Table("meta", metadata, Column("key", String(32), primary_key=True), Column("value", Text, nullable=False))

INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
