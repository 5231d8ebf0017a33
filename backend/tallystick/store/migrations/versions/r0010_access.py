"""Consents to access, and each look under one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "access_grant",
        sa.Column("consent", sa.LargeBinary, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("grantee", sa.LargeBinary, nullable=False),
        sa.Column("grantee_name", sa.Text, nullable=True),
        sa.Column("recorder", sa.LargeBinary, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("granted_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.Column("withdrawal", sa.LargeBinary, nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("consent", name="pk_access_grant"),
        sa.ForeignKeyConstraint(["consent"], ["evidence.evidence_id"], name="fk_access_grant_consent"),
    )
    op.create_index("ix_access_grant_subject", "access_grant", ["subject"])
    op.create_index("ix_access_grant_grantee", "access_grant", ["grantee"])
    op.create_table(
        "access_use",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("consent", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("evidence", sa.LargeBinary, nullable=True),
        sa.Column("block", sa.BigInteger, nullable=True),
        sa.Column("access", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["consent"], ["access_grant.consent"], name="fk_access_use_consent"),
        sa.ForeignKeyConstraint(["access"], ["evidence.evidence_id"], name="fk_access_use_access"),
    )
    op.create_index("ix_access_use_consent", "access_use", ["consent"])
