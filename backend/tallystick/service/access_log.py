"""Who may look at a party's history, and who did, as of one moment: what the page for the party shows."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.protocol.types import Timestamp
from tallystick.service.consent import MAX_USES
from tallystick.service.context import Context
from tallystick.store.grants import Grant, Use
from tallystick.store.records import PartyRecord


@dataclass(frozen=True, slots=True)
class AccessLog:
    """The consents that ``party`` gave and the looks under them, newest first, as of ``at``.

    ``older`` is the position of the last look that is there where there are older ones; else None.
    """

    party: PartyRecord
    at: Timestamp
    grants: tuple[Grant, ...]
    looks: tuple[tuple[Use, Grant], ...]
    older: int | None


def access_log(context: Context, party: PartyRecord, before: int | None = None, limit: int = MAX_USES) -> AccessLog:
    """The log of ``party``, with at most ``limit`` looks before the position ``before``."""
    with context.store.transaction(read_only=True) as transaction:
        grants = tuple(transaction.grants_by(party.party))
        by_id = {one.consent: one for one in grants}
        uses = transaction.uses(party.party, before, limit + 1)
    looks = tuple((use, by_id[use.consent]) for use in uses[:limit])
    older = looks[-1][0].position if len(uses) > limit else None
    return AccessLog(party, context.clock.now(), grants, looks, older)
