"""What holds for every log: identities between the figures, independence of order and scale, nothing raises."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.credit.metrics import Metrics
from tallystick.credit.money import exact_arithmetic
from tallystick.credit.report import Report, derive, to_json
from tallystick.protocol.entry import Entry
from tallystick.protocol.types import EvidenceId

from .builders import AS_OF, BUYER, CARRIER, NOBODY, OTHER_BUYER, SUPPLIER, Log, block, in_order, invoice_fields

DAYS = st.sampled_from(
    ["2025-11-15", "2025-12-31", "2026-01-31", "2026-03-10", "2026-04-01", "2026-05-31", "2026-06-30", "2026-08-15"]
)
AMOUNTS = st.sampled_from(["0", "0.01", "10.00", "33.33", "99.999999", "100.00", "250.5", "123456789.10"])
BUYERS = st.sampled_from([BUYER, OTHER_BUYER, NOBODY])
ACTIONS = (
    "pay", "claim", "confirmed claim", "return", "acknowledge", "witness", "dispute", "withdraw", "credit", "void",
    "credit note", "replace", "write off", "cancel last",
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(ACTIONS), AMOUNTS, DAYS), max_size=5)
STORIES = st.lists(st.tuples(AMOUNTS, DAYS, BUYERS, st.sampled_from(["EUR", "USD"]), STEPS), min_size=1, max_size=5)
Story = list[tuple[str, str, Any, str, list[tuple[str, str, str]]]]


def tell(story: Story, factor: int = 1) -> list[list[Entry]]:
    """The entries of each invoice of ``story``, all amounts times ``factor``; ids do not depend on the interleaving."""
    told = []
    for number, (amount, due, buyer, currency, steps) in enumerate(story):
        log = Log()
        scaled = _scaled(amount, factor)
        invoice = log.invoice(scaled, due=due, buyer=buyer, currency=currency, number=f"I-{number}")
        last = dispute = invoice
        for step, part, day in steps:
            part = _scaled(part, factor)
            pay: dict[str, Any] = {"currency": currency, "to": buyer}
            if step in ("pay", "return"):
                last = log.pay(invoice, part, day, **pay)
            elif step in ("claim", "confirmed claim") and buyer != NOBODY:
                last = log.pay(invoice, part, day, by=buyer, to=SUPPLIER, currency=currency)
            elif step == "witness":
                log.acknowledge(invoice, by=CARRIER)
            elif step == "acknowledge" and buyer != NOBODY:
                log.acknowledge(last, by=buyer)
            elif step == "dispute" and buyer != NOBODY:
                dispute = log.dispute(invoice, by=buyer)
            elif step == "withdraw" and buyer != NOBODY:
                log.resolve(dispute, "withdrawn", buyer)
            elif step == "credit":
                last = log.resolve(dispute, "credited", SUPPLIER, credit=part, currency=currency, occurred=day)
            elif step == "void":
                last = log.resolve(dispute, "cancelled", SUPPLIER)
            elif step == "credit note":
                last = log.credit_note(invoice, part, day, currency)
            elif step == "replace":
                last = log.correct(invoice, "replaced", invoice_fields(part, due=day, currency=currency))
            elif step == "write off":
                last = log.write_off(invoice, part, day=day)
            if step == "confirmed claim":
                log.acknowledge(last, by=SUPPLIER)
            if step in ("return", "cancel last"):
                last = log.correct(last, "cancelled")
        names = {entry.evidence_id: EvidenceId(bytes([number]) + entry.evidence_id[1:]) for entry in log.entries}
        told.append([_renamed(entry, names) for entry in log.entries])
    return told


def _scaled(amount: str, factor: int) -> str:
    return f"{Decimal(amount) * factor:f}"


def _renamed(entry: Entry, names: dict[EvidenceId, EvidenceId]) -> Entry:
    text = json.dumps(dict(entry.fields))
    for old, new in names.items():
        text = text.replace(old.hex(), new.hex())
    evidence = replace(entry.evidence, parent=names.get(entry.evidence.parent, entry.evidence.parent))
    return replace(entry, evidence_id=names[entry.evidence_id], evidence=evidence, fields=json.loads(text))


def report_of(story: Story, factor: int = 1) -> Report:
    """The supplier's report over ``story``, told invoice by invoice."""
    return derive(SUPPLIER, in_order(entry for part in tell(story, factor) for entry in part), block(AS_OF))


def all_metrics(report: Report) -> list[Metrics]:
    """The metrics of each total and each tradeline."""
    return [*report.as_seller.values(), *report.as_buyer.values(), *(line.metrics for line in report.tradelines)]


@given(STORIES, st.randoms(use_true_random=False))
def test_the_order_of_unrelated_entries_is_irrelevant(story: Story, random: Any) -> None:
    """Invoices interleaved in any way give the same report, byte for byte."""
    parts = tell(story)
    turns = [index for index, part in enumerate(parts) for _ in part]
    random.shuffle(turns)
    queues = [iter(part) for part in parts]
    shuffled = in_order(next(queues[index]) for index in turns)
    assert json.dumps(to_json(derive(SUPPLIER, shuffled, block(AS_OF)))) == json.dumps(to_json(report_of(story)))


@given(STORIES)
def test_what_was_invoiced_is_open_disputed_paid_credited_or_written_off(story: Story) -> None:
    """Nothing is lost and nothing is counted twice, in totals and in tradelines."""
    for metrics in all_metrics(report_of(story)):
        parts = (
            metrics.open_amount, metrics.disputed_open_amount, metrics.paid_amount, metrics.credited_amount,
            metrics.written_off_amount,
        )  # fmt: skip
        with exact_arithmetic():
            assert sum(parts) == metrics.invoiced_amount
        assert min(*parts, metrics.unapplied_amount, metrics.claimed_amount) >= 0


@given(STORIES)
def test_money_that_counts_is_applied_or_unapplied(story: Story) -> None:
    """Every payment's amount is in the paid, the unapplied or the claimed amount."""
    for line in report_of(story).tradelines:
        with exact_arithmetic():
            total = line.metrics.paid_amount + line.metrics.unapplied_amount + line.metrics.claimed_amount
            assert total == sum(payment.amount for payment in line.payments)


@given(STORIES)
def test_ageing_adds_up_to_the_open_amount(story: Story) -> None:
    """And the overdue amount is everything but the current bucket."""
    for metrics in all_metrics(report_of(story)):
        with exact_arithmetic():
            assert sum(metrics.ageing) == metrics.open_amount
            assert sum(metrics.ageing[1:]) == metrics.overdue_amount


@given(STORIES)
def test_the_shares_of_evidence_add_up_to_one(story: Story) -> None:
    """Exactly, up to the last of a hundred digits; without any value there are none."""
    for metrics in all_metrics(report_of(story)):
        if metrics.evidence is None:
            assert metrics.invoiced_amount == 0
            continue
        shares = metrics.evidence
        with exact_arithmetic():
            total = shares.mutual + shares.asserted + shares.disputed + shares.self_reported
            assert abs(total - 1) < Decimal("1e-95")


@given(STORIES)
def test_days_beyond_terms_are_never_negative_nor_below_days_to_terms(story: Story) -> None:
    """Flooring early days at zero can only raise the mean."""
    for metrics in all_metrics(report_of(story)):
        for beyond, to_terms in (
            (metrics.days_beyond_terms_weighted, metrics.days_to_terms_weighted),
            (metrics.days_beyond_terms_mean, metrics.days_to_terms_mean),
        ):
            if beyond is None or to_terms is None:
                assert beyond is to_terms
                continue
            assert beyond >= 0
            assert to_terms <= beyond


@given(STORIES)
def test_ten_times_the_amounts_leave_every_rate_as_it_is(story: Story) -> None:
    """Rates, days, index and shares do not know the size of money."""
    once, tenfold = to_json(report_of(story)), to_json(report_of(story, 10))
    amounts = {"highCredit", "ageing", "trend"}
    for small, large in zip(once["tradelines"], tenfold["tradelines"], strict=True):  # type: ignore[arg-type]
        assert isinstance(small, dict)
        assert isinstance(large, dict)
        for key, value in small.items():
            if key not in amounts and not key.endswith("Amount"):
                assert large[key] == value, key


ANYTHING: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, 0, -1, 10**30, "", "0", "-1", "1e9", "NaN", "99", "\ud800", "2026-02-30", "9999-12-31", "eur"),
        *([], {}, [[]], [{}], {"a": [1]}, [{"invoice": 1}], "0001-01-01", "ZZZ", "x" * 5000),
    ]
)
IDS = st.integers(0, 5).map(lambda number: EvidenceId(bytes([number]) * 32))
ALLOCATIONS = st.lists(
    st.fixed_dictionaries({"invoice": IDS.map(lambda name: "0x" + name.hex()), "amount": AMOUNTS | ANYTHING}),
    max_size=3,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "invoiceNumber": st.just("1") | ANYTHING,
        "issueDate": DAYS | ANYTHING,
        "dueDate": DAYS | ANYTHING,
        "valueDate": DAYS | ANYTHING,
        "currency": st.just("EUR") | ANYTHING,
        "payableAmount": AMOUNTS | ANYTHING,
        "amount": AMOUNTS | ANYTHING,
        "creditAmount": AMOUNTS | ANYTHING,
        "acceptedAmount": AMOUNTS | ANYTHING,
        "allocations": ALLOCATIONS | ANYTHING,
        "correctionType": st.sampled_from(["replaced", "credited", "cancelled"]) | ANYTHING,
        "outcome": st.sampled_from(["withdrawn", "credited", "cancelled"]) | ANYTHING,
        "reason": st.just("insolvency") | ANYTHING,
        "issuerRole": st.sampled_from(["supplier", "buyer"]) | ANYTHING,
        "paymentTermsDays": st.just(30) | ANYTHING,
    },
)
SIDES = st.sampled_from([(SUPPLIER, BUYER), (BUYER, SUPPLIER), (SUPPLIER, NOBODY), (CARRIER, BUYER)])
TIMES = st.sampled_from([0, 1_767_225_600, 2**53 - 1])


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(1, 16), SIDES, IDS, IDS, FIELDS, TIMES), max_size=8),
    st.sampled_from([SUPPLIER, BUYER]),
)
def test_no_content_ever_raises(entries: list[Any], who: Any) -> None:
    """Any kind, any parent (its own child included), any field: a report, its JSON, and findings at most."""
    log = Log()
    for kind, (issuer, other), name, parent, fields, time in entries:
        log.add(kind, issuer, other, fields, parent=parent)
        evidence = replace(log.entries[-1].evidence, occurred_at=time, issued_at=time)
        log.entries[-1] = replace(log.entries[-1], evidence_id=name, evidence=evidence)
    report = to_json(derive(who, log.entries, block(AS_OF)))
    assert report["entryCount"] == len(entries)
    json.dumps(report)


def test_a_long_chain_of_corrections_does_not_raise() -> None:
    """Five thousand cancellations of one another, and as many replacements."""
    log = Log()
    last = invoice = log.invoice()
    for _ in range(5_000):
        last = log.correct(last, "cancelled")
    replaced = other = log.invoice()
    for _ in range(5_000):
        replaced = log.correct(replaced, "replaced", invoice_fields("90.00"))
    report = log.report()
    states = {state.evidence: state for line in report.tradelines for state in line.invoices}
    assert (states[invoice].status, states[other].amount) == ("open", Decimal("90.00"))
