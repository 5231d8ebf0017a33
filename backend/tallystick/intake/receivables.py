"""Accounts receivable from CSV: one line an invoice, read through a column mapping.

Rules:

- the whole file is read and checked before anything is recorded; the first bad value is an error that names its row
  and column (rows count from 1, the header being row 1);
- amounts are read as decimals, dates by the mapping's format; nothing is guessed;
- a mapping is a small TOML file; ready-made ones stand in ``mappings/``, and one of them is chosen by the header.
"""

from __future__ import annotations

import csv
import datetime
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tallystick.errors import MalformedInput, MalformedRow
from tallystick.protocol.fields import is_amount
from tallystick.protocol.types import clip

REQUIRED_COLUMNS = ("customer", "invoiceNumber", "issueDate", "dueDate", "payableAmount")
OPTIONAL_COLUMNS = ("disputed", "settledDate", "currency")
_VALUES = {"customerScheme": str, "currency": str, "dateFormat": str, "disputed": list}


@dataclass(frozen=True, slots=True)
class Receivable:
    """One invoice of the ledger; ``settled`` is the day it was paid in full, ``row`` its line in the file."""

    row: int
    customer: str
    invoice_number: str
    issue_date: datetime.date
    due_date: datetime.date
    amount: str
    currency: str
    disputed: bool
    settled: datetime.date | None


@dataclass(frozen=True)
class ColumnMapping:
    """Which column holds what, and how values are spelled."""

    title: str
    columns: Mapping[str, str]
    customer_scheme: str
    currency: str | None
    date_format: str
    disputed_values: frozenset[str]


def parse_mapping(data: bytes, name: str) -> ColumnMapping:
    """The mapping that the TOML text ``data`` holds; an error calls it ``name``.

    Raises:
        MalformedInput: not TOML, a required column missing, or an unknown key; says which.
    """
    try:
        value = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MalformedInput(f"mapping {name}: expected TOML ({error}).") from error
    columns, values = value.get("columns", {}), value.get("values", {})
    known_columns = {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
    unknown = sorted({*value} - {"title", "columns", "values"} | {*columns} - known_columns | {*values} - {*_VALUES})
    if unknown:
        raise MalformedInput(
            f"mapping {name}: unknown key {unknown[0]!r}.",
            todo=f"Columns are {', '.join(sorted(known_columns))}; values are {', '.join(_VALUES)}.",
        )
    for column in REQUIRED_COLUMNS:
        if not isinstance(columns.get(column), str):
            raise MalformedInput(f"mapping {name}: expected [columns] {column} = the name of a column.")
    for key, kind in _VALUES.items():
        if key in values and not isinstance(values[key], kind):
            raise MalformedInput(f"mapping {name}: [values] {key}: expected {kind.__name__}, got {clip(values[key])}.")
    if "currency" not in columns and "currency" not in values:
        raise MalformedInput(f"mapping {name}: expected a currency column, or [values] currency = an ISO 4217 code.")
    return ColumnMapping(
        title=str(value.get("title", name)),
        columns=columns,
        customer_scheme=values.get("customerScheme", "ERP"),
        currency=values.get("currency"),
        date_format=values.get("dateFormat", "%Y-%m-%d"),
        disputed_values=frozenset(map(str, values.get("disputed", ["yes", "true", "1"]))),
    )


def ready_made() -> dict[str, ColumnMapping]:
    """The mappings that come with the package, by name."""
    folder = resources.files(__package__).joinpath("mappings")
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)
    return {item.name.removesuffix(".toml"): parse_mapping(item.read_bytes(), item.name) for item in files}


def choose_mapping(header: Sequence[str]) -> ColumnMapping:
    """The ready-made mapping whose columns all stand in ``header``. Raises ``MalformedInput`` where none does."""
    mappings = ready_made()
    for mapping in mappings.values():
        if set(mapping.columns.values()) <= set(header):
            return mapping
    raise MalformedInput(
        f"CSV header: no ready-made mapping fits {clip(list(header), 300)}.",
        todo=f"Write a mapping and give it as --mapping FILE (there are: {', '.join(mappings)}).",
    )


def read_receivables(
    data: bytes, mapping: ColumnMapping | None, max_rows: int
) -> tuple[ColumnMapping, list[Receivable]]:
    """The invoices of the CSV text ``data`` (UTF-8), through ``mapping`` or the ready-made one that fits the header.

    Raises:
        MalformedInput: no UTF-8, no header, a missing column, or more than ``max_rows`` rows.
        MalformedRow: a value that can't be read, or an invoice number that stands twice.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedInput(
            f"CSV: expected UTF-8, byte {error.start} is not ({error.reason}).", todo="Save the file as UTF-8."
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise MalformedInput("CSV: expected a header line, got an empty file.")
        chosen = choose_mapping(header) if mapping is None else mapping
        for column in chosen.columns.values():
            if header.count(column) != 1:
                raise MalformedInput(
                    f"CSV header: expected the column {column!r} once, got {clip(header, 300)}.",
                    todo="Check the mapping's [columns].",
                )
        rows = list(_rows(reader, header, chosen, max_rows))
    except csv.Error as error:
        raise MalformedRow(f"not CSV ({error}).", row=reader.line_num, column="(line)") from error
    seen: dict[str, int] = {}
    for item in rows:
        if item.invoice_number in seen:
            raise MalformedRow(
                f"expected each invoice number once, row {seen[item.invoice_number]} has {item.invoice_number} too.",
                row=item.row,
                column=chosen.columns["invoiceNumber"],
            )
        seen[item.invoice_number] = item.row
    return chosen, rows


def _rows(reader: Any, header: Sequence[str], mapping: ColumnMapping, max_rows: int) -> Iterator[Receivable]:
    places = {field: header.index(column) for field, column in mapping.columns.items()}
    for count, cells in enumerate(reader):
        row = count + 2
        if count >= max_rows:
            raise MalformedInput(f"CSV: expected at most {max_rows} rows, got more.", todo="Split the file.")
        if not cells:
            continue
        if len(cells) != len(header):
            raise MalformedRow(f"expected {len(header)} columns, got {len(cells)}.", row=row, column="(line)")
        yield _read_row(_Row(row, {field: cells[place].strip() for field, place in places.items()}, mapping))


@dataclass(frozen=True, slots=True)
class _Row:
    row: int
    cells: Mapping[str, str]
    mapping: ColumnMapping

    def error(self, field: str, expected: str) -> MalformedRow:
        return MalformedRow(
            f"expected {expected}, got {clip(self.cells[field])}.",
            row=self.row,
            column=self.mapping.columns[field],
            todo="Correct the row; nothing of the file was recorded.",
        )

    def date(self, field: str) -> datetime.date:
        try:
            return datetime.datetime.strptime(self.cells[field], self.mapping.date_format).date()  # noqa: DTZ007
        except ValueError as error:
            raise self.error(field, f"a date of the form {self.mapping.date_format}") from error


def _read_row(row: _Row) -> Receivable:
    cells, mapping = row.cells, row.mapping
    for field in ("customer", "invoiceNumber"):
        if not cells[field].isascii() or not cells[field].isprintable() or " " in cells[field] or not cells[field]:
            raise row.error(field, "an identifier of printable ASCII characters without blanks")
    if not is_amount(cells["payableAmount"]):
        raise row.error("payableAmount", "an amount such as 1250.00, without sign or thousands separators")
    issued, due = row.date("issueDate"), row.date("dueDate")
    if due < issued:
        raise row.error("dueDate", f"a date on or after the invoice date {issued}")
    settled = row.date("settledDate") if cells.get("settledDate") else None
    currency = cells.get("currency") or mapping.currency or ""
    if len(currency) != 3 or not (currency.isascii() and currency.isupper()):
        raise row.error("currency", "an ISO 4217 code")
    return Receivable(
        row=row.row,
        customer=cells["customer"],
        invoice_number=cells["invoiceNumber"],
        issue_date=issued,
        due_date=due,
        amount=cells["payableAmount"],
        currency=currency,
        disputed=cells.get("disputed", "") in mapping.disputed_values,
        settled=settled,
    )
