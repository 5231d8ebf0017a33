"""Blocks that real nodes take back; the numbers are those of tests/pipeline.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chain.lying import LyingProvider
from chain.rigs import GENESIS_TIMESTAMP, OPERATOR, REGISTRAR
from nodes import anvil, ask
from pipeline.rigs import FINALITY_DEPTH, Installation
from tallystick.chain.ledger import EvmChain
from tallystick.chain.records import SendOutcome
from tallystick.chain.rpc import open_http
from tallystick.chain.transactions import UnsignedTransaction, sign_transaction
from tallystick.errors import ChainInconsistent, WrongChain
from tallystick.protocol.log import fold
from tallystick.protocol.types import Timestamp
from tallystick.service.index import index
from tallystick.service.report import log_append
from tallystick.service.seal import RESEND_SECONDS, Move
from tallystick.store.records import BatchState, EvidenceState

PENDING, INCLUDED, ORPHANED, FINAL = (
    EvidenceState.PENDING,
    EvidenceState.INCLUDED,
    EvidenceState.ORPHANED,
    EvidenceState.FINAL,
)


def statuses(installation: Installation, evidence_id: Any) -> list[EvidenceState]:
    return [event.status for event in installation.story(evidence_id)]


def check_sealed_once(installation: Installation, batches: int) -> None:
    """So many batches are final, no evidence stands twice in a log, and each log folds to its head on the chain."""
    context = installation.context
    cursor = index(context)
    assert installation.states() == [BatchState.FINAL] * batches
    assert context.chain.next_batch(context.operator, None) == batches
    with context.store.transaction(read_only=True) as transaction:
        for subject in transaction.subjects():
            ids = [entry.record.evidence_id for entry in transaction.log(subject, cursor.block_number)]
            assert len(ids) == len(set(ids)) == batches
            appends = transaction.appends(subject, cursor.block_number)
            assert fold(log_append(one) for one in appends) == context.chain.head(subject, cursor.block)


# what is refused: nothing is written


def test_r7_a_reorganisation_past_the_final_block_is_refused(installation: Installation) -> None:
    """A final block never changes: the index says so, keeps what it has, and says it again next time (R7)."""
    installation.record("1")
    installation.settle()
    installation.mine(FINALITY_DEPTH)
    index(installation.context)
    before = installation.kept()
    installation.reorganise(FINALITY_DEPTH + 2)
    for _ in range(2):
        with pytest.raises(ChainInconsistent, match=r"indexed as final was 0x.* now says 0x") as raised:
            index(installation.context)
        assert "A final block never changes" in raised.value.todo
        assert installation.kept() == before


def test_r14_a_wiped_node_is_refused(on_anvil: Installation) -> None:
    """An anvil that was started anew has the same chain id and even genesis, but not our contracts or blocks (R14)."""
    context, before = on_anvil.context, on_anvil.kept()
    with anvil("--timestamp", str(GENESIS_TIMESTAMP), "--accounts", "1") as url:
        wiped = EvmChain(open_http(url), context.chain.deployment, finality_depth=FINALITY_DEPTH)
        with pytest.raises(WrongChain, match="got no code"):
            wiped.check()
        ask(url, "anvil_mine", hex(60))
        with pytest.raises(ChainInconsistent, match="indexed as final was 0x"):
            index(replace(context, chain=wiped))
    assert on_anvil.kept() == before


# what is waited for


def test_r6_a_node_that_lags_undoes_nothing(installation: Installation) -> None:
    """A node that shows an older head is late, and no reason to undo anything; then it has caught up (R6)."""
    context = installation.context
    evidence = installation.record("1")
    installation.step()
    installation.mine()
    index(context)
    before = installation.kept()
    height = int(ask(installation.url, "eth_blockNumber"), 16)
    late = EvmChain(lagging(installation, height - 1), context.chain.deployment, finality_depth=FINALITY_DEPTH)
    index(replace(context, chain=late))
    assert installation.kept() == before
    installation.settle()
    assert statuses(installation, evidence.evidence_id) == [PENDING, INCLUDED, FINAL]


def lagging(installation: Installation, head: int) -> LyingProvider:
    """The node as it was when its newest block was ``head``."""

    def tamper(method: str, params: list[Any], response: Any) -> Any:
        if method != "eth_getBlockByNumber":
            return response
        if params[0] == "latest":
            return {"result": ask(installation.url, method, hex(head), False)}
        return {"result": None} if int(params[0], 16) > head else response

    return LyingProvider(installation.provider, tamper)


def test_r6_a_head_that_goes_back_undoes_nothing(on_anvil: Installation) -> None:
    """A node that lost its newest block, and has none in its place yet, is late; another block there undoes it (R6)."""
    evidence = on_anvil.record("1")
    on_anvil.step()
    on_anvil.mine()
    index(on_anvil.context)
    before = on_anvil.kept()
    ask(on_anvil.url, "anvil_rollback", 1)
    index(on_anvil.context)
    assert on_anvil.kept() == before
    on_anvil.settle()
    assert statuses(on_anvil, evidence.evidence_id) == [PENDING, INCLUDED, ORPHANED, INCLUDED, FINAL]
    check_sealed_once(on_anvil, 2)


# a node behind a balancer: one answer is of another branch than the next


def of_another_branch(installation: Installation, answers: dict[str, Any]) -> EvmChain:
    """The chain, but ``answers`` of a node that did not hear of the reorganisation, by method or number of block."""

    def tamper(method: str, params: list[Any], response: Any) -> Any:
        key = params[0] if method == "eth_getBlockByNumber" else method
        if method == "eth_getLogs" and not response["result"]:
            return response  # a question about other events or blocks
        return answers.get(key, response)

    provider = LyingProvider(installation.provider, tamper)
    return EvmChain(provider, installation.context.chain.deployment, finality_depth=FINALITY_DEPTH)


def test_r19_a_final_block_that_does_not_follow_what_is_kept_is_refused(installation: Installation) -> None:
    """Our newest block is confirmed by a node that is late, the next one is final in the other branch (R4, R19)."""
    context = installation.context
    installation.record("1")
    installation.step()
    installation.mine()
    index(context)
    with context.store.transaction(read_only=True) as transaction:
        tip = transaction.tip()
    assert tip is not None
    late = {"result": ask(installation.url, "eth_getBlockByNumber", hex(tip.number), False)}
    installation.reorganise(1)
    installation.mine(FINALITY_DEPTH)
    before = installation.kept()
    with pytest.raises(ChainInconsistent, match=f"block {tip.number + 1}: expected parent 0x.*, got 0x"):
        index(replace(context, chain=of_another_branch(installation, {hex(tip.number): late})))
    assert installation.kept() == before
    installation.settle()
    check_sealed_once(installation, 2)


def test_r19_a_final_batch_of_another_branch_is_noticed(installation: Installation) -> None:
    """Logs and the header of their block are of the branch undone, where the batch had another time (R2, R19)."""
    context = installation.context
    installation.record("1")
    installation.step()
    installation.mine()
    undone = ask(installation.url, "eth_blockNumber")
    emitter = "0x" + context.chain.deployment.ledger.hex()
    question = {"address": emitter, "fromBlock": undone, "toBlock": undone}
    answers = {
        undone: {"result": ask(installation.url, "eth_getBlockByNumber", undone, False)},
        "eth_getLogs": {"result": ask(installation.url, "eth_getLogs", question)},
    }
    before = installation.kept()
    installation.reorganise(1)
    ask(installation.url, "evm_increaseTime", 60)
    [carrier] = installation.submissions(1)
    installation.mine()
    context.chain.send(carrier.raw)
    installation.mine(FINALITY_DEPTH + 2)
    with pytest.raises(ChainInconsistent, match="do not give the head that the contract had at block"):
        index(replace(context, chain=of_another_branch(installation, answers)))
    assert installation.kept() == before
    installation.settle()
    check_sealed_once(installation, 2)


# what is carried again


def test_t9_an_orphaned_batch_is_carried_again_by_the_same_bytes(installation: Installation) -> None:
    """Its block undone, a batch is orphaned, goes out in the same transaction, and is final exactly once (T9, T2)."""
    evidence = installation.record("1")
    assert installation.step() == [Move.FROZEN, Move.SIGNED, Move.SENT, Move.WAITING]
    installation.mine()
    index(installation.context)
    first = installation.story(evidence.evidence_id)[-1]
    assert (first.status, installation.states()[-1]) == (INCLUDED, BatchState.INCLUDED)

    installation.reorganise(1)
    index(installation.context)
    orphaned = installation.story(evidence.evidence_id)[-1]
    assert (orphaned.status, orphaned.block) == (ORPHANED, first.block)
    assert installation.states()[-1] is BatchState.ORPHANED

    assert installation.step()[0] in (Move.SENT, Move.WAITING)
    installation.settle()
    [carrier] = installation.submissions(1)
    inclusion = installation.context.chain.inclusion(carrier.hash)
    assert inclusion is not None
    story = installation.story(evidence.evidence_id)
    assert [event.status for event in story] == [PENDING, INCLUDED, ORPHANED, INCLUDED, FINAL]
    assert story[-1].block == story[-2].block == inclusion.block != first.block
    check_sealed_once(installation, 2)


def test_t6_an_orphaned_batch_whose_nonce_went_elsewhere_is_carried_by_another_transaction(
    installation: Installation,
) -> None:
    """Another transaction took the nonce after the reorganisation: the same batch goes out anew (T1, T6, T10)."""
    installation.record("1")
    installation.step()
    installation.mine()
    index(installation.context)
    installation.reorganise(1)
    [carrier] = installation.submissions(1)
    chain = installation.context.chain
    payment = UnsignedTransaction(
        chain.deployment.chain_id, carrier.nonce, 10**9, 10**11, 21_000, REGISTRAR.address, b""
    )
    signed = sign_transaction(payment, OPERATOR.address, OPERATOR.sign)
    assert chain.send(signed.raw) is SendOutcome.TAKEN
    installation.mine()
    assert Move.SIGNED in installation.step()
    installation.settle()
    assert [one.nonce for one in installation.submissions(1)] == [carrier.nonce, carrier.nonce + 1]
    assert chain.inclusion(carrier.hash) is None
    check_sealed_once(installation, 2)


def test_r8_reorganisations_inside_reorganisations_end_in_one_inclusion(installation: Installation) -> None:
    """Undone again and again, deeper each time and once before anybody looked: final exactly once (R1, R5, R8, R15)."""
    evidence = installation.record("1")
    for depth in (1, 2, 3):
        # what was lost with a block that nobody saw goes out again after a while (T7)
        installation.clock.time = Timestamp(installation.clock.time + RESEND_SECONDS)
        installation.step()
        installation.mine()
        if depth != 2:
            index(installation.context)
        installation.reorganise(depth)
        installation.reorganise(min(depth + 1, FINALITY_DEPTH - 1))
        index(installation.context)
    installation.settle(RESEND_SECONDS)
    story = statuses(installation, evidence.evidence_id)
    assert story == [PENDING, *[INCLUDED, ORPHANED] * ((len(story) - 3) // 2), INCLUDED, FINAL]
    assert story.count(ORPHANED) >= 2
    check_sealed_once(installation, 2)


def test_r17_two_batches_come_back_in_order(installation: Installation) -> None:
    """A reorganisation takes two batches of one account: both come back, in their order, once each (R17, T9)."""
    evidence = []
    for number in ("1", "2"):
        evidence.append(installation.record(number))
        installation.step()
        installation.mine()
        index(installation.context)
    installation.reorganise(2)
    index(installation.context)
    assert installation.states()[-2:] == [BatchState.ORPHANED] * 2
    installation.settle()
    for one in evidence:
        assert statuses(installation, one.evidence_id) == [PENDING, INCLUDED, ORPHANED, INCLUDED, FINAL]
    check_sealed_once(installation, 3)
