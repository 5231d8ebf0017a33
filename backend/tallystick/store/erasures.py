"""Erasures: the content of an evidence is deleted wherever it is kept; that it was is kept for ever."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from tallystick.errors import NotFound
from tallystick.protocol import content
from tallystick.protocol.types import EvidenceId, PartyId, to_hex
from tallystick.store.access_schema import access_grant, erasure
from tallystick.store.api_tables import catalogue, evidence_subject
from tallystick.store.grants import Erasure
from tallystick.store.rows import chunks, evidence_record, select_evidence, storable
from tallystick.store.schema import append, batch_entry, block, evidence, import_outcome

_ERASURE = tuple(erasure.c[field.name] for field in dataclasses.fields(Erasure))
_GONE = "erased"
_DONE = erasure.c.erased_at.is_not(None)


def _entries_of(chosen: Any, subject: PartyId, until_block: int) -> Select[Any]:
    """``chosen`` from the known entries of ``subject``'s log up to ``until_block``."""
    of_append = and_(
        batch_entry.c.operator == append.c.operator,
        batch_entry.c.batch_id == append.c.batch_id,
        batch_entry.c.subject == append.c.subject,
    )
    on_chain = (append.c.subject == subject, append.c.canonical.is_(True), block.c.number <= storable(until_block))
    joined = chosen.select_from(append).join(block, block.c.block_hash == append.c.block_hash)
    found: Select[Any] = joined.join(batch_entry, of_append).where(*on_chain)
    return found


class ErasureRows:
    """The part of a transaction that erases, and remembers that it did."""

    _connection: Connection

    def add_erasure(self, one: Erasure) -> None:
        """Keep that an erasure was asked for; one that was asked for before and not done is asked for anew."""
        values = dataclasses.asdict(one)
        if self.erasure(one.evidence) is None:
            self._connection.execute(erasure.insert(), values)
        else:
            waiting = (erasure.c.evidence == one.evidence, erasure.c.erased_at.is_(None))
            self._connection.execute(erasure.update().where(*waiting).values(values))

    def erasure(self, evidence_id: EvidenceId) -> Erasure | None:
        """The erasure of that evidence, done or not."""
        row = self._connection.execute(select(*_ERASURE).where(erasure.c.evidence == evidence_id)).one_or_none()
        return None if row is None else Erasure(*row)

    def erasures(self) -> list[Erasure]:
        """All erasures, done or not, by when they were asked for."""
        rows = self._connection.execute(select(*_ERASURE).order_by(erasure.c.requested_at, erasure.c.evidence))
        return [Erasure(*row) for row in rows]

    def erased(self, evidence_ids: Iterable[EvidenceId]) -> Mapping[EvidenceId, Erasure]:
        """Those of ``evidence_ids`` whose content was erased."""
        done = select(*_ERASURE).where(erasure.c.erased_at.is_not(None))
        return {
            row.evidence: Erasure(*row)
            for some in chunks(evidence_ids)
            for row in self._connection.execute(done.where(erasure.c.evidence.in_(some)))
        }

    def erased_in_log(self, subject: PartyId, until_block: int) -> list[Erasure]:
        """What was erased of the known entries of ``subject``'s log up to ``until_block``, by evidence id."""
        wanted = _entries_of(select(*_ERASURE), subject, until_block).join(
            erasure, erasure.c.evidence == batch_entry.c.evidence_id
        )
        found = {row.evidence: Erasure(*row) for row in self._connection.execute(wanted.where(_DONE))}
        return [found[one] for one in sorted(found)]

    def count_known(self, subject: PartyId, until_block: int) -> tuple[int, int]:
        """How many entries of ``subject``'s log up to ``until_block`` are known here, and how many are erased."""
        counted = select(func.count(), func.count(erasure.c.erased_at))
        wanted = _entries_of(counted, subject, until_block).outerjoin(
            erasure, and_(erasure.c.evidence == batch_entry.c.evidence_id, _DONE)
        )
        known, gone = self._connection.execute(wanted).one()
        return known, gone

    def erase(self, one: Erasure) -> None:
        """Delete the content of its evidence wherever it is kept, and keep that it was done.

        Each field's digest takes the place of its disclosure, so that the content root can still be checked.

        Raises:
            NotFound: no such evidence.
        """
        row = self._connection.execute(select_evidence().where(evidence.c.evidence_id == one.evidence)).one_or_none()
        if row is None:
            raise NotFound(f"There is no evidence {to_hex(one.evidence)}.", todo="Check its id.")
        record = evidence_record(row)
        digests = sorted({*record.hidden, *(content.digest(shown) for shown in record.disclosures)})
        bare = {"disclosures": "[]", "hidden": b"".join(digests), "document_key": None}
        self._connection.execute(evidence.update().where(evidence.c.evidence_id == one.evidence).values(bare))
        at = select(evidence.c.position).where(evidence.c.evidence_id == one.evidence).scalar_subquery()
        self._connection.execute(evidence_subject.update().where(evidence_subject.c.position == at).values(number=None))
        self._connection.execute(catalogue.delete().where(catalogue.c.position == at))
        named = import_outcome.c.evidence.contains(to_hex(one.evidence))
        gone = {"file": _GONE, "sha256": "", "document": None, "number": None, "detail": None}
        self._connection.execute(import_outcome.update().where(named).values(gone))
        consent = {
            "scope": "{}",
            "grantee_name": None,
            "withdrawn_at": func.coalesce(access_grant.c.withdrawn_at, one.erased_at),
        }
        self._connection.execute(access_grant.update().where(access_grant.c.consent == one.evidence).values(consent))
        values = dataclasses.asdict(one)
        del values["evidence"]
        self._connection.execute(erasure.update().where(erasure.c.evidence == one.evidence).values(values))
