"""Imports of documents: each a job that begins, has an outcome for every document, and ends; none changes later."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, func, select

from tallystick.errors import Misfit, NotFound
from tallystick.protocol.types import Timestamp, clip
from tallystick.store.bulk import insert_rows
from tallystick.store.records import ImportedDocument, ImportRecord
from tallystick.store.rows import chunks
from tallystick.store.schema import import_job, import_outcome, rejected_rows

_JOB = (
    import_job.c.job,
    import_job.c.begun_at,
    import_job.c.ended_at,
    import_job.c.files,
    import_job.c.rules,
    import_job.c.organisation,
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
        last = select(func.max(import_outcome.c.ordinal)).where(import_outcome.c.job == job)
        found = self._connection.execute(last).scalar()
        start = 0 if found is None else found + 1
        rows = [
            {
                "job": job,
                "ordinal": start + at,
                "file": document.file,
                "sha256": document.sha256,
                "document": document.document,
                "number": document.number,
                "status": document.status,
                "reason": document.reason,
                "detail": document.detail,
                "evidence": _SEPARATOR.join(document.evidence),
            }
            for at, document in enumerate(documents)
        ]
        insert_rows(self._connection, import_outcome, rows)

    def end_import(self, job: str, at: Timestamp) -> None:
        """Note that the import ``job`` has come to its end. Raises ``NotFound`` where there is none."""
        self._import(job)
        self._connection.execute(
            import_job.update().where(import_job.c.job == job, import_job.c.ended_at.is_(None)).values(ended_at=at)
        )

    def imports(self, limit: int, organisation: str | None = None, *, before: str | None = None) -> list[ImportRecord]:
        """The newest imports, those of ``organisation`` alone if given, at most ``limit``, newest first.

        With ``before``, those made before that one; none where there is no such import.
        """
        statement = select(*_JOB).order_by(import_job.c.position.desc()).limit(limit)
        if before is not None:
            place = select(import_job.c.position).where(import_job.c.job == before).scalar_subquery()
            statement = statement.where(import_job.c.position < place)
        if organisation is not None:
            statement = statement.where(import_job.c.organisation == organisation)
        return [ImportRecord(*row) for row in self._connection.execute(statement)]

    def imported(
        self, job: str, organisation: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> tuple[ImportRecord, list[ImportedDocument]]:
        """The import ``job`` and what became of its documents, in order: at most ``limit``, ``after`` so many.

        Raises:
            NotFound: there is none, or none of ``organisation`` if given.
        """
        found = self._import(job, organisation)
        statement = select(*_OUTCOME).where(import_outcome.c.job == job, import_outcome.c.ordinal >= after)
        rows = self._connection.execute(statement.order_by(import_outcome.c.ordinal).limit(limit))
        return found, [ImportedDocument(**{**row._mapping, "evidence": _split(row.evidence)}) for row in rows]

    def count_imported(self, jobs: Iterable[str]) -> Mapping[str, Mapping[str, int]]:
        """By job, how many of its documents came to each status."""
        counts: dict[str, dict[str, int]] = {job: {} for job in jobs}
        columns = import_outcome.c.job, import_outcome.c.status
        for some in chunks(counts):
            wanted = select(*columns, func.count()).where(import_outcome.c.job.in_(some)).group_by(*columns)
            for job, status, count in self._connection.execute(wanted):
                counts[job][status] = count
        return counts

    def add_rejected(self, job: str, file: str, rows: int, sealed: bytes) -> None:
        """Keep the ``rows`` rows of ``file`` that the import ``job`` rejected. Raises ``NotFound``."""
        self._import(job)
        last = select(func.count()).select_from(rejected_rows).where(rejected_rows.c.job == job)
        ordinal = self._connection.execute(last).scalar_one()
        row = {"job": job, "ordinal": ordinal, "file": file, "rows": rows, "sealed": sealed}
        self._connection.execute(rejected_rows.insert(), row)

    def rejected(self, job: str, organisation: str | None = None) -> list[tuple[str, int, bytes]]:
        """The file, number and sealed CSV of the rows that ``job`` rejected. Raises ``NotFound`` as ``imported``."""
        self._import(job, organisation)
        columns = rejected_rows.c.file, rejected_rows.c.rows, rejected_rows.c.sealed
        wanted = select(*columns).where(rejected_rows.c.job == job).order_by(rejected_rows.c.ordinal)
        return [(row.file, row.rows, row.sealed) for row in self._connection.execute(wanted)]

    def _import(self, job: str, organisation: str | None = None) -> ImportRecord:
        wanted = select(*_JOB).where(import_job.c.job == job)
        if organisation is not None:
            wanted = wanted.where(import_job.c.organisation == organisation)
        row = self._connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"import {clip(job)}: not known here.", todo="List them with `tallystick import jobs`.")
        return ImportRecord(*row)


def _split(evidence: str) -> tuple[str, ...]:
    return tuple(evidence.split(_SEPARATOR)) if evidence else ()
