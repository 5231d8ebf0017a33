"""What the store keeps, as plain values: parties, evidence, outgoing batches and the indexed chain.

The rows of the database are the store's own affair; these are what crosses its border.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tallystick.protocol.evidence import Evidence
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, PartyId, Timestamp


class EvidenceState(StrEnum):
    """How far an evidence has come; only the last is beyond anybody's power to undo."""

    AWAITING_COUNTERSIGNATURE = "awaitingCountersignature"
    """Signed by its issuer; the counterparty has yet to sign (a CONTRACT)."""
    PENDING = "pending"
    """Accepted: it will be sealed."""
    SEALING = "sealing"
    """Part of a frozen batch that is on its way to the chain."""
    INCLUDED = "included"
    """In the log of every subject, in a block that can still be undone."""
    ORPHANED = "orphaned"
    """It was included, and its block was undone; its batch is on its way again."""
    FINAL = "final"
    """In the log of every subject, in a final block."""


class BatchState(StrEnum):
    """How far an outgoing batch has come: what was frozen never changes again.

    ::

        built --sign--> signed --broadcast--> sent --index--> included --index--> final
                                                ^                |
                                            broadcast         a reorganisation
                                                |                v
                                                +------------ orphaned
    """

    BUILT = "built"
    SIGNED = "signed"
    SENT = "sent"
    INCLUDED = "included"
    ORPHANED = "orphaned"
    FINAL = "final"


ON_ITS_WAY = frozenset({BatchState.BUILT, BatchState.SIGNED, BatchState.SENT, BatchState.ORPHANED})
"""States of a batch that no block holds, as far as the chain is indexed."""


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
    block: BlockRef | None = None
    """The block that holds its batch; where it is ORPHANED, the one that held it."""


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
    """An outgoing batch: frozen content. ``block`` holds it, or held it where it is ORPHANED."""

    operator: Address
    batch_id: int
    root: Hash
    state: BatchState
    created_at: Timestamp
    block: BlockRef | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A signed transaction that carries a batch, kept before its first broadcast and for ever after.

    ``sent_at`` is when it was last given to a node, None as long as it never was; fees are in wei per gas.
    """

    operator: Address
    batch_id: int
    nonce: int
    raw: bytes
    hash: Hash
    max_priority_fee_wei: int
    max_fee_wei: int
    signed_at: Timestamp
    sent_at: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class TimestampRecord:
    """An RFC 3161 time-stamp on the root of a batch: ``token`` (DER) of ``authority``, which says ``stamped_at``."""

    operator: Address
    batch_id: int
    authority: str
    token: bytes
    stamped_at: Timestamp


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One import: ``ended_at`` is None where it did not come to its end; ``rules`` are the user's.

    ``organisation`` made it over HTTP; None: the command line did.
    """

    job: str
    begun_at: Timestamp
    ended_at: Timestamp | None
    files: int
    rules: str
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedDocument:
    """What became of one document of an import: ``evidence`` are the ids in hex, ``reason`` and ``detail`` why not."""

    file: str
    sha256: str
    document: str | None
    number: str | None
    status: str
    reason: str | None
    detail: str | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AppendRecord:
    """One append to a party's log as the chain has it; ``ordinal`` counts the party's appends from 0."""

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
    """A signer of a party as the chain has it; ``revoked_at`` 0 is not revoked."""

    party: PartyId
    signer: Address
    added_at: Timestamp
    revoked_at: Timestamp


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the chain is indexed for good: everything up to and including this final block."""

    block_number: int
    block_hash: Hash
    timestamp: Timestamp

    @property
    def block(self) -> BlockRef:
        """The same, as a block."""
        return BlockRef(self.block_number, self.block_hash, self.timestamp)


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """An evidence has come to ``status``, or fallen back to ``ORPHANED``: noted in the transaction that made it so.

    ``position`` counts up, so that whoever read up to one asks for those after it. ``block`` is None for PENDING.
    """

    position: int
    evidence_id: EvidenceId
    status: EvidenceState
    block: BlockRef | None
    at: Timestamp


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of ``status``."""

    parties: int
    evidence: dict[EvidenceState, int]
    batches: dict[BatchState, int]
    sealed_batches: int
    """Batches of any operator on the chain as it is indexed, and the entries in them."""
    log_entries: int
    undone_blocks: int = 0
    """Blocks that were indexed, and that a reorganisation took off the chain."""
