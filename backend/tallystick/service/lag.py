"""How far the work is behind: what waits, how long it has waited, and how far the chain is indexed and final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tallystick.service.context import Context
from tallystick.store.records import ON_ITS_WAY, BatchState


@dataclass(frozen=True, slots=True)
class Lag:
    """The figures of one moment of the store; None where there is nothing to tell."""

    pending: int
    """Evidence that is accepted and stands in no batch."""
    oldest_seconds: int
    """How old the oldest evidence is that no block holds: since it was recorded, or since its batch was frozen."""
    overdue: int
    """Evidence that no block holds, though its receipt promised it before now."""
    batches: Mapping[BatchState, int]
    undone_blocks: int
    offered_wei: int | None
    """The most that the batch on its way offers, per gas."""
    indexed_block: int | None
    unfinal_blocks: int | None
    """Indexed blocks on top of the final one."""


def lag(context: Context) -> Lag:
    """How far the work of ``context`` is behind, as of now; asks the store alone."""
    with context.store.transaction(read_only=True) as transaction:
        counts = transaction.counts()
        pending, oldest = transaction.count_pending(), transaction.pending(1)
        overdue = transaction.count_overdue(context.clock.now())
        on_its_way = transaction.batches(ON_ITS_WAY)
        submissions = transaction.submissions(on_its_way[0].operator, on_its_way[0].batch_id) if on_its_way else []
        cursor, tip = transaction.cursor(), transaction.tip()
    since = [record.recorded_at for record in oldest] + [batch.created_at for batch in on_its_way]
    return Lag(
        pending=pending,
        oldest_seconds=max(0, context.clock.now() - min(since)) if since else 0,
        overdue=overdue,
        batches=counts.batches,
        undone_blocks=counts.undone_blocks,
        offered_wei=submissions[-1].max_fee_wei if submissions else None,
        indexed_block=None if tip is None else tip.number,
        unfinal_blocks=None if tip is None or cursor is None else tip.number - cursor.block_number,
    )
