"""Trade documents become evidence: each once, of who states it, and nothing is guessed."""

from __future__ import annotations

from typing import Any

import pytest

from intake.ubl import ubl_files as ubl
from service.world import World
from tallystick.intake.readers import read_file
from tallystick.protocol import content
from tallystick.protocol.types import EvidenceId
from tallystick.service import parties
from tallystick.service.documents.importing import DocumentImport, Rules, import_documents
from tallystick.service.documents.outcomes import Reason, Status

SELLER, BUYER = f"GLN:{ubl.SELLER_GLN}", f"GLN:{ubl.BUYER_GLN}"


@pytest.fixture
def market(world: World) -> World:
    """A supplier and a buyer, both managed here, each with two identifiers."""
    for name, identifiers in (
        ("Supplier GmbH", (SELLER, f"VAT:{ubl.SELLER_VAT}")),
        ("Buyer AG", (BUYER, f"VAT:{ubl.BUYER_VAT}")),
    ):
        parsed = tuple(parties.parse_identifier(each) for each in identifiers)
        parties.add_parties(world.context, [parties.NewParty(name, parsed)])
    return world


def imported(world: World, *files: bytes, dry_run: bool = False, **rules: Any) -> DocumentImport:
    """What an import of ``files`` does."""
    read = [read_file(f"{at}.xml", data) for at, data in enumerate(files)]
    return import_documents(world.context, read, Rules(**rules), dry_run=dry_run)


def statuses(done: DocumentImport) -> list[str]:
    return [outcome.status.value for outcome in done.outcomes]


def reason(done: DocumentImport) -> Reason | None:
    (outcome,) = done.outcomes
    return outcome.reason


def kinds(done: DocumentImport) -> list[list[str]]:
    return [[made.kind for made in outcome.made] for outcome in done.outcomes]


def shown(world: World, name: EvidenceId) -> dict[str, Any]:
    """The content of one evidence."""
    with world.context.store.transaction() as transaction:
        return content.parse_all(transaction.evidence([name])[name].disclosures)


def count(world: World) -> int:
    with world.context.store.transaction() as transaction:
        return sum(transaction.counts().evidence.values())


CHAIN = (
    ubl.order(),
    ubl.order_response(),
    ubl.despatch(),
    ubl.receipt(),
    ubl.invoice(),
    ubl.answer("AP"),
    ubl.remittance(),
    ubl.credit_note(),
)


def test_a_whole_trade_is_one_deal(market: World) -> None:
    """Order to credit note: each becomes what it says, all of one deal, whatever order the files come in."""
    done = imported(market, *reversed(CHAIN))
    assert statuses(done) == ["recorded"] * len(CHAIN)
    assert list(reversed(kinds(done))) == [
        ["CONTRACT"],
        ["CONTRACT"],
        ["DELIVERY"],
        ["DELIVERY"],
        ["INVOICE"],
        ["ACKNOWLEDGEMENT"],
        ["PAYMENT"],
        ["CORRECTION"],
    ]
    names = {made.evidence for outcome in done.outcomes for made in outcome.made}
    with market.context.store.transaction() as transaction:
        deals = {record.evidence.deal for record in transaction.evidence(names).values()}
    assert (len(names), len(deals), done.evidence) == (6, 1, 6)


def test_importing_again_changes_nothing(market: World) -> None:
    """All of it at once, or file by file: known, and no evidence more."""
    imported(market, *CHAIN)
    before = count(market)
    assert statuses(imported(market, *CHAIN)) == ["known"] * len(CHAIN)
    assert [reason(imported(market, file)) for file in CHAIN] == [None] * len(CHAIN)
    assert count(market) == before


def test_files_may_come_one_by_one(market: World) -> None:
    """In the order of the trade, each in its own call: the same evidence."""
    done = [imported(market, file, terms_days=30) for file in CHAIN]
    assert [statuses(each) for each in done] == [
        ["recorded"],
        ["recorded"],
        ["waits"],
        ["recorded"],
        ["recorded"],
        ["recorded"],
        ["recorded"],
        ["recorded"],
    ]
    assert statuses(imported(market, *CHAIN)) == ["known"] * len(CHAIN)


def test_a_dry_run_records_nothing_and_says_all(market: World) -> None:
    """The same outcomes as the import that follows, and the store as it was."""
    before = count(market)
    dry = imported(market, *CHAIN, dry_run=True)
    assert count(market) == before
    done = imported(market, *CHAIN)
    assert statuses(dry) == statuses(done)
    assert kinds(dry) == kinds(done)
