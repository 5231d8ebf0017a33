"""Receivables: the financier checks before it signs, the register refuses a second pledge, and status tells it all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, DISPUTE, INVOICE, SUPPLIER, World, changed, in_memory
from tallystick.credit.receivables import Obstacle
from tallystick.errors import MalformedInput, NotFound, Refused, TransactionFailed, WrongSigner
from tallystick.protocol.pledges import Pledged, Released, Transferred
from tallystick.protocol.types import EvidenceId, Timestamp, to_hex
from tallystick.service import parties, receivable, seal
from tallystick.store.records import PartyRecord

DAY = 86_400


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with in_memory(database_url=database_url) as world:
        world.party("Supplier GmbH", SUPPLIER)
        world.party("Buyer AG", BUYER)
        yield world


@pytest.fixture
def financier(world: World) -> PartyRecord:
    return world.party("First Bank", "LEI:FIRSTBANK")


@pytest.fixture
def other_financier(world: World) -> PartyRecord:
    return world.party("Second Bank", "LEI:SECONDBANK")


def sealed(world: World, *more: dict[str, object]) -> EvidenceId:
    """An acknowledged invoice, sealed together with ``more``."""
    made = world.record(CONTRACT, INVOICE, ACKNOWLEDGEMENT, *more)
    seal.seal(world.context)
    return made[1].evidence_id


# what is not signed


def test_evidence_that_is_not_known_can_not_be_pledged(world: World, financier: PartyRecord) -> None:
    """An id nobody recorded here names nothing."""
    with pytest.raises(NotFound, match="not known here"):
        receivable.pledge(world.context, EvidenceId(b"\x07" * 32), financier)


def test_an_invoice_that_is_not_sealed_can_not_be_pledged(world: World, financier: PartyRecord) -> None:
    """What stands in no log can be proven to nobody."""
    invoice = world.record(CONTRACT, INVOICE, ACKNOWLEDGEMENT)[1].evidence_id
    with pytest.raises(Refused, match="no invoice of that id stands in its issuer's log"):
        receivable.pledge(world.context, invoice, financier)


def test_an_invoice_its_buyer_did_not_acknowledge_is_not_financed(world: World, financier: PartyRecord) -> None:
    """The financier does not sign on the supplier's word alone."""
    invoice = world.record(CONTRACT, INVOICE)[1].evidence_id
    seal.seal(world.context)
    with pytest.raises(Refused, match="its buyer has not acknowledged it") as caught:
        receivable.pledge(world.context, invoice, financier)
    assert "have the buyer acknowledge" in caught.value.todo


def test_a_disputed_invoice_is_not_financed(world: World, financier: PartyRecord) -> None:
    """An open dispute is named."""
    with pytest.raises(Refused, match="it is disputed"):
        receivable.pledge(world.context, sealed(world, DISPUTE), financier)


def test_only_an_invoice_is_a_receivable(world: World, financier: PartyRecord) -> None:
    """A contract can be neither pledged nor asked about; the message names its kind."""
    contract = world.record(CONTRACT)[0].evidence_id
    seal.seal(world.context)
    with pytest.raises(Refused, match="no invoice of that id"):
        receivable.pledge(world.context, contract, financier)
    with pytest.raises(MalformedInput, match="expected an INVOICE, got CONTRACT"):
        receivable.status(world.context, contract)


def test_a_financier_whose_key_lives_elsewhere_does_not_sign_here(world: World) -> None:
    """Without a managed key nothing is signed in its name."""
    invoice = sealed(world)
    elsewhere = PartyRecord(parties.party_id(b"\x01" * 32, "LEI", "ELSEWHERE"), "Bank elsewhere", (), (), Timestamp(0))
    with pytest.raises(WrongSigner, match="no key of it is managed here"):
        receivable.pledge(world.context, invoice, elsewhere)


def test_what_was_never_pledged_is_neither_released_nor_transferred(world: World, financier: PartyRecord) -> None:
    """Both say that there is no pledge."""
    invoice = sealed(world)
    with pytest.raises(NotFound, match="no pledge of it is final"):
        receivable.release(world.context, invoice)
    with pytest.raises(NotFound, match="no pledge of it is final"):
        receivable.transfer(world.context, invoice, financier)


def test_a_supplier_does_not_finance_itself(world: World) -> None:
    """The register names the party."""
    invoice = sealed(world)
    with world.context.store.transaction() as transaction:
        supplier = parties.find_party(transaction, SUPPLIER)
    with pytest.raises(TransactionFailed, match="would hold its own receivable"):
        receivable.pledge(world.context, invoice, supplier)


def test_a_pledge_that_is_over_before_it_begins_is_refused(world: World, financier: PartyRecord) -> None:
    """It must end in the future."""
    with pytest.raises(TransactionFailed, match="which is not after"):
        receivable.pledge(world.context, sealed(world), financier, expires_at=Timestamp(1))


# one holder


def test_a_second_pledge_is_refused_and_says_since_when(
    world: World, financier: PartyRecord, other_financier: PartyRecord
) -> None:
    """The second financier learns that it is taken and since when, not by whom."""
    invoice = sealed(world)
    receivable.pledge(world.context, invoice, financier)
    with pytest.raises(TransactionFailed, match="is pledged since 2026-01-01") as caught:
        receivable.pledge(world.context, invoice, other_financier)
    assert to_hex(financier.party) not in str(caught.value)
    assert receivable.status(world.context, invoice).pledge is not None


def test_the_same_invoice_as_other_evidence_is_refused(
    world: World, financier: PartyRecord, other_financier: PartyRecord
) -> None:
    """A second evidence of one invoice, its number spelled otherwise, is pledged as long as the first is."""
    first = sealed(world)
    again = {**changed(INVOICE, invoiceNumber="No. 47-11", payableAmount="1250"), "label": "again"}
    other = {**changed(INVOICE, invoiceNumber="NO 4711"), "label": "other"}
    made = world.record(again, {**ACKNOWLEDGEMENT, "parent": "@again"}, other, {**ACKNOWLEDGEMENT, "parent": "@other"})
    seal.seal(world.context)
    spelled, spelled_otherwise = made[0].evidence_id, made[2].evidence_id
    receivable.pledge(world.context, spelled, financier)
    with pytest.raises(TransactionFailed, match="pledged under another evidence since"):
        receivable.pledge(world.context, spelled_otherwise, other_financier)
    shown = receivable.status(world.context, spelled_otherwise)
    assert shown.pledge is None
    assert shown.taken_since is not None
    assert shown.same_invoice is not None
    assert shown.same_invoice.receivable == spelled
    assert receivable.status(world.context, first).taken_since is None


def test_a_pledge_that_expired_frees_the_receivable(
    world: World, financier: PartyRecord, other_financier: PartyRecord
) -> None:
    """From its last second on it is free, and a release comes too late."""
    invoice = sealed(world)
    expires_at = Timestamp(world.chain.final_block().timestamp + 30 * DAY)
    receivable.pledge(world.context, invoice, financier, expires_at=expires_at)
    world.clock.time = expires_at
    world.chain.set_next_timestamp(expires_at)
    with pytest.raises(TransactionFailed, match="expired at"):
        receivable.release(world.context, invoice)
    receivable.pledge(world.context, invoice, other_financier)
    shown = receivable.status(world.context, invoice)
    assert shown.pledge is not None
    assert shown.pledge.financier == other_financier.party


def test_a_receivable_goes_from_hand_to_hand(
    world: World, financier: PartyRecord, other_financier: PartyRecord
) -> None:
    """Pledged, transferred, released by its holder, pledged anew: status tells each step, and who holds it."""
    invoice = sealed(world)
    assert receivable.status(world.context, invoice).taken_since is None
    name, _ = receivable.pledge(world.context, invoice, financier)
    receivable.transfer(world.context, invoice, other_financier)
    shown = receivable.status(world.context, invoice)
    assert shown.pledge is not None
    assert (shown.pledge_name, shown.pledge.financier) == (name, other_financier.party)
    assert shown.obstacles == ()
    receivable.release(world.context, invoice)
    assert receivable.status(world.context, invoice).taken_since is None
    with pytest.raises(TransactionFailed, match="was released at"):
        receivable.release(world.context, invoice)
    again, _ = receivable.pledge(world.context, invoice, financier)
    assert again != name
    kinds = [type(change.event) for change in receivable.status(world.context, invoice).changes]
    assert kinds == [Pledged, Transferred, Released, Pledged]


def test_without_a_day_it_is_pledged_for_half_a_year_after_it_is_due(world: World, financier: PartyRecord) -> None:
    """The default leaves time to collect."""
    invoice = sealed(world)
    receivable.pledge(world.context, invoice, financier)
    held = receivable.status(world.context, invoice).pledge
    assert held is not None
    due = 1_769_904_000  # 2026-02-01
    assert held.expires_at == due + 180 * DAY


def test_what_happens_later_shows_beside_the_pledge(world: World, financier: PartyRecord) -> None:
    """A dispute after the pledge does not undo it; whoever looks sees both."""
    invoice = sealed(world)
    receivable.pledge(world.context, invoice, financier)
    world.record({**DISPUTE, "parent": to_hex(invoice)})
    seal.seal(world.context)
    shown = receivable.status(world.context, invoice)
    assert shown.taken_since is not None
    assert shown.obstacles == (Obstacle.DISPUTED,)
