"""Record evidence: resolve what a draft names, sign it with managed keys, check it as every verifier will, keep it.

Rules:

- one call is one transaction: all drafts are accepted, or none;
- accepted means it will be sealed: everything a verifier would hold against it is refused here, with what to do;
- a business document is recorded once: its ``document_key`` names issuer, kind and number;
- a CONTRACT waits for its counterparty's signature and is accepted with it;
- what is accepted has the operator's receipt, kept by the same transaction (``service/receipts.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from tallystick.credit.dates import parse_date, start_of
from tallystick.errors import (
    ChainError,
    ChainUnreachable,
    MalformedInput,
    Misfit,
    NotFound,
    TallystickError,
    WrongSigner,
)
from tallystick.intake.drafts import Draft
from tallystick.protocol import content
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence, Kind, kind_name
from tallystick.protocol.types import (
    ZERO32,
    DealId,
    EvidenceId,
    PartyId,
    Timestamp,
    clip,
    parse_bytes32,
    to_hex,
)
from tallystick.service.accept import ACCEPTED, Acceptance
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.once import AT_WILL, Once
from tallystick.service.parties import find_party
from tallystick.service.ports import Transaction
from tallystick.service.promising import sign_receipts
from tallystick.store.records import EvidenceRecord, EvidenceState, PartyRecord
from tallystick.store.searching import keyed

_Kept = TypeVar("_Kept")
_DATE_FIELDS = ("issueDate", "valueDate", "receivedDate", "effectiveDate")
_NUMBER_FIELDS: Mapping[int, str] = {
    Kind.CONTRACT: "contractNumber",
    Kind.DELIVERY: "deliveryNumber",
    Kind.INVOICE: "invoiceNumber",
    Kind.PAYMENT: "paymentReference",
    Kind.CORRECTION: "creditNoteNumber",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A draft with everything it names resolved: ready to be signed."""

    kind: Kind
    issuer: PartyRecord
    counterparty: PartyRecord | None
    deal: DealId
    parent: EvidenceId
    fields: Mapping[str, Json]
    occurred_at: Timestamp
    countersigned: bool = False


def record(context: Context, drafts: Sequence[Draft], once: Once = AT_WILL) -> list[EvidenceRecord]:
    """Record ``drafts`` in order: resolved, signed by their issuers' managed keys, checked, kept; ``once``.

    Raises:
        TallystickError: which draft, what was expected, and what to do; then nothing of the call is kept.
    """
    see_admissions(context)
    return with_newest_signers(context, lambda: _record(context, drafts, once))


def _record(context: Context, drafts: Sequence[Draft], once: Once) -> list[EvidenceRecord]:
    with context.store.transaction() as transaction:
        once.begin(transaction)
        made = record_within(context, transaction, drafts)
        once.end(transaction, made)
    return made


def record_within(context: Context, transaction: Transaction, drafts: Sequence[Draft]) -> list[EvidenceRecord]:
    """Within ``transaction``, record ``drafts`` as ``record`` does."""
    acceptance, resolver = Acceptance(context, transaction), Resolver(context, transaction)
    made = []
    for position, draft in enumerate(drafts):
        try:
            evidence = sign_statement(context, resolver.resolve(draft))
            acceptance.add(evidence)
        except TallystickError as error:
            error.message = f"draft {position + 1}: {error.message}"
            raise
        made.append(evidence)
        if draft.label is not None:
            resolver.labels[draft.label] = evidence
    acceptance.keep()
    return made


def see_admissions(context: Context) -> None:
    """Where the registrar is somebody else, whom they admitted is learned from the chain alone.

    To record needs no chain: without one, what was learned before has to do.
    """
    if context.registrar is None:
        with suppress(ChainUnreachable):
            index(context)


def with_newest_signers(context: Context, attempt: Callable[[], _Kept]) -> _Kept:
    """What ``attempt`` makes, tried again after a look at the chain where a key is not active as far as is known.

    Where blocks take time to become final, a party's admission may have become so since the last look.
    """
    try:
        return attempt()
    except WrongSigner:
        with suppress(ChainError):
            index(context)
    return attempt()


def sign_statement(context: Context, statement: Statement) -> EvidenceRecord:
    """``statement`` as evidence, signed by its issuer's newest managed key, not yet kept."""
    made = unsigned(context, statement)
    signatures = sign_for(context, statement.issuer, made.evidence_id)
    if statement.counterparty is not None and statement.countersigned and statement.kind == Kind.CONTRACT:
        signatures += sign_for(context, statement.counterparty, made.evidence_id)
        return replace(made, signatures=signatures, state=EvidenceState.PENDING)
    return replace(made, signatures=signatures)


def unsigned(context: Context, statement: Statement) -> EvidenceRecord:
    """``statement`` as evidence with fresh salts, issued now, and without any signature.

    Raises:
        Misfit: a CONTRACT without a counterparty. MalformedEvidence: a content that is not of its form.
    """
    disclosures = tuple(sorted(content.make(statement.fields, context.entropy.bytes)))
    evidence = Evidence(
        issuer=statement.issuer.party,
        counterparty=PartyId(ZERO32) if statement.counterparty is None else statement.counterparty.party,
        kind=int(statement.kind),
        deal=statement.deal,
        parent=statement.parent,
        content_root=content.content_root([content.digest(disclosure) for disclosure in disclosures]),
        occurred_at=statement.occurred_at,
        issued_at=context.clock.now(),
    )
    if statement.kind == Kind.CONTRACT and statement.counterparty is None:
        raise Misfit("CONTRACT: expected a counterparty, got none.", todo="A contract is signed by both sides.")
    waits = statement.kind == Kind.CONTRACT
    return EvidenceRecord(
        evidence_id=evidence.evidence_id(context.chain.deployment.domain),
        evidence=evidence,
        signatures=b"",
        disclosures=disclosures,
        hidden=(),
        document_key=document_key(evidence, statement.fields),
        recorded_at=evidence.issued_at,
        state=EvidenceState.AWAITING_COUNTERSIGNATURE if waits else EvidenceState.PENDING,
    )


def resolve(context: Context, transaction: Transaction, draft: Draft) -> Statement:
    """``draft`` with everything that it names found in ``transaction``. Raises what stands against it."""
    return Resolver(context, transaction).resolve(draft)


def submit(
    context: Context, evidence: Evidence, signatures: bytes, disclosures: Sequence[str], once: Once = AT_WILL
) -> EvidenceRecord:
    """Keep ``evidence`` that its issuer signed elsewhere (self-custody), with its content's ``disclosures``."""
    fields = content.parse_all(disclosures)
    complete = len(signatures) == 65 * len(evidence.signing_parties())
    made = EvidenceRecord(
        evidence_id=evidence.evidence_id(context.chain.deployment.domain),
        evidence=evidence,
        signatures=signatures,
        disclosures=tuple(sorted(disclosures)),
        hidden=(),
        document_key=document_key(evidence, fields),
        recorded_at=context.clock.now(),
        state=EvidenceState.PENDING if complete else EvidenceState.AWAITING_COUNTERSIGNATURE,
    )
    with context.store.transaction() as transaction:
        once.begin(transaction)
        acceptance = Acceptance(context, transaction)
        acceptance.add(made)
        acceptance.keep()
        once.end(transaction, [made])
    return made


def countersign(
    context: Context, evidence_id: EvidenceId, signature: bytes | None = None, once: Once = AT_WILL
) -> EvidenceRecord:
    """Complete the CONTRACT ``evidence_id`` with its counterparty's ``signature``, or its managed key's where None.

    Raises:
        NotFound: no such evidence.
        Misfit: it awaits no signature.
        WrongSigner: the signature is not by an active signer of the counterparty, over this very contract.
    """
    see_admissions(context)
    return with_newest_signers(context, lambda: _countersign(context, evidence_id, signature, once))


def _countersign(context: Context, evidence_id: EvidenceId, signature: bytes | None, once: Once) -> EvidenceRecord:
    with context.store.transaction() as transaction:
        once.begin(transaction)
        found = transaction.evidence([evidence_id]).get(evidence_id)
        if found is None:
            raise NotFound(f"evidence {to_hex(evidence_id)}: not known here.", todo="Check the id.")
        made = complete(context, transaction, found, signature)
        once.end(transaction, [made])
        return made


def complete(
    context: Context, transaction: Transaction, found: EvidenceRecord, signature: bytes | None = None
) -> EvidenceRecord:
    """Within ``transaction``, complete the CONTRACT ``found`` as ``countersign`` does."""
    evidence_id = found.evidence_id
    if found.state is not EvidenceState.AWAITING_COUNTERSIGNATURE:
        raise Misfit(f"evidence {to_hex(evidence_id)}: expected one that awaits a signature, it is {found.state}.")
    if signature is None:
        counterparty = transaction.party(found.evidence.counterparty)
        if counterparty is None:
            raise WrongSigner(
                f"party {to_hex(found.evidence.counterparty)}: no key of it is managed here.",
                todo="Have it sign the evidence id and give the signature.",
            )
        signature = sign_for(context, counterparty, evidence_id)
    signed = replace(found, signatures=found.signatures + signature, state=EvidenceState.PENDING)
    Acceptance(context, transaction).check_signatures(signed)
    receipt = sign_receipts(context, [signed]).get(evidence_id)
    transaction.complete_signatures(evidence_id, signed.signatures, context.clock.now(), receipt)
    return signed


def document_key(evidence: Evidence, fields: Mapping[str, Json]) -> str | None:
    """The name under which a business document is recorded once; None for evidence that is no numbered document.

    An invoice number is unique per issuer; that of a contract, delivery, payment or credit note per issuer and
    counterparty; each party acknowledges one evidence once, and notes what it looks at once a day.
    """
    if evidence.kind == Kind.ACKNOWLEDGEMENT:
        return f"ACKNOWLEDGEMENT of {to_hex(evidence.parent)} by {to_hex(evidence.issuer)}"
    if evidence.kind == Kind.ACCESS:
        return access_key(evidence.parent, fields)
    number = fields.get(_NUMBER_FIELDS.get(evidence.kind, ""))
    if not isinstance(number, str):
        return None
    return numbered_key(evidence.kind, number, evidence.issuer, evidence.counterparty)


def access_key(consent: EvidenceId, fields: Mapping[str, Json]) -> str:
    """The key of an ACCESS: under one consent, one object is noted once a day."""
    looked_at = [str(fields[name]) for name in ("accessedObject", "accessedEvidence") if name in fields]
    return f"ACCESS to {' '.join(looked_at)} on {fields.get('accessedOn')} under {to_hex(consent)}"


def numbered_key(kind: int, number: str, issuer: PartyId, counterparty: PartyId) -> str:
    """The document key of the ``kind`` of document with ``number``; an invoice's is the same whoever it bills."""
    addressee = "" if kind == Kind.INVOICE else f" to {to_hex(counterparty)}"
    return f"{kind_name(kind)} {keyed(number)} by {to_hex(issuer)}{addressee}"


def occurred_on(fields: Mapping[str, Json]) -> Timestamp | None:
    """Midnight (UTC) of the date that ``fields`` tell for the event, if they tell one."""
    for name in _DATE_FIELDS:
        value = fields.get(name)
        if isinstance(value, str):
            day = parse_date(value)
            return None if day is None else Timestamp(start_of(day))
    return None


def sign_for(context: Context, party: PartyRecord, digest: bytes) -> bytes:
    """The signature of ``party``'s newest managed key over ``digest``. Raises ``WrongSigner`` where there is none."""
    if not party.signers:
        raise WrongSigner(
            f"party {party.name}: no key of it is managed here.",
            todo="Have it sign elsewhere and submit the signature.",
        )
    return context.keys.sign(party.signers[-1], digest)


class Resolver:
    """What the drafts of one call name, looked up once: nothing is written before the last of them is resolved."""

    def __init__(self, context: Context, transaction: Transaction) -> None:
        self.labels: dict[str, EvidenceRecord] = {}
        """The evidence that earlier drafts of the call became."""
        self._context = context
        self._transaction = transaction
        self._parties: dict[str, PartyRecord] = {}
        self._deals: dict[tuple[PartyId, PartyId], frozenset[DealId]] = {}

    def resolve(self, draft: Draft) -> Statement:
        """``draft`` with everything that it names found. Raises what stands against it."""
        issuer = self._party(draft.issuer)
        counterparty = None if draft.counterparty is None else self._party(draft.counterparty)
        parent = None if draft.parent is None else self._referred(draft.parent, "parent")
        fields = dict(draft.content)
        if isinstance(allocations := fields.get("allocations"), list):
            fields["allocations"] = [_resolve_allocation(item, self.labels) for item in allocations]
        occurred_at = draft.occurred_at
        if occurred_at is None:
            occurred_at = occurred_on(fields) or self._context.clock.now()
        return Statement(
            kind=draft.kind,
            issuer=issuer,
            counterparty=counterparty,
            deal=self._deal(draft, issuer, counterparty, parent),
            parent=EvidenceId(ZERO32) if parent is None else parent.evidence_id,
            fields=fields,
            occurred_at=occurred_at,
            countersigned=draft.countersigned,
        )

    def _deal(
        self, draft: Draft, issuer: PartyRecord, counterparty: PartyRecord | None, parent: EvidenceRecord | None
    ) -> DealId:
        """The deal named, else the parent's, else a new one for a CONTRACT, else the only one between the two."""
        if draft.deal is not None:
            if draft.deal.startswith("@"):
                return self._referred(draft.deal, "deal").evidence.deal
            return DealId(parse_bytes32(draft.deal, "deal"))
        if parent is not None:
            return parent.evidence.deal
        if draft.kind == Kind.CONTRACT:
            return DealId(self._context.entropy.bytes(32))
        if counterparty is None:
            return DealId(ZERO32)
        deals = self._open_deals(issuer.party, counterparty.party) | {
            item.evidence.deal
            for item in self.labels.values()
            if item.evidence.kind == Kind.CONTRACT
            and item.state is EvidenceState.PENDING
            and {item.evidence.issuer, item.evidence.counterparty} == {issuer.party, counterparty.party}
        }
        if len(deals) == 1:
            return next(iter(deals))
        raise Misfit(
            f"deal: expected one between {issuer.name} and {counterparty.name}, found {len(deals)}.",
            todo="Record and countersign a CONTRACT first." if not deals else "Name the deal by its id.",
        )

    def _party(self, name: str) -> PartyRecord:
        if name not in self._parties:
            self._parties[name] = find_party(self._transaction, name)
        return self._parties[name]

    def _open_deals(self, one: PartyId, other: PartyId) -> frozenset[DealId]:
        if (one, other) not in self._deals:
            self._deals[one, other] = frozenset(open_deals(self._transaction, one, other))
        return self._deals[one, other]

    def _referred(self, reference: str, name: str) -> EvidenceRecord:
        if reference.startswith("@"):
            if reference[1:] not in self.labels:
                raise MalformedInput(f"{name}: no earlier draft of this call is labelled {clip(reference[1:])}.")
            return self.labels[reference[1:]]
        evidence_id = EvidenceId(parse_bytes32(reference, name))
        found = self._transaction.evidence([evidence_id]).get(evidence_id)
        if found is None:
            raise NotFound(f"{name}: evidence {reference} is not known here.", todo="Check the id.")
        return found


def open_deals(transaction: Transaction, one: PartyId, other: PartyId) -> list[DealId]:
    """The deals between the two whose CONTRACT both signed, oldest first: an offer that waits opens nothing yet."""
    deals = transaction.deals_between(one, other)
    contracts = ((deal, transaction.contract_of(deal)) for deal in deals)
    return [deal for deal, contract in contracts if contract is not None and contract.state in ACCEPTED]


def _resolve_allocation(item: Json, labels: Mapping[str, EvidenceRecord]) -> Json:
    if not isinstance(item, Mapping):
        return item
    invoice = item.get("invoice")
    if isinstance(invoice, str) and invoice.startswith("@"):
        if invoice[1:] not in labels:
            raise MalformedInput(f"allocations: no earlier draft of this call is labelled {clip(invoice[1:])}.")
        return {**item, "invoice": to_hex(labels[invoice[1:]].evidence_id)}
    return item
