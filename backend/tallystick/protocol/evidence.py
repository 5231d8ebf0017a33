"""An evidence: eight static words that one party signs, and that both parties' logs hold.

Rules:

- ``evidence_id`` is the EIP-712 digest, ``keccak256(0x1901 || domainSeparator || hashStruct)``;
- the struct is static, so it is encoded by hand: nine 32-byte words, the type hash first;
- ``counterparty`` zero means self-reported: the evidence enters the issuer's log only;
- kinds are an open set: an unknown kind is kept and shown, and enters no metric;
- times are below 2**53 seconds, so that every evidence can be written as JSON (RFC 8785).

Source: EIP-712; protocol section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from tallystick.errors import MalformedEvidence
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.types import ZERO32, Address, DealId, EvidenceId, Hash, PartyId, Timestamp

EVIDENCE_TYPE = (
    b"Evidence(bytes32 issuer,bytes32 counterparty,uint8 kind,bytes32 deal,bytes32 parent,"
    b"bytes32 contentRoot,uint64 occurredAt,uint64 issuedAt)"
)
EVIDENCE_TYPEHASH = keccak256(EVIDENCE_TYPE)
DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
DOMAIN_NAME = "Tallystick"
DOMAIN_VERSION = "1"
MAX_TIME = 2**53 - 1
MAX_CLOCK_LEAD_SECONDS = 600
"""``issuedAt`` may lie at most this far ahead of the time of the block that anchors it."""


class Kind(IntEnum):
    """What an evidence states (protocol section 3)."""

    CONTRACT = 1
    DELIVERY = 2
    INVOICE = 3
    PAYMENT = 4
    ACKNOWLEDGEMENT = 5
    DISPUTE = 6
    RESOLUTION = 7
    CORRECTION = 8
    CONSENT = 9
    ACCESS = 10
    ASSIGNMENT = 11
    RELEASE = 12
    SIGNAL = 13
    WRITE_OFF = 14
    PROFILE = 15


def kind_name(kind: int) -> str:
    """The name of ``kind``, or ``UNKNOWN_n`` for one this version does not know."""
    try:
        return Kind(kind).name
    except ValueError:
        return f"UNKNOWN_{kind}"


@dataclass(frozen=True)
class Domain:
    """The EIP-712 domain: one contract on one chain. A signature for one domain is worth nothing in another."""

    chain_id: int
    contract: Address

    @cached_property
    def separator(self) -> bytes:
        """``hashStruct(EIP712Domain)``: 32 bytes. Source: EIP-712, definition of domainSeparator."""
        return keccak256(
            keccak256(DOMAIN_TYPE)
            + keccak256(DOMAIN_NAME.encode())
            + keccak256(DOMAIN_VERSION.encode())
            + word(self.chain_id)
            + bytes(12)
            + self.contract
        )

    def digest(self, struct_hash: bytes) -> bytes:
        """``keccak256(0x1901 || separator || struct_hash)``: the 32 bytes to sign. Source: EIP-712."""
        return keccak256(b"\x19\x01" + self.separator + struct_hash)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The signed struct. ``occurred_at`` and ``issued_at`` are seconds since 1970 (UTC)."""

    issuer: PartyId
    counterparty: PartyId
    kind: int
    deal: DealId
    parent: EvidenceId
    content_root: Hash
    occurred_at: Timestamp
    issued_at: Timestamp

    def __post_init__(self) -> None:
        for value in (self.issuer, self.counterparty, self.deal, self.parent, self.content_root):
            if not isinstance(value, bytes) or len(value) != 32:
                self._refuse_ids()
        if self.issuer == ZERO32:
            raise MalformedEvidence("issuer: expected a party id, got zero.", todo="Name the party that signs.")
        if self.issuer == self.counterparty:
            raise MalformedEvidence(
                "counterparty: expected another party than the issuer, got the same id.",
                todo="Name the other side, or zero for a self-reported statement.",
            )
        if not 0 < self.kind < 256:
            raise MalformedEvidence(f"kind: expected 1 to 255, got {self.kind}.")
        if not (0 <= self.occurred_at <= MAX_TIME and 0 <= self.issued_at <= MAX_TIME):
            for name in ("occurred_at", "issued_at"):
                if not 0 <= getattr(self, name) <= MAX_TIME:
                    raise MalformedEvidence(f"{name}: expected seconds from 0 to 2**53-1, got {getattr(self, name)}.")

    def _refuse_ids(self) -> None:
        """Raises ``MalformedEvidence`` naming the first id that is not 32 bytes."""
        for name in ("issuer", "counterparty", "deal", "parent", "content_root"):
            value = getattr(self, name)
            if not isinstance(value, bytes) or len(value) != 32:
                raise MalformedEvidence(f"{name}: expected 32 bytes, got {value!r:.80}.")

    def struct_hash(self) -> bytes:
        """``hashStruct(Evidence)``: keccak256 of nine words. Source: EIP-712, definition of hashStruct."""
        return keccak256(
            b"".join(
                (
                    EVIDENCE_TYPEHASH,
                    self.issuer,
                    self.counterparty,
                    word(self.kind),
                    self.deal,
                    self.parent,
                    self.content_root,
                    word(self.occurred_at),
                    word(self.issued_at),
                )
            )
        )

    def evidence_id(self, domain: Domain) -> EvidenceId:
        """The name of this evidence in ``domain``, and the digest its parties sign: 32 bytes."""
        return EvidenceId(domain.digest(self.struct_hash()))

    def signing_parties(self) -> tuple[PartyId, ...]:
        """Whose signatures it needs, in order: a CONTRACT is signed by both sides, anything else by its issuer."""
        return (self.issuer, self.counterparty) if self.kind == Kind.CONTRACT else (self.issuer,)


def subjects(evidence: Evidence, parent: Evidence | None) -> tuple[PartyId, ...]:
    """The parties into whose logs ``evidence`` goes: its own two and those of its ``parent``, zero left out, each once.

    Returned in ascending order, as the contract wants them.
    """
    named = {evidence.issuer, evidence.counterparty}
    if parent is not None:
        named |= {parent.issuer, parent.counterparty}
    return tuple(sorted(PartyId(party) for party in named if party != ZERO32))


def other_side(subject: PartyId, evidence: Evidence) -> PartyId | None:
    """Whom ``evidence`` in the log of ``subject`` is about beside it; None where it reports about itself alone."""
    other = evidence.counterparty if evidence.issuer == subject else evidence.issuer
    return None if other == ZERO32 else other
