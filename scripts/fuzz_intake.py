"""Coverage-guided fuzzing of the readers of other people's files: whatever the bytes, documents or a sentence.

A crash is any exception but those of this package, and a hang is ten seconds on one input; either stops the run, and
atheris writes the input to the corpus folder. Seeds are made here, and none are kept. atheris comes with
``python -m pip install --require-hashes -r requirements-fuzz.lock``. Example::

    python scripts/fuzz_intake.py ubl --seconds 3600 --corpus /tmp/fuzz-ubl
    python scripts/fuzz_intake.py files --seconds 60 --seeds FOLDER
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tallystick.intake", "tallystick.protocol.fields"]):
    from tallystick.errors import MalformedEvidence, MalformedInput
    from tallystick.intake import stating
    from tallystick.intake.bank.camt import read_message
    from tallystick.intake.documents import CreditNote, Document, Invoice, Order
    from tallystick.intake.files import Unread, read_files
    from tallystick.intake.readers import read_file
    from tallystick.protocol import fields
    from tallystick.protocol.evidence import Kind

_XSD = "urn:oasis:names:specification:ubl:schema:xsd:"
_MAX_INPUT = 65_536
_DAYS = 30
_KINDS = (
    "Order",
    "OrderResponse",
    "OrderResponseSimple",
    "DespatchAdvice",
    "ReceiptAdvice",
    "Invoice",
    "CreditNote",
    "DebitNote",
    "ApplicationResponse",
    "RemittanceAdvice",
)


def read_one(data: bytes) -> None:
    """Read ``data`` as one file, and state what it says."""
    for item in read_file("fuzzed", data).items:
        if not isinstance(item, MalformedInput):
            state(item)


def read_many(data: bytes) -> None:
    """Read ``data`` as a file or an archive of files."""
    for reading in read_files("fuzzed", data):
        for item in () if isinstance(reading, Unread) else reading.items:
            if not isinstance(item, MalformedInput):
                state(item)


def read_bank(data: bytes) -> None:
    """Read ``data`` as a bank message."""
    read_message(data)


def state(document: Document) -> None:
    """Make fields of ``document``, which the protocol takes or refuses by a sentence."""
    stating.sides(document)
    with contextlib.suppress(MalformedEvidence):
        if isinstance(document, Invoice):
            fields.check(Kind.INVOICE, stating.invoice_fields(document, document.due_date or document.issue_date, []))
        elif isinstance(document, Order):
            fields.check(Kind.CONTRACT, stating.contract_fields(document, _DAYS, []))
        elif isinstance(document, CreditNote):
            fields.check(Kind.CORRECTION, stating.credit_fields(document, []))


PARSERS: Mapping[str, Callable[[bytes], None]] = {"ubl": read_one, "camt": read_bank, "files": read_many}


def seeds(parser: str) -> list[bytes]:
    """What the fuzzer begins with: one small file of each kind."""
    documents = [_ubl(kind) for kind in _KINDS]
    if parser == "ubl":
        return documents
    if parser == "camt":
        return [_camt("BkToCstmrStmt", "Stmt", "053"), _camt("BkToCstmrDbtCdtNtfctn", "Ntfctn", "054")]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", documents[5])
    return [packed.getvalue(), *documents, b"number;amount\nINV-1;1.00\n", b"%PDF-1.7\n"]


def _ubl(kind: str) -> bytes:
    """A document that has what any kind needs; what its own kind does not know is passed over."""
    sellers = [_party(f"{role}SupplierParty", "4012345500004") for role in ("Seller", "Despatch", "Accounting")]
    buyers = [_party(f"{role}CustomerParty", "5790000435951") for role in ("Buyer", "Delivery", "Accounting")]
    payable = '<c:PayableAmount currencyID="EUR">107.50</c:PayableAmount>'
    invoice = "<a:InvoiceDocumentReference><c:ID>I-0</c:ID></a:InvoiceDocumentReference>"
    response = "<a:Response><c:ResponseCode>AP</c:ResponseCode></a:Response>"
    parts = [
        "<c:UBLVersionID>2.1</c:UBLVersionID><c:CustomizationID>invoice_response</c:CustomizationID>",
        "<c:ID>I-1</c:ID><c:IssueDate>2026-01-15</c:IssueDate><c:DueDate>2026-02-14</c:DueDate>",
        "<c:OrderResponseCode>AP</c:OrderResponseCode><c:AcceptedIndicator>true</c:AcceptedIndicator>",
        "<c:DocumentCurrencyCode>EUR</c:DocumentCurrencyCode>",
        '<c:TotalPaymentAmount currencyID="EUR">107.50</c:TotalPaymentAmount>',
        "<a:OrderReference><c:ID>P-1</c:ID></a:OrderReference>",
        f"<a:BillingReference>{invoice}</a:BillingReference>",
        *sellers,
        *buyers,
        '<a:SenderParty><c:EndpointID schemeID="0088">5790000435951</c:EndpointID></a:SenderParty>',
        '<a:ReceiverParty><c:EndpointID schemeID="0088">4012345500004</c:EndpointID></a:ReceiverParty>',
        f"<a:DocumentResponse>{response}<a:DocumentReference><c:ID>I-1</c:ID></a:DocumentReference></a:DocumentResponse>",
        *(
            f"<a:{each}MonetaryTotal>{payable}</a:{each}MonetaryTotal>"
            for each in ("Legal", "Requested", "Anticipated")
        ),
        "<a:ReceiptLine><c:ReceivedDate>2026-01-11</c:ReceivedDate></a:ReceiptLine>",
        '<a:RemittanceAdviceLine><c:DebitLineAmount currencyID="EUR">1.00</c:DebitLineAmount>',
        f"<a:BillingReference>{invoice}</a:BillingReference></a:RemittanceAdviceLine>",
    ]
    spaces = (
        f'xmlns="{_XSD}{kind}-2" xmlns:c="{_XSD}CommonBasicComponents-2" xmlns:a="{_XSD}CommonAggregateComponents-2"'
    )
    return f"<{kind} {spaces}>{''.join(parts)}</{kind}>".encode()


def _party(role: str, gln: str) -> str:
    inner = f'<c:EndpointID schemeID="0088">{gln}</c:EndpointID>'
    return f"<a:{role}><a:Party>{inner}</a:Party></a:{role}>"


def _camt(body: str, statement: str, message: str) -> bytes:
    parts = [
        "<Id>S</Id><CreDtTm>2026-01-31T00:00:00</CreDtTm><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>",
        '<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>',
        "<BookgDt><Dt>2026-01-31</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>E</EndToEndId></Refs>",
        '<Amt Ccy="EUR">1.00</Amt><RmtInf><Ustrd>INV-1</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>',
    ]
    head = "<GrpHdr><MsgId>M</MsgId></GrpHdr>"
    inner = f"<{body}>{head}<{statement}>{''.join(parts)}</{statement}></{body}>"
    return f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{message}.001.08">{inner}</Document>'.encode()


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

    arguments = [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-max_len={_MAX_INPUT}",
        "-timeout=10",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={corpus}/",
        str(corpus),
    ]
    atheris.Setup(arguments, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
