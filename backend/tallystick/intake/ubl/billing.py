"""UBL Invoice, CreditNote and DebitNote: what the seller bills, takes back, and adds.

Rules:

- an invoice whose amount is below zero and that refers to another is a credit note (Peppol BIS Billing 3.0, 5.6);
- a corrected invoice (384) takes the place of the one that it refers to.
"""

from __future__ import annotations

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
from tallystick.intake.documents import CreditNote, Invoice
from tallystick.intake.elements import Element, plain
from tallystick.intake.ubl.values import ORDER, invoice_numbers, read_currency, read_party

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
_BILLS = BILLS | {"SalesInvoice"}
"""With UBL 2.0's word for an invoice."""


def read_invoice(document: Element) -> Invoice | CreditNote:
    """What ``document`` bills, or credits where its amount is below zero."""
    kind = _type_code(document)
    payable = document.need(_PAYABLE)
    if payable.number() < 0:
        return _credit(document, payable, ["cac:BillingReference", "cac:InvoiceLine/cac:BillingReference"])
    replaces = kind == CORRECTED
    corrects = None
    if replaces or kind == DEBIT_NOTE:
        corrects = _one_reference(document, ["cac:BillingReference"]) if replaces else _any_reference(document)
    return _bill(document, payable, corrects, replaces=replaces)


def _type_code(document: Element) -> str | None:
    found = document.find("cbc:InvoiceTypeCode")
    if found is None or not found.value:
        return None
    if found.value in SELF_BILLED:
        raise self_billed(found.path)
    if found.value not in _BILLS:
        raise found.wrong("the type code of an invoice that asks for money, such as 380")
    return found.value


def read_debit_note(document: Element) -> Invoice:
    """What ``document`` bills on top of an earlier invoice."""
    payable = document.need(_REQUESTED)
    if payable.number() < 0:
        raise payable.wrong("an amount that is not below zero")
    return _bill(document, payable, _any_reference(document), replaces=False)


def read_credit_note(document: Element) -> CreditNote:
    """What ``document`` takes back of the invoice that it refers to, in its head or in its lines."""
    kind = document.find("cbc:CreditNoteTypeCode")
    if kind is not None and kind.value in SELF_BILLED:
        raise self_billed(kind.path)
    if kind is not None and kind.value and kind.value not in CREDITS:
        raise kind.wrong("the type code of a credit note, such as 381")
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
        order=order_number(document, ORDER),
        contract=document.text("cac:ContractDocumentReference/cbc:ID"),
        despatch=document.text("cac:DespatchDocumentReference/cbc:ID"),
        corrects=corrects,
        replaces=replaces,
        payment_reference=stated(document.all("cac:PaymentMeans/cbc:PaymentID")),
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
    return one_reference(document, _REFERENCE, invoice_numbers(document, *places))


def _any_reference(document: Element) -> str | None:
    found = invoice_numbers(document, "cac:BillingReference", "cac:DebitNoteLine/cac:BillingReference")
    return found[0] if len(found) == 1 else None
