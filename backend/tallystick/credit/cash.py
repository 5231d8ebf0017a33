"""Payments: whose word makes one count, and what it is allocated to.

Rules:

- stated by the creditor, a payment counts at once; stated by the debtor it is a claim, shown as claimed, and counts
  when the creditor acknowledges the version that holds now;
- a payment whose value date lies after the as-of date is shown as claimed too, and settles nothing yet;
- who the creditor is says its first allocation to an invoice between the two, else the contract of its deal;
  a self-reported payment is its issuer's own receipt;
- allocations that fit no invoice leave the money unapplied; nothing is ever netted into another invoice;
- payments stated or acknowledged by the debtor recognise an invoice once they cover it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from tallystick.credit.content import PaymentTerms, read_payment
from tallystick.credit.findings import FindingCode
from tallystick.credit.invoices import Invoice, last_correction
from tallystick.credit.money import MINOR_UNITS, ZERO
from tallystick.credit.statements import Statements, Versions
from tallystick.protocol.entry import Entry
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, DealId, EvidenceId, PartyId

Suppliers: TypeAlias = Mapping[tuple[DealId, frozenset[PartyId]], PartyId]
"""Who supplies in a deal between two parties, as their contract says."""


@dataclass(slots=True)
class Payment:
    """A payment while its state is worked out; ``applied`` grows as invoices take from it."""

    evidence: EvidenceId
    terms: PaymentTerms
    creditor: PartyId
    debtor: PartyId
    counts: bool
    applied: Decimal = ZERO


@dataclass(slots=True)
class Cash:
    """The payments of a log, and by INVOICE what those that count allocate to it."""

    payments: list[Payment] = field(default_factory=list)
    allocations: dict[EvidenceId, list[tuple[Payment, Decimal]]] = field(default_factory=dict)


def read_payments(
    party: PartyId,
    statements: Statements,
    invoices: Mapping[EvidenceId, Invoice],
    suppliers: Suppliers,
    as_of: date,
) -> Cash:
    """The payments of ``statements`` that ``party`` made or received, allocated to ``invoices``.

    ``suppliers`` are the sellers named by contracts, by deal.
    """
    cash = Cash()
    for entry in statements.said(Kind.PAYMENT):
        issuer, other = entry.evidence.issuer, entry.evidence.counterparty
        if party != issuer and party != other:
            continue
        versions = statements.versions(entry, read_payment)
        terms = versions.current or (versions.standing[-1][1] if versions.standing else None)
        if terms is None:
            continue
        creditor = _creditor(entry, terms, invoices, suppliers)
        if creditor is None:
            statements.findings.add(
                FindingCode.UNKNOWN_DIRECTION,
                entry.evidence_id,
                "neither an allocation nor a contract says which side is the creditor",
            )
            continue
        debtor = PartyId(other if creditor == issuer else issuer)
        if len(versions.ids) > 1:
            _note_taken_back(versions, issuer == creditor, invoices, statements)
        if versions.cancelled:
            continue
        if terms.currency not in MINOR_UNITS:
            statements.findings.add(
                FindingCode.UNKNOWN_CURRENCY, versions.current_id, f"currency {terms.currency} is not in ISO 4217"
            )
        payment = Payment(versions.current_id, terms, creditor, debtor, counts=True)
        _take(payment, versions, statements, invoices, as_of, cash)
    return cash


def _take(
    payment: Payment,
    versions: Versions[PaymentTerms],
    statements: Statements,
    invoices: Mapping[EvidenceId, Invoice],
    as_of: date,
    cash: Cash,
) -> None:
    """Put ``payment``, as its ``versions`` have it now, into ``cash``, and its allocations with their invoices."""
    name, terms = payment.evidence, payment.terms
    recognised_seq = -1
    if versions.base.evidence.issuer == payment.debtor:
        recognised_seq = versions.last_seq
        payment.counts = statements.acknowledgement(name, payment.creditor, terms.amount) is not None
    elif payment.debtor != ZERO32:
        acknowledged = statements.acknowledgement(name, payment.debtor, terms.amount)
        recognised_seq = -1 if acknowledged is None else acknowledged.seq
    if terms.value_date > as_of:
        payment.counts = False
        statements.findings.add(
            FindingCode.FUTURE_PAYMENT, name, f"value date {terms.value_date} is after the as-of date {as_of}"
        )
    cash.payments.append(payment)
    for invoice, amount in _fitting(payment, invoices, statements):
        if recognised_seq >= 0:
            invoice.paid_by_own_word.append((recognised_seq, amount))
        if payment.counts:
            cash.allocations.setdefault(invoice.evidence, []).append((payment, amount))


def _creditor(
    entry: Entry, terms: PaymentTerms, invoices: Mapping[EvidenceId, Invoice], suppliers: Suppliers
) -> PartyId | None:
    issuer, other = entry.evidence.issuer, entry.evidence.counterparty
    if other == ZERO32:
        return issuer
    for name, _ in terms.allocations:
        invoice = invoices.get(name)
        if invoice is not None and {invoice.seller, invoice.buyer} == {issuer, other}:
            return invoice.seller
    return suppliers.get((entry.evidence.deal, frozenset((issuer, other))))


def _fitting(
    payment: Payment, invoices: Mapping[EvidenceId, Invoice], statements: Statements
) -> list[tuple[Invoice, Decimal]]:
    """The allocations of ``payment`` that have an amount and an invoice to go to, cut to what was paid."""
    terms = payment.terms
    left = terms.amount
    fitting = []
    for name, amount in terms.allocations:
        invoice = invoices.get(name)
        if invoice is None:
            code, message = FindingCode.UNKNOWN_INVOICE, f"allocated to 0x{name.hex()}, which is no invoice of this log"
        elif invoice.seller != payment.creditor or invoice.buyer != payment.debtor:
            code, message = FindingCode.FOREIGN_INVOICE, f"allocated to 0x{name.hex()}, owed by or to another party"
        elif invoice.terms.currency != terms.currency:
            code = FindingCode.OTHER_CURRENCY
            message = f"payment in {terms.currency}, invoice 0x{name.hex()} in {invoice.terms.currency}"
        else:
            if amount > left:
                statements.findings.add(
                    FindingCode.ALLOCATED_BEYOND_PAYMENT,
                    payment.evidence,
                    f"allocations add up to more than the {terms.amount} paid; {amount} is cut to {left}",
                )
                amount = left
            left -= amount
            if amount:
                fitting.append((invoice, amount))
            continue
        statements.findings.add(code, payment.evidence, message)
    return fitting


def _note_taken_back(
    versions: Versions[PaymentTerms], by_creditor: bool, invoices: Mapping[EvidenceId, Invoice], statements: Statements
) -> None:
    """Where a creditor takes back what it said it had received, the invoice is worse for the buyer from there on."""
    if not by_creditor:
        return
    current = versions.current
    now: dict[EvidenceId, Decimal] = {}
    for name, amount in current.allocations if current is not None else ():
        now[name] = now.get(name, ZERO) + amount
    seq = last_correction(versions, statements)
    earlier = [terms for _, terms in versions.standing] + [back.terms for back in versions.taken_back]
    for terms in earlier:
        was: dict[EvidenceId, Decimal] = {}
        for name, amount in terms.allocations:
            was[name] = was.get(name, ZERO) + amount
        for name, amount in was.items():
            if name in invoices and amount > now.get(name, ZERO):
                invoices[name].raise_at(seq)
