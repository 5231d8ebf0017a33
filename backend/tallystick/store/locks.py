"""The exclusive right to send transactions from one account, across all processes that share the database.

An account's transactions are numbered one after the other, so two senders at once would take each other's numbers.

- PostgreSQL: an advisory lock of a session of its own, which ends with the session, and so with its process;
- a SQLite file: a ``flock`` on a file beside it; in memory: a lock of this process.

A lease can end while its holder works: the server restarts, or an administrator ends the session. So a holder calls
``check`` right before each sending. It can still end between that and the sending itself: the nonce, and the batch
number in the contract, decide then; the lock keeps two senders from hindering each other, not from harming the ledger.

::

    with store.account_lock(operator, 10) as lease:
        ...
        lease.check()
        chain.send(transaction)
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn, Protocol

from sqlalchemy import Connection, Engine, exc, text

from tallystick.errors import AccountBusy, StoreUnavailable
from tallystick.flock import FileLock, Held
from tallystick.protocol.types import Address, to_hex
from tallystick.store.engine import begun, dedicated_engine
from tallystick.store.failures import failure, sqlstate, translated

_DOMAIN = b"tallystick account lock 1"
_LOCK_NOT_AVAILABLE = "55P03"


class Lease(Protocol):
    """The right to send from an account, as long as ``check`` does not raise."""

    def check(self) -> None:
        """Raises ``StoreUnavailable`` once the right is lost; it never comes back to this lease."""


@contextmanager
def session_lease(engine: Engine, place: str, account: Address, timeout_seconds: float) -> Iterator[Lease]:
    """The right to send from ``account``, by a session of the PostgreSQL database of ``engine``."""
    dedicated = dedicated_engine(engine, f"tallystick sender {account.hex()[:8]} pid {os.getpid()}")
    with translated(place):
        connection = dedicated.connect()
    try:
        with translated(place):
            key = lock_key(connection.execute(text("SELECT current_schema()")).scalar() or "", account)
            if not _taken(connection, key, timeout_seconds):
                _refuse(account, timeout_seconds, _holder(connection, key))
        yield _SessionLease(connection, place, account, key)
    finally:
        with suppress(exc.SQLAlchemyError):
            # The server may take a moment to notice that a session has ended; this frees the lock at once.
            connection.execute(text("SELECT pg_advisory_unlock_all()"))
        with suppress(exc.SQLAlchemyError):
            connection.close()


@contextmanager
def file_lease(engine: Engine, place: str, account: Address, timeout_seconds: float) -> Iterator[Lease]:
    """The right to send from ``account``, by a lock on a file beside the SQLite database of ``engine``."""
    with translated(place), begun(engine, place, read_only=True) as connection:
        # As SQLite sees it, so that two names of one file have one lock.
        database = Path(
            connection.execute(text("SELECT file FROM pragma_database_list WHERE name = 'main'")).scalar_one()
        )
    lock = FileLock(database.with_name(f"{database.name}.{account.hex()[:8]}.lock"))
    try:
        lock.take(timeout_seconds)
    except Held as held:
        _refuse(account, timeout_seconds, f"process {held.holder}", held)
    except OSError as error:
        raise StoreUnavailable(
            f"{lock.path}: can't be locked ({error.strerror}).", todo="Check that you may write beside the database."
        ) from error
    try:
        yield _FileLease(lock, account)
    finally:
        lock.release()


class ThreadLeases:
    """The rights to send from accounts of a database that lives in this process only."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._locks: dict[Address, threading.Lock] = {}

    @contextmanager
    def lease(self, account: Address, timeout_seconds: float) -> Iterator[Lease]:
        """The right to send from ``account``."""
        with self._mutex:
            lock = self._locks.setdefault(account, threading.Lock())
        if not lock.acquire(timeout=timeout_seconds):
            _refuse(account, timeout_seconds, "another part of this program")
        try:
            yield _ThreadLease()
        finally:
            lock.release()


def lock_key(schema: str, account: Address) -> int:
    """The signed 64-bit key of the advisory lock of ``account``; advisory locks know databases, but no schemas."""
    digest = hashlib.sha256(b"\x00".join((_DOMAIN, schema.encode(), account))).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class _SessionLease:
    def __init__(self, connection: Connection, place: str, account: Address, key: int) -> None:
        self._connection: Connection | None = connection
        self._place = place
        self._account = account
        self._key = key

    def check(self) -> None:
        if self._connection is None:
            raise _lost(self._account)
        try:
            # Not only whether the session answers: one that was opened anew would answer as well.
            if self._connection.execute(text(_HOLDS), _halves(self._key)).scalar_one():
                return
            self._connection = None
            raise _lost(self._account)
        except exc.SQLAlchemyError as error:
            self._connection = None
            raise _lost(self._account, failure(error, self._place).message) from error


class _FileLease:
    def __init__(self, lock: FileLock, account: Address) -> None:
        self._lock = lock
        self._account = account

    def check(self) -> None:
        if not self._lock.is_held():
            raise _lost(self._account, f"The file {self._lock.path} was removed.")


class _ThreadLease:
    def check(self) -> None:
        """Nothing takes a lock of this process away."""


_OF_KEY = "locktype = 'advisory' AND objsubid = 1 AND classid = :high AND objid = :low AND granted"
_OF_THIS_DATABASE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
_HOLDS = f"SELECT count(*) > 0 FROM pg_locks WHERE {_OF_KEY} AND {_OF_THIS_DATABASE} AND pid = pg_backend_pid()"  # noqa: S608 - our own words  # nosec B608
_HOLDER = (
    "SELECT pid, application_name, host(client_addr) FROM pg_locks JOIN pg_stat_activity USING (pid) "  # noqa: S608 - our own words  # nosec B608
    f"WHERE {_OF_KEY} AND pg_locks.{_OF_THIS_DATABASE}"
)


def _halves(key: int) -> dict[str, int]:
    """``key`` as pg_locks shows it: two unsigned halves."""
    return {"high": (key >> 32) & 0xFFFFFFFF, "low": key & 0xFFFFFFFF}


def _taken(connection: Connection, key: int, timeout_seconds: float) -> bool:
    """Whether the session of ``connection`` got the lock ``key`` within ``timeout_seconds``, in its turn."""
    if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one():
        return True
    if timeout_seconds <= 0:
        return False
    connection.execute(
        text("SELECT set_config('lock_timeout', :value, false)"), {"value": f"{timeout_seconds * 1000:.0f}"}
    )
    try:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
    except exc.SQLAlchemyError as error:
        if sqlstate(error) != _LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


def _holder(connection: Connection, key: int) -> str:
    """Who holds the lock ``key``, as far as the server tells."""
    row = connection.execute(text(_HOLDER), _halves(key)).first()
    if row is None:
        return "another process"
    return f"PostgreSQL session {row[0]} ({row[1] or 'no name'}" + (f", from {row[2]})" if row[2] else ")")


def _refuse(account: Address, timeout_seconds: float, holder: str, cause: Exception | None = None) -> NoReturn:
    raise AccountBusy(
        f"Another sender uses the account {to_hex(account)}: {holder}; waited {timeout_seconds:g} s.",
        todo="Wait until it is done, or end that process; then try again.",
    ) from cause


def _lost(account: Address, why: str = "") -> StoreUnavailable:
    return StoreUnavailable(
        f"The exclusive right to send from {to_hex(account)} is lost. {why}".rstrip(),
        todo="Send nothing more; take the right anew, and look first at what the chain shows.",
    )
