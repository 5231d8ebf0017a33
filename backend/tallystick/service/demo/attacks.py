"""Three attacks on a credit history, each as clever as it can be made, and the step at which the verifier stops it.

Rules:

- the forgeries are made of real, valid bundles with the project's own code: nothing is broken on purpose;
- an attack is a value: the deed in plain words, what it would gain, the forged file, and the step that must fail;
- the third happens between two parties made for it, so that the history of nobody else is touched.

Example: ``[attack.title for attack in attacks(context, bundle, clock, set_chain_time)]``.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tallystick.errors import Refused
from tallystick.intake.drafts import Draft
from tallystick.protocol.bundle import Bundle
from tallystick.protocol.bundle_stream import format_bundle
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, Hash, PartyId, Timestamp, to_hex
from tallystick.protocol.verdict import Step
from tallystick.service import share
from tallystick.service.context import Context
from tallystick.service.demo.forge import alter, history, never_revoked, restate, with_amount
from tallystick.service.demo.play import SetChainTime, StoryClock
from tallystick.service.parties import NewParty, add_parties, revoke_key, rotate_key
from tallystick.service.ports import Chain
from tallystick.service.record import Statement, record, sign_statement, submit
from tallystick.service.seal import seal
from tallystick.store.records import EvidenceRecord, Identifier, PartyRecord

_DAY_SECONDS = 86_400
_DEBT = "48000.00"


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: ``forged`` is a bundle as of the block ``block_hash``, which must fail at the step ``expected``."""

    title: str
    deed: str
    gain: str
    """What a reader would believe who does not verify."""
    forged: bytes
    block_hash: Hash
    expected: Step
    refusal: str | None = None
    """What an honest installation answered to the same attempt, where it was asked."""


def attacks(context: Context, bundle: Bundle, clock: StoryClock, set_chain_time: SetChainTime) -> list[Attack]:
    """The three attacks: two on the history that ``bundle`` shows, one by a thief of a key.

    The last one adds two parties and a few blocks, on the time of ``clock``, which goes on for some days.
    """
    return [
        leave_out_invoice(context.chain, bundle),
        change_amount(context.chain, bundle),
        use_revoked_key(context, clock, set_chain_time),
    ]


def leave_out_invoice(chain: Chain, bundle: Bundle) -> Attack:
    """The subject of ``bundle`` leaves out the invoice that embarrasses it most, and whatever answers it."""
    invoice = _worst_invoice(bundle)
    gone = _with_answers(bundle, invoice.evidence_id)
    forged = restate(chain, bundle, alter(bundle, lambda name, entry: None if name in gone else entry))
    number, amount, currency = (invoice.fields[key] for key in ("invoiceNumber", "payableAmount", "currency"))
    return Attack(
        title="An entry left out",
        deed=(
            f"{_name(bundle, bundle.subject)} removes the unpaid invoice {number} over {amount} {currency} from its "
            f"bundle, with what answers it ({len(gone)} entries in all), then makes the rest fit: counts and roots of "
            "the batches, the list of signers, the report, and fresh proofs from a real node."
        ),
        gain=_gain(bundle, forged, str(currency)),
        forged=format_bundle(forged),
        block_hash=bundle.as_of.hash,
        expected=Step.HEAD,
    )


def change_amount(chain: Chain, bundle: Bundle) -> Attack:
    """The subject of ``bundle`` keeps its worst invoice, and makes it a hundred times smaller."""
    invoice = _worst_invoice(bundle)
    amount, currency = str(invoice.fields["payableAmount"]), str(invoice.fields["currency"])
    smaller = str((Decimal(amount) / 100).quantize(Decimal("0.01")))
    changed = alter(
        bundle,
        lambda name, entry: with_amount(entry, "payableAmount", smaller) if name == invoice.evidence_id else entry,
    )
    forged = restate(chain, bundle, changed)
    return Attack(
        title="An amount changed",
        deed=(
            f"{_name(bundle, bundle.subject)} keeps invoice {invoice.fields['invoiceNumber']} but shows {smaller} "
            f"instead of {amount} {currency}, and derives the report anew. The supplier's signature stays as it is."
        ),
        gain=_gain(bundle, forged, currency),
        forged=format_bundle(forged),
        block_hash=bundle.as_of.hash,
        expected=Step.CONTENT,
    )


def use_revoked_key(context: Context, clock: StoryClock, set_chain_time: SetChainTime) -> Attack:
    """A debtor signs its creditor's receipt with a stolen key that was revoked, and an operator colludes."""
    creditor, debtor, refusal = _steal(context, clock, set_chain_time)
    true, _ = share.bundle(context, debtor.party)
    forged = restate(context.chain, true, true.appends, pretended=never_revoked(true.windows))
    return Attack(
        title="A signature by a revoked key",
        deed=(
            f"A key of {creditor.name} was stolen and revoked. Its debtor {debtor.name} signs a receipt over {_DEBT} "
            "EUR with it. An honest installation refuses it; a colluding operator seals it all the same, so that it "
            f"does stand in both logs. From its bundle {debtor.name} strikes the mark "
            f"{Standing.SIGNER_INACTIVE.value!r}, and derives a report in which the receipt counts."
        ),
        gain=_gain(true, forged, "EUR"),
        forged=format_bundle(forged),
        block_hash=true.as_of.hash,
        expected=Step.SIGNATURE,
        refusal=refusal,
    )


def _steal(context: Context, clock: StoryClock, set_chain_time: SetChainTime) -> tuple[PartyRecord, PartyRecord, str]:
    """Creditor, debtor, and what the service said to the false receipt, which then was sealed behind its back."""

    def next_day() -> None:
        clock.set(Timestamp(clock.now() + _DAY_SECONDS))
        set_chain_time(clock.now())

    next_day()
    creditor, debtor = add_parties(context, [_member("Larkspur Tools Ltd"), _member("Rogue Ltd")])
    next_day()
    invoice = record(context, _debt(creditor, debtor, _day(clock)))[-1]
    seal(context)
    next_day()
    rotate_key(context, creditor)
    next_day()
    revoke_key(context, creditor, creditor.signers[-1])
    next_day()
    # signed by the newest key that ``creditor`` names, and this record of it is from before the rotation
    receipt = sign_statement(context, _false_receipt(creditor, debtor, invoice, clock))
    refusal = _offer(context, receipt)
    with context.store.transaction() as transaction:
        transaction.add_evidence([receipt])
    seal(context)
    return creditor, debtor, refusal


def _worst_invoice(bundle: Bundle) -> Entry:
    """The invoice to the subject that it did not pay: the largest written off, else the largest unpaid."""
    entries = [entry for entry in history(bundle, bundle.appends) if entry.standing is Standing.STANDS]
    named = {allocation["invoice"] for entry in entries for allocation in _allocations(entry.fields)}
    lost = {entry.evidence.parent for entry in entries if entry.evidence.kind == Kind.WRITE_OFF}
    unpaid = [
        entry
        for entry in entries
        if entry.evidence.kind == Kind.INVOICE
        and entry.evidence.counterparty == bundle.subject
        and to_hex(entry.evidence_id) not in named
    ]
    assert unpaid, "the attacks need the bundle of a buyer with an unpaid invoice"
    return max(unpaid, key=lambda entry: (entry.evidence_id in lost, Decimal(str(entry.fields["payableAmount"]))))


def _allocations(fields: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    return fields.get("allocations") or ()


def _with_answers(bundle: Bundle, evidence_id: EvidenceId) -> set[EvidenceId]:
    """``evidence_id`` and everything in the log that answers it, directly or not; answers come later in the log."""
    found = {evidence_id}
    for entry in history(bundle, bundle.appends):
        if entry.evidence.parent in found:
            found.add(entry.evidence_id)
    return found


def _gain(true: Bundle, forged: Bundle, currency: str) -> str:
    """How the figures of the subject as a buyer look before and after, where they differ."""
    before, after = (_as_buyer(bundle, currency) for bundle in (true, forged))
    shown = {
        "invoicedAmount": "invoiced",
        "openAmount": "open",
        "overdueAmount": "overdue",
        "writtenOffAmount": "written off",
        "daysBeyondTermsWeighted": "days beyond terms",
    }
    changes = [
        f"{words} {before[key]} becomes {after.get(key)}"
        for key, words in shown.items()
        if before[key] != after.get(key)
    ]
    return "; ".join(changes)


def _as_buyer(bundle: Bundle, currency: str) -> Mapping[str, Any]:
    by_currency: Any = bundle.report["asBuyer"]
    figures: Mapping[str, Any] = by_currency.get(currency, {})
    return figures


def _name(bundle: Bundle, party: PartyId) -> str:
    names = {binding.party: binding.name for binding in bundle.bindings}
    return names.get(party, to_hex(party))


def _member(name: str) -> NewParty:
    return NewParty(name, (Identifier("ERP", f"ATTACK-{name.split()[0].upper()}"),))


def _debt(creditor: PartyRecord, debtor: PartyRecord, day: str) -> list[Draft]:
    """A contract and one invoice under it, due on the ``day`` it is made."""
    contract: dict[str, Json] = {
        "contractNumber": "A-1",
        "issuerRole": "supplier",
        "currency": "EUR",
        "paymentTermsDays": 0,
    }
    invoice: dict[str, Json] = {
        "invoiceNumber": "A-1-1",
        "issueDate": day,
        "dueDate": day,
        "currency": "EUR",
        "payableAmount": _DEBT,
    }
    creditor_name, debtor_name = to_hex(creditor.party), to_hex(debtor.party)
    return [
        Draft(Kind.CONTRACT, creditor_name, debtor_name, None, None, contract, None, "contract", countersigned=True),
        Draft(Kind.INVOICE, creditor_name, debtor_name, None, "@contract", invoice, None, None, countersigned=False),
    ]


def _false_receipt(creditor: PartyRecord, debtor: PartyRecord, invoice: EvidenceRecord, clock: StoryClock) -> Statement:
    return Statement(
        kind=Kind.PAYMENT,
        issuer=creditor,
        counterparty=debtor,
        deal=invoice.evidence.deal,
        parent=invoice.evidence_id,
        fields={
            "paymentReference": "A-1-1",
            "valueDate": _day(clock),
            "currency": "EUR",
            "amount": _DEBT,
            "allocations": [{"invoice": to_hex(invoice.evidence_id), "amount": _DEBT}],
        },
        occurred_at=clock.now(),
    )


def _day(clock: StoryClock) -> str:
    return datetime.datetime.fromtimestamp(clock.now(), datetime.UTC).date().isoformat()


def _offer(context: Context, receipt: EvidenceRecord) -> str:
    """Offer ``receipt`` the regular way; returns the refusal."""
    try:
        submit(context, receipt.evidence, receipt.signatures, receipt.disclosures)
    except Refused as refusal:
        return str(refusal)
    raise AssertionError("a signature by a revoked key is refused")
