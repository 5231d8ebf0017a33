"""Replay a ledger from nothing but a node and an archive, and say everything that does not fit.

::

    node ---> index ---> heads, signers, roles, pledges ------------------------+
                |                                                               |
                +--> archive, file by file: roots, signatures, contents         +--> findings
                |         |                                                     |
                +--> logs, party by party: judged, report derived --------------+
                          |                                                     |
                          +--> index digest, database: rows, reports, digest ---+

Rules:

- everything is as of one final block: the oldest of the node's newest, of each archive's and of each database's;
- of several archives, or databases, a finding says which one it is about; what one archive lacks another may prove;
- whatever is found is a value; an exception means that the audit could not be done, and says nothing about the ledger;
- files and parties are checked one by one and kept in the workbook: an interrupted replay goes on when started again;
- the same node, archives and databases as of the same block give the same audit, whatever the number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tallystick.errors import BadSignature, ChainInconsistent, MalformedInput, NotFound, WrongChain
from tallystick.protocol import canonical
from tallystick.protocol.archive import BatchFile, Manifest, parse_bound
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.hashing import sha256
from tallystick.protocol.pledges import Pledged
from tallystick.protocol.slots import REGISTRAR_ROLE, role_slot
from tallystick.protocol.types import BlockRef, Hash, PartyId, parse_address, to_hex
from tallystick.service.audit import chain as chain_checks
from tallystick.service.audit.crew import Crew
from tallystick.service.audit.database import Replayed, binds_to, compare_digest, compare_parties, own_operators
from tallystick.service.audit.desk import Desk, Facts, OpenDesk
from tallystick.service.audit.explained import FileResults
from tallystick.service.audit.findings import Code, Finding, Severity, from_json, merged
from tallystick.service.audit.tasks import CompareTask, FileTask, PartyTask
from tallystick.service.context import Context, Progress, silent
from tallystick.service.digest import digest_of
from tallystick.service.index import index
from tallystick.service.ports import Transaction
from tallystick.store.records import AppendRecord


@dataclass(frozen=True)
class AuditedParty:
    """One party of the audit: its log and the SHA-256 of its report as canonical JSON; ``name`` where it is stated."""

    party: PartyId
    name: str | None
    entries: int
    withheld: int
    report: Hash


@dataclass(frozen=True)
class Audit:
    """What an audit came to. ``as_of`` is None where it could not begin."""

    deployment: Deployment
    as_of: BlockRef | None
    archives: Sequence[Hash | None]
    """SHA-256 of each archive's manifest, None where it is not of use."""
    databases: int
    """How many databases were compared."""
    digest: Hash | None
    parties: Sequence[AuditedParty]
    batches: int
    evidence: int
    """How many archived evidence the chain proves, each counted once a batch."""
    findings: Sequence[Finding]

    @property
    def names(self) -> Mapping[PartyId, str]:
        """What the parties are called, as far as a registrar stated it."""
        return {one.party: one.name for one in self.parties if one.name is not None}

    def count(self, severity: Severity) -> int:
        """How many findings there are of ``severity``."""
        return sum(finding.severity is severity for finding in self.findings)


_Manifests = Mapping[int, tuple[Manifest, Hash]]
"""The manifests of use with their digests, by the number of their archive."""


@dataclass
class Replay:
    """One replay under way, of the ledger that ``context`` names; ``open_desk`` opens the desk in any process."""

    context: Context
    facts: Facts
    desk: Desk
    open_desk: OpenDesk
    jobs: int = 1
    progress: Progress = silent
    _findings: list[Finding] = field(default_factory=list)
    _bindings: dict[PartyBinding, None] = field(default_factory=dict)
    """Each statement once, in the order they were read."""
    _names: dict[PartyId, str] = field(default_factory=dict)

    def run(self) -> Audit:
        """Replay everything, or what an earlier run with the same workbook has not done yet.

        Raises:
            ChainUnreachable: no answer. StoreError: database or workbook can't be used. UsageError: a wrong key.
        """
        manifests = [self._manifest(number) for number in range(len(self.desk.archives))]
        usable = {number: manifest for number, manifest in enumerate(manifests) if manifest is not None}
        digests = [None if manifest is None else manifest[1] for manifest in manifests]
        deployment = self.context.chain.deployment
        if not self._is_readable(usable):
            return Audit(deployment, None, digests, 0, None, (), 0, 0, merged(self._findings))
        databases = [number for number in range(len(self.desk.databases)) if self._is_ours(number)]
        as_of = self._as_of(usable, databases)
        self.desk.workbook.ask(_question(deployment, digests, as_of))
        pledged = self._check_chain(as_of)
        for number, (manifest, _) in usable.items():
            self._read_bindings(number, manifest, as_of)
        with Crew(self.desk, self.open_desk, self.jobs) as crew:
            files = self._check_files(crew, usable)
            audited = self._judge(crew, files, as_of, pledged)
            with self.desk.store.transaction(read_only=True) as transaction:
                digest = digest_of(_Lines(transaction, self.desk), as_of.number)
                operators = transaction.sealing_operators()
            for number in databases:
                self._compare(crew, number, as_of, digest)
        return Audit(
            deployment=deployment,
            as_of=as_of,
            archives=digests,
            databases=len(databases),
            digest=digest,
            parties=audited,
            batches=sum(self.context.chain.next_batch(operator, as_of) for operator in operators),
            evidence=self.desk.workbook.count(),
            findings=merged(_without_erased(self._findings)),
        )

    def _find(self, code: Code, source: str = "", *, parties: Sequence[PartyId] = (), **facts: str) -> None:
        self._findings.append(Finding(code, tuple(parties), facts=tuple(sorted(facts.items())), source=source))

    def _archive(self, number: int) -> str:
        """What findings call the archive of that number, from 0."""
        return f"archive {number + 1}" if len(self.desk.archives) > 1 else ""

    def _database(self, number: int) -> str:
        """The same of a database."""
        return f"database {number + 1}" if len(self.desk.databases) > 1 else ""

    # what there is to check

    def _manifest(self, number: int) -> tuple[Manifest, Hash] | None:
        """The manifest of an archive and its digest; None where it is not of use, which is said."""
        source = self._archive(number)
        try:
            manifest, digest = self.desk.archives[number].manifest()
        except NotFound as error:
            self._find(Code.ARCHIVE_MISSING, source, why=error.message)
            return None
        except MalformedInput as error:
            self._find(Code.ARCHIVE_ALTERED, source, why=error.message)
            return None
        ours, theirs = self.context.chain.deployment, manifest.deployment
        if (ours.chain_id, ours.ledger) != (theirs.chain_id, theirs.ledger):
            why = f"it says ledger {to_hex(theirs.ledger)} on chain {theirs.chain_id}."
            self._find(Code.ARCHIVE_LEDGER, source, why=why)
            return None
        return manifest, digest

    def _is_readable(self, manifests: _Manifests) -> bool:
        """Whether the node serves the published contracts, and all that archives may rest on; if not, says why."""
        try:
            self.context.chain.check()
            index(self.context, self.progress)
        except WrongChain as error:
            self._find(Code.CONTRACTS, why=error.message)
            return False
        except ChainInconsistent as error:
            self._find(Code.NODE, why=error.message)
            return False
        for number, (manifest, _) in manifests.items():
            if (lag := self._lag(manifest)) is not None:
                self._find(Code.NODE, self._archive(number), why=lag)
                return False
        return True

    def _lag(self, manifest: Manifest) -> str | None:
        """Why the node can't tell about all of the archive yet, or None where it can."""
        final = self._indexed().number
        if manifest.as_of.number <= final:
            return None
        return f"the archive is as of block {manifest.as_of.number}, the node's newest final block is {final}: wait."

    def _indexed(self) -> BlockRef:
        """The newest final block."""
        with self.desk.store.transaction(read_only=True) as transaction:
            cursor = transaction.cursor()
        assert cursor is not None, "the chain was indexed"
        return cursor.block

    def _is_ours(self, number: int) -> bool:
        """Whether that database is of the audited ledger; if not, says why."""
        why = binds_to(self.desk.databases[number], self.context.chain.deployment)
        if why is not None:
            self._find(Code.DATABASE_LEDGER, self._database(number), why=why)
        return why is None

    def _as_of(self, manifests: _Manifests, databases: Sequence[int]) -> BlockRef:
        """The oldest of the final block, the archives' and the databases', as far as they are on the chain."""
        as_of = self._indexed()
        for number, (manifest, _) in manifests.items():
            as_of = self._older(as_of, manifest.as_of, Code.ARCHIVE_BLOCK, self._archive(number))
        for number in databases:
            with self.desk.databases[number].transaction(read_only=True) as theirs:
                kept = theirs.cursor()
            if kept is not None:
                as_of = self._older(as_of, kept.block, Code.DATABASE_BLOCK, self._database(number))
        return as_of

    def _older(self, as_of: BlockRef, other: BlockRef, code: Code, source: str) -> BlockRef:
        if other.number > as_of.number:
            return as_of
        held = self.context.chain.block(other.number)
        if held == other and other.number >= self.context.chain.deployment.block_number:
            return other
        self._find(code, source, number=str(other.number), expected=to_hex(other.hash), got=to_hex(held.hash))
        return as_of

    # checking

    def _check_chain(self, as_of: BlockRef) -> Mapping[PartyId, list[Pledged]]:
        """Hold events against storage; the pledges that were made, by supplier."""
        chain, deployment = self.context.chain, self.context.chain.deployment
        with self.desk.store.transaction(read_only=True) as transaction:
            self._findings += chain_checks.check_logs(transaction, self.facts, deployment, as_of, self.progress)
            parties = chain_checks.admitted(self.facts, deployment, as_of)
            self._findings += chain_checks.check_signers(transaction, self.facts, deployment, as_of, parties)
        changes = chain.pledge_changes(chain.deployment.block_number, as_of.number)
        events = [change.event for change in changes]
        self._findings += chain_checks.check_pledges(self.facts, chain.deployment, as_of, events)
        pledged: dict[PartyId, list[Pledged]] = {}
        for event in events:
            if isinstance(event, Pledged):
                pledged.setdefault(event.supplier, []).append(event)
        return pledged

    def _read_bindings(self, number: int, manifest: Manifest, as_of: BlockRef) -> None:
        """Who is who in that archive, as far as a registrar of ``as_of`` stated it."""
        if manifest.bindings is None:
            return
        content, previous, source = manifest.bindings, PartyId(b""), self._archive(number)
        try:
            for line in self.desk.archives[number].lines(content, manifest.encryption):
                binding = parse_bound(line)
                if binding.party <= previous:
                    raise MalformedInput(f"{content.name}: bindings: expected ascending by party, each once.")
                previous = binding.party
                if (why := self._refuses(binding, as_of)) is not None:
                    self._find(Code.BINDING, source, parties=[binding.party], why=why)
                else:
                    self._bindings.setdefault(binding)
                    self._names.setdefault(binding.party, binding.name)
        except NotFound as error:
            self._find(Code.ARCHIVE_MISSING, source, why=error.message)
        except MalformedInput as error:
            self._find(Code.ARCHIVE_ALTERED, source, why=error.message)

    def _refuses(self, binding: PartyBinding, as_of: BlockRef) -> str | None:
        """Why ``binding`` is no statement of a registrar."""
        deployment = self.context.chain.deployment
        try:
            signer = binding.signer(deployment.domain)
        except BadSignature as error:
            return error.message
        if self.facts.slot(deployment.registry, role_slot(REGISTRAR_ROLE, signer), as_of) != 1:
            return f"it is signed by {to_hex(signer)}, who is no registrar."
        return None

    def _check_files(self, crew: Crew, manifests: _Manifests) -> FileResults:
        """Check every file that the workbook does not have yet; findings of all. A file of two archives is one."""
        seen, workbook = FileResults(), self.desk.workbook
        files: dict[Hash, tuple[int, BatchFile]] = {}
        for number, (manifest, _) in manifests.items():
            for file in manifest.entries:
                files.setdefault(_key(file), (number, file))
        total = sum(file.content.lines for _, file in files.values())
        done = 0
        for number, (manifest, _) in manifests.items():
            own = [file for of, file in files.values() if of == number]
            left = [file for file in own if workbook.file_result(_key(file)) is None]
            done += sum(file.content.lines for file in own) - sum(file.content.lines for file in left)
            # an archive may be newer than the block of the audit: what was sealed since is no surplus
            until = self._indexed().number
            task = FileTask(number, manifest.encryption, self.context.chain.deployment.domain, until)
            for file, check in zip(left, crew.run(task, left), strict=True):
                workbook.add_file(_key(file), check.items, check.places, check.result)
                done += file.content.lines
                self.progress("checked", done, total)
        for number, file in files.values():
            result: Any = workbook.file_result(_key(file))
            source = self._archive(number)
            self._findings += (replace(from_json(each), source=source) for each in result["findings"])
            seen.note(file.operator, result)
        return seen

    def _judge(
        self, crew: Crew, files: FileResults, as_of: BlockRef, pledged: Mapping[PartyId, list[Pledged]]
    ) -> list[AuditedParty]:
        """Judge every log that the workbook does not have yet; findings of all, and the parties."""
        workbook = self.desk.workbook
        with self.desk.store.transaction(read_only=True) as transaction:
            subjects = transaction.subjects()
        left = [party for party in subjects if workbook.party_result(party) is None]
        work = [(party, pledged.get(party, [])) for party in left]
        for done, (party, result) in enumerate(zip(left, crew.run(PartyTask(as_of), work), strict=True), 1):
            workbook.add_party(party, result)
            self.progress("judged", len(subjects) - len(left) + done, len(subjects))
        audited = []
        for party in subjects:
            kept: Any = workbook.party_result(party)
            if not kept["entries"]:
                continue
            self._findings += map(from_json, kept["findings"])
            digest = Hash(sha256(canonical.encode(kept["report"])))
            audited.append(AuditedParty(party, self._names.get(party), kept["entries"], kept["withheld"], digest))
            for text, batch_id in kept["unproven"]:
                operator = parse_address(text, "operator")
                # a wrong root or a damaged file says already why
                if not files.explain(operator, batch_id, party):
                    self._findings.append(Finding(Code.WITHHELD, (party,), operator=operator, batch_id=batch_id))
        return audited

    def _compare(self, crew: Crew, number: int, as_of: BlockRef, digest: Hash) -> None:
        """Everything in that database that is not as the replay has it."""
        with (
            self.desk.databases[number].transaction(read_only=True) as theirs,
            self.desk.store.transaction(read_only=True) as transaction,
        ):
            replayed = Replayed(transaction, self.desk.workbook, as_of)
            subjects = sorted({*transaction.subjects(), *theirs.subjects()})
            found = compare_parties(theirs, replayed, self._bindings, subjects)
            own = own_operators(theirs, replayed)
            good_windows = not any(finding.code is Code.DATABASE_SIGNER for finding in found)
            task, is_whole, erased = CompareTask(number, as_of, own, good_windows), True, list[Finding]()
            for done, compared in enumerate(crew.run(task, subjects), 1):
                found += compared.findings
                erased += compared.erased
                is_whole = is_whole and compared.is_whole
                self.progress("compared", done, len(subjects))
            if not found and is_whole:
                found += compare_digest(theirs, replayed, digest)
        source = self._database(number)
        self._findings += (replace(finding, source=source) for finding in found + erased)


@dataclass(frozen=True)
class _Lines:
    """The logs as the index digest wants them."""

    transaction: Transaction
    desk: Desk

    def subjects(self) -> list[PartyId]:
        return self.transaction.subjects()

    def appends(self, subject: PartyId, until_block: int) -> Sequence[AppendRecord]:
        return self.transaction.appends(subject, until_block)

    def names(self, subject: PartyId, appends: Sequence[AppendRecord]) -> Iterator[Any]:
        for append in appends:
            named = self.desk.workbook.names(subject, append.operator, append.batch_id)
            for index_, name in enumerate(named):
                yield (append.ordinal, index_), name


def _key(file: BatchFile) -> Hash:
    return file.content.sha256


def _question(deployment: Deployment, archives: Sequence[Hash | None], as_of: BlockRef) -> str:
    named = " ".join("none" if digest is None else digest.hex() for digest in archives) or "none"
    return f"ledger {to_hex(deployment.ledger)} archive {named} block {as_of.number} {to_hex(as_of.hash)}"


def _without_erased(findings: Sequence[Finding]) -> list[Finding]:
    """``findings`` without those that say of erased evidence that it hides its fields: that it is erased says why."""
    erased = {name for finding in findings if finding.code is Code.ERASED for name in finding.evidence}
    return [one for one in findings if one.code is not Code.HIDDEN or not erased.issuperset(one.evidence)]
