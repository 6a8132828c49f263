"""The tables of the database, as this version of the program reads and writes them.

How a database of an earlier version becomes such a one is told in `server.migrations`.
"""

from typing import Final

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

SCHEMA_VERSION: Final = 2

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
    Column("board", LargeBinary, nullable=False),  # 16 exponents, after the last ply
    Column("game", LargeBinary, nullable=False),  # GameRecord.to_bytes(); last, because it is long
)

analyses = Table(
    "analyses",
    metadata,
    Column("game_id", String(16), ForeignKey("games.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),  # what was asked: of which agent, how deep
    Column("n_done", Integer, nullable=False),  # plies
    Column("meta", Text, nullable=False),  # JSON
    Column("updated_at", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),  # last, because it is long
)

# An index for every order of the list (`server.store.listing`), of all games and of those of one agent.
_ORDERS: Final = {
    "score": (games.c.set_up, games.c.score, games.c.id),
    "tile": (games.c.set_up, games.c.max_tile, games.c.score, games.c.id),
    "moves": (games.c.set_up, games.c.n_moves, games.c.id),
    "date": (games.c.created_at, games.c.id),
}
for _name, _columns in _ORDERS.items():
    Index(f"games_by_{_name}", *_columns)
    Index(f"games_of_agent_by_{_name}", games.c.agent, *_columns)
