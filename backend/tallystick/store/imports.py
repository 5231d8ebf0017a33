"""Imports of documents: each a job that begins, has an outcome for every document, and ends; none changes later."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from tallystick.errors import Misfit, NotFound
from tallystick.protocol.types import Timestamp, clip
from tallystick.store.records import ImportedDocument, ImportRecord
from tallystick.store.schema import import_job, import_outcome

_JOB = (
    import_job.c.job,
    import_job.c.begun_at,
    import_job.c.ended_at,
    import_job.c.files,
    import_job.c.rules,
)
_OUTCOME = (
    import_outcome.c.file,
    import_outcome.c.sha256,
    import_outcome.c.document,
    import_outcome.c.number,
    import_outcome.c.status,
    import_outcome.c.reason,
    import_outcome.c.detail,
    import_outcome.c.evidence,
)
_SEPARATOR = " "


class ImportRows:
    """The part of a transaction that reads and writes imports."""

    _connection: Connection

    def begin_import(self, record: ImportRecord) -> None:
        """Keep a new import. Raises ``Duplicate`` if its name is taken."""
        self._connection.execute(import_job.insert(), dataclasses.asdict(record))

    def add_imported(self, job: str, documents: Sequence[ImportedDocument]) -> None:
        """Keep what became of ``documents`` of the import ``job``, after those kept before.

        Raises:
            NotFound: no such import.
            Misfit: it has ended.
        """
        if self._import(job).ended_at is not None:
            raise Misfit(f"import {job}: expected one that goes on, it has ended.")
        start = self._connection.execute(
            select(func.count()).select_from(import_outcome).where(import_outcome.c.job == job)
        ).scalar_one()
        rows = [
            {
                **dataclasses.asdict(document),
                "job": job,
                "ordinal": start + at,
                "evidence": _SEPARATOR.join(document.evidence),
            }
            for at, document in enumerate(documents)
        ]
        if rows:
            self._connection.execute(import_outcome.insert(), rows)

    def end_import(self, job: str, at: Timestamp) -> None:
        """Note that the import ``job`` has come to its end. Raises ``NotFound`` where there is none."""
        self._import(job)
        self._connection.execute(
            import_job.update().where(import_job.c.job == job, import_job.c.ended_at.is_(None)).values(ended_at=at)
        )

    def imports(self, limit: int) -> list[ImportRecord]:
        """The newest imports, at most ``limit``, newest first."""
        statement = select(*_JOB).order_by(import_job.c.position.desc()).limit(limit)
        return [ImportRecord(*row) for row in self._connection.execute(statement)]

    def imported(self, job: str) -> tuple[ImportRecord, list[ImportedDocument]]:
        """The import ``job`` and what became of its documents, in order. Raises ``NotFound`` where there is none."""
        found = self._import(job)
        statement = select(*_OUTCOME).where(import_outcome.c.job == job).order_by(import_outcome.c.ordinal)
        rows = self._connection.execute(statement)
        return found, [ImportedDocument(**{**row._mapping, "evidence": _split(row.evidence)}) for row in rows]

    def _import(self, job: str) -> ImportRecord:
        row = self._connection.execute(select(*_JOB).where(import_job.c.job == job)).one_or_none()
        if row is None:
            raise NotFound(f"import {clip(job)}: not known here.", todo="List them with `tallystick import jobs`.")
        return ImportRecord(*row)


def _split(evidence: str) -> tuple[str, ...]:
    return tuple(evidence.split(_SEPARATOR)) if evidence else ()
