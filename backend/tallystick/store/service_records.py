"""What the store keeps for the service: attached documents, webhooks and their deliveries, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tallystick.protocol.types import Timestamp


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document that an organisation keeps: ``blob`` names its encrypted bytes, ``wrapped_key`` opens them."""

    organisation: str
    sha256: bytes
    size: int
    media_type: str
    name: str
    blob: str
    wrapped_key: bytes
    kept_at: Timestamp


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL that is told what becomes of an organisation's evidence; secrets are wrapped.

    ``seen`` is the position of the last status event that deliveries were made of.
    """

    webhook: str
    organisation: str
    url: str
    secret: bytes
    old_secret: bytes | None
    old_until: Timestamp | None
    created_at: Timestamp
    ended_at: Timestamp | None
    seen: int


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    WAITING = "waiting"
    """It was not tried yet, or failed and will be tried again."""
    DELIVERED = "delivered"
    """The receiver answered 2xx."""
    DEAD = "dead"
    """It failed so often that it is not tried any more, unless somebody asks for it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook; ``answered`` is the status of the last answer, ``failure`` why it was none."""

    position: int
    webhook: str
    event: int
    body: str
    state: DeliveryState
    attempts: int
    next_at: Timestamp | None
    answered: int | None
    failure: str | None
