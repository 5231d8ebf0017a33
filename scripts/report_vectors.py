"""Test vectors of credit reports: logs as they were judged, with the report of each, and bundles that carry one.

Part of ``make_vectors.py``, which writes them to ``reports.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from credit.builders import BUYER, SUPPLIER, Log, block, payment_fields
from credit.histories import ACCOUNT, judged
from protocol.world import CODE_HASHES, LEDGER, World, actor
from report_logs import LOGS, disputes, words
from tallystick.credit.report import derive, to_json
from tallystick.protocol.bundle import Bundle, format_evidence
from tallystick.protocol.bundle_stream import format_bundle
from tallystick.protocol.entry import Entry, Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.standing import SealedEntry
from tallystick.protocol.types import BlockRef, PartyId, to_hex

AS_OF = "2026-06-30"


def _cases() -> Iterable[dict[str, Any]]:
    for name, tell in LOGS.items():
        log = Log()
        tell(log)
        yield _case(name, SUPPLIER, log)
    log = Log()
    words(log)
    disputes(log)
    yield _case("the buyer's side, an append withheld", BUYER, log, withheld=5)


def _case(name: str, who: PartyId, log: Log, withheld: int = 0) -> dict[str, Any]:
    sealed = [_sealed(entry) for entry in log.entries]
    entries = judged(who, sealed)
    entries = entries[: len(entries) - withheld]
    report = to_json(derive(who, entries, block(AS_OF), withheld=withheld))
    return {
        "name": name,
        "subject": to_hex(who),
        "asOf": report["asOf"],
        "complete": not withheld,
        "entries": [_entry(entry) for entry in entries],
        "report": orjson.dumps(report, option=orjson.OPT_SORT_KEYS).decode(),
    }


def _sealed(entry: Entry) -> SealedEntry:
    signers = (ACCOUNT,) * len(entry.evidence.signing_parties())
    return SealedEntry(entry.evidence_id, entry.evidence, signers, entry.fields, entry.hidden)


def _entry(entry: Entry) -> dict[str, Any]:
    evidence = dict(format_evidence(entry.evidence))
    del evidence["contentRoot"]
    return {
        "seq": entry.seq,
        "evidenceId": to_hex(entry.evidence_id),
        "evidence": evidence,
        "anchoredAt": entry.anchored_at,
        "fields": dict(entry.fields),
        "hidden": entry.hidden,
        "standing": entry.standing.value,
    }


def _credit_report(subject: PartyId, entries: Sequence[Entry], as_of: BlockRef, withheld: int) -> Mapping[str, Json]:
    return to_json(derive(subject, entries, as_of, withheld=withheld))


def _world() -> tuple[World, PartyId]:
    """A contract, an invoice paid late in two parts, and one that is disputed."""
    world = World()
    supplier, buyer = world.join("supplier"), world.join("buyer")
    contract = world.contract(supplier, buyer)
    invoice = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    world.seal(actor("operator"), [contract, invoice])
    world.now += 60 * 86_400
    part = [{"invoice": to_hex(invoice.evidence_id), "amount": "625.00"}]
    paid = payment_fields("625.00", "2023-12-27", None) | {"allocations": part}
    payments = [
        world.evidence(supplier, buyer, Kind.PAYMENT, {**paid, "paymentReference": n}, parent=invoice) for n in "12"
    ]
    other = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    dispute = world.evidence(buyer, supplier, Kind.DISPUTE, parent=other)
    world.seal(actor("operator"), [*payments, other, dispute])
    return world, supplier.party


def _forgeries(bundle: Bundle) -> list[dict[str, Any]]:
    report: Any = json.loads(format_bundle(bundle))["report"]
    line = report["tradelines"][0]
    changes: list[tuple[str, str, Any]] = [
        ("paid in time", "/tradelines/0/daysBeyondTermsWeighted", "0.0000"),
        ("less paid", "/asSeller/EUR/paidAmount", "1249.99"),
        ("an amount with a place more", "/asSeller/EUR/openAmount", line["openAmount"] + "0"),
        ("a null in place of a figure", "/tradelines/0/averageDaysToPay", None),
        ("a figure in place of a null", "/tradelines/0/paymentIndex", "80.0000"),
        ("another reason", "/tradelines/0/reasons/paymentIndex", "no invoice"),
        ("nothing was disputed", "/stories", []),
        ("other words in a dispute", "/stories/0/said/0/words/reasonCode", "PRICE"),
        ("a finding withheld", "/findings", []),
        ("another finding", "/findings/0/message", "all is well"),
        ("hiding nothing", "/tradelines/0/restsOnHidden", not line["restsOnHidden"]),
        ("other definitions", "/definitions", "tallystick-credit/2"),
        ("anchored sooner", "/anchoringDelay/maxSeconds", 1),
        ("no tradeline", "/tradelines", []),
    ]
    return [
        {"name": name, "patch": [{"op": "replace", "path": f"/report{path}", "value": value}], "failed": "report"}
        for name, path, value in changes
    ]


def report_vectors() -> Any:
    """Logs with their credit reports, and bundles that carry one, with forgeries of it."""
    world, supplier = _world()
    whole = world.bundle(supplier, derive=_credit_report)
    hiding = world.bundle(supplier, derive=_credit_report, hide={"reasonCode", "paymentReference"})
    withholding = world.bundle(supplier, derive=_credit_report, withhold={1})
    return {
        "about": "Credit reports (docs/definitions.md) as canonical JSON. In cases, a log as it was judged: evidence "
        "ids are names here, not digests, content roots are left out, and fields are those shown. In bundles, files "
        "(docs/protocol.md) whose reader trusts the block hash and ledger named here; forgeries are RFC 6902 patches "
        "of the bundle complete.",
        "cases": list(_cases()),
        "codeHashes": {"registry": to_hex(CODE_HASHES.registry), "ledger": to_hex(CODE_HASHES.ledger)},
        "trustedBlockHash": to_hex(whole.as_of.hash),
        "trustedLedger": to_hex(LEDGER),
        "bundles": [
            {"name": name, "outcome": outcome, "bundle": format_bundle(bundle).decode()}
            for name, outcome, bundle in (
                ("complete", "valid", whole),
                ("fields hidden", "could not check", hiding),
                ("entries withheld", "could not check", withholding),
            )
        ],
        "forgeries": _forgeries(whole),
    }
