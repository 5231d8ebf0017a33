"""Any sequence of operations and restarts leaves the store as a plain model of dictionaries says."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from postgresql import emptied
from store.samples import AWAITING, OPERATOR, PENDING, SUPPLIER, append, batch, block, entries, evidence, put, undone
from tallystick.errors import Duplicate
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, Timestamp
from tallystick.store.records import BatchState, EvidenceRecord, EvidenceState, LogEntryRecord
from tallystick.store.sql import open_store

NUMBERS = st.integers(0, 15)
AT = Timestamp(1_700_003_000)


class StoreAgainstModel(RuleBasedStateMachine):
    """``records`` by id, ``accepted`` in order, ``batches`` as (state, ids), and which of them are indexed."""

    @initialize()
    def open(self) -> None:
        self.url = self.empty_database()
        self.store = open_store(self.url)
        self.records: dict[EvidenceId, EvidenceRecord] = {}
        self.accepted: list[EvidenceId] = []
        self.batches: list[tuple[BatchState, list[EvidenceId]]] = []
        self.indexed = 0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.remove_database()

    def empty_database(self) -> str:
        """The URL of a new file; on another kind of database, what it is there."""
        self.directory = Path(tempfile.mkdtemp(prefix="tallystick-store-"))
        return f"sqlite:///{self.directory / 'ledger.sqlite3'}"

    def remove_database(self) -> None:
        shutil.rmtree(self.directory)

    @rule(numbers=st.lists(NUMBERS, max_size=5), keep=st.booleans(), awaiting=st.booleans())
    def record(self, numbers: list[int], keep: bool, awaiting: bool) -> None:
        """Add evidence; refused as a whole if an id or document is taken; undone half of the time."""
        kind, state = (Kind.CONTRACT, AWAITING) if awaiting else (Kind.INVOICE, PENDING)
        new = [evidence(n, kind, state=state, document_key=f"document {n}" if n % 2 else None) for n in numbers]
        taken = len(set(numbers)) < len(numbers) or any(one.evidence_id in self.records for one in new)
        if taken:
            with pytest.raises(Duplicate), self.store.transaction() as transaction:
                transaction.add_evidence(new)
            return
        with self.store.transaction() if keep else undone(self.store) as transaction:
            transaction.add_evidence(new)
        if keep:
            self.records |= {one.evidence_id: one for one in new}
            self.accepted += [one.evidence_id for one in new if not awaiting]

    @rule(number=NUMBERS)
    def countersign(self, number: int) -> None:
        """Complete what awaits a signature; refused for what does not."""
        known = self.records.get(evidence(number).evidence_id)
        if known is None:
            return
        if known.state is not AWAITING:
            with pytest.raises(Duplicate), self.store.transaction() as transaction:
                transaction.complete_signatures(known.evidence_id, b"\x05" * 130, AT)
            return
        with self.store.transaction() as transaction:
            transaction.complete_signatures(known.evidence_id, b"\x05" * 130, AT)
        self.records[known.evidence_id] = replace(known, signatures=b"\x05" * 130, state=PENDING)
        self.accepted.append(known.evidence_id)

    @rule(count=st.integers(1, 4), keep=st.booleans())
    def freeze(self, count: int, keep: bool) -> None:
        """Put the oldest pending evidence into the next batch."""
        with self.store.transaction() if keep else undone(self.store) as transaction:
            taken = transaction.pending(count)
            transaction.add_batch(batch(len(self.batches)), entries(taken))
        if keep:
            self.batches.append((BatchState.BUILT, [one.evidence_id for one in taken]))
            for one in taken:
                self.records[one.evidence_id] = replace(one, state=EvidenceState.SEALING)

    @precondition(lambda self: self.indexed < len(self.batches))
    @rule()
    def finish(self) -> None:
        """The oldest batch that is not indexed becomes final, with its append."""
        _, ids = self.batches[self.indexed]
        with self.store.transaction() as transaction:
            made = append(SUPPLIER, self.indexed, len(ids), batch_id=self.indexed)
            put(transaction, made)
            transaction.include_batch(OPERATOR, self.indexed, made.block_hash, AT)
            transaction.finish_batches([made.block_hash], AT)
        self.batches[self.indexed] = (BatchState.FINAL, ids)
        self.indexed += 1
        for one in ids:
            self.records[one] = replace(self.records[one], state=EvidenceState.FINAL, block=block(99 + self.indexed))

    @rule()
    def restart(self) -> None:
        """Close the database and open it again."""
        self.store.close()
        self.store = open_store(self.url)

    @invariant()
    def the_store_is_the_model(self) -> None:
        """Everything that can be asked is what the model says."""
        if not hasattr(self, "store"):
            return
        pending = [self.records[one] for one in self.accepted if self.records[one].state is PENDING]
        with self.store.transaction(read_only=True) as transaction:
            assert transaction.evidence(evidence(n).evidence_id for n in range(16)) == self.records
            assert transaction.pending(100) == pending
            assert transaction.count_pending() == len(pending)
            assert [one.state for one in transaction.batches(BatchState)] == [state for state, _ in self.batches]
            states = [record.state for record in self.records.values()]
            assert transaction.counts().evidence == {state: states.count(state) for state in EvidenceState}
            assert list(transaction.log(SUPPLIER, 10**9)) == [
                LogEntryRecord(append(SUPPLIER, ordinal, len(ids), batch_id=ordinal), index, self.records[one])
                for ordinal, (_, ids) in enumerate(self.batches[: self.indexed])
                for index, one in enumerate(ids)
            ]


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_any_sequence_leaves_the_same_on_postgresql(postgresql_url: str) -> None:
    """The same on PostgreSQL, in fewer sequences: what differs is the database, not the rules."""
    open_store(postgresql_url).close()

    class OnPostgresql(StoreAgainstModel):
        def empty_database(self) -> str:
            emptied(postgresql_url)
            return postgresql_url

        def remove_database(self) -> None:
            """The schema goes when the test ends."""

    run_state_machine_as_test(OnPostgresql, settings=settings(max_examples=8, stateful_step_count=25, deadline=None))
