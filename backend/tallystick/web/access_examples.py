"""Examples of consent, looks and erasures for the OpenAPI document; the parties are those of ``examples``."""

from __future__ import annotations

from typing import Any

from tallystick.web.examples import BUYER, INVOICE, SUPPLIER

CONSENT = "0x" + "c05e" * 16

SCOPE: dict[str, Any] = {
    "objects": ["history", "tradelines", "bundle"],
    "kinds": ["CONTRACT", "INVOICE", "PAYMENT", "ACKNOWLEDGEMENT"],
    "fields": ["invoiceNumber", "issueDate", "dueDate", "currency", "payableAmount"],
    "since": "2025-01-01",
    "identities": "ids",
}
NEW_GRANT: dict[str, Any] = {
    "grantee": "LEI:529900T8BM49AURSDO55",
    "name": "First Trade Bank",
    "until": "2026-12-31",
    "scope": SCOPE,
}
GRANT: dict[str, Any] = {
    "grant": CONSENT,
    "subject": SUPPLIER,
    "grantee": BUYER,
    "granteeName": "First Trade Bank",
    "recorder": BUYER,
    "scope": {"identities": "ids", "objects": ["bundle", "history", "tradelines"]},
    "grantedAt": 1767225600,
    "endsAt": 1798761600,
    "withdrawnAt": None,
    "withdrawal": None,
    "good": True,
}
RECEIVED_GRANT: dict[str, Any] = {"subjectName": "Acme Ltd", "grant": GRANT}
ACCESS: dict[str, Any] = {
    "position": 7,
    "at": 1767312000,
    "grant": CONSENT,
    "grantee": BUYER,
    "granteeName": "First Trade Bank",
    "organisation": "9f" * 16,
    "key": "q7wd3zk5m2ha",
    "object": "receivable",
    "evidence": INVOICE,
    "block": 7,
    "access": "0x" + "acce" * 16,
}
NEW_ERASURE: dict[str, Any] = {
    "evidence": INVOICE,
    "reason": "Request of J. Doe of 2026-02-03 under article 17 GDPR, file 2026-014.",
}
PLAN: dict[str, Any] = {
    "evidence": INVOICE,
    "kind": "INVOICE",
    "fields": 5,
    "parties": [SUPPLIER, BUYER],
    "answers": 1,
    "confirmation": "erase-4f1c09d2a7",
    "confirmBefore": 1767398400,
}
ERASURE: dict[str, Any] = {
    "evidence": INVOICE,
    "reason": NEW_ERASURE["reason"],
    "requestedBy": "q7wd3zk5m2ha",
    "requestedAt": 1767312000,
    "confirmedBy": "q7wd3zk5m2ha",
    "erasedAt": 1767312060,
    "fields": 5,
    "documents": 0,
}
_TRADELINE: dict[str, Any] = {
    "counterparty": BUYER,
    "role": "seller",
    "currency": "EUR",
    "invoiceCount": 1,
    "openAmount": "1250.00",
    "restsOnHidden": False,
    "hiddenFields": 0,
    "erasedEntries": 0,
    "invoices": [{"evidence": f"/v1/evidence/{INVOICE}", "status": "open", "amount": "1250.00"}],
    "payments": [],
    "sources": {"openAmount": [f"/v1/evidence/{INVOICE}"]},
}
TRADELINES: dict[str, Any] = {
    "party": SUPPLIER,
    "asOf": {"blockNumber": 7, "blockHash": "0x" + "3ab9" * 16, "timestamp": 1767350000},
    "definitions": "tallystick-credit/1",
    "complete": True,
    "asBuyer": {},
    "asSeller": {"EUR": {"openAmount": "1250.00", "sources": {"openAmount": [f"/v1/evidence/{INVOICE}"]}}},
    "tradelines": [_TRADELINE],
    "hidden": [],
    "erased": [],
}
RECEIVABLE: dict[str, Any] = {
    "receivable": INVOICE,
    "evidence": f"/v1/evidence/{INVOICE}",
    "supplier": SUPPLIER,
    "fingerprint": "0x" + "f1" * 32,
    "takenSince": 1767312000,
    "pledged": {
        "pledge": "0x" + "9ed6" * 16,
        "financier": BUYER,
        "pledgedAt": 1767312000,
        "expiresAt": 1775088000,
        "active": True,
    },
    "sameInvoice": "0x" + "5a3e" * 16,
    "changes": [{"event": "Pledged", "blockNumber": 6, "at": 1767312000}],
    "obstacles": ["notAcknowledged"],
    "asOf": {"blockNumber": 7, "blockHash": "0x" + "3ab9" * 16},
}
