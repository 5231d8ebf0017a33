"""What the store promises about receipts: kept with the acceptance, whole, and none where there was none."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from store.samples import AWAITING, OPERATOR, OTHER_OPERATOR, batch, block, digest, entries, evidence, undone
from tallystick.errors import Duplicate
from tallystick.protocol.evidence import MAX_TIME, Kind
from tallystick.protocol.types import Timestamp
from tallystick.store.records import ReceiptRecord
from tallystick.store.sql import SqlStore

TIMES = st.integers(0, MAX_TIME).map(Timestamp)
RECEIPTS = st.builds(
    ReceiptRecord, TIMES, TIMES, st.sampled_from([OPERATOR, OTHER_OPERATOR]), st.binary(min_size=65, max_size=65)
)


def receipt(number: int) -> ReceiptRecord:
    """A receipt that differs for each ``number``."""
    signature = digest("receipt", number) * 2 + b"\x1c"
    return ReceiptRecord(Timestamp(1_700_000_800 + number), Timestamp(1_700_200_000 + number), OPERATOR, signature)


def test_what_was_accepted_without_a_receipt_has_none(store: SqlStore) -> None:
    """Unknown evidence, evidence that awaits a signature, and evidence accepted without one are left out."""
    waiting = evidence(2, Kind.CONTRACT, state=AWAITING)
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1), waiting])
        assert transaction.receipts([evidence(1).evidence_id, waiting.evidence_id, evidence(9).evidence_id]) == {}
        assert transaction.receipts([]) == {}


def test_what_is_not_accepted_gets_no_receipt(store: SqlStore) -> None:
    """A receipt given for evidence that awaits a signature is not kept: nobody accepted it."""
    waiting = evidence(1, Kind.CONTRACT, state=AWAITING)
    with store.transaction() as transaction:
        transaction.add_evidence([waiting], {waiting.evidence_id: receipt(1)})
        assert transaction.receipts([waiting.evidence_id]) == {}


def test_a_refused_call_keeps_no_receipt(store: SqlStore) -> None:
    """What is accepted already keeps the receipt it was accepted with."""
    first = evidence(1)
    with store.transaction() as transaction:
        transaction.add_evidence([first], {first.evidence_id: receipt(1)})
        with pytest.raises(Duplicate):
            transaction.add_evidence([evidence(2), first], {first.evidence_id: receipt(2)})
        with pytest.raises(Duplicate):
            transaction.complete_signatures(first.evidence_id, b"\x01" * 130, Timestamp(1_700_003_000), receipt(3))
        assert transaction.receipts([first.evidence_id, evidence(2).evidence_id]) == {first.evidence_id: receipt(1)}


def test_a_receipt_lasts_no_longer_than_its_acceptance(store: SqlStore) -> None:
    """Both are of one transaction: undone together."""
    with undone(store) as transaction:
        transaction.add_evidence([evidence(1)], {evidence(1).evidence_id: receipt(1)})
        assert transaction.receipts([evidence(1).evidence_id])
    with store.transaction() as transaction:
        assert transaction.receipts([evidence(1).evidence_id]) == {}


def test_a_receipt_stays_whatever_becomes_of_its_evidence(store: SqlStore) -> None:
    """Freezing, sending and finality change nothing of it, and many are found at once."""
    records = [evidence(number) for number in range(2_000)]
    given_with = {record.evidence_id: receipt(number) for number, record in enumerate(records)}
    with store.transaction() as transaction:
        transaction.add_evidence(records, given_with)
        transaction.add_batch(batch(0), entries(records))
        transaction.add_blocks({block(7): None})
        transaction.include_batch(OPERATOR, 0, block(7).hash, Timestamp(1_700_003_000))
        transaction.finish_batches([block(7).hash], Timestamp(1_700_003_000))
    with store.transaction(read_only=True) as transaction:
        assert transaction.receipts(given_with) == given_with


def test_what_was_promised_and_no_block_holds_is_overdue(store: SqlStore) -> None:
    """Overdue is what waits, in a batch or not, after the time of its receipt; not what a block holds in time."""
    records = [evidence(number) for number in range(3)]
    promised = receipt(2).seal_by
    with store.transaction() as transaction:
        transaction.add_evidence(records, {record.evidence_id: receipt(i) for i, record in enumerate(records)})
        assert transaction.count_overdue(receipt(0).seal_by) == 0
        assert transaction.count_overdue(promised) == 2
        transaction.add_batch(batch(0), entries(records[:2]))
        assert transaction.count_overdue(Timestamp(promised + 1)) == 3
        transaction.add_blocks({block(7): None})
        transaction.include_batch(OPERATOR, 0, block(7).hash, Timestamp(1_700_003_000))
        assert transaction.count_overdue(Timestamp(promised + 1)) == 1
