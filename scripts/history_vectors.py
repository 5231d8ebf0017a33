"""Test vectors of histories: state proofs and standings.

Part of ``make_vectors.py``, which writes them to ``state.json`` and ``standing.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from protocol.accessing import access_story
from protocol.contents import FIELDS
from protocol.tries import path, storage_trie
from protocol.world import Actor, Signed, World, actor, show, story
from tallystick.protocol import content
from tallystick.protocol.bundle import format_evidence
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import PartyId, to_hex


def word(label: str) -> Any:
    """A 32-byte value that is different for each ``label``."""
    return keccak256(label.encode())


def state_vectors() -> Any:
    """Storage tries with slots present and absent, and proofs that do not hold."""
    slots = {word(f"slot {i}"): i + 1 for i in range(40)}
    trie = storage_trie(slots)
    asked = {"present": word("slot 7"), "largest": word("slot 39"), "absent": word("never written")}
    cases: list[dict[str, Any]] = []
    for name, slot in asked.items():
        nodes = sorted(path(trie, slot), key=keccak256)
        cases.append(
            {
                "name": name,
                "root": to_hex(trie.root_hash),
                "slot": to_hex(slot),
                "nodes": [to_hex(node) for node in nodes],
                "value": slots.get(slot, 0),
            }
        )
    good = cases[0]
    spare = next(node for node in cases[1]["nodes"] if node not in good["nodes"])

    def sort(nodes: list[str]) -> list[str]:
        return sorted(nodes, key=lambda node: keccak256(bytes.fromhex(node[2:])))

    broken = {
        "a node is missing": good["nodes"][1:],
        "a spare node": sort([*good["nodes"], spare]),
        "nodes in another order": good["nodes"][::-1],
        "a node twice": [good["nodes"][0], *good["nodes"]],
        "a node altered": sort([good["nodes"][0][:-2] + "00", *good["nodes"][1:]]),
    }
    cases += [{**good, "name": name, "nodes": nodes, "value": None} for name, nodes in broken.items()]
    empty = {
        "name": "the empty trie",
        "root": to_hex(keccak256(b"\x80")),
        "slot": good["slot"],
        "nodes": [],
        "value": 0,
    }
    return {
        "about": "Storage proofs: the value of the slot, 0 where absence is proven, null where the proof must be "
        "refused (docs/protocol.md, State proofs).",
        "cases": [*cases, empty],
    }


def standing_vectors() -> Any:
    """Logs and how each of their entries stands."""
    world, _ = story()
    cases = []
    for role in ("supplier", "buyer", "carrier"):
        party = actor(role).party
        cases.append(_standing_case(f"the {role}'s log of the story", world, party))
    late = World()
    supplier, buyer = late.join("supplier"), late.join("buyer")
    contract = late.contract(supplier, buyer)
    invoice = late.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    bad = replace(invoice, signatures=bytes(65))
    early = late.evidence(supplier, buyer, Kind.INVOICE, deal="later")
    late.seal_as(actor("operator"), {supplier.party: [bad, invoice, contract, early]})
    late.revoke(supplier)
    late.seal(actor("operator"), [late.contract(supplier, buyer, deal="later"), early, invoice])
    cases.append(_standing_case("a contract at a later index, a repeated seal, a revoked key", late, supplier.party))
    edges = _edges()
    cases.append(_standing_case("at the edges of the rules", edges, actor("supplier").party))
    looked_at, subject = access_story()
    cases += [
        _standing_case("consent to access", looked_at, subject.party),
        _standing_case("the log of who looked", looked_at, actor("lender").party),
    ]
    return {
        "about": "Logs, and the standing of each entry in order (docs/protocol.md, Standing). Everything is shown.",
        "domain": {"chainId": late.domain.chain_id, "ledger": to_hex(late.domain.contract)},
        "cases": cases,
    }


def _edges() -> World:
    """Two of each: just within a rule, and just beyond it."""
    world = World()
    supplier, buyer = world.join("supplier"), world.join("buyer")
    contract = world.contract(supplier, buyer)
    one_sided = world.evidence(supplier, None, Kind.CONTRACT, deal="alone", signers=[supplier, buyer])
    world.seal(actor("operator"), [contract, one_sided])
    must: dict[str, Json] = dict(FIELDS[Kind.INVOICE])
    invoice = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    full, over = ({**must, **{f"more{i}": i for i in range(count - len(must))}} for count in (64, 65))
    document: dict[str, Json] = {"sha256": "ab" * 32, "mediaType": "", "name": "", "size": 0}
    sizes: list[dict[str, Json]] = [document, document | {"size": -1}]
    batch = [
        invoice,
        world.evidence(supplier, buyer, Kind.INVOICE, full, parent=contract),
        _beyond(world, supplier, invoice, over),
        *(
            world.evidence(supplier, buyer, Kind.INVOICE, {**must, "documents": [each]}, parent=contract)
            for each in sizes
        ),
        *(
            world.evidence(supplier, buyer, Kind.INVOICE, parent=contract, issued_at=world.now + ahead)
            for ahead in (600, 601)
        ),
    ]
    dispute = world.evidence(buyer, supplier, Kind.DISPUTE, parent=invoice)
    resolution = world.evidence(buyer, supplier, Kind.RESOLUTION, parent=dispute)
    credited: dict[str, Json] = {"correctionType": "replaced", "outcome": "credited"}
    how_much: dict[str, Json] = {"creditAmount": "100.00", "currency": "EUR"}
    answers = [
        world.evidence(buyer, supplier, Kind.CORRECTION, fields, parent=resolution)
        for fields in (credited | how_much, credited)
    ]
    unsealed = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    lost = world.evidence(supplier, buyer, Kind.CORRECTION, {"correctionType": "replaced"}, parent=unsealed)
    world.seal(actor("operator"), batch)
    world.seal(actor("operator"), [dispute, resolution, *answers, lost])
    return world


def _beyond(world: World, supplier: Actor, like: Signed, fields: Mapping[str, Json]) -> Signed:
    """An invoice with more fields than a content may have."""
    names = sorted(fields)
    made = [
        text
        for some in (names[:40], names[40:])
        for text in content.make({name: fields[name] for name in some}, lambda size: bytes(size))
    ]
    root = content.content_root([content.digest(text) for text in made])
    return world.sign(replace(like.evidence, content_root=root), [supplier], made)


def _standing_case(name: str, world: World, party: PartyId) -> Any:
    windows = [
        {"party": to_hex(of), "signer": to_hex(signer), "addedAt": window.added_at, "revokedAt": window.revoked_at}
        for (of, signer), window in sorted(world.windows.items())
    ]
    appends = [
        {
            "timestamp": append.timestamp,
            "entries": [
                {
                    "evidence": format_evidence(item.evidence),
                    "signatures": to_hex(item.signatures),
                    "disclosures": show(item).disclosures,
                }
                for item in items
            ],
        }
        for append, items in world.logs[party]
    ]
    standings = [entry.standing.value for entry in world.judged(party)]
    return {"name": name, "subject": to_hex(party), "signers": windows, "appends": appends, "standings": standings}
