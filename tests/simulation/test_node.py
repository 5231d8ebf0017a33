"""The simulated node without trouble tells the truth; that it does so as every chain does, tests/chain asks."""

from __future__ import annotations

from typing import Any

import pytest

from chain.rigs import (
    OPERATOR,
    OTHER_OPERATOR,
    REGISTRAR,
    SUPPLIER,
    appends,
    deploy_on,
    open_memory_provider,
    party,
    seal,
)
from chain.simulated import Simulation, sign_seal, simulate
from simulation.blocks import Fate
from simulation.state import encode_pledge_event
from simulation.view import View
from tallystick.chain import pledge_events
from tallystick.chain.ledger import EvmChain
from tallystick.errors import ChainInconsistent, WrongChain
from tallystick.protocol.pledges import Cancelled, Pledged, Released, Transferred
from tallystick.protocol.types import EvidenceId, Hash, PartyId, Timestamp, to_hex

WORDS = [bytes([number]) * 32 for number in range(1, 8)]
SUBJECT = (EvidenceId(WORDS[0]), Hash(WORDS[1]), PartyId(WORDS[2]))


# failures


def test_a_wiped_chain_is_another_chain() -> None:
    """After a development chain is made anew, its genesis tells the difference, even where the contracts stand."""
    simulation = simulate(deployment_block=2)
    ledger = simulation.ledger
    ledger.check()
    simulation.chain.wipe()
    with pytest.raises(WrongChain, match="genesis block"):
        ledger.check()
    EvmChain(simulation.node, simulation.chain.deployment).check()


def test_a_wiped_chain_may_have_no_contracts() -> None:
    """A chain made anew without the contracts answers with nothing where they stood."""
    simulation = simulate()
    before = simulation.chain.deployment
    simulation.chain.wipe(with_contracts=False)
    assert simulation.ask("eth_getCode", to_hex(before.ledger), "latest") == "0x"
    with pytest.raises(WrongChain, match="expected 32 bytes"):
        simulation.ledger.next_batch(OPERATOR.address, None)


def test_before_their_block_there_are_no_contracts() -> None:
    """Contracts that stand since block 3 have no code at block 2."""
    simulation = simulate(deployment_block=3)
    ledger = to_hex(simulation.chain.deployment.ledger)
    assert simulation.ask("eth_getCode", ledger, "0x2") == "0x"
    assert simulation.ask("eth_getCode", ledger, "0x3") != "0x"
    simulation.ledger.check()


def test_what_no_node_has_is_refused() -> None:
    """A method, a block hash or a range that the node does not have is an error, not a guess."""
    simulation = simulate()
    nowhere = to_hex(bytes(32))
    for method, params in (
        ("eth_getProof", ["0x", [], "latest"]),
        ("eth_getLogs", [{"blockHash": nowhere}]),
        ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}]),
        ("eth_getCode", [to_hex(OPERATOR.address), {"blockHash": nowhere}]),
        ("eth_getTransactionCount", [to_hex(OPERATOR.address), "0x99"]),
        ("eth_sendRawTransaction", ["0x02c0"]),
    ):
        assert "error" in simulation.node.make_request(method, params), method
    assert simulation.ask("eth_getBlockByHash", nowhere, False) is None


# successes


def story(seed: int) -> list[Any]:
    """What one seed's chain answers after seals, a reorganisation and trouble."""
    simulation = simulate(seed=seed)
    for number in range(4):
        simulation.send(sign_seal(simulation, number))
        simulation.chain.mine(2)
    reorg = simulation.chain.reorg(6)
    simulation.chain.mine()
    blocks = [simulation.ask("eth_getBlockByNumber", hex(number), True) for number in range(9)]
    return [str(reorg), blocks, simulation.ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})]


def test_the_same_seed_tells_the_same_story() -> None:
    """Two chains of one seed answer alike to the last hash; another seed differs."""
    assert story(7) == story(7)
    assert story(7) != story(8)


def test_an_orphaned_block_is_read_by_its_hash() -> None:
    """State, code and logs at an orphaned block are those of its own branch; at the same number, the new branch's."""
    simulation = simulate()
    simulation.send(sign_seal(simulation, 0))
    orphan = simulation.chain.mine()
    head = simulation.honest.head(party("buyer"), orphan.ref)
    simulation.chain.reorg(1, fates={Fate.LOST: 1}, length=2)
    assert simulation.honest.head(party("buyer"), orphan.ref) == head != bytes(32)
    assert simulation.honest.head(party("buyer"), simulation.chain.head.ref) == bytes(32)
    by_hash = {"blockHash": to_hex(orphan.ref.hash)}
    assert len(simulation.ask("eth_getLogs", by_hash)) == 1
    assert simulation.ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"}) == []
    request = {"to": to_hex(simulation.chain.deployment.ledger), "data": "0x"}
    refused = simulation.node.make_request("eth_call", [request, {**by_hash, "requireCanonical": True}])
    assert refused["error"]["message"] == "header not found"


def test_old_orphans_are_forgotten() -> None:
    """Only the newest orphans stay known: of older ones the node has nothing."""
    simulation = simulate(orphans_kept=2)
    first = simulation.chain.mine()
    for _ in range(3):
        simulation.chain.reorg(1, length=1)
    assert len(simulation.chain.orphans) == 2
    with pytest.raises(ChainInconsistent):
        simulation.honest.head(party("buyer"), first.ref)


def test_a_view_from_a_side_branch_is_whole() -> None:
    """A node that missed a reorganisation tells one branch, linked down to the fork."""
    simulation = simulate()
    old = [simulation.chain.mine() for _ in range(4)]
    simulation.chain.reorg(3)
    view = View(simulation.chain, old[-1])
    blocks = [view.block(number) for number in range(5)]
    assert blocks[1:] == old
    assert view.block(5) is None


def test_logs_are_counted_through_a_block() -> None:
    """Two seals in one block have log indices 0 and 1, in the logs and in their receipts."""
    simulation = simulate()
    signed = [simulation.send(sign_seal(simulation, 0, operator=operator)) for operator in (OPERATOR, OTHER_OPERATOR)]
    block = simulation.chain.mine()
    told = simulation.honest.sealed_batches(block.number, block.number)
    assert [(batch.log_index, batch.transaction_hash) for batch in told] == [(0, signed[0].hash), (1, signed[1].hash)]
    receipts = [simulation.ask("eth_getTransactionReceipt", to_hex(item.hash)) for item in signed]
    assert [receipt["logs"][0]["logIndex"] for receipt in receipts] == ["0x0", "0x1"]
    assert int(receipts[1]["cumulativeGasUsed"], 16) == block.gas_used


def untimed(logs: list[Any], places: dict[str, str]) -> list[Any]:
    """What ``logs`` say but for block and transaction; contracts and times go by name."""
    return [
        (places[log["address"].lower()], log["topics"], log["data"], log["logIndex"], log["transactionIndex"])
        for log in logs
    ]


def places(ledger: EvmChain) -> dict[str, str]:
    return {to_hex(getattr(ledger.deployment, name)): name for name in ("registry", "ledger", "receivables")}


def told_by(ledger: EvmChain, provider: Any, set_time: Any) -> list[Any]:
    """The logs of a story in which all of registry and ledger happens, at set times."""
    start = ledger.final_block().number + 1
    at = iter(Timestamp(1_700_100_000 + 60 * number) for number in range(9))
    steps = (
        lambda: ledger.admit(REGISTRAR.address, REGISTRAR.sign, [(party("supplier"), SUPPLIER.address)]),
        lambda: ledger.add_signer(REGISTRAR.address, REGISTRAR.sign, party("supplier"), OPERATOR.address),
        lambda: ledger.revoke_signer(SUPPLIER.address, SUPPLIER.sign, party("supplier"), SUPPLIER.address),
        lambda: seal(ledger, OPERATOR, appends("buyer", "supplier")),
        lambda: seal(ledger, OPERATOR, appends("buyer")),
    )
    for step in steps:
        set_time(next(at))
        step()
    answer = provider.make_request("eth_getLogs", [{"fromBlock": hex(start), "toBlock": "latest"}])
    return untimed(answer["result"], places(ledger))


def test_logs_are_those_of_the_compiled_contracts() -> None:
    """Registry and ledger leave the same topics, data and indices in the simulation as in the EVM, byte for byte."""
    embedded = open_memory_provider()
    simulation = simulate(finality_depth=0, auto_mine=True)
    expected = told_by(deploy_on(embedded), embedded, embedded.set_next_timestamp)
    embedded.close()
    assert len(expected) == 6
    assert told_by(simulation.honest, simulation.node, simulation.chain.clock.move_to) == expected


@pytest.mark.parametrize(
    "event",
    [
        Pledged(*SUBJECT, Hash(WORDS[3]), PartyId(WORDS[4]), Timestamp(5), Timestamp(6)),
        Transferred(*SUBJECT, Hash(WORDS[3]), Hash(WORDS[4]), PartyId(WORDS[5]), PartyId(WORDS[6]), Timestamp(7)),
        Released(*SUBJECT, Hash(WORDS[3]), Hash(WORDS[4]), PartyId(WORDS[5]), Timestamp(8)),
        Cancelled(*SUBJECT, Hash(WORDS[3]), PartyId(WORDS[4]), Timestamp(9)),
    ],
)
def test_pledge_events_are_encoded_as_they_are_decoded(event: Any) -> None:
    """Every event of the register survives encoding and the adapter's strict decoding."""
    assert pledge_events.decode_pledge_event(*encode_pledge_event(event)) == event


def test_fees_follow_what_was_set() -> None:
    """Headers and fee history tell the base fees of their blocks and of the next one."""
    simulation = simulate()
    simulation.chain.base_fee_wei = 7
    simulation.chain.mine()
    simulation.chain.base_fee_wei = 9
    history = simulation.ask("eth_feeHistory", "0x1", "latest", [50])
    assert history["baseFeePerGas"] == ["0x7", "0x9"]
    assert history["reward"] == [["0x0"]]
    assert simulation.ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"] == "0x7"


def test_finality_only_moves_forward() -> None:
    """The final block stays ``finality_depth`` below the head, and does not fall when the depth grows."""
    simulation: Simulation = simulate(finality_depth=2)
    simulation.chain.mine(6)
    assert simulation.ledger.final_block().number == 4
    simulation.chain.finality_depth = 5
    simulation.chain.mine(2)
    assert simulation.ledger.final_block().number == 4


def test_time_moves_only_as_told() -> None:
    """Blocks follow each other by a second, or have the clock's time; waiting moves the clock and sleeps not."""
    simulation = simulate()
    start = simulation.chain.clock.now()
    waited: list[float] = []
    simulation.chain.clock.on_wait = waited.append
    assert simulation.chain.mine(2).ref.timestamp == start + 2
    simulation.chain.advance(10)
    simulation.chain.clock.wait(0.5)
    assert simulation.chain.mine().ref.timestamp == start + 12
    assert waited == [0.5]
