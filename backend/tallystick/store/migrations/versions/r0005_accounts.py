"""Organisations, the parties they act for, their API keys, and the journal of administrative acts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("organisation", name="pk_organisation"),
        sa.UniqueConstraint("name", name="uq_organisation_name"),
    )
    op.create_table(
        "acts_for",
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("party", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "party", name="pk_acts_for"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.organisation"], name="fk_acts_for_organisation"),
        sa.ForeignKeyConstraint(["party"], ["party.party"], name="fk_acts_for_party"),
    )
    op.create_table(
        "api_key",
        _position(),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False, comment="separated by spaces"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=True),
        sa.Column("revoked_at", sa.BigInteger, nullable=True),
        sa.Column("last_used_at", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_api_key"),
        sa.UniqueConstraint("key", name="uq_api_key_key"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.organisation"], name="fk_api_key_organisation"),
    )
    op.create_index("ix_api_key_organisation", "api_key", ["organisation"])
    op.create_table(
        "deed",
        _position(),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False, comment="JSON object"),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_deed"),
        sa.UniqueConstraint("previous", name="uq_deed_previous"),
        sa.UniqueConstraint("digest", name="uq_deed_digest"),
    )


def _position() -> sa.Column[int]:
    return sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True)
