"""The tables, as SQLAlchemy sees them; ``migrations/`` is what makes them, and a test keeps the two equal.

Rules:

- 32-byte ids are bytes (BLOB, bytea); whole numbers are signed 64 bit;
- the state of an evidence is no column: it follows from ``acceptance`` and ``batch``, so nothing can contradict it::

      no acceptance                    awaiting countersignature
      acceptance, no batch             pending
      batch built, signed or sent      sealing
      batch included, orphaned, final  the same

- what the chain says hangs on the hash of its block, and ``canonical`` tells whether that block is on the chain as it
  was last seen; a reorganisation only moves that mark, in all rows of the block at once;
- what ``acceptance`` holds of a receipt is all there or all NULL;
- rows are added and moved on, never deleted; what is erased on request is overwritten (``access_schema.erasure``).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
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

HEAD = "0016"
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


def _canonical() -> Column[bool]:
    """Whether the row's block is on the chain, as it was last seen."""
    return Column("canonical", Boolean, nullable=False)


def _unique_on_chain(table: Table, *columns: str) -> None:
    """One row of ``table`` for each value of ``columns`` among those that are on the chain."""
    on_chain = table.c.canonical.is_(True)
    Index(None, *(table.c[name] for name in columns), unique=True, sqlite_where=on_chain, postgresql_where=on_chain)


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

block = Table(
    "block",
    metadata,
    _bytes("block_hash", primary_key=True),
    _number("number"),
    _bytes("parent_hash", nullable=True, comment="NULL: read below the final block, where no link needs to be checked"),
    _number("timestamp"),
    _canonical(),
)
_unique_on_chain(block, "number")

batch = Table(
    "batch",
    metadata,
    _position(),
    _bytes("operator"),
    _number("batch_id"),
    _bytes("root"),
    Column("state", Text, nullable=False, index=True),
    _number("created_at"),
    Column("block_hash", LargeBinary, ForeignKey("block.block_hash"), nullable=True, index=True),
    UniqueConstraint("operator", "batch_id"),
    CheckConstraint("state IN ('built', 'signed', 'sent', 'included', 'orphaned', 'final')", name="state"),
)

submission = Table(
    "submission",
    metadata,
    _position(),
    _bytes("operator"),
    _number("batch_id"),
    _number("nonce"),
    _bytes("raw"),
    _bytes("hash", unique=True),
    _number("max_priority_fee_wei"),
    _number("max_fee_wei"),
    _number("signed_at"),
    _number("sent_at", nullable=True),
    ForeignKeyConstraint(["operator", "batch_id"], ["batch.operator", "batch.batch_id"]),
    Index(None, "operator", "batch_id"),
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
    CheckConstraint(
        "(received_at IS NULL) = (receipt_signature IS NULL) AND (seal_by IS NULL) = (receipt_signature IS NULL) "
        "AND (receipt_operator IS NULL) = (receipt_signature IS NULL)",
        name="whole_receipt",
    ),
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

timestamp_token = Table(
    "timestamp_token",
    metadata,
    _bytes("operator", primary_key=True),
    _number("batch_id", primary_key=True, autoincrement=False),
    Column("authority", Text, nullable=False),
    _bytes("token"),
    _number("stamped_at"),
    ForeignKeyConstraint(["operator", "batch_id"], ["batch.operator", "batch.batch_id"]),
)

import_job = Table(
    "import_job",
    metadata,
    _position(),
    Column("job", Text, nullable=False, unique=True),
    _number("begun_at"),
    _number("ended_at", nullable=True),
    _number("files"),
    Column("rules", Text, nullable=False),
    Column("organisation", Text, nullable=True, comment="NULL: the command line"),
    Index(None, "organisation"),
)

import_outcome = Table(
    "import_outcome",
    metadata,
    Column("job", Text, ForeignKey("import_job.job"), primary_key=True),
    _number("ordinal", primary_key=True, autoincrement=False),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("document", Text, nullable=True),
    Column("number", Text, nullable=True),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=True),
    Column("detail", Text, nullable=True),
    Column("evidence", Text, nullable=False),
)

rejected_rows = Table(
    "rejected_rows",
    metadata,
    Column("job", Text, ForeignKey("import_job.job"), primary_key=True),
    _number("ordinal", primary_key=True, autoincrement=False),
    Column("file", Text, nullable=False),
    _number("rows"),
    _bytes("sealed", comment="CSV, encrypted under the network key"),
)

waiting_file = Table(
    "waiting_file",
    metadata,
    Column("owner", Text, primary_key=True, comment="the organisation; empty: the command line"),
    Column("sha256", Text, primary_key=True),
    Column("name", Text, nullable=False),
    _bytes("sealed", nullable=True, comment="encrypted under the network key; NULL once nothing of it waits"),
)

waiting_document = Table(
    "waiting_document",
    metadata,
    _position(),
    Column("owner", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("job", Text, ForeignKey("import_job.job"), nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("facts", Text, nullable=False, comment="JSON object"),
    _number("since"),
    Column("taken_up_by", Text, ForeignKey("import_job.job"), nullable=True, comment="NULL: it waits"),
    ForeignKeyConstraint(["owner", "sha256"], ["waiting_file.owner", "waiting_file.sha256"]),
    UniqueConstraint("owner", "sha256", "document", "number"),
)

status_event = Table(
    "status_event",
    metadata,
    _position(),
    Column("evidence_id", LargeBinary, ForeignKey("evidence.evidence_id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("block_hash", LargeBinary, ForeignKey("block.block_hash"), nullable=True),
    _number("at"),
)

sealed_batch = Table(
    "sealed_batch",
    metadata,
    Column("block_hash", LargeBinary, ForeignKey("block.block_hash"), primary_key=True),
    _number("log_index", primary_key=True, autoincrement=False),
    _bytes("operator"),
    _number("batch_id"),
    _bytes("root"),
    _canonical(),
)
_unique_on_chain(sealed_batch, "operator", "batch_id")

append = Table(
    "append",
    metadata,
    Column("block_hash", LargeBinary, ForeignKey("block.block_hash"), primary_key=True),
    _bytes("operator", primary_key=True),
    _number("batch_id", primary_key=True, autoincrement=False),
    _bytes("subject", primary_key=True),
    _number("ordinal"),
    _number("entry_count"),
    _bytes("root"),
    _number("first_seq"),
    _bytes("head"),
    _canonical(),
)
_unique_on_chain(append, "subject", "ordinal")
_unique_on_chain(append, "operator", "batch_id", "subject")

signer_change = Table(
    "signer_change",
    metadata,
    Column("block_hash", LargeBinary, ForeignKey("block.block_hash"), primary_key=True),
    _number("log_index", primary_key=True, autoincrement=False),
    _bytes("party", index=True),
    _bytes("signer"),
    Column("added", Boolean, nullable=False),
    _canonical(),
)
_unique_on_chain(signer_change, "party", "signer", "added")

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
    _bytes("receivables"),
    _number("block_number"),
    CheckConstraint("id = 1", name="one_row"),
)

organisation = Table(
    "organisation",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    _number("created_at"),
    _number("closed_at", nullable=True),
)

acts_for = Table(
    "acts_for",
    metadata,
    Column("organisation", Text, ForeignKey("organisation.organisation"), primary_key=True),
    Column("party", LargeBinary, ForeignKey("party.party"), primary_key=True),
)

api_key = Table(
    "api_key",
    metadata,
    _position(),
    Column("key", Text, nullable=False, unique=True),
    Column("organisation", Text, ForeignKey("organisation.organisation"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    _bytes("digest"),
    Column("scopes", Text, nullable=False, comment="separated by spaces"),
    _number("created_at"),
    _number("expires_at", nullable=True),
    _number("revoked_at", nullable=True),
    _number("last_used_at", nullable=True),
)

deed = Table(
    "deed",
    metadata,
    _position(),
    _number("at"),
    Column("actor", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("details", Text, nullable=False, comment="JSON object"),
    _bytes("previous", unique=True),
    _bytes("digest", unique=True),
)
