"""Bundles of a small world with time-stamps on its batches."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from protocol.world import World
from tallystick.protocol import merkle
from tallystick.protocol.bundle import Bundle, BundleAppend
from tallystick.protocol.log import LogAppend, append_leaf
from tallystick.protocol.stamps import Stamp
from tallystick.protocol.types import PartyId
from timestamp.maker import Maker

MAKER = Maker()
LATER_SECONDS = 3_600
"""How long after its block a batch is stamped."""

MakeToken = Callable[[bytes, int], bytes]


def stamp_of(world: World, subject: PartyId, append: LogAppend, token: MakeToken = MAKER.token) -> Stamp:
    """The time-stamp of the batch of ``append`` to the log of ``subject``."""
    members = sorted(
        (party, member.root, member.count)
        for party, log in world.logs.items()
        for member, _ in log
        if (member.operator, member.batch_id) == (append.operator, append.batch_id)
    )
    leaves = [append_leaf(*member) for member in members]
    at = [party for party, _, _ in members].index(subject)
    return Stamp(merkle.prove(leaves, at), token(merkle.root(leaves), append.timestamp + LATER_SECONDS))


def stamped(
    world: World, bundle: Bundle, token: MakeToken = MAKER.token, *, only: Collection[int] | None = None
) -> Bundle:
    """``bundle`` with the time-stamps of its batches, all or of the appends at ``only``."""

    def with_stamp(at: int, item: BundleAppend) -> BundleAppend:
        if only is not None and at not in only:
            return item
        return replace(item, stamp=stamp_of(world, bundle.subject, item.append, token))

    return replace(bundle, appends=tuple(with_stamp(at, item) for at, item in enumerate(bundle.appends)))
