"""Rows of a table, read through a mapping: each value as it must be, or why the row is rejected.

Rules:

- a row is good or rejected as a whole, by its first value that can't be read; what is rejected keeps its cells;
- amounts are decimals without sign, dates are exactly of the mapping's form; a formula is no value;
- an identifier of a scheme with check digits has to hold.
"""

from __future__ import annotations

import csv
import datetime
import functools
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tallystick.errors import MalformedInput, MalformedRow
from tallystick.intake.identifiers import normalise
from tallystick.intake.mapping import ColumnMapping, choose_mapping
from tallystick.intake.tables import Computed, Table, open_table
from tallystick.protocol.fields import is_amount, is_currency
from tallystick.protocol.types import clip

REPORT = ("rejected row", "rejected column", "expected", "got", "todo")
"""The columns that a report of rejected rows has before those of the file."""
_TODO = "Correct the row, and import it again."
_CHECKED = frozenset({"LEI", "USCC", "VAT", "DUNS", "GLN"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cells:
    """The values of one row that a mapping has a column for, by the mapping's names."""

    row: int
    values: Mapping[str, str]
    mapping: ColumnMapping

    def error(self, field: str, expected: str) -> MalformedRow:
        """Why the value of ``field`` is not one that was ``expected``."""
        return MalformedRow(
            expected, clip(self.values[field]), row=self.row, column=self.mapping.columns[field], todo=_TODO
        )

    def text(self, field: str) -> str:
        """The text of ``field``, empty where there is no column or no text."""
        value = self.values.get(field, "")
        if isinstance(value, Computed):
            raise self.error(field, "a value, not a formula or an error of the sheet")
        return value

    def name(self, field: str) -> str:
        """The text of ``field`` that names something: printable ASCII without blanks."""
        value = self.text(field)
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise self.error(field, "an identifier of printable ASCII characters without blanks")
        return value

    def identifier(self, field: str, scheme: str) -> tuple[str, str]:
        """The identifier of a party in ``field``, whose check digits hold where ``scheme`` has any."""
        value = self.name(field)
        if scheme not in _CHECKED:
            return scheme, value
        found = normalise(scheme, value)
        if found is None:
            raise self.error(field, f"an identifier of the scheme {scheme} that holds")
        return found

    def date(self, field: str) -> datetime.date:
        """The date in ``field``."""
        day = _day(self.text(field), self.mapping.date_format)
        if day is None:
            raise self.error(field, f"a date of the form {self.mapping.date_format}")
        return day

    def amount(self, field: str) -> str:
        """The amount in ``field``, as evidence spells it."""
        mapping = self.mapping
        made = _plain(self.text(field), mapping.decimal_mark, mapping.thousands_mark)
        if made is None:
            example = f"1{mapping.thousands_mark}250{mapping.decimal_mark}00"
            raise self.error(field, f"an amount such as {example}, without sign or other separators")
        return made

    def currency(self) -> str:
        """The currency of the row, else that of the mapping."""
        value = self.text("currency") or self.mapping.currency or ""
        if is_currency(value):
            return value
        if "currency" in self.values:
            raise self.error("currency", "an ISO 4217 code")
        raise AssertionError("a mapping has a currency, or a column of it")


@functools.lru_cache(maxsize=4096)
def _day(text: str, form: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text, form).date()  # noqa: DTZ007
    except (ValueError, re.error):
        return None


def _plain(text: str, decimal_mark: str, thousands_mark: str) -> str | None:
    """The number ``text`` with a point, or None where it is none: groups have three digits or are not there."""
    whole, mark, fraction = text.partition(decimal_mark)
    if thousands_mark and thousands_mark in whole:
        first, *groups = whole.split(thousands_mark)
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
            return None
        whole = first + "".join(groups)
    made = f"{whole}.{fraction}" if mark else whole
    return made if is_amount(made) else None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that can't be read: why, and its cells."""

    error: MalformedRow
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadRows(Generic[T]):
    """What a table holds: ``good`` rows and ``rejected`` ones; ``read_as`` says how the bytes were read."""

    mapping: ColumnMapping
    read_as: str
    header: tuple[str, ...]
    good: tuple[T, ...]
    rejected: tuple[Rejected, ...]

    def or_raise(self) -> tuple[T, ...]:
        """The good rows, where all are. Raises ``MalformedRow``, the first one rejected."""
        if self.rejected:
            raise self.rejected[0].error
        return self.good


def read_rows(
    data: bytes,
    mapping: ColumnMapping | None,
    max_rows: int,
    read: Callable[[Cells], T],
    key: Callable[[T], object],
    key_field: str = "invoiceNumber",
) -> ReadRows[T]:
    """What ``read`` makes of each row of the table ``data``, through ``mapping`` or the ready-made one that fits.

    A row with the same ``key`` as an earlier one is rejected by its ``key_field``.

    Raises:
        MalformedInput: no table, a missing column, or more than ``max_rows`` rows.
        MalformedRow: a line that ends the reading, because it is no line of CSV.
    """
    table = open_table(data, mapping)
    chosen = choose_mapping(table.header) if mapping is None else mapping
    good: list[T] = []
    rejected: list[Rejected] = []
    seen: dict[object, int] = {}
    for count, (cells, raw) in enumerate(_cells(table, chosen)):
        if count >= max_rows:
            raise MalformedInput(f"table: expected at most {max_rows} rows, got more.", todo="Split the file.")
        if isinstance(cells, MalformedRow):
            rejected.append(Rejected(cells, tuple(raw)))
            continue
        try:
            made = read(cells)
            first = seen.setdefault(key(made), cells.row)
            if first != cells.row:
                raise cells.error(key_field, f"each number once, row {first} has it too")
        except MalformedRow as error:
            rejected.append(Rejected(error, tuple(raw)))
        else:
            good.append(made)
    return ReadRows(chosen, table.read_as, table.header, tuple(good), tuple(rejected))


def _cells(table: Table, mapping: ColumnMapping) -> Iterator[tuple[Cells | MalformedRow, Sequence[str]]]:
    for column in mapping.columns.values():
        if table.header.count(column) != 1:
            raise MalformedInput(
                f"table header: expected the column {column!r} once, got {clip(list(table.header), 300)}.",
                todo="Check the mapping's [columns].",
            )
    places = [(field, table.header.index(column)) for field, column in mapping.columns.items()]
    width = len(table.header)
    for row, cells in table.rows(mapping):
        if len(cells) != width:
            yield MalformedRow(f"{width} columns", str(len(cells)), row=row, column="(line)", todo=_TODO), cells
            continue
        values = {field: cell if isinstance(cell := cells[at], Computed) else cell.strip() for field, at in places}
        yield Cells(row, values, mapping), cells


def rejected_csv(header: Sequence[str], rejected: Iterable[Rejected]) -> bytes:
    """The ``rejected`` rows as CSV in UTF-8 for people and spreadsheets: why, then the columns of the file.

    Corrected in place, it can be imported with the same mapping: what it says itself is no column of that. Where the
    file is such a report, the new reasons take the place of the old.
    """
    start = len(REPORT) if tuple(header[: len(REPORT)]) == REPORT else 0
    width = len(header)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*REPORT, *header[start:]])
    for each in rejected:
        error = each.error
        cells = [*each.cells, *[""] * (width - len(each.cells))][start:]
        writer.writerow([error.row, error.column, error.expected, error.got, error.todo, *cells])
    return out.getvalue().encode("utf-8-sig")
