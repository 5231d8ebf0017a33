"""Tables of strangers, CSV or XLSX: the header and the rows as text, whatever program wrote them.

Rules:

- a byte order mark says the encoding, else a mapping does, else it is found by trial: UTF-8 where all of it is; GB18030
  where at least half of what is not ASCII are common Chinese characters; else Windows-1252. What was found is told;
- the separator (comma, semicolon, tabulator) is the one that divides the header into most columns;
- row 1 is the header; a row keeps its number, blank ones are left out;
- every cell is text. A formula is a ``Computed``: what it would come to is not looked at.

Example: ``open_table(data, None).header``.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tallystick.errors import MalformedInput, MalformedRow
from tallystick.intake.archives import is_zip
from tallystick.intake.mapping import ENCODINGS, ColumnMapping

MAX_BYTES = 256 * 1024 * 1024
MAX_COLUMNS = 1_000
_MAX_SEPARATORS = 100_000
"""In one row, those within quoted cells too."""
_SEPARATORS = (",", ";", "\t")
_COMMON_LEADS = range(0xA1, 0xD8)
"""First bytes of punctuation and of the 3,755 most common characters (GB 2312, rows 1 to 9 and level 1)."""
_SHARE = 0.5
_HEADER_LETTERS = 1_000_000


class Computed(str):
    """The text of a cell that holds no value of its own, but a formula or an error."""

    __slots__ = ()


Row: TypeAlias = tuple[int, Sequence[str]]
"""The number of a row, and its cells."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: ``read_as`` is how its bytes were read; ``rows`` yields them as ``mapping`` spells dates and numbers."""

    read_as: str
    header: tuple[str, ...]
    rows: Callable[[ColumnMapping], Iterator[Row]]


def open_table(data: bytes, mapping: ColumnMapping | None) -> Table:
    """The table that ``data`` holds.

    Raises:
        MalformedInput: neither CSV nor XLSX, too large, in no known encoding, or without a header; also from ``rows``.
    """
    if len(data) > MAX_BYTES:
        raise MalformedInput(f"table: expected at most {MAX_BYTES} bytes, got {len(data)}.", todo="Split the file.")
    if is_zip(data):
        from tallystick.intake.xlsx import open_sheet

        return open_sheet(data, None if mapping is None else mapping.sheet)
    return _open_csv(data, None if mapping is None else mapping.encoding)


def looks_like_csv(data: bytes) -> bool:
    """Whether ``data`` begins with a line of text that has several columns."""
    line = data[:4096].removeprefix(codecs.BOM_UTF8).splitlines()[:1]
    if not line or line[0].lstrip()[:1] in (b"", b"<", b"{", b"[", b"%"):
        return False
    return any(each.encode() in line[0] for each in _SEPARATORS) and not any(c < 32 and c != 9 for c in line[0])


def is_workbook(data: bytes) -> bool:
    """Whether the ZIP file ``data`` names a workbook in its directory, which is at its end."""
    return data[:4] == b"PK\x03\x04" and b"xl/workbook.xml" in data[-(1 << 20) :]


def _open_csv(data: bytes, encoding: str | None) -> Table:
    text, name = decode(data, encoding)
    separator = max(_SEPARATORS, key=lambda each: _columns(_first_row(text, each)))
    header = _first_row(text, separator)
    if not header:
        raise MalformedInput("table: expected a header line, got an empty file.")
    if len(header) > MAX_COLUMNS:
        raise MalformedInput(f"table: expected at most {MAX_COLUMNS} columns, got {len(header)}.")
    told = {",": "comma", ";": "semicolon", "\t": "tabulator"}[separator]

    def rows(_: ColumnMapping) -> Iterator[Row]:
        lines = _Lines(text, separator)
        reader = csv.reader(lines, delimiter=separator, strict=True)
        try:
            next(reader)
            for number, cells in enumerate(reader, start=2):
                lines.separators = 0
                if any(cells):
                    yield number, cells
        except csv.Error as error:
            raise MalformedRow("a line of CSV", str(error), row=lines.number, column="(line)") from error

    return Table(f"{name}, {told}", tuple(header), rows)


class _Lines:
    """The lines of a CSV text, for as long as no row goes on and on: its cells would fill the memory."""

    def __init__(self, text: str, separator: str) -> None:
        self.number = 0
        self.separators = 0
        """Those of the row at hand, quoted ones too."""
        self._lines = io.StringIO(text, newline="")
        self._separator = separator

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.separators += line.count(self._separator)
        if self.separators > _MAX_SEPARATORS:
            raise csv.Error(f"more than {_MAX_SEPARATORS} separators in one row")
        return line


def _columns(header: Sequence[str]) -> tuple[bool, int]:
    """How well a separator divides the header: a quotation mark is left where it cuts through a quoted name."""
    return not any('"' in name for name in header), len(header)


def _first_row(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text[:_HEADER_LETTERS], newline=""), delimiter=separator, strict=True), [])
    except csv.Error:
        return []


def decode(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text of ``data``, and the name of the ``encoding`` that it is in.

    Raises:
        MalformedInput: not of the encoding that is named, or of none of those that are known.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _strictly(data, "UTF-16", "utf-16"), "UTF-16"
    if data.startswith(codecs.BOM_UTF8):
        return _strictly(data, "UTF-8", "utf-8-sig"), "UTF-8"
    if encoding is not None:
        return _strictly(data, encoding, ENCODINGS[encoding]), encoding
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        name = "GB18030" if _is_chinese(data) else "Windows-1252"
        return _strictly(data, name, ENCODINGS[name]), name


def _is_chinese(data: bytes) -> bool:
    """Whether at least half of the characters of ``data`` beyond ASCII are common Chinese ones, read as GB18030.

    Western letters stand apart, or, where two meet, mostly have lead bytes of rare characters.
    """
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    other = [letter for letter in text if letter > "\x7f"]
    common = sum(1 for letter in other if _is_common(letter))
    return common >= _SHARE * len(other)


def _is_common(letter: str) -> bool:
    try:
        spelled = letter.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return spelled[0] in _COMMON_LEADS


def _strictly(data: bytes, name: str, codec: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise MalformedInput(
            f"table: expected {name}, byte {error.start} is not ({error.reason}).",
            todo=f"Save the file as UTF-8, or name its encoding in the mapping ({', '.join(ENCODINGS)}).",
        ) from error
