"""Imports of documents: each a job, with what became of every document of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "import_job",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
        sa.Column("files", sa.BigInteger, nullable=False),
        sa.Column("rules", sa.Text, nullable=False),
        sa.UniqueConstraint("job", name="uq_import_job_job"),
    )
    op.create_table(
        "import_outcome",
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("ordinal", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=True),
        sa.Column("number", sa.Text, nullable=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("detail", sa.Text, nullable=True),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("job", "ordinal", name="pk_import_outcome"),
        sa.ForeignKeyConstraint(["job"], ["import_job.job"], name="fk_import_outcome_job"),
    )
