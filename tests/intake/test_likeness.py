"""Invoices that are one, and invoices that are suspiciously alike."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.intake.likeness import Billed, Likeness, compared, cut, likeness, one_off

BILLED = Billed("INV-0017", "buyer", "2026-01-15", "EUR", Decimal("107.50"))
TEXTS = st.text("ab01-/ ", max_size=8)


@pytest.mark.parametrize(
    ("number", "other"),
    [("INV-1", "INV-2A"), ("2026/1-11", "2026/12-1"), ("A-1", "B-2"), ("17", "1700"), ("", "AB")],
)
def test_other_numbers_are_other_invoices(number: str, other: str) -> None:
    """More than one character apart, or other parts of a number that has parts."""
    one = replace(BILLED, number=number)
    assert likeness(one, replace(BILLED, number=other)) is None


@pytest.mark.parametrize("number", ["INV-17", "inv 0017", "INV/0017", "INV_17", "INV17", "INV-71", "INV-16", "INV-170"])
def test_the_same_values_under_nearly_the_same_number_are_alike(number: str) -> None:
    """Separators, case and leading zeros aside, or one character off."""
    assert likeness(BILLED, replace(BILLED, number=number)) is Likeness.NUMBER


@pytest.mark.parametrize(
    "change",
    [{"amount": Decimal("107.51")}, {"currency": "USD"}, {"issue_date": "2026-01-16"}, {"buyer": "another"}],
)
def test_one_number_with_other_values_is_alike_however_it_is_spelled(change: dict[str, object]) -> None:
    """An altered amount, date, currency or buyer."""
    for number in ("INV-0017", "inv-17"):
        assert likeness(BILLED, replace(BILLED, number=number, **change)) is Likeness.VALUES  # type: ignore[arg-type]
    assert likeness(BILLED, replace(BILLED, number="INV-18", **change)) is None  # type: ignore[arg-type]


def test_a_fingerprint_is_of_the_values_and_keyed() -> None:
    """Trailing zeros of the amount do not matter; every value, the seller and the key do."""
    key, same = bytes(32), replace(BILLED, amount=Decimal("107.5"))
    assert BILLED.fingerprint(key, "seller") == same.fingerprint(key, "seller")
    others = {
        BILLED.fingerprint(key, "seller"),
        BILLED.fingerprint(key, "another"),
        BILLED.fingerprint(bytes(31) + b"1", "seller"),
        replace(BILLED, number="INV-17").fingerprint(key, "seller"),
        replace(BILLED, amount=Decimal("107.51")).fingerprint(key, "seller"),
        replace(BILLED, buyer="x").fingerprint(key, "seller"),
        replace(BILLED, issue_date="2026-01-16").fingerprint(key, "seller"),
        replace(BILLED, currency="USD").fingerprint(key, "seller"),
    }
    assert len(others) == 8


@given(TEXTS, TEXTS)
def test_likeness_does_not_depend_on_the_order(one: str, other: str) -> None:
    """And comparing a compared number again changes nothing."""
    first, second = replace(BILLED, number=one), replace(BILLED, number=other)
    assert likeness(first, second) is likeness(second, first)
    assert compared(compared(one)) == compared(one)


@given(st.text("abc", max_size=7), st.data())
def test_one_off_finds_every_single_change(text: str, data: st.DataObject) -> None:
    """A letter changed, removed, added, or swapped with its neighbour; and nothing equal is one off."""
    at = data.draw(st.integers(0, len(text)))
    changes = {text[:at] + "z" + text[at:], text[:at] + "z" + text[at + 1 :]}
    if at < len(text):
        changes |= {text[:at] + text[at + 1 :], text[:at] + text[at : at + 2][::-1] + text[at + 2 :]}
    for changed in changes - {text}:
        assert one_off(text, changed), changed
        assert not cut(text).isdisjoint(cut(changed)), changed
    assert not one_off(text, text)
    assert not one_off(text, text + "zz")
