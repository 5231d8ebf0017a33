"""Corrections: what they change, from when, and what the buyer's earlier word still covers."""

from decimal import Decimal

import pytest

from tallystick.credit.states import EvidenceClass, Status

from .builders import BUYER, SUPPLIER, Log, invoice_fields, payment_fields


def test_nobody_corrects_the_evidence_of_another() -> None:
    """The buyer's correction of the supplier's invoice has no effect."""
    log = Log()
    invoice = log.invoice()
    log.correct(invoice, "cancelled", by=BUYER)
    assert log.state(invoice).status is Status.OPEN
    assert log.codes() == ["notEntitled"]


def test_a_replacement_that_cannot_be_read_has_no_effect() -> None:
    """What stood before stands, and a finding names the correction."""
    log = Log()
    invoice = log.invoice()
    log.correct(invoice, "replaced", invoice_fields("one hundred"))
    log.correct(invoice, "improved")
    assert log.state(invoice).amount == 100
    assert log.codes() == ["unreadableContent", "unreadableContent"]


def test_a_credit_note_in_another_currency_has_no_effect() -> None:
    """Currencies are never mixed."""
    log = Log()
    invoice = log.invoice()
    log.credit_note(invoice, "10.00", currency="USD")
    assert log.state(invoice).credited == 0
    assert log.codes() == ["otherCurrency"]


def test_credit_notes_fit_invoices_only() -> None:
    """A payment can be replaced or cancelled, not credited."""
    log = Log()
    payment = log.pay(log.invoice(), "100.00", "2026-01-31")
    log.credit_note(payment, "10.00")
    assert log.codes() == ["misplaced"]


def test_credits_beyond_the_invoice_are_cut() -> None:
    """An invoice never falls below nothing."""
    log = Log()
    invoice = log.invoice()
    log.credit_note(invoice, "70.00")
    log.credit_note(invoice, "70.00")
    assert log.state(invoice).credited == 100
    assert log.codes() == ["creditedBeyondInvoice"]


def test_a_credit_of_nothing_takes_nothing_not_even_a_decimal_place() -> None:
    """What is left of 100.00 is 100.00, however precisely nothing was credited."""
    log = Log()
    invoice = log.invoice("100.00")
    log.credit_note(invoice, "0.0000", "2026-01-02")
    log.credit_note(invoice, "150.00", "2026-01-03")
    (finding,) = log.report().findings
    assert finding.message == "credits add up to more than the invoiced 100.00; 150.00 is cut to 100.00"


def test_a_correction_of_something_outside_the_log_is_a_finding() -> None:
    """Nothing to correct, nothing changed."""
    log = Log()
    log.correct(b"\x07" * 32, "cancelled")
    assert log.codes() == ["unknownParent"]


def test_several_credit_notes_add_up() -> None:
    """10,000 invoiced, two credit notes of 500, 9,000 paid: settled, dilution 10 %."""
    log = Log()
    invoice = log.invoice("10000")
    log.credit_note(invoice, "500.00")
    log.pay(invoice, "9000.00", "2026-01-31")
    log.credit_note(invoice, "500.00", day="2026-02-20")
    assert log.state(invoice).status is Status.SETTLED
    assert str(log.state(invoice).paid_date) == "2026-01-31"
    assert log.metrics()["dilutionRate"] == "0.1000"


def test_cancelling_a_credit_note_revives_the_amount() -> None:
    """And cancelling the cancellation lowers it again."""
    log = Log()
    invoice = log.invoice()
    note = log.credit_note(invoice, "40.00")
    assert log.state(invoice).open_amount == 60
    cancellation = log.correct(note, "cancelled")
    assert log.state(invoice).open_amount == 100
    log.correct(cancellation, "cancelled")
    assert log.state(invoice).open_amount == 60


def test_a_credit_note_can_be_replaced() -> None:
    """The replacement supersedes the credit note's amount."""
    log = Log()
    invoice = log.invoice()
    note = log.credit_note(invoice, "40.00")
    log.correct(
        note,
        "replaced",
        {"creditNoteNumber": "N", "issueDate": "2026-01-21", "creditAmount": "15.00", "currency": "EUR"},
    )
    assert log.state(invoice).open_amount == 85


def test_a_cancelled_invoice_counts_nowhere_but_as_cancelled() -> None:
    """Neither invoiced nor open nor late; only cancelledCount shows it."""
    log = Log()
    log.correct(log.invoice(), "cancelled")
    metrics = log.metrics(BUYER)
    assert (metrics["invoiceCount"], metrics["cancelledCount"], metrics["invoicedAmount"]) == (0, 1, "0.00")
    assert metrics["highCredit"] is None
    assert metrics["evidence"] is None
    assert metrics["disputeRateByCount"] is None


def test_an_invoice_credited_to_nothing_is_no_experience() -> None:
    """It was invoiced, but there was nothing to pay late."""
    log = Log()
    log.credit_note(log.invoice(), "100.00")
    metrics = log.metrics(BUYER)
    assert (metrics["invoiceCount"], metrics["experienceCount"], metrics["settledCount"]) == (1, 0, 0)
    assert metrics["daysBeyondTermsMean"] is None


def test_the_last_replacement_holds() -> None:
    """A chain of replacements, the last one naming the first as its parent."""
    log = Log()
    invoice = log.invoice("100.00")
    first = log.correct(invoice, "replaced", invoice_fields("90.00"))
    log.correct(first, "replaced", invoice_fields("80.00"))
    log.correct(invoice, "replaced", invoice_fields("70.00", due="2026-03-31"))
    state = log.state(invoice)
    assert (state.amount, str(state.due_date)) == (Decimal(70), "2026-03-31")


def test_cancelling_a_replacement_brings_back_what_it_replaced() -> None:
    """The parent is void, and so is what replaced it."""
    log = Log()
    invoice = log.invoice("100.00")
    replacement = log.correct(invoice, "replaced", invoice_fields("90.00"))
    log.correct(replacement, "replaced", invoice_fields("80.00"))
    log.correct(replacement, "cancelled")
    assert log.state(invoice).amount == 100


def test_a_payment_may_name_any_version_of_the_invoice() -> None:
    """The id of a replacement leads to the invoice it replaces."""
    log = Log()
    invoice = log.invoice("100.00")
    log.pay(log.correct(invoice, "replaced", invoice_fields("90.00")), "90.00", "2026-01-31")
    assert log.state(invoice).status is Status.SETTLED


@pytest.mark.parametrize(
    ("fields", "evidence"),
    [
        (invoice_fields("110.00"), EvidenceClass.ASSERTED),
        (invoice_fields("100.00", due="2026-01-30"), EvidenceClass.ASSERTED),
        (invoice_fields("100.00", currency="USD"), EvidenceClass.ASSERTED),
        (invoice_fields("90.00"), EvidenceClass.MUTUAL),
        (invoice_fields("100.00", due="2026-02-28", issued="2026-01-01"), EvidenceClass.MUTUAL),
    ],
)
def test_a_replacement_against_the_buyer_needs_its_word_anew(
    fields: dict[str, object], evidence: EvidenceClass
) -> None:
    """Upward, sooner or in other money: it counts but is asserted again; in the buyer's favour it stays mutual."""
    log = Log()
    invoice = log.invoice()
    log.acknowledge(invoice)
    replacement = log.correct(invoice, "replaced", fields)
    assert log.state(invoice).evidence_class is evidence
    assert str(log.state(invoice).amount) == fields["payableAmount"]
    log.acknowledge(invoice)
    assert log.state(invoice).evidence_class is evidence
    log.acknowledge(replacement)
    assert log.state(invoice).evidence_class is EvidenceClass.MUTUAL


def test_a_credit_note_taken_back_makes_the_invoice_asserted_again() -> None:
    """What the buyer accepted was the lower amount, for all the log says."""
    log = Log()
    invoice = log.invoice()
    note = log.credit_note(invoice, "40.00")
    log.acknowledge(invoice)
    log.correct(note, "cancelled")
    assert log.state(invoice).evidence_class is EvidenceClass.ASSERTED
    log.acknowledge(invoice)
    assert log.state(invoice).evidence_class is EvidenceClass.MUTUAL


def test_a_payment_of_the_buyer_does_not_cover_a_later_replacement_upward() -> None:
    """It recognised the invoice as it stood then; a payment stated after the replacement does cover it."""
    log = Log()
    invoice = log.invoice("100.00")
    log.pay(invoice, "100.00", "2026-01-31", by=BUYER)
    assert log.state(invoice).evidence_class is EvidenceClass.MUTUAL
    log.correct(invoice, "replaced", invoice_fields("110.00"))
    assert log.state(invoice).evidence_class is EvidenceClass.ASSERTED
    log.pay(invoice, "10.00", "2026-02-28", by=BUYER)
    assert log.state(invoice).evidence_class is EvidenceClass.MUTUAL


def test_a_lower_replacement_taken_back_makes_the_invoice_asserted_again() -> None:
    """100 acknowledged, lowered to 90, and 100 again."""
    log = Log()
    invoice = log.invoice()
    log.acknowledge(invoice)
    log.correct(log.correct(invoice, "replaced", invoice_fields("90.00")), "cancelled")
    assert log.state(invoice).amount == 100
    assert log.state(invoice).evidence_class is EvidenceClass.ASSERTED


def test_a_receipt_taken_back_reopens_the_invoice_as_asserted() -> None:
    """A returned payment: the supplier cancels what it stated, and the buyer has to speak anew."""
    log = Log()
    invoice = log.invoice()
    log.acknowledge(invoice)
    log.correct(log.pay(invoice, "100.00", "2026-01-31"), "cancelled")
    state = log.state(invoice)
    assert (state.status, state.evidence_class) == (Status.OPEN, EvidenceClass.ASSERTED)


def test_a_payment_is_replaced_by_its_correction() -> None:
    """The supplier corrects the amount it received; more received leaves the invoice mutual."""
    log = Log()
    invoice = log.invoice()
    log.acknowledge(invoice)
    payment = log.pay(invoice, "90.00", "2026-01-31")
    log.correct(payment, "replaced", payment_fields("100.00", "2026-02-01", {invoice: "100.00"}))
    state = log.state(invoice)
    assert (state.status, str(state.paid_date)) == (Status.SETTLED, "2026-02-01")
    assert state.evidence_class is EvidenceClass.MUTUAL


def test_an_acknowledgement_does_not_cover_a_claim_replaced_later() -> None:
    """The creditor acknowledged another content."""
    log = Log()
    invoice = log.invoice()
    claim = log.pay(invoice, "50.00", "2026-01-31", by=BUYER)
    log.acknowledge(claim, by=SUPPLIER)
    replaced = log.correct(claim, "replaced", payment_fields("100.00", "2026-01-31", {invoice: "100.00"}), by=BUYER)
    assert log.metrics()["claimedAmount"] == "100.00"
    log.acknowledge(replaced, by=SUPPLIER)
    assert log.metrics()["paidAmount"] == "100.00"


def test_a_cancelled_write_off_is_open_again() -> None:
    """The supplier takes its write-off back."""
    log = Log()
    invoice = log.invoice()
    log.correct(log.write_off(invoice, "100.00"), "cancelled")
    assert log.metrics()["openAmount"] == "100.00"
