"""The valid bundles that are mutated, and what a mutation may take from elsewhere.

Each base is one party's history with the block and the ledger that its reader trusts. Beside it stand genuine bundles
of other logs, blocks, chains and ledgers, and its own history *retold*: changed, signed and proven anew, as somebody
could who has every key and a chain of his own.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from independent.bundles import Bundle as TheirBundle
from independent.credit import of_bundle
from independent.verifier import Reader
from mutation.worlds import random_world
from protocol.accessing import access_story
from protocol.stamping import MAKER, stamped
from protocol.world import CODE_HASHES, LEDGER, Actor, World, actor, story
from tallystick.credit import report as credit
from tallystick.protocol.bundle import Bundle
from tallystick.protocol.bundle_stream import format_bundle, parse_bundle
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.log import LogAppend, subject_root
from tallystick.protocol.types import Address, BlockRef, PartyId, SignerWindow, Timestamp
from tallystick.protocol.verdict import DeriveReport, Trust
from tallystick.timestamp.token import check_token, parse_roots

ROLES = ("supplier", "buyer", "carrier", "stranger", "operator", "rogue operator", "registrar")
RANDOM_WORLDS = 12
OTHER_LEDGER = Address(bytes(19) + b"\x01")


@dataclass(frozen=True)
class Base:
    """A valid bundle, who trusts it, and the genuine values of which a forger could make use."""

    name: str
    data: bytes
    trust: Trust
    derive: DeriveReport
    reader: Reader
    others: Sequence[Any]
    """Other genuine bundles as JSON: other logs, blocks, chains, ledgers."""
    retold: Sequence[Any]
    """This history retold: one thing changed, everything else made to fit."""

    def untrusting(self) -> Base:
        """The same for a reader who trusts no block."""
        trust, reader = replace(self.trust, block_hash=None), replace(self.reader, block_hash=None)
        return replace(self, trust=trust, reader=reader)


def credit_report(subject: PartyId, entries: Sequence[Entry], as_of: BlockRef, withheld: int) -> Mapping[str, Json]:
    """The report that a real bundle carries."""
    return credit.to_json(credit.derive(subject, entries, as_of, withheld=withheld))


def counting_report(subject: PartyId, entries: Sequence[Entry], as_of: BlockRef, withheld: int) -> Mapping[str, Json]:
    """The report of the vectors: four numbers."""
    return {
        "entries": len(entries),
        "hidden": sum(entry.hidden for entry in entries),
        "standing": sum(entry.standing is Standing.STANDS for entry in entries),
        "withheld": withheld,
    }


def their_counting_report(bundle: TheirBundle, standings: list[list[str] | None]) -> dict[str, Any]:
    """The same, of what the independent verifier read and judged."""
    entries = [entry for append in bundle.appends for entry in append.entries or ()]
    return {
        "entries": len(entries),
        "hidden": sum(entry.showing.hides for entry in entries),
        "standing": sum(each == "stands" for judged in standings for each in judged or ()),
        "withheld": sum(append.count for append in bundle.appends if append.entries is None),
    }


def bases(seed: int) -> list[Base]:
    """Histories of every kind and standing, under the report of the vectors and under the credit report."""
    world, supplier = story()
    small, seller = _small()
    looked_at, subject = access_story()
    made = []
    for derive in (counting_report, credit_report):
        label = "counted" if derive is counting_report else "credit"
        for who in (supplier, actor("buyer"), actor("carrier")):
            made.append(_base(f"story of the {who.name}, {label}", world, who, derive))
        made.append(_base(f"small, {label}", small, seller, derive))
        made.append(_time_stamped(_base(f"small and time-stamped, {label}", small, seller, derive), small))
        told = _base(f"story of the supplier, time-stamped, {label}", world, supplier, derive)
        made.append(_trusting_an_authority(_time_stamped(told, world)))
        made.append(_base(f"access, {label}", looked_at, subject, derive))
        for number in range(RANDOM_WORLDS // 2):
            rng = random.Random(f"{seed} {label} {number}")  # noqa: S311 - drawn again from its name
            made.append(_base(f"random {number}, {label}", *random_world(rng), derive))
    return made


def _time_stamped(base: Base, world: World) -> Base:
    """The same with a time-stamp on every batch, as nobody can check who has no root certificates."""
    return replace(base, data=format_bundle(stamped(world, parse_bundle(base.data))))


def _trusting_an_authority(base: Base) -> Base:
    """The same for a reader who has its root certificates."""
    roots = parse_roots(MAKER.root_pem, "roots")
    return replace(base, trust=replace(base.trust, check_token=lambda token, root: check_token(token, root, roots)))


def _small() -> tuple[World, Actor]:
    world = World()
    supplier, buyer = world.join("supplier"), world.join("buyer")
    contract = world.contract(supplier, buyer)
    world.seal(actor("operator"), [contract, world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)])
    return world, supplier


def _base(name: str, world: World, who: Actor, derive: DeriveReport) -> Base:
    named = world.binding(who)

    def show(shown: World, party: PartyId = who.party) -> Bundle:
        same = (shown.domain, shown.registrar) == (world.domain, world.registrar)
        # a registrar's newer statement would be as good: there is one alone
        return shown.bundle(party, bindings=[named if same else shown.binding(who)], derive=derive)

    bundle = show(world)
    trust = Trust(CODE_HASHES, bundle.as_of.hash, world.ledger)
    later = copy.deepcopy(world)
    later.now += 600
    profile = later.evidence(who, None, Kind.PROFILE, {"title": "later"})
    later.seal_as(actor("operator"), {who.party: [profile]})
    elsewhere = [_transplanted(world, chain_id=1), _transplanted(world, ledger=OTHER_LEDGER)]
    others = [show(world, party) for party in world.logs if party != who.party][:2]
    others += [show(later), *(show(other) for other in elsewhere)]
    retold = [show(change(copy.deepcopy(world), who)) for change in RETELLINGS]
    return Base(
        name=name,
        data=format_bundle(bundle),
        trust=trust,
        derive=derive,
        reader=reader_of(trust, derive),
        others=[_value(other) for other in others],
        retold=[_value(other) for other in retold if other != bundle],
    )


def reader_of(trust: Trust, derive: DeriveReport) -> Reader:
    """The same reader, for the independent verifier, with its own derivation of the same report."""
    theirs = their_counting_report if derive is counting_report else of_bundle
    hashes = trust.code_hashes
    return Reader(trust.block_hash, trust.ledger, hashes.ledger, hashes.registry, theirs)


def _value(bundle: Bundle) -> Any:
    return orjson.loads(format_bundle(bundle))


def _transplanted(world: World, chain_id: int = 31_337, ledger: Address = LEDGER) -> World:
    """The same logs on another chain or ledger, signatures as they are: there they sign nothing."""
    other = copy.deepcopy(world)
    other.chain_id, other.ledger = chain_id, ledger
    for party, log in other.logs.items():
        for number, (append, items) in enumerate(log):
            moved = [replace(item, evidence_id=item.evidence.evidence_id(other.domain)) for item in items]
            log[number] = (_rooted(append, party, moved), moved)
    return other


def _rooted(append: LogAppend, party: PartyId, items: Sequence[Any]) -> LogAppend:
    root = subject_root(party, [(item.evidence_id, item.signatures) for item in items])
    return replace(append, root=root, count=len(items))


# --- retelling ------------------------------------------------------------------------------------------------------


def _without_last_batch(world: World, who: Actor) -> World:
    """A truncated history."""
    world.logs[who.party].pop()
    return world


def _without_first_batch(world: World, who: Actor) -> World:
    del world.logs[who.party][0]
    return world


def _without_an_entry(world: World, who: Actor) -> World:
    log = world.logs[who.party]
    at = max(range(len(log)), key=lambda number: len(log[number][1]))
    append, items = log[at]
    if len(items) > 1:
        log[at] = (_rooted(append, who.party, items[1:]), items[1:])
    return world


def _by_another_operator(world: World, who: Actor) -> World:
    append, items = world.logs[who.party][0]
    world.logs[who.party][0] = (replace(append, operator=actor("rogue operator").address), items)
    return world


def _earlier(world: World, who: Actor) -> World:
    append, items = world.logs[who.party][-1]
    world.logs[who.party][-1] = (replace(append, timestamp=Timestamp(append.timestamp - 1)), items)
    return world


def _keys_for_ever(world: World, who: Actor) -> World:
    for pair in world.windows:
        world.windows[pair] = SignerWindow(Timestamp(1), Timestamp(0))
    return world


def _all_keys_revoked(world: World, who: Actor) -> World:
    for pair, window in world.windows.items():
        world.windows[pair] = SignerWindow(window.added_at, Timestamp(window.added_at + 1))
    return world


def _redated(world: World, who: Actor) -> World:
    """Each evidence of one batch dated otherwise and signed anew by the keys of those who signed it."""
    append, items = world.logs[who.party][0]
    keys = {actor(role).party: actor(role) for role in ROLES}
    signed = []
    for item in items:
        evidence = replace(item.evidence, occurred_at=Timestamp(item.evidence.occurred_at // 2 + 1))
        signers = [keys[party] for party in evidence.signing_parties() if party in keys]
        signed.append(world.sign(evidence, signers, item.disclosures))
    world.logs[who.party][0] = (_rooted(append, who.party, signed), signed)
    return world


def _one_more(world: World, who: Actor) -> World:
    other = actor("buyer") if who.name != "buyer" else actor("supplier")
    extra = world.contract(who, other, deal="one more")
    world.seal_as(actor("rogue operator"), {who.party: [extra]})
    return world


def _other_registrar(world: World, who: Actor) -> World:
    world.registrar = actor("stranger")
    return world


RETELLINGS: list[Callable[[World, Actor], World]] = [
    _without_last_batch,
    _without_first_batch,
    _without_an_entry,
    _by_another_operator,
    _earlier,
    _keys_for_ever,
    _all_keys_revoked,
    _redated,
    _one_more,
    _other_registrar,
]
