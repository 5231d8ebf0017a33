"""The elements of a document, found by namespace and name, one step at a time; what is missing is named by its path.

Example: ``Element(read_xml(data), "Invoice", PREFIXES).text("cbc:ID")``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tallystick.errors import MalformedDocument
from tallystick.protocol.fields import is_amount, is_date
from tallystick.protocol.types import clip

_MAX_TEXT = 1_000
_SPACES = re.compile(r"\s+")
_TIME = re.compile(r"(T.*| [0-9]{2}:[0-9]{2}(:[0-9]{2})?|Z|[+-][0-9]{2}:[0-9]{2})?\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Element:
    """An element of a document with its path; children are named ``prefix:Name`` by the prefixes of its format."""

    __slots__ = ("_prefixes", "node", "path")

    def __init__(self, node: Any, path: str, prefixes: Mapping[str, str]) -> None:
        self.node = node
        self.path = path
        self._prefixes = prefixes

    def _tag(self, name: str) -> str:
        prefix, colon, local = name.partition(":")
        return f"{{{self._prefixes[prefix]}}}{local}" if colon else name

    def find(self, path: str) -> Element | None:
        """The first element at ``path``, or None."""
        node = self.node
        for step in path.split("/"):
            node = next(node.iterchildren(self._tag(step)), None)
            if node is None:
                return None
        return Element(node, f"{self.path}/{path}", self._prefixes)

    def all(self, path: str) -> Iterator[Element]:
        """All elements at ``path``."""
        first, slash, rest = path.partition("/")
        for node in self.node.iterchildren(self._tag(first)):
            found = Element(node, f"{self.path}/{first}", self._prefixes)
            if slash:
                yield from found.all(rest)
            else:
                yield found

    def need(self, path: str) -> Element:
        """The first element at ``path``. Raises ``MalformedDocument`` naming it where there is none."""
        found = self.find(path)
        if found is None:
            raise self.missing(path)
        return found

    def missing(self, path: str, what: str = "expected this element, got none.", todo: str = "") -> MalformedDocument:
        """The error that says that nothing stands at ``path``."""
        return MalformedDocument(what, element=f"{self.path}/{path}", todo=todo)

    def wrong(self, expected: str) -> MalformedDocument:
        """The error that says what was ``expected`` of the text of this element."""
        return MalformedDocument(f"expected {expected}, got {clip(self.value)}.", element=self.path)

    @property
    def value(self) -> str:
        """The text of this element itself, white space drawn together, at most 1,000 characters."""
        text: str = self.node.text or ""
        return _CONTROL.sub(" ", _SPACES.sub(" ", text[: 4 * _MAX_TEXT]).strip())[:_MAX_TEXT]

    def attribute(self, name: str) -> str | None:
        """The attribute ``name``, or None where it is not there or empty."""
        value: str | None = self.node.get(name)
        return (value or "").strip() or None

    def text(self, path: str) -> str | None:
        """The text at ``path``, or None where there is none."""
        found = self.find(path)
        return None if found is None else found.value or None

    def need_text(self, path: str) -> str:
        """The text at ``path``. Raises ``MalformedDocument`` where there is none."""
        value = self.text(path)
        if value is None:
            raise self.missing(path)
        return value

    def date(self, path: str) -> str | None:
        """The date at ``path`` (ISO 8601, a time or time zone behind it left out), or None where there is none."""
        found = self.find(path)
        if found is None or not found.value:
            return None
        day = found.value[:10]
        if not is_date(day) or not _TIME.match(found.value[10:]):
            raise found.wrong("a date such as 2026-03-31")
        return day

    def need_date(self, path: str) -> str:
        """The date at ``path``. Raises ``MalformedDocument`` where there is none."""
        value = self.date(path)
        if value is None:
            raise self.missing(path)
        return value

    def number(self) -> Decimal:
        """The decimal number that this element holds, of at most 18 digits before the point and 6 behind it."""
        text = self.value.removeprefix("+")
        digits = text.removeprefix("-")
        whole, _, fraction = digits.partition(".")
        shortened = (whole.lstrip("0") or "0") + (f".{fraction.rstrip('0')}" if fraction.rstrip("0") else "")
        if not re.match(r"[0-9]*\.?[0-9]*\Z", digits) or not any(map(str.isdigit, digits)) or not is_amount(shortened):
            raise self.wrong("a decimal number of at most 18 digits and 6 behind the point")
        return Decimal(text)

    def currency(self) -> str | None:
        """Its ``currencyID``, if it has one."""
        return self.attribute("currencyID")


def plain(value: Decimal) -> str:
    """The amount ``value`` without its sign, as evidence spells it."""
    text = f"{abs(value):f}"
    whole, point, fraction = text.partition(".")
    fraction = fraction if len(fraction) <= 6 else fraction.rstrip("0")
    return f"{whole}{point}{fraction}" if fraction else whole


def quantity(document: Element, path: str) -> str | None:
    """The sum of the quantities at ``path``; None where there is none, or where the units differ."""
    total, units = Decimal(0), set()
    for each in document.all(path):
        total += each.number()
        units.add(each.attribute("unitCode"))
    return plain(total) if len(units) == 1 and total >= 0 else None
