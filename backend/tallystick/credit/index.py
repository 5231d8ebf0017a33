"""The payment index: how promptly a party pays, from 1 to 100, weighted by value; 80 is exactly on terms.

Rules:

- each payment experience scores by its days after the due date, on a straight line between the published anchors;
- earlier than 30 days before the due date scores 100;
- beyond 120 days late the published scale only says "1 to 19": ours goes straight down to 1 at 180 days and stays;
- below three experiences there is no index.

The anchors are those published for D&B PAYDEX (docs.dnb.com, dandb.com); PAYDEX is a trademark of Dun & Bradstreet,
whose exact method is not public, and this index is not a PAYDEX. It looks at the whole history, not at 24 months.

Example: ``score(75) == 35``.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from itertools import pairwise
from math import lcm

MIN_EXPERIENCES = 3

ANCHORS = ((-30, 100), (-20, 90), (0, 80), (15, 70), (22, 60), (30, 50), (60, 40), (90, 30), (120, 20), (180, 1))
"""(days after the due date, score); the last is ours."""

_DAYS = tuple(days for days, _ in ANCHORS)
SCALE = lcm(*(after - before for before, after in pairwise(_DAYS)))
"""Scores are kept in whole parts of 1/SCALE, in which every day's score is exact."""


def scaled_score(days: int) -> int:
    """``SCALE`` times the score of paying ``days`` after the due date (negative: before): a whole number."""
    if days <= _DAYS[0]:
        return ANCHORS[0][1] * SCALE
    if days >= _DAYS[-1]:
        return ANCHORS[-1][1] * SCALE
    at = bisect_right(_DAYS, days)
    (before, high), (after, low) = ANCHORS[at - 1], ANCHORS[at]
    return high * SCALE - (high - low) * (days - before) * (SCALE // (after - before))


def score(days: int) -> Decimal:
    """The score of paying ``days`` after the due date (negative: before), to the precision of the context."""
    return Decimal(scaled_score(days)) / SCALE
