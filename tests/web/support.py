"""A client of the API that knows how drafts look, and what every problem must have."""

from __future__ import annotations

import itertools
import re
import time
from typing import Any

import httpx

from web.keys import ByOperation, Keys

PASSPHRASE = "correct horse battery staple"
WAIT_SECONDS = 60
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class Api(httpx.Client):
    """The API at ``url``, asked with ``keys``; every number it gives a document is new."""

    def __init__(self, url: str, keys: Keys) -> None:
        super().__init__(base_url=url, timeout=WAIT_SECONDS, auth=ByOperation(keys))
        self.keys = keys
        self.numbers = itertools.count(1)
        self.parties: dict[str, str] = {}
        self.deal = ""

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:  # type: ignore[override]
        """The answer to ``body`` as JSON, or to no body; a party is added for the organisation that acts for all."""
        if path == "/v1/parties" and isinstance(body, dict):
            body = {"organisation": self.keys.organisation, **body}
        return super().post(path, **({} if body is None else {"json": body}), **options)

    def contract(self, **changes: Any) -> dict[str, Any]:
        """A contract of supplier and buyer, signed by both."""
        content = {
            "contractNumber": f"C-{next(self.numbers)}",
            "issuerRole": "supplier",
            "currency": "EUR",
            "paymentTermsDays": 30,
        }
        draft = {"kind": "CONTRACT", "issuer": "Supplier", "counterparty": "Buyer", "countersigned": True}
        return {**draft, "content": content, **changes}

    def invoice(self, **changes: Any) -> dict[str, Any]:
        """An invoice over 100.00 under their contract."""
        content = {
            "invoiceNumber": f"I-{next(self.numbers)}",
            "issueDate": "2026-01-02",
            "dueDate": "2026-02-01",
            "currency": "EUR",
            "payableAmount": "100.00",
        }
        draft = {"kind": "INVOICE", "issuer": "Supplier", "counterparty": "Buyer", "deal": self.deal}
        return {**draft, "content": content, **changes}

    def payment(self, *allocations: tuple[str, str], **changes: Any) -> dict[str, Any]:
        """A payment of the buyer over 500.00, allocated to (invoice, amount)."""
        content = {
            "paymentReference": f"P-{next(self.numbers)}",
            "valueDate": "2026-01-30",
            "currency": "EUR",
            "amount": "500.00",
            "allocations": [{"invoice": invoice, "amount": amount} for invoice, amount in allocations],
        }
        draft = {"kind": "PAYMENT", "issuer": "Buyer", "counterparty": "Supplier", "deal": self.deal}
        return {**draft, "content": content, **changes}

    def record(self, draft: dict[str, Any]) -> dict[str, Any]:
        """What is answered to ``draft``, which must be accepted."""
        answer = self.post("/v1/evidence", draft)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def final(self, evidence: str) -> dict[str, Any]:
        """``evidence`` as soon as it is final."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found: dict[str, Any] = self.get(f"/v1/evidence/{evidence}").json()
            if found["status"] == "final":
                return found
            assert time.monotonic() < deadline, f"not final after {WAIT_SECONDS} s: {found['status']}"
            time.sleep(0.02)


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """The problem in ``answer``, which must be whole, of ``status`` and called ``name``."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["type"] == f"urn:tallystick:problem:{name}"
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    assert isinstance(found["todo"], str)
    request_id = answer.headers["x-request-id"]
    assert _UUID.match(request_id)
    assert found["instance"] == f"urn:uuid:{request_id}"
    assert "Traceback" not in answer.text
    assert set(found) <= {"type", "title", "status", "detail", "todo", "instance", "errors"}
    return found
