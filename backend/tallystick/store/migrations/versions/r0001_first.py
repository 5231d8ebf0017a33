"""The first tables: parties, evidence, outgoing batches and the indexed chain."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _position() -> sa.Column[Any]:
    return sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False)


def _bytes(name: str, nullable: bool = False, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=nullable, comment=comment)


def _number(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=nullable, autoincrement=False)


def upgrade() -> None:
    _create_parties()
    _create_evidence()
    _create_outgoing_batches()
    _create_indexed_chain()


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
        _bytes("raw_transaction"),
        _bytes("transaction_hash"),
        _number("created_at"),
        sa.PrimaryKeyConstraint("position", name="pk_batch"),
        sa.UniqueConstraint("operator", "batch_id", name="uq_batch_operator_batch_id"),
        sa.CheckConstraint("state IN ('built', 'sent', 'final')", name="ck_batch_state"),
    )
    op.create_index("ix_batch_state", "batch", ["state"])
    op.create_table(
        "acceptance",
        _position(),
        _bytes("evidence_id"),
        _bytes("operator", nullable=True),
        _number("batch_id", nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_acceptance"),
        sa.UniqueConstraint("evidence_id", name="uq_acceptance_evidence_id"),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.evidence_id"], name="fk_acceptance_evidence_id"),
        sa.ForeignKeyConstraint(
            ["operator", "batch_id"], ["batch.operator", "batch.batch_id"], name="fk_acceptance_operator_batch_id"
        ),
        sa.CheckConstraint("(operator IS NULL) = (batch_id IS NULL)", name="ck_acceptance_whole_batch"),
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
        "sealed_batch",
        _bytes("operator"),
        _number("batch_id"),
        _bytes("root"),
        _number("timestamp"),
        _number("block_number"),
        _bytes("block_hash"),
        sa.PrimaryKeyConstraint("operator", "batch_id", name="pk_sealed_batch"),
    )
    op.create_table(
        "append",
        _bytes("subject"),
        _number("ordinal"),
        _bytes("operator"),
        _number("batch_id"),
        _number("entry_count"),
        _bytes("root"),
        _number("first_seq"),
        _bytes("head"),
        sa.PrimaryKeyConstraint("subject", "ordinal", name="pk_append"),
        sa.UniqueConstraint("operator", "batch_id", "subject", name="uq_append_operator_batch_id_subject"),
        sa.ForeignKeyConstraint(
            ["operator", "batch_id"],
            ["sealed_batch.operator", "sealed_batch.batch_id"],
            name="fk_append_operator_batch_id",
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "signer",
        _bytes("party"),
        _bytes("signer"),
        _number("added_at"),
        _number("revoked_at"),
        sa.PrimaryKeyConstraint("party", "signer", name="pk_signer"),
    )
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
        _number("block_number"),
        sa.PrimaryKeyConstraint("id", name="pk_deployment"),
        sa.CheckConstraint("id = 1", name="ck_deployment_one_row"),
    )
