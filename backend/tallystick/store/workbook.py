"""The workbook of an audit: what was checked so far, on disk, so that a replay goes on and memory stays flat.

Rules:

- only what the chain's roots prove is kept as an entry; what was found wrong is kept as the finding's JSON;
- one archive file, or one party, is one transaction: after a crash it is there whole or done again;
- a workbook belongs to one question (which archive, which block, which database); another question empties it;
- readers open it by themselves, several at a time, while one process writes.

Example: ``Workbook(path).ask(question)``, then ``add_file`` for each file, then ``entries`` for each append.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from tallystick.errors import StoreUnavailable
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence
from tallystick.protocol.types import Address, DealId, EvidenceId, Hash, PartyId, Timestamp

VERSION = 2
_WAIT_SECONDS = 60.0
_READ_ITEMS = 4_000
"""Items that are kept as they were read: most stand in two logs."""
_TABLES = """
CREATE TABLE IF NOT EXISTS about (version INTEGER NOT NULL, question TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS item (
    item INTEGER PRIMARY KEY, evidence_id BLOB NOT NULL, struct BLOB NOT NULL, signatures BLOB NOT NULL,
    signers BLOB, fields TEXT, hidden_count INTEGER NOT NULL, whole INTEGER NOT NULL,
    disclosures TEXT NOT NULL, hidden BLOB NOT NULL, places BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS entry (
    subject BLOB NOT NULL, operator BLOB NOT NULL, batch_id INTEGER NOT NULL, entry_index INTEGER NOT NULL,
    item INTEGER NOT NULL, PRIMARY KEY (subject, operator, batch_id, entry_index)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (sha256 BLOB PRIMARY KEY, result BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS party (subject BLOB PRIMARY KEY, result BLOB NOT NULL) WITHOUT ROWID;
"""
_EMPTY = "DELETE FROM about; DELETE FROM item; DELETE FROM entry; DELETE FROM file; DELETE FROM party;"


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """An archived evidence that the chain proves, with what checking it alone gave.

    ``signers`` are None where a signature is bad, ``fields`` where a disclosure is malformed; ``whole`` says whether
    the shown content gives the signed content root. ``places`` are the parties in whose logs the batch has it.
    """

    evidence_id: EvidenceId
    evidence: Evidence
    signatures: bytes
    signers: tuple[Address, ...] | None
    fields: dict[str, Json] | None
    hidden_count: int
    whole: bool
    disclosures: tuple[str, ...]
    hidden: tuple[Hash, ...]
    places: frozenset[PartyId]


@dataclass(frozen=True, slots=True)
class ProvenPlace:
    """Entry ``index`` of ``subject`` in a batch of ``operator`` is the item of number ``item`` of its file."""

    subject: PartyId
    operator: Address
    batch_id: int
    index: int
    item: int


class Workbook:
    """The workbook in the SQLite file at ``path``, made if it is not there.

    Raises:
        StoreUnavailable: the file can't be opened, is locked, or is something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: dict[int, CheckedItem] = {}
        with self._translated():
            self._connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            # what an auditor's machine loses in a power cut is checked again
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def ask(self, question: str) -> bool:
        """Make this the workbook of ``question``; whether it was already. If not, it is empty now."""
        with self._transaction():
            row = self._connection.execute("SELECT version, question FROM about").fetchone()
            if row == (VERSION, question):
                return True
            self._read.clear()
            for statement in _EMPTY.split(";"):
                self._connection.execute(statement)
            self._connection.execute("INSERT INTO about VALUES (?, ?)", (VERSION, question))
        return False

    def question(self) -> str | None:
        """What it is the workbook of, or None if it is new."""
        with self._translated():
            row = self._connection.execute("SELECT version, question FROM about").fetchone()
        return None if row is None or row[0] != VERSION else str(row[1])

    # archive files

    def file_result(self, sha256: Hash) -> Json:
        """What ``add_file`` kept of that file, or None."""
        return self._result("SELECT result FROM file WHERE sha256 = ?", sha256)

    def add_file(self, sha256: Hash, items: Sequence[CheckedItem], places: Iterable[ProvenPlace], result: Json) -> None:
        """Keep what checking one file gave: its proven entries, and ``result`` for whoever asks again.

        What is proven already, from another archive, stays as it is.
        """
        with self._transaction():
            places = self._unproven(places)
            kept = sorted({one.item for one in places})
            (first,) = self._connection.execute("SELECT coalesce(max(item), 0) + 1 FROM item").fetchone()
            self._connection.executemany(
                "INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (_item_row(first + number, items[number]) for number in kept),
            )
            self._connection.executemany(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?)",
                ((one.subject, one.operator, one.batch_id, one.index, first + one.item) for one in places),
            )
            self._connection.execute("INSERT INTO file VALUES (?, ?)", (sha256, orjson.dumps(result)))

    def _unproven(self, places: Iterable[ProvenPlace]) -> list[ProvenPlace]:
        """Those of ``places`` whose subject and batch have no entries yet."""
        found: dict[tuple[PartyId, Address, int], bool] = {}
        left = []
        for one in places:
            batch = (one.subject, one.operator, one.batch_id)
            if batch not in found:
                found[batch] = self.is_proven(*batch)
            if not found[batch]:
                left.append(one)
        return left

    # logs

    def proven(self, subject: PartyId) -> frozenset[tuple[Address, int]]:
        """The batches (operator, batch id) of which the entries of ``subject`` are proven: all of a batch, or none."""
        statement = "SELECT DISTINCT operator, batch_id FROM entry WHERE subject = ?"
        with self._translated():
            return frozenset(self._connection.execute(statement, (subject,)))

    def is_proven(self, subject: PartyId, operator: Address, batch_id: int) -> bool:
        """Whether the entries of ``subject`` in that batch are proven."""
        statement = "SELECT 1 FROM entry WHERE subject = ? AND operator = ? AND batch_id = ? LIMIT 1"
        with self._translated():
            return self._connection.execute(statement, (subject, operator, batch_id)).fetchone() is not None

    def entries(self, subject: PartyId, operator: Address, batch_id: int) -> list[CheckedItem]:
        """The proven entries of ``subject`` in that batch, in order of their index; none where they are not proven."""
        statement = (
            "SELECT item.* FROM entry JOIN item ON item.item = entry.item "
            "WHERE entry.subject = ? AND entry.operator = ? AND entry.batch_id = ? ORDER BY entry.entry_index"
        )
        found = []
        with self._translated():
            for number, *row in self._connection.execute(statement, (subject, operator, batch_id)):
                item = self._read.get(number)
                if item is None:
                    if len(self._read) >= _READ_ITEMS:
                        self._read.clear()
                    item = self._read[number] = _checked_item(row)
                found.append(item)
        return found

    def names(self, subject: PartyId, operator: Address, batch_id: int) -> Iterator[tuple[EvidenceId, bytes]]:
        """The same, of each entry its evidence id and signatures alone."""
        statement = (
            "SELECT item.evidence_id, item.signatures FROM entry JOIN item ON item.item = entry.item "
            "WHERE entry.subject = ? AND entry.operator = ? AND entry.batch_id = ? ORDER BY entry.entry_index"
        )
        with self._translated():
            yield from self._connection.execute(statement, (subject, operator, batch_id))

    def count(self) -> int:
        """How many evidence are proven, each counted once a batch."""
        with self._translated():
            (number,) = self._connection.execute("SELECT count(*) FROM item").fetchone()
        return int(number)

    # parties

    def party_result(self, subject: PartyId) -> Json:
        """What ``add_party`` kept of that party, or None."""
        return self._result("SELECT result FROM party WHERE subject = ?", subject)

    def add_party(self, subject: PartyId, result: Json) -> None:
        """Keep what judging the log of ``subject`` gave."""
        with self._transaction():
            self._connection.execute("INSERT INTO party VALUES (?, ?)", (subject, orjson.dumps(result)))

    def _result(self, statement: str, key: bytes) -> Json:
        with self._translated():
            row = self._connection.execute(statement, (key,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreUnavailable(
                f"The workbook {self._path} can't be used: {error}.",
                todo="Check that there is room and that no other audit uses it, or name another with --work.",
            ) from error


def _item_row(number: int, item: CheckedItem) -> tuple[object, ...]:
    return (
        number,
        item.evidence_id,
        pack_struct(item.evidence),
        item.signatures,
        None if item.signers is None else b"".join(item.signers),
        None if item.fields is None else orjson.dumps(item.fields).decode(),
        item.hidden_count,
        item.whole,
        orjson.dumps(item.disclosures).decode(),
        b"".join(item.hidden),
        b"".join(sorted(item.places)),
    )


def _checked_item(row: Sequence[object]) -> CheckedItem:
    evidence_id, struct, signatures, signers, fields, hidden_count, whole, disclosures, hidden, places = row
    return CheckedItem(
        evidence_id,  # type: ignore[arg-type]
        unpack_struct(struct),  # type: ignore[arg-type]
        signatures,  # type: ignore[arg-type]
        None if signers is None else tuple(Address(part) for part in _cut(signers, 20)),  # type: ignore[arg-type]
        None if fields is None else orjson.loads(fields),  # type: ignore[arg-type]
        hidden_count,  # type: ignore[arg-type]
        bool(whole),
        tuple(orjson.loads(disclosures)),  # type: ignore[arg-type]
        tuple(Hash(part) for part in _cut(hidden, 32)),  # type: ignore[arg-type]
        frozenset(PartyId(part) for part in _cut(places, 32)),  # type: ignore[arg-type]
    )


def pack_struct(evidence: Evidence) -> bytes:
    """``evidence`` in 177 bytes; ``unpack_struct`` gives it back."""
    return (
        evidence.issuer
        + evidence.counterparty
        + evidence.deal
        + evidence.parent
        + evidence.content_root
        + bytes([evidence.kind])
        + evidence.occurred_at.to_bytes(8, "big")
        + evidence.issued_at.to_bytes(8, "big")
    )


def unpack_struct(packed: bytes) -> Evidence:
    """The evidence that ``pack_struct`` packed."""
    return Evidence(
        issuer=PartyId(packed[:32]),
        counterparty=PartyId(packed[32:64]),
        kind=packed[160],
        deal=DealId(packed[64:96]),
        parent=EvidenceId(packed[96:128]),
        content_root=Hash(packed[128:160]),
        occurred_at=Timestamp(int.from_bytes(packed[161:169], "big")),
        issued_at=Timestamp(int.from_bytes(packed[169:177], "big")),
    )


def _cut(joined: bytes, size: int) -> list[bytes]:
    return [joined[at : at + size] for at in range(0, len(joined), size)]
