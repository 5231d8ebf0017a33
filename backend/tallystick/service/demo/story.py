"""A believable story told from a seed: what a dozen companies stated to each other over two years.

Rules:

- pure: the same seed tells the same story, day by day, cent by cent;
- every relation draws from a source of its own, so that a change to one leaves the others as they were;
- an event is a draft and the moment it is made; it refers to earlier ones by ``@label``, also across days;
- business happens on working days, at hours that fit: goods arrive before they are billed, bills before they are paid.

Example: ``tell(1494).events[0].draft.kind`` is ``Kind.CONTRACT``.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from tallystick.intake.drafts import Draft
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import Timestamp
from tallystick.service.demo.cast import (
    CARRIER,
    COMPANIES,
    FIRST_DAY,
    LAST_DAY,
    RELATIONS,
    Company,
    Incident,
    Relation,
)

DEFAULT_SEED = 1494
"""The year in which Pacioli printed double entry."""


@dataclass(frozen=True, slots=True)
class Event:
    """``draft`` is stated at ``at``; one with a label can be referred to from then on."""

    at: Timestamp
    draft: Draft


@dataclass(frozen=True, slots=True)
class Story:
    """What happened between ``start`` and ``end``: ``events`` in order of time."""

    seed: int
    companies: tuple[Company, ...]
    start: Timestamp
    end: Timestamp
    events: tuple[Event, ...]


def tell(seed: int = DEFAULT_SEED, *, until: date = LAST_DAY) -> Story:
    """The story that ``seed`` makes, from its first day to ``until``."""
    end = moment(until, hour=22)
    events = [event for relation in RELATIONS for event in _Trade(relation, seed).tell()]
    events.sort(key=lambda event: event.at)
    told = tuple(event for event in events if event.at <= end)
    return Story(seed, COMPANIES, moment(FIRST_DAY, hour=6), end, told)


def moment(day: date, hour: int, minute: int = 0) -> Timestamp:
    """That time of ``day`` in UTC."""
    return Timestamp(
        int(datetime.datetime(day.year, day.month, day.day, hour, minute, tzinfo=datetime.UTC).timestamp())
    )


def working_day(day: date) -> date:
    """``day``, or the Monday after where it falls on a weekend."""
    return day if day.weekday() < 5 else day + timedelta(days=7 - day.weekday())


def money(cents: int) -> str:
    """``cents`` as a decimal string with two places."""
    return f"{cents // 100}.{cents % 100:02d}"


class _Trade:
    """Everything stated between the supplier and the buyer of one relation."""

    def __init__(self, relation: Relation, seed: int) -> None:
        self._relation = relation
        self._random = random.Random(f"{seed}/{relation.key}")  # noqa: S311 - a story, not a secret  # nosec B311
        self._minute = self._random.randrange(0, 60, 15)
        self._events: list[Event] = []

    def tell(self) -> list[Event]:
        """The events of the relation; each comes after those it refers to, both in the list and in time."""
        relation = self._relation
        self._sign_contract()
        day, number = relation.first, 0
        while day <= relation.last:
            number += 1
            self._trade_once(number, working_day(day))
            day += timedelta(days=relation.every_days + self._random.randint(-4, 4))
        return self._events

    def _sign_contract(self) -> None:
        relation = self._relation
        day = working_day(max(relation.first - timedelta(days=30), FIRST_DAY + timedelta(days=1)))
        content: dict[str, Json] = {
            "contractNumber": f"FC-{day.year}-{relation.key}",
            "issuerRole": "supplier",
            "currency": relation.currency,
            "paymentTermsDays": relation.terms_days,
            "effectiveDate": day.isoformat(),
            "title": relation.title,
        }
        self._state(Kind.CONTRACT, day, 8, content, label="contract", countersigned=True)

    def _trade_once(self, number: int, day: date) -> None:
        """One order from delivery to the last payment."""
        relation, incident = self._relation, self._relation.incidents.get(number)
        cents = self._draw_amount()
        if incident is Incident.PREPAID:
            self._pay_in_advance(number, working_day(day - timedelta(days=21)), cents)
        if relation.carried:
            self._deliver(number, day, cents)
        due = day + timedelta(days=relation.terms_days)
        self._state(
            Kind.INVOICE,
            day,
            11,
            self._invoice_content(number, day, due, cents),
            label=f"invoice-{number}",
            parent=f"delivery-{number}" if relation.carried else "contract",
        )
        if incident is Incident.PREPAID:
            self._apply_advance(number, day, cents)
            return
        settled_from, cents = self._undergo(incident, number, day, due, cents)
        if incident is Incident.DISPUTE_OPEN:
            return
        if incident in (None, Incident.OVERPAID, Incident.CREDIT_NOTE):
            self._maybe_acknowledge(number, day)
        self._pay(number, settled_from, due, cents, overpays=incident is Incident.OVERPAID)

    def _draw_amount(self) -> int:
        """Around the typical amount; whole tens of cents, as price lists have them."""
        return round(self._relation.typical_cents * self._random.uniform(0.55, 1.55) / 10) * 10

    def _deliver(self, number: int, day: date, cents: int) -> None:
        """The supplier states the delivery of the day before the invoice, the carrier bears witness to it."""
        relation = self._relation
        received = day - timedelta(days=3 if day.weekday() == 0 else 1)
        content = {
            "deliveryNumber": f"DN-{received.year}-{relation.buyer.code}-{number:02d}",
            "receivedDate": received.isoformat(),
            "currency": relation.currency,
            "deliveredValue": money(cents),
            "carrier": CARRIER.name,
            "trackingNumber": f"KW{self._random.randrange(10**9):09d}",
        }
        label = f"delivery-{number}"
        self._state(Kind.DELIVERY, received, 9, content, label=label, parent="contract")
        note = {"note": "Handed over at the consignee's dock, count complete, no damage seen."}
        self._state(Kind.ACKNOWLEDGEMENT, received, 12, note, parent=label, issuer=CARRIER)

    def _invoice_content(self, number: int, day: date, due: date, cents: int) -> dict[str, Json]:
        relation = self._relation
        return {
            "invoiceNumber": f"{day.year}-{relation.buyer.code}-{number:02d}",
            "issueDate": day.isoformat(),
            "dueDate": due.isoformat(),
            "currency": relation.currency,
            "payableAmount": money(cents),
            "orderNumber": f"PO-{relation.supplier.code[:3]}{number:04d}",
        }

    def _undergo(self, incident: Incident | None, number: int, day: date, due: date, cents: int) -> tuple[date, int]:
        """Play ``incident`` of invoice ``number``: the day from which it may be paid, and what is left to pay."""
        invoice = f"invoice-{number}"
        if incident is Incident.CORRECTED:
            right = round(cents * 0.93 / 10) * 10
            content = self._invoice_content(number, day, due, right)
            content |= {"correctionType": "replaced", "reason": "Billed at last year's price."}
            fixed_on = working_day(day + timedelta(days=2))
            self._state(Kind.CORRECTION, fixed_on, 12, content, label=f"correction-{number}", parent=invoice)
            self._answer(f"correction-{number}", working_day(fixed_on + timedelta(days=1)), {})
            return fixed_on, right
        if incident is Incident.CREDIT_NOTE:
            returned = round(cents * 0.12 / 10) * 10
            credited_on = working_day(day + timedelta(days=9))
            self._credit(number, credited_on, returned, "Two pallets returned, wrong spindle length.")
            return credited_on, cents - returned
        if incident in (Incident.DISPUTE_CREDITED, Incident.DISPUTE_WITHDRAWN, Incident.DISPUTE_OPEN):
            return self._dispute(incident, number, day, cents)
        return day, cents

    def _dispute(self, incident: Incident, number: int, day: date, cents: int) -> tuple[date, int]:
        """The buyer disputes; credited by the supplier, withdrawn by the buyer, or still open at the end."""
        disputed = round(cents * 0.18 / 10) * 10
        content = {
            "reasonCode": "SHORT_DELIVERY" if incident is Incident.DISPUTE_CREDITED else "QUALITY",
            "disputedAmount": money(disputed),
            "currency": self._relation.currency,
        }
        disputed_on = working_day(day + timedelta(days=5))
        label = f"dispute-{number}"
        self._answer(f"invoice-{number}", disputed_on, content, kind=Kind.DISPUTE, label=label)
        if incident is Incident.DISPUTE_WITHDRAWN:
            resolved_on = working_day(disputed_on + timedelta(days=23))
            outcome: dict[str, Json] = {"outcome": "withdrawn", "note": "Inspected together: within tolerance."}
            self._answer(label, resolved_on, outcome, kind=Kind.RESOLUTION)
            return resolved_on, cents
        if incident is Incident.DISPUTE_CREDITED:
            resolved_on = working_day(disputed_on + timedelta(days=12))
            outcome = {"outcome": "credited", "creditAmount": money(disputed), "currency": self._relation.currency}
            self._state(Kind.RESOLUTION, resolved_on, 10, outcome, parent=label)
            accepted: dict[str, Json] = {"acceptedAmount": money(cents - disputed)}
            self._answer(f"invoice-{number}", resolved_on, accepted)
            return resolved_on, cents - disputed
        return disputed_on, cents

    def _maybe_acknowledge(self, number: int, day: date) -> None:
        if self._random.randrange(100) < self._relation.acknowledged_percent:
            self._answer(f"invoice-{number}", working_day(day + timedelta(days=self._random.randint(1, 5))), {})

    def _pay(self, number: int, earliest: date, due: date, cents: int, *, overpays: bool) -> None:
        """Pay by habit in as many instalments as usual; what insolvency leaves unpaid is written off."""
        relation = self._relation
        discount = round(cents * relation.discount_percent / 100)
        left = cents - discount
        day = max(due + timedelta(days=self._draw_lateness(due)), earliest + timedelta(days=1))
        for part in range(relation.instalments):
            share = left if part == relation.instalments - 1 else round(left * 0.6 / 10) * 10
            paid_on = working_day(day + timedelta(days=14 * part))
            if relation.insolvent_on is not None and paid_on >= relation.insolvent_on:
                self._write_off(number, left)
                return
            self._pay_once(number, part, paid_on, share, share + 100_000 if overpays else share)
            left -= share
        if discount:
            self._credit(number, paid_on, discount, "Discount for payment within ten days.")

    def _draw_lateness(self, due: date) -> int:
        """Days after ``due``: the habit has moved from its first to its last value as the two years have gone by."""
        habit = self._relation.habit
        gone = (due - FIRST_DAY) / (LAST_DAY - FIRST_DAY)
        middle = habit.first_days + (habit.last_days - habit.first_days) * gone
        return round(middle) + self._random.randint(-habit.spread_days, habit.spread_days)

    def _pay_once(self, number: int, part: int, day: date, cents: int, transferred_cents: int) -> None:
        label = f"payment-{number}-{part}"
        content = self._payment_content(f"{number:02d}{'ab'[part]}", day, transferred_cents)
        content["allocations"] = [{"invoice": self._name(f"invoice-{number}"), "amount": money(cents)}]
        if self._relation.claims:
            self._answer("contract", day, content, kind=Kind.PAYMENT, label=label)
            self._state(Kind.ACKNOWLEDGEMENT, working_day(day + timedelta(days=1)), 10, {}, parent=label)
        else:
            self._state(Kind.PAYMENT, day, 16, content, label=label, parent="contract")

    def _payment_content(self, suffix: str, day: date, cents: int) -> dict[str, Json]:
        return {
            "paymentReference": f"PAY-{self._relation.key}-{suffix}",
            "valueDate": day.isoformat(),
            "currency": self._relation.currency,
            "amount": money(cents),
            "method": "SEPA credit transfer" if self._relation.currency == "EUR" else "wire transfer",
        }

    def _pay_in_advance(self, number: int, day: date, cents: int) -> None:
        """The supplier books the receipt of money for goods not yet billed: it is allocated to nothing."""
        content = self._payment_content(f"{number:02d}", day, cents) | {"allocations": []}
        self._state(Kind.PAYMENT, day, 16, content, label=f"payment-{number}", parent="contract")

    def _apply_advance(self, number: int, day: date, cents: int) -> None:
        """The supplier states the receipt again, now allocated to the invoice, on the day it is billed."""
        paid_on = working_day(day - timedelta(days=21))
        content = self._payment_content(f"{number:02d}", paid_on, cents)
        content["allocations"] = [{"invoice": self._name(f"invoice-{number}"), "amount": money(cents)}]
        content["correctionType"] = "replaced"
        self._state(Kind.CORRECTION, day, 12, content, parent=f"payment-{number}")

    def _credit(self, number: int, day: date, cents: int, reason: str) -> None:
        content: dict[str, Json] = {
            "correctionType": "credited",
            "creditNoteNumber": f"CN-{day.year}-{self._relation.buyer.code}-{number:02d}",
            "issueDate": day.isoformat(),
            "creditAmount": money(cents),
            "currency": self._relation.currency,
            "reason": reason,
        }
        self._state(Kind.CORRECTION, day, 17, content, parent=f"invoice-{number}")

    def _write_off(self, number: int, cents: int) -> None:
        relation = self._relation
        assert relation.written_off_on is not None, "who becomes insolvent is written off"
        content = {
            "currency": relation.currency,
            "amount": money(cents),
            "reason": f"Insolvency of the buyer, {relation.insolvent_on}.",
        }
        self._state(Kind.WRITE_OFF, relation.written_off_on, 15, content, parent=f"invoice-{number}")

    def _answer(
        self,
        parent: str,
        day: date,
        content: Mapping[str, Json],
        *,
        kind: Kind = Kind.ACKNOWLEDGEMENT,
        label: str | None = None,
    ) -> None:
        """The buyer's word, in the afternoon."""
        self._state(kind, day, 14, content, parent=parent, label=label, issuer=self._relation.buyer)

    def _state(
        self,
        kind: Kind,
        day: date,
        hour: int,
        content: Mapping[str, Json],
        *,
        parent: str | None = None,
        label: str | None = None,
        issuer: Company | None = None,
        countersigned: bool = False,
    ) -> None:
        """Add an event: by the supplier where no other ``issuer`` is named, to the other side; a witness to nobody."""
        supplier, buyer = self._relation.supplier, self._relation.buyer
        at = moment(day, hour, self._minute)
        issuer = issuer or supplier
        others = {supplier: buyer, buyer: supplier}
        other = others.get(issuer)
        draft = Draft(
            kind=kind,
            issuer=issuer.identifier,
            counterparty=None if other is None else other.identifier,
            deal=None,
            parent=None if parent is None else self._name(parent),
            content=dict(content),
            occurred_at=at,
            label=None if label is None else self._name(label)[1:],
            countersigned=countersigned,
        )
        self._events.append(Event(at, draft))

    def _name(self, label: str) -> str:
        return f"@{self._relation.key}/{label}"
