"""Test vectors of the proof of one evidence: valid ones, and forgeries with the step that finds each.

Part of ``make_vectors.py``, which writes them to ``inclusions.json``.
"""

from __future__ import annotations

import json
from typing import Any

from history_vectors import word
from protocol.including import include
from protocol.world import CODE_HASHES, LEDGER, World, actor
from tallystick.protocol import content
from tallystick.protocol.bundle import parse_evidence
from tallystick.protocol.evidence import Domain, Kind
from tallystick.protocol.inclusion import format_inclusion
from tallystick.protocol.signing import sign
from tallystick.protocol.types import Address, to_hex


def inclusion_vectors() -> Any:
    """Proofs of single evidence that hold, and forgeries of them as JSON patches, each with the step that finds it."""
    world = World()
    supplier, buyer = world.join("supplier"), world.join("buyer")
    contract = world.contract(supplier, buyer)
    invoice = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    world.seal(actor("operator"), [contract, invoice, world.evidence(supplier, buyer, Kind.DELIVERY, parent=contract)])
    late = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    world.revoke(supplier)
    world.seal(actor("operator"), [late])
    bindings = sorted((world.binding(supplier), world.binding(buyer)), key=lambda binding: binding.party)
    complete = include(world, invoice, bindings=bindings)
    bases = {
        "complete": complete,
        "signed by both": include(world, contract),
        "one log only": include(world, invoice, subjects={supplier.party}),
        "amount hidden": include(world, invoice, hide={"payableAmount"}),
    }
    forged = include(world, invoice, bindings=[world.binding(supplier, signer=buyer)])
    return {
        "about": "Proofs of one evidence as text (docs/protocol.md, section 17); forgeries as RFC 6902 patches of the "
        "base of that name, written canonically after patching. The reader trusts the block hash and ledger named "
        "here, unless a case says otherwise.",
        "codeHashes": {"registry": to_hex(CODE_HASHES.registry), "ledger": to_hex(CODE_HASHES.ledger)},
        "trustedBlockHash": to_hex(complete.as_of.hash),
        "trustedLedger": to_hex(LEDGER),
        "bases": [
            {"name": name, "outcome": "valid", "inclusion": format_inclusion(made).decode()}
            for name, made in bases.items()
        ]
        + [
            {"name": name, "outcome": "invalid", "failed": failed, "inclusion": format_inclusion(made).decode()}
            for name, failed, made in (
                ("a binding by no registrar", "binding", forged),
                ("signed by a key revoked before the batch", "signature", include(world, late)),
            )
        ],
        "untrusted": {"base": "complete", "trustedBlockHash": None, "outcome": "could not check"},
        "forgeries": _forgeries(json.loads(format_inclusion(complete).decode())),
    }


def _forgeries(value: Any) -> list[dict[str, Any]]:
    def forgery(name: str, failed: str, *patch: tuple[str, str, Any], base: str = "complete") -> dict[str, Any]:
        operations = [
            {"op": op, "path": at} | ({} if op == "remove" else {"value": changed}) for op, at, changed in patch
        ]
        return {"name": name, "base": base, "patch": operations, "failed": failed}

    shown_too = to_hex(content.digest(value["disclosures"][0]))
    after, strange = value["asOf"]["timestamp"] + 1, to_hex(word("a strange ledger")[:20])
    nobody = {**value["signers"][0], "signer": "0x" + "ff" * 20}
    cheaper = sorted(content.make(content.parse_all(value["disclosures"]) | {"payableAmount": "1.00"}, bytes))
    place, signed_anew = value["places"][0], to_hex(sign(word("x"), actor("buyer").key))
    return [
        forgery("an unknown member", "schema", ("add", "/note", "x")),
        forgery("no place", "schema", ("replace", "/places", [])),
        forgery("a place twice", "schema", ("replace", "/places/1", place)),
        forgery("places out of order", "schema", ("replace", "/places", value["places"][::-1])),
        forgery("an index beyond the count", "schema", ("replace", "/places/0/index", place["count"])),
        forgery("a path of 65", "schema", ("replace", "/places/0/entryProof", [to_hex(word("way"))] * 65)),
        forgery("a text that is not ASCII", "schema", ("replace", "/disclosures/0", "\u00fc")),
        forgery("the id of another evidence", "schema", ("replace", "/evidenceId", to_hex(word("another")))),
        forgery("no proof", "schema", ("replace", "/proof", None)),
        forgery("another block hash", "header", ("replace", "/asOf/blockHash", to_hex(word("block")))),
        forgery("another time", "header", ("replace", "/asOf/timestamp", after)),
        forgery("another ledger", "account", ("replace", "/ledger", strange), *_renamed(value)),
        forgery("the ledger as registry", "account", ("replace", "/registry", value["ledger"])),
        forgery("a window that the chain does not hold", "storage", ("replace", "/signers/0/addedAt", 1)),
        forgery("a batch that was never sealed", "root", ("replace", "/places/0/batchId", 7)),
        forgery(
            "a signer named who did not sign",
            "storage",
            ("add", "/signers/1", nobody),
        ),
        forgery("a way of another entry", "root", ("replace", "/places/0/index", 1 - place["index"])),
        forgery("another count", "root", ("replace", "/places/0/count", place["count"] + 1)),
        forgery("a step left out", "root", ("remove", "/places/0/entryProof/0", None)),
        forgery("another signature", "root", ("replace", "/signatures", signed_anew)),
        forgery("sealed after the block", "root", ("replace", "/places/0/sealedIn/blockNumber", 1_001)),
        forgery(
            "sealed at a later time than the block's",
            "root",
            ("replace", "/places/0/sealedIn/timestamp", after),
        ),
        forgery("sealed before its key was there", "signature", ("replace", "/places/0/sealedIn/timestamp", 1)),
        forgery("sealed when its key was revoked", "signature", *_late(value)),
        forgery("an amount changed", "content", ("replace", "/disclosures", cheaper)),
        forgery("a field left out", "content", ("remove", "/disclosures/0", None)),
        forgery("a field hidden that is shown too", "content", ("add", "/hidden/0", shown_too)),
    ]


def _renamed(value: Any) -> list[tuple[str, str, Any]]:
    """The name of the evidence in another domain: the id that the file must then have."""
    strange = Domain(value["chainId"], Address(word("a strange ledger")[:20]))
    return [("replace", "/evidenceId", to_hex(parse_evidence(value["evidence"], "evidence").evidence_id(strange)))]


def _late(value: Any) -> list[tuple[str, str, Any]]:
    """The time of the revocation as that of the sealing."""
    [signer] = value["signers"]
    return [("replace", "/places/0/sealedIn/timestamp", signer["revokedAt"])]
