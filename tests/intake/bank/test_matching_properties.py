"""Whatever is paid: money is conserved, no invoice is overpaid, order changes nothing, doubt pays nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.intake.bank.cases import THRESHOLD, OpenInvoice, Paid, Rule, Share
from tallystick.intake.bank.matching import match
from tallystick.intake.bank.records import Amount

NUMBERS = ["INV-0001", "INV-0002", "INV-2026-0001", "2026", "7", "4711", "RE 4711"]
IDENTIFIERS = ["LEI-A", "LEI-B", "LEI-C"]
CURRENCIES = ["EUR", "USD"]
SUMS = st.sampled_from(["10.00", "20.00", "30.00", "50.00", "70.50"]).map(Decimal)
amounts = st.builds(Amount, SUMS, st.sampled_from(CURRENCIES))


@st.composite
def invoice_lists(draw: st.DrawFn) -> list[OpenInvoice]:
    made = []
    for at in range(draw(st.integers(0, 6))):
        payer = draw(st.sampled_from(["A", "B", "C", None]))
        made.append(
            OpenInvoice(
                key=f"invoice {at}",
                number=draw(st.sampled_from([*NUMBERS, None])),
                currency=draw(st.sampled_from(CURRENCIES)),
                open_amount=draw(st.one_of(st.just(Decimal(0)), SUMS)),
                payer=payer,
                references=tuple(draw(st.lists(st.sampled_from(["1111", "2222"]), max_size=1))),
                names=() if payer is None else (f"{payer} AG",),
                identifiers=() if payer is None else (f"LEI-{payer}",),
            )
        )
    return made


shares = st.builds(
    Share,
    numbers=st.lists(st.sampled_from(NUMBERS), max_size=2).map(tuple),
    reference=st.one_of(st.none(), st.sampled_from(["1111", "2222", "4711"])),
    amount=st.one_of(st.none(), amounts),
    credited=st.one_of(st.none(), st.none(), amounts),
    discount=st.one_of(st.none(), st.none(), amounts),
)


@st.composite
def payment_lists(draw: st.DrawFn) -> list[Paid]:
    return [
        Paid(
            key=f"payment {at}",
            day=date(2026, 2, draw(st.integers(1, 3))),
            amount=draw(amounts),
            others=tuple(draw(st.lists(amounts, max_size=1))),
            shares=tuple(draw(st.lists(shares, max_size=2))),
            texts=tuple(draw(st.lists(st.sampled_from([*NUMBERS, "goods", "INV 2026 0001 and 4711"]), max_size=2))),
            end_to_end=draw(st.one_of(st.none(), st.sampled_from(NUMBERS))),
            names=tuple(draw(st.lists(st.sampled_from(["A AG", "B AG"]), max_size=1))),
            identifiers=tuple(draw(st.lists(st.sampled_from(IDENTIFIERS), max_size=1))),
        )
        for at in range(draw(st.integers(0, 5)))
    ]


@settings(max_examples=120, deadline=None)
@given(payment_lists(), invoice_lists())
def test_money_is_conserved_and_no_invoice_overpaid(payments: list[Paid], invoices: list[OpenInvoice]) -> None:
    """Allocated and unallocated are the payment; all allocations of an invoice are at most what was open of it."""
    found = match(payments, invoices)
    told = [each.paid.key for each in (*found.matches, *found.work)]
    assert sorted(told) == sorted(each.key for each in payments)
    left = {invoice.key: invoice.open_amount for invoice in invoices}
    by_key = {invoice.key: invoice for invoice in invoices}
    for each in found.matches:
        assert each.allocations
        assert sum(part.amount for part in each.allocations) + each.unallocated == each.amount.value
        assert each.unallocated >= 0
        assert each.amount in (each.paid.amount, *each.paid.others)
        for part in each.allocations:
            assert part.amount > 0
            assert by_key[part.invoice].currency == each.amount.currency
            assert by_key[part.invoice].payer == each.payer
            left[part.invoice] -= part.amount
    assert all(amount >= 0 for amount in left.values())


@settings(max_examples=80, deadline=None)
@given(payment_lists(), invoice_lists(), st.randoms(use_true_random=False))
def test_the_order_of_input_changes_nothing(payments: list[Paid], invoices: list[OpenInvoice], order: object) -> None:
    """The same payments and invoices in any order give the same matching."""
    expected = match(payments, invoices)
    order.shuffle(payments)  # type: ignore[attr-defined]
    order.shuffle(invoices)  # type: ignore[attr-defined]
    assert match(payments, invoices) == expected


@settings(max_examples=80, deadline=None)
@given(payment_lists(), invoice_lists())
def test_nothing_is_matched_below_the_threshold_or_by_what_only_suggests(
    payments: list[Paid], invoices: list[OpenInvoice]
) -> None:
    """Every allocation is as sure as the threshold, and by a rule that may match."""
    for each in match(payments, invoices).matches:
        assert each.confidence >= THRESHOLD
        assert {part.rule for part in each.allocations}.isdisjoint({Rule.SAME_AMOUNT, Rule.SAME_NAME})


@settings(max_examples=80, deadline=None)
@given(payment_lists(), invoice_lists())
def test_what_has_a_twin_is_never_paid(payments: list[Paid], invoices: list[OpenInvoice]) -> None:
    """An invoice that nothing but its key tells from another is ambiguous, whoever names it."""
    twins = [
        OpenInvoice(
            f"{one.key} twin",
            one.number,
            one.currency,
            one.open_amount,
            one.payer,
            one.references,
            one.names,
            one.identifiers,
        )
        for one in invoices
    ]
    assert match(payments, [*invoices, *twins]).matches == ()
