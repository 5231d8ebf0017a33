"""One sender an account, across processes: never two at once, free at once when its holder dies, and lost loudly."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from postgresql import Schemas, Server
from store.samples import OPERATOR, OTHER_OPERATOR, evidence
from tallystick.errors import AccountBusy, StoreUnavailable
from tallystick.store.locks import lock_key
from tallystick.store.sql import SqlStore, open_store

TESTS = Path(__file__).parents[1]
HOLDER = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from store.samples import OPERATOR
from tallystick.store.sql import open_store

with open_store(sys.argv[1]).account_lock(OPERATOR, 5) as lease:
    lease.check()
    print("held", flush=True)
    sys.stdin.readline()
"""
# Each holder adds one to a number in a file, reading and writing it apart: two at once would lose one.
COUNTER = f"""
import sys, time
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from store.samples import OPERATOR
from tallystick.store.sql import open_store

store, number = open_store(sys.argv[1]), Path(sys.argv[2])
for _ in range(int(sys.argv[3])):
    with store.account_lock(OPERATOR, 60) as lease:
        seen = int(number.read_text())
        time.sleep(0.005)
        lease.check()
        number.write_text(str(seen + 1))
"""


@pytest.fixture
def kept(lasting_url: str) -> Iterator[SqlStore]:
    """A store that other processes can open too."""
    store = open_store(lasting_url)
    yield store
    store.close()


def holder(url: str) -> subprocess.Popen[str]:
    """Another process that holds the lock until it gets a line or is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def administrator(url: str, statement: str) -> list[object]:
    """What ``statement`` answers to somebody beside the store: the first column."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        found = connection.execute(text(statement)).scalars().all()
    engine.dispose()
    return list(found)


def test_a_second_sender_is_told_who_holds_the_account(kept: SqlStore, lasting_url: str) -> None:
    """Who waits in vain learns which process holds the account, how long was waited, and what to do."""
    process = holder(lasting_url)
    for timeout_seconds in (0, 0.2):
        with pytest.raises(AccountBusy) as caught, kept.account_lock(OPERATOR, timeout_seconds):
            pass
        assert OPERATOR.hex() in caught.value.message
        assert str(process.pid) in caught.value.message
        assert f"waited {timeout_seconds:g} s" in caught.value.message
        assert "Wait until it is done" in caught.value.todo
    process.communicate("\n")
    with kept.account_lock(OPERATOR, 5) as lease:
        lease.check()


def test_a_second_sender_of_the_same_process_is_refused_too(store: SqlStore) -> None:
    """The right is not shared between two parts of one program, in one thread or in two."""
    with store.account_lock(OPERATOR, 0) as lease:
        lease.check()
        with pytest.raises(AccountBusy), store.account_lock(OPERATOR, 0.05):
            pass
        refused: list[bool] = []

        def other() -> None:
            try:
                with store.account_lock(OPERATOR, 0.05):
                    refused.append(False)
            except AccountBusy:
                refused.append(True)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert refused == [True]
        lease.check()


def test_a_failing_holder_gives_the_account_back(store: SqlStore) -> None:
    """An exception in the block goes through as it is, and the account is free."""
    with pytest.raises(ZeroDivisionError), store.account_lock(OPERATOR, 0):
        raise ZeroDivisionError
    with store.account_lock(OPERATOR, 0) as lease:
        lease.check()


def test_two_holders_are_never_at_once(kept: SqlStore, lasting_url: str, tmp_path: Path) -> None:
    """Three processes that take the account again and again never hold it together."""
    number = tmp_path / "number"
    number.write_text("0")
    command = [sys.executable, "-c", COUNTER, lasting_url, str(number), "15"]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert number.read_text() == "45"


def test_a_killed_holder_frees_the_account(kept: SqlStore, lasting_url: str) -> None:
    """After kill -9 of the holder the next one has the account at once."""
    process = holder(lasting_url)
    process.send_signal(signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    with kept.account_lock(OPERATOR, 10) as lease:
        lease.check()
    assert time.monotonic() - began < 5
    process.communicate()


def test_one_who_waits_gets_it_when_it_is_free(kept: SqlStore, lasting_url: str) -> None:
    """A sender that waits has the account as soon as the holder is done."""
    process = holder(lasting_url)
    threading.Timer(0.3, lambda: process.communicate("\n")).start()
    with kept.account_lock(OPERATOR, 30) as lease:
        lease.check()
    process.wait()


def test_accounts_and_transactions_do_not_hinder_each_other(store: SqlStore) -> None:
    """Two accounts have two senders, and the database works as ever while they are held."""
    with store.account_lock(OPERATOR, 0) as one, store.account_lock(OTHER_OPERATOR, 0) as other:
        with store.transaction() as transaction:
            transaction.add_evidence([evidence(1)])
        one.check()
        other.check()


def test_a_removed_lock_file_is_a_lost_right(tmp_path: Path) -> None:
    """Where somebody removes the file that is locked, another process could lock a new one: the holder must stop."""
    store = open_store(tmp_path / "ledger.sqlite3")
    with store.account_lock(OPERATOR, 0) as lease:
        lease.check()
        (tmp_path / f"ledger.sqlite3.{OPERATOR.hex()[:8]}.lock").unlink()
        with pytest.raises(StoreUnavailable, match="was removed") as caught:
            lease.check()
        assert "Send nothing more" in caught.value.todo
    store.close()


def test_two_names_of_one_file_are_one_database(tmp_path: Path) -> None:
    """A symbolic link to the database leads to the same lock."""
    store = open_store(tmp_path / "ledger.sqlite3")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.sqlite3").symlink_to(tmp_path / "ledger.sqlite3")
    linked = open_store(tmp_path / "elsewhere" / "link.sqlite3")
    with store.account_lock(OPERATOR, 0), pytest.raises(AccountBusy), linked.account_lock(OPERATOR, 0):
        pass
    store.close()
    linked.close()


def test_a_directory_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    """Where the lock file can't be made, the error names it."""
    store = open_store(tmp_path / "ledger.sqlite3")
    lock = tmp_path / f"ledger.sqlite3.{OPERATOR.hex()[:8]}.lock"
    lock.mkdir()
    with pytest.raises(StoreUnavailable, match="can't be locked") as caught, store.account_lock(OPERATOR, 0):
        pass
    assert lock.name in caught.value.message
    store.close()


def test_two_schemas_are_two_stores(postgresql: Schemas) -> None:
    """An account that stands in two schemas of one database has a sender in each."""
    with ExitStack() as stack:
        one, other = (open_store(stack.enter_context(postgresql.schema())) for _ in range(2))
        with one.account_lock(OPERATOR, 0) as first, other.account_lock(OPERATOR, 0) as second:
            first.check()
            second.check()
        one.close()
        other.close()


def test_keys_of_locks_never_change() -> None:
    """Two versions of Tallystick on one database must agree on the key; it fits a signed 64-bit number."""
    assert lock_key("public", OPERATOR) == 3609381391331882616
    assert len({lock_key(schema, account) for schema in ("a", "b") for account in (OPERATOR, OTHER_OPERATOR)}) == 4


def test_a_session_that_is_ended_is_a_lost_right(postgresql_url: str) -> None:
    """When an administrator ends the session that holds the lock, check fails, and goes on failing."""
    store = open_store(postgresql_url)
    with store.account_lock(OPERATOR, 0) as lease:
        lease.check()
        name = f"tallystick sender {OPERATOR.hex()[:8]} %"
        ended = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '{name}'"
        assert administrator(postgresql_url, ended) == [True]
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=r"right to send from 0x.* is lost"):
                lease.check()
        with store.account_lock(OPERATOR, 0) as successor:
            successor.check()
            with pytest.raises(StoreUnavailable):
                lease.check()
    store.close()


@pytest.mark.parametrize("immediate", [False, True], ids=["restarted", "failed"])
def test_a_restarted_server_is_a_lost_right(restartable: Server, immediate: bool) -> None:
    """A server that comes back knows no locks: the old holder learns that it has none, a new one can have it."""
    with Schemas(restartable.url).schema() as url:
        store = open_store(url)
        with store.account_lock(OPERATOR, 0) as lease:
            lease.check()
            restartable.stop(immediate=immediate)
            with pytest.raises(StoreUnavailable, match="is lost"):
                lease.check()
            restartable.start()
            with pytest.raises(StoreUnavailable, match="is lost"):
                lease.check()
            with store.account_lock(OPERATOR, 0) as successor:
                successor.check()
        store.close()
