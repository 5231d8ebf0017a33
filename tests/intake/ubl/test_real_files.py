"""Every public example of UBL and Peppol is read with all that evidence needs, or refused by the name of an element."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tallystick.errors import MalformedDocument
from tallystick.intake import stating
from tallystick.intake.documents import Document, Invoice
from tallystick.intake.readers import read_file

DATA = Path(__file__).parents[4] / "shared" / "data"
FILES = {name: sorted((DATA / name).rglob("*.xml")) for name in ("ubl", "peppol")}
pytestmark = pytest.mark.skipif(not all(FILES.values()), reason="the public UBL examples are not beside the repository")

NOTHING = "of this kind no evidence is made"


def result_of(file: Path) -> Document | MalformedDocument:
    """The one document of ``file``, or why there is none; anything else raised is a crash."""
    try:
        (item,) = read_file(file.name, file.read_bytes()).items
        assert not isinstance(item, Exception)
        stating.sides(item)
        return item
    except MalformedDocument as error:
        return error


def counted(name: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for file in FILES[name]:
        result = result_of(file)
        if isinstance(result, MalformedDocument):
            found[NOTHING if NOTHING in result.message else result.element.rpartition("/")[2]] += 1
        else:
            found[type(result).__name__] += 1
    return found


def test_every_oasis_example_is_read_or_refused_by_an_element() -> None:
    """Of 31 files 13 are read. 10 are of kinds that state nothing; 4 name a party by nothing but its name."""
    assert counted("ubl") == {
        "Invoice": 7,
        "CreditNote": 1,
        "Order": 1,
        "OrderResponse": 1,
        "DespatchAdvice": 1,
        "ReceiptAdvice": 1,
        "Remittance": 1,
        NOTHING: 10,
        "cac:Party": 4,
        "cbc:ID": 1,
        "cbc:OrderResponseCode": 1,
        "cbc:UBLVersionID": 1,
        "SelfBilledCreditNote": 1,
    }


def test_every_peppol_example_is_read_or_refused_by_an_element() -> None:
    """Of 63 files 48 are read. 9 change or cancel an order; 4 have one GLN on both sides."""
    assert counted("peppol") == {
        "Invoice": 10,
        "CreditNote": 2,
        "Order": 6,
        "OrderResponse": 11,
        "DespatchAdvice": 5,
        "InvoiceResponse": 14,
        NOTHING: 9,
        "cac:Party": 4,
        "cbc:CustomizationID": 1,
        "cbc:OrderResponseCode": 1,
    }


def test_the_five_oasis_invoices_are_one() -> None:
    """Prefixes, default namespaces and order of declarations differ; what they say does not."""
    files = [file for file in FILES["ubl"] if file.name.startswith("UBL-Invoice-2.0-Example")]
    results = [result_of(file) for file in files]
    assert (len(files), len({file.read_bytes() for file in files}), len(set(results))) == (5, 5, 1)
    (invoice,) = set(results)
    assert isinstance(invoice, Invoice)
    assert (invoice.number, invoice.payable, invoice.due_date) == ("A00095678", "107.50", "2005-07-21")
