"""secp256k1 signatures over EIP-712 digests: 65 bytes ``r || s || v``, one spelling each.

Rules: ``v`` is 27 or 28, ``s`` lies in the lower half of the group order (EIP-2, EIP-191), ``r`` and ``s`` are not
zero. Everything else is refused before any curve arithmetic, so that no second signature can stand for the first.
"""

from __future__ import annotations

import coincurve

from tallystick.errors import BadSignature
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address

SIGNATURE_SIZE = 65
GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER = (GROUP_ORDER // 2).to_bytes(32, "big")
_ORDER = GROUP_ORDER.to_bytes(32, "big")
_ZERO = bytes(32)


def address_of(public_key: bytes) -> Address:
    """The account of the uncompressed SEC1 ``public_key`` (65 bytes): last 20 bytes of keccak256(x || y)."""
    return Address(keccak256(public_key[1:])[12:])


def private_key_address(private_key: bytes) -> Address:
    """The account that ``private_key`` (32 bytes) signs for. Raises ``BadSignature`` for a key out of range."""
    return address_of(_load(private_key).public_key.format(compressed=False))


class SigningKey:
    """A private key made ready, which takes as long as signing does: for whoever signs more than once.

    Raises:
        BadSignature: the key is not a number from 1 to the group order less one.
    """

    def __init__(self, private_key: bytes) -> None:
        self._key = _load(private_key)

    def sign(self, digest: bytes) -> bytes:
        """The signature of ``digest`` (32 bytes): r || s || v, deterministic (RFC 6979), low s."""
        made = self._key.sign_recoverable(digest, hasher=None)
        return made[:64] + bytes([27 + made[64]])


def sign(digest: bytes, private_key: bytes) -> bytes:
    """The signature of ``digest`` (32 bytes) by ``private_key``, as ``SigningKey`` makes it; raises as that does."""
    return SigningKey(private_key).sign(digest)


def recover(digest: bytes, signature: bytes) -> Address:
    """The account whose key made ``signature`` (65 bytes) over ``digest`` (32 bytes).

    Raises:
        BadSignature: wrong length, v, range, high s, or no key fits. Source: SEC 1 section 4.1.6, EIP-2.
    """
    if len(signature) != SIGNATURE_SIZE:
        raise BadSignature(f"signature: expected 65 bytes r||s||v, got {len(signature)}.")
    r, s, v = signature[:32], signature[32:64], signature[64]
    if v not in (27, 28):
        raise BadSignature(f"signature: expected v 27 or 28, got {v}.", todo="Sign the EIP-712 digest itself.")
    if not _ZERO < r < _ORDER:
        raise BadSignature("signature: r is zero or not below the group order.")
    if not _ZERO < s <= _HALF_ORDER:
        raise BadSignature(
            "signature: s is zero or in the upper half of the group order.",
            todo="Use the low-s form (EIP-2): replace s by n - s and flip v.",
        )
    try:
        key = coincurve.PublicKey.from_signature_and_message(r + s + bytes([v - 27]), digest, hasher=None)
    except Exception as error:  # coincurve raises plain Exception for a point that is not on the curve
        raise BadSignature("signature: no public key fits it.") from error
    return address_of(key.format(compressed=False))


def split(signatures: bytes, count: int) -> tuple[bytes, ...]:
    """The ``count`` signatures of 65 bytes in ``signatures``. Raises ``BadSignature`` for another size."""
    if len(signatures) != SIGNATURE_SIZE * count:
        raise BadSignature(f"signatures: expected {count} x 65 bytes, got {len(signatures)} bytes.")
    return tuple(signatures[i : i + SIGNATURE_SIZE] for i in range(0, len(signatures), SIGNATURE_SIZE))


def _load(private_key: bytes) -> coincurve.PrivateKey:
    if len(private_key) != 32 or not _ZERO < private_key < _ORDER:
        raise BadSignature("private key: expected 32 bytes from 1 to the group order less one.")
    return coincurve.PrivateKey(private_key)
