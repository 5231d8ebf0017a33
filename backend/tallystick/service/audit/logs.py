"""Judge one party's log as everybody does (``protocol/standing.py``), derive its report, and say what does not fit.

Rules:

- entries that are not proven take up their places and are left out, as where an operator withholds them;
- where entries of a log are unknown, what they could explain is not held against the others: an entry that seems to
  have no parent, no contract or no reason to be here, a pledge, a figure;
- a report is derived by the function that the service and the verifier use, from the same judged entries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.credit.dates import utc_date
from tallystick.credit.findings import FindingCode
from tallystick.credit.receivables import Obstacle, find_obstacles
from tallystick.errors import MalformedInput
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Evidence, subjects
from tallystick.protocol.fields import MEASURED
from tallystick.protocol.log import LogAppend
from tallystick.protocol.pledges import Pledged
from tallystick.protocol.receivable import InvoiceIdentity
from tallystick.protocol.standing import SealedEntry, judge
from tallystick.protocol.types import ZERO32, Address, BlockRef, EvidenceId, Hash, PartyId, SignerWindow, to_hex
from tallystick.service.audit.findings import BY_STANDING, Code, Finding
from tallystick.service.ports import Transaction
from tallystick.service.report import derive, log_append
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
    """A party's log as the chain and the archive give it, before it is judged; entries are None where not proven."""

    party: PartyId
    appends: Sequence[AppendRecord]
    items: Sequence[Sequence[CheckedItem] | None]

    @property
    def unproven(self) -> list[AppendRecord]:
        """The appends whose entries are not known."""
        return [append for append, items in zip(self.appends, self.items, strict=True) if items is None]


def read_log(transaction: Transaction, workbook: Workbook, party: PartyId, until_block: int) -> Log:
    """The log of ``party`` up to block number ``until_block``."""
    appends = transaction.appends(party, until_block)
    proven: dict[tuple[Address, int], list[CheckedItem]] = defaultdict(list)
    for operator, batch_id, _, item in workbook.log(party):
        proven[operator, batch_id].append(item)
    return Log(party, appends, [proven.get((append.operator, append.batch_id)) for append in appends])


def judge_log(
    transaction: Transaction, workbook: Workbook, party: PartyId, as_of: BlockRef, pledges: Sequence[Pledged]
) -> JudgedLog:
    """Judge the log of ``party`` as of ``as_of``; ``pledges`` are those made of its receivables."""
    log = read_log(transaction, workbook, party, as_of.number)
    batches: list[tuple[LogAppend, Sequence[SealedEntry] | None]] = [
        (log_append(append), None if items is None else [_sealed(item) for item in items])
        for append, items in zip(log.appends, log.items, strict=True)
    ]
    windows = _windows(transaction, batches, as_of)
    entries = judge(party, batches, lambda of, signer: windows.get((of, signer)))
    unproven = log.unproven
    withheld = sum(append.count for append in unproven)
    report = derive(party, entries, as_of, withheld)
    shown = [item for items in log.items if items is not None for item in items]
    judged = _Judged(transaction, workbook, log, as_of, entries, shown)
    hidden = list(judged.hidden())
    findings = [*judged.void(), *judged.not_in_every_log(), *hidden]
    if not unproven and not hidden and all(item.whole for item in shown):
        findings += [*_report_findings(party, report, entries), *_pledge_findings(party, entries, pledges)]
    return JudgedLog(party, len(entries) + withheld, unproven, report, findings)


def _sealed(item: CheckedItem) -> SealedEntry:
    return SealedEntry(item.evidence_id, item.evidence, item.signers, item.fields, item.hidden_count)


def _windows(
    transaction: Transaction, batches: Sequence[tuple[LogAppend, Sequence[SealedEntry] | None]], as_of: BlockRef
) -> dict[tuple[PartyId, Address], SignerWindow]:
    parties = {party for _, sealed in batches for entry in sealed or () for party in entry.evidence.signing_parties()}
    return {
        (record.party, record.signer): SignerWindow(record.added_at, record.revoked_at)
        for record in transaction.signers(parties, as_of.number)
    }


@dataclass(frozen=True)
class _Judged:
    """A judged log, to be looked at: ``items`` are what the archive showed of each of ``entries``."""

    transaction: Transaction
    workbook: Workbook
    log: Log
    as_of: BlockRef
    entries: Sequence[Entry]
    items: Sequence[CheckedItem]

    def void(self) -> Iterator[Finding]:
        """The entries that do not stand."""
        is_whole = not self.log.unproven
        for entry in self.entries:
            if entry.standing is Standing.STANDS or (entry.standing in _NEED_THE_WHOLE_LOG and not is_whole):
                continue
            code = BY_STANDING[entry.standing]
            yield Finding(code, (self.log.party,), (entry.evidence_id,), entry.operator, entry.batch_id)

    def not_in_every_log(self) -> Iterator[Finding]:
        """The entries that stand here and are missing, in their batch, from the log of another whom they concern."""
        standing = {entry.evidence_id: entry.evidence for entry in self.entries if entry.standing is Standing.STANDS}
        for entry, item in zip(self.entries, self.items, strict=True):
            if entry.standing is not Standing.STANDS or _is_everywhere(item, standing.get(entry.evidence.parent)):
                continue
            missing = set(subjects(entry.evidence, standing.get(entry.evidence.parent))) - item.places
            lacking = tuple(sorted(party for party in missing if not self._may_have(party, entry)))
            if lacking:
                evidence = (entry.evidence_id,)
                yield Finding(Code.NOT_IN_EVERY_LOG, lacking, evidence, entry.operator, entry.batch_id)

    def _may_have(self, party: PartyId, entry: Entry) -> bool:
        """Whether entries of ``party`` in the batch of ``entry`` are not known, so that it may be one of them."""
        unproven = read_log(self.transaction, self.workbook, party, self.as_of.number).unproven
        return any((one.operator, one.batch_id) == (entry.operator, entry.batch_id) for one in unproven)

    def hidden(self) -> Iterator[Finding]:
        """The entries that hide what figures may rest on."""
        for entry, item in zip(self.entries, self.items, strict=True):
            hides = item.whole and item.hidden_count > 0 and entry.standing is Standing.STANDS
            if hides and entry.evidence.kind in MEASURED:
                yield Finding(Code.HIDDEN, (self.log.party,), (entry.evidence_id,), entry.operator, entry.batch_id)


def _is_everywhere(item: CheckedItem, parent: Evidence | None) -> bool:
    """Whether the batch has ``item`` in the logs of all whom it may concern: a quick look at what is usual."""
    named = (item.evidence,) if parent is None else (item.evidence, parent)
    return all(party in item.places or party == ZERO32 for one in named for party in (one.issuer, one.counterparty))


def _report_findings(party: PartyId, report: Mapping[str, Any], entries: Sequence[Entry]) -> Iterator[Finding]:
    """What deriving the report found: one finding where one message is about several evidence of one issuer."""
    by_id = {entry.evidence_id: entry.evidence for entry in entries}
    said: dict[tuple[str, str, bytes], list[EvidenceId]] = defaultdict(list)
    for found in report["findings"]:
        evidence = EvidenceId(bytes.fromhex(found["evidence"][2:]))
        said[found["code"], found["message"], by_id[evidence].issuer].append(evidence)
    for (code, message, _), evidence_ids in said.items():
        duplicate = code == FindingCode.DUPLICATE_INVOICE_NUMBER
        groups = [evidence_ids] if duplicate else [[one] for one in evidence_ids]
        for group in groups:
            kind = Code.DUPLICATE_INVOICE if duplicate else Code.REPORT_FINDING
            facts = () if duplicate else (("says", f"{message} ({code})"),)
            yield Finding(kind, (party,), tuple(sorted(group)), facts=facts)


def _pledge_findings(party: PartyId, entries: Sequence[Entry], pledges: Sequence[Pledged]) -> Iterator[Finding]:
    """Whether each of ``pledges`` was of an invoice that could be financed, and whether their fingerprints agree."""
    by_identity: dict[Hash, Pledged] = {}
    by_fingerprint: dict[Hash, tuple[Pledged, Hash]] = {}
    for pledge in pledges:
        then = [entry for entry in entries if entry.anchored_at <= pledge.pledged_at]
        found = find_obstacles(party, then, pledge.receivable, utc_date(pledge.pledged_at))
        if found:
            no_invoice = {Obstacle.NOT_AN_INVOICE, Obstacle.NOT_THE_ISSUER} & set(found)
            code = Code.PLEDGE_OF_NO_INVOICE if no_invoice else Code.PLEDGE_NOT_FINANCEABLE
            why = ", and ".join(obstacle.reason for obstacle in found)
            facts = (("pledge", to_hex(pledge.pledge)), ("why", why))
            yield Finding(code, (party,), (pledge.receivable,), facts=facts)
        identity = next((_identity(entry) for entry in then if entry.evidence_id == pledge.receivable), None)
        if identity is None:
            continue
        same_invoice = by_identity.setdefault(identity, pledge)
        same_print, its_identity = by_fingerprint.setdefault(pledge.fingerprint, (pledge, identity))
        if same_invoice.fingerprint != pledge.fingerprint:
            yield _fingerprint(party, same_invoice, pledge)
        if its_identity != identity:
            yield _fingerprint(party, same_print, pledge)


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
