"""Records as the tests need them: everything fixed by a few numbers, so that equal arguments give equal records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tallystick.protocol.deployment import Deployment
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.types import ZERO32, Address, BlockRef, DealId, EvidenceId, Hash, PartyId, Timestamp
from tallystick.store.records import (
    AppendRecord,
    BatchEntry,
    BatchRecord,
    BatchState,
    EvidenceRecord,
    EvidenceState,
    Identifier,
    PartyRecord,
    Submission,
)
from tallystick.store.sql import SqlStore, SqlTransaction


def digest(*parts: object) -> bytes:
    """32 bytes that stand for ``parts``."""
    return hashlib.sha256(repr(parts).encode()).digest()


SUPPLIER = PartyId(digest("supplier"))
BUYER = PartyId(digest("buyer"))
CARRIER = PartyId(digest("carrier"))
OPERATOR = Address(digest("operator")[:20])
OTHER_OPERATOR = Address(digest("other operator")[:20])
DEAL = DealId(digest("deal"))
DEPLOYMENT = Deployment(
    31337, Hash(digest("genesis")), Address(b"\x01" * 20), Address(b"\x02" * 20), Address(b"\x03" * 20), 7
)

PENDING = EvidenceState.PENDING
AWAITING = EvidenceState.AWAITING_COUNTERSIGNATURE


class _Undo(Exception):
    pass


@contextmanager
def undone(store: SqlStore) -> Iterator[SqlTransaction]:
    """A transaction that keeps nothing."""
    with suppress(_Undo), store.transaction() as transaction:
        yield transaction
        raise _Undo


def signer(number: int) -> Address:
    return Address(digest("signer", number)[:20])


def party(name: str, *identifiers: str, signers: tuple[Address, ...] = ()) -> PartyRecord:
    """A party called ``name`` with identifiers spelled ``SCHEME:value``."""
    named = tuple(Identifier(*text.split(":", 1)) for text in identifiers)
    return PartyRecord(PartyId(digest(name)), name, named, signers, Timestamp(1_700_000_000))


def evidence(
    number: int,
    kind: int = Kind.INVOICE,
    *,
    deal: DealId = DEAL,
    parent: EvidenceId | None = None,
    document_key: str | None = None,
    state: EvidenceState = PENDING,
    disclosures: tuple[str, ...] = ("one", "two"),
    hidden: tuple[Hash, ...] = (),
    occurred_at: int = 1_700_000_000,
) -> EvidenceRecord:
    """Evidence ``number`` of the supplier about the buyer."""
    struct = Evidence(
        issuer=SUPPLIER,
        counterparty=BUYER,
        kind=kind,
        deal=deal,
        parent=parent or EvidenceId(ZERO32),
        content_root=Hash(digest("content", number)),
        occurred_at=Timestamp(occurred_at),
        issued_at=Timestamp(1_700_000_600),
    )
    return EvidenceRecord(
        evidence_id=EvidenceId(digest("evidence", number)),
        evidence=struct,
        signatures=digest("signature", number) * 2 + b"\x1b",
        disclosures=disclosures,
        hidden=hidden,
        document_key=document_key,
        recorded_at=Timestamp(1_700_000_700),
        state=state,
    )


def batch(
    batch_id: int,
    operator: Address = OPERATOR,
    state: BatchState = BatchState.BUILT,
    held_by: BlockRef | None = None,
) -> BatchRecord:
    return BatchRecord(
        operator=operator,
        batch_id=batch_id,
        root=Hash(digest("batch root", operator, batch_id)),
        state=state,
        created_at=Timestamp(1_700_001_000),
        block=held_by,
    )


def submission(batch_id: int, nonce: int, operator: Address = OPERATOR, fee: int = 9) -> Submission:
    """A signed transaction that carries a batch."""
    return Submission(
        operator=operator,
        batch_id=batch_id,
        nonce=nonce,
        raw=digest("raw", batch_id, nonce, fee),
        hash=Hash(digest("transaction", batch_id, nonce, fee)),
        max_priority_fee_wei=1,
        max_fee_wei=fee,
        signed_at=Timestamp(1_700_001_100),
    )


def block(number: int, branch: str = "") -> BlockRef:
    """Block ``number`` of a ``branch``."""
    return BlockRef(number, Hash(digest("block", branch, number)), Timestamp(1_700_002_000 + number))


def put(transaction: SqlTransaction, *appends: AppendRecord, log_index: int = 0) -> None:
    """Index the ``appends`` of one batch, event ``log_index`` of their block; a new block is put on the chain."""
    first = appends[0]
    ref = BlockRef(first.block_number, first.block_hash, first.timestamp)
    if not transaction.known_blocks([ref.hash]):
        transaction.add_blocks({ref: None})
    transaction.add_appends(list(appends), ROOT, log_index)


def entries(records: list[EvidenceRecord], *subjects: PartyId) -> list[BatchEntry]:
    """A place for each of ``records`` in the log of each of ``subjects``."""
    return [
        BatchEntry(subject, index, record.evidence_id)
        for subject in sorted(subjects or (SUPPLIER,))
        for index, record in enumerate(records)
    ]


def append(
    subject: PartyId, ordinal: int, count: int, *, batch_id: int, operator: Address = OPERATOR, first_seq: int = 0
) -> AppendRecord:
    """Append ``ordinal`` of ``subject``, made by ``batch_id`` of ``operator`` in block ``100 + batch_id``."""
    return AppendRecord(
        subject=subject,
        ordinal=ordinal,
        operator=operator,
        batch_id=batch_id,
        count=count,
        root=Hash(digest("root", subject, ordinal)),
        timestamp=block(100 + batch_id).timestamp,
        block_number=100 + batch_id,
        block_hash=block(100 + batch_id).hash,
        first_seq=first_seq,
        head=Hash(digest("head", subject, ordinal)),
    )


ROOT = Hash(digest("sealed root"))
