"""One sheet of an Excel workbook (XLSX) as a table, read by openpyxl after the file has been looked through.

Rules:

- everything in the file is unpacked once before openpyxl sees it: more than its size can hold is a bomb, and XML with a
  document type is refused;
- a workbook of several sheets needs a mapping that names one; what stands beside the header's columns is left out;
- a number has the 15 digits that Excel computes with, a date has no time: each as the mapping spells them;
- formulas are not computed, nor is what was computed believed: a cell with one is a ``Computed``.
"""

from __future__ import annotations

import datetime
import io
import warnings
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any

import openpyxl

from tallystick.errors import MalformedInput
from tallystick.intake.archives import MAX_RATIO
from tallystick.intake.mapping import ColumnMapping
from tallystick.intake.tables import MAX_COLUMNS, Computed, Row, Table
from tallystick.protocol.types import clip

_MAX_ROWS = 1_048_576
"""All that a sheet has, whatever it says."""
_MAX_CELLS = 25_000_000
_MAX_UNPACKED = 512 * 1024 * 1024
_MAX_PARTS = 10_000
_PIECE = 1024 * 1024
_FREE = 16 * _PIECE
"""Bytes up to which the ratio does not matter: rows repeat themselves, and are packed well."""
_EXCEL_DIGITS = ".15g"


def open_sheet(data: bytes, name: str | None) -> Table:
    """The sheet ``name`` of the workbook ``data``, or the only one.

    Raises:
        MalformedInput: no workbook, a bomb, or no such sheet; also from ``rows``.
    """
    _look_through(data)
    book = _tried(lambda: openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False))
    names = [sheet.title for sheet in book.worksheets]
    if name is None and len(names) != 1:
        raise MalformedInput(
            f"workbook: expected one sheet, got {clip(names, 300)}.",
            todo="Name one: [values] sheet = ... in a mapping.",
        )
    chosen = names[0] if name is None else name
    if chosen not in names:
        raise MalformedInput(f"workbook: expected the sheet {chosen!r}, got {clip(names, 300)}.")
    sheet = book[chosen]
    first = next(_cells(sheet, MAX_COLUMNS), None)
    header = () if first is None else tuple(_text(cell, None) for cell in first[1])
    width = max((at for at, text in enumerate(header, start=1) if text), default=0)
    if not width:
        raise MalformedInput(f"workbook: expected a header in the first row of {chosen!r}, got none.")

    def rows(mapping: ColumnMapping) -> Iterator[Row]:
        for number, cells in _cells(sheet, width):
            texts = [_text(cell, mapping) for cell in cells]
            if number > 1 and any(texts):
                yield number, texts

    return Table(f"XLSX, sheet {chosen!r}", header[:width], rows)


def _look_through(data: bytes) -> None:
    """Unpack all of ``data``, a piece at a time. Raises ``MalformedInput`` where that can't be done, or must not be."""
    left = min(_MAX_UNPACKED, max(_FREE, MAX_RATIO * len(data)))
    archive: zipfile.ZipFile = _tried(lambda: zipfile.ZipFile(io.BytesIO(data)))
    if len(archive.infolist()) > _MAX_PARTS:
        raise MalformedInput(f"workbook: expected at most {_MAX_PARTS} parts, got more.", todo="Save it anew.")
    for info in archive.infolist():
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise MalformedInput(
                f"workbook: expected parts that are stored or deflated, {clip(info.filename)} is not.",
                todo="Save the workbook anew.",
            )
        opened: IO[bytes] = _tried(lambda info=info: archive.open(info))
        before = b""
        while piece := _tried(lambda opened=opened: opened.read(_PIECE)):
            left -= len(piece)
            if left < 0:
                raise MalformedInput(
                    "workbook: expected parts that fit its size, got a bomb: what is packed in it goes on and on.",
                    todo="Save it as CSV.",
                )
            seen = before + piece
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise MalformedInput(
                    f"workbook: expected XML without a document type, {clip(info.filename)} has one.",
                    todo="Save the workbook anew.",
                )
            before = piece[-len(b"<!DOCTYPE") :]


def _cells(sheet: Any, width: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    rows = iter(sheet.iter_rows(min_row=1, max_col=width))
    for number in range(1, _MAX_ROWS + 1):
        try:
            cells = next(rows, None)
        except Exception as error:  # as below
            raise _damaged(error) from error
        if cells is None:
            return
        if number * width > _MAX_CELLS:
            raise MalformedInput(f"workbook: expected at most {_MAX_CELLS} cells, got more.", todo="Save it as CSV.")
        yield number, cells


def _tried(read: Any) -> Any:
    try:
        with warnings.catch_warnings(action="ignore"):
            return read()
    except Exception as error:  # openpyxl raises whatever broken XML makes of its code
        raise _damaged(error) from error


def _damaged(error: Exception) -> MalformedInput:
    said = f"{type(error).__name__}: {str(error)[:120]}"
    return MalformedInput(
        f"workbook: expected one that can be read, got one that is damaged ({clip(said)}).",
        todo="Save the workbook anew.",
    )


def _text(cell: Any, mapping: ColumnMapping | None) -> str:
    """The text of ``cell``, with dates and numbers as ``mapping`` spells them."""
    value, kind = cell.value, cell.data_type
    if value is None:
        return ""
    if kind in ("f", "e"):
        return Computed(value if isinstance(value, str) else "={...}")
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        digits = format(value, "d") if isinstance(value, int) else format(Decimal(format(value, _EXCEL_DIGITS)), "f")
        return digits if mapping is None else digits.replace(".", mapping.decimal_mark)
    if isinstance(value, datetime.datetime):
        if mapping is None or value.time() != datetime.time():
            return value.isoformat(sep=" ")
        return value.strftime(mapping.date_format)
    return str(value)
