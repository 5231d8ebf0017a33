"""XML of strangers, read safely: bounded in all that it may grow by, without document type, entities or network.

Rules:

- a document type declaration is refused before anything is parsed: what it could define, no document here needs;
- known encodings only: UTF-8, UTF-16 with a byte order mark, and those of ``_ENCODINGS``, so that nothing hides;
- size, elements and attributes are bounded before parsing, depth by the parser and then exactly: a bomb ends at its
  limit;
- comments and processing instructions are dropped; the functions here find elements by local name, whatever their
  namespace.

Example: ``child(read_xml(b"<Document><BkToCstmrStmt/></Document>"), "BkToCstmrStmt")``.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from lxml import etree

from tallystick.errors import MalformedInput
from tallystick.protocol.types import clip

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 2_000_000
"""Elements and attributes: each takes some 200 bytes of memory, however few it has in the file."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ENCODINGS = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "gbk", "gb2312", "gb18030"}
)
_DECLARATION = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._\-]+)[\"']")
_TOO_DEEP = etree.XPath("boolean(/" + "*/" * MAX_DEPTH + "*)")


def looks_like_xml(data: bytes) -> bool:
    """Whether ``data`` begins as an XML text does."""
    return data[:2] in _UTF16 or data[:512].removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<"


def read_xml(data: bytes) -> etree._Element:
    """The root element of the XML document ``data``.

    Raises:
        MalformedInput: not well-formed, in an encoding that is not known, with a document type declaration, or beyond
            a limit; says which.
    """
    if len(data) > MAX_BYTES:
        raise MalformedInput(f"XML: expected at most {MAX_BYTES} bytes, got {len(data)}.", todo="Split the file.")
    data = _decoded(data)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise _has_document_type()
    if data.count(b"<") - data.count(b"</") + data.count(b"=") > MAX_NODES:
        raise MalformedInput(
            f"XML: expected at most {MAX_NODES} elements and attributes, got more.", todo="Split the file."
        )
    parser = _parser()
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise _not_well_formed(str(error)) from error
    for found in parser.error_log.filter_from_errors():  # lxml judges by the last message, and that may be a warning
        raise _not_well_formed(found.message)
    if root.getroottree().docinfo.doctype:  # the parser saw what was not seen above
        raise _has_document_type()
    if _TOO_DEEP(root):
        raise MalformedInput(f"XML: expected elements at most {MAX_DEPTH} deep, got deeper ones.")
    return root


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _decoded(data: bytes) -> bytes:
    """``data`` in an encoding in which ASCII is ASCII, so that what is looked for before parsing is found."""
    if data[:2] in _UTF16:
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise _not_well_formed(f"no UTF-16, as its byte order mark says: {error.reason}") from error
        return re.sub(r"\A\s*<\?xml[^>]*\?>", "", text).encode("utf-8", "replace")
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.lstrip()[:1] != b"<" or b"\x00" in data[:512]:
        raise _not_well_formed(f"it begins with {clip(data[:16])}")
    declared = _DECLARATION.match(data)
    if declared is not None and declared[1].decode("ascii").lower() not in _ENCODINGS:
        raise MalformedInput(
            f"XML: expected UTF-8 or another known encoding, got {clip(declared[1].decode('ascii'))}.",
            todo="Save the file as UTF-8.",
        )
    return data


def _has_document_type() -> MalformedInput:
    return MalformedInput(
        "XML: expected no document type declaration (DOCTYPE), got one.",
        todo="Remove it: no document here needs it, and it can hide entities.",
    )


def _not_well_formed(why: str) -> MalformedInput:
    return MalformedInput(
        f"XML: expected a well-formed document, got one that is not ({clip(why, 200)}).",
        todo="Take the file from its source again: it is cut short, or no XML.",
    )


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
