"""Prove one evidence: what it says, how far it has come, and where it stands in whose log.

Rules: everything is as of the indexed chain, and the status says whether that is final; a proof is recomputed from the
frozen batch and compared with the indexed roots before it is given away, so that ``EvidenceLedger.verifyInclusion``
accepts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tallystick.errors import NotFound, StoreError
from tallystick.protocol import content, merkle
from tallystick.protocol.entry import Json
from tallystick.protocol.log import append_leaf, entry_leaf, signatures_hash
from tallystick.protocol.types import Address, EvidenceId, Hash, Timestamp, to_hex
from tallystick.service.context import Context
from tallystick.service.ports import Transaction
from tallystick.store.records import AppendRecord, EvidenceRecord


@dataclass(frozen=True, slots=True)
class Placement:
    """One place of an evidence: entry ``index`` of ``append``, with the paths to its roots, siblings lowest first."""

    append: AppendRecord
    index: int
    signatures_hash: Hash
    entry_proof: tuple[bytes, ...]
    """From the entry leaf to the subject root."""
    batch_proof: tuple[bytes, ...]
    """From the subject leaf to the batch root."""

    @property
    def seq(self) -> int:
        """The entry's number in the subject's whole log, from 0."""
        return self.append.first_seq + self.index


@dataclass(frozen=True, slots=True)
class ProvenEvidence:
    """An evidence as it is kept, its shown fields, and its places by subject; none as long as no block holds it."""

    record: EvidenceRecord
    fields: Mapping[str, Json]
    placements: Sequence[Placement]
    erased_at: Timestamp | None = None
    """Since when its content is erased."""


def read_evidence(context: Context, evidence_id: EvidenceId) -> ProvenEvidence:
    """The evidence ``evidence_id`` with its content and its inclusion proofs.

    Raises:
        NotFound: no such evidence. StoreError: what is kept does not give the indexed roots.
    """
    with context.store.transaction(read_only=True) as transaction:
        record = transaction.evidence([evidence_id]).get(evidence_id)
        if record is None:
            raise NotFound(f"evidence {to_hex(evidence_id)}: not known here.", todo="Check the id.")
        return proven(transaction, record)


def proven(transaction: Transaction, record: EvidenceRecord) -> ProvenEvidence:
    """``record`` with its content and its inclusion proofs, as ``transaction`` finds them. Raises ``StoreError``."""
    placements = find_placements(transaction, record)
    erased = transaction.erased([record.evidence_id]).get(record.evidence_id)
    gone = None if erased is None else erased.erased_at
    return ProvenEvidence(record, content.parse_all(record.disclosures), placements, gone)


def find_placements(transaction: Transaction, record: EvidenceRecord) -> list[Placement]:
    """Where ``record`` stands in the final chain, by subject, each place with its paths.

    Raises:
        StoreError: what is kept does not give the indexed roots.
    """
    placements = []
    for append, index in transaction.placement(record.evidence_id):
        members = _members(transaction, append)
        if len(members) != append.count or merkle.root(members) != append.root:
            raise StoreError(
                f"batch {append.batch_id} of operator {to_hex(append.operator)}: what is kept of subject "
                f"{to_hex(append.subject)} does not give its sealed root {to_hex(append.root)}.",
                todo="The database was altered: restore it from a backup.",
            )
        # of the others in the batch the chain itself says the roots: their entries need not be read
        batch = (append.operator, append.batch_id, append.batch_id, append.block_number)
        tops = {one.subject: append_leaf(one.subject, one.root, one.count) for one in _in_order(transaction, batch)}
        placements.append(
            Placement(
                append=append,
                index=index,
                signatures_hash=signatures_hash(append.subject, record.signatures),
                entry_proof=merkle.prove(members, index),
                batch_proof=merkle.prove([*tops.values()], [*tops].index(append.subject)),
            )
        )
    return placements


def _in_order(transaction: Transaction, batch: tuple[Address, int, int, int]) -> list[AppendRecord]:
    """The appends of ``batch`` by subject: the order of the leaves under the batch's root."""
    return sorted(transaction.appends_of_batches(*batch), key=lambda append: append.subject)


def _members(transaction: Transaction, append: AppendRecord) -> list[bytes]:
    """The entry leaves of ``append``, in index order."""
    entries = [
        entry
        for entry in transaction.batch_entries(append.operator, append.batch_id)
        if entry.subject == append.subject
    ]
    records = transaction.evidence({entry.evidence_id for entry in entries})
    return [
        entry_leaf(entry.subject, entry.index, entry.evidence_id, records[entry.evidence_id].signatures)
        for entry in entries
    ]
