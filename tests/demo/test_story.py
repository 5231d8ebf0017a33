"""The story is the same for the same seed, well-formed, in order, and its characters behave as they are described."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import mean
from typing import Any

import pytest

from tallystick.protocol import fields
from tallystick.protocol.evidence import Kind
from tallystick.service.demo.cast import (
    BRIGHTWATER,
    CARRIER,
    DUINVELD,
    HARBORGATE,
    INSOLVENT_ON,
    RADMOOR,
    RELATIONS,
    SIERRAZUL,
    TESSORIA,
    VELOMONT,
    Company,
)
from tallystick.service.demo.story import Event, Story, tell

ANY_SEEDS = pytest.mark.parametrize("seed", [0, 1, 7, 1494, 20_260_101])


@dataclass(frozen=True)
class Paid:
    """An invoice and what was paid on it."""

    buyer: str
    supplier: str
    invoice: Mapping[str, Any]
    payments: list[tuple[date, Decimal]]

    @property
    def lateness_days(self) -> int:
        """From the due date to the last payment."""
        return (max(day for day, _ in self.payments) - date.fromisoformat(self.invoice["dueDate"])).days


def by_label(story: Story) -> dict[str, Event]:
    return {event.draft.label: event for event in story.events if event.draft.label is not None}


def of_kind(story: Story, kind: Kind) -> list[Event]:
    return [event for event in story.events if event.draft.kind is kind]


def parent_of(story: Story, event: Event) -> Event | None:
    return None if event.draft.parent is None else by_label(story)[event.draft.parent[1:]]


def day_of(event: Event) -> date:
    return datetime.datetime.fromtimestamp(event.at, datetime.UTC).date()


def allocated(story: Story) -> dict[str, list[tuple[date, Decimal]]]:
    """By label of the invoice: value dates and amounts of what is allocated to it, corrections of payments included."""
    found: dict[str, list[tuple[date, Decimal]]] = {}
    for event in story.events:
        content: Any = event.draft.content
        for item in content.get("allocations", ()):
            paid = (date.fromisoformat(content["valueDate"]), Decimal(item["amount"]))
            found.setdefault(item["invoice"][1:], []).append(paid)
    return found


def paid_invoices(story: Story) -> Iterator[Paid]:
    payments = allocated(story)
    for event in of_kind(story, Kind.INVOICE):
        label, buyer = event.draft.label, event.draft.counterparty
        assert label is not None
        assert buyer is not None
        if label in payments:
            yield Paid(buyer, event.draft.issuer, event.draft.content, payments[label])


def lateness(story: Story, buyer: Company, first: date, last: date, supplier: Company | None = None) -> list[int]:
    """Days after due of what ``buyer`` paid, for invoices issued from ``first`` to ``last``."""
    return [
        paid.lateness_days
        for paid in paid_invoices(story)
        if paid.buyer == buyer.identifier
        and (supplier is None or paid.supplier == supplier.identifier)
        and first <= date.fromisoformat(paid.invoice["issueDate"]) <= last
    ]


# the telling


def test_another_seed_tells_another_story() -> None:
    """Amounts and dates come from the seed."""
    assert tell(1).events != tell(2).events


def test_the_same_seed_tells_the_same_story() -> None:
    """A story is a pure function of its seed."""
    assert tell(1494) == tell(1494)


def test_a_shorter_story_is_the_beginning_of_the_longer() -> None:
    """Where the story ends does not change what happened before."""
    short, long = tell(until=date(2024, 6, 28)), tell()
    assert long.events[: len(short.events)] == short.events
    assert 0 < len(short.events) < len(long.events)


@ANY_SEEDS
def test_a_story_is_of_a_dozen_companies_and_some_hundred_evidence(seed: int) -> None:
    """150 to 250 invoices, 600 to 900 evidence in all, and each company has its part."""
    told = tell(seed)
    named = {event.draft.issuer for event in told.events} | {event.draft.counterparty for event in told.events}
    assert len(told.companies) == 12
    assert named - {None} == {company.identifier for company in told.companies}
    assert 150 <= len(of_kind(told, Kind.INVOICE)) <= 250
    assert 600 <= len(told.events) <= 900


def test_one_relation_is_in_dollars_one_in_yuan_the_others_in_euros() -> None:
    """Currencies are there to be kept apart."""
    counts = Counter(relation.currency for relation in RELATIONS)
    assert (counts["USD"], counts["CNY"]) == (1, 1)
    assert counts.keys() == {"USD", "CNY", "EUR"}


# form


@ANY_SEEDS
def test_every_draft_has_the_form_of_its_kind(seed: int) -> None:
    """What a story states would pass any verifier's check of its fields."""
    told = tell(seed)
    for event in told.events:
        content: dict[str, Any] = dict(event.draft.content)
        if "allocations" in content:
            content["allocations"] = [{**item, "invoice": "0x" + "11" * 32} for item in content["allocations"]]
        parent = parent_of(told, event)
        fields.check(event.draft.kind, content, corrected_kind=None if parent is None else parent.draft.kind)
        assert not content.keys() - fields.FORMS.keys()


@ANY_SEEDS
def test_a_document_number_is_given_once(seed: int) -> None:
    """No issuer gives the same number to two documents of one kind."""
    names = ("contractNumber", "deliveryNumber", "invoiceNumber", "paymentReference", "creditNoteNumber")
    given = Counter(
        (event.draft.issuer, event.draft.kind, event.draft.content[name])
        for event in tell(seed).events
        for name in names
        if name in event.draft.content
        and not (event.draft.kind is Kind.CORRECTION and event.draft.content["correctionType"] == "replaced")
    )
    assert set(given.values()) == {1}


# order


@ANY_SEEDS
def test_events_refer_to_earlier_events_only(seed: int) -> None:
    """An answer comes after what it answers, a payment after the invoice it is allocated to."""
    told = tell(seed)
    when: dict[str, int] = {}
    last = told.start
    for event in told.events:
        content: Any = event.draft.content
        references = [item["invoice"] for item in content.get("allocations", ())]
        references += [] if event.draft.parent is None else [event.draft.parent]
        assert all(when[reference[1:]] < event.at for reference in references)
        assert last <= event.at <= told.end
        if event.draft.label is not None:
            assert event.draft.label not in when
            when[event.draft.label] = event.at
        last = event.at


@ANY_SEEDS
def test_business_is_done_on_working_days(seed: int) -> None:
    """Nobody delivers, bills or pays on a weekend."""
    assert {day_of(event).weekday() for event in tell(seed).events} == {0, 1, 2, 3, 4}


@ANY_SEEDS
def test_an_invoice_is_billed_on_the_day_it_is_stated_and_due_by_the_terms(seed: int) -> None:
    """The dates in the content are those of the story and of the contract."""
    told = tell(seed)
    terms = {(relation.supplier.identifier, relation.buyer.identifier): relation.terms_days for relation in RELATIONS}
    for event in of_kind(told, Kind.INVOICE):
        content: Any = event.draft.content
        assert event.draft.counterparty is not None
        issued, due = date.fromisoformat(content["issueDate"]), date.fromisoformat(content["dueDate"])
        assert issued == day_of(event)
        assert (due - issued).days == terms[event.draft.issuer, event.draft.counterparty]


# money


@ANY_SEEDS
def test_no_invoice_is_paid_beyond_what_it_bills(seed: int) -> None:
    """What is paid, credited and written off never adds up to more than the invoice."""
    told = tell(seed)
    taken: defaultdict[str, Decimal] = defaultdict(Decimal)
    for event in told.events:
        parent, content = event.draft.parent, event.draft.content
        if event.draft.kind is Kind.WRITE_OFF:
            assert parent is not None
            taken[parent[1:]] += Decimal(str(content["amount"]))
        if content.get("correctionType") == "credited":
            assert parent is not None
            taken[parent[1:]] += Decimal(str(content["creditAmount"]))
    payments = allocated(told)
    for event in of_kind(told, Kind.INVOICE):
        assert event.draft.label is not None
        paid = sum((amount for _, amount in payments.get(event.draft.label, ())), Decimal(0))
        assert paid + taken[event.draft.label] <= Decimal(str(event.draft.content["payableAmount"]))


@ANY_SEEDS
def test_allocations_never_exceed_the_payment(seed: int) -> None:
    """One payment is of more than it is allocated: the one that was too much."""
    excess = []
    for event in of_kind(tell(seed), Kind.PAYMENT):
        content: Any = event.draft.content
        left = Decimal(content["amount"]) - sum(Decimal(item["amount"]) for item in content["allocations"])
        assert left >= 0
        if left and content["allocations"]:
            excess.append((event.draft.issuer, left))
    assert excess == [(DUINVELD.identifier, Decimal("1000.00"))]


# characters


@ANY_SEEDS
def test_the_late_payer_pays_later_every_half_year(seed: int) -> None:
    """Velomont's lateness grows from days to weeks to months."""
    told = tell(seed)
    halves = [
        (date(2024, 1, 1), date(2024, 6, 30)),
        (date(2024, 7, 1), date(2024, 12, 31)),
        (date(2025, 1, 1), date(2025, 6, 30)),
    ]
    means = [mean(lateness(told, VELOMONT, *half)) for half in halves]
    assert means[0] < 20
    assert means[0] + 10 < means[1]
    assert means[1] + 10 < means[2]


@ANY_SEEDS
def test_the_prompt_payer_is_hardly_ever_late(seed: int) -> None:
    """Radmoor pays in time, but for a due date that fell on a weekend."""
    days = lateness(tell(seed), RADMOOR, date(2024, 1, 1), date(2025, 12, 31))
    assert max(days) <= 2
    assert mean(days) < 0


@ANY_SEEDS
def test_the_discount_is_earned(seed: int) -> None:
    """What Radmoor owes Tessoria it pays two weeks early or more, and is credited two percent each time."""
    told = tell(seed)
    days = lateness(told, RADMOOR, date(2024, 1, 1), date(2025, 12, 31), TESSORIA)
    assert max(days) <= -14
    notes = [
        event
        for event in of_kind(told, Kind.CORRECTION)
        if event.draft.counterparty == RADMOOR.identifier and event.draft.issuer == TESSORIA.identifier
    ]
    assert len(notes) == len(days)


@ANY_SEEDS
def test_a_steady_payer_stays_a_fortnight_late(seed: int) -> None:
    """Sierrazul is late, and does not get worse; one invoice waited for the end of a dispute."""
    days = lateness(tell(seed), SIERRAZUL, date(2024, 1, 1), date(2025, 12, 31))
    assert all(7 <= day <= 21 for day in days)


@ANY_SEEDS
def test_who_is_insolvent_pays_nothing_more_and_all_of_it_is_written_off(seed: int) -> None:
    """Every invoice that Brightwater left unpaid ends in a write-off of its full amount."""
    told = tell(seed)
    payments = allocated(told)
    unpaid = {
        f"@{event.draft.label}": event.draft.content["payableAmount"]
        for event in of_kind(told, Kind.INVOICE)
        if event.draft.counterparty == BRIGHTWATER.identifier and event.draft.label not in payments
    }
    written_off = {event.draft.parent: event.draft.content["amount"] for event in of_kind(told, Kind.WRITE_OFF)}
    last_paid = max(
        day for paid in paid_invoices(told) if paid.buyer == BRIGHTWATER.identifier for day, _ in paid.payments
    )
    assert last_paid < INSOLVENT_ON
    assert len(unpaid) >= 3
    assert written_off == unpaid


@ANY_SEEDS
def test_of_three_disputes_one_is_credited_one_withdrawn_one_open(seed: int) -> None:
    """The supplier credits, the buyer withdraws, and one dispute nobody has resolved when the story ends."""
    told = tell(seed)
    outcomes = {
        event.draft.parent: (event.draft.issuer, event.draft.content["outcome"])
        for event in of_kind(told, Kind.RESOLUTION)
    }
    disputes = {event.draft.issuer: outcomes.get(f"@{event.draft.label}") for event in of_kind(told, Kind.DISPUTE)}
    assert disputes == {
        DUINVELD.identifier: (RADMOOR.identifier, "credited"),
        SIERRAZUL.identifier: (SIERRAZUL.identifier, "withdrawn"),
        VELOMONT.identifier: None,
    }


@ANY_SEEDS
def test_the_first_orders_of_the_importer_are_paid_in_advance(seed: int) -> None:
    """A prepayment is booked before the invoice, allocated to nothing, and stated again with its allocation."""
    told = tell(seed)
    advances = [event for event in of_kind(told, Kind.PAYMENT) if event.draft.content["allocations"] == []]
    restated = [event for event in of_kind(told, Kind.CORRECTION) if "allocations" in event.draft.content]
    assert {event.draft.counterparty for event in advances} == {HARBORGATE.identifier}
    assert [event.draft.parent for event in restated] == [f"@{event.draft.label}" for event in advances]
    assert len(advances) == 2


@ANY_SEEDS
def test_the_carrier_bears_witness_to_every_delivery(seed: int) -> None:
    """It is no side of any deal: it acknowledges deliveries, names no counterparty, and states nothing else."""
    told = tell(seed)
    stated = [event for event in told.events if event.draft.issuer == CARRIER.identifier]
    deliveries = [f"@{event.draft.label}" for event in of_kind(told, Kind.DELIVERY)]
    assert sorted(str(event.draft.parent) for event in stated) == sorted(deliveries)
    assert {(event.draft.kind, event.draft.counterparty) for event in stated} == {(Kind.ACKNOWLEDGEMENT, None)}
