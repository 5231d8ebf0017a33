"""The indexed chain: blocks, sealed batches, the log of each party, signers, and how far it was read.

Rules:

- what a block says is kept under the block's hash. When a reorganisation undoes the block, its rows are marked and
  stay; when it comes back, the mark is all that changes;
- all reading is of what is on the chain, up to a block that the caller names or as far as it is indexed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, and_, bindparam, func, select

from tallystick.errors import Duplicate
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, PartyId, Timestamp, to_hex
from tallystick.store.bulk import insert_rows
from tallystick.store.failures import translated
from tallystick.store.records import AppendRecord, Cursor, LogEntryRecord, SignerRecord
from tallystick.store.rows import (
    APPEND_COLUMNS,
    APPEND_JOINS,
    BLOCK_COLUMNS,
    EVIDENCE_COLUMNS,
    EVIDENCE_JOINS,
    append_record,
    chunks,
    evidence_record,
    select_appends,
    storable,
)
from tallystick.store.schema import INT64_MAX, append, batch_entry, block, evidence, sealed_batch, signer_change
from tallystick.store.schema import cursor as position
from tallystick.store.tallies import TallyRows

STREAM_ROWS = 1_000
"""Rows that ``log`` holds in memory at once."""

_OF_A_BLOCK = (block, sealed_batch, append, signer_change)
"""The tables whose rows are on the chain or not."""

_ENTRY_OF_APPEND = and_(
    batch_entry.c.operator == append.c.operator,
    batch_entry.c.batch_id == append.c.batch_id,
    batch_entry.c.subject == append.c.subject,
)
_PLACEMENT = (
    select(batch_entry.c.entry_index, *APPEND_COLUMNS)
    .select_from(APPEND_JOINS.join(batch_entry, _ENTRY_OF_APPEND))
    .where(batch_entry.c.evidence_id == bindparam("wanted"))
    .order_by(append.c.subject, append.c.ordinal)
)


# Asked for each block that is indexed: made once, so that a round's time is not that of making statements.

_CURSOR = select(position.c.block_number, position.c.block_hash, position.c.timestamp)

_CANONICAL_BLOCKS = select(*BLOCK_COLUMNS).where(block.c.canonical.is_(True))
_TIP = _CANONICAL_BLOCKS.order_by(block.c.number.desc()).limit(1)
_BLOCKS = _CANONICAL_BLOCKS.where(block.c.number.between(bindparam("first"), bindparam("last"))).order_by(
    block.c.number
)
_KNOWN_BLOCKS = select(block.c.block_hash).where(block.c.block_hash.in_(bindparam("hashes", expanding=True)))

_SEALING_OPERATORS = select(sealed_batch.c.operator).where(sealed_batch.c.canonical.is_(True)).distinct()
_SEALED_COUNT = (
    select(func.count())
    .select_from(sealed_batch)
    .where(sealed_batch.c.operator == bindparam("sealer"), sealed_batch.c.canonical.is_(True))
)
_IS_ON_CHAIN = _SEALED_COUNT.where(sealed_batch.c.batch_id == bindparam("batch"))

_LAST = (
    select(append.c.subject, func.max(append.c.ordinal).label("ordinal"))
    .where(append.c.subject.in_(bindparam("subjects", expanding=True)), append.c.canonical.is_(True))
    .group_by(append.c.subject)
    .subquery()
)
_LAST_APPENDS = select(*APPEND_COLUMNS).select_from(
    APPEND_JOINS.join(_LAST, and_(_LAST.c.subject == append.c.subject, _LAST.c.ordinal == append.c.ordinal))
)

_OF_BATCHES = (
    select_appends()
    .where(
        append.c.operator == bindparam("sealer"),
        append.c.batch_id.between(bindparam("first"), bindparam("last")),
        block.c.number <= bindparam("until"),
    )
    .order_by(append.c.batch_id, append.c.subject)
)

_SIGNER_CHANGES = (
    select(signer_change.c.party, signer_change.c.signer, signer_change.c.added, block.c.timestamp)
    .select_from(signer_change.join(block, block.c.block_hash == signer_change.c.block_hash))
    .where(
        signer_change.c.party.in_(bindparam("parties", expanding=True)),
        signer_change.c.canonical.is_(True),
        block.c.number <= bindparam("until"),
    )
)


class IndexRows(TallyRows):
    """The part of a transaction that reads and writes the indexed chain."""

    _connection: Connection
    _place: str

    # how far

    def cursor(self) -> Cursor | None:
        """How far the chain is indexed for good, or None before the first final block."""
        row = self._connection.execute(_CURSOR).one_or_none()
        return None if row is None else Cursor(*row)

    def set_cursor(self, cursor: Cursor) -> None:
        """Note that everything up to and including ``cursor`` is final."""
        values = {
            "block_number": cursor.block_number,
            "block_hash": cursor.block_hash,
            "timestamp": cursor.timestamp,
        }
        if self._connection.execute(position.update().where(position.c.id == 1).values(**values)).rowcount == 0:
            self._connection.execute(position.insert(), {"id": 1, **values})

    def tip(self) -> BlockRef | None:
        """The newest block that is indexed, final or not."""
        row = self._connection.execute(_TIP).one_or_none()
        return None if row is None else BlockRef(*row)

    def blocks(self, first: int, last: int) -> list[BlockRef]:
        """The indexed blocks on the chain with numbers ``first`` to ``last`` inclusive, ascending.

        Above the final block that is every one; below, those that were read by themselves.
        """
        numbers = {"first": storable(first), "last": storable(last)}
        return [BlockRef(*row) for row in self._connection.execute(_BLOCKS, numbers)]

    def known_blocks(self, block_hashes: Iterable[Hash]) -> set[Hash]:
        """Those of ``block_hashes`` whose blocks are kept with what they say, be they on the chain or undone."""
        known: set[Hash] = set()
        for some in chunks(block_hashes):
            known |= set(self._connection.execute(_KNOWN_BLOCKS, {"hashes": some}).scalars())
        return known

    # what blocks say

    def add_blocks(self, blocks: Mapping[BlockRef, Hash | None]) -> None:
        """Put new blocks on the chain, each with its parent; what they say follows.

        A parent that is None is that of a final block, whose link needs no checking.

        Raises:
            Duplicate: another block of that number is on the chain, or it is kept already.
        """
        rows = [
            {
                "block_hash": ref.hash,
                "number": ref.number,
                "parent_hash": parent,
                "timestamp": ref.timestamp,
                "canonical": True,
            }
            for ref, parent in blocks.items()
        ]
        insert_rows(self._connection, block, rows)

    def mark_blocks(self, block_hashes: Iterable[Hash], *, canonical: bool) -> None:
        """Take these blocks, with all that they say, off the chain, or put them on it again."""
        for some in chunks(block_hashes):
            before = self._on_chain(some)
            for table in _OF_A_BLOCK:
                of_them = table.c.block_hash.in_(some)
                self._connection.execute(table.update().where(of_them).values(canonical=canonical))
            for name, number in self._on_chain(some).items():
                self._tally(name, number - before[name])

    def _on_chain(self, block_hashes: Sequence[Hash]) -> dict[str, int]:
        """What of these blocks, which are kept, counts in the figures as the chain is seen now."""
        counted = {
            "sealed": select(func.count())
            .select_from(sealed_batch)
            .where(sealed_batch.c.block_hash.in_(block_hashes), sealed_batch.c.canonical.is_(True)),
            "entries": select(func.coalesce(func.sum(append.c.entry_count), 0)).where(
                append.c.block_hash.in_(block_hashes), append.c.canonical.is_(True)
            ),
            "undone": select(func.count())
            .select_from(block)
            .where(block.c.block_hash.in_(block_hashes), block.c.canonical.is_(False)),
        }
        return {name: int(self._connection.execute(one).scalar_one()) for name, one in counted.items()}

    def add_appends(self, appends: Sequence[AppendRecord], root: Hash, log_index: int) -> None:
        """Keep the ``appends`` of one sealed batch: event ``log_index`` of its block, with batch root ``root``.

        Raises:
            Duplicate: the batch is on the chain already, or an append of that ordinal is there.
        """
        assert appends, "a sealed batch appends to at least one log"
        first = appends[0]
        sealed = (first.operator, first.batch_id, first.block_hash)
        assert all((one.operator, one.batch_id, one.block_hash) == sealed for one in appends), "one call is one batch"
        if self._is_on_chain(first.operator, first.batch_id):
            raise Duplicate(f"The batch {first.batch_id} of {to_hex(first.operator)} is indexed already.")
        row = {
            "block_hash": first.block_hash,
            "log_index": log_index,
            "operator": first.operator,
            "batch_id": first.batch_id,
            "root": root,
            "canonical": True,
        }
        self._connection.execute(sealed_batch.insert(), row)
        rows = [
            {
                "block_hash": one.block_hash,
                "operator": one.operator,
                "batch_id": one.batch_id,
                "subject": one.subject,
                "ordinal": one.ordinal,
                "entry_count": one.count,
                "root": one.root,
                "first_seq": one.first_seq,
                "head": one.head,
                "canonical": True,
            }
            for one in appends
        ]
        insert_rows(self._connection, append, rows)
        self._tally("sealed", 1)
        self._tally("entries", sum(one.count for one in appends))

    def add_signer_change(
        self, party: PartyId, signer: Address, block_hash: Hash, log_index: int, *, added: bool
    ) -> None:
        """Event ``log_index`` of a block lets ``signer`` sign for ``party``, or revokes it.

        Raises:
            Duplicate: the chain says so already.
        """
        row = {
            "block_hash": block_hash,
            "log_index": log_index,
            "party": party,
            "signer": signer,
            "added": added,
            "canonical": True,
        }
        self._connection.execute(signer_change.insert(), row)

    # reading

    def last_appends(self, subjects: Iterable[PartyId]) -> Mapping[PartyId, AppendRecord]:
        """The newest append of each of ``subjects`` that has one, final or not."""
        newest: dict[PartyId, AppendRecord] = {}
        for some in chunks(subjects):
            for row in self._connection.execute(_LAST_APPENDS, {"subjects": some}):
                newest[row.subject] = append_record(row)
        return newest

    def appends(self, subject: PartyId, until_block: int) -> list[AppendRecord]:
        """All appends of ``subject`` up to and including block number ``until_block``, in order."""
        statement = (
            select_appends()
            .where(append.c.subject == subject, block.c.number <= storable(until_block))
            .order_by(append.c.ordinal)
        )
        return [append_record(row) for row in self._connection.execute(statement)]

    def appends_of_batches(
        self, operator: Address, first_batch: int, last_batch: int, until_block: int
    ) -> list[AppendRecord]:
        """The appends of these batches of ``operator`` (ids inclusive) up to ``until_block``, by batch, then party."""
        asked = {"sealer": operator, "first": first_batch, "last": last_batch, "until": storable(until_block)}
        return [append_record(row) for row in self._connection.execute(_OF_BATCHES, asked)]

    def log(self, subject: PartyId, until_block: int) -> Iterator[LogEntryRecord]:
        """The known entries of ``subject``'s log up to ``until_block``, in order of append and index, as they are read.

        Entries that their operator withholds are missing: compare with the ``count`` of the append. Good only inside
        the transaction.
        """
        with translated(self._place):
            by_ordinal = {one.ordinal: one for one in self.appends(subject, until_block)}
            if not by_ordinal:
                return
            joined = append.join(batch_entry, _ENTRY_OF_APPEND).join(
                EVIDENCE_JOINS, evidence.c.evidence_id == batch_entry.c.evidence_id
            )
            until = append.c.ordinal <= max(by_ordinal)
            statement = (
                select(append.c.ordinal, batch_entry.c.entry_index, *EVIDENCE_COLUMNS)
                .select_from(joined)
                .where(append.c.subject == subject, append.c.canonical.is_(True), until)
                .order_by(append.c.ordinal, batch_entry.c.entry_index)
            )
            options = {"yield_per": STREAM_ROWS}
            for ordinal, index, *row in self._connection.execute(statement, execution_options=options):
                yield LogEntryRecord(by_ordinal[ordinal], index, evidence_record(row))

    def subjects(self) -> list[PartyId]:
        """Whoever has a log on the chain as it is indexed, ascending."""
        statement = select(append.c.subject).where(append.c.canonical.is_(True)).distinct()
        return sorted(self._connection.execute(statement).scalars())

    def sealed_count(self, operator: Address) -> int:
        """How many batches of ``operator`` are on the chain as it is indexed: the id its next one must have."""
        return self._connection.execute(_SEALED_COUNT, {"sealer": operator}).scalar_one()

    def sealing_operators(self) -> list[Address]:
        """Whoever sealed a batch that is on the chain, ascending."""
        return sorted(self._connection.execute(_SEALING_OPERATORS).scalars())

    def signers(self, parties: Iterable[PartyId], until_block: int = INT64_MAX) -> list[SignerRecord]:
        """The signers of ``parties`` up to and including ``until_block``, by party, time of addition, and address."""
        added: dict[tuple[PartyId, Address], Timestamp] = {}
        revoked: dict[tuple[PartyId, Address], Timestamp] = {}
        for some in chunks(parties):
            wanted = {"parties": some, "until": storable(until_block)}
            for party, signer, is_added, timestamp in self._connection.execute(_SIGNER_CHANGES, wanted):
                (added if is_added else revoked)[party, signer] = timestamp
        records = [
            SignerRecord(party, signer, at, revoked.get((party, signer), Timestamp(0)))
            for (party, signer), at in added.items()
        ]
        return sorted(records, key=lambda record: (record.party, record.added_at, record.signer))

    def placement(self, evidence_id: EvidenceId) -> list[tuple[AppendRecord, int]]:
        """Where ``evidence_id`` stands in the chain as it is indexed: (append, index), by subject then ordinal."""
        rows = self._connection.execute(_PLACEMENT, {"wanted": evidence_id})
        return [(append_record(row), index) for index, *row in rows]

    def _is_on_chain(self, operator: Address, batch_id: int) -> bool:
        same = {"sealer": operator, "batch": batch_id}
        return bool(self._connection.execute(_IS_ON_CHAIN, same).scalar_one())
