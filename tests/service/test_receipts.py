"""Receipts: what is promised on acceptance, that it is kept with it, and what a home says of the promise later."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from service.test_record import _signed_elsewhere
from service.world import BUYER, CARRIER, CONTRACT, INVOICE, START, SUPPLIER, World, changed, in_memory
from tallystick.chain.records import Append
from tallystick.errors import ChainUnreachable, Duplicate, NotFound, StoreError
from tallystick.limits import Limits
from tallystick.protocol.evidence import Domain
from tallystick.protocol.promise import Finding, Promise
from tallystick.protocol.receipt import Receipt, SignedReceipt, format_receipt, signatures_digest
from tallystick.protocol.types import Address, EvidenceId, Hash, PartyId, Timestamp, to_hex
from tallystick.service import receipts, record, seal
from tallystick.store.records import EvidenceRecord, EvidenceState, ReceiptRecord
from tallystick.store.sql import open_store

WITHIN = Limits().seal_within_seconds
DUE = Timestamp(START + WITHIN)
OFFER = {**changed(CONTRACT, contractNumber="C-2"), "countersigned": False}


@pytest.fixture
def invoice(trading: World) -> EvidenceRecord:
    """An invoice that was just accepted."""
    return trading.record(INVOICE)[0]


def check(world: World, data: bytes | SignedReceipt) -> Finding:
    return receipts.check_here(world.context, data if isinstance(data, bytes) else format_receipt(data))


def time_passes(world: World, until: int) -> None:
    """The clock and the chain are at ``until``: a block of that time is final."""
    world.clock.time = Timestamp(until)
    world.chain.set_next_timestamp(Timestamp(until))
    world.party("Newcomer", f"ERP:{until}")


def seal_elsewhere(world: World, subject: PartyId) -> None:
    """The other operator seals something that is not known here into the log of ``subject``."""
    chain, operator = world.chain, world.other_operator
    append = Append(subject, Hash(b"\x01" * 32), 1)
    account, fees = chain.account(operator), chain.suggest_fees()
    sign = partial(world.context.keys.sign, operator)
    chain.send(chain.sign_seal(operator, sign, account.next_batch, [append], account.nonce, fees).raw)


def signed_here(world: World, evidence: EvidenceRecord, **more: Any) -> SignedReceipt:
    """A receipt for ``evidence`` that the operator signed, kept or not, with fields changed by ``more``."""
    hashed = signatures_digest(evidence.signatures)
    receipt = replace(Receipt(evidence.evidence_id, hashed, START, DUE), **more)
    domain, operator = world.context.chain.deployment.domain, world.context.operator
    signature = world.context.keys.sign(operator, receipt.digest(domain))
    return SignedReceipt(domain, evidence.evidence, receipt, operator, signature)


# no receipt


def test_unknown_evidence_has_no_receipt(world: World) -> None:
    """An id nobody recorded here is not known."""
    with pytest.raises(NotFound, match="not known here"):
        receipts.read_receipt(world.context, EvidenceId(bytes(32)))


def test_what_awaits_a_signature_has_none_until_it_is_countersigned(trading: World) -> None:
    """An offer is not accepted; the receipt comes with the countersignature, over both signatures and its time."""
    [offer] = trading.record(OFFER)
    with pytest.raises(NotFound, match="awaits a signature"):
        receipts.read_receipt(trading.context, offer.evidence_id)
    trading.clock.time = Timestamp(START + 60)
    complete = record.countersign(trading.context, offer.evidence_id)
    signed = receipts.read_receipt(trading.context, offer.evidence_id)
    assert signed.receipt.signatures_hash == signatures_digest(complete.signatures)
    assert signed.receipt.received_at == START + 60


def test_what_an_older_version_accepted_has_none(trading: World, invoice: EvidenceRecord) -> None:
    """Nothing is promised afterwards: it is read without a receipt, and asking for one says why."""
    older = replace(invoice, evidence_id=EvidenceId(b"\x01" * 32), document_key=None)
    with trading.context.store.transaction() as transaction:
        transaction.add_evidence([older])
    assert receipts.receipts_of(trading.context, [older]) == {}
    with pytest.raises(NotFound, match="a version that gave none"):
        receipts.read_receipt(trading.context, older.evidence_id)


def test_a_receipt_that_was_altered_is_not_given_away(trading: World, invoice: EvidenceRecord) -> None:
    """What is kept must be what was signed, or it would accuse nobody, or somebody else."""
    kept = ReceiptRecord(START, Timestamp(DUE + 1), trading.context.operator, bytes(65))
    older = replace(invoice, evidence_id=EvidenceId(b"\x01" * 32), document_key=None)
    with trading.context.store.transaction() as transaction:
        transaction.add_evidence([older], {older.evidence_id: kept})
    with pytest.raises(StoreError, match="not what was signed"):
        receipts.read_receipt(trading.context, older.evidence_id)


def test_without_the_operators_key_nothing_is_accepted(trading: World) -> None:
    """No promise, no acceptance: neither evidence nor countersignature is kept where the receipt can't be signed."""
    [offer] = trading.record(OFFER)
    keyless = replace(trading.context, operator=Address(b"\x09" * 20))
    with pytest.raises(NotFound):
        record.countersign(keyless, offer.evidence_id)
    before = trading.context.store
    with before.transaction() as transaction:
        counts = transaction.counts().evidence
        assert transaction.evidence([offer.evidence_id])[offer.evidence_id] == offer
    with pytest.raises(NotFound):
        replace(trading, context=keyless).record(INVOICE)
    with before.transaction() as transaction:
        assert transaction.counts().evidence == counts


def test_a_refused_call_promises_nothing(trading: World) -> None:
    """Where a later draft is refused, the receipts of the earlier ones are gone with them."""
    with pytest.raises(Duplicate):
        trading.record(INVOICE, {**INVOICE, "label": "again"})
    [made] = trading.record(INVOICE)
    assert list(receipts.receipts_of(trading.context, [made])) == [made.evidence_id]


# receipts


def test_every_evidence_that_is_accepted_has_a_receipt(trading: World) -> None:
    """All of one call are received at one time and due together; the operator signed each."""
    made = trading.record(*({**changed(INVOICE, invoiceNumber=str(i)), "label": None} for i in range(5)), OFFER)
    signed = receipts.receipts_of(trading.context, made)
    assert list(signed) == [item.evidence_id for item in made if item.state is EvidenceState.PENDING]
    assert len(signed) == 5
    for item in made[:5]:
        each = signed[item.evidence_id]
        assert each.problem() is None
        assert (each.operator, each.evidence) == (trading.context.operator, item.evidence)
        assert (each.receipt.received_at, each.receipt.seal_by) == (START, DUE)


def test_self_custody_gets_the_same_receipt(trading: World) -> None:
    """Evidence that was signed elsewhere is accepted with a receipt too."""
    made = _signed_elsewhere(trading)
    record.submit(trading.context, made.evidence, made.signatures, made.disclosures)
    assert receipts.read_receipt(trading.context, made.evidence_id).problem() is None


def test_the_promise_is_the_settings() -> None:
    """``seal_within_seconds`` says how long the operator takes; no setting makes a time that JSON can't hold."""
    for within, due in ((60, START + 60), (2**63 - 1, 2**53 - 1)):
        with in_memory(Limits(seal_within_seconds=within)) as world:
            world.party("Supplier GmbH", SUPPLIER)
            world.party("Buyer AG", BUYER)
            [made] = world.record(CONTRACT)
            assert receipts.read_receipt(world.context, made.evidence_id).receipt.seal_by == due


def test_a_receipt_stays_as_it_was_given(trading: World, invoice: EvidenceRecord) -> None:
    """Sealing, and another operator's key later, change nothing of it."""
    before = receipts.read_receipt(trading.context, invoice.evidence_id)
    seal.seal(trading.context)
    later = replace(trading.context, operator=Address(b"\x09" * 20))
    assert receipts.read_receipt(later, invoice.evidence_id) == before


# checks: worth nothing, or not to be told


def test_what_is_no_receipt_is_invalid(trading: World) -> None:
    """A file of something else is a finding, not an error."""
    assert check(trading, b"{}").promise is Promise.INVALID


def test_a_receipt_of_another_ledger_is_invalid(trading: World, invoice: EvidenceRecord) -> None:
    """A home relies on its own ledger; the other's name and chain are told."""
    signed = signed_here(trading, invoice)
    elsewhere = Domain(signed.domain.chain_id, Address(b"\x07" * 20))
    receipt = replace(signed.receipt, evidence=invoice.evidence.evidence_id(elsewhere))
    signature = trading.context.keys.sign(signed.operator, receipt.digest(elsewhere))
    finding = check(trading, replace(signed, domain=elsewhere, receipt=receipt, signature=signature))
    assert finding.promise is Promise.INVALID
    assert "0x0707" in finding.message


def test_a_stranger_promises_nothing(trading: World, invoice: EvidenceRecord) -> None:
    """Who never was an operator of the ledger binds nobody, however well it signs."""
    stranger = trading.context.keys.create("stranger")
    signed = signed_here(replace(trading, context=replace(trading.context, operator=stranger)), invoice)
    assert signed.problem() is None
    finding = check(trading, signed)
    assert finding.promise is Promise.INVALID
    assert "never was an operator" in finding.message


def test_a_node_that_does_not_answer_breaks_no_promise(trading: World, invoice: EvidenceRecord) -> None:
    """Past the deadline and without a chain, nothing is known."""

    class Silent:
        deployment = trading.chain.deployment

        def final_block(self) -> None:
            raise ChainUnreachable("no answer.")

    signed = receipts.read_receipt(trading.context, invoice.evidence_id)
    silent = replace(trading.context, chain=Silent())  # type: ignore[arg-type]
    assert receipts.check_here(silent, format_receipt(signed)).promise is Promise.UNCHECKED


def test_what_another_operator_sealed_may_hold_the_evidence(trading: World, invoice: EvidenceRecord) -> None:
    """Its contents are not known here: sealed before the deadline into both logs, they keep it from being broken."""
    other = trading.other_operator
    signed = receipts.read_receipt(trading.context, invoice.evidence_id)
    seal_elsewhere(trading, invoice.evidence.issuer)
    time_passes(trading, DUE + 1)
    assert check(trading, signed).promise is Promise.BROKEN  # the counterparty's log is known in full
    due_later = signed_here(trading, invoice, seal_by=Timestamp(DUE + 10))
    seal_elsewhere(trading, invoice.evidence.counterparty)
    time_passes(trading, DUE + 20)
    finding = check(trading, due_later)
    assert finding.promise is Promise.UNCHECKED
    assert to_hex(other) in finding.message
    assert check(trading, signed).promise is Promise.BROKEN  # that batch came after its deadline


# checks: what became of it


def test_before_it_is_due_it_is_open_and_sealed_it_is_kept(trading: World, invoice: EvidenceRecord) -> None:
    """A promise is open until it is sealed, then kept, for ever."""
    signed = receipts.read_receipt(trading.context, invoice.evidence_id)
    assert check(trading, signed).promise is Promise.OPEN
    seal.seal(trading.context)
    kept = check(trading, signed)
    assert kept.promise is Promise.KEPT
    time_passes(trading, DUE + 1)
    again = check(trading, signed)
    assert (again.promise, again.sealed_at) == (Promise.KEPT, kept.sealed_at)


@pytest.mark.parametrize(("at", "expected"), [(DUE, Promise.KEPT), (DUE + 1, Promise.LATE)])
def test_the_last_second_counts(trading: World, invoice: EvidenceRecord, at: int, expected: Promise) -> None:
    """Sealed in a block of ``sealBy`` is kept, a second later is late."""
    signed = receipts.read_receipt(trading.context, invoice.evidence_id)
    trading.clock.time = Timestamp(at)
    trading.chain.set_next_timestamp(Timestamp(at))
    seal.seal(trading.context)
    assert (check(trading, signed).promise, check(trading, signed).sealed_at) == (expected, at)


def test_what_was_never_sealed_is_broken_and_sealed_later_is_late(trading: World, invoice: EvidenceRecord) -> None:
    """Once the chain is past the deadline the receipt proves the fault; sealing mends the log, not the promise."""
    signed = receipts.read_receipt(trading.context, invoice.evidence_id)
    time_passes(trading, DUE)
    assert check(trading, signed).promise is Promise.OPEN
    time_passes(trading, DUE + 1)
    assert check(trading, signed).promise is Promise.BROKEN
    seal.seal(trading.context)
    assert check(trading, signed).promise is Promise.LATE


def test_an_acceptance_that_was_lost_is_broken_too(trading: World, invoice: EvidenceRecord) -> None:
    """A home that forgot the evidence, restored from a copy older than it, still finds that nobody sealed it."""
    signed = receipts.read_receipt(trading.context, invoice.evidence_id)
    forgetful = replace(trading.context, store=open_store("sqlite://"))
    with forgetful.store.transaction() as transaction:
        transaction.set_deployment(trading.chain.deployment)
    time_passes(trading, DUE + 1)
    finding = receipts.check_here(forgetful, format_receipt(signed))
    forgetful.store.close()
    assert finding.promise is Promise.BROKEN


def test_a_receipt_about_other_signatures_is_not_kept(trading: World, invoice: EvidenceRecord) -> None:
    """The operator took these very signatures; others in the log do not keep its word."""
    seal.seal(trading.context)
    other = signed_here(trading, invoice, signatures_hash=Hash(b"\x01" * 32))
    time_passes(trading, DUE + 1)
    finding = check(trading, other)
    assert finding.promise is Promise.BROKEN
    assert "other signatures" in finding.message


def test_an_answer_must_stand_with_its_own_parties(trading: World) -> None:
    """A witness names no counterparty: the promise is about its own log, and is kept there."""
    delivery = {
        "kind": "DELIVERY",
        "issuer": SUPPLIER,
        "counterparty": BUYER,
        "label": "delivery",
        "content": {"deliveryNumber": "D-1", "receivedDate": "2026-01-03"},
    }
    witness = {"kind": "ACKNOWLEDGEMENT", "issuer": CARRIER, "deal": "@delivery", "parent": "@delivery", "content": {}}
    made = trading.record(delivery, witness)
    seal.seal(trading.context)
    for signed in receipts.receipts_of(trading.context, made).values():
        assert check(trading, signed).promise is Promise.KEPT


def test_a_finding_is_told_to_programs(trading: World, invoice: EvidenceRecord) -> None:
    """Every member is there whatever the finding."""
    told = receipts.finding_json(check(trading, receipts.read_receipt(trading.context, invoice.evidence_id)))
    empty = receipts.finding_json(check(trading, b""))
    assert told.keys() == empty.keys()
    assert (told["verdict"], told["sealBy"], told["sealedAt"]) == ("open", DUE, None)
    assert (empty["verdict"], empty["evidence"], empty["asOf"]) == ("invalid", None, None)
