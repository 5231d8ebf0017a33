"""Encryption in chunks: what was changed, moved, left out or cut off is noticed; another reader agrees."""

from __future__ import annotations

import io
import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import StoreError
from tallystick.service.stream_cipher import CHUNK_BYTES, TAG_BYTES, decrypt, encrypt

KEY = bytes(range(32))
HEAD = 11
SEALED = CHUNK_BYTES + TAG_BYTES


def encrypted(plain: bytes, key: bytes = KEY, associated: bytes = b"of this") -> bytes:
    target = io.BytesIO()
    encrypt(io.BytesIO(plain), target, key, associated, os.urandom)
    return target.getvalue()


def decrypted(sealed: bytes, key: bytes = KEY, associated: bytes = b"of this") -> bytes:
    return b"".join(decrypt(io.BytesIO(sealed), key, associated))


def by_the_page(sealed: bytes, associated: bytes) -> bytes:
    """The drawing at the head of the module, read anew."""
    assert sealed[:4] == b"TSC1"
    prefix, rest, plain, index = sealed[4:11], sealed[11:], b"", 0
    while rest:
        chunk, rest = rest[: 65_536 + 16], rest[65_536 + 16 :]
        nonce = prefix + index.to_bytes(4, "big") + (b"\x00" if rest else b"\x01")
        plain += AESGCM(KEY).decrypt(nonce, chunk, associated)
        index += 1
    return plain


SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_encrypted_comes_back(size: int) -> None:
    """Of any size, at the borders of chunks too; in chunks of bounded size; nothing of it is readable."""
    plain = os.urandom(size)
    sealed = encrypted(plain)
    assert decrypted(sealed) == by_the_page(sealed, b"of this") == plain
    assert all(len(chunk) <= CHUNK_BYTES for chunk in decrypt(io.BytesIO(sealed), KEY, b"of this"))
    assert size < 32 or plain[:32] not in sealed


@pytest.mark.parametrize("size", SIZES)
def test_a_file_that_is_cut_is_noticed(size: int) -> None:
    """Between two chunks, within one, or with nothing left."""
    sealed = encrypted(os.urandom(size))
    for end in {0, 4, HEAD, HEAD + SEALED, HEAD + 2 * SEALED, len(sealed) - 1} - {len(sealed)}:
        if end < len(sealed):
            with pytest.raises(StoreError):
                decrypted(sealed[:end])


def test_chunks_can_not_change_places() -> None:
    """Swapped, repeated, left out, or taken from another file."""
    sealed, other = encrypted(os.urandom(3 * CHUNK_BYTES)), encrypted(os.urandom(3 * CHUNK_BYTES))
    head, one, two, three = (
        sealed[:HEAD],
        *(sealed[HEAD + at * SEALED : HEAD + (at + 1) * SEALED] for at in range(3)),
    )
    for forged in (
        head + two + one + three,
        head + one + one + two + three,
        head + one + three,
        head + two + three,
        head + one + other[HEAD + SEALED : HEAD + 2 * SEALED] + three,
        sealed + three,
        sealed + encrypted(b"")[HEAD:],
        other[:HEAD] + sealed[HEAD:],
    ):
        with pytest.raises(StoreError):
            decrypted(forged)


@settings(max_examples=60, deadline=None)
@given(size=st.sampled_from([5, CHUNK_BYTES + 5]), place=st.integers(0), bit=st.integers(0, 7))
def test_any_bit_that_changes_is_noticed(size: int, place: int, bit: int) -> None:
    """Wherever it stands."""
    sealed = bytearray(encrypted(bytes(size)))
    sealed[place % len(sealed)] ^= 1 << bit
    with pytest.raises(StoreError):
        decrypted(bytes(sealed))


def test_another_key_or_another_document_opens_nothing() -> None:
    """The bytes are bound to their key and to whose document they are."""
    sealed = encrypted(b"delivery note")
    with pytest.raises(StoreError):
        decrypted(sealed, key=bytes(32))
    with pytest.raises(StoreError):
        decrypted(sealed, associated=b"of that")
