"""What is kept of other people's files in the store: packed, and encrypted under a key that stands in no database.

::

    key  = HMAC-SHA256(network key, "tallystick kept files v1")
    kept = nonce (12 bytes) || AES-256-GCM(key, zlib(data)), bound to what it is kept as

Rules: a nonce is 96 random bits of the operating system, never of a seed; what was altered, or put in another's place,
does not open. Source: NIST SP 800-38D.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.errors import StoreError
from tallystick.service.context import Context

_KEY = b"tallystick kept files v1"
_NONCE_BYTES = 12


def lock_up(context: Context, kept_as: str, data: bytes) -> bytes:
    """``data`` as it is kept, to be opened as ``kept_as`` only."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(context).encrypt(nonce, zlib.compress(data, 1), kept_as.encode())


def take_out(context: Context, kept_as: str, kept: bytes) -> bytes:
    """What ``lock_up`` was given. Raises ``StoreError`` where it was altered, or is not ``kept_as`` that."""
    try:
        return zlib.decompress(_cipher(context).decrypt(kept[:_NONCE_BYTES], kept[_NONCE_BYTES:], kept_as.encode()))
    except (InvalidTag, ValueError, zlib.error) as error:
        raise StoreError(
            f"{kept_as}: what is kept of it was altered, or kept under another network key.",
            todo="Restore the database from a backup, or import the file again.",
        ) from error


def _cipher(context: Context) -> AESGCM:
    return AESGCM(hmac.digest(context.network_key, _KEY, hashlib.sha256))
