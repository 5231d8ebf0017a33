"""Key-encryption keys: where they come from, and how they wrap the data keys of a keystore.

::

    passphrase                    scrypt over a passphrase of the environment or a terminal
    file:/run/secrets/kek         64 hex digits in a file
    environment:LEDGER_KEK        64 hex digits in a variable
    pkcs11:token=T;object=K?...   an AES key inside a PKCS#11 token, which it never leaves (RFC 7512)

Rules:

- all of them wrap alike: AES key wrap (RFC 3394, NIST SP 800-38F) of a 32-byte data key, 40 bytes;
- the text that names a source holds no secret, for it stands in the keystore.

Source: RFC 7914 (scrypt), RFC 8265 section 4.2 (a passphrase is compared in Unicode NFC).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from tallystick.errors import KeystoreError, MalformedInput, NotFound, UsageError
from tallystick.keys.secret_file import parse_secret, read_secret
from tallystick.protocol.types import clip

SCRYPT_N = 2**17
"""Cost of one guess at the passphrase: 128 MiB and about a quarter of a second."""
SCRYPT_R = 8
SCRYPT_P = 1
MIN_SCRYPT_N = 2**14
MAX_SCRYPT_N = 2**20
"""Bounds on what a file may ask for: a gigabyte at most."""

PASSPHRASE = "passphrase"  # noqa: S105 - the name of a source  # nosec B105
WRAPPED_SIZE = 40
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
_FORMS = "passphrase, file:PATH, environment:VARIABLE or pkcs11:token=LABEL;object=LABEL?module-path=PATH"


class KeyEncryptionKey(Protocol):
    """What wraps data keys: in memory, or inside a token."""

    def wrap(self, data_key: bytes) -> bytes:
        """``data_key`` (32 bytes) wrapped: 40 bytes. Raises ``KeystoreError`` where a token does not."""

    def unwrap(self, wrapped: bytes) -> bytes | None:
        """The data key in ``wrapped``, or None where it was wrapped under another key, or changed since."""


class MemoryKey:
    """A key-encryption key of 32 bytes in this process's memory."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == 32, "AES-256"
        self._key = key

    def wrap(self, data_key: bytes) -> bytes:
        """``data_key`` wrapped. Source: RFC 3394 section 2.2.1."""
        return aes_key_wrap(self._key, data_key)

    def unwrap(self, wrapped: bytes) -> bytes | None:
        """The data key, or None. Source: RFC 3394 section 2.2.2."""
        try:
            return aes_key_unwrap(self._key, wrapped)
        except (InvalidUnwrap, ValueError):
            return None


@dataclass(frozen=True)
class Unlock:
    """What opens key-encryption keys: a passphrase, asked for when one is needed, and the environment."""

    passphrase: str | Callable[[], str]
    environment: Mapping[str, str]

    def ask(self) -> str:
        """The passphrase."""
        return self.passphrase if isinstance(self.passphrase, str) else self.passphrase()


def check_source(text: str) -> str:
    """``text`` in the spelling that is kept: a file by its absolute path.

    Raises:
        UsageError: it names no source, or holds a secret.
    """
    scheme, _, rest = text.partition(":")
    if text == PASSPHRASE or (scheme == "environment" and _VARIABLE.match(rest)):
        return text
    if scheme == "file" and rest:
        return f"file:{Path(rest).absolute()}"
    if scheme == "pkcs11":
        from tallystick.keys.pkcs11_uri import parse_uri

        try:
            parse_uri(text)
        except MalformedInput as error:
            raise UsageError(error.message, todo=error.todo) from error
        return text
    raise UsageError(f"key-encryption key: expected {_FORMS}, got {clip(text)}.")


def open_source(source: str, environment: Mapping[str, str]) -> KeyEncryptionKey:
    """The key-encryption key that ``source``, any but a passphrase, names.

    Raises:
        KeystoreError: it is not there, can't be read, or is no key that may be used.
    """
    scheme, _, rest = source.partition(":")
    try:
        if scheme == "file":
            return MemoryKey(read_secret(Path(rest), "key-encryption key"))
        if scheme == "environment":
            if rest not in environment:
                raise KeystoreError(f"{rest}: expected the key-encryption key in this variable, found none.")
            return MemoryKey(parse_secret(environment[rest], rest))
        if scheme == "pkcs11":
            from tallystick.keys.token import open_token_key

            return open_token_key(source, environment)
    except (MalformedInput, NotFound) as error:
        raise KeystoreError(error.message, todo=error.todo) from error
    raise KeystoreError(f"key-encryption key: expected {_FORMS}, got {clip(source)}.", todo="Restore vault.json.")


def passphrase_key(passphrase: str, salt: bytes, n: int) -> MemoryKey:
    """The key-encryption key that ``passphrase`` makes with ``salt`` (32 bytes) at cost ``n``."""
    return MemoryKey(derive(passphrase, salt, n))


def derive(passphrase: str, salt: bytes, n: int) -> bytes:
    """32 bytes of scrypt over ``passphrase`` in Unicode NFC. Source: RFC 7914."""
    text = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    return Scrypt(salt=salt, length=32, n=n, r=SCRYPT_R, p=SCRYPT_P).derive(text)


def is_cost(n: object) -> bool:
    """Whether ``n`` is a cost of scrypt within the bounds."""
    return type(n) is int and MIN_SCRYPT_N <= n <= MAX_SCRYPT_N and n & (n - 1) == 0


def random_id() -> bytes:
    """16 random bytes that name a key-encryption key; never of a seed."""
    return os.urandom(16)
