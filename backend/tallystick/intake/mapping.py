"""Column mappings: which column of a table holds what, and how its values are spelled.

Rules:

- a mapping is a small TOML file; ready-made ones stand in ``mappings/``, and one of them is chosen by the header;
- what a value means is said here and nowhere else: nothing is guessed from the values themselves;
- an encoding, a sheet and the supplier may be named; what is not named has to be plain from the file.

Example::

    [columns]
    customer = "Customer VAT"
    invoiceNumber = "Invoice"
    issueDate = "Date"
    dueDate = "Due"
    payableAmount = "Amount"

    [values]
    customerScheme = "VAT"
    supplier = "VAT:DE136695976"
    currency = "EUR"
    dateFormat = "%d.%m.%Y"
    decimalMark = ","
    thousandsMark = "."
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tallystick.errors import MalformedInput
from tallystick.protocol.fields import is_currency
from tallystick.protocol.types import clip

REQUIRED_COLUMNS = ("customer", "invoiceNumber", "issueDate", "payableAmount")
OPTIONAL_COLUMNS = (
    "dueDate",
    "currency",
    "customerName",
    "supplier",
    "orderNumber",
    "paymentReference",
    "disputed",
    "settledDate",
)
ENCODINGS: Mapping[str, str] = {"UTF-8": "utf-8", "GB18030": "gb18030", "Windows-1252": "cp1252"}
"""The encodings that are known, by the names that people use, and Python's."""
_VALUES = {
    "customerScheme": str,
    "supplier": str,
    "supplierScheme": str,
    "currency": str,
    "dateFormat": str,
    "decimalMark": str,
    "thousandsMark": str,
    "disputed": list,
    "encoding": str,
    "sheet": str,
}
_SOME_DAY = datetime.date(2026, 3, 31)
_SCHEME = re.compile(r"[A-Z0-9_]{1,20}\Z")


@dataclass(frozen=True)
class ColumnMapping:
    """Which column holds what, and how values are spelled. ``supplier`` is a (scheme, identifier) for all rows."""

    title: str
    columns: Mapping[str, str]
    customer_scheme: str
    supplier: tuple[str, str] | None
    supplier_scheme: str
    currency: str | None
    date_format: str
    decimal_mark: str
    thousands_mark: str
    disputed_values: frozenset[str]
    encoding: str | None
    sheet: str | None


def parse_mapping(data: bytes, name: str) -> ColumnMapping:
    """The mapping that the TOML text ``data`` holds; an error calls it ``name``.

    Raises:
        MalformedInput: not TOML, a required column missing, an unknown key, or a value that can't be; says which.
    """
    try:
        value = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedInput(f"mapping {name}: expected TOML ({error}).") from error
    columns, values = value.get("columns", {}), value.get("values", {})
    if not isinstance(columns, dict) or not isinstance(values, dict):
        raise MalformedInput(f"mapping {name}: expected [columns] and [values] to be tables.")
    known_columns = {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
    unknown = sorted({*value} - {"title", "columns", "values"} | {*columns} - known_columns | {*values} - {*_VALUES})
    if unknown:
        raise MalformedInput(
            f"mapping {name}: unknown key {unknown[0]!r}.",
            todo=f"Columns are {', '.join(sorted(known_columns))}; values are {', '.join(_VALUES)}.",
        )
    for column in (*REQUIRED_COLUMNS, *columns):
        if not isinstance(columns.get(column), str):
            raise MalformedInput(f"mapping {name}: expected [columns] {column} = the name of a column.")
    for key, kind in _VALUES.items():
        if key in values and not isinstance(values[key], kind):
            raise MalformedInput(f"mapping {name}: [values] {key}: expected {kind.__name__}, got {clip(values[key])}.")
    if "currency" not in columns and not is_currency(values.get("currency")):
        raise MalformedInput(f"mapping {name}: expected a currency column, or [values] currency = an ISO 4217 code.")
    return ColumnMapping(
        title=str(value.get("title", name)),
        columns=columns,
        customer_scheme=_one_of(name, values, "customerScheme", "ERP", _SCHEME, "a scheme such as VAT"),
        supplier=_supplier(name, values),
        supplier_scheme=_one_of(name, values, "supplierScheme", "ERP", _SCHEME, "a scheme such as VAT"),
        currency=values.get("currency"),
        date_format=_date_format(name, values),
        decimal_mark=_one_of(name, values, "decimalMark", ".", re.compile(r"[.,]\Z"), "a point or a comma"),
        thousands_mark=_thousands_mark(name, values),
        disputed_values=frozenset(map(str, values.get("disputed", ["yes", "true", "1"]))),
        encoding=_encoding(name, values),
        sheet=values.get("sheet"),
    )


def _one_of(name: str, values: Mapping[str, Any], key: str, default: str, form: re.Pattern[str], expected: str) -> str:
    value: str = values.get(key, default)
    if not form.match(value):
        raise MalformedInput(f"mapping {name}: [values] {key}: expected {expected}, got {clip(value)}.")
    return value


def _thousands_mark(name: str, values: Mapping[str, Any]) -> str:
    form = re.compile(r"[., '\u2019\u00a0\u202f]?\Z")
    mark = _one_of(name, values, "thousandsMark", "", form, "a point, comma, blank or apostrophe, or nothing")
    if mark and mark == values.get("decimalMark", "."):
        raise MalformedInput(
            f"mapping {name}: [values] thousandsMark: expected another than decimalMark, got {mark!r}."
        )
    return mark


def _date_format(name: str, values: Mapping[str, Any]) -> str:
    """A form by which a day is told and understood."""
    form: str = values.get("dateFormat", "%Y-%m-%d")
    try:
        understood = datetime.datetime.strptime(_SOME_DAY.strftime(form), form)  # noqa: DTZ007
    except (ValueError, re.error):
        understood = None
    if understood is None or understood.date() != _SOME_DAY:
        raise MalformedInput(
            f"mapping {name}: [values] dateFormat: expected day, month and year such as %d.%m.%Y, got {clip(form)}."
        )
    return form


def _encoding(name: str, values: Mapping[str, Any]) -> str | None:
    value = values.get("encoding")
    if value is not None and value not in ENCODINGS:
        raise MalformedInput(f"mapping {name}: [values] encoding: expected {', '.join(ENCODINGS)}, got {clip(value)}.")
    return value


def _supplier(name: str, values: Mapping[str, Any]) -> tuple[str, str] | None:
    if "supplier" not in values:
        return None
    scheme, colon, identifier = values["supplier"].partition(":")
    if not (colon and identifier and _SCHEME.match(scheme)):
        raise MalformedInput(
            f"mapping {name}: [values] supplier: expected SCHEME:identifier such as VAT:DE136695976, "
            f"got {clip(values['supplier'])}."
        )
    return scheme, identifier


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
        f"table header: no ready-made mapping fits {clip(list(header), 300)}.",
        todo=f"Write a mapping and give it as --mapping FILE (there are: {', '.join(mappings)}).",
    )
