"""A good bundle with every kind of evidence, and how to forge it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from protocol.world import CODE_HASHES, LEDGER, REGISTRY, World, actor, simple_report, story
from tallystick.protocol.bundle import Bundle, BundleAppend, BundleEntry
from tallystick.protocol.bundle_stream import format_bundle
from tallystick.protocol.entry import Standing
from tallystick.protocol.state import ProofError
from tallystick.protocol.types import Address
from tallystick.protocol.verdict import Outcome, Step, Trust, Verdict
from tallystick.protocol.verify import verify

WORLD, SUPPLIER = story()
BUYER, ROGUE = actor("buyer"), actor("rogue operator")
GOOD = WORLD.bundle(SUPPLIER.party, bindings=[WORLD.binding(SUPPLIER), WORLD.binding(BUYER)])
TRUSTED = GOOD.as_of.hash


def verdict_of(bundle: Bundle, **more: Any) -> Verdict:
    """The verdict of a reader who trusts the good bundle's block."""
    options: dict[str, Any] = {"code_hashes": CODE_HASHES, "block_hash": TRUSTED, "ledger": LEDGER} | more
    calls = {"derive": simple_report} | {name: options.pop(name) for name in ("derive", "progress") if name in options}
    return verify(format_bundle(bundle), Trust(**options), **calls)


def assert_fails(bundle: Bundle, step: Step, message: str, **more: Any) -> None:
    verdict = verdict_of(bundle, **more)
    assert (verdict.outcome, verdict.failed) == (Outcome.INVALID, step), verdict.message
    assert message in verdict.message


def change_append(bundle: Bundle, at: int, change: Callable[[BundleAppend], BundleAppend]) -> Bundle:
    appends = list(bundle.appends)
    appends[at] = change(appends[at])
    return replace(bundle, appends=tuple(appends))


def change_entry(bundle: Bundle, at: int, index: int, change: Callable[[BundleEntry], BundleEntry]) -> Bundle:
    def in_append(append: BundleAppend) -> BundleAppend:
        entries = list(append.entries or ())
        entries[index] = change(entries[index])
        return replace(append, entries=tuple(entries))

    return change_append(bundle, at, in_append)


def find(bundle: Bundle, kind: int, standing: Standing = Standing.STANDS) -> tuple[int, int]:
    """Where the first entry of ``kind`` and ``standing`` is: append and index."""
    return next(
        (i, j)
        for i, append in enumerate(bundle.appends)
        for j, entry in enumerate(append.entries or ())
        if (entry.evidence.kind, entry.standing) == (kind, standing)
    )


def node(world: World = WORLD) -> dict[str, Any]:
    """A node that the reader trusts instead of the bundle's own proof."""
    ledger_slots, registry_slots = world.storage()

    class Chain:
        block = GOOD.as_of

        def code_hash(self, address: Address) -> bytes:
            if address not in (LEDGER, REGISTRY):
                raise ProofError("no such account")
            return CODE_HASHES.ledger if address == LEDGER else CODE_HASHES.registry

        def slot(self, address: Address, slot: bytes) -> int:
            return (ledger_slots if address == LEDGER else registry_slots).get(slot, 0)

    return {"state": Chain(), "block_hash": None}
