"""The distinct kinds of bytes of the protocol, and their one spelling as text.

Rules:

- each id has its own type, so that a party can't be passed where an evidence is wanted;
- text form is ``0x`` and lower-case hex; anything else is refused, never repaired.

Example: ``PartyId(parse_bytes32("0x" + "11" * 32, "party"))``.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import NewType

from tallystick.errors import MalformedInput

PartyId = NewType("PartyId", bytes)
"""32 bytes: HMAC-SHA256 of the network key over ``scheme:identifier``; all zero means nobody."""
EvidenceId = NewType("EvidenceId", bytes)
"""32 bytes: the EIP-712 digest of an evidence; all zero means none."""
DealId = NewType("DealId", bytes)
"""32 random bytes, chosen with the contract that opens the deal."""
Hash = NewType("Hash", bytes)
"""32 bytes: a root, a head, a digest or a block hash."""
Address = NewType("Address", bytes)
"""20 bytes: an account or contract of the chain."""
Timestamp = NewType("Timestamp", int)
"""Seconds since 1970-01-01T00:00:00Z, as the chain counts them."""

ZERO32 = bytes(32)

_CLIP = reprlib.Repr()
_CLIP.maxlevel = 2


@dataclass(frozen=True, slots=True)
class BlockRef:
    """One block, named so that no reorganisation can change what is meant."""

    number: int
    hash: Hash
    timestamp: Timestamp


@dataclass(frozen=True, slots=True)
class SignerWindow:
    """When a signer might sign for a party: ``added_at <= t < revoked_at``; ``revoked_at == 0`` is not revoked."""

    added_at: Timestamp
    revoked_at: Timestamp

    def covers(self, at: Timestamp) -> bool:
        """Whether a signature anchored by a block of time ``at`` (seconds) is good."""
        return self.added_at != 0 and self.added_at <= at and (self.revoked_at == 0 or at < self.revoked_at)


def to_hex(value: bytes) -> str:
    """The one spelling of ``value`` as text: ``0x`` and lower-case hex."""
    return "0x" + value.hex()


def parse_hex(text: object, name: str, *, size: int | None = None) -> bytes:
    """The bytes spelled by ``text``, which an error calls ``name``; ``size`` bytes where given.

    Raises:
        MalformedInput: not a string, upper case, odd length, no ``0x``, or another size.
    """
    if isinstance(text, str) and text[:2] == "0x" and (size is None or len(text) == 2 + 2 * size):
        try:
            value = bytes.fromhex(text[2:])
        except ValueError:
            value = b""
        if value.hex() == text[2:]:
            return value
    want = "0x and lower-case hex" if size is None else f"0x and {2 * size} lower-case hex digits"
    raise MalformedInput(f"{name}: expected {want}, got {clip(text)}.", todo="Check the value for a typing error.")


def parse_bytes32(text: object, name: str) -> bytes:
    """The 32 bytes spelled by ``text``. Raises ``MalformedInput`` naming ``name``."""
    return parse_hex(text, name, size=32)


def parse_address(text: object, name: str) -> Address:
    """The 20-byte address spelled by ``text`` in lower case. Raises ``MalformedInput`` naming ``name``."""
    return Address(parse_hex(text, name, size=20))


def clip(value: object, limit: int = 80) -> str:
    """``value`` as it may stand in an error message: quoted, at most ``limit`` characters."""
    if isinstance(value, str | bytes):
        return repr(value) if len(value) <= limit else f"{value[:limit]!r}... (length {len(value)})"
    try:
        text = _CLIP.repr(value)  # never longer than a few items of a list, however long that is
    except ValueError:  # an integer too long to be written
        text = f"a {type(value).__name__}"
    return text if len(text) <= limit else f"{text[:limit]}..."
