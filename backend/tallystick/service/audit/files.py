"""Check one file of the archive against what the chain sealed: everything that an entry shows by itself.

Rules:

- an entry is proven where all entries that the file has of its subject and batch give the subject root on the chain;
  what is not proven is kept out of every log, and said;
- each evidence is checked once, whatever the number of its places: id, signatures, content root, disclosures;
- whatever the file holds, it is a finding and never an exception;
- a file depends on nothing but the chain, so that several are checked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tallystick.credit.dates import utc_date
from tallystick.errors import MalformedEvidence, MalformedInput, NotFound
from tallystick.protocol import content
from tallystick.protocol.archive import ArchivedEntry, BatchFile, Content, parse_archived
from tallystick.protocol.bundle import BundleEntry
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Domain
from tallystick.protocol.log import entry_leaf
from tallystick.protocol.merkle import root as tree_root
from tallystick.protocol.standing import Signers, recover_signers
from tallystick.protocol.types import Address, EvidenceId, Hash, PartyId
from tallystick.service.audit.findings import Code, Finding
from tallystick.store.workbook import CheckedItem, ProvenPlace

SealedBatches = Mapping[int, Mapping[PartyId, tuple[int, Hash]]]
"""What the chain sealed: by batch id, by subject, count and subject root."""


KnownSigner = Callable[[PartyId, Address], bool]
"""Whether an account ever was a signer of a party."""


class Archive(Protocol):
    """Where an archive is read from."""

    def lines(self, content: Content, encryption: str | None) -> Iterator[bytes]:
        """The lines of one file. Raises ``NotFound``, ``MalformedInput``, or ``UsageError`` for a wrong key."""


@dataclass
class FileCheck:
    """What one file holds that the chain proves, and what was found."""

    items: list[CheckedItem] = field(default_factory=list)
    places: list[ProvenPlace] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    explained: tuple[int, int] | None = None
    """First and last batch whose lack needs no finding of its own: the file is missing or damaged."""
    rooted_out: list[tuple[int, PartyId]] = field(default_factory=list)
    """(batch, subject) whose entries are all here and do not give the root."""


def check_file(
    archive: Archive,
    file: BatchFile,
    encryption: str | None,
    domain: Domain,
    sealed: SealedBatches,
    known_signer: KnownSigner,
) -> FileCheck:
    """Check ``file`` of ``archive`` against the ``sealed`` batches of its operator."""
    check = FileCheck()
    for batch_id, items in _batches(check, archive, file, encryption):
        _Batch(check, file.operator, batch_id, items, sealed.get(batch_id, {}), known_signer).run(domain)
    return check


def _batches(
    check: FileCheck, archive: Archive, file: BatchFile, encryption: str | None
) -> Iterator[tuple[int, Sequence[ArchivedEntry]]]:
    """The batches in ``file``, one at a time; what can't be read is said in ``check``."""
    try:
        lines = archive.lines(file.content, encryption)
    except (NotFound, MalformedInput) as error:
        code = Code.ARCHIVE_MISSING if isinstance(error, NotFound) else Code.ARCHIVE_ALTERED
        _damaged(check, file, code, error.message)
        return
    items: list[ArchivedEntry] = []
    for number, line in enumerate(lines, 1):
        try:
            item = parse_archived(line)
            if not file.first_batch <= item.batch_id <= file.last_batch:
                raise MalformedInput(f"batchId: expected {file.first_batch} to {file.last_batch}, got {item.batch_id}.")
            if items and items[-1].order >= item.order:
                raise MalformedInput("expected ascending by batch, then first place.")
        except MalformedInput as error:
            _damaged(check, file, Code.ARCHIVE_ALTERED, f"{file.content.name}: line {number}: {error.message}")
            continue
        if items and item.batch_id != items[-1].batch_id:
            yield items[-1].batch_id, items
            items = []
        items.append(item)
    if items:
        yield items[-1].batch_id, items


def _damaged(check: FileCheck, file: BatchFile, code: Code, why: str) -> None:
    check.explained = (file.first_batch, file.last_batch)
    check.findings.append(Finding(code, operator=file.operator, facts=(("why", why),)))


@dataclass
class _Batch:
    """One batch under check: its archived ``items``, and what the chain ``sealed`` of each subject."""

    check: FileCheck
    operator: Address
    batch_id: int
    items: Sequence[ArchivedEntry]
    sealed: Mapping[PartyId, tuple[int, Hash]]
    known_signer: KnownSigner

    def run(self, domain: Domain) -> None:
        ids = [item.entry.evidence.evidence_id(domain) for item in self.items]
        logs = self._logs(ids)
        proven = {subject for subject, placed in logs.items() if self._is_proven(subject, placed, ids)}
        self._suspect(ids, proven)
        for number, (item, evidence_id) in enumerate(zip(self.items, ids, strict=True)):
            places = [place for place in item.places if place[0] in proven and logs[place[0]].get(place[1]) == number]
            if not places:
                continue
            self.check.places += (
                ProvenPlace(subject, self.operator, self.batch_id, index, len(self.check.items))
                for subject, index in places
            )
            self.check.items.append(self._check_item(item, evidence_id))

    def _logs(self, ids: Sequence[EvidenceId]) -> dict[PartyId, dict[int, int]]:
        """The items of each subject that the chain has in this batch, by index; what it does not have is said."""
        logs: dict[PartyId, dict[int, int]] = {}
        for number, item in enumerate(self.items):
            for subject, index in item.places:
                count, _ = self.sealed.get(subject, (0, b""))
                if index >= count or index in logs.get(subject, {}):
                    self._find(Code.SURPLUS, [subject], [ids[number]])
                else:
                    logs.setdefault(subject, {})[index] = number
        return logs

    def _is_proven(self, subject: PartyId, placed: Mapping[int, int], ids: Sequence[EvidenceId]) -> bool:
        count, root = self.sealed[subject]
        if len(placed) != count:
            return False
        leaves = [
            entry_leaf(subject, index, ids[placed[index]], self.items[placed[index]].entry.signatures)
            for index in range(count)
        ]
        if tree_root(leaves) == root:
            return True
        self.check.rooted_out.append((self.batch_id, subject))
        return False

    def _suspect(self, ids: Sequence[EvidenceId], proven: set[PartyId]) -> None:
        """Name what may be the cause of a wrong root: what no log of the batch proves, best what no signer signed."""
        failing = {subject for batch_id, subject in self.check.rooted_out if batch_id == self.batch_id}
        if not failing:
            return
        suspects = [
            evidence_id
            for item, evidence_id in zip(self.items, ids, strict=True)
            if not any(subject in proven for subject, _ in item.places)
            and any(subject in failing for subject, _ in item.places)
        ]
        unsigned = [name for name in suspects if not self._is_signed(self.items[ids.index(name)].entry, name)]
        self._find(Code.ROOT, sorted(failing), unsigned or suspects)

    def _is_signed(self, entry: BundleEntry, evidence_id: EvidenceId) -> bool:
        """Whether each signature is by an account that ever was a signer of its party."""
        signers = _signers(entry, evidence_id)
        return signers is not None and all(map(self.known_signer, entry.evidence.signing_parties(), signers))

    def _check_item(self, item: ArchivedEntry, evidence_id: EvidenceId) -> CheckedItem:
        entry = item.entry
        problem = content.check_root(entry.evidence.content_root, entry.disclosures, entry.hidden)
        if problem is not None:
            concerned = [subject for subject, _ in item.places]
            self._find(Code.CONTENT, concerned, [evidence_id], why=problem)
            # what is shown is not what was signed: nothing of it is relied upon, as if the root alone were shown
            entry = BundleEntry(entry.evidence, entry.signatures, (), ())
        elif item.erased_at is not None:
            concerned = [subject for subject, _ in item.places]
            self._find(Code.ERASED, concerned, [evidence_id], at=utc_date(item.erased_at).isoformat())
        return CheckedItem(
            evidence_id=evidence_id,
            evidence=entry.evidence,
            signatures=entry.signatures,
            signers=_signers(entry, evidence_id),
            fields=_fields(entry),
            hidden_count=content.hidden_count(entry.evidence.content_root, entry.disclosures, entry.hidden),
            whole=problem is None,
            disclosures=entry.disclosures,
            hidden=entry.hidden,
            places=frozenset(subject for subject, _ in item.places),
        )

    def _find(self, code: Code, parties: Sequence[PartyId], evidence: Sequence[EvidenceId], **facts: str) -> None:
        self.check.findings.append(
            Finding(code, tuple(parties), tuple(evidence), self.operator, self.batch_id, tuple(sorted(facts.items())))
        )


def _signers(entry: BundleEntry, evidence_id: EvidenceId) -> Signers:
    return recover_signers(evidence_id, entry.signatures, len(entry.evidence.signing_parties()))


def _fields(entry: BundleEntry) -> dict[str, Json] | None:
    try:
        return content.parse_all(entry.disclosures)
    except MalformedEvidence:
        return None
