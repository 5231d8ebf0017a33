"""A party's append-only log: leaves, roots and the head that one storage slot holds.

Rules (protocol section 4; the Solidity twin is ``contracts/src/EvidenceLedger.sol``):

- entry leaf: ``keccak256(keccak256(abi.encode(subject, index, evidenceId, signaturesHash)))``, where
  ``signaturesHash = keccak256(subject || signatures)`` is particular to the subject: whoever is shown one entry of one
  log can't find the same evidence in another;
- subject root: the tree over one batch's leaves of that subject, in index order;
- head: ``keccak256(abi.encode(head, operator, batchId, count, root, timestamp))``, from zero;
- batch root: the tree over ``keccak256(keccak256(abi.encode(subject, root, count)))``, ascending by subject.

The list of appends that folds from zero to the head is complete, for nothing else folds to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tallystick.protocol import merkle
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.types import ZERO32, Address, EvidenceId, Hash, PartyId, Timestamp


@dataclass(frozen=True, slots=True)
class LogAppend:
    """One append to a log: ``count`` entries of subject root ``root``, in the operator's batch, at the block's time."""

    operator: Address
    batch_id: int
    count: int
    root: Hash
    timestamp: Timestamp


def signatures_hash(subject: PartyId, signatures: bytes) -> Hash:
    """What the leaves of ``subject`` hold of the ``signatures`` over an evidence: 32 bytes."""
    return Hash(keccak256(subject + signatures))


def entry_leaf(subject: PartyId, index: int, evidence_id: EvidenceId, signatures: bytes) -> bytes:
    """The leaf of the ``index``-th entry (from 0) of ``subject`` in a batch; it commits to the ``signatures`` too."""
    return keccak256(keccak256(subject + word(index) + evidence_id + keccak256(subject + signatures)))


def subject_root(subject: PartyId, entries: Sequence[tuple[EvidenceId, bytes]]) -> Hash:
    """The root over one batch's ``entries`` (evidence id, signatures) of ``subject``, in index order."""
    return merkle.root([entry_leaf(subject, i, eid, signatures) for i, (eid, signatures) in enumerate(entries)])


def append_leaf(subject: PartyId, root: Hash, count: int) -> bytes:
    """The leaf of one subject in the tree of a whole batch."""
    return keccak256(keccak256(subject + root + word(count)))


def batch_root(appends: Iterable[tuple[PartyId, Hash, int]]) -> Hash:
    """The root over the ``appends`` (subject, root, count) of a batch, ascending by subject: what the chain stores."""
    return merkle.root([append_leaf(subject, root, count) for subject, root, count in appends])


def extend_head(head: bytes, append: LogAppend) -> Hash:
    """The head after ``append`` to a log whose head is ``head``: 32 bytes."""
    return Hash(
        keccak256(
            head
            + bytes(12)
            + append.operator
            + word(append.batch_id)
            + word(append.count)
            + append.root
            + word(append.timestamp)
        )
    )


def fold(appends: Iterable[LogAppend]) -> Hash:
    """The head that ``appends``, from the first one ever, lead to; zero for none."""
    head = Hash(ZERO32)
    for append in appends:
        head = extend_head(head, append)
    return head
