"""What the content of each kind of evidence must and may say, and the form of each field (protocol section 3).

Rules:

- a required field is there and of its form, otherwise the evidence is malformed and enters no metric;
- a field this table names is of its form wherever it stands; a name the table does not know is kept and shown;
- amounts are decimal strings beside an ISO 4217 code, dates are ISO 8601 calendar dates, identifiers name their scheme.

Field names follow UBL 2.1 and ISO 20022 terms in camelCase.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

from tallystick.errors import MalformedEvidence
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind, kind_name
from tallystick.protocol.types import clip

MAX_TEXT = 4_000
MAX_LIST = 10_000

_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,6})?\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_HEX32 = re.compile(r"0x[0-9a-f]{64}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,63}\Z")

Form = Callable[[Json], str | None]
"""A form says what it expected when a value does not follow it, and None when it does."""


def is_amount(value: Json) -> bool:
    """Whether ``value`` is an amount: a decimal string, no sign, up to 18 digits before and 6 after the point."""
    return isinstance(value, str) and _AMOUNT.match(value) is not None


def is_date(value: Json) -> bool:
    """Whether ``value`` is a calendar date of ISO 8601 in its extended form, e.g. ``2026-03-31``."""
    return isinstance(value, str) and _is_day(value)


@lru_cache(maxsize=4_096)  # the same days come again and again
def _is_day(value: str) -> bool:
    if not _DATE.match(value):
        return False
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_currency(value: Json) -> bool:
    """Whether ``value`` is a currency code of ISO 4217, by its form."""
    return isinstance(value, str) and bool(_CURRENCY.match(value))


def _amount(value: Json) -> str | None:
    return None if is_amount(value) else 'a decimal string without sign, e.g. "1250.00"'


def _amount_above_zero(value: Json) -> str | None:
    above = is_amount(value) and any(digit in "123456789" for digit in str(value))
    return None if above else 'a decimal string above zero, e.g. "1250.00"'


def _date(value: Json) -> str | None:
    return None if is_date(value) else 'a date, e.g. "2026-03-31"'


def _currency(value: Json) -> str | None:
    return None if is_currency(value) else 'an ISO 4217 code, e.g. "EUR"'


def _text(value: Json) -> str | None:
    ok = isinstance(value, str) and 0 < len(value) <= MAX_TEXT and (value.isprintable() or not _CONTROL.search(value))
    return None if ok else f"text of 1 to {MAX_TEXT} characters, none of them a control character but tab and line feed"


def _days(value: Json) -> str | None:
    ok = type(value) is int and 0 <= value <= 3650
    return None if ok else "a whole number of days from 0 to 3650"


def _one_of(*allowed: str) -> Form:
    def form(value: Json) -> str | None:
        return None if value in allowed else "one of " + ", ".join(allowed)

    return form


def _list_of(item_form: Form) -> Form:
    def form(value: Json) -> str | None:
        if not isinstance(value, list) or len(value) > MAX_LIST:
            return f"a list of at most {MAX_LIST} items"
        return next((f"items each {want}" for item in value if (want := item_form(item))), None)

    return form


def _allocation(value: Json) -> str | None:
    ok = (
        isinstance(value, dict)
        and set(value) == {"invoice", "amount"}
        and isinstance(value["invoice"], str)
        and _HEX32.match(value["invoice"])
        and is_amount(value["amount"])
    )
    return None if ok else '{"invoice": the evidence id of an INVOICE, "amount": a decimal string}'


def _document(value: Json) -> str | None:
    ok = (
        isinstance(value, dict)
        and set(value) == {"sha256", "mediaType", "size", "name"}
        and isinstance(value["sha256"], str)
        and _SHA256.match(value["sha256"])
        and type(value["size"]) is int
        and value["size"] >= 0
        and isinstance(value["mediaType"], str)
        and isinstance(value["name"], str)
    )
    return None if ok else '{"sha256": 64 hex digits, "mediaType": text, "size": bytes, "name": text}'


def _hex32(value: Json) -> str | None:
    return None if isinstance(value, str) and _HEX32.match(value) else "0x and 64 lower-case hex digits"


def _name(value: Json) -> str | None:
    return None if isinstance(value, str) and _NAME.match(value) else "a letter, then letters and digits, at most 64"


def _kind(value: Json) -> str | None:
    return None if type(value) is int and 0 < value < 256 else "a kind, 1 to 255"


def _scope(value: Json) -> str | None:
    """What of a history a consent to access shows; a member that is absent sets no bound."""
    if not isinstance(value, Mapping) or not value.keys() <= _SCOPE.keys():
        return f"an object with members of {', '.join(_SCOPE)} alone"
    return next((f"{name}: {want}" for name, item in value.items() if (want := _SCOPE[name](item))), None)


_SCOPE: Mapping[str, Form] = {
    "counterparties": _list_of(_hex32),
    "kinds": _list_of(_kind),
    "fields": _list_of(_name),
    "since": _date,
    "until": _date,
    "objects": _list_of(_name),
    "identities": _one_of("pseudonyms", "ids", "names"),
}

FORMS: Mapping[str, Form] = {
    "contractNumber": _text,
    "issuerRole": _one_of("supplier", "buyer"),
    "currency": _currency,
    "paymentTermsDays": _days,
    "totalAmount": _amount,
    "effectiveDate": _date,
    "expiryDate": _date,
    "title": _text,
    "documents": _list_of(_document),
    "deliveryNumber": _text,
    "receivedDate": _date,
    "deliveredValue": _amount,
    "carrier": _text,
    "trackingNumber": _text,
    "invoiceNumber": _text,
    "issueDate": _date,
    "dueDate": _date,
    "payableAmount": _amount,
    "taxAmount": _amount,
    "orderNumber": _text,
    "paymentReference": _text,
    "valueDate": _date,
    "amount": _amount,
    "allocations": _list_of(_allocation),
    "method": _text,
    "endToEndId": _text,
    "note": _text,
    "acceptedAmount": _amount,
    "acceptedQuantity": _amount,
    "reasonCode": _text,
    "disputedAmount": _amount_above_zero,
    "description": _text,
    "outcome": _one_of("withdrawn", "credited", "cancelled"),
    "creditAmount": _amount,
    "creditNoteNumber": _text,
    "correctionType": _one_of("replaced", "credited", "cancelled"),
    "reason": _text,
    "grantee": _hex32,
    "granteeName": _text,
    "recorder": _hex32,
    "validUntil": _date,
    "accessScope": _scope,
    "accessedObject": _name,
    "accessedOn": _date,
    "accessedEvidence": _hex32,
}

REQUIRED: Mapping[int, tuple[str, ...]] = {
    Kind.CONTRACT: ("contractNumber", "issuerRole", "currency", "paymentTermsDays"),
    Kind.DELIVERY: ("deliveryNumber", "receivedDate"),
    Kind.INVOICE: ("invoiceNumber", "issueDate", "dueDate", "currency", "payableAmount"),
    Kind.PAYMENT: ("paymentReference", "valueDate", "currency", "amount", "allocations"),
    Kind.DISPUTE: ("reasonCode", "disputedAmount", "currency"),
    Kind.RESOLUTION: ("outcome",),
    Kind.CORRECTION: ("correctionType",),
    Kind.WRITE_OFF: ("currency", "amount", "reason"),
}

MEASURED = frozenset({*REQUIRED, Kind.ACKNOWLEDGEMENT})
"""The kinds whose fields the figures of a report may rest on."""

CREDIT_NOTE = ("creditNoteNumber", "issueDate", "creditAmount", "currency")
"""What a CORRECTION of type ``credited`` must say besides."""
CREDITED = ("creditAmount", "currency")
"""What a RESOLUTION with outcome ``credited`` must say besides."""
GRANTED = ("validUntil", "accessScope")
"""What a CONSENT that names a ``grantee`` must say besides."""
ACCESSED = ("accessedObject", "accessedOn")
"""What an ACCESS must say; no figure rests on it."""


def required(kind: int, fields: Mapping[str, Json], corrected_kind: int | None = None) -> tuple[str, ...]:
    """The names that an evidence of ``kind`` must show, given its ``fields``.

    A CORRECTION of type ``replaced`` says again everything that ``corrected_kind`` requires, given the same fields.
    """
    names = REQUIRED.get(kind, ())
    if kind == Kind.RESOLUTION and fields.get("outcome") == "credited":
        return names + CREDITED
    if kind == Kind.CONSENT and "grantee" in fields:
        return names + GRANTED
    if kind == Kind.ACCESS:
        return names + ACCESSED
    if kind == Kind.CORRECTION and fields.get("correctionType") == "credited":
        return names + CREDIT_NOTE
    if kind == Kind.CORRECTION and fields.get("correctionType") == "replaced" and corrected_kind is not None:
        return names + required(corrected_kind, fields)
    return names


def check(
    kind: int, fields: Mapping[str, Json], *, hidden: Collection[bytes] | int = 0, corrected_kind: int | None = None
) -> None:
    """Refuse ``fields`` that are not the content of an evidence of ``kind``.

    With ``hidden`` fields, a required name may be among those: only what is shown is checked.

    Raises:
        MalformedEvidence: a required field is missing, or a field is not of its form; says which and what it expected.
    """
    if not hidden:
        for name in required(kind, fields, corrected_kind):
            if name not in fields:
                raise MalformedEvidence(
                    f"{kind_name(kind)}: expected the field {name!r}, got {sorted(fields)}.",
                    todo=f"Add {name!r} to the content.",
                )
    for name, value in fields.items():
        form = FORMS.get(name)
        if form is not None and (want := form(value)) is not None:
            raise MalformedEvidence(f"{kind_name(kind)} field {name!r}: expected {want}, got {clip(value)}.")
    issue, due = fields.get("issueDate"), fields.get("dueDate")
    if isinstance(issue, str) and isinstance(due, str) and due < issue:
        raise MalformedEvidence(
            f"{kind_name(kind)} field 'dueDate': expected on or after issueDate {issue}, got {due}.",
            todo="Check the two dates.",
        )
