"""The gate: everything a verifier would hold against an evidence is refused here, before it is acknowledged.

Rules: one ``Acceptance`` serves one transaction; ``add`` checks an evidence against what is kept and what was added
before it; ``keep`` writes all of them at once, each with the operator's receipt that it was accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tallystick.errors import (
    BadSignature,
    Duplicate,
    MalformedEvidence,
    Misfit,
    NotFound,
    Refused,
    Unfounded,
    WrongSigner,
)
from tallystick.protocol import content, fields
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import MAX_CLOCK_LEAD_SECONDS, Evidence, Kind, kind_name
from tallystick.protocol.signing import recover, split
from tallystick.protocol.standing import corrected_kind, founded_by_consent, misfit
from tallystick.protocol.types import ZERO32, Address, DealId, PartyId, to_hex
from tallystick.service.allocations import Allocations
from tallystick.service.context import Context
from tallystick.service.grants import check_access, keep_access
from tallystick.service.known import Known
from tallystick.service.ports import Transaction
from tallystick.service.promising import sign_receipts
from tallystick.store.records import EvidenceRecord, EvidenceState

ACCEPTED = frozenset(EvidenceState) - {EvidenceState.AWAITING_COUNTERSIGNATURE}
"""States of evidence that will be sealed or is: its signatures are complete."""


class Acceptance:
    """Evidence on its way into the store, checked one by one against what is kept and what came before it."""

    def __init__(self, context: Context, transaction: Transaction) -> None:
        """Check against ``transaction`` with the clock and ledger of ``context``."""
        self._context = context
        self._transaction = transaction
        self._known = Known(transaction)
        self._allocations = Allocations(transaction, self._known)
        self._parties: dict[PartyId, bool] = {}
        self._signers: dict[PartyId, frozenset[Address]] = {}
        self._contracts: dict[DealId, EvidenceRecord | None] = {}

    def add(self, record: EvidenceRecord, said: Mapping[str, Json] | None = None) -> None:
        """Check ``record``, to be kept after those added before.

        ``said`` is what its content shows, from whoever just made all of that of it; else it is read.

        Raises:
            MalformedEvidence, WrongSigner, BadSignature, Misfit, Unfounded, NotFound, Refused: what stands against it.
        """
        evidence, shown = record.evidence, self._check(record, said, is_signed=True)
        self._known.add(record, shown)
        if evidence.kind == Kind.CORRECTION and shown["correctionType"] == "cancelled":
            self._allocations.cancel(record)
        if evidence.kind == Kind.CONTRACT and self._contracts.get(evidence.deal) is None:
            self._contracts[evidence.deal] = record

    def check_unsigned(self, record: EvidenceRecord) -> None:
        """Everything that ``add`` and ``keep`` check of ``record`` but its signatures, which are still to be made.

        Raises:
            Duplicate: its document is recorded already. As ``add``: what else stands against it.
        """
        self._check(record, None, is_signed=False)
        key = record.document_key
        if key is not None and (taken := self._transaction.evidence_by_document([key]).get(key)) is not None:
            raise Duplicate(
                f"The document {key!r} is recorded already, by evidence {to_hex(taken)}.",
                todo="Record each document once.",
            )

    def _check(self, record: EvidenceRecord, said: Mapping[str, Json] | None, *, is_signed: bool) -> dict[str, Json]:
        """What ``record`` shows, after nothing was found that stands against it."""
        try:
            if is_signed:
                self.check_signatures(record)
            self._check_times(record)
            shown = self._check_content(record, said)
            self._check_references(record.evidence)
            check_access(
                self._transaction, record.evidence, shown, self._known.added.values(), self._context.clock.now()
            )
            if self._allocations.concerns(record, shown):
                self._allocations.check(record, shown)
        except (Refused, NotFound, MalformedEvidence, BadSignature) as error:
            name = kind_name(record.evidence.kind)
            if not error.message.startswith(name):
                error.message = f"{name}: {error.message}"
            raise
        return shown

    def keep(self) -> None:
        """Write what was added, with receipts. Raises ``Duplicate`` naming what is recorded already."""
        added = list(self._known.added.values())
        self._transaction.add_evidence(added, sign_receipts(self._context, added))
        keep_access(self._transaction, ((record, self._known.shown(record)) for record in added))

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
                raise self._wrong_signer(party, signer, active)

    def _wrong_signer(self, party: PartyId, signer: Address, active: Iterable[Address]) -> WrongSigner:
        expected = ", ".join(sorted(map(to_hex, active))) or "none, for it has no active key"
        todo = "Sign the evidence id with an active key of that party."
        shown = {record.signer for record in self._transaction.signers([party]) if not record.revoked_at}
        if signer in shown:
            todo = "Its admission is not final yet: wait until the block that holds it is, then do the same again."
        return WrongSigner(
            f"signature for party {to_hex(party)}: expected by one of {expected}; got {to_hex(signer)}.", todo=todo
        )

    def _active_signers(self, party: PartyId) -> frozenset[Address]:
        """Whoever may sign for ``party`` whatever becomes of the newest blocks: added for good, revoked in none.

        Nor one that is to be revoked: what it signs now might be sealed too late to stand.
        """
        if party not in self._signers:
            cursor = self._transaction.cursor()
            final = () if cursor is None else self._transaction.signers([party], cursor.block_number)
            revoked = {record.signer for record in self._transaction.signers([party]) if record.revoked_at}
            retired = self._transaction.retired_signers(party)
            self._signers[party] = frozenset(record.signer for record in final) - revoked - retired
        return self._signers[party]

    def _check_times(self, record: EvidenceRecord) -> None:
        now, issued = self._context.clock.now(), record.evidence.issued_at
        if issued > now + MAX_CLOCK_LEAD_SECONDS:
            raise Refused(
                f"issuedAt: expected at most {MAX_CLOCK_LEAD_SECONDS} s ahead of {now}, got {issued}.",
                todo="Check the clock of the signing machine.",
            )

    def _check_content(self, record: EvidenceRecord, said: Mapping[str, Json] | None) -> dict[str, Json]:
        problem = content.check_root(record.evidence.content_root, record.disclosures, record.hidden)
        if problem is not None:
            raise MalformedEvidence(f"content: {problem}.")
        shown = content.parse_all(record.disclosures) if said is None else dict(said)
        parent = self._known.find(record.evidence.parent)
        kind = corrected_kind(record.evidence, parent.evidence if parent else None, self._known.evidence)
        fields.check(record.evidence.kind, shown, hidden=record.hidden, corrected_kind=kind)
        return shown

    def _check_references(self, evidence: Evidence) -> None:
        parent = self._known.find(evidence.parent)
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
        return founded_by_consent(evidence, parent.evidence if parent else None, self._known.evidence)

    def _contract(self, deal: DealId) -> EvidenceRecord | None:
        if deal not in self._contracts:
            self._contracts[deal] = self._transaction.contract_of(deal)
        return self._contracts[deal]
