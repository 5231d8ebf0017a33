"""The proof of one evidence of a world, as its holder makes it (protocol section 17)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from protocol.world import Signed, World, show
from tallystick.protocol import merkle
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.bundle import BundleProof
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.inclusion import Inclusion, Place, proven_slots, signers_of
from tallystick.protocol.log import append_leaf, batch_root, entry_leaf
from tallystick.protocol.slots import batch_root_slot
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId


def include(
    world: World,
    item: Signed,
    *,
    hide: Collection[str] = (),
    bindings: Sequence[PartyBinding] = (),
    subjects: Collection[PartyId] | None = None,
) -> Inclusion:
    """The proof of ``item``, with its places in the logs of ``subjects`` (all that hold it, by default)."""
    batches = _batches(world)
    places = []
    for subject, log in sorted(world.logs.items()):
        for append, items in log:
            ids = [each.evidence_id for each in items]
            if item.evidence_id not in ids or (subjects is not None and subject not in subjects):
                continue
            index = ids.index(item.evidence_id)
            leaves = [entry_leaf(subject, i, each.evidence_id, each.signatures) for i, each in enumerate(items)]
            batch = batches[append.operator, append.batch_id]
            places.append(
                Place(
                    subject=subject,
                    operator=append.operator,
                    batch_id=append.batch_id,
                    index=index,
                    count=append.count,
                    entry_proof=merkle.prove(leaves, index),
                    batch_proof=merkle.prove([append_leaf(*each) for each in batch], _index(batch, subject)),
                    block=BlockRef(900, Hash(keccak256(b"the block that sealed it")), append.timestamp),
                )
            )
    shown = show(item, hide)
    windows = {pair: world.windows[pair] for pair in signers_of(item.evidence, item.evidence_id, item.signatures)}
    unproven = Inclusion(
        domain=world.domain,
        registry=world.registry,
        as_of=BlockRef(0, Hash(bytes(32)), world.now),  # type: ignore[arg-type]
        proof=BundleProof(b"", ()),
        evidence=item.evidence,
        signatures=item.signatures,
        disclosures=shown.disclosures,
        hidden=shown.hidden,
        places=tuple(places),
        windows=windows,
        bindings=tuple(bindings),
    )
    ledger, registry = world.storage()
    for pair, appends in batches.items():
        ledger[batch_root_slot(*pair)] = int.from_bytes(batch_root(appends), "big")
    wanted = proven_slots(unproven)
    proof, block = world.prove_slots(ledger, registry, wanted[world.ledger], wanted[world.registry])
    return replace(unproven, proof=proof, as_of=block)


def _batches(world: World) -> dict[tuple[Address, int], list[tuple[PartyId, Hash, int]]]:
    """What each batch appended, ascending by party."""
    found: dict[tuple[Address, int], list[tuple[PartyId, Hash, int]]] = defaultdict(list)
    for subject, log in sorted(world.logs.items()):
        for append, _ in log:
            found[append.operator, append.batch_id].append((subject, append.root, append.count))
    return found


def _index(batch: Sequence[tuple[PartyId, Hash, int]], subject: PartyId) -> int:
    return [party for party, _, _ in batch].index(subject)
