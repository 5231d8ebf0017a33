"""Time-stamps of an authority (RFC 3161) on the roots of outgoing batches, one a batch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "timestamp_token",
        sa.Column("operator", sa.LargeBinary, nullable=False),
        sa.Column("batch_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.Column("stamped_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("operator", "batch_id", name="pk_timestamp_token"),
        sa.ForeignKeyConstraint(
            ["operator", "batch_id"], ["batch.operator", "batch.batch_id"], name="fk_timestamp_token_operator_batch_id"
        ),
    )
