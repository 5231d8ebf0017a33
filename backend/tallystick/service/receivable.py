"""Receivables: pledge an invoice to a financier, transfer and release the pledge, say how it stands.

Rules:

- the financier signs only what it has checked: the evidence is an invoice of this supplier, acknowledged by its buyer
  and with something left to pay, nothing of the log is withheld, the fingerprint is computed from the invoice itself;
- supplier and financiers sign with their managed keys; the operator's account relays, and could be anybody's;
- everything shown is as of one final block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.chain.pledge_calls import PledgeCall, ReceivableCall, ReleaseCall, TransferCall
from tallystick.chain.records import Inclusion, PledgeChange
from tallystick.credit.dates import parse_date, start_of, utc_date
from tallystick.credit.receivables import Obstacle, find_obstacles
from tallystick.errors import MalformedInput, NotFound, Refused
from tallystick.protocol.evidence import Kind, kind_name
from tallystick.protocol.receivable import (
    InvoiceIdentity,
    LogProof,
    Pledge,
    PledgeTerms,
    ReleaseTerms,
    TransferTerms,
)
from tallystick.protocol.types import ZERO32, BlockRef, EvidenceId, Hash, PartyId, Timestamp, clip, to_hex
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.prove import Placement, ProvenEvidence, read_evidence
from tallystick.service.record import sign_for
from tallystick.service.report import Reader
from tallystick.service.sending import sending
from tallystick.store.records import Cursor, PartyRecord

AUTHORISATION_SECONDS = 3_600
"""How long what is signed here may be used: until it is relayed, which happens at once."""
DEFAULT_TERM_SECONDS = 180 * 86_400
"""How long after its due date, or today where that has passed, a receivable stays pledged unless told otherwise."""


@dataclass(frozen=True, slots=True)
class ReceivableStatus:
    """How a receivable stands as of the final block ``as_of``."""

    supplier: PartyId
    receivable: EvidenceId
    fingerprint: Hash
    as_of: BlockRef
    pledge_name: Hash | None
    """The newest pledge of this very receivable, active or not."""
    pledge: Pledge | None
    same_invoice: Pledge | None
    """An active pledge of another evidence of the same invoice."""
    changes: Sequence[PledgeChange]
    """All that was ever done with the receivable under this supplier, oldest first."""
    obstacles: Sequence[Obstacle]
    """What a financier would hold against financing it now, apart from pledges."""

    @property
    def taken_since(self) -> Timestamp | None:
        """Since when it can't be pledged again; None when it is free."""
        if self.pledge is not None and self.pledge.is_active(self.as_of.timestamp):
            return self.pledge.pledged_at
        return None if self.same_invoice is None else self.same_invoice.pledged_at


def pledge(
    context: Context, receivable: EvidenceId, financier: PartyRecord, *, expires_at: Timestamp | None = None
) -> tuple[Hash, Inclusion]:
    """Pledge the invoice ``receivable`` to ``financier`` until ``expires_at``; the name of the pledge, and its block.

    Raises:
        NotFound: no such evidence. Refused: the financier's check found an obstacle; says which.
        TransactionFailed: the register refused, e.g. because it is pledged already; says since when.
    """
    cursor = index(context)
    proven = read_evidence(context, receivable)
    supplier = _supplier(context, proven)
    _check_financeable(context, cursor, proven)
    now = context.clock.now()
    if expires_at is None:
        expires_at = Timestamp(max(_due_at(proven), now) + DEFAULT_TERM_SECONDS)
    terms = PledgeTerms(
        supplier=supplier.party,
        receivable=receivable,
        fingerprint=_identity(proven).fingerprint(context.network_key),
        financier=financier.party,
        expires_at=expires_at,
        deadline=Timestamp(now + AUTHORISATION_SECONDS),
        nonce=context.entropy.bytes(32),
    )
    name = terms.digest(context.chain.deployment.receivables_domain)
    proof = _log_proof(proven)
    signatures = [sign_for(context, party, name) for party in (supplier, financier)]
    return name, _relay(context, PledgeCall(terms, proof, *signatures))


def transfer(context: Context, receivable: EvidenceId, financier: PartyRecord) -> Inclusion:
    """Give the active pledge of ``receivable`` to ``financier``; both financiers sign.

    Raises:
        NotFound: no such evidence, or it was never pledged.
        Refused: the new financier's check found an obstacle.
        TransactionFailed: the register refused, e.g. because the pledge is released.
    """
    cursor = index(context)
    proven = read_evidence(context, receivable)
    name, held = _newest_pledge(context, proven, cursor)
    _check_financeable(context, cursor, proven)
    terms = TransferTerms(name, held.financier, financier.party, _deadline(context), context.entropy.bytes(32))
    digest = terms.digest(context.chain.deployment.receivables_domain)
    giver = _managed(context, held.financier)
    return _relay(context, TransferCall(terms, sign_for(context, giver, digest), sign_for(context, financier, digest)))


def release(context: Context, receivable: EvidenceId) -> Inclusion:
    """Let the financier that holds ``receivable`` release it: it is free again.

    Raises:
        NotFound: no such evidence, or it was never pledged.
        TransactionFailed: the register refused, e.g. because the pledge has expired.
    """
    cursor = index(context)
    proven = read_evidence(context, receivable)
    name, held = _newest_pledge(context, proven, cursor)
    terms = ReleaseTerms(name, held.financier, _deadline(context), context.entropy.bytes(32))
    digest = terms.digest(context.chain.deployment.receivables_domain)
    financier = _managed(context, held.financier)
    return _relay(context, ReleaseCall(terms, sign_for(context, financier, digest)))


def status(context: Context, receivable: EvidenceId) -> ReceivableStatus:
    """How ``receivable`` stands as of the newest final block: pledges, what was done, and what speaks against it.

    Raises:
        NotFound: no such evidence. MalformedInput: it is no invoice, or hides what makes its fingerprint.
    """
    cursor = index(context)
    proven = read_evidence(context, receivable)
    block = BlockRef(cursor.block_number, cursor.block_hash, cursor.timestamp)
    supplier = proven.record.evidence.issuer
    fingerprint = _identity(proven).fingerprint(context.network_key)
    chain = context.chain
    name = chain.last_pledge(supplier, receivable, block)
    same_name = chain.last_pledge_of_fingerprint(supplier, fingerprint, block)
    same = None if same_name == name else chain.pledge(same_name, block)
    changes = chain.pledge_changes(chain.deployment.block_number, block.number, receivable=receivable)
    return ReceivableStatus(
        supplier=supplier,
        receivable=receivable,
        fingerprint=fingerprint,
        as_of=block,
        pledge_name=None if name == ZERO32 else name,
        pledge=chain.pledge(name, block),
        same_invoice=same if same is not None and same.is_active(block.timestamp) else None,
        changes=[change for change in changes if change.event.supplier == supplier],
        obstacles=_obstacles(context, cursor, proven),
    )


def _check_financeable(context: Context, cursor: Cursor, proven: ProvenEvidence) -> None:
    obstacles = _obstacles(context, cursor, proven)
    if obstacles:
        raise Refused(
            f"receivable {to_hex(proven.record.evidence_id)}: expected an acknowledged invoice with something left to "
            f"pay; {', and '.join(obstacle.reason for obstacle in obstacles)}.",
            todo="See `tallystick receivable status`; have the buyer acknowledge the invoice, or finance another one.",
        )


def _obstacles(context: Context, cursor: Cursor, proven: ProvenEvidence) -> tuple[Obstacle, ...]:
    """What the supplier's complete log says against financing it.

    Raises:
        Refused: some of the log is withheld, so that nobody can tell.
    """
    supplier = proven.record.evidence.issuer
    with context.store.transaction(read_only=True) as transaction:
        history = Reader(context, cursor.block).read(transaction, supplier)
    if history.withheld:
        raise Refused(
            f"supplier {to_hex(supplier)}: {history.withheld} entries of its log are withheld by their operators.",
            todo="Get the entries; a correction or a credit may be among them.",
        )
    return find_obstacles(supplier, history.entries, proven.record.evidence_id, utc_date(cursor.timestamp))


def _identity(proven: ProvenEvidence) -> InvoiceIdentity:
    """The invoice as it was issued: corrections change what is owed, not which invoice it is."""
    evidence, fields = proven.record.evidence, proven.fields
    if evidence.kind != Kind.INVOICE:
        raise MalformedInput(
            f"receivable {to_hex(proven.record.evidence_id)}: expected an INVOICE, got {kind_name(evidence.kind)}.",
            todo="Name an invoice by its evidence id.",
        )
    texts = []
    for name in ("invoiceNumber", "issueDate", "currency", "payableAmount"):
        value = fields.get(name)
        if not isinstance(value, str):
            raise MalformedInput(
                f"receivable: expected the invoice to show {name!r}, got {clip(value)}.",
                todo="Have its supplier show the field: the fingerprint rests on it.",
            )
        texts.append(value)
    return InvoiceIdentity(evidence.issuer, evidence.counterparty, *texts)


def _due_at(proven: ProvenEvidence) -> int:
    due = parse_date(proven.fields.get("dueDate"))
    return 0 if due is None else start_of(due)


def _log_proof(proven: ProvenEvidence) -> LogProof:
    """Where the invoice stands in its issuer's log."""
    supplier = proven.record.evidence.issuer
    places: list[Placement] = [place for place in proven.placements if place.append.subject == supplier]
    if not places:
        raise Refused(
            f"receivable {to_hex(proven.record.evidence_id)}: expected it in its supplier's log, it is not final yet.",
            todo="Seal it with `tallystick seal`, then pledge it.",
        )
    place = places[0]
    return LogProof(
        operator=place.append.operator,
        batch_id=place.append.batch_id,
        index=place.index,
        signatures_hash=place.signatures_hash,
        count=place.append.count,
        entry_proof=place.entry_proof,
        subject_proof=place.batch_proof,
    )


def _newest_pledge(context: Context, proven: ProvenEvidence, cursor: Cursor) -> tuple[Hash, Pledge]:
    block = BlockRef(cursor.block_number, cursor.block_hash, cursor.timestamp)
    receivable = proven.record.evidence_id
    name = context.chain.last_pledge(proven.record.evidence.issuer, receivable, block)
    if name == ZERO32:
        raise NotFound(
            f"receivable {to_hex(receivable)}: no pledge of it is final.",
            todo="Check the id, or wait until it is final.",
        )
    found = context.chain.pledge(name, block)
    assert found is not None, "the register keeps every pledge it names"
    return name, found


def _supplier(context: Context, proven: ProvenEvidence) -> PartyRecord:
    return _managed(context, proven.record.evidence.issuer)


def _managed(context: Context, party: PartyId) -> PartyRecord:
    with context.store.transaction(read_only=True) as transaction:
        found = transaction.party(party)
    if found is None:
        raise NotFound(f"party {to_hex(party)}: not known here.", todo="Have it sign where its keys are managed.")
    return found


def _deadline(context: Context) -> Timestamp:
    return Timestamp(context.clock.now() + AUTHORISATION_SECONDS)


def _relay(context: Context, change: ReceivableCall) -> Inclusion:
    with sending(context, context.operator):
        return context.chain.change_receivable(
            context.operator, lambda digest: context.keys.sign(context.operator, digest), change
        )


def status_json(shown: ReceivableStatus) -> dict[str, object]:
    """``shown`` as the object that ``receivable status --json`` prints."""
    held = shown.pledge
    return {
        "receivable": to_hex(shown.receivable),
        "supplier": to_hex(shown.supplier),
        "fingerprint": to_hex(shown.fingerprint),
        "takenSince": shown.taken_since,
        "pledged": None
        if held is None or shown.pledge_name is None
        else {
            "pledge": to_hex(shown.pledge_name),
            "financier": to_hex(held.financier),
            "pledgedAt": held.pledged_at,
            "expiresAt": held.expires_at,
            "releasedAt": held.released_at or None,
            "active": held.is_active(shown.as_of.timestamp),
        },
        "sameInvoice": None if shown.same_invoice is None else to_hex(shown.same_invoice.receivable),
        "changes": [
            {"event": type(change.event).__name__, "blockNumber": change.block.number, "at": change.block.timestamp}
            for change in shown.changes
        ],
        "obstacles": [obstacle.value for obstacle in shown.obstacles],
        "asOf": {"blockNumber": shown.as_of.number, "blockHash": to_hex(shown.as_of.hash)},
    }
