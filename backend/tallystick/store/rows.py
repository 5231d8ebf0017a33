"""Rows of the database to the records that cross the border, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import orjson
from sqlalchemy import Select, and_, case, select

from tallystick.protocol.evidence import Evidence
from tallystick.protocol.types import BlockRef
from tallystick.store.records import (
    AppendRecord,
    BatchRecord,
    BatchState,
    EvidenceRecord,
    EvidenceState,
    StatusEvent,
    Submission,
)
from tallystick.store.schema import (
    INT64_MAX,
    acceptance,
    append,
    batch,
    block,
    evidence,
    status_event,
    submission,
)

T = TypeVar("T")

CHUNK = 900
"""Values in one IN list: below the 999 variables that an old SQLite allows in one statement."""

_OF_THE_BATCH = (BatchState.INCLUDED, BatchState.ORPHANED, BatchState.FINAL)
"""States that an evidence shares with its batch, by the same name."""

EVIDENCE_STATE = case(
    (acceptance.c.position.is_(None), EvidenceState.AWAITING_COUNTERSIGNATURE.value),
    (batch.c.state.is_(None), EvidenceState.PENDING.value),
    *((batch.c.state == state.value, EvidenceState(state.value).value) for state in _OF_THE_BATCH),
    else_=EvidenceState.SEALING.value,
)

BLOCK_COLUMNS = (block.c.number, block.c.block_hash, block.c.timestamp)

EVIDENCE_JOINS = (
    evidence.outerjoin(acceptance, acceptance.c.evidence_id == evidence.c.evidence_id)
    .outerjoin(batch, and_(batch.c.operator == acceptance.c.operator, batch.c.batch_id == acceptance.c.batch_id))
    .outerjoin(block, block.c.block_hash == batch.c.block_hash)
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
    *BLOCK_COLUMNS,
)

APPEND_JOINS = append.join(block, and_(block.c.block_hash == append.c.block_hash, append.c.canonical.is_(True)))
"""The appends that are on the chain, each with its block."""

APPEND_COLUMNS = (
    append.c.subject,
    append.c.ordinal,
    append.c.operator,
    append.c.batch_id,
    append.c.entry_count,
    append.c.root,
    block.c.timestamp,
    block.c.number,
    block.c.block_hash,
    append.c.first_seq,
    append.c.head,
)

BATCH_COLUMNS = (batch.c.operator, batch.c.batch_id, batch.c.root, batch.c.state, batch.c.created_at, *BLOCK_COLUMNS)

SUBMISSION_COLUMNS = (
    submission.c.operator,
    submission.c.batch_id,
    submission.c.nonce,
    submission.c.raw,
    submission.c.hash,
    submission.c.max_priority_fee_wei,
    submission.c.max_fee_wei,
    submission.c.signed_at,
    submission.c.sent_at,
)

STATUS_EVENT_COLUMNS = (
    status_event.c.position,
    status_event.c.evidence_id,
    status_event.c.status,
    *BLOCK_COLUMNS,
    status_event.c.at,
)


def select_evidence() -> Select[Any]:
    """All evidence with its state; narrow it with ``where``, read it with ``evidence_record``."""
    return select(*EVIDENCE_COLUMNS).select_from(EVIDENCE_JOINS)


def select_appends() -> Select[Any]:
    """All appends on the chain with their block; narrow it with ``where``, read it with ``append_record``."""
    return select(*APPEND_COLUMNS).select_from(APPEND_JOINS)


def evidence_record(row: Iterable[Any]) -> EvidenceRecord:
    """The record in ``row``, which holds ``EVIDENCE_COLUMNS``."""
    *columns, number, block_hash, timestamp = row
    evidence_id, *struct, signatures, disclosures, hidden, document_key, recorded_at, state = columns
    return EvidenceRecord(
        evidence_id=evidence_id,
        evidence=Evidence(*struct),
        signatures=signatures,
        disclosures=tuple(orjson.loads(disclosures)),
        hidden=tuple(hidden[start : start + 32] for start in range(0, len(hidden), 32)),
        document_key=document_key,
        recorded_at=recorded_at,
        state=EvidenceState(state),
        block=block_ref((number, block_hash, timestamp)),
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
    operator, batch_id, root, state, created_at, *of_block = row
    return BatchRecord(operator, batch_id, root, BatchState(state), created_at, block_ref(of_block))


def submission_record(row: Iterable[Any]) -> Submission:
    """The record in ``row``, which holds ``SUBMISSION_COLUMNS``."""
    return Submission(*row)


def status_event_record(row: Iterable[Any]) -> StatusEvent:
    """The record in ``row``, which holds ``STATUS_EVENT_COLUMNS``."""
    position, evidence_id, status, *of_block, at = row
    return StatusEvent(position, evidence_id, EvidenceState(status), block_ref(of_block), at)


def block_ref(row: Sequence[Any]) -> BlockRef | None:
    """The block in ``row``, which holds ``BLOCK_COLUMNS``; None where there is none."""
    return None if row[1] is None else BlockRef(*row)


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """The distinct ``values``, in their order, at most ``CHUNK`` at a time."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]


def storable(block_number: int) -> int:
    """``block_number`` as a bound of a comparison: no block lies above what a column can hold."""
    return min(block_number, INT64_MAX)
