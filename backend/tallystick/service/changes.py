"""What changed in a party's history: between two blocks as this home knows them, or between two verified bundles."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.credit.changes import Changes, Snapshot, compare
from tallystick.errors import Refused
from tallystick.protocol.types import BlockRef, PartyId, to_hex
from tallystick.protocol.verdict import Outcome, Verdict
from tallystick.protocol.verify import withheld_by
from tallystick.service.as_of import find_block
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.report import Reader
from tallystick.service.showing import Showing


def changes_since(context: Context, party: PartyId, since: str, as_of: str | None = None) -> Changes:
    """What changed in the history of ``party`` from the block ``since`` to ``as_of`` (``as_of.py``).

    Raises:
        UsageError: no such block. Refused: ``since`` is the later one.
    """
    newest = index(context).block
    return changes_of(context, party, [find_block(context, newest, wanted) for wanted in (since, as_of)], Showing())


def changes_of(context: Context, party: PartyId, blocks: Sequence[BlockRef], showing: Showing) -> Changes:
    """What changed from the first to the second of ``blocks``, as far as ``showing`` shows it. Raises ``Refused``."""
    snapshots = []
    for block in blocks:
        reader = Reader(context, block, showing)
        with context.store.transaction(read_only=True) as transaction:
            history = reader.read(transaction, party)
        snapshots.append(Snapshot(history.entries, history.as_of, history.withheld))
    return compare(party, *snapshots)


def changes_between(earlier: Verdict, later: Verdict) -> Changes:
    """What changed from the bundle of one verdict to that of the other.

    Raises:
        Refused: one of them is invalid, or they are of two parties or ledgers, or in the wrong order.
    """
    snapshots, names = [], set()
    for verdict in (earlier, later):
        bundle = verdict.bundle
        if bundle is None or verdict.outcome is Outcome.INVALID:
            raise Refused(f"changes: one of the bundles is invalid: {verdict.message}", todo="See `tallystick verify`.")
        names.add((bundle.subject, bundle.ledger, bundle.chain_id))
        withheld = sum(append.count for append in withheld_by(bundle))
        snapshots.append(Snapshot(verdict.entries, bundle.as_of, withheld))
    if len(names) > 1:
        shown = ", ".join(
            sorted(f"{to_hex(party)} on {to_hex(ledger)} of chain {chain}" for party, ledger, chain in names)
        )
        raise Refused(f"changes: expected two bundles of one party and ledger, got {shown}.")
    ((party, _, _),) = names
    return compare(party, *snapshots)
