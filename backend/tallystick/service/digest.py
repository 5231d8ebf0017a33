"""The index digest: one value that two installations compare which indexed the same chain and hold the same evidence.

- For each subject ascending, for each entry of its log in order, one line of canonical JSON (RFC 8785)
  ``[subject, seq, operator, batchId, index, evidenceId, signaturesHash, timestamp]``, ended by a line feed; an entry
  that its operator withholds has null in place of its evidence;
- the digest is the SHA-256 of all lines (protocol section 12).

Example: ``index_digest(transaction, cursor.block_number) == index_digest(replayed, cursor.block_number)``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import orjson

from tallystick.protocol.entry import Json
from tallystick.protocol.log import signatures_hash
from tallystick.protocol.types import EvidenceId, Hash, PartyId, to_hex
from tallystick.service.ports import Transaction
from tallystick.store.records import AppendRecord

Name = tuple[tuple[int, int], tuple[EvidenceId, bytes]]
"""Ordinal of an append and index in it; evidence id and signatures of the entry that stands there."""


class Logs(Protocol):
    """All logs, be they a database's or an auditor's."""

    def subjects(self) -> list[PartyId]:
        """Whoever has a log, ascending."""

    def appends(self, subject: PartyId, until_block: int) -> Sequence[AppendRecord]:
        """All appends of ``subject`` up to and including block number ``until_block``, in order."""

    def names(self, subject: PartyId, appends: Sequence[AppendRecord]) -> Iterable[Name]:
        """The known entries of ``subject`` in ``appends``, in order; of others too where that is easier."""


def index_digest(transaction: Transaction, until_block: int) -> Hash:
    """The digest of all logs up to and including block number ``until_block``, 32 bytes."""
    return digest_of(_Kept(transaction), until_block)


def digest_of(logs: Logs, until_block: int) -> Hash:
    """The same, of any ``logs``."""
    digest = hashlib.sha256()
    for subject in logs.subjects():
        for line in _lines(logs, subject, until_block):
            # a list of text, whole numbers and null: its canonical form is its only one
            digest.update(orjson.dumps(line) + b"\n")
    return Hash(digest.digest())


class _Kept:
    """The logs of a database."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.subjects = transaction.subjects
        self.appends = transaction.appends

    def names(self, subject: PartyId, appends: Sequence[AppendRecord]) -> Iterator[Name]:
        for entry in self._transaction.log(subject, max((one.block_number for one in appends), default=0)):
            yield (entry.append.ordinal, entry.index), (entry.record.evidence_id, entry.record.signatures)


def _lines(logs: Logs, subject: PartyId, until_block: int) -> Iterator[Json]:
    appends = logs.appends(subject, until_block)
    known = iter(logs.names(subject, appends))
    name = next(known, None)
    for append in appends:
        for index in range(append.count):
            place = (append.ordinal, index)
            while name is not None and name[0] < place:
                name = next(known, None)
            shown: tuple[str | None, str | None] = (None, None)
            if name is not None and name[0] == place:
                evidence_id, signatures = name[1]
                shown = (to_hex(evidence_id), to_hex(signatures_hash(subject, signatures)))
            seq = append.first_seq + index
            yield [to_hex(subject), seq, to_hex(append.operator), append.batch_id, index, *shown, append.timestamp]
