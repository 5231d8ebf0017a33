"""Receipts (section 14): the file, its force, and what became of one log's promise."""

from dataclasses import dataclass
from typing import Any

from independent.primitives import Refused, members, parse, recover, require, unhex, whole, word
from independent.statements import Evidence, evidence, separator, typed

RECEIPT = b"Receipt(bytes32 evidence,bytes32 signaturesHash,uint64 receivedAt,uint64 sealBy)"
MOST_BYTES = 4096
MALFORMED, NO_FORCE = "malformed", "of no force"


@dataclass(frozen=True)
class Receipt:
    chain_id: int
    ledger: bytes
    evidence: Evidence
    evidence_id: bytes
    signatures_hash: bytes
    received_at: int
    seal_by: int
    operator: bytes
    signature: bytes

    @property
    def digest(self) -> bytes:
        domain = separator(self.chain_id, self.ledger)
        times = word(self.received_at), word(self.seal_by)
        return typed(domain, RECEIPT, self.evidence_id, self.signatures_hash, *times)

    def in_force(self) -> bool:
        named = self.evidence.id(separator(self.chain_id, self.ledger)) == self.evidence_id
        return named and recover(self.digest, self.signature) == self.operator


def read(data: bytes) -> Receipt:
    require(len(data) <= MOST_BYTES, "too long")
    value: dict[str, Any] = members(
        parse(data, 16),
        *("format", "chainId", "ledger", "evidence", "evidenceId", "signaturesHash", "receivedAt", "sealBy"),
        *("operator", "signature"),
    )
    require(value["format"] == "tallystick-receipt/1", "another format")
    found = Receipt(
        chain_id=whole(value["chainId"]),
        ledger=unhex(value["ledger"], 20),
        evidence=evidence(value["evidence"]),
        evidence_id=unhex(value["evidenceId"], 32),
        signatures_hash=unhex(value["signaturesHash"], 32),
        received_at=whole(value["receivedAt"]),
        seal_by=whole(value["sealBy"]),
        operator=unhex(value["operator"], 20),
        signature=unhex(value["signature"], 65),
    )
    require(found.received_at <= found.seal_by, "due before it was received")
    return found


def fault(data: bytes) -> str | None:
    """Why a file is no receipt, or None."""
    try:
        return None if read(data).in_force() else NO_FORCE
    except Refused:
        return MALFORMED


def promise(seal_by: int, sealed: list[int], unknown: list[int], as_of: int) -> str:
    """The finding from one log, known up to a block: times of sealing, and of appends whose entries are not known."""
    if sealed and min(sealed) <= seal_by:
        return "kept"
    if as_of <= seal_by:
        return "open"
    if any(time <= seal_by for time in unknown):
        return "could not check"
    return "late" if sealed else "broken"
