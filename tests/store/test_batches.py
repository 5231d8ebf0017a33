"""What the store promises about outgoing batches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store.samples import AWAITING, BUYER, OPERATOR, OTHER_OPERATOR, SUPPLIER, batch, entries, evidence
from tallystick.errors import Duplicate, Misfit, NotFound
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import Hash, to_hex
from tallystick.store.records import BatchState, EvidenceState
from tallystick.store.sql import SqlStore


def test_a_batch_is_frozen_once(store: SqlStore) -> None:
    """A second batch of the same operator and id is refused, and the first stays as it was."""
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1), evidence(2)])
        transaction.add_batch(batch(0), entries([evidence(1)]))
        with pytest.raises(Duplicate, match=r"batch 0 of .* is frozen already"):
            transaction.add_batch(replace(batch(0), raw_transaction=b"other"), entries([evidence(2)]))
        assert transaction.batches(BatchState) == [batch(0)]
        assert transaction.pending(9) == [evidence(2)]


def test_an_evidence_stands_in_one_batch(store: SqlStore) -> None:
    """An evidence of another batch is refused, naming it and its batch; nothing of the new batch is kept."""
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1), evidence(2)])
        transaction.add_batch(batch(0), entries([evidence(1)]))
        with pytest.raises(Duplicate, match=f"{to_hex(evidence(1).evidence_id)} stands in batch 0"):
            transaction.add_batch(batch(1), entries([evidence(2), evidence(1)]))
        assert transaction.batches(BatchState) == [batch(0)]
        assert transaction.batch_entries(OPERATOR, 1) == []
        assert transaction.pending(9) == [evidence(2)]


@pytest.mark.parametrize("known", [True, False])
def test_only_accepted_evidence_is_sealed(store: SqlStore, known: bool) -> None:
    """Evidence that awaits a signature, or is not kept, can't be put into a batch."""
    with store.transaction() as transaction:
        contract = evidence(1, Kind.CONTRACT, state=AWAITING)
        if known:
            transaction.add_evidence([contract])
        with pytest.raises(Misfit, match=f"{to_hex(contract.evidence_id)} is not accepted"):
            transaction.add_batch(batch(0), entries([contract]))
        assert transaction.batches(BatchState) == []


def test_an_unknown_batch_has_no_state(store: SqlStore) -> None:
    """Moving on a batch that is not there is refused."""
    with store.transaction() as transaction, pytest.raises(NotFound, match="no batch 3"):
        transaction.set_batch_state(OPERATOR, 3, BatchState.SENT)


@pytest.mark.parametrize(
    ("now", "back"),
    [
        (BatchState.SENT, BatchState.BUILT),
        (BatchState.FINAL, BatchState.SENT),
        (BatchState.FINAL, BatchState.BUILT),
    ],
)
def test_a_batch_never_goes_back(store: SqlStore, now: BatchState, back: BatchState) -> None:
    """A batch that is further than the new state stays where it is."""
    with store.transaction() as transaction:
        transaction.add_batch(batch(0, state=now), [])
        with pytest.raises(Misfit, match=f"is {now}: it can't go back to {back}"):
            transaction.set_batch_state(OPERATOR, 0, back)
        assert transaction.batches([now]) == [batch(0, state=now)]


def test_a_state_may_be_set_again(store: SqlStore) -> None:
    """Setting the state that a batch has changes nothing: a sender may repeat itself after a crash."""
    with store.transaction() as transaction:
        transaction.add_batch(batch(0), [])
        for _ in range(2):
            transaction.set_batch_state(OPERATOR, 0, BatchState.SENT)
        assert transaction.batches(BatchState) == [batch(0, state=BatchState.SENT)]


def test_another_operators_batch_has_no_entries(store: SqlStore) -> None:
    """The content of a batch that was not frozen here is empty, not an error."""
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1)])
        transaction.add_batch(batch(0), entries([evidence(1)]))
        assert transaction.batch_entries(OTHER_OPERATOR, 0) == []
        assert transaction.batch_entries(OPERATOR, 1) == []


def test_entries_come_by_subject_then_index(store: SqlStore) -> None:
    """The frozen content comes back in the order of the contract, however it was given."""
    records = [evidence(number) for number in range(12)]
    places = entries(records, SUPPLIER, BUYER)
    with store.transaction() as transaction:
        transaction.add_evidence(records)
        transaction.add_batch(batch(0), places[::-1])
        assert transaction.batch_entries(OPERATOR, 0) == places


def test_batches_come_in_the_order_they_were_frozen(store: SqlStore) -> None:
    """``batches`` gives those of the wanted states, oldest first, of all operators."""
    with store.transaction() as transaction:
        transaction.add_batch(batch(4, OTHER_OPERATOR), [])
        transaction.add_batch(batch(0), [])
        transaction.add_batch(batch(1), [])
        transaction.set_batch_state(OPERATOR, 0, BatchState.SENT)
        assert transaction.batches([BatchState.BUILT]) == [batch(4, OTHER_OPERATOR), batch(1)]
        assert transaction.batches([BatchState.BUILT, BatchState.SENT]) == [
            batch(4, OTHER_OPERATOR),
            batch(0, state=BatchState.SENT),
            batch(1),
        ]
        assert transaction.batches([]) == []


def test_evidence_follows_its_batch(store: SqlStore) -> None:
    """Evidence is SEALING while its batch is built or sent, and FINAL when that very batch is."""
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1), evidence(2)])
        transaction.add_batch(batch(0), entries([evidence(1)]))
        transaction.add_batch(batch(1), entries([evidence(2)]))
    seen = []
    for state in BatchState:
        with store.transaction() as transaction:
            transaction.set_batch_state(OPERATOR, 0, state)
            both = transaction.evidence([evidence(1).evidence_id, evidence(2).evidence_id])
            seen.append((both[evidence(1).evidence_id].state, both[evidence(2).evidence_id].state))
    sealing, final = EvidenceState.SEALING, EvidenceState.FINAL
    assert seen == [(sealing, sealing), (sealing, sealing), (final, sealing)]


def test_a_large_batch_is_frozen_whole(store: SqlStore) -> None:
    """A batch may hold more evidence than one statement can name."""
    records = [evidence(number) for number in range(2_000)]
    with store.transaction() as transaction:
        transaction.add_evidence(records)
        transaction.add_batch(batch(0), entries(records, SUPPLIER, BUYER))
        assert transaction.count_pending() == 0
        assert len(transaction.batch_entries(OPERATOR, 0)) == 4_000


def test_only_a_batch_that_is_not_final_is_carried_by_another_transaction(store: SqlStore) -> None:
    """``resign_batch`` refuses an unknown and a final batch; otherwise it changes the transaction and nothing else."""
    with store.transaction() as transaction:
        with pytest.raises(NotFound, match="no batch 0"):
            transaction.resign_batch(OPERATOR, 0, b"again", Hash(b"\x01" * 32))
        transaction.add_evidence([evidence(1)])
        transaction.add_batch(batch(0), entries([evidence(1)]))
        transaction.resign_batch(OPERATOR, 0, b"again", Hash(b"\x01" * 32))
        resigned = replace(batch(0), raw_transaction=b"again", transaction_hash=Hash(b"\x01" * 32))
        assert transaction.batches(BatchState) == [resigned]
        assert transaction.batch_entries(OPERATOR, 0) == sorted(
            entries([evidence(1)]), key=lambda entry: (entry.subject, entry.index)
        )
        transaction.set_batch_state(OPERATOR, 0, BatchState.FINAL)
        with pytest.raises(Misfit, match="is final"):
            transaction.resign_batch(OPERATOR, 0, b"too late", Hash(b"\x02" * 32))
