"""Test vectors of whole bundles: valid ones, and forgeries with the step that finds each.

Part of ``make_vectors.py``, which writes them to ``bundles.json``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from history_vectors import word
from protocol.world import CODE_HASHES, LEDGER, Actor, World, actor
from stamp_vectors import signed_stamps, stamp_forgeries, stamped_bases
from tallystick.protocol import content
from tallystick.protocol.bundle import Bundle
from tallystick.protocol.bundle_stream import format_bundle
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.signing import sign
from tallystick.protocol.state import check_header
from tallystick.protocol.types import BlockRef, PartyId, to_hex


def report(subject: PartyId, entries: Sequence[Entry], as_of: BlockRef, withheld: int) -> dict[str, Json]:
    """The report of the vectors: four numbers, so that a verifier can be tested without any knowledge of credit."""
    return {
        "entries": len(entries),
        "hidden": sum(entry.hidden for entry in entries),
        "standing": sum(entry.standing is Standing.STANDS for entry in entries),
        "withheld": withheld,
    }


def _small_world() -> tuple[World, Actor, Actor]:
    """A contract, an invoice by a key that is revoked afterwards, and one more by it: void."""
    world = World()
    supplier, buyer = world.join("supplier"), world.join("buyer")
    contract = world.contract(supplier, buyer)
    invoice = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    world.seal(actor("operator"), [contract, invoice])
    late = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    world.revoke(supplier)
    world.seal(actor("operator"), [late])
    return world, supplier, buyer


def bundle_vectors() -> Any:
    """Bundles that verify, and forgeries of them as JSON patches, each with the step that finds it."""
    world, supplier, buyer = _small_world()
    make: Callable[..., Bundle] = lambda who, **more: world.bundle(who.party, derive=report, **more)  # noqa: E731
    bases = {
        "complete": make(supplier, bindings=[world.binding(supplier)]),
        "amount hidden": make(supplier, hide={"payableAmount"}),
        "entries withheld": make(supplier, withhold={1}),
        "no entries": make(actor("nobody")),
    }
    complete = bases["complete"]
    bases["no proof"] = replace(bases["no entries"], proof=None)
    stamped = stamped_bases(world, complete)
    bases |= stamped
    valid = {"complete", "no entries", *stamped}
    forger = replace(complete, bindings=())
    forged_binding = world.bundle(supplier.party, derive=report, bindings=[world.binding(supplier, signer=buyer)])
    return {
        "about": "Bundles as text; forgeries as RFC 6902 patches of the base of that name, written canonically after "
        "patching (docs/protocol.md, Verification). The report of the vectors is {entries: entries shown, hidden: "
        "hidden fields, standing: entries that stand, withheld: entries withheld}. The reader trusts the block hash "
        "and ledger named here, unless a case says otherwise; only in signedTimestamps are there root "
        "certificates.",
        "codeHashes": {"registry": to_hex(CODE_HASHES.registry), "ledger": to_hex(CODE_HASHES.ledger)},
        "trustedBlockHash": to_hex(complete.as_of.hash),
        "trustedLedger": to_hex(LEDGER),
        "bases": [
            {
                "name": name,
                "outcome": "valid" if name in valid else "could not check",
                "bundle": format_bundle(bundle).decode(),
            }
            for name, bundle in bases.items()
        ]
        + [
            {
                "name": "binding by no registrar",
                "outcome": "invalid",
                "failed": "binding",
                "bundle": format_bundle(forged_binding).decode(),
            }
        ],
        "untrusted": {"base": "complete", "trustedBlockHash": None, "outcome": "could not check"},
        "texts": _bad_texts(format_bundle(forger).decode()),
        "forgeries": _forgeries(complete, stamped["time-stamped"]),
        "signedTimestamps": signed_stamps(stamped["time-stamped"]),
    }


def _bad_texts(text: str) -> list[dict[str, str]]:
    short = text[:40]
    return [
        {"name": "cut off", "bundle": short, "failed": "schema"},
        {"name": "empty", "bundle": "", "failed": "schema"},
        {"name": "a line feed at the end", "append": "\n", "base": "complete", "failed": "schema"},
        {"name": "a space before", "prepend": " ", "base": "complete", "failed": "schema"},
    ]


def _forgeries(bundle: Bundle, stamped: Bundle) -> list[dict[str, Any]]:
    value = json.loads(format_bundle(bundle))
    entry = value["appends"][0]["entries"][1]
    cheaper = _with_amount(entry["disclosures"], "1.00")
    revoked = next(i for i, signer in enumerate(value["signers"]) if signer["revokedAt"])

    def forgery(name: str, failed: str, *patch: tuple[str, str, Any], base: str = "complete") -> dict[str, Any]:
        operations = [
            {"op": op, "path": at} | ({} if op == "remove" else {"value": changed}) for op, at, changed in patch
        ]
        return {"name": name, "base": base, "patch": operations, "failed": failed}

    shown = "/appends/0/entries/1"
    evidence = f"{shown}/evidence"
    other_block = ("replace", "/asOf/blockHash", to_hex(word("block")))
    other_ledger = ("replace", "/ledger", to_hex(word("a strange ledger")[:20]))
    unsigned = {
        **value["bindings"][0],
        "party": to_hex(b"\xff" * 32),
        "signature": value["bindings"][0]["signature"][:-2],
    }
    return [
        forgery("an unknown member", "schema", ("add", "/note", "x")),
        forgery("an entry left out", "schema", ("remove", "/appends/0/entries/1", None)),
        forgery("standing spelled out", "schema", ("add", "/appends/0/entries/1/standing", "stands")),
        forgery("a number with a fraction", "schema", ("replace", "/report/standing", 2.5)),
        forgery("a report of 16 levels", "schema", ("add", "/report/deep", nested(15))),
        forgery("evidence issued by nobody", "schema", ("replace", f"{evidence}/issuer", to_hex(bytes(32)))),
        forgery("a count of zero", "schema", ("replace", "/appends/1/count", 0), ("replace", "/appends/1/entries", [])),
        forgery("another block hash", "header", other_block),
        forgery("another time", "header", ("replace", "/asOf/timestamp", value["asOf"]["timestamp"] - 1)),
        forgery("another block, without proof", "header", other_block, base="no proof"),
        forgery("a header with a byte more", "header", ("replace", "/proof/header", value["proof"]["header"] + "00")),
        forgery("another ledger", "account", other_ledger),
        forgery("another ledger, without proof", "account", other_ledger, base="no proof"),
        forgery("trie nodes out of order", "account", ("replace", "/proof/nodes", value["proof"]["nodes"][::-1])),
        forgery("the ledger as registry", "account", ("replace", "/registry", value["ledger"])),
        forgery("a spare trie node", "storage", *_spare_node(value)),
        forgery("a trie node left out", "account", ("remove", _node_of_root(bundle), None)),
        forgery("a key not revoked", "storage", ("replace", f"/signers/{revoked}/revokedAt", 0)),
        forgery("a key that signed left out", "storage", ("remove", f"/signers/{revoked}", None)),
        forgery("a binding of another name", "storage", ("replace", "/bindings/0/name", "Supplier AG")),
        forgery("a batch left out", "head", ("remove", "/appends/1", None)),
        forgery(
            "an entry left out with its count",
            "head",
            ("remove", "/appends/0/entries/1", None),
            ("replace", "/appends/0/count", 1),
        ),
        forgery("an earlier time of sealing", "head", ("replace", "/appends/1/timestamp", 1_700_000_001)),
        forgery("an entry put in place of another", "root", ("replace", "/appends/1/entries/0", entry)),
        forgery("an evidence redated", "root", ("replace", "/appends/0/entries/1/evidence/occurredAt", 1)),
        forgery(
            "signed anew",
            "root",
            ("replace", "/appends/0/entries/1/signatures", to_hex(sign(word("x"), actor("buyer").key))),
        ),
        forgery("signed by a revoked key, declared standing", "signature", ("remove", _standing(1, 0), None)),
        forgery("void for another reason", "signature", ("replace", _standing(1, 0), "badSignature")),
        forgery("a good entry declared void", "reference", ("add", _standing(0, 1), "foreign")),
        forgery("the contract declared unfounded", "reference", ("add", _standing(0, 0), "unfounded")),
        forgery("an amount changed", "content", ("replace", "/appends/0/entries/1/disclosures", cheaper)),
        forgery("a field left out", "content", ("remove", "/appends/0/entries/1/disclosures/0", None)),
        forgery("a good entry declared malformed", "content", ("add", _standing(0, 1), "malformed")),
        forgery("disclosures out of order", "content", ("replace", f"{shown}/disclosures", entry["disclosures"][::-1])),
        forgery("a binding with a signature that is none", "binding", ("add", "/bindings/1", unsigned)),
        forgery("a binding repeated", "binding", ("add", "/bindings/1", value["bindings"][0])),
        forgery("the report altered", "report", ("replace", "/report/standing", 3)),
        forgery("a report of 15 levels", "report", ("add", "/report/deep", nested(14))),
        *stamp_forgeries(forgery, stamped),
    ]


def nested(levels: int) -> Any:
    """Lists in lists, so many levels."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def _standing(append: int, entry: int) -> str:
    return f"/appends/{append}/entries/{entry}/standing"


def _with_amount(disclosures: Sequence[str], amount: str) -> list[str]:
    fields = content.parse_all(disclosures) | {"payableAmount": amount}
    return sorted(content.make(fields, lambda size: bytes(size)))


def _spare_node(value: Any) -> list[tuple[str, str, Any]]:
    nodes = [*value["proof"]["nodes"], "0xc28080"]
    return [("replace", "/proof/nodes", sorted(nodes, key=lambda node: keccak256(bytes.fromhex(node[2:]))))]


def _node_of_root(bundle: Bundle) -> str:
    """Where the root node of the state trie stands among the nodes."""
    assert bundle.proof is not None
    _, state_root = check_header(bundle.proof.header, bundle.as_of.hash)
    return f"/proof/nodes/{[keccak256(node) for node in bundle.proof.nodes].index(state_root)}"
