"""Keeps a log on disk while it is streamed, so that memory does not grow with it.

Rules:

- entries go to a temporary database without a name, which the system deletes when it is closed or this process dies;
  SQLite holds of it what fits into ``CACHE_KIB``, so a short log never gets to a disk;
- held for each entry that stands are twelve bytes: three numbers that say which entries make one part of the report
  (``credit.parts``). A part itself is held while its figures are derived.

Example: ``with Spool(party) as spool: verify_appends(..., log=spool)``. Where its disk is full, the block ends with
``StoreUnavailable``.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from types import TracebackType
from typing import TypeVar

import orjson

from tallystick.credit import parts as credit_parts
from tallystick.credit.parts import Parts, links
from tallystick.credit.report import AnchoringDelay, to_json
from tallystick.errors import StoreUnavailable
from tallystick.protocol.bundle import Frame
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.standing import SealedEntry
from tallystick.protocol.types import BlockRef, EvidenceId, PartyId

ValueT = TypeVar("ValueT")

CACHE_KIB = 16 * 1024
NEAR = 10_000
"""About how many of the evidence met last are held."""
PART_ENTRIES = 1_000
"""Parts are handed out together until they have so many entries."""
_AT_ONCE = 500
"""Values of one query."""
_NONE = 2**32 - 1

_SCHEMA = f"""
CREATE TABLE entry (
    n INTEGER PRIMARY KEY, seq INTEGER, id BLOB, issuer BLOB, counterparty BLOB, kind INTEGER, deal BLOB, parent BLOB,
    content_root BLOB, occurred_at INTEGER, issued_at INTEGER, anchored_at INTEGER, operator BLOB, batch_id INTEGER,
    fields BLOB, hidden INTEGER
);
CREATE TABLE place (id BLOB PRIMARY KEY, n INTEGER) WITHOUT ROWID;
CREATE INDEX contract ON entry (deal) WHERE kind = {int(Kind.CONTRACT)};
CREATE TABLE open_link (n INTEGER, id BLOB);
CREATE TABLE number (seller BLOB, number TEXT, invoice BLOB);
"""
_INSERT = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SIGNED = "issuer, counterparty, kind, deal, parent, content_root, occurred_at, issued_at"
_FIND = f"SELECT place.id, n, {_SIGNED} FROM place JOIN entry USING (n) WHERE place.id IN "  # noqa: S608 - no input  # nosec B608
_READ = f"SELECT seq, id, {_SIGNED}, anchored_at, operator, batch_id, fields, hidden FROM entry WHERE n IN "  # noqa: S608 - no input  # nosec B608
_CONTRACTS = f"SELECT n FROM entry WHERE kind = {int(Kind.CONTRACT)} AND deal = ?"  # noqa: S608 - no input  # nosec B608
_CONSENT_TO_ACCESS = f"kind = {int(Kind.CONSENT)} AND counterparty = zeroblob(32)"
_COUNTED = f"FROM entry WHERE NOT (kind = {int(Kind.ACCESS)} OR ({_CONSENT_TO_ACCESS}))"
"""All but what concerns access (``protocol/access.py``)."""
_DELAYS = (
    f"SELECT anchored_at - issued_at AS delay {_COUNTED} ORDER BY delay LIMIT 1 OFFSET ?",
    f"SELECT anchored_at - occurred_at AS delay {_COUNTED} ORDER BY delay LIMIT 1 OFFSET ?",
)


class Spool:
    """The log of ``party`` while it is read: a ``verify_log.Log``, and the ``credit.parts.Shelf`` of its report."""

    def __init__(self, party: PartyId) -> None:
        self._held = Parts(party)
        self._near: dict[EvidenceId, tuple[int, Evidence]] = {}
        self._absent: set[EvidenceId] = set()
        self._union = array("I")
        """For each entry another of its part, an earlier one; itself where it is the first."""
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
        if isinstance(error, sqlite3.Error):
            raise StoreUnavailable(
                f"temporary database: it can't be written or read ({error}).",
                todo="Make room where temporary files go, or name another directory in SQLITE_TMPDIR.",
            ) from error

    # what the verifier asks for

    @property
    def standing(self) -> Spool:
        return self

    def __contains__(self, evidence_id: EvidenceId, /) -> bool:
        return self._find(evidence_id) is not None

    def get(self, evidence_id: EvidenceId, /) -> Evidence | None:
        found = self._find(evidence_id)
        return None if found is None else found[1]

    def __setitem__(self, evidence_id: EvidenceId, evidence: Evidence, /) -> None:
        number = len(self._union)
        self._union.append(number)
        self._near[evidence_id] = (number, evidence)
        self._absent.discard(evidence_id)

    def expect(self, sealed: Sequence[SealedEntry]) -> None:
        """Find at once what will be looked for one by one."""
        if len(self._near) > NEAR:
            self._near.clear()
        wanted = {entry.evidence_id for entry in sealed}
        wanted.update(entry.evidence.parent for entry in sealed)
        self._absent = wanted - self._near.keys()
        for some in _chunks(self._absent):
            self._near.update(self._select(some))
        self._absent -= self._near.keys()

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep the judged ``entries`` of an append; those that stand went to ``standing`` before."""
        self._held.add(entries)
        standing = [entry for entry in entries if entry.standing is Standing.STANDS]
        numbers = [self._near[entry.evidence_id][0] for entry in standing]
        # one row at a time: an append may have thousands
        self._database.executemany(_INSERT, map(_row, numbers, standing))
        places = ((entry.evidence_id, number) for number, entry in zip(numbers, standing, strict=True))
        self._database.executemany("INSERT INTO place VALUES (?, ?)", places)
        for number, entry in zip(numbers, standing, strict=True):
            for linked in links(entry):
                found = self._find(linked)
                if found is None:
                    self._database.execute("INSERT INTO open_link VALUES (?, ?)", (number, linked))
                else:
                    self._unite(number, found[0])

    def report(self, frame: Frame, withheld: int) -> Mapping[str, Json]:
        """The credit report on all that was added."""
        return self.report_as_of(frame.as_of, withheld)

    def report_as_of(self, as_of: BlockRef, withheld: int) -> Mapping[str, Json]:
        """The same as of the block ``as_of``."""
        return to_json(credit_parts.derive(self._held, self, as_of, withheld=withheld))

    def around(self, wanted: Collection[EvidenceId]) -> Iterator[tuple[EvidenceId, Sequence[Entry]]]:
        """For each of ``wanted`` that stands: its part of the log, with the contracts of its deal, in order of the log.

        To be asked for when all was added: what is said of one evidence rests on these entries alone.
        """
        self._unite_open()
        roots = {name: self._root(found[0]) for name in wanted if (found := self._find(name)) is not None}
        members: dict[int, list[int]] = {root: [] for root in roots.values()}
        if members:
            for number in range(len(self._union)):
                if (root := self._root(number)) in members:
                    members[root].append(number)
        for name, root in roots.items():
            evidence = self.get(name)
            assert evidence is not None, "it was found"
            contracts = self._database.execute(_CONTRACTS, (evidence.deal,)).fetchall()
            yield name, self._entries(sorted({*members[root], *(number for (number,) in contracts)}))

    # what the report asks for

    def parts(self) -> Iterator[Sequence[Entry]]:
        self._unite_open()
        count = len(self._union)
        first, following = array("I", [_NONE]) * count, array("I", [_NONE]) * count
        for number in reversed(range(count)):
            root = self._root(number)
            following[number] = first[root]
            first[root] = number
        together: list[int] = []
        for root in range(count):
            number = first[root]
            while number != _NONE:
                together.append(number)
                number = following[number]
            if len(together) >= PART_ENTRIES:
                yield self._entries(together)
                together.clear()
        yield self._entries(together)

    def numbers(self) -> Spool:
        return self

    def add_number(self, seller: PartyId, number: str, invoice: EvidenceId) -> None:
        self._database.execute("INSERT INTO number VALUES (?, ?, ?)", (seller, number, invoice))

    def repeated(self) -> Iterator[tuple[str, Sequence[EvidenceId]]]:
        rows = self._database.execute("SELECT seller, number, invoice FROM number ORDER BY seller, number")
        for (_, number), same in groupby(rows, key=lambda row: row[:2]):
            if len(invoices := [row[2] for row in same]) > 1:
                yield number, invoices

    def anchoring_delay(self) -> AnchoringDelay:
        count = self._database.execute(f"SELECT count(*) {_COUNTED}").fetchone()[0]
        if not count:
            return AnchoringDelay(0, None, None, None, None)
        middle, last = (count - 1) // 2, count - 1  # the lower of two in the middle, as statistics.median_low
        return AnchoringDelay(
            count, *(self._database.execute(delays, (at,)).fetchone()[0] for delays in _DELAYS for at in (middle, last))
        )

    # the database

    def _find(self, evidence_id: EvidenceId) -> tuple[int, Evidence] | None:
        found = self._near.get(evidence_id)
        if found is None and evidence_id not in self._absent:
            self._near.update(self._select([evidence_id]))
            found = self._near.get(evidence_id)
        return found

    def _select(self, ids: Sequence[EvidenceId]) -> Iterator[tuple[EvidenceId, tuple[int, Evidence]]]:
        for evidence_id, number, *members in self._database.execute(_FIND + _marks(ids), ids):
            yield evidence_id, (number, Evidence(*members))

    def _entries(self, numbers: Sequence[int]) -> list[Entry]:
        """The entries of these ``numbers``, in order of the log."""
        found = []
        for some in _chunks(numbers):
            for row in self._database.execute(_READ + _marks(some), some):
                evidence, (anchored_at, operator, batch_id, fields, hidden) = Evidence(*row[2:10]), row[10:]
                content = orjson.loads(fields)
                found.append(
                    Entry(row[0], row[1], evidence, anchored_at, operator, batch_id, content, hidden, Standing.STANDS)
                )
        found.sort(key=lambda entry: entry.seq)
        return found

    def _unite_open(self) -> None:
        """Unite what was linked before the other end was there."""
        linked = "SELECT open_link.n, place.n FROM open_link JOIN place USING (id)"
        for number, other in self._database.execute(linked):
            self._unite(number, other)

    def _root(self, number: int) -> int:
        union = self._union
        while (other := union[number]) != number:
            union[number] = union[other]
            number = union[number]
        return number

    def _unite(self, one: int, other: int) -> None:
        a, b = self._root(one), self._root(other)
        self._union[max(a, b)] = min(a, b)


def _row(number: int, entry: Entry) -> tuple[object, ...]:
    e = entry.evidence
    signed = (e.issuer, e.counterparty, int(e.kind), e.deal, e.parent, e.content_root, e.occurred_at, e.issued_at)
    anchored = (entry.anchored_at, entry.operator, entry.batch_id, orjson.dumps(entry.fields), entry.hidden)
    return (number, entry.seq, entry.evidence_id, *signed, *anchored)


def _marks(values: Sequence[object]) -> str:
    return f"({','.join('?' * len(values))})"


def _chunks(values: Iterable[ValueT]) -> Iterator[list[ValueT]]:
    rest = iter(values)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
