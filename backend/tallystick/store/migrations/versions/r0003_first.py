"""The first tables: parties, evidence, the indexed chain, outgoing batches, and what became of each evidence.

Revisions 0001 and 0002 were never released; logs that were sealed with them do not verify any more.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = None

_NO_PARENT = "NULL: read below the final block, where no link needs to be checked"


def _position() -> sa.Column[Any]:
    return sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False)


def _bytes(name: str, nullable: bool = False, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=nullable, comment=comment)


def _number(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=nullable, autoincrement=False)


def _canonical() -> sa.Column[Any]:
    return sa.Column("canonical", sa.Boolean, nullable=False)


def _in_block(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["block_hash"], ["block.block_hash"], name=f"fk_{table}_block_hash")


def _unique_on_chain(table: str, *columns: str) -> None:
    op.create_index(
        f"ix_{table}_{'_'.join(columns)}",
        table,
        list(columns),
        unique=True,
        sqlite_where=sa.text("canonical IS 1"),
        postgresql_where=sa.text("canonical IS true"),
    )


def upgrade() -> None:
    _create_parties()
    _create_evidence()
    _create_indexed_chain()
    _create_outgoing_batches()
    _create_status_events()


def _create_parties() -> None:
    op.create_table(
        "party",
        _bytes("party"),
        sa.Column("name", sa.Text, nullable=False),
        _number("created_at"),
        sa.PrimaryKeyConstraint("party", name="pk_party"),
    )
    op.create_index("ix_party_name", "party", ["name"])
    op.create_table(
        "identifier",
        sa.Column("scheme", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        _bytes("party"),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("scheme", "value", name="pk_identifier"),
        sa.ForeignKeyConstraint(["party"], ["party.party"], name="fk_identifier_party"),
    )
    op.create_index("ix_identifier_party", "identifier", ["party"])
    op.create_table(
        "managed_signer",
        _position(),
        _bytes("party"),
        _bytes("signer"),
        sa.PrimaryKeyConstraint("position", name="pk_managed_signer"),
        sa.UniqueConstraint("party", "signer", name="uq_managed_signer_party_signer"),
        sa.ForeignKeyConstraint(["party"], ["party.party"], name="fk_managed_signer_party"),
    )


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        _position(),
        _bytes("evidence_id"),
        _bytes("issuer"),
        _bytes("counterparty"),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        _bytes("deal"),
        _bytes("parent"),
        _bytes("content_root"),
        _number("occurred_at"),
        _number("issued_at"),
        _bytes("signatures"),
        sa.Column("disclosures", sa.Text, nullable=False, comment="JSON array of disclosure strings"),
        _bytes("hidden", comment="digests of 32 bytes, end to end"),
        sa.Column("document_key", sa.Text, nullable=True),
        _number("recorded_at"),
        sa.PrimaryKeyConstraint("position", name="pk_evidence"),
        sa.UniqueConstraint("evidence_id", name="uq_evidence_evidence_id"),
        sa.UniqueConstraint("document_key", name="uq_evidence_document_key"),
    )
    op.create_index("ix_evidence_parent", "evidence", ["parent"])
    op.create_index("ix_evidence_deal_kind", "evidence", ["deal", "kind"])
    op.create_index("ix_evidence_issuer_counterparty_kind", "evidence", ["issuer", "counterparty", "kind"])


def _create_outgoing_batches() -> None:
    op.create_table(
        "batch",
        _position(),
        _bytes("operator"),
        _number("batch_id"),
        _bytes("root"),
        sa.Column("state", sa.Text, nullable=False),
        _number("created_at"),
        _bytes("block_hash", nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_batch"),
        sa.UniqueConstraint("operator", "batch_id", name="uq_batch_operator_batch_id"),
        sa.CheckConstraint(
            "state IN ('built', 'signed', 'sent', 'included', 'orphaned', 'final')", name="ck_batch_state"
        ),
        _in_block("batch"),
    )
    op.create_index("ix_batch_state", "batch", ["state"])
    op.create_index("ix_batch_block_hash", "batch", ["block_hash"])
    op.create_table(
        "submission",
        _position(),
        _bytes("operator"),
        _number("batch_id"),
        _number("nonce"),
        _bytes("raw"),
        _bytes("hash"),
        _number("max_priority_fee_wei"),
        _number("max_fee_wei"),
        _number("signed_at"),
        _number("sent_at", nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_submission"),
        sa.UniqueConstraint("hash", name="uq_submission_hash"),
        sa.ForeignKeyConstraint(
            ["operator", "batch_id"], ["batch.operator", "batch.batch_id"], name="fk_submission_operator_batch_id"
        ),
    )
    op.create_index("ix_submission_operator_batch_id", "submission", ["operator", "batch_id"])
    op.create_table(
        "acceptance",
        _position(),
        _bytes("evidence_id"),
        _bytes("operator", nullable=True),
        _number("batch_id", nullable=True),
        _number("received_at", nullable=True),
        _number("seal_by", nullable=True),
        _bytes("receipt_operator", nullable=True),
        _bytes("receipt_signature", nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_acceptance"),
        sa.UniqueConstraint("evidence_id", name="uq_acceptance_evidence_id"),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.evidence_id"], name="fk_acceptance_evidence_id"),
        sa.ForeignKeyConstraint(
            ["operator", "batch_id"], ["batch.operator", "batch.batch_id"], name="fk_acceptance_operator_batch_id"
        ),
        sa.CheckConstraint("(operator IS NULL) = (batch_id IS NULL)", name="ck_acceptance_whole_batch"),
        sa.CheckConstraint(
            "(received_at IS NULL) = (receipt_signature IS NULL) AND (seal_by IS NULL) = (receipt_signature IS NULL) "
            "AND (receipt_operator IS NULL) = (receipt_signature IS NULL)",
            name="ck_acceptance_whole_receipt",
        ),
    )
    op.create_index("ix_acceptance_operator_batch_id", "acceptance", ["operator", "batch_id"])
    unsealed = sa.text("batch_id IS NULL")
    op.create_index(
        "ix_acceptance_pending", "acceptance", ["position"], sqlite_where=unsealed, postgresql_where=unsealed
    )
    op.create_table(
        "batch_entry",
        _bytes("operator"),
        _number("batch_id"),
        _bytes("subject"),
        sa.Column("entry_index", sa.Integer, nullable=False, autoincrement=False),
        _bytes("evidence_id"),
        sa.PrimaryKeyConstraint("operator", "batch_id", "subject", "entry_index", name="pk_batch_entry"),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.evidence_id"], name="fk_batch_entry_evidence_id"),
        sa.ForeignKeyConstraint(
            ["operator", "batch_id"], ["batch.operator", "batch.batch_id"], name="fk_batch_entry_operator_batch_id"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_batch_entry_evidence_id", "batch_entry", ["evidence_id"])


def _create_indexed_chain() -> None:
    op.create_table(
        "block",
        _bytes("block_hash"),
        _number("number"),
        _bytes("parent_hash", nullable=True, comment=_NO_PARENT),
        _number("timestamp"),
        _canonical(),
        sa.PrimaryKeyConstraint("block_hash", name="pk_block"),
    )
    _unique_on_chain("block", "number")
    op.create_table(
        "sealed_batch",
        _bytes("block_hash"),
        _number("log_index"),
        _bytes("operator"),
        _number("batch_id"),
        _bytes("root"),
        _canonical(),
        sa.PrimaryKeyConstraint("block_hash", "log_index", name="pk_sealed_batch"),
        _in_block("sealed_batch"),
    )
    _unique_on_chain("sealed_batch", "operator", "batch_id")
    op.create_table(
        "append",
        _bytes("block_hash"),
        _bytes("operator"),
        _number("batch_id"),
        _bytes("subject"),
        _number("ordinal"),
        _number("entry_count"),
        _bytes("root"),
        _number("first_seq"),
        _bytes("head"),
        _canonical(),
        sa.PrimaryKeyConstraint("block_hash", "operator", "batch_id", "subject", name="pk_append"),
        _in_block("append"),
    )
    _unique_on_chain("append", "subject", "ordinal")
    _unique_on_chain("append", "operator", "batch_id", "subject")
    op.create_table(
        "signer_change",
        _bytes("block_hash"),
        _number("log_index"),
        _bytes("party"),
        _bytes("signer"),
        sa.Column("added", sa.Boolean, nullable=False),
        _canonical(),
        sa.PrimaryKeyConstraint("block_hash", "log_index", name="pk_signer_change"),
        _in_block("signer_change"),
    )
    op.create_index("ix_signer_change_party", "signer_change", ["party"])
    _unique_on_chain("signer_change", "party", "signer", "added")
    op.create_table(
        "cursor",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        _number("block_number"),
        _bytes("block_hash"),
        _number("timestamp"),
        sa.PrimaryKeyConstraint("id", name="pk_cursor"),
        sa.CheckConstraint("id = 1", name="ck_cursor_one_row"),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        _number("chain_id"),
        _bytes("genesis_hash"),
        _bytes("registry"),
        _bytes("ledger"),
        _bytes("receivables"),
        _number("block_number"),
        sa.PrimaryKeyConstraint("id", name="pk_deployment"),
        sa.CheckConstraint("id = 1", name="ck_deployment_one_row"),
    )


def _create_status_events() -> None:
    op.create_table(
        "status_event",
        _position(),
        _bytes("evidence_id"),
        sa.Column("status", sa.Text, nullable=False),
        _bytes("block_hash", nullable=True),
        _number("at"),
        sa.PrimaryKeyConstraint("position", name="pk_status_event"),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.evidence_id"], name="fk_status_event_evidence_id"),
        _in_block("status_event"),
    )
