"""The figures that are kept are those that a full count gives, after any history and after a migration."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from store.counting import counted
from store.older import take_back
from store.samples import SUPPLIER, append, batch, block, entries, evidence, party, put
from store.test_machine import AT, StoreAgainstModel
from tallystick.store.sql import SqlStore, open_store


class FiguresAgainstCount(StoreAgainstModel):
    """The same histories as of the store itself."""

    @invariant()
    def figures_are_what_a_count_gives(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.transaction(read_only=True) as transaction:
            assert transaction.counts() == counted(transaction)
            assert transaction.count_pending() == len(transaction.pending(1_000))


@pytest.mark.slow
def test_any_history_leaves_the_figures_right() -> None:
    """After each step of any history the figures are what a full count gives."""
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        FiguresAgainstCount, settings=settings(max_examples=40, stateful_step_count=25, deadline=None)
    )


def lived(store: SqlStore) -> None:
    """A life with everything in it: parties, a batch that is included, undone, sent again and final."""
    with store.transaction() as transaction:
        transaction.add_party(party("Supplier"))
        records = [evidence(number) for number in range(3)]
        transaction.add_evidence(records)
        transaction.add_batch(batch(0), entries(records[:2]))
        put(transaction, append(SUPPLIER, 0, 2, batch_id=0))
        transaction.include_batch(batch(0).operator, 0, block(100).hash, AT)
    with store.transaction() as transaction:
        transaction.mark_blocks([block(100).hash], canonical=False)
        transaction.orphan_batches([block(100).hash], AT)
        assert transaction.counts() == counted(transaction)
        transaction.mark_blocks([block(100).hash], canonical=True)
        transaction.include_batch(batch(0).operator, 0, block(100).hash, AT)
        transaction.finish_batches([block(100).hash], AT)


def test_blocks_that_come_and_go_are_counted_once(store: SqlStore) -> None:
    """Undone and put back, marked twice: the figures follow the rows, not the calls."""
    lived(store)
    with store.transaction() as transaction:
        for canonical in (True, False, False, True):
            transaction.mark_blocks([block(100).hash], canonical=canonical)
            assert transaction.counts() == counted(transaction)
        assert transaction.count_parties() == 1


def test_the_migration_counts_what_is_there(lasting_url: str) -> None:
    """A database of the revision before gets its figures by one count."""
    store = open_store(lasting_url)
    lived(store)
    with store.transaction(read_only=True) as transaction:
        before = transaction.counts()
    store.close()
    take_back(lasting_url, "0012")
    with (store := open_store(lasting_url)).transaction(read_only=True) as transaction:
        assert transaction.counts() == before == counted(transaction)
    store.close()
