"""What is matched with what, and what comes of it: payments and open invoices in, matches and a work list out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from tallystick.intake.bank.records import Amount


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice that may be paid. ``payer`` groups the invoices of one counterparty (None: nobody is named).

    ``open_amount`` may be 0: then it is known, and nothing more can be allocated to it. ``references`` are what the
    invoice asks the payer to state beside its number.
    """

    key: str
    number: str | None
    currency: str
    open_amount: Decimal
    payer: str | None
    references: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a payment and what it is for, as the payer states it."""

    numbers: tuple[str, ...] = ()
    reference: str | None = None
    amount: Amount | None = None
    credited: Amount | None = None
    discount: Amount | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment to be matched: a sum that was booked, and all that was said with it.

    ``others`` are the same sum in other currencies, where the bank states them and took no charges. ``names`` and
    ``identifiers`` are those of the other side.
    """

    key: str
    day: date
    amount: Amount
    others: tuple[Amount, ...] = ()
    shares: tuple[Share, ...] = ()
    texts: tuple[str, ...] = ()
    end_to_end: str | None = None
    names: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()

    def in_currency(self, currency: str) -> Decimal | None:
        """The sum in ``currency``, or None where it was not paid in it."""
        found = {each.value for each in (self.amount, *self.others) if each.currency == currency}
        if self.amount.currency == currency:
            return self.amount.value
        return found.pop() if len(found) == 1 else None


class Rule(StrEnum):
    """By what an invoice was found, the most reliable first."""

    STRUCTURED_REFERENCE = "structuredReference"
    DOCUMENT_NUMBER = "documentNumber"
    NUMBER_IN_TEXT = "numberInText"
    END_TO_END_ID = "endToEndId"
    AMOUNT_AND_PARTY = "amountAndParty"
    SAME_AMOUNT = "sameAmount"
    """Suggests an invoice, never matches one."""
    SAME_NAME = "sameName"
    """Suggests an invoice, never matches one: names are not identifiers."""


CONFIDENCE: Mapping[Rule, int] = {
    Rule.STRUCTURED_REFERENCE: 99,
    Rule.DOCUMENT_NUMBER: 97,
    Rule.NUMBER_IN_TEXT: 90,
    Rule.END_TO_END_ID: 90,
    Rule.AMOUNT_AND_PARTY: 85,
    Rule.SAME_AMOUNT: 30,
    Rule.SAME_NAME: 20,
}
"""How sure each rule is by itself, of 100."""
WEAK_NUMBER = 60
"""How sure a number is that a text may hold by chance; where the sum agrees it is as sure as AMOUNT_AND_PARTY."""
OTHER_CURRENCY_LESS = 5
THRESHOLD = 80
"""From here on a match is made; below, it is suggested."""


class Reason(StrEnum):
    """Why a payment is on the work list, or what a match leaves to do."""

    NO_INVOICE = "noInvoice"
    """Nothing is open in its currency."""
    NO_MATCH = "noMatch"
    UNKNOWN_REFERENCE = "unknownReference"
    """It names documents, and none of them is known."""
    AMBIGUOUS = "ambiguous"
    """Several invoices fit equally."""
    CONTENDED = "contended"
    """Several payments fit one invoice, by sum and party alone."""
    CONTRADICTORY = "contradictory"
    """One part of it names different invoices by number and by reference."""
    SEVERAL_PAYERS = "severalPayers"
    OTHER_PAYER = "otherPayer"
    """It names an invoice of one party and was paid by another that is known."""
    NOTHING_OPEN = "nothingOpen"
    """What it names is paid, credited or cancelled already."""
    SHORT_FOR_SEVERAL = "shortForSeveral"
    """It names several invoices, is less than they add up to, and does not say which is short."""
    SHARES_DIFFER = "sharesDiffer"
    """The parts that the payer states do not add up to the payment."""
    OTHER_CURRENCY = "otherCurrency"
    UNSURE = "unsure"
    """Something fits, but below the threshold."""
    # what a match leaves to do
    SHORT = "short"
    DISCOUNT = "discount"
    OVERPAID = "overpaid"
    # what only a ledger knows
    SEVERAL_CLAIMS = "severalClaims"
    """Several payments that the buyer claims may be this one."""
    TOTALS_DIFFER = "totalsDiffer"
    """The transactions of its entry do not add up to it."""
    PERHAPS_RECORDED = "perhapsRecorded"
    """A payment like it is recorded, and nothing tells whether it is the same."""
    NO_ORIGINAL = "noOriginal"
    """It takes back a booking, and no payment recorded is that one."""
    SEVERAL_ORIGINALS = "severalOriginals"
    RETURNED_MORE = "returnedMore"
    """It takes back more than was recorded."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one invoice gets of a payment, by which rule, and how sure that is."""

    invoice: str
    amount: Decimal
    rule: Rule
    confidence: int


@dataclass(frozen=True, slots=True)
class Note:
    """What a match leaves to do, with the values that say it."""

    reason: Reason
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A payment and the invoices that it pays: ``amount`` = sum of ``allocations`` + ``unallocated``."""

    paid: Paid
    amount: Amount
    payer: str | None
    allocations: tuple[Allocation, ...]
    unallocated: Decimal
    notes: tuple[Note, ...]

    @property
    def confidence(self) -> int:
        """As sure as its least sure allocation."""
        return min(allocation.confidence for allocation in self.allocations)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An invoice that a payment may be for, and what speaks for it."""

    invoice: str
    rule: Rule
    confidence: int


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A payment that a person has to look at: why, and what it may be for, the likeliest first."""

    paid: Paid
    reason: Reason
    candidates: tuple[Candidate, ...]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matching:
    """Every payment, either matched or on the work list; both by day, then key."""

    matches: tuple[Match, ...]
    work: tuple[Unmatched, ...]
