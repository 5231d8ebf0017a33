"""All or nothing, whatever ends a transaction: an exception, another writer, or kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postgresql import Schemas
from store.samples import OPERATOR, SUPPLIER, append, evidence
from tallystick.errors import Duplicate
from tallystick.store.records import BatchState
from tallystick.store.sql import SqlStore, open_store

TESTS = Path(__file__).parents[1]
PER_TRANSACTION = 25
WRITER = f"""
import sys, time
sys.path.insert(0, {str(TESTS)!r})
from store.samples import SUPPLIER, append, batch, entries, evidence, put
from tallystick.store.sql import open_store

store = open_store(sys.argv[1])
print("open", flush=True)
for round in range(10_000):
    records = [evidence(round * {PER_TRANSACTION} + n) for n in range({PER_TRANSACTION})]
    with store.transaction() as transaction:
        transaction.add_evidence(records)
        print("inside", round, flush=True)
        transaction.add_batch(batch(round), entries(records))
        put(transaction, append(SUPPLIER, round, len(records), batch_id=round))
        if sys.argv[2] == "stop inside" and round == int(sys.argv[3]):
            time.sleep(3600)
    print("done", round, flush=True)
"""


def killed_writer(url: str, *arguments: str, until: str, after_seconds: float = 0.0) -> int:
    """Kills a writer with SIGKILL once it printed ``until``; the number of transactions it saw committed."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url, *arguments], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert writer.stdout is not None
    lines: list[str] = []
    for line in writer.stdout:
        lines.append(line.strip())
        if line.strip() == until:
            break
    if after_seconds:
        threading.Event().wait(after_seconds)
    os.kill(writer.pid, signal.SIGKILL)
    lines += [line.strip() for line in writer.stdout]
    assert writer.wait() == -signal.SIGKILL
    writer.stdout.close()
    return sum(line.startswith("done") for line in lines)


def whole_transactions(url: str) -> int:
    """How many transactions of the writer are there; each of them must be there whole."""
    store = open_store(url)
    with store.transaction() as transaction:
        counts = transaction.counts()
        rounds = counts.batches[BatchState.BUILT]
        assert sum(counts.evidence.values()) == rounds * PER_TRANSACTION
        assert counts.sealed_batches == rounds
        assert counts.log_entries == rounds * PER_TRANSACTION
        assert transaction.count_pending() == 0
        assert [one.batch_id for one in transaction.batches(BatchState)] == list(range(rounds))
        assert transaction.appends(SUPPLIER, 10**9) == [
            append(SUPPLIER, number, PER_TRANSACTION, batch_id=number) for number in range(rounds)
        ]
        entry_counts = [len(transaction.batch_entries(OPERATOR, number)) for number in range(rounds)]
    store.close()
    assert entry_counts == [PER_TRANSACTION] * rounds
    return rounds


def test_a_transaction_killed_inside_leaves_nothing(lasting_url: str) -> None:
    """kill -9 inside the fourth transaction leaves the three before it, and nothing of the fourth."""
    # The writer has executed every statement of the transaction or is about to: either way it is not committed.
    assert killed_writer(lasting_url, "stop inside", "3", until="inside 3", after_seconds=0.2) == 3
    assert whole_transactions(lasting_url) == 3


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after_rounds=st.integers(0, 12), after_seconds=st.floats(0, 0.02))
def test_a_killed_writer_loses_nothing_on_postgresql(
    postgresql: Schemas, after_rounds: int, after_seconds: float
) -> None:
    """The same where the writer dies and the server lives on: its session is rolled back."""
    with postgresql.schema() as url:
        told = killed_writer(url, "run", until=f"done {after_rounds}", after_seconds=after_seconds)
        assert told <= whole_transactions(url) <= told + 1


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after_rounds=st.integers(0, 12), after_seconds=st.floats(0, 0.02))
def test_a_killed_writer_loses_nothing_it_was_told_is_kept(
    tmp_path_factory: pytest.TempPathFactory, after_rounds: int, after_seconds: float
) -> None:
    """kill -9 at any moment: what was committed is there whole, and at most one transaction more."""
    url = f"sqlite:///{tmp_path_factory.mktemp('killed') / 'ledger.sqlite3'}"
    told = killed_writer(url, "run", until=f"done {after_rounds}", after_seconds=after_seconds)
    assert told <= whole_transactions(url) <= told + 1


def test_an_exception_undoes_the_transaction(store: SqlStore) -> None:
    """Whatever is raised inside leaves nothing behind, and comes out as it went in."""

    def fail() -> None:
        with store.transaction() as transaction:
            transaction.add_evidence([evidence(1)])
            raise ZeroDivisionError("a mistake elsewhere")

    with pytest.raises(ZeroDivisionError, match="a mistake elsewhere"):
        fail()
    with store.transaction() as transaction:
        assert transaction.count_pending() == 0


def test_writers_in_threads_take_turns(store: SqlStore) -> None:
    """Writers in several threads all succeed, and a document goes to exactly one of them."""
    refused: list[int] = []

    def write(writer: int) -> None:
        for number in range(10):
            record = evidence(1_000 * writer + number, document_key=f"invoice {number}")
            try:
                with store.transaction() as transaction:
                    transaction.add_evidence([record])
            except Duplicate:
                refused.append(writer)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 30
    with store.transaction() as transaction:
        assert transaction.count_pending() == 10


def test_a_reader_sees_one_moment(lasting_url: str) -> None:
    """A read-only transaction does not see what is committed while it runs, and does not hold the writer up."""
    store = open_store(lasting_url)
    with store.transaction(read_only=True) as reader:
        assert reader.count_pending() == 0
        with store.transaction() as writer:
            writer.add_evidence([evidence(1)])
        assert reader.count_pending() == 0
    with store.transaction(read_only=True) as reader:
        assert reader.count_pending() == 1
    store.close()
