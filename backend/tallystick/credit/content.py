"""The fields of an entry as typed terms, or a sentence that says what is wrong with them.

Rules:

- a reader asks only for the fields that a metric needs, so that a holder may hide the rest;
- a needed field that is absent, hidden or not of its form makes the whole entry unreadable; nothing is repaired;
- a reader never raises: it returns the terms, or the reason as text.

Example: ``read_invoice({...})`` gives ``InvoiceTerms(...)`` or ``"dueDate is absent or hidden"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from tallystick.credit.dates import parse_date
from tallystick.credit.money import parse_amount, parse_currency
from tallystick.errors import MalformedInput
from tallystick.protocol.entry import Json
from tallystick.protocol.types import EvidenceId, clip, parse_bytes32

Fields: TypeAlias = Mapping[str, Json]

MAX_TERMS_DAYS = 3650
OUTCOMES = ("withdrawn", "credited", "cancelled")
SAME_PAYMENT = "samePayment"
"""The field of a PAYMENT that names the other side's PAYMENT of the same money."""
INSOLVENCY_WORDS = ("insolven", "bankrupt")
"""A write-off whose reason contains one of these, in any case, is for insolvency and is not dilution."""

_AMOUNT_FORM = "a decimal string without sign"
_DATE_FORM = "YYYY-MM-DD"
_CURRENCY_FORM = "three letters of ISO 4217"


@dataclass(frozen=True, slots=True)
class InvoiceTerms:
    """What an INVOICE, or a correction that replaces it, says; ``number`` is None where it is hidden."""

    number: str | None
    issue_date: date
    due_date: date
    currency: str
    amount: Decimal

    def is_worse_than(self, earlier: InvoiceTerms) -> bool:
        """Whether the buyer owes more, or sooner, or other money than under ``earlier``."""
        return self.currency != earlier.currency or self.amount > earlier.amount or self.due_date < earlier.due_date


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """What a PAYMENT says: ``allocations`` are (invoice, amount) pairs in the order stated."""

    value_date: date
    currency: str
    amount: Decimal
    allocations: tuple[tuple[EvidenceId, Decimal], ...]
    same_as: EvidenceId | None = None
    """The other side's PAYMENT of the same money, where it names one."""


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """What a credit note says."""

    issue_date: date
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ResolutionTerms:
    """What a RESOLUTION says; ``amount`` and ``currency`` are those of a credit, else None."""

    outcome: str
    currency: str | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class WriteOffTerms:
    """What a WRITE_OFF says; ``insolvency`` is false where the reason is hidden."""

    currency: str
    amount: Decimal
    insolvency: bool


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """What a CONTRACT says that a tradeline shows."""

    issuer_is_supplier: bool
    currency: str
    payment_terms_days: int


def read_invoice(fields: Fields) -> InvoiceTerms | str:
    """The terms in the ``fields`` of an INVOICE."""
    number = fields.get("invoiceNumber")
    if number is not None and not isinstance(number, str):
        return _wrong(fields, "invoiceNumber", "text")
    issue_date = parse_date(fields.get("issueDate"))
    if issue_date is None:
        return _wrong(fields, "issueDate", _DATE_FORM)
    due_date = parse_date(fields.get("dueDate"))
    if due_date is None:
        return _wrong(fields, "dueDate", _DATE_FORM)
    currency = parse_currency(fields.get("currency"))
    if currency is None:
        return _wrong(fields, "currency", _CURRENCY_FORM)
    amount = parse_amount(fields.get("payableAmount"))
    if amount is None:
        return _wrong(fields, "payableAmount", _AMOUNT_FORM)
    return InvoiceTerms(number, issue_date, due_date, currency, amount)


def read_payment(fields: Fields) -> PaymentTerms | str:
    """The terms in the ``fields`` of a PAYMENT."""
    value_date = parse_date(fields.get("valueDate"))
    if value_date is None:
        return _wrong(fields, "valueDate", _DATE_FORM)
    currency = parse_currency(fields.get("currency"))
    if currency is None:
        return _wrong(fields, "currency", _CURRENCY_FORM)
    amount = parse_amount(fields.get("amount"))
    if amount is None:
        return _wrong(fields, "amount", _AMOUNT_FORM)
    items = fields.get("allocations")
    if not isinstance(items, (list, tuple)):
        return _wrong(fields, "allocations", "a list")
    allocations = []
    for item in items:
        allocation = _allocation(item)
        if allocation is None:
            return f'allocations: expected items {{"invoice": "0x...", "amount": "..."}}, got {clip(item)}'
        allocations.append(allocation)
    return PaymentTerms(value_date, currency, amount, tuple(allocations), same_payment(fields))


def same_payment(fields: Fields) -> EvidenceId | None:
    """The other side's PAYMENT of the same money that the ``fields`` of a PAYMENT name, if they name one."""
    try:
        return EvidenceId(parse_bytes32(fields.get(SAME_PAYMENT), SAME_PAYMENT))
    except MalformedInput:
        return None


def read_credit_note(fields: Fields) -> CreditTerms | str:
    """The terms in the ``fields`` of a CORRECTION of type ``credited``."""
    issue_date = parse_date(fields.get("issueDate"))
    if issue_date is None:
        return _wrong(fields, "issueDate", _DATE_FORM)
    money = _read_money(fields, "creditAmount")
    return money if isinstance(money, str) else CreditTerms(issue_date, *money)


def read_resolution(fields: Fields) -> ResolutionTerms | str:
    """The terms in the ``fields`` of a RESOLUTION."""
    outcome = fields.get("outcome")
    if not isinstance(outcome, str) or outcome not in OUTCOMES:
        return _wrong(fields, "outcome", "withdrawn, credited or cancelled")
    if outcome != "credited":
        return ResolutionTerms(outcome, None, None)
    money = _read_money(fields, "creditAmount")
    return money if isinstance(money, str) else ResolutionTerms(outcome, *money)


def read_write_off(fields: Fields) -> WriteOffTerms | str:
    """The terms in the ``fields`` of a WRITE_OFF."""
    money = _read_money(fields, "amount")
    if isinstance(money, str):
        return money
    reason = fields.get("reason")
    text = reason.casefold() if isinstance(reason, str) else ""
    return WriteOffTerms(*money, insolvency=any(word in text for word in INSOLVENCY_WORDS))


def read_contract(fields: Fields) -> ContractTerms | str:
    """The terms in the ``fields`` of a CONTRACT."""
    role = fields.get("issuerRole")
    if role not in ("supplier", "buyer"):
        return _wrong(fields, "issuerRole", "supplier or buyer")
    currency = parse_currency(fields.get("currency"))
    if currency is None:
        return _wrong(fields, "currency", _CURRENCY_FORM)
    days = fields.get("paymentTermsDays")
    if type(days) is not int or not 0 <= days <= MAX_TERMS_DAYS:
        return _wrong(fields, "paymentTermsDays", f"0 to {MAX_TERMS_DAYS}")
    return ContractTerms(role == "supplier", currency, days)


def read_dispute(fields: Fields) -> bool | str:
    """Whether the ``fields`` of a DISPUTE can be read: always, since no metric needs any of them."""
    return True


def read_accepted_amount(fields: Fields) -> Decimal | str | None:
    """The ``acceptedAmount`` of an ACKNOWLEDGEMENT; None where it sets no limit."""
    if "acceptedAmount" not in fields:
        return None
    amount = parse_amount(fields["acceptedAmount"])
    return _wrong(fields, "acceptedAmount", _AMOUNT_FORM) if amount is None else amount


def _read_money(fields: Fields, name: str) -> tuple[str, Decimal] | str:
    currency = parse_currency(fields.get("currency"))
    if currency is None:
        return _wrong(fields, "currency", _CURRENCY_FORM)
    amount = parse_amount(fields.get(name))
    return _wrong(fields, name, _AMOUNT_FORM) if amount is None else (currency, amount)


def _allocation(item: Json) -> tuple[EvidenceId, Decimal] | None:
    if not isinstance(item, Mapping):
        return None
    amount = parse_amount(item.get("amount"))
    try:
        invoice = EvidenceId(parse_bytes32(item.get("invoice"), "invoice"))
    except MalformedInput:
        return None
    return None if amount is None else (invoice, amount)


def _wrong(fields: Fields, name: str, expected: str) -> str:
    if name not in fields:
        return f"{name} is absent or hidden"
    return f"{name}: expected {expected}, got {clip(fields[name])}"
