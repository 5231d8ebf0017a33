"""Evidence: kept once, accepted in an order, found by its id, document, parent and deal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, func, or_, select

from tallystick.errors import Duplicate, NotFound
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import DealId, EvidenceId, PartyId, Timestamp, to_hex
from tallystick.store.bulk import insert_rows
from tallystick.store.records import ON_ITS_WAY, EvidenceRecord, EvidenceState, ReceiptRecord
from tallystick.store.rows import chunks, evidence_record, evidence_row, select_evidence
from tallystick.store.schema import acceptance, batch, evidence, status_event
from tallystick.store.searching import Awaits
from tallystick.store.subjects import SubjectRows
from tallystick.store.tallies import TallyRows


class EvidenceRows(SubjectRows, TallyRows):
    """The part of a transaction that reads and writes evidence."""

    _connection: Connection

    def add_evidence(
        self, records: Sequence[EvidenceRecord], receipts: Mapping[EvidenceId, ReceiptRecord] | None = None
    ) -> None:
        """Keep the new ``records``, in this order; those in state PENDING are accepted in it, with ``receipts``.

        Raises:
            Duplicate: names the evidence id or document key that is taken; nothing is added.
        """
        starts = (EvidenceState.AWAITING_COUNTERSIGNATURE, EvidenceState.PENDING)
        assert all(record.state in starts for record in records), "an evidence is sealed by a batch, never by hand"
        if not records:
            return
        self._refuse_taken_evidence(records)
        insert_rows(self._connection, evidence, [evidence_row(record) for record in records])
        given = receipts or {}
        accepted = [one for one in records if one.state is EvidenceState.PENDING]
        taken = [_acceptance_row(one.evidence_id, given.get(one.evidence_id)) for one in accepted]
        insert_rows(self._connection, acceptance, taken)
        events = [_pending_row(one.evidence_id, one.recorded_at) for one in accepted]
        insert_rows(self._connection, status_event, events)
        self._note_subjects(records)
        self._tally(f"evidence.{EvidenceState.PENDING.value}", len(accepted))
        self._tally(f"evidence.{EvidenceState.AWAITING_COUNTERSIGNATURE.value}", len(records) - len(accepted))

    def evidence(self, evidence_ids: Iterable[EvidenceId]) -> Mapping[EvidenceId, EvidenceRecord]:
        """Those of ``evidence_ids`` that are kept, by id."""
        return {row.evidence_id: evidence_record(row) for row in self._in_chunks(_BY_ID, evidence_ids)}

    def evidence_by_document(self, document_keys: Iterable[str]) -> Mapping[str, EvidenceId]:
        """Which of ``document_keys`` are taken, and by which evidence."""
        return {row.document_key: row.evidence_id for row in self._in_chunks(_BY_DOCUMENT, document_keys)}

    def children(self, parent: EvidenceId) -> list[EvidenceRecord]:
        """The evidence that answers ``parent``, oldest first."""
        return self._records(select_evidence().where(evidence.c.parent == parent).order_by(evidence.c.position))

    def evidence_of_deal(self, deal: DealId, kinds: Iterable[int]) -> list[EvidenceRecord]:
        """The evidence of ``deal`` that is of one of ``kinds``, oldest first."""
        wanted = select_evidence().where(evidence.c.deal == deal, evidence.c.kind.in_([int(kind) for kind in kinds]))
        return self._records(wanted.order_by(evidence.c.position))

    def evidence_of_party(self, party: PartyId, kinds: Iterable[int]) -> list[EvidenceRecord]:
        """The evidence of one of ``kinds`` that ``party`` issued or is named in as counterparty, oldest first."""
        sides = or_(evidence.c.issuer == party, evidence.c.counterparty == party)
        wanted = select_evidence().where(sides, evidence.c.kind.in_([int(kind) for kind in kinds]))
        return self._records(wanted.order_by(evidence.c.position))

    def contract_of(self, deal: DealId) -> EvidenceRecord | None:
        """The CONTRACT that opened ``deal``, whatever its state, or None."""
        contracts = select_evidence().where(evidence.c.deal == deal, evidence.c.kind == int(Kind.CONTRACT))
        return next(iter(self._records(contracts.order_by(evidence.c.position).limit(1))), None)

    def deals_between(self, one: PartyId, other: PartyId) -> list[DealId]:
        """The deals that a CONTRACT between ``one`` and ``other`` opened, either being its issuer, oldest first."""
        sides = or_(
            and_(evidence.c.issuer == one, evidence.c.counterparty == other),
            and_(evidence.c.issuer == other, evidence.c.counterparty == one),
        )
        statement = select(evidence.c.deal).where(evidence.c.kind == int(Kind.CONTRACT), sides)
        rows = self._connection.execute(statement.order_by(evidence.c.position))
        return list(dict.fromkeys(DealId(row.deal) for row in rows))

    def receipts(self, evidence_ids: Iterable[EvidenceId]) -> Mapping[EvidenceId, ReceiptRecord]:
        """The receipts of those of ``evidence_ids`` that were accepted with one, by evidence id."""
        return {
            evidence_id: ReceiptRecord(*receipt) for evidence_id, *receipt in self._in_chunks(_RECEIPTS, evidence_ids)
        }

    def complete_signatures(
        self, evidence_id: EvidenceId, signatures: bytes, at: Timestamp, receipt: ReceiptRecord | None = None
    ) -> None:
        """Replace the signatures of ``evidence_id``, which awaited one, and accept it ``at`` now: PENDING.

        Raises:
            NotFound: no such evidence.
            Duplicate: it awaits none, having all of its signatures.
        """
        known = self.evidence([evidence_id]).get(evidence_id)
        if known is None:
            raise NotFound(f"There is no evidence {to_hex(evidence_id)}.", todo="Check its id.")
        if known.state is not EvidenceState.AWAITING_COUNTERSIGNATURE:
            raise Duplicate(f"The evidence {to_hex(evidence_id)} has all of its signatures already.")
        self._connection.execute(
            evidence.update().where(evidence.c.evidence_id == evidence_id).values(signatures=signatures)
        )
        self._connection.execute(acceptance.insert(), _acceptance_row(evidence_id, receipt))
        self._connection.execute(status_event.insert(), _pending_row(evidence_id, at))
        self._clear(evidence_id, None, Awaits.COUNTERSIGNATURE)
        self._tally(f"evidence.{EvidenceState.AWAITING_COUNTERSIGNATURE.value}", -1)
        self._tally(f"evidence.{EvidenceState.PENDING.value}", 1)

    def pending(self, limit: int) -> list[EvidenceRecord]:
        """The oldest accepted evidence that stands in no batch, in order of acceptance, at most ``limit``."""
        return [evidence_record(row) for row in self._connection.execute(_PENDING, {"most": limit})]

    def count_pending(self) -> int:
        """How many evidence are accepted and stand in no batch."""
        return self.tallies().get(f"evidence.{EvidenceState.PENDING.value}", 0)

    def count_overdue(self, at: Timestamp) -> int:
        """How many accepted evidence no block holds, though their receipts promised it before ``at``."""
        late = select(func.count()).where(acceptance.c.seal_by < at)
        unsealed = late.select_from(acceptance).where(acceptance.c.batch_id.is_(None))
        # from the few batches on their way to what stands in them, not through all that was ever accepted
        of_batch = and_(acceptance.c.operator == batch.c.operator, acceptance.c.batch_id == batch.c.batch_id)
        sealing = late.select_from(batch.join(acceptance, of_batch)).where(batch.c.state.in_(sorted(ON_ITS_WAY)))
        return sum(self._connection.execute(statement).scalar_one() for statement in (unsealed, sealing))

    def _refuse_taken_evidence(self, records: Sequence[EvidenceRecord]) -> None:
        ids = [record.evidence_id for record in records]
        taken = {row.evidence_id for row in self._in_chunks(_IDS, ids)}
        twice = _first_twice(ids, taken)
        if twice is not None:
            raise Duplicate(f"The evidence {to_hex(twice)} is recorded already.", todo="Read it by its id.")
        keys = [record.document_key for record in records if record.document_key is not None]
        holders = self.evidence_by_document(keys)
        again = _first_twice(keys, holders)
        if again is not None:
            by = f"by evidence {to_hex(holders[again])}" if again in holders else "earlier in the same call"
            raise Duplicate(f"The document {again!r} is recorded already, {by}.", todo="Record each document once.")

    def _records(self, statement: Select[Any]) -> list[EvidenceRecord]:
        return [evidence_record(row) for row in self._connection.execute(statement)]

    def _in_chunks(self, statement: Select[Any], values: Iterable[Any]) -> Iterator[Any]:
        """The rows of ``statement``, one of those below, for which its column is one of ``values``, however many."""
        for wanted in chunks(values):
            yield from self._connection.execute(statement, {"wanted": wanted})


def _pending_row(evidence_id: EvidenceId, at: Timestamp) -> dict[str, Any]:
    return {"evidence_id": evidence_id, "status": EvidenceState.PENDING.value, "block_hash": None, "at": at}


def _first_twice(values: Sequence[Any], taken: Iterable[Any]) -> Any | None:
    """The first of ``values`` that is among ``taken`` or among those before it."""
    seen = set(taken)
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _acceptance_row(evidence_id: EvidenceId, receipt: ReceiptRecord | None) -> dict[str, Any]:
    """The row that accepts ``evidence_id``; it stands in no batch yet."""
    return {
        "evidence_id": evidence_id,
        "received_at": None if receipt is None else receipt.received_at,
        "seal_by": None if receipt is None else receipt.seal_by,
        "receipt_operator": None if receipt is None else receipt.operator,
        "receipt_signature": None if receipt is None else receipt.signature,
    }


# Asked for each evidence that comes: made once.

_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
_BY_ID = select_evidence().where(evidence.c.evidence_id.in_(_WANTED))
_IDS = select(evidence.c.evidence_id).where(evidence.c.evidence_id.in_(_WANTED))
_BY_DOCUMENT = select(evidence.c.document_key, evidence.c.evidence_id).where(evidence.c.document_key.in_(_WANTED))
_RECEIPTS = select(
    acceptance.c.evidence_id,
    acceptance.c.received_at,
    acceptance.c.seal_by,
    acceptance.c.receipt_operator,
    acceptance.c.receipt_signature,
).where(acceptance.c.receipt_signature.is_not(None), acceptance.c.evidence_id.in_(_WANTED))
_PENDING = (
    select_evidence()
    .where(acceptance.c.position.is_not(None), acceptance.c.batch_id.is_(None))
    .order_by(acceptance.c.position)
    .limit(bindparam("most"))
)
