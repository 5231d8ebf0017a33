"""The worker: what it does in a round, what it makes of errors, and which of several workers sends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from service.world import CONTRACT, INVOICE, World
from tallystick.errors import AccountBusy, ChainUnreachable, TransactionFailed, WrongChain
from tallystick.service import sending, work
from tallystick.service.context import Context
from tallystick.service.receivable import status as receivable_status
from tallystick.service.seal import Move, freeze
from tallystick.service.work import Backoff, Worker, leadership_of
from tallystick.store.records import ON_ITS_WAY, BatchState, EvidenceState

WAIT_SECONDS = 30


class Chain:
    """A chain in the hands of a test: ``fails`` (by name of a method) raise instead; ``calls`` are counted."""

    def __init__(self, chain: Any) -> None:
        self._chain = chain
        self.fails: dict[str, Exception] = {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._chain, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            if name in self.fails:
                raise self.fails[name]
            return found(*arguments, **options)

        return call


@pytest.fixture
def chain(trading: World) -> Chain:
    """The chain of the worker's installation."""
    return Chain(trading.chain)


@pytest.fixture
def context(trading: World, chain: Chain) -> Context:
    """The installation that the worker works for: its contract is pending."""
    return replace(trading.context, chain=chain)  # type: ignore[arg-type]


@contextmanager
def working(context: Context, **options: float) -> Iterator[Worker]:
    worker = Worker(context, **{"idle_seconds": 0.01, "retry_seconds": 0.01, **options})
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def final(context: Context) -> int:
    with context.store.transaction(read_only=True) as transaction:
        return transaction.counts().evidence[EvidenceState.FINAL]


NO_ANSWER = ChainUnreachable("no answer.", todo="Start it.")


def test_a_chain_that_was_gone_is_checked_before_the_next_write(context: Context, chain: Chain) -> None:
    """After no answer comes a check of the chain, and only then something is sent; nobody has to do anything."""
    with working(context) as worker:
        until(lambda: final(context) == 1)
        chain.fails["final_block"] = NO_ANSWER
        until(lambda: worker.last_error)
        chain.calls.clear()
        chain.fails.clear()
        until(lambda: worker.last_error is None)
        assert chain.calls[0] == "check" or chain.calls[:2] == ["final_block", "check"]


def test_another_chain_stops_all_sending_until_it_is_right_again(
    trading: World, context: Context, chain: Chain
) -> None:
    """As long as the node serves another chain nothing is read or sent, and the error is there; then it goes on."""
    chain.fails["check"] = WrongChain("chain id: expected 1, got 2.", todo="Use a node of the chain.")
    with working(context) as worker:
        until(lambda: worker.last_error)
        assert "expected 1, got 2" in str(worker.last_error)
        assert set(chain.calls) == {"check"}
        trading.record({**INVOICE, "deal": deal(trading)})
        assert final(context) == 0
        chain.fails.clear()
        until(lambda: final(context) == 2)
        assert worker.last_error is None


def deal(trading: World) -> str:
    with trading.context.store.transaction(read_only=True) as transaction:
        return "0x" + transaction.pending(1)[0].evidence.deal.hex()


def test_an_error_is_logged_once_however_often_it_is_met(
    context: Context, chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    """A node that is down for long fills no log: one warning, and one line when it is there again."""
    caplog.set_level(logging.INFO, "tallystick.worker")
    chain.fails["check"] = NO_ANSWER
    with working(context) as worker:
        until(lambda: chain.calls.count("check") >= 3)
        chain.fails.clear()
        until(lambda: worker.last_error is None and final(context) == 1)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "no answer. Start it." in warnings[0]
    assert "worker: round is all right again" in caplog.messages


def test_a_programming_error_is_logged_with_its_traceback_and_ends_nothing(
    context: Context, chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    """What nobody expects does not end the worker, and can be found in the log."""
    chain.fails["final_block"] = ZeroDivisionError("division by zero")
    with working(context) as worker:
        until(lambda: worker.last_error)
        assert worker.last_error == "unexpected ZeroDivisionError"
        chain.fails.clear()
        until(lambda: final(context) == 1)
    assert [record for record in caplog.records if record.exc_info]


def test_a_registrar_that_can_not_admit_keeps_nobody_from_sealing(
    trading: World, context: Context, chain: Chain
) -> None:
    """A failing admission is tried again by itself, and the batches of the others go out meanwhile."""
    chain.fails["admit"] = TransactionFailed("the registrar has no money.")
    with suppress(TransactionFailed):
        replace(trading, context=context).party("Newcomer Ltd", "LEI:NEW")
    with working(context) as worker:
        until(lambda: final(context) == 1 and worker.last_error)
        assert "no money" in str(worker.last_error)
        chain.fails.clear()
        until(lambda: worker.last_error is None)
        assert chain.calls.count("admit") >= 3


def test_of_two_workers_one_sends_and_the_other_takes_over(context: Context, trading: World) -> None:
    """The second worker follows the chain and sends nothing; when the first one ends it leads."""
    with working(context) as second:
        until(lambda: second.leads)
        other = Chain(trading.chain)
        with working(replace(context, chain=other)) as first:  # type: ignore[arg-type]
            until(lambda: final(context) == 1 and other.calls.count("final_block") > 2)
            assert not first.leads
            assert not {"account", "sign_seal", "send"} & set(other.calls)
            second.stop()
            trading.record({**INVOICE, "deal": contract_deal(trading)})
            until(lambda: final(context) == 2)
            assert first.leads
            assert "send" in other.calls


def contract_deal(trading: World) -> str:
    with trading.context.store.transaction(read_only=True) as transaction:
        events = transaction.status_events(0, 1)
        return "0x" + transaction.evidence([events[0].evidence_id])[events[0].evidence_id].evidence.deal.hex()


def test_whoever_holds_the_account_keeps_the_leader_waiting(context: Context) -> None:
    """The leader sends nothing while another one sends from the account, calls that no error, and goes on after it."""
    with context.store.account_lock(context.operator, 1), working(context) as worker:
        until(lambda: worker.leads)
        time.sleep(0.3)
        assert final(context) == 0
        assert worker.last_error is None
    with working(context):
        until(lambda: final(context) == 1)


def test_a_pledge_waits_for_the_batch_that_has_taken_its_nonce(
    context: Context, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a batch sent and not included, nothing else is sent from the operator's account: it would take its nonce."""
    monkeypatch.setattr(chain._chain, "send", lambda raw: work_taken())
    for _ in range(3):
        work.advance(context)
    with context.store.transaction(read_only=True) as transaction:
        assert [batch.state for batch in transaction.batches(ON_ITS_WAY)] == [BatchState.SENT]
    with (
        pytest.raises(AccountBusy, match=r"A batch of 0x\w+ is on its way; waited 0\.1 s"),
        sending.sending(context, context.operator, timeout_seconds=0.1),
    ):
        pytest.fail("sent")


def work_taken() -> Any:
    from tallystick.chain.records import SendOutcome

    return SendOutcome.TAKEN


def test_a_batch_at_the_limit_of_fees_is_warned_of_once(
    context: Context, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that may not offer more is one warning in the log, however long it waits."""
    caplog.set_level(logging.INFO, "tallystick.worker")
    rounds = threading.Event()
    moves = iter([Move.FROZEN, Move.SIGNED, Move.SENT, Move.CAPPED, Move.CAPPED])

    def moved(_context: Context) -> Move:
        if (move := next(moves, None)) is None:
            rounds.set()
        return move or Move.CAPPED

    freeze(context)
    monkeypatch.setattr(work, "advance", moved)
    with working(context):
        assert rounds.wait(WAIT_SECONDS)
    assert sum("limit on fees" in message for message in caplog.messages) == 1
    assert sum(message.endswith((": frozen", ": sent")) for message in caplog.messages) == 2


def test_pauses_grow_up_to_a_limit() -> None:
    """Each pause is twice the one before, up to the limit; after a success they begin anew."""
    pauses = Backoff(1.0, 5.0)
    assert [pauses.next() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    pauses.reset()
    assert pauses.next() == 1.0


def test_leading_is_not_the_right_to_send(context: Context) -> None:
    """The lock of the leader is named after the operator, and leaves the operator's account to who sends from it."""
    assert leadership_of(context.operator) not in (context.operator, context.registrar)
    assert len(leadership_of(context.operator)) == 20


def test_recording_needs_no_chain(context: Context, chain: Chain, trading: World) -> None:
    """With the chain gone evidence is recorded all the same, also where the registrar is somebody else."""
    for name in ("final_block", "header", "block", "account", "check"):
        chain.fails[name] = NO_ANSWER
    elsewhere = replace(trading, context=replace(context, registrar=None))
    elsewhere.record({**CONTRACT, "content": {**CONTRACT["content"], "contractNumber": "C-2"}})
    with context.store.transaction(read_only=True) as transaction:
        assert transaction.count_pending() == 2
    with pytest.raises(ChainUnreachable):
        receivable_status(context, transaction_id(trading))


def transaction_id(trading: World) -> Any:
    with trading.context.store.transaction(read_only=True) as transaction:
        return transaction.pending(1)[0].evidence_id
