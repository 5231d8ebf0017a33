"""What real nodes say about a transaction, and one that waits because it offers too little."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from chain.rigs import DEPLOYER, FUNDED, OPERATOR, REGISTRAR, Actor
from nodes import NoNode, anvil, ask, fund, geth
from pipeline.rigs import Installation
from tallystick.chain.node import Node
from tallystick.chain.records import SendOutcome
from tallystick.chain.rpc import open_http
from tallystick.chain.sender import Sender
from tallystick.chain.transactions import UnsignedTransaction, sign_transaction
from tallystick.errors import TransactionFailed
from tallystick.protocol.types import Timestamp
from tallystick.service.index import index
from tallystick.service.seal import RAISE_SECONDS, RESEND_SECONDS, Move
from tallystick.store.records import BatchState

GWEI = 10**9


@pytest.fixture(params=["anvil", "geth"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A node of each make, with blocks each second; skips where it is not installed."""
    try:
        if request.param == "geth":
            with geth("--dev.period", "1", funded=FUNDED) as made:
                yield made
        else:
            with anvil("--block-time", "1", "--accounts", "1") as made:
                fund(made, FUNDED)
                yield made
    except NoNode as error:
        pytest.skip(str(error))


def payment(url: str, sender: Actor, nonce: int, *, gwei: int, value: int = 0) -> bytes:
    """The signed bytes of a transaction that offers ``gwei``, tip and all; ``value`` tells it from others."""
    chain_id = Node(open_http(url)).chain_id()
    unsigned = UnsignedTransaction(chain_id, nonce, gwei * GWEI, gwei * GWEI, 30_000 + value, REGISTRAR.address, b"")
    return sign_transaction(unsigned, sender.address, sender.sign).raw


def test_t4_the_words_of_real_nodes_are_understood(url: str) -> None:
    """Known, used and underpriced are told apart in anvil's and geth's words; any other refusal is told (T3, T4)."""
    sender = Sender(Node(open_http(url)), Node(open_http(url)).chain_id())
    first = payment(url, OPERATOR, 0, gwei=10)
    assert sender.send(first) is SendOutcome.TAKEN
    assert sender.send(first) is SendOutcome.TAKEN

    waiting = payment(url, DEPLOYER, 1, gwei=10)  # its nonce is one too far, so that it waits
    assert sender.send(waiting) is SendOutcome.TAKEN
    assert sender.send(payment(url, DEPLOYER, 1, gwei=10, value=1)) is SendOutcome.UNDERPRICED
    assert sender.send(payment(url, DEPLOYER, 1, gwei=12)) is SendOutcome.TAKEN, "an eighth more is enough"

    deadline = time.monotonic() + 30
    while sender.next_nonce(OPERATOR.address) == 0:
        assert time.monotonic() < deadline, "not included"
        time.sleep(0.1)
    assert sender.send(payment(url, OPERATOR, 0, gwei=20, value=2)) is SendOutcome.NONCE_USED
    assert sender.send(first) is SendOutcome.TAKEN, "the node has it, in a block"

    pauper = Actor("pauper")
    with pytest.raises(TransactionFailed, match=re.compile("insufficient funds", re.IGNORECASE)):
        sender.send(payment(url, pauper, 0, gwei=10))


def fees(installation: Installation) -> list[tuple[int, int]]:
    return [(one.max_priority_fee_wei, one.max_fee_wei) for one in installation.submissions(1)]


def busy_block(installation: Installation, gwei: int) -> None:
    """A block whose base fee is so high."""
    ask(installation.url, "anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
    installation.mine()


def later(installation: Installation, seconds: int) -> None:
    installation.clock.time = Timestamp(installation.clock.time + seconds)


def test_t5_a_transaction_that_offers_too_little_is_replaced_up_to_the_limit(on_anvil: Installation) -> None:
    """Below a base fee that rose: at least a tenth more of both fees each time, never above the limit (T5, T14)."""
    on_anvil.record("1")
    assert on_anvil.step()[-2:] == [Move.SENT, Move.WAITING]
    for gwei in (12, 30):
        busy_block(on_anvil, gwei)
        later(on_anvil, RAISE_SECONDS)
        assert Move.SIGNED in on_anvil.step()
    later(on_anvil, RAISE_SECONDS)
    assert on_anvil.step()[-1] is Move.CAPPED

    offered = fees(on_anvil)
    assert len(offered) == 3
    for (tip, limit), (next_tip, next_limit) in pairwise(offered):
        assert next_tip * 10 >= tip * 11
        assert next_limit * 10 >= limit * 11
    assert max(limit for _, limit in offered) <= 40 * GWEI

    busy_block(on_anvil, 1)
    on_anvil.settle()
    included = [on_anvil.context.chain.inclusion(one.hash) for one in on_anvil.submissions(1)]
    assert sum(one is not None for one in included) == 1


def test_t7_a_transaction_that_a_node_forgot_goes_out_again(on_anvil: Installation) -> None:
    """Dropped from the pool without a word: the same bytes after a while, and no second transaction (T7, T8)."""
    on_anvil.record("1")
    on_anvil.step()
    ask(on_anvil.url, "anvil_dropAllTransactions")
    on_anvil.mine()
    assert on_anvil.step() == [Move.WAITING]
    on_anvil.mine()
    index(on_anvil.context)
    assert on_anvil.states()[-1] is BatchState.SENT
    later(on_anvil, RESEND_SECONDS)
    on_anvil.step()
    on_anvil.settle()
    assert len(on_anvil.submissions(1)) == 1
