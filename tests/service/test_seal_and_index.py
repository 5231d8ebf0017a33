"""Sealing and indexing: once, in order, complete, and after a crash at any step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, World, changed, in_memory
from tallystick.chain.records import SealedBatch
from tallystick.config import Limits
from tallystick.errors import ChainInconsistent
from tallystick.protocol.log import fold
from tallystick.service import seal
from tallystick.service.index import index
from tallystick.service.report import Reader, log_append
from tallystick.store.records import BatchState, EvidenceState
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
            history = Reader.at(world.context, cursor).read(transaction, party.party)
            ids = [entry.evidence_id for entry in history.entries]
            assert len(ids) == len(set(ids))
            head = world.chain.head(party.party, world.chain.final_block())
            assert fold(log_append(append) for append in history.appends) == head


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
    frozen = seal.freeze(trading.context)
    assert frozen is not None
    trading.chain.send(frozen[0].raw_transaction)
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


def test_an_omitted_log_is_noticed_and_nothing_advances(trading: World) -> None:
    """Batch ids run without a gap: a node that leaves one out is caught, and the index stays where it was."""
    before = index(trading.context)
    for number in (1, 2):
        trading.record(*numbered(number))
        frozen = seal.freeze(trading.context)
        assert frozen is not None
        trading.chain.send(frozen[0].raw_transaction)
    lied_to = replace(trading.context, chain=_Omitting(trading))  # type: ignore[arg-type]
    with pytest.raises(ChainInconsistent, match="expected batch 0 next"):
        index(lied_to)
    with trading.context.store.transaction() as transaction:
        assert transaction.cursor() == before
    check_everything_sealed_once(trading, 3)


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
@given(steps=st.lists(st.sampled_from(["record", "freeze", "send", "index", "seal", "mine"]), min_size=3, max_size=12))
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
                    waiting = transaction.batches((BatchState.BUILT, BatchState.SENT))
                if not waiting:
                    seal.freeze(world.context)
            elif step == "send":
                with world.context.store.transaction() as transaction:
                    waiting = transaction.batches((BatchState.BUILT,))
                for batch in waiting:
                    if world.chain.next_batch(batch.operator, None) == batch.batch_id:
                        world.chain.send(batch.raw_transaction)
            elif step == "index":
                index(world.context)
            elif step == "seal":
                seal.seal(world.context)
        seal.seal(world.context)
        check_everything_sealed_once(world, recorded)
