"""Erasure: what lies off the chain is deleted for good, and everything says so and still holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.proven import provable
from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, World, in_memory
from tallystick.errors import MalformedInput, Misfit, NotFound
from tallystick.protocol.types import EvidenceId, Timestamp, to_hex
from tallystick.protocol.verdict import Outcome
from tallystick.render.evidence_page import evidence_page
from tallystick.service import accounts, archive, consent, erasure
from tallystick.service.certificate import certify_evidence
from tallystick.service.check import check
from tallystick.service.consent import Grantee
from tallystick.service.index import index
from tallystick.service.parties import find_party
from tallystick.service.report import histories
from tallystick.service.scope import AccessScope
from tallystick.service.seal import seal
from tallystick.service.share import bundle
from tallystick.service.showing import Showing
from tallystick.service.tradelines import tradelines
from tallystick.store.archive import ArchiveReader, ArchiveWriter
from tallystick.timestamp.token import check_token

REASON = "Request of J. Doe of 2026-02-03 under article 17 GDPR"
SECRETS = ("4711", "1250.00")
PAYMENT: dict[str, Any] = {
    "kind": "PAYMENT",
    "issuer": BUYER,
    "counterparty": SUPPLIER,
    "content": {"paymentReference": "P-1", "valueDate": "2026-01-20", "currency": "EUR", "amount": "1250.00"},
}


@pytest.fixture
def invoice(world: World) -> EvidenceId:
    """A sealed invoice of the supplier to its buyer."""
    world.party("Acme Ltd", SUPPLIER)
    world.party("Northwind GmbH", BUYER)
    made = world.record(CONTRACT, {**INVOICE, "deal": "@deal"})[1].evidence_id
    seal(world.context, wait=lambda _: None)
    return made


@pytest.fixture(scope="module")
def proven() -> Iterator[tuple[World, EvidenceId]]:
    """The same on real contracts, whose state can be proven; the invoice is erased."""
    with provable() as made:
        evidence_id = made.record(INVOICE)[0].evidence_id
        seal(made.context)
        erase(made, evidence_id)
        yield made, evidence_id


def erase(world: World, evidence_id: EvidenceId) -> None:
    plan = erasure.request(world.context, "clerk", evidence_id, REASON)
    erasure.confirm(world.context, "head of data protection", evidence_id, plan.confirmation)


def test_the_first_step_deletes_nothing_and_says_what_would_go(world: World, invoice: EvidenceId) -> None:
    plan = erasure.request(world.context, "clerk", invoice, REASON)
    assert (plan.kind, plan.fields, plan.answers, len(plan.parties)) == ("INVOICE", 5, 0, 2)
    with world.context.store.transaction(read_only=True) as transaction:
        assert transaction.evidence([invoice])[invoice].disclosures
        assert not transaction.erased([invoice])


@pytest.mark.parametrize("reason", ["", "short", "x" * 2001, "a reason\x00 of ten"])
def test_an_erasure_needs_a_reason(world: World, invoice: EvidenceId, reason: str) -> None:
    with pytest.raises(MalformedInput, match="reason"):
        erasure.request(world.context, "clerk", invoice, reason)


def test_what_was_not_asked_for_or_too_long_ago_or_with_another_code_is_not_erased(
    world: World, invoice: EvidenceId
) -> None:
    with pytest.raises(NotFound, match="nobody asked"):
        erasure.confirm(world.context, "clerk", invoice, "erase-0000000000")
    plan = erasure.request(world.context, "clerk", invoice, REASON)
    with pytest.raises(Misfit, match="code"):
        erasure.confirm(world.context, "clerk", invoice, "erase-0000000000")
    world.clock.time = Timestamp(world.clock.time + 86_400)
    with pytest.raises(Misfit, match="more than a day"):
        erasure.confirm(world.context, "clerk", invoice, plan.confirmation)
    again = erasure.request(world.context, "clerk", invoice, REASON)
    assert again.confirmation != plan.confirmation
    erasure.confirm(world.context, "clerk", invoice, again.confirmation)
    with pytest.raises(Misfit, match="already"):
        erasure.request(world.context, "clerk", invoice, REASON)
    with pytest.raises(NotFound):
        erasure.request(world.context, "clerk", EvidenceId(bytes(32)), REASON)


def test_both_steps_stand_in_the_journal_and_nothing_of_the_content_does(world: World, invoice: EvidenceId) -> None:
    erase(world, invoice)
    deeds = list(accounts.journal(world.context))[-2:]
    assert [(deed.actor, deed.act) for deed in deeds] == [
        ("clerk", "erasure requested"),
        ("head of data protection", "content erased"),
    ]
    assert deeds[0].details["reason"] == REASON
    assert not any(secret in json.dumps(deed.details) for deed in deeds for secret in SECRETS)


def test_the_history_stays_complete_and_says_what_it_lost(world: World, invoice: EvidenceId) -> None:
    """The bundle verifies up to what can't be told any more; the figures say that they rest on what is hidden."""
    block = index(world.context).block
    with world.context.store.transaction(read_only=True) as transaction:
        supplier = find_party(transaction, SUPPLIER).party
    before = next(histories(world.context, block, [supplier]))
    erase(world, invoice)
    after = next(histories(world.context, block, [supplier]))
    assert after["complete"] is True
    assert after["entryCount"] == before["entryCount"]
    assert after["erased"] == [{"evidence": to_hex(invoice), "erasedAt": world.clock.time}]
    assert "erased" not in before
    told = tradelines(world.context, block, supplier, Showing())
    assert told["erased"] == after["erased"]
    assert told["hidden"] == [{"evidence": f"/v1/evidence/{to_hex(invoice)}", "fields": 5}]


def test_a_bundle_holds_digests_alone_and_is_not_invalid(proven: tuple[World, EvidenceId]) -> None:
    """The log is complete and every root fits; the verdict is that figures may look better than the truth."""
    world, _ = proven
    with world.context.store.transaction(read_only=True) as transaction:
        supplier = find_party(transaction, SUPPLIER).party
    made, data = bundle(world.context, supplier)
    assert not any(secret.encode() in data for secret in SECRETS)
    verdict = check(
        data,
        code_hashes=world.context.code_hashes,
        block_hash=made.as_of.hash,
        ledger=world.context.chain.deployment.ledger,
    )
    assert (verdict.outcome, verdict.failed) == (Outcome.UNCHECKED, None)


def test_the_certificate_says_that_it_was_erased(proven: tuple[World, EvidenceId]) -> None:
    world, invoice = proven
    made = certify_evidence(world.context, invoice, lambda token, root: check_token(token, root, ()))
    assert (made.fields, made.hidden, made.erased_at) == ({}, 5, world.clock.time)
    assert "依法删除" in str(evidence_page(made, "zh"))
    assert "was erased on 2026-01-01" in str(evidence_page(made, "en"))


def test_an_archive_made_afterwards_holds_nothing_of_it(world: World, invoice: EvidenceId, tmp_path: Path) -> None:
    """Not even in the files of an export before, into the same directory; and it says that it was erased."""
    archive.export(world.context, ArchiveWriter(tmp_path))
    before = {path.name for path in tmp_path.iterdir()}
    erase(world, invoice)
    archive.export(world.context, ArchiveWriter(tmp_path))
    reader = ArchiveReader(tmp_path)
    manifest, _ = reader.manifest()
    lines = [line for file in manifest.entries for line in reader.lines(file.content, None)]
    (line,) = [json.loads(line) for line in lines if b"erasedAt" in line]
    assert line["entry"]["disclosures"] == []
    assert line["erasedAt"] == world.clock.time
    named = {f"{file.content.name}.jsonl.gz" for file in manifest.entries}
    assert {path.name for path in tmp_path.iterdir()} & before <= named | {
        "manifest.json",
        *(() if manifest.bindings is None else (f"{manifest.bindings.name}.jsonl.gz",)),
    }


def test_what_answers_an_erased_evidence_can_still_be_recorded(world: World, invoice: EvidenceId) -> None:
    """A payment of it, an acknowledgement, a dispute: whoever has to answer is not kept from it."""
    erase(world, invoice)
    allocations = [{"invoice": to_hex(invoice), "amount": "1250.00"}]
    content = {**PAYMENT["content"], "allocations": allocations}
    paid = world.record({**PAYMENT, "parent": to_hex(invoice), "content": content})[0].evidence_id
    erase(world, paid)
    more = {**content, "paymentReference": "P-2"}
    world.record(
        {
            "kind": "ACKNOWLEDGEMENT",
            "issuer": BUYER,
            "counterparty": SUPPLIER,
            "parent": to_hex(invoice),
            "content": {},
        },
        {**PAYMENT, "parent": to_hex(invoice), "content": more},
    )
    seal(world.context, wait=lambda _: None)


def test_erasing_a_consent_ends_it(world: World, invoice: EvidenceId) -> None:
    """Its scope is content: nobody looks under a consent that nobody can read any more."""
    import datetime

    with world.context.store.transaction(read_only=True) as transaction:
        supplier, buyer = (find_party(transaction, name) for name in (SUPPLIER, BUYER))
    day = datetime.date(2026, 12, 31)
    _, given = consent.grant(world.context, supplier, Grantee(buyer.party, "Bank", buyer), AccessScope(), day)
    erase(world, given.consent)
    with world.context.store.transaction(read_only=True) as transaction:
        kept = transaction.grant(given.consent)
    assert kept is not None
    assert (kept.is_good(world.clock.time), kept.grantee_name, kept.scope) == (False, None, "{}")


class Shelf:
    """Documents by evidence; the first deletion fails as a disk does."""

    def __init__(self, evidence_id: EvidenceId) -> None:
        self.kept = {evidence_id: 2}
        self.fails = True

    def delete(self, evidence_id: EvidenceId) -> int:
        if self.fails:
            self.fails = False
            raise OSError("no such device")
        return self.kept.pop(evidence_id, 0)


def test_documents_go_first_and_the_same_confirmation_finishes_what_failed(world: World, invoice: EvidenceId) -> None:
    shelf = Shelf(invoice)
    plan = erasure.request(world.context, "clerk", invoice, REASON)
    with pytest.raises(OSError, match="device"):
        erasure.confirm(world.context, "clerk", invoice, plan.confirmation, shelf)
    with world.context.store.transaction(read_only=True) as transaction:
        assert transaction.evidence([invoice])[invoice].disclosures
    done = erasure.confirm(world.context, "clerk", invoice, plan.confirmation, shelf)
    assert (done.documents, done.fields, shelf.kept) == (2, 5, {})


def test_no_file_of_the_database_keeps_it(tmp_path: Path) -> None:
    """Neither the pages nor the write-ahead log of SQLite hold the values or the salts afterwards."""
    path = tmp_path / "ledger.sqlite3"
    with in_memory(database_url=f"sqlite:///{path}") as world:
        world.party("Acme Ltd", SUPPLIER)
        world.party("Northwind GmbH", BUYER)
        unique = {**INVOICE, "deal": "@deal", "content": {**INVOICE["content"], "invoiceNumber": "SECRET-NUMBER-0815"}}
        made = world.record(CONTRACT, unique)[1]
        seal(world.context, wait=lambda _: None)
        assert any(made.disclosures[0].encode() in one.read_bytes() for one in tmp_path.iterdir())
        erase(world, made.evidence_id)
        for one in tmp_path.iterdir():
            data = one.read_bytes()
            assert not any(text.encode() in data for text in (*made.disclosures, "SECRET-NUMBER-0815")), one.name
