"""Erasures: that the content of an evidence is to be deleted, and that it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("evidence", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("confirmed_by", sa.Text, nullable=True),
        sa.Column("erased_at", sa.BigInteger, nullable=True),
        sa.Column("fields", sa.BigInteger, nullable=True),
        sa.Column("documents", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("evidence", name="pk_erasure"),
        sa.ForeignKeyConstraint(["evidence"], ["evidence.evidence_id"], name="fk_erasure_evidence"),
    )
