"""Members of organisations, and the sessions of those who sign in with a wallet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "member",
        _position(),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=True),
        sa.Column("subject", sa.Text, nullable=True),
        sa.Column("address", sa.LargeBinary, nullable=True),
        sa.Column("scopes", sa.Text, nullable=False, comment="separated by spaces"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("removed_at", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_member"),
        sa.UniqueConstraint("member", name="uq_member_member"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.organisation"], name="fk_member_organisation"),
        sa.CheckConstraint(
            "(issuer IS NULL) = (subject IS NULL) AND (issuer IS NULL) <> (address IS NULL)",
            name="ck_member_known_by_one",
        ),
    )
    op.create_index("ix_member_organisation", "member", ["organisation"])
    here = sa.text("removed_at IS NULL")
    for columns in (["issuer", "subject"], ["address"]):
        name = "ix_member_" + "_".join(columns)
        op.create_index(name, "member", columns, unique=True, sqlite_where=here, postgresql_where=here)
    op.create_table(
        "session",
        _position(),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False, comment="of the message that was signed: good once"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_session"),
        sa.UniqueConstraint("session", name="uq_session_session"),
        sa.UniqueConstraint("nonce", name="uq_session_nonce"),
        sa.ForeignKeyConstraint(["member"], ["member.member"], name="fk_session_member"),
    )
    op.create_index("ix_session_member", "session", ["member"])


def _position() -> sa.Column[int]:
    return sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True)
