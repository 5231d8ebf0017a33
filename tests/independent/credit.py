"""The credit report (docs/definitions.md), recomputed: written from that page and docs/protocol.md alone.

`report` derives it from the entries of a log, `of_bundle` from a bundle as `verifier.py` has read and judged it.
"""

from collections.abc import Iterable
from statistics import median_low
from typing import Any

from independent.bundles import Bundle
from independent.content import REQUIRED
from independent.corrections import Entry
from independent.dealings import Dealings
from independent.figures import figures
from independent.primitives import ZERO
from independent.standing import STANDS, about_access
from independent.statements import (
    ACKNOWLEDGEMENT,
    CORRECTION,
    DISPUTE,
    PAYMENT,
    RESOLUTION,
    WRITE_OFF,
    Evidence,
)
from independent.states import Invoice, Payment, day_of, hexed, is_id

DEFINITIONS = "tallystick-credit/1"
NAMES = (
    *("CONTRACT", "DELIVERY", "INVOICE", "PAYMENT", "ACKNOWLEDGEMENT", "DISPUTE", "RESOLUTION", "CORRECTION"),
    *("CONSENT", "ACCESS", "ASSIGNMENT", "RELEASE", "SIGNAL", "WRITE_OFF", "PROFILE"),
)
RESTING = frozenset(REQUIRED) | {ACKNOWLEDGEMENT}
TOLD = frozenset({DISPUTE, RESOLUTION, CORRECTION, WRITE_OFF})
NUMBERS = ("contractNumber", "deliveryNumber", "invoiceNumber", "paymentReference")
WORDS = (
    *("reasonCode", "outcome", "correctionType", "currency", "disputedAmount", "creditAmount", "amount"),
    *("acceptedAmount", "creditNoteNumber", "reason", "description", "note"),
)
PAYMENT_WORDS = ("paymentReference", "valueDate", "currency", "amount")
Line = tuple[str, str, bytes]  # role, currency, counterparty


def of_bundle(bundle: Bundle, standings: list[list[str] | None]) -> dict[str, Any]:
    entries, seq, withheld = [], 0, 0
    for append, judged in zip(bundle.appends, standings, strict=True):
        for index, (entry, found) in enumerate(zip(append.entries or (), judged or (), strict=True)):
            fields = entry.showing.fields() if found == STANDS else {}
            place = seq + index, entry.evidence_id, entry.evidence, append.timestamp
            entries.append(Entry(*place, fields, entry.showing.hides, found))
        seq += append.count
        withheld += append.count if append.entries is None else 0
    as_of = {
        "blockNumber": bundle.block_number,
        "blockHash": hexed(bundle.block_hash),
        "timestamp": bundle.timestamp,
    }
    return report(bundle.subject, as_of, entries, complete=not withheld)


def report(subject: bytes, as_of: dict[str, Any], entries: list[Entry], complete: bool) -> dict[str, Any]:
    standing = [entry for entry in entries if entry.standing == STANDS]
    findings: set[tuple[bytes, str, str]] = set()

    def note(code: str, evidence: bytes, message: str) -> None:
        findings.add((evidence, code, message))

    day = day_of(as_of["timestamp"])
    dealings = Dealings(standing, day, note)
    lines: dict[Line, tuple[list[Invoice], list[Payment]]] = {}

    def line(seller: bytes, buyer: bytes, currency: str) -> tuple[list[Invoice], list[Payment]]:
        role, other = ("seller", buyer) if seller == subject else ("buyer", seller)
        return lines.setdefault((role, currency, other), ([], []))

    for invoice in dealings.invoices:
        line(invoice.seller, invoice.buyer, invoice.terms["currency"])[0].append(invoice)
    for payment in dealings.payments:
        line(payment.creditor, payment.debtor, payment.terms["currency"])[1].append(payment)
    terms = {}
    for contract, supplier in dealings.contracts:
        role = "seller" if supplier == subject else "buyer"
        key = role, contract.fields["currency"], _other(subject, contract.said)
        terms[key] = contract.fields["paymentTermsDays"]
    hiding = {_other(subject, each.said) for each in standing if each.hidden and each.said.kind in RESTING}

    def totals(role: str) -> dict[str, Any]:
        found = {}
        for currency in {key[1] for key in lines if key[0] == role}:
            whole = [each for key, each in lines.items() if key[:2] == (role, currency)]
            invoices = [one for each, _ in whole for one in each]
            payments = [one for _, each in whole for one in each]
            found[currency] = {**figures(invoices, payments, currency, day), "restsOnHidden": bool(hiding)}
        return found

    return {
        "party": hexed(subject),
        "asOf": as_of,
        "definitions": DEFINITIONS,
        "complete": complete,
        "entryCount": len(entries),
        "asBuyer": totals("buyer"),
        "asSeller": totals("seller"),
        "tradelines": [
            {
                **_tradeline(key, lines[key][0], terms.get(key), figures(*lines[key], key[1], day)),
                "restsOnHidden": key[2] in hiding,
            }
            for key in sorted(lines)
        ],
        "stories": _stories(standing),
        "notCounted": [
            {"seq": each.seq, "evidence": hexed(each.id), "standing": each.standing}
            for each in entries
            if each.standing != STANDS
        ],
        "findings": [
            {"code": code, "evidence": hexed(evidence), "message": message}
            for evidence, code, message in sorted(findings)
        ],
        "anchoringDelay": _delay([each for each in standing if not about_access(each.said)]),
    }


def _other(subject: bytes, said: Evidence) -> bytes:
    return said.counterparty if said.issuer == subject else said.issuer


def _named(party: bytes) -> str | None:
    return None if party == ZERO else hexed(party)


def _tradeline(key: Line, invoices: list[Invoice], days: int | None, found: dict[str, Any]) -> dict[str, Any]:
    role, currency, counterparty = key
    issued = [each.issued.isoformat() for each in invoices if each.status != "cancelled"]
    reasons = dict(found["reasons"])
    if days is None:
        reasons["paymentTermsDays"] = "no contract in this currency names payment terms"
    if not issued:
        reasons |= dict.fromkeys(("firstInvoiceDate", "lastInvoiceDate"), "no invoice that is not cancelled")
    return {
        **found,
        "counterparty": _named(counterparty),
        "role": role,
        "currency": currency,
        "paymentTermsDays": days,
        "firstInvoiceDate": min(issued, default=None),
        "lastInvoiceDate": max(issued, default=None),
        "reasons": reasons,
    }


def _delay(entries: list[Entry]) -> dict[str, Any]:
    issued = [each.anchored - each.said.issued_at for each in entries]
    occurred = [each.anchored - each.said.occurred_at for each in entries]
    found: dict[str, Any] = {
        "count": len(entries),
        "medianSeconds": median_low(issued) if issued else None,
        "maxSeconds": max(issued, default=None),
        "medianSinceOccurredSeconds": median_low(occurred) if occurred else None,
        "maxSinceOccurredSeconds": max(occurred, default=None),
    }
    return {**found, "reasons": {name: "no entry stands" for name, value in found.items() if value is None}}


# --- stories (section 10) -------------------------------------------------------------------------------------------


def _stories(entries: list[Entry]) -> list[dict[str, Any]]:
    by_id = {each.id: each for each in entries}
    told: dict[bytes, list[dict[str, Any]]] = {}
    for entry in entries:
        earlier = _same_payment(entry, by_id)
        if earlier is not None:
            about = _led_back(earlier, by_id)
            told.setdefault(about.id, []).append(_said(entry, earlier.id, PAYMENT_WORDS))
        parent = by_id.get(entry.said.parent)
        heard = entry.said.kind in TOLD or (entry.said.kind == ACKNOWLEDGEMENT and parent and parent.said.kind in TOLD)
        if parent is not None and heard:
            told.setdefault(_led_back(parent, by_id).id, []).append(_said(entry, parent.id, WORDS))
    found = []
    for about in sorted((by_id[name] for name in told), key=lambda each: (each.said.occurred_at, each.id)):
        shown = [about.fields[name] for name in NUMBERS if isinstance(about.fields.get(name), str)]
        found.append(
            {
                "evidence": hexed(about.id),
                "kind": _kind(about.said.kind),
                "number": next(iter(shown), None),
                "issuer": hexed(about.said.issuer),
                "counterparty": _named(about.said.counterparty),
                "said": told[about.id],
            }
        )
    return found


def _led_back(entry: Entry, by_id: dict[bytes, Entry]) -> Entry:
    """The first on the way from parent to parent that does not answer."""
    while entry.said.kind in TOLD | {ACKNOWLEDGEMENT} and entry.said.parent in by_id:
        entry = by_id[entry.said.parent]
    return entry


def _same_payment(entry: Entry, by_id: dict[bytes, Entry]) -> Entry | None:
    name = entry.fields.get("samePayment")
    if entry.said.kind != PAYMENT or not is_id(name):
        return None
    named = by_id.get(bytes.fromhex(name[2:]))
    if named is None or named.seq >= entry.seq or named.said.kind not in (PAYMENT, CORRECTION):
        return None
    return named if named.said.issuer == entry.said.counterparty else None


def _said(entry: Entry, answers: bytes, words: Iterable[str]) -> dict[str, Any]:
    return {
        "evidence": hexed(entry.id),
        "kind": _kind(entry.said.kind),
        "issuer": hexed(entry.said.issuer),
        "answers": hexed(answers),
        "occurredAt": entry.said.occurred_at,
        "anchoredAt": entry.anchored,
        "words": {name: entry.fields[name] for name in words if isinstance(entry.fields.get(name), str)},
        "hiddenFields": entry.hidden,
    }


def _kind(number: int) -> str:
    return NAMES[number - 1] if number <= len(NAMES) else f"UNKNOWN_{number}"
