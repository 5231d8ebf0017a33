"""Tables as the tests write them: a header, rows, and a mapping that fits."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

import openpyxl

SELLER_VAT = "DE136695976"
MAPPING = f"""
[columns]
customer = "Customer"
customerName = "Name"
invoiceNumber = "Invoice"
issueDate = "Date"
dueDate = "Due"
payableAmount = "Amount"
disputed = "Disputed"
settledDate = "Paid"

[values]
supplier = "VAT:{SELLER_VAT}"
currency = "EUR"
dateFormat = "%d.%m.%Y"
decimalMark = ","
thousandsMark = "."
"""
HEADER = ("Customer", "Name", "Invoice", "Date", "Due", "Amount", "Disputed", "Paid")
ROW = ("C1", "Größe GmbH", "611365", "02.01.2026", "01.02.2026", "1.250,50", "", "")


def csv_text(*rows: Iterable[str], separator: str = ";") -> str:
    """The rows beneath the header."""
    return "".join(separator.join(row) + "\r\n" for row in (HEADER, *rows))


def row(**changed: str) -> tuple[str, ...]:
    """The row with the values ``changed``, by column."""
    return tuple(changed.get(column, value) for column, value in zip(HEADER, ROW, strict=True))


def workbook(*rows: Iterable[Any], sheets: int = 1, edit: Callable[[Any], None] = lambda _: None) -> bytes:
    """A workbook with the rows beneath the header in its first sheet; ``edit`` changes that sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Ledger"
    for each in (HEADER, *rows):
        sheet.append(list(each))
    edit(sheet)
    for number in range(1, sheets):
        book.create_sheet(f"Other {number}")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_part(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The ZIP file ``data`` with the part ``name`` changed, or added where there is none."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            part = old.read(info)
            new.writestr(info.filename, change(part) if info.filename == name else part)
        if name not in old.namelist():
            new.writestr(name, change(b""))
    return out.getvalue()
