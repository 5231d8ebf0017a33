"""What every keystore does, and the one that keeps its keys in memory: for tests, and for a demo that is seeded."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from tallystick.errors import BadSignature, Duplicate, KeystoreError, NotFound
from tallystick.protocol import signing
from tallystick.protocol.types import Address, clip, to_hex

MAX_LABEL = 200
MAX_SECRET_BYTES = 64 * 1024
_SECRET_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")

RandomBytes = Callable[[int], bytes]
"""So many random bytes."""


class Keystore(ABC):
    """Private keys that sign here and never leave, by the address they sign for; ``random_bytes`` makes new ones."""

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        self._ready: dict[Address, signing.SigningKey] = {}

    def create(self, label: str) -> Address:
        """A new random key called ``label``, kept for good before its address is returned.

        Raises:
            KeystoreError: the label is not of its form, or the key can't be written.
        """
        return self.create_many([label])[0]

    def create_many(self, labels: Sequence[str]) -> list[Address]:
        """One new random key per label, in the order of ``labels``; quicker than one by one. Raises as ``create``."""
        for label in labels:
            _check_label(label)
        keys = [self._random_key() for _ in labels]
        return self._keep(list(zip(keys, labels, strict=True)))

    def import_key(self, private_key: bytes, label: str) -> Address:
        """Keep ``private_key`` (32 bytes) under ``label``; its address.

        Raises:
            KeystoreError: not a private key of secp256k1, or the label is not of its form.
            Duplicate: it is here already.
        """
        _check_label(label)
        try:
            signing.private_key_address(private_key)
        except BadSignature as error:
            raise KeystoreError(error.message, todo="Give the 32 bytes of a secp256k1 private key.") from None
        return self._keep([(private_key, label)])[0]

    def sign(self, signer: Address, digest: bytes) -> bytes:
        """r || s || v over the 32-byte ``digest``, by the key of ``signer``.

        Raises:
            NotFound: this keystore has no such key.
            KeystoreError: its file was changed.
        """
        assert len(digest) == 32, "a digest is signed, not a message"
        key = self._ready.get(signer)
        if key is None:
            key = self._ready[signer] = signing.SigningKey(self._private_key(signer))
        return key.sign(digest)

    def put_secret(self, name: str, value: bytes) -> None:
        """Keep the secret ``value`` (up to 64 KiB) for good under ``name`` (lower case, digits, hyphens).

        Raises:
            Duplicate: another value is kept under this name; a secret is never replaced.
            KeystoreError: the name is not of its form, or it can't be written.
        """
        assert len(value) <= MAX_SECRET_BYTES, "a secret is small"
        _check_name(name)
        try:
            known = self.secret(name)
        except NotFound:
            self._keep_secret(name, value)
            return
        if known != value:
            raise Duplicate(f"The keystore holds another secret {name!r} already.", todo="Choose another name.")

    def secret(self, name: str) -> bytes:
        """The secret kept under ``name``. Raises ``NotFound``, or ``KeystoreError`` if its file was changed."""
        _check_name(name)
        return self._secret(name)

    @abstractmethod
    def addresses(self) -> Mapping[Address, str]:
        """All keys here with their labels, by address."""

    @abstractmethod
    def _keep(self, keys: Sequence[tuple[bytes, str]]) -> list[Address]: ...

    @abstractmethod
    def _secret(self, name: str) -> bytes: ...

    @abstractmethod
    def _keep_secret(self, name: str, value: bytes) -> None: ...

    @abstractmethod
    def _private_key(self, signer: Address) -> bytes: ...

    def _random_key(self) -> bytes:
        while True:
            candidate = self._random_bytes(32)
            # About one in 2**128 is out of range; then the next one is taken, so that all keys are equally likely.
            if 0 < int.from_bytes(candidate, "big") < signing.GROUP_ORDER:
                return candidate


class MemoryKeystore(Keystore):
    """Keys that are gone with the process; the same ``entropy`` gives the same keys."""

    def __init__(self, entropy: RandomBytes = os.urandom) -> None:
        super().__init__(entropy)
        self._keys: dict[Address, tuple[bytes, str]] = {}
        self._secrets: dict[str, bytes] = {}

    def addresses(self) -> Mapping[Address, str]:
        """All keys here with their labels, by address."""
        return {address: label for address, (_, label) in sorted(self._keys.items())}

    def _keep(self, keys: Sequence[tuple[bytes, str]]) -> list[Address]:
        addresses = []
        for private_key, label in keys:
            address = signing.private_key_address(private_key)
            if address in self._keys:
                raise taken_key(address)
            self._keys[address] = (private_key, label)
            addresses.append(address)
        return addresses

    def _secret(self, name: str) -> bytes:
        if name not in self._secrets:
            raise no_secret(name)
        return self._secrets[name]

    def _keep_secret(self, name: str, value: bytes) -> None:
        self._secrets[name] = value

    def _private_key(self, signer: Address) -> bytes:
        if signer not in self._keys:
            raise no_key(signer)
        return self._keys[signer][0]


def no_key(signer: Address) -> NotFound:
    """The error of a key that is not here."""
    return NotFound(f"The keystore has no key of {to_hex(signer)}.", todo="Import the key, or sign where it lives.")


def taken_key(address: Address) -> Duplicate:
    """The error of a key that is here already."""
    return Duplicate(f"The keystore has the key of {to_hex(address)} already.", todo="Use the key that is there.")


def no_secret(name: str) -> NotFound:
    """The error of a secret that is not here."""
    return NotFound(f"The keystore has no secret {name!r}.", todo="Check that it is the keystore of this home.")


def _check_label(label: str) -> None:
    if not 0 < len(label) <= MAX_LABEL or not label.isprintable():
        raise KeystoreError(
            f"label: expected 1 to {MAX_LABEL} printable characters, got {clip(label)}.",
            todo="Give the key another label.",
        )


def _check_name(name: str) -> None:
    if not _SECRET_NAME.match(name):
        raise KeystoreError(f"secret: expected a name of lower-case letters, digits and hyphens, got {clip(name)}.")
