"""What opens a keystore: key-encryption keys, each of which wraps the data keys of some of its files.

::

    key-encryption key --AES key wrap--> data key of one file --AES-256-GCM--> its private key or secret

    vault.json   {"version": 2, "keys": [KEY, ...], "before": null}
    KEY          {"id", "source", "scrypt": {"n", "r", "p", "salt"} or null, "probe"}

- every file has a data key of its own, so that a new key-encryption key touches no private key, only the 40 bytes of
  each wrapped data key;
- the first KEY is the one that new files are wrapped under. There are two only while ``rewrap`` is at work, or was
  killed at it; ``before`` is then the vault of version 1 that is being left behind, if it is one;
- ``probe`` is a value that everybody knows, wrapped: it tells a wrong key from a damaged file;
- a nonce is 96 random bits of the operating system, never of a seed: one that repeats would break the encryption.

Source: NIST SP 800-38D (GCM), RFC 3394 (key wrap).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.errors import KeystoreError, MalformedInput, WrongPassphrase
from tallystick.keys.files import MAX_FILE_BYTES, read_object
from tallystick.keys.sources import (
    MAX_SCRYPT_N,
    MIN_SCRYPT_N,
    PASSPHRASE,
    SCRYPT_P,
    SCRYPT_R,
    WRAPPED_SIZE,
    KeyEncryptionKey,
    Unlock,
    is_cost,
    open_source,
    passphrase_key,
    random_id,
)
from tallystick.protocol.types import clip, parse_hex, to_hex

VERSION = 2
VAULT_NAMES = ("version", "keys", "before")
ENVELOPE_NAMES = ("kek", "dataKey", "nonce", "ciphertext")
"""What every file of a keystore has beside what it is."""
_KEY_NAMES = {"id", "source", "scrypt", "probe"}
_SCRYPT_NAMES = {"n", "r", "p", "salt"}
_NONCE_SIZE = 12
_MAX_KEYS = 2
_TODO = "Restore the file from a backup, or use the version of Tallystick that wrote it."


@dataclass(frozen=True, slots=True)
class Named:
    """A key-encryption key as the vault names it; ``salt`` and ``n`` are of a passphrase, None of any other source."""

    id: bytes
    source: str
    salt: bytes | None
    n: int | None
    probe: bytes

    def opened(self, unlock: Unlock, path: Path) -> KeyEncryptionKey:
        """The key itself.

        Raises:
            WrongPassphrase, KeystoreError: what ``unlock`` has does not open it, or ``path``, the vault, was changed.
        """
        if self.salt is not None and self.n is not None:
            return self._checked(passphrase_key(unlock.ask(), self.salt, self.n), path)
        return self._checked(open_source(self.source, unlock.environment), path)

    def _checked(self, key: KeyEncryptionKey, path: Path) -> KeyEncryptionKey:
        if key.unwrap(self.probe) == _probe(self.id):
            return key
        if self.source == PASSPHRASE:
            raise WrongPassphrase(
                f"The passphrase does not open the keystore {path.parent}.",
                todo="Check TALLYSTICK_PASSPHRASE, or type it again.",
            )
        raise KeystoreError(
            f"{path}: the key of {self.source} is not the one that this keystore is wrapped under.",
            todo="Give the right key, or restore vault.json from a backup.",
        )


@dataclass(frozen=True, slots=True)
class VaultFile:
    """``vault.json``: the key-encryption keys, the current one first, and a vault of version 1 that is left behind."""

    keys: tuple[Named, ...]
    before: Mapping[str, Any] | None = None

    def content(self) -> bytes:
        """The bytes of the file."""
        return dump({"version": VERSION, "keys": [_format(key) for key in self.keys], "before": self.before})


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something encrypted under a data key of its own, and that wrapped under the key-encryption key ``kek``."""

    kek: bytes
    data_key: bytes
    nonce: bytes
    ciphertext: bytes

    def members(self) -> dict[str, object]:
        """As members of a file."""
        parts = (self.kek, self.data_key, self.nonce, self.ciphertext)
        return dict(zip(ENVELOPE_NAMES, map(to_hex, parts), strict=True))


class Vault:
    """An opened vault: the key-encryption keys by id, and which of them is ``current``."""

    def __init__(self, keys: Mapping[bytes, KeyEncryptionKey], current: bytes) -> None:
        assert current in keys, "the current key is one of them"
        self.current = current
        self._keys = keys

    @classmethod
    def open(cls, path: Path, unlock: Unlock) -> Vault:
        """The vault in the file at ``path``, opened by what ``unlock`` has.

        Raises:
            WrongPassphrase: the file is whole, and this is not its passphrase.
            KeystoreError: it can't be read, was changed, is of version 1, or a rewrapping of it was interrupted.
        """
        file = read_vault(path)
        if file.before is not None or len(file.keys) > 1:
            raise KeystoreError(
                f"{path}: expected one key-encryption key, got more: a rewrapping was interrupted.",
                todo=f"Finish it: `tallystick key rewrap --to {file.keys[0].source}`.",
            )
        return cls({file.keys[0].id: file.keys[0].opened(unlock, path)}, file.keys[0].id)

    def seal(self, plaintext: bytes, context: bytes) -> Sealed:
        """``plaintext`` under a new data key, so that it opens with this very ``context`` only."""
        data_key, nonce = os.urandom(32), os.urandom(_NONCE_SIZE)
        wrapped = self._keys[self.current].wrap(data_key)
        return Sealed(self.current, wrapped, nonce, AESGCM(data_key).encrypt(nonce, plaintext, context))

    def unseal(self, sealed: Sealed, context: bytes, path: Path) -> bytes:
        """What ``seal`` was given. Raises ``KeystoreError`` naming ``path`` if a bit of either was changed."""
        try:
            return AESGCM(self._data_key(sealed, path)).decrypt(sealed.nonce, sealed.ciphertext, context)
        except (InvalidTag, ValueError) as error:
            raise changed(path) from error

    def rewrapped(self, sealed: Sealed, path: Path) -> Sealed:
        """``sealed`` with its data key wrapped under the current key; the rest is the same."""
        wrapped = self._keys[self.current].wrap(self._data_key(sealed, path))
        return Sealed(self.current, wrapped, sealed.nonce, sealed.ciphertext)

    def _data_key(self, sealed: Sealed, path: Path) -> bytes:
        key = self._keys.get(sealed.kek)
        if key is None:
            raise KeystoreError(
                f"{path}: wrapped under another key-encryption key than this keystore's: it was rewrapped since, or "
                "belongs to another keystore.",
                todo="Start this program anew; if that does not help, restore the file from a backup.",
            )
        found = key.unwrap(sealed.data_key)
        if found is None:
            raise changed(path)
        return found


def new_passphrase_key(passphrase: str, scrypt_n: int) -> tuple[Named, KeyEncryptionKey]:
    """A key-encryption key over ``passphrase``, with a new salt. Raises ``KeystoreError``: an empty passphrase."""
    assert is_cost(scrypt_n), "a power of two within the bounds"
    if not passphrase:
        raise KeystoreError("Expected a passphrase, got an empty one.", todo="Choose a long one and keep it safe.")
    name, salt = random_id(), os.urandom(32)
    key = passphrase_key(passphrase, salt, scrypt_n)
    return Named(name, PASSPHRASE, salt, scrypt_n, key.wrap(_probe(name))), key


def new_key_of(source: str, environment: Mapping[str, str]) -> tuple[Named, KeyEncryptionKey]:
    """The key-encryption key that ``source``, any but a passphrase, names. Raises ``KeystoreError``."""
    name, key = random_id(), open_source(source, environment)
    return Named(name, source, None, None, key.wrap(_probe(name))), key


def is_version_1(path: Path) -> bool:
    """Whether the file at ``path`` looks like a vault of version 1."""
    try:
        with path.open("rb") as file:
            return bool(orjson.loads(file.read(MAX_FILE_BYTES)).get("version") == 1)
    except (OSError, orjson.JSONDecodeError, AttributeError):
        return False


def read_vault(path: Path) -> VaultFile:
    """The vault file at ``path``. Raises ``KeystoreError``: of version 1, or not of its form; says what to do."""
    if is_version_1(path):
        raise KeystoreError(
            f"{path}: expected version {VERSION}, got version 1, where one data key encrypts everything.",
            todo="Bring it up to date: `tallystick key rewrap --to passphrase` (docs/security.md names other places).",
        )
    content = read_object(path, VAULT_NAMES)
    keys, before = content["keys"], content["before"]
    if content["version"] != VERSION or not isinstance(keys, list) or not 1 <= len(keys) <= _MAX_KEYS:
        raise KeystoreError(f"{path}: expected version {VERSION} with one or two keys, got another form.", todo=_TODO)
    if before is not None and not isinstance(before, dict):
        raise KeystoreError(f"{path}: before: expected null or an object, got {clip(before)}.", todo=_TODO)
    return VaultFile(tuple(_parse(key, path) for key in keys), before)


def read_sealed(path: Path, content: Mapping[str, object]) -> Sealed:
    """What the members of ``content``, the file at ``path``, hold encrypted. Raises ``KeystoreError``."""
    try:
        return Sealed(
            parse_hex(content["kek"], "kek", size=16),
            parse_hex(content["dataKey"], "dataKey", size=WRAPPED_SIZE),
            parse_hex(content["nonce"], "nonce", size=_NONCE_SIZE),
            parse_hex(content["ciphertext"], "ciphertext"),
        )
    except MalformedInput as error:
        raise KeystoreError(f"{path}: {error.message}", todo="Restore the file from a backup.") from error


def dump(content: Mapping[str, object]) -> bytes:
    """``content`` as the text of a file of the keystore."""
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"


def changed(path: Path) -> KeystoreError:
    """The error of a file that does not open."""
    return KeystoreError(
        f"{path}: was changed after it was written, or belongs to another keystore.",
        todo="Restore the file from a backup.",
    )


def _parse(content: object, path: Path) -> Named:
    if not isinstance(content, dict) or set(content) != _KEY_NAMES or not isinstance(content["source"], str):
        raise KeystoreError(f"{path}: expected keys of {sorted(_KEY_NAMES)}, got {clip(content)}.", todo=_TODO)
    scrypt = content["scrypt"]
    if (content["source"] == PASSPHRASE) != isinstance(scrypt, dict):
        raise KeystoreError(f"{path}: expected scrypt with a passphrase, and with nothing else.", todo=_TODO)
    salt = n = None
    try:
        if isinstance(scrypt, dict):
            n = scrypt.get("n")
            fixed = (scrypt.get("r"), scrypt.get("p"))
            if set(scrypt) != _SCRYPT_NAMES or fixed != (SCRYPT_R, SCRYPT_P) or not is_cost(n):
                raise KeystoreError(
                    f"{path}: expected scrypt with n a power of two from {MIN_SCRYPT_N} to {MAX_SCRYPT_N}, "
                    f"r={SCRYPT_R}, p={SCRYPT_P}; got n={n!r:.20}, r={fixed[0]!r:.20}, p={fixed[1]!r:.20}.",
                    todo=_TODO,
                )
            salt = parse_hex(scrypt["salt"], "salt", size=32)
        name = parse_hex(content["id"], "id", size=16)
        probe = parse_hex(content["probe"], "probe", size=WRAPPED_SIZE)
    except MalformedInput as error:
        raise KeystoreError(f"{path}: {error.message}", todo=_TODO) from error
    return Named(name, content["source"], salt, n, probe)


def _format(key: Named) -> dict[str, object]:
    scrypt = None
    if key.salt is not None:
        scrypt = {"n": key.n, "r": SCRYPT_R, "p": SCRYPT_P, "salt": to_hex(key.salt)}
    return {"id": to_hex(key.id), "source": key.source, "scrypt": scrypt, "probe": to_hex(key.probe)}


def _probe(name: bytes) -> bytes:
    return hashlib.sha256(b"tallystick vault v2 probe\x00" + name).digest()
