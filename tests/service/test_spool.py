"""A log kept in a temporary database comes to the verdict on a log that is held, and leaves nothing behind."""

from __future__ import annotations

import io
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path
from random import Random

import pytest

from mutation.check import bases_of, mutate
from mutation.worlds import random_world
from protocol.contents import FIELDS
from protocol.forging import GOOD
from protocol.world import CODE_HASHES, World, actor
from tallystick.credit.receivables import Obstacle, find_obstacles
from tallystick.protocol.bundle_stream import format_bundle, parse_bundle
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.standing import SealedEntry
from tallystick.protocol.verdict import Outcome, Trust, Verdict
from tallystick.protocol.verify import verify_appends
from tallystick.service import spool
from tallystick.service.bundle_file import chunks_of
from tallystick.service.check import check, check_stream, verdict_json
from tallystick.service.report import derive
from tallystick.service.spool import Spool

SEED = 11
LIMIT = 1 << 28


@cache
def long_history() -> tuple[bytes, Trust]:
    """A bundle of 241 entries, more than fit into a cramped cache, and what its reader trusts."""
    world, operator = World(), actor("operator")
    supplier, buyer = world.join("supplier"), world.join("buyer")
    contract = world.contract(supplier, buyer)
    world.seal(operator, [contract])
    for _ in range(12):
        invoices = [
            world.evidence(supplier, buyer, Kind.INVOICE, FIELDS[Kind.INVOICE], parent=contract) for _ in range(20)
        ]
        world.seal(operator, invoices)
    made = world.bundle(supplier.party, derive=derive)
    return format_bundle(made), Trust(CODE_HASHES, made.as_of.hash)


def both(data: bytes, trust: Trust) -> tuple[Verdict, Verdict]:
    """The verdicts on ``data`` held, and streamed."""
    given = {"code_hashes": trust.code_hashes, "block_hash": trust.block_hash, "ledger": trust.ledger}
    return check(data, **given), check_stream(chunks_of(io.BytesIO(data), LIMIT), **given)  # type: ignore[arg-type]


@pytest.fixture
def cramped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is held that need not be."""
    monkeypatch.setattr(spool, "NEAR", 0)
    monkeypatch.setattr(spool, "PART_ENTRIES", 1)
    monkeypatch.setattr(spool, "CACHE_KIB", 1)


def test_a_mutated_bundle_gets_the_same_verdict_held_and_streamed(cramped: None) -> None:
    """The same outcome, code, words, steps, caveats and counts, whatever is wrong with it."""
    failed = set()
    for number in range(400):
        base, kind, data = mutate(SEED, number)
        held, streamed = both(data, base.trust)
        assert verdict_json(streamed) == verdict_json(held), (number, kind)
        failed.add(held.failed)
    assert len(failed) >= 8


def test_the_bundles_that_are_mutated_get_the_same_verdict_too() -> None:
    for base in bases_of(SEED):
        held, streamed = both(base.data, base.trust)
        assert verdict_json(streamed) == verdict_json(held)


@pytest.mark.parametrize("near", [0, spool.NEAR])
def test_random_histories_come_to_the_same_report_streamed_and_held(near: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "NEAR", near)
    monkeypatch.setattr(spool, "PART_ENTRIES", 1)
    for number in range(25):
        rng = Random(f"spooled {number}")
        world, who = random_world(rng)
        assert isinstance(world, World)
        hide = rng.choice([(), (), {"payableAmount", "note", "correctionType"}])
        data = format_bundle(world.bundle(who.party, hide=hide, withhold=rng.choice([(), {1}]), derive=derive))
        held, streamed = both(data, Trust(CODE_HASHES, ledger=world.ledger))
        assert held.failed is None, held.message
        assert verdict_json(streamed) == verdict_json(held)


def test_a_full_disk_says_nothing_about_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_SCHEMA", f"PRAGMA max_page_count = 20;{spool._SCHEMA}")
    held, verdict = both(*long_history())
    assert held.outcome is Outcome.VALID
    assert (verdict.outcome, verdict.failed) == (Outcome.UNCHECKED, None)
    assert "full" in verdict.message
    assert "SQLITE_TMPDIR" in verdict.message


def test_a_file_that_changes_meanwhile_says_nothing_about_the_bundle() -> None:
    data = format_bundle(GOOD)
    turns = [data, data.replace(b'"count":', b'"c0unt":')]
    verdict = check_stream(lambda: iter([turns.pop(0)]), code_hashes=CODE_HASHES, block_hash=GOOD.as_of.hash)
    assert (verdict.outcome, verdict.failed) == (Outcome.UNCHECKED, None)
    assert "changed while it was read" in verdict.message


def test_not_even_a_killed_process_leaves_a_file(cramped: None) -> None:
    """The file of the database has no name as soon as it is open."""
    data, trust = long_history()
    bundle = parse_bundle(data)
    with Spool(bundle.subject) as log:
        assert verify_appends(bundle, bundle.appends, 0, trust, log=log).outcome is Outcome.VALID
        opened = _temporary_databases()
        assert opened
        assert all(name.endswith("(deleted)") for name in opened)
    assert not _temporary_databases()


def _temporary_databases() -> list[str]:
    """What this process has open that SQLite names so."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except OSError:  # it was the one of this very list
            continue
    return [name for name in found if "etilqs_" in name]


def test_what_speaks_against_an_invoice_is_told_by_its_part_of_the_log_alone() -> None:
    """Of random histories: every invoice, and some that are none, judged by all entries and by those around it."""
    judged = 0
    for number in range(40):
        world, who = random_world(Random(f"around {number}"))
        entries = world.judged(who.party)
        with Spool(who.party) as log:
            by_append = groupby(entries, key=lambda entry: (entry.operator, entry.batch_id))
            for _, together in by_append:
                some = list(together)
                log.expect([SealedEntry(entry.evidence_id, entry.evidence, (), {}, 0) for entry in some])
                for entry in some:
                    if entry.standing is Standing.STANDS:
                        log.standing[entry.evidence_id] = entry.evidence
                log.add(some)
            names = {entry.evidence_id for entry in entries}
            around = dict(log.around(names))
            assert set(around) == {entry.evidence_id for entry in entries if entry.standing is Standing.STANDS}
            for name in names:
                expected = find_obstacles(who.party, entries, name, DAY)
                assert find_obstacles(who.party, around.get(name, ()), name, DAY) == expected
                judged += Obstacle.NOT_AN_INVOICE not in expected
    assert judged > 20


DAY = date(2024, 6, 1)
