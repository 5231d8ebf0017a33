"""How many UBL invoices a second one core reads to what evidence says of them, beside the bare parse by lxml.

Both run in turns in the same process, and the ratio of the best turns says what everything but parsing costs. With
``--record`` the invoices are then imported into a home of its own, as self-reported evidence. Example::

    python scripts/bench/ubl.py --invoices 2000 --record
    python scripts/bench/ubl.py --folder FOLDER_OF_XML_FILES
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lxml import etree

from tallystick import bootstrap
from tallystick.config import Home
from tallystick.errors import MalformedInput
from tallystick.intake import stating
from tallystick.intake.documents import Invoice
from tallystick.intake.readers import Reading, read_file
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import import_documents
from tallystick.service.documents.outcomes import Status
from tallystick.service.parties import NewParty, add_parties, parse_identifier

TARGET_A_SECOND = 1_000
SELLER = "GLN:4012345500004"
_XSD = "urn:oasis:names:specification:ubl:schema:xsd:"
_LINES = 5


def made_up_invoice(number: int) -> bytes:
    """An invoice of some 5 kB with addresses, taxes and five lines, as Peppol's examples have them."""
    line = "".join(
        f'<cac:InvoiceLine><cbc:ID>{at}</cbc:ID><cbc:InvoicedQuantity unitCode="C62">{at + 1}</cbc:InvoicedQuantity>'
        f'<cbc:LineExtensionAmount currencyID="EUR">{100 + at}.00</cbc:LineExtensionAmount><cac:Item>'
        "<cbc:Description>A description as long as they are in the trade</cbc:Description><cbc:Name>Item</cbc:Name>"
        "<cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>25.0</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID>"
        '</cac:TaxScheme></cac:ClassifiedTaxCategory></cac:Item><cac:Price><cbc:PriceAmount currencyID="EUR">100'
        "</cbc:PriceAmount></cac:Price></cac:InvoiceLine>"
        for at in range(_LINES)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Invoice xmlns="{_XSD}Invoice-2"'
        f' xmlns:cac="{_XSD}CommonAggregateComponents-2" xmlns:cbc="{_XSD}CommonBasicComponents-2">'
        "<cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
        f"</cbc:CustomizationID><cbc:ID>INV-{number:06}</cbc:ID><cbc:IssueDate>2026-01-15</cbc:IssueDate>"
        "<cbc:DueDate>2026-02-14</cbc:DueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>"
        "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>"
        "<cac:OrderReference><cbc:ID>PO-1</cbc:ID></cac:OrderReference>"
        + _party("AccountingSupplierParty", "4012345500004", "DE136695976")
        + _party("AccountingCustomerParty", "5790000435951", "ATU13585627")
        + '<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">25.00</cbc:TaxAmount></cac:TaxTotal><cac:LegalMonetaryTotal>'
        f'<cbc:PayableAmount currencyID="EUR">{number + 1}.25</cbc:PayableAmount></cac:LegalMonetaryTotal>'
        f"{line}</Invoice>"
    ).encode()


def _party(role: str, gln: str, vat: str) -> str:
    return (
        f'<cac:{role}><cac:Party><cbc:EndpointID schemeID="0088">{gln}</cbc:EndpointID><cac:PartyIdentification>'
        f'<cbc:ID schemeID="0088">{gln}</cbc:ID></cac:PartyIdentification><cac:PartyName><cbc:Name>Name Ltd</cbc:Name>'
        "</cac:PartyName><cac:PostalAddress><cbc:StreetName>Main Street 1</cbc:StreetName><cbc:CityName>City"
        "</cbc:CityName><cbc:PostalZone>12345</cbc:PostalZone><cac:Country><cbc:IdentificationCode>DE"
        "</cbc:IdentificationCode></cac:Country></cac:PostalAddress><cac:PartyTaxScheme>"
        f"<cbc:CompanyID>{vat}</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
        "<cac:PartyLegalEntity><cbc:RegistrationName>Name Ltd</cbc:RegistrationName></cac:PartyLegalEntity>"
        f"<cac:Contact><cbc:Name>Somebody</cbc:Name></cac:Contact></cac:Party></cac:{role}>"
    )


def read_to_fields(name: str, data: bytes) -> Reading:
    """The reading of an invoice, after its sides and fields were made of it."""
    reading = read_file(name, data)
    for item in reading.items:
        if isinstance(item, Invoice):
            stating.sides(item)
            stating.invoice_fields(item, item.due_date or item.issue_date, [reading.source])
    return reading


def a_second(work: Callable[[bytes], object], files: Sequence[bytes]) -> float:
    """How many of ``files`` one core has done ``work`` on in a second of its time."""
    started = time.process_time()
    for data in files:
        work(data)
    return len(files) / (time.process_time() - started)


def main() -> None:
    """Print both rates and their ratio; exit 1 where the target is missed."""
    parser = argparse.ArgumentParser(description="Time reading UBL invoices beside the bare parse.")
    parser.add_argument("--invoices", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="UBL files to read, over and over; else invoices are made up")
    parser.add_argument("--record", action="store_true", help="also import them into a home of its own")
    options = parser.parse_args()
    if options.folder:
        found = [data for path in sorted(options.folder.rglob("*.xml")) if _is_invoice(data := path.read_bytes())]
        files = [found[at % len(found)] for at in range(options.invoices)]
    else:
        files = [made_up_invoice(at) for at in range(options.invoices)]
    bare, read = 0.0, 0.0
    for _ in range(options.rounds):
        bare = max(bare, a_second(etree.fromstring, files))
        read = max(read, a_second(lambda data: read_to_fields("x.xml", data), files))
    size = sum(map(len, files)) / len(files) / 1_000
    print(
        f"{len(files)} invoices of {size:.1f} kB: bare lxml {bare:,.0f}/s, read {read:,.0f}/s, ratio {bare / read:.2f}"
    )
    if options.record:
        record(files)
    sys.exit(read < TARGET_A_SECOND)


def _is_invoice(data: bytes) -> bool:
    try:
        return any(isinstance(item, Invoice) for item in read_to_fields("x.xml", data).items)
    except MalformedInput:
        return False


def record(files: Sequence[bytes]) -> None:
    """Import ``files`` into a home of its own, and print how long that takes."""
    environment = {**os.environ, "TALLYSTICK_PASSPHRASE": "bench"}
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        bootstrap.init_home(home, environment=environment)
        with bootstrap.open_home(home, environment=environment) as opened:
            add_parties(opened.context, [NewParty("Supplier GmbH", (parse_identifier(SELLER),))])
            started = time.perf_counter()
            read = [read_file(f"{at}.xml", data) for at, data in enumerate(files)]
            done = import_documents(opened.context, read, Rules(allow_similar=True))
            seconds = time.perf_counter() - started
    counts = done.counts()
    print(f"imported: {counts[Status.RECORDED]} recorded in {seconds:.1f} s, {len(files) / seconds:,.0f}/s")


if __name__ == "__main__":
    main()
