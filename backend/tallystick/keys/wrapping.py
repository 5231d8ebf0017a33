"""Keys under a key: small secrets of the service, encrypted so that only this home's keystore opens them.

``wrapped = nonce (12) || AES-256-GCM ciphertext and tag``, the context as associated data (NIST SP 800-38D).
"""

from __future__ import annotations

from pathlib import Path

from tallystick.errors import KeystoreError
from tallystick.keys.vault import Sealed, Vault

_NONCE_SIZE = 12
_CONTEXT = b"tallystick wrapped v1\x00"


class VaultWrapping:
    """Wraps under the data key of ``vault``."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """``key`` encrypted so that it opens with this very ``context`` only."""
        sealed = self._vault.encrypt(key, _CONTEXT + context)
        return sealed.nonce + sealed.ciphertext

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """What ``wrap`` was given. Raises ``KeystoreError`` if a bit of either was changed."""
        sealed = Sealed(wrapped[:_NONCE_SIZE], wrapped[_NONCE_SIZE:])
        try:
            return self._vault.decrypt(sealed, _CONTEXT + context, Path("wrapped key"))
        except KeystoreError as error:
            raise KeystoreError(
                "wrapped key: was changed after it was kept, or belongs to another keystore.",
                todo="Restore database and keystore from backups of one time.",
            ) from error
