"""Calendar days: the one spelling of a date, the UTC day of a chain time, and quarters.

A date is a day of the proleptic Gregorian calendar; no weekend or holiday moves it.

Example: ``quarter(date(2026, 3, 31)) == "2026-Q1"``.
"""

from __future__ import annotations

from datetime import date

SECONDS_PER_DAY = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_LAST_ORDINAL = date.max.toordinal()


def parse_date(text: object) -> date | None:
    """The day that ``text`` spells as ``YYYY-MM-DD``, or None for anything else, other ISO 8601 forms included."""
    if not isinstance(text, str):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def utc_date(timestamp: int) -> date:
    """The UTC day of ``timestamp`` (seconds since 1970); times after the year 9999 give its last day."""
    return date.fromordinal(min(_EPOCH_ORDINAL + timestamp // SECONDS_PER_DAY, _LAST_ORDINAL))


def start_of(day: date) -> int:
    """The time (seconds since 1970) at which the UTC day ``day`` begins."""
    return (day.toordinal() - _EPOCH_ORDINAL) * SECONDS_PER_DAY


def quarter(day: date) -> str:
    """The calendar quarter of ``day``, e.g. ``2026-Q1``: sorts as text in the order of time."""
    return f"{day.year:04d}-Q{(day.month + 2) // 3}"
