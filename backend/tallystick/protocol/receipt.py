"""A receipt: an operator's signed word that it took an evidence, and by when it will be sealed.

Rules:

- a ``Receipt`` is EIP-712 typed data in the ledger's domain, encoded by hand: five 32-byte words, the type hash first;
- it is about an evidence *and* its signatures, for both are what an entry of a log commits to;
- the file holds the evidence's struct as well, so that whoever checks it knows in which logs it must stand;
- the file is the canonical JSON (RFC 8785) of its value, at most 4,096 bytes, and has exactly the members named here.

Example: ``parse_receipt(format_receipt(signed)) == signed``.

Source: EIP-712; protocol section 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.errors import BadSignature, MalformedEvidence, MalformedInput
from tallystick.protocol import canonical
from tallystick.protocol.bundle import format_evidence, parse_evidence
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import MAX_TIME, Domain, Evidence
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.signing import SIGNATURE_SIZE, recover
from tallystick.protocol.types import (
    Address,
    EvidenceId,
    Hash,
    Timestamp,
    clip,
    parse_address,
    parse_bytes32,
    parse_hex,
    to_hex,
)

RECEIPT_TYPE = b"Receipt(bytes32 evidence,bytes32 signaturesHash,uint64 receivedAt,uint64 sealBy)"
RECEIPT_TYPEHASH = keccak256(RECEIPT_TYPE)
FORMAT = "tallystick-receipt/1"
MAX_RECEIPT_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Receipt:
    """Taken at ``received_at``: ``evidence`` with signatures of ``signatures_hash``, to be sealed by ``seal_by``.

    Times are seconds since 1970 (UTC); the last second in time is ``seal_by`` itself.
    """

    evidence: EvidenceId
    signatures_hash: Hash
    received_at: Timestamp
    seal_by: Timestamp

    def __post_init__(self) -> None:
        for name in ("received_at", "seal_by"):
            if not 0 <= getattr(self, name) <= MAX_TIME:
                raise MalformedInput(f"{name}: expected seconds from 0 to 2**53-1, got {getattr(self, name)}.")
        if self.seal_by < self.received_at:
            raise MalformedInput(f"seal_by: expected {self.received_at}, when it was received, or later.")

    def digest(self, domain: Domain) -> Hash:
        """What the operator signs: 32 bytes. Source: EIP-712, definition of hashStruct."""
        words = self.evidence + self.signatures_hash + word(self.received_at) + word(self.seal_by)
        return Hash(domain.digest(keccak256(RECEIPT_TYPEHASH + words)))


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """``receipt`` about ``evidence`` in the ledger of ``domain``, with the ``signature`` of ``operator``."""

    domain: Domain
    evidence: Evidence
    receipt: Receipt
    operator: Address
    signature: bytes

    def problem(self) -> str | None:
        """Why nobody has to answer for it: it is about another evidence, or not signed by its operator. Else None."""
        expected = self.evidence.evidence_id(self.domain)
        if self.receipt.evidence != expected:
            return f"it is about {to_hex(self.receipt.evidence)}, the evidence that it shows is {to_hex(expected)}"
        try:
            signer = recover(self.receipt.digest(self.domain), self.signature)
        except BadSignature as error:
            return error.message.rstrip(".")
        if signer != self.operator:
            return f"it names operator {to_hex(self.operator)}, and was signed by {to_hex(signer)} or changed since"
        return None


def signatures_digest(signatures: bytes) -> Hash:
    """What a receipt calls ``signaturesHash``: keccak256 of all ``signatures`` of an evidence, end to end."""
    return Hash(keccak256(signatures))


def format_receipt(signed: SignedReceipt) -> bytes:
    """The canonical bytes of ``signed``; ``parse_receipt`` gives it back."""
    receipt = signed.receipt
    value: dict[str, Json] = {
        "format": FORMAT,
        "chainId": signed.domain.chain_id,
        "ledger": to_hex(signed.domain.contract),
        "evidence": format_evidence(signed.evidence),
        "evidenceId": to_hex(receipt.evidence),
        "signaturesHash": to_hex(receipt.signatures_hash),
        "receivedAt": receipt.received_at,
        "sealBy": receipt.seal_by,
        "operator": to_hex(signed.operator),
        "signature": to_hex(signed.signature),
    }
    return canonical.encode(value)


_MEMBERS = frozenset(
    {"format", "chainId", "ledger", "evidence", "evidenceId"}
    | {"signaturesHash", "receivedAt", "sealBy", "operator", "signature"}
)


def parse_receipt(data: bytes) -> SignedReceipt:
    """The receipt that the file ``data`` spells; ``SignedReceipt.problem`` says whether it is worth anything.

    Raises:
        MalformedInput: not canonical JSON, too large, a member missing, unknown or not of its form; says which.
    """
    if len(data) > MAX_RECEIPT_BYTES:
        raise MalformedInput(f"receipt: expected at most {MAX_RECEIPT_BYTES} bytes, got {len(data)}.")
    try:
        members = _members(canonical.parse(data, "receipt"))
        if members["format"] != FORMAT:
            raise MalformedInput(
                f"format: expected {FORMAT!r}, got {clip(members['format'])}.", todo="Use a version that knows it."
            )
        return SignedReceipt(
            domain=Domain(_integer(members["chainId"], "chainId"), parse_address(members["ledger"], "ledger")),
            evidence=parse_evidence(members["evidence"], "evidence"),
            receipt=Receipt(
                evidence=EvidenceId(parse_bytes32(members["evidenceId"], "evidenceId")),
                signatures_hash=Hash(parse_bytes32(members["signaturesHash"], "signaturesHash")),
                received_at=Timestamp(_integer(members["receivedAt"], "receivedAt")),
                seal_by=Timestamp(_integer(members["sealBy"], "sealBy")),
            ),
            operator=parse_address(members["operator"], "operator"),
            signature=parse_hex(members["signature"], "signature", size=SIGNATURE_SIZE),
        )
    except (MalformedEvidence, RecursionError) as error:
        raise MalformedInput(f"receipt: {error}") from error


def _members(value: Json) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedInput(f"receipt: expected an object, got {clip(value)}.")
    if value.keys() != _MEMBERS:
        missing, unknown = sorted(_MEMBERS - value.keys()), sorted(value.keys() - _MEMBERS)
        raise MalformedInput(f"receipt: expected exactly its members; missing {missing}, unknown {unknown}.")
    return value


def _integer(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value <= canonical.MAX_INTEGER:
        raise MalformedInput(f"{name}: expected a whole number from 0 to {canonical.MAX_INTEGER}, got {clip(value)}.")
    return value
