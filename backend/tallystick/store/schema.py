"""The tables, as SQLAlchemy sees them; ``migrations/`` is what makes them, and a test keeps the two equal.

Rules:

- 32-byte ids are bytes (BLOB, bytea); whole numbers are signed 64 bit;
- the state of an evidence is no column: it follows from ``acceptance`` and ``batch``, so nothing can contradict it::

      no acceptance            awaiting countersignature
      acceptance, no batch     pending
      batch not final          sealing
      batch final              final

- what ``acceptance`` holds of a receipt is all there or all NULL: older versions accepted without one;
- rows are added and moved on, never deleted.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0003"
"""The revision this code works with: the newest under ``migrations/versions``."""

INT64_MAX = 2**63 - 1


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _position() -> Column[int]:
    """The order in which rows came; SQLite counts only a column of type INTEGER by itself."""
    return Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _bytes(name: str, **options: Any) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=options.pop("nullable", False), **options)


def _number(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=options.pop("nullable", False), **options)


party = Table(
    "party",
    metadata,
    _bytes("party", primary_key=True),
    Column("name", Text, nullable=False, index=True),
    _number("created_at"),
)

identifier = Table(
    "identifier",
    metadata,
    Column("scheme", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("party", LargeBinary, ForeignKey("party.party"), nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),
)

managed_signer = Table(
    "managed_signer",
    metadata,
    _position(),
    Column("party", LargeBinary, ForeignKey("party.party"), nullable=False),
    _bytes("signer"),
    UniqueConstraint("party", "signer"),
)

evidence = Table(
    "evidence",
    metadata,
    _position(),
    _bytes("evidence_id", unique=True),
    _bytes("issuer"),
    _bytes("counterparty"),
    Column("kind", SmallInteger, nullable=False),
    _bytes("deal"),
    _bytes("parent", index=True),
    _bytes("content_root"),
    _number("occurred_at"),
    _number("issued_at"),
    _bytes("signatures"),
    Column("disclosures", Text, nullable=False, comment="JSON array of disclosure strings"),
    _bytes("hidden", comment="digests of 32 bytes, end to end"),
    Column("document_key", Text, nullable=True, unique=True),
    _number("recorded_at"),
    Index(None, "deal", "kind"),
    Index(None, "issuer", "counterparty", "kind"),
)

batch = Table(
    "batch",
    metadata,
    _position(),
    _bytes("operator"),
    _number("batch_id"),
    _bytes("root"),
    Column("state", Text, nullable=False, index=True),
    _bytes("raw_transaction"),
    _bytes("transaction_hash"),
    _number("created_at"),
    UniqueConstraint("operator", "batch_id"),
    CheckConstraint("state IN ('built', 'sent', 'final')", name="state"),
)

acceptance = Table(
    "acceptance",
    metadata,
    _position(),
    Column("evidence_id", LargeBinary, ForeignKey("evidence.evidence_id"), nullable=False, unique=True),
    _bytes("operator", nullable=True),
    _number("batch_id", nullable=True),
    _number("received_at", nullable=True),
    _number("seal_by", nullable=True),
    _bytes("receipt_operator", nullable=True),
    _bytes("receipt_signature", nullable=True),
    ForeignKeyConstraint(["operator", "batch_id"], ["batch.operator", "batch.batch_id"]),
    CheckConstraint("(operator IS NULL) = (batch_id IS NULL)", name="whole_batch"),
    Index(None, "operator", "batch_id"),
)
_unsealed = acceptance.c.batch_id.is_(None)
Index("ix_acceptance_pending", acceptance.c.position, sqlite_where=_unsealed, postgresql_where=_unsealed)

batch_entry = Table(
    "batch_entry",
    metadata,
    _bytes("operator", primary_key=True),
    _number("batch_id", primary_key=True),
    _bytes("subject", primary_key=True),
    Column("entry_index", Integer, primary_key=True, autoincrement=False),
    Column("evidence_id", LargeBinary, ForeignKey("evidence.evidence_id"), nullable=False, index=True),
    ForeignKeyConstraint(["operator", "batch_id"], ["batch.operator", "batch.batch_id"]),
    sqlite_with_rowid=False,
)

sealed_batch = Table(
    "sealed_batch",
    metadata,
    _bytes("operator", primary_key=True),
    _number("batch_id", primary_key=True),
    _bytes("root"),
    _number("timestamp"),
    _number("block_number"),
    _bytes("block_hash"),
)

append = Table(
    "append",
    metadata,
    _bytes("subject", primary_key=True),
    _number("ordinal", primary_key=True, autoincrement=False),
    _bytes("operator"),
    _number("batch_id"),
    _number("entry_count"),
    _bytes("root"),
    _number("first_seq"),
    _bytes("head"),
    UniqueConstraint("operator", "batch_id", "subject"),
    ForeignKeyConstraint(["operator", "batch_id"], ["sealed_batch.operator", "sealed_batch.batch_id"]),
    sqlite_with_rowid=False,
)

signer = Table(
    "signer",
    metadata,
    _bytes("party", primary_key=True),
    _bytes("signer", primary_key=True),
    _number("added_at"),
    _number("revoked_at"),
)

cursor = Table(
    "cursor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _number("block_number"),
    _bytes("block_hash"),
    _number("timestamp"),
    CheckConstraint("id = 1", name="one_row"),
)

deployment = Table(
    "deployment",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _number("chain_id"),
    _bytes("genesis_hash"),
    _bytes("registry"),
    _bytes("ledger"),
    _number("block_number"),
    _bytes("receivables", nullable=True),
    CheckConstraint("id = 1", name="one_row"),
)
