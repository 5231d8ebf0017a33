"""The block that a history is asked for as of: the newest final one, one by its number, or the last of a day.

Rules:

- only a final block answers, so that the same question gets the same answer for ever;
- of a day, the last block made on it or before it; the report's day is then that of the block;
- days are UTC, for block timestamps are.
"""

from __future__ import annotations

import re
from datetime import date

from tallystick.credit.dates import SECONDS_PER_DAY, start_of
from tallystick.errors import UsageError
from tallystick.protocol.types import BlockRef, clip
from tallystick.service.context import Context

_NUMBER = re.compile(r"[0-9]{1,15}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TODO = "Give the number of a block, or a day as YYYY-MM-DD."


def find_block(context: Context, newest: BlockRef, wanted: str | None) -> BlockRef:
    """The block that ``wanted`` (a number, or a day as ``YYYY-MM-DD``) names; ``newest``, the final one, where None.

    Raises:
        UsageError: neither of the two, or before the contracts were deployed, or after ``newest``.
        ChainError: the node does not tell.
    """
    if wanted is None:
        return newest
    if _NUMBER.fullmatch(wanted):
        return _by_number(context, newest, int(wanted))
    try:
        if not _DAY.fullmatch(wanted):
            raise ValueError
        day = date.fromisoformat(wanted)
    except ValueError:
        raise UsageError(f"as of: expected a block or a day, got {clip(wanted)}.", todo=_TODO) from None
    return _by_day(context, newest, day)


def _by_number(context: Context, newest: BlockRef, number: int) -> BlockRef:
    first = context.chain.deployment.block_number
    if not first <= number <= newest.number:
        raise UsageError(
            f"as of: expected a block from {first}, where the contracts were deployed, to {newest.number}, the newest "
            f"final one; got {number}.",
            todo=_TODO,
        )
    return newest if number == newest.number else context.chain.block(number)


def _by_day(context: Context, newest: BlockRef, day: date) -> BlockRef:
    """The last block before the day after ``day`` begins, found by halves."""
    end = start_of(day) + SECONDS_PER_DAY
    if context.clock.now() < start_of(day):
        raise UsageError(f"as of: expected a day that has begun, got {day}.", todo=_TODO)
    if newest.timestamp < end:
        return newest
    first = context.chain.block(context.chain.deployment.block_number)
    if first.timestamp >= end:
        raise UsageError(f"as of: the contracts were deployed after {day}, in block {first.number}.", todo=_TODO)
    found, above = first, newest.number
    while above - found.number > 1:
        middle = context.chain.block((found.number + above) // 2)
        if middle.timestamp < end:
            found = middle
        else:
            above = middle.number
    return found
