"""Whether an invoice can be financed: what a financier looks at before it signs, and every verifier after.

Rules:

- a receivable is an INVOICE that stands in the log of the party that issued it, and names a buyer;
- its buyer acknowledged it, in full: otherwise it is the supplier's word alone;
- something is left to pay: it is neither disputed, credited, paid, written off nor cancelled.

Example: ``find_obstacles(supplier, entries, invoice, date(2026, 3, 31))`` is empty for an invoice that can be financed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from tallystick.credit.deals import read_deals
from tallystick.credit.findings import Findings
from tallystick.credit.money import exact_arithmetic
from tallystick.credit.states import EvidenceClass, InvoiceState, Role, Status
from tallystick.protocol.entry import Entry, Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, PartyId


class Obstacle(StrEnum):
    """Why an invoice is not one to finance."""

    NOT_AN_INVOICE = "notAnInvoice"
    """No invoice of that evidence id stands in the log."""
    NOT_THE_ISSUER = "notTheIssuer"
    """Another party issued it: the log is the buyer's."""
    NO_BUYER = "noBuyer"
    """It is self-reported: it names no counterparty that could acknowledge it."""
    NOT_ACKNOWLEDGED = "notAcknowledged"
    """Its buyer has not acknowledged it as it stands now."""
    CANCELLED = "cancelled"
    DISPUTED = "disputed"
    CREDITED = "credited"
    SETTLED = "settled"
    WRITTEN_OFF = "writtenOff"

    @property
    def reason(self) -> str:
        """The obstacle as the part of a sentence."""
        return _REASONS[self]


_REASONS = {
    Obstacle.NOT_AN_INVOICE: "no invoice of that id stands in its issuer's log",
    Obstacle.NOT_THE_ISSUER: "another party issued it",
    Obstacle.NO_BUYER: "it names no buyer who could acknowledge it",
    Obstacle.NOT_ACKNOWLEDGED: "its buyer has not acknowledged it as it stands now",
    Obstacle.CANCELLED: "it is cancelled",
    Obstacle.DISPUTED: "it is disputed",
    Obstacle.CREDITED: "nothing is left of it after credits",
    Obstacle.SETTLED: "it is paid",
    Obstacle.WRITTEN_OFF: "what was left of it is written off",
}
_BY_STATUS = {
    Status.CANCELLED: Obstacle.CANCELLED,
    Status.DISPUTED: Obstacle.DISPUTED,
    Status.CREDITED: Obstacle.CREDITED,
    Status.SETTLED: Obstacle.SETTLED,
    Status.WRITTEN_OFF: Obstacle.WRITTEN_OFF,
}


def find_obstacles(
    supplier: PartyId, entries: Sequence[Entry], invoice: EvidenceId, as_of: date
) -> tuple[Obstacle, ...]:
    """What speaks against financing ``invoice`` as ``supplier``'s judged ``entries`` show it on the day ``as_of``."""
    entry = next(
        (
            item
            for item in entries
            if item.evidence_id == invoice and item.evidence.kind == Kind.INVOICE and item.standing is Standing.STANDS
        ),
        None,
    )
    if entry is None:
        return (Obstacle.NOT_AN_INVOICE,)
    if entry.evidence.issuer != supplier:
        return (Obstacle.NOT_THE_ISSUER,)
    with exact_arithmetic():
        states = read_deals(supplier, entries, as_of, Findings()).invoices
    state = next((item for item in states if item.evidence == invoice and item.role is Role.SELLER), None)
    return (Obstacle.NOT_AN_INVOICE,) if state is None else _of_state(state)


def _of_state(state: InvoiceState) -> tuple[Obstacle, ...]:
    found = []
    if state.counterparty is None:
        found.append(Obstacle.NO_BUYER)
    elif state.evidence_class is not EvidenceClass.MUTUAL and state.status is not Status.DISPUTED:
        found.append(Obstacle.NOT_ACKNOWLEDGED)
    if state.status in _BY_STATUS:
        found.append(_BY_STATUS[state.status])
    return tuple(found)
