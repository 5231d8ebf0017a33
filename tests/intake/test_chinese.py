"""Chinese e-invoices (数电票): read with everything that evidence needs, or refused with the element at fault."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import MalformedDocument, MalformedInput
from tallystick.intake.documents import CreditNote, Document, Invoice, TradeParty
from tallystick.intake.readers import read_file
from tallystick.intake.stating import sides

SELLER, BUYER = "91110000600037341L", "91330106673959654P"
NUMBER, BLUE_NUMBER = "26110000000000000002", "26110000000000000001"
TAKES_BACK = f"被红冲蓝字数电发票号码：{BLUE_NUMBER} 红字发票信息确认单编号：1101052603001"


def einvoice(
    number: str = NUMBER,
    issued: str = "2026-03-01",
    *,
    seller: str | None = SELLER,
    buyer: str | None = BUYER,
    total: str = "113.00",
    tax: str = "13.00",
    blue: str | None = "Y",
    remark: str = "",
) -> str:
    """An ordinary VAT invoice of one line."""

    def element(name: str, value: str | None) -> str:
        return "" if value is None else f"<{name}>{value}</{name}>"

    label = "" if blue is None else f"<InIssuType><LabelCode>{blue}</LabelCode></InIssuType>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<EInvoice><Header><EIid>{number}</EIid><InherentLabel>{label}"
        "<GeneralOrSpecialVAT><LabelCode>02</LabelCode></GeneralOrSpecialVAT></InherentLabel></Header><EInvoiceData>"
        f"<SellerInformation>{element('SellerIdNum', seller)}<SellerName>供应商有限公司</SellerName>"
        "</SellerInformation>"
        f"<BuyerInformation>{element('BuyerIdNum', buyer)}<BuyerName>采购商有限公司</BuyerName></BuyerInformation>"
        f"<BasicInformation><TotalAmWithoutTax>100.00</TotalAmWithoutTax><TotalTaxAm>{tax}</TotalTaxAm>"
        f"<TotalTax-includedAmount>{total}</TotalTax-includedAmount></BasicInformation>"
        f"<AdditionalInformation><Remark>{remark}</Remark></AdditionalInformation></EInvoiceData>"
        f"<TaxSupervisionInfo><InvoiceNumber>{number}</InvoiceNumber><IssueTime>{issued}</IssueTime>"
        "<TaxBureauName>国家税务总局北京市税务局</TaxBureauName></TaxSupervisionInfo></EInvoice>"
    )


def read(text: str) -> Document:
    (item,) = read_file("dzfp.xml", text.encode()).items
    assert not isinstance(item, MalformedInput)
    return item


@pytest.mark.parametrize(
    ("text", "element", "says"),
    [
        (einvoice(number="2611"), "TaxSupervisionInfo/InvoiceNumber", "20 digits, got '2611'"),
        (einvoice().replace("TaxSupervisionInfo", "Draft"), "TaxSupervisionInfo/InvoiceNumber", "this element"),
        (einvoice(issued=""), "TaxSupervisionInfo/IssueTime", "this element"),
        (einvoice(issued="2026-03-01 noon"), "TaxSupervisionInfo/IssueTime", "2026-03-31"),
        (einvoice(seller="91350211M000100Y43"), "SellerInformation/SellerIdNum", "two check characters"),
        (einvoice(buyer="91110108MA002XY31Z"), "BuyerInformation/BuyerIdNum", "two check characters"),
        (einvoice(buyer="110101199003070000"), "BuyerInformation/BuyerIdNum", "two check characters"),
        (einvoice().replace("SellerInformation", "Other"), "EInvoiceData/SellerInformation", "this element"),
        (einvoice(total="1,13"), "TotalTax-includedAmount", "decimal number"),
        (einvoice(total=""), "TotalTax-includedAmount", "decimal number"),
        (einvoice(total="-113.00"), "TotalTax-includedAmount", "not below zero of a blue"),
        (einvoice(blue="N", remark=TAKES_BACK), "TotalTax-includedAmount", "below zero of a red"),
        (einvoice(blue="X"), "InIssuType/LabelCode", "Y .*or N"),
        (einvoice(blue="N", total="-113.00"), "AdditionalInformation/Remark", "got 0"),
        (einvoice(blue="N", total="-113.00", remark="红冲 " + BLUE_NUMBER), "Remark", "got 0"),
        (einvoice(blue="N", total="-113.00", remark=f"被红冲蓝字数电发票号码：{BLUE_NUMBER}1"), "Remark", "got 0"),
        (
            einvoice(blue="N", total="-113.00", remark=TAKES_BACK + TAKES_BACK.replace(BLUE_NUMBER, NUMBER)),
            "Remark",
            "got 2",
        ),
    ],
)
def test_what_can_not_become_evidence_is_refused_by_its_element(text: str, element: str, says: str) -> None:
    """The path of the element that is missing or not of its form, and what was expected of it."""
    with pytest.raises(MalformedDocument, match=says) as caught:
        read(text)
    assert element in caught.value.element


def test_another_document_of_that_name_is_not_taken_for_it() -> None:
    """The format has no namespace; an EInvoice within one is something else."""
    with pytest.raises(MalformedInput, match="EInvoice"):
        read(einvoice().replace("<EInvoice>", '<EInvoice xmlns="urn:other">'))


def test_a_private_buyer_has_no_identifier_and_states_nothing() -> None:
    """A name names nobody: the sentence names the element that is empty."""
    made = read(einvoice(buyer=None))
    with pytest.raises(MalformedDocument, match="got only the name '采购商有限公司'") as caught:
        sides(made)
    assert caught.value.element == "EInvoice/EInvoiceData/BuyerInformation/BuyerIdNum"


def test_an_invoice_says_who_owes_how_much() -> None:
    """Every field that evidence is made of; the format has no due date, and none is made up."""
    data = "EInvoice/EInvoiceData"
    assert read(einvoice()) == Invoice(
        number=NUMBER,
        issue_date="2026-03-01",
        due_date=None,
        seller=TradeParty((("USCC", SELLER),), "供应商有限公司", f"{data}/SellerInformation/SellerIdNum"),
        buyer=TradeParty((("USCC", BUYER),), "采购商有限公司", f"{data}/BuyerInformation/BuyerIdNum"),
        currency="CNY",
        payable="113.00",
        tax="13.00",
        order=None,
        contract=None,
        despatch=None,
        corrects=None,
        replaces=False,
        payment_reference=None,
        due_element="EInvoice/DueDate",
    )


@pytest.mark.parametrize("issued", ["2026-03-01", "2026-03-01 18:38:04", "2026-03-01T18:38:04"])
@pytest.mark.parametrize("blue", ["Y", None])
def test_what_differs_between_platforms_does_not_matter(issued: str, blue: str | None) -> None:
    """The time behind the date, and whether it is said that the invoice is blue."""
    assert read(einvoice(issued=issued, blue=blue)) == read(einvoice())


@pytest.mark.parametrize("encoding", ["gb18030", "gbk"])
def test_chinese_encodings_are_read(encoding: str) -> None:
    """A file that says it is in GBK or GB18030 is."""
    data = einvoice().replace("UTF-8", encoding).encode(encoding)
    assert read_file("x.xml", data).items == read_file("y.xml", einvoice().encode()).items


@pytest.mark.parametrize("remark", [TAKES_BACK, f"被红冲蓝字数电票号码：{BLUE_NUMBER}", TAKES_BACK + TAKES_BACK])
@pytest.mark.parametrize("blue", ["N", None])
def test_a_red_invoice_takes_back_of_the_blue_one(remark: str, blue: str | None) -> None:
    """In the fixed words that the tax platform writes, old and new; the amount loses its sign."""
    made = read(einvoice(blue=blue, total="-113.00", tax="-13.00", remark=remark))
    assert isinstance(made, CreditNote)
    assert (made.number, made.invoice, made.amount, made.currency) == (NUMBER, BLUE_NUMBER, "113.00", "CNY")


@given(st.data())
def test_damage_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """Any bytes replaced in any place: a document, or a sentence."""
    good = einvoice(blue="N", total="-113.00", remark=TAKES_BACK).encode()
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 40))
    put = data.draw(st.binary(max_size=20) | st.sampled_from([b"-", b"<Remark/>", b"Y", "：".encode(), b"9" * 30]))
    with contextlib.suppress(MalformedInput):
        read_file("x", good[:at] + put + good[at + cut :])
