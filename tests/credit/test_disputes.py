"""Disputes: counted apart while open, and what each outcome makes of the invoice."""

from decimal import Decimal

import pytest

from tallystick.credit.states import EvidenceClass, Status
from tallystick.protocol.types import PartyId

from .builders import BUYER, CARRIER, SUPPLIER, Log


def test_only_the_buyer_disputes_an_invoice() -> None:
    """The supplier's and a third party's dispute have no effect."""
    log = Log()
    invoice = log.invoice()
    log.dispute(invoice, by=SUPPLIER)
    log.dispute(invoice, by=CARRIER)
    assert log.metrics()["disputedCount"] == 0
    assert log.codes() == ["notEntitled", "notEntitled"]


def test_an_open_dispute_takes_the_invoice_out_of_the_payment_metrics() -> None:
    """Not open, not overdue, not aged, no experience: counted apart with what is left of it."""
    log = Log()
    invoice = log.invoice("100.00", due="2026-03-31")
    log.pay(invoice, "25.00", "2026-03-01")
    log.dispute(invoice)
    metrics = log.metrics(BUYER)
    assert (metrics["openAmount"], metrics["overdueAmount"], metrics["ageing"]["d91plus"]) == ("0.00", "0.00", "0.00")
    assert (metrics["experienceCount"], metrics["daysBeyondTermsMean"]) == (0, None)
    assert (metrics["disputedOpenCount"], metrics["disputedOpenAmount"]) == (1, "75.00")
    assert (metrics["invoiceCount"], metrics["disputedCount"], metrics["disputeRateByCount"]) == (1, 1, "1.0000")


def test_a_settled_invoice_disputed_afterwards_is_left_out_too() -> None:
    """No settled one while the dispute is open."""
    log = Log()
    invoice = log.invoice()
    log.pay(invoice, "100.00", "2026-01-31")
    log.dispute(invoice)
    metrics = log.metrics()
    assert (metrics["settledCount"], metrics["disputedOpenCount"], metrics["disputedOpenAmount"]) == (0, 1, "0.00")


@pytest.mark.parametrize(
    ("outcome", "issuer", "other"),
    [("withdrawn", SUPPLIER, BUYER), ("credited", BUYER, SUPPLIER), ("cancelled", BUYER, SUPPLIER)],
)
def test_a_resolution_in_ones_own_interest_needs_the_other_side(outcome: str, issuer: PartyId, other: PartyId) -> None:
    """Until the other side acknowledges it the dispute stays open."""
    log = Log()
    invoice = log.invoice()
    resolution = log.resolve(log.dispute(invoice), outcome, issuer, credit="30.00" if outcome == "credited" else "")
    assert log.state(invoice).status is Status.DISPUTED
    assert log.codes() == ["notAcknowledged"]
    log.acknowledge(resolution, by=issuer)
    assert log.state(invoice).status is Status.DISPUTED
    log.acknowledge(resolution, by=other)
    assert log.state(invoice).status is not Status.DISPUTED
    assert log.codes() == []


def test_a_third_party_resolves_nothing() -> None:
    """A carrier's resolution has no effect."""
    log = Log()
    invoice = log.invoice()
    log.resolve(log.dispute(invoice), "withdrawn", CARRIER)
    assert log.state(invoice).status is Status.DISPUTED
    assert log.codes() == ["notEntitled"]


def test_a_credit_in_another_currency_resolves_nothing() -> None:
    """Currencies are never mixed."""
    log = Log()
    invoice = log.invoice()
    log.resolve(log.dispute(invoice), "credited", SUPPLIER, credit="1.00", currency="USD")
    assert log.state(invoice).status is Status.DISPUTED
    assert log.codes() == ["otherCurrency"]


def test_withdrawn_counts_with_the_original_due_date_and_amount() -> None:
    """Paid 10 days late stays 10 days late; by its withdrawal the buyer recognised the invoice."""
    log = Log()
    invoice = log.invoice()
    log.resolve(log.dispute(invoice), "withdrawn", BUYER)
    log.pay(invoice, "100.00", "2026-02-10")
    metrics = log.metrics(BUYER)
    assert (metrics["daysBeyondTermsMean"], metrics["disputedCount"], metrics["disputedOpenCount"]) == ("10.0000", 1, 0)
    assert log.state(invoice).evidence_class is EvidenceClass.MUTUAL


def test_credited_counts_with_the_reduced_amount() -> None:
    """100 invoiced, 30 credited in the dispute, 70 paid: settled, weight 70."""
    log = Log()
    invoice = log.invoice()
    log.resolve(log.dispute(invoice), "credited", SUPPLIER, credit="30.00", occurred="2026-02-05")
    log.pay(invoice, "70.00", "2026-01-31")
    state = log.state(invoice)
    assert (state.status, state.effective_amount, str(state.credits[0].date)) == (
        Status.SETTLED,
        Decimal(70),
        "2026-02-05",
    )
    assert log.metrics()["dilutionRate"] == "0.3000"


def test_cancelled_counts_not_at_all() -> None:
    """Neither among the invoices nor among the disputed ones."""
    log = Log()
    log.resolve(log.dispute(log.invoice()), "cancelled", SUPPLIER)
    metrics = log.metrics(BUYER)
    assert (metrics["invoiceCount"], metrics["cancelledCount"], metrics["disputedCount"]) == (0, 1, 0)


@pytest.mark.parametrize("resolved_first", [0, 1])
def test_one_open_dispute_is_enough(resolved_first: int) -> None:
    """An invoice disputed twice is disputed until both are resolved, in whichever order."""
    log = Log()
    invoice = log.invoice()
    disputes = [log.dispute(invoice), log.dispute(invoice)]
    log.resolve(disputes[resolved_first], "withdrawn", BUYER)
    assert log.state(invoice).status is Status.DISPUTED
    log.resolve(disputes[1 - resolved_first], "withdrawn", BUYER)
    assert log.state(invoice).status is Status.OPEN
    assert log.metrics()["disputedCount"] == 1


@pytest.mark.parametrize("amounts", [("10.00", "20.00"), ("20.00", "10.00")])
def test_of_several_resolutions_the_best_for_the_buyer_holds(amounts: tuple[str, str]) -> None:
    """The supplier credits 10 and 20; the buyer withdraws: the credit of 20 stands, once."""
    log = Log()
    invoice = log.invoice()
    dispute = log.dispute(invoice)
    for amount in amounts:
        log.resolve(dispute, "credited", SUPPLIER, credit=amount)
    log.resolve(dispute, "withdrawn", BUYER)
    assert log.state(invoice).credited == 20


def test_a_credit_lowered_afterwards_makes_the_invoice_asserted_again() -> None:
    """The buyer acknowledged the invoice when the credit was 20; now it is 10."""
    log = Log()
    invoice = log.invoice()
    resolution = log.resolve(log.dispute(invoice), "credited", SUPPLIER, credit="20.00")
    log.acknowledge(invoice)
    assert log.state(invoice).evidence_class is EvidenceClass.MUTUAL
    log.correct(resolution, "replaced", {"outcome": "credited", "creditAmount": "10.00", "currency": "EUR"})
    assert log.state(invoice).effective_amount == 90
    assert log.state(invoice).evidence_class is EvidenceClass.ASSERTED


def test_a_credit_taken_back_opens_the_dispute_again() -> None:
    """The resolution is void, so nothing resolves the dispute."""
    log = Log()
    invoice = log.invoice()
    log.correct(log.resolve(log.dispute(invoice), "credited", SUPPLIER, credit="10.00"), "cancelled")
    assert log.state(invoice).status is Status.DISPUTED


def test_a_dispute_its_issuer_cancels_is_withdrawn() -> None:
    """It was disputed once, and is no longer."""
    log = Log()
    invoice = log.invoice()
    log.correct(log.dispute(invoice), "cancelled", by=BUYER)
    assert log.state(invoice).status is Status.OPEN
    assert log.state(invoice).evidence_class is EvidenceClass.MUTUAL
    assert log.metrics()["disputedCount"] == 1


def test_dispute_rates_are_of_invoices_by_count_and_by_value() -> None:
    """One of two invoices, 300 of 400."""
    log = Log()
    log.resolve(log.dispute(log.invoice("300.00")), "withdrawn", BUYER)
    log.invoice("100.00")
    metrics = log.metrics()
    assert (metrics["disputeRateByCount"], metrics["disputeRateByValue"]) == ("0.5000", "0.7500")
