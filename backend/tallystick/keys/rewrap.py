"""Put a keystore under another key-encryption key, or bring one of version 1 up to date.

::

    vault.json: [old]  ->  [new, old]  ->  each file: its data key unwrapped by old, wrapped by new  ->  [new]

Rules:

- private keys and secrets stay as they are encrypted; of each file only the wrapped data key changes. A file of
  version 1 has none of its own: it is encrypted anew under one;
- every step replaces one file whole. Whoever is killed leaves a keystore of which each file opens under one of the keys
  that ``vault.json`` names: the same call goes on, and one back to the old key goes back;
- nobody else writes meanwhile, and a program that has the keystore open must be started anew afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tallystick.errors import KeystoreError, UsageError, WrongPassphrase
from tallystick.keys.files import read_object, replace_file
from tallystick.keys.keystore import (
    KEY_FILE,
    KEY_NAMES,
    SECRET_FILE,
    SECRET_NAMES,
    key_content,
    locked,
    secret_content,
)
from tallystick.keys.sources import PASSPHRASE, SCRYPT_N, KeyEncryptionKey, Unlock, check_source
from tallystick.keys.vault import (
    Named,
    Vault,
    VaultFile,
    changed,
    dump,
    is_version_1,
    new_key_of,
    new_passphrase_key,
    read_sealed,
    read_vault,
)
from tallystick.keys.vault1 import NAMES as NAMES_1
from tallystick.keys.vault1 import Vault1
from tallystick.protocol.types import parse_address

_KEY_NAMES_1 = ("version", "address", "label", "nonce", "ciphertext")
_SECRET_NAMES_1 = ("version", "secret", "nonce", "ciphertext")


def rewrap(
    directory: Path,
    source: str,
    *,
    passphrase: str | Callable[[], str],
    new_passphrase: str | Callable[[], str],
    environment: Mapping[str, str],
    scrypt_n: int = SCRYPT_N,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Put the keystore in ``directory`` under the key-encryption key of ``source``; returns how many files changed.

    ``passphrase`` opens what is there if that needs one, ``new_passphrase`` is for a ``source`` that is a passphrase.

    Raises:
        UsageError: no such source. WrongPassphrase, KeystoreError: nothing is changed, or so much that the same call
        goes on.
    """
    source = check_source(source)
    path = directory / "vault.json"
    if not path.exists():
        raise KeystoreError(f"{directory}: expected a keystore, found no vault.json.", todo="Check TALLYSTICK_HOME.")
    old, new = Unlock(passphrase, environment), Unlock(new_passphrase, environment)
    with locked(directory):
        for name in os.listdir(directory):
            if name.startswith(".") and name.endswith(".new"):
                (directory / name).unlink()  # half of what a killed process wrote
        before = read_object(path, NAMES_1) if is_version_1(path) else None
        known = VaultFile((), before) if before is not None else read_vault(path)
        left = None if known.before is None else Vault1(known.before, old.ask(), path)
        # after an interrupted call either passphrase may be the one that opens a key
        unlocks = (old, new) if len(known.keys) > 1 and source == PASSPHRASE else (old,)
        keys = {named.id: _opened(named, unlocks, path) for named in known.keys}
        target = _target(known, source, keys, new, path)
        if target is None:
            target, key = _made(source, new, scrypt_n)
            keys[target.id] = key
        others = tuple(named for named in known.keys if named.id != target.id)
        if others or left is not None:
            replace_file(path, VaultFile((target, *others), known.before).content())
        count = _rewrap_files(directory, Vault(keys, target.id), left, progress)
        replace_file(path, VaultFile((target,)).content())
    return count


def _target(
    known: VaultFile, source: str, keys: Mapping[bytes, KeyEncryptionKey], new: Unlock, path: Path
) -> Named | None:
    """The key of ``known`` that an interrupted call was on its way to, or that is gone back to; None: a new one."""
    is_under_way = len(known.keys) > 1 or (known.before is not None and bool(known.keys))
    if not is_under_way:
        return None
    for named in known.keys:
        if named.source == source and (source != PASSPHRASE or _opens(named, new, path)):
            return named
    expected = " or ".join(named.source for named in known.keys)
    raise UsageError(
        f"--to: a rewrapping was interrupted: expected {expected}, with the secret it was begun with, got {source}.",
        todo="Finish that one first.",
    )


def _opens(named: Named, unlock: Unlock, path: Path) -> bool:
    try:
        named.opened(unlock, path)
    except WrongPassphrase:
        return False
    return True


def _opened(named: Named, unlocks: Sequence[Unlock], path: Path) -> KeyEncryptionKey:
    """The key of ``named``, by the first of ``unlocks`` that opens it."""
    for unlock in unlocks[:-1]:
        with suppress(WrongPassphrase):
            return named.opened(unlock, path)
    return named.opened(unlocks[-1], path)


def _made(source: str, new: Unlock, scrypt_n: int) -> tuple[Named, KeyEncryptionKey]:
    return new_passphrase_key(new.ask(), scrypt_n) if source == PASSPHRASE else new_key_of(source, new.environment)


def _rewrap_files(directory: Path, vault: Vault, left: Vault1 | None, progress: Callable[[int, int], None]) -> int:
    names = sorted(name for name in os.listdir(directory) if KEY_FILE.match(name) or SECRET_FILE.match(name))
    count = 0
    for done, name in enumerate(names):
        path = directory / name
        content = _rewrapped(path, vault, left)
        if content is not None:
            replace_file(path, content)
            count += 1
        progress(done + 1, len(names))
    return count


def _rewrapped(path: Path, vault: Vault, left: Vault1 | None) -> bytes | None:
    """The file at ``path`` under the current key of ``vault``, or None where it is already."""
    is_key = bool(KEY_FILE.match(path.name))
    if left is not None and is_version_1(path):
        content = read_object(path, _KEY_NAMES_1 if is_key else _SECRET_NAMES_1)
        expected = f"{content['address']}.json" if is_key else f"secret-{content['secret']}.json"
        if path.name != expected:
            raise changed(path)
        return _renewed(content, path, left.decrypt(content, path), vault)
    content = read_object(path, KEY_NAMES if is_key else SECRET_NAMES)
    sealed = read_sealed(path, content)
    if sealed.kek == vault.current:
        return None
    return dump({**content, **vault.rewrapped(sealed, path).members()})


def _renewed(content: Mapping[str, Any], path: Path, value: bytes, vault: Vault) -> bytes:
    if "secret" in content:
        return secret_content(vault, content["secret"], value)
    return key_content(vault, value, parse_address(content["address"], str(path)), content["label"])
