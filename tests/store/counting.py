"""The figures of a store by a full look at every row: what the figures that are kept must be equal to."""

from __future__ import annotations

from sqlalchemy import func, select

from tallystick.store import schema
from tallystick.store.records import BatchState, Counts, EvidenceState
from tallystick.store.rows import EVIDENCE_JOINS, EVIDENCE_STATE
from tallystick.store.sql import SqlTransaction


def counted(transaction: SqlTransaction) -> Counts:
    """The figures of ``transaction``, counted."""
    connection = transaction._connection
    evidence = dict.fromkeys(EvidenceState, 0)
    by_state = select(EVIDENCE_STATE, func.count()).select_from(EVIDENCE_JOINS).group_by(EVIDENCE_STATE)
    evidence.update({EvidenceState(state): number for state, number in connection.execute(by_state)})
    batches = dict.fromkeys(BatchState, 0)
    by_state = select(schema.batch.c.state, func.count()).group_by(schema.batch.c.state)
    batches.update({BatchState(state): number for state, number in connection.execute(by_state)})

    def number(statement) -> int:  # type: ignore[no-untyped-def]
        return int(connection.execute(statement).scalar() or 0)

    sealed, append, block = schema.sealed_batch, schema.append, schema.block
    return Counts(
        parties=number(select(func.count()).select_from(schema.party)),
        evidence=evidence,
        batches=batches,
        sealed_batches=number(select(func.count()).select_from(sealed).where(sealed.c.canonical.is_(True))),
        log_entries=number(select(func.sum(append.c.entry_count)).where(append.c.canonical.is_(True))),
        undone_blocks=number(select(func.count()).select_from(block).where(block.c.canonical.is_(False))),
    )
