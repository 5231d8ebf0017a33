"""Coverage-guided fuzzing of the readers of other people's files: whatever the bytes, documents or a sentence.

A crash is any exception but those of this package, and a hang is ten seconds on one input; either stops the run, and
atheris writes the input to the corpus folder. Seeds are what the makers of the tests make; none are kept. Half of the
mutations of XML take it apart by its elements. atheris comes with
``python -m pip install --require-hashes -r requirements-fuzz.lock``. Example::

    python scripts/fuzz_intake.py ubl --seconds 3600 --corpus /tmp/fuzz-ubl
    python scripts/fuzz_intake.py files --seconds 60 --seeds FOLDER
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

with atheris.instrument_imports(include=["tallystick.intake", "tallystick.protocol.fields", "pypdf", "openpyxl"]):
    from tallystick.errors import MalformedEvidence, MalformedInput
    from tallystick.intake import pdf_files, stating, xlsx  # noqa: F401 -- what is imported here is instrumented
    from tallystick.intake.bank.bookings import distinct_bookings
    from tallystick.intake.bank.camt import read_message
    from tallystick.intake.documents import CreditNote, Document, Invoice, Order
    from tallystick.intake.files import Unread, read_files
    from tallystick.intake.invoice_rows import MAX_ROWS, read_invoice_rows
    from tallystick.intake.mapping import parse_mapping
    from tallystick.intake.pdf import is_pdf
    from tallystick.intake.readers import Options, read_file
    from tallystick.intake.receivables import read_receivables
    from tallystick.intake.rows import rejected_csv
    from tallystick.protocol import fields
    from tallystick.protocol.evidence import Kind

from intake import pdf_made, test_chinese
from intake.bank import camt_files
from intake.cii import cii_files
from intake.tables import table_files
from intake.ubl import ubl_files

_MAX_INPUT = 65_536
_DAYS = 30
_MAPPING = table_files.MAPPING.encode()
_OPTIONS = Options(_MAPPING)
_SHEET = "xl/worksheets/sheet1.xml"
_BOOK = table_files.workbook(("C1", "Name", 611365, "02.01.2026", "01.02.2026", 1250.5, None, None))
_SPAN = re.compile(rb"<([A-Za-z][\w:.-]*)[^>]*>[^<]*</\1>|<[A-Za-z][^>]*/?>|</[^>]*>|[^<>]+")
_TEXTS = (
    *(b"", b"-1", b"0", b"1e9", b"9" * 40, b"0.0000001", b"2026-02-30", b"0000-00-00", b"99999999", b"NA", b"true"),
    *(b"EUR", b"CNY", b"euro", b"380", b"381", b"384", b"389", b"AP", b"RE", b"Y", b"N", b"CRDT", b"DBIT", b"BOOK"),
    *(b"\xc2\xa0", b"\xe5\xae\xa2", b"&#0;", b"&amp;", b"]]>", b"%", b"="),
)


def read_one(data: bytes) -> None:
    """Read ``data`` as one file, and state what it says.

    A PDF is left to its own parser: it is opened in another process, which takes long and shows no coverage here.
    """
    if is_pdf(data):
        return
    for item in read_file("fuzzed", data, _OPTIONS).items:
        if not isinstance(item, MalformedInput):
            state(item)


def read_many(data: bytes) -> None:
    """Read ``data`` as a file or an archive of files."""
    for reading in read_files("fuzzed", data, _OPTIONS):
        for item in () if isinstance(reading, Unread) else reading.items:
            if not isinstance(item, MalformedInput):
                state(item)


def read_bank(data: bytes) -> None:
    """Read ``data`` as a bank message, whose bookings are the same however often it comes."""
    message = read_message(data)
    once, twice = distinct_bookings([message]), distinct_bookings([message, message])
    assert [booking.keys for booking in once] == [booking.keys for booking in twice]


def read_pdf(data: bytes) -> None:
    """Find what is embedded in the PDF ``data``, in this process."""
    pdf_files.embedded(data)


def read_table(data: bytes) -> None:
    """Read ``data`` as documents and as a ledger; what is rejected is a table again, with as many rows."""
    read_one(data)
    read_receivables(data, parse_mapping(_MAPPING, "fuzzed"), MAX_ROWS)
    read = read_invoice_rows(data, _MAPPING)
    again = read_invoice_rows(rejected_csv(read.header, read.rejected), _MAPPING)
    assert len(again.good) + len(again.rejected) == len(read.rejected)


def read_sheet(data: bytes) -> None:
    """Read ``data`` as the sheet of a workbook that is sound otherwise."""
    read_table(table_files.with_part(_BOOK, _SHEET, lambda _: data))


def read_mapping(data: bytes) -> None:
    """Read ``data`` as a column mapping."""
    parse_mapping(data, "fuzzed")


def state(document: Document) -> None:
    """Make fields of ``document``, which the protocol takes or refuses by a sentence."""
    with contextlib.suppress(MalformedEvidence, MalformedInput):
        stating.sides(document)
        if isinstance(document, Invoice):
            fields.check(Kind.INVOICE, stating.invoice_fields(document, document.due_date or document.issue_date, []))
        elif isinstance(document, Order):
            fields.check(Kind.CONTRACT, stating.contract_fields(document, _DAYS, []))
        elif isinstance(document, CreditNote):
            fields.check(Kind.CORRECTION, stating.credit_fields(document, []))


PARSERS: Mapping[str, Callable[[bytes], None]] = {
    "ubl": read_one,
    "cii": read_one,
    "chinese": read_one,
    "camt": read_bank,
    "pdf": read_pdf,
    "csv": read_table,
    "xlsx": read_sheet,
    "mapping": read_mapping,
    "files": read_many,
}


def seeds(parser: str) -> list[bytes]:
    """What the fuzzer begins with: small files of each kind."""
    makers = ("credit_note", "debit_note", "order", "order_response", "simple_response", "receipt", "remittance")
    ubl = [ubl_files.invoice(corrects=("INV-0",), type_code="384"), ubl_files.answer("RE")]
    ubl += [getattr(ubl_files, maker)() for maker in makers]
    invoice = cii_files.invoice(corrects=("F-0",))
    cii = [invoice, invoice.replace(b">380<", b">381<"), cii_files.zugferd_1(), cii_files.order()]
    paid = camt_files.transaction("10.00", end_to_end="E1", text=("a",), documents=(("N", "10"),))
    pdf = pdf_made.with_files([("factur-x.xml", pdf_made.packed(invoice)), ("a.pdf", pdf_made.stream(b"a"))])
    rows = table_files.csv_text(table_files.ROW, table_files.row(Invoice="2", Paid="15.01.2026"))
    red = test_chinese.einvoice(blue="N", total="-113.00", tax="-13.00", remark=test_chinese.TAKES_BACK)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", invoice)
    with zipfile.ZipFile(io.BytesIO(_BOOK)) as book:
        sheet = book.read(_SHEET)
    return {
        "ubl": ubl,
        "cii": cii,
        "chinese": [test_chinese.einvoice().encode(), red.encode()],
        "camt": [camt_files.statement(camt_files.entry("10.00", paid)), camt_files.notification()],
        "pdf": [pdf],
        "csv": [rows.encode(), rows.encode("cp1252"), rows.encode("utf-16")],
        "xlsx": [sheet],
        "mapping": [_MAPPING],
        "files": [packed.getvalue(), _BOOK, pdf, *ubl, *cii, rows.encode()],
    }[parser]


def mutated(data: bytes, limit: int, seed: int) -> bytes:
    """``data`` with one of its elements left out, repeated, copied elsewhere, or with another text."""
    dice = random.Random(seed)  # noqa: S311 -- mutations need no secrets
    spans = [found.span() for found in _SPAN.finditer(data)]
    if not spans:
        return data
    start, end = dice.choice(spans)
    piece = data[start:end]
    match dice.randrange(4):
        case 0:
            made = data[:start] + data[end:]
        case 1:
            made = data[:start] + piece * dice.choice((2, 3, 50)) + data[end:]
        case 2:
            to = dice.choice(spans)[0]
            made = data[:to] + piece + data[to:]
        case _:
            text = b">" + dice.choice(_TEXTS) + b"<"
            made = data[:start] + re.sub(rb">[^<]*<", lambda _: text, piece, count=1) + data[end:]
    return made[:limit]


def main() -> None:
    """Fuzz one parser for so long; the process ends as atheris ends it."""
    parser = argparse.ArgumentParser(description="Fuzz a reader of files; stops at the first crash or hang.")
    parser.add_argument("parser", choices=PARSERS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="a folder that the corpus grows in; else a temporary one")
    parser.add_argument("--seeds", type=Path, help="a folder of files to begin with, besides the built-in ones")
    options = parser.parse_args()
    corpus = options.corpus or Path(tempfile.mkdtemp(prefix="fuzz-intake-"))
    corpus.mkdir(parents=True, exist_ok=True)
    given = [path.read_bytes() for path in options.seeds.rglob("*") if path.is_file()] if options.seeds else []
    for at, data in enumerate([*seeds(options.parser), *given]):
        if len(data) <= _MAX_INPUT:
            (corpus / f"seed-{at}").write_bytes(data)
    read = PARSERS[options.parser]

    def test_one_input(data: bytes) -> None:
        with contextlib.suppress(MalformedInput):
            read(data)

    def mutate(data: bytes, limit: int, seed: int) -> bytes:
        by_elements = seed % 2 and data[:1] == b"<"
        return mutated(data, limit, seed) if by_elements else bytes(atheris.Mutate(data, limit))

    arguments = [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-max_len={_MAX_INPUT}",
        "-timeout=10",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={corpus}/",
        str(corpus),
    ]
    atheris.Setup(arguments, test_one_input, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
