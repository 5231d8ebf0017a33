"""The bodies of requests and answers about webhooks and their deliveries; rules as in ``models``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tallystick.store.service_records import Delivery, DeliveryState, Webhook
from tallystick.web.models import Seconds, body_config

WEBHOOK_ID = "5d" * 16
_SECRET = "whsec_" + "q7wd" * 13
_WEBHOOK: dict[str, Any] = {"webhook": WEBHOOK_ID, "url": "https://example.com/tallystick", "createdAt": 1767345600}
_DELIVERY: dict[str, Any] = {
    "delivery": 17,
    "event": 42,
    "state": "waiting",
    "attempts": 2,
    "nextAt": 1767345660,
    "answered": 500,
    "failure": "expected an answer of 2xx, got 500",
}


class NewWebhookBody(BaseModel):
    """A URL to be told what becomes of your evidence."""

    model_config = body_config({"url": "https://example.com/tallystick"})

    url: Annotated[str, Field(max_length=2_000, description="https, of a public host.")]


class WebhookView(BaseModel):
    """A webhook, without its secret."""

    model_config = body_config(_WEBHOOK)

    webhook: str
    url: str
    created_at: Seconds

    @classmethod
    def of(cls, one: Webhook) -> WebhookView:
        """``one`` as JSON."""
        return cls(webhook=one.webhook, url=one.url, created_at=one.created_at)


class WebhookSecret(WebhookView):
    """A webhook with its secret, which is shown this once."""

    model_config = body_config({**_WEBHOOK, "secret": _SECRET})

    secret: Annotated[
        str,
        Field(
            description="`Tallystick-Signature: t=SECONDS,v1=HEX`: HEX is the HMAC-SHA-256 of `SECONDS.BODY` with the "
            "whole of this text as key. Of several v1 one must fit."
        ),
    ]

    @classmethod
    def made(cls, one: Webhook, secret: str) -> WebhookSecret:
        """``one`` with its ``secret`` as JSON."""
        return cls(webhook=one.webhook, url=one.url, created_at=one.created_at, secret=secret)


class DeliveryView(BaseModel):
    """One event told to a webhook: what became of it."""

    model_config = body_config(_DELIVERY)

    delivery: int
    event: Annotated[int, Field(description="The id of the event, as in /v1/events.")]
    state: DeliveryState
    attempts: int
    next_at: Annotated[int | None, Field(description="When it is tried next; null: not any more.")]
    answered: Annotated[int | None, Field(description="The status of the last answer.")]
    failure: str | None

    @classmethod
    def of(cls, one: Delivery) -> DeliveryView:
        """``one`` as JSON."""
        return cls(
            delivery=one.position,
            event=one.event,
            state=one.state,
            attempts=one.attempts,
            next_at=one.next_at,
            answered=one.answered,
            failure=one.failure,
        )
