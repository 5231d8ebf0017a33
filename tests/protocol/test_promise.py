"""Whether a promise was kept: by what is known of logs, and by a bundle that was verified first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from protocol.test_receipt import signed_by
from protocol.trade import OPERATOR, ROGUE, Trade
from protocol.world import CODE_HASHES, DAY, START, Actor, Signed, actor, simple_report
from tallystick.protocol.bundle import Bundle
from tallystick.protocol.bundle_stream import format_bundle
from tallystick.protocol.evidence import Domain, Kind
from tallystick.protocol.promise import BundleWatch, Finding, LogView, Promise, must_stand_in, settle, settle_by_bundle
from tallystick.protocol.receipt import SignedReceipt
from tallystick.protocol.signing import sign
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId, Timestamp, to_hex
from tallystick.protocol.verdict import Trust
from tallystick.protocol.verify import verify

DUE = Timestamp(START + 2 * DAY)
OTHER_LEDGER = Address(b"\x07" * 20)


@pytest.fixture
def trade() -> Trade:
    return Trade()


def receipt_for(item: Signed, trade: Trade, operator: Actor = OPERATOR) -> SignedReceipt:
    """What ``operator`` signed for ``item`` at the start, due two days later."""
    return signed_by(operator.key, trade.world.domain, item.evidence, item.signatures, (START, DUE))


def by_bundle(
    signed: SignedReceipt, bundle: Bundle, *, ledger: Address | None = None, block_hash: Hash | None = None
) -> Finding:
    """The finding of a reader who trusts the bundle's own block, unless told another."""
    trust = Trust(CODE_HASHES, block_hash or bundle.as_of.hash, ledger)
    watch = BundleWatch(signed)
    return settle_by_bundle(watch, verify(format_bundle(bundle), trust, derive=simple_report, watch=watch), ledger)


# --- logs ----------

BEFORE, AFTER = Timestamp(DUE - 1), Timestamp(DUE + 1)
HIDING = Address(b"\x05" * 20)


def view(*sealed: Timestamp, unknown: Sequence[Timestamp] = (), subject: int = 1) -> LogView:
    return LogView(PartyId(bytes([subject]) * 32), sealed, tuple((at, HIDING) for at in unknown))


@pytest.mark.parametrize(
    ("logs", "as_of", "expected"),
    [
        pytest.param([view()], BEFORE, Promise.OPEN, id="not due"),
        pytest.param([view()], DUE, Promise.OPEN, id="in its last second"),
        pytest.param([view()], AFTER, Promise.BROKEN, id="due and absent"),
        pytest.param([view(BEFORE)], BEFORE, Promise.KEPT, id="before"),
        pytest.param([view(DUE)], AFTER, Promise.KEPT, id="in the last second"),
        pytest.param([view(AFTER)], AFTER, Promise.LATE, id="a second late"),
        pytest.param([view(AFTER, BEFORE)], AFTER, Promise.KEPT, id="twice, first in time"),
        pytest.param([view(unknown=[BEFORE])], BEFORE, Promise.OPEN, id="unknown but not due"),
        pytest.param([view(unknown=[DUE])], AFTER, Promise.UNCHECKED, id="perhaps among what is not known"),
        pytest.param([view(unknown=[AFTER])], AFTER, Promise.BROKEN, id="what is not known came too late"),
        pytest.param([view(AFTER, unknown=[DUE])], AFTER, Promise.UNCHECKED, id="late, but perhaps before too"),
        pytest.param([view(BEFORE, unknown=[DUE])], AFTER, Promise.KEPT, id="kept whatever is not known"),
        pytest.param([view(BEFORE), view(subject=2)], AFTER, Promise.BROKEN, id="in one log alone"),
        pytest.param([view(BEFORE), view(AFTER, subject=2)], AFTER, Promise.LATE, id="late in one log"),
        pytest.param([view(BEFORE), view(unknown=[DUE], subject=2)], AFTER, Promise.UNCHECKED, id="half known"),
        pytest.param([view(unknown=[DUE]), view(subject=2)], AFTER, Promise.BROKEN, id="one log is enough to break"),
        pytest.param([view(BEFORE), view(subject=2)], BEFORE, Promise.OPEN, id="half way"),
        pytest.param([view(BEFORE), view(DUE, subject=2)], AFTER, Promise.KEPT, id="in both logs"),
    ],
)
def test_a_promise_is_judged_by_every_log(
    trade: Trade, logs: list[LogView], as_of: Timestamp, expected: Promise
) -> None:
    """In time in each log is kept; what is absent for certain in one is broken; what is not known is neither."""
    finding = settle(receipt_for(trade.invoice(), trade), logs, BlockRef(9, Hash(bytes(32)), as_of))
    assert finding.promise is expected
    if expected in (Promise.LATE, Promise.BROKEN):
        assert f"proves the fault of operator {to_hex(OPERATOR.address)}" in finding.message
    if expected is Promise.UNCHECKED:
        assert to_hex(HIDING) in finding.message


def test_of_several_logs_the_last_to_have_it_counts(trade: Trade) -> None:
    """``sealed_at`` is when the promise was wholly kept."""
    logs = [view(DUE), view(BEFORE, subject=2)]
    finding = settle(receipt_for(trade.invoice(), trade), logs, BlockRef(9, Hash(bytes(32)), AFTER))
    assert finding.sealed_at == DUE


def test_a_time_beyond_all_calendars_is_told_in_seconds(trade: Trade) -> None:
    """A message never fails for a time that has no date."""
    invoice = trade.invoice()
    signed = signed_by(OPERATOR.key, trade.world.domain, invoice.evidence, invoice.signatures, (START, 2**53 - 1))
    finding = settle(signed, [view()], BlockRef(9, Hash(bytes(32)), AFTER))
    assert "second 9007199254740991" in finding.message


# --- bundles: what can't be told ----------


def test_a_bundle_that_is_invalid_says_nothing(trade: Trade) -> None:
    """A forged bundle is named as such, with its step; the receipt is neither kept nor broken by it."""
    signed = receipt_for(trade.invoice(), trade)
    trade.world.now = AFTER
    bundle = replace(trade.world.bundle(trade.supplier.party), appends=())
    finding = by_bundle(signed, bundle)
    assert finding.promise is Promise.UNCHECKED
    assert "invalid at step head" in finding.message
    assert (
        by_bundle(signed, trade.world.bundle(trade.supplier.party), block_hash=Hash(bytes(32))).promise
        == "could not check"
    )


def test_a_bundle_without_proofs_says_nothing(trade: Trade) -> None:
    """Where no step leads from the block to the log, nothing is known of it."""
    signed = receipt_for(trade.invoice(), trade)
    trade.world.now = AFTER
    finding = by_bundle(signed, replace(trade.world.bundle(trade.supplier.party), proof=None))
    assert finding.promise is Promise.UNCHECKED
    assert "no state proofs" in finding.message


def test_the_bundle_of_somebody_else_breaks_nothing(trade: Trade) -> None:
    """In a stranger's complete log the evidence need not stand, so its absence proves nothing; whose would is said."""
    signed = receipt_for(trade.invoice(), trade)
    trade.world.now = AFTER
    finding = by_bundle(signed, trade.world.bundle(trade.stranger.party))
    assert finding.promise is Promise.UNCHECKED
    assert all(to_hex(party) in finding.message for party in must_stand_in(signed))


def test_a_copy_in_somebody_elses_log_keeps_nothing(trade: Trade) -> None:
    """An operator that seals the evidence into a log where it is void has not kept its word."""
    invoice = trade.invoice()
    trade.world.seal_as(ROGUE, {trade.stranger.party: [invoice]})
    finding = by_bundle(receipt_for(invoice, trade), trade.world.bundle(trade.stranger.party))
    assert finding.promise is Promise.UNCHECKED


def test_a_bundle_of_another_ledger_says_nothing_unless_the_reader_names_his(trade: Trade) -> None:
    """Of two ledgers nobody knows which one counts; where the reader names one, a receipt of another is invalid."""
    invoice = trade.invoice()
    there = signed_by(
        OPERATOR.key, Domain(trade.world.chain_id, OTHER_LEDGER), invoice.evidence, invoice.signatures, (START, DUE)
    )
    bundle = trade.world.bundle(trade.supplier.party)
    assert by_bundle(there, bundle).promise is Promise.UNCHECKED
    assert by_bundle(there, bundle, ledger=trade.world.ledger).promise is Promise.INVALID
    here = receipt_for(invoice, trade)
    assert by_bundle(here, bundle, ledger=OTHER_LEDGER).promise is Promise.INVALID


def test_what_an_operator_withholds_may_hold_the_evidence(trade: Trade) -> None:
    """With entries of before the deadline withheld it can't be broken; with those of after it alone, it is."""
    invoice, second = trade.invoice(), trade.invoice()
    trade.seal(second)
    trade.world.now = AFTER
    assert (
        by_bundle(receipt_for(invoice, trade), trade.world.bundle(trade.supplier.party, withhold=[1])).promise
        is Promise.UNCHECKED
    )
    trade.seal(trade.invoice())
    finding = by_bundle(receipt_for(invoice, trade), trade.world.bundle(trade.supplier.party, withhold=[2]))
    assert finding.promise is Promise.BROKEN
    kept = by_bundle(receipt_for(second, trade), trade.world.bundle(trade.supplier.party, withhold=[2]))
    assert kept.promise is Promise.KEPT


# --- bundles: what is told ----------


@pytest.mark.parametrize("side", ["supplier", "buyer"])
def test_absence_from_a_log_where_it_must_stand_is_broken(trade: Trade, side: str) -> None:
    """The complete log of issuer or counterparty proves the fault once the deadline is past, and not before."""
    signed = receipt_for(trade.invoice(), trade)
    party = getattr(trade, side).party
    assert by_bundle(signed, trade.world.bundle(party)).promise is Promise.OPEN
    trade.world.now = AFTER
    finding = by_bundle(signed, trade.world.bundle(party), ledger=trade.world.ledger)
    assert finding.promise is Promise.BROKEN
    assert finding.caveats == ()


def test_an_empty_log_proves_a_fault_too_with_what_to_mind(trade: Trade) -> None:
    """Where nothing was ever sealed, nothing proves the chain id nor that the account is an operator: both are said."""
    profile = trade.world.evidence(trade.stranger, None, Kind.PROFILE, {"title": "maker of valves"})
    trade.world.now = AFTER
    finding = by_bundle(receipt_for(profile, trade), trade.world.bundle(trade.stranger.party))
    assert finding.promise is Promise.BROKEN
    said = " ".join(finding.caveats)
    assert "no ledger was named" in said
    assert f"does not show that {to_hex(OPERATOR.address)} ever was an operator" in said
    assert "chain 31337" in said


def test_late_is_late_and_kept_is_kept(trade: Trade) -> None:
    """Sealed by the deadline is kept, whoever sealed it; sealed after it is late; a second seal changes neither."""
    early, tardy = trade.invoice(), trade.invoice()
    trade.world.seal(actor("other operator"), [early])
    trade.world.now = AFTER
    trade.seal(tardy, early)
    trade.seal(tardy)
    bundle = trade.world.bundle(trade.buyer.party)
    assert by_bundle(receipt_for(early, trade), bundle).promise is Promise.KEPT
    finding = by_bundle(receipt_for(tardy, trade), bundle)
    assert (finding.promise, finding.sealed_at) == (Promise.LATE, AFTER)


def test_hidden_fields_stand_in_no_promises_way(trade: Trade) -> None:
    """A showing that hides amounts is not valid as a history, and proves all the same where an evidence stands."""
    invoice = trade.invoice()
    trade.seal(invoice)
    bundle = trade.world.bundle(trade.supplier.party, hide=["payableAmount"])
    assert by_bundle(receipt_for(invoice, trade), bundle).promise is Promise.KEPT


def test_other_signatures_keep_nothing(trade: Trade) -> None:
    """What stands there with signatures that the receipt is not about does not count, and is mentioned."""
    invoice = trade.invoice()
    resigned = replace(invoice, signatures=sign(invoice.evidence_id, actor("supplier", "second key").key))
    trade.seal(resigned)
    trade.world.now = AFTER
    finding = by_bundle(receipt_for(invoice, trade), trade.world.bundle(trade.supplier.party))
    assert finding.promise is Promise.BROKEN
    assert "with other signatures alone" in finding.message


def test_evidence_kept_void_was_sealed_all_the_same(trade: Trade) -> None:
    """What a log's judge says of an entry is not the operator's promise: it sealed what it took."""
    invoice = trade.world.evidence(trade.supplier, trade.buyer, Kind.INVOICE, deal="never agreed")
    trade.seal(invoice)
    assert by_bundle(receipt_for(invoice, trade), trade.world.bundle(trade.buyer.party)).promise is Promise.KEPT


def test_a_party_of_the_answered_evidence_can_show_it(trade: Trade) -> None:
    """A carrier's acknowledgement stands in the supplier's log for its parent's sake, and is kept by that bundle."""
    invoice = trade.invoice()
    witness = trade.world.evidence(trade.carrier, None, Kind.ACKNOWLEDGEMENT, {}, parent=invoice)
    trade.seal(invoice, witness)
    signed = receipt_for(witness, trade)
    assert trade.supplier.party not in must_stand_in(signed)
    assert by_bundle(signed, trade.world.bundle(trade.supplier.party)).promise is Promise.KEPT
