"""An auditor finds nothing in an honest ledger, and in a dishonest one exactly what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from audit.installation import imported, made_up_lines
from audit.planting import CUSTOMERS, named, plant_everything
from tallystick.protocol.types import Address, EvidenceId, PartyId
from tallystick.protocol.verdict import Outcome
from tallystick.service.audit.findings import Code, Finding, Severity, from_json, merged, to_json
from tallystick.service.audit.report import format_report, outcome
from tallystick.service.audit.words import says
from tallystick.service.digest import index_digest
from tallystick.service.index import index


@pytest.mark.slow
def test_exactly_what_was_planted_is_found(tmp_path: Path) -> None:
    """38 faults in chain, archive and database: each is found with its code, none twice, and nothing besides."""
    lines = sorted(made_up_lines(4 * CUSTOMERS, CUSTOMERS), key=lambda line: line.customer)
    with imported(tmp_path, lines, batch_evidence=20) as home:
        home.export()
        honest = home.audit(against=True)
        assert honest.findings == ()
        assert outcome(honest) is Outcome.VALID
        with home.context.store.transaction(read_only=True) as transaction:
            digest = index_digest(transaction, index(home.context).block_number)
        assert honest.digest == digest
        assert len(honest.parties) == CUSTOMERS + 1

        planted = plant_everything(home)
        assert len(planted) == 38
        audit = home.audit(against=True)
        assert sorted(map(named, audit.findings)) == sorted(planted)
        assert outcome(audit) is Outcome.INVALID
        assert {code for code, _ in planted} >= set(Code) - UNPLANTED

        for finding in audit.findings:
            for language in ("en", "zh"):
                assert "?" not in says(finding, language).replace("？", ""), finding
        together = home.audit(against=True, jobs=2)
        assert format_report(together) == format_report(audit), "the number of processes changes nothing"


UNPLANTED = frozenset(
    # what only a node can contradict itself in: test_node.py
    {Code.NODE, Code.CONTRACTS, Code.HEAD, Code.SIGNER_WINDOW, Code.ROLE, Code.NOT_OPERATOR, Code.PLEDGE_STATE}
    # what stops an audit, or part of it: test_replay.py and test_database.py
    | {Code.ARCHIVE_LEDGER, Code.ARCHIVE_BLOCK, Code.DATABASE_LEDGER, Code.DATABASE_BLOCK, Code.DATABASE_UNREADABLE}
    # what no row explains would be this program's own fault; what a report finds is an honest ledger's too
    | {Code.DATABASE_REPORT, Code.DATABASE_DIGEST, Code.REPORT_FINDING}
    # what was erased on request is no fault: tests/audit/test_replay.py
    | {Code.ERASED}
)


def test_every_code_has_a_severity_and_a_sentence_in_both_languages() -> None:
    """No code lacks its words, and each is a fault, a gap or a notice."""
    for code in Code:
        finding = Finding(code)
        assert finding.severity in Severity
        assert says(finding) != says(finding, "zh")


def test_a_finding_is_read_back_from_its_json_and_one_cause_is_one_finding() -> None:
    """What is kept of a finding loses nothing; the same of two logs is said once, of two evidence twice."""
    one = Finding(Code.MISFIT, (PARTY,), (EVIDENCE,), Address(b"\x03" * 20), 7, (("a", "b"), ("c", "d")))
    assert from_json(to_json(one)) == one
    assert from_json(to_json(Finding(Code.NODE))) == Finding(Code.NODE)
    [both] = merged([one, replace(one, parties=(OTHER,))])
    assert both == replace(one, parties=(PARTY, OTHER))
    assert len(merged([one, replace(one, evidence=(EvidenceId(b"\x05" * 32),))])) == 2
    assert len(merged([one, replace(one, code=Code.FOREIGN)])) == 2
    fault, gap, notice = Finding(Code.ROOT), Finding(Code.WITHHELD), Finding(Code.REPEATED)
    assert merged([notice, gap, fault]) == (fault, gap, notice)


PARTY, OTHER = PartyId(b"\x01" * 32), PartyId(b"\x02" * 32)
EVIDENCE = EvidenceId(b"\x04" * 32)
