"""The payment index and the sales figures on the worked examples of their sources."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.credit.index import ANCHORS, SCALE, scaled_score, score
from tallystick.credit.money import format_ratio
from tallystick.credit.sales import bucket_days_beyond_terms, countback, days_sales_outstanding

from .builders import BUYER, Log


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-400, 100),
        (-30, 100),
        (-25, 95),
        (-10, 85),
        (0, 80),
        (3, 78),
        (15, 70),
        (22, 60),
        (30, 50),
        (75, 35),
        (120, 20),
    ],
)
def test_the_index_interpolates_between_the_published_anchors(days: int, expected: int) -> None:
    """Straight lines between the anchors; earlier than 30 days before the due date is 100."""
    assert score(days) == expected


@pytest.mark.parametrize(("days", "expected"), [(150, "10.5000"), (180, "1.0000"), (5000, "1.0000")])
def test_the_tail_beyond_120_days_is_ours(days: int, expected: str) -> None:
    """Straight down to 1 at 180 days, and 1 for ever."""
    assert format_ratio(score(days)) == expected


@given(st.integers(-60, 300))
def test_scaled_scores_are_exact(days: int) -> None:
    """The whole number of parts equals the straight line computed in fractions."""
    inside = min(max(days, -30), 180)
    (before, high), (after, low) = next((a, b) for a, b in pairwise(ANCHORS) if a[0] <= inside <= b[0])
    assert Fraction(scaled_score(days), SCALE) == high + Fraction((low - high) * (inside - before), after - before)


@given(st.integers(-60, 300))
def test_paying_later_never_scores_higher(days: int) -> None:
    """The index falls, or stays, with every day."""
    assert scaled_score(days + 1) <= scaled_score(days)


def test_below_three_experiences_there_is_no_index() -> None:
    """Two settled invoices give null and a reason, never a number."""
    log = Log()
    for _ in range(2):
        log.pay(log.invoice("100.00"), "100.00", "2026-01-31")
    metrics = log.metrics(BUYER)
    assert metrics["paymentIndex"] is None
    assert "fewer than 3" in metrics["reasons"]["paymentIndex"]


def test_the_index_is_weighted_by_value() -> None:
    """Prompt 10,000, 30 days slow 5,000, 20 days early 2,500: 1,275,000 / 17,500 = 72.857."""
    log = Log()
    for amount, day in (("10000", "2026-01-31"), ("5000", "2026-03-02"), ("2500", "2026-01-11")):
        log.pay(log.invoice(amount), amount, day)
    assert log.metrics(BUYER)["paymentIndex"] == "72.8571"


def test_seven_and_a_half_days_late_on_average_scores_75() -> None:
    """Equal values 7 and 8 days late lie on one line of the index."""
    log = Log()
    for day in ("2026-02-07", "2026-02-08", "2026-02-07", "2026-02-08"):
        log.pay(log.invoice(), "100.00", day)
    assert log.metrics(BUYER)["paymentIndex"] == "75.0000"


def test_without_sales_there_is_no_dso() -> None:
    """Nothing to divide by gives None."""
    assert days_sales_outstanding(Decimal(100), Decimal(0), 90) is None


def test_simple_dso() -> None:
    """150,000 / 1,800,000 x 365 = 30.4167."""
    value = days_sales_outstanding(Decimal(150_000), Decimal(1_800_000), 365)
    assert value is not None
    assert format_ratio(value) == "30.4167"


@pytest.mark.parametrize(
    ("receivable", "periods", "days"),
    [
        (212_000, [(100_000, 30), (80_000, 30), (70_000, 30)], "73.7143"),
        (2_100_000, [(900_000, 31), (800_000, 28), (700_000, 31)], "76.7143"),
        (100, [(0, 31), (100, 30)], "61.0000"),
        (0, [(100, 30)], "0.0000"),
    ],
)
def test_countback(receivable: int, periods: list[tuple[int, int]], days: str) -> None:
    """Whole months first, the last pro rata; a month without sales adds its days whole."""
    found = countback(Decimal(receivable), [(Decimal(sales), length) for sales, length in periods])
    assert (format_ratio(found.days), found.at_least) == (days, False)


def test_countback_says_when_history_runs_out() -> None:
    """More owed than was ever sold is 'more than so many days'."""
    found = countback(Decimal(300), [(Decimal(100), 30), (Decimal(100), 31)])
    assert (found.days, found.at_least) == (Decimal(61), True)


def test_bucket_days_beyond_terms_of_nothing_is_none() -> None:
    """No open balance, no figure."""
    assert bucket_days_beyond_terms((Decimal(0),) * 4, Decimal(0)) is None


def test_bucket_days_beyond_terms() -> None:
    """5,000, 2,000, 1,000 and 500 of 20,000 open: 14.625."""
    past_due = (Decimal(5000), Decimal(2000), Decimal(1000), Decimal(500))
    assert bucket_days_beyond_terms(past_due, Decimal(20_000)) == Decimal("14.625")


def test_dso_of_the_last_90_days() -> None:
    """Open 60 of 120 sold within 90 days makes 45 days; what was sold before the window is not in the sales."""
    log = Log()
    log.pay(log.invoice("999", issued="2026-04-01", due="2026-05-01"), "999", "2026-05-01")
    log.pay(log.invoice("60", issued="2026-04-02", due="2026-05-02"), "60", "2026-05-02")
    log.invoice("60", issued="2026-06-30", due="2026-07-30")
    assert log.metrics()["daysSalesOutstanding"] == "45.0000"


def test_dso_without_recent_sales_is_null_with_a_reason() -> None:
    """An old open invoice does not make a DSO."""
    log = Log()
    log.invoice("60")
    metrics = log.metrics()
    assert metrics["daysSalesOutstanding"] is None
    assert "90 days" in metrics["reasons"]["daysSalesOutstanding"]
