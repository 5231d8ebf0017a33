"""The gate: everything a verifier would hold against an evidence is refused here, before it is acknowledged.

Rules: one ``Acceptance`` serves one transaction; ``add`` checks an evidence against what is kept and what was added
before it; ``keep`` writes all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TypeAlias

from tallystick.errors import BadSignature, MalformedEvidence, Misfit, NotFound, Refused, Unfounded, WrongSigner
from tallystick.protocol import content, fields
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import MAX_CLOCK_LEAD_SECONDS, Evidence, Kind, kind_name
from tallystick.protocol.signing import recover, split
from tallystick.protocol.standing import corrected_kind, founded_by_consent, misfit
from tallystick.protocol.types import ZERO32, Address, DealId, EvidenceId, PartyId, to_hex
from tallystick.service.context import Context
from tallystick.service.ports import Transaction
from tallystick.store.records import EvidenceRecord, EvidenceState

Payments: TypeAlias = dict[tuple[PartyId, EvidenceId], dict[str, Decimal]]
"""By issuer and PAYMENT, what it allocates to each invoice as last corrected."""

ACCEPTED = frozenset({EvidenceState.PENDING, EvidenceState.SEALING, EvidenceState.FINAL})
"""States of evidence that will be sealed or is: its signatures are complete."""


def _allocations(shown: dict[str, Json]) -> list[tuple[str, Decimal]]:
    """The (invoice, amount) pairs of a payment whose form was checked."""
    allocations = shown["allocations"]
    assert isinstance(allocations, list), "the form of the field was checked"
    return [(str(item["invoice"]), Decimal(item["amount"])) for item in allocations]


def _sums(shown: dict[str, Json]) -> dict[str, Decimal]:
    """What a payment allocates to each invoice."""
    sums: dict[str, Decimal] = {}
    for invoice, amount in _allocations(shown):
        sums[invoice] = sums.get(invoice, Decimal(0)) + amount
    return sums


class Acceptance:
    """Evidence on its way into the store, checked one by one against what is kept and what came before it."""

    def __init__(self, context: Context, transaction: Transaction) -> None:
        """Check against ``transaction`` with the clock and ledger of ``context``."""
        self._context = context
        self._transaction = transaction
        self._added: dict[EvidenceId, EvidenceRecord] = {}
        self._answers: dict[EvidenceId, list[EvidenceRecord]] = {}
        self._kept: dict[EvidenceId, EvidenceRecord | None] = {}
        self._parties: dict[PartyId, bool] = {}
        self._signers: dict[PartyId, frozenset[Address]] = {}
        self._contracts: dict[DealId, EvidenceRecord | None] = {}
        self._payments_of: dict[DealId, Payments] = {}
        self._new_payments: Payments = {}
        self._fields: dict[EvidenceId, dict[str, Json]] = {}

    def add(self, record: EvidenceRecord) -> None:
        """Check ``record``, to be kept after those added before.

        Raises:
            MalformedEvidence, WrongSigner, BadSignature, Misfit, Unfounded, NotFound, Refused: what stands against it.
        """
        evidence = record.evidence
        try:
            self.check_signatures(record)
            self._check_times(record)
            shown = self._check_content(record)
            self._check_references(evidence)
            if self._is_payment(record, shown):
                self._check_allocations(record, shown)
        except (Refused, NotFound, MalformedEvidence, BadSignature) as error:
            name = kind_name(evidence.kind)
            if not error.message.startswith(name):
                error.message = f"{name}: {error.message}"
            raise
        self._added[record.evidence_id] = record
        self._answers.setdefault(evidence.parent, []).append(record)
        self._fields[record.evidence_id] = shown
        if evidence.kind == Kind.CORRECTION and shown["correctionType"] == "cancelled":
            self._note_payment(record, self._restored(record))
        if evidence.kind == Kind.CONTRACT and self._contracts.get(evidence.deal) is None:
            self._contracts[evidence.deal] = record

    def keep(self) -> None:
        """Write what was added. Raises ``Duplicate`` naming the evidence or document that is recorded already."""
        self._transaction.add_evidence(list(self._added.values()))

    def check_signatures(self, record: EvidenceRecord) -> None:
        """Each signing party's signature is by one of its active signers; an awaited one may be missing.

        Raises:
            WrongSigner: says who signed and who might have. BadSignature: no signature at all.
        """
        parties = record.evidence.signing_parties()
        if record.state is EvidenceState.AWAITING_COUNTERSIGNATURE:
            parties = parties[:1]
        for party, signature in zip(parties, split(record.signatures, len(parties)), strict=True):
            signer = recover(record.evidence_id, signature)
            active = self._active_signers(party)
            if signer not in active:
                expected = ", ".join(sorted(map(to_hex, active))) or "none, for it has no active key"
                raise WrongSigner(
                    f"signature for party {to_hex(party)}: expected by one of {expected}; got {to_hex(signer)}.",
                    todo="Sign the evidence id with an active key of that party.",
                )

    def _active_signers(self, party: PartyId) -> frozenset[Address]:
        if party not in self._signers:
            records = self._transaction.signers([party])
            self._signers[party] = frozenset(record.signer for record in records if record.revoked_at == 0)
        return self._signers[party]

    def _check_times(self, record: EvidenceRecord) -> None:
        now, issued = self._context.clock.now(), record.evidence.issued_at
        if issued > now + MAX_CLOCK_LEAD_SECONDS:
            raise Refused(
                f"issuedAt: expected at most {MAX_CLOCK_LEAD_SECONDS} s ahead of {now}, got {issued}.",
                todo="Check the clock of the signing machine.",
            )

    def _check_content(self, record: EvidenceRecord) -> dict[str, Json]:
        problem = content.check_root(record.evidence.content_root, record.disclosures, record.hidden)
        if problem is not None:
            raise MalformedEvidence(f"content: {problem}.")
        shown = content.parse_all(record.disclosures)
        parent = self._find(record.evidence.parent)
        kind = corrected_kind(record.evidence, parent.evidence if parent else None, self._evidence)
        fields.check(record.evidence.kind, shown, hidden=record.hidden, corrected_kind=kind)
        return shown

    def _check_references(self, evidence: Evidence) -> None:
        parent = self._find(evidence.parent)
        if parent is None and evidence.parent != ZERO32:
            raise NotFound(f"parent: evidence {to_hex(evidence.parent)} is not known here.", todo="Check the id.")
        if parent is not None and parent.state not in ACCEPTED:
            raise Misfit(
                f"parent: evidence {to_hex(evidence.parent)} awaits a signature.", todo="Have it countersigned first."
            )
        reason = misfit(evidence, parent.evidence if parent else None)
        if reason is not None:
            raise Misfit(f"{reason}.", todo="See docs/protocol.md on what each kind can answer.")
        if evidence.counterparty == ZERO32:
            return
        if not self._is_known(evidence.counterparty):
            raise NotFound(
                f"counterparty: party {to_hex(evidence.counterparty)} is not known here.",
                todo="Add it with `tallystick party add`.",
            )
        if evidence.kind not in (Kind.CONTRACT, Kind.CONSENT) and not self._is_founded(evidence, parent):
            raise Unfounded(
                f"deal {to_hex(evidence.deal)}: no contract between exactly these two parties opened it.",
                todo="Record a CONTRACT and have the counterparty countersign it.",
            )

    def _is_known(self, party: PartyId) -> bool:
        if party not in self._parties:
            self._parties[party] = self._transaction.party(party) is not None
        return self._parties[party]

    def _is_founded(self, evidence: Evidence, parent: EvidenceRecord | None) -> bool:
        contract = self._contract(evidence.deal)
        if contract is not None and contract.state in ACCEPTED:
            opened = contract.evidence
            if {opened.issuer, opened.counterparty} == {evidence.issuer, evidence.counterparty}:
                return True
        return founded_by_consent(evidence, parent.evidence if parent else None, self._evidence)

    def _check_allocations(self, record: EvidenceRecord, shown: dict[str, Json]) -> None:
        """Each allocation names an INVOICE of the deal in the same currency, and none goes beyond what it bills.

        What the other side states leaves the room untouched: a debtor's claim must not keep the creditor from booking.
        """
        amount, total = Decimal(str(shown["amount"])), Decimal(0)
        replaced = self._payment_key(record)
        for name, share in _allocations(shown):
            invoice = self._find(EvidenceId(bytes.fromhex(name[2:])))
            if invoice is None or invoice.evidence.kind != Kind.INVOICE:
                raise NotFound(f"allocations: invoice {name} is not known here.", todo="Record the invoice first.")
            if invoice.evidence.deal != record.evidence.deal:
                raise Misfit(f"allocations: invoice {name} belongs to another deal.", todo="Record a payment per deal.")
            payments = self._payments(record.evidence.deal, invoice)
            billed = self._billed(invoice)
            if billed["currency"] != shown["currency"]:
                raise Misfit(
                    f"allocations: invoice {name} is in {billed['currency']}, the payment in {shown['currency']}.",
                    todo="State the payment in the invoice's currency.",
                )
            payable = Decimal(str(billed["payableAmount"]))
            own = (part for of, part in payments.items() if of[0] == replaced[0] and of != replaced)
            before = sum((part.get(name, Decimal(0)) for part in own), Decimal(0))
            if before + share > payable:
                raise Misfit(
                    f"allocations: invoice {name} bills {payable}, {before} of it is allocated already, "
                    f"this payment allocates {share} more.",
                    todo=f"Allocate at most {payable - before}; leave the rest of the payment unallocated.",
                )
            total += share
        if total > amount:
            raise Misfit(f"allocations: they add to {total}, the payment is {amount}.", todo="Allocate at most that.")
        self._note_payment(record, _sums(shown))

    def _note_payment(self, record: EvidenceRecord, sums: dict[str, Decimal]) -> None:
        """Keep in mind what the payment that ``record`` states or corrects allocates from now on."""
        key = self._payment_key(record)
        self._new_payments[key] = sums
        if (known := self._payments_of.get(record.evidence.deal)) is not None:
            known[key] = sums

    def _payments(self, deal: DealId, invoice: EvidenceRecord) -> Payments:
        """What each payment of ``deal``, as last corrected, allocates; nothing kept can pay a new ``invoice``."""
        if invoice.evidence_id in self._added:
            return self._new_payments
        if deal not in self._payments_of:
            known: Payments = {}
            for record in self._transaction.evidence_of_deal(deal, (Kind.PAYMENT, Kind.CORRECTION)):
                shown = self._shown(record)
                if self._is_payment(record, shown):
                    known[self._payment_key(record)] = _sums(shown)
                elif shown.get("correctionType") == "cancelled":
                    known[self._payment_key(record)] = self._restored(record)
            self._payments_of[deal] = {**known, **self._new_payments}
        return self._payments_of[deal]

    def _origin(self, record: EvidenceRecord) -> EvidenceId:
        """The evidence that ``record`` corrects in the end; itself where it corrects nothing."""
        found: EvidenceRecord | None = record
        while found is not None and found.evidence.kind == Kind.CORRECTION:
            record, found = found, self._find(found.evidence.parent)
        return record.evidence_id if found is None else found.evidence_id

    def _payment_key(self, record: EvidenceRecord) -> tuple[PartyId, EvidenceId]:
        """Whose payment ``record`` states or corrects, and which."""
        return record.evidence.issuer, self._origin(record)

    def _is_payment(self, record: EvidenceRecord, shown: Mapping[str, Json]) -> bool:
        """Whether ``record`` is a PAYMENT or a whole replacement of one: whether its ``allocations`` mean anything."""
        if record.evidence.kind == Kind.CORRECTION and shown["correctionType"] == "replaced":
            paid = self._find(self._origin(record))
            return paid is not None and paid.evidence.kind == Kind.PAYMENT
        return record.evidence.kind == Kind.PAYMENT

    def _restored(self, cancellation: EvidenceRecord) -> dict[str, Decimal]:
        """What a payment allocates once ``cancellation`` made its last version void: as before that, if anything."""
        earlier = self._replaced_by(cancellation)
        return (
            {}
            if earlier is None or not self._is_payment(earlier, self._shown(earlier))
            else _sums(self._shown(earlier))
        )

    def _replaced_by(self, cancellation: EvidenceRecord) -> EvidenceRecord | None:
        """The version that holds again where ``cancellation`` voids a replacement; None where it voids the whole."""
        void = self._find(cancellation.evidence.parent)
        if void is None or void.evidence.kind != Kind.CORRECTION:
            return None
        return self._find(void.evidence.parent)

    def _billed(self, invoice: EvidenceRecord) -> dict[str, Json]:
        """What ``invoice`` bills, as its last whole replacement that is not taken back has it."""
        billed = self._shown(invoice)
        for correction in sorted(self._corrections(invoice), key=lambda each: each.recorded_at):
            version: EvidenceRecord | None = correction
            if self._shown(correction)["correctionType"] == "cancelled":
                version = self._replaced_by(correction)
            if version is not None and "payableAmount" in self._shown(version):
                billed = self._shown(version)
        return billed

    def _corrections(self, record: EvidenceRecord) -> Iterator[EvidenceRecord]:
        """The corrections of ``record`` and of those, each before its own."""
        answers = self._transaction.children(record.evidence_id) if record.evidence_id not in self._added else []
        for answer in answers + self._answers.get(record.evidence_id, []):
            if answer.evidence.kind == Kind.CORRECTION:
                yield answer
                yield from self._corrections(answer)

    def _shown(self, record: EvidenceRecord) -> dict[str, Json]:
        if record.evidence_id not in self._fields:
            self._fields[record.evidence_id] = content.parse_all(record.disclosures)
        return self._fields[record.evidence_id]

    def _contract(self, deal: DealId) -> EvidenceRecord | None:
        if deal not in self._contracts:
            self._contracts[deal] = self._transaction.contract_of(deal)
        return self._contracts[deal]

    def _evidence(self, evidence_id: EvidenceId) -> Evidence | None:
        found = self._find(evidence_id)
        return None if found is None else found.evidence

    def _find(self, evidence_id: EvidenceId) -> EvidenceRecord | None:
        if evidence_id == ZERO32:
            return None
        if evidence_id in self._added:
            return self._added[evidence_id]
        if evidence_id not in self._kept:
            self._kept[evidence_id] = self._transaction.evidence([evidence_id]).get(evidence_id)
        return self._kept[evidence_id]
