"""Consents to access and their uses, beside the evidence that states them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from sqlalchemy import Connection, select

from tallystick.protocol.types import EvidenceId, PartyId, Timestamp
from tallystick.store.access_schema import access_grant, access_use
from tallystick.store.grants import Grant, Use
from tallystick.store.rows import chunks

_GRANT = tuple(access_grant.c[field.name] for field in dataclasses.fields(Grant))
_USE = tuple(access_use.c[field.name] for field in dataclasses.fields(Use))


class AccessRows:
    """The part of a transaction that reads and writes who may look, and who did."""

    _connection: Connection

    def add_grant(self, one: Grant) -> None:
        """Keep a consent whose evidence is kept."""
        self._connection.execute(access_grant.insert(), dataclasses.asdict(one))

    def withdraw_grant(self, consent: EvidenceId, withdrawal: EvidenceId, at: Timestamp) -> None:
        """``consent`` is not good from ``at`` on; one that was withdrawn before stays so."""
        open_grant = (access_grant.c.consent == consent, access_grant.c.withdrawn_at.is_(None))
        values = {"withdrawal": withdrawal, "withdrawn_at": at}
        self._connection.execute(access_grant.update().where(*open_grant).values(values))

    def grant(self, consent: EvidenceId) -> Grant | None:
        """The consent of that id, good or not."""
        row = self._connection.execute(select(*_GRANT).where(access_grant.c.consent == consent)).one_or_none()
        return None if row is None else Grant(*row)

    def good_grants(self, grantees: Iterable[bytes], now: Timestamp) -> list[Grant]:
        """The consents that let one of ``grantees`` look at ``now``, newest first."""
        good = (access_grant.c.withdrawn_at.is_(None), access_grant.c.ends_at > now)
        found = [
            Grant(*row)
            for some in chunks(grantees)
            for row in self._connection.execute(select(*_GRANT).where(access_grant.c.grantee.in_(some), *good))
        ]
        return sorted(found, key=lambda one: (one.granted_at, one.consent), reverse=True)

    def grants_by(self, subject: PartyId) -> list[Grant]:
        """All consents that ``subject`` ever gave, newest first."""
        rows = self._connection.execute(select(*_GRANT).where(access_grant.c.subject == subject))
        return sorted((Grant(*row) for row in rows), key=lambda one: (one.granted_at, one.consent), reverse=True)

    def add_use(self, one: Use) -> None:
        """Keep one look; its position is given here."""
        row = dataclasses.asdict(one)
        del row["position"]
        self._connection.execute(access_use.insert(), row)

    def uses(self, subject: PartyId, before: int | None, limit: int) -> list[Use]:
        """The looks at the history of ``subject`` before position ``before``, newest first, at most ``limit``."""
        wanted = (
            select(*_USE)
            .join(access_grant, access_grant.c.consent == access_use.c.consent)
            .where(access_grant.c.subject == subject)
        )
        if before is not None:
            wanted = wanted.where(access_use.c.position < before)
        rows = self._connection.execute(wanted.order_by(access_use.c.position.desc()).limit(limit))
        return [Use(*row) for row in rows]
