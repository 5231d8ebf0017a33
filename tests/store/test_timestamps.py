"""What the store promises about time-stamps: of final batches frozen here, one each, never replaced."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

import tallystick.store.migrations
from store.samples import OPERATOR, batch, block, entries, evidence, undone
from tallystick.errors import NotFound
from tallystick.protocol.types import Timestamp
from tallystick.store.engine import open_engine
from tallystick.store.records import TimestampRecord
from tallystick.store.sql import SqlStore, SqlTransaction, open_store

NOW = Timestamp(1_700_003_000)
_NEWER = (
    "tally",
    "delivery",
    "webhook",
    "attachment",
    "kept_answer",
    "evidence_subject",
    "import_outcome",
    "import_job",
    "deed",
    "api_key",
    "acts_for",
    "organisation",
    "timestamp_token",
)
"""The tables that came after revision 0003, those that refer to others first."""


def stamp(batch_id: int, token: bytes = b"token") -> TimestampRecord:
    return TimestampRecord(OPERATOR, batch_id, "https://tsa.example/", token, Timestamp(1_700_004_000))


def make_final(transaction: SqlTransaction, batch_id: int) -> None:
    """Batch ``batch_id`` with one evidence, in a final block of its own."""
    record = evidence(batch_id)
    transaction.add_evidence([record])
    transaction.add_batch(batch(batch_id), entries([record]))
    transaction.add_blocks({block(10 + batch_id): None})
    transaction.include_batch(OPERATOR, batch_id, block(10 + batch_id).hash, NOW)
    transaction.finish_batches([block(10 + batch_id).hash], NOW)


def test_a_batch_that_is_not_there_gets_no_time_stamp(store: SqlStore) -> None:
    """A time-stamp of a batch that was not frozen here is refused."""
    with pytest.raises(NotFound), store.transaction() as transaction:
        transaction.add_timestamp(stamp(0))


def test_only_final_batches_wait_for_a_time_stamp(store: SqlStore) -> None:
    """What is frozen or included can still change its block; what is final and has none waits, oldest first."""
    with store.transaction() as transaction:
        make_final(transaction, 0)
        make_final(transaction, 1)
        transaction.add_evidence([evidence(2), evidence(3)])
        transaction.add_batch(batch(2), entries([evidence(2)]))
        transaction.add_batch(batch(3), entries([evidence(3)]))
        transaction.add_blocks({block(99): None})
        transaction.include_batch(OPERATOR, 2, block(99).hash, NOW)
        waiting = transaction.unstamped()
    assert [(one.batch_id, one.root) for one in waiting] == [(n, batch(n).root) for n in (0, 1)]


def test_a_time_stamp_is_kept_once(store: SqlStore) -> None:
    """The first one stays whatever comes after; its batch waits no more."""
    with store.transaction() as transaction:
        make_final(transaction, 0)
        make_final(transaction, 1)
        assert transaction.add_timestamp(stamp(1))
        assert not transaction.add_timestamp(stamp(1, b"another"))
    with store.transaction(read_only=True) as transaction:
        assert [one.batch_id for one in transaction.unstamped()] == [0]
        assert transaction.timestamps() == [stamp(1)]
        assert transaction.timestamps([(OPERATOR, 1), (OPERATOR, 0)]) == [stamp(1)]
        assert transaction.timestamps([]) == []


def test_a_time_stamp_is_undone_with_its_transaction(store: SqlStore) -> None:
    """Nothing of a failed transaction is kept."""
    with store.transaction() as transaction:
        make_final(transaction, 0)
    with undone(store) as transaction:
        transaction.add_timestamp(stamp(0))
    with store.transaction(read_only=True) as transaction:
        assert transaction.timestamps() == []


def test_a_database_of_the_revision_before_is_brought_up_to_date(lasting_url: str) -> None:
    """What was kept at 0003 is there after the migration, and its batches can be time-stamped."""
    with (opened := open_store(lasting_url)).transaction() as transaction:
        make_final(transaction, 0)
    opened.close()
    engine, _ = open_engine(lasting_url, 5)
    with engine.begin() as connection:
        for newer in _NEWER:
            connection.execute(text(f"DROP TABLE {newer}"))
        for index in ("ix_evidence_kind_position", "ix_evidence_occurred_at"):
            connection.execute(text(f"DROP INDEX {index}"))
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", tallystick.store.migrations.__path__[0])
        command.stamp(config, "0003", purge=True)
    engine.dispose()
    with (migrated := open_store(lasting_url)).transaction() as transaction:
        assert [one.batch_id for one in transaction.unstamped()] == [0]
        assert transaction.add_timestamp(stamp(0))
        assert set(transaction.evidence([evidence(0).evidence_id]))
    migrated.close()
