"""Amounts, currencies and dates: one spelling, exact, rounded at output only."""

from datetime import date
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.credit.dates import parse_date, quarter, utc_date
from tallystick.credit.money import MINOR_UNITS, format_amount, format_ratio, parse_amount, parse_currency


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1e3", "01", "1.", ".5", "1.1234567", "1" * 19, "1,00", "１", "1\n", "NaN", 1, 1.5, None, True],
)
def test_an_amount_in_any_other_form_is_no_amount(text: object) -> None:
    """Signs, exponents, leading zeros, a seventh decimal and anything but text are refused."""
    assert parse_amount(text) is None


def test_an_amount_has_up_to_18_digits_before_and_6_after_the_point() -> None:
    """The largest and the smallest amount are read exactly."""
    assert parse_amount("9" * 18 + ".999999") == Decimal("999999999999999999.999999")
    assert parse_amount("0.000001") == Decimal("0.000001")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("5", "EUR", "5.00"),
        ("5.5", "JPY", "5.5"),
        ("5.000000", "JPY", "5"),
        ("1.2345", "KWD", "1.2345"),
        ("1.2", "KWD", "1.200"),
        ("0", "CLF", "0.0000"),
        ("10000000", "XQQ", "10000000.00"),
        ("0.000001", "EUR", "0.000001"),
    ],
)
def test_an_amount_is_written_in_minor_units_only_where_that_is_exact(amount: str, currency: str, text: str) -> None:
    """Never rounded, never with an exponent."""
    assert format_amount(Decimal(amount), currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.00005", "0.0000"),
        ("0.00015", "0.0002"),
        ("-0.00001", "0.0000"),
        ("-3.29995", "-3.3000"),
        ("1E+3", "1000.0000"),
    ],
)
def test_ratios_have_four_places_half_to_even(value: str, text: str) -> None:
    """A tie goes to the even digit, and zero has no sign."""
    assert format_ratio(Decimal(value)) == text


def test_output_does_not_depend_on_the_decimal_context_of_the_caller() -> None:
    """A caller that works with three digits gets the same text."""
    with localcontext() as context:
        context.prec = 3
        assert format_amount(Decimal("123456.78"), "EUR") == "123456.78"
        assert format_ratio(Decimal("72.85714285")) == "72.8571"


@pytest.mark.parametrize("code", ["", "eur", "EURO", "E1R", None, 978])
def test_a_currency_of_another_form_is_none(code: object) -> None:
    """Three capital letters, whether known or not."""
    assert parse_currency(code) is None


def test_the_minor_units_of_iso_4217() -> None:
    """Yen have none, dinars of Kuwait three, euros two."""
    assert (MINOR_UNITS["JPY"], MINOR_UNITS["KWD"], MINOR_UNITS["EUR"]) == (0, 3, 2)


@pytest.mark.parametrize(
    "text", ["2026-02-29", "20260228", "2026-W09-1", "2026-2-1", "2026-02-28T00:00", "", 20260228, None]
)
def test_a_date_in_any_other_form_is_no_date(text: object) -> None:
    """Only ``YYYY-MM-DD`` of a day that exists."""
    assert parse_date(text) is None


@given(st.dates())
def test_a_date_is_read_back_as_written(day: date) -> None:
    """Format and parse are a pair."""
    assert parse_date(day.isoformat()) == day


def test_the_day_of_a_block_is_its_utc_day() -> None:
    """One second before midnight is still the old day; a time beyond the calendar is its last day."""
    assert utc_date(86_399) == date(1970, 1, 1)
    assert utc_date(86_400) == date(1970, 1, 2)
    assert utc_date(2**64 - 1) == date.max


def test_quarters_sort_as_text() -> None:
    """Name of the quarter by month."""
    assert [quarter(date(2026, month, 1)) for month in (1, 3, 4, 12)] == ["2026-Q1", "2026-Q1", "2026-Q2", "2026-Q4"]
