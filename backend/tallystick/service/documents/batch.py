"""The documents of one import, in the order in which they came about, and what they say about each other.

Rules:

- orders before answers, deliveries before what is billed for them, invoices before what answers them; else by date;
- what one document lacks and another of the same import says is taken from it: the days to pay an order from the
  invoice that names it, its countersignature from the seller's answer, a delivery's carrier from the despatch advice;
- two documents belong together when their sides share an identifier and a number refers to the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from tallystick.intake.documents import (
    DespatchAdvice,
    Document,
    Invoice,
    Order,
    OrderResponse,
    ReceiptAdvice,
    Source,
    TradeParty,
)

ACCEPTED = "AP"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One document with the file it came from."""

    source: Source
    document: Document


def in_order(sheets: Iterable[Sheet]) -> list[Sheet]:
    """``sheets`` in the order in which they are recorded, whatever order the files came in."""
    return sorted(sheets, key=_place)


def _place(sheet: Sheet) -> tuple[int, str, int, str, str]:
    document = sheet.document
    stage, later = 6, 0
    match document:
        case Order():
            stage = 0
        case OrderResponse():
            stage = 1
        case DespatchAdvice(received_date=arrived):
            stage = 2 if arrived is not None else 4
        case ReceiptAdvice():
            stage = 3
        case Invoice(replaces=False):
            stage = 5
        case Invoice():
            later = -1
        case _:
            later = 1
    return stage, document.issue_date, later, document.number, sheet.source.sha256


class Batch:
    """What the documents of one import say about each other."""

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self._invoices: dict[str, list[Invoice]] = defaultdict(list)
        self._answers: dict[str, list[OrderResponse]] = defaultdict(list)
        self._despatches: dict[str, list[Sheet]] = defaultdict(list)
        for sheet in sheets:
            match sheet.document:
                case Invoice() as invoice if invoice.order is not None:
                    self._invoices[invoice.order].append(invoice)
                case OrderResponse() as answer:
                    self._answers[answer.order].append(answer)
                case DespatchAdvice() as despatch:
                    self._despatches[despatch.number].append(sheet)

    def terms_days(self, order: Order) -> int | None:
        """The days from issue to due date of the first invoice that names ``order``, where it states both."""
        due = [
            (invoice.issue_date, invoice.due_date)
            for invoice in self._invoices[order.number]
            if invoice.due_date is not None
            and _same(invoice.seller, order.seller)
            and _same(invoice.buyer, order.buyer)
        ]
        if not due:
            return None
        issued, last = min(due)
        days = (date.fromisoformat(last) - date.fromisoformat(issued)).days
        return days if days >= 0 else None

    def is_accepted(self, order: Order) -> bool:
        """Whether the seller's last answer to ``order`` takes it as it is."""
        answers = [
            (answer.issue_date, answer.number, answer.code)
            for answer in self._answers[order.number]
            if _same(answer.seller, order.seller) and _same(answer.buyer, order.buyer)
        ]
        return bool(answers) and max(answers)[2] == ACCEPTED

    def despatch(self, receipt: ReceiptAdvice) -> Sheet | None:
        """The despatch advice that ``receipt`` answers."""
        if receipt.despatch is None:
            return None
        found = (
            sheet
            for sheet in self._despatches[receipt.despatch]
            if isinstance(sheet.document, DespatchAdvice) and _same(sheet.document.seller, receipt.seller)
        )
        return next(found, None)


def _same(one: TradeParty, other: TradeParty) -> bool:
    return not set(one.identifiers).isdisjoint(other.identifiers)
