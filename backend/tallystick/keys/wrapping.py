"""Keys under a key: small secrets of the service, encrypted under a secret of this home's keystore.

``wrapped = nonce (12) || AES-256-GCM ciphertext and tag``, the context as associated data (NIST SP 800-38D).
"""

from __future__ import annotations

import os
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.errors import Duplicate, KeystoreError, NotFound
from tallystick.keys.memory import Keystore

_STORAGE_KEY = "storage"
_NONCE_SIZE = 12
_CONTEXT = b"tallystick wrapped v1\x00"


class KeystoreWrapping:
    """Wraps under the storage key of ``keystore``, which is made when it is first asked for.

    A keystore that is put under another key-encryption key keeps its secrets: what was wrapped still opens.
    """

    def __init__(self, keystore: Keystore) -> None:
        self._keystore = keystore
        self._cipher: AESGCM | None = None

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """``key`` encrypted so that it opens with this very ``context`` only."""
        nonce = os.urandom(_NONCE_SIZE)
        return nonce + self._opened().encrypt(nonce, key, _CONTEXT + context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """What ``wrap`` was given. Raises ``KeystoreError`` if a bit of either was changed."""
        try:
            return self._opened().decrypt(wrapped[:_NONCE_SIZE], wrapped[_NONCE_SIZE:], _CONTEXT + context)
        except (InvalidTag, ValueError) as error:
            raise KeystoreError(
                "wrapped key: was changed after it was kept, or belongs to another keystore.",
                todo="Restore database and keystore from backups of one time.",
            ) from error

    def _opened(self) -> AESGCM:
        if self._cipher is None:
            try:
                key = self._keystore.secret(_STORAGE_KEY)
            except NotFound:
                with suppress(Duplicate):  # another process was quicker
                    self._keystore.put_secret(_STORAGE_KEY, os.urandom(32))
                key = self._keystore.secret(_STORAGE_KEY)
            self._cipher = AESGCM(key)
        return self._cipher
