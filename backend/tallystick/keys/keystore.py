"""Private keys in a directory, each in its own file, encrypted under a data key of its own.

::

    keys/                   mode 0700
      vault.json            where the key-encryption key is, and what tells the right one (keys/vault.py)
      0x<address>.json      one private key: address, label, wrapped data key, AES-256-GCM under it
      secret-<name>.json    one other secret, in the same way
      lock                  held by the one process that writes here

- a file is whole or not there, and on the disk before its address is returned;
- address and label are bound to the key: a file that is renamed or relabelled does not open;
- a key is decrypted when it is first used, then kept in memory; one that is ``withheld`` is never even read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tallystick.errors import KeystoreError
from tallystick.flock import FileLock, Held
from tallystick.keys.files import flush_names, read_object, write_new
from tallystick.keys.memory import Keystore, RandomBytes, no_key, no_secret, taken_key
from tallystick.keys.sources import SCRYPT_N, Unlock
from tallystick.keys.vault import (
    ENVELOPE_NAMES,
    VERSION,
    Vault,
    VaultFile,
    dump,
    new_passphrase_key,
    read_sealed,
    read_vault,
)
from tallystick.protocol import signing
from tallystick.protocol.types import Address, parse_address, to_hex

KEY_FILE = re.compile(r"0x[0-9a-f]{40}\.json\Z")
SECRET_FILE = re.compile(r"secret-[a-z][a-z0-9-]{0,63}\.json\Z")
KEY_NAMES = ("version", "address", "label", *ENVELOPE_NAMES)
SECRET_NAMES = ("version", "secret", *ENVELOPE_NAMES)
LOCK_TIMEOUT_SECONDS = 30.0
_KEY_CONTEXT = b"tallystick key v2\x00"
_SECRET_CONTEXT = b"tallystick secret v2\x00"


class EncryptedKeystore(Keystore):
    """The keys in ``directory``, opened; made by ``create_keystore`` or ``open_keystore``."""

    def __init__(
        self, directory: Path, vault: Vault, entropy: RandomBytes, withheld: Collection[Address] = frozenset()
    ) -> None:
        super().__init__(entropy)
        self.directory = directory
        self._vault = vault
        self._withheld = frozenset(withheld)
        self._opened: dict[Address, tuple[bytes, str]] = {}

    def addresses(self) -> Mapping[Address, str]:
        """All keys here with their labels, by address. Raises ``KeystoreError`` if a file was changed."""
        with _writing(self.directory):
            names = sorted(name for name in os.listdir(self.directory) if KEY_FILE.match(name))
        found = [address for address in map(_address_in_name, names) if address not in self._withheld]
        return {address: self._open_key(address)[1] for address in found}

    def _keep(self, keys: Sequence[tuple[bytes, str]]) -> list[Address]:
        addresses = []
        with locked(self.directory), _writing(self.directory):
            self._check_current()
            for private_key, label in keys:
                address = signing.private_key_address(private_key)
                content = key_content(self._vault, private_key, address, label)
                try:
                    write_new(self._key_path(address), content)
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
        content = read_object(path, SECRET_NAMES)
        self._check(path, content["version"], content["secret"], name)
        return self._vault.unseal(read_sealed(path, content), _SECRET_CONTEXT + name.encode(), path)

    def _keep_secret(self, name: str, value: bytes) -> None:
        with locked(self.directory), _writing(self.directory):
            self._check_current()
            write_new(self._secret_path(name), secret_content(self._vault, name, value))
            flush_names(self.directory)

    def _check_current(self) -> None:
        """Raises ``KeystoreError`` if another process has put this keystore under another key since it was opened."""
        current = read_vault(self.directory / "vault.json").keys[0].id
        if current != self._vault.current:
            raise KeystoreError(
                f"{self.directory}: was rewrapped under another key-encryption key since this program opened it.",
                todo="Start this program anew.",
            )

    def _private_key(self, signer: Address) -> bytes:
        return self._open_key(signer)[0]

    def _open_key(self, address: Address) -> tuple[bytes, str]:
        if address in self._opened:
            return self._opened[address]
        if address in self._withheld:
            raise KeystoreError(
                f"The key of {to_hex(address)} is withheld from this process, which serves the API alone.",
                todo="`tallystick worker` does in another process what needs it.",
            )
        path = self._key_path(address)
        if not path.exists():
            raise no_key(address)
        content = read_object(path, KEY_NAMES)
        self._check(path, content["version"], content["address"], to_hex(address))
        label = content["label"]
        if not isinstance(label, str):
            raise KeystoreError(f"{path}: expected a label, got {label!r:.80}.", todo="Restore the file from a backup.")
        private_key = self._vault.unseal(read_sealed(path, content), _key_context(address, label), path)
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
    named, key = new_passphrase_key(passphrase, scrypt_n)
    path = directory / "vault.json"
    with _writing(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        try:
            write_new(path, VaultFile((named,)).content())
        except FileExistsError as error:
            raise KeystoreError(
                f"{path}: there is a keystore already.", todo="Open it, or name another directory."
            ) from error
        flush_names(directory)
        flush_names(directory.parent)
    return EncryptedKeystore(directory, Vault({named.id: key}, named.id), entropy)


def open_keystore(
    directory: Path,
    passphrase: str | Callable[[], str],
    *,
    environment: Mapping[str, str] = os.environ,
    entropy: RandomBytes = os.urandom,
    withheld: Collection[Address] = frozenset(),
) -> EncryptedKeystore:
    """The keystore in ``directory``; under a passphrase it takes a quarter of a second, whatever the number of keys.

    A ``passphrase`` that is a function is asked only where one is needed. Keys that are ``withheld`` are not there.

    Raises:
        WrongPassphrase: ``passphrase`` does not open it.
        KeystoreError: there is none, its vault was changed, or its key-encryption key can't be had.
    """
    path = directory / "vault.json"
    if not path.exists():
        raise KeystoreError(
            f"{directory}: expected a keystore, found no vault.json.",
            todo="Make a home with `tallystick init`, or check TALLYSTICK_HOME.",
        )
    return EncryptedKeystore(directory, Vault.open(path, Unlock(passphrase, environment)), entropy, withheld)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """The right to write in ``directory``, one process at a time. Raises ``KeystoreError`` where it is not had."""
    lock = FileLock(directory / "lock")
    with _writing(directory):
        try:
            lock.take(LOCK_TIMEOUT_SECONDS)
        except Held as held:
            raise KeystoreError(
                f"{directory}: process {held.holder} writes there; waited {LOCK_TIMEOUT_SECONDS:g} s.",
                todo="Wait until it is done.",
            ) from None
    try:
        yield
    finally:
        lock.release()


def key_content(vault: Vault, private_key: bytes, address: Address, label: str) -> bytes:
    """The file of ``private_key``, which signs for ``address``."""
    sealed = vault.seal(private_key, _key_context(address, label))
    return dump({"version": VERSION, "address": to_hex(address), "label": label, **sealed.members()})


def secret_content(vault: Vault, name: str, value: bytes) -> bytes:
    """The file of the secret ``value`` called ``name``."""
    sealed = vault.seal(value, _SECRET_CONTEXT + name.encode())
    return dump({"version": VERSION, "secret": name, **sealed.members()})


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


def _address_in_name(name: str) -> Address:
    return parse_address(name.removesuffix(".json"), "address")


def _key_context(address: Address, label: str) -> bytes:
    return _KEY_CONTEXT + address + label.encode("utf-8", "surrogatepass")
