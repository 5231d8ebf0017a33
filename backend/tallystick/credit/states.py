"""Where each invoice and each payment stands at the as-of date: what every figure of a report can be traced to.

All amounts are exact and in the currency of the invoice or payment; for each invoice that is not cancelled::

    amount = credited + paid + written_off + open_amount        effective_amount = amount - credited
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from tallystick.protocol.types import EvidenceId, PartyId


class Role(StrEnum):
    """On which side of a tradeline the party of the report stands."""

    BUYER = "buyer"
    SELLER = "seller"


class Status(StrEnum):
    """What has become of an invoice; the first that applies, in this order."""

    CANCELLED = "cancelled"
    """Void by a correction or by the outcome of a dispute: counts nowhere but in cancelledCount."""
    DISPUTED = "disputed"
    """Under open dispute: left out of the payment metrics and of what is open, counted apart."""
    CREDITED = "credited"
    """Nothing is left to pay because of credits (or it was made out for nothing): no payment metric."""
    SETTLED = "settled"
    """Payments reached the effective amount."""
    WRITTEN_OFF = "writtenOff"
    """What payments did not reach is written off."""
    OPEN = "open"
    """Something is left to pay, due or not."""


class EvidenceClass(StrEnum):
    """By whose word an invoice stands."""

    MUTUAL = "mutual"
    ASSERTED = "asserted"
    DISPUTED = "disputed"
    SELF_REPORTED = "selfReported"


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit note or a credited dispute, as far as it lowers the invoice."""

    evidence: EvidenceId
    date: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Receipt:
    """The part of a payment that is applied to an invoice."""

    evidence: EvidenceId
    value_date: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class WriteOff:
    """The part of a write-off that payments have not recovered."""

    evidence: EvidenceId
    date: date
    amount: Decimal
    insolvency: bool


@dataclass(frozen=True, slots=True)
class InvoiceState:
    """One invoice at the as-of date. ``counterparty`` is None for a self-reported one."""

    evidence: EvidenceId
    current_version: EvidenceId
    """The INVOICE or the CORRECTION whose content holds now."""
    number: str | None
    role: Role
    counterparty: PartyId | None
    currency: str
    issue_date: date
    due_date: date
    amount: Decimal
    credits: tuple[Credit, ...]
    receipts: tuple[Receipt, ...]
    write_offs: tuple[WriteOff, ...]
    credited: Decimal
    paid: Decimal
    written_off: Decimal
    open_amount: Decimal
    paid_date: date | None
    """Value date of the payment that settled it; None unless SETTLED, or settled and then disputed."""
    days_to_terms: int | None
    """Days after the due date, negative for early, of a payment experience; None when it is not one."""
    days_past_due: int
    """Days from the due date to the as-of date; negative when it is not due yet."""
    status: Status
    evidence_class: EvidenceClass
    witnessed: bool
    """Whether a third party acknowledged it."""
    ever_disputed: bool

    @property
    def effective_amount(self) -> Decimal:
        """What is to be paid after credits."""
        return self.amount - self.credited


@dataclass(frozen=True, slots=True)
class PaymentState:
    """One payment at the as-of date; ``counts`` is false for a claim that its creditor has not acknowledged."""

    evidence: EvidenceId
    role: Role
    counterparty: PartyId | None
    currency: str
    value_date: date
    amount: Decimal
    applied: Decimal
    counts: bool
    confirmed: bool = False
    """Whether it is a claim in whose place the creditor's own statement of the same money counts."""

    @property
    def unapplied(self) -> Decimal:
        """Cash that settles no invoice: a prepayment or an overpayment."""
        return self.amount - self.applied if self.counts else Decimal(0)

    @property
    def claimed(self) -> Decimal:
        """What the debtor, or a future date, claims and nothing yet confirms."""
        return Decimal(0) if self.counts or self.confirmed else self.amount
