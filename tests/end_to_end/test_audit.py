"""From a home to an auditor's desk: export, replay with a node and the archive, compare with the live database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pyrage
import pytest

from end_to_end.conftest import ROOT, Shell, devnet
from end_to_end.test_receivables import ledger
from tallystick.protocol import canonical

SCHEMA = json.loads((ROOT / "backend/tallystick/service/audit/report.schema.json").read_text())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, Shell, str]]:
    """A home that has sealed and exported a small ledger, an auditor without a home, and the node of both."""
    base: Path = tmp_path_factory.mktemp("audited")
    for name in ("desk", "auditor"):
        (base / name).mkdir()
    with devnet(base / "chain") as url:
        shell = Shell(base / "home", base / "desk")
        shell.ok("init", "--rpc", url)
        (shell.folder / "ledger.csv").write_text(ledger(20, 4))
        shell.ok("import", "receivables", "ledger.csv", "--simulate-counterparties")
        shell.ok("archive", "export", "-o", "../auditor/archive")
        yield shell, Shell(base / "no-home", base / "auditor"), url


def test_an_honest_ledger_gives_a_report_without_findings(desk: tuple[Shell, Shell, str]) -> None:
    """JSON, page in two languages and terminal say that nothing was found; the JSON is canonical and has its schema."""
    shell, auditor, url = desk
    database = f"sqlite:///{shell.home / 'ledger.sqlite3'}"
    known = shell.json("status")["ledger"]
    command = ("audit", "replay", "--rpc", url, "--archive", "archive", "--ledger", known)
    printed = auditor.ok(*command, "--against", database, "--json")
    report: dict[str, Any] = json.loads(printed)
    jsonschema.validate(report, SCHEMA)
    assert canonical.encode(report) + b"\n" == printed.encode()
    assert (report["verdict"], report["findings"], report["databasesCompared"]) == ("valid", [], 1)
    assert report["ledger"] == known
    assert {party["name"] for party in report["parties"]} >= {"Ledger owner"}
    assert json.loads(auditor.ok(*command, "--work", "elsewhere", "--jobs", "2", "--json"))["findings"] == []
    told = auditor.ok(*command, "--report", "report.html")
    assert "NOTHING FOUND" in told
    assert report["indexDigest"] in told
    assert "no ledger was named" not in told
    page = (auditor.folder / "report.html").read_text()
    assert "Nothing found" in page
    assert not any(link in page for link in ("src=", "href=", "url(")), "the page needs nothing else"
    unnamed = auditor.ok(*command[:-2], "--report", "report.html", "--lang", "zh")
    assert "未发现问题" in unnamed
    assert "no ledger was named" in unnamed
    assert 'lang="zh-Hans"' in (auditor.folder / "report.html").read_text()
    assert not auditor.home.exists()


def test_a_fault_ends_with_one_and_is_named(desk: tuple[Shell, Shell, str], tmp_path: Path) -> None:
    """A changed row of the database: exit 1, the evidence named on the terminal, in the page and in the JSON."""
    shell, auditor, url = desk
    copy = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(shell.home / "ledger.sqlite3")) as live:
        live.execute("VACUUM INTO ?", (str(copy),))
    with closing(sqlite3.connect(copy)) as changed, changed:
        [(evidence,)] = changed.execute("SELECT evidence_id FROM evidence WHERE kind = 3 LIMIT 1").fetchall()
        changed.execute("UPDATE evidence SET occurred_at = occurred_at + 1 WHERE evidence_id = ?", (evidence,))
    command = ("audit", "replay", "--rpc", url, "--archive", "archive", "--against", f"sqlite:///{copy}")
    told = auditor.refused_output(*command, "--report", "faults.html")
    assert "FAULTS FOUND" in told
    assert "databaseEvidence" in told
    assert evidence.hex() in (auditor.folder / "faults.html").read_text()
    report = json.loads(auditor.refused_output(*command, "--json"))
    jsonschema.validate(report, SCHEMA)
    [finding] = report["findings"]
    assert (finding["code"], finding["evidence"], finding["severity"]) == (
        "databaseEvidence",
        ["0x" + evidence.hex()],
        "fault",
    )


def test_what_could_not_be_checked_never_reads_as_a_fault(desk: tuple[Shell, Shell, str]) -> None:
    """A node that is away, and a file that is missing: exit 3. What makes no sense: exit 2."""
    _, auditor, url = desk
    away = ("audit", "replay", "--rpc", "http://127.0.0.1:9", "--archive", "archive", "--work", "away")
    assert "no connection" in auditor.refused(*away, code=3)
    manifest = json.loads((auditor.folder / "archive" / "manifest.json").read_text())
    path = auditor.folder / "archive" / f"{manifest['entries'][0]['sha256']}.jsonl.gz"
    path.rename(path.with_suffix(".away"))
    command = ("audit", "replay", "--rpc", url, "--archive", "archive", "--work", "without")
    assert "archiveMissing" in auditor.refused_output(*command, code=3)
    path.with_suffix(".away").rename(path)
    assert "got neither" in auditor.refused("audit", "replay", "--rpc", url, code=2)
    assert "--lang" in auditor.refused(*command, "--lang", "fr", code=2)
    assert "--ledger" in auditor.refused(*command, "--ledger", "0x12", code=2)
    auditor.refused("audit", "replay", "--archive", "archive", code=2)


def test_an_encrypted_archive_is_for_its_auditor(desk: tuple[Shell, Shell, str]) -> None:
    """Exported to the auditor's key: read with it, refused without, and a bad recipient is refused at once."""
    shell, auditor, url = desk
    key = pyrage.x25519.Identity.generate()
    (auditor.folder / "key.txt").write_text(f"# public key: {key.to_public()}\n{key}\n")
    told = shell.ok("archive", "export", "-o", "../auditor/secret", "--recipient", str(key.to_public()))
    assert "encrypted" in told
    command = ("audit", "replay", "--rpc", url, "--archive", "secret")
    assert "no key was given" in auditor.refused(*command, code=2)
    assert "NOTHING FOUND" in auditor.ok(*command, "--identity", "key.txt")
    assert "age public key" in shell.refused("archive", "export", "-o", "x", "--recipient", "age1x", code=2)
