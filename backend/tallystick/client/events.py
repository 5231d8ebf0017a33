"""Operations of events: what becomes of evidence, as a stream and by webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import orjson

from tallystick.client.transport import Transport, lines_of, path_of, wait_seconds
from tallystick.web.webhook_models import DeliveryView, NewWebhookBody, WebhookSecret, WebhookView


class Events(Transport):
    """What happens, told by the server."""

    def stream_events(self, *, after: int | None = None, follow: bool = True) -> Iterator[dict[str, Any]]:
        """Events after the id ``after``, or from now on, as they happen; without ``follow``, those that there are.

        A stream that ends or is lost is asked for again from the last id, so that every event comes once. It is first
        asked for with the first ``next``.

        Source: WHATWG HTML section 9.2.
        """
        last = None if after is None else str(after)
        failures = 0
        while True:
            headers = {} if last is None else {"Last-Event-ID": last}
            query = {"follow": follow}
            answer = self._ask("streamEvents", "GET", "/v1/events", query, None, headers, streams=True)
            data: list[bytes] = []
            begun = last
            try:
                with closing(answer):
                    for line in lines_of(answer):
                        name, _, value = line.partition(b":")
                        value = value.removeprefix(b" ")
                        if name in (b"", b"data") and line:
                            failures = 0  # an event, or a sign of life
                        if name == b"id":
                            begun = value.decode()
                        elif name == b"data":
                            data.append(value)
                        elif not line:
                            last = begun  # not before: what is lost in the middle of an event must come again
                            if data:
                                event: dict[str, Any] = orjson.loads(b"\n".join(data))
                                data = []
                                yield event
            except httpx.TransportError as error:
                failures += 1
                self._wait_again("streamEvents", failures, error)
                continue
            if not follow:
                return
            self._sleep(wait_seconds(0, None))

    def list_webhooks(self) -> Iterator[WebhookView]:
        """The webhooks of your organisation, oldest first."""
        return self._each("listWebhooks", WebhookView, "/v1/webhooks")

    def add_webhook(self, body: NewWebhookBody) -> WebhookSecret:
        """Have a URL told what becomes of your evidence; the secret is shown this once."""
        made: WebhookSecret = self._one("addWebhook", WebhookSecret, "POST", "/v1/webhooks", body=body)
        return made

    def remove_webhook(self, webhook: str) -> None:
        """Remove a webhook, with what it was not told of yet."""
        self._one("removeWebhook", None, "DELETE", path_of("webhooks", webhook))

    def rotate_webhook_secret(self, webhook: str) -> WebhookSecret:
        """Give a webhook a new secret; for a day, deliveries are signed by the old one too."""
        path = path_of("webhooks", webhook, "secret")
        made: WebhookSecret = self._one("rotateWebhookSecret", WebhookSecret, "POST", path)
        return made

    def list_deliveries(
        self, webhook: str, *, state: str | None = None, limit: int | None = None
    ) -> Iterator[DeliveryView]:
        """What a webhook was told of, and what became of each, newest first; ``dead``: what was given up."""
        query = {"state": state, "limit": limit}
        return self._each("listDeliveries", DeliveryView, path_of("webhooks", webhook, "deliveries"), query=query)

    def redeliver(self, webhook: str, delivery: int) -> DeliveryView:
        """Have a delivery tried again, a dead or delivered one too."""
        path = path_of("webhooks", webhook, "deliveries", delivery, "redelivery")
        found: DeliveryView = self._one("redeliver", DeliveryView, "POST", path)
        return found
