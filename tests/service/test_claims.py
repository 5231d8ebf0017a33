"""A buyer's claim to have paid and the supplier's booking of the same money are one payment."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from intake.bank import camt_files as camt
from intake.ubl import ubl_files as ubl
from service.world import World
from tallystick.credit.deals import Deals, read_deals
from tallystick.credit.findings import Findings
from tallystick.credit.money import exact_arithmetic
from tallystick.credit.story import tell
from tallystick.intake.bank.camt import read_message
from tallystick.intake.bank.cases import Reason
from tallystick.intake.drafts import Draft
from tallystick.intake.readers import read_file
from tallystick.protocol import content
from tallystick.protocol.entry import Entry
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import PartyId, to_hex
from tallystick.service import parties
from tallystick.service.bank.importing import BankImport, import_statements
from tallystick.service.bank.ledger import _KINDS, _entry
from tallystick.service.bank.words import todo, why
from tallystick.service.documents.importing import DocumentImport, import_documents
from tallystick.service.record import record
from tallystick.store.records import PartyRecord

SELLER, BUYER = f"GLN:{ubl.SELLER_GLN}", f"GLN:{ubl.BUYER_GLN}"
TOTAL = "107.50"


@pytest.fixture
def deal(world: World) -> World:
    """A supplier and a buyer with a contract and an invoice."""
    for name, identifier in (("Supplier GmbH", SELLER), ("Buyer AG", BUYER)):
        parties.add_parties(world.context, [parties.NewParty(name, (parties.parse_identifier(identifier),))])
    documents(world, ubl.order(), ubl.order_response(), ubl.invoice(payable=TOTAL))
    return world


def documents(world: World, *files: bytes) -> DocumentImport:
    return import_documents(world.context, [read_file(f"{at}.xml", data) for at, data in enumerate(files)])


def party(world: World, name: str) -> PartyRecord:
    with world.context.store.transaction(read_only=True) as transaction:
        return parties.find_party(transaction, name)


def booked(world: World, value: str = TOTAL, *, day: str = "2026-02-12", **said: Any) -> BankImport:
    """The supplier imports the bank's word that ``value`` came in."""
    said = {"servicer": f"B-{value}-{day}", "documents": (("INV-1", None),), **said}
    file = camt.statement(camt.entry(value, camt.transaction(value, **said), day=day))
    return import_statements(world.context, party(world, SELLER), [read_message(file, "s.xml")])


def remitted(world: World, number: str = "RA-1", part: str = TOTAL) -> DocumentImport:
    """The buyer claims to have paid ``part`` of the invoice."""
    return documents(world, ubl.remittance(number, "2026-02-11", total=part, lines=(("INV-1", part),)))


def entries(world: World, of: PartyId) -> list[Entry]:
    with world.context.store.transaction(read_only=True) as transaction:
        return [_entry(at, each) for at, each in enumerate(transaction.evidence_of_party(of, map(int, _KINDS)))]


def deals(world: World, name: str) -> Deals:
    of = party(world, name).party
    with exact_arithmetic():
        return read_deals(of, entries(world, of), date(2026, 12, 31), Findings())


def paid(world: World) -> tuple[Decimal, Decimal, Decimal]:
    """What is paid of the invoice, what is unapplied, and what is claimed; the same in both sides' histories."""
    told = set()
    for one in (deals(world, SELLER), deals(world, BUYER)):
        sums = [[each.paid for each in one.invoices], [each.unapplied for each in one.payments]]
        sums.append([each.claimed for each in one.payments])
        told.add(tuple(sum(each, Decimal(0)) for each in sums))
    (both,) = told
    return both  # type: ignore[return-value]


def claims(world: World) -> list[Entry]:
    """The buyer's claims, oldest first."""
    buyer = party(world, BUYER).party
    found = entries(world, buyer)
    return [each for each in found if each.evidence.kind == Kind.PAYMENT and each.evidence.issuer == buyer]


def acknowledge(world: World, claim: Entry) -> None:
    draft = Draft(Kind.ACKNOWLEDGEMENT, SELLER, BUYER, None, to_hex(claim.evidence_id), {}, None, None, False)
    record(world.context, [draft])


def link(made: BankImport) -> list[object]:
    return [each.drafts[0].content.get("samePayment") for each in made.made]


def test_several_claims_that_fit_are_left_to_a_person(deal: World) -> None:
    """Two claims of one sum: the receipt counts, it is tied to neither, and the work list names both."""
    for number in ("RA-1", "RA-2"):
        remitted(deal, number, "20.00")
    done = booked(deal, "20.00")
    assert link(done) == [None]
    (line,) = (each for each in done.work if each.found.reason.value == "severalClaims")
    assert line.made
    assert all(to_hex(claim.evidence_id) in line.found.facts["claims"] for claim in claims(deal))


def test_several_receipts_hold_a_claim_back(deal: World) -> None:
    """Nothing says which of two payments of one sum the remittance announces."""
    for day in ("2026-02-10", "2026-02-12"):
        booked(deal, "20.00", day=day)
    (outcome,) = remitted(deal, part="20.00").outcomes
    assert (outcome.status.value, outcome.reason and outcome.reason.value) == ("held", "severalReceipts")


def test_a_claim_of_another_sum_is_another_payment(deal: World) -> None:
    """As is one from months before."""
    remitted(deal, part="20.00")
    assert link(booked(deal, "21.00")) == [None]
    assert link(booked(deal, "20.00", day="2026-09-01")) == [None]


def test_a_reference_tells_one_of_several(deal: World) -> None:
    """The end-to-end id holds the claim's number."""
    for number in ("RA-1001", "RA-1002"):
        remitted(deal, number, "20.00")
    done = booked(deal, "20.00", end_to_end="RA-1002")
    assert link(done) == [to_hex(claims(deal)[1].evidence_id)]
    assert done.made[0].drafts[0].content["sameConfidence"] == 95


@pytest.mark.parametrize("first", ["claim", "receipt"])
@pytest.mark.parametrize("acknowledged", [False, True])
def test_the_money_counts_once_whatever_comes_first(deal: World, first: str, acknowledged: bool) -> None:
    """By the bank's day, in both histories; whoever acknowledges the claim besides changes nothing."""
    for step in (remitted, booked) if first == "claim" else (booked, remitted):
        step(deal)
    if acknowledged:
        acknowledge(deal, claims(deal)[0])
    assert paid(deal) == (Decimal(TOTAL), 0, 0)
    (invoice,) = deals(deal, SELLER).invoices
    assert str(invoice.paid_date) == "2026-02-12"


def test_a_claim_that_was_acknowledged_gives_way_to_the_receipt(deal: World) -> None:
    """The invoice is paid by it, and the bank's booking of the same money is still its receipt."""
    remitted(deal)
    acknowledge(deal, claims(deal)[0])
    assert paid(deal) == (Decimal(TOTAL), 0, 0)
    assert link(booked(deal)) == [to_hex(claims(deal)[0].evidence_id)]
    assert paid(deal) == (Decimal(TOTAL), 0, 0)


def test_other_money_for_what_a_claim_has_paid_is_for_a_person(deal: World) -> None:
    """The invoice is paid by an acknowledged claim of another sum: nothing is recorded."""
    remitted(deal)
    acknowledge(deal, claims(deal)[0])
    done = booked(deal, "20.00")
    assert done.made == ()
    assert [line.found.reason.value for line in done.work] == ["perhapsRecorded"]


def test_the_story_shows_both(deal: World) -> None:
    """Under the claim stands the receipt, with its reference, day and sum."""
    remitted(deal)
    booked(deal)
    (story,) = tell(entries(deal, party(deal, BUYER).party))
    assert (story.kind, story.number) == (Kind.PAYMENT, "RA-1")
    assert [(said.kind, said.words["valueDate"]) for said in story.said] == [(Kind.PAYMENT, "2026-02-12")]


def test_the_receipt_names_the_statement(deal: World) -> None:
    """As a document, by the hash of its exact bytes."""
    name = booked(deal).made[0].evidence[0]
    with deal.context.store.transaction(read_only=True) as transaction:
        fields = content.parse_all(transaction.evidence([name])[name].disclosures)
    documents_of = fields["documents"]
    assert isinstance(documents_of, list)
    assert [each["name"] for each in documents_of] == ["s.xml"]


def test_every_reason_of_the_work_list_has_words() -> None:
    """Why, and what to do, in both languages."""
    for reason in Reason:
        said = {say for language in ("en", "zh") for say in (why(reason, {}, language), todo(reason, language))}
        assert len(said) == 4
