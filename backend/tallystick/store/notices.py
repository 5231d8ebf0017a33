"""What becomes of an organisation's evidence, the webhooks that are told of it, and each telling.

Status events are numbered in the order of their commits, for writers take turns: whoever read up to one misses none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from tallystick.protocol.types import PartyId, Timestamp
from tallystick.store.api_tables import delivery, evidence_subject, webhook
from tallystick.store.records import StatusEvent
from tallystick.store.rows import STATUS_EVENT_COLUMNS, chunks, status_event_record
from tallystick.store.schema import block, evidence, status_event
from tallystick.store.service_records import Delivery, DeliveryState, Webhook

_WEBHOOKS = select(*webhook.c)
_DELIVERIES = select(*delivery.c)


class NoticeRows:
    """The part of a transaction that tells of events."""

    _connection: Connection

    def last_event(self) -> int:
        """The position of the newest status event; 0 where there is none."""
        return self._connection.execute(select(func.max(status_event.c.position))).scalar() or 0

    def events_of(self, parties: Iterable[PartyId] | None, after: int, until: int) -> list[StatusEvent]:
        """Status events of evidence in the log of one of ``parties`` (None: of all), positions in (after, until]."""
        if parties is not None:
            told: dict[int, StatusEvent] = {}
            for some in chunks(parties):
                told |= {one.position: one for one in self._events_of(some, after, until)}
            return [told[position] for position in sorted(told)]
        return self._events_of(None, after, until)

    def _events_of(self, some: Sequence[PartyId] | None, after: int, until: int) -> list[StatusEvent]:
        """The same, of few enough parties for one statement."""
        joined = status_event.outerjoin(block, block.c.block_hash == status_event.c.block_hash)
        found = select(*STATUS_EVENT_COLUMNS).select_from(joined)
        found = found.where(status_event.c.position > after, status_event.c.position <= until)
        if some is not None:
            own = select(evidence_subject.c.position).where(
                evidence_subject.c.position == evidence.c.position, evidence_subject.c.subject.in_(some)
            )
            concerned = select(evidence.c.position).where(
                evidence.c.evidence_id == status_event.c.evidence_id, own.exists()
            )
            found = found.where(concerned.exists())
        rows = self._connection.execute(found.order_by(status_event.c.position))
        return [status_event_record(row) for row in rows]

    def put_webhook(self, one: Webhook) -> None:
        """Keep ``one``, in the place of what is kept under its name."""
        row = dataclasses.asdict(one)
        same = webhook.c.webhook == one.webhook
        if not self._connection.execute(webhook.update().where(same).values(**row)).rowcount:
            self._connection.execute(webhook.insert(), row)

    def webhook(self, name: str) -> Webhook | None:
        """The webhook of that id, ended ones too, or None."""
        row = self._connection.execute(_WEBHOOKS.where(webhook.c.webhook == name)).one_or_none()
        return None if row is None else Webhook(**row._mapping)

    def webhooks(self, organisation_id: str | None = None) -> list[Webhook]:
        """The webhooks that are not ended, of one organisation or all, by creation."""
        scope = [] if organisation_id is None else [webhook.c.organisation == organisation_id]
        ordered = _WEBHOOKS.where(webhook.c.ended_at.is_(None), *scope).order_by(
            webhook.c.created_at, webhook.c.webhook
        )
        return [Webhook(**row._mapping) for row in self._connection.execute(ordered)]

    def add_deliveries(self, name: str, told: Sequence[tuple[int, str]], at: Timestamp) -> None:
        """Let webhook ``name`` be told of these (event, body), from ``at`` on."""
        first = {"webhook": name, "state": DeliveryState.WAITING.value, "attempts": 0, "next_at": at}
        rows = [{**first, "event": event, "body": body} for event, body in told]
        if rows:
            self._connection.execute(delivery.insert(), rows)

    def due_deliveries(self, at: Timestamp, limit: int) -> list[Delivery]:
        """Deliveries that are to be tried by ``at``, the longest due first, at most ``limit``."""
        due = _DELIVERIES.where(delivery.c.next_at <= at).order_by(delivery.c.next_at, delivery.c.position)
        return self._deliveries(due.limit(limit))

    def delivery(self, name: str, position: int) -> Delivery | None:
        """Delivery ``position`` of webhook ``name``, or None."""
        wanted = _DELIVERIES.where(delivery.c.webhook == name, delivery.c.position == position)
        return next(iter(self._deliveries(wanted)), None)

    def deliveries(self, name: str, state: DeliveryState | None, before: int | None, limit: int) -> list[Delivery]:
        """The newest deliveries of webhook ``name`` in ``state``, position below ``before``, newest first."""
        wanted = _DELIVERIES.where(delivery.c.webhook == name)
        if state is not None:
            wanted = wanted.where(delivery.c.state == state.value)
        if before is not None:
            wanted = wanted.where(delivery.c.position < before)
        return self._deliveries(wanted.order_by(delivery.c.position.desc()).limit(limit))

    def change_delivery(self, one: Delivery) -> None:
        """Keep how far ``one`` has come."""
        values = {
            "state": one.state.value,
            "attempts": one.attempts,
            "next_at": one.next_at,
            "answered": one.answered,
            "failure": one.failure,
        }
        self._connection.execute(delivery.update().where(delivery.c.position == one.position).values(**values))

    def _deliveries(self, statement: Any) -> list[Delivery]:
        return [
            Delivery(**{**row._mapping, "state": DeliveryState(row.state)})
            for row in self._connection.execute(statement)
        ]
