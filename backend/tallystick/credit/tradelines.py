"""Tradelines: what the party trades with one counterparty, in one role and one currency, and their totals.

Rules:

- invoices that the party reports itself make one tradeline a currency, whose counterparty is None;
- payment terms are those of the latest contract with that counterparty, in that role and currency;
- totals by currency are the merged sums of the tradelines, so that the two can't disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from tallystick.credit.deals import ContractState, Deals
from tallystick.credit.metrics import Metrics, Sums
from tallystick.credit.states import InvoiceState, PaymentState, Role, Status
from tallystick.protocol.types import PartyId

NO_CONTRACT = "no contract in this currency names payment terms"
NO_COUNTED_INVOICE = "no invoice that is not cancelled"

_Key: TypeAlias = tuple[Role, str, PartyId | None]


@dataclass(frozen=True, slots=True)
class Tradeline:
    """Everything between the party, in one ``role``, and one ``counterparty`` in one ``currency``."""

    counterparty: PartyId | None
    """None for what the party reports itself about customers that have not joined."""
    role: Role
    currency: str
    payment_terms_days: int | None
    first_invoice_date: date | None
    last_invoice_date: date | None
    metrics: Metrics
    invoices: tuple[InvoiceState, ...]
    payments: tuple[PaymentState, ...]
    reasons: Mapping[str, str]
    """Why a field of the tradeline itself is None; those of its metrics stand in ``metrics.reasons``."""


@dataclass(slots=True)
class _Line:
    sums: Sums
    invoices: list[InvoiceState] = field(default_factory=list)
    payments: list[PaymentState] = field(default_factory=list)
    first: date | None = None
    """The first issue date of an invoice that is not cancelled."""
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Tradelines:
    """All tradelines in order of role, currency and counterparty, and the totals of each role by currency."""

    lines: tuple[Tradeline, ...]
    as_buyer: Mapping[str, Metrics]
    as_seller: Mapping[str, Metrics]


def draw_tradelines(deals: Deals, day: date) -> Tradelines:
    """The tradelines of ``deals`` on ``day``. Call it within ``money.exact_arithmetic``."""
    drawing = Drawing(day)
    drawing.add(deals.invoices, deals.payments)
    return drawing.finish(deals.contracts)


class Drawing:
    """Tradelines on ``day`` while invoices and payments are added to them, which they keep unless ``sums_only``."""

    def __init__(self, day: date, *, sums_only: bool = False) -> None:
        self._day = day
        self._sums_only = sums_only
        self._lines: dict[_Key, _Line] = {}

    def add(self, invoices: Iterable[InvoiceState], payments: Iterable[PaymentState]) -> None:
        """Count ``invoices`` and ``payments``. Call it within ``money.exact_arithmetic``."""
        for invoice in invoices:
            line = self._line((invoice.role, invoice.currency, invoice.counterparty))
            line.sums.add_invoice(invoice)
            if invoice.status is not Status.CANCELLED:
                issued = invoice.issue_date
                line.first = issued if line.first is None or issued < line.first else line.first
                line.last = issued if line.last is None or issued > line.last else line.last
            if not self._sums_only:
                line.invoices.append(invoice)
        for payment in payments:
            line = self._line((payment.role, payment.currency, payment.counterparty))
            line.sums.add_payment(payment)
            if not self._sums_only:
                line.payments.append(payment)

    def finish(self, contracts: Iterable[ContractState]) -> Tradelines:
        """The tradelines of all that was added. Call it within ``money.exact_arithmetic``."""
        terms_days: dict[_Key, int] = {
            (contract.role, contract.terms.currency, contract.counterparty): contract.terms.payment_terms_days
            for contract in contracts
        }
        lines = self._lines
        return Tradelines(
            tuple(_tradeline(key, lines[key], terms_days.get(key)) for key in sorted(lines, key=_line_order)),
            _totals(Role.BUYER, lines, self._day),
            _totals(Role.SELLER, lines, self._day),
        )

    def _line(self, key: _Key) -> _Line:
        return self._lines.get(key) or self._lines.setdefault(key, _Line(Sums(self._day)))


def _line_order(key: _Key) -> tuple[str, str, bytes]:
    role, currency, counterparty = key
    return role.value, currency, counterparty or b""


def _tradeline(key: _Key, line: _Line, terms_days: int | None) -> Tradeline:
    role, currency, counterparty = key
    reasons = {} if terms_days is not None else {"paymentTermsDays": NO_CONTRACT}
    if line.first is None:
        reasons |= dict.fromkeys(("firstInvoiceDate", "lastInvoiceDate"), NO_COUNTED_INVOICE)
    return Tradeline(
        counterparty=counterparty,
        role=role,
        currency=currency,
        payment_terms_days=terms_days,
        first_invoice_date=line.first,
        last_invoice_date=line.last,
        metrics=line.sums.finish(),
        invoices=tuple(line.invoices),
        payments=tuple(line.payments),
        reasons=reasons,
    )


def _totals(role: Role, lines: Mapping[_Key, _Line], day: date) -> dict[str, Metrics]:
    totals: dict[str, Sums] = {}
    for key in sorted(lines, key=_line_order):
        if key[0] is role:
            totals.setdefault(key[1], Sums(day)).merge(lines[key].sums)
    return {currency: sums.finish() for currency, sums in totals.items()}
