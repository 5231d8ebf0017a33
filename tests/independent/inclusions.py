"""The proof of one evidence (section 17), from the page alone. Time-stamps are not checked here."""

from dataclasses import dataclass
from typing import Any

from independent.content import Showing, showing
from independent.logs import climb, entry_leaf, subject_leaf
from independent.primitives import Refused, ascending, keccak, listed, members, parse, require, unhex, whole
from independent.standing import Windows
from independent.state import REGISTRY_SLOT, Pool, batch_slot, header, registrar_slot, signer_slot
from independent.statements import Binding, Evidence, binding, evidence, separator, signers
from independent.verifier import INVALID, UNCHECKED, VALID, Reader, Verdict

MOST_BYTES, LONGEST_WAY = 2**24, 64
STEPS = ("schema", "header", "account", "storage", "root", "signature", "content", "binding")


@dataclass(frozen=True)
class Place:
    subject: bytes
    operator: bytes
    batch_id: int
    index: int
    count: int
    entry_proof: list[bytes]
    batch_proof: list[bytes]
    block_number: int
    timestamp: int


@dataclass(frozen=True)
class Inclusion:
    domain: bytes
    ledger: bytes
    registry: bytes
    block_number: int
    block_hash: bytes
    timestamp: int
    header: bytes
    nodes: list[bytes]
    said: Evidence
    evidence_id: bytes
    signatures: bytes
    showing: Showing
    places: list[Place]
    windows: Windows
    bindings: list[Binding]


def _block(value: Any) -> tuple[int, bytes, int]:
    value = members(value, "blockNumber", "blockHash", "timestamp")
    return whole(value["blockNumber"]), unhex(value["blockHash"], 32), whole(value["timestamp"])


def _way(value: Any) -> list[bytes]:
    require(len(listed(value)) <= LONGEST_WAY, "a way of more than 64")
    return [unhex(each, 32) for each in value]


def _place(value: Any) -> Place:
    names = ("subject", "operator", "batchId", "index", "count", "entryProof", "batchProof", "sealedIn")
    value = members(value, *names)
    count = whole(value["count"], 1, 2**32 - 1)
    number, _, timestamp = _block(value["sealedIn"])
    return Place(
        subject=unhex(value["subject"], 32),
        operator=unhex(value["operator"], 20),
        batch_id=whole(value["batchId"]),
        index=whole(value["index"], 0, count - 1),
        count=count,
        entry_proof=_way(value["entryProof"]),
        batch_proof=_way(value["batchProof"]),
        block_number=number,
        timestamp=timestamp,
    )


def _windows(value: Any) -> Windows:
    rows = [members(each, "party", "signer", "addedAt", "revokedAt") for each in listed(value)]
    pairs = [(unhex(each["party"], 32), unhex(each["signer"], 20)) for each in rows]
    require(ascending(pairs), "signers not in order")
    return {pair: (whole(each["addedAt"]), whole(each["revokedAt"])) for pair, each in zip(pairs, rows, strict=True)}


def read(data: bytes) -> Inclusion:
    require(len(data) <= MOST_BYTES, "too long")
    value = members(
        parse(data, 16),
        *("format", "chainId", "ledger", "registry", "asOf", "proof", "evidence", "evidenceId", "signatures"),
        *("disclosures", "hidden", "places", "signers", "bindings", "timestamps"),
    )
    require(value["format"] == "tallystick-inclusion/1", "another format")
    ledger = unhex(value["ledger"], 20)
    domain = separator(whole(value["chainId"]), ledger)
    number, block_hash, timestamp = _block(value["asOf"])
    proof = members(value["proof"], "header", "nodes")
    said = evidence(value["evidence"])
    require(unhex(value["evidenceId"], 32) == said.id(domain), "the id of another evidence")
    shown = showing(said.content_root, value["disclosures"], value["hidden"])
    require(ascending(list(shown.disclosures)) and ascending(list(shown.hidden)), "a showing out of order")
    places = [_place(each) for each in listed(value["places"])]
    require(places and ascending([place.subject for place in places]), "places missing or not in order")
    bindings = [binding(each) for each in listed(value["bindings"])]
    require(ascending([each.party for each in bindings]), "bindings not in order")
    stamps = [members(each, "operator", "batchId", "token") for each in listed(value["timestamps"])]
    named = [(unhex(each["operator"], 20), whole(each["batchId"]), unhex(each["token"])) for each in stamps]
    require(ascending([pair[:2] for pair in named]), "time-stamps not in order")
    return Inclusion(
        domain=domain,
        ledger=ledger,
        registry=unhex(value["registry"], 20),
        block_number=number,
        block_hash=block_hash,
        timestamp=timestamp,
        header=unhex(proof["header"]),
        nodes=[unhex(each) for each in listed(proof["nodes"])],
        said=said,
        evidence_id=said.id(domain),
        signatures=unhex(value["signatures"]),
        showing=shown,
        places=places,
        windows=_windows(value["signers"]),
        bindings=bindings,
    )


class _Check:
    def __init__(self, found: Inclusion, reader: Reader) -> None:
        self.found, self.reader = found, reader
        self.roots: list[bytes] = []
        self.bound: set[bytes] = set()

    def header(self) -> None:
        found, trusted = self.found, self.reader.block_hash
        require(trusted is None or found.block_hash == trusted, "the block is not the trusted one")
        require(keccak(found.header) == found.block_hash, "another header")
        self.state_root, number, time = header(found.header)
        require((number, time) == (found.block_number, found.timestamp), "another number or time")

    def account(self) -> None:
        found, reader = self.found, self.reader
        require(reader.ledger is None or found.ledger == reader.ledger, "another ledger")
        self.pool = Pool(found.nodes)
        self.ledger, code = self.pool.account(self.state_root, found.ledger)
        require(code == reader.ledger_code, "the ledger's code is another")
        self.registry, code = self.pool.account(self.state_root, found.registry)
        require(code == reader.registry_code, "the registry's code is another")

    def storage(self) -> None:
        found = self.found
        named = self.pool.slot(self.ledger, REGISTRY_SLOT)
        require(named == int.from_bytes(found.registry, "big"), "the ledger names another registry")
        for (party, signer), (added, revoked) in found.windows.items():
            window = self.pool.slot(self.registry, signer_slot(party, signer))
            require(window % 2**128 == added | revoked << 64, "another window")
        for place in found.places:
            root = self.pool.slot(self.ledger, batch_slot(place.operator, place.batch_id))
            self.roots.append(root.to_bytes(32, "big"))
        for each in found.bindings:
            account = each.signer(found.domain)
            if account is not None and self.pool.slot(self.registry, registrar_slot(account)) == 1:
                self.bound.add(each.party)
        require(not self.pool.unused, "a node that is not needed")

    def root(self) -> None:
        found = self.found
        for place, root in zip(found.places, self.roots, strict=True):
            leaf = entry_leaf(place.subject, place.index, found.evidence_id, found.signatures)
            subject_root = climb(leaf, place.entry_proof)
            reached = climb(subject_leaf(place.subject, subject_root, place.count), place.batch_proof)
            require(reached == root, "the way leads to another root")
            sealed = place.block_number <= found.block_number and place.timestamp <= found.timestamp
            require(sealed, "sealed after the block")

    def signature(self) -> None:
        found = self.found
        signed = signers(found.said, found.evidence_id, found.signatures)
        require(signed is not None and set(signed) == set(found.windows), "signers are not exactly those who signed")
        for place in found.places:
            for added, revoked in found.windows.values():
                active = added and added <= place.timestamp and (not revoked or place.timestamp < revoked)
                require(active, "a key that was not active")

    def content(self) -> None:
        self.found.showing.check()
        self.found.showing.fields()

    def binding(self) -> None:
        require(self.bound == {each.party for each in self.found.bindings}, "by no registrar")


def verify(data: bytes, reader: Reader) -> Verdict:
    step = STEPS[0]
    try:
        check = _Check(read(data), reader)
        for step in STEPS[1:]:
            getattr(check, step)()
    except Refused as error:
        return Verdict(INVALID, step, str(error))
    return Verdict(VALID if reader.block_hash is not None else UNCHECKED)
