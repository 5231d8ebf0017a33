"""Documents that wait, with the files they are in: kept until a later import takes them up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
from sqlalchemy import Connection, exists, select

from tallystick.store.rows import chunks
from tallystick.store.schema import waiting_document, waiting_file
from tallystick.store.waiting_records import WaitingDocument, WaitingFile

_DOCUMENT = (
    waiting_document.c.owner,
    waiting_document.c.sha256,
    waiting_document.c.document,
    waiting_document.c.number,
    waiting_document.c.job,
    waiting_document.c.status,
    waiting_document.c.reason,
    waiting_document.c.facts,
    waiting_document.c.since,
)


class WaitingRows:
    """The part of a transaction that reads and writes what waits."""

    _connection: Connection

    def keep_waiting_file(self, file: WaitingFile) -> None:
        """Keep ``file``, of which something is going to wait; what is kept of it already is replaced."""
        here = (waiting_file.c.owner == file.owner) & (waiting_file.c.sha256 == file.sha256)
        known = self._connection.execute(waiting_file.update().where(here).values(sealed=file.sealed))
        if not known.rowcount:
            row = {"owner": file.owner, "sha256": file.sha256, "name": file.name, "sealed": file.sealed}
            self._connection.execute(waiting_file.insert(), row)

    def add_waiting(self, documents: Sequence[WaitingDocument]) -> None:
        """Note that ``documents`` wait, whose files are kept; what is kept of them already is brought up to date."""
        for each in documents:
            now = {
                "job": each.job,
                "status": each.status,
                "reason": each.reason,
                "facts": orjson.dumps(dict(each.facts)).decode(),
                "since": each.since,
                "taken_up_by": None,
            }
            updated = self._connection.execute(waiting_document.update().where(_is(each.owner, each.name)).values(now))
            if not updated.rowcount:
                sha256, document, number = each.name
                named = {"owner": each.owner, "sha256": sha256, "document": document, "number": number}
                self._connection.execute(waiting_document.insert(), {**named, **now})

    def waiting_documents(
        self, owner: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> list[WaitingDocument]:
        """What waits, of ``owner`` alone if given, oldest first: at most ``limit``, after the position ``after``."""
        both = waiting_document.join(waiting_file)
        place = waiting_document.c.position
        wanted = select(*_DOCUMENT, waiting_file.c.name, place).select_from(both).where(place > after)
        wanted = wanted.where(waiting_document.c.taken_up_by.is_(None)).order_by(place).limit(limit)
        if owner is not None:
            wanted = wanted.where(waiting_document.c.owner == owner)
        return [
            WaitingDocument(
                *row[:7], facts=orjson.loads(row.facts), since=row.since, file=row.name, position=row.position
            )
            for row in self._connection.execute(wanted)
        ]

    def waiting_files(self, owner: str, sha256s: Iterable[str]) -> list[WaitingFile]:
        """Those files of ``owner`` among ``sha256s`` of which something waits."""
        table = waiting_file.c
        return [
            WaitingFile(row.owner, row.sha256, row.name, row.sealed)
            for some in chunks(sha256s)
            for row in self._connection.execute(
                waiting_file.select().where(table.owner == owner, table.sha256.in_(some), table.sealed.is_not(None))
            )
        ]

    def take_up(self, owner: str, names: Iterable[tuple[str, str, str]], job: str) -> None:
        """Note that these documents (file, type, number) of ``owner`` wait no more, for ``job`` took them up.

        What is kept of a file of which nothing waits any more is given up.
        """
        files = set()
        for name in names:
            waits = _is(owner, name) & waiting_document.c.taken_up_by.is_(None)
            self._connection.execute(waiting_document.update().where(waits).values(taken_up_by=job))
            files.add(name[0])
        of_file = (waiting_document.c.owner == waiting_file.c.owner) & (
            waiting_document.c.sha256 == waiting_file.c.sha256
        )
        for some in chunks(sorted(files)):
            done = (waiting_file.c.owner == owner) & waiting_file.c.sha256.in_(some)
            done &= ~exists().where(of_file, waiting_document.c.taken_up_by.is_(None))
            self._connection.execute(waiting_file.update().where(done).values(sealed=None))


def _is(owner: str, name: tuple[str, str, str]):  # type: ignore[no-untyped-def]
    sha256, document, number = name
    table = waiting_document.c
    return (table.owner == owner) & (table.sha256 == sha256) & (table.document == document) & (table.number == number)
