"""What the store promises about outgoing batches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store.samples import (
    AWAITING,
    BUYER,
    OPERATOR,
    OTHER_OPERATOR,
    SUPPLIER,
    batch,
    block,
    entries,
    evidence,
    submission,
    undone,
)
from tallystick.errors import Duplicate, Misfit, NotFound
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import BlockRef, Hash, Timestamp, to_hex
from tallystick.store.records import BatchState, EvidenceRecord, EvidenceState
from tallystick.store.sql import SqlStore, SqlTransaction

AT = Timestamp(1_700_003_000)


def freeze(transaction: SqlTransaction, batch_id: int, *records: EvidenceRecord) -> None:
    """Record ``records`` and freeze them as one batch."""
    transaction.add_evidence(list(records))
    transaction.add_batch(batch(batch_id), entries(list(records)))


def include(transaction: SqlTransaction, batch_id: int, holder: BlockRef) -> None:
    """Put the block ``holder`` on the chain, with the batch in it."""
    transaction.add_blocks({holder: None})
    transaction.include_batch(OPERATOR, batch_id, holder.hash, AT)


def state_of(transaction: SqlTransaction) -> tuple[EvidenceState, BlockRef | None]:
    """State and block of evidence 1."""
    known = transaction.evidence([evidence(1).evidence_id])[evidence(1).evidence_id]
    return known.state, known.block


def test_a_batch_is_frozen_once(store: SqlStore) -> None:
    """A second batch of the same operator and id is refused, and the first stays as it was."""
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1), evidence(2)])
        transaction.add_batch(batch(0), entries([evidence(1)]))
        with pytest.raises(Duplicate, match=r"batch 0 of .* is frozen already"):
            transaction.add_batch(replace(batch(0), root=Hash(b"\x01" * 32)), entries([evidence(2)]))
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


def test_an_unknown_batch_is_not_included(store: SqlStore) -> None:
    """Moving on a batch that is not there is refused."""
    with store.transaction() as transaction:
        transaction.add_blocks({block(7): None})
        with pytest.raises(NotFound, match="no batch 3"):
            transaction.include_batch(OPERATOR, 3, block(7).hash, AT)


def test_nothing_carries_a_batch_that_the_chain_has(store: SqlStore) -> None:
    """A transaction for a batch that is unknown, included or final is refused."""
    with store.transaction() as transaction:
        with pytest.raises(Misfit, match="is not frozen: nothing is to carry it"):
            transaction.add_submission(submission(0, 4))
        freeze(transaction, 0, evidence(1))
        include(transaction, 0, block(7))
        with pytest.raises(Misfit, match="is included: nothing is to carry it"):
            transaction.add_submission(submission(0, 4))
        transaction.finish_batches([block(7).hash], AT)
        with pytest.raises(Misfit, match="is final: nothing is to carry it"):
            transaction.add_submission(submission(0, 4))


def test_every_transaction_that_carried_a_batch_is_kept(store: SqlStore) -> None:
    """Signed, sent and replaced transactions stay, oldest first, each with the time it was last given to a node."""
    with store.transaction() as transaction:
        freeze(transaction, 0, evidence(1))
        first, dearer = submission(0, 4), submission(0, 4, fee=20)
        transaction.add_submission(first)
        assert transaction.batches(BatchState) == [batch(0, state=BatchState.SIGNED)]
        transaction.note_sent(first, AT)
        assert transaction.batches(BatchState) == [batch(0, state=BatchState.SENT)]
        transaction.add_submission(dearer)
        assert transaction.submissions(OPERATOR, 0) == [replace(first, sent_at=AT), dearer]
        assert transaction.submissions(OPERATOR, 1) == transaction.submissions(OTHER_OPERATOR, 0) == []


def test_a_node_that_takes_a_transaction_late_moves_nothing_back(store: SqlStore) -> None:
    """Where the chain has the batch already, noting that its transaction was sent leaves it there."""
    with store.transaction() as transaction:
        freeze(transaction, 0, evidence(1))
        transaction.add_submission(submission(0, 4))
        include(transaction, 0, block(7))
        transaction.note_sent(submission(0, 4), AT)
        assert transaction.batches(BatchState) == [batch(0, state=BatchState.INCLUDED, held_by=block(7))]


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
        transaction.add_submission(submission(0, 4))
        signed = batch(0, state=BatchState.SIGNED)
        assert transaction.batches([BatchState.BUILT]) == [batch(4, OTHER_OPERATOR), batch(1)]
        assert transaction.batches(BatchState) == [batch(4, OTHER_OPERATOR), signed, batch(1)]
        assert transaction.batches([]) == []
        assert (transaction.count_batches(OPERATOR), transaction.count_batches(OTHER_OPERATOR)) == (2, 1)


def test_evidence_follows_its_batch(store: SqlStore) -> None:
    """Evidence is SEALING until a block has its batch, then as far as the batch: with the block that has or had it."""
    with store.transaction() as transaction:
        freeze(transaction, 0, evidence(1))
        freeze(transaction, 1, evidence(2))
        seen = [state_of(transaction)]
        transaction.add_submission(submission(0, 4))
        seen.append(state_of(transaction))
        transaction.note_sent(submission(0, 4), AT)
        seen.append(state_of(transaction))
        include(transaction, 0, block(7))
        seen.append(state_of(transaction))
        transaction.orphan_batches([block(7).hash], AT)
        seen.append(state_of(transaction))
        transaction.mark_blocks([block(7).hash], canonical=False)
        include(transaction, 0, block(7, "b"))
        transaction.finish_batches([block(7, "b").hash], AT)
        seen.append(state_of(transaction))
        assert transaction.evidence([evidence(2).evidence_id])[evidence(2).evidence_id].state is EvidenceState.SEALING
    assert seen == [
        (EvidenceState.SEALING, None),
        (EvidenceState.SEALING, None),
        (EvidenceState.SEALING, None),
        (EvidenceState.INCLUDED, block(7)),
        (EvidenceState.ORPHANED, block(7)),
        (EvidenceState.FINAL, block(7, "b")),
    ]


def test_what_becomes_of_evidence_is_noted(store: SqlStore) -> None:
    """Every step of each evidence is a status event, in order; a reader goes on after the last one it saw (R17)."""
    with store.transaction() as transaction:
        freeze(transaction, 0, evidence(1), evidence(2))
        include(transaction, 0, block(7))
        transaction.orphan_batches([block(7).hash], AT)
        transaction.mark_blocks([block(7).hash], canonical=False)
        include(transaction, 0, block(8, "b"))
        transaction.finish_batches([block(8, "b").hash], AT)
        told = transaction.status_events(0, 99)
        assert [event.position for event in told] == sorted({event.position for event in told})
        assert transaction.status_events(told[2].position, 3) == told[3:6]
        steps = [(event.status, event.block) for event in told if event.evidence_id == evidence(2).evidence_id]
    assert steps == [
        (EvidenceState.PENDING, None),
        (EvidenceState.INCLUDED, block(7)),
        (EvidenceState.ORPHANED, block(7)),
        (EvidenceState.INCLUDED, block(8, "b")),
        (EvidenceState.FINAL, block(8, "b")),
    ]


def test_a_status_event_is_kept_with_what_it_tells_or_not_at_all(store: SqlStore) -> None:
    """A transaction that is undone leaves no event."""
    with undone(store) as transaction:
        freeze(transaction, 0, evidence(1))
        include(transaction, 0, block(7))
    with store.transaction() as transaction:
        assert transaction.status_events(0, 99) == []


def test_a_large_batch_is_frozen_whole(store: SqlStore) -> None:
    """A batch may hold more evidence than one statement can name."""
    records = [evidence(number) for number in range(2_000)]
    with store.transaction() as transaction:
        transaction.add_evidence(records)
        transaction.add_batch(batch(0), entries(records, SUPPLIER, BUYER))
        assert transaction.count_pending() == 0
        assert len(transaction.batch_entries(OPERATOR, 0)) == 4_000
