"""Keys, time-stamps, time and randomness: what else comes from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tallystick.protocol.types import Address, Hash, Timestamp

Sign = Callable[[bytes], bytes]
"""Signs a 32-byte digest: r || s || v, 65 bytes. The key itself stays where it is."""


class Keys(Protocol):
    """Where private keys live; they never leave it."""

    def create(self, label: str) -> Address:
        """A new random key, stored durably before its address is returned."""

    def create_many(self, labels: Sequence[str]) -> list[Address]:
        """A new key for each of ``labels``, in order, all stored durably before their addresses are returned."""

    def sign(self, signer: Address, digest: bytes) -> bytes:
        """r || s || v over the 32-byte ``digest``. Raises ``NotFound`` if this keystore has no such key."""


class Authority(Protocol):
    """A time-stamping authority (RFC 3161)."""

    @property
    def url(self) -> str: ...

    def stamp(self, root: Hash) -> tuple[bytes, Timestamp]:
        """A token on the batch root ``root`` that holds, and the time it tells. Raises ``TimestampError``."""


class Clock(Protocol):
    """Time as an argument: the wall clock in production, the story's clock in the demo."""

    def now(self) -> Timestamp: ...


class Entropy(Protocol):
    """Randomness as an argument: the operating system's in production, seeded in the demo."""

    def bytes(self, size: int) -> bytes: ...
