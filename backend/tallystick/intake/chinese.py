"""Chinese fully digitalised e-invoices (数电票) as XML: what the tax platform issued, by its root element ``EInvoice``.

Rules:

- number and date are those that the tax bureau gave (``TaxSupervisionInfo``); a request without them is no invoice;
- a party is known by its USCC, and a USCC whose two check characters do not hold is refused, not left out;
- the amount is the total with tax, in CNY; there is no due date in the format, and none is made up;
- a red invoice (红字发票) takes back of the blue one that the platform names in its remark, in fixed words.

Example: ``read_chinese(read_xml(data))`` gives ``[Invoice(...)]``.
"""

from __future__ import annotations

import re

from lxml import etree

from tallystick.intake.documents import CreditNote, Invoice, TradeParty
from tallystick.intake.elements import Element, plain
from tallystick.intake.identifiers import is_uscc

_ROOT = "EInvoice"
_NUMBER = "TaxSupervisionInfo/InvoiceNumber"
_ISSUED = "TaxSupervisionInfo/IssueTime"
_TOTAL = "EInvoiceData/BasicInformation/TotalTax-includedAmount"
_TAX = "EInvoiceData/BasicInformation/TotalTaxAm"
_BLUE = "Header/InherentLabel/InIssuType/LabelCode"
_REMARK = "EInvoiceData/AdditionalInformation/Remark"
_CURRENCY = "CNY"
_NUMBER_FORM = re.compile(r"[0-9]{20}\Z")
_TAKES_BACK = re.compile(r"被红冲蓝字数电发?票号码[:：] ?([0-9]{20})(?![0-9])")


def is_chinese(space: str, name: str) -> bool:
    """Whether ``space`` and ``name`` are those of the root of a Chinese e-invoice."""
    return (space, name) == ("", _ROOT)


def read_chinese(root: etree._Element) -> list[Invoice | CreditNote]:
    """The one invoice that ``root`` holds, blue or red.

    Raises:
        MalformedDocument: an element is missing, not of its form, or says what can't become evidence; names it.
    """
    document = Element(root, _ROOT, {})
    number = document.need(_NUMBER)
    if not _NUMBER_FORM.match(number.value):
        raise number.wrong("an invoice number of 20 digits")
    total = document.need(_TOTAL)
    blue = document.find(_BLUE)
    if blue is not None and blue.value not in ("Y", "N"):
        raise blue.wrong("Y (a blue invoice) or N (a red one)")
    is_red = total.number() < 0 if blue is None else blue.value == "N"
    if is_red != (total.number() < 0):
        raise total.wrong(f"an amount {'below zero of a red' if is_red else 'not below zero of a blue'} invoice")
    return [_credit(document, total) if is_red else _bill(document, total)]


def _bill(document: Element, total: Element) -> Invoice:
    tax = document.find(_TAX)
    return Invoice(
        number=document.need_text(_NUMBER),
        issue_date=document.need_date(_ISSUED),
        due_date=None,
        seller=_party(document, "Seller"),
        buyer=_party(document, "Buyer"),
        currency=_CURRENCY,
        payable=plain(total.number()),
        tax=None if tax is None or tax.number() < 0 else plain(tax.number()),
        order=None,
        contract=None,
        despatch=None,
        corrects=None,
        replaces=False,
        payment_reference=None,
        due_element=f"{_ROOT}/DueDate",
    )


def _credit(document: Element, total: Element) -> CreditNote:
    remark = document.find(_REMARK)
    named = [] if remark is None else list(dict.fromkeys(_TAKES_BACK.findall(remark.value)))
    if len(named) != 1:
        raise document.missing(
            _REMARK,
            f"expected 被红冲蓝字数电发票号码： and the number of one blue invoice, got {len(named)}.",
            todo="State the credit with `tallystick record`.",
        )
    return CreditNote(
        number=document.need_text(_NUMBER),
        issue_date=document.need_date(_ISSUED),
        seller=_party(document, "Seller"),
        buyer=_party(document, "Buyer"),
        currency=_CURRENCY,
        amount=plain(total.number()),
        invoice=named[0],
        reason=None,
    )


def _party(document: Element, role: str) -> TradeParty:
    """The seller or the buyer; a private person has no USCC, and so no identifier."""
    party = document.need(f"EInvoiceData/{role}Information")
    code = party.find(f"{role}IdNum")
    if code is None or not code.value:
        return TradeParty((), party.text(f"{role}Name"), f"{party.path}/{role}IdNum")
    if not is_uscc(code.value.upper()):
        raise code.wrong("a USCC whose two check characters hold")
    return TradeParty((("USCC", code.value.upper()),), party.text(f"{role}Name"), code.path)
