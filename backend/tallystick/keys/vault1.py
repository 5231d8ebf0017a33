"""Keystores of version 1, as `tallystick key rewrap` still reads them: one data key for all, under a passphrase.

::

    passphrase --scrypt--> wrapping key --AES-256-GCM--> data key --AES-256-GCM--> each private key, each secret

Nothing writes this form any more. Source: RFC 7914 (scrypt), NIST SP 800-38D (GCM).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.errors import KeystoreError, MalformedInput, WrongPassphrase
from tallystick.keys.sources import SCRYPT_P, SCRYPT_R, derive, is_cost
from tallystick.protocol.types import parse_hex

NAMES = ("version", "kdf", "n", "r", "p", "salt", "check", "nonce", "dataKey")
"""The members of ``vault.json``; a key file had address, label, nonce and ciphertext beside its version."""
_WRAP = b"tallystick vault v1 data key"
_CHECK = b"tallystick vault v1 check"
_TODO = "Restore the file from a backup."


class Vault1:
    """An opened vault of version 1: decrypts what is left under its data key."""

    def __init__(self, content: Mapping[str, Any], passphrase: str, path: Path) -> None:
        """Open ``content``, which the file at ``path`` holds.

        Raises:
            WrongPassphrase: the content is whole, and this is not its passphrase. KeystoreError: it was changed.
        """
        if set(content) != set(NAMES):
            raise KeystoreError(f"{path}: expected a vault of version 1, got another form.", todo=_TODO)
        if (content["version"], content["kdf"], content["r"], content["p"]) != (1, "scrypt", SCRYPT_R, SCRYPT_P):
            raise KeystoreError(f"{path}: expected version 1 with scrypt, got another form.", todo=_TODO)
        if not is_cost(content["n"]):
            raise KeystoreError(f"{path}: expected a power of two as cost, got {content['n']!r:.20}.", todo=_TODO)
        try:
            salt = parse_hex(content["salt"], "salt", size=32)
            check = parse_hex(content["check"], "check", size=32)
        except MalformedInput as error:
            raise KeystoreError(f"{path}: {error.message}", todo=_TODO) from error
        wrapping_key = derive(passphrase, salt, content["n"])
        if not hmac.compare_digest(hmac.digest(wrapping_key, _CHECK, hashlib.sha256), check):
            raise WrongPassphrase(
                f"The passphrase does not open the keystore {path.parent}.",
                todo="Check TALLYSTICK_PASSPHRASE, or type it again.",
            )
        named = {"nonce": content["nonce"], "ciphertext": content["dataKey"]}
        self._data_key = _decrypt(wrapping_key, named, _WRAP, path)

    def decrypt(self, content: Mapping[str, Any], path: Path) -> bytes:
        """The private key or secret in ``content``, the file at ``path``. Raises ``KeystoreError``: it was changed."""
        if "secret" in content:
            context = b"tallystick secret v1\x00" + str(content["secret"]).encode()
        else:
            try:
                address = parse_hex(content["address"], "address", size=20)
            except MalformedInput as error:
                raise KeystoreError(f"{path}: {error.message}", todo=_TODO) from error
            context = b"tallystick key v1\x00" + address + str(content["label"]).encode("utf-8", "surrogatepass")
        return _decrypt(self._data_key, content, context, path)


def _decrypt(key: bytes, content: Mapping[str, Any], context: bytes, path: Path) -> bytes:
    try:
        nonce = parse_hex(content["nonce"], "nonce", size=12)
        return AESGCM(key).decrypt(nonce, parse_hex(content["ciphertext"], "ciphertext"), context)
    except (InvalidTag, ValueError, MalformedInput) as error:
        raise KeystoreError(
            f"{path}: was changed after it was written, or belongs to another keystore.", todo=_TODO
        ) from error
