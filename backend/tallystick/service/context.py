"""What every use case works with: the ports, the identities of this installation, and its limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tallystick.limits import Limits
from tallystick.protocol.types import Address
from tallystick.protocol.verdict import CodeHashes
from tallystick.service.ports import Chain, Clock, Entropy, Keys, Store
from tallystick.service.ports.attachments import Blobs, Wrapping
from tallystick.service.ports.notices import Post

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and how much there is."""


def silent(what: str, done: int, total: int) -> None:
    """A ``Progress`` that shows nothing."""


@dataclass(frozen=True)
class Context:
    """One installation at work. ``network_key`` (32 bytes) is the registrar's: party ids are made with it.

    ``registrar`` is None where the registrar of the ledger is somebody else.
    """

    store: Store
    chain: Chain
    keys: Keys
    clock: Clock
    entropy: Entropy
    network_key: bytes
    registrar: Address | None
    operator: Address
    code_hashes: CodeHashes
    limits: Limits
    works: bool = True
    """Whether this process may use the keys of operator and registrar; else workers do what needs them."""
    blobs: Blobs | None = None
    """Where attached documents lie; None where none are kept."""
    wrapping: Wrapping | None = None
    """The key that small secrets are kept under; None where there are none."""
    post: Post | None = None
    """Sends to the URLs of webhooks; None where none are sent."""
    allowed_origins: frozenset[str] = frozenset()
    """Web pages that may use the API from their readers' browsers (CORS)."""
