"""The store over SQLite or PostgreSQL: one transaction is one unit of work.

::

    store = open_store("sqlite:///ledger.sqlite3")
    with store.transaction() as transaction:
        transaction.add_evidence([record])
    # the record is on the disk now
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, func, select

from tallystick.errors import StoreUnavailable, WrongChain
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.types import Address, Timestamp, to_hex
from tallystick.store import schema
from tallystick.store.access import AccessRows
from tallystick.store.accounts import AccountRows
from tallystick.store.attachments import AttachmentRows
from tallystick.store.batches import BatchRows
from tallystick.store.catalogue import CatalogueRows
from tallystick.store.engine import begun, check_revision, is_in_memory, open_engine
from tallystick.store.erasures import ErasureRows
from tallystick.store.evidence import EvidenceRows
from tallystick.store.failures import translated
from tallystick.store.imports import ImportRows
from tallystick.store.index import IndexRows
from tallystick.store.kept_answers import AnswerRows
from tallystick.store.locks import Lease, ThreadLeases, file_lease, session_lease
from tallystick.store.members import MemberRows
from tallystick.store.notices import NoticeRows
from tallystick.store.parties import PartyRows
from tallystick.store.records import BatchState, Counts, EvidenceState
from tallystick.store.signers import SignerRows
from tallystick.store.timestamps import TimestampRows
from tallystick.store.waiting import WaitingRows

BUSY_TIMEOUT_SECONDS = 30.0
"""How long a transaction waits for another one that writes."""


class SqlTransaction(
    PartyRows,
    EvidenceRows,
    CatalogueRows,
    BatchRows,
    IndexRows,
    TimestampRows,
    AccountRows,
    MemberRows,
    SignerRows,
    ImportRows,
    WaitingRows,
    AnswerRows,
    AccessRows,
    ErasureRows,
    AttachmentRows,
    NoticeRows,
):
    """One unit of work: all of it is kept, or nothing. Good only inside its ``with`` block."""

    def deployment(self) -> Deployment | None:
        """The ledger that this store is bound to, or None as long as it is bound to none."""
        table = schema.deployment.c
        row = self._connection.execute(
            select(
                table.chain_id,
                table.genesis_hash,
                table.registry,
                table.ledger,
                table.receivables,
                table.block_number,
            )
        ).one_or_none()
        return None if row is None else Deployment(*row)

    def set_deployment(self, deployment: Deployment) -> None:
        """Bind this store to ``deployment``, for ever.

        Raises:
            WrongChain: it is bound to another one.
        """
        bound = self.deployment()
        if bound is None:
            self._connection.execute(schema.deployment.insert(), {"id": 1, **dataclasses.asdict(deployment)})
        elif bound != deployment:
            raise WrongChain(
                f"This store is bound to {_describe(bound)}, got {_describe(deployment)}.",
                todo="Use the node and contracts it was made for, or start with an empty database.",
            )

    def counts(self) -> Counts:
        """The figures of the whole store; every state has its number, 0 included."""
        known = self.tallies()
        return Counts(
            parties=known.get("parties", 0),
            evidence={state: known.get(f"evidence.{state.value}", 0) for state in EvidenceState},
            batches={state: known.get(f"batch.{state.value}", 0) for state in BatchState},
            sealed_batches=known.get("sealed", 0),
            log_entries=known.get("entries", 0),
            undone_blocks=known.get("undone", 0),
        )


class SqlStore:
    """A database at the tables of this version; made by ``open_store``. Any thread may use it."""

    def __init__(self, engine: Engine, place: str, busy_timeout_seconds: float) -> None:
        self.place = place
        """The URL without its password, for messages."""
        self._engine = engine
        self._timeout_seconds = busy_timeout_seconds
        self._only_connection = threading.Lock() if is_in_memory(engine) else None
        self._writers_turn = threading.Lock()
        self._account_locks = ThreadLeases() if is_in_memory(engine) else None

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[SqlTransaction]:
        """One unit of work: committed and durable when the block ends, rolled back when it raises.

        A ``read_only`` one sees one moment throughout and neither waits for a writer nor holds one up.

        Raises:
            StoreUnavailable: another transaction wrote all the time, or the database failed; nothing is kept, unless
                the message says that the connection was lost during the commit.
        """
        place = self.place
        with (
            self._turn(read_only=read_only),
            translated(place),
            begun(self._engine, place, read_only=read_only) as connection,
        ):
            yield SqlTransaction(connection, place)

    def account_lock(self, account: Address, timeout_seconds: float) -> AbstractContextManager[Lease]:
        """The exclusive right to send transactions from ``account``, among all processes that share this database.

        It is held until the block ends or the process dies; the lease says with ``check`` whether it still is.

        Raises:
            AccountBusy: another one holds it for longer than ``timeout_seconds``; names it.
            StoreUnavailable: the database failed.
        """
        if self._account_locks is not None:
            return self._account_locks.lease(account, timeout_seconds)
        lease = file_lease if self._engine.dialect.name == "sqlite" else session_lease
        return lease(self._engine, self.place, account, timeout_seconds)

    def check(self) -> None:
        """Make sure that the database answers and that its tables are of this version.

        Raises:
            StoreUnavailable: it does not answer. StoreError: another version migrated it meanwhile.
        """
        with self._turn(read_only=True), translated(self.place):
            check_revision(self._engine, self.place)

    def server_time(self) -> Timestamp | None:
        """What time it is for the database server; None where the database is a file of this machine."""
        if self._engine.dialect.name == "sqlite":
            return None
        with translated(self.place), begun(self._engine, self.place, read_only=True) as connection:
            return Timestamp(
                int(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
            )

    def scrub(self) -> None:
        """Let no file of the store keep what was overwritten in a transaction before, as far as it can do that.

        SQLite overwrites what is freed (``secure_delete``); what its write-ahead log still holds goes with that. A
        server's files are its administrator's (docs/consent.md).
        """
        if self._engine.dialect.name == "sqlite":
            with self._turn(), translated(self.place), closing(self._engine.raw_connection()) as connection:
                # outside of any transaction; where somebody reads, what is left goes with a later one
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def close(self) -> None:
        """Let go of the database; an in-memory one is gone."""
        self._engine.dispose()

    @contextmanager
    def _turn(self, *, read_only: bool = False) -> Iterator[None]:
        """One writer of this process at a time asks for a connection: those that wait leave the pool to the readers.

        In memory there is one connection for all threads: one transaction at a time.
        """
        lock = self._only_connection or (None if read_only else self._writers_turn)
        if lock is None:
            yield
            return
        if not lock.acquire(timeout=self._timeout_seconds):
            raise StoreUnavailable(
                f"The database {self.place} was in use for {self._timeout_seconds:g} s.",
                todo="End the transaction before the next one begins."
                if self._only_connection
                else "Another transaction wrote all that time: try again later; nothing of this one was kept.",
            )
        try:
            yield
        finally:
            lock.release()


def open_store(url: str | Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> SqlStore:
    """The store at ``url``, its tables made or brought up to date.

    A path is a SQLite file, ``sqlite://`` is a new store in memory, ``postgresql://user@host/database`` is a server.

    Raises:
        StoreError: not a database URL, no driver for it, another program's database, or one of a newer version.
        StoreUnavailable: no such directory or server, or locked for ``busy_timeout_seconds``.
    """
    engine, place = open_engine(url, busy_timeout_seconds)
    return SqlStore(engine, place, busy_timeout_seconds)


def _describe(deployment: Deployment) -> str:
    return (
        f"chain {deployment.chain_id} (genesis {to_hex(deployment.genesis_hash)}), ledger {to_hex(deployment.ledger)}"
    )
