"""Opening a store: what is refused, what is made, and that the migrations make what the code expects."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import tallystick.store.migrations
from store.samples import evidence
from tallystick.errors import StoreError, StoreUnavailable
from tallystick.store.engine import open_engine
from tallystick.store.schema import HEAD, metadata
from tallystick.store.sql import open_store


@pytest.mark.parametrize("url", ["", "ledger.sqlite3", "sqlite", "postgresql://host:port/x"])
def test_only_a_database_url_is_opened(url: str) -> None:
    """Anything that is no URL of a database is refused, saying what one looks like."""
    with pytest.raises(StoreError, match="expected a database URL") as caught:
        open_store(url)
    assert "sqlite:///PATH" in caught.value.todo


@pytest.mark.parametrize("url", ["mysql://host/ledger", "postgresql+asyncpg://host/ledger", "nothing://"])
def test_only_sqlite_and_postgresql_are_opened(url: str) -> None:
    """Another kind of database is refused by its name."""
    with pytest.raises(StoreError, match="expected sqlite or postgresql, got") as caught:
        open_store(url)
    assert url.split(":")[0] in caught.value.message


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the driver of PostgreSQL the error says what to install, and does not print the password."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match="psycopg") as caught:
        open_store("postgresql://tally:s3cret@localhost/ledger")
    assert "pip install" in caught.value.todo
    assert "s3cret" not in str(caught.value)


def test_the_directory_must_be_there(tmp_path: Path) -> None:
    """A file in a directory that does not exist can't be opened; the error names it."""
    with pytest.raises(StoreUnavailable, match="nowhere") as caught:
        open_store(f"sqlite:///{tmp_path}/nowhere/ledger.sqlite3")
    assert "directory" in caught.value.todo


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """A file that is no database is refused and left alone."""
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"invoice;amount\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == b"invoice;amount\n" * 100


def test_another_programs_database_is_refused(lasting_url: str) -> None:
    """A database with tables that are not ours is refused by their names, and nothing is added to it."""
    engine = create_engine(lasting_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE blocks (number INTEGER)"))
    with pytest.raises(StoreError, match=r"another program \(blocks\)"):
        open_store(lasting_url)
    with pytest.raises(StoreError):
        open_store(lasting_url)
    engine.dispose()


def test_a_newer_database_is_refused(lasting_url: str) -> None:
    """A database of a revision this version does not know is refused, naming both, and is left as it was."""
    open_store(lasting_url).close()
    engine = create_engine(lasting_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=f"a revision that leads to {HEAD}, got 9999"):
        open_store(lasting_url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["9999"]
    engine.dispose()


def test_a_locked_database_says_so(tmp_path: Path) -> None:
    """A transaction that waits longer than the busy timeout for another writer fails, and says what to do."""
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    first, second = open_store(url), open_store(url, busy_timeout_seconds=0.05)
    with first.transaction() as transaction:
        transaction.add_evidence([evidence(1)])
        with pytest.raises(StoreUnavailable, match="locked") as caught, second.transaction():
            pass
        assert "Another process is writing" in caught.value.todo
        with second.transaction(read_only=True) as reader:
            assert reader.count_pending() == 0
    first.close()
    second.close()


def test_who_waits_too_long_for_a_writer_of_the_same_process_is_told_so(lasting_url: str) -> None:
    """It is told that another transaction wrote, and that nothing of its own was kept; readers go on."""
    store = open_store(lasting_url, busy_timeout_seconds=0.05)
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1)])
        with pytest.raises(StoreUnavailable, match="in use") as caught, store.transaction():
            pass
        assert "Another transaction wrote" in caught.value.todo
        with store.transaction(read_only=True) as reader:
            assert reader.count_pending() == 0
    store.close()


def test_one_transaction_at_a_time_in_memory() -> None:
    """A transaction inside another one of an in-memory store is refused: both would be one."""
    store = open_store("sqlite://", busy_timeout_seconds=0.05)
    with store.transaction(), pytest.raises(StoreUnavailable, match="in use"), store.transaction():
        pass


def test_a_reader_can_not_write(lasting_url: str) -> None:
    """A read-only transaction refuses to write, and the next one may."""
    store = open_store(lasting_url)
    with pytest.raises(StoreError), store.transaction(read_only=True) as transaction:
        transaction.add_evidence([evidence(1)])
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1)])
        assert transaction.count_pending() == 1
    store.close()


def test_head_is_the_newest_revision() -> None:
    """``HEAD`` names the one last revision under ``migrations/versions``."""
    config = Config()
    config.set_main_option("script_location", str(Path(tallystick.store.migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_migrations_make_the_tables_of_the_code(lasting_url: str) -> None:
    """A fresh database is at ``HEAD``, and its tables differ in nothing from those the code is written for."""
    engine, _ = open_engine(lasting_url, 1)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_path_is_a_sqlite_file(tmp_path: Path) -> None:
    """A path is taken as it is, whatever characters it holds."""
    path = tmp_path / "what? 100% #1 账.sqlite3"
    open_store(path).close()
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_opening_again_changes_nothing(lasting_url: str) -> None:
    """A store that is closed and opened again holds what it held."""
    store = open_store(lasting_url)
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1)])
    store.close()
    again = open_store(lasting_url)
    with again.transaction() as transaction:
        assert transaction.pending(9) == [evidence(1)]
    again.close()


def test_every_commit_is_on_the_disk(tmp_path: Path) -> None:
    """A SQLite file is in WAL mode, flushed at each commit, with foreign keys checked."""
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    engine, _ = open_engine(url, 1)
    with engine.connect() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    engine.dispose()
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_the_checks_of_the_tables_are_there(tmp_path: Path) -> None:
    """The database itself refuses an unknown batch state, half a batch and a second cursor row."""
    path = tmp_path / "ledger.sqlite3"
    open_store(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    for statement in (
        "INSERT INTO batch (operator, batch_id, root, state, created_at) VALUES (x'00', 1, x'00', 'lost', 1)",
        "INSERT INTO acceptance (evidence_id, operator, batch_id) VALUES (x'00', x'00', NULL)",
        "INSERT INTO cursor (id, block_number, block_hash, timestamp) VALUES (2, 1, x'00', 1)",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute(statement)
    connection.close()
