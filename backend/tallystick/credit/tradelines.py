"""Tradelines: what the party trades with one counterparty, in one role and one currency, and their totals.

Rules:

- invoices that the party reports itself make one tradeline a currency, whose counterparty is None;
- payment terms are those of the latest contract with that counterparty, in that role and currency;
- totals by currency are the merged sums of the tradelines, so that the two can't disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from tallystick.credit.deals import Deals
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


@dataclass(frozen=True, slots=True)
class Tradelines:
    """All tradelines in order of role, currency and counterparty, and the totals of each role by currency."""

    lines: tuple[Tradeline, ...]
    as_buyer: Mapping[str, Metrics]
    as_seller: Mapping[str, Metrics]


def draw_tradelines(deals: Deals, day: date) -> Tradelines:
    """The tradelines of ``deals`` on ``day``. Call it within ``money.exact_arithmetic``."""
    lines = _sort_into_lines(deals, day)
    terms_days: dict[_Key, int] = {
        (contract.role, contract.terms.currency, contract.counterparty): contract.terms.payment_terms_days
        for contract in deals.contracts
    }
    return Tradelines(
        tuple(_tradeline(key, lines[key], terms_days.get(key)) for key in sorted(lines, key=_line_order)),
        _totals(Role.BUYER, lines, day),
        _totals(Role.SELLER, lines, day),
    )


def _sort_into_lines(deals: Deals, day: date) -> dict[_Key, _Line]:
    lines: dict[_Key, _Line] = {}
    for invoice in deals.invoices:
        key = (invoice.role, invoice.currency, invoice.counterparty)
        line = lines.get(key) or lines.setdefault(key, _Line(Sums(day)))
        line.invoices.append(invoice)
        line.sums.add_invoice(invoice)
    for payment in deals.payments:
        key = (payment.role, payment.currency, payment.counterparty)
        line = lines.get(key) or lines.setdefault(key, _Line(Sums(day)))
        line.payments.append(payment)
        line.sums.add_payment(payment)
    return lines


def _line_order(key: _Key) -> tuple[str, str, bytes]:
    role, currency, counterparty = key
    return role.value, currency, counterparty or b""


def _tradeline(key: _Key, line: _Line, terms_days: int | None) -> Tradeline:
    role, currency, counterparty = key
    dates = [invoice.issue_date for invoice in line.invoices if invoice.status is not Status.CANCELLED]
    reasons = {} if terms_days is not None else {"paymentTermsDays": NO_CONTRACT}
    if not dates:
        reasons |= dict.fromkeys(("firstInvoiceDate", "lastInvoiceDate"), NO_COUNTED_INVOICE)
    return Tradeline(
        counterparty=counterparty,
        role=role,
        currency=currency,
        payment_terms_days=terms_days,
        first_invoice_date=min(dates, default=None),
        last_invoice_date=max(dates, default=None),
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
