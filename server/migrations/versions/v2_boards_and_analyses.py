"""Boards and analyses: the last board in the list, an index for every order of it, and what agents think of games."""

import sqlalchemy as sa
from alembic import op

from game2048.record import GameRecord, RecordError

revision = "2"
down_revision = "1"

EMPTY = bytes(16)

games = sa.table(
    "games", sa.column("id", sa.String), sa.column("board", sa.LargeBinary), sa.column("game", sa.LargeBinary)
)


def upgrade() -> None:
    """Add the boards, the indexes and the table of analyses; Alembic keeps the version from now on."""
    op.drop_index("games_by_score", "games")
    op.add_column("games", sa.Column("board", sa.LargeBinary))
    _fill_boards(op.get_bind())
    with op.batch_alter_table("games", partial_reordering=[("created_at", "board", "game")]) as batch:
        batch.alter_column("board", nullable=False)
    for name, columns in {
        "score": ["set_up", "score", "id"],
        "tile": ["set_up", "max_tile", "score", "id"],
        "moves": ["set_up", "n_moves", "id"],
        "date": ["created_at", "id"],
    }.items():
        op.create_index(f"games_by_{name}", "games", columns)
        op.create_index(f"games_of_agent_by_{name}", "games", ["agent", *columns])
    op.create_table(
        "analyses",
        sa.Column("game_id", sa.String(16), sa.ForeignKey("games.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("n_done", sa.Integer, nullable=False),
        sa.Column("meta", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("blob", sa.LargeBinary, nullable=False),
    )
    op.drop_table("meta")


def _fill_boards(connection: sa.Connection) -> None:
    """Replay every game to its last board, one at a time: together they may be larger than memory."""
    for game_id in connection.execute(sa.select(games.c.id)).scalars().all():
        data = connection.execute(sa.select(games.c.game).where(games.c.id == game_id)).scalar_one()
        connection.execute(games.update().where(games.c.id == game_id).values(board=_last_board(data)))


def _last_board(data: bytes) -> bytes:
    """Return the last board; an empty one for a damaged game, which is for its reader to find out."""
    try:
        board: bytes = GameRecord.from_bytes(data).boards[-1].tobytes()
    except RecordError:
        return EMPTY
    return board
