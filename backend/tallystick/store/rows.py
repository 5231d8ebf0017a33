"""Rows of the database to the records that cross the border, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import orjson
from sqlalchemy import Select, and_, case, select

from tallystick.protocol.evidence import Evidence
from tallystick.store.records import AppendRecord, BatchRecord, BatchState, EvidenceRecord, EvidenceState
from tallystick.store.schema import INT64_MAX, acceptance, append, batch, evidence, sealed_batch

T = TypeVar("T")

CHUNK = 900
"""Values in one IN list: below the 999 variables that an old SQLite allows in one statement."""

EVIDENCE_STATE = case(
    (acceptance.c.position.is_(None), EvidenceState.AWAITING_COUNTERSIGNATURE.value),
    (batch.c.state.is_(None), EvidenceState.PENDING.value),
    (batch.c.state == BatchState.FINAL.value, EvidenceState.FINAL.value),
    else_=EvidenceState.SEALING.value,
)

EVIDENCE_JOINS = evidence.outerjoin(acceptance, acceptance.c.evidence_id == evidence.c.evidence_id).outerjoin(
    batch, and_(batch.c.operator == acceptance.c.operator, batch.c.batch_id == acceptance.c.batch_id)
)

EVIDENCE_COLUMNS = (
    evidence.c.evidence_id,
    evidence.c.issuer,
    evidence.c.counterparty,
    evidence.c.kind,
    evidence.c.deal,
    evidence.c.parent,
    evidence.c.content_root,
    evidence.c.occurred_at,
    evidence.c.issued_at,
    evidence.c.signatures,
    evidence.c.disclosures,
    evidence.c.hidden,
    evidence.c.document_key,
    evidence.c.recorded_at,
    EVIDENCE_STATE.label("state"),
)

APPEND_JOINS = append.join(
    sealed_batch, and_(sealed_batch.c.operator == append.c.operator, sealed_batch.c.batch_id == append.c.batch_id)
)

APPEND_COLUMNS = (
    append.c.subject,
    append.c.ordinal,
    append.c.operator,
    append.c.batch_id,
    append.c.entry_count,
    append.c.root,
    sealed_batch.c.timestamp,
    sealed_batch.c.block_number,
    sealed_batch.c.block_hash,
    append.c.first_seq,
    append.c.head,
)

BATCH_COLUMNS = (
    batch.c.operator,
    batch.c.batch_id,
    batch.c.root,
    batch.c.state,
    batch.c.raw_transaction,
    batch.c.transaction_hash,
    batch.c.created_at,
)


def select_evidence() -> Select[Any]:
    """All evidence with its state; narrow it with ``where``, read it with ``evidence_record``."""
    return select(*EVIDENCE_COLUMNS).select_from(EVIDENCE_JOINS)


def select_appends() -> Select[Any]:
    """All appends with their block; narrow it with ``where``, read it with ``append_record``."""
    return select(*APPEND_COLUMNS).select_from(APPEND_JOINS)


def evidence_record(row: Iterable[Any]) -> EvidenceRecord:
    """The record in ``row``, which holds ``EVIDENCE_COLUMNS``."""
    evidence_id, *struct, signatures, disclosures, hidden, document_key, recorded_at, state = row
    return EvidenceRecord(
        evidence_id=evidence_id,
        evidence=Evidence(*struct),
        signatures=signatures,
        disclosures=tuple(orjson.loads(disclosures)),
        hidden=tuple(hidden[start : start + 32] for start in range(0, len(hidden), 32)),
        document_key=document_key,
        recorded_at=recorded_at,
        state=EvidenceState(state),
    )


def evidence_row(record: EvidenceRecord) -> dict[str, Any]:
    """The row that keeps ``record``; its state is kept by ``acceptance``."""
    assert all(len(digest) == 32 for digest in record.hidden), "digests are end to end in one column"
    struct = record.evidence
    return {
        "evidence_id": record.evidence_id,
        "issuer": struct.issuer,
        "counterparty": struct.counterparty,
        "kind": int(struct.kind),
        "deal": struct.deal,
        "parent": struct.parent,
        "content_root": struct.content_root,
        "occurred_at": struct.occurred_at,
        "issued_at": struct.issued_at,
        "signatures": record.signatures,
        "disclosures": orjson.dumps(record.disclosures).decode(),
        "hidden": b"".join(record.hidden),
        "document_key": record.document_key,
        "recorded_at": record.recorded_at,
    }


def append_record(row: Iterable[Any]) -> AppendRecord:
    """The record in ``row``, which holds ``APPEND_COLUMNS``."""
    return AppendRecord(*row)


def batch_record(row: Iterable[Any]) -> BatchRecord:
    """The record in ``row``, which holds ``BATCH_COLUMNS``."""
    operator, batch_id, root, state, raw_transaction, transaction_hash, created_at = row
    return BatchRecord(operator, batch_id, root, BatchState(state), raw_transaction, transaction_hash, created_at)


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """The distinct ``values``, in their order, at most ``CHUNK`` at a time."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]


def storable(block_number: int) -> int:
    """``block_number`` as a bound of a comparison: no block lies above what a column can hold."""
    return min(block_number, INT64_MAX)
