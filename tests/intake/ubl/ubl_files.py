"""UBL documents as the tests write them: only what the rules look at, each piece replaceable."""

from __future__ import annotations

from collections.abc import Mapping

_XSD = "urn:oasis:names:specification:ubl:schema:xsd:"
_CBC = f"{_XSD}CommonBasicComponents-2"
_CAC = f"{_XSD}CommonAggregateComponents-2"

SELLER_GLN, BUYER_GLN = "4012345500004", "5790000435951"
SELLER_VAT, BUYER_VAT = "DE136695976", "ATU13585627"


def document(kind: str, body: str, *, version: str | None = "2.1") -> bytes:
    """A UBL document of root element ``kind`` with the elements ``body``."""
    stated = "" if version is None else f"<cbc:UBLVersionID>{version}</cbc:UBLVersionID>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{kind} xmlns="{_XSD}{kind}-2" xmlns:cac="{_CAC}" xmlns:cbc="{_CBC}">'
        f"{stated}{body}</{kind}>"
    ).encode()


def identified(name: str, identifier: str, scheme: str = "0088") -> str:
    """What stands within a Party that is known by ``identifier``."""
    return (
        f'<cbc:EndpointID schemeID="{scheme}">{identifier}</cbc:EndpointID>'
        f"<cac:PartyName><cbc:Name>{name}</cbc:Name></cac:PartyName>"
    )


SELLER = identified("Supplier GmbH", SELLER_GLN)
BUYER = identified("Buyer AG", BUYER_GLN)


def _party(role: str, inner: str) -> str:
    return f"<cac:{role}><cac:Party>{inner}</cac:Party></cac:{role}>" if inner else ""


def _element(name: str, value: str | None) -> str:
    return "" if value is None else f"<cbc:{name}>{value}</cbc:{name}>"


def _head(number: str, issued: str) -> str:
    return f"<cbc:ID>{number}</cbc:ID><cbc:IssueDate>{issued}</cbc:IssueDate>"


def _reference(name: str, number: str | None) -> str:
    return "" if number is None else f"<cac:{name}><cbc:ID>{number}</cbc:ID></cac:{name}>"


def _billing(numbers: tuple[str, ...]) -> str:
    return "".join(
        f"<cac:BillingReference>{_reference('InvoiceDocumentReference', number)}</cac:BillingReference>"
        for number in numbers
    )


def _money(name: str, amount: str | None, currency: str = "EUR") -> str:
    return "" if amount is None else f'<cbc:{name} currencyID="{currency}">{amount}</cbc:{name}>'


def order(
    number: str = "PO-1",
    issued: str = "2026-01-05",
    *,
    quantity: str = "100",
    unit: str = "KGM",
    total: str | None = "100.00",
    terms: str = '<cbc:DurationMeasure unitCode="DAY">30</cbc:DurationMeasure>',
    buyer: str = BUYER,
    seller: str = SELLER,
    currency: str | None = "EUR",
) -> bytes:
    """An Order of one line."""
    period = (
        f"<cac:PaymentTerms><cac:SettlementPeriod>{terms}</cac:SettlementPeriod></cac:PaymentTerms>" if terms else ""
    )
    sum_ = f"<cac:AnticipatedMonetaryTotal>{_money('PayableAmount', total)}</cac:AnticipatedMonetaryTotal>"
    line = (
        f'<cac:OrderLine><cac:LineItem><cbc:ID>1</cbc:ID><cbc:Quantity unitCode="{unit}">{quantity}</cbc:Quantity>'
        "</cac:LineItem></cac:OrderLine>"
    )
    return document(
        "Order",
        _head(number, issued)
        + _element("DocumentCurrencyCode", currency)
        + _party("BuyerCustomerParty", buyer)
        + _party("SellerSupplierParty", seller)
        + (period if terms else "")
        + (sum_ if total is not None else "")
        + line,
    )


def order_response(
    number: str = "OR-1", issued: str = "2026-01-06", *, of: str = "PO-1", code: str | None = "AP", seller: str = SELLER
) -> bytes:
    """An OrderResponse."""
    return document(
        "OrderResponse",
        _head(number, issued)
        + _element("OrderResponseCode", code)
        + _reference("OrderReference", of)
        + _party("SellerSupplierParty", seller)
        + _party("BuyerCustomerParty", BUYER),
    )


def simple_response(*, of: str = "PO-1", accepted: str = "true") -> bytes:
    """An OrderResponseSimple."""
    return document(
        "OrderResponseSimple",
        _head("OR-2", "2026-01-06")
        + _element("AcceptedIndicator", accepted)
        + _reference("OrderReference", of)
        + _party("SellerSupplierParty", SELLER)
        + _party("BuyerCustomerParty", BUYER),
    )


def despatch(number: str = "DA-1", issued: str = "2026-01-10", *, of: str = "PO-1", quantity: str = "90") -> bytes:
    """A DespatchAdvice of one line."""
    return document(
        "DespatchAdvice",
        _head(number, issued)
        + _reference("OrderReference", of)
        + _party("DespatchSupplierParty", SELLER)
        + _party("DeliveryCustomerParty", BUYER)
        + "<cac:Shipment><cbc:ID>1</cbc:ID><cac:Consignment><cbc:ID>TRACK-7</cbc:ID><cac:CarrierParty><cac:PartyName>"
        "<cbc:Name>Carrier Ltd</cbc:Name></cac:PartyName></cac:CarrierParty></cac:Consignment></cac:Shipment>"
        f'<cac:DespatchLine><cbc:ID>1</cbc:ID><cbc:DeliveredQuantity unitCode="KGM">{quantity}</cbc:DeliveredQuantity>'
        "</cac:DespatchLine>",
    )


def receipt(
    number: str = "RA-1",
    issued: str = "2026-01-12",
    *,
    of: str = "PO-1",
    despatched: str | None = "DA-1",
    lines: str = '<cbc:ReceivedQuantity unitCode="KGM">90</cbc:ReceivedQuantity>'
    '<cbc:ShortQuantity unitCode="KGM">10</cbc:ShortQuantity>',
    received: str | None = "2026-01-11",
) -> bytes:
    """A ReceiptAdvice of one line."""
    return document(
        "ReceiptAdvice",
        _head(number, issued)
        + _reference("OrderReference", of)
        + _reference("DespatchDocumentReference", despatched)
        + _party("DeliveryCustomerParty", BUYER)
        + _party("DespatchSupplierParty", SELLER)
        + f"<cac:ReceiptLine><cbc:ID>1</cbc:ID>{lines}{_element('ReceivedDate', received)}</cac:ReceiptLine>",
    )


def invoice(
    number: str = "INV-1",
    issued: str = "2026-01-15",
    *,
    payable: str = "107.50",
    currency: str = "EUR",
    due: str | None = "2026-02-14",
    type_code: str | None = "380",
    order: str | None = "PO-1",
    corrects: tuple[str, ...] = (),
    seller: str = SELLER,
    buyer: str = BUYER,
    version: str | None = "2.1",
    extra: str = "",
    kind: str = "Invoice",
    total: str = "LegalMonetaryTotal",
) -> bytes:
    """An Invoice, or another ``kind`` of document that bills."""
    return document(
        kind,
        _head(number, issued)
        + _element("DueDate", due)
        + _element("InvoiceTypeCode", type_code)
        + _element("DocumentCurrencyCode", currency)
        + _reference("OrderReference", order)
        + _billing(corrects)
        + _party("AccountingSupplierParty", seller)
        + _party("AccountingCustomerParty", buyer)
        + f"<cac:TaxTotal>{_money('TaxAmount', '17.50', currency)}</cac:TaxTotal>"
        + f"<cac:{total}>{_money('PayableAmount', payable, currency)}</cac:{total}>"
        + extra,
        version=version,
    )


def credit_note(
    number: str = "CN-1", issued: str = "2026-02-20", *, of: tuple[str, ...] = ("INV-1",), amount: str = "10.75"
) -> bytes:
    """A CreditNote."""
    return invoice(number, issued, payable=amount, due=None, type_code=None, corrects=of, kind="CreditNote")


def debit_note(number: str = "DN-1", issued: str = "2026-02-20", *, amount: str = "5.00") -> bytes:
    """A DebitNote."""
    return invoice(
        number,
        issued,
        payable=amount,
        due=None,
        type_code=None,
        corrects=("INV-1",),
        kind="DebitNote",
        total="RequestedMonetaryTotal",
        extra="<cac:PaymentMeans><cbc:PaymentDueDate>2026-03-22</cbc:PaymentDueDate></cac:PaymentMeans>",
    )


def answer(
    code: str = "AP",
    *,
    number: str = "IR-1",
    issued: str = "2026-01-20",
    of: str = "INV-1",
    type_code: str | None = "380",
    reasons: Mapping[str, str] | None = None,
    customization: str = "urn:fdc:peppol.eu:poacc:trns:invoice_response:3",
    sender: str = BUYER,
    receiver: str = SELLER,
    times: int = 1,
) -> bytes:
    """An ApplicationResponse, as Peppol's Invoice Response unless ``customization`` says otherwise."""
    statuses = "".join(
        f'<cac:Status><cbc:StatusReasonCode listID="OPStatusReason">{reason}</cbc:StatusReasonCode>'
        f"<cbc:StatusReason>{text}</cbc:StatusReason></cac:Status>"
        for reason, text in (reasons or {}).items()
    )
    response = (
        f"<cac:DocumentResponse><cac:Response><cbc:ResponseCode>{code}</cbc:ResponseCode>{statuses}</cac:Response>"
        f"<cac:DocumentReference><cbc:ID>{of}</cbc:ID>{_element('DocumentTypeCode', type_code)}"
        "</cac:DocumentReference></cac:DocumentResponse>"
    )
    return document(
        "ApplicationResponse",
        _element("CustomizationID", customization)
        + _head(number, issued)
        + f"<cac:SenderParty>{sender}</cac:SenderParty><cac:ReceiverParty>{receiver}</cac:ReceiverParty>"
        + response * times,
        version=None,
    )


def remittance(
    number: str = "RM-1",
    issued: str = "2026-02-10",
    *,
    total: str = "107.50",
    lines: tuple[tuple[str | None, str], ...] = (("INV-1", "107.50"),),
) -> bytes:
    """A RemittanceAdvice; each of ``lines`` is an invoice, if any, and what is paid for it."""
    told = "".join(
        f"<cac:RemittanceAdviceLine><cbc:ID>{at}</cbc:ID>{_money('DebitLineAmount', amount)}"
        f"{_money('CreditLineAmount', '0.00')}{_billing((of,) if of else ())}</cac:RemittanceAdviceLine>"
        for at, (of, amount) in enumerate(lines)
    )
    return document(
        "RemittanceAdvice",
        _head(number, issued)
        + _money("TotalPaymentAmount", total)
        + _party("AccountingCustomerParty", BUYER)
        + _party("AccountingSupplierParty", SELLER)
        + told,
    )
