"""Disputes of an invoice: whether one is open, and what those that are resolved changed.

Rules:

- a DISPUTE of the invoice, or of a correction of it, counts when the buyer states it;
- a RESOLUTION resolves when the party it costs something states it: ``withdrawn`` the buyer, ``credited`` and
  ``cancelled`` the seller; stated by the other side, when that party acknowledges it;
- of several effective resolutions of one dispute the one best for the buyer holds: cancelled, then the highest credit;
- a DISPUTE that its issuer cancels is withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from tallystick.credit.content import ResolutionTerms, read_dispute, read_resolution
from tallystick.credit.dates import utc_date
from tallystick.credit.findings import FindingCode
from tallystick.credit.invoices import Invoice, last_correction, lowered_at
from tallystick.credit.money import ZERO
from tallystick.credit.statements import Statements, Versions
from tallystick.credit.states import Credit
from tallystick.protocol.entry import Entry
from tallystick.protocol.evidence import Kind


@dataclass(slots=True)
class Disputes:
    """What the disputes of one invoice come to."""

    ever: bool = False
    open: bool = False
    cancelled: bool = False
    credits: list[Credit] = field(default_factory=list)


def judge(invoice: Invoice, statements: Statements) -> Disputes:
    """What the disputes of ``invoice`` come to; a withdrawal is noted as the buyer's recognition of it."""
    outcome = Disputes()
    disputes = statements.answers(Kind.DISPUTE)
    for name in invoice.versions.ids:
        for entry in disputes.get(name, ()):
            if entry.evidence.issuer == invoice.buyer:
                outcome.ever = True
                _resolve(entry, invoice, statements, outcome)
            else:
                statements.findings.add(
                    FindingCode.NOT_ENTITLED, entry.evidence_id, "only the buyer can dispute an invoice"
                )
    return outcome


def _resolve(dispute: Entry, invoice: Invoice, statements: Statements, outcome: Disputes) -> None:
    versions = statements.versions(dispute, read_dispute)
    resolved = versions.cancelled
    if resolved:
        invoice.recognise_at(last_correction(versions, statements))
    best: Credit | None = None
    for name in versions.ids:
        for entry in statements.answers(Kind.RESOLUTION).get(name, ()):
            resolution = statements.versions(entry, read_resolution)
            if entry.evidence.issuer == invoice.seller:
                invoice.raise_at(lowered_at(resolution, _credit_amount, statements))
            terms = resolution.current
            if terms is None:
                continue
            seq = _effective_at(resolution, terms, invoice, statements)
            if seq is None:
                continue
            resolved = True
            if terms.outcome == "withdrawn":
                invoice.recognise_at(seq)
            elif terms.outcome == "cancelled":
                outcome.cancelled = True
            elif terms.amount is not None and (best is None or terms.amount > best.amount):
                best = Credit(resolution.current_id, utc_date(entry.evidence.occurred_at), terms.amount)
    if best is not None:
        outcome.credits.append(best)
    outcome.open |= not resolved


def _effective_at(
    resolution: Versions[ResolutionTerms], terms: ResolutionTerms, invoice: Invoice, statements: Statements
) -> int | None:
    """Where in the log the ``resolution`` became effective, or None, with a finding, when it has not."""
    name, issuer = resolution.current_id, resolution.base.evidence.issuer
    if issuer not in (invoice.buyer, invoice.seller):
        code, message = FindingCode.NOT_ENTITLED, "only the two sides of an invoice can resolve a dispute of it"
    elif terms.currency is not None and terms.currency != invoice.terms.currency:
        code = FindingCode.OTHER_CURRENCY
        message = f"credit in {terms.currency} on an invoice in {invoice.terms.currency}: no effect"
    else:
        costs = invoice.buyer if terms.outcome == "withdrawn" else invoice.seller
        if issuer == costs:
            return resolution.last_seq
        acknowledged = statements.acknowledgement(name, costs, terms.amount)
        if acknowledged is not None:
            return acknowledged.seq
        code = FindingCode.NOT_ACKNOWLEDGED
        message = f"{terms.outcome} is in its issuer's own interest and counts when the other side acknowledges it"
    statements.findings.add(code, name, message)
    return None


def _credit_amount(terms: ResolutionTerms) -> Decimal:
    return ZERO if terms.amount is None else terms.amount
