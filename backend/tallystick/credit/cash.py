"""Payments: whose word makes one count, and what it is allocated to.

Rules:

- stated by the creditor, a payment counts at once; stated by the debtor it is a claim, shown as claimed, and counts
  when the creditor acknowledges the version that holds now;
- a payment whose value date lies after the as-of date is shown as claimed too, and settles nothing yet;
- who the creditor is says its first allocation to an invoice between the two, else the contract of its deal;
  a self-reported payment is its issuer's own receipt;
- a claim and the creditor's receipt of the same money are one payment: where the creditor's names the claim, or the
  claim the creditor's, in ``samePayment``, and both are of the same sum, the creditor's counts and the claim does not,
  acknowledged or not. The debtor has stated it too, which recognises the invoice;
- allocations that fit no invoice leave the money unapplied; nothing is ever netted into another invoice;
- payments stated or acknowledged by the debtor recognise an invoice once they cover it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    twin: bool = False
    """Whether the creditor's own statement of the same money counts in its place."""


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
    taken: list[tuple[Payment, Versions[PaymentTerms]]] = []
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
        taken.append((payment, versions))
    claims = _pair(taken, as_of)
    for payment, versions in taken:
        _take(payment, versions, statements, invoices, as_of, cash, claims.get(payment.evidence))
    return cash


def _pair(
    taken: Sequence[tuple[Payment, Versions[PaymentTerms]]], as_of: date
) -> dict[EvidenceId, Versions[PaymentTerms] | None]:
    """By the creditor's payment, the debtor's claim of the same money, or None where that allocates it otherwise.

    Each is one of a pair at most once: the first in the log.
    """
    by_name = {name: (payment, versions) for payment, versions in taken for name in versions.ids}
    pairs: dict[EvidenceId, Versions[PaymentTerms] | None] = {}
    for one, its_versions in taken:
        other, other_versions = by_name.get(one.terms.same_as or EvidenceId(ZERO32), (one, its_versions))
        sides = (one, its_versions), (other, other_versions)
        own = [side for side in sides if side[1].base.evidence.issuer == side[0].creditor]
        claims = [side for side in sides if side[1].base.evidence.issuer != side[0].creditor]
        if len(own) != 1 or len(claims) != 1:
            continue
        (receipt, _), (claim, claimed) = own[0], claims[0]
        is_same = (receipt.creditor, receipt.debtor, receipt.terms.currency, receipt.terms.amount) == (
            claim.creditor,
            claim.debtor,
            claim.terms.currency,
            claim.terms.amount,
        )
        if is_same and receipt.terms.value_date <= as_of and not claim.twin and receipt.evidence not in pairs:
            claim.twin = True
            pairs[receipt.evidence] = (
                claimed if set(claim.terms.allocations) == set(receipt.terms.allocations) else None
            )
    return pairs


def _take(
    payment: Payment,
    versions: Versions[PaymentTerms],
    statements: Statements,
    invoices: Mapping[EvidenceId, Invoice],
    as_of: date,
    cash: Cash,
    claim: Versions[PaymentTerms] | None,
) -> None:
    """Put ``payment``, as its ``versions`` have it now, into ``cash``, and its allocations with their invoices.

    ``claim`` is the debtor's statement of the same money.
    """
    name, terms = payment.evidence, payment.terms
    recognised_seq = -1
    if versions.base.evidence.issuer == payment.debtor:
        acknowledged = statements.acknowledgement(name, payment.creditor, terms.amount)
        payment.counts = acknowledged is not None and not payment.twin
        recognised_seq = -1 if payment.twin else versions.last_seq
    elif payment.debtor != ZERO32:
        acknowledged = statements.acknowledgement(name, payment.debtor, terms.amount)
        recognised_seq = max(-1 if acknowledged is None else acknowledged.seq, -1 if claim is None else claim.last_seq)
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
