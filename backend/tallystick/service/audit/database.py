"""Compare a live database with the replay: what it says of the chain, of evidence, of parties, and its reports.

Rules:

- every row that differs is a finding that names the evidence, the append, the signer or the party; what follows from it
  (a report, the index digest) is a finding of its own only where no row explains it;
- where the archive proves nothing, the database is not compared: the gap is said already. What other operators sealed
  is theirs to keep: a database need not have it;
- an evidence is compared with what was sealed; its content with the root that was signed, for a database may show more
  than the archive does;
- a row that can't be read is a finding, whatever it holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
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
from tallystick.service.context import Context, Progress
from tallystick.service.digest import index_digest
from tallystick.service.ports import Store, Transaction
from tallystick.service.report import Reader, report_of
from tallystick.store.records import AppendRecord, EvidenceRecord
from tallystick.store.workbook import CheckedItem, Workbook

_MEMBERS = tuple(field.name for field in fields(AppendRecord))


@dataclass(frozen=True)
class Replayed:
    """What the replay came to, as of ``as_of``: the indexed chain, the proven entries, the reports, the digest."""

    context: Context
    transaction: Transaction
    workbook: Workbook
    as_of: BlockRef
    bindings: Iterable[PartyBinding]
    report: Callable[[PartyId], Mapping[str, Json]]
    digest: Hash


def compare(database: Store, replayed: Replayed, progress: Progress) -> list[Finding]:
    """Everything in ``database`` that is not as ``replayed`` has it."""
    with database.transaction(read_only=True) as theirs:
        comparison = _Comparison(theirs, replayed)
        found = list(comparison.parties())
        subjects = sorted({*replayed.transaction.subjects(), *theirs.subjects()})
        admitted = sorted({*subjects, *(binding.party for binding in replayed.bindings)})
        found += comparison.signers(admitted)
        erased: list[Finding] = []
        unexplained, is_whole = [], True
        for done, party in enumerate(subjects, 1):
            log = read_log(replayed.transaction, replayed.workbook, party, replayed.as_of.number)
            rows = comparison.readable(party, lambda party=party, log=log: comparison.log(party, log))  # type: ignore[misc]
            found += rows
            erased += (gone := list(comparison.erased_since(log)))
            same = not rows and not log.unproven and all(map(comparison.holds, log.appends))
            is_whole = is_whole and same
            if same and not gone and all(item.whole for items in log.items for item in items or ()):
                unexplained.append(party)
            progress("compared", done, len(subjects))
        # a report rests on the rows of others too: on the windows of whoever signed
        if not any(finding.code is Code.DATABASE_SIGNER for finding in found):
            for party in unexplained:
                found += comparison.readable(party, lambda party=party: comparison.reports(party))  # type: ignore[misc]
        if not found and is_whole:
            digest = index_digest(theirs, replayed.as_of.number)
            if digest != replayed.digest:
                facts = (("expected", to_hex(replayed.digest)), ("got", to_hex(digest)))
                found.append(Finding(Code.DATABASE_DIGEST, facts=facts))
    return found + erased


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

    def readable(self, party: PartyId, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
        """What ``look`` finds, or that the rows of ``party`` can't be read."""
        try:
            return list(look())
        except (TallystickError, ValueError, LookupError, TypeError) as error:
            return [Finding(Code.DATABASE_UNREADABLE, (party,), facts=(("why", str(error)),))]

    def erased_since(self, log: Log) -> Iterator[Finding]:
        """What of ``log`` the database erased after the archive was made: no report can be the same any more."""
        shown = {item.evidence_id: item for items in log.items for item in items or () if item.disclosures}
        for evidence_id, one in sorted(self.theirs.erased(shown).items()):
            when = "" if one.erased_at is None else utc_date(one.erased_at).isoformat()
            append = next(
                append
                for append, items in zip(log.appends, log.items, strict=True)
                if any(item.evidence_id == evidence_id for item in items or ())
            )
            batch = (append.operator, append.batch_id)
            yield Finding(Code.ERASED, (log.party,), (evidence_id,), *batch, (("at", when),))

    def parties(self) -> Iterator[Finding]:
        """Names and identifiers, against the registrar's statements."""
        for binding in self.ours.bindings:
            kept = self.theirs.party(binding.party)
            said = f"{binding.scheme}:{binding.identifier} {binding.name}"
            got = "none" if kept is None else " ".join((*(str(one) for one in kept.identifiers[:1]), kept.name))
            if got != said:
                yield Finding(Code.DATABASE_PARTY, (binding.party,), facts=(("expected", said), ("got", got)))

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
        places: dict[int, dict[int, EvidenceRecord]] = defaultdict(dict)
        for entry in self.theirs.log(party, self.ours.as_of.number):
            places[entry.append.ordinal][entry.index] = entry.record
        for append, items in zip(log.appends, log.items, strict=True):
            is_held = self.holds(append) or bool(places[append.ordinal])
            if items is not None and is_held and append.ordinal not in differing:
                yield from _entries(party, append, dict(enumerate(items)), places[append.ordinal])

    @cached_property
    def _own(self) -> frozenset[Address]:
        """The operators that this database seals for."""
        operators = self.ours.transaction.sealing_operators()
        return frozenset(operator for operator in operators if self.theirs.count_batches(operator))

    def holds(self, append: AppendRecord) -> bool:
        """Whether the entries of ``append`` must be in this database: another operator's are theirs to keep."""
        return append.operator in self._own

    def reports(self, party: PartyId) -> Iterator[Finding]:
        """The report of ``party``, derived from the rows of the database."""
        # a reader keeps what it recovered: one a party keeps memory flat
        reader = Reader(self.ours.context, self.ours.as_of)
        theirs, ours = report_of(reader.read(self.theirs, party)), self.ours.report(party)
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
