"""The verifier, from the file down to the head: each step refuses its own forgeries with its own code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.forging import (
    BUYER,
    GOOD,
    TRUSTED,
    WORLD,
    assert_fails,
    change_append,
    node,
    verdict_of,
)
from protocol.tries import encode_header
from protocol.world import CODE_HASHES, LEDGER, REGISTRY, World, actor, simple_report
from tallystick.protocol.bundle import BundleAppend
from tallystick.protocol.evidence import Kind
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.slots import LEDGER_REGISTRY_SLOT
from tallystick.protocol.types import Address, Hash, SignerWindow
from tallystick.protocol.verdict import CodeHashes, Outcome, Step, Trust
from tallystick.protocol.verify import verify

# schema


def test_what_is_no_bundle_fails_at_the_schema() -> None:
    verdict = verify(b"{}", Trust(CODE_HASHES, TRUSTED), derive=simple_report)
    assert (verdict.outcome, verdict.failed, verdict.bundle) == (Outcome.INVALID, Step.SCHEMA, None)


def test_an_entry_left_out_fails_at_the_schema_where_the_count_remains() -> None:
    forged = change_append(GOOD, 1, lambda append: replace(append, entries=append.entries[:-1]))  # type: ignore[index]
    assert_fails(forged, Step.SCHEMA, "An entry was left out or added")


# header


def test_a_bundle_as_of_another_block_than_the_trusted_one_fails_at_the_header() -> None:
    assert_fails(GOOD, Step.HEADER, "the trusted block hash is", block_hash=Hash(bytes(32)))


def test_a_header_of_the_forgers_own_making_fails() -> None:
    proof, block = GOOD.proof, GOOD.as_of
    assert proof is not None
    header = encode_header(bytes(32), block.number, block.timestamp)
    assert_fails(replace(GOOD, proof=replace(proof, header=header)), Step.HEADER, "expected to hash to")
    forged = replace(GOOD, proof=replace(proof, header=header), as_of=replace(block, hash=Hash(keccak256(header))))
    assert_fails(forged, Step.HEADER, "the trusted block hash is")


@pytest.mark.parametrize("change", [{"number": 1_001}, {"timestamp": GOOD.as_of.timestamp - 1}])
def test_another_number_or_time_than_the_headers_fails(change: dict[str, int]) -> None:
    assert_fails(replace(GOOD, as_of=replace(GOOD.as_of, **change)), Step.HEADER, "asOf: expected block 1000")  # type: ignore[arg-type]


# account


def test_another_ledger_than_the_reader_relies_on_fails() -> None:
    assert_fails(GOOD, Step.ACCOUNT, "ledger: expected", ledger=Address(bytes(20)))


def test_a_ledger_or_registry_that_the_state_does_not_know_fails() -> None:
    assert_fails(replace(GOOD, ledger=Address(bytes(20))), Step.ACCOUNT, "", ledger=None)
    assert_fails(replace(GOOD, registry=Address(bytes(20))), Step.ACCOUNT, "")


def test_contracts_of_other_code_fail() -> None:
    other = Hash(bytes(32))
    assert_fails(GOOD, Step.ACCOUNT, "EvidenceLedger", code_hashes=CodeHashes(CODE_HASHES.registry, other))
    assert_fails(GOOD, Step.ACCOUNT, "PartyRegistry", code_hashes=CodeHashes(other, CODE_HASHES.ledger))


def test_the_ledger_passed_off_as_the_registry_fails() -> None:
    assert_fails(replace(GOOD, registry=GOOD.ledger), Step.ACCOUNT, "PartyRegistry")


def test_trie_nodes_out_of_order_fail() -> None:
    assert GOOD.proof is not None
    forged = replace(GOOD, proof=replace(GOOD.proof, nodes=GOOD.proof.nodes[::-1]))
    assert_fails(forged, Step.ACCOUNT, "ascending by hash")


# storage


def test_a_registry_that_the_ledger_does_not_rely_on_fails() -> None:
    """The forger's own registry has the published code, but the ledger names another one."""
    forger = World(registry=Address(keccak256(b"the forger's registry")[:20]))
    supplier = forger.join("supplier")
    bundle = forger.bundle(supplier.party)
    ledger_slots, registry_slots = forger.storage()
    assert ledger_slots[LEDGER_REGISTRY_SLOT] == int.from_bytes(forger.registry, "big")

    class Chain:
        block = bundle.as_of

        def code_hash(self, address: Address) -> bytes:
            return {LEDGER: CODE_HASHES.ledger, forger.registry: CODE_HASHES.registry}[address]

        def slot(self, address: Address, slot: bytes) -> int:
            slots = {**ledger_slots, LEDGER_REGISTRY_SLOT: int.from_bytes(REGISTRY, "big")}
            return (slots if address == LEDGER else registry_slots).get(slot, 0)

    assert_fails(
        replace(bundle, proof=None),
        Step.STORAGE,
        "the ledger relies on registry",
        block_hash=bundle.as_of.hash,
        state=Chain(),
    )


def test_an_altered_window_fails() -> None:
    for pair, window in GOOD.windows.items():
        for other in (SignerWindow(window.added_at, window.revoked_at + 1), SignerWindow(1, window.revoked_at)):  # type: ignore[arg-type]
            forged = replace(GOOD, windows={**GOOD.windows, pair: other})
            assert_fails(forged, Step.STORAGE, "the chain says added")


def test_a_missing_trie_node_fails() -> None:
    assert GOOD.proof is not None
    for i in range(len(GOOD.proof.nodes)):
        nodes = GOOD.proof.nodes[:i] + GOOD.proof.nodes[i + 1 :]
        verdict = verdict_of(replace(GOOD, proof=replace(GOOD.proof, nodes=nodes)))
        assert verdict.outcome is Outcome.INVALID
        assert verdict.failed in (Step.ACCOUNT, Step.STORAGE)
        assert "is missing" in verdict.message


def test_a_spare_trie_node_fails() -> None:
    assert GOOD.proof is not None
    nodes = tuple(sorted([*GOOD.proof.nodes, b"\xc2\x80\x80"], key=keccak256))
    assert_fails(replace(GOOD, proof=replace(GOOD.proof, nodes=nodes)), Step.STORAGE, "prove nothing")


# head


@pytest.mark.parametrize("at", range(len(GOOD.appends)))
def test_a_batch_left_out_fails_at_the_head(at: int) -> None:
    forged = replace(GOOD, appends=GOOD.appends[:at] + GOOD.appends[at + 1 :])
    assert_fails(forged, Step.HEAD, "the history is not complete")


def test_batches_in_another_order_or_repeated_fail_at_the_head() -> None:
    assert_fails(replace(GOOD, appends=GOOD.appends[::-1]), Step.HEAD, "the history is not complete")
    assert_fails(replace(GOOD, appends=(*GOOD.appends, GOOD.appends[-1])), Step.HEAD, "the history is not complete")


def test_an_entry_left_out_together_with_its_count_fails_at_the_head() -> None:
    def shorten(append: BundleAppend) -> BundleAppend:
        entries = (append.entries or ())[:-1]
        return BundleAppend(replace(append.append, count=len(entries)), entries)

    assert_fails(change_append(GOOD, 1, shorten), Step.HEAD, "the history is not complete")


@pytest.mark.parametrize(
    "change",
    [{"operator": Address(bytes(20))}, {"batch_id": 7}, {"root": Hash(bytes(32))}, {"timestamp": GOOD.as_of.timestamp}],
)
def test_an_append_said_to_be_another_fails_at_the_head(change: dict[str, Any]) -> None:
    forged = change_append(GOOD, 0, lambda append: replace(append, append=replace(append.append, **change)))
    assert_fails(forged, Step.HEAD, "the history is not complete")


def test_another_partys_history_fails_at_the_head() -> None:
    """The subject is exchanged, and the proof of its head with it."""
    other = WORLD.bundle(BUYER.party)
    assert_fails(replace(other, appends=GOOD.appends, windows=GOOD.windows, proof=None), Step.HEAD, "", **node())


def test_appends_that_go_back_in_time_fail_at_the_head() -> None:
    """No chain seals so; but the fold alone would not tell."""
    world = World()
    supplier = world.join("supplier")
    profile = [world.evidence(supplier, None, Kind.PROFILE, {}) for _ in range(2)]
    world.seal(actor("operator"), profile[:1])
    world.now -= 1_000
    world.seal(actor("operator"), profile[1:])
    bundle = world.bundle(supplier.party)
    assert_fails(bundle, Step.HEAD, "out of order", block_hash=bundle.as_of.hash)
