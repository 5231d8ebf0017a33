"""Whose an import is, the rows that it rejected, and the documents that wait with the files they are in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("import_job", sa.Column("organisation", sa.Text, nullable=True, comment="NULL: the command line"))
    op.create_index("ix_import_job_organisation", "import_job", ["organisation"])
    op.create_table(
        "rejected_rows",
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("ordinal", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False, comment="CSV, encrypted under the network key"),
        sa.PrimaryKeyConstraint("job", "ordinal", name="pk_rejected_rows"),
        sa.ForeignKeyConstraint(["job"], ["import_job.job"], name="fk_rejected_rows_job"),
    )
    op.create_table(
        "waiting_file",
        sa.Column("owner", sa.Text, nullable=False, comment="the organisation; empty: the command line"),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column(
            "sealed",
            sa.LargeBinary,
            nullable=True,
            comment="encrypted under the network key; NULL once nothing of it waits",
        ),
        sa.PrimaryKeyConstraint("owner", "sha256", name="pk_waiting_file"),
    )
    op.create_table(
        "waiting_document",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False, comment="JSON object"),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("taken_up_by", sa.Text, nullable=True, comment="NULL: it waits"),
        sa.ForeignKeyConstraint(["job"], ["import_job.job"], name="fk_waiting_document_job"),
        sa.ForeignKeyConstraint(["taken_up_by"], ["import_job.job"], name="fk_waiting_document_taken_up_by"),
        sa.ForeignKeyConstraint(
            ["owner", "sha256"],
            ["waiting_file.owner", "waiting_file.sha256"],
            name="fk_waiting_document_owner_sha256",
        ),
        sa.UniqueConstraint(
            "owner", "sha256", "document", "number", name="uq_waiting_document_owner_sha256_document_number"
        ),
    )
