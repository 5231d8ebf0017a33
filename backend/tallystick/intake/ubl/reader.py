"""UBL 2.0 to 2.4, and the Peppol documents that are UBL: one document a file, by the name of its root element.

Rules:

- elements are found by namespace and name; prefixes and what a profile adds do not matter;
- a document is read with everything that its evidence needs, or refused with the path of what is missing;
- what no evidence can be made of is refused by name, never skipped in silence.

Example: ``read_ubl(read_xml(data))`` gives ``[Invoice(...)]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lxml import etree

from tallystick.errors import MalformedDocument
from tallystick.intake.billing import self_billed
from tallystick.intake.documents import Document
from tallystick.intake.elements import Element
from tallystick.intake.ubl.answers import read_answer, read_remittance
from tallystick.intake.ubl.billing import read_credit_note, read_debit_note, read_invoice
from tallystick.intake.ubl.deliveries import read_despatch, read_receipt
from tallystick.intake.ubl.orders import read_order, read_order_response, read_simple_response
from tallystick.intake.ubl.values import PREFIXES
from tallystick.intake.xml import local_name

_VERSION = re.compile(r"2\.[0-4]\Z")
_READERS: Mapping[str, Callable[[Element], Document]] = {
    "Order": read_order,
    "OrderResponse": read_order_response,
    "OrderResponseSimple": read_simple_response,
    "DespatchAdvice": read_despatch,
    "ReceiptAdvice": read_receipt,
    "Invoice": read_invoice,
    "CreditNote": read_credit_note,
    "DebitNote": read_debit_note,
    "ApplicationResponse": read_answer,
    "RemittanceAdvice": read_remittance,
}
_SELF_BILLED = ("SelfBilledInvoice", "SelfBilledCreditNote")


def read_ubl(root: etree._Element) -> list[Document]:
    """The one document that ``root`` holds.

    Raises:
        MalformedDocument: an element is missing, not of its form, or says what can't become evidence; names it.
    """
    name = local_name(root)
    document = Element(root, name, PREFIXES)
    version = document.find("cbc:UBLVersionID")
    if version is not None and version.value and not _VERSION.match(version.value):
        raise version.wrong("UBL 2.0 to 2.4")
    if name in _SELF_BILLED:
        raise self_billed(name)
    if name not in _READERS:
        raise MalformedDocument(
            "expected an order, an invoice or another document of a trade; of this kind no evidence is made.",
            element=name,
        )
    return [_READERS[name](document)]
