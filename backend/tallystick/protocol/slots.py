"""Which storage slots of the contracts hold what a verifier relies upon.

Rules: the layout is solc's (``contracts/README.md``), pinned by a test against the compiler's own output; a mapping's
value stands at ``keccak256(abi.encode(key, slot of the mapping))``.
"""

from __future__ import annotations

from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.types import Address, PartyId, SignerWindow, Timestamp

LEDGER_REGISTRY_SLOT = word(0)
"""EvidenceLedger: the address of its PartyRegistry."""
LEDGER_HEAD_MAPPING = 1
"""EvidenceLedger: party => head."""
REGISTRY_ROLE_MAPPING = 0
"""PartyRegistry: OpenZeppelin AccessControl, role => (account => bool, admin role)."""
REGISTRY_WINDOW_MAPPING = 2
"""PartyRegistry: party => signer => window."""
REGISTRAR_ROLE = keccak256(b"REGISTRAR_ROLE")


def head_slot(subject: PartyId) -> bytes:
    """EvidenceLedger: where the head of ``subject`` stands."""
    return keccak256(subject + word(LEDGER_HEAD_MAPPING))


def window_slot(party: PartyId, signer: Address) -> bytes:
    """PartyRegistry: where the window of ``signer`` for ``party`` stands."""
    return keccak256(bytes(12) + signer + keccak256(party + word(REGISTRY_WINDOW_MAPPING)))


def role_slot(role: bytes, account: Address) -> bytes:
    """PartyRegistry: where it stands whether ``account`` has ``role``."""
    return keccak256(bytes(12) + account + keccak256(role + word(REGISTRY_ROLE_MAPPING)))


def decode_window(value: int) -> SignerWindow:
    """The window that a slot's ``value`` packs: ``addedAt`` in the low 64 bits, ``revokedAt`` in the next."""
    return SignerWindow(Timestamp(value & (2**64 - 1)), Timestamp((value >> 64) & (2**64 - 1)))
