"""Elements of a document: found whatever the prefix, and an error names the path of what is missing or wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import MalformedDocument, MalformedInput
from tallystick.intake.elements import Element, plain
from tallystick.intake.xml import read_xml

PREFIXES = {"b": "urn:basic", "a": "urn:aggregate"}
INVOICE = b"""<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:invoice" xmlns:x="urn:basic" xmlns:y="urn:aggregate"><!-- no --><x:ID> A  1 </x:ID>
<y:Total><x:Amount currencyID="EUR">0107.50</x:Amount></y:Total><x:Day>2026-01-31Z</x:Day></Invoice>"""


def element(data: bytes = INVOICE) -> Element:
    return Element(read_xml(data), "Invoice", PREFIXES)


@pytest.mark.parametrize(
    ("path", "read", "said"),
    [
        ("b:None", "need_text", "Invoice/b:None: expected this element"),
        ("a:Total/b:Day", "need_date", "Invoice/a:Total/b:Day: expected this element"),
        ("b:ID", "date", "Invoice/b:ID: expected a date such as 2026-03-31, got 'A 1'"),
    ],
)
def test_an_error_names_the_element(path: str, read: str, said: str) -> None:
    """What is missing or not of its form is named by its path in the document."""
    with pytest.raises(MalformedDocument, match=said):
        getattr(element(), read)(path)


@pytest.mark.parametrize("text", ["", "1,5", "1e3", "NaN", "--1", "1" * 19, "0.1234567", "१"])
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    """Exponents, commas, other digits, and more digits than an amount of evidence has."""
    made = element(f'<Invoice xmlns:b="urn:basic"><b:N>{text}</b:N></Invoice>'.encode()).need("b:N")
    with pytest.raises(MalformedDocument, match="decimal number"):
        made.number()


def test_an_element_is_found_whatever_its_prefix() -> None:
    """Namespaces count, prefixes do not; white space is drawn together, comments are not there."""
    root = element()
    assert (root.text("b:ID"), root.date("b:Day"), root.text("a:Total/b:None")) == ("A 1", "2026-01-31", None)
    amount = next(root.all("a:Total/b:Amount"))
    assert (plain(amount.number()), amount.currency()) == ("0107.50".lstrip("0"), "EUR")


def test_utf16_reads_like_utf8() -> None:
    """The same text in UTF-16, with its declaration, is the same document."""
    text = INVOICE.decode().replace("UTF-8", "UTF-16")
    assert element(text.encode("utf-16")).text("b:ID") == "A 1"


@given(
    st.binary(max_size=300)
    | st.builds(
        lambda at, new: INVOICE[:at] + new + INVOICE[at + len(new) :],
        st.integers(0, len(INVOICE)),
        st.binary(max_size=8),
    )
)
def test_no_bytes_do_anything_but_parse_or_be_refused(data: bytes) -> None:
    """Arbitrary bytes, and a document with some bytes changed, raise ``MalformedInput`` or nothing."""
    try:
        root = Element(read_xml(data), "Invoice", PREFIXES)
        root.text("b:ID")
        root.date("b:Day")
        for amount in root.all("a:Total/b:Amount"):
            plain(amount.number())
    except MalformedInput:
        pass
