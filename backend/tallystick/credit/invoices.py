"""Invoices with the corrections of their supplier, before any payment or dispute is looked at.

Rules:

- the issuer of an INVOICE is the seller, its counterparty the buyer, nobody when it is self-reported;
- a correction in the buyer's favour counts at once; one against the buyer counts too, but what the buyer had
  acknowledged before does not cover it: the invoice is asserted again until the buyer speaks anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, TypeVar

from tallystick.credit.content import CreditTerms, InvoiceTerms, read_credit_note, read_invoice
from tallystick.credit.findings import FindingCode, Findings
from tallystick.credit.money import MINOR_UNITS
from tallystick.credit.statements import Statements, Versions
from tallystick.credit.states import Credit
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, PartyId

TermsT = TypeVar("TermsT")


@dataclass(slots=True)
class Invoice:
    """An invoice while its state is worked out."""

    versions: Versions[InvoiceTerms]
    seller: PartyId
    buyer: PartyId
    terms: InvoiceTerms
    raised_version: int = 0
    """Which of the standing versions was the last to be worse for the buyer; 0 when none was."""
    raised_seq: int = -1
    """Where in the log something else (a credit or payment taken back) last made it worse for the buyer."""
    recognised_seq: int = -1
    """Where in the log the buyer last recognised it by withdrawing a dispute."""
    paid_by_own_word: list[tuple[int, Decimal]] = field(default_factory=list)
    """Where in the log the buyer said that it paid how much of it."""
    credit_notes: list[Credit] = field(default_factory=list)

    @property
    def evidence(self) -> EvidenceId:
        """The id of the INVOICE itself, whatever corrected it."""
        return self.versions.base.evidence_id

    def raise_at(self, seq: int) -> None:
        """Note that at ``seq`` of the log something made it worse for the buyer."""
        self.raised_seq = max(self.raised_seq, seq)

    def recognise_at(self, seq: int) -> None:
        """Note that at ``seq`` of the log the buyer recognised it by withdrawing what it held against it."""
        self.recognised_seq = max(self.recognised_seq, seq)

    def is_mutual(self, statements: Statements, effective: Decimal) -> bool:
        """Whether the buyer's word covers it as it stands now, at ``effective`` to pay."""
        standing = self.versions.standing
        raised_seq = self.raised_seq
        if any(
            statements.acknowledgement(entry.evidence_id, self.buyer, effective, after_seq=raised_seq)
            for entry, _ in standing[self.raised_version :]
        ):
            return True
        if self.raised_version:
            raised_seq = max(raised_seq, standing[self.raised_version][0].seq)
        return self.recognised_seq > raised_seq or self._is_paid_by_own_word(effective, raised_seq)

    def _is_paid_by_own_word(self, effective: Decimal, raised_seq: int) -> bool:
        """Whether the buyer says, some of it after ``raised_seq``, that it paid all of ``effective``, not a part."""
        said = sum((amount for _, amount in self.paid_by_own_word), Decimal(0))
        return said >= effective and any(seq > raised_seq for seq, _ in self.paid_by_own_word)


class Numbers(Protocol):
    """Which invoice that is not cancelled has which number of its issuer."""

    def add_number(self, seller: PartyId, number: str, invoice: EvidenceId) -> None: ...

    def repeated(self) -> Iterable[tuple[str, Sequence[EvidenceId]]]:
        """Each number that one issuer used more than once, with the invoices that have it."""


class NumbersHeld:
    """``Numbers`` in memory."""

    def __init__(self) -> None:
        self._invoices: dict[tuple[PartyId, str], list[EvidenceId]] = {}

    def add_number(self, seller: PartyId, number: str, invoice: EvidenceId) -> None:
        self._invoices.setdefault((seller, number), []).append(invoice)

    def repeated(self) -> Iterator[tuple[str, Sequence[EvidenceId]]]:
        return ((number, same) for (_, number), same in self._invoices.items() if len(same) > 1)


def find_repeated(numbers: Numbers, findings: Findings) -> None:
    """Note the ``numbers`` that one issuer used more than once.

    The number is quoted as it is: what counts as printable, and would be escaped, changes with each version of Unicode.
    """
    for number, same in numbers.repeated():
        quoted = f"'{number}'"
        findings.add_all(
            FindingCode.DUPLICATE_INVOICE_NUMBER, same, f"{len(same)} invoices of one issuer have number {quoted:.80}"
        )


def read_invoices(
    party: PartyId, statements: Statements, numbers: Numbers
) -> tuple[list[Invoice], dict[EvidenceId, Invoice]]:
    """The invoices of ``statements`` that ``party`` issued or received, and the same by every id they go by."""
    invoices: list[Invoice] = []
    by_id: dict[EvidenceId, Invoice] = {}
    for entry in statements.said(Kind.INVOICE):
        seller, buyer = entry.evidence.issuer, entry.evidence.counterparty
        if party != seller and party != buyer:
            continue
        versions = statements.versions(entry, read_invoice)
        if not versions.standing:
            continue
        invoice = Invoice(versions, seller, buyer, versions.standing[-1][1])
        invoices.append(invoice)
        for name in versions.ids:
            by_id[name] = invoice
        if len(versions.ids) > 1:
            _apply_corrections(invoice, statements)
        if not versions.cancelled and invoice.terms.number is not None:
            numbers.add_number(seller, invoice.terms.number, entry.evidence_id)
        if invoice.terms.currency not in MINOR_UNITS:
            statements.findings.add(
                FindingCode.UNKNOWN_CURRENCY, entry.evidence_id, f"currency {invoice.terms.currency} is not in ISO 4217"
            )
    return invoices, by_id


def lowered_at(versions: Versions[TermsT], amount: Callable[[TermsT], Decimal], statements: Statements) -> int:
    """The place in the log where a credit with these ``versions`` last fell below what it once was, else -1."""
    now = Decimal(0) if versions.current is None else amount(versions.current)
    once = [amount(terms) for _, terms in versions.standing] + [amount(back.terms) for back in versions.taken_back]
    return last_correction(versions, statements) if any(was > now for was in once) else -1


def last_correction(versions: Versions[TermsT], statements: Statements) -> int:
    """The place in the log of the last entry that corrects the statement, or its own when none does."""
    return max(statements.by_id[name].seq for name in versions.ids)


def _apply_corrections(invoice: Invoice, statements: Statements) -> None:
    versions = invoice.versions
    for index in range(1, len(versions.standing)):
        if versions.standing[index][1].is_worse_than(versions.standing[index - 1][1]):
            invoice.raised_version = index
    for back in versions.taken_back:
        if invoice.terms.is_worse_than(back.terms):
            invoice.raise_at(back.entry.seq)
    for entry in versions.credit_notes:
        note = statements.versions(entry, read_credit_note)
        invoice.raise_at(lowered_at(note, _credit_amount, statements))
        versions.ids.extend(note.ids[1:])
        terms = note.current
        if terms is None:
            continue
        if terms.currency == invoice.terms.currency:
            invoice.credit_notes.append(Credit(note.current_id, terms.issue_date, terms.amount))
        else:
            statements.findings.add(
                FindingCode.OTHER_CURRENCY,
                note.current_id,
                f"credit note in {terms.currency} on an invoice in {invoice.terms.currency}: no effect",
            )


def _credit_amount(terms: CreditTerms) -> Decimal:
    return terms.amount
