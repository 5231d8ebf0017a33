"""Encryption of what is larger than memory: chunks that can't be changed, left out, moved, or cut off at the end.

::

    file  = "TSC1" || prefix (7 random bytes) || chunk 0 || chunk 1 || ... || last chunk
    chunk = AES-256-GCM(key, nonce = prefix || index (4 bytes, big-endian) || last (1 byte: 0 or 1),
                        associated data, up to 65,536 bytes) and its tag of 16 bytes

- every chunk but the last is full; the last may hold 0 bytes only if it is the only one;
- the index says where a chunk belongs, the last byte that nothing follows: a file that is cut between two chunks ends
  with one that does not say so;
- nothing of a chunk is given out before its tag is checked. A key is for one file: the prefix is a second line only.

Source: Hoang, Reyhanitabar, Rogaway, Vizar, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance"
(CRYPTO 2015), section 7, STREAM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.errors import StoreError

CHUNK_BYTES = 65_536
TAG_BYTES = 16
KEY_BYTES = 32
MAX_CHUNKS = 2**32
_MAGIC = b"TSC1"
_PREFIX_BYTES = 7


def encrypt(source: BinaryIO, target: BinaryIO, key: bytes, associated: bytes, random: Callable[[int], bytes]) -> None:
    """Write what ``source`` holds from where it stands, encrypted under ``key`` (32 bytes), to ``target``."""
    cipher, prefix = AESGCM(key), random(_PREFIX_BYTES)
    target.write(_MAGIC + prefix)
    index, chunk = 0, source.read(CHUNK_BYTES)
    while True:
        following = source.read(CHUNK_BYTES) if len(chunk) == CHUNK_BYTES else b""
        assert index < MAX_CHUNKS, "256 TiB are not kept here"
        target.write(cipher.encrypt(_nonce(prefix, index, last=not following), chunk, associated))
        if not following:
            return
        index, chunk = index + 1, following


def decrypt(source: BinaryIO, key: bytes, associated: bytes) -> Iterator[bytes]:
    """The chunks that ``encrypt`` was given. Raises ``StoreError`` as soon as something is not as it was written."""
    head = source.read(len(_MAGIC) + _PREFIX_BYTES)
    if len(head) != len(_MAGIC) + _PREFIX_BYTES or not head.startswith(_MAGIC):
        raise _altered()
    cipher, prefix = AESGCM(key), head[len(_MAGIC) :]
    index, chunk = 0, source.read(CHUNK_BYTES + TAG_BYTES)
    while True:
        following = source.read(CHUNK_BYTES + TAG_BYTES) if len(chunk) == CHUNK_BYTES + TAG_BYTES else b""
        try:
            plain = cipher.decrypt(_nonce(prefix, index, last=not following), chunk, associated)
        except (InvalidTag, ValueError) as error:
            raise _altered() from error
        if not plain and index:
            raise _altered()
        yield plain
        if not following:
            return
        index, chunk = index + 1, following


def _nonce(prefix: bytes, index: int, *, last: bool) -> bytes:
    return prefix + index.to_bytes(4, "big") + bytes([last])


def _altered() -> StoreError:
    return StoreError(
        "document: its bytes are not those that were kept: changed, cut off, or of another document.",
        todo="Restore them from a backup.",
    )
