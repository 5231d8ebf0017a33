"""UN/CEFACT Cross Industry documents: Factur-X, ZUGFeRD 1 and 2, XRechnung (CII D16B to D22B), and orders of Order-X.

Rules:

- the dialects differ in their namespaces and in the names of a few elements, and in nothing else that is read here;
- every profile is read, MINIMUM and BASIC WL too, where it has what evidence needs; else the missing element is named;
- an invoice whose amount is below zero and that refers to another is a credit note, as in UBL;
- a document that is marked as a test is refused, and so is one that is due in instalments: a due date is one day.

Example: ``read_cii(read_xml(data))`` gives ``[Invoice(...)]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from tallystick.errors import MalformedDocument
from tallystick.intake.billing import (
    BILLS,
    CORRECTED,
    CREDITS,
    DEBIT_NOTE,
    SELF_BILLED,
    one_reference,
    order_number,
    self_billed,
    stated,
)
from tallystick.intake.documents import CreditNote, Document, Invoice, Order, TradeParty
from tallystick.intake.elements import Element, plain, quantity
from tallystick.intake.identifiers import in_order, normalise
from tallystick.intake.xml import local_name, namespace
from tallystick.protocol.fields import is_currency, is_date

_STANDARD = "urn:un:unece:uncefact:data:standard:"


@dataclass(frozen=True, slots=True)
class _Dialect:
    """The names of the elements in one kind of Cross Industry document."""

    prefixes: Mapping[str, str]
    context: str = "rsm:ExchangedDocumentContext"
    head: str = "rsm:ExchangedDocument"
    trade: str = "rsm:SupplyChainTradeTransaction"
    agreement: str = "ram:ApplicableHeaderTradeAgreement"
    delivery: str = "ram:ApplicableHeaderTradeDelivery"
    settlement: str = "ram:ApplicableHeaderTradeSettlement"
    totals: str = "ram:SpecifiedTradeSettlementHeaderMonetarySummation"
    despatch: str = "ram:DespatchAdviceReferencedDocument"
    number: str = "ram:IssuerAssignedID"
    payable_is_optional: bool = False


def _prefixes(root: str, entities: int, types: int) -> Mapping[str, str]:
    return {
        "rsm": root,
        "ram": f"{_STANDARD}ReusableAggregateBusinessInformationEntity:{entities}",
        "udt": f"{_STANDARD}UnqualifiedDataType:{types}",
    }


_INVOICE, _ZUGFERD_1, _ORDER = "CrossIndustryInvoice", "CrossIndustryDocument", "SCRDMCCBDACIOMessageStructure"
_DIALECTS: Mapping[tuple[str, str], _Dialect] = {
    (f"{_STANDARD}{_INVOICE}:100", _INVOICE): _Dialect(_prefixes(f"{_STANDARD}{_INVOICE}:100", 100, 100)),
    (f"urn:ferd:{_ZUGFERD_1}:invoice:1p0", _ZUGFERD_1): _Dialect(
        _prefixes(f"urn:ferd:{_ZUGFERD_1}:invoice:1p0", 12, 15),
        context="rsm:SpecifiedExchangedDocumentContext",
        head="rsm:HeaderExchangedDocument",
        trade="rsm:SpecifiedSupplyChainTradeTransaction",
        agreement="ram:ApplicableSupplyChainTradeAgreement",
        delivery="ram:ApplicableSupplyChainTradeDelivery",
        settlement="ram:ApplicableSupplyChainTradeSettlement",
        totals="ram:SpecifiedTradeSettlementMonetarySummation",
        despatch="ram:DeliveryNoteReferencedDocument",
        number="ram:ID",
        payable_is_optional=True,
    ),
    (f"urn:un:unece:uncefact:data:{_ORDER}:100", _ORDER): _Dialect(
        _prefixes(f"urn:un:unece:uncefact:data:{_ORDER}:100", 128, 128)
    ),
}
_TYPE = "ram:TypeCode"
_DUE = "ram:SpecifiedTradePaymentTerms/ram:DueDateDateTime"
_CURRENCY = "ram:InvoiceCurrencyCode"
_LINE_REFERENCE = "ram:IncludedSupplyChainTradeLineItem/ram:SpecifiedLineTradeSettlement/ram:InvoiceReferencedDocument"
_ORDERS = ("220", "221", "226", "227")
_DATE_FORMATS: Mapping[str | None, str] = {"102": r"[0-9]{8}\Z", "203": r"[0-9]{12}\Z", "204": r"[0-9]{14}\Z"}
"""UNCL 2379: a day, a day with hours and minutes, and with seconds."""


def is_cii(space: str, name: str) -> bool:
    """Whether ``space`` and ``name`` are namespace and name of the root of a Cross Industry document."""
    return (space, name) in _DIALECTS


def read_cii(root: etree._Element) -> list[Document]:
    """The one document that ``root`` holds.

    Raises:
        MalformedDocument: an element is missing, not of its form, or says what can't become evidence; names it.
    """
    name = local_name(root)
    dialect = _DIALECTS[namespace(root), name]
    document = Element(root, name, dialect.prefixes)
    test = document.find(f"{dialect.context}/ram:TestIndicator/udt:Indicator")
    if test is not None and test.value in ("true", "1"):
        raise MalformedDocument("expected a document in earnest, got one marked as a test.", element=test.path)
    parts = _Parts(document, dialect)
    return [parts.order() if name == _ORDER else parts.invoice()]


class _Parts:
    """The parts of one document by their names in its dialect."""

    def __init__(self, document: Element, dialect: _Dialect) -> None:
        self.dialect = dialect
        self.head = document.need(dialect.head)
        self.trade = document.need(dialect.trade)
        self.agreement = self.trade.need(dialect.agreement)
        self.settlement = self.trade.need(dialect.settlement)

    def invoice(self) -> Invoice | CreditNote:
        """What the document bills or credits."""
        kind = self.head.need(_TYPE)
        if kind.value in SELF_BILLED:
            raise self_billed(kind.path)
        if kind.value not in BILLS | CREDITS:
            raise kind.wrong("the type code of an invoice or a credit note, such as 380 or 381")
        payable = self._payable()
        if kind.value in CREDITS:
            if payable.number() < 0:
                raise payable.wrong("an amount that is not below zero: a credit note that takes back is not read")
            return self._credit(payable)
        if payable.number() < 0:
            return self._credit(payable)
        replaces = kind.value == CORRECTED
        corrects = None
        if replaces:
            corrects = self._one_reference()
        elif kind.value == DEBIT_NOTE:
            numbers = self._references()
            corrects = numbers[0] if len(numbers) == 1 else None
        return self._bill(payable, corrects, replaces=replaces)

    def order(self) -> Order:
        """What the document orders."""
        kind = self.head.need(_TYPE)
        if kind.value not in _ORDERS:
            raise kind.wrong("the type code of an order, such as 220: of changes and answers no evidence is made")
        currency = self._currency("ram:OrderCurrencyCode")
        total = self.settlement.find(f"{self.dialect.totals}/ram:GrandTotalAmount")
        if total is not None and total.number() < 0:
            raise total.wrong("an amount that is not below zero")
        return Order(
            number=self.head.need_text("ram:ID"),
            issue_date=self._issued(),
            buyer=_read_party(self.agreement, "ram:BuyerTradeParty"),
            seller=_read_party(self.agreement, "ram:SellerTradeParty"),
            currency=currency,
            total=None if total is None else plain(_in(total, currency).number()),
            terms_days=None,
            contract=self._referred(self.agreement, "ram:ContractReferencedDocument"),
            quantity=quantity(
                self.trade,
                "ram:IncludedSupplyChainTradeLineItem/ram:SpecifiedLineTradeDelivery/ram:RequestedQuantity",
            ),
        )

    def _bill(self, payable: Element, corrects: str | None, *, replaces: bool) -> Invoice:
        currency = self._currency(_CURRENCY)
        orders = f"ram:BuyerOrderReferencedDocument/{self.dialect.number}"
        return Invoice(
            number=self.head.need_text("ram:ID"),
            issue_date=self._issued(),
            due_date=self._due_date(),
            seller=_read_party(self.agreement, "ram:SellerTradeParty"),
            buyer=_read_party(self.agreement, "ram:BuyerTradeParty"),
            currency=currency,
            payable=plain(_in(payable, currency).number()),
            tax=self._tax(currency),
            order=order_number(self.agreement, orders),
            contract=self._referred(self.agreement, "ram:ContractReferencedDocument"),
            despatch=self._referred(self.trade, f"{self.dialect.delivery}/{self.dialect.despatch}"),
            corrects=corrects,
            replaces=replaces,
            payment_reference=stated(self.settlement.all("ram:PaymentReference")),
            due_element=f"{self.settlement.path}/{_DUE}",
        )

    def _credit(self, payable: Element) -> CreditNote:
        currency = self._currency(_CURRENCY)
        return CreditNote(
            number=self.head.need_text("ram:ID"),
            issue_date=self._issued(),
            seller=_read_party(self.agreement, "ram:SellerTradeParty"),
            buyer=_read_party(self.agreement, "ram:BuyerTradeParty"),
            currency=currency,
            amount=plain(_in(payable, currency).number()),
            invoice=self._one_reference(),
            reason=self._free_note(),
        )

    def _payable(self) -> Element:
        """What is to be paid; ZUGFeRD 1 leaves it out where nothing was paid before."""
        totals = self.settlement.need(self.dialect.totals)
        total = totals.find("ram:GrandTotalAmount")
        if (
            self.dialect.payable_is_optional
            and totals.find("ram:DuePayableAmount") is None
            and totals.find("ram:TotalPrepaidAmount") is None
            and total is not None
        ):
            return total
        return totals.need("ram:DuePayableAmount")

    def _currency(self, path: str) -> str:
        found = self.settlement.need(path)
        if not is_currency(found.value):
            raise found.wrong("a currency of ISO 4217")
        return found.value

    def _tax(self, currency: str) -> str | None:
        """The tax in the ``currency`` of the invoice; another amount may state it in that of the books."""
        for tax in self.settlement.all(f"{self.dialect.totals}/ram:TaxTotalAmount"):
            if tax.currency() in (currency, None) and tax.number() >= 0:
                return plain(tax.number())
        return None

    def _issued(self) -> str:
        day = _date(self.head, "ram:IssueDateTime")
        if day is None:
            raise self.head.missing("ram:IssueDateTime/udt:DateTimeString")
        return day

    def _due_date(self) -> str | None:
        terms = self.settlement.all("ram:SpecifiedTradePaymentTerms")
        days = {day for each in terms if (day := _date(each, "ram:DueDateDateTime")) is not None}
        if len(days) > 1:
            raise self.settlement.missing(
                _DUE,
                f"expected one due date, got {len(days)}: {', '.join(sorted(days))}.",
                todo="Issue an invoice for each instalment, or record it with `tallystick record`.",
            )
        return next(iter(days), None)

    def _referred(self, within: Element, path: str) -> str | None:
        return within.text(f"{path}/{self.dialect.number}")

    def _references(self) -> list[str]:
        """The different invoices that the document refers to, in its head or in its lines."""
        number = self.dialect.number
        head = self.settlement.all(f"ram:InvoiceReferencedDocument/{number}")
        lines = self.trade.all(f"{_LINE_REFERENCE}/{number}")
        return list(dict.fromkeys(each.value for found in (head, lines) for each in found if each.value))

    def _one_reference(self) -> str:
        path = f"ram:InvoiceReferencedDocument/{self.dialect.number}"
        return one_reference(self.settlement, path, self._references())

    def _free_note(self) -> str | None:
        """The first note that is not of a fixed subject, as legal notices are."""
        notes = (note for note in self.head.all("ram:IncludedNote") if note.text("ram:SubjectCode") is None)
        return next((text for note in notes if (text := note.text("ram:Content")) is not None), None)


def _read_party(agreement: Element, path: str) -> TradeParty:
    """The party at ``path``. Raises ``MalformedDocument`` where there is none."""
    party = agreement.need(path)
    country = party.text("ram:PostalTradeAddress/ram:CountryID")
    paths = (
        "ram:GlobalID",
        "ram:SpecifiedLegalOrganization/ram:ID",
        "ram:URIUniversalCommunication/ram:URIID",
        "ram:SpecifiedTaxRegistration/ram:ID",
    )
    found = [normalise(ident.attribute("schemeID"), ident.value, country) for at in paths for ident in party.all(at)]
    return TradeParty(in_order(found), party.text("ram:Name"), party.path)


def _in(amount: Element, currency: str) -> Element:
    """``amount``, which is in ``currency`` where it names one."""
    if amount.currency() not in (None, currency):
        raise amount.wrong(f"an amount in {currency}, not {amount.currency()}")
    return amount


def _date(within: Element, path: str) -> str | None:
    """The date at ``path``, by the format that it names, or None where there is none."""
    found = within.find(f"{path}/udt:DateTimeString")
    if found is None:
        return within.date(f"{path}/udt:DateTime")
    digits, form = found.value, found.attribute("format")
    if form not in _DATE_FORMATS:
        raise found.missing("@format", f"expected 102 (a date such as 20260331), got {form}.")
    day = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
    if not re.match(_DATE_FORMATS[form], digits) or not is_date(day):
        raise found.wrong(f"a date of the format {form}, such as 20260331")
    return day
