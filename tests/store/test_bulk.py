"""Many rows at once: on PostgreSQL they go another way, which changes nothing but the time it takes."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy.exc import IntegrityError

from store.samples import OPERATOR, ROOT, SUPPLIER, append, batch, digest, entries, evidence, put
from tallystick.errors import Duplicate
from tallystick.protocol.types import PartyId
from tallystick.store.bulk import COPY_ROWS
from tallystick.store.records import BatchState
from tallystick.store.sql import SqlStore, open_store


@pytest.mark.parametrize("rows", [COPY_ROWS - 1, COPY_ROWS, 10 * COPY_ROWS])
def test_few_and_many_rows_are_kept_alike(store: SqlStore, rows: int) -> None:
    """However rows get into the database, they come out as they went in, and in their order."""
    records = [
        evidence(
            number,
            document_key=f'Rechnung "{number}"\t账\\N\n' if number % 2 else None,
            disclosures=("é\u2028", "\\x", ""),
            hidden=(ROOT,) * (number % 3),
            occurred_at=2**53 - 1 - number,
        )
        for number in range(rows)
    ]
    subjects = [PartyId(digest("subject", number)) for number in range(rows)]
    with store.transaction() as transaction:
        transaction.add_evidence(records)
        assert transaction.pending(rows) == records
        transaction.add_batch(batch(0), entries(records))
        put(transaction, *(append(subject, 0, 1, batch_id=0) for subject in subjects))
    with store.transaction(read_only=True) as transaction:
        assert transaction.batch_entries(OPERATOR, 0) == entries(records)
        assert transaction.last_appends(subjects) == {one: append(one, 0, 1, batch_id=0) for one in subjects}
        assert [one.batch_id for one in transaction.batches([BatchState.BUILT])] == [0]


@pytest.mark.parametrize("rows", [1, COPY_ROWS], ids=["insert", "copy"])
def test_one_of_two_writers_of_the_same_evidence_is_refused(postgresql_url: str, rows: int) -> None:
    """Two processes that record the same evidence at once: the second is told that it is taken, and keeps nothing."""
    store = open_store(postgresql_url)
    records = [evidence(number) for number in range(rows)]
    outcome: list[str] = []

    def second() -> None:
        try:
            with store.transaction() as transaction:
                transaction.add_evidence([evidence(1_000), *records])
        except Duplicate as error:
            outcome.append(error.message)

    with store.transaction() as transaction:
        transaction.add_evidence(records)
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it waits for the first one"
    thread.join()
    assert "is recorded already" in outcome[0]
    with store.transaction(read_only=True) as transaction:
        assert transaction.count_pending() == rows
    store.close()


def test_a_refused_batch_leaves_the_transaction_alive(store: SqlStore) -> None:
    """A batch whose entries are refused by the database is undone by itself, and the transaction goes on."""
    records = [evidence(number) for number in range(COPY_ROWS)]
    with store.transaction() as transaction:
        transaction.add_evidence(records)
        twice = [*entries(records), entries(records)[0]]
        with pytest.raises(IntegrityError):
            transaction.add_batch(batch(0), twice)
        transaction.add_batch(batch(0), entries(records, SUPPLIER))
    with store.transaction(read_only=True) as transaction:
        assert transaction.batch_entries(OPERATOR, 0) == entries(records)
