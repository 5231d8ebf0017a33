"""Receipts: what this operator promises when it accepts an evidence, and whether such a promise was kept.

Rules:

- a receipt is signed before the transaction that accepts the evidence commits, and kept by it: nobody is promised what
  was not kept, and nothing is kept without a promise;
- a process that has not the operator's key (``serve --no-worker``) keeps what it accepts without a receipt; a worker
  signs one before the evidence stands in a batch, and promises from then on;
- a check never raises for what a file holds: the finding says it. Here it rests on the index of the final chain, and on
  the contents of the batches that this installation has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tallystick.errors import ChainError, MalformedInput, NotFound, StoreError
from tallystick.protocol.bundle_stream import Chunks
from tallystick.protocol.entry import Json
from tallystick.protocol.promise import (
    BundleWatch,
    Finding,
    LogView,
    Promise,
    foreign,
    must_stand_in,
    settle,
    settle_by_bundle,
)
from tallystick.protocol.receipt import Receipt, SignedReceipt, parse_receipt, signatures_digest
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, PartyId, Timestamp, to_hex
from tallystick.protocol.verdict import CodeHashes, Progress
from tallystick.service.check import check_stream
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.ports import Transaction
from tallystick.service.prove import find_placements
from tallystick.store.records import AppendRecord, EvidenceRecord, EvidenceState


def receipts_of(context: Context, records: Sequence[EvidenceRecord]) -> dict[EvidenceId, SignedReceipt]:
    """The receipts of those of ``records`` that have one, by evidence id."""
    with context.store.transaction(read_only=True) as transaction:
        return receipts_within(context, transaction, records)


def receipts_within(
    context: Context, transaction: Transaction, records: Sequence[EvidenceRecord]
) -> dict[EvidenceId, SignedReceipt]:
    """The same, as ``transaction`` finds them."""
    kept = transaction.receipts(record.evidence_id for record in records)
    domain = context.chain.deployment.domain
    signed = {}
    for record in records:
        if (found := kept.get(record.evidence_id)) is not None:
            hashed = signatures_digest(record.signatures)
            receipt = Receipt(record.evidence_id, hashed, found.received_at, found.seal_by)
            signed[record.evidence_id] = SignedReceipt(
                domain, record.evidence, receipt, found.operator, found.signature
            )
    return signed


def read_receipt(context: Context, evidence_id: EvidenceId) -> SignedReceipt:
    """The receipt of the evidence ``evidence_id``.

    Raises:
        NotFound: no such evidence, or it has no receipt; says why. StoreError: what is kept was altered.
    """
    with context.store.transaction(read_only=True) as transaction:
        record = transaction.evidence([evidence_id]).get(evidence_id)
    if record is None:
        raise NotFound(f"evidence {to_hex(evidence_id)}: not known here.", todo="Check the id.")
    if record.state is EvidenceState.AWAITING_COUNTERSIGNATURE:
        raise NotFound(
            f"evidence {to_hex(evidence_id)}: it has no receipt, for it awaits a signature.",
            todo="It gets one when it is countersigned.",
        )
    signed = receipts_of(context, [record]).get(evidence_id)
    if signed is None:
        raise NotFound(
            f"evidence {to_hex(evidence_id)}: it has no receipt, for a version that gave none accepted it.",
            todo="Read where it stands instead.",
        )
    if (problem := signed.problem()) is not None:
        raise StoreError(
            f"evidence {to_hex(evidence_id)}: its receipt is not what was signed: {problem}.",
            todo="The database was altered: restore it from a backup.",
        )
    return signed


def check_here(context: Context, data: bytes) -> Finding:
    """Whether the promise in the receipt file ``data`` was kept, by the chain and what is kept here."""
    signed = _read(data)
    if isinstance(signed, Finding):
        return signed
    deployment = context.chain.deployment
    if signed.domain != deployment.domain:
        return foreign(signed, f"ledger {to_hex(deployment.ledger)} on chain {deployment.chain_id}")
    try:
        cursor = index(context)
        as_of = BlockRef(cursor.block_number, cursor.block_hash, cursor.timestamp)
        if not context.chain.was_operator(signed.operator, as_of):
            message = f"{to_hex(signed.operator)}, who signed it, never was an operator of the ledger"
            return Finding(Promise.INVALID, message, signed, None, as_of)
        with context.store.transaction(read_only=True) as transaction:
            return settle(signed, _logs(transaction, context.operator, signed, as_of), as_of)
    except (ChainError, StoreError) as error:
        return Finding(Promise.UNCHECKED, str(error), signed)


def check_by_bundle(
    data: bytes,
    bundle: Chunks,
    *,
    code_hashes: CodeHashes,
    block_hash: Hash,
    ledger: Address | None = None,
    progress: Progress = lambda done, total: None,
) -> Finding:
    """Whether the promise in the receipt file ``data`` was kept, by the bundle as of the block ``block_hash``.

    With neither home nor network: the bundle is verified first, and nothing else is relied on but ``ledger``, if named.
    """
    signed = _read(data)
    if isinstance(signed, Finding):
        return signed
    watch = BundleWatch(signed)
    verdict = check_stream(
        bundle, code_hashes=code_hashes, block_hash=block_hash, ledger=ledger, watch=watch, progress=progress
    )
    return settle_by_bundle(watch, verdict, ledger)


def finding_json(finding: Finding) -> Mapping[str, Json]:
    """``finding`` for programs: ``verdict`` is kept, late, broken, open, invalid or unchecked."""
    signed, as_of = finding.signed, finding.as_of
    receipt = None if signed is None else signed.receipt
    return {
        "verdict": "unchecked" if finding.promise is Promise.UNCHECKED else finding.promise.value,
        "message": finding.message,
        "caveats": list(finding.caveats),
        "evidence": None if receipt is None else to_hex(receipt.evidence),
        "operator": None if signed is None else to_hex(signed.operator),
        "receivedAt": None if receipt is None else receipt.received_at,
        "sealBy": None if receipt is None else receipt.seal_by,
        "sealedAt": finding.sealed_at,
        "asOf": None
        if as_of is None
        else {"blockNumber": as_of.number, "blockHash": to_hex(as_of.hash), "timestamp": as_of.timestamp},
    }


def _read(data: bytes) -> SignedReceipt | Finding:
    """The receipt in ``data``, or why it is worth nothing."""
    try:
        signed = parse_receipt(data)
    except MalformedInput as error:
        return Finding(Promise.INVALID, str(error))
    problem = signed.problem()
    return signed if problem is None else Finding(Promise.INVALID, problem, signed)


def _logs(transaction: Transaction, operator: Address, signed: SignedReceipt, as_of: BlockRef) -> list[LogView]:
    """The logs in which the evidence must stand, as they are known here."""
    record = transaction.evidence([signed.receipt.evidence]).get(signed.receipt.evidence)
    places: list[tuple[PartyId, Timestamp]] = []
    same = False
    if record is not None:
        same = signatures_digest(record.signatures) == signed.receipt.signatures_hash
        appends = (placement.append for placement in find_placements(transaction, record))
        places = [(append.subject, append.timestamp) for append in appends if append.block_number <= as_of.number]
    views = []
    for subject in must_stand_in(signed):
        sealed = tuple(at for party, at in places if party == subject)
        unknown = tuple(
            (append.timestamp, append.operator)
            for append in transaction.appends(subject, as_of.number)
            if append.timestamp <= signed.receipt.seal_by and not _is_known(transaction, operator, append)
        )
        views.append(LogView(subject, sealed if same else (), unknown, bool(sealed) and not same))
    return views


def _is_known(transaction: Transaction, operator: Address, append: AppendRecord) -> bool:
    """Whether the entries of ``append`` are kept here: those of this installation's ``operator`` are, all of them."""
    return append.operator == operator or bool(transaction.batch_entries(append.operator, append.batch_id))
