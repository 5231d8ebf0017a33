"""The documents that organisations keep here: what is known of each but its bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from tallystick.protocol.types import PartyId
from tallystick.store.api_tables import attachment
from tallystick.store.schema import acts_for
from tallystick.store.service_records import Attachment

_ALL = select(*attachment.c)


class AttachmentRows:
    """The part of a transaction that keeps attached documents."""

    _connection: Connection

    def add_attachment(self, one: Attachment) -> None:
        """Keep ``one``."""
        self._connection.execute(attachment.insert(), dataclasses.asdict(one))

    def attachment(self, organisation_id: str, sha256: bytes) -> Attachment | None:
        """The document of that hash that an organisation keeps, or None."""
        of_it = and_(attachment.c.organisation == organisation_id, attachment.c.sha256 == sha256)
        return self._first(_ALL.where(of_it))

    def attachments(self, organisation_id: str, after: bytes, limit: int) -> list[Attachment]:
        """Those of an organisation whose hashes are above ``after``, by hash, at most ``limit``."""
        above = and_(attachment.c.organisation == organisation_id, attachment.c.sha256 > after)
        rows = self._connection.execute(_ALL.where(above).order_by(attachment.c.sha256).limit(limit))
        return [Attachment(**row._mapping) for row in rows]

    def attachment_of(self, party: PartyId, sha256: bytes) -> Attachment | None:
        """The document of that hash that an organisation keeps which acts for ``party``, or None."""
        keepers = select(acts_for.c.organisation).where(acts_for.c.party == party)
        of_them = and_(attachment.c.sha256 == sha256, attachment.c.organisation.in_(keepers))
        return self._first(_ALL.where(of_them).order_by(attachment.c.organisation).limit(1))

    def attachments_of(self, parties: Iterable[PartyId], hashes: Iterable[bytes]) -> list[Attachment]:
        """The documents of these ``hashes`` that organisations keep which act for one of ``parties``."""
        keepers = select(acts_for.c.organisation).where(acts_for.c.party.in_(list(parties)))
        of_them = and_(attachment.c.sha256.in_(list(hashes)), attachment.c.organisation.in_(keepers))
        return [Attachment(**row._mapping) for row in self._connection.execute(_ALL.where(of_them))]

    def remove_attachment(self, organisation_id: str, sha256: bytes) -> None:
        """Know the document of that hash no more; with its row goes the key that its bytes are encrypted under."""
        of_it = and_(attachment.c.organisation == organisation_id, attachment.c.sha256 == sha256)
        self._connection.execute(attachment.delete().where(of_it))

    def _first(self, statement: Select[Any]) -> Attachment | None:
        row = self._connection.execute(statement).first()
        return None if row is None else Attachment(**row._mapping)
