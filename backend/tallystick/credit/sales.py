"""Figures that set what is owed against what was sold: days sales outstanding, and days beyond terms by bucket.

Example: ``days_sales_outstanding(Decimal(150_000), Decimal(1_800_000), 365)`` is 30.4167 to four places.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tallystick.credit.money import ZERO

DSO_WINDOW_DAYS = 90
BUCKET_MIDDLES = (Decimal(15), Decimal(45), Decimal(75), Decimal(105))
"""Days that stand for 1 to 30, 31 to 60, 61 to 90 and 91 or more past due. Source: Experian's DBT."""


@dataclass(frozen=True, slots=True)
class Countback:
    """Days of sales in a receivable; ``at_least`` is true where the sales given do not reach back far enough."""

    days: Decimal
    at_least: bool


def days_sales_outstanding(receivable: Decimal, sales: Decimal, days: int) -> Decimal | None:
    """``receivable / sales * days``: how many of the ``days`` in which ``sales`` were made are still owed.

    None when there were no sales. Both amounts in one currency, tax in both or in neither.
    """
    return receivable * days / sales if sales else None


def countback(receivable: Decimal, periods: Iterable[tuple[Decimal, int]]) -> Countback:
    """Count ``receivable`` back over the (sales, days) of ``periods``, newest first; the last one pro rata.

    A period without sales adds its days whole. Where the periods run out, the result says "more than so many days".
    """
    days, left = ZERO, receivable
    for sales, length in periods:
        if left <= 0:
            break
        if sales > left:
            return Countback(days + left * length / sales, at_least=False)
        days += length
        left -= sales
    return Countback(days, at_least=left > 0)


def bucket_days_beyond_terms(past_due: tuple[Decimal, Decimal, Decimal, Decimal], total: Decimal) -> Decimal | None:
    """Days beyond terms of open balances: ``past_due`` by ageing bucket times its middle, over the ``total`` open.

    Another number than days beyond terms of settled invoices, and not to be compared with it. None when nothing is
    open. Source: Experian's DBT.
    """
    if not total:
        return None
    return sum((amount * days for amount, days in zip(past_due, BUCKET_MIDDLES, strict=True)), ZERO) / total
