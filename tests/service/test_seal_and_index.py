"""Sealing and indexing: once, in order, complete, and after a crash at any step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, World, changed, in_memory
from tallystick.chain.records import SealedBatch
from tallystick.errors import ChainInconsistent
from tallystick.limits import Limits
from tallystick.protocol.log import fold
from tallystick.protocol.types import Address
from tallystick.service import seal
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.report import Reader, log_append
from tallystick.store.records import ON_ITS_WAY, BatchState, EvidenceState
from tallystick.store.sql import open_store


def numbered(*numbers: int) -> list[dict[str, object]]:
    return [{**changed(INVOICE, invoiceNumber=str(number)), "label": None} for number in numbers]


def check_everything_sealed_once(world: World, evidence: int) -> None:
    """Every evidence is final, stands once in each of its logs, and each log folds to the chain's head."""
    cursor = index(world.context)
    with world.context.store.transaction() as transaction:
        counts = transaction.counts()
        assert counts.evidence[EvidenceState.FINAL] == evidence
        for party in transaction.parties():
            history = Reader(world.context, cursor.block).read(transaction, party.party)
            ids = [entry.evidence_id for entry in history.entries]
            assert len(ids) == len(set(ids))
            head = world.chain.head(party.party, world.chain.final_block())
            assert fold(log_append(append) for append in history.appends) == head


def send_unnoticed(world: World) -> int:
    """Freeze the next batch and let the chain have it, without noting that it was sent; returns its id."""
    assert [seal.advance(world.context) for _ in range(2)] == [seal.Move.FROZEN, seal.Move.SIGNED]
    with world.context.store.transaction() as transaction:
        (batch,) = transaction.batches((BatchState.SIGNED,))
        (submission,) = transaction.submissions(batch.operator, batch.batch_id)
    world.chain.send(submission.raw)
    return batch.batch_id


@contextmanager
def elsewhere(world: World, chain: object | None = None) -> Iterator[Context]:
    """Another installation on the same chain, with another operator and an empty store."""
    store = open_store("sqlite://")
    with store.transaction() as transaction:
        transaction.set_deployment(world.chain.deployment)
    other = Address(b"\x07" * 20)
    yield replace(world.context, store=store, operator=other, chain=chain or world.chain)  # type: ignore[arg-type]
    store.close()


def test_a_crash_after_freezing_loses_and_repeats_nothing(trading: World) -> None:
    """A batch frozen but never sent goes out on the next run, with the same bytes."""
    trading.record(*numbered(1, 2))
    frozen = seal.freeze(trading.context)
    assert frozen is not None
    trading.record(*numbered(3))
    assert seal.seal(trading.context) == 2
    check_everything_sealed_once(trading, 4)


def test_a_crash_after_sending_loses_and_repeats_nothing(trading: World) -> None:
    """A batch that reached the chain unnoticed is recognised, not sealed again."""
    trading.record(*numbered(1))
    send_unnoticed(trading)
    assert seal.seal(trading.context) == 0
    assert trading.chain.next_batch(trading.context.operator, None) == 1
    check_everything_sealed_once(trading, 2)


def test_a_batch_whose_nonce_was_used_meanwhile_goes_out_in_another_transaction() -> None:
    """Where the registrar's account seals too, an admission may take the nonce of a frozen batch: nothing is stuck."""
    with in_memory(one_account=True) as world:
        world.party("Supplier GmbH", SUPPLIER)
        world.party("Buyer AG", BUYER)
        world.record(CONTRACT)
        frozen = seal.freeze(world.context)
        assert frozen is not None
        world.party("Carrier SA", "DUNS:150483782")
        assert seal.seal(world.context) == 1
        check_everything_sealed_once(world, 1)


def test_sealing_nothing_does_nothing(trading: World) -> None:
    """Without pending evidence there is no batch."""
    assert seal.seal(trading.context) == 1
    assert seal.seal(trading.context) == 0


def test_a_batch_is_closed_before_it_touches_too_many_parties() -> None:
    """An evidence never straddles two batches, and no batch touches more parties than the limit."""
    with in_memory(Limits(batch_subjects=3)) as world:
        world.party("Supplier GmbH", SUPPLIER)
        buyers = [f"VAT:DE{i:09}" for i in range(4)]
        for i, buyer in enumerate(buyers):
            world.party(f"Buyer {i}", buyer)
            world.record({**changed(CONTRACT, contractNumber=str(i)), "counterparty": buyer})
        assert seal.seal(world.context) == 2
        check_everything_sealed_once(world, 4)


class _Omitting:
    """A node that leaves out the first sealed batch it is asked for."""

    def __init__(self, world: World) -> None:
        self._chain = world.chain

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)

    def sealed_batches(self, first: int, last: int) -> list[SealedBatch]:
        return self._chain.sealed_batches(first, last)[1:]


def test_an_omitted_log_is_noticed_at_once(trading: World) -> None:
    """The contract counts the batches it took: a node that leaves out the newest is caught, nothing advances (R2)."""
    before = index(trading.context)
    send_unnoticed(trading)
    lied_to = replace(trading.context, chain=_Omitting(trading))  # type: ignore[arg-type]
    with pytest.raises(ChainInconsistent, match=r"had taken 1 batches by block \d+, the node shows 0"):
        index(lied_to)
    with trading.context.store.transaction() as transaction:
        assert transaction.cursor() == before
    check_everything_sealed_once(trading, 1)


def test_a_gap_in_the_batches_of_an_operator_is_noticed(trading: World) -> None:
    """Batch ids run without a gap: who indexes another operator's batches notices one that is left out."""
    for number in (1, 2):
        trading.record(*numbered(number))
        seal.seal(trading.context)
    with elsewhere(trading, _Omitting(trading)) as reader:
        with pytest.raises(ChainInconsistent, match=r"batch 1 .*: expected batch 0 next"):
            index(reader)
        with reader.store.transaction() as transaction:
            assert transaction.tip() is None


def test_a_home_restored_from_an_older_copy_is_refused(trading: World) -> None:
    """Going on without the evidence of a batch that this operator sealed would lose it silently; nothing is kept."""
    seal.seal(trading.context)
    older = open_store("sqlite://")
    with older.transaction() as transaction:
        transaction.set_deployment(trading.chain.deployment)
    with pytest.raises(ChainInconsistent, match="restored from a copy older than that batch"):
        index(replace(trading.context, store=older))
    with older.transaction() as transaction:
        assert transaction.cursor() is None
    older.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(st.sampled_from(["record", "freeze", "advance", "index", "seal"]), min_size=3, max_size=20))
def test_any_interleaving_of_steps_and_crashes_seals_everything_once(steps: list[str]) -> None:
    """Whatever is done or left undone between steps, one last ``seal`` leaves everything final exactly once."""
    with in_memory(Limits(batch_evidence=2)) as world:
        world.party("Supplier GmbH", SUPPLIER)
        world.party("Buyer AG", BUYER)
        world.record(CONTRACT)
        recorded = 1
        for step in steps:
            if step == "record":
                world.record(*numbered(recorded))
                recorded += 1
            elif step == "freeze":
                with world.context.store.transaction() as transaction:
                    waiting = transaction.batches(ON_ITS_WAY)
                if not waiting:
                    seal.freeze(world.context)
            elif step == "advance":
                seal.advance(world.context)
            elif step == "index":
                index(world.context)
            elif step == "seal":
                seal.seal(world.context)
        seal.seal(world.context)
        check_everything_sealed_once(world, recorded)
