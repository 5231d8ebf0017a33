"""A history as it is answered: the report, what was erased from it, and the tag by which a reader knows it again.

Rules:

- the tag is strong (RFC 9110): it is derived from all that the answer depends on, the head of the log, the block, how
  many of its entries are known and how many erased, the scope of the consent, and the version of what derives it;
- what was erased is named, with when: its fields count as hidden, and the figures say which of them rest on that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from tallystick import __version__
from tallystick.credit.report import DEFINITIONS
from tallystick.protocol import canonical
from tallystick.protocol.entry import Json
from tallystick.protocol.types import BlockRef, PartyId, to_hex
from tallystick.service.context import Context
from tallystick.service.report import Reader, report_of, with_erased
from tallystick.service.showing import Showing
from tallystick.store.grants import Grant


def history(context: Context, block: BlockRef, party: PartyId, showing: Showing) -> dict[str, Any]:
    """The report of ``party`` as of the final ``block``, as far as ``showing`` shows its log, with what was erased."""
    with context.store.transaction(read_only=True) as transaction:
        made = report_of(Reader(context, block, showing).read(transaction, party))
        return dict(with_erased(made, transaction.erased_in_log(party, block.number)))


def tag(context: Context, what: str, party: PartyId, blocks: Iterable[BlockRef], grant: Grant | None) -> str:
    """What tells this answer about ``party`` as of ``blocks`` from every other: 64 hex digits."""
    states: list[Json] = []
    with context.store.transaction(read_only=True) as transaction:
        for block in blocks:
            appends = transaction.appends(party, block.number)
            head = to_hex(appends[-1].head) if appends else None
            known, erased = transaction.count_known(party, block.number)
            states.append([block.number, to_hex(block.hash), head, known, erased])
    scope: Json = None if grant is None else [to_hex(grant.consent), grant.scope]
    told = canonical.encode([__version__, DEFINITIONS, what, to_hex(party), states, scope])
    return hashlib.sha256(told).hexdigest()
