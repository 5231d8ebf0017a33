"""Standing: a test for each of the first rules by which an entry counts or does not, in their order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.trade import Trade
from protocol.world import FIELDS, actor, show, unpack
from tallystick.protocol import content
from tallystick.protocol.entry import Json, Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.standing import judge


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


def test_a_replaced_resolution_that_credits_must_say_what(trade: Trade) -> None:
    invoice = trade.invoice()
    dispute = trade.world.evidence(trade.buyer, trade.supplier, Kind.DISPUTE, parent=invoice)
    resolution = trade.world.evidence(trade.buyer, trade.supplier, Kind.RESOLUTION, parent=dispute)
    fields: dict[str, Json] = {"correctionType": "replaced", "outcome": "credited"}
    bad = trade.world.evidence(trade.buyer, trade.supplier, Kind.CORRECTION, fields, parent=resolution)
    fields |= {"creditAmount": "100.00", "currency": "EUR"}
    good = trade.world.evidence(trade.buyer, trade.supplier, Kind.CORRECTION, fields, parent=resolution)
    trade.seal(invoice, dispute, resolution, bad, good)
    assert trade.standings()[-2:] == [Standing.MALFORMED, Standing.STANDS]


@pytest.mark.parametrize(("count", "standing"), [(64, Standing.STANDS), (65, Standing.MALFORMED)])
def test_hiding_a_field_makes_no_room_for_one_more(trade: Trade, count: int, standing: Standing) -> None:
    fields = FIELDS[Kind.INVOICE] | {f"more{i}": i for i in range(count - len(FIELDS[Kind.INVOICE]) - 1)}
    made = content.make(fields, lambda size: bytes(size))
    hidden = content.digest(content.make({"hidden": 1}, lambda size: bytes(size))[0])
    root = content.content_root([*map(content.digest, made), hidden])
    said = replace(trade.invoice().evidence, content_root=root)
    trade.slip_in(trade.world.sign(said, [trade.supplier], made))
    log = trade.world.logs[trade.supplier.party]
    batches = [(append, [unpack(show(item)) for item in items]) for append, items in log]
    batches[-1][1][0] = replace(batches[-1][1][0], hidden=1)
    windows = trade.world.windows
    judged = judge(trade.supplier.party, batches, lambda party, signer: windows.get((party, signer)))
    assert judged[-1].standing is standing


def test_a_malformed_disclosure_makes_its_evidence_malformed(trade: Trade) -> None:
    trade.slip_in(replace(trade.invoice(), disclosures=("no disclosure",)))
    assert trade.last() is Standing.MALFORMED


def test_a_field_that_no_table_names_is_kept(trade: Trade) -> None:
    trade.seal(trade.invoice(fields={**FIELDS[Kind.INVOICE], "colour": ["red"]}))
    assert trade.last() is Standing.STANDS
    assert trade.world.judged(trade.supplier.party)[-1].fields["colour"] == ["red"]
