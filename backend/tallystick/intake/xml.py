"""XML read safely: no document type, no entity, no network, and bounds on size, elements and depth.

Rules:

- a document type declaration is refused before anything is parsed, in whatever encoding it stands;
- known encodings only: UTF-8, UTF-16 with a byte order mark, and those of ``_ENCODINGS``;
- an element is looked for by namespace and name, one step at a time; what is missing is named by its path.

Example: ``Element.root(parse(data)).text("cbc:ID")``.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from lxml import etree

from tallystick.errors import MalformedDocument, MalformedInput
from tallystick.protocol.fields import is_amount, is_date
from tallystick.protocol.types import clip

MAX_BYTES = 16 * 1024 * 1024
MAX_ELEMENTS = 200_000
MAX_DEPTH = 48
_MAX_TEXT = 1_000

_ENCODINGS = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "gbk", "gb2312", "gb18030"}
)
_DECLARATION = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._\-]+)[\"']")
_TOO_DEEP = etree.XPath("boolean(/" + "*/" * MAX_DEPTH + "*)")
_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def looks_like_xml(data: bytes) -> bool:
    """Whether ``data`` begins as an XML text does."""
    start = data[:64].lstrip(codecs.BOM_UTF8)
    return start.lstrip()[:1] == b"<" or data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def parse(data: bytes) -> Any:
    """The root element of the XML text ``data``, without comments and processing instructions.

    Raises:
        MalformedInput: too large, no XML, an encoding that is not known, or a document type declaration.
    """
    if len(data) > MAX_BYTES:
        raise MalformedInput(f"XML: expected at most {MAX_BYTES} bytes, got {len(data)}.")
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        data = _from_utf16(data)
    declared = _DECLARATION.match(data.removeprefix(codecs.BOM_UTF8)[:200])
    if declared is not None and declared[1].decode("ascii").lower() not in _ENCODINGS:
        raise MalformedInput(f"XML: expected UTF-8 or another known encoding, got {clip(declared[1].decode('ascii'))}.")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise MalformedInput(
            "XML: expected no document type declaration, got one.", todo="Remove <!DOCTYPE ...> from the file."
        )
    if (count := data.count(b"<")) > 2 * MAX_ELEMENTS:
        raise MalformedInput(f"XML: expected at most {MAX_ELEMENTS} elements, got some {count // 2}.")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise MalformedInput(f"XML: expected a well-formed text ({clip(str(error), 200)}).") from error
    if root is None or not isinstance(root.tag, str) or root.getroottree().docinfo.doctype:
        raise MalformedInput("XML: expected one root element and no document type declaration.")
    if _TOO_DEEP(root):
        raise MalformedInput(f"XML: expected elements at most {MAX_DEPTH} deep, got more.")
    return root


def _from_utf16(data: bytes) -> bytes:
    try:
        text = data.decode("utf-16")
    except UnicodeDecodeError as error:
        raise MalformedInput(f"XML: expected UTF-16 as its byte order mark says ({error.reason}).") from error
    return re.sub(r"\A\s*<\?xml[^>]*\?>", "", text).encode("utf-8", "replace")


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
        """The date at ``path`` (ISO 8601, a time zone behind it left out), or None where there is none."""
        found = self.find(path)
        if found is None or not found.value:
            return None
        day = found.value[:10]
        if not is_date(day) or not re.match(r"(T.*|Z|[+-][0-9]{2}:[0-9]{2})?\Z", found.value[10:]):
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
