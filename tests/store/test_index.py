"""What the store promises about the indexed chain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store.samples import (
    BUYER,
    CARRIER,
    DEPLOYMENT,
    OPERATOR,
    OTHER_OPERATOR,
    ROOT,
    SUPPLIER,
    append,
    batch,
    digest,
    entries,
    evidence,
    party,
    signer,
)
from tallystick.errors import Duplicate, StoreError, WrongChain
from tallystick.protocol.types import Hash, PartyId, Timestamp
from tallystick.store.records import (
    AppendRecord,
    BatchState,
    Counts,
    Cursor,
    EvidenceState,
    LogEntryRecord,
    SignerRecord,
)
from tallystick.store.sql import SqlStore


def test_a_sealed_batch_is_indexed_once(store: SqlStore) -> None:
    """The same batch of the same operator a second time is refused."""
    with store.transaction() as transaction:
        transaction.add_appends([append(SUPPLIER, 0, 2, batch_id=0)], ROOT)
        with pytest.raises(Duplicate, match=r"batch 0 of .* is indexed already"):
            transaction.add_appends([append(BUYER, 0, 2, batch_id=0)], ROOT)


def test_a_place_in_a_log_is_taken_once(store: SqlStore) -> None:
    """Two appends of one ordinal in one log are refused by the database itself, and nothing is kept."""

    def index_both() -> None:
        with store.transaction() as transaction:
            transaction.add_appends([append(SUPPLIER, 0, 2, batch_id=0)], ROOT)
            transaction.add_appends([append(SUPPLIER, 0, 2, batch_id=1)], ROOT)

    with pytest.raises(Duplicate):
        index_both()
    with store.transaction() as transaction:
        assert transaction.sealed_count(OPERATOR) == 0


def test_a_store_serves_one_ledger_for_ever(store: SqlStore) -> None:
    """Binding to any other deployment is refused and says both."""
    with store.transaction() as transaction:
        transaction.set_deployment(DEPLOYMENT)
    for other in (
        replace(DEPLOYMENT, chain_id=1),
        replace(DEPLOYMENT, genesis_hash=Hash(digest("wiped"))),
        replace(DEPLOYMENT, ledger=signer(1)),
        replace(DEPLOYMENT, registry=signer(1)),
        replace(DEPLOYMENT, block_number=8),
    ):
        with pytest.raises(WrongChain, match="bound to chain 31337"), store.transaction() as transaction:
            transaction.set_deployment(other)
    with store.transaction() as transaction:
        assert transaction.deployment() == DEPLOYMENT


def test_a_log_is_read_inside_its_transaction(store: SqlStore) -> None:
    """A log that is read after its transaction ended is an error, never a shorter log."""
    with store.transaction() as transaction:
        log = transaction.log(SUPPLIER, 200)
    with pytest.raises(StoreError):
        list(log)


def test_an_empty_index_answers_with_nothing(store: SqlStore) -> None:
    """Before the first block there is no cursor, deployment, append, signer or entry."""
    with store.transaction() as transaction:
        assert transaction.cursor() is None
        assert transaction.deployment() is None
        assert transaction.last_appends([SUPPLIER]) == {}
        assert transaction.appends(SUPPLIER, 10**9) == []
        assert list(transaction.log(SUPPLIER, 10**9)) == []
        assert transaction.sealed_count(OPERATOR) == 0
        assert transaction.signers([SUPPLIER]) == []
        assert transaction.placement(evidence(1).evidence_id) == []
        counts = transaction.counts()
    assert counts == Counts(0, dict.fromkeys(EvidenceState, 0), dict.fromkeys(BatchState, 0), 0, 0)


def test_a_deployment_may_be_set_again(store: SqlStore) -> None:
    """Binding to the same ledger once more changes nothing."""
    for _ in range(2):
        with store.transaction() as transaction:
            transaction.set_deployment(DEPLOYMENT)
            assert transaction.deployment() == DEPLOYMENT


def test_the_cursor_is_the_last_one_set(store: SqlStore) -> None:
    """Each cursor takes the place of the one before."""
    for number in (5, 9):
        position = Cursor(number, Hash(digest("block", number)), Timestamp(1_700_000_000 + number))
        with store.transaction() as transaction:
            transaction.set_cursor(position)
            assert transaction.cursor() == position


def test_appends_come_in_order_up_to_a_block(store: SqlStore) -> None:
    """``appends`` gives the log of one party up to and including the block, whoever sealed."""
    mine = [
        append(SUPPLIER, 0, 2, batch_id=0),
        append(SUPPLIER, 1, 1, batch_id=1, operator=OTHER_OPERATOR, first_seq=2),
        append(SUPPLIER, 2, 5, batch_id=2, first_seq=3),
    ]
    with store.transaction() as transaction:
        transaction.add_appends([mine[0], append(BUYER, 0, 2, batch_id=0)], ROOT)
        transaction.add_appends([mine[1]], ROOT)
        transaction.add_appends([mine[2]], ROOT)
        assert transaction.appends(SUPPLIER, 99) == []
        assert transaction.appends(SUPPLIER, 101) == mine[:2]
        assert transaction.appends(SUPPLIER, 102) == mine
        assert transaction.appends(SUPPLIER, 2**64 - 1) == mine


def test_the_last_append_has_the_highest_ordinal(store: SqlStore) -> None:
    """``last_appends`` gives the newest append of each party that has one, however many are asked for."""
    with store.transaction() as transaction:
        transaction.add_appends([append(SUPPLIER, 0, 1, batch_id=0), append(BUYER, 0, 1, batch_id=0)], ROOT)
        transaction.add_appends([append(SUPPLIER, 1, 1, batch_id=1)], ROOT)
        others = [PartyId(digest("other", number)) for number in range(2_000)]
        assert transaction.last_appends([SUPPLIER, *others, BUYER]) == {
            SUPPLIER: append(SUPPLIER, 1, 1, batch_id=1),
            BUYER: append(BUYER, 0, 1, batch_id=0),
        }


def test_sealed_batches_are_counted_by_operator(store: SqlStore) -> None:
    """``sealed_count`` is the number of indexed batches of that operator, whatever they touched."""
    with store.transaction() as transaction:
        transaction.add_appends([append(SUPPLIER, 0, 1, batch_id=0), append(BUYER, 0, 1, batch_id=0)], ROOT)
        transaction.add_appends([append(SUPPLIER, 1, 1, batch_id=1)], ROOT)
        transaction.add_appends([append(SUPPLIER, 2, 1, batch_id=0, operator=OTHER_OPERATOR)], ROOT)
        assert transaction.sealed_count(OPERATOR) == 2
        assert transaction.sealed_count(OTHER_OPERATOR) == 1


def sealed_store(store: SqlStore) -> list[AppendRecord]:
    """Two final batches of our own and, between them, one of another operator that shows no entries."""
    first, second = [evidence(number) for number in range(3)], [evidence(number) for number in range(3, 5)]
    supplier = [
        append(SUPPLIER, 0, 3, batch_id=0),
        append(SUPPLIER, 1, 7, batch_id=1, operator=OTHER_OPERATOR, first_seq=3),
        append(SUPPLIER, 2, 2, batch_id=2, first_seq=10),
    ]
    with store.transaction() as transaction:
        transaction.add_evidence([*first, *second])
        transaction.add_batch(batch(0), entries(first, SUPPLIER, BUYER))
        transaction.add_batch(batch(2), entries(second, SUPPLIER))
        transaction.add_appends([supplier[0], append(BUYER, 0, 3, batch_id=0)], ROOT)
        transaction.add_appends([supplier[1]], ROOT)
        transaction.add_appends([supplier[2]], ROOT)
        transaction.set_batch_state(OPERATOR, 0, BatchState.FINAL)
        transaction.set_batch_state(OPERATOR, 2, BatchState.FINAL)
    return supplier


def test_a_log_comes_in_order_of_append_and_index(store: SqlStore) -> None:
    """``log`` joins each known entry with its append and its evidence; what another operator withholds is missing."""
    supplier = sealed_store(store)
    final = [replace(evidence(number), state=EvidenceState.FINAL) for number in range(5)]
    expected = [LogEntryRecord(supplier[0], index, final[index]) for index in range(3)]
    expected += [LogEntryRecord(supplier[2], index, final[3 + index]) for index in range(2)]
    with store.transaction(read_only=True) as transaction:
        assert list(transaction.log(SUPPLIER, 102)) == expected
        assert list(transaction.log(SUPPLIER, 101)) == expected[:3]
        assert len(list(transaction.log(BUYER, 102))) == 3


def test_a_log_may_be_read_beside_other_statements(store: SqlStore) -> None:
    """The store may be asked while a log is being read: it is a stream, and the transaction stays usable."""
    sealed_store(store)
    with store.transaction() as transaction:
        for entry in transaction.log(SUPPLIER, 102):
            assert transaction.placement(entry.record.evidence_id)[-1] == (entry.append, entry.index)


def test_a_placement_names_every_log(store: SqlStore) -> None:
    """``placement`` gives append and index per subject, by subject; nothing before the chain has it."""
    sealed_store(store)
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(9)])
        transaction.add_batch(batch(3), entries([evidence(9)], SUPPLIER))
        places = transaction.placement(evidence(1).evidence_id)
        assert places == sorted(
            [(append(SUPPLIER, 0, 3, batch_id=0), 1), (append(BUYER, 0, 3, batch_id=0), 1)],
            key=lambda place: place[0].subject,
        )
        assert transaction.placement(evidence(9).evidence_id) == []


def test_a_signer_is_replaced_by_its_newest_state(store: SqlStore) -> None:
    """``put_signer`` adds, or replaces what was known of that signer of that party."""
    with store.transaction() as transaction:
        transaction.put_signer(SignerRecord(SUPPLIER, signer(1), Timestamp(10), Timestamp(0)))
        transaction.put_signer(SignerRecord(SUPPLIER, signer(2), Timestamp(5), Timestamp(0)))
        transaction.put_signer(SignerRecord(BUYER, signer(1), Timestamp(7), Timestamp(0)))
        transaction.put_signer(SignerRecord(SUPPLIER, signer(1), Timestamp(10), Timestamp(20)))
        assert transaction.signers([SUPPLIER, CARRIER]) == [
            SignerRecord(SUPPLIER, signer(2), Timestamp(5), Timestamp(0)),
            SignerRecord(SUPPLIER, signer(1), Timestamp(10), Timestamp(20)),
        ]


def test_counts_tell_every_state(store: SqlStore) -> None:
    """``counts`` numbers parties, evidence and batches by state, sealed batches and log entries of all parties."""
    sealed_store(store)
    with store.transaction() as transaction:
        transaction.add_party(party("Supplier"))
        transaction.add_evidence([evidence(8), evidence(9, state=EvidenceState.AWAITING_COUNTERSIGNATURE)])
        transaction.add_evidence([evidence(10)])
        transaction.add_batch(batch(3), entries([evidence(10)]))
        assert transaction.counts() == Counts(
            parties=1,
            evidence={
                EvidenceState.AWAITING_COUNTERSIGNATURE: 1,
                EvidenceState.PENDING: 1,
                EvidenceState.SEALING: 1,
                EvidenceState.FINAL: 5,
            },
            batches={BatchState.BUILT: 1, BatchState.SENT: 0, BatchState.FINAL: 2},
            sealed_batches=3,
            log_entries=15,
        )
