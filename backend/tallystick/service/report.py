"""Credit histories: a party's judged log as of the indexed block, and the report derived from it.

Rules: the report is a pure function of (entries, as-of block, definitions); entries another operator withholds are
counted, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tallystick.credit import report as credit_report
from tallystick.errors import MalformedEvidence
from tallystick.protocol import content
from tallystick.protocol.entry import Entry, Json
from tallystick.protocol.log import LogAppend
from tallystick.protocol.standing import SealedEntry, judge, recover_signers
from tallystick.protocol.types import Address, BlockRef, EvidenceId, PartyId, SignerWindow, Timestamp, to_hex
from tallystick.protocol.verify_log import pairs
from tallystick.service.context import Context
from tallystick.service.ports import Transaction
from tallystick.service.showing import Showing
from tallystick.store.grants import Erasure
from tallystick.store.records import AppendRecord, EvidenceRecord, LogEntryRecord


@dataclass(frozen=True)
class History:
    """A party's complete log as of ``as_of``: its appends, the records behind them (None: withheld), judged."""

    party: PartyId
    as_of: BlockRef
    appends: Sequence[AppendRecord]
    records: Sequence[Sequence[EvidenceRecord] | None]
    windows: Mapping[tuple[PartyId, Address], SignerWindow]
    entries: Sequence[Entry]

    @property
    def withheld(self) -> int:
        """How many entries their operators withhold."""
        return sum(append.count for append, records in zip(self.appends, self.records, strict=True) if records is None)


@dataclass
class Reader:
    """Reads histories as of one block; keeps what it recovered, for an evidence stands in several logs.

    ``showing`` is what one holder shows of its own history: with choices in it, read no other.
    """

    context: Context
    as_of: BlockRef
    showing: Showing = field(default_factory=Showing)
    _unpacked: dict[EvidenceId, SealedEntry] = field(default_factory=dict)

    def read(self, transaction: Transaction, party: PartyId) -> History:
        """The history of ``party`` as ``transaction`` has it, and as far as it is shown."""
        appends = transaction.appends(party, self.as_of.number)
        records = [
            None if kept is None else [self.showing.shown(party, record) for record in kept]
            for kept in _records_by_append(appends, transaction.log(party, self.as_of.number))
        ]
        batches: list[tuple[LogAppend, Sequence[SealedEntry] | None]] = []
        for append, kept in zip(appends, records, strict=True):
            sealed = None if kept is None else [self._unpack(record) for record in kept]
            batches.append((log_append(append), sealed))
        windows = self._windows(transaction, batches)
        entries = judge(party, batches, lambda of, signer: windows.get((of, signer)))
        return History(party, self.as_of, appends, records, windows, entries)

    def _unpack(self, record: EvidenceRecord) -> SealedEntry:
        if record.evidence_id not in self._unpacked:
            self._unpacked[record.evidence_id] = unpack(record)
        return self._unpacked[record.evidence_id]

    def _windows(
        self, transaction: Transaction, batches: Sequence[tuple[LogAppend, Sequence[SealedEntry] | None]]
    ) -> dict[tuple[PartyId, Address], SignerWindow]:
        """The window of every (party, signer) that signed; zero where the chain never knew the signer."""
        used = {pair for _, sealed in batches for pair in pairs(sealed or ())}
        known = known_windows(transaction, {party for party, _ in used}, self.as_of)
        return {pair: known.get(pair, NEVER_ADDED) for pair in used}


NEVER_ADDED = SignerWindow(Timestamp(0), Timestamp(0))


def unpack(record: EvidenceRecord) -> SealedEntry:
    """``record`` as it is judged."""
    return SealedEntry(
        evidence_id=record.evidence_id,
        evidence=record.evidence,
        signers=recover_signers(record.evidence_id, record.signatures, len(record.evidence.signing_parties())),
        fields=_fields(record),
        hidden=content.hidden_count(record.evidence.content_root, record.disclosures, record.hidden),
    )


def known_windows(
    transaction: Transaction, parties: Iterable[PartyId], as_of: BlockRef
) -> dict[tuple[PartyId, Address], SignerWindow]:
    """The windows of all signers of ``parties`` as of that block."""
    return {
        (record.party, record.signer): SignerWindow(record.added_at, record.revoked_at)
        for record in transaction.signers(parties, as_of.number)
    }


def derive(party: PartyId, entries: Sequence[Entry], as_of: BlockRef, withheld: int) -> Mapping[str, Json]:
    """The credit report as JSON: what the verifier recomputes (``verdict.DeriveReport``)."""
    return credit_report.to_json(credit_report.derive(party, entries, as_of, withheld=withheld))


def report_of(history: History) -> Mapping[str, Json]:
    """The credit report of ``history`` as JSON."""
    return derive(history.party, history.entries, history.as_of, history.withheld)


def histories(context: Context, as_of: BlockRef, parties: Sequence[PartyId]) -> Iterator[Mapping[str, Json]]:
    """The report of each of ``parties`` as of the final block ``as_of``, in that order."""
    reader = Reader(context, as_of)
    with context.store.transaction(read_only=True) as transaction:
        for party in parties:
            made = report_of(reader.read(transaction, party))
            yield with_erased(made, transaction.erased_in_log(party, as_of.number))


def with_erased(report: Mapping[str, Json], erased: Sequence[Erasure]) -> Mapping[str, Json]:
    """``report``, and where there is any, what was ``erased`` of its log: bundles have no word for it but hidden.

    In stories, what was said and is erased is marked.
    """
    if not erased:
        return report
    gone = {to_hex(one.evidence) for one in erased}
    stories: Any = report["stories"]
    told = [
        {**story, "said": [{**said, "erased": True} if said["evidence"] in gone else said for said in story["said"]]}
        for story in stories
    ]
    return {**report, "stories": told, "erased": erased_json(erased)}


def erased_json(erased: Iterable[Erasure]) -> list[Mapping[str, Json]]:
    """What was erased, as JSON."""
    return [{"evidence": to_hex(one.evidence), "erasedAt": one.erased_at} for one in erased]


def log_append(append: AppendRecord) -> LogAppend:
    """``append`` as the protocol folds it."""
    return LogAppend(append.operator, append.batch_id, append.count, append.root, append.timestamp)


def _fields(record: EvidenceRecord) -> Mapping[str, Json] | None:
    try:
        return content.parse_all(record.disclosures)
    except MalformedEvidence:
        return None


def _records_by_append(
    appends: Sequence[AppendRecord], entries: Iterator[LogEntryRecord]
) -> list[Sequence[EvidenceRecord] | None]:
    """The evidence behind each append in index order, or None where not all of it is known here."""
    by_ordinal: dict[int, list[EvidenceRecord]] = {}
    for entry in entries:
        by_ordinal.setdefault(entry.append.ordinal, []).append(entry.record)
    return [known if len(known := by_ordinal.get(append.ordinal, [])) == append.count else None for append in appends]
