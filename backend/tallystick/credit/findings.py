"""Findings: what in a log does not fit, as values in a list; no bad content ever stops a report.

Each finding has a code for programs, the evidence it is about, and a message for people. Findings are ordered by
evidence id, code and message, so that their order says nothing about the order of the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tallystick.protocol.types import EvidenceId


class FindingCode(StrEnum):
    """What is wrong; the value is the code in the JSON."""

    UNREADABLE = "unreadableContent"
    """A needed field is absent, hidden or malformed; the entry enters no metric."""
    UNKNOWN_CURRENCY = "unknownCurrency"
    """The code has the form of ISO 4217 but is not in its list; the entry counts under that code."""
    UNKNOWN_PARENT = "unknownParent"
    """The evidence it answers is not among the standing entries of this log."""
    MISPLACED = "misplaced"
    """The evidence it answers is not of a kind that can be answered so; no effect."""
    NOT_ENTITLED = "notEntitled"
    """Stated by a party whose word does not count here; no effect."""
    NOT_ACKNOWLEDGED = "notAcknowledged"
    """In its issuer's own interest and not acknowledged by the other side; no effect yet."""
    PARTLY_ACKNOWLEDGED = "partlyAcknowledged"
    """``acceptedAmount`` is below the amount stated, so the statement is not acknowledged."""
    DUPLICATE_INVOICE_NUMBER = "duplicateInvoiceNumber"
    """One issuer used the number for more than one invoice that is not cancelled; all of them count."""
    UNKNOWN_INVOICE = "unknownInvoice"
    """A payment is allocated to an invoice that is not in this log; that part is unapplied."""
    FOREIGN_INVOICE = "foreignInvoice"
    """A payment is allocated to an invoice between other parties, or in the other direction; that part is unapplied."""
    OTHER_CURRENCY = "otherCurrency"
    """The amount is in another currency than the invoice; a payment's part is unapplied, a credit has no effect."""
    ALLOCATED_BEYOND_PAYMENT = "allocatedBeyondPayment"
    """The allocations add up to more than the payment; they are cut in the order listed."""
    ALLOCATED_BEYOND_INVOICE = "allocatedBeyondInvoice"
    """More is allocated than is left of the invoice; the excess is unapplied."""
    CREDITED_BEYOND_INVOICE = "creditedBeyondInvoice"
    """Credits add up to more than the invoice; the excess has no effect."""
    FUTURE_PAYMENT = "futurePayment"
    """The value date lies after the as-of date; shown as claimed, settles nothing yet."""
    UNKNOWN_DIRECTION = "unknownDirection"
    """Neither an allocation nor a contract says which side of the payment is the creditor; it enters no metric."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that does not fit: ``evidence`` is what it is about, ``message`` says it to people."""

    evidence: EvidenceId
    code: FindingCode
    message: str


class Findings:
    """Collects findings while a report is derived; the same one is kept once."""

    def __init__(self) -> None:
        self._found: set[Finding] = set()

    def add(self, code: FindingCode, evidence: EvidenceId, message: str) -> None:
        """Note that ``evidence`` does not fit, as ``code`` and ``message`` say."""
        self._found.add(Finding(evidence, code, message))

    def add_all(self, code: FindingCode, evidence: Iterable[EvidenceId], message: str) -> None:
        """Note the same for each of ``evidence``."""
        for each in evidence:
            self.add(code, each, message)

    def sorted(self) -> tuple[Finding, ...]:
        """All findings in their one order."""
        return tuple(sorted(self._found))
