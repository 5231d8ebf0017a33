"""The tables of who signs in and of what is done to signers; rules as in ``schema``, whose metadata they belong to."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from tallystick.store.schema import metadata


def _position() -> Column[int]:
    return Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


member = Table(
    "member",
    metadata,
    _position(),
    Column("member", Text, nullable=False, unique=True),
    Column("organisation", Text, ForeignKey("organisation.organisation"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("issuer", Text, nullable=True),
    Column("subject", Text, nullable=True),
    Column("address", LargeBinary, nullable=True),
    Column("scopes", Text, nullable=False, comment="separated by spaces"),
    Column("created_at", BigInteger, nullable=False),
    Column("removed_at", BigInteger, nullable=True),
    CheckConstraint(
        "(issuer IS NULL) = (subject IS NULL) AND (issuer IS NULL) <> (address IS NULL)", name="known_by_one"
    ),
)
_here = member.c.removed_at.is_(None)
Index(None, member.c.issuer, member.c.subject, unique=True, sqlite_where=_here, postgresql_where=_here)
Index(None, member.c.address, unique=True, sqlite_where=_here, postgresql_where=_here)

session = Table(
    "session",
    metadata,
    _position(),
    Column("session", Text, nullable=False, unique=True),
    Column("member", Text, ForeignKey("member.member"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column("nonce", Text, nullable=False, unique=True, comment="of the message that was signed: good once"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
)

registry_change = Table(
    "registry_change",
    metadata,
    _position(),
    Column("act", Text, nullable=False),
    Column("party", LargeBinary, ForeignKey("party.party"), nullable=False),
    Column("signer", LargeBinary, nullable=False),
    Column("added", Boolean, nullable=False),
    Column("managed", Boolean, nullable=False, comment="the key is in the keystore here"),
    Column("after", BigInteger, nullable=True, comment="position of the change that must be final before"),
    Column("requested_at", BigInteger, nullable=False),
    Column("done_at", BigInteger, nullable=True, comment="when it was seen in a final block"),
    Column("trouble", Text, nullable=True, comment="why the newest attempt failed"),
    UniqueConstraint("party", "signer", "added"),
)
_open = registry_change.c.done_at.is_(None)
Index("ix_registry_change_open", registry_change.c.position, sqlite_where=_open, postgresql_where=_open)

signer_compromise = Table(
    "signer_compromise",
    metadata,
    Column("party", LargeBinary, ForeignKey("party.party"), primary_key=True),
    Column("signer", LargeBinary, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("stated_at", BigInteger, nullable=False),
)

party_binding = Table(
    "party_binding",
    metadata,
    Column("party", LargeBinary, ForeignKey("party.party"), primary_key=True),
    Column("registrar", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
