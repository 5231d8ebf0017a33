"""What a transaction on the store does for evidence, the batches that carry it, and imports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from tallystick.protocol.types import Address, DealId, EvidenceId, Hash, PartyId, Timestamp
from tallystick.store.records import (
    BatchEntry,
    BatchRecord,
    BatchState,
    EvidenceRecord,
    ImportedDocument,
    ImportRecord,
    ReceiptRecord,
    StatusEvent,
    Submission,
    TimestampRecord,
)


class EvidenceRows(Protocol):
    """Evidence with its receipts, until a batch holds it."""

    def add_evidence(
        self, records: Sequence[EvidenceRecord], receipts: Mapping[EvidenceId, ReceiptRecord] | None = None
    ) -> None:
        """Keep new evidence, in this order. Those in state PENDING are accepted in this order, with their receipts.

        Raises ``Duplicate`` naming the evidence id or document key that is taken.
        """

    def evidence(self, evidence_ids: Iterable[EvidenceId]) -> Mapping[EvidenceId, EvidenceRecord]:
        """Those of ``evidence_ids`` that are kept, by id."""

    def evidence_by_document(self, document_keys: Iterable[str]) -> Mapping[str, EvidenceId]:
        """Which of ``document_keys`` are taken, and by which evidence."""

    def children(self, parent: EvidenceId) -> list[EvidenceRecord]:
        """The evidence that answers ``parent``, oldest first."""

    def evidence_of_deal(self, deal: DealId, kinds: Iterable[int]) -> list[EvidenceRecord]:
        """The evidence of ``deal`` that is of one of ``kinds``, oldest first."""

    def evidence_of_party(self, party: PartyId, kinds: Iterable[int]) -> list[EvidenceRecord]:
        """The evidence of one of ``kinds`` that ``party`` issued or is named in as counterparty, oldest first."""

    def newest_of(self, party: PartyId) -> int:
        """The position of the newest evidence in the log of ``party``; 0: there is none."""

    def contract_of(self, deal: DealId) -> EvidenceRecord | None:
        """The CONTRACT that opened ``deal``, whatever its state."""

    def deals_between(self, one: PartyId, other: PartyId) -> list[DealId]:
        """The deals that a CONTRACT between the two opened, either being its issuer, oldest first."""

    def receipts(self, evidence_ids: Iterable[EvidenceId]) -> Mapping[EvidenceId, ReceiptRecord]:
        """The receipts of those of ``evidence_ids`` that were accepted with one, by id."""

    def complete_signatures(
        self, evidence_id: EvidenceId, signatures: bytes, at: Timestamp, receipt: ReceiptRecord | None = None
    ) -> None:
        """Replace the signatures of an evidence that awaited one, and accept it, ``at`` now: it becomes PENDING."""

    def pending(self, limit: int) -> list[EvidenceRecord]:
        """The oldest accepted evidence that stands in no batch, in order of acceptance, at most ``limit``."""

    def count_pending(self) -> int: ...

    def count_overdue(self, at: Timestamp) -> int:
        """How many accepted evidence no block holds, though their receipts promised it before ``at``."""


class BatchRows(Protocol):
    """Outgoing batches, what became of them, and the time-stamps on their roots."""

    def add_batch(self, batch: BatchRecord, entries: Sequence[BatchEntry]) -> None:
        """Freeze a batch; its evidence becomes SEALING."""

    def batches(self, states: Iterable[BatchState]) -> list[BatchRecord]:
        """Outgoing batches in one of ``states``, oldest first."""

    def count_batches(self, operator: Address) -> int:
        """How many batches of ``operator`` were frozen here: the id of its next one."""

    def batch_entries(self, operator: Address, batch_id: int) -> list[BatchEntry]:
        """The frozen content, by subject then index; empty for another operator's batch."""

    def add_submission(self, one: Submission) -> None:
        """Keep a signed transaction that carries a batch, for ever; a batch that was only BUILT is SIGNED now."""

    def submissions(self, operator: Address, batch_id: int) -> list[Submission]:
        """All signed transactions that ever carried the batch, oldest first."""

    def note_sent(self, one: Submission, at: Timestamp) -> None:
        """A node took ``one``: its batch is SENT, unless the chain has it meanwhile."""

    # what became of batches; each notes a status event for each of their evidence
    def include_batch(self, operator: Address, batch_id: int, block_hash: Hash, at: Timestamp) -> None:
        """A block holds the batch, which was frozen here."""

    def orphan_batches(self, block_hashes: Sequence[Hash], at: Timestamp) -> None:
        """These blocks were undone: the batches that they held are on their way again."""

    def finish_batches(self, block_hashes: Sequence[Hash], at: Timestamp) -> None:
        """These blocks are final, and with them the batches that they hold."""

    def status_events(self, after: int, limit: int) -> list[StatusEvent]:
        """What became of evidence since position ``after``, oldest first."""

    # time-stamps on the roots of outgoing batches
    def unstamped(self) -> list[BatchRecord]:
        """The final batches frozen here whose roots have no time-stamp, oldest first."""

    def add_timestamp(self, stamp: TimestampRecord) -> bool:
        """Keep ``stamp`` unless its batch has one; whether it was kept."""

    def timestamps(self, batches: Iterable[tuple[Address, int]] | None = None) -> list[TimestampRecord]:
        """The time-stamps of these ``batches`` (operator, batch id), or all; by operator, then batch id."""


class ImportRows(Protocol):
    """Imports of documents, and what became of each."""

    def begin_import(self, record: ImportRecord) -> None:
        """Keep a new import. Raises ``Duplicate`` if its name is taken."""

    def add_imported(self, job: str, documents: Sequence[ImportedDocument]) -> None:
        """Keep what became of ``documents`` of the import ``job``. Raises ``NotFound``, or ``Misfit`` if it ended."""

    def end_import(self, job: str, at: Timestamp) -> None:
        """Note that the import ``job`` has come to its end. Raises ``NotFound`` where there is none."""

    def imports(self, limit: int, organisation: str | None = None, *, before: str | None = None) -> list[ImportRecord]:
        """The newest imports, those of ``organisation`` alone if given, at most ``limit``, newest first.

        With ``before``, those made before that one; none where there is no such import.
        """

    def imported(
        self, job: str, organisation: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> tuple[ImportRecord, list[ImportedDocument]]:
        """The import ``job``, and its documents in order, at most ``limit`` of them ``after`` so many.

        Raises ``NotFound`` where there is none, or none of ``organisation`` if given.
        """

    def count_imported(self, jobs: Iterable[str]) -> Mapping[str, Mapping[str, int]]:
        """By job, how many of its documents came to each status."""

    def add_rejected(self, job: str, file: str, rows: int, sealed: bytes) -> None:
        """Keep the ``rows`` rows of ``file`` that the import ``job`` rejected. Raises ``NotFound``."""

    def rejected(self, job: str, organisation: str | None = None) -> list[tuple[str, int, bytes]]:
        """The file, number and sealed CSV of the rows that ``job`` rejected. Raises ``NotFound`` as ``imported``."""
