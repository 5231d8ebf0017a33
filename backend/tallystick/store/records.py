"""What the store keeps, as plain values: parties, evidence, outgoing batches and the indexed chain.

The rows of the database are the store's own affair; these are what crosses its border.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tallystick.protocol.evidence import Evidence
from tallystick.protocol.types import Address, EvidenceId, Hash, PartyId, Timestamp


class EvidenceState(StrEnum):
    """How far an evidence has come; only the last is beyond anybody's power to undo."""

    AWAITING_COUNTERSIGNATURE = "awaitingCountersignature"
    """Signed by its issuer; the counterparty has yet to sign (a CONTRACT)."""
    PENDING = "pending"
    """Accepted: it will be sealed."""
    SEALING = "sealing"
    """Part of a frozen batch that is on its way to the chain."""
    FINAL = "final"
    """In the log of every subject, in a final block."""


class BatchState(StrEnum):
    """How far an outgoing batch has come. ``built`` is frozen: its content never changes again."""

    BUILT = "built"
    SENT = "sent"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One public identifier of a legal entity, e.g. scheme ``LEI``, ``USCC``, ``VAT``, ``DUNS`` or ``ERP``."""

    scheme: str
    value: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


@dataclass(frozen=True, slots=True)
class PartyRecord:
    """A party this installation knows by name. ``signers`` are the keys it manages for the party, newest last."""

    party: PartyId
    name: str
    identifiers: tuple[Identifier, ...]
    signers: tuple[Address, ...]
    created_at: Timestamp


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """An evidence with everything needed to seal, show and prove it.

    ``disclosures`` are the content's disclosure strings (salts included: they never leave the holder unless shown),
    ``hidden`` the digests of the fields this installation was not shown. ``document_key`` names the business document
    (see ``service/record.py``) and is unique where given, so that one document is recorded once.
    """

    evidence_id: EvidenceId
    evidence: Evidence
    signatures: bytes
    disclosures: tuple[str, ...]
    hidden: tuple[Hash, ...]
    document_key: str | None
    recorded_at: Timestamp
    state: EvidenceState


@dataclass(frozen=True, slots=True)
class ReceiptRecord:
    """What ``operator`` signed when it accepted an evidence: when that was, and by when it will be sealed."""

    received_at: Timestamp
    seal_by: Timestamp
    operator: Address
    signature: bytes


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One place of a frozen batch: entry ``index`` (from 0) of ``subject`` is ``evidence_id``."""

    subject: PartyId
    index: int
    evidence_id: EvidenceId


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """An outgoing batch: frozen content, and the signed bytes that are stored before they are first sent."""

    operator: Address
    batch_id: int
    root: Hash
    state: BatchState
    raw_transaction: bytes
    transaction_hash: Hash
    created_at: Timestamp


@dataclass(frozen=True, slots=True)
class AppendRecord:
    """One append to a party's log as the final chain has it; ``ordinal`` counts the party's appends from 0."""

    subject: PartyId
    ordinal: int
    operator: Address
    batch_id: int
    count: int
    root: Hash
    timestamp: Timestamp
    block_number: int
    block_hash: Hash
    first_seq: int
    head: Hash
    """The party's head after this append."""


@dataclass(frozen=True, slots=True)
class LogEntryRecord:
    """One entry of a party's log, joined with its evidence."""

    append: AppendRecord
    index: int
    record: EvidenceRecord


@dataclass(frozen=True, slots=True)
class SignerRecord:
    """A signer of a party as the final chain has it; ``revoked_at`` 0 is not revoked."""

    party: PartyId
    signer: Address
    added_at: Timestamp
    revoked_at: Timestamp


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the chain is indexed: everything up to and including this final block."""

    block_number: int
    block_hash: Hash
    timestamp: Timestamp


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of ``status``."""

    parties: int
    evidence: dict[EvidenceState, int]
    batches: dict[BatchState, int]
    sealed_batches: int
    """Batches of any operator in the final chain."""
    log_entries: int
