"""Games: what lists need to know, and the record."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the table of games and the index of its list."""
    op.create_table(
        "games",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("set_up", sa.SmallInteger, nullable=False),
        sa.Column("seed", sa.Text),
        sa.Column("score", sa.BigInteger, nullable=False),
        sa.Column("max_tile", sa.Integer, nullable=False),
        sa.Column("n_moves", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("game", sa.LargeBinary, nullable=False),
    )
    op.create_index("games_by_score", "games", ["set_up", sa.text("score DESC"), "id"])
    op.create_table(
        "meta",
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO meta (key, value) VALUES ('schema_version', '1')")
