"""Recording: what is refused, with its reason, and that a refusal leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.world import (
    ACKNOWLEDGEMENT,
    BUYER,
    CARRIER,
    CONTRACT,
    DISPUTE,
    INVOICE,
    PAYMENT,
    SUPPLIER,
    World,
    changed,
)
from tallystick.errors import (
    BadSignature,
    Duplicate,
    MalformedEvidence,
    MalformedInput,
    Misfit,
    NotFound,
    Refused,
    TallystickError,
    Unfounded,
    WrongSigner,
)
from tallystick.protocol.signing import GROUP_ORDER
from tallystick.service import record, seal
from tallystick.store.records import EvidenceState

UNKNOWN = "0x" + "11" * 32


def evidence_count(world: World) -> int:
    with world.context.store.transaction() as transaction:
        return sum(transaction.counts().evidence.values())


@pytest.mark.parametrize(
    ("drafts", "error", "said"),
    [
        ([changed(INVOICE, payableAmount="12,50")], MalformedEvidence, "payableAmount"),
        ([changed(INVOICE, payableAmount=12.5)], MalformedEvidence, "decimal strings"),
        ([changed(INVOICE, payableAmount="-5")], MalformedEvidence, "without sign"),
        ([changed(INVOICE, dueDate="2026-02-30")], MalformedEvidence, "dueDate"),
        ([changed(INVOICE, dueDate="2025-12-31")], MalformedEvidence, "on or after issueDate"),
        ([changed(INVOICE, currency="euro")], MalformedEvidence, "ISO 4217"),
        ([changed(INVOICE, invoiceNumber=None)], MalformedEvidence, "expected the field 'invoiceNumber'"),
        ([INVOICE, {**INVOICE, "label": "again"}], Duplicate, "4711"),
        ([{**INVOICE, "issuer": "LEI:NOBODY"}], NotFound, "not known here"),
        ([{**INVOICE, "counterparty": SUPPLIER, "deal": UNKNOWN}], MalformedEvidence, "another party than the issuer"),
        ([{**INVOICE, "deal": UNKNOWN}], Unfounded, "no contract between exactly these two"),
        ([{**INVOICE, "counterparty": CARRIER}], Misfit, "deal: expected one between"),
        ([{**INVOICE, "occurredAt": "yesterday"}], MalformedInput, "ISO 8601"),
        ([{**CONTRACT, "counterparty": None}], Misfit, "signed by both"),
        ([{**ACKNOWLEDGEMENT, "parent": UNKNOWN}], NotFound, "not known here"),
        ([{**ACKNOWLEDGEMENT, "parent": None}], Misfit, "must name the evidence it answers"),
        ([INVOICE, {**ACKNOWLEDGEMENT, "issuer": SUPPLIER, "counterparty": BUYER}], Misfit, "only the other side"),
        ([INVOICE, {**DISPUTE, "issuer": SUPPLIER, "counterparty": BUYER}], Misfit, "only the other side"),
        ([INVOICE, {**DISPUTE, "issuer": CARRIER, "counterparty": SUPPLIER}], Misfit, "other parties"),
        ([{**PAYMENT, "content": {**PAYMENT["content"], "allocations": "all"}}], MalformedEvidence, "a list"),
        ([changed(PAYMENT, allocations=[{"invoice": UNKNOWN, "amount": "1"}])], NotFound, "Record the invoice first"),
        ([INVOICE, changed(PAYMENT, currency="USD")], Misfit, "is in EUR, the payment in USD"),
        ([INVOICE, changed(PAYMENT, amount="1000.00")], Misfit, "they add to 1250.00"),
        (
            [INVOICE, changed(PAYMENT, amount="9999", allocations=[{"invoice": "@invoice", "amount": "1250"}] * 2)],
            Misfit,
            "this payment allocates 2500 more",
        ),
        ([INVOICE, PAYMENT, changed(PAYMENT, paymentReference="P-2")], Misfit, "Allocate at most 0.00"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_nothing_is_kept(
    trading: World, drafts: list[dict[str, Any]], error: type[TallystickError], said: str
) -> None:
    """A refusal names its reason and what to do, and none of the call's drafts is kept."""
    before = evidence_count(trading)
    with pytest.raises(error) as refused:
        trading.record(*drafts)
    assert said in str(refused.value)
    assert evidence_count(trading) == before


def test_one_evidence_is_not_recorded_twice(trading: World) -> None:
    """The evidence id is the idempotency key: the same signed evidence is kept once."""
    [made] = trading.record({**INVOICE, "content": {**INVOICE["content"], "invoiceNumber": "1"}})
    with pytest.raises(Duplicate):
        record.submit(trading.context, made.evidence, made.signatures, made.disclosures)


def test_evidence_signed_by_another_key_is_refused(trading: World) -> None:
    """A signature by a key that is not the issuer's is refused, naming who might have signed."""
    made = _signed_elsewhere(trading)
    stranger = trading.context.keys.create("stranger")
    signature = trading.context.keys.sign(stranger, made.evidence_id)
    with pytest.raises(WrongSigner, match="expected by one of 0x"):
        record.submit(trading.context, made.evidence, signature, made.disclosures)


def test_a_high_s_signature_is_refused(trading: World) -> None:
    """The second form of the same signature (n - s, other v) is no signature."""
    made = _signed_elsewhere(trading)
    r, s, v = made.signatures[:32], int.from_bytes(made.signatures[32:64], "big"), made.signatures[64]
    malleable = r + (GROUP_ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    with pytest.raises(BadSignature, match="upper half"):
        record.submit(trading.context, made.evidence, malleable, made.disclosures)


def test_content_that_was_not_signed_is_refused(trading: World) -> None:
    """Disclosures that do not give the signed content root are refused."""
    made = _signed_elsewhere(trading)
    with pytest.raises(MalformedEvidence, match="content root"):
        record.submit(trading.context, made.evidence, made.signatures, made.disclosures[1:])


def test_evidence_from_the_future_is_refused(trading: World) -> None:
    """``issuedAt`` more than ten minutes ahead of the clock is refused."""
    trading.clock.time += 601  # type: ignore[assignment]
    made = _signed_elsewhere(trading)
    trading.clock.time -= 601  # type: ignore[assignment]
    with pytest.raises(Refused, match="600 s ahead"):
        record.submit(trading.context, made.evidence, made.signatures, made.disclosures)


def test_a_countersignature_by_another_key_is_refused(trading: World) -> None:
    """Only the counterparty's active signer completes a contract."""
    [contract] = trading.record({**changed(CONTRACT, contractNumber="C-2"), "countersigned": False})
    stranger = trading.context.keys.create("stranger")
    with pytest.raises(WrongSigner):
        record.countersign(
            trading.context, contract.evidence_id, trading.context.keys.sign(stranger, contract.evidence_id)
        )
    with trading.context.store.transaction() as transaction:
        kept = transaction.evidence([contract.evidence_id])[contract.evidence_id]
    assert kept.state is EvidenceState.AWAITING_COUNTERSIGNATURE


def test_a_countersignature_over_another_contract_is_refused(trading: World) -> None:
    """A signature counts for the very contract it was made over."""
    drafts = [{**changed(CONTRACT, contractNumber=f"C-{i}"), "countersigned": False} for i in (2, 3)]
    one, other = trading.record(*({**draft, "label": None} for draft in drafts))
    buyer = _party(trading, BUYER)
    with pytest.raises(WrongSigner):
        record.countersign(
            trading.context, one.evidence_id, trading.context.keys.sign(buyer.signers[-1], other.evidence_id)
        )


def test_a_contract_founds_once_it_is_countersigned(trading: World) -> None:
    """Evidence of a deal waits until both sides have signed its contract."""
    deal = "0x" + "44" * 32
    [contract] = trading.record({**changed(CONTRACT, contractNumber="C-2"), "countersigned": False, "deal": deal})
    invoice = {**changed(INVOICE, invoiceNumber="1"), "deal": deal}
    with pytest.raises(Unfounded):
        trading.record(invoice)
    record.countersign(trading.context, contract.evidence_id)
    assert trading.record(invoice)[0].state is EvidenceState.PENDING


def test_an_awaiting_contract_is_never_sealed(trading: World) -> None:
    """What lacks a signature stays out of every batch."""
    trading.record({**changed(CONTRACT, contractNumber="C-2"), "countersigned": False})
    seal.seal(trading.context)
    with trading.context.store.transaction() as transaction:
        counts = transaction.counts().evidence
    assert counts[EvidenceState.AWAITING_COUNTERSIGNATURE] == 1
    assert counts[EvidenceState.FINAL] == 1


def test_a_carrier_can_witness_a_delivery(trading: World) -> None:
    """A third party may acknowledge evidence of a deal; it then stands in three logs."""
    delivery = {
        "kind": "DELIVERY",
        "issuer": SUPPLIER,
        "counterparty": BUYER,
        "label": "delivery",
        "content": {"deliveryNumber": "D-1", "receivedDate": "2026-01-03"},
    }
    witness = {"kind": "ACKNOWLEDGEMENT", "issuer": CARRIER, "deal": "@delivery", "parent": "@delivery", "content": {}}
    _, acknowledged = trading.record(delivery, witness)
    seal.seal(trading.context)
    with trading.context.store.transaction() as transaction:
        assert len(transaction.placement(acknowledged.evidence_id)) == 3


def test_the_other_side_may_dispute_and_the_disputer_withdraw(trading: World) -> None:
    """Invoice, dispute and withdrawal are recorded in one call by labels."""
    withdrawal = {
        "kind": "RESOLUTION",
        "issuer": BUYER,
        "counterparty": SUPPLIER,
        "parent": "@dispute",
        "content": {"outcome": "withdrawn"},
    }
    made = trading.record(INVOICE, DISPUTE, withdrawal, ACKNOWLEDGEMENT, PAYMENT)
    assert [item.state for item in made] == [EvidenceState.PENDING] * 5


def _party(world: World, name: str) -> Any:
    from tallystick.service.parties import find_party

    with world.context.store.transaction() as transaction:
        return find_party(transaction, name)


def _signed_elsewhere(world: World) -> Any:
    """An invoice signed by its issuer, but not recorded."""
    supplier, buyer = _party(world, SUPPLIER), _party(world, BUYER)
    with world.context.store.transaction() as transaction:
        [deal] = transaction.deals_between(supplier.party, buyer.party)
    statement = record.Statement(
        kind=record.Kind.INVOICE,
        issuer=supplier,
        counterparty=buyer,
        deal=deal,
        parent=record.EvidenceId(bytes(32)),
        fields=INVOICE["content"],
        occurred_at=world.clock.now(),
    )
    return replace(record.sign_statement(world.context, statement))
