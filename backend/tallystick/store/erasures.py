"""Erasures: the content of an evidence is deleted wherever it is kept; that it was is kept for ever."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, func, select

from tallystick.errors import NotFound
from tallystick.protocol import content
from tallystick.protocol.types import EvidenceId, to_hex
from tallystick.store.access_schema import access_grant, erasure
from tallystick.store.grants import Erasure
from tallystick.store.rows import chunks, evidence_record, select_evidence
from tallystick.store.schema import evidence, import_outcome

_ERASURE = tuple(erasure.c[field.name] for field in dataclasses.fields(Erasure))
_GONE = "erased"


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

    def count_erased(self) -> int:
        """Of how many evidence the content was erased."""
        counted = select(func.count()).select_from(erasure).where(erasure.c.erased_at.is_not(None))
        return self._connection.execute(counted).scalar_one()

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
