"""The check of dependencies tells a clean answer from no answer, and CI runs it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from check_dependencies import LOCKS, Audited, audit

ROOT = Path(__file__).parents[2]
CLEAN = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (2)"}
BAD = {"name": "c", "version": "3", "vulns": [{"id": "X-1", "fix_versions": ["4"], "aliases": ["CVE-1"]}]}


@pytest.mark.parametrize(
    ("told", "strict", "code", "said"),
    [
        ([CLEAN], True, 0, "no known vulnerabilities in the 1 packages"),
        ([CLEAN, SKIPPED], False, 0, "NOT CHECKED for vulnerabilities: 1 packages"),
        ([SKIPPED], False, 0, "This says nothing about them"),
        ([SKIPPED], True, 3, "NOT CHECKED"),
        ([CLEAN, SKIPPED, BAD], False, 1, "VULNERABLE: c 3: X-1 CVE-1: fixed in 4"),
    ],
)
def test_no_answer_is_not_clean(
    told: list[dict[str, Any]], strict: bool, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finding fails; what could not be asked about is said loudly, and fails where that is wanted."""
    audited = Audited()
    audited.add(told)
    assert audited.report(strict) == code
    out, err = capsys.readouterr()
    assert said in out + err
    if not audited.asked:
        assert "no known vulnerabilities" not in out


@pytest.mark.parametrize(
    "answer",
    [
        '{"dependencies": [{"name": "a", "skip_reason": "not found"}]}',
        "Traceback: no route",
        '{"something": "else"}',
    ],
)
def test_services_that_know_nothing_leave_every_package_unchecked(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Where neither service tells anything, each pinned package is one that nobody could tell about."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, answer, "no data")

    monkeypatch.setattr("check_dependencies.subprocess.run", run)
    told = audit(ROOT / "requirements.lock")
    assert {"fastapi", "web3", "cryptography"} <= {one["name"] for one in told}
    assert all(one["skip_reason"] for one in told)


def test_every_lock_file_is_asked_about_and_ci_asks() -> None:
    """No lock file is forgotten; ``make check``, which CI runs, asks, and looks at the code with bandit."""
    assert {lock.name for lock in LOCKS} == {path.name for path in ROOT.glob("*.lock")}
    check = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    assert "scripts/check_dependencies.py" in check
    assert "bandit" in check
    assert "make check" in (ROOT / ".ci" / "run").read_text()
