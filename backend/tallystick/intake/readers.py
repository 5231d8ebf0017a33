"""Files of trade documents: what kind a file is, and what it holds as ``documents``.

Rules:

- the kind is told by the bytes, never by the name: PDF and XLSX by theirs, XML by its root element, CSV by a first line
  of several columns;
- a new format is a line in ``XML_FORMATS`` (by root element) or ``FILE_FORMATS`` (by bytes), and nothing else;
- what a reader yields is a document, or the error that says why one of them is none: a table has many in one file. A
  file that can't be read at all raises.

Example: ``read_file("invoice.xml", data).items``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from lxml import etree

from tallystick.errors import MalformedInput
from tallystick.intake.chinese import is_chinese, read_chinese
from tallystick.intake.cii import is_cii, read_cii
from tallystick.intake.documents import Document, Source
from tallystick.intake.invoice_rows import read_invoice_rows
from tallystick.intake.pdf import embedded_xml, is_pdf
from tallystick.intake.rows import rejected_csv
from tallystick.intake.tables import is_workbook, looks_like_csv
from tallystick.intake.ubl.reader import read_ubl
from tallystick.intake.ubl.values import is_ubl
from tallystick.intake.xml import local_name, looks_like_xml, namespace, read_xml
from tallystick.protocol.types import clip

Item: TypeAlias = Document | MalformedInput
"""A document, or why there is none where one should be."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says about the files of a call: ``mapping`` is the TOML text of a column mapping for tables."""

    mapping: bytes | None = None


@dataclass(frozen=True, slots=True)
class XmlFormat:
    """A format whose root element ``is_root`` recognises by (namespace, local name)."""

    kind: str
    is_root: Callable[[str, str], bool]
    read: Callable[[etree._Element], Iterable[Item]]


@dataclass(frozen=True, slots=True)
class RowsRead:
    """How a table was read: ``read_as`` names encoding and separator, or the sheet, and ``mapping`` the mapping.

    ``rejected`` is the report on its ``rejected_count`` rows that can't be read, as CSV; empty where all can.
    """

    read_as: str
    mapping: str
    rejected_count: int
    rejected: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a file: its documents, and how it was read where it is a table."""

    items: tuple[Item, ...]
    rows: RowsRead | None = None


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format that is recognised by the bytes of a file."""

    kind: str
    media_type: str
    is_it: Callable[[bytes], bool]
    read: Callable[[bytes, Options], Contents]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file holds; ``again`` gives its bytes once more, and ``options`` are those it was read with."""

    source: Source
    kind: str
    items: tuple[Item, ...]
    again: Callable[[], bytes]
    rows: RowsRead | None = None
    options: Options = Options()

    def kept_by(self, again: Callable[[], bytes]) -> Reading:
        """The same, whose bytes ``again`` gives."""
        return replace(self, again=again)


XML_FORMATS: tuple[XmlFormat, ...] = (
    XmlFormat("UBL", is_ubl, read_ubl),
    XmlFormat("CII (Factur-X, ZUGFeRD, Order-X)", is_cii, read_cii),
    XmlFormat("Chinese e-invoice (数电票)", is_chinese, read_chinese),
)


def _read_pdf(data: bytes, _: Options) -> Contents:
    return Contents(_read_xml(embedded_xml(data))[1])


def _read_table(data: bytes, options: Options) -> Contents:
    read = read_invoice_rows(data, options.mapping)
    report = rejected_csv(read.header, read.rejected) if read.rejected else b""
    rows = RowsRead(read.read_as, read.mapping.title, len(read.rejected), report)
    return Contents((*read.good, *(each.error for each in read.rejected)), rows)


FILE_FORMATS: tuple[FileFormat, ...] = (
    FileFormat("PDF with embedded XML", "application/pdf", is_pdf, _read_pdf),
    FileFormat("XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", is_workbook, _read_table),
    FileFormat("CSV", "text/csv", looks_like_csv, _read_table),
)


def read_file(name: str, data: bytes, options: Options | None = None) -> Reading:
    """What the file ``name`` that holds ``data`` says.

    Raises:
        MalformedInput: of no known kind, or not of the form of its kind; a ``MalformedDocument`` names the element.
    """
    for file_format in FILE_FORMATS:
        if file_format.is_it(data):
            chosen = options or Options()
            found = file_format.read(data, chosen)
            source = Source.of(name, file_format.media_type, data)
            return Reading(source, file_format.kind, found.items, lambda: data, found.rows, chosen)
    if not looks_like_xml(data):
        raise MalformedInput(
            f"expected a trade document, got a file that begins with {clip(data[:16])}.",
            todo=f"Known are {', '.join(kinds())}.",
        )
    kind, items = _read_xml(data)
    return Reading(Source.of(name, "application/xml", data), kind, items, lambda: data)


def _read_xml(data: bytes) -> tuple[str, tuple[Item, ...]]:
    """The kind of the XML document ``data``, and what it says."""
    root = read_xml(data)
    space, local = namespace(root), local_name(root)
    for xml_format in XML_FORMATS:
        if xml_format.is_root(space, local):
            return xml_format.kind, tuple(xml_format.read(root))
    is_bank = space.startswith("urn:iso:std:iso:20022")
    raise MalformedInput(
        f"{clip(local)}: expected the root element of a trade document, got one of namespace {clip(space)}.",
        todo="Import it with `tallystick bank`." if is_bank else f"Known are {', '.join(kinds())}.",
    )


def is_document(data: bytes) -> bool:
    """Whether ``data`` is of a format that is known by its bytes: some of those are archives, too."""
    return any(each.is_it(data) for each in FILE_FORMATS)


def kinds() -> list[str]:
    """The kinds of files that can be read."""
    return [each.kind for each in XML_FORMATS] + [each.kind for each in FILE_FORMATS]
