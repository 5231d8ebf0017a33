"""Findings of an audit: values in a list, each with a code, whom and what it is about, and a sentence.

Rules:

- a *fault* contradicts what was signed, sealed or kept, or breaks a duty of the protocol; a *gap* is what could not be
  checked; a *notice* is good to know. Faults make the audit fail, gaps alone leave it unfinished, notices do neither;
- one cause is one finding: what an evidence is in several logs, or a batch in several parts, is said once;
- findings are ordered by severity, code, operator, batch and evidence, so that equal audits give equal reports.

Example: ``Finding(Code.CONTENT, parties=(party,), evidence=(evidence_id,)).says()``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from tallystick.protocol.entry import Json, Standing
from tallystick.protocol.types import Address, EvidenceId, PartyId, to_hex

MAX_NAMED = 20
"""How many parties, or evidence, a finding names."""


class Severity(StrEnum):
    """How bad a finding is."""

    FAULT = "fault"
    GAP = "gap"
    NOTICE = "notice"


class Code(StrEnum):
    """What is wrong; the value is the code in the report. ``docs/audit.md`` explains each."""

    # the node and the contracts
    NODE = "node"
    CONTRACTS = "contracts"
    HEAD = "head"
    SIGNER_WINDOW = "signerWindow"
    ROLE = "role"
    NOT_OPERATOR = "notOperator"
    # the archive
    ARCHIVE_MISSING = "archiveMissing"
    ARCHIVE_ALTERED = "archiveAltered"
    ARCHIVE_LEDGER = "archiveLedger"
    ARCHIVE_BLOCK = "archiveBlock"
    BINDING = "binding"
    WITHHELD = "withheld"
    ROOT = "root"
    SURPLUS = "surplus"
    CONTENT = "content"
    HIDDEN = "hidden"
    ERASED = "erased"
    # entries that are sealed
    REPEATED = "repeated"
    BAD_SIGNATURE = "badSignature"
    SIGNER_INACTIVE = "signerInactive"
    ISSUED_AHEAD = "issuedAhead"
    FOREIGN = "foreign"
    MALFORMED = "malformed"
    MISFIT = "misfit"
    UNFOUNDED = "unfounded"
    NOT_IN_EVERY_LOG = "notInEveryLog"
    DUPLICATE_INVOICE = "duplicateInvoice"
    REPORT_FINDING = "reportFinding"
    # receivables
    PLEDGE_STATE = "pledgeState"
    PLEDGE_OF_NO_INVOICE = "pledgeOfNoInvoice"
    PLEDGE_NOT_FINANCEABLE = "pledgeNotFinanceable"
    PLEDGE_FINGERPRINT = "pledgeFingerprint"
    # the database
    DATABASE_LEDGER = "databaseLedger"
    DATABASE_BLOCK = "databaseBlock"
    DATABASE_APPEND = "databaseAppend"
    DATABASE_SIGNER = "databaseSigner"
    DATABASE_PARTY = "databaseParty"
    DATABASE_MISSING = "databaseMissing"
    DATABASE_SURPLUS = "databaseSurplus"
    DATABASE_EVIDENCE = "databaseEvidence"
    DATABASE_UNREADABLE = "databaseUnreadable"
    DATABASE_REPORT = "databaseReport"
    DATABASE_DIGEST = "databaseDigest"


_GAPS = frozenset({Code.NODE, Code.ARCHIVE_MISSING, Code.WITHHELD, Code.HIDDEN, Code.ERASED})
_NOTICES = frozenset({Code.REPEATED, Code.DUPLICATE_INVOICE, Code.REPORT_FINDING})
_ORDER = {severity: rank for rank, severity in enumerate(Severity)}
_BY_BATCH = frozenset({Code.ROOT, Code.WITHHELD, Code.SURPLUS, Code.HIDDEN})
"""Codes of which everything in one batch is one cause."""

BY_STANDING: Mapping[Standing, Code] = {
    Standing.REPEATED: Code.REPEATED,
    Standing.BAD_SIGNATURE: Code.BAD_SIGNATURE,
    Standing.SIGNER_INACTIVE: Code.SIGNER_INACTIVE,
    Standing.ISSUED_AHEAD: Code.ISSUED_AHEAD,
    Standing.FOREIGN: Code.FOREIGN,
    Standing.MALFORMED: Code.MALFORMED,
    Standing.MISFIT: Code.MISFIT,
    Standing.UNFOUNDED: Code.UNFOUNDED,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit; ``facts`` are the further values of its sentence, by name."""

    code: Code
    parties: tuple[PartyId, ...] = ()
    evidence: tuple[EvidenceId, ...] = ()
    operator: Address | None = None
    batch_id: int | None = None
    facts: tuple[tuple[str, str], ...] = ()
    source: str = ""
    """``archive 2``, ``database 1``: which of several it is about, in the order they were given; else empty."""

    @property
    def severity(self) -> Severity:
        """How bad it is: a matter of its code."""
        if self.code in _GAPS:
            return Severity.GAP
        return Severity.NOTICE if self.code in _NOTICES else Severity.FAULT

    @property
    def order(self) -> tuple[Any, ...]:
        """What findings are sorted by."""
        batch = -1 if self.batch_id is None else self.batch_id
        place = (self.operator or b"", batch, self.evidence, self.parties)
        return (_ORDER[self.severity], self.code.value, *place, self.source, self.facts)

    @property
    def cause(self) -> tuple[Any, ...]:
        """What two findings share that say the same of different logs."""
        if self.code in _BY_BATCH:
            return (self.code, self.source, self.operator, self.batch_id)
        if self.evidence or self.code is Code.DATABASE_APPEND:
            return (self.code, self.source, self.operator, self.batch_id, self.evidence, self.facts)
        return (self.code, self.source, self.operator, self.batch_id, self.parties, self.facts)


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """``findings`` in their one order, those of one cause as one."""
    causes: dict[tuple[Any, ...], list[Finding]] = {}
    for finding in findings:
        causes.setdefault(finding.cause, []).append(finding)
    made = []
    for same in causes.values():
        first = same[0]
        parties = tuple(sorted({party for one in same for party in one.parties})[:MAX_NAMED])
        evidence = tuple(sorted({name for one in same for name in one.evidence})[:MAX_NAMED])
        made.append(replace(first, parties=parties, evidence=evidence))
    return tuple(sorted(made, key=lambda finding: finding.order))


def to_json(finding: Finding) -> dict[str, Json]:
    """``finding`` without its sentence; ``from_json`` gives it back."""
    return {
        "code": finding.code.value,
        "parties": [to_hex(party) for party in finding.parties],
        "evidence": [to_hex(evidence) for evidence in finding.evidence],
        "operator": None if finding.operator is None else to_hex(finding.operator),
        "batchId": finding.batch_id,
        "facts": dict(finding.facts),
        "source": finding.source or None,
    }


def from_json(value: Any) -> Finding:
    """The finding that ``to_json`` wrote."""
    operator = value["operator"]
    return Finding(
        Code(value["code"]),
        tuple(PartyId(bytes.fromhex(party[2:])) for party in value["parties"]),
        tuple(EvidenceId(bytes.fromhex(evidence[2:])) for evidence in value["evidence"]),
        None if operator is None else Address(bytes.fromhex(operator[2:])),
        value["batchId"],
        tuple(sorted(value["facts"].items())),
        value["source"] or "",
    )
