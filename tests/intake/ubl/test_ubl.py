"""UBL and Peppol documents: read with everything that evidence needs, or refused with the element that is at fault."""

from __future__ import annotations

import pytest

from intake.ubl import ubl_files as ubl
from tallystick.errors import MalformedDocument, MalformedInput
from tallystick.intake.documents import (
    CreditNote,
    DespatchAdvice,
    Document,
    Invoice,
    InvoiceResponse,
    Order,
    OrderResponse,
    ReceiptAdvice,
    Remittance,
    TradeParty,
)
from tallystick.intake.readers import read_file


def read(data: bytes) -> Document:
    (item,) = read_file("document.xml", data).items
    assert not isinstance(item, MalformedInput)
    return item


def _typed_credit_note(code: str) -> bytes:
    typed = b"</cbc:IssueDate><cbc:CreditNoteTypeCode>%s</cbc:CreditNoteTypeCode>" % code.encode()
    return ubl.credit_note().replace(b"</cbc:IssueDate>", typed)


@pytest.mark.parametrize(
    ("data", "element", "says"),
    [
        (ubl.invoice(version="2.5"), "Invoice/cbc:UBLVersionID", "2.0 to 2.4, got '2.5'"),
        (ubl.invoice(type_code="389"), "Invoice/cbc:InvoiceTypeCode", "self-billed"),
        (ubl.invoice(type_code="325"), "Invoice/cbc:InvoiceTypeCode", "asks for money"),
        (ubl.invoice(kind="SelfBilledInvoice"), "SelfBilledInvoice", "self-billed"),
        (ubl.document("OrderChange", ""), "OrderChange", "no evidence is made"),
        (ubl.invoice(number=""), "Invoice/cbc:ID", "expected this element"),
        (ubl.invoice(issued="15.01.2026"), "Invoice/cbc:IssueDate", "2026-03-31"),
        (ubl.invoice(seller=""), "Invoice/cac:AccountingSupplierParty/cac:Party", "expected this element"),
        (ubl.invoice(payable="1,00"), "Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount", "decimal number"),
        (
            ubl.invoice(payable="-1"),
            "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID",
            "expected this element",
        ),
        (ubl.invoice(type_code="384"), "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID", "this element"),
        (ubl.invoice().replace(b'"EUR"', b'"USD"'), "cbc:PayableAmount", "in EUR"),
        (ubl.invoice().replace(b' currencyID="EUR"', b""), "cbc:PayableAmount/@currencyID", "this element"),
        (ubl.credit_note(of=()), "CreditNote/cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID", "this element"),
        (ubl.credit_note(of=("INV-1", "INV-2")), "cac:InvoiceDocumentReference/cbc:ID", "got 2"),
        (ubl.credit_note(amount="-1"), "CreditNote/cac:LegalMonetaryTotal/cbc:PayableAmount", "below zero"),
        (_typed_credit_note("261"), "CreditNote/cbc:CreditNoteTypeCode", "self-billed"),
        (_typed_credit_note("380"), "CreditNote/cbc:CreditNoteTypeCode", "381, got '380'"),
        (ubl.order(total="-1"), "Order/cac:AnticipatedMonetaryTotal/cbc:PayableAmount", "below zero"),
        (ubl.debit_note(amount="-1"), "DebitNote/cac:RequestedMonetaryTotal/cbc:PayableAmount", "below zero"),
        (ubl.order_response(code=None), "OrderResponse/cbc:OrderResponseCode", "this element"),
        (ubl.order_response(code="ZZ"), "OrderResponse/cbc:OrderResponseCode", "AP"),
        (ubl.order_response(of="NA"), "OrderResponse/cac:OrderReference/cbc:ID", "this element"),
        (ubl.simple_response(accepted="yes"), "cbc:AcceptedIndicator", "true or false"),
        (ubl.order(currency=None, total=None), "Order/cbc:DocumentCurrencyCode", "this element"),
        (ubl.order(currency="euro"), "Order/cbc:DocumentCurrencyCode", "ISO 4217"),
        (ubl.receipt(received=None), "cac:ReceiptLine/cbc:ReceivedDate", "this element"),
        (ubl.receipt().replace(b"ReceiptLine>", b"OtherLine>"), "cbc:ActualDeliveryDate", "this element"),
        (ubl.answer("XX"), "cac:Response/cbc:ResponseCode", "AB, IP"),
        (ubl.answer(customization="urn:fdc:peppol.eu:poacc:trns:mlr:3"), "cbc:CustomizationID", "message level"),
        (ubl.answer(customization="", type_code=None), "cbc:DocumentTypeCode", "this element"),
        (ubl.answer(type_code="381"), "cbc:DocumentTypeCode", "an invoice"),
        (ubl.answer(times=2), "ApplicationResponse/cac:DocumentResponse", "got it 2 times"),
        (ubl.remittance(total="0"), "RemittanceAdvice/cbc:TotalPaymentAmount", "above zero"),
        (ubl.remittance(total="100"), "RemittanceAdvice/cbc:TotalPaymentAmount", "107.50"),
        (ubl.remittance(lines=(("INV-1", "-5"),)), "cbc:TotalPaymentAmount", "each above zero"),
        (ubl.remittance().replace(b"DebitLineAmount", b"OtherAmount"), "cbc:DebitLineAmount", "this element"),
    ],
)
def test_what_can_not_become_evidence_is_refused_by_its_element(data: bytes, element: str, says: str) -> None:
    """The path of the element that is missing or not supported, and what was expected of it."""
    with pytest.raises(MalformedDocument, match=says) as caught:
        read(data)
    assert element in caught.value.element


@pytest.mark.parametrize("data", [b"", b"%!PS", b"hello"])
def test_what_is_no_document_is_refused_with_what_is_known(data: bytes) -> None:
    """Neither XML nor another known kind: the sentence lists the kinds."""
    with pytest.raises(MalformedInput, match="UBL"):
        read_file("document", data)


def test_another_xml_is_refused_by_its_root() -> None:
    """A bank message is no trade document, and has a command of its own."""
    with pytest.raises(MalformedInput, match=r"Document.*camt\.053.*tallystick bank"):
        read_file("x.xml", b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>')


SELLER = TradeParty((("GLN", ubl.SELLER_GLN),), "Supplier GmbH")
BUYER = TradeParty((("GLN", ubl.BUYER_GLN),), "Buyer AG")


def at(party: TradeParty, element: str) -> TradeParty:
    return TradeParty(party.identifiers, party.name, element)


def test_an_invoice_says_who_owes_how_much_until_when() -> None:
    """Every field that evidence is made of, as spelled."""
    asks = "<cac:PaymentMeans><cbc:PaymentID>RF18 5390 0754 7034</cbc:PaymentID></cac:PaymentMeans>"
    assert read(ubl.invoice(extra=asks)) == Invoice(
        number="INV-1",
        issue_date="2026-01-15",
        due_date="2026-02-14",
        seller=at(SELLER, "Invoice/cac:AccountingSupplierParty/cac:Party"),
        buyer=at(BUYER, "Invoice/cac:AccountingCustomerParty/cac:Party"),
        currency="EUR",
        payable="107.50",
        tax="17.50",
        order="PO-1",
        contract=None,
        despatch=None,
        corrects=None,
        replaces=False,
        payment_reference="RF18 5390 0754 7034",
        due_element="Invoice/cbc:DueDate",
    )


@pytest.mark.parametrize("references", [(), ("NA",), ("KID-1", "KID-2"), ("", "N/A")])
def test_an_invoice_that_asks_for_no_one_reference_states_none(references: tuple[str, ...]) -> None:
    """Of several, none is the one; the same said twice is one."""
    means = [f"<cac:PaymentMeans><cbc:PaymentID>{each}</cbc:PaymentID></cac:PaymentMeans>" for each in references]
    assert read(ubl.invoice(extra="".join(means))) == read(ubl.invoice())
    twice = read(ubl.invoice(extra="<cac:PaymentMeans><cbc:PaymentID>K-1</cbc:PaymentID></cac:PaymentMeans>" * 2))
    assert isinstance(twice, Invoice)
    assert twice.payment_reference == "K-1"


@pytest.mark.parametrize("version", [None, "2.0", "2.1", "2.2", "2.3", "2.4"])
@pytest.mark.parametrize("type_code", [None, "380", "SalesInvoice", "386"])
def test_every_version_from_2_0_to_2_4_reads_alike(version: str | None, type_code: str | None) -> None:
    """Also without a version, and with UBL 2.0's word for an invoice."""
    assert read(ubl.invoice(version=version, type_code=type_code)) == read(ubl.invoice())


def test_prefixes_do_not_matter() -> None:
    """The same elements under other prefixes, one of them declared on the way, are the same invoice."""
    data = ubl.invoice().replace(b"cbc:", b"Harry:").replace(b":cbc=", b":Harry=").replace(b"cac", b"Sally")
    assert read(data) == read(ubl.invoice())
    bare = ubl.invoice().replace(b"<cbc:ID>INV-1</cbc:ID>", b'<ID xmlns="%s">INV-1</ID>' % ubl._CBC.encode(), 1)
    assert read(bare) == read(ubl.invoice())


@pytest.mark.parametrize("path", ["cac:PaymentMeans", "cac:PaymentTerms"])
def test_a_due_date_stands_where_its_version_has_it(path: str) -> None:
    """UBL 2.0 has it with the means of payment, UBL 2.1 with the terms or in the head; free text is never read."""
    other = f"<{path}><cbc:Note>30 days</cbc:Note><cbc:PaymentDueDate>2026-03-01</cbc:PaymentDueDate></{path}>"
    made = read(ubl.invoice(due=None, extra=other))
    assert isinstance(made, Invoice)
    assert made.due_date == "2026-03-01"
    silent = read(ubl.invoice(due=None, extra=f"<{path}><cbc:Note>30 days</cbc:Note></{path}>"))
    assert isinstance(silent, Invoice)
    assert silent.due_date is None


def test_a_negative_invoice_that_refers_to_another_is_a_credit_note() -> None:
    """Peppol's way to correct: the amount without its sign, of the invoice referred to."""
    made = read(ubl.invoice(payable="-107.50", corrects=("INV-0",), due=None))
    assert isinstance(made, CreditNote)
    assert (made.amount, made.invoice) == ("107.50", "INV-0")


def test_a_corrected_invoice_replaces_and_a_debit_note_adds() -> None:
    """384 takes the place of what it refers to; a debit note bills more, due as it says."""
    corrected = read(ubl.invoice(type_code="384", corrects=("INV-0",)))
    added = read(ubl.debit_note())
    assert isinstance(corrected, Invoice)
    assert isinstance(added, Invoice)
    assert (corrected.corrects, corrected.replaces) == ("INV-0", True)
    assert (added.corrects, added.replaces, added.payable, added.due_date) == ("INV-1", False, "5.00", "2026-03-22")


def test_a_credit_note_may_say_its_type() -> None:
    """381, or another that EN 16931 lists."""
    assert read(_typed_credit_note("381")) == read(_typed_credit_note("396")) == read(ubl.credit_note())


def test_a_credit_note_may_name_its_invoice_in_its_lines() -> None:
    """As the OASIS example does, with the reason."""
    line = (
        "<cac:CreditNoteLine><cac:DiscrepancyResponse><cbc:Description>short</cbc:Description></cac:DiscrepancyResponse>"
        "<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>INV-7</cbc:ID></cac:InvoiceDocumentReference>"
        "</cac:BillingReference></cac:CreditNoteLine>"
    )
    made = read(ubl.credit_note(of=()).replace(b"</CreditNote>", line.encode() + b"</CreditNote>"))
    assert isinstance(made, CreditNote)
    assert (made.invoice, made.reason) == ("INV-7", "short")


def test_a_party_is_known_by_all_identifiers_that_hold_the_best_first() -> None:
    """VAT by its tax scheme and country, GLN and registration by their schemes; what does not hold is left out."""
    inner = (
        f'<cbc:EndpointID schemeID="0088">{ubl.SELLER_GLN}</cbc:EndpointID>'
        '<cac:PartyIdentification><cbc:ID schemeID="0199">5493001KJTIIGC8Y1R12</cbc:ID></cac:PartyIdentification>'
        '<cac:PartyIdentification><cbc:ID schemeID="0088">1234567890123</cbc:ID></cac:PartyIdentification>'
        "<cac:PartyIdentification><cbc:ID>4711</cbc:ID></cac:PartyIdentification>"
        "<cac:PostalAddress><cac:Country><cbc:IdentificationCode>GB</cbc:IdentificationCode></cac:Country></cac:PostalAddress>"
        "<cac:PartyTaxScheme><cbc:CompanyID>175 269 2355</cbc:CompanyID>"
        "<cac:TaxScheme><cbc:ID>UK VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
        "<cac:PartyTaxScheme><cbc:CompanyID>Foretaksregisteret</cbc:CompanyID>"
        "<cac:TaxScheme><cbc:ID>TAX</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
        "<cac:PartyLegalEntity><cbc:RegistrationName>Registered Ltd</cbc:RegistrationName>"
        '<cbc:CompanyID schemeID="0192">987654325</cbc:CompanyID></cac:PartyLegalEntity>'
    )
    made = read(ubl.invoice(seller=inner))
    assert isinstance(made, Invoice)
    assert made.seller.name == "Registered Ltd"
    assert made.seller.identifiers == (
        ("LEI", "5493001KJTIIGC8Y1R12"),
        ("VAT", "GB1752692355"),
        ("GLN", ubl.SELLER_GLN),
        ("ICD_0192", "987654325"),
    )


def test_an_order_says_what_is_agreed_and_its_answer_whether() -> None:
    """Total, days to pay where they are a number, and the quantity; AP, CA, RE and AB, in either spelling."""
    made = read(ubl.order())
    assert isinstance(made, Order)
    assert (made.number, made.currency, made.total, made.terms_days, made.quantity) == (
        "PO-1",
        "EUR",
        "100.00",
        30,
        "100",
    )
    silent = read(ubl.order(terms="", currency=None))
    assert isinstance(silent, Order)
    assert (silent.terms_days, silent.currency) == (None, "EUR")
    for code, said in (("AP", "AP"), ("CA", "CA"), ("RE", "RE"), ("AB", "AB"), ("29", "AP"), ("27", "RE")):
        response = read(ubl.order_response(code=code))
        assert isinstance(response, OrderResponse)
        assert (response.order, response.code) == ("PO-1", said)
    for accepted, said in (("true", "AP"), ("false", "RE")):
        response = read(ubl.simple_response(accepted=accepted))
        assert isinstance(response, OrderResponse)
        assert response.code == said


def test_quantities_are_added_only_within_one_unit() -> None:
    """Two lines of kilograms add up; kilograms and pieces do not."""
    line = b'<cac:OrderLine><cac:LineItem><cbc:Quantity unitCode="%s">5</cbc:Quantity></cac:LineItem></cac:OrderLine>'
    same = read(ubl.order().replace(b"</Order>", line % b"KGM" + b"</Order>"))
    other = read(ubl.order().replace(b"</Order>", line % b"C62" + b"</Order>"))
    assert isinstance(same, Order)
    assert isinstance(other, Order)
    assert (same.quantity, other.quantity) == ("105", None)


def test_a_delivery_is_what_was_sent_and_what_arrived() -> None:
    """Sent quantity and carrier by the seller; received, short and rejected by the buyer, with the day and reason."""
    sent = read(ubl.despatch())
    assert isinstance(sent, DespatchAdvice)
    assert (sent.order, sent.quantity, sent.received_date) == ("PO-1", "90", None)
    assert (sent.carrier, sent.tracking_number) == ("Carrier Ltd", "TRACK-7")
    lines = (
        '<cbc:ReceivedQuantity unitCode="KGM">85</cbc:ReceivedQuantity><cbc:RejectedQuantity unitCode="KGM">5'
        "</cbc:RejectedQuantity><cbc:RejectReason>broken</cbc:RejectReason>"
    )
    arrived = read(ubl.receipt(lines=lines))
    assert isinstance(arrived, ReceiptAdvice)
    assert (arrived.despatch, arrived.received_date) == ("DA-1", "2026-01-11")
    assert (arrived.received, arrived.short, arrived.rejected, arrived.reason) == ("85", None, "5", "broken")


@pytest.mark.parametrize("code", ["AB", "IP", "UQ", "CA", "RE", "AP", "PD"])
def test_an_invoice_response_says_what_the_buyer_makes_of_the_invoice(code: str) -> None:
    """Every code of Peppol's list, with reason code and text."""
    made = read(ubl.answer(code, reasons={"QTY": "ten are missing"}))
    assert isinstance(made, InvoiceResponse)
    assert (made.number, made.invoice, made.code) == ("IR-1", "INV-1", code)
    assert (made.reason_code, made.reason) == ("QTY", "ten are missing")


def test_a_remittance_says_which_invoices_are_paid() -> None:
    """Lines of one invoice are added; what names no invoice stays unallocated."""
    made = read(ubl.remittance(total="120.00", lines=(("INV-1", "100.00"), ("INV-1", "7.50"), (None, "12.50"))))
    assert isinstance(made, Remittance)
    assert (made.amount, made.currency, made.allocations) == ("120.00", "EUR", (("INV-1", "107.50"),))


def test_the_file_is_known_by_its_exact_bytes() -> None:
    """Name, size and SHA-256 of what was read, not of what it means."""
    one, other = read_file("a.xml", ubl.invoice()), read_file("b.xml", ubl.invoice() + b"\n")
    assert one.items == other.items
    assert one.source.sha256 != other.source.sha256
    assert (one.kind, one.source.name, one.source.size) == ("UBL", "a.xml", len(ubl.invoice()))
