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

- everything is as of one final block: the oldest of the node's newest, the archive's and the database's;
- whatever is found is a value; an exception means that the audit could not be done, and says nothing about the ledger;
- files and parties are checked one by one and kept in the workbook: an interrupted replay goes on when started again;
- the same node, archive and database as of the same block give the same audit, whatever the number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tallystick.errors import BadSignature, ChainInconsistent, MalformedInput, NotFound, WrongChain
from tallystick.protocol import canonical
from tallystick.protocol.archive import BatchFile, Manifest, format_manifest, parse_bound
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.entry import Json
from tallystick.protocol.hashing import sha256
from tallystick.protocol.pledges import Pledged
from tallystick.protocol.slots import REGISTRAR_ROLE, role_slot
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId, parse_address, to_hex
from tallystick.service.audit import chain as chain_checks
from tallystick.service.audit.crew import Crew
from tallystick.service.audit.database import Replayed, binds_to, compare
from tallystick.service.audit.desk import Desk, Facts, OpenDesk
from tallystick.service.audit.findings import Code, Finding, Severity, from_json, merged
from tallystick.service.audit.tasks import FileTask, PartyTask
from tallystick.service.context import Context, Progress, silent
from tallystick.service.digest import digest_of
from tallystick.service.index import index
from tallystick.service.ports import Store, Transaction
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
    archive: Hash | None
    """SHA-256 of the archive's manifest, None without an archive."""
    database: bool
    """Whether a database was compared."""
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


@dataclass
class Replay:
    """One replay under way, of the ledger that ``context`` names; ``open_desk`` opens the desk in any process."""

    context: Context
    facts: Facts
    desk: Desk
    open_desk: OpenDesk
    database: Store | None = None
    jobs: int = 1
    progress: Progress = silent
    _findings: list[Finding] = field(default_factory=list)
    _bindings: list[PartyBinding] = field(default_factory=list)
    _names: dict[PartyId, str] = field(default_factory=dict)

    def run(self) -> Audit:
        """Replay everything, or what an earlier run with the same workbook has not done yet.

        Raises:
            ChainUnreachable: no answer. StoreError: database or workbook can't be used. UsageError: a wrong key.
        """
        manifest = self._manifest()
        if not self._is_readable(manifest):
            deployment = self.context.chain.deployment
            return Audit(deployment, None, None, False, None, (), 0, 0, merged(self._findings))
        database = self._database()
        as_of = self._as_of(manifest, database)
        self.desk.workbook.ask(_question(self.context.chain.deployment, manifest, as_of))
        pledged = self._check_chain(as_of)
        self._read_bindings(manifest, as_of)
        with Crew(self.desk, self.open_desk, self.jobs) as crew:
            files = self._check_files(crew, manifest)
            audited = self._judge(crew, files, as_of, pledged)
        with self.desk.store.transaction(read_only=True) as transaction:
            digest = digest_of(_Lines(transaction, self.desk), as_of.number)
            if database is not None:
                self._compare(transaction, database, as_of, digest)
            operators = transaction.sealing_operators()
        return Audit(
            deployment=self.context.chain.deployment,
            as_of=as_of,
            archive=None if manifest is None else manifest[1],
            database=database is not None,
            digest=digest,
            parties=audited,
            batches=sum(self.context.chain.next_batch(operator, as_of) for operator in operators),
            evidence=self.desk.workbook.count(),
            findings=merged(_without_erased(self._findings)),
        )

    def _find(self, code: Code, *, parties: Sequence[PartyId] = (), **facts: str) -> None:
        self._findings.append(Finding(code, tuple(parties), facts=tuple(sorted(facts.items()))))

    # what there is to check

    def _manifest(self) -> tuple[Manifest, Hash] | None:
        if self.desk.archive is None:
            return None
        try:
            manifest, digest = self.desk.archive.manifest()
        except NotFound as error:
            self._find(Code.ARCHIVE_MISSING, why=error.message)
            return None
        except MalformedInput as error:
            self._find(Code.ARCHIVE_ALTERED, why=error.message)
            return None
        ours, theirs = self.context.chain.deployment, manifest.deployment
        if (ours.chain_id, ours.ledger) != (theirs.chain_id, theirs.ledger):
            why = f"it says ledger {to_hex(theirs.ledger)} on chain {theirs.chain_id}."
            self._find(Code.ARCHIVE_LEDGER, why=why)
            return None
        return manifest, digest

    def _is_readable(self, manifest: tuple[Manifest, Hash] | None) -> bool:
        """Whether the node serves the published contracts, and all that the archive may rest on; if not, says why."""
        try:
            self.context.chain.check()
            index(self.context, self.progress)
        except WrongChain as error:
            self._find(Code.CONTRACTS, why=error.message)
            return False
        except ChainInconsistent as error:
            self._find(Code.NODE, why=error.message)
            return False
        if manifest is not None and (lag := self._lag(manifest[0])) is not None:
            self._find(Code.NODE, why=lag)
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

    def _database(self) -> Store | None:
        if self.database is None:
            return None
        why = binds_to(self.database, self.context.chain.deployment)
        if why is not None:
            self._find(Code.DATABASE_LEDGER, why=why)
            return None
        return self.database

    def _as_of(self, manifest: tuple[Manifest, Hash] | None, database: Store | None) -> BlockRef:
        """The oldest of the final block, the archive's and the database's, as far as they are on the chain."""
        as_of = self._indexed()
        if manifest is not None:
            as_of = self._older(as_of, manifest[0].as_of, Code.ARCHIVE_BLOCK)
        if database is not None:
            with database.transaction(read_only=True) as theirs:
                kept = theirs.cursor()
            if kept is not None:
                as_of = self._older(as_of, kept.block, Code.DATABASE_BLOCK)
        return as_of

    def _older(self, as_of: BlockRef, other: BlockRef, code: Code) -> BlockRef:
        if other.number > as_of.number:
            return as_of
        held = self.context.chain.block(other.number)
        if held == other and other.number >= self.context.chain.deployment.block_number:
            return other
        self._find(code, number=str(other.number), expected=to_hex(other.hash), got=to_hex(held.hash))
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

    def _read_bindings(self, manifest: tuple[Manifest, Hash] | None, as_of: BlockRef) -> None:
        """Who is who, as far as a registrar of ``as_of`` stated it."""
        if manifest is None or manifest[0].bindings is None or self.desk.archive is None:
            return
        content, previous = manifest[0].bindings, PartyId(b"")
        try:
            for line in self.desk.archive.lines(content, manifest[0].encryption):
                binding = parse_bound(line)
                if binding.party <= previous:
                    raise MalformedInput(f"{content.name}: bindings: expected ascending by party, each once.")
                previous = binding.party
                if (why := self._refuses(binding, as_of)) is not None:
                    self._find(Code.BINDING, parties=[binding.party], why=why)
                else:
                    self._bindings.append(binding)
                    self._names[binding.party] = binding.name
        except NotFound as error:
            self._find(Code.ARCHIVE_MISSING, why=error.message)
        except MalformedInput as error:
            self._find(Code.ARCHIVE_ALTERED, why=error.message)

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

    def _check_files(self, crew: Crew, manifest: tuple[Manifest, Hash] | None) -> _Files:
        """Check every file that the workbook does not have yet; findings of all."""
        seen = _Files()
        if manifest is None:
            return seen
        workbook, files = self.desk.workbook, manifest[0].entries
        left = [file for file in files if workbook.file_result(_key(file)) is None]
        total = sum(file.content.lines for file in files)
        done = total - sum(file.content.lines for file in left)
        # an archive may be newer than the block of the audit: what was sealed since is no surplus
        task = FileTask(manifest[0].encryption, self.context.chain.deployment.domain, self._indexed().number)
        for file, check in zip(left, crew.run(task, left), strict=True):
            workbook.add_file(_key(file), check.items, check.places, check.result)
            done += file.content.lines
            self.progress("checked", done, total)
        for file in files:
            result: Any = workbook.file_result(_key(file))
            self._findings += map(from_json, result["findings"])
            seen.note(file.operator, result)
        return seen

    def _judge(
        self, crew: Crew, files: _Files, as_of: BlockRef, pledged: Mapping[PartyId, list[Pledged]]
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

    def _compare(self, transaction: Transaction, database: Store, as_of: BlockRef, digest: Hash) -> None:
        def report(party: PartyId) -> Mapping[str, Json]:
            kept: Any = self.desk.workbook.party_result(party)
            return kept["report"]  # type: ignore[no-any-return]

        replayed = Replayed(self.context, transaction, self.desk.workbook, as_of, self._bindings, report, digest)
        self._findings += compare(database, replayed, self.progress)


@dataclass
class _Files:
    """What the findings about files explain of entries that are not proven."""

    _damaged: list[tuple[Address, int, int]] = field(default_factory=list)
    _rooted_out: set[tuple[Address, int, PartyId]] = field(default_factory=set)

    def note(self, operator: Address, result: Any) -> None:
        """Note what checking one file of ``operator`` gave."""
        if result["explained"] is not None:
            self._damaged.append((operator, *result["explained"]))
        self._rooted_out |= {(operator, number, PartyId(bytes.fromhex(of[2:]))) for number, of in result["rootedOut"]}

    def explain(self, operator: Address, batch_id: int, party: PartyId) -> bool:
        """Whether a finding says already why an append of ``party`` is not proven."""
        if (operator, batch_id, party) in self._rooted_out:
            return True
        return any(operator == of and first <= batch_id <= last for of, first, last in self._damaged)


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
        ordinals = {(one.operator, one.batch_id): one.ordinal for one in appends}
        for operator, batch_id, index_, evidence_id, signatures in self.desk.workbook.names(subject):
            ordinal = ordinals.get((operator, batch_id))
            if ordinal is not None:
                yield (ordinal, index_), (evidence_id, signatures)


def _key(file: BatchFile) -> Hash:
    return file.content.sha256


def _question(deployment: Deployment, manifest: tuple[Manifest, Hash] | None, as_of: BlockRef) -> str:
    archive = "none" if manifest is None else sha256(format_manifest(manifest[0])).hex()
    return f"ledger {to_hex(deployment.ledger)} archive {archive} block {as_of.number} {to_hex(as_of.hash)}"


def _without_erased(findings: Sequence[Finding]) -> list[Finding]:
    """``findings`` without those that say of erased evidence that it hides its fields: that it is erased says why."""
    erased = {name for finding in findings if finding.code is Code.ERASED for name in finding.evidence}
    return [one for one in findings if one.code is not Code.HIDDEN or not erased.issuperset(one.evidence)]
