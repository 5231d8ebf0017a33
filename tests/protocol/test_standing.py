"""Standing: a test per rule by which an entry counts or does not, in the order in which the rules are applied."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.world import FIELDS, Signed, World, actor, show, story, unpack
from tallystick.protocol.entry import Json, Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.standing import MAX_CHAIN, judge
from tallystick.protocol.types import PartyId

OPERATOR, ROGUE = actor("operator"), actor("rogue operator")


class Trade:
    """A supplier and a buyer with a contract sealed, and a stranger and a carrier who are parties too."""

    def __init__(self) -> None:
        self.world = World()
        self.supplier, self.buyer = self.world.join("supplier"), self.world.join("buyer")
        self.stranger, self.carrier = self.world.join("stranger"), self.world.join("carrier")
        self.contract = self.world.contract(self.supplier, self.buyer)
        self.world.seal(OPERATOR, [self.contract])

    def invoice(self, **more: object) -> Signed:
        return self.world.evidence(self.supplier, self.buyer, Kind.INVOICE, parent=self.contract, **more)  # type: ignore[arg-type]

    def seal(self, *batch: Signed) -> None:
        self.world.seal(OPERATOR, batch)

    def slip_in(self, *batch: Signed) -> None:
        """Seal into the supplier's log alone, as a rogue operator."""
        self.world.seal_as(ROGUE, {self.supplier.party: batch})

    def standings(self, party: PartyId | None = None) -> list[Standing]:
        return [entry.standing for entry in self.world.judged(party or self.supplier.party)]

    def last(self, party: PartyId | None = None) -> Standing:
        return self.standings(party)[-1]


@pytest.fixture
def trade() -> Trade:
    return Trade()


# 1. repeated


def test_an_evidence_sealed_again_is_repeated(trade: Trade) -> None:
    invoice = trade.invoice()
    trade.seal(invoice)
    trade.slip_in(invoice, invoice)
    assert trade.standings() == [Standing.STANDS, Standing.STANDS, Standing.REPEATED, Standing.REPEATED]


def test_an_evidence_twice_in_one_batch_counts_at_its_lower_index(trade: Trade) -> None:
    invoice = trade.invoice()
    trade.slip_in(invoice, invoice)
    assert trade.standings()[1:] == [Standing.STANDS, Standing.REPEATED]


# 2. signatures and signers


@pytest.mark.parametrize("signatures", [b"", bytes(65), bytes(130), b"\x01" * 64])
def test_an_entry_without_a_well_formed_signature_is_void(trade: Trade, signatures: bytes) -> None:
    trade.slip_in(replace(trade.invoice(), signatures=signatures))
    assert trade.last() is Standing.BAD_SIGNATURE


def test_a_contract_with_one_signature_is_void(trade: Trade) -> None:
    half = trade.world.evidence(trade.supplier, trade.buyer, Kind.CONTRACT, deal="half", signers=[trade.supplier])
    trade.slip_in(half)
    assert trade.last() is Standing.BAD_SIGNATURE


def test_an_evidence_sealed_with_a_bad_signature_first_stands_at_its_good_seal(trade: Trade) -> None:
    invoice = trade.invoice()
    trade.slip_in(replace(invoice, signatures=bytes(65)))
    trade.seal(invoice)
    assert trade.standings()[1:] == [Standing.BAD_SIGNATURE, Standing.STANDS]


def test_a_signature_by_a_key_that_was_never_registered_is_void(trade: Trade) -> None:
    trade.slip_in(trade.invoice(signers=[actor("supplier", "unknown key")]))
    assert trade.last() is Standing.SIGNER_INACTIVE


def test_a_signature_by_another_partys_key_is_void(trade: Trade) -> None:
    trade.slip_in(trade.invoice(signers=[trade.buyer]))
    assert trade.last() is Standing.SIGNER_INACTIVE


def test_a_contract_that_one_side_signed_for_both_is_void(trade: Trade) -> None:
    forged = trade.world.evidence(
        trade.supplier, trade.buyer, Kind.CONTRACT, deal="forged", signers=[trade.supplier, trade.supplier]
    )
    trade.slip_in(forged)
    assert trade.last() is Standing.SIGNER_INACTIVE


def test_a_contract_signed_in_the_other_order_is_void(trade: Trade) -> None:
    swapped = trade.world.evidence(
        trade.supplier, trade.buyer, Kind.CONTRACT, deal="swapped", signers=[trade.buyer, trade.supplier]
    )
    trade.slip_in(swapped)
    assert trade.last() is Standing.SIGNER_INACTIVE


def test_an_entry_anchored_when_its_signer_was_revoked_is_void(trade: Trade) -> None:
    invoice = trade.invoice()
    trade.world.revoke(trade.supplier)
    trade.seal(invoice)
    assert trade.last() is Standing.SIGNER_INACTIVE


def test_revoking_a_key_does_not_harm_what_was_anchored_before(trade: Trade) -> None:
    trade.seal(trade.invoice())
    trade.world.revoke(trade.supplier)
    assert trade.last() is Standing.STANDS


# 3. time


def test_an_evidence_issued_more_than_ten_minutes_after_its_block_is_void(trade: Trade) -> None:
    trade.slip_in(trade.invoice(issued_at=trade.world.now + 601))
    assert trade.last() is Standing.ISSUED_AHEAD


def test_a_clock_ten_minutes_ahead_is_tolerated(trade: Trade) -> None:
    trade.slip_in(trade.invoice(issued_at=trade.world.now + 600))
    assert trade.last() is Standing.STANDS


# 4. whom it concerns


def test_an_evidence_between_others_is_foreign(trade: Trade) -> None:
    trade.slip_in(trade.world.evidence(trade.stranger, trade.buyer, Kind.INVOICE))
    assert trade.last() is Standing.FOREIGN


def test_what_a_stranger_says_of_itself_is_foreign(trade: Trade) -> None:
    trade.slip_in(trade.world.evidence(trade.stranger, None, Kind.SIGNAL, {}))
    assert trade.last() is Standing.FOREIGN


def test_a_contract_between_others_is_foreign_and_founds_nothing(trade: Trade) -> None:
    contract = trade.world.contract(trade.stranger, trade.buyer, deal="theirs")
    invoice = trade.world.evidence(trade.stranger, trade.supplier, Kind.INVOICE, deal="theirs")
    trade.slip_in(contract, invoice)
    assert trade.standings()[1:] == [Standing.FOREIGN, Standing.UNFOUNDED]


# 5. form


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_an_evidence_without_a_field_that_its_kind_requires_is_malformed(trade: Trade, kind: int) -> None:
    fields = dict(FIELDS[kind])
    del fields[sorted(fields)[0]]
    trade.slip_in(trade.world.evidence(trade.supplier, trade.buyer, kind, fields, parent=trade.contract))
    assert trade.last() is Standing.MALFORMED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("payableAmount", "1,250.00"),
        ("payableAmount", "-1"),
        ("payableAmount", 1250),
        ("currency", "eur"),
        ("dueDate", "2023-02-30"),
        ("dueDate", "2023-11-19"),
        ("invoiceNumber", ""),
        ("taxAmount", None),
        ("documents", [{"sha256": "00"}]),
    ],
)
def test_a_field_that_is_not_of_its_form_makes_its_evidence_malformed(trade: Trade, name: str, value: Json) -> None:
    trade.slip_in(trade.invoice(fields={**FIELDS[Kind.INVOICE], name: value}))
    assert trade.last() is Standing.MALFORMED


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Kind.RESOLUTION, {"outcome": "credited"}),
        (Kind.CORRECTION, {"correctionType": "credited"}),
        (Kind.CORRECTION, {"correctionType": "replaced", "invoiceNumber": "I-2"}),
    ],
)
def test_an_answer_that_changes_an_amount_must_say_which(trade: Trade, kind: int, fields: dict[str, Json]) -> None:
    invoice = trade.invoice()
    trade.seal(invoice)
    trade.slip_in(trade.world.evidence(trade.supplier, trade.buyer, kind, fields, parent=invoice))
    assert trade.last() is Standing.MALFORMED


def test_a_correction_of_a_correction_says_what_the_first_evidence_requires(trade: Trade) -> None:
    invoice = trade.invoice()
    replaced = {"correctionType": "replaced", **FIELDS[Kind.INVOICE]}
    first = trade.world.evidence(trade.supplier, trade.buyer, Kind.CORRECTION, replaced, parent=invoice)
    good = trade.world.evidence(trade.supplier, trade.buyer, Kind.CORRECTION, replaced, parent=first)
    del replaced["dueDate"]
    bad = trade.world.evidence(trade.supplier, trade.buyer, Kind.CORRECTION, replaced, parent=first)
    trade.seal(invoice, first, good, bad)
    assert trade.standings()[1:] == [Standing.STANDS, Standing.STANDS, Standing.STANDS, Standing.MALFORMED]


def test_a_malformed_disclosure_makes_its_evidence_malformed(trade: Trade) -> None:
    trade.slip_in(replace(trade.invoice(), disclosures=("no disclosure",)))
    assert trade.last() is Standing.MALFORMED


def test_a_field_that_no_table_names_is_kept(trade: Trade) -> None:
    trade.seal(trade.invoice(fields={**FIELDS[Kind.INVOICE], "colour": ["red"]}))
    assert trade.last() is Standing.STANDS
    assert trade.world.judged(trade.supplier.party)[-1].fields["colour"] == ["red"]


# 6. parents


def test_an_answer_to_what_is_not_in_the_log_is_misfit(trade: Trade) -> None:
    invoice = trade.invoice()
    trade.slip_in(trade.world.evidence(trade.buyer, trade.supplier, Kind.DISPUTE, parent=invoice))
    assert trade.last() is Standing.MISFIT


def test_an_answer_sealed_before_what_it_answers_is_misfit_and_stands_when_sealed_again(trade: Trade) -> None:
    invoice = trade.invoice()
    dispute = trade.world.evidence(trade.buyer, trade.supplier, Kind.DISPUTE, parent=invoice)
    trade.slip_in(dispute, invoice, dispute)
    assert trade.standings()[1:] == [Standing.MISFIT, Standing.STANDS, Standing.STANDS]


def test_an_answer_to_what_does_not_stand_is_misfit(trade: Trade) -> None:
    invoice = replace(trade.invoice(), signatures=bytes(65))
    dispute = trade.world.evidence(trade.buyer, trade.supplier, Kind.DISPUTE, parent=invoice)
    trade.slip_in(invoice, dispute)
    assert trade.last() is Standing.MISFIT


def test_an_answer_in_another_deal_than_its_parent_is_misfit(trade: Trade) -> None:
    trade.slip_in(trade.world.evidence(trade.supplier, trade.buyer, Kind.INVOICE, parent=trade.contract, deal="other"))
    assert trade.last() is Standing.MISFIT


def test_an_answer_between_other_parties_than_its_parent_is_misfit(trade: Trade) -> None:
    trade.slip_in(trade.world.evidence(trade.stranger, trade.supplier, Kind.DELIVERY, parent=trade.contract))
    assert trade.last() is Standing.MISFIT


def test_a_self_reported_answer_to_what_both_sides_share_is_misfit(trade: Trade) -> None:
    invoice = trade.invoice()
    trade.seal(invoice)
    trade.slip_in(trade.world.evidence(trade.supplier, None, Kind.CORRECTION, parent=invoice))
    assert trade.last() is Standing.MISFIT


@pytest.mark.parametrize("kind", [Kind.ACKNOWLEDGEMENT, Kind.DISPUTE, Kind.RESOLUTION, Kind.CORRECTION, Kind.WRITE_OFF])
def test_an_answer_that_names_no_parent_is_misfit(trade: Trade, kind: int) -> None:
    trade.slip_in(trade.world.evidence(trade.supplier, trade.buyer, kind))
    assert trade.last() is Standing.MISFIT


def test_a_contract_without_counterparty_is_void(trade: Trade) -> None:
    alone = trade.world.evidence(trade.supplier, None, Kind.CONTRACT, signers=[trade.supplier, trade.buyer])
    trade.slip_in(alone)
    assert trade.standings()[-1] is not Standing.STANDS


@pytest.mark.parametrize(
    ("by", "kind", "to"),
    [
        ("buyer", Kind.INVOICE, "invoice"),
        ("buyer", Kind.DISPUTE, "contract"),
        ("buyer", Kind.RESOLUTION, "invoice"),
        ("buyer", Kind.ACKNOWLEDGEMENT, "contract"),
        ("buyer", Kind.ACKNOWLEDGEMENT, "acknowledgement"),
        ("supplier", Kind.ACKNOWLEDGEMENT, "acknowledgement"),
        ("supplier", Kind.ACKNOWLEDGEMENT, "invoice"),
        ("supplier", Kind.DISPUTE, "invoice"),
        ("buyer", Kind.CORRECTION, "invoice"),
        ("supplier", Kind.CORRECTION, "contract"),
        ("buyer", Kind.CORRECTION, "acknowledgement"),
        ("buyer", Kind.WRITE_OFF, "invoice"),
        ("supplier", Kind.WRITE_OFF, "contract"),
        ("carrier", Kind.ACKNOWLEDGEMENT, "contract"),
        ("carrier", Kind.ACKNOWLEDGEMENT, "acknowledgement"),
        ("carrier", Kind.DISPUTE, "invoice"),
        ("buyer alone", Kind.ACKNOWLEDGEMENT, "invoice"),
    ],
)
def test_an_answer_of_the_wrong_kind_or_side_is_misfit(trade: Trade, by: str, kind: int, to: str) -> None:
    invoice = trade.invoice()
    acknowledgement = trade.world.evidence(trade.buyer, trade.supplier, Kind.ACKNOWLEDGEMENT, {}, parent=invoice)
    trade.seal(invoice, acknowledgement)
    parent = {"contract": trade.contract, "invoice": invoice, "acknowledgement": acknowledgement}[to]
    issuer, counterparty = {
        "buyer": (trade.buyer, trade.supplier),
        "supplier": (trade.supplier, trade.buyer),
        "carrier": (trade.carrier, None),
        "buyer alone": (trade.buyer, None),
    }[by]
    trade.slip_in(trade.world.evidence(issuer, counterparty, kind, parent=parent))
    assert trade.last() is Standing.MISFIT


def test_nobody_acknowledges_what_it_reported_itself(trade: Trade) -> None:
    """Not even as the witness that everybody may be in their own log."""
    invoice = trade.world.evidence(trade.supplier, None, Kind.INVOICE)
    acknowledged = trade.world.evidence(trade.supplier, None, Kind.ACKNOWLEDGEMENT, {}, parent=invoice)
    trade.seal(invoice, acknowledged)
    assert trade.standings()[1:] == [Standing.STANDS, Standing.MISFIT]


def test_a_witness_must_say_what_it_witnesses(trade: Trade) -> None:
    trade.seal(trade.world.evidence(trade.carrier, None, Kind.ACKNOWLEDGEMENT, {}))
    assert trade.last(trade.carrier.party) is Standing.MISFIT


def test_a_witnesss_acknowledgement_stands_in_all_three_logs(trade: Trade) -> None:
    invoice = trade.invoice()
    trade.seal(invoice)
    trade.seal(trade.world.evidence(trade.carrier, None, Kind.ACKNOWLEDGEMENT, {}, parent=invoice))
    assert [trade.last(party.party) for party in (trade.supplier, trade.buyer, trade.carrier)] == [Standing.STANDS] * 3


# 7. founding


def test_an_evidence_in_a_deal_without_contract_is_unfounded(trade: Trade) -> None:
    trade.slip_in(trade.world.evidence(trade.stranger, trade.supplier, Kind.INVOICE, deal="never agreed"))
    assert trade.last() is Standing.UNFOUNDED


def test_a_contract_founds_nothing_in_another_deal(trade: Trade) -> None:
    trade.slip_in(trade.world.evidence(trade.supplier, trade.buyer, Kind.INVOICE, deal="another"))
    assert trade.last() is Standing.UNFOUNDED


def test_a_contract_does_not_let_others_into_its_deal(trade: Trade) -> None:
    trade.slip_in(trade.world.evidence(trade.stranger, trade.supplier, Kind.INVOICE))
    assert trade.last() is Standing.UNFOUNDED


def test_a_void_contract_founds_nothing(trade: Trade) -> None:
    void = trade.world.evidence(trade.supplier, trade.buyer, Kind.CONTRACT, {}, deal="void")
    trade.slip_in(void, trade.world.evidence(trade.supplier, trade.buyer, Kind.INVOICE, deal="void"))
    assert trade.standings()[1:] == [Standing.MALFORMED, Standing.UNFOUNDED]


def test_a_contract_sealed_later_does_not_found_what_was_sealed_before(trade: Trade) -> None:
    contract = trade.world.contract(trade.supplier, trade.buyer, deal="later")
    early = trade.world.evidence(trade.supplier, trade.buyer, Kind.INVOICE, deal="later")
    trade.slip_in(early)
    trade.seal(contract)
    trade.seal(early)
    assert trade.standings()[1:] == [Standing.UNFOUNDED, Standing.STANDS, Standing.STANDS]


def test_a_contract_founds_its_own_batch_even_from_a_later_index(trade: Trade) -> None:
    contract = trade.world.contract(trade.supplier, trade.buyer, deal="same batch")
    invoice = trade.world.evidence(trade.supplier, trade.buyer, Kind.INVOICE, parent=contract)
    trade.slip_in(invoice, contract)
    assert trade.standings()[1:] == [Standing.STANDS, Standing.STANDS]
    assert [entry.seq for entry in trade.world.judged(trade.supplier.party)] == [0, 1, 2]


def test_self_reported_evidence_needs_no_founding(trade: Trade) -> None:
    trade.seal(trade.world.evidence(trade.supplier, None, Kind.INVOICE, deal="a customer who has not joined"))
    assert trade.last() is Standing.STANDS


def test_a_consent_founds_what_answers_it_and_the_answers_to_that(trade: Trade) -> None:
    supplier, stranger = trade.supplier, trade.stranger
    consent = trade.world.evidence(stranger, supplier, Kind.CONSENT, {}, deal="by consent")
    invoice = trade.world.evidence(supplier, stranger, Kind.INVOICE, parent=consent)
    dispute = trade.world.evidence(stranger, supplier, Kind.DISPUTE, parent=invoice)
    resolution = trade.world.evidence(supplier, stranger, Kind.RESOLUTION, parent=dispute)
    trade.seal(consent, invoice, dispute, resolution)
    assert trade.standings()[1:] == [Standing.STANDS] * 4
    assert trade.standings(stranger.party) == [Standing.STANDS] * 4


def test_ones_own_consent_lets_nobody_report_on_another(trade: Trade) -> None:
    consent = trade.world.evidence(trade.stranger, trade.supplier, Kind.CONSENT, {}, deal="unasked")
    invoice = trade.world.evidence(trade.stranger, trade.supplier, Kind.INVOICE, parent=consent)
    correction = trade.world.evidence(trade.stranger, trade.supplier, Kind.CORRECTION, parent=consent)
    trade.slip_in(consent, invoice, correction)
    assert trade.standings()[1:] == [Standing.STANDS, Standing.UNFOUNDED, Standing.UNFOUNDED]


def test_a_consent_is_not_followed_beyond_a_thousand_parents(trade: Trade) -> None:
    world, stranger = trade.world, trade.stranger
    consent = world.evidence(stranger, trade.supplier, Kind.CONSENT, {}, deal="long")
    chain = [consent]
    for _ in range(MAX_CHAIN + 1):
        chain.append(world.evidence(trade.supplier, stranger, 200, {}, parent=chain[-1]))
    trade.slip_in(*chain)
    assert trade.standings()[-2:] == [Standing.STANDS, Standing.UNFOUNDED]


# and together


def test_every_reason_of_the_enumeration_is_found_in_one_log() -> None:
    world, supplier = story()
    assert {entry.standing for entry in world.judged(supplier.party)} == set(Standing)


def test_void_entries_keep_their_places() -> None:
    world, supplier = story()
    entries = world.judged(supplier.party)
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    assert [entry.evidence_id for entry in entries] == [
        item.evidence_id for _, items in world.logs[supplier.party] for item in items
    ]


def test_withheld_entries_take_up_their_places(trade: Trade) -> None:
    trade.seal(trade.world.evidence(trade.supplier, None, Kind.PROFILE, {}))
    (first, _), (second, items) = trade.world.logs[trade.supplier.party]
    entries = judge(
        trade.supplier.party,
        [(first, None), (second, [unpack(show(item)) for item in items])],
        lambda party, signer: trade.world.windows.get((party, signer)),
    )
    assert [entry.seq for entry in entries] == [1]


def test_an_unknown_kind_is_kept(trade: Trade) -> None:
    trade.seal(trade.world.evidence(trade.supplier, trade.buyer, 255, {"anything": "goes"}, parent=trade.contract))
    assert trade.last() is Standing.STANDS
