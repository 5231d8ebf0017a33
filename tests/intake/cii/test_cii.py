"""Cross Industry documents: read with everything that evidence needs, or refused with the element that is at fault."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.cii import cii_files as cii
from tallystick.errors import MalformedDocument, MalformedInput
from tallystick.intake.documents import CreditNote, Document, Invoice, Order, TradeParty
from tallystick.intake.readers import read_file


def read(data: bytes) -> Document:
    (item,) = read_file("factur-x.xml", data).items
    assert not isinstance(item, MalformedInput)
    return item


def billed(data: bytes) -> Invoice:
    made = read(data)
    assert isinstance(made, Invoice)
    return made


AGREEMENT = "rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeAgreement"
SETTLEMENT = "rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeSettlement"
TOTALS = f"{SETTLEMENT}/ram:SpecifiedTradeSettlementHeaderMonetarySummation"
REFERENCE = f"{SETTLEMENT}/ram:InvoiceReferencedDocument/ram:IssuerAssignedID"


@pytest.mark.parametrize(
    ("data", "element", "says"),
    [
        (cii.invoice(test="true"), "ram:TestIndicator/udt:Indicator", "marked as a test"),
        (cii.invoice(type_code="389"), "rsm:ExchangedDocument/ram:TypeCode", "self-billed"),
        (cii.invoice(type_code="325"), "rsm:ExchangedDocument/ram:TypeCode", "380 or 381, got '325'"),
        (cii.invoice(type_code=None), "rsm:ExchangedDocument/ram:TypeCode", "this element"),
        (cii.invoice(number=None), "rsm:ExchangedDocument/ram:ID", "this element"),
        (cii.invoice(issued=None), "ram:IssueDateTime/udt:DateTimeString", "this element"),
        (cii.invoice(issued="20260231"), "ram:IssueDateTime/udt:DateTimeString", "20260331, got '20260231'"),
        (cii.invoice(issued="2026013"), "ram:IssueDateTime/udt:DateTimeString", "20260331, got '2026013'"),
        (cii.invoice(issued="202601", form="610"), "udt:DateTimeString/@format", "expected 102"),
        (cii.invoice(seller=""), f"{AGREEMENT}/ram:SellerTradeParty", "this element"),
        (cii.invoice(buyer=""), f"{AGREEMENT}/ram:BuyerTradeParty", "this element"),
        (cii.invoice(currency=None), f"{SETTLEMENT}/ram:InvoiceCurrencyCode", "this element"),
        (cii.invoice(currency="euro"), f"{SETTLEMENT}/ram:InvoiceCurrencyCode", "ISO 4217"),
        (cii.invoice(payable=None), f"{TOTALS}/ram:DuePayableAmount", "this element"),
        (cii.invoice(payable="104,90"), f"{TOTALS}/ram:DuePayableAmount", "decimal number"),
        (cii.invoice().replace(b"PayableAmount>1", b"PayableAmount currencyID='USD'>1"), "DuePayableAmount", "in EUR"),
        (cii.invoice(due=("20260302", "20260402")), "ram:DueDateDateTime", "2: 2026-03-02, 2026-04-02"),
        (cii.invoice(type_code="384"), REFERENCE, "this element"),
        (cii.invoice(type_code="381"), REFERENCE, "this element"),
        (cii.invoice(type_code="381", corrects=("F-0", "F-1")), REFERENCE, "got 2"),
        (cii.invoice(type_code="381", payable="-1", corrects=("F-0",)), "ram:DuePayableAmount", "below zero"),
        (cii.invoice(payable="-1"), REFERENCE, "this element"),
        (cii.zugferd_1(payable=None, prepaid="4.90"), "ram:DuePayableAmount", "this element"),
        (cii.order().replace(b">72.00<", b">-72.00<"), f"{TOTALS}/ram:GrandTotalAmount", "below zero"),
        (cii.order("230"), "rsm:ExchangedDocument/ram:TypeCode", "no evidence is made"),
        (cii.order("231"), "rsm:ExchangedDocument/ram:TypeCode", "no evidence is made"),
    ],
)
def test_what_can_not_become_evidence_is_refused_by_its_element(data: bytes, element: str, says: str) -> None:
    """The path of the element that is missing or not supported, and what was expected of it."""
    with pytest.raises(MalformedDocument, match=says) as caught:
        read(data)
    assert element in caught.value.element


def test_another_version_of_the_standard_is_refused_by_its_namespace() -> None:
    """What has the name but not the namespace of a dialect is not taken for it."""
    with pytest.raises(MalformedInput, match=r"CrossIndustryInvoice.*:200"):
        read(cii.invoice().replace(b"CrossIndustryInvoice:100", b"CrossIndustryInvoice:200"))


def test_an_invoice_says_who_owes_how_much_until_when() -> None:
    """Every field that evidence is made of; a number of the tax office (FC) names no party."""
    agreement = f"CrossIndustryInvoice/{AGREEMENT}"
    assert read(cii.invoice(asks="<ram:PaymentReference>F-1-BUYER</ram:PaymentReference>")) == Invoice(
        number="F-1",
        issue_date="2026-01-31",
        due_date="2026-03-02",
        seller=TradeParty((("VAT", cii.SELLER_VAT),), "Supplier GmbH", f"{agreement}/ram:SellerTradeParty"),
        buyer=TradeParty((("ICD_0002", cii.BUYER_SIREN),), "Buyer SARL", f"{agreement}/ram:BuyerTradeParty"),
        currency="EUR",
        payable="104.90",
        tax="4.90",
        order="PO-1",
        contract="C-1",
        despatch="D-1",
        corrects=None,
        replaces=False,
        payment_reference="F-1-BUYER",
        due_element=f"CrossIndustryInvoice/{SETTLEMENT}/ram:SpecifiedTradePaymentTerms/ram:DueDateDateTime",
    )


def test_the_profile_minimum_is_read_and_says_no_due_date() -> None:
    """It has no terms: the reader fills nothing in."""
    assert billed(cii.invoice(due=())) == replace(billed(cii.invoice()), due_date=None)


def test_the_same_due_date_twice_is_one() -> None:
    """Terms with and without discount repeat it."""
    assert billed(cii.invoice(due=("20260302", "20260302"))) == billed(cii.invoice())


@pytest.mark.parametrize("type_code", ["380", "386"])
def test_invoices_and_prepayment_invoices_bill(type_code: str) -> None:
    """Both ask for money; a reference to an earlier invoice says nothing of correction."""
    assert billed(cii.invoice(type_code=type_code, corrects=("F-0",))) == billed(cii.invoice())


def test_a_corrected_invoice_takes_the_place_of_another() -> None:
    """Type code 384, of the one invoice that it refers to."""
    made = billed(cii.invoice(type_code="384", corrects=("F-0",)))
    assert (made.corrects, made.replaces) == ("F-0", True)


@pytest.mark.parametrize(("numbers", "corrects"), [((), None), (("F-0",), "F-0"), (("F-0", "F-2"), None)])
def test_a_debit_note_adds_to_the_invoice_it_names(numbers: tuple[str, ...], corrects: str | None) -> None:
    """Type code 383; of several, it adds to none in particular."""
    made = billed(cii.invoice(type_code="383", corrects=numbers))
    assert (made.corrects, made.replaces) == (corrects, False)


@pytest.mark.parametrize(("type_code", "payable"), [("381", "20.00"), ("380", "-20.00")])
def test_a_credit_note_takes_back_of_one_invoice(type_code: str, payable: str) -> None:
    """Type code 381, or an amount below zero; its reason is the note that is no legal notice."""
    notes = (
        "<ram:IncludedNote><ram:Content>Capital</ram:Content><ram:SubjectCode>REG</ram:SubjectCode></ram:IncludedNote>"
        "<ram:IncludedNote><ram:Content>Broken on arrival</ram:Content></ram:IncludedNote>"
    )
    made = read(cii.invoice(type_code=type_code, payable=payable, corrects=("F-0", "F-0"), notes=notes))
    assert isinstance(made, CreditNote)
    assert (made.invoice, made.amount, made.currency, made.reason) == ("F-0", "20.00", "EUR", "Broken on arrival")


def test_an_order_number_that_says_none_is_none() -> None:
    """ "NA" stands where a profile demands a number that nobody has."""
    assert billed(cii.invoice(order="NA")).order is None


def test_tax_in_the_currency_of_the_books_is_not_the_tax() -> None:
    """A second total in another currency is for the tax office."""
    tax = "<ram:TaxTotalAmount currencyID='CHF'>5</ram:TaxTotalAmount>"
    assert billed(cii.invoice(tax=tax)).tax is None
    both = tax + "<ram:TaxTotalAmount currencyID='EUR'>4.90</ram:TaxTotalAmount>"
    assert billed(cii.invoice(tax=both)).tax == "4.90"


@pytest.mark.parametrize("payable", ["104.90", None])
def test_zugferd_1_reads_like_cii(payable: str | None) -> None:
    """Other names, the same invoice; where nothing was paid before, the grand total is what is due."""
    other, made = billed(cii.invoice()), billed(cii.zugferd_1(payable=payable))
    same = replace(made, seller=other.seller, buyer=other.buyer, due_element=other.due_element, tax="4.90")
    assert same == other
    assert made.seller.identifiers == other.seller.identifiers


def test_an_order_states_what_is_ordered() -> None:
    """Quantities of one unit are added; of two units there is no sum."""
    made = read(cii.order())
    assert isinstance(made, Order)
    assert (made.number, made.issue_date, made.total, made.currency) == ("PO-1", "2026-01-05", "72.00", "EUR")
    assert made.quantity == "12"
    mixed = read(cii.order(units=("C62", "KGM")))
    assert isinstance(mixed, Order)
    assert mixed.quantity is None


@given(st.data())
def test_damage_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """Any bytes replaced in any place: a document, or a sentence."""
    good = cii.invoice(corrects=("F-0",))
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 40))
    put = data.draw(st.binary(max_size=20) | st.sampled_from([b"-", b"<ram:ID/>", b"381", b"\xc2\xa0", b"9" * 30]))
    with contextlib.suppress(MalformedInput):
        read_file("x", good[:at] + put + good[at + cut :])
