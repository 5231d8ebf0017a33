"""What a wallet is asked to sign for an evidence: the JSON of ``eth_signTypedData_v4``.

Rules: ``message`` has the names and the order of the struct's type; 32-byte values are ``0x`` and hex, whole numbers
are JSON numbers (all below 2**53); what the wallet signs is the evidence id. Source: EIP-712; protocol section 3.
"""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.protocol.bundle import format_evidence
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import DOMAIN_NAME, DOMAIN_VERSION, Domain, Evidence
from tallystick.protocol.types import to_hex

PRIMARY_TYPE = "Evidence"
_DOMAIN_TYPE = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_EVIDENCE_TYPE = (
    ("issuer", "bytes32"),
    ("counterparty", "bytes32"),
    ("kind", "uint8"),
    ("deal", "bytes32"),
    ("parent", "bytes32"),
    ("contentRoot", "bytes32"),
    ("occurredAt", "uint64"),
    ("issuedAt", "uint64"),
)


def typed_data(evidence: Evidence, domain: Domain) -> Mapping[str, Json]:
    """The typed data of ``evidence`` in ``domain``; its EIP-712 digest is ``evidence.evidence_id(domain)``."""
    message = format_evidence(evidence)
    return {
        "types": {"EIP712Domain": _members(_DOMAIN_TYPE), PRIMARY_TYPE: _members(_EVIDENCE_TYPE)},
        "primaryType": PRIMARY_TYPE,
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": to_hex(domain.contract),
        },
        "message": {name: message[name] for name, _ in _EVIDENCE_TYPE},
    }


def _members(fields: tuple[tuple[str, str], ...]) -> list[Json]:
    return [{"name": name, "type": kind} for name, kind in fields]
