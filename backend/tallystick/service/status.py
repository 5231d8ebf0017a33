"""How things stand: what is recorded, what is sealed, how far the chain is indexed."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.protocol.types import BlockRef
from tallystick.service.context import Context
from tallystick.store.records import Counts, Cursor


@dataclass(frozen=True, slots=True)
class Status:
    """The figures of one moment. ``blocks_behind`` is how many final blocks are not indexed yet."""

    counts: Counts
    cursor: Cursor | None
    final: BlockRef
    blocks_behind: int


def status(context: Context) -> Status:
    """How things stand now; changes nothing."""
    final = context.chain.final_block()
    with context.store.transaction(read_only=True) as transaction:
        counts, cursor = transaction.counts(), transaction.cursor()
    indexed = context.chain.deployment.block_number - 1 if cursor is None else cursor.block_number
    return Status(counts, cursor, final, final.number - indexed)
