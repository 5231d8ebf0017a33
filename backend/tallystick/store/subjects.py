"""Whose evidence is whose, kept so that it is found by an index: searches, and what waits for an answer.

Rules:

- newest first, by position: what is recorded meanwhile stands before the first page, and moves nothing on a later one;
- of each party that is looked for, the newest few are read by an index and then merged: no search sorts a history;
- what awaits an answer is cleared by the transaction that keeps the answer. A dispute that its issuer takes back needs
  no resolution any more; the invoice counts as answered all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, select, text, union_all

from tallystick.errors import TallystickError
from tallystick.protocol import content
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence, Kind, subjects
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId
from tallystick.store.api_tables import evidence_subject
from tallystick.store.bulk import insert_rows
from tallystick.store.records import BatchState, EvidenceRecord, EvidenceState
from tallystick.store.rows import EVIDENCE_JOINS, chunks, evidence_record, select_evidence
from tallystick.store.schema import acceptance, batch, evidence
from tallystick.store.searching import Awaits, Found, Waiting, Wanted, number_of

_PARTIES_AT_ONCE = 100
"""Subqueries in one statement: SQLite takes 500."""
_ANSWERABLE = frozenset({Kind.INVOICE, Kind.ASSIGNMENT})
_accepted = acceptance.alias()
_SHOWN_BY_STATE: Mapping[EvidenceState, ColumnElement[bool]] = {
    # as a value, not as a join: PostgreSQL would read all acceptances to find the few that are missing
    EvidenceState.AWAITING_COUNTERSIGNATURE: and_(
        evidence.c.kind == int(Kind.CONTRACT),
        select(_accepted.c.position)
        .where(_accepted.c.evidence_id == evidence.c.evidence_id)
        .scalar_subquery()
        .is_(None),
    ),
    EvidenceState.PENDING: and_(acceptance.c.position.is_not(None), acceptance.c.batch_id.is_(None)),
    EvidenceState.SEALING: batch.c.state.in_(
        [state.value for state in (BatchState.BUILT, BatchState.SIGNED, BatchState.SENT)]
    ),
    **{
        state: batch.c.state == BatchState(state.value).value
        for state in (EvidenceState.INCLUDED, EvidenceState.ORPHANED, EvidenceState.FINAL)
    },
}
"""States as conditions that an index can answer."""


class SubjectRows:
    """The part of a transaction that finds evidence by whom it concerns."""

    _connection: Connection

    def find_evidence(self, wanted: Wanted, before: int | None, limit: int) -> list[Found]:
        """The newest evidence that is ``wanted``, of a position below ``before``, at most ``limit``, newest first."""
        if wanted.parties is not None:
            parties, other = wanted.parties, wanted.other
        elif wanted.other is not None:
            parties, other = (wanted.other,), None
        else:
            return self._found(_narrowed(_everything(wanted), wanted, evidence.c.position, before, limit))
        found: dict[int, Found] = {}
        for start in range(0, len(parties), _PARTIES_AT_ONCE):
            each = [
                _narrowed(
                    _of_party(party, other, wanted), wanted, evidence_subject.c.position, before, limit
                ).subquery()
                for party in parties[start : start + _PARTIES_AT_ONCE]
            ]
            for one in self._found(union_all(*(select(*part.c) for part in each)) if each else None):
                found[one.position] = one
        return sorted(found.values(), key=lambda one: -one.position)[:limit]

    def waiting(self, parties: Iterable[PartyId], after: int, limit: int) -> list[Waiting]:
        """What awaits something of one of ``parties``, of a position above ``after``, oldest first, at most ``limit``.

        What awaits something of two of them is there twice, so that a last position may be given beyond ``limit``.
        """
        found: list[Waiting] = []
        for party in dict.fromkeys(parties):
            rows = self._connection.execute(_WAITING, {"party": party, "after": after, "most": limit})
            found += [Waiting(position, evidence_record(row), party, Awaits(awaits)) for position, awaits, *row in rows]
        found.sort(key=lambda one: (one.position, one.party))
        last = found[limit - 1].position if len(found) > limit else None
        return [one for one in found if last is None or one.position <= last]

    def newest_of(self, party: PartyId) -> int:
        """The position of the newest evidence in the log of ``party``; 0: there is none."""
        newest = select(func.max(evidence_subject.c.position)).where(evidence_subject.c.subject == party)
        return self._connection.execute(newest).scalar_one() or 0

    def _note_subjects(self, records: Sequence[EvidenceRecord]) -> None:
        """Let ``records``, which were kept just now, be found by whom they concern; clear what they answer."""
        parents = self._structs({EvidenceId(one.evidence.parent) for one in records} - {EvidenceId(ZERO32)})
        positions = dict(self._positions(one.evidence_id for one in records))
        rows = []
        for one in records:
            parent = parents.get(EvidenceId(one.evidence.parent))
            rows += list(subject_rows(one, parent, positions[one.evidence_id]))
        insert_rows(self._connection, evidence_subject, rows)
        self._note_partners(one.evidence for one in records)
        for one in records:
            for settled, party, what in answered(one, parents.get(EvidenceId(one.evidence.parent))):
                self._clear(settled, party, what)

    def _note_partners(self, evidence: Iterable[Evidence]) -> None:
        """Let those that ``evidence`` names together be known as trading partners, both ways."""
        named = {(one.issuer, one.counterparty) for one in evidence if one.counterparty != ZERO32}
        both_ways = sorted(named | {(other, one) for one, other in named})
        if both_ways:
            self._connection.execute(_ADD_PARTNER, [{"party": one, "other": other} for one, other in both_ways])

    def _clear(self, evidence_id: EvidenceId, party: PartyId | None, what: Awaits | None) -> None:
        """``evidence_id`` awaits nothing any more; of ``party`` alone, and ``what`` alone, where these are given."""
        scope = [evidence_subject.c.subject == party] if party is not None else []
        scope += [evidence_subject.c.awaits == what.value] if what is not None else []
        for _, position in self._positions([evidence_id]):
            here = (evidence_subject.c.position == position, evidence_subject.c.awaits.is_not(None))
            self._connection.execute(evidence_subject.update().where(*here, *scope).values(awaits=None))

    def _positions(self, evidence_ids: Iterable[EvidenceId]) -> Iterator[tuple[EvidenceId, int]]:
        for some in chunks(evidence_ids):
            yield from (
                (row.evidence_id, row.position) for row in self._connection.execute(_POSITIONS, {"wanted": some})
            )

    def _structs(self, evidence_ids: Iterable[EvidenceId]) -> dict[EvidenceId, Evidence]:
        found = {}
        for some in chunks(evidence_ids):
            for evidence_id, *struct in self._connection.execute(_STRUCTS, {"wanted": some}):
                found[evidence_id] = Evidence(*struct)
        return found

    def _found(self, statement: Any) -> list[Found]:
        if statement is None:
            return []
        return [Found(position, evidence_record(row)) for position, *row in self._connection.execute(statement)]


def subject_rows(record: EvidenceRecord, parent: Evidence | None, position: int) -> Iterator[dict[str, Any]]:
    """The row of ``record``, which answers ``parent``, for each party into whose log it goes."""
    struct = record.evidence
    for subject in subjects(struct, parent):
        if subject == struct.issuer:
            other = struct.counterparty
        else:
            other = struct.issuer  # also for whom only the parent concerns: the one who speaks
        yield {
            "subject": subject,
            "position": position,
            "kind": int(struct.kind),
            "other": other,
            "occurred_at": struct.occurred_at,
            "number": number_of(record.document_key),
            "awaits": _awaited(record, subject),
        }


def answered(
    record: EvidenceRecord, parent: Evidence | None
) -> Iterator[tuple[EvidenceId, PartyId | None, Awaits | None]]:
    """What ``record``, which answers ``parent``, settles: an evidence, of which party and what (None: all).

    A RESOLUTION settles its dispute where the party that it costs something states it, or acknowledges it.
    """
    if parent is None:
        return
    answer, named = record.evidence, EvidenceId(record.evidence.parent)
    if answer.kind in (Kind.ACKNOWLEDGEMENT, Kind.DISPUTE):
        yield named, answer.issuer, Awaits.ANSWER
    if answer.kind == Kind.ACKNOWLEDGEMENT and parent.kind == Kind.RESOLUTION and answer.issuer == parent.counterparty:
        yield EvidenceId(parent.parent), None, Awaits.RESOLUTION
    if answer.kind == Kind.RESOLUTION:
        gives_way = parent.issuer if _says(record, "outcome") == "withdrawn" else parent.counterparty
        if answer.issuer == gives_way:
            yield named, None, Awaits.RESOLUTION
    if answer.kind == Kind.CORRECTION and _says(record, "correctionType") == "cancelled":
        yield named, None, None


def _awaited(record: EvidenceRecord, subject: PartyId) -> str | None:
    if subject != record.evidence.counterparty:
        return None
    if record.state is EvidenceState.AWAITING_COUNTERSIGNATURE:
        return Awaits.COUNTERSIGNATURE.value
    if record.evidence.kind in _ANSWERABLE:
        return Awaits.ANSWER.value
    return Awaits.RESOLUTION.value if record.evidence.kind == Kind.DISPUTE else None


def _says(record: EvidenceRecord, name: str) -> Json:
    """What the content of ``record`` says under ``name``; None where it does not, or can't be read."""
    try:
        return content.parse_all(record.disclosures).get(name)
    except TallystickError:
        return None


def _everything(wanted: Wanted) -> Select[Any]:
    """All evidence; where a number is wanted, by the index of numbers."""
    columns = select_evidence()
    if wanted.number is None:
        return columns
    numbered = (
        select(evidence_subject.c.position)
        .where(evidence_subject.c.number == wanted.number)
        .distinct()
        .scalar_subquery()
    )
    return columns.where(evidence.c.position.in_(numbered))


def _of_party(party: PartyId, other: PartyId | None, wanted: Wanted) -> Select[Any]:
    columns = select_evidence().with_only_columns(*select_evidence().selected_columns)
    joined = EVIDENCE_JOINS.join(evidence_subject, evidence_subject.c.position == evidence.c.position)
    found = columns.select_from(joined).where(evidence_subject.c.subject == party)
    if other is not None:
        found = found.where(evidence_subject.c.other == other)
    if wanted.kind is not None:
        found = found.where(evidence_subject.c.kind == wanted.kind)
    if wanted.number is not None:
        found = found.where(evidence_subject.c.number == wanted.number)
    return found


def _narrowed(
    found: Select[Any], wanted: Wanted, position: ColumnElement[int], before: int | None, limit: int
) -> Select[Any]:
    of_subject = position is evidence_subject.c.position
    occurred = evidence_subject.c.occurred_at if of_subject else evidence.c.occurred_at
    conditions: list[ColumnElement[bool]] = []
    if before is not None:
        # of both, though they are equal: PostgreSQL does not conclude one from the other
        conditions += [position < before, evidence.c.position < before]
    if wanted.occurred_from is not None:
        conditions.append(occurred >= wanted.occurred_from)
    if wanted.occurred_to is not None:
        conditions.append(occurred <= wanted.occurred_to)
    if wanted.kind is not None and not of_subject:
        conditions.append(evidence.c.kind == wanted.kind)
    if wanted.deal is not None:
        conditions.append(evidence.c.deal == wanted.deal)
    if wanted.state is not None:
        conditions.append(_SHOWN_BY_STATE[wanted.state])
    if wanted.state is EvidenceState.AWAITING_COUNTERSIGNATURE and of_subject:
        conditions.append(evidence_subject.c.kind == int(Kind.CONTRACT))
    columns = (position.label("place"), *found.selected_columns)
    # a deal has few evidence, which its own index finds: better sorted than looked for in the order of all
    order = position if wanted.deal is None else position + 0
    return found.with_only_columns(*columns).where(*conditions).order_by(order.desc()).limit(limit)


_WANTED_IDS: Any = bindparam("wanted", expanding=True)
# both databases spell it alike, SQLAlchemy's inserts do not
_ADD_PARTNER = text("INSERT INTO trading_partner (party, other) VALUES (:party, :other) ON CONFLICT DO NOTHING")
_POSITIONS = select(evidence.c.evidence_id, evidence.c.position).where(evidence.c.evidence_id.in_(_WANTED_IDS))
_STRUCTS = select(
    evidence.c.evidence_id,
    evidence.c.issuer,
    evidence.c.counterparty,
    evidence.c.kind,
    evidence.c.deal,
    evidence.c.parent,
    evidence.c.content_root,
    evidence.c.occurred_at,
    evidence.c.issued_at,
).where(evidence.c.evidence_id.in_(_WANTED_IDS))
_WAITING = (
    select(evidence_subject.c.position, evidence_subject.c.awaits, *select_evidence().selected_columns)
    .select_from(EVIDENCE_JOINS.join(evidence_subject, evidence_subject.c.position == evidence.c.position))
    .where(
        evidence_subject.c.subject == bindparam("party"),
        evidence_subject.c.awaits.is_not(None),
        evidence_subject.c.position > bindparam("after"),
    )
    .order_by(evidence_subject.c.position)
    .limit(bindparam("most"))
)
