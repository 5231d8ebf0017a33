"""Two operators seal into one ledger: one audit takes the archives and databases of both, and says whose is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from audit.installation import Installation, imported, made_up_lines
from audit.rogue import change, read_archive, sql, write_archive
from tallystick.protocol.types import EvidenceId
from tallystick.protocol.verdict import Outcome
from tallystick.service import importing, parties
from tallystick.service.audit.findings import Code
from tallystick.service.audit.replay import Audit
from tallystick.service.audit.report import format_report, outcome
from tallystick.service.audit.words import says
from tallystick.service.index import index
from tallystick.service.seal import seal
from tallystick.store.sql import open_store


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Installation, Installation]]:
    """Two installations of one ledger, each with an operator, a database and an archive of its own.

    The ledger owner trades through both, so that its log has batches of both operators; customers are each one's own.
    """
    with imported(tmp_path / "one", made_up_lines(6, 2), batch_evidence=15) as one:
        folder = tmp_path / "other"
        folder.mkdir()
        url = f"sqlite:///{folder / 'ledger.sqlite3'}"
        store = open_store(url)
        with store.transaction() as transaction:
            transaction.set_deployment(one.context.chain.deployment)
        context = replace(one.context, store=store, operator=one.rogue)
        index(context)
        owner = parties.add_parties(context, [parties.NewParty("Ledger owner", (importing.LEDGER_OWNER,))])[0]
        lines = made_up_lines(10, 2)[6:]
        importing.import_receivables(context, owner, lines, "OTHER", simulate_counterparties=True)
        seal(context)
        other = Installation(folder, context, one.chain, one.keys, one.rogue, owner, url)
        for home in (one, other):
            index(home.context)
            home.export()
        yield one, other
        store.close()


def audited(one: Installation, other: Installation, *, jobs: int = 1) -> Audit:
    """What an auditor finds who has a node, both archives and both databases."""
    return one.audit(archives=[other.archive], against=True, databases=[other.database_url], jobs=jobs)


def an_evidence(home: Installation) -> EvidenceId:
    """One that this installation's operator sealed."""
    with home.context.store.transaction(read_only=True) as transaction:
        return next(
            entry.record.evidence_id
            for entry in transaction.log(home.owner.party, 10**6)
            if entry.append.operator == home.context.operator and entry.record.evidence.kind == 3
        )


def test_with_one_archive_what_the_other_operator_sealed_is_a_gap_that_names_it(
    homes: tuple[Installation, Installation],
) -> None:
    one, other = homes
    audit = one.audit(against=True)
    assert outcome(audit) is Outcome.UNCHECKED
    assert {finding.code for finding in audit.findings} == {Code.WITHHELD}
    assert {finding.operator for finding in audit.findings} == {other.context.operator}
    assert {finding.source for finding in audit.findings} == {""}


def test_two_honest_operators_give_nothing_to_find(homes: tuple[Installation, Installation]) -> None:
    """Every log is whole with both archives, and each database has what its own operator sealed."""
    one, other = homes
    audit = audited(one, other)
    assert audit.findings == ()
    assert outcome(audit) is Outcome.VALID
    assert (len(audit.archives), audit.databases) == (2, 2)
    assert None not in audit.archives
    assert sum(party.withheld for party in audit.parties) == 0
    owner = next(party for party in audit.parties if party.party == one.owner.party)
    assert owner.entries > max(party.entries for party in audit.parties if party.party != one.owner.party)
    assert format_report(audited(one, other, jobs=2)) == format_report(audit), "processes change nothing"


def test_an_archive_given_twice_is_checked_once(homes: tuple[Installation, Installation]) -> None:
    one, other = homes
    again = one.audit(archives=[other.archive, one.archive])
    assert again.findings == ()
    assert again.evidence == audited(one, other).evidence


def test_what_a_rogue_operator_alters_is_found_and_said_to_be_its(homes: tuple[Installation, Installation]) -> None:
    """It changes an entry of its archive and a row of its database; nothing is said of the honest one's."""
    one, other = homes
    name = an_evidence(other)
    manifest, items, bindings = read_archive(other)
    spoiled = change(items, name, other, lambda entry: replace(entry, signatures=bytes(65)))
    write_archive(other, manifest, spoiled, bindings)
    statement = "UPDATE evidence SET occurred_at = occurred_at + 1 WHERE evidence_id = ?"
    sql(other, statement, an_evidence_in_database(other))
    audit = audited(one, other)
    assert outcome(audit) is Outcome.INVALID
    found = {(finding.code, finding.source) for finding in audit.findings}
    assert found == {(Code.ROOT, "archive 2"), (Code.DATABASE_EVIDENCE, "database 2")}
    [root] = [finding for finding in audit.findings if finding.code is Code.ROOT]
    assert (root.operator, root.evidence) == (other.context.operator, (name,))
    assert says(root).endswith(" (archive 2)")
    assert says(root, "zh").endswith("（存档 2）")


def an_evidence_in_database(home: Installation) -> EvidenceId:
    """A contract of this installation's own batches, whose root the archive still proves."""
    with home.context.store.transaction(read_only=True) as transaction:
        return next(
            entry.record.evidence_id
            for entry in transaction.log(home.owner.party, 10**6)
            if entry.append.operator == home.context.operator and entry.record.evidence.kind == 1
        )


def test_an_archive_that_is_lost_leaves_a_gap_of_its_own_and_harms_no_other(
    homes: tuple[Installation, Installation],
) -> None:
    one, other = homes
    (other.archive / "manifest.json").unlink()
    audit = one.audit(archives=[other.archive])
    assert audit.archives[1] is None
    assert {(finding.code, finding.source) for finding in audit.findings} == {
        (Code.ARCHIVE_MISSING, "archive 2"),
        (Code.WITHHELD, ""),
    }


def test_what_one_archive_lacks_another_may_prove(homes: tuple[Installation, Installation]) -> None:
    """An archive without the batches of the other operator's logs, and a copy with them: no gap is left."""
    one, other = homes
    manifest, items, bindings = read_archive(other)
    whole = other.folder / "whole"
    other.archive.rename(whole)
    other.archive.mkdir()
    write_archive(other, manifest, items[: len(items) // 2], bindings)
    assert Code.WITHHELD in {finding.code for finding in one.audit(archives=[other.archive]).findings}
    assert one.audit(archives=[other.archive, whole]).findings == ()
