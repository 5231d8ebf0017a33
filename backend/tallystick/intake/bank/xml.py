"""XML of strangers, read safely: bounded in size, depth and nodes, without document type, entities or network.

Rules:

- a document type declaration is refused before anything in it is read: what it could define, no bank message needs;
- size is checked before parsing, depth and the number of elements while parsing: a bomb ends at its limit;
- comments and processing instructions are dropped; elements are found by local name, whatever their namespace.

Example: ``child(read_xml(b"<Document><BkToCstmrStmt/></Document>"), "BkToCstmrStmt")``.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from tallystick.errors import MalformedInput

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
MAX_ELEMENTS = 2_000_000

_CHUNK = 64 * 1024
_SAFE = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


class _DocumentType(Exception):
    """The document has a document type declaration."""


class _Begun(Exception):
    """The first element has begun: the prolog is over."""


class _Prolog:
    """Sees the events of a document up to its first element."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise _DocumentType

    def start(self, tag: str, attributes: object) -> None:
        raise _Begun

    def close(self) -> None: ...


def read_xml(data: bytes) -> etree._Element:
    """The root element of the XML document ``data``.

    Raises:
        MalformedInput: not well-formed, with a document type declaration, or beyond a limit; says where.
    """
    if len(data) > MAX_BYTES:
        raise MalformedInput(f"XML: expected at most {MAX_BYTES} bytes, got {len(data)}.", todo="Split the file.")
    try:
        _check_prolog(data)
        return _parse(data)
    except etree.XMLSyntaxError as error:
        raise MalformedInput(
            f"XML: expected a well-formed document, got one that is not ({error.msg}).",
            todo="Take the file from the bank again: it is cut short, or no XML.",
        ) from error


def _check_prolog(data: bytes) -> None:
    parser = etree.XMLParser(target=_Prolog(), **_SAFE)
    try:
        for start in range(0, len(data), _CHUNK):
            parser.feed(data[start : start + _CHUNK])
        parser.close()  # a short document may be read only now
    except _Begun:
        return
    except _DocumentType:
        raise MalformedInput(
            "XML: expected no document type declaration (DOCTYPE), got one.",
            todo="Remove it: no bank message needs it, and it can hide entities.",
        ) from None


def _parse(data: bytes) -> etree._Element:
    parser = etree.XMLPullParser(events=("start", "end"), **_SAFE)
    depth = elements = 0
    for start in range(0, len(data), _CHUNK):
        parser.feed(data[start : start + _CHUNK])
        for event, _ in parser.read_events():
            if event == "end":
                depth -= 1
                continue
            depth, elements = depth + 1, elements + 1
            if depth > MAX_DEPTH:
                raise MalformedInput(f"XML: expected elements at most {MAX_DEPTH} deep, got deeper ones.")
            if elements > MAX_ELEMENTS:
                raise MalformedInput(
                    f"XML: expected at most {MAX_ELEMENTS} elements, got more.", todo="Split the file."
                )
    return parser.close()


def local_name(element: etree._Element) -> str:
    """The name of ``element`` without its namespace."""
    return str(etree.QName(element).localname)


def namespace(element: etree._Element) -> str:
    """The namespace of ``element``, empty where it has none."""
    return str(etree.QName(element).namespace or "")


def children(element: etree._Element, *path: str) -> Iterator[etree._Element]:
    """Everything reached from ``element`` by a ``path`` of local names, in document order."""
    for found in element.iterchildren("{*}" + path[0]):
        if len(path) == 1:
            yield found
        else:
            yield from children(found, *path[1:])


def child(element: etree._Element, *path: str) -> etree._Element | None:
    """The first element reached from ``element`` by ``path``, or None."""
    return next(children(element, *path), None)


def text(element: etree._Element, *path: str) -> str | None:
    """The text of the first element reached by ``path`` without blanks around, or None where there is none."""
    found = child(element, *path) if path else element
    return None if found is None else (found.text or "").strip() or None
