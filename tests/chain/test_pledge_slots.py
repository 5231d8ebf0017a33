"""Pledges read from the storage of a real chain, by slot and by state proof: what a verifier will see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chain.pledging import (
    FINANCIER,
    FINGERPRINT,
    INVOICE,
    OTHER_FINANCIER,
    OTHER_FINGERPRINT,
    OTHER_INVOICE,
    OTHER_SUPPLIER,
    SUPPLIER,
    Market,
    word,
)
from chain.rigs import Rig, deploy_on
from tallystick.chain.artifacts import load_artifact
from tallystick.chain.embedded import EmbeddedProvider
from tallystick.protocol import slots
from tallystick.protocol.receivable import Pledge, PledgeTerms, ReleaseTerms, TransferTerms
from tallystick.protocol.state import NodePool, check_header
from tallystick.protocol.types import ZERO32, Timestamp, to_hex

AHEAD = Timestamp(4_000_000_000)
TERMS = PledgeTerms(SUPPLIER, INVOICE, FINGERPRINT, FINANCIER, AHEAD, AHEAD, word("nonce"))


@pytest.fixture
def market(provider: EmbeddedProvider) -> Market:
    """A market on the embedded chain, on which the one receivable is pledged."""
    market = Market(Rig(deploy_on(provider), provider.set_next_timestamp))  # type: ignore[arg-type]
    market.open()
    market.relay(market.pledge(TERMS, market.batches[0].prove(SUPPLIER, INVOICE)))
    return market


def stored(provider: EmbeddedProvider, market: Market, slot: bytes) -> bytes:
    address = to_hex(market.rig.chain.deployment.receivables)
    response = provider.make_request("eth_getStorageAt", [address, to_hex(slot), "latest"])
    return bytes.fromhex(response["result"][2:])


def stored_pledge(provider: EmbeddedProvider, market: Market, name: Any) -> Pledge | None:
    return slots.parse_pledge(
        [int.from_bytes(stored(provider, market, slot), "big") for slot in slots.pledge_slots(name)]
    )


def test_what_was_never_pledged_stands_nowhere(provider: EmbeddedProvider, market: Market) -> None:
    """Under another supplier, receivable, fingerprint or name the slots are empty."""
    for slot in (
        slots.last_pledge_slot(OTHER_SUPPLIER, INVOICE),
        slots.last_pledge_slot(SUPPLIER, OTHER_INVOICE),
        slots.last_pledge_slot(SUPPLIER, FINGERPRINT),
        slots.last_pledge_of_fingerprint_slot(OTHER_SUPPLIER, FINGERPRINT),
        slots.last_pledge_of_fingerprint_slot(SUPPLIER, OTHER_FINGERPRINT),
    ):
        assert stored(provider, market, slot) == ZERO32
    assert stored_pledge(provider, market, word("no pledge")) is None


def test_the_slots_hold_what_the_views_say(provider: EmbeddedProvider, market: Market) -> None:
    """Ledger, newest names and the pledge itself, at each step of its life."""
    chain, name = market.rig.chain, market.digest(TERMS)
    transfer = TransferTerms(name, FINANCIER, OTHER_FINANCIER, AHEAD, word("transfer"))
    release = ReleaseTerms(name, OTHER_FINANCIER, AHEAD, word("release"))
    steps: list[Any] = [None, market.transfer(transfer), market.release(release)]
    seen = []
    for step in steps:
        if step is not None:
            market.relay(step)
        seen.append(stored_pledge(provider, market, name))
        assert seen[-1] == chain.pledge(name, chain.final_block())
    pledged, transferred, released = seen
    assert pledged is not None
    assert released is not None
    assert (pledged.financier, pledged.expires_at, pledged.released_at) == (FINANCIER, AHEAD, 0)
    assert transferred == replace(pledged, financier=OTHER_FINANCIER)
    assert released == replace(pledged, financier=OTHER_FINANCIER, released_at=chain.final_block().timestamp)
    assert stored(provider, market, slots.RECEIVABLES_LEDGER_SLOT) == chain.deployment.ledger.rjust(32, b"\0")
    assert stored(provider, market, slots.last_pledge_slot(SUPPLIER, INVOICE)) == name
    assert stored(provider, market, slots.last_pledge_of_fingerprint_slot(SUPPLIER, FINGERPRINT)) == name


def test_a_pledge_is_proven_from_a_block_hash(market: Market) -> None:
    """Header, account and storage proofs lead to the ledger, the newest name and the five words, and prove absence."""
    chain, block, name = market.rig.chain, market.rig.chain.final_block(), market.digest(TERMS)
    receivables = chain.deployment.receivables
    asked = [
        slots.RECEIVABLES_LEDGER_SLOT,
        slots.last_pledge_slot(SUPPLIER, INVOICE),
        slots.last_pledge_of_fingerprint_slot(SUPPLIER, FINGERPRINT),
        slots.last_pledge_slot(SUPPLIER, OTHER_INVOICE),
        *slots.pledge_slots(name),
    ]
    proof = chain.state_proof(block, {receivables: asked})
    market.relay(market.release(ReleaseTerms(name, FINANCIER, AHEAD, word("release"))))

    checked, state_root = check_header(proof.header, block.hash)
    pool = NodePool(proof.nodes)
    account = pool.account(state_root, receivables)
    ledger, last, last_of_fingerprint, absent, *words = (pool.slot(account, slot) for slot in asked)
    pool.check_all_used()
    assert checked == block
    assert account.code_hash == load_artifact("ReceivableRegistry").runtime_code_hash
    assert ledger == int.from_bytes(chain.deployment.ledger, "big")
    assert last == last_of_fingerprint == int.from_bytes(name, "big")
    assert absent == 0
    expected = Pledge(SUPPLIER, INVOICE, FINGERPRINT, FINANCIER, block.timestamp, AHEAD, Timestamp(0))
    assert slots.parse_pledge(words) == expected
