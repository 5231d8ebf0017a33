"""Routes of webhooks: register, list, rotate, remove; their deliveries, and another try."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from tallystick.service import webhooks
from tallystick.store.service_records import Delivery, DeliveryState, Webhook
from tallystick.web.identity import Asking
from tallystick.web.models import Seconds, body_config
from tallystick.web.openapi import answers, writing
from tallystick.web.pages import LINK, Paged
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/webhooks", tags=["events"], route_class=StrictRoute)

_ID = "5d" * 16
_SECRET = "whsec_" + "q7wd" * 13
_WEBHOOK: dict[str, Any] = {"webhook": _ID, "url": "https://example.com/tallystick", "createdAt": 1767345600}
_DELIVERY: dict[str, Any] = {
    "delivery": 17,
    "event": 42,
    "state": "waiting",
    "attempts": 2,
    "nextAt": 1767345660,
    "answered": 500,
    "failure": "expected an answer of 2xx, got 500",
}
WebhookPath = Annotated[str, Path(max_length=64, description="The webhook's id.", examples=[_ID])]


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


@router.post(
    "",
    status_code=201,
    operation_id="addWebhook",
    summary="Register a webhook",
    responses=writing(409, 503),
    response_description="The webhook with its secret, which is shown this once.",
)
def add_webhook(body: NewWebhookBody, installed: Installed, asking: Asking) -> WebhookSecret:
    """Have a URL told, from now on, whenever evidence in the log of one of your parties comes further.

    Each event is sent at least once, as a POST of one JSON object, until the receiver answers 2xx within ten seconds:
    12 times over some hours, then it is dead. Redirects are not followed.
    """
    return WebhookSecret.made(*webhooks.register(installed, asking, body.url))


@router.get(
    "",
    operation_id="listWebhooks",
    summary="List your webhooks",
    responses=answers(503),
    response_description="All of them (there are few), oldest first.",
)
def list_webhooks(installed: Installed, asking: Asking) -> list[WebhookView]:
    """List the webhooks of your organisation."""
    with installed.store.transaction(read_only=True) as transaction:
        return [WebhookView.of(one) for one in transaction.webhooks(asking.organisation.organisation)]


@router.delete(
    "/{webhook}",
    status_code=204,
    operation_id="removeWebhook",
    summary="Remove a webhook",
    responses=answers(404, 422, 503),
    response_description="It is told of nothing any more.",
)
def remove_webhook(webhook: WebhookPath, installed: Installed, asking: Asking) -> Response:
    """Remove a webhook, with what it was not told of yet."""
    webhooks.end(installed, asking, webhook)
    return Response(status_code=204)


@router.post(
    "/{webhook}/secret",
    status_code=201,
    operation_id="rotateWebhookSecret",
    summary="Rotate the secret of a webhook",
    responses=answers(404, 422, 503),
    response_description="The new secret, which is shown this once.",
)
def rotate_secret(webhook: WebhookPath, installed: Installed, asking: Asking) -> WebhookSecret:
    """Give a webhook a new secret; for a day, deliveries are signed by the old one too."""
    return WebhookSecret.made(*webhooks.rotate(installed, asking, webhook))


@router.get(
    "/{webhook}/deliveries",
    operation_id="listDeliveries",
    summary="List the deliveries of a webhook",
    responses={200: {"headers": LINK}, **answers(404, 422, 503)},
    response_description="Deliveries, newest first.",
)
def list_deliveries(
    webhook: WebhookPath,
    installed: Installed,
    asking: Asking,
    page: Paged,
    state: Annotated[DeliveryState | None, Query(description="`dead`: what was given up.")] = None,
) -> list[DeliveryView]:
    """List what a webhook was told of, and what became of each."""
    with installed.store.transaction(read_only=True) as transaction:
        webhooks.own(transaction, asking, webhook)
        found = transaction.deliveries(webhook, state, page.number, page.limit + 1)
    if len(found) > page.limit:
        page.go_on_after(found[page.limit - 1].position)
    return [DeliveryView.of(one) for one in page.cut(found)]


@router.post(
    "/{webhook}/deliveries/{delivery}/redelivery",
    status_code=202,
    operation_id="redeliver",
    summary="Try a delivery again",
    responses=answers(404, 422, 503),
    response_description="It will be tried again.",
)
def redeliver(
    webhook: WebhookPath,
    delivery: Annotated[int, Path(ge=1, le=2**53, description="The delivery, from the list of them.", examples=[17])],
    installed: Installed,
    asking: Asking,
) -> DeliveryView:
    """Have a delivery tried again, a dead or delivered one too."""
    return DeliveryView.of(webhooks.redeliver(installed, asking, webhook, delivery))
