"""The metrics of a set of invoices and payments in one currency, on one side of the party's trade.

Rules:

- sums first, quotients last: ``Sums`` add up exactly, so tradelines merge into totals and no order matters;
- an *experience* is a settled invoice, or one past due and not settled, which counts as paid on the as-of date;
- invoices under open dispute, credited to nothing or cancelled are no experiences;
- a metric without enough data is None, and ``reasons`` says why under its key in the JSON.

What each metric means, with its source, stands in ``docs/definitions.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tallystick.credit.dates import quarter
from tallystick.credit.index import MIN_EXPERIENCES, SCALE, scaled_score
from tallystick.credit.money import ZERO
from tallystick.credit.sales import DSO_WINDOW_DAYS, days_sales_outstanding
from tallystick.credit.states import EvidenceClass, InvoiceState, PaymentState, Status

AGEING_LIMITS_DAYS = (0, 30, 60, 90)
"""Last day past due of each bucket but the last: current, 1-30, 31-60, 61-90, then 91 and more."""

NO_INVOICE = "no invoice"
NO_EXPERIENCE = "no invoice is settled or past due"
NO_SETTLED = "no invoice is settled"
NOTHING_INVOICED = "nothing was invoiced"
NOTHING_OWED = "nothing was owed at the end of any day"
FEW_EXPERIENCES = f"fewer than {MIN_EXPERIENCES} invoices are settled or past due"
NO_RECENT_SALES = f"nothing was invoiced in the {DSO_WINDOW_DAYS} days up to the as-of date"


@dataclass(frozen=True, slots=True)
class HighCredit:
    """The highest end-of-day balance, and the first day it was reached."""

    amount: Decimal
    date: date


@dataclass(frozen=True, slots=True)
class EvidenceShares:
    """By whose word the invoiced value stands; the four add up to one."""

    mutual: Decimal
    asserted: Decimal
    disputed: Decimal
    self_reported: Decimal


@dataclass(frozen=True, slots=True)
class QuarterMetrics:
    """The invoices that fall due in one calendar ``quarter``."""

    quarter: str
    invoice_count: int
    invoiced_amount: Decimal
    days_beyond_terms_weighted: Decimal | None
    on_time_rate_by_value: Decimal | None
    dispute_rate_by_value: Decimal | None
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Metrics:
    """All metrics of one currency; amounts and ratios exact, to be rounded at output only."""

    invoice_count: int
    invoiced_amount: Decimal
    cancelled_count: int
    settled_count: int
    experience_count: int
    paid_amount: Decimal
    credited_amount: Decimal
    written_off_amount: Decimal
    unapplied_amount: Decimal
    claimed_amount: Decimal
    days_beyond_terms_weighted: Decimal | None
    days_beyond_terms_mean: Decimal | None
    days_to_terms_weighted: Decimal | None
    days_to_terms_mean: Decimal | None
    average_days_to_pay: Decimal | None
    on_time_rate_by_count: Decimal | None
    on_time_rate_by_value: Decimal | None
    disputed_count: int
    disputed_open_count: int
    disputed_open_amount: Decimal
    dispute_rate_by_count: Decimal | None
    dispute_rate_by_value: Decimal | None
    dilution_rate: Decimal | None
    write_off_rate: Decimal | None
    high_credit: HighCredit | None
    open_amount: Decimal
    overdue_amount: Decimal
    ageing: tuple[Decimal, ...]
    """By bucket: current, 1 to 30, 31 to 60, 61 to 90, 91 and more days past due."""
    days_sales_outstanding: Decimal | None
    payment_index: Decimal | None
    evidence: EvidenceShares | None
    witnessed_share: Decimal | None
    trend: tuple[QuarterMetrics, ...]
    reasons: Mapping[str, str]


@dataclass(slots=True)
class _QuarterSums:
    count: int = 0
    invoiced: Decimal = ZERO
    disputed: Decimal = ZERO
    weight: Decimal = ZERO
    weighted_late: Decimal = ZERO
    on_time_weight: Decimal = ZERO

    def merge(self, other: _QuarterSums) -> None:
        self.count += other.count
        self.invoiced += other.invoiced
        self.disputed += other.disputed
        self.weight += other.weight
        self.weighted_late += other.weighted_late
        self.on_time_weight += other.on_time_weight

    def finish(self, name: str) -> QuarterMetrics:
        reasons: dict[str, str] = {}
        return QuarterMetrics(
            name,
            self.count,
            self.invoiced,
            _ratio(self.weighted_late, self.weight, "daysBeyondTermsWeighted", NO_EXPERIENCE, reasons),
            _ratio(self.on_time_weight, self.weight, "onTimeRateByValue", NO_EXPERIENCE, reasons),
            _ratio(self.disputed, self.invoiced, "disputeRateByValue", NOTHING_INVOICED, reasons),
            reasons,
        )


@dataclass(slots=True)
class Sums:
    """What the metrics of a set of invoices are quotients of; the day is ``as_of`` throughout."""

    as_of: date
    count: int = 0
    invoiced: Decimal = ZERO
    cancelled_count: int = 0
    credited: Decimal = ZERO
    paid: Decimal = ZERO
    written_off: Decimal = ZERO
    insolvent: Decimal = ZERO
    unapplied: Decimal = ZERO
    claimed: Decimal = ZERO
    settled_count: int = 0
    days_to_pay: int = 0
    experience_count: int = 0
    weight: Decimal = ZERO
    days_to_terms: int = 0
    days_late: int = 0
    weighted_to_terms: Decimal = ZERO
    weighted_late: Decimal = ZERO
    on_time_count: int = 0
    on_time_weight: Decimal = ZERO
    weighted_score: Decimal = ZERO
    disputed_count: int = 0
    disputed: Decimal = ZERO
    disputed_open_count: int = 0
    disputed_open: Decimal = ZERO
    witnessed: Decimal = ZERO
    recent_sales: Decimal = ZERO
    ageing: list[Decimal] = field(default_factory=lambda: [ZERO] * (len(AGEING_LIMITS_DAYS) + 1))
    by_class: dict[EvidenceClass, Decimal] = field(default_factory=dict)
    balance_changes: dict[date, Decimal] = field(default_factory=dict)
    quarters: dict[str, _QuarterSums] = field(default_factory=dict)

    def add_payment(self, payment: PaymentState) -> None:
        """Count the cash of ``payment`` that settles nothing."""
        self.unapplied += payment.unapplied
        self.claimed += payment.claimed

    def add_invoice(self, invoice: InvoiceState) -> None:
        """Count ``invoice``; a cancelled one only as such."""
        if invoice.status is Status.CANCELLED:
            self.cancelled_count += 1
            return
        amount = invoice.amount
        self.count += 1
        self.invoiced += amount
        self.credited += invoice.credited
        self.paid += invoice.paid
        self.by_class[invoice.evidence_class] = self.by_class.get(invoice.evidence_class, ZERO) + amount
        if invoice.witnessed:
            self.witnessed += amount
        for write_off in invoice.write_offs:
            self.written_off += write_off.amount
            self.insolvent += write_off.amount if write_off.insolvency else ZERO
        due_quarter = quarter(invoice.due_date)
        trend = self.quarters.get(due_quarter) or self.quarters.setdefault(due_quarter, _QuarterSums())
        trend.count += 1
        trend.invoiced += amount
        if invoice.ever_disputed:
            self.disputed_count += 1
            self.disputed += amount
            trend.disputed += amount
        self._add_balance_changes(invoice)
        if invoice.status is Status.DISPUTED:
            self.disputed_open_count += 1
            self.disputed_open += invoice.open_amount
            return
        if 0 <= (self.as_of - invoice.issue_date).days < DSO_WINDOW_DAYS:
            self.recent_sales += invoice.effective_amount
        if invoice.open_amount:
            bucket = sum(invoice.days_past_due > limit for limit in AGEING_LIMITS_DAYS)
            self.ageing[bucket] += invoice.open_amount
        self._add_experience(invoice, trend)

    def _add_experience(self, invoice: InvoiceState, trend: _QuarterSums) -> None:
        days = invoice.days_to_terms
        if days is None:
            return
        weight = invoice.effective_amount
        if invoice.status is Status.SETTLED and invoice.paid_date is not None:
            self.settled_count += 1
            self.days_to_pay += (invoice.paid_date - invoice.issue_date).days
        self.experience_count += 1
        self.weight += weight
        trend.weight += weight
        self.days_to_terms += days
        self.weighted_to_terms += weight * days
        self.weighted_score += weight * scaled_score(days)
        if days > 0:
            self.days_late += days
            self.weighted_late += weight * days
            trend.weighted_late += weight * days
        else:
            self.on_time_count += 1
            self.on_time_weight += weight
            trend.on_time_weight += weight

    def _add_balance_changes(self, invoice: InvoiceState) -> None:
        """The days on which the balance of ``invoice`` changes: none before its issue, none after the as-of date."""
        changes = self.balance_changes
        first = min(invoice.issue_date, self.as_of)
        changes[first] = changes.get(first, ZERO) + invoice.amount
        for receipt in invoice.receipts:
            day = max(receipt.value_date, first)
            changes[day] = changes.get(day, ZERO) - receipt.amount
        lowered = [(each.date, each.amount) for each in invoice.credits]
        lowered += [(each.date, each.amount) for each in invoice.write_offs]
        for stated, amount in lowered:
            day = min(max(stated, first), self.as_of)
            changes[day] = changes.get(day, ZERO) - amount

    def merge(self, other: Sums) -> None:
        """Count everything that ``other`` counted."""
        for name in _PLAIN_SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for bucket, amount in enumerate(other.ageing):
            self.ageing[bucket] += amount
        for evidence_class, amount in other.by_class.items():
            self.by_class[evidence_class] = self.by_class.get(evidence_class, ZERO) + amount
        for day, amount in other.balance_changes.items():
            self.balance_changes[day] = self.balance_changes.get(day, ZERO) + amount
        for name, sums in other.quarters.items():
            self.quarters.setdefault(name, _QuarterSums()).merge(sums)

    def finish(self) -> Metrics:
        """The metrics of everything counted."""
        reasons: dict[str, str] = {}
        count, weight, invoiced = Decimal(self.experience_count), self.weight, self.invoiced
        open_amount = sum(self.ageing, ZERO)
        dilution = self.credited + self.written_off - self.insolvent
        dso = days_sales_outstanding(open_amount, self.recent_sales, DSO_WINDOW_DAYS)
        if dso is None:
            reasons["daysSalesOutstanding"] = NO_RECENT_SALES
        payment_index = None
        if self.experience_count < MIN_EXPERIENCES:
            reasons["paymentIndex"] = FEW_EXPERIENCES
        else:
            payment_index = self.weighted_score / (weight * SCALE)
        high_credit = _high_credit(self.balance_changes)
        if high_credit is None:
            reasons["highCredit"] = NOTHING_OWED if invoiced else NOTHING_INVOICED
        if not invoiced:
            reasons["evidence"] = NOTHING_INVOICED
        return Metrics(
            invoice_count=self.count,
            invoiced_amount=invoiced,
            cancelled_count=self.cancelled_count,
            settled_count=self.settled_count,
            experience_count=self.experience_count,
            paid_amount=self.paid,
            credited_amount=self.credited,
            written_off_amount=self.written_off,
            unapplied_amount=self.unapplied,
            claimed_amount=self.claimed,
            days_beyond_terms_weighted=_ratio(
                self.weighted_late, weight, "daysBeyondTermsWeighted", NO_EXPERIENCE, reasons
            ),
            days_beyond_terms_mean=_ratio(self.days_late, count, "daysBeyondTermsMean", NO_EXPERIENCE, reasons),
            days_to_terms_weighted=_ratio(
                self.weighted_to_terms, weight, "daysToTermsWeighted", NO_EXPERIENCE, reasons
            ),
            days_to_terms_mean=_ratio(self.days_to_terms, count, "daysToTermsMean", NO_EXPERIENCE, reasons),
            average_days_to_pay=_ratio(
                self.days_to_pay, Decimal(self.settled_count), "averageDaysToPay", NO_SETTLED, reasons
            ),
            on_time_rate_by_count=_ratio(self.on_time_count, count, "onTimeRateByCount", NO_EXPERIENCE, reasons),
            on_time_rate_by_value=_ratio(self.on_time_weight, weight, "onTimeRateByValue", NO_EXPERIENCE, reasons),
            disputed_count=self.disputed_count,
            disputed_open_count=self.disputed_open_count,
            disputed_open_amount=self.disputed_open,
            dispute_rate_by_count=_ratio(
                self.disputed_count, Decimal(self.count), "disputeRateByCount", NO_INVOICE, reasons
            ),
            dispute_rate_by_value=_ratio(self.disputed, invoiced, "disputeRateByValue", NOTHING_INVOICED, reasons),
            dilution_rate=_ratio(dilution, invoiced, "dilutionRate", NOTHING_INVOICED, reasons),
            write_off_rate=_ratio(self.written_off, invoiced, "writeOffRate", NOTHING_INVOICED, reasons),
            high_credit=high_credit,
            open_amount=open_amount,
            overdue_amount=open_amount - self.ageing[0],
            ageing=tuple(self.ageing),
            days_sales_outstanding=dso,
            payment_index=payment_index,
            evidence=self._evidence_shares() if invoiced else None,
            witnessed_share=_ratio(self.witnessed, invoiced, "witnessedShare", NOTHING_INVOICED, reasons),
            trend=tuple(sums.finish(name) for name, sums in sorted(self.quarters.items())),
            reasons=reasons,
        )

    def _evidence_shares(self) -> EvidenceShares:
        mutual, asserted, disputed, self_reported = (
            self.by_class.get(evidence_class, ZERO) / self.invoiced
            for evidence_class in (
                EvidenceClass.MUTUAL,
                EvidenceClass.ASSERTED,
                EvidenceClass.DISPUTED,
                EvidenceClass.SELF_REPORTED,
            )
        )
        return EvidenceShares(mutual, asserted, disputed, self_reported)


_PLAIN_SUMS = tuple(
    name
    for name in Sums.__dataclass_fields__
    if name not in ("as_of", "ageing", "by_class", "balance_changes", "quarters")
)


def _ratio(above: Decimal | int, below: Decimal, key: str, reason: str, reasons: dict[str, str]) -> Decimal | None:
    """``above / below``, or None, with the ``reason`` under ``key``, where there is nothing to divide by."""
    if below:
        return above / below
    reasons[key] = reason
    return None


def _high_credit(changes: Mapping[date, Decimal]) -> HighCredit | None:
    best: HighCredit | None = None
    balance = ZERO
    for day in sorted(changes):
        balance += changes[day]
        if balance > (ZERO if best is None else best.amount):
            best = HighCredit(balance, day)
    return best
