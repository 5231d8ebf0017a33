"""How things stand: what is recorded, what is sealed, how far the chain is indexed."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.protocol.types import BlockRef
from tallystick.service.context import Context
from tallystick.service.ports import Store
from tallystick.store.records import Counts, Cursor


@dataclass(frozen=True, slots=True)
class Status:
    """The figures of one moment. ``blocks_behind`` is how many final blocks are not indexed yet.

    Both chain figures are None where the chain was not asked.
    """

    counts: Counts
    cursor: Cursor | None
    final: BlockRef | None = None
    blocks_behind: int | None = None


def status(context: Context) -> Status:
    """How things stand now; changes nothing."""
    final = context.chain.final_block()
    kept = stored_status(context.store)
    indexed = context.chain.deployment.block_number - 1 if kept.cursor is None else kept.cursor.block_number
    return Status(kept.counts, kept.cursor, final, final.number - indexed)


def stored_status(store: Store) -> Status:
    """What ``store`` alone tells, also while another process works with it; changes nothing."""
    with store.transaction(read_only=True) as transaction:
        return Status(transaction.counts(), transaction.cursor())
