"""UBL Order, OrderResponse and OrderResponseSimple: what becomes a contract, and whether the seller agrees."""

from __future__ import annotations

from tallystick.intake.billing import order_number
from tallystick.intake.documents import Order, OrderResponse
from tallystick.intake.elements import Element, plain, quantity
from tallystick.intake.ubl.values import ORDER, read_currency, read_party
from tallystick.protocol.fields import is_currency

_BUYER = "cac:BuyerCustomerParty/cac:Party"
_SELLER = "cac:SellerSupplierParty/cac:Party"
_TOTAL = "cac:AnticipatedMonetaryTotal/cbc:PayableAmount"
_CURRENCIES = ("cbc:DocumentCurrencyCode", "cbc:PricingCurrencyCode")
_LINE = "cac:OrderLine/cac:LineItem"
_AMOUNTS = (_TOTAL, f"{_LINE}/cbc:LineExtensionAmount", f"{_LINE}/cac:Price/cbc:PriceAmount")
_DAY = "DAY"
_MAX_TERMS = 3_650
_ANSWERS = {"AP": "AP", "CA": "CA", "RE": "RE", "AB": "AB", "29": "AP", "30": "CA", "27": "RE"}
"""OrderResponseCode by UNCL 4343 as Peppol uses it, and by UNCL 1225 as its earlier version (BII) did."""


def read_order(document: Element) -> Order:
    """The order that ``document`` places."""
    total = document.find(_TOTAL)
    if total is not None and total.number() < 0:
        raise total.wrong("an amount that is not below zero")
    return Order(
        number=document.need_text("cbc:ID"),
        issue_date=document.need_date("cbc:IssueDate"),
        buyer=read_party(document, _BUYER),
        seller=read_party(document, _SELLER),
        currency=_currency(document),
        total=None if total is None else plain(total.number()),
        terms_days=_terms_days(document),
        contract=document.text("cac:Contract/cbc:ID"),
        quantity=quantity(document, f"{_LINE}/cbc:Quantity"),
    )


def _currency(document: Element) -> str:
    """The currency that the order names, else that of its first amount."""
    for path in _CURRENCIES:
        found = document.find(path)
        if found is not None and found.value:
            if not is_currency(found.value):
                raise found.wrong("a currency of ISO 4217")
            total = document.find(_TOTAL)
            return found.value if total is None else read_currency(total, found.value)
    for path in _AMOUNTS:
        amount = next(document.all(path), None)
        if amount is not None:
            return read_currency(amount, None)
    raise document.missing(_CURRENCIES[0])


def _terms_days(document: Element) -> int | None:
    """The days to pay, where they are stated as a number of days: free text is not read."""
    found = document.find("cac:PaymentTerms/cac:SettlementPeriod/cbc:DurationMeasure")
    if found is None or found.attribute("unitCode") != _DAY:
        return None
    days = found.number()
    if days != int(days) or not 0 <= days <= _MAX_TERMS:
        raise found.wrong(f"whole days from 0 to {_MAX_TERMS}")
    return int(days)


def read_order_response(document: Element) -> OrderResponse:
    """What the seller answers to an order as a whole."""
    found = document.need("cbc:OrderResponseCode")
    if found.value not in _ANSWERS:
        raise found.wrong("AP (accepted), CA (with changes), RE (rejected) or AB (received)")
    return _response(document, _ANSWERS[found.value])


def read_simple_response(document: Element) -> OrderResponse:
    """Whether the seller takes an order as it is."""
    found = document.need("cbc:AcceptedIndicator")
    if found.value not in ("true", "false", "1", "0"):
        raise found.wrong("true or false")
    return _response(document, "AP" if found.value in ("true", "1") else "RE")


def _response(document: Element, code: str) -> OrderResponse:
    order = order_number(document, ORDER)
    if order is None:
        raise document.missing("cac:OrderReference/cbc:ID")
    return OrderResponse(
        number=document.need_text("cbc:ID"),
        issue_date=document.need_date("cbc:IssueDate"),
        seller=read_party(document, _SELLER),
        buyer=read_party(document, _BUYER),
        order=order,
        code=code,
    )
