"""A small world without any chain: actors with keys, logs, contract storage, and the block that proves them.

Everything is a function of the names used, so that the same story always gives the same bytes. Example::

    world = World()
    supplier, buyer, operator = world.join("supplier"), world.join("buyer"), actor("operator")
    contract = world.contract(supplier, buyer)
    world.seal(operator, [contract])
    data = format_bundle(world.bundle(supplier))
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import rlp

from protocol.contents import FIELDS
from protocol.tries import encode_header, new_trie, path, storage_trie
from tallystick.errors import MalformedEvidence
from tallystick.protocol import content
from tallystick.protocol.binding import PartyBinding, party_id
from tallystick.protocol.bundle import Bundle, BundleAppend, BundleEntry, BundleProof
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Domain, Evidence, Kind, subjects
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.log import LogAppend, fold, subject_root
from tallystick.protocol.signing import private_key_address, sign
from tallystick.protocol.slots import LEDGER_REGISTRY_SLOT, REGISTRAR_ROLE, head_slot, role_slot, window_slot
from tallystick.protocol.standing import SealedEntry, judge, recover_signers
from tallystick.protocol.types import (
    ZERO32,
    Address,
    BlockRef,
    DealId,
    EvidenceId,
    Hash,
    PartyId,
    SignerWindow,
    Timestamp,
)
from tallystick.protocol.verdict import CodeHashes

START = 1_700_000_000
DAY = 86_400
CHAIN_ID = 31_337
NETWORK_KEY = bytes(range(32))
NOBODY = PartyId(ZERO32)
NO_PARENT = EvidenceId(ZERO32)
LEDGER = Address(keccak256(b"ledger")[:20])
REGISTRY = Address(keccak256(b"registry")[:20])
REGISTRY_CODE = b"runtime code of the registry"
LEDGER_CODE = b"runtime code of the ledger"
CODE_HASHES = CodeHashes(registry=Hash(keccak256(REGISTRY_CODE)), ledger=Hash(keccak256(LEDGER_CODE)))


@dataclass(frozen=True)
class Actor:
    """Somebody with a key, and the party that the key may speak for."""

    name: str
    key: bytes
    address: Address
    party: PartyId


def actor(name: str, key: str = "") -> Actor:
    """The actor in the role ``name``; ``key`` names another of its keys."""
    private = keccak256(f"key of {name} {key}".encode())
    return Actor(name, private, private_key_address(private), party_id(NETWORK_KEY, "ERP", name.replace(" ", "-")))


@dataclass(frozen=True)
class Signed:
    """An evidence as its holder keeps it."""

    evidence: Evidence
    evidence_id: EvidenceId
    signatures: bytes
    disclosures: tuple[str, ...]


@dataclass
class World:
    """One ledger, its parties, and the time ``now`` that the next batch will have."""

    ledger: Address = LEDGER
    registry: Address = REGISTRY
    registrar: Actor = field(default_factory=lambda: actor("registrar"))
    now: int = START
    chain_id: int = CHAIN_ID
    ledger_code: bytes = LEDGER_CODE
    windows: dict[tuple[PartyId, Address], SignerWindow] = field(default_factory=dict)
    logs: dict[PartyId, list[tuple[LogAppend, list[Signed]]]] = field(default_factory=lambda: defaultdict(list))
    next_batch: dict[Address, int] = field(default_factory=lambda: defaultdict(int))
    made: int = 0

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, self.ledger)

    # parties and keys

    def join(self, name: str, key: str = "") -> Actor:
        """Admit the party of role ``name`` with one of its keys, now."""
        who = actor(name, key)
        self.windows[who.party, who.address] = SignerWindow(Timestamp(self.now), Timestamp(0))
        return who

    def revoke(self, who: Actor) -> None:
        added = self.windows[who.party, who.address].added_at
        self.windows[who.party, who.address] = SignerWindow(added, Timestamp(self.now))

    # evidence

    def evidence(
        self,
        issuer: Actor,
        counterparty: Actor | None,
        kind: int,
        fields: Mapping[str, Json] | None = None,
        *,
        parent: Signed | None = None,
        deal: str = "",
        issued_at: int | None = None,
        signers: Sequence[Actor] | None = None,
    ) -> Signed:
        """An evidence of ``kind``, signed by ``signers`` (whoever has to, by default), in its parent's deal."""
        self.made += 1
        shown = FIELDS.get(kind, {}) if fields is None else fields
        disclosures = content.make(shown, self._salt())
        evidence = Evidence(
            issuer=issuer.party,
            counterparty=counterparty.party if counterparty else NOBODY,
            kind=kind,
            deal=parent.evidence.deal if parent and not deal else DealId(keccak256(f"deal {deal}".encode())),
            parent=parent.evidence_id if parent else NO_PARENT,
            content_root=content.content_root([content.digest(item) for item in disclosures]),
            occurred_at=Timestamp(self.now - DAY),
            issued_at=Timestamp(self.now if issued_at is None else issued_at),
        )
        if signers is None:
            signers = [issuer, counterparty] if kind == Kind.CONTRACT and counterparty else [issuer]
        return self.sign(evidence, signers, disclosures)

    def sign(self, evidence: Evidence, signers: Iterable[Actor], disclosures: Sequence[str] = ()) -> Signed:
        evidence_id = evidence.evidence_id(self.domain)
        signatures = b"".join(sign(evidence_id, signer.key) for signer in signers)
        return Signed(evidence, evidence_id, signatures, tuple(sorted(disclosures)))

    def contract(self, supplier: Actor, buyer: Actor, deal: str = "") -> Signed:
        return self.evidence(supplier, buyer, Kind.CONTRACT, deal=deal)

    def _salt(self) -> Callable[[int], bytes]:
        base, drawn = self.made, 0

        def entropy(size: int) -> bytes:
            nonlocal drawn
            drawn += 1
            return keccak256(f"salt {base} {drawn}".encode())[:size]

        return entropy

    # batches

    def seal(self, operator: Actor, batch: Sequence[Signed]) -> None:
        """Seal ``batch`` as an honest operator does: into the log of every subject."""
        known = {item.evidence_id: item.evidence for log in self.logs.values() for _, items in log for item in items}
        known |= {item.evidence_id: item.evidence for item in batch}
        by_subject: dict[PartyId, list[Signed]] = defaultdict(list)
        for item in batch:
            for subject in subjects(item.evidence, known.get(item.evidence.parent)):
                by_subject[subject].append(item)
        self.seal_as(operator, by_subject)

    def seal_as(self, operator: Actor, by_subject: Mapping[PartyId, Sequence[Signed]]) -> None:
        """Seal whatever ``by_subject`` says, as only a rogue operator would."""
        batch_id = self.next_batch[operator.address]
        self.next_batch[operator.address] += 1
        for subject in sorted(by_subject):
            items = list(by_subject[subject])
            root = subject_root(subject, [(item.evidence_id, item.signatures) for item in items])
            append = LogAppend(operator.address, batch_id, len(items), root, Timestamp(self.now))
            self.logs[subject].append((append, items))
        self.now += 60

    # what a holder shows

    def judged(self, subject: PartyId) -> list[Entry]:
        """The judged log of ``subject`` with everything shown."""
        log = [(append, [unpack(show(item)) for item in items]) for append, items in self.logs.get(subject, [])]
        return judge(subject, log, lambda party, signer: self.windows.get((party, signer)))

    def bundle(
        self,
        subject: PartyId,
        *,
        hide: Collection[str] = (),
        withhold: Collection[int] = (),
        bindings: Sequence[PartyBinding] = (),
        derive: Callable[..., Mapping[str, Json]] | None = None,
    ) -> Bundle:
        """The bundle of ``subject``; fields named in ``hide`` are hidden, appends at ``withhold`` are not shown."""
        appends = [
            (append, None if i in withhold else [show(item, hide) for item in items])
            for i, (append, items) in enumerate(self.logs.get(subject, []))
        ]
        return self.assemble(subject, appends, bindings, derive or simple_report)

    def assemble(
        self,
        subject: PartyId,
        appends: Sequence[tuple[LogAppend, Sequence[BundleEntry] | None]],
        bindings: Sequence[PartyBinding],
        derive: Callable[..., Mapping[str, Json]],
    ) -> Bundle:
        """The bundle that shows ``appends``: windows, standings, proof and report made to fit."""
        batches = [
            (append, None if shown is None else [unpack(entry, self.domain) for entry in shown])
            for append, shown in appends
        ]
        entries = judge(subject, batches, lambda party, signer: self.windows.get((party, signer)))
        used = {
            pair
            for _, sealed in batches
            for entry in sealed or ()
            for pair in zip(entry.evidence.signing_parties(), entry.signers or (), strict=False)
        }
        windows = {pair: self.windows.get(pair, SignerWindow(Timestamp(0), Timestamp(0))) for pair in sorted(used)}
        judged = iter(entries)
        shown_appends = tuple(
            BundleAppend(
                append,
                None if shown is None else tuple(replace(entry, standing=next(judged).standing) for entry in shown),
            )
            for append, shown in appends
        )
        bindings = tuple(sorted(bindings, key=lambda binding: binding.party))
        proof, block = self.prove(subject, windows, bindings)
        withheld = sum(append.count for append, shown in appends if shown is None)
        return Bundle(
            chain_id=self.chain_id,
            registry=self.registry,
            ledger=self.ledger,
            subject=subject,
            as_of=block,
            proof=proof,
            windows=windows,
            appends=shown_appends,
            bindings=bindings,
            report=derive(subject, entries, block, withheld),
        )

    def binding(self, who: Actor, signer: Actor | None = None) -> PartyBinding:
        """Who is behind the id of ``who``, as the registrar (or another ``signer``) says."""
        name = f"{who.name.title()} GmbH"
        unsigned = PartyBinding(who.party, "ERP", who.name.replace(" ", "-"), name, Timestamp(self.now), b"")
        return replace(unsigned, signature=sign(unsigned.digest(self.domain), (signer or self.registrar).key))

    # the chain's state

    def storage(self) -> tuple[dict[bytes, int], dict[bytes, int]]:
        """Every slot written so far of ledger and registry."""
        ledger = {LEDGER_REGISTRY_SLOT: int.from_bytes(self.registry, "big")}
        for party, log in self.logs.items():
            ledger[head_slot(party)] = int.from_bytes(fold(append for append, _ in log), "big")
        registry = {role_slot(REGISTRAR_ROLE, self.registrar.address): 1}
        for (party, signer), window in self.windows.items():
            registry[window_slot(party, signer)] = window.revoked_at << 64 | window.added_at
        for i in range(20):  # what else a registry holds, so that paths have branches to pass
            registry[keccak256(b"other slot %d" % i)] = i + 1
            ledger[keccak256(b"other slot %d" % i)] = i + 1
        return ledger, registry

    def prove(
        self,
        subject: PartyId,
        windows: Iterable[tuple[PartyId, Address]],
        bindings: Sequence[PartyBinding],
    ) -> tuple[BundleProof, BlockRef]:
        """The block as of now and the proof of every slot that a bundle of ``subject`` relies upon."""
        ledger, registry = self.storage()
        roles = [role_slot(REGISTRAR_ROLE, binding.signer(self.domain)) for binding in bindings]
        wanted = [LEDGER_REGISTRY_SLOT, head_slot(subject)], [*(window_slot(*pair) for pair in windows), *roles]
        return self.prove_slots(ledger, registry, *wanted)

    def prove_slots(
        self,
        ledger: Mapping[bytes, int],
        registry: Mapping[bytes, int],
        of_ledger: Iterable[bytes],
        of_registry: Iterable[bytes],
    ) -> tuple[BundleProof, BlockRef]:
        """The block as of now, whose contracts hold these slots, and the proof of those wanted of each."""
        ledger_trie, registry_trie = storage_trie(ledger), storage_trie(registry)
        accounts = new_trie()
        for i in range(12):
            accounts[keccak256(keccak256(b"stranger %d" % i)[:20])] = rlp.encode(
                [i, 10**18, keccak256(b"\x80"), ZERO32]
            )
        for address, storage, code in (
            (self.ledger, ledger_trie, self.ledger_code),
            (self.registry, registry_trie, REGISTRY_CODE),
        ):
            accounts[keccak256(address)] = rlp.encode([1, 0, storage.root_hash, keccak256(code)])
        header = encode_header(accounts.root_hash, number=1_000, timestamp=self.now)
        nodes = {
            *path(accounts, self.ledger),
            *path(accounts, self.registry),
            *(node for slot in of_ledger for node in path(ledger_trie, slot)),
            *(node for slot in of_registry for node in path(registry_trie, slot)),
        }
        block = BlockRef(1_000, Hash(keccak256(header)), Timestamp(self.now))
        return BundleProof(header, tuple(sorted(nodes, key=keccak256))), block


def show(item: Signed, hide: Collection[str] = ()) -> BundleEntry:
    """``item`` as a bundle shows it, the fields named in ``hide`` hidden."""
    shown = [text for text in item.disclosures if not hide or _name(text) not in hide]
    hidden = [content.digest(disclosure) for disclosure in item.disclosures if disclosure not in shown]
    return BundleEntry(item.evidence, item.signatures, tuple(shown), tuple(sorted(hidden)), Standing.STANDS)


def _name(disclosure: str) -> str | None:
    """The field that ``disclosure`` shows, None where it is malformed."""
    try:
        return content.parse(disclosure)[0]
    except MalformedEvidence:
        return None


def unpack(entry: BundleEntry, domain: Domain | None = None) -> SealedEntry:
    """``entry`` as it is judged."""
    evidence_id = entry.evidence.evidence_id(domain or World().domain)
    try:
        fields: Mapping[str, Json] | None = content.parse_all(entry.disclosures)
    except MalformedEvidence:
        fields = None
    return SealedEntry(
        evidence_id,
        entry.evidence,
        recover_signers(evidence_id, entry.signatures, len(entry.evidence.signing_parties())),
        fields,
        content.hidden_count(entry.evidence.content_root, entry.disclosures, entry.hidden),
    )


def simple_report(subject: PartyId, entries: Sequence[Entry], as_of: BlockRef, withheld: int) -> dict[str, Json]:
    """A report that says of every part of every entry what a reader could rely on."""
    by_standing: dict[str, Json] = {}
    for entry in entries:
        by_standing[entry.standing.value] = int(str(by_standing.get(entry.standing.value, 0))) + 1
    invoiced = sum(
        int(str(entry.fields["payableAmount"]).replace(".", ""))
        for entry in entries
        if entry.standing is Standing.STANDS
        and entry.evidence.kind == Kind.INVOICE
        and isinstance(entry.fields.get("payableAmount"), str)
        and str(entry.fields["payableAmount"]).replace(".", "").isdigit()
    )
    return {
        "party": "0x" + subject.hex(),
        "asOf": as_of.timestamp,
        "entries": len(entries),
        "standings": by_standing,
        "invoiced": str(invoiced),
        "hidden": sum(entry.hidden for entry in entries),
        "withheld": withheld,
    }


def story() -> tuple[World, Actor]:
    """A world with every kind of evidence and every standing that a log can hold, and its supplier."""
    world = World()
    supplier, buyer, carrier = world.join("supplier"), world.join("buyer"), world.join("carrier")
    stranger, operator, rogue = world.join("stranger"), actor("operator"), actor("rogue operator")
    contract = world.contract(supplier, buyer)
    delivery = world.evidence(supplier, buyer, Kind.DELIVERY, parent=contract)
    world.seal(operator, [contract, delivery])
    witnessed = world.evidence(carrier, None, Kind.ACKNOWLEDGEMENT, {"note": "as shipped"}, parent=delivery)
    invoice = world.evidence(supplier, buyer, Kind.INVOICE, parent=delivery)
    world.seal(operator, [witnessed, invoice])
    dispute = world.evidence(buyer, supplier, Kind.DISPUTE, parent=invoice)
    resolution = world.evidence(buyer, supplier, Kind.RESOLUTION, parent=dispute)
    correction = world.evidence(supplier, buyer, Kind.CORRECTION, parent=invoice)
    world.seal(operator, [dispute, resolution, correction])
    allocations = [{"invoice": "0x" + invoice.evidence_id.hex(), "amount": "1250.00"}]
    payment = world.evidence(
        buyer, supplier, Kind.PAYMENT, {**FIELDS[Kind.PAYMENT], "allocations": allocations}, parent=invoice
    )
    paid = world.evidence(supplier, buyer, Kind.ACKNOWLEDGEMENT, {}, parent=payment)
    write_off = world.evidence(supplier, buyer, Kind.WRITE_OFF, parent=invoice)
    profile = world.evidence(supplier, None, Kind.PROFILE, {"title": "maker of valves"})
    world.seal(operator, [payment, paid, write_off, profile])
    retired = world.join("supplier", "retired key")
    world.revoke(retired)
    world.now += 60
    bad = replace(world.evidence(supplier, buyer, Kind.INVOICE, parent=contract), signatures=bytes(65))
    late = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract, signers=[retired])
    ahead = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract, issued_at=world.now + 601)
    foreign = world.evidence(stranger, None, Kind.SIGNAL, {})
    unfounded = world.evidence(stranger, supplier, Kind.INVOICE, deal="never agreed")
    misfit = world.evidence(supplier, buyer, Kind.RESOLUTION, parent=invoice)
    malformed = world.evidence(supplier, buyer, Kind.INVOICE, {"payableAmount": "1.250,00"}, parent=contract)
    unknown = world.evidence(supplier, buyer, 200, {"anything": [1, True, None, {"a": "ü"}]}, parent=contract)
    junk = [bad, late, ahead, foreign, unfounded, misfit, malformed, unknown, invoice]
    world.seal_as(rogue, {supplier.party: junk})
    return world, supplier
