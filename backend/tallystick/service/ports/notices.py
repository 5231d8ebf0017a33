"""What a transaction on the store does for events and webhooks, and who carries a delivery out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from tallystick.protocol.types import PartyId, Timestamp
from tallystick.store.records import StatusEvent
from tallystick.store.service_records import Delivery, DeliveryState, Webhook


class Post(Protocol):
    """Sends to URLs that others named."""

    def check(self, url: str) -> None:
        """Raises ``MalformedInput`` if nothing is ever sent to ``url``."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer to ``body``; redirects are not followed. Raises ``Undelivered``."""


class NoticeRows(Protocol):
    """Status events by whom they concern, webhooks, and their deliveries."""

    def last_event(self) -> int:
        """The position of the newest status event; 0 where there is none."""

    def events_of(self, parties: Iterable[PartyId] | None, after: int, until: int) -> list[StatusEvent]:
        """Status events of evidence in the log of one of ``parties`` (None: of all), positions in (after, until]."""

    def put_webhook(self, one: Webhook) -> None:
        """Keep ``one``, in the place of what is kept under its name."""

    def webhook(self, name: str) -> Webhook | None: ...

    def webhooks(self, organisation_id: str | None = None) -> list[Webhook]:
        """The webhooks that are not ended, of one organisation or all, by creation."""

    def add_deliveries(self, name: str, told: Sequence[tuple[int, str]], at: Timestamp) -> None:
        """Let webhook ``name`` be told of these (event, body), from ``at`` on."""

    def due_deliveries(self, at: Timestamp, limit: int) -> list[Delivery]:
        """Deliveries that are to be tried by ``at``, the longest due first, at most ``limit``."""

    def delivery(self, name: str, position: int) -> Delivery | None: ...

    def deliveries(self, name: str, state: DeliveryState | None, before: int | None, limit: int) -> list[Delivery]:
        """The newest deliveries of webhook ``name`` in ``state``, position below ``before``, newest first."""

    def change_delivery(self, one: Delivery) -> None:
        """Keep how far ``one`` has come."""
