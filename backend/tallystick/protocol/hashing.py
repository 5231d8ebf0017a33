"""The hash functions of the protocol: keccak256 on chain, SHA-256 in contents.

``word`` is one value as ``abi.encode`` writes it; the protocol encodes nothing but static 32-byte words.
"""

from __future__ import annotations

import hashlib

from sha3 import keccak_256


def keccak256(data: bytes) -> bytes:
    """keccak256 (the pre-standard padding of Ethereum) of ``data``: 32 bytes."""
    return keccak_256(data).digest()  # type: ignore[no-any-return]


def sha256(data: bytes) -> bytes:
    """SHA-256 (FIPS 180-4) of ``data``: 32 bytes."""
    return hashlib.sha256(data).digest()


def word(value: int) -> bytes:
    """``value`` as one big-endian 32-byte ABI word."""
    return value.to_bytes(32, "big")
