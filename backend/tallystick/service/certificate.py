"""What a certificate states about one evidence or one party, as values; ``render`` makes the page of it.

Rules:

- only what is final is certified; anything else is refused, with how far it has come;
- nothing is certified that its own check refuses: the proof (or the bundle) is verified against the as-of block first;
- what speaks against it is part of it: whatever answers, disputes or corrects an evidence, entries that are void or
  withheld, fields that are hidden;
- names are the registrar's signed statements; a home without the registrar's key certifies ids alone;
- the values depend on the stored evidence, the as-of block and the kept time-stamps only: no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tallystick.errors import BadSignature, Refused, StoreError, UsageError
from tallystick.protocol import content
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.bundle import Bundle, BundleProof
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.inclusion import (
    Inclusion,
    Place,
    format_inclusion,
    proven_slots,
    signers_of,
)
from tallystick.protocol.types import ZERO32, Address, BlockRef, EvidenceId, PartyId, SignerWindow, Timestamp, to_hex
from tallystick.protocol.verdict import Outcome, Trust, Verdict
from tallystick.protocol.verify_inclusion import check_inclusion
from tallystick.service.as_of import find_block
from tallystick.service.check import check
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.parties import bind
from tallystick.service.ports import Transaction
from tallystick.service.prove import Placement, find_placements
from tallystick.service.report import History, Reader
from tallystick.service.share import bundle
from tallystick.service.showing import Showing
from tallystick.service.stamp import CheckToken
from tallystick.store.records import EvidenceRecord, EvidenceState
from tallystick.timestamp.token import TokenVerdict


@dataclass(frozen=True, slots=True)
class Answer:
    """What came to an evidence in a log: who answered it with what, or a payment that was allocated to it."""

    entry: Entry
    allocated: str | None = None
    """Of a PAYMENT, the amount allocated."""


@dataclass(frozen=True, slots=True)
class EvidenceCertificate:
    """One final evidence. ``proof`` is the file of ``inclusion``, which anybody can check by itself."""

    inclusion: Inclusion
    proof: bytes
    signers: Sequence[tuple[PartyId, Address]]
    fields: Mapping[str, Json]
    hidden: int
    standings: Mapping[PartyId, Standing]
    """By subject; the place in ``inclusion.places`` has the rest."""
    positions: Mapping[PartyId, int]
    """The entry's number in the subject's whole log, from 0."""
    answers: Sequence[Answer]
    withheld: int
    """Entries of these logs that their operators withhold: answers may be among them."""
    genesis_hash: bytes
    erased_at: Timestamp | None
    """Since when its content is erased; then ``fields`` are none."""
    timestamps: Mapping[tuple[Address, int], TokenVerdict]
    """What the check of each batch's RFC 3161 time-stamp came to, by the certificates of this home."""

    @property
    def names(self) -> Mapping[PartyId, PartyBinding]:
        """Who the parties are, as the registrar signed it."""
        return {binding.party: binding for binding in self.inclusion.bindings}


@dataclass(frozen=True, slots=True)
class PartyCertificate:
    """One party's complete history: ``data`` is the bundle, ``verdict`` what its check came to."""

    bundle: Bundle
    data: bytes
    verdict: Verdict
    withheld: int
    genesis_hash: bytes
    erased: int
    """Of how many of its entries the content was erased."""

    @property
    def names(self) -> Mapping[PartyId, PartyBinding]:
        """Who the parties are, as the registrar signed it."""
        return {binding.party: binding for binding in self.bundle.bindings}

    @property
    def entries(self) -> Sequence[Entry]:
        """The judged entries, as far as they are shown."""
        return self.verdict.entries


def certify_evidence(
    context: Context,
    evidence_id: EvidenceId,
    check_token: CheckToken,
    *,
    as_of: str | None = None,
    hide: Collection[str] = (),
) -> EvidenceCertificate:
    """What can be certified of ``evidence_id`` as of ``as_of`` (``as_of.py``), its fields ``hide`` left out.

    ``check_token`` judges the kept time-stamps; those it can't judge are certified as not checked.

    Raises:
        Refused: it is not final, or stands in no log. UsageError: no such block, or a field that it does not show.
        StoreError: what is kept does not hold: a root, the proof, a time-stamp. ChainError: no state proofs.
    """
    reader = Reader(context, find_block(context, index(context).block, as_of))
    with context.store.transaction(read_only=True) as transaction:
        record = transaction.evidence([evidence_id]).get(evidence_id)
        if record is None or record.state is not EvidenceState.FINAL:
            raise _not_final(evidence_id, None if record is None else record.state)
        everywhere = [p for p in find_placements(transaction, record) if p.append.block_number <= reader.as_of.number]
        subjects = sorted({placement.append.subject for placement in everywhere})
        histories = [reader.read(transaction, subject) for subject in subjects]
        entries = {history.party: _entry(history, evidence_id) for history in histories}
        placements = [p for p in everywhere if p.seq == entries[p.append.subject].seq]
        bindings = _bindings(context, transaction, record.evidence)
        erased = transaction.erased([evidence_id])
        timestamps = transaction.timestamps({(p.append.operator, p.append.batch_id) for p in placements})
    if not entries:
        raise Refused(
            f"evidence {to_hex(evidence_id)}: block {reader.as_of.number} does not hold it yet.",
            todo="Ask as of a later block.",
        )
    record = _redacted(record, hide)
    standings = {subject: entry.standing for subject, entry in entries.items()}
    if Standing.STANDS not in standings.values():
        reasons = ", ".join(sorted({standing.value for standing in standings.values()})) or "in no log"
        raise Refused(
            f"evidence {to_hex(evidence_id)}: expected one that stands in a log, got one that is void: {reasons}.",
            todo="Record it anew so that it stands; a void entry proves nothing of what it says.",
        )
    tokens = tuple(sorted((stamp.operator, stamp.batch_id, stamp.token) for stamp in timestamps))
    inclusion = _include(context, record, placements, bindings, reader.as_of, tokens)
    proof = format_inclusion(inclusion)
    verdict = check_inclusion(proof, _trust(context, reader.as_of))
    if verdict.outcome is not Outcome.VALID:
        raise StoreError(
            f"evidence {to_hex(evidence_id)}: its own proof does not hold: {verdict.message}.",
            todo="The database or the node is not what it was: run `tallystick doctor`, restore a backup.",
        )
    return EvidenceCertificate(
        inclusion=inclusion,
        proof=proof,
        signers=signers_of(record.evidence, evidence_id, record.signatures),
        fields=content.parse_all(record.disclosures),
        hidden=content.hidden_count(record.evidence.content_root, record.disclosures, record.hidden),
        standings=standings,
        positions={placement.append.subject: placement.seq for placement in placements},
        answers=[_without(answer, hide) for answer in _answers(histories, evidence_id)],
        withheld=sum(history.withheld for history in histories),
        genesis_hash=context.chain.deployment.genesis_hash,
        erased_at=erased[evidence_id].erased_at if evidence_id in erased else None,
        timestamps=_check_timestamps(inclusion, check_token),
    )


def certify_party(
    context: Context,
    party: PartyId,
    *,
    as_of: str | None = None,
    hide: Sequence[str] = (),
    showing: Showing | None = None,
) -> PartyCertificate:
    """What can be certified of ``party``'s history as of ``as_of`` (``as_of.py``): all but ``hide``, or as ``showing``.

    Raises:
        Refused: nothing of it is final. StoreError: its own bundle does not verify. Others as ``bundle``.
    """
    made, data = bundle(context, party, as_of=as_of, hide=hide, showing=showing)
    if not made.appends:
        raise Refused(
            f"party {to_hex(party)}: expected a history with final entries, got one without any.",
            todo="Seal what is recorded with `tallystick seal`, and wait until it is final.",
        )
    trust = _trust(context, made.as_of)
    verdict = check(data, code_hashes=trust.code_hashes, block_hash=trust.block_hash, ledger=trust.ledger)
    if verdict.outcome is Outcome.INVALID:
        raise StoreError(
            f"party {to_hex(party)}: its own bundle does not hold at step {verdict.failed}: {verdict.message}.",
            todo="The database or the node is not what it was: run `tallystick doctor`, restore a backup.",
        )
    withheld = sum(item.append.count for item in made.appends if item.entries is None)
    with context.store.transaction(read_only=True) as transaction:
        erased = len(transaction.erased_in_log(party, made.as_of.number))
    return PartyCertificate(made, data, verdict, withheld, context.chain.deployment.genesis_hash, erased)


def _redacted(record: EvidenceRecord, hide: Collection[str]) -> EvidenceRecord:
    """``record`` with digests in place of the fields named in ``hide``. Raises ``UsageError``: one is not there."""
    shown = {content.parse(disclosure)[0]: disclosure for disclosure in record.disclosures}
    if unknown := sorted(set(hide) - shown.keys()):
        raise UsageError(
            f"hide: expected fields of the evidence, {', '.join(sorted(shown))}; got {', '.join(unknown)}.",
            todo="Check the spelling: what is not hidden is shown.",
        )
    hidden = [content.digest(shown[name]) for name in hide]
    kept = tuple(disclosure for name, disclosure in shown.items() if name not in hide)
    return replace(record, disclosures=kept, hidden=(*record.hidden, *hidden))


def _without(answer: Answer, hide: Collection[str]) -> Answer:
    """``answer`` without the fields named in ``hide``, which it may say again."""
    fields = {name: value for name, value in answer.entry.fields.items() if name not in hide}
    hidden = answer.entry.hidden + len(answer.entry.fields) - len(fields)
    return replace(answer, entry=replace(answer.entry, fields=fields, hidden=hidden))


def _trust(context: Context, as_of: BlockRef) -> Trust:
    return Trust(context.code_hashes, as_of.hash, context.chain.deployment.ledger)


def _check_timestamps(inclusion: Inclusion, check_token: CheckToken) -> dict[tuple[Address, int], TokenVerdict]:
    tokens = {(operator, batch_id): token for operator, batch_id, token in inclusion.timestamps}
    found = {}
    for place in inclusion.places:
        if place.batch in tokens:
            root = place.batch_root(inclusion.evidence_id, inclusion.signatures)
            verdict = found[place.batch] = check_token(tokens[place.batch], root)
            if verdict.outcome is Outcome.INVALID:
                raise StoreError(
                    f"batch {place.batch_id}: its kept time-stamp does not hold: {verdict.message}.",
                    todo="See `tallystick timestamp --check`; the database was altered, restore it from a backup.",
                )
    return found


def _not_final(evidence_id: EvidenceId, state: EvidenceState | None) -> Refused:
    found = "one that is not known here" if state is None else f"one that is {state.value}"
    return Refused(
        f"evidence {to_hex(evidence_id)}: expected final evidence, got {found}.",
        todo="Check the id." if state is None else "Seal it with `tallystick seal`, and wait until it is final.",
    )


def _bindings(context: Context, transaction: Transaction, evidence: Evidence) -> tuple[PartyBinding, ...]:
    if context.registrar is None:
        return ()
    known = [transaction.party(party) for party in sorted({evidence.issuer, evidence.counterparty} - {ZERO32})]
    return tuple(bind(context, party, transaction) for party in known if party is not None and party.identifiers)


def _entry(history: History, evidence_id: EvidenceId) -> Entry:
    """The entry where it stands; where it never does, the first that is void. It may have been sealed several times."""
    found = [entry for entry in history.entries if entry.evidence_id == evidence_id]
    return next((entry for entry in found if entry.standing is Standing.STANDS), found[0])


def _include(
    context: Context,
    record: EvidenceRecord,
    placements: Sequence[Placement],
    bindings: tuple[PartyBinding, ...],
    as_of: BlockRef,
    timestamps: tuple[tuple[Address, int, bytes], ...],
) -> Inclusion:
    deployment = context.chain.deployment
    try:
        pairs = signers_of(record.evidence, record.evidence_id, record.signatures)
    except BadSignature as error:  # it stands, so that its signatures were good when they were sealed
        raise StoreError(f"evidence {to_hex(record.evidence_id)}: {error.message}", todo="Restore a backup.") from error
    with context.store.transaction(read_only=True) as transaction:
        known = {
            (signer.party, signer.signer): SignerWindow(signer.added_at, signer.revoked_at)
            for signer in transaction.signers({party for party, _ in pairs}, as_of.number)
        }
    unproven = Inclusion(
        domain=deployment.domain,
        registry=deployment.registry,
        as_of=as_of,
        proof=BundleProof(b"", ()),
        evidence=record.evidence,
        signatures=record.signatures,
        disclosures=tuple(sorted(record.disclosures)),
        hidden=tuple(sorted(record.hidden)),
        places=tuple(_place(placement) for placement in placements),
        windows={pair: known[pair] for pair in pairs},
        bindings=bindings,
        timestamps=timestamps,
    )
    proof = context.chain.state_proof(as_of, proven_slots(unproven))
    return replace(unproven, proof=BundleProof(proof.header, proof.nodes))


def _place(placement: Placement) -> Place:
    append = placement.append
    return Place(
        subject=append.subject,
        operator=append.operator,
        batch_id=append.batch_id,
        index=placement.index,
        count=append.count,
        entry_proof=placement.entry_proof,
        batch_proof=placement.batch_proof,
        block=BlockRef(append.block_number, append.block_hash, append.timestamp),
    )


_ANSWERS = frozenset(
    {Kind.ACKNOWLEDGEMENT, Kind.DISPUTE, Kind.RESOLUTION, Kind.CORRECTION, Kind.WRITE_OFF, Kind.PAYMENT}
)


def _answers(histories: Sequence[History], evidence_id: EvidenceId) -> list[Answer]:
    """What stands and answers the evidence, directly or through an answer, in the order of its sealing, each once."""
    found: dict[EvidenceId, Answer] = {}
    for history in histories:
        answered = {evidence_id}
        for entry in history.entries:
            if entry.standing is Standing.STANDS and entry.evidence.kind in _ANSWERS:
                allocated = _allocated(entry, evidence_id)
                if entry.evidence.parent in answered or allocated is not None:
                    answered.add(entry.evidence_id)
                    found.setdefault(entry.evidence_id, Answer(entry, allocated))
    return sorted(found.values(), key=lambda answer: answer.entry.anchored_at)


def _allocated(entry: Entry, invoice: EvidenceId) -> str | None:
    """What a PAYMENT says it pays of ``invoice``."""
    allocations = entry.fields.get("allocations") if entry.evidence.kind == Kind.PAYMENT else None
    for item in allocations if isinstance(allocations, list) else ():
        if isinstance(item, dict) and item.get("invoice") == to_hex(invoice):
            return str(item.get("amount"))
    return None
