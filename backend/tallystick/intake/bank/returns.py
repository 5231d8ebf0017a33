"""Returns: which earlier payment a booking takes back, found by what identifies it, never by the sum alone.

Rules:

- the payment is one that still holds, in the same currency, of at least the sum returned, and not later;
- it is found by the end-to-end id, else by the transaction's UETR, else by the bank's own reference;
- of several, the one whose sum is exactly what is returned; where none of these tells, a person has to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tallystick.intake.bank.bookings import Booking
from tallystick.intake.bank.cases import Reason


@dataclass(frozen=True, slots=True)
class Original:
    """A payment that may be taken back, as it holds now; ``key`` is the caller's."""

    key: str
    day: date
    amount: Decimal
    currency: str
    end_to_end: str | None
    uetr: str | None
    reference: str | None


def find_original(returned: Booking, originals: Iterable[Original]) -> Original | Reason:
    """The one of ``originals`` that ``returned`` takes back, or why that can't be said."""
    amount, references = returned.transaction.amount, returned.transaction.references
    possible = [each for each in originals if each.currency == amount.currency and each.day <= returned.day]
    named = [each for each in possible if references.end_to_end and each.end_to_end == references.end_to_end]
    if not named and references.uetr is not None:
        named = [each for each in possible if each.uetr is not None and each.uetr.lower() == references.uetr.lower()]
    own = references.servicer or returned.entry.servicer_reference
    if not named and own is not None:
        named = [each for each in possible if each.reference == own]
    enough = [each for each in named if each.amount >= amount.value]
    if not enough:
        return Reason.RETURNED_MORE if named else Reason.NO_ORIGINAL
    exact = [each for each in enough if each.amount == amount.value]
    fitting = exact or enough
    return fitting[0] if len(fitting) == 1 else Reason.SEVERAL_ORIGINALS
