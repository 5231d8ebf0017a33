"""Where each figure of a tradeline comes from: the evidence of the invoices, payments and credits that it counts.

Rules:

- an invoice is named by its INVOICE, and by the correction whose terms hold now where that is another;
- a figure that money lowers (open, overdue, days) names the invoices; the money itself stands under ``paidAmount``,
  ``creditedAmount`` and ``writtenOffAmount``;
- totals of a currency are the merged sums of its tradelines, and so are their sources.

Example: ``sources(line, day)["overdueAmount"]`` are the invoices of a tradeline that are past due on that day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from tallystick.credit.sales import DSO_WINDOW_DAYS
from tallystick.credit.states import InvoiceState, Status
from tallystick.credit.tradelines import Tradeline
from tallystick.protocol.types import EvidenceId

_Choice = Callable[[InvoiceState], bool]


def _counted(invoice: InvoiceState) -> bool:
    return invoice.status is not Status.CANCELLED


def _experienced(invoice: InvoiceState) -> bool:
    return _counted(invoice) and invoice.status is not Status.DISPUTED and invoice.days_to_terms is not None


def _settled(invoice: InvoiceState) -> bool:
    return _experienced(invoice) and invoice.status is Status.SETTLED


def _disputed(invoice: InvoiceState) -> bool:
    return _counted(invoice) and invoice.ever_disputed


def _disputed_open(invoice: InvoiceState) -> bool:
    return invoice.status is Status.DISPUTED


def _open(invoice: InvoiceState) -> bool:
    return _counted(invoice) and invoice.status is not Status.DISPUTED and bool(invoice.open_amount)


def _overdue(invoice: InvoiceState) -> bool:
    return _open(invoice) and invoice.days_past_due > 0


_INVOICES: Mapping[str, _Choice] = {
    "invoiceCount": _counted,
    "invoicedAmount": _counted,
    "cancelledCount": lambda invoice: not _counted(invoice),
    "settledCount": _settled,
    "experienceCount": _experienced,
    "daysBeyondTermsWeighted": _experienced,
    "daysBeyondTermsMean": _experienced,
    "daysToTermsWeighted": _experienced,
    "daysToTermsMean": _experienced,
    "averageDaysToPay": _settled,
    "onTimeRateByCount": _experienced,
    "onTimeRateByValue": _experienced,
    "disputedCount": _disputed,
    "disputedOpenCount": _disputed_open,
    "disputedOpenAmount": _disputed_open,
    "disputeRateByCount": _counted,
    "disputeRateByValue": _counted,
    "dilutionRate": _counted,
    "writeOffRate": _counted,
    "highCredit": _counted,
    "openAmount": _open,
    "overdueAmount": _overdue,
    "ageing": _open,
    "paymentIndex": _experienced,
    "evidence": _counted,
    "witnessedShare": lambda invoice: _counted(invoice) and invoice.witnessed,
    "trend": _counted,
}
"""Which invoices a figure counts."""


def sources(line: Tradeline, day: date) -> dict[str, tuple[EvidenceId, ...]]:
    """The evidence that each figure of ``line`` counts on ``day``, ascending; by the figure's name in the JSON."""
    found = {name: _ids(invoice for invoice in line.invoices if chosen(invoice)) for name, chosen in _INVOICES.items()}

    def is_owed_or_recent(invoice: InvoiceState) -> bool:
        recent = _counted(invoice) and 0 <= (day - invoice.issue_date).days < DSO_WINDOW_DAYS
        return _open(invoice) or (recent and invoice.status is not Status.DISPUTED)

    found["daysSalesOutstanding"] = _ids(invoice for invoice in line.invoices if is_owed_or_recent(invoice))
    counted = [invoice for invoice in line.invoices if _counted(invoice)]
    found["paidAmount"] = _sorted(receipt.evidence for invoice in counted for receipt in invoice.receipts)
    found["creditedAmount"] = _sorted(credit.evidence for invoice in counted for credit in invoice.credits)
    found["writtenOffAmount"] = _sorted(one.evidence for invoice in counted for one in invoice.write_offs)
    found["unappliedAmount"] = _sorted(payment.evidence for payment in line.payments if payment.unapplied)
    found["claimedAmount"] = _sorted(payment.evidence for payment in line.payments if payment.claimed)
    return found


def merged(parts: Iterable[Mapping[str, Iterable[EvidenceId]]]) -> dict[str, tuple[EvidenceId, ...]]:
    """The sources of a total whose tradelines have the sources ``parts``."""
    together: dict[str, set[EvidenceId]] = {}
    for part in parts:
        for name, ids in part.items():
            together.setdefault(name, set()).update(ids)
    return {name: _sorted(ids) for name, ids in together.items()}


def _ids(invoices: Iterable[InvoiceState]) -> tuple[EvidenceId, ...]:
    return _sorted(one for invoice in invoices for one in (invoice.evidence, invoice.current_version))


def _sorted(ids: Iterable[EvidenceId]) -> tuple[EvidenceId, ...]:
    return tuple(sorted(set(ids)))
