"""Who is behind a party id: the registrar's signed statement, shown to whom it concerns.

Rules:

- ``party = HMAC-SHA256(networkKey, scheme || ":" || identifier)``: the same legal entity always gets the same id, and
  nobody without the key can find it by trying identifiers;
- a ``PartyBinding`` is EIP-712 typed data in the ledger's domain, signed by an account that holds REGISTRAR_ROLE.

Source: protocol section 2; RFC 2104.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from tallystick.errors import MalformedInput
from tallystick.protocol.evidence import Domain
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.signing import recover
from tallystick.protocol.types import Address, PartyId, Timestamp, clip

BINDING_TYPE = b"PartyBinding(bytes32 party,string scheme,string identifier,string name,uint64 issuedAt)"
BINDING_TYPEHASH = keccak256(BINDING_TYPE)

_SCHEME = re.compile(r"[A-Z][A-Z0-9_]{0,19}\Z")
_IDENTIFIER = re.compile(r"[\x21-\x7e]{1,100}\Z")


def check_identifier(scheme: str, identifier: str) -> None:
    """Refuse a ``scheme`` or ``identifier`` that has a second spelling: upper-case scheme, printable ASCII, no blanks.

    Raises:
        MalformedInput: naming which of the two, with what was expected.
    """
    if not _SCHEME.match(scheme):
        raise MalformedInput(
            f"identifier scheme: expected capital letters and digits such as LEI or VAT, got {clip(scheme)}."
        )
    if not _IDENTIFIER.match(identifier):
        raise MalformedInput(
            f"identifier: expected 1 to 100 printable ASCII characters without blanks, got {clip(identifier)}."
        )


def party_id(network_key: bytes, scheme: str, identifier: str) -> PartyId:
    """The id of the legal entity that ``scheme`` and ``identifier`` name, under ``network_key`` (32 bytes)."""
    check_identifier(scheme, identifier)
    return PartyId(hmac.digest(network_key, f"{scheme}:{identifier}".encode(), hashlib.sha256))


@dataclass(frozen=True, slots=True)
class PartyBinding:
    """``party`` is the legal entity of that ``scheme`` and ``identifier``, called ``name``; said at ``issued_at``."""

    party: PartyId
    scheme: str
    identifier: str
    name: str
    issued_at: Timestamp
    signature: bytes

    def digest(self, domain: Domain) -> bytes:
        """The EIP-712 digest that the registrar signs: 32 bytes."""
        return domain.digest(
            keccak256(
                BINDING_TYPEHASH
                + self.party
                + keccak256(self.scheme.encode())
                + keccak256(self.identifier.encode())
                + keccak256(self.name.encode())
                + word(self.issued_at)
            )
        )

    def signer(self, domain: Domain) -> Address:
        """Who signed it. Raises ``BadSignature``."""
        return recover(self.digest(domain), self.signature)
