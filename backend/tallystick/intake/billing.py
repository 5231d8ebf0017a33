"""What the XML formats of invoices have in common: their type codes, and the invoice that another one is about.

Rules:

- who bills is the seller: a self-billed document is the buyer's statement and refused;
- a correction is of one invoice: how an amount divides over several is not said anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.errors import MalformedDocument
from tallystick.intake.elements import Element

_NONE = ("NA", "N/A")
CORRECTED, DEBIT_NOTE = "384", "383"
SELF_BILLED = frozenset({"389", "261", "527"})
_CODES = (71, 80, 82, 84, 102, 130, 202, 203, 204, 211, 218, 219, 295, 326, 331, 380, 382, 383, 384, 385, 386)
_MORE_CODES = (388, 393, 395, 553, 575, 623, 780, 817, 870, 875, 876, 877)
BILLS = frozenset(map(str, _CODES + _MORE_CODES))
"""Type codes of documents that ask for money (UNCL 1001, as EN 16931 lists them)."""
CREDITS = frozenset({"81", "83", "262", "296", "308", "381", "396", "420", "458", "532"})
"""Type codes of credit notes, likewise."""


def self_billed(element: str) -> MalformedDocument:
    """The error that ``element`` says that the buyer issued the document in the seller's place."""
    return MalformedDocument(
        "expected an invoice that the seller issued, got a self-billed one.",
        element=element,
        todo="Have the seller record the invoice, and the buyer acknowledge it: this is the buyer's word alone.",
    )


def one_reference(document: Element, path: str, found: Iterable[str]) -> str:
    """The one invoice of ``found``. Raises ``MalformedDocument`` naming ``path`` where there is none, or several."""
    numbers = list(dict.fromkeys(found))
    if not numbers:
        raise document.missing(path, todo="Name the invoice in it, or state the credit with `tallystick record`.")
    if len(numbers) > 1:
        raise document.missing(
            path,
            f"expected one invoice, got {len(numbers)}: how the amount divides is not said.",
            todo="Issue one for each invoice.",
        )
    return numbers[0]


def order_number(document: Element, path: str) -> str | None:
    """The buyer's order number at ``path``; "NA" is Peppol's word for none (BIS Billing 3.0, BT-13)."""
    number = document.text(path)
    return None if number in _NONE else number


def stated(found: Iterable[Element]) -> str | None:
    """The one value that all of ``found`` state, or None: of several, none is the one."""
    values = {each.value for each in found} - {"", *_NONE}
    return values.pop() if len(values) == 1 else None
