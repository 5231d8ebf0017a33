"""Logs of credit, each about one section of docs/definitions.md: what ``report_vectors.py`` makes vectors of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from credit.builders import BUYER, CARRIER, NOBODY, OTHER_BUYER, SUPPLIER, Log, invoice_fields, payment_fields
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, to_hex


def _hide(log: Log, of: EvidenceId, *names: str) -> None:
    at = next(at for at, entry in enumerate(log.entries) if entry.evidence_id == of)
    entry = log.entries[at]
    shown = {name: value for name, value in entry.fields.items() if name not in names}
    log.entries[at] = replace(entry, fields=shown, hidden=len(entry.fields) - len(shown))


def _witness(log: Log, of: EvidenceId) -> EvidenceId:
    return log.add(Kind.ACKNOWLEDGEMENT, CARRIER, NOBODY, {}, parent=of)


def _other_contract(log: Log, role: str = "supplier") -> EvidenceId:
    fields = {"contractNumber": "C-2", "issuerRole": role, "currency": "EUR", "paymentTermsDays": 60}
    return log.add(Kind.CONTRACT, SUPPLIER, OTHER_BUYER, fields)


def nothing(log: Log) -> None:
    pass


def days(log: Log) -> None:
    """On time, early, late, partly, not at all; five currencies; a cash sale."""
    log.contract()
    for amount, due, paid in (("100.00", "2026-01-31", "2026-01-31"), ("50.5", "2026-02-28", "2026-01-20")):
        log.pay(log.invoice(amount, due=due), amount, paid)
    late = log.invoice("33.33", due="2026-03-01")
    log.pay(late, "3.33", "2026-02-01")
    log.pay(late, "30.00", "2026-04-13")
    log.invoice("99.999999", due="2026-05-15")
    log.invoice("70.00", due="2026-08-15")
    for currency, amount in (("JPY", "1000"), ("KWD", "1.5"), ("CLF", "2.12345"), ("XYZ", "3")):
        log.contract(45, currency=currency)
        log.pay(log.invoice(amount, due="2026-06-30", currency=currency), amount, "2026-06-30", currency=currency)
    log.pay(
        log.invoice("80.00", due="2026-06-01", issued="2026-06-01", currency="USD"),
        "80.00",
        "2026-05-01",
        currency="USD",
    )
    log.invoice("0", due="9999-12-31", currency="CHF")
    for issued in ("2026-04-01", "2026-04-02", "2026-06-30"):
        log.invoice("45.00", issued=issued, due="2026-06-30", currency="NOK")


def corrections(log: Log) -> None:
    """Replaced, cancelled, the cancellation cancelled; credit notes, corrected themselves; what does not fit."""
    log.contract()
    one = log.invoice("100.00", due="2026-05-31")
    higher = log.correct(one, "replaced", invoice_fields("120.00", due="2026-05-31"))
    log.correct(higher, "replaced", invoice_fields("110.00", due="2026-06-15"))
    log.correct(log.correct(higher, "cancelled"), "cancelled")
    note = log.credit_note(one, "30.0")
    log.correct(note, "replaced", {**_note("20.000"), **invoice_fields("1", due="2026-05-31")})
    gone = log.credit_note(higher, "5.00")
    log.correct(gone, "cancelled")
    log.credit_note(one, "1.00", currency="USD")
    two = log.invoice("200.00", due="2026-04-30")
    log.correct(two, "cancelled")
    log.credit_note(two, "1.00")
    three = log.invoice("10.00", due="2026-04-30")
    log.credit_note(three, "8.00", "2026-01-02")
    log.credit_note(three, "4.5", "2026-01-03")
    paid = log.pay(three, "3.00", "2026-02-01")
    log.credit_note(paid, "1.00")  # a payment has no credit notes
    log.correct(log.correct(log.invoice("5.00"), "cancelled"), "replaced", invoice_fields("9.00"))
    log.correct(log.invoice("7.00", currency="CHF"), "cancelled")
    delivery = log.add(Kind.DELIVERY, SUPPLIER, BUYER, {"deliveryNumber": "D-1", "receivedDate": "2026-01-05"})
    log.correct(delivery, "cancelled")


def _note(amount: str, day: str = "2026-01-21") -> dict[str, Any]:
    return {"creditNoteNumber": "CN-2", "issueDate": day, "creditAmount": amount, "currency": "EUR"}


def anew(log: Log) -> None:
    """After what makes it worse for the buyer an invoice is asserted until the buyer speaks anew."""
    log.contract()
    back = log.invoice("100.00")
    lower = log.correct(back, "replaced", invoice_fields("60.00"))
    log.acknowledge(lower)
    log.correct(lower, "cancelled")
    log.acknowledge(back)
    log.correct(lower, "cancelled")  # the same again, behind the acknowledgement
    raised = log.invoice("10.00")
    log.resolve(log.dispute(raised), "withdrawn", BUYER)
    log.correct(raised, "replaced", invoice_fields("11.00"))
    again = log.invoice("20.00")
    log.correct(again, "replaced", invoice_fields("21.00"))
    log.resolve(log.dispute(again), "withdrawn", BUYER)
    noted = log.invoice("30.00")
    note = log.credit_note(noted, "5.00")
    log.acknowledge(noted)
    log.correct(note, "cancelled")
    credited = log.invoice("40.00")
    resolution = log.resolve(log.dispute(credited), "credited", SUPPLIER, credit="15.00")
    log.acknowledge(credited)
    log.correct(resolution, "replaced", {"outcome": "credited", "creditAmount": "5.00", "currency": "EUR"})
    received = log.invoice("50.00")
    receipt = log.pay(received, "50.00", "2026-02-01")
    log.acknowledge(received)
    log.correct(receipt, "replaced", payment_fields("50.00", "2026-02-01", {received: "45.00"}))
    asked = log.invoice("60.00")
    dispute = log.dispute(asked)
    log.correct(dispute, "cancelled", by=BUYER)
    log.acknowledge(log.invoice("70.00"), acceptedAmount="69.9")
    old = log.invoice("81.00")
    log.correct(old, "replaced", invoice_fields("82.00"))
    log.acknowledge(old)  # but not what holds now
    sooner = log.invoice("83.00", due="2026-03-31")
    log.pay(sooner, "83.00", "2026-03-01", by=BUYER)
    log.correct(sooner, "replaced", invoice_fields("83.00", due="2026-03-15"))
    own = log.invoice("84.00")
    log.acknowledge(own)
    claim = log.pay(own, "84.00", "2026-03-02", by=BUYER)
    log.correct(claim, "replaced", payment_fields("10.00", "2026-03-02", {own: "10.00"}), by=BUYER)
    asked = log.resolve(log.dispute(own), "credited", BUYER, credit="9.00")
    log.acknowledge(asked, by=SUPPLIER)
    less = {"outcome": "credited", "creditAmount": "8.00", "currency": "EUR"}
    log.acknowledge(log.correct(asked, "replaced", less, by=BUYER), by=SUPPLIER)
    deep = log.invoice("85.00")
    lower = log.correct(deep, "replaced", invoice_fields("75.00"))
    log.correct(lower, "replaced", invoice_fields("65.00"))
    log.correct(lower, "cancelled")


def disputes(log: Log) -> None:
    """Open, withdrawn, credited, cancelled; by whose word, and which of several resolutions holds."""
    log.contract()
    log.dispute(log.invoice("11.00", occurred="2026-03-03"))
    log.dispute(log.invoice("11.50", occurred="2025-12-03"))
    both = log.dispute(log.invoice("12.00"))
    log.resolve(both, "credited", SUPPLIER, credit="4.00", occurred="2026-02-02")
    log.resolve(both, "credited", SUPPLIER, credit="4.00", occurred="2026-01-15")
    log.resolve(both, "credited", SUPPLIER, credit="3.00")
    log.resolve(both, "withdrawn", BUYER)
    log.resolve(log.dispute(log.invoice("13.00")), "cancelled", SUPPLIER)
    log.resolve(log.dispute(log.invoice("14.00")), "withdrawn", SUPPLIER)
    asked = log.resolve(log.dispute(log.invoice("15.00")), "credited", BUYER, credit="5.00")
    log.acknowledge(asked, by=SUPPLIER, acceptedAmount="4.99")
    log.resolve(log.dispute(log.invoice("16.00")), "cancelled", BUYER)
    log.resolve(log.dispute(log.invoice("17.00")), "credited", SUPPLIER, credit="7.00", currency="USD")
    moved = log.resolve(log.dispute(log.invoice("18.00")), "credited", SUPPLIER, credit="8.00", occurred="2026-01-25")
    fields = {"correctionType": "replaced", "outcome": "credited", "creditAmount": "9.00", "currency": "EUR"}
    log.add(Kind.CORRECTION, SUPPLIER, BUYER, fields, parent=moved, occurred="2026-03-25")
    granted = log.resolve(log.dispute(log.invoice("19.00")), "credited", BUYER, credit="19.00")
    log.acknowledge(granted, by=SUPPLIER)


def words(log: Log) -> None:
    """Claims and receipts; what the buyer said it paid; a witness."""
    log.contract()
    log.pay(log.invoice("100.00"), "100.00", "2026-02-01", by=BUYER)
    claim = log.pay(log.invoice("90.00"), "90.00", "2026-02-02", by=BUYER)
    log.acknowledge(claim, by=SUPPLIER)
    short = log.pay(log.invoice("80.00"), "80.00", "2026-02-03", by=BUYER)
    log.acknowledge(short, by=SUPPLIER, acceptedAmount="79.00")
    parts = log.invoice("70.00")
    log.pay(parts, "30.00", "2026-02-04", by=BUYER)
    log.acknowledge(log.pay(parts, "40.0", "2026-02-05"))
    seen = log.invoice("60.00")
    _witness(log, log.credit_note(seen, "1.00"))
    log.acknowledge(seen)
    _witness(log, log.correct(log.credit_note(log.invoice("61.00"), "1.00"), "cancelled"))
    _witness(log, log.pay(log.invoice("62.00"), "62.00", "2026-02-07", by=BUYER))
    log.correct(log.pay(seen, "1.00", "2026-02-08"), "cancelled")
    log.payment("25.00", "2026-02-06")
    log.pay(seen, "59.00", "2026-07-01")


def same(log: Log) -> None:
    """A claim and a receipt of the same money: named by either, alike or not, too late, twice, of another sum."""
    log.contract()

    def both(
        amount: str,
        day: str = "2026-02-01",
        *,
        claimed: Sequence[str] = (),
        received: str = "",
        times: int = 1,
        **receipt: Any,
    ) -> None:
        invoice = log.invoice(amount)
        lists = [{"invoice": to_hex(invoice), "amount": part} for part in claimed or [amount]]
        fields = payment_fields(amount, "2026-01-30", None) | {"allocations": lists}
        claim = log.add(Kind.PAYMENT, BUYER, SUPPLIER, fields)
        fields = payment_fields(received or amount, day, {invoice: amount}) | {"samePayment": to_hex(claim)} | receipt
        for _ in range(times):
            log.add(Kind.PAYMENT, SUPPLIER, BUYER, fields)

    both("10.00")
    both("20.00", claimed=["10.00", "10.00"])
    both("20.50", claimed=["20.50", "20.500"])
    both("30.00", "2026-07-01")
    both("40.00", times=2)
    both("50.00", received="50.01")
    both("60.00", allocations=[])
    half = log.invoice("80.00")
    claim = log.pay(half, "40.00", "2026-01-30", by=BUYER)
    for day in ("2026-02-03", "2026-02-04"):  # the claim is one of them, not both
        fields = payment_fields("40.00", day, {half: "40.00"}) | {"samePayment": to_hex(claim)}
        own = log.add(Kind.PAYMENT, SUPPLIER, BUYER, fields)
    log.add(Kind.PAYMENT, SUPPLIER, BUYER, payment_fields("1.00", "2026-02-05", None) | {"samePayment": to_hex(own)})
    later = EvidenceId(sha256(b"evidence said later").digest())
    log.add(Kind.PAYMENT, SUPPLIER, BUYER, payment_fields("2.00", "2026-02-05", None) | {"samePayment": to_hex(later)})
    log.add(Kind.PAYMENT, BUYER, SUPPLIER, payment_fields("2.00", "2026-02-05", None), name="said later")
    invoice = log.invoice("70.00")
    receipt = log.pay(invoice, "70.00", "2026-02-09")
    fields = payment_fields("70.00", "2026-02-08", {invoice: "70.00"})
    corrected = log.correct(receipt, "replaced", payment_fields("70.00", "2026-02-10", {invoice: "70.00"}))
    named = log.add(Kind.PAYMENT, BUYER, SUPPLIER, fields | {"samePayment": to_hex(corrected)})
    log.acknowledge(named, by=SUPPLIER)


def losses(log: Log) -> None:
    """Write-offs: for insolvency or not, recovered, of nothing left, in another currency, corrected."""
    log.contract()
    log.write_off(log.invoice("100.00"), "100.00", reason="In\u017folvency of the buyer")
    recovered = log.invoice("50.00")
    log.write_off(recovered, "50.00", reason="a gift")
    log.pay(recovered, "20.00", "2026-06-01")
    some = log.invoice("30.00", due="2026-06-30")
    log.write_off(some, "10.00", day="2026-03-01", reason="BANKRUPT")
    log.correct(log.write_off(some, "5.00"), "cancelled")
    paid = log.invoice("40.00")
    log.write_off(paid, "40.00")
    log.pay(paid, "40.00", "2026-02-01")
    dollars = log.invoice("60.00", currency="USD")
    log.write_off(dollars, "60.00")


def misfits(log: Log) -> None:
    """Allocations that have nowhere to go, and payments that tell no creditor."""
    log.contract()
    _other_contract(log)
    one, theirs = log.invoice("100.00"), log.invoice("50.00", buyer=OTHER_BUYER)
    dollars, own = log.invoice("20.00", currency="USD"), log.invoice("10.00", buyer=NOBODY)
    log.payment("120.00", "2026-02-01", {one: "70.0", theirs: "1.00", dollars: "1.00", own: "1.00"})
    log.payment("40.00", "2026-02-02", {one: "20.00", EvidenceId(b"\1" * 32): "1.00"})
    log.payment("5.00", "2026-02-03", {one: "4.00", log.credit_note(one, "2.00"): "3.000"})
    log.payment("90.00", "2026-02-04", {one: "80.00"})
    log.payment("10.00", "2026-02-05", {own: "10.00"}, to=NOBODY)
    log.add(Kind.CONSENT, CARRIER, SUPPLIER, {}, deal=b"\2" * 32)
    consent = log.entries[-1].evidence_id
    log.add(
        Kind.PAYMENT, SUPPLIER, CARRIER, payment_fields("1.00", "2026-02-06", None), parent=consent, deal=b"\2" * 32
    )


def hidden(log: Log) -> None:
    """What can't be read enters nothing, and every figure with that counterparty is marked."""
    contract = log.contract()
    _other_contract(log)
    _hide(log, contract, "currency", "issuerRole")
    log.invoice("10.00", buyer=OTHER_BUYER)
    _hide(log, log.add(200, SUPPLIER, OTHER_BUYER, {"note": "no figure rests on it"}), "note")
    for name in ("dueDate", "payableAmount", "invoiceNumber"):
        _hide(log, log.invoice("20.00"), name)
    invoice = log.invoice("30.00")
    _hide(log, log.correct(invoice, "replaced", invoice_fields("25.00")), "correctionType")
    _hide(log, log.correct(invoice, "replaced", invoice_fields("26.00")), "issueDate", "currency")
    _hide(log, log.credit_note(invoice, "1.00"), "creditAmount")
    _hide(log, log.pay(invoice, "3.00", "2026-02-01"), "allocations")
    dispute = log.dispute(invoice)
    _hide(log, log.resolve(dispute, "credited", SUPPLIER, credit="2.00"), "creditAmount", "currency")
    _hide(log, log.resolve(dispute, "withdrawn", BUYER), "outcome")
    _hide(log, log.write_off(invoice, "1.00"), "reason")
    _hide(log, log.acknowledge(invoice, acceptedAmount="1.00"), "acceptedAmount")


def void(log: Log) -> None:
    """What does not stand is listed; numbers that come again; kinds that no figure knows."""
    log.contract()
    one = log.invoice("10.00", number="it's 1")
    log.entries.append(log.entries[-1])
    log.acknowledge(one, by=SUPPLIER)
    log.pay(one, "1.00", "2026-02-01", by=CARRIER, to=BUYER)
    log.invoice("20.00", number="it's 1")
    log.correct(log.invoice("30.00", number="it's 1"), "cancelled")
    for number in ("\u53d1\u7968\t7" * 30,) * 2:
        log.invoice("40.00", number=number)
    log.add(200, SUPPLIER, BUYER, {"note": "unknown"})
    log.add(Kind.CONSENT, SUPPLIER, NOBODY, {}, occurred="2020-01-01")


def balances(log: Log) -> None:
    """High credit: on which day a credit, a write-off and a prepayment fall; one currency a question."""
    log.contract()
    usd = log.dispute(log.invoice("12.00", currency="USD"))
    for day in ("2026-02-02", "2026-01-15"):  # of equal credits the first in the log
        log.resolve(usd, "credited", SUPPLIER, credit="4.00", currency="USD", occurred=day)
    gbp = log.dispute(log.invoice("12.00", currency="GBP"))
    resolution = log.resolve(gbp, "credited", SUPPLIER, credit="4.00", currency="GBP", occurred="2026-02-02")
    fields = {"correctionType": "replaced", "outcome": "credited", "creditAmount": "5.00", "currency": "GBP"}
    log.add(Kind.CORRECTION, SUPPLIER, BUYER, fields, parent=resolution, occurred="2026-01-15")
    chf = log.invoice("12.00", currency="CHF")
    fields = {"currency": "CHF", "amount": "4.00", "reason": "a gift"}
    loss = log.add(Kind.WRITE_OFF, SUPPLIER, BUYER, fields, parent=chf, occurred="2026-02-02")
    fields = {"correctionType": "replaced", **fields, "amount": "5.00"}
    log.add(Kind.CORRECTION, SUPPLIER, BUYER, fields, parent=loss, occurred="2026-01-15")
    for currency in ("USD", "GBP", "CHF"):
        log.invoice("10.00", issued="2026-01-20", due="2026-02-20", currency=currency)
    log.invoice("100.00", issued="2026-01-02", due="2026-08-31", currency="SEK")
    log.pay(
        log.invoice("50.00", issued="2026-03-01", currency="SEK", due="2026-03-31"),
        "50.00",
        "2026-01-02",
        currency="SEK",
    )
    log.credit_note(
        log.invoice("9.00", issued="2026-12-01", due="2026-12-31", currency="NOK"), "4.00", "2026-11-01", "NOK"
    )


LOGS: Mapping[str, Callable[[Log], None]] = {
    "nothing": nothing,
    "days and currencies": days,
    "corrections": corrections,
    "made worse": anew,
    "disputes": disputes,
    "whose word": words,
    "the same money": same,
    "write-offs": losses,
    "allocations": misfits,
    "balances": balances,
    "hidden fields": hidden,
    "void entries": void,
}
