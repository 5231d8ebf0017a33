"""Column mappings: what is not a mapping is refused by its key, before any table is read."""

from __future__ import annotations

import pytest

from intake.tables.table_files import MAPPING, SELLER_VAT
from tallystick.errors import MalformedInput
from tallystick.intake.mapping import choose_mapping, parse_mapping, ready_made


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("[columns]", "[columns", "expected TOML"),
        ("[columns]", "columns = 1\n[other]", "tables"),
        ('invoiceNumber = "Invoice"', "", "invoiceNumber = the name of a column"),
        ('invoiceNumber = "Invoice"', "invoiceNumber = 7", "invoiceNumber = the name of a column"),
        ('disputed = "Disputed"', "disputed = 7", "disputed = the name of a column"),
        ('customerName = "Name"', 'customerNam = "Name"', "unknown key 'customerNam'"),
        ('currency = "EUR"', "", "currency column"),
        ('currency = "EUR"', 'currency = "euro"', "ISO 4217"),
        ("[values]", "[values]\ncustomerScheme = 'a b'", "customerScheme: expected a scheme"),
        ("[values]", "[values]\nencoding = 'EBCDIC'", "encoding: expected UTF-8, GB18030, Windows-1252"),
        ("[values]", "[values]\ndisputed = 'yes'", "disputed: expected list"),
        ('"%d.%m.%Y"', '"%d.%m"', "dateFormat: expected day, month and year"),
        ('"%d.%m.%Y"', '"%d.%d.%m.%Y"', "dateFormat: expected day, month and year"),
        ('"%d.%m.%Y"', '"%"', "dateFormat: expected day, month and year"),
        ('decimalMark = ","', 'decimalMark = ";"', "decimalMark: expected a point or a comma"),
        ('thousandsMark = "."', 'thousandsMark = "x"', "thousandsMark: expected a point"),
        ('thousandsMark = "."', 'thousandsMark = ","', "another than decimalMark"),
        (f"VAT:{SELLER_VAT}", SELLER_VAT, "supplier: expected SCHEME:identifier"),
    ],
)
def test_what_is_no_mapping_is_refused_by_its_key(was: str, now: str, says: str) -> None:
    """Each by its own sentence."""
    assert was in MAPPING
    with pytest.raises(MalformedInput, match=says):
        parse_mapping(MAPPING.replace(was, now).encode(), "mine.toml")


def test_a_header_that_no_ready_made_mapping_fits_is_refused_with_what_there_is() -> None:
    """The sentence names the header, and the mappings."""
    with pytest.raises(MalformedInput, match=r"no ready-made mapping fits .*a.*ibm-accounts-receivable"):
        choose_mapping(["a", "b"])


def test_a_mapping_says_what_values_mean() -> None:
    """What it does not say has the plain default: points, ISO dates, no thousands."""
    mapping = parse_mapping(MAPPING.encode(), "mine.toml")
    assert (mapping.supplier, mapping.decimal_mark, mapping.thousands_mark) == (("VAT", SELLER_VAT), ",", ".")
    ibm = ready_made()["ibm-accounts-receivable"]
    assert (ibm.supplier, ibm.decimal_mark, ibm.thousands_mark, ibm.encoding) == (None, ".", "", None)
