"""The report of an audit: canonical JSON (``report.schema.json``), and the verdict that its findings come to.

Rules: any fault makes it *invalid*, a gap alone *unchecked*, and notices leave it *valid*; the bytes are a function of
the audit alone, without a clock, so that two auditors can compare them.
"""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.protocol import canonical
from tallystick.protocol.entry import Json
from tallystick.protocol.types import to_hex
from tallystick.protocol.verdict import Outcome
from tallystick.service.audit.findings import Finding, Severity, to_json
from tallystick.service.audit.replay import Audit
from tallystick.service.audit.words import says

FORMAT = "tallystick-audit/1"
_VERDICTS = {Outcome.VALID: "valid", Outcome.INVALID: "invalid", Outcome.UNCHECKED: "unchecked"}


def outcome(audit: Audit) -> Outcome:
    """What the findings of ``audit`` come to."""
    if audit.count(Severity.FAULT):
        return Outcome.INVALID
    return Outcome.UNCHECKED if audit.count(Severity.GAP) or audit.as_of is None else Outcome.VALID


def report_json(audit: Audit) -> Mapping[str, Json]:
    """``audit`` as one JSON object."""
    deployment, as_of = audit.deployment, audit.as_of
    return {
        "format": FORMAT,
        "verdict": _VERDICTS[outcome(audit)],
        "chainId": deployment.chain_id,
        "ledger": to_hex(deployment.ledger),
        "registry": to_hex(deployment.registry),
        "receivables": to_hex(deployment.receivables),
        "asOf": None
        if as_of is None
        else {"blockNumber": as_of.number, "blockHash": to_hex(as_of.hash), "timestamp": as_of.timestamp},
        "archives": [None if digest is None else digest.hex() for digest in audit.archives],
        "databasesCompared": audit.databases,
        "indexDigest": None if audit.digest is None else audit.digest.hex(),
        "batches": audit.batches,
        "evidence": audit.evidence,
        "parties": [
            {
                "party": to_hex(one.party),
                "name": one.name,
                "entries": one.entries,
                "withheld": one.withheld,
                "reportSha256": one.report.hex(),
            }
            for one in audit.parties
        ],
        "counts": {severity.value: audit.count(severity) for severity in Severity},
        "findings": [_finding_json(finding) for finding in audit.findings],
    }


def format_report(audit: Audit) -> bytes:
    """``audit`` as canonical JSON (RFC 8785)."""
    return canonical.encode(report_json(audit))


def _finding_json(finding: Finding) -> dict[str, Json]:
    return {"severity": finding.severity.value, **to_json(finding), "says": says(finding)}
