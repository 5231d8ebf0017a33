"""Invoices that are the same, and invoices that are suspiciously alike: by their values, whatever file they came in.

Rules:

- a number is compared without case, leading zeros, and separators, one between digits counting as any other;
- the same invoice: its number as spelled, and all its values, are the same;
- alike: the same compared number with another spelling or another value; or the same values with a number that is one
  character off (one changed, missing, added, or two neighbours swapped).

Example: ``likeness(one, other) is Likeness.NUMBER`` where ``INV-1`` and ``inv 001`` bill the same.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[\W_]+(?=[0-9])")
_SEPARATORS = re.compile(r"[^\w-]|_|-(?![0-9])|(?<![0-9])-")
_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


class Likeness(StrEnum):
    """How two invoices of one seller are alike."""

    SAME = "same"
    """They are one invoice."""
    VALUES = "values"
    """One number, spelled alike or not, with other values."""
    NUMBER = "number"
    """The same values, with a number that is spelled otherwise or one character off."""


@dataclass(frozen=True, slots=True)
class Billed:
    """What makes an invoice of a seller this one: ``buyer`` is its party, or whom a self-reported one names."""

    number: str
    buyer: str
    issue_date: str
    currency: str
    amount: Decimal

    @property
    def values(self) -> tuple[str, str, str, Decimal]:
        """All but the number."""
        return self.buyer, self.issue_date, self.currency, self.amount

    def fingerprint(self, key: bytes, seller: str) -> str:
        """The name of this invoice of ``seller``, the same in every format; keyed, for it has little to guess."""
        amount = f"{self.amount.normalize():f}"
        told = "\x1f".join((seller, self.buyer, self.number, self.issue_date, self.currency, amount))
        return hmac.new(key, b"tallystick invoice fingerprint\x1f" + told.encode(), hashlib.sha256).hexdigest()


def compared(number: str) -> str:
    """``number`` as numbers are compared: 2026/1-11 and 2026/11-1 stay two."""
    return _ZEROS.sub("", _SEPARATORS.sub("", _BETWEEN_DIGITS.sub("-", number.casefold())))


def likeness(one: Billed, other: Billed) -> Likeness | None:
    """How ``one`` and ``other`` are alike, or None where they are two invoices."""
    same_values = one.values == other.values
    if one.number == other.number:
        return Likeness.SAME if same_values else Likeness.VALUES
    if compared(one.number) == compared(other.number):
        return Likeness.NUMBER if same_values else Likeness.VALUES
    if same_values and one_off(compared(one.number), compared(other.number)):
        return Likeness.NUMBER
    return None


def cut(number: str) -> frozenset[str]:
    """``number``, and what is left of it without one of its characters: numbers that are one off have one in common."""
    return frozenset((number, *(number[:at] + number[at + 1 :] for at in range(len(number)))))


def one_off(one: str, other: str) -> bool:
    """Whether one change, insertion, removal or swap of neighbours makes ``other`` of ``one``."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, other_rest = one[start:], other[start:]
    if len(rest) == len(other_rest):
        swapped = rest[:2] == other_rest[:2][::-1] and rest[2:] == other_rest[2:]
        return swapped or rest[1:] == other_rest[1:]
    longer, shorter = sorted((rest, other_rest), key=len, reverse=True)
    return longer[1:] == shorter
