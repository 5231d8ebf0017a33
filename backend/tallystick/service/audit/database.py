"""Compare a live database with the replay: what it says of the chain, of evidence, of parties, and its reports.

Rules:

- every row that differs is a finding that names the evidence, the append, the signer or the party; what follows from it
  (a report, the index digest) is a finding of its own only where no row explains it;
- where the archive proves nothing, the database is not compared: the gap is said already. What other operators sealed
  is theirs to keep: a database need not have it;
- an evidence is compared with what was sealed; its content with the root that was signed, for a database may show more
  than the archive does;
- a row that can't be read is a finding, whatever it holds;
- one append is held at a time, and parties depend on nothing but the chain, so that several are compared at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from tallystick.credit.dates import utc_date
from tallystick.errors import TallystickError
from tallystick.protocol import canonical, content
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.entry import Json
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, PartyId, SignerWindow, to_hex
from tallystick.service.audit.chain import window
from tallystick.service.audit.findings import Code, Finding
from tallystick.service.audit.logs import Log, read_log
from tallystick.service.digest import index_digest
from tallystick.service.ports import Store, Transaction
from tallystick.service.share import LogReading
from tallystick.service.showing import Showing
from tallystick.service.spool import Spool
from tallystick.store.records import AppendRecord, EvidenceRecord
from tallystick.store.workbook import CheckedItem, Workbook

_MEMBERS = tuple(field.name for field in fields(AppendRecord))


@dataclass(frozen=True)
class Replayed:
    """What the replay came to, as of ``as_of``: the indexed chain, and the proven entries with the reports."""

    transaction: Transaction
    workbook: Workbook
    as_of: BlockRef

    def report(self, party: PartyId) -> Mapping[str, Json]:
        """The credit report of ``party``."""
        kept: Any = self.workbook.party_result(party)
        return kept["report"]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class ComparedParty:
    """What comparing the rows of one party found; ``is_whole``: all of its log is here, and none of it differs.

    ``erased`` is what the database erased since the archive was made, which explains why it shows less.
    """

    findings: Sequence[Finding]
    erased: Sequence[Finding]
    is_whole: bool


def compare_parties(
    theirs: Transaction, replayed: Replayed, bindings: Iterable[PartyBinding], subjects: Iterable[PartyId]
) -> list[Finding]:
    """Names and signer windows, of all that were admitted: what the rows of several logs rest on."""
    comparison, stated = _Comparison(theirs, replayed, own_operators(theirs, replayed)), list(bindings)
    found = list(comparison.parties(stated))
    admitted = sorted({*subjects, *(binding.party for binding in stated)})
    return [*found, *comparison.signers(admitted)]


def own_operators(theirs: Transaction, replayed: Replayed) -> frozenset[Address]:
    """The operators that this database seals for."""
    operators = replayed.transaction.sealing_operators()
    return frozenset(operator for operator in operators if theirs.count_batches(operator))


def compare_party(
    theirs: Transaction, replayed: Replayed, own: frozenset[Address], party: PartyId, *, with_report: bool
) -> ComparedParty:
    """The appends and entries of ``party``, and where nothing of them differs its report.

    ``own`` are the operators that the database seals for. A report rests on the rows of others too, the windows of
    whoever signed: ``with_report`` says whether those are as they must be.
    """
    comparison = _Comparison(theirs, replayed, own)
    log = read_log(replayed.transaction, replayed.workbook, party, replayed.as_of.number)
    found = comparison.readable(party, lambda: comparison.log(party, log))
    is_whole = not found and not log.unproven and all(map(comparison.holds, log.appends))
    if with_report and is_whole and comparison.shows_all and not comparison.erased:
        found += comparison.readable(party, lambda: comparison.reports(party))
    return ComparedParty(found, comparison.erased, is_whole)


def compare_digest(theirs: Transaction, replayed: Replayed, digest: Hash) -> list[Finding]:
    """The index digest, where no row differs."""
    got = index_digest(theirs, replayed.as_of.number)
    if got == digest:
        return []
    return [Finding(Code.DATABASE_DIGEST, facts=(("expected", to_hex(digest)), ("got", to_hex(got))))]


def binds_to(database: Store, deployment: Deployment) -> str | None:
    """Why ``database`` is not of ``deployment``, or None where it is."""
    with database.transaction(read_only=True) as transaction:
        bound = transaction.deployment()
    ours = (deployment.chain_id, deployment.genesis_hash, deployment.ledger)
    if bound is None:
        return "it is bound to none"
    if (bound.chain_id, bound.genesis_hash, bound.ledger) != ours:
        return f"it is of ledger {to_hex(bound.ledger)} on chain {bound.chain_id}"
    return None


@dataclass
class _Comparison:
    """``theirs``, the database, beside ``ours``, the replay."""

    theirs: Transaction
    ours: Replayed
    own: frozenset[Address]
    shows_all: bool = True
    """Whether all content that was compared is what was signed, as far as the archive shows it."""
    erased: list[Finding] = field(default_factory=list)
    """What the database erased after the archive was made: no report can be the same any more."""

    def readable(self, party: PartyId, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
        """What ``look`` finds, or that the rows of ``party`` can't be read."""
        try:
            return list(look())
        except (TallystickError, ValueError, LookupError, TypeError) as error:
            return [Finding(Code.DATABASE_UNREADABLE, (party,), facts=(("why", str(error)),))]

    def parties(self, bindings: Iterable[PartyBinding]) -> Iterator[Finding]:
        """Names and identifiers, against the registrar's statements; of several about a party any will do."""
        stated: dict[PartyId, list[str]] = defaultdict(list)
        for binding in bindings:
            stated[binding.party].append(f"{binding.scheme}:{binding.identifier} {binding.name}")
        for party, said in stated.items():
            kept = self.theirs.party(party)
            got = "none" if kept is None else " ".join((*(str(one) for one in kept.identifiers[:1]), kept.name))
            if got not in said and not (kept is None and self._may_lack(party)):
                yield Finding(Code.DATABASE_PARTY, (party,), facts=(("expected", said[0]), ("got", got)))

    def _may_lack(self, party: PartyId) -> bool:
        """Whether ``party`` may be known to another operator alone."""
        operators = set(self.ours.transaction.sealing_operators())
        appends = self.ours.transaction.appends(party, self.ours.as_of.number)
        return bool(operators - self.own) and not any(append.operator in self.own for append in appends)

    def signers(self, parties: Iterable[PartyId]) -> Iterator[Finding]:
        """The windows of all signers of ``parties``."""
        until, listed = self.ours.as_of.number, list(parties)

        def windows(transaction: Transaction) -> dict[tuple[bytes, bytes], str]:
            return {
                (one.party, one.signer): window(SignerWindow(one.added_at, one.revoked_at))
                for one in transaction.signers(listed, until)
            }

        expected, got = windows(self.ours.transaction), windows(self.theirs)
        for party, signer in sorted({*expected, *got}):
            if expected.get((party, signer)) != got.get((party, signer)):
                values = (expected.get((party, signer), "none"), got.get((party, signer), "none"))
                facts = (("expected", values[0]), ("got", values[1]), ("signer", to_hex(signer)))
                yield Finding(Code.DATABASE_SIGNER, (PartyId(party),), facts=facts)

    def log(self, party: PartyId, log: Log) -> Iterator[Finding]:
        """The appends and entries of ``party``."""
        kept = {append.ordinal: append for append in self.theirs.appends(party, self.ours.as_of.number)}
        differing = set()
        for append in log.appends:
            if (finding := _append(party, append, kept.pop(append.ordinal, None))) is not None:
                differing.add(append.ordinal)
                yield finding
        for spare in kept.values():
            facts = (("expected", "none"), ("got", _brief(spare)))
            yield Finding(Code.DATABASE_APPEND, (party,), operator=spare.operator, batch_id=spare.batch_id, facts=facts)
        entries = self.theirs.log(party, self.ours.as_of.number)
        entry = next(entries, None)
        for append in log.appends:
            records: dict[int, EvidenceRecord] = {}
            while entry is not None and entry.append.ordinal <= append.ordinal:
                if entry.append.ordinal == append.ordinal:
                    records[entry.index] = entry.record
                entry = next(entries, None)
            if log.is_proven(append) and (self.holds(append) or records) and append.ordinal not in differing:
                items = self.ours.workbook.entries(party, append.operator, append.batch_id)
                self.shows_all = self.shows_all and all(item.whole for item in items)
                self._note_erased(party, append, [item.evidence_id for item in items if item.disclosures])
                yield from _entries(party, append, dict(enumerate(items)), records)

    def _note_erased(self, party: PartyId, append: AppendRecord, shown: Sequence[EvidenceId]) -> None:
        for evidence_id, one in sorted(self.theirs.erased(shown).items()):
            facts = (("at", "" if one.erased_at is None else utc_date(one.erased_at).isoformat()),)
            batch = (append.operator, append.batch_id)
            self.erased.append(Finding(Code.ERASED, (party,), (evidence_id,), *batch, facts))

    def holds(self, append: AppendRecord) -> bool:
        """Whether the entries of ``append`` must be in this database: another operator's are theirs to keep."""
        return append.operator in self.own

    def reports(self, party: PartyId) -> Iterator[Finding]:
        """The report of ``party``, derived from the rows of the database, an append at a time."""
        as_of, ours = self.ours.as_of, self.ours.report(party)
        with Spool(party) as spool:
            reading = LogReading(self.theirs, party, as_of, Showing(), spool)
            for _ in reading.appends(self.theirs.appends(party, as_of.number)):
                pass
            theirs = spool.report_as_of(as_of, reading.withheld)
        if canonical.encode(theirs) != canonical.encode(ours):
            where = next(key for key in sorted({*ours, *theirs}) if ours.get(key) != theirs.get(key))
            yield Finding(Code.DATABASE_REPORT, (party,), facts=(("where", where),))


def _append(party: PartyId, ours: AppendRecord, theirs: AppendRecord | None) -> Finding | None:
    if ours == theirs:
        return None
    if theirs is None:
        expected, got = _brief(ours), "none"
    else:
        name = next(name for name in _MEMBERS if getattr(ours, name) != getattr(theirs, name))
        expected, got = (f"{name} {_text(getattr(one, name))}" for one in (ours, theirs))
    facts = (("expected", expected), ("got", got))
    return Finding(Code.DATABASE_APPEND, (party,), operator=ours.operator, batch_id=ours.batch_id, facts=facts)


def _entries(
    party: PartyId, append: AppendRecord, ours: Mapping[int, CheckedItem], theirs: Mapping[int, EvidenceRecord]
) -> Iterator[Finding]:
    def finding(code: Code, evidence: EvidenceId, **facts: str) -> Finding:
        batch = (append.operator, append.batch_id)
        return Finding(code, (party,), (evidence,), *batch, tuple(sorted(facts.items())))

    for index in sorted({*ours, *theirs}):
        item, record = ours.get(index), theirs.get(index)
        if item is None:
            assert record is not None, "one of the two has it"
            yield finding(Code.DATABASE_SURPLUS, record.evidence_id)
        elif record is None or record.evidence_id != item.evidence_id:
            yield finding(Code.DATABASE_MISSING, item.evidence_id)
            if record is not None:
                yield finding(Code.DATABASE_SURPLUS, record.evidence_id)
        elif (member := _differing(item, record)) is not None:
            yield finding(Code.DATABASE_EVIDENCE, item.evidence_id, member=member)


def _differing(item: CheckedItem, record: EvidenceRecord) -> str | None:
    """What of an evidence the database keeps otherwise than it was sealed."""
    if record.evidence != item.evidence:
        return "signed values"
    if record.signatures != item.signatures:
        return "signatures"
    if not all(isinstance(one, str) for one in record.disclosures):
        return "contents"
    shown, hidden = tuple(sorted(record.disclosures)), tuple(sorted(record.hidden))
    if (shown, hidden) == (item.disclosures, item.hidden) and item.whole:
        return None
    return None if content.check_root(item.evidence.content_root, shown, hidden) is None else "contents"


def _brief(append: AppendRecord) -> str:
    return f"{append.count} entries in batch {append.batch_id} of {to_hex(append.operator)}"


def _text(value: Any) -> str:
    return to_hex(value) if isinstance(value, bytes) else str(value)
