"""Private keys in a directory, each in its own file, encrypted under one passphrase.

::

    keys/                   mode 0700
      vault.json            the data key, wrapped by scrypt and AES-256-GCM
      0x<address>.json      one private key: address, label, AES-256-GCM under the data key
      secret-<name>.json    one other secret, in the same way

- a file is whole or not there, and on the disk before its address is returned;
- address and label are bound to the key: a file that is renamed or relabelled does not open;
- a key is decrypted when it is first used, then kept in memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tallystick.errors import KeystoreError, MalformedInput
from tallystick.keys.files import flush_names, read_object, replace_file, write_new
from tallystick.keys.memory import Keystore, RandomBytes, no_key, no_secret, taken_key
from tallystick.keys.vault import SCRYPT_N, VERSION, Sealed, Vault, dump
from tallystick.keys.wrapping import VaultWrapping
from tallystick.protocol import signing
from tallystick.protocol.types import Address, parse_address, parse_hex, to_hex

_KEY_FILE = re.compile(r"0x[0-9a-f]{40}\.json\Z")
_KEY_CONTEXT = b"tallystick key v1\x00"
_SECRET_CONTEXT = b"tallystick secret v1\x00"


class EncryptedKeystore(Keystore):
    """The keys in ``directory``, opened; made by ``create_keystore`` or ``open_keystore``."""

    def __init__(self, directory: Path, vault: Vault, entropy: RandomBytes) -> None:
        super().__init__(entropy)
        self.directory = directory
        self._vault = vault
        self._opened: dict[Address, tuple[bytes, str]] = {}

    @property
    def wrapping(self) -> VaultWrapping:
        """Wraps small secrets of the service under the key of this keystore."""
        return VaultWrapping(self._vault)

    def change_passphrase(self, passphrase: str, *, scrypt_n: int = SCRYPT_N) -> None:
        """Let ``passphrase`` open this keystore from now on, and the old one no longer. Raises ``KeystoreError``."""
        content = self._vault.content(passphrase, scrypt_n)
        with _writing(self.directory):
            replace_file(self.directory / "vault.json", content)

    def addresses(self) -> Mapping[Address, str]:
        """All keys here with their labels, by address. Raises ``KeystoreError`` if a file was changed."""
        with _writing(self.directory):
            names = sorted(name for name in os.listdir(self.directory) if _KEY_FILE.match(name))
        return {address: self._open_key(address)[1] for address in map(_address_in_name, names)}

    def _keep(self, keys: Sequence[tuple[bytes, str]]) -> list[Address]:
        addresses = []
        with _writing(self.directory):
            for private_key, label in keys:
                address = signing.private_key_address(private_key)
                sealed = self._vault.encrypt(private_key, _key_context(address, label))
                content = {
                    "version": VERSION,
                    "address": to_hex(address),
                    "label": label,
                    "nonce": to_hex(sealed.nonce),
                    "ciphertext": to_hex(sealed.ciphertext),
                }
                try:
                    write_new(self._key_path(address), dump(content))
                except FileExistsError:
                    raise taken_key(address) from None
                self._opened[address] = (private_key, label)
                addresses.append(address)
            flush_names(self.directory)
        return addresses

    def _secret(self, name: str) -> bytes:
        path = self._secret_path(name)
        if not path.exists():
            raise no_secret(name)
        content = read_object(path, ("version", "secret", "nonce", "ciphertext"))
        self._check(path, content["version"], content["secret"], name)
        return self._vault.decrypt(_sealed(path, content), _SECRET_CONTEXT + name.encode(), path)

    def _keep_secret(self, name: str, value: bytes) -> None:
        sealed = self._vault.encrypt(value, _SECRET_CONTEXT + name.encode())
        content = {
            "version": VERSION,
            "secret": name,
            "nonce": to_hex(sealed.nonce),
            "ciphertext": to_hex(sealed.ciphertext),
        }
        with _writing(self.directory):
            write_new(self._secret_path(name), dump(content))
            flush_names(self.directory)

    def _private_key(self, signer: Address) -> bytes:
        return self._open_key(signer)[0]

    def _open_key(self, address: Address) -> tuple[bytes, str]:
        if address in self._opened:
            return self._opened[address]
        path = self._key_path(address)
        if not path.exists():
            raise no_key(address)
        content = read_object(path, ("version", "address", "label", "nonce", "ciphertext"))
        self._check(path, content["version"], content["address"], to_hex(address))
        label = content["label"]
        if not isinstance(label, str):
            raise KeystoreError(f"{path}: expected a label, got {label!r:.80}.", todo="Restore the file from a backup.")
        private_key = self._vault.decrypt(_sealed(path, content), _key_context(address, label), path)
        self._opened[address] = (private_key, label)
        return self._opened[address]

    def _check(self, path: Path, version: object, got: object, expected: str) -> None:
        if version != VERSION or got != expected:
            raise KeystoreError(
                f"{path}: expected version {VERSION} of {expected}, got version {version!r:.20} of {got!r:.80}.",
                todo="Restore the file from a backup.",
            )

    def _key_path(self, address: Address) -> Path:
        return self.directory / f"{to_hex(address)}.json"

    def _secret_path(self, name: str) -> Path:
        return self.directory / f"secret-{name}.json"


def create_keystore(
    directory: Path, passphrase: str, *, entropy: RandomBytes = os.urandom, scrypt_n: int = SCRYPT_N
) -> EncryptedKeystore:
    """A new keystore in ``directory``, which is made; ``entropy`` makes the private keys, and nothing else.

    Raises:
        KeystoreError: there is one already, an empty passphrase, or the directory can't be written.
    """
    vault = Vault.create()
    content = vault.content(passphrase, scrypt_n)
    path = directory / "vault.json"
    with _writing(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        try:
            write_new(path, content)
        except FileExistsError as error:
            raise KeystoreError(
                f"{path}: there is a keystore already.", todo="Open it, or name another directory."
            ) from error
        flush_names(directory)
        flush_names(directory.parent)
    return EncryptedKeystore(directory, vault, entropy)


def open_keystore(directory: Path, passphrase: str, *, entropy: RandomBytes = os.urandom) -> EncryptedKeystore:
    """The keystore in ``directory``; takes a quarter of a second, whatever the number of keys.

    Raises:
        WrongPassphrase: ``passphrase`` does not open it.
        KeystoreError: there is none, or its vault was changed.
    """
    path = directory / "vault.json"
    if not path.exists():
        raise KeystoreError(
            f"{directory}: expected a keystore, found no vault.json.",
            todo="Make a home with `tallystick init`, or check TALLYSTICK_HOME.",
        )
    return EncryptedKeystore(directory, Vault.read(path, passphrase), entropy)


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    """What the operating system refuses in ``directory``, as an error of the keystore."""
    try:
        yield
    except OSError as error:
        raise KeystoreError(
            f"{error.filename or directory}: {error.strerror}.",
            todo="Check that the disk has room and that the directory belongs to you.",
        ) from error


def _sealed(path: Path, content: Mapping[str, object]) -> Sealed:
    try:
        return Sealed(parse_hex(content["nonce"], "nonce", size=12), parse_hex(content["ciphertext"], "ciphertext"))
    except MalformedInput as error:
        raise KeystoreError(f"{path}: {error.message}", todo="Restore the file from a backup.") from error


def _address_in_name(name: str) -> Address:
    return parse_address(name.removesuffix(".json"), "address")


def _key_context(address: Address, label: str) -> bytes:
    return _KEY_CONTEXT + address + label.encode("utf-8", "surrogatepass")
