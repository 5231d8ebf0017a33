"""Operations of the verifier, and of the server's own health."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from tallystick.client.transport import Transport
from tallystick.web.models import Health

_GZIP = b"\x1f\x8b"


class ServerOperations(Transport):
    """What needs no trade."""

    def verify_bundle(
        self, body: bytes | Path, *, block_hash: str | None = None, ledger: str | None = None
    ) -> dict[str, Any]:
        """Have the server check a bundle, byte for byte. To trust nobody, use ``tallystick verify``."""
        if isinstance(body, Path):
            with body.open("rb") as file:
                is_packed = file.read(2) == _GZIP
                return self._verify(file, is_packed, block_hash, ledger)
        return self._verify(body, body[:2] == _GZIP, block_hash, ledger)

    def read_health(self) -> Health:
        """How the server is; also while a part of it fails."""
        answer = self._ask("readHealth", "GET", "/v1/health", answers=(503,))
        found: Health = self._read("readHealth", Health, answer)
        return found

    def _verify(
        self, body: bytes | IO[bytes], is_packed: bool, block_hash: str | None, ledger: str | None
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/gzip" if is_packed else "application/json"}
        query = {"blockHash": block_hash, "ledger": ledger}
        verdict: dict[str, Any] = self._ask("verifyBundle", "POST", "/v1/verify", query, body, headers).json()
        return verdict
