"""Judge one party's log as everybody does (``protocol/standing.py``), derive its report, and say what does not fit.

Rules:

- entries that are not proven take up their places and are left out, as where an operator withholds them;
- where entries of a log are unknown, what they could explain is not held against the others: an entry that seems to
  have no parent, no contract or no reason to be here, a pledge, a figure;
- a report is derived by the function that the service and the verifier use, from the same judged entries;
- one append is held at a time; what was judged is kept on disk (``service/spool.py``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tallystick.credit.dates import utc_date
from tallystick.credit.findings import FindingCode
from tallystick.credit.receivables import Obstacle, find_obstacles
from tallystick.errors import MalformedInput
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Evidence, subjects
from tallystick.protocol.fields import MEASURED
from tallystick.protocol.pledges import Pledged
from tallystick.protocol.receivable import InvoiceIdentity
from tallystick.protocol.standing import Judge, SealedEntry
from tallystick.protocol.types import ZERO32, Address, BlockRef, EvidenceId, Hash, PartyId, SignerWindow, to_hex
from tallystick.service.audit.findings import BY_STANDING, Code, Finding
from tallystick.service.ports import Transaction
from tallystick.service.report import known_windows, log_append
from tallystick.service.spool import Spool
from tallystick.store.records import AppendRecord
from tallystick.store.workbook import CheckedItem, Workbook

_NEED_THE_WHOLE_LOG = frozenset({Standing.FOREIGN, Standing.MALFORMED, Standing.MISFIT, Standing.UNFOUNDED})
"""What an entry may be only because another one is not known."""
_KEY_FOR_COMPARING = bytes(32)
"""Two invoices are one under any network key, or under none."""


@dataclass(frozen=True)
class JudgedLog:
    """What judging a log gave: ``unproven`` are the appends of unknown entries, ``report`` is the credit report."""

    party: PartyId
    entries: int
    unproven: Sequence[AppendRecord]
    report: Mapping[str, Json]
    findings: Sequence[Finding]

    @property
    def withheld(self) -> int:
        """How many entries are not known."""
        return sum(append.count for append in self.unproven)


@dataclass(frozen=True)
class Log:
    """A party's log as the chain gives it, and which of its batches the archive proves."""

    party: PartyId
    appends: Sequence[AppendRecord]
    proven: frozenset[tuple[Address, int]]

    def is_proven(self, append: AppendRecord) -> bool:
        """Whether the entries of ``append`` are known."""
        return (append.operator, append.batch_id) in self.proven

    @property
    def unproven(self) -> list[AppendRecord]:
        """The appends whose entries are not known."""
        return [append for append in self.appends if not self.is_proven(append)]


def read_log(transaction: Transaction, workbook: Workbook, party: PartyId, until_block: int) -> Log:
    """The log of ``party`` up to block number ``until_block``."""
    return Log(party, transaction.appends(party, until_block), workbook.proven(party))


def judge_log(
    transaction: Transaction, workbook: Workbook, party: PartyId, as_of: BlockRef, pledges: Sequence[Pledged]
) -> JudgedLog:
    """Judge the log of ``party`` as of ``as_of``; ``pledges`` are those made of its receivables."""
    log = read_log(transaction, workbook, party, as_of.number)
    unproven = log.unproven
    withheld = sum(append.count for append in unproven)
    with Spool(party) as spool:
        judging = _Judging(transaction, workbook, log, as_of, spool, is_whole=not unproven)
        for append in log.appends:
            judging.judge(append)
        report = spool.report_as_of(as_of, withheld)
        findings = judging.findings
        if not unproven and not judging.hides:
            findings += [*_report_findings(party, report, spool), *_pledge_findings(party, spool, pledges)]
    return JudgedLog(party, judging.entries + withheld, unproven, report, findings)


def _sealed(item: CheckedItem) -> SealedEntry:
    return SealedEntry(item.evidence_id, item.evidence, item.signers, item.fields, item.hidden_count)


@dataclass
class _Judging:
    """A log under judgement, of which one append is held at a time."""

    transaction: Transaction
    workbook: Workbook
    log: Log
    as_of: BlockRef
    spool: Spool
    is_whole: bool
    """Whether all its entries are known."""
    entries: int = 0
    hides: bool = False
    """Whether something is hidden, or not what was signed, on which figures may rest."""
    findings: list[Finding] = field(default_factory=list)
    _windows: dict[PartyId, dict[tuple[PartyId, Address], SignerWindow]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._judge = Judge(self.log.party, self._window, self.spool.standing)

    def judge(self, append: AppendRecord) -> None:
        """Judge the entries of ``append``, the next one."""
        if not self.log.is_proven(append):
            self._judge.add(log_append(append), None)
            return
        items = self.workbook.entries(self.log.party, append.operator, append.batch_id)
        sealed = [_sealed(item) for item in items]
        self.spool.expect(sealed)
        entries = self._judge.add(log_append(append), sealed)
        self.spool.add(entries)
        self.entries += len(entries)
        for entry, item in zip(entries, items, strict=True):
            self.hides = self.hides or not item.whole
            self._look(entry, item)

    def _window(self, party: PartyId, signer: Address) -> SignerWindow | None:
        if party not in self._windows:
            self._windows[party] = known_windows(self.transaction, [party], self.as_of)
        return self._windows[party].get((party, signer))

    def _look(self, entry: Entry, item: CheckedItem) -> None:
        """Whether ``entry`` stands, is in the log of everybody whom it concerns, and hides nothing that counts."""
        if entry.standing is not Standing.STANDS:
            if self.is_whole or entry.standing not in _NEED_THE_WHOLE_LOG:
                self._find(BY_STANDING[entry.standing], entry)
            return
        parent = self.spool.get(entry.evidence.parent)
        if not _is_everywhere(item, parent):
            missing = set(subjects(entry.evidence, parent)) - item.places
            lacking = tuple(sorted(party for party in missing if not self._has(party, entry)))
            if lacking:
                self._find(Code.NOT_IN_EVERY_LOG, entry, lacking)
        if item.whole and item.hidden_count > 0 and entry.evidence.kind in MEASURED:
            self.hides = True
            self._find(Code.HIDDEN, entry)

    def _has(self, party: PartyId, entry: Entry) -> bool:
        """Whether the log of ``party`` has ``entry`` in its batch, or may have it, for entries there are not known."""
        if self.workbook.is_proven(party, entry.operator, entry.batch_id):
            named = self.workbook.names(party, entry.operator, entry.batch_id)
            return any(evidence_id == entry.evidence_id for evidence_id, _ in named)
        batch = (entry.batch_id, entry.batch_id, self.as_of.number)
        return any(one.subject == party for one in self.transaction.appends_of_batches(entry.operator, *batch))

    def _find(self, code: Code, entry: Entry, parties: tuple[PartyId, ...] | None = None) -> None:
        concerned = (self.log.party,) if parties is None else parties
        self.findings.append(Finding(code, concerned, (entry.evidence_id,), entry.operator, entry.batch_id))


def _is_everywhere(item: CheckedItem, parent: Evidence | None) -> bool:
    """Whether the batch has ``item`` in the logs of all whom it may concern: a quick look at what is usual."""
    named = (item.evidence,) if parent is None else (item.evidence, parent)
    return all(party in item.places or party == ZERO32 for one in named for party in (one.issuer, one.counterparty))


def _report_findings(party: PartyId, report: Mapping[str, Any], spool: Spool) -> Iterator[Finding]:
    """What deriving the report found: one finding where one message is about several evidence of one issuer."""
    said: dict[tuple[str, str, bytes], list[EvidenceId]] = defaultdict(list)
    for found in report["findings"]:
        evidence = EvidenceId(bytes.fromhex(found["evidence"][2:]))
        about = spool.get(evidence)
        assert about is not None, "a report finds what stands"
        said[found["code"], found["message"], about.issuer].append(evidence)
    for (code, message, _), evidence_ids in said.items():
        duplicate = code == FindingCode.DUPLICATE_INVOICE_NUMBER
        groups = [evidence_ids] if duplicate else [[one] for one in evidence_ids]
        for group in groups:
            kind = Code.DUPLICATE_INVOICE if duplicate else Code.REPORT_FINDING
            facts = () if duplicate else (("says", f"{message} ({code})"),)
            yield Finding(kind, (party,), tuple(sorted(group)), facts=facts)


def _pledge_findings(party: PartyId, spool: Spool, pledges: Sequence[Pledged]) -> Iterator[Finding]:
    """Whether each of ``pledges`` was of an invoice that could be financed, and whether their fingerprints agree."""
    of_receivable: dict[EvidenceId, list[Pledged]] = defaultdict(list)
    for pledge in pledges:
        of_receivable[pledge.receivable].append(pledge)
    identities: dict[Hash, Hash | None] = {}
    seen = set()
    for receivable, around in spool.around(of_receivable):
        seen.add(receivable)
        for pledge in of_receivable[receivable]:
            then = [entry for entry in around if entry.anchored_at <= pledge.pledged_at]
            yield from _obstacles(party, pledge, then)
            its = (_identity(entry) for entry in then if entry.evidence_id == receivable)
            identities[pledge.pledge] = next(its, None)
    for receivable in of_receivable.keys() - seen:
        for pledge in of_receivable[receivable]:
            yield from _obstacles(party, pledge, ())
    by_identity: dict[Hash, Pledged] = {}
    by_fingerprint: dict[Hash, tuple[Pledged, Hash]] = {}
    for pledge in pledges:
        identity = identities.get(pledge.pledge)
        if identity is None:
            continue
        same_invoice = by_identity.setdefault(identity, pledge)
        same_print, its_identity = by_fingerprint.setdefault(pledge.fingerprint, (pledge, identity))
        if same_invoice.fingerprint != pledge.fingerprint:
            yield _fingerprint(party, same_invoice, pledge)
        if its_identity != identity:
            yield _fingerprint(party, same_print, pledge)


def _obstacles(party: PartyId, pledge: Pledged, then: Sequence[Entry]) -> Iterator[Finding]:
    """What spoke against ``pledge`` when it was made, given the entries that bear on it ``then``."""
    found = find_obstacles(party, then, pledge.receivable, utc_date(pledge.pledged_at))
    if found:
        no_invoice = {Obstacle.NOT_AN_INVOICE, Obstacle.NOT_THE_ISSUER} & set(found)
        code = Code.PLEDGE_OF_NO_INVOICE if no_invoice else Code.PLEDGE_NOT_FINANCEABLE
        why = ", and ".join(obstacle.reason for obstacle in found)
        facts = (("pledge", to_hex(pledge.pledge)), ("why", why))
        yield Finding(code, (party,), (pledge.receivable,), facts=facts)


def _fingerprint(party: PartyId, one: Pledged, other: Pledged) -> Finding:
    names = tuple(sorted({one.receivable, other.receivable}))
    facts = (("other", to_hex(other.pledge)), ("pledge", to_hex(one.pledge)))
    return Finding(Code.PLEDGE_FINGERPRINT, (party,), names, facts=facts)


def _identity(entry: Entry) -> Hash | None:
    """What makes the invoice of ``entry`` itself, comparable; None where it does not show it."""
    texts = [entry.fields.get(name) for name in ("invoiceNumber", "issueDate", "currency", "payableAmount")]
    if not all(isinstance(text, str) for text in texts):
        return None
    try:
        identity = InvoiceIdentity(entry.evidence.issuer, entry.evidence.counterparty, *texts)  # type: ignore[arg-type]
        return identity.fingerprint(_KEY_FOR_COMPARING)
    except MalformedInput:
        return None
