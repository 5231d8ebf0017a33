"""Content (section 6): disclosures, what is shown of a content, and the forms that fields must have."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from independent.primitives import Refused, ascending, canonical, parse, require, sha, unhex
from independent.statements import (
    ACCESS,
    CONSENT,
    CONTRACT,
    CORRECTION,
    DELIVERY,
    DISPUTE,
    INVOICE,
    PAYMENT,
    RESOLUTION,
    WRITE_OFF,
)

NOTHING = sha(b"")
MOST_FIELDS, LONGEST = 64, 65_536
AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


# --- disclosures ----------------------------------------------------------------------------------------------------


def disclosure(salt: bytes, name: str, value: Any) -> str:
    text = base64.urlsafe_b64encode(salt).rstrip(b"=").decode()
    return base64.urlsafe_b64encode(canonical([text, name, value])).rstrip(b"=").decode()


def opened(text: str) -> tuple[str, Any]:
    """Name and value of a disclosure."""
    require(len(text) <= LONGEST, "too long")
    require(re.fullmatch(r"[A-Za-z0-9_-]*", text) and len(text) % 4 != 1, "not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    require(base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text, "stray bits")
    value = parse(data, 16)
    require(isinstance(value, list) and len(value) == 3, "not three members")
    salt, name, content = value
    require(isinstance(salt, str) and re.fullmatch(r"[A-Za-z0-9_-]{21}[AQgw]", salt), "salt")
    require(isinstance(name, str) and re.fullmatch(r"[a-zA-Z][a-zA-Z0-9]{0,63}", name), "name")
    return name, content


def root(digests: list[bytes]) -> bytes:
    return sha(b"".join(sorted(digests)))


@dataclass(frozen=True)
class Showing:
    content_root: bytes
    disclosures: tuple[str, ...]
    hidden: tuple[bytes, ...]

    @property
    def root_alone(self) -> bool:
        return not self.disclosures and not self.hidden and self.content_root != NOTHING

    @property
    def hides(self) -> int:
        """How many fields are hidden, at least."""
        return 1 if self.root_alone else len(self.hidden)

    def check(self) -> None:
        """It gives its content root."""
        require(ascending(list(self.disclosures)) and ascending(list(self.hidden)), "not in order")
        shown = [sha(text.encode("ascii")) for text in self.disclosures]
        require(not set(shown) & set(self.hidden), "shown and hidden at once")
        require(self.root_alone or root([*shown, *self.hidden]) == self.content_root, "another content root")

    def fields(self) -> dict[str, Any]:
        require(len(self.disclosures) + len(self.hidden) <= MOST_FIELDS, "too many fields")
        found: dict[str, Any] = {}
        for text in self.disclosures:
            name, value = opened(text)
            require(name not in found, "a name twice")
            found[name] = value
        return found


# --- forms of fields ------------------------------------------------------------------------------------------------


def is_amount(value: Any) -> bool:
    return isinstance(value, str) and AMOUNT.fullmatch(value) is not None


def is_date(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_currency(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value) is not None


def is_text(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 4000 and CONTROL.search(value) is None


def _whole(value: Any, most: int | None = None) -> bool:
    return type(value) is int and value >= 0 and (most is None or value <= most)


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _one_of(*choices: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in choices


def _objects(value: Any, forms: dict[str, Callable[[Any], bool]]) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= 10_000
        and all(
            isinstance(each, dict) and set(each) == set(forms) and all(form(each[n]) for n, form in forms.items())
            for each in value
        )
    )


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


ALLOCATION: dict[str, Callable[[Any], bool]] = {"invoice": _matches("0x[0-9a-f]{64}"), "amount": is_amount}
DOCUMENT: dict[str, Callable[[Any], bool]] = {
    "sha256": _matches("[0-9a-f]{64}"),
    "mediaType": _is_string,
    "name": _is_string,
    "size": _whole,
}

AMOUNTS = (
    *("totalAmount", "deliveredValue", "payableAmount", "taxAmount", "amount", "acceptedAmount"),
    *("acceptedQuantity", "creditAmount"),
)
DATES = (
    *("effectiveDate", "expiryDate", "receivedDate", "issueDate", "dueDate", "valueDate"),
    *("validUntil", "accessedOn"),
)
TEXTS = (
    *("contractNumber", "title", "deliveryNumber", "carrier", "trackingNumber", "invoiceNumber", "orderNumber"),
    *("paymentReference", "method", "endToEndId", "note", "reasonCode", "description", "creditNoteNumber", "reason"),
    "granteeName",
)


def _list(form: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) <= 10_000 and all(map(form, value))


ID, NAMED = _matches("0x[0-9a-f]{64}"), _matches("[a-zA-Z][a-zA-Z0-9]{0,63}")
SCOPE: dict[str, Callable[[Any], bool]] = {
    "counterparties": _list(ID),
    "kinds": _list(lambda value: _whole(value, 255) and value > 0),
    "fields": _list(NAMED),
    "since": is_date,
    "until": is_date,
    "objects": _list(NAMED),
    "identities": _one_of("pseudonyms", "ids", "names"),
}


def _is_scope(value: Any) -> bool:
    return isinstance(value, dict) and all(name in SCOPE and SCOPE[name](item) for name, item in value.items())


FORMS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(AMOUNTS, is_amount),
    "disputedAmount": lambda value: is_amount(value) and value.strip("0.") != "",
    "currency": is_currency,
    **dict.fromkeys(DATES, is_date),
    **dict.fromkeys(TEXTS, is_text),
    "paymentTermsDays": lambda value: _whole(value, 3650),
    "issuerRole": _one_of("supplier", "buyer"),
    "outcome": _one_of("withdrawn", "credited", "cancelled"),
    "correctionType": _one_of("replaced", "credited", "cancelled"),
    "allocations": lambda value: _objects(value, ALLOCATION),
    "documents": lambda value: _objects(value, DOCUMENT),
    **dict.fromkeys(("grantee", "recorder", "accessedEvidence"), ID),
    "accessedObject": NAMED,
    "accessScope": _is_scope,
}

REQUIRED: dict[int, tuple[str, ...]] = {
    CONTRACT: ("contractNumber", "issuerRole", "currency", "paymentTermsDays"),
    DELIVERY: ("deliveryNumber", "receivedDate"),
    INVOICE: ("invoiceNumber", "issueDate", "dueDate", "currency", "payableAmount"),
    PAYMENT: ("paymentReference", "valueDate", "currency", "amount", "allocations"),
    DISPUTE: ("reasonCode", "disputedAmount", "currency"),
    RESOLUTION: ("outcome",),
    CORRECTION: ("correctionType",),
    WRITE_OFF: ("currency", "amount", "reason"),
}


def required(kind: int, fields: dict[str, Any], corrected: int | None) -> set[str]:
    """What a content of this kind must have; `corrected` is the kind that a CORRECTION corrects, where it is known."""
    names = set(REQUIRED.get(kind, ()))
    if kind == RESOLUTION and fields.get("outcome") == "credited":
        names |= {"creditAmount", "currency"}
    if kind == CONSENT and "grantee" in fields:
        names |= {"validUntil", "accessScope"}
    if kind == ACCESS:
        names |= {"accessedObject", "accessedOn"}
    if kind == CORRECTION and fields.get("correctionType") == "credited":
        names |= {"creditNoteNumber", "issueDate", "creditAmount", "currency"}
    if kind == CORRECTION and fields.get("correctionType") == "replaced" and corrected is not None:
        names |= required(corrected, fields, None)
    return names


def well_formed(showing: Showing, kind: int, corrected: int | None) -> bool:
    try:
        fields = showing.fields()
    except Refused:
        return False
    if not all(FORMS[name](value) for name, value in fields.items() if name in FORMS):
        return False
    issued, due = fields.get("issueDate"), fields.get("dueDate")
    if isinstance(issued, str) and isinstance(due, str) and due < issued:
        return False
    return bool(showing.hides) or required(kind, fields, corrected) <= set(fields)


def showing(content_root: bytes, disclosures: Any, hidden: Any) -> Showing:
    require(isinstance(disclosures, list) and isinstance(hidden, list), "lists wanted")
    require(all(isinstance(text, str) and text.isascii() for text in disclosures), "ASCII text wanted")
    return Showing(content_root, tuple(disclosures), tuple(unhex(text, 32) for text in hidden))
