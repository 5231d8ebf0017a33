"""The report as a whole: what counts, by whose word, in which role and currency, and its JSON."""

import json
from decimal import Decimal, localcontext

import pytest

from tallystick.credit.report import derive, to_json
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, to_hex

from .builders import AS_OF, BUYER, CARRIER, NOBODY, OTHER_BUYER, SUPPLIER, Log, block, invoice_fields

METRIC_KEYS = {
    "invoiceCount", "invoicedAmount", "settledCount", "daysBeyondTermsWeighted", "daysBeyondTermsMean",
    "daysToTermsWeighted", "daysToTermsMean", "averageDaysToPay", "onTimeRateByCount", "onTimeRateByValue",
    "disputedCount", "disputeRateByCount", "disputeRateByValue", "highCredit", "openAmount", "overdueAmount", "ageing",
    "paymentIndex", "evidence", "disputedOpenCount", "disputedOpenAmount", "cancelledCount", "claimedAmount",
    "unappliedAmount", "dilutionRate", "writeOffRate", "daysSalesOutstanding", "trend", "reasons",
}  # fmt: skip


@pytest.mark.parametrize("standing", [each for each in Standing if each is not Standing.STANDS])
def test_an_entry_that_does_not_stand_enters_no_metric_and_is_listed(standing: Standing) -> None:
    """It is passed over, and named with its place and its standing."""
    log = Log()
    bad = log.invoice(standing=standing)
    report = log.json()
    assert report["asSeller"] == {}
    assert report["notCounted"] == [{"seq": 0, "evidence": to_hex(bad), "standing": standing.value}]
    assert report["entryCount"] == 1


def test_an_answer_to_what_does_not_stand_is_a_finding() -> None:
    """There is nothing to acknowledge."""
    log = Log()
    log.acknowledge(log.invoice(standing=Standing.BAD_SIGNATURE))
    assert log.codes() == ["unknownParent"]


@pytest.mark.parametrize("name", ["issueDate", "dueDate", "currency", "payableAmount"])
@pytest.mark.parametrize("value", [None, 12, "soon", ["x"], {"a": 1}, True])
def test_an_invoice_with_a_malformed_field_enters_no_metric(name: str, value: object) -> None:
    """A finding names the entry and the field; nothing is raised."""
    log = Log()
    bad = log.add(Kind.INVOICE, SUPPLIER, BUYER, {**invoice_fields("100.00"), name: value})
    report = log.json()
    assert report["asSeller"] == {}
    assert [(each["code"], each["evidence"]) for each in report["findings"]] == [("unreadableContent", to_hex(bad))]
    assert name in report["findings"][0]["message"]


def test_an_invoice_with_a_hidden_amount_enters_no_metric() -> None:
    """Hidden is not zero."""
    log = Log()
    fields = invoice_fields("100.00")
    del fields["payableAmount"]
    log.add(Kind.INVOICE, SUPPLIER, BUYER, fields)
    assert log.json()["asSeller"] == {}
    assert "hidden" in log.json()["findings"][0]["message"]


def test_an_invoice_with_a_hidden_number_counts() -> None:
    """No metric needs the number, so a holder may hide it."""
    log = Log()
    fields = invoice_fields("100.00")
    del fields["invoiceNumber"]
    log.add(Kind.INVOICE, SUPPLIER, BUYER, fields)
    assert log.metrics()["invoiceCount"] == 1


@pytest.mark.parametrize(
    "allocations",
    [None, "x", [1], [{}], [{"invoice": "0x12", "amount": "1"}], [{"invoice": "0x" + "AA" * 32, "amount": "1"}]],
)
def test_a_payment_with_malformed_allocations_enters_no_metric(allocations: object) -> None:
    """Neither the good allocations nor the money count."""
    log = Log()
    log.contract()
    fields = {"valueDate": "2026-01-01", "currency": "EUR", "amount": "5.00", "allocations": allocations}
    log.add(Kind.PAYMENT, SUPPLIER, BUYER, fields)
    assert log.json()["asSeller"] == {}
    assert log.codes() == ["unreadableContent"]


def test_duplicate_invoice_numbers_of_one_issuer_are_found() -> None:
    """Both count and both are named; a cancelled one, or another issuer's, is no duplicate."""
    log = Log()
    first, second = log.invoice(number="4711"), log.invoice(number="4711")
    log.correct(log.invoice(number="4712"), "cancelled")
    log.invoice(number="4712")
    log.invoice(number="4712", seller=BUYER, buyer=SUPPLIER)
    findings = log.json()["findings"]
    assert {(each["code"], each["evidence"]) for each in findings} == {
        ("duplicateInvoiceNumber", to_hex(first)), ("duplicateInvoiceNumber", to_hex(second))
    }  # fmt: skip
    assert log.metrics()["invoiceCount"] == 3


def test_an_unknown_currency_counts_with_a_finding() -> None:
    """The code is kept as it is."""
    log = Log()
    log.invoice("1.5", currency="XQQ")
    assert log.metrics(currency="XQQ")["invoicedAmount"] == "1.50"
    assert log.codes() == ["unknownCurrency"]


def test_an_unknown_kind_enters_no_metric() -> None:
    """It is counted among the entries, and that is all."""
    log = Log()
    log.add(200, SUPPLIER, BUYER, {"payableAmount": "1.00"})
    assert (log.json()["entryCount"], log.json()["asSeller"], log.codes()) == (1, {}, [])


def test_a_report_with_entries_withheld_is_not_complete() -> None:
    """One is enough."""
    log = Log()
    assert log.report(withheld=1).complete is False
    assert log.report().complete is True


def test_an_empty_log_gives_an_empty_report() -> None:
    """No metric is made up; the anchoring delay says why it is null."""
    report = Log().json()
    assert (report["asBuyer"], report["asSeller"], report["tradelines"]) == ({}, {}, [])
    assert report["anchoringDelay"]["medianSeconds"] is None
    assert report["anchoringDelay"]["reasons"]["medianSeconds"]


def test_currencies_are_never_mixed() -> None:
    """One counterparty, two currencies: two tradelines and two totals."""
    log = Log()
    log.invoice("100.00", currency="EUR")
    log.invoice("100", currency="JPY")
    report = log.json()
    assert [line["currency"] for line in report["tradelines"]] == ["EUR", "JPY"]
    assert report["asSeller"]["EUR"]["invoicedAmount"] == "100.00"
    assert report["asSeller"]["JPY"]["invoicedAmount"] == "100"


def test_totals_are_the_sum_of_the_tradelines() -> None:
    """Two buyers on two tradelines, together in asSeller."""
    log = Log()
    log.invoice("100.00", due="2026-01-31")
    log.invoice("50.00", due="2026-02-28", buyer=OTHER_BUYER)
    report = log.json()
    assert sorted(line["invoicedAmount"] for line in report["tradelines"]) == ["100.00", "50.00"]
    assert report["asSeller"]["EUR"]["invoicedAmount"] == "150.00"
    assert report["asSeller"]["EUR"]["highCredit"] == {"amount": "150.00", "date": "2026-01-29"}


def test_a_tradeline_shows_the_terms_of_the_latest_contract() -> None:
    """In its currency and role, with the first and last invoice date."""
    log = Log()
    log.contract(30)
    log.contract(45, deal=b"\x01" * 32)
    log.contract(90, deal=b"\x02" * 32, currency="USD")
    log.invoice(issued="2026-01-01")
    log.invoice(issued="2026-03-01", due="2026-04-15")
    (line,) = log.json(BUYER)["tradelines"]
    assert (line["role"], line["counterparty"], line["paymentTermsDays"]) == ("buyer", to_hex(SUPPLIER), 45)
    assert (line["firstInvoiceDate"], line["lastInvoiceDate"]) == ("2026-01-01", "2026-03-01")


def test_a_tradeline_without_contract_has_no_terms() -> None:
    """Null, with a reason beside it."""
    log = Log()
    log.invoice()
    (line,) = log.json()["tradelines"]
    assert line["paymentTermsDays"] is None
    assert line["reasons"]["paymentTermsDays"]


def test_self_reported_invoices_are_the_sellers_only() -> None:
    """One tradeline without a counterparty, its value self-reported."""
    log = Log()
    log.pay(log.invoice(buyer=NOBODY), "100.00", "2026-01-31", to=NOBODY)
    report = log.json()
    (line,) = report["tradelines"]
    assert (line["counterparty"], line["role"], line["settledCount"]) == (None, "seller", 1)
    assert report["asBuyer"] == {}
    assert line["evidence"]["selfReported"] == "1.0000"


def test_evidence_is_shared_out_by_whose_word_it_is() -> None:
    """Mutual by acknowledgement, asserted, under dispute, self-reported: 1, 2, 3 and 4 tenths of the value."""
    log = Log()
    log.acknowledge(log.invoice("100.00"))
    log.invoice("200.00")
    log.dispute(log.invoice("300.00"))
    log.invoice("400.00", buyer=NOBODY)
    shares = {"mutual": "0.1000", "asserted": "0.2000", "disputed": "0.3000", "selfReported": "0.4000"}
    assert log.metrics()["evidence"] == shares


def test_a_third_partys_acknowledgement_witnesses_and_no_more() -> None:
    """It shows in witnessedShare; the invoice stays asserted. The supplier's own is no witness."""
    log = Log()
    invoice = log.invoice()
    log.acknowledge(invoice, by=SUPPLIER)
    assert log.metrics()["witnessedShare"] == "0.0000"
    log.acknowledge(invoice, by=CARRIER)
    assert log.metrics()["witnessedShare"] == "1.0000"
    assert log.metrics()["evidence"]["asserted"] == "1.0000"


@pytest.mark.parametrize("accepted", ["99.99", "nothing"])
def test_accepting_less_than_is_owed_is_no_acknowledgement(accepted: str) -> None:
    """The buyer accepted 99.99 of 100."""
    log = Log()
    log.acknowledge(log.invoice(), acceptedAmount=accepted)
    assert log.metrics()["evidence"]["asserted"] == "1.0000"


def test_a_part_payment_recognises_no_whole_invoice() -> None:
    """A buyer who says that it paid 1 of 100 has not confirmed the other 99."""
    log = Log()
    log.pay(log.invoice("100.00"), "1.00", "2026-01-31", by=BUYER)
    assert log.metrics()["evidence"]["asserted"] == "1.0000"


def test_payments_by_the_buyers_word_that_cover_it_make_the_invoice_mutual() -> None:
    """Who pays an invoice recognises it, at once or in parts, even while the creditor has not confirmed the money."""
    claimed, acknowledged, silent = Log(), Log(), Log()
    invoice = claimed.invoice("100.00")
    claimed.pay(invoice, "40.00", "2026-01-30", by=BUYER)
    claimed.pay(invoice, "60.00", "2026-01-31", by=BUYER)
    acknowledged.acknowledge(acknowledged.pay(acknowledged.invoice("100.00"), "100.00", "2026-01-31"))
    silent.pay(silent.invoice("100.00"), "100.00", "2026-01-31")
    assert claimed.metrics()["evidence"]["mutual"] == "1.0000"
    assert acknowledged.metrics()["evidence"]["mutual"] == "1.0000"
    assert silent.metrics()["evidence"]["asserted"] == "1.0000"


def test_high_credit_is_the_highest_end_of_day_balance_on_its_first_day() -> None:
    """Not the largest invoice: 100, then 150 where 50 is paid the same day, back to 150 later."""
    log = Log()
    first = log.invoice("100.00", issued="2026-01-01", due="2026-02-01")
    log.invoice("100.00", issued="2026-01-10", due="2026-02-10")
    log.pay(first, "50.00", "2026-01-10")
    last = log.invoice("10.00", issued="2026-01-15", due="2026-02-15")
    log.credit_note(last, "10.00", day="2026-01-15")
    assert log.metrics()["highCredit"] == {"amount": "150.00", "date": "2026-01-10"}


def test_a_prepaid_invoice_never_lowers_the_balance_of_others() -> None:
    """Paid five days before its issue it adds nothing, and takes nothing from what else is owed."""
    log = Log()
    prepaid = log.invoice("100.00", issued="2026-01-10", due="2026-02-10")
    log.pay(prepaid, "100.00", "2026-01-05")
    log.invoice("100.00", issued="2026-01-07", due="2026-02-07")
    assert log.metrics()["highCredit"] == {"amount": "100.00", "date": "2026-01-07"}


def test_no_balance_changes_after_the_as_of_date() -> None:
    """An invoice and a credit note dated later count today, since they stand today."""
    log = Log()
    log.credit_note(log.invoice("100.00", issued="2026-07-10", due="2026-08-10"), "40.00", day="2026-07-20")
    log.credit_note(log.invoice("5.00", issued="2026-06-30", due="2026-08-10"), "4.00", day="2026-06-01")
    assert log.metrics()["highCredit"] == {"amount": "61.00", "date": "2026-06-30"}


def test_the_trend_is_by_quarter_of_the_due_date() -> None:
    """Each quarter with its own figures; one whose invoices are not yet due is null, with a reason."""
    log = Log()
    log.pay(log.invoice("100.00", due="2026-03-31"), "100.00", "2026-04-10")
    log.pay(log.invoice("300.00", due="2026-04-01"), "300.00", "2026-04-01")
    log.invoice("50.00", due="2026-07-01")
    trend = log.metrics()["trend"]
    assert [(each["quarter"], each["daysBeyondTermsWeighted"], each["onTimeRateByValue"]) for each in trend] == [
        ("2026-Q1", "10.0000", "0.0000"),
        ("2026-Q2", "0.0000", "1.0000"),
        ("2026-Q3", None, None),
    ]
    assert trend[2]["reasons"]["onTimeRateByValue"]
    assert trend[2]["invoicedAmount"] == "50.00"


def test_the_anchoring_delay_counts_from_issue_and_from_occurrence() -> None:
    """Delays of 10, 20 and 600 seconds after issue, each issued 30 seconds after the event."""
    log = Log()
    for delay in (10, 600, 20):
        log.invoice(delay_seconds=delay)
    assert log.json()["anchoringDelay"] == {
        "count": 3, "medianSeconds": 20, "maxSeconds": 600,
        "medianSinceOccurredSeconds": 50, "maxSinceOccurredSeconds": 630, "reasons": {},
    }  # fmt: skip


def test_the_json_has_the_normative_keys() -> None:
    """Every metric key, in totals and in tradelines, and no number but counts."""
    log = Log()
    log.pay(log.invoice(), "100.00", "2026-02-03")
    report = log.json(BUYER)
    assert report["asOf"] == {
        "blockNumber": 1000, "blockHash": to_hex(block(AS_OF).hash), "timestamp": block(AS_OF).timestamp
    }  # fmt: skip
    assert report["definitions"] == "tallystick-credit/1"
    assert report["party"] == to_hex(BUYER)
    assert report["asBuyer"]["EUR"].keys() >= METRIC_KEYS
    assert report["tradelines"][0].keys() >= METRIC_KEYS | {"counterparty", "role", "currency", "paymentTermsDays"}
    assert json.loads(json.dumps(report), parse_float=_refuse) == report


def _refuse(text: str) -> float:
    raise AssertionError(f"a float in the report: {text}")


def test_the_same_entries_give_the_same_bytes() -> None:
    """Whatever the order of fields or of the list passed, and whatever the caller's decimal context."""
    log = Log()
    for day in ("2026-02-01", "2026-02-05", "2026-01-20"):
        log.pay(log.invoice("33.33"), "33.33", day)
    plain = json.dumps(to_json(derive(SUPPLIER, log.entries, block(AS_OF))))
    for entry in log.entries:
        object.__setattr__(entry, "fields", dict(reversed(list(entry.fields.items()))))
    with localcontext() as context:
        context.prec = 3
        again = json.dumps(to_json(derive(SUPPLIER, list(reversed(log.entries)), block(AS_OF))))
    assert again == plain


def test_every_figure_can_be_traced_to_its_evidence() -> None:
    """A tradeline holds its invoices and payments; their sums are its metrics."""
    log = Log()
    invoice = log.invoice()
    payment = log.payment("150.00", "2026-02-03", {invoice: "100.00"})
    (line,) = log.report().tradelines
    assert [state.evidence for state in line.invoices] == [invoice]
    assert [receipt.evidence for receipt in line.invoices[0].receipts] == [payment]
    assert [(state.evidence, state.applied, state.unapplied) for state in line.payments] == [
        (payment, Decimal(100), Decimal(50))
    ]


def test_the_log_of_a_stranger_says_nothing_about_a_party() -> None:
    """Invoices between others are not the carrier's."""
    log = Log()
    log.pay(log.invoice(), "100.00", "2026-01-31")
    report = log.json(CARRIER)
    assert (report["asBuyer"], report["asSeller"], report["entryCount"]) == ({}, {}, 2)
    assert ZERO32 not in {line.counterparty for line in log.report(CARRIER).tradelines}
