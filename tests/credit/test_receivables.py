"""Whether an invoice can be financed: what speaks against it, by the log of its supplier alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from tallystick.credit.receivables import Obstacle, find_obstacles
from tallystick.protocol.entry import Standing
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId

from .builders import AS_OF, BUYER, CARRIER, NOBODY, SUPPLIER, Log


def obstacles(log: Log, invoice: bytes, supplier: PartyId = SUPPLIER) -> tuple[Obstacle, ...]:
    return find_obstacles(supplier, log.entries, EvidenceId(invoice), date.fromisoformat(AS_OF))


def acknowledged(log: Log, amount: str = "100.00") -> EvidenceId:
    """An invoice that its buyer acknowledged."""
    invoice = log.invoice(amount)
    log.acknowledge(invoice)
    return invoice


def test_what_is_not_in_the_log_is_no_receivable() -> None:
    """An id that the log does not hold, zero, or that of another kind of evidence is no invoice."""
    log = Log()
    invoice = acknowledged(log)
    payment = log.pay(invoice, "10.00", "2026-01-31")
    for other in (payment, EvidenceId(b"\x01" * 32), EvidenceId(ZERO32)):
        assert obstacles(log, other) == (Obstacle.NOT_AN_INVOICE,)


def test_a_void_invoice_is_no_receivable() -> None:
    """An entry that does not stand counts for nothing, however often it is acknowledged."""
    log = Log()
    invoice = log.invoice(standing=Standing.BAD_SIGNATURE)
    log.acknowledge(invoice)
    assert obstacles(log, invoice) == (Obstacle.NOT_AN_INVOICE,)


def test_the_buyer_can_not_pledge_what_it_owes() -> None:
    """The invoice stands in the buyer's log too, but the buyer did not issue it."""
    log = Log()
    assert obstacles(log, acknowledged(log), supplier=BUYER) == (Obstacle.NOT_THE_ISSUER,)


def test_a_self_reported_invoice_has_no_buyer_to_rely_on() -> None:
    """A supplier's word about a customer that has not joined is nothing to lend on."""
    log = Log()
    assert obstacles(log, log.invoice(buyer=NOBODY)) == (Obstacle.NO_BUYER,)


def test_the_buyers_acknowledgement_is_needed() -> None:
    """Neither the supplier's own word, nor a carrier's, nor part of the amount will do."""
    log = Log()
    invoice = log.invoice("100.00")
    log.acknowledge(invoice, by=SUPPLIER)
    log.acknowledge(invoice, by=CARRIER)
    log.acknowledge(invoice, acceptedAmount="60.00")
    assert obstacles(log, invoice) == (Obstacle.NOT_ACKNOWLEDGED,)


def test_an_invoice_made_worse_after_its_acknowledgement_is_not_acknowledged() -> None:
    """What the buyer agreed to was less than what is claimed now."""
    log = Log()
    invoice = acknowledged(log)
    worse = {"invoiceNumber": "R", "issueDate": "2026-01-01", "dueDate": "2026-01-31", "currency": "EUR"}
    log.correct(invoice, "replaced", {**worse, "payableAmount": "900.00"})
    assert obstacles(log, invoice) == (Obstacle.NOT_ACKNOWLEDGED,)


@pytest.mark.parametrize(
    ("happen", "expected"),
    [
        (lambda log, invoice: log.dispute(invoice), Obstacle.DISPUTED),
        (lambda log, invoice: log.correct(invoice, "cancelled"), Obstacle.CANCELLED),
        (lambda log, invoice: log.credit_note(invoice, "100.00"), Obstacle.CREDITED),
        (lambda log, invoice: log.pay(invoice, "100.00", "2026-02-02"), Obstacle.SETTLED),
        (lambda log, invoice: log.write_off(invoice, "100.00"), Obstacle.WRITTEN_OFF),
    ],
)
def test_an_invoice_with_nothing_to_collect_is_not_financed(
    happen: Callable[[Log, EvidenceId], object], expected: Obstacle
) -> None:
    """Disputed, cancelled, credited, paid or written off: each is named."""
    log = Log()
    invoice = acknowledged(log)
    happen(log, invoice)
    assert expected in obstacles(log, invoice)


def test_an_acknowledged_open_invoice_can_be_financed() -> None:
    """Also when it is overdue, and when part of it is paid or credited."""
    log = Log()
    invoice = acknowledged(log)
    assert obstacles(log, invoice) == ()
    log.pay(invoice, "40.00", "2026-02-02")
    log.credit_note(invoice, "10.00")
    assert obstacles(log, invoice) == ()
