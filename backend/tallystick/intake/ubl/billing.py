"""UBL Invoice, CreditNote and DebitNote: what the seller bills, takes back, and adds.

Rules:

- an invoice whose amount is below zero and that refers to another is a credit note (Peppol BIS Billing 3.0, 5.6);
- a corrected invoice (384) takes the place of the one that it refers to;
- who bills is the seller: a self-billed document (389) is the buyer's statement and refused.
"""

from __future__ import annotations

from tallystick.errors import MalformedDocument
from tallystick.intake.documents import CreditNote, Invoice
from tallystick.intake.elements import Element, plain
from tallystick.intake.ubl.values import invoice_numbers, order_number, read_currency, read_party

_SELLER = "cac:AccountingSupplierParty/cac:Party"
_BUYER = "cac:AccountingCustomerParty/cac:Party"
_CURRENCY = "cbc:DocumentCurrencyCode"
_REFERENCE = "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"
_PAYABLE = "cac:LegalMonetaryTotal/cbc:PayableAmount"
_REQUESTED = "cac:RequestedMonetaryTotal/cbc:PayableAmount"
_DUE = ("cbc:DueDate", "cac:PaymentMeans/cbc:PaymentDueDate", "cac:PaymentTerms/cbc:PaymentDueDate")
_WHY = (
    "cac:DiscrepancyResponse/cbc:Description",
    "cac:CreditNoteLine/cac:DiscrepancyResponse/cbc:Description",
    "cbc:Note",
)
_CORRECTED, _DEBIT_NOTE = "384", "383"
_SELF_BILLED = ("389", "261", "527")
_CODES = (71, 80, 82, 84, 102, 130, 202, 203, 204, 211, 218, 219, 295, 326, 331, 380, 382, 383, 384, 385, 386)
_MORE_CODES = (388, 393, 395, 553, 575, 623, 780, 817, 870, 875, 876, 877)
_BILLS = frozenset(["SalesInvoice", *map(str, _CODES + _MORE_CODES)])
"""Type codes of documents that ask for money (UNCL 1001, as EN 16931 lists them), and UBL 2.0's word."""


def read_invoice(document: Element) -> Invoice | CreditNote:
    """What ``document`` bills, or credits where its amount is below zero."""
    kind = _type_code(document)
    payable = document.need(_PAYABLE)
    if payable.number() < 0:
        return _credit(document, payable, ["cac:BillingReference", "cac:InvoiceLine/cac:BillingReference"])
    replaces = kind == _CORRECTED
    corrects = None
    if replaces or kind == _DEBIT_NOTE:
        corrects = _one_reference(document, ["cac:BillingReference"]) if replaces else _any_reference(document)
    return _bill(document, payable, corrects, replaces=replaces)


def _type_code(document: Element) -> str | None:
    found = document.find("cbc:InvoiceTypeCode")
    if found is None or not found.value:
        return None
    if found.value in _SELF_BILLED:
        raise self_billed(found.path)
    if found.value not in _BILLS:
        raise found.wrong("the type code of an invoice that asks for money, such as 380")
    return found.value


def self_billed(element: str) -> MalformedDocument:
    """The error that ``element`` says that the buyer issued the document in the seller's place."""
    return MalformedDocument(
        "expected an invoice that the seller issued, got a self-billed one.",
        element=element,
        todo="Have the seller record the invoice, and the buyer acknowledge it: this is the buyer's word alone.",
    )


def read_debit_note(document: Element) -> Invoice:
    """What ``document`` bills on top of an earlier invoice."""
    payable = document.need(_REQUESTED)
    if payable.number() < 0:
        raise payable.wrong("an amount that is not below zero")
    return _bill(document, payable, _any_reference(document), replaces=False)


def read_credit_note(document: Element) -> CreditNote:
    """What ``document`` takes back of the invoice that it refers to, in its head or in its lines."""
    payable = document.need(_PAYABLE)
    if payable.number() < 0:
        raise payable.wrong("an amount that is not below zero: a credit note that takes back is not read")
    return _credit(document, payable, ["cac:BillingReference", "cac:CreditNoteLine/cac:BillingReference"])


def _bill(document: Element, payable: Element, corrects: str | None, *, replaces: bool) -> Invoice:
    currency = read_currency(payable, document.text(_CURRENCY))
    taxes = [tax for tax in document.all("cac:TaxTotal/cbc:TaxAmount") if tax.attribute("currencyID") == currency]
    return Invoice(
        number=document.need_text("cbc:ID"),
        issue_date=document.need_date("cbc:IssueDate"),
        due_date=next((day for path in _DUE if (day := document.date(path)) is not None), None),
        seller=read_party(document, _SELLER),
        buyer=read_party(document, _BUYER),
        currency=currency,
        payable=plain(payable.number()),
        tax=plain(taxes[0].number()) if taxes and taxes[0].number() >= 0 else None,
        order=order_number(document),
        contract=document.text("cac:ContractDocumentReference/cbc:ID"),
        despatch=document.text("cac:DespatchDocumentReference/cbc:ID"),
        corrects=corrects,
        replaces=replaces,
        due_element=f"{document.path}/{_DUE[0]}",
    )


def _credit(document: Element, payable: Element, places: list[str]) -> CreditNote:
    return CreditNote(
        number=document.need_text("cbc:ID"),
        issue_date=document.need_date("cbc:IssueDate"),
        seller=read_party(document, _SELLER),
        buyer=read_party(document, _BUYER),
        currency=read_currency(payable, document.text(_CURRENCY)),
        amount=plain(payable.number()),
        invoice=_one_reference(document, places),
        reason=next((text for path in _WHY if (text := document.text(path)) is not None), None),
    )


def _one_reference(document: Element, places: list[str]) -> str:
    found = invoice_numbers(document, *places)
    if not found:
        raise document.missing(_REFERENCE, todo="Name the invoice in it, or state the credit with `tallystick record`.")
    if len(found) > 1:
        raise document.missing(
            _REFERENCE,
            f"expected one invoice, got {len(found)}: how the amount divides is not said.",
            todo="Issue one for each invoice.",
        )
    return found[0]


def _any_reference(document: Element) -> str | None:
    found = invoice_numbers(document, "cac:BillingReference", "cac:DebitNoteLine/cac:BillingReference")
    return found[0] if len(found) == 1 else None
