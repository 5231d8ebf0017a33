"""Export the archive: what an auditor needs beside a node to replay this ledger.

Rules:

- everything is as of the newest final block, read in one transaction; a batch is in memory at a time;
- what this installation holds is shown as it holds it: fields that it was not shown stay digests. Batches of other
  operators are theirs to export; what no block holds is no part of it;
- what was erased is exported as erased, and files of an earlier export that still hold it are deleted;
- names are the registrar's signed statements, so a home without the registrar's key shows ids alone;
- the same home as of the same block gives the same content, byte for byte.
"""

from __future__ import annotations

from typing import Protocol

from tallystick.protocol.archive import ArchivedEntry, Manifest
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.bundle import BundleEntry
from tallystick.protocol.types import Address, EvidenceId, PartyId
from tallystick.service.context import Context, Progress, silent
from tallystick.service.index import index
from tallystick.service.parties import bind
from tallystick.service.ports import Transaction
from tallystick.store.records import BatchState, EvidenceRecord


class Writer(Protocol):
    """Where an archive is written to."""

    def add(self, operator: Address, item: ArchivedEntry) -> None:
        """The next evidence, ascending by operator, batch and first place."""

    def add_bindings(self, bindings: list[PartyBinding]) -> None: ...

    def finish(self, manifest: Manifest) -> Manifest:
        """Write the manifest; returns it with all files named."""


def export(context: Context, writer: Writer, progress: Progress = silent) -> Manifest:
    """Write everything of this installation that is final with ``writer``; what was written.

    Raises:
        ChainError: the chain can't be read. UsageError: the archive can't be written.
    """
    cursor = index(context)
    with context.store.transaction(read_only=True) as transaction:
        final = [
            (batch.operator, batch.batch_id)
            for batch in transaction.batches([BatchState.FINAL])
            if batch.block is not None and batch.block.number <= cursor.block_number
        ]
        for done, (operator, batch_id) in enumerate(sorted(final), 1):
            for item in _items(transaction, operator, batch_id):
                writer.add(operator, item)
            progress("exported", done, len(final))
        known = sorted(transaction.parties(), key=lambda record: record.party)
    if context.registrar is not None:
        writer.add_bindings([bind(context, record) for record in known if record.identifiers])
    return writer.finish(Manifest(context.chain.deployment, cursor.block, None, (), None))


def _items(transaction: Transaction, operator: Address, batch_id: int) -> list[ArchivedEntry]:
    """The evidence of one batch, by its first place."""
    entries = transaction.batch_entries(operator, batch_id)
    records = transaction.evidence({entry.evidence_id for entry in entries})
    places: dict[EvidenceId, list[tuple[PartyId, int]]] = {}
    for entry in entries:
        places.setdefault(entry.evidence_id, []).append((entry.subject, entry.index))
    erased = transaction.erased(places)
    made = [
        ArchivedEntry(
            batch_id, tuple(sorted(where)), _shown(records[of]), erased[of].erased_at if of in erased else None
        )
        for of, where in places.items()
    ]
    return sorted(made, key=lambda item: item.places)


def _shown(record: EvidenceRecord) -> BundleEntry:
    return BundleEntry(
        record.evidence, record.signatures, tuple(sorted(record.disclosures)), tuple(sorted(record.hidden))
    )
