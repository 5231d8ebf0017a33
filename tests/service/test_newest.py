"""Many ask at once how far the chain is indexed: one of them looks, and what it finds, or what stops it, is for all."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Any

import pytest

from service.world import INVOICE, World
from tallystick.errors import ChainUnreachable
from tallystick.service.index import index
from tallystick.service.newest import TRUSTED_SECONDS, Newest
from tallystick.service.seal import seal

ASKING = 8


class Watched:
    """The chain of a world that counts how often it is asked for the final block, and can hold that up or fail."""

    def __init__(self, chain: Any) -> None:
        self.asked = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.trouble: Exception | None = None
        self._chain = chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def final_block(self) -> Any:
        self.asked += 1
        assert self.go_on.wait(10)
        if self.trouble is not None:
            raise self.trouble
        return self._chain.final_block()


@pytest.fixture
def watched(trading: World) -> tuple[World, Watched]:
    chain = Watched(trading.context.chain)
    context = dataclasses.replace(trading.context, chain=chain)  # type: ignore[arg-type]
    return dataclasses.replace(trading, context=context), chain


def all_at_once(newest: Newest, chain: Watched) -> list[Any]:
    """What ``ASKING`` threads are told that ask before the first of them is answered."""
    told: list[Any] = []

    def ask() -> None:
        try:
            told.append(newest())
        except ChainUnreachable as error:
            told.append(error)

    chain.go_on.clear()
    threads = [threading.Thread(target=ask) for _ in range(ASKING)]
    for thread in threads:
        thread.start()
    while (look := newest._look) is None or len(look._condition._waiters) < ASKING - 1:  # type: ignore[attr-defined]
        time.sleep(0.001)
    chain.go_on.set()
    for thread in threads:
        thread.join()
    return told


def test_a_node_that_is_down_is_asked_once_for_all_that_wait(watched: tuple[World, Watched]) -> None:
    """What stops the one that looks is raised for each that waited for it; the next one looks again."""
    world, chain = watched
    now = 0.0
    newest = Newest(world.context, lambda: now)
    chain.trouble = ChainUnreachable("the node is down")
    told = all_at_once(newest, chain)
    assert all(error is chain.trouble for error in told)
    assert chain.asked == 1
    chain.trouble = None
    assert newest() == index(world.context)


def test_many_that_ask_at_once_look_once(watched: tuple[World, Watched]) -> None:
    """All are told the same, after one look at the chain."""
    world, chain = watched
    expected, chain.asked = index(world.context), 0
    newest = Newest(world.context, lambda: 0.0)
    assert all_at_once(newest, chain) == [expected] * ASKING
    assert chain.asked == 1


def test_what_a_worker_indexed_meanwhile_counts(watched: tuple[World, Watched]) -> None:
    """Within the trusted time nobody is asked, and nobody is told less than the index says by then."""
    world, chain = watched
    now = 0.0
    newest = Newest(world.context, lambda: now)
    first, chain.asked = newest(), 0
    world.record(INVOICE)
    seal(world.context)
    chain.asked = 0
    now = TRUSTED_SECONDS * 0.9
    later = newest()
    assert chain.asked == 0
    assert later.block_number > first.block_number
    now = TRUSTED_SECONDS
    assert newest() == later
    assert chain.asked == 1
