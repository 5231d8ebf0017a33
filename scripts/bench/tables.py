"""How long a table of 100,000 invoices takes from bytes to checked rows, beside the bare reader of its format.

Reads made-up CSV as a ledger and as documents, and the same as XLSX; ``csv.reader`` and openpyxl alone read the same
bytes in the same run, and the ratio says what decoding, mapping, checking and bounds cost. Example::

    python scripts/bench/tables.py --rows 100000

With ``--record`` the CSV is imported too, as documents: each row is signed, checked and kept, in a home of its own.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import openpyxl

from tallystick import bootstrap
from tallystick.config import Home
from tallystick.intake.mapping import parse_mapping
from tallystick.intake.readers import Options, read_file
from tallystick.intake.receivables import read_receivables
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import import_documents
from tallystick.service.documents.outcomes import Status
from tallystick.service.parties import NewParty, add_parties, parse_identifier

MAPPING = b"""
[columns]
customer = "Kunde"
customerName = "Name"
invoiceNumber = "Rechnung"
issueDate = "Datum"
dueDate = "Zahlbar bis"
payableAmount = "Betrag"
settledDate = "Bezahlt"

[values]
supplier = "VAT:DE136695976"
currency = "EUR"
dateFormat = "%d.%m.%Y"
decimalMark = ","
thousandsMark = "."
"""
TARGET_SECONDS = 60.0


def made_up(rows: int) -> list[list[str]]:
    """A ledger as an ERP system in Germany writes it, with its header."""
    made = [["Kunde", "Name", "Rechnung", "Datum", "Zahlbar bis", "Betrag", "Bezahlt"]]
    for at in range(rows):
        day, amount = at % 28 + 1, f"{at % 9000 + 1000:,}".replace(",", ".") + f",{at % 100:02}"
        customer = f"K{at % 500:04}"
        paid = f"{day:02}.04.2026" if at % 3 else ""
        made.append(
            [
                customer,
                f"Müller & Söhne {customer}",
                f"R{at:08}",
                f"{day:02}.01.2026",
                f"{day:02}.03.2026",
                amount,
                paid,
            ]
        )
    return made


def as_csv(rows: list[list[str]]) -> bytes:
    """The rows as CSV in Windows-1252."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows(rows)
    return out.getvalue().encode("cp1252")


def as_workbook(rows: list[list[str]]) -> bytes:
    """The rows as a workbook of texts."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Offene Posten")
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def bare_csv(data: bytes) -> int:
    """The rows that ``csv.reader`` alone finds."""
    return sum(1 for _ in csv.reader(io.StringIO(data.decode("cp1252"), newline=""), delimiter=";"))


def bare_workbook(data: bytes) -> int:
    """The rows that openpyxl alone finds."""
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    return sum(1 for _ in book.active.iter_rows(values_only=True))


def timed(work: Callable[[], int], expected: int) -> float:
    """The seconds of processor time that ``work`` takes to find the ``expected`` number of rows."""
    started = time.process_time()
    found = work()
    taken = time.process_time() - started
    if found != expected:
        raise SystemExit(f"expected {expected} rows, got {found}")
    return taken


def main() -> None:
    """Print a line for each way to read the rows."""
    parser = argparse.ArgumentParser(description="Time tables from bytes to checked rows, beside the bare readers.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--record", action="store_true", help="also import the CSV into a home of its own")
    options = parser.parse_args()
    count = options.rows
    rows = made_up(count)
    text, book = as_csv(rows), as_workbook(rows)
    mapping = parse_mapping(MAPPING, "bench")
    bare, bare_book = timed(lambda: bare_csv(text), count + 1), timed(lambda: bare_workbook(book), count + 1)
    ways: list[tuple[str, bytes, Callable[[bytes], int], float]] = [
        ("CSV, ledger", text, lambda data: len(read_receivables(data, mapping, count).or_raise()), bare),
        ("CSV, documents", text, lambda data: len(read_file("x", data, Options(MAPPING)).items), bare),
        ("XLSX, ledger", book, lambda data: len(read_receivables(data, mapping, count).or_raise()), bare_book),
    ]
    print(f"{count} rows, {len(text) / 1e6:.1f} MB as CSV, {len(book) / 1e6:.1f} MB as XLSX")
    print(f"  {'bare csv.reader':<16} {bare:7.2f} s\n  {'bare openpyxl':<16} {bare_book:7.2f} s")
    for name, data, read, beside in ways:
        taken = timed(lambda read=read, data=data: read(data), count)  # type: ignore[misc]
        print(f"  {name:<16} {taken:7.2f} s  {count / taken:9,.0f} rows/s  {taken / beside:5.1f} x bare", end="")
        print(f"  of {TARGET_SECONDS:.0f} s allowed" if name.startswith("CSV") else "")
    if options.record:
        record(text, count)


def record(data: bytes, count: int) -> None:
    """Import the table ``data`` of ``count`` rows into a home of its own, and print how long that takes."""
    environment = {**os.environ, "TALLYSTICK_PASSPHRASE": "bench"}
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        bootstrap.init_home(home, environment=environment)
        with bootstrap.open_home(home, environment=environment) as opened:
            add_parties(opened.context, [NewParty("Supplier GmbH", (parse_identifier("VAT:DE136695976"),))])
            started, worked = time.perf_counter(), processor_seconds()
            read = [read_file("ledger.csv", data, Options(MAPPING))]
            done = import_documents(opened.context, read, Rules(allow_similar=True))
            seconds, worked = time.perf_counter() - started, processor_seconds() - worked
    recorded = done.counts()[Status.RECORDED]
    if recorded != count:
        raise SystemExit(f"expected {count} rows recorded, got {done.counts()}")
    print(
        f"  {'CSV, recorded':<16} {seconds:7.2f} s  {count / seconds:9,.0f} rows/s  {worked:.1f} s of processors",
        end="",
    )
    print(f"  of {TARGET_SECONDS:.0f} s allowed")


def processor_seconds() -> float:
    """The processor time of this process and of those that it started and that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()
