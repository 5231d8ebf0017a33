"""Contents for tests: what each kind of evidence has to say, and little more."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind

FIELDS: Mapping[int, Mapping[str, Json]] = {
    Kind.CONTRACT: {
        "contractNumber": "C-1",
        "issuerRole": "supplier",
        "currency": "EUR",
        "paymentTermsDays": 30,
    },
    Kind.DELIVERY: {"deliveryNumber": "D-1", "receivedDate": "2023-11-20"},
    Kind.INVOICE: {
        "invoiceNumber": "I-1",
        "issueDate": "2023-11-20",
        "dueDate": "2023-12-20",
        "currency": "EUR",
        "payableAmount": "1250.00",
        "taxAmount": "237.50",
        "orderNumber": "PO-7",
    },
    Kind.PAYMENT: {
        "paymentReference": "P-1",
        "valueDate": "2023-12-27",
        "currency": "EUR",
        "amount": "1250.00",
        "allocations": [],
    },
    Kind.DISPUTE: {"reasonCode": "QUALITY", "disputedAmount": "100.00", "currency": "EUR"},
    Kind.RESOLUTION: {"outcome": "withdrawn"},
    Kind.CORRECTION: {"correctionType": "cancelled"},
    Kind.ACCESS: {"accessedObject": "history", "accessedOn": "2023-11-20"},
    Kind.WRITE_OFF: {"currency": "EUR", "amount": "1250.00", "reason": "insolvency"},
}
"""A minimal good content of each kind that requires one."""
