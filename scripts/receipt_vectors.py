"""Test vectors of receipts: what is signed, the file, files that must be refused, and what became of promises.

Part of ``make_vectors.py``, which writes them to ``receipts.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from history_vectors import word
from protocol.world import CHAIN_ID, LEDGER, actor
from tallystick.protocol.bundle import format_evidence
from tallystick.protocol.evidence import Domain, Evidence, Kind
from tallystick.protocol.promise import LogView, settle
from tallystick.protocol.receipt import RECEIPT_TYPE, Receipt, SignedReceipt, format_receipt, signatures_digest
from tallystick.protocol.signing import GROUP_ORDER, sign
from tallystick.protocol.types import ZERO32, Address, BlockRef, EvidenceId, Hash, PartyId, Timestamp, to_hex

DOMAIN = Domain(CHAIN_ID, LEDGER)
OPERATOR, SUPPLIER, BUYER = actor("operator"), actor("supplier"), actor("buyer")
RECEIVED_AT, SEAL_BY = Timestamp(1_700_003_600), Timestamp(1_700_176_400)
INVOICE = Evidence(
    issuer=SUPPLIER.party,
    counterparty=BUYER.party,
    kind=Kind.INVOICE,
    deal=word("deal"),
    parent=word("parent"),
    content_root=word("content root"),
    occurred_at=Timestamp(1_700_000_000),
    issued_at=Timestamp(1_700_003_600),
)
CONTRACT = replace(INVOICE, kind=Kind.CONTRACT, parent=EvidenceId(ZERO32))


def receipt_vectors() -> Any:
    """Receipts with digest, signature and file; files that are no receipt or bind nobody; promises and their end."""
    return {
        "about": "Receipts (docs/protocol.md, section 14): valid ones with EIP-712 digest, signature and file; invalid "
        "files, each with the reason, malformed or of no force; and promises due at sealBy, with the times at which "
        "the evidence was sealed into a log where it must stand, those of appends to it whose entries are not known, "
        "the time of the block as of which that is so, and what became of the promise.",
        "type": RECEIPT_TYPE.decode(),
        "domain": {"name": "Tallystick", "version": "1", "chainId": CHAIN_ID, "ledger": to_hex(LEDGER)},
        "valid": [_valid(name, *each) for name, each in _GOOD.items()],
        "invalid": _invalid(),
        "promises": _promises(),
    }


_BOTH = (SUPPLIER, BUYER)
_GOOD = {
    "an invoice": (INVOICE, (SUPPLIER,), RECEIVED_AT, SEAL_BY),
    "a contract, with the signatures of both sides": (CONTRACT, _BOTH, RECEIVED_AT, SEAL_BY),
    "due in the second it was received": (INVOICE, (SUPPLIER,), RECEIVED_AT, RECEIVED_AT),
    "the first and the last time there is": (INVOICE, (SUPPLIER,), Timestamp(0), Timestamp(2**53 - 1)),
}


def _signed(
    evidence: Evidence, signers: Any, received_at: Timestamp, seal_by: Timestamp
) -> tuple[SignedReceipt, bytes]:
    evidence_id = evidence.evidence_id(DOMAIN)
    signatures = b"".join(sign(evidence_id, each.key) for each in signers)
    receipt = Receipt(evidence_id, signatures_digest(signatures), received_at, seal_by)
    made = SignedReceipt(DOMAIN, evidence, receipt, OPERATOR.address, sign(receipt.digest(DOMAIN), OPERATOR.key))
    return made, signatures


def _valid(name: str, evidence: Evidence, signers: Any, received_at: Timestamp, seal_by: Timestamp) -> Any:
    made, signatures = _signed(evidence, signers, received_at, seal_by)
    return {
        "name": name,
        "evidence": format_evidence(evidence),
        "signatures": to_hex(signatures),
        "message": {
            "evidence": to_hex(made.receipt.evidence),
            "signaturesHash": to_hex(made.receipt.signatures_hash),
            "receivedAt": received_at,
            "sealBy": seal_by,
        },
        "digest": to_hex(made.receipt.digest(DOMAIN)),
        "privateKey": to_hex(OPERATOR.key),
        "operator": to_hex(OPERATOR.address),
        "signature": to_hex(made.signature),
        "file": format_receipt(made).decode(),
    }


def _invalid() -> Any:
    good, _ = _signed(*_GOOD["an invoice"])
    text = format_receipt(good).decode()
    value = json.loads(text)
    s = GROUP_ORDER - int.from_bytes(good.signature[32:64], "big")
    high = good.signature[:32] + s.to_bytes(32, "big") + bytes([55 - good.signature[64]])
    malformed: Mapping[str, str] = {
        "with a line end": text + "\n",
        "with white space": json.dumps(value, sort_keys=True),
        "its members in another order": json.dumps(dict(reversed(value.items())), separators=(",", ":")),
        "of another version": _spelled(value | {"format": "tallystick-receipt/2"}),
        "with a member more": _spelled(value | {"note": ""}),
        "without its operator": _spelled({name: item for name, item in value.items() if name != "operator"}),
        "due before it was received": _spelled(value | {"sealBy": RECEIVED_AT - 1}),
        "a time of 2**53": _spelled(value | {"sealBy": 2**53}),
        "a time as text": _spelled(value | {"sealBy": str(SEAL_BY)}),
        "a chain id below zero": _spelled(value | {"chainId": -1}),
        "a ledger in upper case": _spelled(value | {"ledger": value["ledger"].upper()}),
        "a signature of 64 bytes": _spelled(value | {"signature": value["signature"][:-2]}),
        "about evidence that is none": _spelled(value | {"evidence": value["evidence"] | {"kind": 0}}),
    }
    powerless: Mapping[str, SignedReceipt] = {
        "by another than its operator": replace(good, operator=SUPPLIER.address),
        "its deadline moved": replace(good, receipt=replace(good.receipt, seal_by=Timestamp(SEAL_BY + 1))),
        "about other signatures": replace(good, receipt=replace(good.receipt, signatures_hash=word("others"))),
        "shown with another evidence": replace(good, evidence=CONTRACT),
        "moved to another chain": replace(good, domain=Domain(CHAIN_ID + 1, LEDGER)),
        "a signature with high s": replace(good, signature=high),
    }
    return [
        *({"name": name, "reason": "malformed", "file": file} for name, file in malformed.items()),
        *(
            {"name": name, "reason": "of no force", "file": format_receipt(each).decode()}
            for name, each in powerless.items()
        ),
    ]


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _promises() -> Any:
    signed, _ = _signed(*_GOOD["an invoice"])
    before, due, after = Timestamp(SEAL_BY - 1), SEAL_BY, Timestamp(SEAL_BY + 1)
    cases: Mapping[str, tuple[list[Timestamp], list[Timestamp], Timestamp]] = {
        "not sealed, not due": ([], [], due),
        "not sealed, and due": ([], [], after),
        "sealed before": ([before], [], before),
        "sealed in the last second": ([due], [], after),
        "sealed a second late": ([after], [], after),
        "sealed twice, first in time": ([before, after], [], after),
        "perhaps among entries that are not known": ([], [due], after),
        "late, but perhaps before among those not known": ([after], [before], after),
        "what is not known came too late": ([], [after], after),
        "sealed before, whatever is not known": ([before], [due], after),
    }
    made = []
    for name, (sealed, unknown, at) in cases.items():
        view = LogView(PartyId(word("party")), tuple(sealed), tuple((each, Address(bytes(20))) for each in unknown))
        finding = settle(signed, [view], BlockRef(1, Hash(ZERO32), at))
        case = {"name": name, "sealBy": SEAL_BY, "sealed": sealed, "unknown": unknown, "asOf": at}
        made.append(case | {"promise": finding.promise.value})
    return made
