"""A replay goes on where it was interrupted, is as of one block, and audits what it is told to."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from audit.installation import Installation, imported, made_up_lines
from audit.rogue import read_archive, sql, write_archive
from tallystick import auditing
from tallystick.chain.address_file import AddressFile, format_address_file, published_hashes
from tallystick.chain.deploy import DeploymentPlan
from tallystick.errors import HomeInUse, UsageError
from tallystick.intake.drafts import parse_draft
from tallystick.protocol.archive import format_manifest
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import Address, EvidenceId, Hash
from tallystick.protocol.verdict import Outcome
from tallystick.service import erasure, record
from tallystick.service.audit.findings import Code
from tallystick.service.audit.replay import Audit
from tallystick.service.audit.report import format_report, outcome
from tallystick.service.seal import seal


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def codes(audit: Audit) -> list[Code]:
    return [finding.code for finding in audit.findings]


def address_file(home: Installation) -> bytes:
    """The address file of the ledger of ``home``."""
    deployment, registrar = home.context.chain.deployment, home.context.registrar
    assert registrar is not None
    plan = DeploymentPlan(
        chain_id=deployment.chain_id,
        genesis_hash=deployment.genesis_hash,
        deployer=registrar,
        first_nonce=0,
        registrar=registrar,
        operators=tuple(sorted((home.context.operator, home.rogue))),
        from_block=0,
    )
    assert plan.ledger == deployment.ledger
    return format_address_file(AddressFile(plan, published_hashes(), deployment.block_number))


@pytest.mark.parametrize("phase", ["indexed", "heads", "checked", "judged"])
def test_an_interrupted_replay_goes_on(home: Installation, tmp_path: Path, phase: str) -> None:
    """Interrupted in any phase, then started again: the same report as in one go, and nothing is checked twice."""
    manifest, items, bindings = read_archive(home)
    made = write_archive(home, manifest, items, bindings, file_bytes=1)
    whole = format_report(home.audit())
    work, seen = tmp_path / "work", []

    def interrupt(what: str, done: int, total: int) -> None:
        seen.append((what, done))
        if what == phase and (done > 1 or total == 1):
            raise Interrupted

    with pytest.raises(Interrupted):
        home.audit(work=work, progress=interrupt)
    checked = [done for what, done in seen if what == "checked"]
    first = home.archive / f"{made.entries[0].content.name}.jsonl.gz"
    kept = first.read_bytes()
    if checked:
        first.unlink()  # it is checked: nobody needs it any more
    again: list[tuple[str, int]] = []
    audit = home.audit(work=work, progress=lambda what, done, total: again.append((what, done)))
    first.write_bytes(kept)
    assert format_report(audit) == whole
    if checked:
        assert all(done > checked[-1] for what, done in again if what == "checked")
    if phase == "judged":
        assert not [done for what, done in again if what == "checked"]


def test_another_archive_is_another_question(home: Installation, tmp_path: Path) -> None:
    """What a work directory holds of one archive is not taken for another's."""
    work = tmp_path / "work"
    assert codes(home.audit(work=work)) == []
    manifest, items, bindings = read_archive(home)
    write_archive(home, manifest, items[:-1], bindings)
    assert codes(home.audit(work=work)) == [Code.WITHHELD]


def test_two_audits_do_not_share_a_directory(home: Installation, tmp_path: Path) -> None:
    """The second is refused, and says who is there."""
    order = auditing.AuditOrder("http://127.0.0.1", tmp_path / "work", [home.archive])
    with (
        auditing.open_audit(order, lambda *_: None, home.chain),
        pytest.raises(HomeInUse),
        auditing.open_audit(order, lambda *_: None, home.chain),
    ):
        pass


def test_everything_is_as_of_the_archives_block(home: Installation) -> None:
    """What was sealed after the export is no gap: the audit says as of which block it is."""
    before = home.audit(against=True)
    draft = {"kind": "PROFILE", "issuer": "ERP:LEDGER-OWNER", "content": {"note": "later"}}
    record.record(home.context, [parse_draft(draft, "draft")])
    seal(home.context)
    after = home.audit(against=True)
    assert format_report(after) == format_report(before)
    home.export()
    newest = home.audit(against=True)
    assert codes(newest) == []
    assert before.as_of is not None
    assert newest.as_of is not None
    assert newest.as_of.number > before.as_of.number
    assert newest.evidence == before.evidence + 1


def test_a_database_that_is_behind_is_compared_as_of_its_own_block(home: Installation, tmp_path: Path) -> None:
    """The older of archive and database counts, so that what neither can know is not held against it."""
    old = (home.database.read_bytes(), home.database.with_name("ledger.sqlite3-wal").read_bytes())
    copy = tmp_path / "copy.sqlite3"
    copy.write_bytes(old[0])
    copy.with_name("copy.sqlite3-wal").write_bytes(old[1])
    draft = {"kind": "PROFILE", "issuer": "ERP:LEDGER-OWNER", "content": {"note": "later"}}
    record.record(home.context, [parse_draft(draft, "draft")])
    seal(home.context)
    home.export()
    newest = home.audit(against=True)
    assert codes(newest) == []
    order = auditing.AuditOrder(
        "http://127.0.0.1", tmp_path / "work", [home.archive], database_urls=[f"sqlite:///{copy}"]
    )
    with auditing.open_audit(order, lambda *_: None, home.chain) as replay:
        behind = replay.run()
    assert behind.as_of is not None
    assert newest.as_of is not None
    assert behind.as_of.number < newest.as_of.number
    # the archive's newest batch is not on the chain as of that block
    assert codes(behind) == []


def test_an_archive_of_a_fork_is_a_fault(home: Installation) -> None:
    """A block that the node's chain does not have: the archive is of another history."""
    manifest, items, bindings = read_archive(home)
    forked = replace(manifest, as_of=replace(manifest.as_of, hash=Hash(b"\x11" * 32)))
    write_archive(home, forked, items, bindings)
    assert codes(home.audit()) == [Code.ARCHIVE_BLOCK]


def test_without_an_archive_every_entry_is_a_gap(home: Installation) -> None:
    """The address file alone: chain and heads are checked, and what was sealed is said not to be there."""
    contracts = address_file(home)
    bare = auditing.AuditOrder("http://127.0.0.1", home.folder / "bare", contracts=contracts)
    with auditing.open_audit(bare, lambda *_: None, home.chain) as replay:
        audit = replay.run()
    assert set(codes(audit)) == {Code.WITHHELD}
    assert outcome(audit) is Outcome.UNCHECKED
    assert sum(party.withheld for party in audit.parties) == sum(party.entries for party in audit.parties) > 0


def test_the_address_file_counts_for_more_than_the_archive(home: Installation) -> None:
    """An archive that names another ledger, none, or nonsense is a finding; its entries are not there."""
    contracts = address_file(home)
    assert codes(home.audit(contracts=contracts)) == []
    manifest, _, _ = read_archive(home)
    other = replace(manifest, deployment=replace(manifest.deployment, ledger=Address(b"\x11" * 20)))
    for content, code in (
        (format_manifest(other), Code.ARCHIVE_LEDGER),
        (b"{}", Code.ARCHIVE_ALTERED),
        (None, Code.ARCHIVE_MISSING),
    ):
        path = home.archive / "manifest.json"
        path.unlink() if content is None else path.write_bytes(content)
        assert set(codes(home.audit(contracts=contracts))) == {code, Code.WITHHELD}
        if code is not Code.ARCHIVE_LEDGER:
            with pytest.raises(UsageError):
                home.audit()


def test_what_makes_no_sense_is_refused(home: Installation, tmp_path: Path) -> None:
    """Nothing that names the ledger, another ledger than named, and no database: each says what to do."""
    with (
        pytest.raises(UsageError, match="got neither"),
        auditing.open_audit(auditing.AuditOrder("http://127.0.0.1", tmp_path / "a"), lambda *_: None, home.chain),
    ):
        pass
    with pytest.raises(UsageError, match="--ledger"):
        home.audit(ledger=Address(b"\x11" * 20))
    order = auditing.AuditOrder(
        "http://127.0.0.1", tmp_path / "b", [home.archive], database_urls=[f"sqlite:///{tmp_path / 'none'}"]
    )
    with pytest.raises(UsageError, match="found none"), auditing.open_audit(order, lambda *_: None, home.chain):
        pass
    assert not (tmp_path / "none").exists()


def test_from_block_may_be_older_but_not_younger(home: Installation) -> None:
    """From the first block on the same is found; from after the first batch, the node seems to leave out logs."""
    assert codes(home.audit(from_block=0)) == []
    assert codes(home.audit(from_block=home.context.chain.final_block().number - 1)) == [Code.NODE]


def test_a_database_of_another_ledger_or_fork_is_a_fault(home: Installation) -> None:
    """Bound to another ledger, or indexed up to a block that the chain does not have."""
    sql(home, "UPDATE cursor SET block_hash = ?", b"\x11" * 32)
    assert codes(home.audit(against=True)) == [Code.DATABASE_BLOCK]
    sql(home, "UPDATE deployment SET ledger = ?", b"\x11" * 20)
    assert codes(home.audit(against=True)) == [Code.DATABASE_LEDGER]


def test_a_row_that_cant_be_read_is_a_fault_whatever_it_holds(home: Installation) -> None:
    """A kind that is none, disclosures that are no JSON, an id of another length: said, and never a crash."""
    with home.context.store.transaction(read_only=True) as transaction:
        entry = next(transaction.log(home.owner.party, 10**6)).record
    for column, value in (("kind", 0), ("disclosures", "["), ("issuer", b"short")):
        sql(home, f"UPDATE evidence SET {column} = ? WHERE evidence_id = ?", value, entry.evidence_id)
        assert set(codes(home.audit(against=True))) == {Code.DATABASE_UNREADABLE}, (column, value)
        sql(
            home,
            "UPDATE evidence SET kind = 1, disclosures = '[]', issuer = ? WHERE evidence_id = ?",
            entry.evidence.issuer,
            entry.evidence_id,
        )
    for value in ("[1]", "[[]]", "[null]"):
        sql(home, "UPDATE evidence SET disclosures = ? WHERE evidence_id = ?", value, entry.evidence_id)
        assert codes(home.audit(against=True)) == [Code.DATABASE_EVIDENCE], value


def test_a_database_on_postgresql_is_compared_too(tmp_path: Path, postgresql_url: str) -> None:
    """An honest one gives nothing; a changed signature is named; the auditor's own state stays in its directory."""
    with imported(tmp_path, made_up_lines(6, 2), batch_evidence=15, database_url=postgresql_url) as home:
        home.export()
        assert codes(home.audit(against=True)) == []
        with home.context.store.transaction(read_only=True) as transaction:
            entry = next(transaction.log(home.owner.party, 10**6)).record
        engine = create_engine(make_url(postgresql_url).set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            changed = text("UPDATE evidence SET signatures = :signatures WHERE evidence_id = :evidence_id")
            connection.execute(changed, {"signatures": bytes(130), "evidence_id": entry.evidence_id})
        engine.dispose()
        [finding] = home.audit(against=True).findings
        assert (finding.code, finding.evidence) == (Code.DATABASE_EVIDENCE, (entry.evidence_id,))


def erase_one(home: Installation) -> EvidenceId:
    """Erase the content of an invoice."""
    with home.context.store.transaction(read_only=True) as transaction:
        records = transaction.evidence_of_party(home.owner.party, [Kind.INVOICE])
    plan = erasure.request(home.context, "clerk", records[0].evidence_id, "a request under the law")
    erasure.confirm(home.context, "clerk", records[0].evidence_id, plan.confirmation)
    return records[0].evidence_id


@pytest.mark.parametrize("exported_after", [True, False])
def test_what_was_erased_is_told_from_what_is_missing(home: Installation, *, exported_after: bool) -> None:
    """Erased before the export or after it: one gap that names evidence and day, no fault, not even of the database."""
    erased = erase_one(home)
    if exported_after:
        home.export()
    audit = home.audit(against=True)
    assert {finding.code for finding in audit.findings} == {Code.ERASED}
    assert {finding.evidence for finding in audit.findings} == {(erased,)}
    assert dict(audit.findings[0].facts)["at"].startswith("20")


def test_what_is_gone_without_an_erasure_is_no_erasure(home: Installation) -> None:
    """Content that merely is not there any more is hidden in the archive, and the database has no excuse."""
    erased = erase_one(home)
    with sqlite3.connect(home.database) as connection:
        connection.execute("DELETE FROM erasure")
    connection.close()
    codes = {finding.code for finding in home.audit(against=True).findings}
    assert codes == {Code.DATABASE_REPORT}
    home.export()
    findings = home.audit().findings
    assert {finding.code for finding in findings} == {Code.HIDDEN}
    assert erased in {one for finding in findings for one in finding.evidence}
