"""Standing: what an entry can answer, and what lets it into another party's history."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.trade import Trade
from protocol.world import show, story, unpack
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.standing import MAX_CHAIN, judge


@pytest.fixture
def trade() -> Trade:
    return Trade()


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


def test_an_answer_to_an_unasked_consent_lets_nobody_report_either(trade: Trade) -> None:
    """Whoever acknowledges a consent it never asked for has not consented itself."""
    world, stranger, supplier = trade.world, trade.stranger, trade.supplier
    unasked = world.evidence(stranger, supplier, Kind.CONSENT, {}, deal="unasked")
    acknowledgement = world.evidence(supplier, stranger, Kind.ACKNOWLEDGEMENT, {}, parent=unasked)
    again = world.evidence(stranger, supplier, Kind.CONSENT, {}, parent=acknowledgement)
    invoice = world.evidence(stranger, supplier, Kind.INVOICE, parent=again)
    signal = world.evidence(stranger, supplier, Kind.SIGNAL, {}, parent=acknowledgement)
    trade.seal(unasked, acknowledgement, again)
    trade.slip_in(invoice, signal)
    assert trade.standings()[1:] == [Standing.STANDS] * 3 + [Standing.UNFOUNDED] * 2


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
