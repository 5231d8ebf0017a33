"""Figures of a report as text, as they stand on paper: grouped, with their unit, a dash where data are too few."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

MISSING = "–"


def figure(key: str, metrics: Mapping[str, Any], currency: str) -> str:
    """The metric ``key`` of ``metrics`` (a report's JSON), amounts in ``currency``."""
    value = metrics[key]
    if value is None:
        return MISSING
    if key == "highCredit":
        return f"{amount(value['amount'])} {currency} ({value['date']})"
    if key.endswith("Amount"):
        return f"{amount(value)} {currency}"
    if "Rate" in key:
        return percent(value)
    if key == "paymentIndex":
        return f"{Decimal(value):.1f}"
    return f"{Decimal(value):.2f}" if isinstance(value, str) else str(value)


def amount(value: str) -> str:
    """A decimal string, its thousands grouped."""
    return f"{Decimal(value):,f}"


def percent(value: str) -> str:
    """A ratio as a percentage with one digit."""
    return f"{Decimal(value) * 100:.1f} %"
