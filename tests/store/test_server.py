"""What a PostgreSQL server does to a store: it refuses, makes wait, fails and comes back; nothing is half kept."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from postgresql import Schemas, Server
from store.samples import OPERATOR, evidence
from tallystick.errors import StoreError, StoreUnavailable
from tallystick.store import engine as engines
from tallystick.store.bulk import COPY_ROWS, insert_rows
from tallystick.store.rows import evidence_row
from tallystick.store.schema import evidence as evidence_table
from tallystick.store.sql import SqlStore, SqlTransaction, open_store

NOT_KEPT = "nothing of this transaction was kept"


@pytest.fixture
def served(postgresql_url: str) -> Iterator[SqlStore]:
    """An empty store on the server that all tests share."""
    store = open_store(postgresql_url)
    yield store
    store.close()


@pytest.fixture
def fragile(restartable: Server) -> Iterator[SqlStore]:
    """An empty store on a server that the test may kill."""
    with Schemas(restartable.url).schema() as url:
        store = open_store(url)
        yield store
        store.close()


def told(transaction: SqlTransaction, statement: str) -> Any:
    """The one value that ``statement`` answers inside ``transaction``."""
    return transaction._connection.exec_driver_sql(statement).scalar()


def pending(store: SqlStore) -> int:
    with store.transaction(read_only=True) as transaction:
        return transaction.count_pending()


# what is refused


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("40001", "wrote the same rows at the same time"),
        ("40P01", "waited for each other"),
        ("55P03", "Another process is writing"),
        ("57014", "took too long"),
        ("25P03", "did nothing for too long"),
        ("53100", "Make room on the disk"),
    ],
)
def test_what_may_succeed_another_time_says_so(served: SqlStore, state: str, advice: str) -> None:
    """What the server names as passing is StoreUnavailable, says why, and that nothing was kept."""

    def fail() -> None:
        with served.transaction() as transaction:
            transaction.add_evidence([evidence(1)])
            told(transaction, f"DO $$ BEGIN RAISE EXCEPTION 'told' USING ERRCODE = '{state}'; END $$")

    with pytest.raises(StoreUnavailable, match="did not do its work: told") as caught:
        fail()
    assert advice in caught.value.todo
    assert NOT_KEPT in caught.value.todo
    assert pending(served) == 0


def test_a_missing_grant_is_refused_for_good(served: SqlStore) -> None:
    """A role that may not write is told to ask the owner of the database: to try again would not help."""
    refused = "DO $$ BEGIN RAISE EXCEPTION 'told' USING ERRCODE = '42501'; END $$"
    with pytest.raises(StoreError, match="refused: told") as caught, served.transaction() as failing:
        told(failing, refused)
    assert not isinstance(caught.value, StoreUnavailable)
    assert "grant" in caught.value.todo


def test_an_older_server_is_refused(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server older than what is tested is refused, naming both versions."""
    monkeypatch.setattr(engines, "OLDEST_SERVER", 99)
    with pytest.raises(StoreError, match="expected PostgreSQL 99 or later, got "):
        open_store(postgresql_url)


def test_a_database_of_another_encoding_is_refused(restartable: Server) -> None:
    """A database that can't hold every name is refused when it is opened, not at the first such name."""
    url = make_url(restartable.url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))
    engine.dispose()
    with pytest.raises(StoreError, match="expected the encoding UTF8, got LATIN1"):
        open_store(url.set(database="narrow").render_as_string(hide_password=False))


def test_a_role_that_only_works_needs_no_more_than_rows(restartable: Server) -> None:
    """A role that does not own the tables works with them, by the grants that docs/operations.md names."""
    with Schemas(restartable.url).schema() as url:
        open_store(url).close()
        name = str(make_url(url).query["options"]).partition("=")[2]
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            connection.execute(text("CREATE ROLE worker LOGIN"))
            connection.execute(text(f"GRANT USAGE ON SCHEMA {name} TO worker"))
            connection.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO worker"))
            connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {name} TO worker"))
        engine.dispose()
        store = open_store(url.replace("postgres@", "worker@"))
        with store.transaction() as transaction:
            assert told(transaction, "SELECT current_user") == "worker"
            transaction.add_evidence([evidence(number) for number in range(COPY_ROWS)])
            assert transaction.count_pending() == COPY_ROWS
        with store.account_lock(OPERATOR, 0) as lease:
            lease.check()
        store.close()


@pytest.mark.parametrize("place", ["tally:s3cret@127.0.0.1:1/ledger", "127.0.0.1:1/ledger?user=tally&password=s3cret"])
def test_no_password_is_shown(place: str) -> None:
    """A server that can't be reached is named without the password, wherever the URL has it."""
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1") as caught:
        open_store(f"postgresql://{place}")
    assert "s3cret" not in str(caught.value)
    assert "user and password" in caught.value.todo


# who waits, and how long


def test_a_writer_waits_for_another_one_only_so_long(postgresql_url: str) -> None:
    """Who waits for rows of another transaction longer than the busy timeout is told that somebody is writing."""
    first, second = open_store(postgresql_url), open_store(postgresql_url, busy_timeout_seconds=0.05)
    with first.transaction() as transaction:
        transaction.add_evidence([evidence(1)])
        with pytest.raises(StoreUnavailable, match="lock timeout") as caught, second.transaction() as waiting:
            waiting.add_evidence([evidence(1)])
        assert "Another process is writing" in caught.value.todo
    first.close()
    second.close()


def test_what_a_writer_read_is_still_so_when_it_commits(served: SqlStore) -> None:
    """Of two that look whether something is there and add it if not, one finds it: those that write take turns."""
    barrier = threading.Barrier(2)
    added: list[bool] = []

    def write() -> None:
        barrier.wait()
        with served.transaction() as transaction:
            is_there = bool(transaction.count_pending())
            time.sleep(0.2)
            if not is_there:
                transaction.add_evidence([evidence(1)])
            added.append(not is_there)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [False, True]
    assert pending(served) == 1


def test_more_requests_than_connections_are_told_to_wait(postgresql_url: str) -> None:
    """When all connections are in use, the next transaction fails in time instead of waiting for ever."""
    store = open_store(postgresql_url, busy_timeout_seconds=0.05)
    with ExitStack() as stack:
        for _ in range(engines.POOL_CONNECTIONS + engines.POOL_EXTRA_CONNECTIONS):
            stack.enter_context(store.transaction(read_only=True))
        with pytest.raises(StoreUnavailable, match="expected a free connection") as caught, store.transaction():
            pass
        assert "fewer requests" in caught.value.todo
    assert pending(store) == 0
    store.close()


def test_writers_that_wait_leave_the_connections_to_readers(postgresql_url: str) -> None:
    """However many threads wait for their turn to write, whoever reads gets a connection; each then writes once."""
    store = open_store(postgresql_url, busy_timeout_seconds=10)
    writers = engines.POOL_CONNECTIONS + engines.POOL_EXTRA_CONNECTIONS + 5
    under_way = threading.Semaphore(0)

    def write(number: int) -> None:
        under_way.release()
        with store.transaction() as transaction:
            transaction.add_evidence([evidence(number)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    with store.transaction():
        for thread in threads:
            thread.start()
            under_way.acquire()
        time.sleep(0.2)  # until those that would take a connection have it
        assert pending(store) == 0
        assert store._engine.pool.checkedout() == 1  # type: ignore[attr-defined]
    for thread in threads:
        thread.join()
    assert pending(store) == writers
    store.close()


def test_sessions_have_a_name_and_limits(served: SqlStore, postgresql_url: str) -> None:
    """An administrator sees whose session it is; nothing of it lasts for ever; the URL has the last word."""
    with served.transaction() as transaction:
        assert told(transaction, "SHOW application_name") == "tallystick"
        assert told(transaction, "SHOW statement_timeout") == "5min"
        assert told(transaction, "SHOW lock_timeout") == "30s"
        assert told(transaction, "SHOW idle_in_transaction_session_timeout") == "10min"
    url = make_url(postgresql_url)
    options = f"{url.query['options']} -cstatement_timeout=7s"
    named = url.update_query_dict({"application_name": "mine", "options": options})
    store = open_store(named.render_as_string(hide_password=False))
    with store.transaction() as transaction:
        assert told(transaction, "SHOW application_name") == "mine"
        assert told(transaction, "SHOW statement_timeout") == "7s"
    store.close()


# the server is gone


@pytest.mark.parametrize("immediate", [False, True], ids=["restarted", "failed"])
def test_a_server_that_came_back_is_used_again(fragile: SqlStore, restartable: Server, immediate: bool) -> None:
    """Between two transactions more than a moment apart a restart is not noticed; what was committed survives it."""
    with fragile.transaction() as transaction:
        transaction.add_evidence([evidence(1)])
    restartable.restart(immediate=immediate)
    time.sleep(engines.TRUSTED_SECONDS)
    with fragile.transaction() as transaction:
        transaction.add_evidence([evidence(2)])
        assert transaction.count_pending() == 2


@pytest.mark.parametrize("rows", [1, COPY_ROWS], ids=["insert", "copy"])
def test_a_server_that_fails_inside_keeps_nothing(fragile: SqlStore, restartable: Server, rows: int) -> None:
    """A transaction whose server fails is not kept and says so; the one before is, and the next one works."""
    with fragile.transaction() as transaction:
        transaction.add_evidence([evidence(0)])

    def lose() -> None:
        with fragile.transaction() as transaction:
            transaction.add_evidence([evidence(1)])
            restartable.stop(immediate=True)
            transaction.add_evidence([evidence(100 + number) for number in range(rows)])

    with pytest.raises(StoreUnavailable) as caught:
        lose()
    assert NOT_KEPT in caught.value.todo
    with pytest.raises(StoreUnavailable, match="did not do its work"), fragile.transaction():
        pass
    restartable.start()
    assert pending(fragile) == 1


def test_a_copy_that_loses_its_server_keeps_nothing(fragile: SqlStore, restartable: Server) -> None:
    """Also where the server fails between two rows of one stream, nothing is kept, and it is said."""

    class Rows(list[dict[str, Any]]):
        """Rows on whose way the server fails."""

        def __iter__(self) -> Iterator[dict[str, Any]]:
            for number, row in enumerate(list.__iter__(self)):
                if number == len(self) // 2:
                    restartable.stop(immediate=True)
                yield row

    many = Rows(evidence_row(evidence(number, disclosures=("x" * 1000,))) for number in range(1000))
    with pytest.raises(StoreUnavailable) as caught, fragile.transaction() as transaction:
        insert_rows(transaction._connection, evidence_table, many)
    assert NOT_KEPT in caught.value.todo
    restartable.start()
    assert pending(fragile) == 0


def test_an_exception_counts_more_than_a_lost_server(fragile: SqlStore, restartable: Server) -> None:
    """What the block raised comes out as it went in, also where the roll back has no server any more."""

    def fail() -> None:
        with fragile.transaction() as transaction:
            transaction.add_evidence([evidence(1)])
            restartable.stop(immediate=True)
            raise ZeroDivisionError("a mistake elsewhere")

    with pytest.raises(ZeroDivisionError, match="a mistake elsewhere"):
        fail()
    restartable.start()
    assert pending(fragile) == 0


@contextmanager
def cut_after(word: bytes, url: str) -> Iterator[str]:
    """A URL of the server at ``url`` that leads through a wire which is cut once the server got ``word`` and did it."""
    target = make_url(url)
    host, port = str(target.query["host"]), target.query.get("port", 5432)
    directory = Path(tempfile.mkdtemp(prefix="tally-wire-", dir="/tmp"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(directory / ".s.PGSQL.5432"))
    listener.listen()

    def carry(client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")

        cut = threading.Event()

        def back() -> None:
            with suppress(OSError):
                while (data := server.recv(65536)) and not cut.is_set():
                    client.sendall(data)
                client.shutdown(socket.SHUT_RDWR)  # done by the server, but its answer has nowhere to go

        answers = threading.Thread(target=back)
        answers.start()
        with suppress(OSError):
            while data := client.recv(65536):
                if word in data:
                    cut.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)
        answers.join()
        server.close()
        client.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=carry, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield target.update_query_dict({"host": str(directory)}).render_as_string(hide_password=False)
    finally:
        listener.close()
        shutil.rmtree(directory)


def test_a_commit_without_an_answer_is_not_called_undone(restartable: Server) -> None:
    """Where the connection is lost during the commit, the error says that nobody knows; here it was kept."""
    with Schemas(restartable.url).schema() as url:
        direct = open_store(url)
        with cut_after(b"COMMIT", url) as cut:
            # To open a store is a transaction too, so this one was opened past the wire.
            store = SqlStore(create_engine(make_url(cut).set(drivername="postgresql+psycopg")), "the wire", 1)
            with pytest.raises(StoreUnavailable, match="not known which") as caught, store.transaction() as transaction:
                transaction.add_evidence([evidence(1)])
            assert "look whether it is there" in caught.value.todo
            assert NOT_KEPT not in str(caught.value)
            store.close()
        assert pending(direct) == 1
        direct.close()


def test_a_commit_to_a_session_that_was_ended_is_not_called_undone(fragile: SqlStore, restartable: Server) -> None:
    """A server that went away before the commit looks the same from here, and here nothing was kept."""

    def lose() -> None:
        with fragile.transaction() as transaction:
            transaction.add_evidence([evidence(1)])
            restartable.restart()

    with pytest.raises(StoreUnavailable, match="not known which"):
        lose()
    assert pending(fragile) == 0
