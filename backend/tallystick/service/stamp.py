"""Time-stamps of an outside authority on the roots of final batches, for a reader who trusts no block time alone.

Rules:

- sealing knows nothing of this: the authority may be slow, away or gone, and nothing waits for it;
- each batch gets one token, kept in a transaction of its own right after it came; running again does what is left;
- a token that does not hold is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tallystick.protocol.entry import Json
from tallystick.protocol.types import Hash, to_hex
from tallystick.protocol.verdict import Outcome
from tallystick.service.context import Progress, silent
from tallystick.service.ports import Authority, Store
from tallystick.store.records import BatchState, TimestampRecord
from tallystick.timestamp.token import TokenVerdict

CheckToken = Callable[[bytes, Hash], TokenVerdict]
"""The verdict on a token as a time-stamp of a batch root."""


@dataclass(frozen=True, slots=True)
class CheckedTimestamp:
    """A kept time-stamp, the batch root it is of, and what its check came to."""

    stamp: TimestampRecord
    root: Hash
    verdict: TokenVerdict


def stamp_batches(store: Store, authority: Authority, progress: Progress = silent) -> int:
    """Get a time-stamp for each final batch that has none, oldest first; how many were kept.

    Raises:
        TimestampError: the authority failed; what it stamped before is kept.
    """
    with store.transaction(read_only=True) as transaction:
        waiting = transaction.unstamped()
    kept = 0
    for done, batch in enumerate(waiting):
        progress("stamped", done, len(waiting))
        token, at = authority.stamp(batch.root)
        with store.transaction() as transaction:
            stamp = TimestampRecord(batch.operator, batch.batch_id, authority.url, token, at)
            kept += transaction.add_timestamp(stamp)
    progress("stamped", len(waiting), len(waiting))
    return kept


def check_timestamps(store: Store, check: CheckToken) -> list[CheckedTimestamp]:
    """All kept time-stamps, each checked against the root of its batch as it was frozen."""
    with store.transaction(read_only=True) as transaction:
        roots = {(batch.operator, batch.batch_id): batch.root for batch in transaction.batches(BatchState)}
        stamps = transaction.timestamps()
    found = []
    for stamp in stamps:
        root = roots[stamp.operator, stamp.batch_id]
        found.append(CheckedTimestamp(stamp, root, check(stamp.token, root)))
    return found


def worst(checked: Sequence[CheckedTimestamp]) -> Outcome:
    """Invalid if one is, else could not check if one could not be, else valid."""
    outcomes = {one.verdict.outcome for one in checked}
    return next((o for o in (Outcome.INVALID, Outcome.UNCHECKED) if o in outcomes), Outcome.VALID)


def timestamp_json(checked: CheckedTimestamp) -> Mapping[str, Json]:
    """``checked`` for programs: ``verdict`` is valid, invalid or unchecked."""
    verdict = checked.verdict
    return {
        "operator": to_hex(checked.stamp.operator),
        "batchId": checked.stamp.batch_id,
        "root": to_hex(checked.root),
        "verdict": "unchecked" if verdict.outcome is Outcome.UNCHECKED else verdict.outcome.value,
        "message": verdict.message,
        "stampedAt": verdict.at,
        "authority": verdict.authority,
        "url": checked.stamp.authority,
    }
