"""Which transactions the simulated node takes, which wait, and in which order they are mined."""

from __future__ import annotations

import pytest

from chain.rigs import OPERATOR, OTHER_OPERATOR
from chain.simulated import sign_seal, simulate
from simulation.chain import GWEI
from simulation.wordings import Make
from tallystick.protocol.types import to_hex

# failures


@pytest.mark.parametrize(("make", "words"), [(Make.GETH, "already known"), (Make.NETHERMIND, "AlreadyKnown")])
def test_a_waiting_transaction_is_known(make: Make, words: str) -> None:
    """The same bytes again are refused as known, in the words of the make of node."""
    simulation = simulate()
    simulation.chain.mempool.make = make
    signed = simulation.send(sign_seal(simulation, 0))
    assert simulation.refusal(signed) == words


@pytest.mark.parametrize(
    ("tip_wei", "max_fee_wei"),
    [(2 * GWEI, 3 * GWEI), (GWEI, 6 * GWEI), (GWEI + GWEI // 10 - 1, 6 * GWEI), (6 * GWEI, 3 * GWEI + 299_999_999)],
)
def test_a_replacement_pays_a_tenth_more(tip_wei: int, max_fee_wei: int) -> None:
    """Another transaction of a waiting nonce is underpriced unless tip and fee limit are both 10 % higher."""
    simulation = simulate()
    first = simulation.send(sign_seal(simulation, 0))
    second = sign_seal(simulation, 0, tip_wei=tip_wei, max_fee_wei=max_fee_wei)
    assert simulation.refusal(second) == "replacement transaction underpriced"
    simulation.chain.mine()
    assert simulation.honest.inclusion(first.hash) is not None


def test_no_tip_is_not_more_than_no_tip() -> None:
    """Where the first transaction gives no tip, one without a tip does not replace it, whatever its fee limit."""
    simulation = simulate()
    simulation.send(sign_seal(simulation, 0, tip_wei=0))
    assert "underpriced" in simulation.refusal(sign_seal(simulation, 0, tip_wei=0, max_fee_wei=9 * GWEI))


def test_a_used_nonce_is_too_low() -> None:
    """A transaction whose nonce is used, also the very one that used it, is refused."""
    simulation = simulate()
    signed = simulation.send(sign_seal(simulation, 0))
    simulation.chain.mine()
    assert simulation.refusal(signed) == "nonce too low: next nonce 1, tx nonce 0"
    assert simulation.refusal(sign_seal(simulation, 1, nonce=0)) == "nonce too low: next nonce 1, tx nonce 0"


def test_a_transaction_of_another_chain_is_refused() -> None:
    """A transaction signed for another chain id is not taken."""
    simulation = simulate()
    other = simulate(chain_id=1)
    assert "invalid chain id" in simulation.refusal(sign_seal(other, 0))


# waiting


def test_a_gap_waits() -> None:
    """A nonce above the next one waits until those before it are there; then all are mined in order."""
    simulation = simulate()
    second = simulation.send(sign_seal(simulation, 1))
    simulation.chain.mine()
    assert simulation.honest.inclusion(second.hash) is None
    assert simulation.ask("eth_getTransactionCount", to_hex(OPERATOR.address), "pending") == "0x0"
    simulation.send(sign_seal(simulation, 0))
    assert simulation.ask("eth_getTransactionCount", to_hex(OPERATOR.address), "pending") == "0x2"
    simulation.chain.mine()
    assert simulation.honest.next_batch(OPERATOR.address, None) == 2


def test_a_fee_below_the_base_fee_is_stuck() -> None:
    """A transaction whose fee limit is below the base fee waits until that falls."""
    simulation = simulate()
    signed = simulation.send(sign_seal(simulation, 0))
    simulation.chain.base_fee_wei = 4 * GWEI
    simulation.chain.mine(5)
    assert simulation.honest.inclusion(signed.hash) is None
    assert simulation.ask("eth_getTransactionByHash", to_hex(signed.hash))["blockHash"] is None
    simulation.chain.base_fee_wei = 3 * GWEI
    simulation.chain.mine()
    assert simulation.honest.inclusion(signed.hash) is not None


def test_a_replacement_takes_the_place() -> None:
    """A stuck transaction is replaced by one that pays enough; the replaced one is forgotten."""
    simulation = simulate()
    stuck = simulation.send(sign_seal(simulation, 0))
    simulation.chain.base_fee_wei = 4 * GWEI
    better = simulation.send(sign_seal(simulation, 0, tip_wei=2 * GWEI, max_fee_wei=9 * GWEI))
    simulation.chain.mine()
    assert simulation.honest.inclusion(better.hash) is not None
    assert simulation.ask("eth_getTransactionByHash", to_hex(stuck.hash)) is None


def test_the_higher_tip_goes_first() -> None:
    """Of two accounts' transactions the one with the higher tip is mined first; a full block leaves the other."""
    simulation = simulate()
    low = simulation.send(sign_seal(simulation, 0))
    high = simulation.send(sign_seal(simulation, 0, operator=OTHER_OPERATOR, tip_wei=2 * GWEI))
    simulation.chain.mine(max_transactions=1)
    first, second = simulation.honest.inclusion(high.hash), simulation.honest.inclusion(low.hash)
    assert first is not None
    assert second is None
    simulation.chain.mine()
    assert simulation.honest.inclusion(low.hash) is not None


def test_the_next_batch_is_taken_once() -> None:
    """A seal with a batch id that is not the next is included, and fails without a log."""
    simulation = simulate()
    simulation.send(sign_seal(simulation, 0))
    again = simulation.send(sign_seal(simulation, 0, nonce=1))
    block = simulation.chain.mine()
    inclusion = simulation.honest.inclusion(again.hash)
    assert inclusion is not None
    assert not inclusion.succeeded
    assert [batch.batch_id for batch in simulation.honest.sealed_batches(0, block.number)] == [0]
