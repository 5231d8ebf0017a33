"""What was answered to requests that may come again, for as long as they may."""

from __future__ import annotations

import dataclasses

from sqlalchemy import Connection, bindparam, select

from tallystick.protocol.types import Timestamp
from tallystick.store.api_tables import kept_answer
from tallystick.store.searching import KeptAnswer

_FORGET_AT_ONCE = 100
_ANSWER = select(*kept_answer.c).where(
    kept_answer.c.organisation == bindparam("holder"), kept_answer.c.key == bindparam("name")
)


class AnswerRows:
    """The part of a transaction that keeps answers."""

    _connection: Connection

    def kept_answer(self, organisation_id: str, key: str) -> KeptAnswer | None:
        """What was answered to the request that ``organisation_id`` named ``key``, or None."""
        row = self._connection.execute(_ANSWER, {"holder": organisation_id, "name": key}).one_or_none()
        return None if row is None else KeptAnswer(**row._mapping)

    def keep_answer(self, one: KeptAnswer) -> None:
        """Keep ``one``, instead of what was kept under the same name, which is old."""
        same = (kept_answer.c.organisation == one.organisation, kept_answer.c.key == one.key)
        self._connection.execute(kept_answer.delete().where(*same))
        self._connection.execute(kept_answer.insert(), dataclasses.asdict(one))

    def forget_answers(self, before: Timestamp) -> None:
        """Forget some answers that were kept before that time: a few at a time, so that nobody waits for it."""
        old = select(kept_answer.c.organisation, kept_answer.c.key).where(kept_answer.c.kept_at < before)
        for organisation_id, key in self._connection.execute(old.limit(_FORGET_AT_ONCE)).all():
            same = (kept_answer.c.organisation == organisation_id, kept_answer.c.key == key)
            self._connection.execute(kept_answer.delete().where(*same))
