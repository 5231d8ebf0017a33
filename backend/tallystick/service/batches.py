"""Frozen batches: which entries of which subjects, in which order, under which roots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tallystick.chain.records import Append
from tallystick.protocol.evidence import subjects
from tallystick.protocol.log import subject_root
from tallystick.protocol.types import ZERO32, Address, EvidenceId, PartyId
from tallystick.service.ports import Transaction
from tallystick.store.records import BatchEntry, EvidenceRecord


def subjects_of(record: EvidenceRecord, parents: Mapping[EvidenceId, EvidenceRecord]) -> tuple[PartyId, ...]:
    """The parties into whose logs ``record`` goes, given the evidence it may answer."""
    parent = parents.get(record.evidence.parent)
    return subjects(record.evidence, parent.evidence if parent else None)


def parents_of(transaction: Transaction, records: Sequence[EvidenceRecord]) -> dict[EvidenceId, EvidenceRecord]:
    """The evidence that ``records`` answer, by id."""
    wanted = {record.evidence.parent for record in records if record.evidence.parent != ZERO32}
    return dict(transaction.evidence(wanted))


def arrange(
    records: Sequence[EvidenceRecord], parents: Mapping[EvidenceId, EvidenceRecord]
) -> tuple[list[BatchEntry], list[Append]]:
    """The entries of a batch over ``records`` in their order, and its appends ascending by subject."""
    by_subject: dict[PartyId, list[EvidenceRecord]] = {}
    for record in records:
        for subject in subjects_of(record, parents):
            by_subject.setdefault(subject, []).append(record)
    entries = [
        BatchEntry(subject, i, record.evidence_id)
        for subject in sorted(by_subject)
        for i, record in enumerate(by_subject[subject])
    ]
    return entries, _appends(by_subject)


def frozen_appends(transaction: Transaction, operator: Address, batch_id: int) -> list[Append]:
    """The appends of a frozen batch, ascending by subject, recomputed from what is kept."""
    entries = transaction.batch_entries(operator, batch_id)
    records = transaction.evidence({entry.evidence_id for entry in entries})
    by_subject: dict[PartyId, list[EvidenceRecord]] = {}
    for entry in entries:
        by_subject.setdefault(entry.subject, []).append(records[entry.evidence_id])
    return _appends(by_subject)


def _appends(by_subject: Mapping[PartyId, Sequence[EvidenceRecord]]) -> list[Append]:
    return [
        Append(subject, subject_root(subject, [(r.evidence_id, r.signatures) for r in records]), len(records))
        for subject, records in sorted(by_subject.items())
    ]
