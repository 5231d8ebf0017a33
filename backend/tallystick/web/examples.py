"""One believable trade for the OpenAPI document: a contract, an invoice under it, and what is answered.

No example of a body that must name a null holds one: FastAPI leaves every null out of the document.
"""

from __future__ import annotations

from typing import Any

SUPPLIER = "0x" + "5f1c" * 16
BUYER = "0x" + "b27e" * 16
DEAL = "0x" + "d9a4" * 16
CONTRACT = "0x" + "c0a8" * 16
INVOICE = "0x" + "1f4e" * 16
ROOT = "0x" + "77d1" * 16
BLOCK = "0x" + "3ab9" * 16
OPERATOR = "0x" + "9c41" * 10
LEDGER = "0x" + "6e02" * 10
REGISTRY = "0x" + "48fd" * 10
SIGNATURE = "0x" + "a3" * 64 + "1b"
ZERO = "0x" + "00" * 32

CONTRACT_DRAFT: dict[str, Any] = {
    "kind": "CONTRACT",
    "issuer": "LEI:5493001KJTIIGC8Y1R12",
    "counterparty": "Northwind Ltd",
    "label": "frame",
    "countersigned": True,
    "content": {
        "contractNumber": "FC-2026-014",
        "issuerRole": "supplier",
        "currency": "EUR",
        "paymentTermsDays": 30,
    },
}
INVOICE_DRAFT: dict[str, Any] = {
    "kind": "INVOICE",
    "issuer": "LEI:5493001KJTIIGC8Y1R12",
    "counterparty": "Northwind Ltd",
    "deal": "@frame",
    "content": {
        "invoiceNumber": "4711",
        "issueDate": "2026-01-02",
        "dueDate": "2026-02-01",
        "currency": "EUR",
        "payableAmount": "1250.00",
    },
}
STRUCT: dict[str, Any] = {
    "issuer": SUPPLIER,
    "counterparty": BUYER,
    "kind": 3,
    "deal": DEAL,
    "parent": ZERO,
    "contentRoot": ROOT,
    "occurredAt": 1767312000,
    "issuedAt": 1767345600,
}
DISCLOSURE = "WyJfMnRoOGNHM05FcW1vVHZkSzJsYkNRIiwiY3VycmVuY3kiLCJFVVIiXQ"
SIGNED: dict[str, Any] = {"evidence": STRUCT, "signatures": SIGNATURE, "disclosures": [DISCLOSURE]}
RECEIPT: dict[str, Any] = {
    "signaturesHash": "0x" + "5c" * 32,
    "receivedAt": 1767345600,
    "sealBy": 1767518400,
    "operator": OPERATOR,
    "signature": SIGNATURE,
}
RECEIPT_FILE: dict[str, Any] = {
    "format": "tallystick-receipt/1",
    "chainId": 31337,
    "ledger": LEDGER,
    "evidence": STRUCT,
    "evidenceId": INVOICE,
    **RECEIPT,
}
RECORDED: dict[str, Any] = {
    "evidence": INVOICE,
    "kind": "INVOICE",
    "status": "pending",
    "block": None,
    "issuer": SUPPLIER,
    "counterparty": BUYER,
    "deal": DEAL,
    "issuedAt": 1767345600,
    "receipt": RECEIPT,
}
AS_OF: dict[str, Any] = {"blockNumber": 118, "blockHash": BLOCK, "timestamp": 1767345612}
PLACEMENT: dict[str, Any] = {
    "subject": BUYER,
    "operator": OPERATOR,
    "batchId": 7,
    "index": 0,
    "seq": 41,
    "count": 2,
    "subjectRoot": ROOT,
    "signaturesHash": "0x" + "e8" * 32,
    "block": {"number": 118, "hash": BLOCK, "timestamp": 1767345612},
    "entryProof": ["0x" + "0b" * 32],
    "batchProof": ["0x" + "4d" * 32, "0x" + "92" * 32],
}
EVIDENCE: dict[str, Any] = {
    "evidence": INVOICE,
    "kind": "INVOICE",
    "status": "final",
    "block": {"number": 118, "hash": BLOCK, "timestamp": 1767345612},
    "struct": STRUCT,
    "signatures": SIGNATURE,
    "content": INVOICE_DRAFT["content"],
    "disclosures": [DISCLOSURE],
    "hidden": [],
    "recordedAt": 1767345600,
    "receipt": RECEIPT,
    "placements": [PLACEMENT],
}
NEW_IDENTIFIER: dict[str, Any] = {"identifier": "GLN:4012345500004"}
NEW_PARTY: dict[str, Any] = {"name": "Northwind Ltd", "identifiers": ["LEI:529900T8BM49AURSDO55", "VAT:DE129273398"]}
PARTY: dict[str, Any] = {"party": BUYER, **NEW_PARTY, "signers": ["0x" + "71c3" * 10]}
HISTORY: dict[str, Any] = {
    "party": BUYER,
    "asOf": AS_OF,
    "definitions": "tallystick-credit/1",
    "complete": True,
    "entryCount": 42,
    "asBuyer": {"EUR": {"invoiceCount": 14, "invoicedAmount": "17500.00", "daysBeyondTermsMean": "3.2500"}},
    "asSeller": {},
    "tradelines": [{"counterparty": SUPPLIER, "role": "buyer", "currency": "EUR", "invoiceCount": 14}],
}
CHANGES: dict[str, Any] = {
    "party": BUYER,
    "from": {"blockNumber": 96, "blockHash": "0x" + "19d7" * 16, "timestamp": 1764547200},
    "to": AS_OF,
    "definitions": "tallystick-credit/1",
    "added": [
        {
            "seq": 41,
            "evidence": INVOICE,
            "kind": "INVOICE",
            "issuer": SUPPLIER,
            "standing": "stands",
            "anchoredAt": 1767345612,
        }
    ],
    "shownOtherwise": [],
    "figures": [{"role": "asBuyer", "currency": "EUR", "metric": "invoiceCount", "before": 13, "after": 14}],
    "invoices": [],
}
BUNDLE: dict[str, Any] = {
    "format": "tallystick-bundle/1",
    "chainId": 31337,
    "registry": REGISTRY,
    "ledger": LEDGER,
    "subject": BUYER,
    "asOf": AS_OF,
    "proof": {"header": "0xf90252a0", "nodes": ["0xf90211a0"]},
    "signers": [],
    "appends": [],
    "bindings": [],
    "report": {},
}
IMPORT: dict[str, Any] = {
    "dryRun": False,
    "job": "5d1c9a0be2f34786",
    "files": 1,
    "counts": {"recorded": 1, "known": 0, "waits": 0, "held": 0, "refused": 0},
    "evidence": 1,
    "takenUp": 0,
    "tables": [],
    "documents": [
        {
            "file": "invoice.xml",
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "document": "Invoice",
            "number": "2026-0042",
            "status": "recorded",
            "reason": None,
            "facts": {},
            "why": None,
            "todo": None,
            "fingerprint": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
            "evidence": [{"kind": "INVOICE", "evidence": INVOICE}],
        }
    ],
}
IMPORT_JOB: dict[str, Any] = {
    "job": "5d1c9a0be2f34786",
    "begunAt": 1767225600,
    "endedAt": 1767225601,
    "files": 1,
    "rules": {"termsDays": None, "allowSimilar": False, "parties": [SUPPLIER]},
    "counts": {"recorded": 1, "known": 0, "waits": 0, "held": 0, "refused": 0},
}
IMPORTED: dict[str, Any] = {
    "file": "invoice.xml",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "document": "Invoice",
    "number": "2026-0042",
    "status": "recorded",
    "reason": None,
    "detail": None,
    "evidence": [INVOICE],
}
REJECTED_ROWS = "rejected row,rejected column,expected,got,todo,No,Sum\n7,Sum,an amount,x,Correct it.,R7,x\n"
WAITING: dict[str, Any] = {
    "file": "order-response.xml",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "document": "OrderResponse",
    "number": "OR-1",
    "status": "waits",
    "reason": "noOrder",
    "facts": {"number": "PO-1"},
    "why": "the order PO-1 is not recorded",
    "todo": "Import the order: this one is kept till then.",
    "since": 1767225600,
    "job": "5d1c9a0be2f34786",
}
STATEMENT_IMPORT: dict[str, Any] = {
    "party": SUPPLIER,
    "dryRun": False,
    "job": "5d1c9a0be2f34786",
    "statements": [],
    "recorded": [],
    "known": 0,
    "notBooked": 0,
    "notConcerned": 0,
    "work": [],
}
VERDICT: dict[str, Any] = {
    "verdict": "invalid",
    "failed": "root",
    "message": "append 3: the entries shown do not give the root that was sealed",
    "passed": ["schema", "header", "account", "storage", "head"],
    "subject": BUYER,
    "ledger": LEDGER,
    "chainId": 31337,
    "asOf": AS_OF,
    "entries": 0,
    "standings": {},
}
HEALTH: dict[str, Any] = {
    "status": "ok",
    "version": "0.1.0",
    "store": {"status": "ok", "error": None},
    "chain": {
        "status": "ok",
        "error": None,
        "chainId": 31337,
        "ledger": LEDGER,
        "registry": REGISTRY,
        "operator": OPERATOR,
    },
    "sealing": {"status": "ok", "error": None},
    "pending": 0,
    "finalBlock": 118,
    "blocksBehind": 0,
    "parties": 12,
    "evidence": {"awaitingCountersignature": 0, "pending": 0, "sealing": 0, "final": 311},
}
PROBLEM: dict[str, Any] = {
    "type": "urn:tallystick:problem:unfounded",
    "title": "No contract lets this evidence enter the counterparty's history",
    "status": 409,
    "detail": f"INVOICE: deal {DEAL}: no contract between exactly these two parties opened it.",
    "todo": "Record a CONTRACT and have the counterparty countersign it.",
    "instance": "urn:uuid:0b6f7c1e-3c1b-4f6e-9d57-6f1d0a2f7a11",
}
VALIDATION_PROBLEM: dict[str, Any] = {
    "type": "urn:tallystick:problem:malformed-input",
    "title": "A value is not of its form",
    "status": 422,
    "detail": "#/issuer: expected a value, got nothing.",
    "todo": "Add it.",
    "instance": "urn:uuid:0b6f7c1e-3c1b-4f6e-9d57-6f1d0a2f7a12",
    "errors": [{"at": "#/issuer", "expected": "a value", "got": "nothing", "todo": "Add it."}],
}
NEW_ORGANISATION: dict[str, Any] = {
    "name": "Northwind treasury",
    "role": "party",
    "parties": ["LEI:529900T8BM49AURSDO55"],
}
ORGANISATION: dict[str, Any] = {
    "organisation": "9f" * 16,
    "name": "Northwind treasury",
    "role": "party",
    "parties": [BUYER],
    "createdAt": 1767225600,
    "closedAt": None,
}
NEW_KEY: dict[str, Any] = {"name": "ERP", "scopes": ["evidence:read", "evidence:write"]}
KEY: dict[str, Any] = {
    "key": "q7wd3zk5m2ha",
    "organisation": "9f" * 16,
    "name": "ERP",
    "scopes": ["evidence:read", "evidence:write"],
    "createdAt": 1767225600,
    "expiresAt": None,
    "revokedAt": None,
    "lastUsedAt": None,
}
SECRET = "tallystick_q7wd3zk5m2ha_" + "a" * 52
DEED: dict[str, Any] = {
    "position": 1,
    "at": 1767225600,
    "actor": "command line",
    "act": "organisation closed",
    "details": {"organisation": "9f" * 16},
    "previous": "0x" + "00" * 32,
    "digest": "0x" + "5c" * 32,
}
