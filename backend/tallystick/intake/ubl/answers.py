"""UBL ApplicationResponse as Invoice Response, and RemittanceAdvice: what the buyer says to an invoice, and pays."""

from __future__ import annotations

from decimal import Decimal

from tallystick.intake.documents import InvoiceResponse, Remittance
from tallystick.intake.elements import Element, plain
from tallystick.intake.ubl.values import invoice_numbers, read_currency, read_party

_CODES = ("AB", "IP", "UQ", "CA", "RE", "AP", "PD")
_INVOICES = ("380", "383", "384", "386", "393", "82", "80", "84", "326")
_REASONS = "OPStatusReason"
_TOTAL = "cbc:TotalPaymentAmount"
_ZERO = Decimal(0)


def read_answer(document: Element) -> InvoiceResponse:
    """What the buyer answers to an invoice (Peppol BIS Invoice Response 3, transaction T111)."""
    customization = document.find("cbc:CustomizationID")
    profile = document.text("cbc:ProfileID") or ""
    says = "" if customization is None else customization.value
    if customization is not None and (":mlr:" in says or ":mls:" in says or ":mlr:" in profile):
        raise customization.wrong("an Invoice Response: a message level response says nothing about the debt")
    responses = list(document.all("cac:DocumentResponse"))
    if len(responses) != 1:
        raise document.missing("cac:DocumentResponse", f"expected this element once, got it {len(responses)} times.")
    answer = responses[0]
    kind = answer.find("cac:DocumentReference/cbc:DocumentTypeCode")
    if kind is None and "invoice_response" not in says:
        raise answer.missing("cac:DocumentReference/cbc:DocumentTypeCode")
    if kind is not None and kind.value not in _INVOICES:
        raise kind.wrong("the type code of an invoice, such as 380")
    code = answer.need("cac:Response/cbc:ResponseCode")
    if code.value not in _CODES:
        raise code.wrong(f"one of {', '.join(_CODES)}")
    reasons = [
        status.need("cbc:StatusReasonCode")
        for status in answer.all("cac:Response/cac:Status")
        if status.find("cbc:StatusReasonCode") is not None
    ]
    texts = [text.value for text in answer.all("cac:Response/cac:Status/cbc:StatusReason") if text.value]
    return InvoiceResponse(
        number=document.need_text("cbc:ID"),
        issue_date=document.need_date("cbc:IssueDate"),
        sender=read_party(document, "cac:SenderParty"),
        receiver=read_party(document, "cac:ReceiverParty"),
        invoice=answer.need_text("cac:DocumentReference/cbc:ID"),
        code=code.value,
        reason_code=next((each.value for each in reasons if each.attribute("listID") in (None, _REASONS)), None),
        reason="; ".join(texts) or answer.text("cac:Response/cbc:Description"),
    )


def read_remittance(document: Element) -> Remittance:
    """What the payer says it pays, and for which invoices; what it names no invoice for stays unallocated."""
    total = document.need(_TOTAL)
    currency = read_currency(total, document.text("cbc:DocumentCurrencyCode"))
    amount = total.number()
    if amount <= 0:
        raise total.wrong("an amount above zero")
    shares: dict[str, Decimal] = {}
    for line in document.all("cac:RemittanceAdviceLine"):
        for invoice in _invoice_of(line):
            shares[invoice] = shares.get(invoice, _ZERO) + _paid(line, currency)
    if not shares and len(whole := invoice_numbers(document, "cac:BillingReference")) == 1:
        shares[whole[0]] = amount
    if any(share <= 0 for share in shares.values()) or sum(shares.values(), _ZERO) > amount:
        raise total.wrong(f"at least what its lines add up to, {sum(shares.values(), _ZERO)}, each above zero")
    return Remittance(
        number=document.need_text("cbc:ID"),
        issue_date=document.need_date("cbc:IssueDate"),
        payer=read_party(document, "cac:AccountingCustomerParty/cac:Party"),
        payee=read_party(document, "cac:AccountingSupplierParty/cac:Party", "cac:PayeeParty"),
        currency=currency,
        amount=plain(amount),
        allocations=tuple((invoice, plain(share)) for invoice, share in shares.items()),
    )


def _invoice_of(line: Element) -> list[str]:
    found = invoice_numbers(line, "cac:BillingReference")
    if len(found) > 1:
        raise line.missing("cac:BillingReference", f"expected one invoice a line, got {len(found)}.")
    return found


def _paid(line: Element, currency: str) -> Decimal:
    """What a line pays: its debit less its credit, else its balance."""
    amounts = {}
    for name in ("cbc:DebitLineAmount", "cbc:CreditLineAmount", "cbc:BalanceAmount"):
        found = line.find(name)
        if found is not None:
            read_currency(found, currency)
            amounts[name] = found.number()
    if "cbc:DebitLineAmount" in amounts:
        return amounts["cbc:DebitLineAmount"] - amounts.get("cbc:CreditLineAmount", _ZERO)
    if "cbc:BalanceAmount" in amounts:
        return amounts["cbc:BalanceAmount"]
    raise line.missing("cbc:DebitLineAmount")
