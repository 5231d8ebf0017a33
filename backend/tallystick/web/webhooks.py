"""Routes of webhooks: register, list, rotate, remove; their deliveries, and another try."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from tallystick.service import webhooks
from tallystick.store.service_records import DeliveryState
from tallystick.web.identity import Asking
from tallystick.web.openapi import answers, writing
from tallystick.web.pages import LINK, Paged
from tallystick.web.requests import Installed, StrictRoute
from tallystick.web.webhook_models import WEBHOOK_ID, DeliveryView, NewWebhookBody, WebhookSecret, WebhookView

router = APIRouter(prefix="/v1/webhooks", tags=["events"], route_class=StrictRoute)

WebhookPath = Annotated[str, Path(max_length=64, description="The webhook's id.", examples=[WEBHOOK_ID])]


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
