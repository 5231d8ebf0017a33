"""Cross Industry documents as the tests write them: only what the rules look at, each piece replaceable."""

from __future__ import annotations

STANDARD = "urn:un:unece:uncefact:data:standard:"
SELLER_VAT, BUYER_SIREN = "DE136695976", "987654321"
SELLER = (
    "<ram:Name>Supplier GmbH</ram:Name><ram:PostalTradeAddress><ram:CountryID>DE</ram:CountryID>"
    "</ram:PostalTradeAddress><ram:SpecifiedTaxRegistration><ram:ID schemeID='FC'>201/113</ram:ID>"
    "</ram:SpecifiedTaxRegistration><ram:SpecifiedTaxRegistration>"
    f"<ram:ID schemeID='VA'>{SELLER_VAT}</ram:ID></ram:SpecifiedTaxRegistration>"
)
BUYER = (
    "<ram:Name>Buyer SARL</ram:Name><ram:SpecifiedLegalOrganization>"
    f"<ram:ID schemeID='0002'>{BUYER_SIREN}</ram:ID></ram:SpecifiedLegalOrganization>"
)


def _element(name: str, value: str | None, attributes: str = "") -> str:
    return "" if value is None else f"<{name}{attributes}>{value}</{name}>"


def _day(name: str, day: str | None, form: str = "102") -> str:
    return _element(name, None if day is None else f"<udt:DateTimeString format='{form}'>{day}</udt:DateTimeString>")


def _reference(name: str, number: str | None) -> str:
    return _element(name, None if number is None else f"<ram:IssuerAssignedID>{number}</ram:IssuerAssignedID>")


def invoice(
    number: str | None = "F-1",
    issued: str | None = "20260131",
    *,
    form: str = "102",
    type_code: str | None = "380",
    due: tuple[str, ...] = ("20260302",),
    seller: str = SELLER,
    buyer: str = BUYER,
    currency: str | None = "EUR",
    payable: str | None = "104.90",
    tax: str = "<ram:TaxTotalAmount currencyID='EUR'>4.90</ram:TaxTotalAmount>",
    order: str | None = "PO-1",
    corrects: tuple[str, ...] = (),
    notes: str = "",
    asks: str = "",
    test: str | None = None,
) -> bytes:
    """An invoice of CII D16B, as the profile BASIC WL has it: no lines."""
    root = f"{STANDARD}CrossIndustryInvoice:100"
    body = (
        "<rsm:ExchangedDocumentContext>"
        + _element("ram:TestIndicator", None if test is None else f"<udt:Indicator>{test}</udt:Indicator>")
        + "</rsm:ExchangedDocumentContext><rsm:ExchangedDocument>"
        + _element("ram:ID", number)
        + _element("ram:TypeCode", type_code)
        + _day("ram:IssueDateTime", issued, form)
        + notes
        + "</rsm:ExchangedDocument><rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeAgreement>"
        + _element("ram:SellerTradeParty", seller or None)
        + _element("ram:BuyerTradeParty", buyer or None)
        + _reference("ram:BuyerOrderReferencedDocument", order)
        + _reference("ram:ContractReferencedDocument", "C-1")
        + "</ram:ApplicableHeaderTradeAgreement><ram:ApplicableHeaderTradeDelivery>"
        + _reference("ram:DespatchAdviceReferencedDocument", "D-1")
        + f"</ram:ApplicableHeaderTradeDelivery><ram:ApplicableHeaderTradeSettlement>{asks}"
        + _element("ram:InvoiceCurrencyCode", currency)
        + "".join(_element("ram:SpecifiedTradePaymentTerms", _day("ram:DueDateDateTime", day)) for day in due)
        + "<ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
        + tax
        + "<ram:GrandTotalAmount>104.90</ram:GrandTotalAmount>"
        + _element("ram:DuePayableAmount", payable)
        + "</ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
        + "".join(_reference("ram:InvoiceReferencedDocument", each) for each in corrects)
        + "</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction>"
    )
    return _document("CrossIndustryInvoice", root, body)


def _document(name: str, root: str, body: str, entities: int = 100, types: int = 100) -> bytes:
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<rsm:{name} xmlns:rsm='{root}' "
        f"xmlns:ram='{STANDARD}ReusableAggregateBusinessInformationEntity:{entities}' "
        f"xmlns:udt='{STANDARD}UnqualifiedDataType:{types}'>{body}</rsm:{name}>"
    ).encode()


def zugferd_1(payable: str | None = "104.90", prepaid: str | None = None) -> bytes:
    """The same invoice as ZUGFeRD 1 spells it."""
    summation = (
        "<ram:GrandTotalAmount currencyID='EUR'>104.90</ram:GrandTotalAmount>"
        + _element("ram:TotalPrepaidAmount", prepaid)
        + _element("ram:DuePayableAmount", payable)
    )
    replaced = (
        invoice()
        .decode()
        .replace("CrossIndustryInvoice", "CrossIndustryDocument")
        .replace(f"{STANDARD}CrossIndustryDocument:100", "urn:ferd:CrossIndustryDocument:invoice:1p0")
        .replace("InformationEntity:100", "InformationEntity:12")
        .replace("DataType:100", "DataType:15")
        .replace("rsm:ExchangedDocumentContext", "rsm:SpecifiedExchangedDocumentContext")
        .replace("rsm:ExchangedDocument>", "rsm:HeaderExchangedDocument>")
        .replace("rsm:SupplyChain", "rsm:SpecifiedSupplyChain")
        .replace("ApplicableHeaderTrade", "ApplicableSupplyChainTrade")
        .replace("SettlementHeaderMonetary", "SettlementMonetary")
        .replace("DespatchAdviceReferenced", "DeliveryNoteReferenced")
        .replace("ram:IssuerAssignedID", "ram:ID")
    )
    start = replaced.index("<ram:GrandTotalAmount>")
    end = replaced.index("</ram:SpecifiedTradeSettlementMonetarySummation>")
    return (replaced[:start] + summation + replaced[end:]).encode()


def order(type_code: str = "220", units: tuple[str, ...] = ("C62", "C62")) -> bytes:
    """An order of Order-X."""
    lines = "".join(
        "<ram:IncludedSupplyChainTradeLineItem><ram:SpecifiedLineTradeDelivery>"
        f"<ram:RequestedQuantity unitCode='{unit}'>6</ram:RequestedQuantity>"
        "</ram:SpecifiedLineTradeDelivery></ram:IncludedSupplyChainTradeLineItem>"
        for unit in units
    )
    body = (
        f"<rsm:ExchangedDocument><ram:ID>PO-1</ram:ID><ram:TypeCode>{type_code}</ram:TypeCode>"
        + _day("ram:IssueDateTime", "202601051232", "203")
        + f"</rsm:ExchangedDocument><rsm:SupplyChainTradeTransaction>{lines}<ram:ApplicableHeaderTradeAgreement>"
        + _element("ram:SellerTradeParty", SELLER)
        + _element("ram:BuyerTradeParty", BUYER)
        + "</ram:ApplicableHeaderTradeAgreement><ram:ApplicableHeaderTradeSettlement>"
        + "<ram:OrderCurrencyCode>EUR</ram:OrderCurrencyCode><ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
        + "<ram:GrandTotalAmount>72.00</ram:GrandTotalAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
        + "</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction>"
    )
    name = "SCRDMCCBDACIOMessageStructure"
    return _document(name, f"urn:un:unece:uncefact:data:{name}:100", body, 128, 128)
