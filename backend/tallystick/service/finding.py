"""Find evidence within reach, and what waits for an answer.

Rule: to name a party that is not within reach is to name one that is not known; a counterparty is named by its id, or
as any party that the asker may look at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tallystick.protocol.evidence import kind_name
from tallystick.protocol.types import PartyId, parse_bytes32
from tallystick.service.context import Context
from tallystick.service.entitled import own_party, visible_party
from tallystick.service.policy import Asker, Reach
from tallystick.service.ports import Transaction
from tallystick.store.searching import Awaits, Found, Waiting, Wanted

_ID = re.compile(r"0x[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that answers something: its id, method and path."""

    operation: str
    method: str
    path: str


def find(
    context: Context,
    asker: Asker,
    wanted: Wanted,
    before: int | None,
    limit: int,
    *,
    party: str | None = None,
    counterparty: str | None = None,
) -> list[Found]:
    """The newest evidence within reach of ``asker`` that is as ``wanted``, newest first; position below ``before``.

    It stands in the log of ``party`` and is about ``counterparty`` besides, where the asker names them.

    Raises:
        NotFound: a party that is not known, or not within reach.
    """
    with context.store.transaction(read_only=True) as transaction:
        if party is not None:
            wanted = replace(wanted, parties=(own_party(transaction, asker, party).party,))
        elif asker.reach is not Reach.ALL:
            wanted = replace(wanted, parties=asker.organisation.parties)
        if counterparty is not None:
            wanted = replace(wanted, other=_named(transaction, asker, counterparty))
        return transaction.find_evidence(wanted, before, limit)


def inbox(context: Context, asker: Asker, after: int, limit: int) -> list[Waiting]:
    """What awaits something of a party that ``asker`` acts for, oldest first; position above ``after``."""
    with context.store.transaction(read_only=True) as transaction:
        return transaction.waiting(asker.organisation.parties, after, limit)


def operations_for(waiting: Waiting, place: str) -> list[Operation]:
    """The operations that settle what is ``waiting``; ``place`` is the path of its evidence."""
    if waiting.awaits is Awaits.COUNTERSIGNATURE:
        return [Operation("countersignEvidence", "POST", f"{place}/countersignature")]
    if waiting.awaits is Awaits.RESOLUTION:
        return [Operation("resolveDispute", "POST", f"{place}/resolution")]
    made = [Operation("acknowledgeEvidence", "POST", f"{place}/acknowledgement")]
    if kind_name(waiting.record.evidence.kind) == "INVOICE":
        made.append(Operation("disputeEvidence", "POST", f"{place}/dispute"))
    return made


def _named(transaction: Transaction, asker: Asker, name: str) -> PartyId:
    if _ID.match(name):
        return PartyId(parse_bytes32(name, "counterparty"))
    return visible_party(transaction, asker, name).party
