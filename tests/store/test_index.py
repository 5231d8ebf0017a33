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
    SUPPLIER,
    append,
    batch,
    block,
    digest,
    entries,
    evidence,
    party,
    put,
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

AT = Timestamp(1_700_003_000)


def test_a_sealed_batch_is_indexed_once(store: SqlStore) -> None:
    """The same batch of the same operator a second time is refused."""
    with store.transaction() as transaction:
        put(transaction, append(SUPPLIER, 0, 2, batch_id=0))
        with pytest.raises(Duplicate, match=r"batch 0 of .* is indexed already"):
            put(transaction, append(BUYER, 0, 2, batch_id=0))


def test_a_place_in_a_log_is_taken_once(store: SqlStore) -> None:
    """Two appends of one ordinal in one log are refused by the database itself, and nothing is kept."""

    def index_both() -> None:
        with store.transaction() as transaction:
            put(transaction, append(SUPPLIER, 0, 2, batch_id=0))
            put(transaction, append(SUPPLIER, 0, 2, batch_id=1))

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
        assert transaction.tip() is None
        assert transaction.sealing_operators() == []
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
        put(transaction, mine[0], append(BUYER, 0, 2, batch_id=0))
        put(transaction, mine[1])
        put(transaction, mine[2])
        assert transaction.appends(SUPPLIER, 99) == []
        assert transaction.appends(SUPPLIER, 101) == mine[:2]
        assert transaction.appends(SUPPLIER, 102) == mine
        assert transaction.appends(SUPPLIER, 2**64 - 1) == mine


def test_appends_of_batches_are_one_operators_up_to_a_block(store: SqlStore) -> None:
    """Of a span of batch ids, both ends included: one operator's alone, none that was sealed later."""
    with store.transaction() as transaction:
        for number in range(4):
            put(transaction, append(SUPPLIER, number, 2, batch_id=number))
        put(transaction, append(BUYER, 0, 1, batch_id=1, operator=OTHER_OPERATOR), log_index=1)
    with store.transaction(read_only=True) as transaction:
        kept = transaction.appends(SUPPLIER, 10**9)
        assert transaction.appends_of_batches(OPERATOR, 1, 2, 10**9) == kept[1:3]
        assert transaction.appends_of_batches(OPERATOR, 0, 9, kept[1].block_number) == kept[:2]
        assert transaction.appends_of_batches(OTHER_OPERATOR, 2, 9, 10**9) == []


def test_the_last_append_has_the_highest_ordinal(store: SqlStore) -> None:
    """``last_appends`` gives the newest append of each party that has one, however many are asked for."""
    with store.transaction() as transaction:
        put(transaction, append(SUPPLIER, 0, 1, batch_id=0), append(BUYER, 0, 1, batch_id=0))
        put(transaction, append(SUPPLIER, 1, 1, batch_id=1))
        others = [PartyId(digest("other", number)) for number in range(2_000)]
        assert transaction.last_appends([SUPPLIER, *others, BUYER]) == {
            SUPPLIER: append(SUPPLIER, 1, 1, batch_id=1),
            BUYER: append(BUYER, 0, 1, batch_id=0),
        }


def test_sealed_batches_are_counted_by_operator(store: SqlStore) -> None:
    """``sealed_count`` is the number of indexed batches of that operator, whatever they touched."""
    with store.transaction() as transaction:
        put(transaction, append(SUPPLIER, 0, 1, batch_id=0), append(BUYER, 0, 1, batch_id=0))
        put(transaction, append(SUPPLIER, 1, 1, batch_id=1))
        put(transaction, append(SUPPLIER, 2, 1, batch_id=0, operator=OTHER_OPERATOR), log_index=1)
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
        put(transaction, supplier[0], append(BUYER, 0, 3, batch_id=0))
        put(transaction, supplier[1])
        put(transaction, supplier[2])
        for number in (0, 2):
            transaction.include_batch(OPERATOR, number, block(100 + number).hash, AT)
        transaction.finish_batches([block(100 + number).hash for number in range(3)], AT)
    return supplier


def test_a_log_comes_in_order_of_append_and_index(store: SqlStore) -> None:
    """``log`` joins each known entry with its append and its evidence; what another operator withholds is missing."""
    supplier = sealed_store(store)
    final = [
        replace(evidence(number), state=EvidenceState.FINAL, block=block(100 if number < 3 else 102))
        for number in range(5)
    ]
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


def test_a_block_of_a_number_is_on_the_chain_once(store: SqlStore) -> None:
    """The database itself refuses a second block of one number, unless the first was undone."""
    with store.transaction() as transaction:
        transaction.add_blocks({block(5): None})
    with pytest.raises(Duplicate), store.transaction() as transaction:
        transaction.add_blocks({block(5, "other"): None})
    with store.transaction() as transaction:
        transaction.mark_blocks([block(5).hash], canonical=False)
        transaction.add_blocks({block(5, "other"): None})
        assert transaction.blocks(0, 9) == [block(5, "other")]
        assert transaction.known_blocks([block(5).hash, block(6).hash]) == {block(5).hash}


def test_what_an_undone_block_said_is_kept_and_comes_back_with_it(store: SqlStore) -> None:
    """Undoing a block takes its batch, appends and signers off the chain at once; nothing of it is deleted."""
    lost, kept = append(SUPPLIER, 1, 1, batch_id=1, first_seq=2), append(SUPPLIER, 0, 2, batch_id=0)
    with store.transaction() as transaction:
        put(transaction, kept)
        put(transaction, lost)
        transaction.add_signer_change(SUPPLIER, signer(1), block(101).hash, 7, added=True)
        whole = (transaction.tip(), transaction.appends(SUPPLIER, 999), transaction.signers([SUPPLIER]))
        transaction.mark_blocks([block(101).hash], canonical=False)
        assert transaction.tip() == block(100)
        assert transaction.appends(SUPPLIER, 999) == [kept]
        assert transaction.last_appends([SUPPLIER]) == {SUPPLIER: kept}
        assert transaction.sealed_count(OPERATOR) == 1
        assert transaction.signers([SUPPLIER]) == []
        assert transaction.counts().sealed_batches == 1
        transaction.mark_blocks([block(101).hash], canonical=True)
        assert (transaction.tip(), transaction.appends(SUPPLIER, 999), transaction.signers([SUPPLIER])) == whole


def test_a_batch_that_was_undone_may_come_in_another_block(store: SqlStore) -> None:
    """Two blocks may hold the same batch of the same operator, as long as one of them is on the chain (R5)."""
    first = append(SUPPLIER, 0, 2, batch_id=0)
    again = replace(first, block_number=101, block_hash=block(101, "b").hash, timestamp=block(101, "b").timestamp)
    with store.transaction() as transaction:
        put(transaction, first)
        transaction.mark_blocks([block(100).hash], canonical=False)
        put(transaction, again)
        assert transaction.appends(SUPPLIER, 999) == [again]
        assert transaction.sealed_count(OPERATOR) == 1


def test_a_signer_is_as_of_a_block(store: SqlStore) -> None:
    """``signers`` tells each signer with its window as far as the asked block knows it."""
    with store.transaction() as transaction:
        for number in (3, 5, 9):
            transaction.add_blocks({block(number): None})
        transaction.add_signer_change(SUPPLIER, signer(1), block(5).hash, 0, added=True)
        transaction.add_signer_change(SUPPLIER, signer(2), block(3).hash, 0, added=True)
        transaction.add_signer_change(BUYER, signer(1), block(3).hash, 1, added=True)
        transaction.add_signer_change(SUPPLIER, signer(1), block(9).hash, 0, added=False)
        never = Timestamp(0)
        older = SignerRecord(SUPPLIER, signer(2), block(3).timestamp, never)
        assert transaction.signers([SUPPLIER, CARRIER]) == [
            older,
            SignerRecord(SUPPLIER, signer(1), block(5).timestamp, block(9).timestamp),
        ]
        assert transaction.signers([SUPPLIER], 8) == [
            older,
            SignerRecord(SUPPLIER, signer(1), block(5).timestamp, never),
        ]
        assert transaction.signers([SUPPLIER], 2) == []


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
                EvidenceState.INCLUDED: 0,
                EvidenceState.ORPHANED: 0,
                EvidenceState.FINAL: 5,
            },
            batches={**dict.fromkeys(BatchState, 0), BatchState.BUILT: 1, BatchState.FINAL: 2},
            sealed_batches=3,
            log_entries=15,
        )
