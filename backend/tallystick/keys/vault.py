"""What a passphrase opens: one random data key, under which every key and secret of the keystore is encrypted.

::

    passphrase --scrypt--> wrapping key --AES-256-GCM--> data key --AES-256-GCM--> each private key, each secret

- the passphrase can change without touching any other file: only the data key is wrapped anew;
- ``check`` tells a wrong passphrase from a damaged file;
- a nonce is 96 random bits of the operating system, never of a seed: one that repeats would break the encryption.

Source: RFC 7914 (scrypt), NIST SP 800-38D (GCM), RFC 8265 section 4.2 (a passphrase is compared in Unicode NFC).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tallystick.errors import KeystoreError, MalformedInput, WrongPassphrase
from tallystick.keys.files import read_object
from tallystick.protocol.types import parse_hex, to_hex

SCRYPT_N = 2**17
"""Cost of one guess at the passphrase: 128 MiB and about a quarter of a second."""
SCRYPT_R = 8
SCRYPT_P = 1
MIN_SCRYPT_N = 2**14
MAX_SCRYPT_N = 2**20
"""Bounds on what a file may ask for: a gigabyte at most."""

VERSION = 1
_NONCE_SIZE = 12
_WRAP = b"tallystick vault v1 data key"
_CHECK = b"tallystick vault v1 check"
_NAMES = ("version", "kdf", "n", "r", "p", "salt", "check", "nonce", "dataKey")


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something encrypted under the data key; ``ciphertext`` ends with the 16-byte tag."""

    nonce: bytes
    ciphertext: bytes


class Vault:
    """An opened vault: encrypts and decrypts under the data key."""

    def __init__(self, data_key: bytes) -> None:
        self._data_key = data_key
        self._cipher = AESGCM(data_key)

    @classmethod
    def create(cls) -> Vault:
        """A vault of a new random data key."""
        return cls(os.urandom(32))

    @classmethod
    def read(cls, path: Path, passphrase: str) -> Vault:
        """The vault that ``write`` put into the file at ``path``, opened by ``passphrase``.

        Raises:
            WrongPassphrase: the file is whole, and this is not its passphrase.
            KeystoreError: the file can't be read, or was changed; names the file.
        """
        content = read_object(path, _NAMES)
        n = content["n"]
        fixed = (content["version"], content["kdf"], content["r"], content["p"])
        if fixed != (VERSION, "scrypt", SCRYPT_R, SCRYPT_P) or not _is_cost(n):
            raise KeystoreError(
                f"{path}: expected version {VERSION}, scrypt with n a power of two from {MIN_SCRYPT_N} to "
                f"{MAX_SCRYPT_N}, r={SCRYPT_R}, p={SCRYPT_P}; got {fixed[0]!r}, {fixed[1]!r}, n={n!r}, "
                f"r={fixed[2]!r}, p={fixed[3]!r}.",
                todo="Restore the file from a backup, or use the version of Tallystick that wrote it.",
            )
        try:
            salt = parse_hex(content["salt"], "salt", size=32)
            check = parse_hex(content["check"], "check", size=32)
            sealed = Sealed(parse_hex(content["nonce"], "nonce", size=12), parse_hex(content["dataKey"], "dataKey"))
        except MalformedInput as error:
            raise KeystoreError(f"{path}: {error.message}", todo="Restore the file from a backup.") from error
        wrapping_key = _derive(passphrase, salt, n)
        if not hmac.compare_digest(_check_value(wrapping_key), check):
            raise WrongPassphrase(
                f"The passphrase does not open the keystore {path.parent}.",
                todo="Check TALLYSTICK_PASSPHRASE, or type it again.",
            )
        return cls(_open(AESGCM(wrapping_key), sealed, _WRAP, path))

    def content(self, passphrase: str, scrypt_n: int) -> bytes:
        """The file that ``read`` opens with ``passphrase``; a new salt each time.

        Raises:
            KeystoreError: an empty passphrase.
        """
        assert _is_cost(scrypt_n), "a power of two within the bounds"
        if not passphrase:
            raise KeystoreError("Expected a passphrase, got an empty one.", todo="Choose a long one and keep it safe.")
        salt, nonce = os.urandom(32), os.urandom(_NONCE_SIZE)
        wrapping_key = _derive(passphrase, salt, scrypt_n)
        return dump(
            {
                "version": VERSION,
                "kdf": "scrypt",
                "n": scrypt_n,
                "r": SCRYPT_R,
                "p": SCRYPT_P,
                "salt": to_hex(salt),
                "check": to_hex(_check_value(wrapping_key)),
                "nonce": to_hex(nonce),
                "dataKey": to_hex(AESGCM(wrapping_key).encrypt(nonce, self._data_key, _WRAP)),
            }
        )

    def encrypt(self, plaintext: bytes, context: bytes) -> Sealed:
        """``plaintext`` encrypted so that it opens with this very ``context`` only."""
        nonce = os.urandom(_NONCE_SIZE)
        return Sealed(nonce, self._cipher.encrypt(nonce, plaintext, context))

    def decrypt(self, sealed: Sealed, context: bytes, path: Path) -> bytes:
        """What ``encrypt`` was given. Raises ``KeystoreError`` naming ``path`` if a bit of either was changed."""
        return _open(self._cipher, sealed, context, path)


def dump(content: dict[str, object]) -> bytes:
    """``content`` as the text of a file of the keystore."""
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"


def _open(cipher: AESGCM, sealed: Sealed, context: bytes, path: Path) -> bytes:
    try:
        return cipher.decrypt(sealed.nonce, sealed.ciphertext, context)
    except (InvalidTag, ValueError) as error:
        raise KeystoreError(
            f"{path}: was changed after it was written, or belongs to another keystore.",
            todo="Restore the file from a backup.",
        ) from error


def _derive(passphrase: str, salt: bytes, n: int) -> bytes:
    text = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    return Scrypt(salt=salt, length=32, n=n, r=SCRYPT_R, p=SCRYPT_P).derive(text)


def _check_value(wrapping_key: bytes) -> bytes:
    return hmac.digest(wrapping_key, _CHECK, hashlib.sha256)


def _is_cost(n: object) -> bool:
    return type(n) is int and MIN_SCRYPT_N <= n <= MAX_SCRYPT_N and n & (n - 1) == 0
