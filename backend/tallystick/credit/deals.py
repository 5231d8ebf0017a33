"""From the entries of a party's log to the state of each invoice and payment at a day.

Rules:

- an invoice takes from the payments allocated to it in the order of their value dates, never more than is left of
  it; it is settled on the value date of the payment that reaches its effective amount (amount less all credits,
  whenever they were given);
- a write-off takes what payments have not reached; what is paid later is a recovery and lowers it;
- an invoice that can't be read is no invoice; a finding names it.

Example: ``read_deals(party, entries, date(2026, 3, 31), Findings()).invoices``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tallystick.credit.cash import Payment, Suppliers, read_payments
from tallystick.credit.content import ContractTerms, read_contract, read_write_off
from tallystick.credit.dates import utc_date
from tallystick.credit.disputes import Disputes, judge
from tallystick.credit.findings import FindingCode, Findings
from tallystick.credit.invoices import Invoice, Numbers, NumbersHeld, find_repeated, read_invoices
from tallystick.credit.money import ZERO
from tallystick.credit.statements import Statements
from tallystick.credit.states import (
    Credit,
    EvidenceClass,
    InvoiceState,
    PaymentState,
    Receipt,
    Role,
    Status,
    WriteOff,
)
from tallystick.protocol.entry import Entry
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, DealId, PartyId


@dataclass(frozen=True, slots=True)
class ContractState:
    """The terms of one contract as the party sees them: its own ``role``, the other side, and the days agreed."""

    role: Role
    counterparty: PartyId
    terms: ContractTerms


@dataclass(frozen=True, slots=True)
class Deals:
    """Everything a log says about money, as states."""

    contracts: tuple[ContractState, ...]
    """In log order: of two with the same counterparty and currency the later holds."""
    invoices: tuple[InvoiceState, ...]
    payments: tuple[PaymentState, ...]


def read_deals(party: PartyId, entries: Iterable[Entry], as_of: date, findings: Findings) -> Deals:
    """The deals of ``party`` as its ``entries``, in log order, show them on the day ``as_of``.

    What does not fit goes to ``findings``. Sums are exact only within ``money.exact_arithmetic``.
    """
    statements, contracts, numbers = Statements(entries, findings), Contracts(party, findings), NumbersHeld()
    for entry in statements.said(Kind.CONTRACT):
        contracts.add(entry)
    states, payments = settle(party, statements, contracts.suppliers, numbers, as_of)
    find_repeated(numbers, findings)
    states.sort(key=lambda state: (state.issue_date, state.number or "", state.evidence))
    payments.sort(key=lambda state: (state.value_date, state.evidence))
    return Deals(tuple(contracts.states), tuple(states), tuple(payments))


class Contracts:
    """What the contracts of a log come to that are added in its order: their terms, and who supplies in a deal."""

    def __init__(self, party: PartyId, findings: Findings) -> None:
        self.states: list[ContractState] = []
        self.suppliers: dict[tuple[DealId, frozenset[PartyId]], PartyId] = {}
        self._party = party
        self._findings = findings

    def add(self, entry: Entry) -> None:
        """Count the CONTRACT ``entry``, which stands."""
        terms = read_contract(entry.fields)
        if isinstance(terms, str):
            self._findings.add(FindingCode.UNREADABLE, entry.evidence_id, terms)
            return
        issuer, other = entry.evidence.issuer, entry.evidence.counterparty
        supplier = issuer if terms.issuer_is_supplier else other
        self.suppliers.setdefault((entry.evidence.deal, frozenset((issuer, other))), supplier)
        if self._party in (issuer, other):
            role = Role.SELLER if self._party == supplier else Role.BUYER
            self.states.append(ContractState(role, other if self._party == issuer else issuer, terms))


def settle(
    party: PartyId, statements: Statements, suppliers: Suppliers, numbers: Numbers, as_of: date
) -> tuple[list[InvoiceState], list[PaymentState]]:
    """The invoices and payments of ``party`` in ``statements`` on the day ``as_of``, whose contracts are read already.

    Invoice numbers go to ``numbers``, for one can come again anywhere in the log.
    """
    invoices, by_id = read_invoices(party, statements, numbers)
    cash = read_payments(party, statements, by_id, suppliers, as_of)
    states = [
        _settle(party, invoice, cash.allocations.get(invoice.evidence, []), statements, as_of) for invoice in invoices
    ]
    return states, [_payment_state(party, payment) for payment in cash.payments]


def _settle(
    party: PartyId,
    invoice: Invoice,
    allocations: Sequence[tuple[Payment, Decimal]],
    statements: Statements,
    as_of: date,
) -> InvoiceState:
    """The state of ``invoice`` once credits, payments and write-offs have taken their parts, in this order."""
    terms = invoice.terms
    disputes = judge(invoice, statements) if statements.answers(Kind.DISPUTE) else Disputes()
    cancelled = invoice.versions.cancelled or disputes.cancelled
    to_pay = ZERO if cancelled else terms.amount
    taken_credits = () if cancelled else _take_credits(invoice, disputes, statements)
    credited = sum((credit.amount for credit in taken_credits), ZERO)
    effective = to_pay - credited
    receipts, paid_date = _take_receipts(effective, allocations, statements)
    paid = sum((receipt.amount for receipt in receipts), ZERO)
    write_offs = _take_write_offs(invoice, effective - paid, statements)
    written_off = sum((write_off.amount for write_off in write_offs), ZERO)
    open_amount = effective - paid - written_off
    status = _status(cancelled, disputes.open, effective, paid, open_amount)
    days_past_due = (as_of - terms.due_date).days
    seller_side = party == invoice.seller
    other = invoice.buyer if seller_side else invoice.seller
    return InvoiceState(
        evidence=invoice.evidence,
        current_version=invoice.versions.current_id,
        number=terms.number,
        role=Role.SELLER if seller_side else Role.BUYER,
        counterparty=None if other == ZERO32 else other,
        currency=terms.currency,
        issue_date=terms.issue_date,
        due_date=terms.due_date,
        amount=terms.amount,
        credits=taken_credits,
        receipts=receipts,
        write_offs=write_offs,
        credited=credited,
        paid=paid,
        written_off=written_off,
        open_amount=open_amount,
        paid_date=paid_date,
        days_to_terms=_days_to_terms(status, terms.due_date, paid_date, days_past_due),
        days_past_due=days_past_due,
        status=status,
        evidence_class=_evidence_class(invoice, status, effective, statements),
        witnessed=_is_witnessed(invoice, statements),
        ever_disputed=disputes.ever,
    )


def _status(cancelled: bool, disputed: bool, effective: Decimal, paid: Decimal, open_amount: Decimal) -> Status:
    if cancelled:
        return Status.CANCELLED
    if disputed:
        return Status.DISPUTED
    if not effective:
        return Status.CREDITED
    if paid == effective:
        return Status.SETTLED
    return Status.OPEN if open_amount else Status.WRITTEN_OFF


def _days_to_terms(status: Status, due_date: date, paid_date: date | None, days_past_due: int) -> int | None:
    """Signed days after the due date of a payment experience; past due and not settled counts as paid today."""
    if status is Status.SETTLED and paid_date is not None:
        return (paid_date - due_date).days
    if status in (Status.OPEN, Status.WRITTEN_OFF) and days_past_due > 0:
        return days_past_due
    return None


def _take_credits(invoice: Invoice, disputes: Disputes, statements: Statements) -> tuple[Credit, ...]:
    stated = invoice.credit_notes + disputes.credits
    if not stated:
        return ()
    left = invoice.terms.amount
    taken = []
    for credit in sorted(stated, key=lambda credit: (credit.date, credit.evidence)):
        if credit.amount > left:
            statements.findings.add(
                FindingCode.CREDITED_BEYOND_INVOICE,
                credit.evidence,
                f"credits add up to more than the invoiced {invoice.terms.amount}; {credit.amount} is cut to {left}",
            )
        amount = min(credit.amount, left)
        if amount:  # what is zero takes nothing, no decimal place either
            left -= amount
            taken.append(Credit(credit.evidence, credit.date, amount))
    return tuple(taken)


def _take_receipts(
    effective: Decimal, allocations: Sequence[tuple[Payment, Decimal]], statements: Statements
) -> tuple[tuple[Receipt, ...], date | None]:
    """What the invoice takes of each allocation, and the value date of the payment that settles it."""
    if len(allocations) > 1:
        allocations = sorted(allocations, key=lambda item: (item[0].terms.value_date, item[0].evidence, item[1]))
    left = effective
    receipts = []
    paid_date = None
    for payment, amount in allocations:
        if amount > left:
            statements.findings.add(
                FindingCode.ALLOCATED_BEYOND_INVOICE,
                payment.evidence,
                f"{amount} allocated where {left} was left of the invoice; the excess is unapplied",
            )
            amount = left
        if amount:
            left -= amount
            payment.applied += amount
            receipts.append(Receipt(payment.evidence, payment.terms.value_date, amount))
            if not left:
                paid_date = payment.terms.value_date
    return tuple(receipts), paid_date


def _take_write_offs(invoice: Invoice, left: Decimal, statements: Statements) -> tuple[WriteOff, ...]:
    answers = statements.answers(Kind.WRITE_OFF)
    if not answers or not left:
        return ()
    stated = []
    for name in invoice.versions.ids:
        for entry in answers.get(name, ()):
            if entry.evidence.issuer != invoice.seller:
                statements.findings.add(
                    FindingCode.NOT_ENTITLED, entry.evidence_id, "only the seller can write off an invoice"
                )
                continue
            versions = statements.versions(entry, read_write_off)
            terms = versions.current
            if terms is None:
                continue
            if terms.currency != invoice.terms.currency:
                statements.findings.add(
                    FindingCode.OTHER_CURRENCY,
                    versions.current_id,
                    f"write-off in {terms.currency} of an invoice in {invoice.terms.currency}: no effect",
                )
                continue
            day = utc_date(entry.evidence.occurred_at)
            stated.append(WriteOff(versions.current_id, day, terms.amount, terms.insolvency))
    taken = []
    for write_off in sorted(stated, key=lambda each: (each.date, each.evidence)):
        amount = min(write_off.amount, left)
        left -= amount
        if amount:
            taken.append(WriteOff(write_off.evidence, write_off.date, amount, write_off.insolvency))
    return tuple(taken)


def _evidence_class(invoice: Invoice, status: Status, effective: Decimal, statements: Statements) -> EvidenceClass:
    if status is Status.DISPUTED:
        return EvidenceClass.DISPUTED
    if invoice.buyer == ZERO32:
        return EvidenceClass.SELF_REPORTED
    return EvidenceClass.MUTUAL if invoice.is_mutual(statements, effective) else EvidenceClass.ASSERTED


def _is_witnessed(invoice: Invoice, statements: Statements) -> bool:
    acknowledgements = statements.answers(Kind.ACKNOWLEDGEMENT)
    sides = (invoice.seller, invoice.buyer)
    return any(
        entry.evidence.issuer not in sides for name in invoice.versions.ids for entry in acknowledgements.get(name, ())
    )


def _payment_state(party: PartyId, payment: Payment) -> PaymentState:
    seller_side = party == payment.creditor
    other = payment.debtor if seller_side else payment.creditor
    return PaymentState(
        evidence=payment.evidence,
        role=Role.SELLER if seller_side else Role.BUYER,
        counterparty=None if other == ZERO32 else other,
        currency=payment.terms.currency,
        value_date=payment.terms.value_date,
        amount=payment.terms.amount,
        applied=payment.applied,
        counts=payment.counts,
        confirmed=payment.twin,
    )
