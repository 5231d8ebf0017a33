"""Excel workbooks: values exactly as Excel means them, and what is not a value, or a bomb, is refused."""

from __future__ import annotations

import contextlib
import datetime
import io
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.tables import table_files as made
from tallystick.errors import MalformedInput
from tallystick.intake import xlsx
from tallystick.intake.mapping import parse_mapping
from tallystick.intake.readers import Options, read_file
from tallystick.intake.receivables import Receivable, read_receivables
from tallystick.intake.rows import ReadRows

SHEET = "xl/worksheets/sheet1.xml"
DAY, DUE = datetime.date(2026, 1, 2), datetime.datetime(2026, 2, 1)  # noqa: DTZ001 -- a cell has no zone
ROW = ("C1", "Größe GmbH", 611365, DAY, DUE, 1250.5, None, None)


def read(data: bytes, mapping: str = made.MAPPING) -> ReadRows[Receivable]:
    return read_receivables(data, parse_mapping(mapping.encode(), "m"), 100)


def bomb(data: bytes) -> bytes:
    """A sheet that goes on and on."""
    return data.replace(b"</sheetData>", b" " * 200_000_000 + b"</sheetData>")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04 no archive xl/workbook.xml", "damaged"),
        (made.workbook(ROW)[:-100], "damaged"),
        (made.workbook(ROW, sheets=2), r"expected one sheet, got \['Ledger', 'Other 1'\]"),
        (made.with_part(made.workbook(ROW), "xl/workbook.xml", lambda _: b"<workbook/>"), "expected one sheet|damaged"),
        (made.with_part(made.workbook(ROW), SHEET, lambda part: part[:200]), "damaged|header"),
        (made.with_part(made.workbook(ROW), SHEET, lambda part: b"<!DOCTYPE a>" + part), "sheet1.xml.* has one"),
        (made.with_part(made.workbook(ROW), "_rels/.x", lambda _: b" " * (1 << 20) + b"<!ENTITY"), "document type"),
        (made.with_part(made.workbook(ROW), SHEET, bomb), "goes on and on"),
        (made.workbook(edit=lambda sheet: sheet.delete_rows(1)), "a header in the first row"),
    ],
    ids=["no archive", "cut short", "two sheets", "no sheets", "cut XML", "DOCTYPE", "entity", "bomb", "empty"],
)
def test_what_is_no_workbook_of_one_plain_sheet_is_refused(data: bytes, says: str) -> None:
    """Each by its own sentence, before anything of it is believed."""
    with pytest.raises(MalformedInput, match=says):
        read(data)


def test_a_mapping_names_the_sheet_or_one_that_is_not_there() -> None:
    """Of several sheets it takes the named one."""
    data = made.workbook(ROW, sheets=3)
    assert len(read(data, made.MAPPING + 'sheet = "Ledger"').or_raise()) == 1
    with pytest.raises(MalformedInput, match="the sheet 'Books', got"):
        read(data, made.MAPPING + 'sheet = "Books"')


def test_a_part_packed_in_another_way_is_refused() -> None:
    """Excel deflates; what takes other memory to unpack is not tried."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
    with pytest.raises(MalformedInput, match=r"stored or deflated, 'xl/workbook.xml' is not"):
        read(out.getvalue())


def test_blank_rows_and_columns_are_cells_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell far out claims all that lies before it: a small file can't ask for more work than a large one."""
    monkeypatch.setattr(xlsx, "_MAX_CELLS", 1_000)
    far = made.workbook(ROW, edit=lambda sheet: sheet.cell(200, 1, "C2"))
    with pytest.raises(MalformedInput, match="at most 1000 cells"):
        read(far)


def test_too_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workbook has a few."""
    monkeypatch.setattr(xlsx, "_MAX_PARTS", 3)
    with pytest.raises(MalformedInput, match="at most 3 parts"):
        read(made.workbook(ROW))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (6, "=1000+250", "a value, not a formula"),
        (4, "=TODAY()", "a value, not a formula"),
        (1, "#N/A", "a value, not a formula or an error"),
        (4, DUE + datetime.timedelta(minutes=1), "%d.%m.%Y"),
        (4, "2026-01-02", "%d.%m.%Y"),
        (4, 46024, "%d.%m.%Y"),
        (6, -5, "without sign"),
        (6, 1e300, "without sign"),
        (6, "1250.50", "1.250,00"),
        (6, True, "1.250,00"),
    ],
)
def test_a_cell_that_is_no_plain_value_rejects_its_row(column: int, value: object, expected: str) -> None:
    """Formulas and errors are not looked into; a number without the form of a date is none; a text stays a text."""

    def change(sheet: object) -> None:
        sheet.cell(3, column, value).number_format = "yyyy" if column == 4 and value != 46024 else "General"  # type: ignore[attr-defined]

    result = read(made.workbook(ROW, (*ROW[:2], "2", *ROW[3:]), (*ROW[:2], "3", *ROW[3:]), edit=change))
    (rejected,) = result.rejected
    assert (rejected.error.row, rejected.error.column) == (3, made.HEADER[column - 1])
    assert expected in rejected.error.expected
    assert len(result.good) == 2


def test_a_formula_beside_what_is_mapped_does_not_matter() -> None:
    """Nothing is taken from it."""
    mapping = made.MAPPING.replace('customerName = "Name"', "")
    assert len(read(made.workbook((*ROW[:1], "=A2&A2", *ROW[2:])), mapping).or_raise()) == 1


def test_a_workbook_reads_like_the_csv_it_would_be_saved_as() -> None:
    """Numbers, dates with and without time, blank rows, and columns without a header."""

    def change(sheet: object) -> None:
        sheet.insert_rows(2)  # type: ignore[attr-defined]

    book = read(made.workbook(ROW, edit=change))
    assert [line.row for line in book.or_raise()] == [3]
    text = read_receivables(
        made.csv_text((), made.row(Amount="1.250,5")).encode(), parse_mapping(made.MAPPING.encode(), "m"), 100
    )
    assert book.good == text.or_raise()
    assert book.read_as == "XLSX, sheet 'Ledger'"


def test_a_workbook_is_known_by_its_bytes() -> None:
    """It is an archive, and yet a document."""
    read = read_file("anything", made.workbook(ROW), Options(made.MAPPING.encode()))
    assert (read.kind, len(read.items)) == ("XLSX", 1)


@given(st.decimals(0, 10**12, places=2, allow_nan=False))
@settings(max_examples=40)
def test_an_amount_in_a_cell_is_exact(value: Decimal) -> None:
    """Up to the 15 digits that Excel computes with, a double spells one amount."""
    (line,) = read(made.workbook((*ROW[:5], float(value), None, None))).or_raise()
    assert Decimal(line.amount) == value


@given(st.data())
@settings(max_examples=60)
def test_damage_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """Any bytes replaced in any part of a workbook."""
    good = made.workbook(ROW)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        name = data.draw(st.sampled_from(archive.namelist()))
        part = archive.read(name)
    at = data.draw(st.integers(0, len(part)))
    cut = data.draw(st.integers(0, 40))
    put = data.draw(st.binary(max_size=20) | st.sampled_from([b"<", b'"', b"<row r='99999999'>", b"9" * 30, b"t='e'"]))
    with contextlib.suppress(MalformedInput):
        read(made.with_part(good, name, lambda _: part[:at] + put + part[at + cut :]))
