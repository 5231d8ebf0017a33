"""Payments: whose word counts, when an invoice is paid, what stays unapplied, and the figures that follow."""

from decimal import Decimal

import pytest

from tallystick.credit.states import Status

from .builders import BUYER, CARRIER, NOBODY, OTHER_BUYER, SUPPLIER, Log


def test_a_claim_of_the_debtor_settles_nothing() -> None:
    """A payment stated by the buyer alone is shown as claimed, and the invoice stays open."""
    log = Log()
    log.pay(log.invoice(), "100.00", "2026-01-31", by=BUYER)
    for who in (BUYER, SUPPLIER):
        metrics = log.metrics(who)
        assert (metrics["claimedAmount"], metrics["openAmount"], metrics["settledCount"]) == ("100.00", "100.00", 0)


def test_a_third_party_cannot_acknowledge_a_claim() -> None:
    """Only the creditor's acknowledgement makes a claim count."""
    log = Log()
    claim = log.pay(log.invoice(), "100.00", "2026-01-31", by=BUYER)
    log.acknowledge(claim, by=CARRIER)
    log.acknowledge(claim, by=BUYER)
    assert log.metrics()["claimedAmount"] == "100.00"


def test_a_claim_accepted_in_part_is_not_acknowledged() -> None:
    """The creditor that received less states its own payment; the claim stays a claim, with a finding."""
    log = Log()
    log.acknowledge(log.pay(log.invoice(), "100.00", "2026-01-31", by=BUYER), by=SUPPLIER, acceptedAmount="99.99")
    assert log.metrics()["claimedAmount"] == "100.00"
    assert log.codes() == ["partlyAcknowledged"]


def test_a_claim_that_the_creditor_acknowledges_counts() -> None:
    """From then on it settles on its value date and is claimed no more."""
    log = Log()
    log.acknowledge(log.pay(log.invoice(), "100.00", "2026-02-07", by=BUYER), by=SUPPLIER, acceptedAmount="100.00")
    metrics = log.metrics(BUYER)
    assert (metrics["claimedAmount"], metrics["settledCount"]) == ("0.00", 1)
    assert metrics["daysBeyondTermsMean"] == "7.0000"


def test_a_payment_of_the_future_settles_nothing_yet() -> None:
    """Dated after the as-of date it is claimed, with a finding; on its day it counts."""
    log = Log()
    log.pay(log.invoice(due="2026-06-30"), "100.00", "2026-07-01")
    assert log.metrics()["claimedAmount"] == "100.00"
    assert log.codes() == ["futurePayment"]
    assert log.metrics(as_of="2026-07-01")["settledCount"] == 1


def test_a_partial_payment_does_not_settle() -> None:
    """An invoice paid to 99.99 of 100 is open, and late by today's count."""
    log = Log()
    log.pay(log.invoice(due="2026-06-20"), "99.99", "2026-06-01")
    metrics = log.metrics()
    assert (metrics["settledCount"], metrics["openAmount"], metrics["daysBeyondTermsMean"]) == (0, "0.01", "10.0000")


def test_the_payment_that_reaches_the_amount_gives_the_paid_date() -> None:
    """Of three partial payments, in any order of statement, the last by value date settles."""
    log = Log()
    invoice = log.invoice()
    for amount, day in (("20.00", "2026-02-10"), ("50.00", "2026-01-05"), ("30.00", "2026-01-20")):
        log.pay(invoice, amount, day)
    state = log.state(invoice)
    assert str(state.paid_date) == "2026-02-10"
    assert [str(receipt.value_date) for receipt in state.receipts] == ["2026-01-05", "2026-01-20", "2026-02-10"]


@pytest.mark.parametrize(
    ("day", "beyond", "to_terms", "rate"),
    [
        ("2026-02-07", "7.0000", "7.0000", "0.0000"),
        ("2026-02-01", "1.0000", "1.0000", "0.0000"),
        ("2026-01-31", "0.0000", "0.0000", "1.0000"),
        ("2026-01-21", "0.0000", "-10.0000", "1.0000"),
    ],
)
def test_days_beyond_terms_floor_at_zero_and_days_to_terms_keep_the_sign(
    day: str, beyond: str, to_terms: str, rate: str
) -> None:
    """Paid on day 37 of 30 is 7 days beyond terms; the due date itself, a Saturday here, is on time."""
    log = Log()
    log.pay(log.invoice(due="2026-01-31"), "100.00", day)
    metrics = log.metrics(BUYER)
    assert (metrics["daysBeyondTermsMean"], metrics["daysToTermsMean"]) == (beyond, to_terms)
    assert metrics["onTimeRateByCount"] == metrics["onTimeRateByValue"] == rate


def test_weighted_figures_weigh_by_the_effective_amount() -> None:
    """300 ten days late and 100 (of 200, half credited) on time: 7.5 weighted, 5 plain, 0.25 on time by value."""
    log = Log()
    log.pay(log.invoice("300.00"), "300.00", "2026-02-10")
    reduced = log.invoice("200.00")
    log.credit_note(reduced, "100.00")
    log.pay(reduced, "100.00", "2026-01-31")
    metrics = log.metrics()
    assert (metrics["daysBeyondTermsWeighted"], metrics["daysBeyondTermsMean"]) == ("7.5000", "5.0000")
    assert (metrics["onTimeRateByValue"], metrics["onTimeRateByCount"]) == ("0.2500", "0.5000")


def test_an_early_invoice_does_not_make_up_for_a_late_one() -> None:
    """Ten days early and ten days late: 5 days beyond terms, 0 to terms."""
    log = Log()
    log.pay(log.invoice(), "100.00", "2026-01-21")
    log.pay(log.invoice(), "100.00", "2026-02-10")
    metrics = log.metrics()
    assert (metrics["daysBeyondTermsWeighted"], metrics["daysToTermsWeighted"]) == ("5.0000", "0.0000")


def test_an_invoice_past_due_counts_as_paid_today() -> None:
    """It is an experience, late, and no settled one: leaving it out would hide the worst payers."""
    log = Log()
    log.invoice(due="2026-06-20")
    metrics = log.metrics(BUYER)
    assert (metrics["daysBeyondTermsMean"], metrics["onTimeRateByCount"]) == ("10.0000", "0.0000")
    assert (metrics["experienceCount"], metrics["settledCount"], metrics["averageDaysToPay"]) == (1, 0, None)


def test_an_invoice_not_yet_due_is_no_experience() -> None:
    """Due today it can still be on time: every payment metric is null, with a reason."""
    log = Log()
    log.invoice(due="2026-06-30")
    metrics = log.metrics(BUYER)
    for key in (
        "daysBeyondTermsWeighted", "daysBeyondTermsMean", "daysToTermsWeighted", "daysToTermsMean",
        "onTimeRateByCount", "onTimeRateByValue", "averageDaysToPay", "paymentIndex",
    ):  # fmt: skip
        assert metrics[key] is None
        assert metrics["reasons"][key]
    assert (metrics["openAmount"], metrics["overdueAmount"]) == ("100.00", "0.00")


def test_average_days_to_pay_is_the_plain_mean_over_settled_invoices() -> None:
    """Paid 5, 10 and 15 days after issue: 10; what is still open does not enter."""
    log = Log()
    for day, amount in (("2026-01-06", "1.00"), ("2026-01-11", "1000.00"), ("2026-01-16", "1.00")):
        log.pay(log.invoice(amount, issued="2026-01-01"), amount, day)
    log.invoice(issued="2026-01-01")
    assert log.metrics()["averageDaysToPay"] == "10.0000"


def test_an_allocation_beyond_the_invoice_is_unapplied() -> None:
    """The excess is never a negative open amount and never another invoice's money."""
    log = Log()
    invoice, other = log.invoice(), log.invoice()
    log.pay(invoice, "60.00", "2026-01-10")
    log.pay(invoice, "60.00", "2026-01-20")
    metrics = log.metrics()
    assert (metrics["unappliedAmount"], metrics["openAmount"], metrics["paidAmount"]) == ("20.00", "100.00", "100.00")
    assert log.state(other).status is Status.OPEN
    assert log.codes() == ["allocatedBeyondInvoice"]


def test_allocations_beyond_the_payment_are_cut_in_their_order() -> None:
    """A payment of 100 allocated as 80 and 80 pays 80 and 20."""
    log = Log()
    first, second = log.invoice(), log.invoice()
    log.payment("100.00", "2026-01-10", {first: "80.00", second: "80.00"})
    assert (log.state(first).open_amount, log.state(second).open_amount) == (Decimal(20), Decimal(80))
    assert log.codes() == ["allocatedBeyondPayment"]
    assert log.metrics()["unappliedAmount"] == "0.00"


def test_a_payment_in_another_currency_settles_nothing() -> None:
    """It stays unapplied in its own currency."""
    log = Log()
    log.pay(log.invoice(currency="EUR"), "100.00", "2026-01-10", currency="USD")
    assert log.metrics(currency="EUR")["openAmount"] == "100.00"
    assert log.metrics(currency="USD")["unappliedAmount"] == "100.00"
    assert log.codes() == ["otherCurrency"]


def test_a_payment_for_an_unknown_invoice_is_unapplied() -> None:
    """The contract of the deal says who is the creditor."""
    log = Log()
    log.contract()
    log.pay(b"\x01" * 32, "100.00", "2026-01-10")
    assert log.metrics()["unappliedAmount"] == "100.00"
    assert log.codes() == ["unknownInvoice"]


def test_a_payment_for_the_invoice_of_another_buyer_is_unapplied() -> None:
    """Money of one buyer does not settle what another owes."""
    log = Log()
    log.contract()
    foreign = log.invoice(buyer=OTHER_BUYER)
    log.pay(foreign, "100.00", "2026-01-10", to=BUYER)
    assert log.state(foreign).status is Status.OPEN
    assert log.codes() == ["foreignInvoice"]


def test_a_payment_without_allocation_or_contract_has_no_direction() -> None:
    """Nothing says who is the creditor, so it enters no metric."""
    log = Log()
    log.payment("100.00", "2026-01-10")
    assert log.json()["asSeller"] == log.json()["asBuyer"] == {}
    assert log.codes() == ["unknownDirection"]


def test_a_prepayment_is_unapplied_cash() -> None:
    """It stands by itself on the tradeline and nets nothing."""
    log = Log()
    log.contract()
    log.payment("500.00", "2026-01-01")
    log.invoice()
    metrics = log.metrics(BUYER)
    assert (metrics["unappliedAmount"], metrics["openAmount"]) == ("500.00", "100.00")


def test_a_payment_for_a_cancelled_invoice_is_unapplied() -> None:
    """The money is the buyer's credit balance."""
    log = Log()
    invoice = log.invoice()
    log.pay(invoice, "100.00", "2026-01-10")
    log.correct(invoice, "cancelled")
    assert log.metrics()["unappliedAmount"] == "100.00"


def test_cash_sales_of_two_parties_in_both_directions_are_kept_apart() -> None:
    """Who sells in one deal may buy in another: two roles, two tradelines."""
    log = Log()
    log.pay(log.invoice("100.00"), "100.00", "2026-01-31")
    log.pay(log.invoice("7.00", seller=BUYER, buyer=SUPPLIER), "7.00", "2026-01-31", by=BUYER)
    report = log.json(SUPPLIER)
    assert report["asSeller"]["EUR"]["paidAmount"] == "100.00"
    assert report["asBuyer"]["EUR"]["paidAmount"] == "7.00"


def test_a_self_reported_payment_settles_a_self_reported_invoice_only() -> None:
    """The buyer's view must not differ from the seller's, so it does not settle an invoice that names a buyer."""
    log = Log()
    own, named = log.invoice(buyer=NOBODY), log.invoice()
    log.pay(own, "100.00", "2026-01-31", to=NOBODY)
    log.pay(named, "100.00", "2026-01-31", to=NOBODY)
    assert (log.state(own).status, log.state(named).status) == (Status.SETTLED, Status.OPEN)
    assert log.codes() == ["foreignInvoice"]


def test_a_write_off_by_the_buyer_has_no_effect() -> None:
    """Only the issuer of an invoice can write it off."""
    log = Log()
    log.write_off(log.invoice(), "100.00", by=BUYER)
    assert log.metrics()["writtenOffAmount"] == "0.00"


def test_a_written_off_invoice_is_late_until_today() -> None:
    """It is closed, yet scored as open past due: writing off does not polish the payer's record."""
    log = Log()
    log.write_off(log.invoice("200.00", due="2026-06-20"), "200.00")
    metrics = log.metrics(BUYER)
    assert (metrics["openAmount"], metrics["writtenOffAmount"], metrics["writeOffRate"]) == ("0.00", "200.00", "1.0000")
    assert (metrics["daysBeyondTermsMean"], metrics["onTimeRateByCount"]) == ("10.0000", "0.0000")


def test_a_recovery_lowers_the_write_off() -> None:
    """Write-offs are net of what is paid later."""
    log = Log()
    invoice = log.invoice()
    log.write_off(invoice, "100.00")
    log.pay(invoice, "30.00", "2026-06-01")
    metrics = log.metrics()
    assert (metrics["writtenOffAmount"], metrics["paidAmount"], metrics["openAmount"]) == ("70.00", "30.00", "0.00")


@pytest.mark.parametrize(("reason", "rate"), [("Insolvency of the buyer", "0.0000"), ("small balance", "0.0500")])
def test_a_write_off_is_dilution_unless_for_insolvency(reason: str, rate: str) -> None:
    """What the buyer would not pay dilutes; what it could not pay is a bad debt."""
    log = Log()
    log.write_off(log.invoice(), "5.00", reason=reason)
    assert log.metrics()["dilutionRate"] == rate


def test_ageing_is_by_days_past_due_of_the_remaining_amount() -> None:
    """Current, 1-30, 31-60, 61-90 and 91+: the first and last day of each, part payments taken off."""
    log = Log()
    dues = """2026-07-15 2026-06-30  2026-06-29 2026-05-31  2026-05-30 2026-05-01
              2026-04-30 2026-04-01  2026-03-31"""
    for index, due in enumerate(dues.split()):
        log.invoice(str(10**index), due=due)
    log.pay(log.invoice("3.00", due="2026-03-31"), "1.00", "2026-03-01")
    metrics = log.metrics()
    assert metrics["ageing"] == {
        "current": "11.00",
        "d1to30": "1100.00",
        "d31to60": "110000.00",
        "d61to90": "11000000.00",
        "d91plus": "100000002.00",
    }
    assert (metrics["openAmount"], metrics["overdueAmount"]) == ("111111113.00", "111111102.00")
