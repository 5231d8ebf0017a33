"""A keystore of version 1, written by nothing of ours: what homes had before each file got a data key of its own."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eth_account import Account


def write_version_1(
    directory: Path, passphrase: str, keys: Mapping[bytes, str], secrets: Mapping[str, bytes], n: int
) -> None:
    """Put ``keys`` (private key to label) and ``secrets`` into ``directory``, as version 1 did."""
    directory.mkdir(mode=0o700, parents=True)
    salt, data_key, nonce = b"s" * 32, b"d" * 32, b"n" * 12
    wrapping = hashlib.scrypt(passphrase.encode(), salt=salt, n=n, r=8, p=1, dklen=32, maxmem=2**28)
    vault = {
        "version": 1,
        "kdf": "scrypt",
        "n": n,
        "r": 8,
        "p": 1,
        "salt": _hex(salt),
        "check": _hex(hmac.digest(wrapping, b"tallystick vault v1 check", hashlib.sha256)),
        "nonce": _hex(nonce),
        "dataKey": _hex(AESGCM(wrapping).encrypt(nonce, data_key, b"tallystick vault v1 data key")),
    }
    (directory / "vault.json").write_text(json.dumps(vault))
    numbers = iter(range(1, 1000))
    for key, label in keys.items():
        address = Account.from_key(key).address.lower()
        context = b"tallystick key v1\0" + bytes.fromhex(address[2:]) + label.encode()
        content = {"version": 1, "address": address, "label": label, **_sealed(data_key, next(numbers), key, context)}
        (directory / f"{address}.json").write_text(json.dumps(content))
    for name, value in secrets.items():
        context = b"tallystick secret v1\0" + name.encode()
        content = {"version": 1, "secret": name, **_sealed(data_key, next(numbers), value, context)}
        (directory / f"secret-{name}.json").write_text(json.dumps(content))


def _sealed(data_key: bytes, number: int, value: bytes, context: bytes) -> dict[str, str]:
    nonce = number.to_bytes(12, "big")
    return {"nonce": _hex(nonce), "ciphertext": _hex(AESGCM(data_key).encrypt(nonce, value, context))}


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
