"""Whatever is sent, mined and reorganised, the simulated chain stays a chain."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.rigs import OPERATOR, OTHER_OPERATOR, REGISTRAR, Actor, append, party
from chain.simulated import Simulation, sign_seal, simulate
from simulation.blocks import Block, Fate
from simulation.chain import GWEI
from simulation.wordings import RpcError
from tallystick.chain.memory_contracts import MemoryContracts, Revert
from tallystick.protocol.types import Address, to_hex

SUBJECTS = ("supplier", "buyer", "lender")
OPERATORS = (OPERATOR, OTHER_OPERATOR)


@dataclass(frozen=True)
class Send:
    """A seal by ``by`` of batch ``ahead`` of its next nonce and batch; each version pays more than the one before."""

    by: Actor
    ahead: int
    version: int


@dataclass(frozen=True)
class Mine:
    count: int
    limit: int | None


@dataclass(frozen=True)
class Reorganise:
    depth: int
    longer: int
    fate: Fate | None


@dataclass(frozen=True)
class Switch:
    pass


@dataclass(frozen=True)
class BaseFee:
    gwei: int


steps = st.one_of(
    st.builds(Send, st.sampled_from(OPERATORS), st.sampled_from([0, 0, 0, 1, 2]), st.integers(0, 3)),
    st.builds(Mine, st.integers(1, 3), st.sampled_from([None, None, 1, 0])),
    st.builds(Reorganise, st.integers(1, 6), st.integers(0, 2), st.none() | st.sampled_from(Fate)),
    st.builds(Switch),
    st.builds(BaseFee, st.sampled_from([1, 1, 1, 4])),
)


def perform(simulation: Simulation, step: object) -> None:
    chain = simulation.chain
    if isinstance(step, Send):
        nonce = chain.head.state.nonces.get(step.by.address, 0) + step.ahead
        batch_id = simulation.honest.next_batch(step.by.address, None) + step.ahead
        batch = [append(SUBJECTS[(nonce + step.version) % 3], 1 + step.version)]
        tip, fee = GWEI * 2**step.version, 3 * GWEI * 2**step.version
        signed = sign_seal(simulation, batch_id, batch, operator=step.by, nonce=nonce, tip_wei=tip, max_fee_wei=fee)
        with suppress(RpcError):  # known, or no better than what waits
            simulation.send(signed)
    elif isinstance(step, Mine):
        chain.mine(step.count, max_transactions=step.limit)
    elif isinstance(step, Reorganise):
        depth = min(step.depth, chain.unfinal_count)
        if depth and step.fate is None:
            chain.reorg(depth, length=depth + step.longer)
        elif depth:
            chain.reorg(depth, length=depth + step.longer, fates={step.fate: 1})
    elif isinstance(step, BaseFee):
        chain.base_fee_wei = step.gwei * GWEI
    elif tips := [block for block in chain.orphans if may_return(simulation, block)]:
        chain.switch(tips[-1].ref.hash)


def may_return(simulation: Simulation, tip: Block) -> bool:
    """Whether ``tip`` is as high as the head and its branch leaves the chain above what is final."""
    fork: Block | None = tip
    while fork is not None and not simulation.chain.is_canonical(fork):
        fork = fork.parent
    return fork is not None and tip.number >= simulation.chain.head.number and fork.number >= final(simulation)


def final(simulation: Simulation) -> int:
    return simulation.chain.final.number


def check_links(simulation: Simulation) -> None:
    """Each block names the hash of the one below it, a later time, and its own number."""
    told = [simulation.ask("eth_getBlockByNumber", hex(block.number), False) for block in simulation.chain.canonical]
    for number, (below, block) in enumerate(pairwise(told), start=1):
        assert block["parentHash"] == below["hash"]
        assert int(block["timestamp"], 16) > int(below["timestamp"], 16)
        assert int(block["number"], 16) == number
    assert len({block["hash"] for block in told}) == len(told)


def check_transactions(simulation: Simulation) -> None:
    """A transaction is in one canonical block at most, and an account's nonces run without a gap."""
    nonces: defaultdict[Address, list[int]] = defaultdict(list)
    seen: set[bytes] = set()
    for block in simulation.chain.canonical:
        for item in block.executed:
            assert item.transaction.hash not in seen
            assert item.transaction.body.max_fee_wei >= block.base_fee_wei
            seen.add(item.transaction.hash)
            nonces[item.transaction.sender].append(item.transaction.nonce)
    for sender, used in nonces.items():
        assert used == list(range(len(used)))
        assert simulation.chain.head.state.nonces[sender] == len(used)
    for waiting in simulation.chain.mempool.waiting():
        assert waiting.nonce >= len(nonces[waiting.sender])
    assert not any(simulation.chain.is_canonical(orphan) for orphan in simulation.chain.orphans)


def check_replay(simulation: Simulation, tip: Block) -> None:
    """The state of ``tip`` is what its own branch's transactions make of fresh contracts, and so are its logs."""
    branch: list[Block] = []
    block: Block | None = tip
    while block is not None:
        branch.insert(0, block)
        block = block.parent
    contracts = MemoryContracts(REGISTRAR.address, [operator.address for operator in OPERATORS])
    for block in branch:
        at = block.ref.timestamp
        for item in block.executed:
            if item.transaction.raw is None:
                assert not item.logs
                continue
            try:
                effects = contracts.call_ledger(item.transaction.sender, item.transaction.body.data, at)
            except Revert:
                assert not item.succeeded
                assert not item.logs
                continue
            assert item.succeeded
            assert len(item.logs) == 1
            for history, key, value in effects.writes:
                history.put(key, value, block.number)
    for name in SUBJECTS:
        assert simulation.honest.head(party(name), tip.ref) == contracts.heads.newest(party(name))
    for operator in OPERATORS:
        expected = contracts.next_batches.newest(operator.address)
        assert simulation.honest.next_batch(operator.address, tip.ref) == expected


def check(simulation: Simulation) -> None:
    check_links(simulation)
    check_transactions(simulation)
    check_replay(simulation, simulation.chain.head)


# failures


def test_what_is_final_stays() -> None:
    """A reorganisation past the final block is refused unless asked for by name."""
    simulation = simulate(finality_depth=2)
    simulation.chain.mine(5)
    with pytest.raises(AssertionError, match="what is final stays"):
        simulation.chain.reorg(3)
    before = simulation.chain.final
    simulation.chain.reorg(3, past_final=True)
    assert simulation.chain.canonical[before.number].ref.hash != before.ref.hash
    check(simulation)


def test_the_first_block_is_never_replaced() -> None:
    """Not even a chain that breaks its word has another genesis."""
    simulation = simulate()
    simulation.chain.mine(2)
    with pytest.raises(AssertionError, match="never the first"):
        simulation.chain.reorg(3, past_final=True)


# each fate


def two_versions(seed: int = 0) -> tuple[Simulation, bytes, bytes]:
    """A simulation in which a replaced seal was mined, with the hashes of the first and of the second version."""
    simulation = simulate(seed=seed)
    first = simulation.send(sign_seal(simulation, 0))
    second = simulation.send(sign_seal(simulation, 0, tip_wei=2 * GWEI, max_fee_wei=6 * GWEI))
    simulation.chain.mine(3)
    return simulation, first.hash, second.hash


def fate_of(fate: Fate) -> tuple[Simulation, bytes, bytes]:
    simulation, first, second = two_versions()
    done = simulation.chain.reorg(3, fates={fate: 1})
    assert list(done.fates.values()) == [fate]
    assert f"{second.hex()[:8]} {fate}" in str(done)
    check(simulation)
    return simulation, first, second


def test_a_transaction_may_stay_or_move() -> None:
    """The same transaction is in a block of the new branch, at the same number or another."""
    for fate in (Fate.SAME, Fate.MOVED):
        simulation, _, second = fate_of(fate)
        found = simulation.ask("eth_getTransactionReceipt", to_hex(second))
        assert found["blockHash"] == to_hex(simulation.chain.canonical[int(found["blockNumber"], 16)].ref.hash)
        assert fate is not Fate.SAME or found["blockNumber"] == "0x1"


def test_a_transaction_may_wait_again() -> None:
    """A transaction whose block is abandoned has no receipt and waits, until it is mined again."""
    simulation, _, second = fate_of(Fate.WAITS)
    assert simulation.ask("eth_getTransactionReceipt", to_hex(second)) is None
    assert simulation.ask("eth_getTransactionByHash", to_hex(second))["blockNumber"] is None
    simulation.chain.mine()
    assert simulation.ask("eth_getTransactionReceipt", to_hex(second)) is not None


def test_a_transaction_may_be_lost() -> None:
    """A lost transaction is unknown to the node, and its nonce free."""
    simulation, _, second = fate_of(Fate.LOST)
    assert simulation.ask("eth_getTransactionByHash", to_hex(second)) is None
    assert simulation.ask("eth_getTransactionCount", to_hex(OPERATOR.address), "latest") == "0x0"


def test_an_older_version_may_win() -> None:
    """The version that was replaced in the mempool is included on the new branch instead."""
    simulation, first, second = fate_of(Fate.RIVAL)
    assert simulation.ask("eth_getTransactionReceipt", to_hex(first)) is not None
    assert simulation.ask("eth_getTransactionByHash", to_hex(second)) is None


def test_somebody_else_may_use_the_nonce() -> None:
    """A transaction that nobody here sent takes the nonce, so that the seal can't be included any more."""
    simulation, first, second = fate_of(Fate.FOREIGN)
    assert simulation.ask("eth_getTransactionCount", to_hex(OPERATOR.address), "latest") == "0x1"
    assert simulation.ask("eth_getTransactionByHash", to_hex(first)) is None
    assert simulation.ask("eth_getTransactionByHash", to_hex(second)) is None
    assert simulation.honest.next_batch(OPERATOR.address, None) == 0


def test_two_branches_win_in_turn() -> None:
    """After the old branch returns, all is as it was, to the last hash."""
    simulation, _, second = two_versions()
    before = simulation.chain.head
    simulation.chain.reorg(3, length=3, fates={Fate.WAITS: 1})
    simulation.chain.switch(before.ref.hash)
    assert simulation.chain.head is before
    assert simulation.ask("eth_getTransactionReceipt", to_hex(second)) is not None
    assert len(simulation.chain.mempool) == 0
    check(simulation)


def test_a_gap_on_the_new_branch_waits() -> None:
    """Where a transaction is lost, the next one of its account waits for another of that nonce, and is not lost."""
    fates = {Fate.LOST: 1, Fate.SAME: 1}
    seen = 0
    for seed in range(12):
        simulation = simulate(seed=seed)
        signed = [simulation.send(sign_seal(simulation, number)) for number in range(2)]
        simulation.chain.mine(2, max_transactions=1)
        done = simulation.chain.reorg(2, fates=fates)
        check(simulation)
        if [done.fates[item.hash] for item in signed] == [Fate.LOST, Fate.SAME]:
            seen += 1
            assert [item.hash for item in simulation.chain.mempool.waiting()] == [signed[1].hash]
            simulation.send(signed[0])
            simulation.chain.mine()
            assert simulation.honest.next_batch(OPERATOR.address, None) == 2
    assert seen


def test_a_new_branch_keeps_its_base_fees() -> None:
    """A transaction that moves into an earlier block, whose base fee is above its limit, waits for the next."""
    for seed in range(12):
        simulation = simulate(seed=seed)
        signed = simulation.send(sign_seal(simulation, 0))
        simulation.chain.base_fee_wei = 4 * GWEI
        simulation.chain.mine(3)
        simulation.chain.base_fee_wei = GWEI
        simulation.chain.mine()
        simulation.chain.reorg(4, length=4, fates={Fate.MOVED: 1})
        found = simulation.honest.inclusion(signed.hash)
        assert found is not None
        assert found.block.number == 4


# always


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.lists(steps, min_size=15, max_size=40))
def test_the_chain_stays_a_chain(seed: int, story: list[object]) -> None:
    """After any steps, reorganisations within reorganisations too: links, nonces and state are sound.

    State equals the replay of the canonical transactions, and at every orphan known the replay of its own branch.
    """
    simulation = simulate(seed=seed, finality_depth=6)
    highest = 0
    for step in story:
        settled = simulation.chain.final
        perform(simulation, step)
        assert simulation.chain.canonical[settled.number] is settled
        assert simulation.chain.head.number >= highest
        highest = simulation.chain.head.number
        check_transactions(simulation)
    check(simulation)
    for orphan in simulation.chain.orphans:
        check_replay(simulation, orphan)
