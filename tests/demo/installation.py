"""An installation in memory that goes by the story's clock: real store, real contracts, real keys, nothing on disk."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tallystick.bootstrap import published_code_hashes
from tallystick.chain.deploy import deploy
from tallystick.chain.embedded import EmbeddedProvider, open_embedded
from tallystick.chain.ledger import EvmChain
from tallystick.keys.memory import MemoryKeystore
from tallystick.limits import Limits
from tallystick.protocol.types import Timestamp
from tallystick.service.context import Context
from tallystick.service.demo.play import Played, StoryClock, play
from tallystick.service.demo.story import Story
from tallystick.store.sql import open_store

DAY_SECONDS = 86_400


class Randomness:
    """The operating system's."""

    def bytes(self, size: int) -> bytes:
        """So many random bytes."""
        return secrets.token_bytes(size)


@dataclass(frozen=True)
class Stage:
    """An installation, its clock and its chain."""

    context: Context
    clock: StoryClock
    chain: EmbeddedProvider

    def play(self, story: Story) -> Played:
        """``story``, played here."""
        return play(self.context, story, self.clock, self.chain.set_next_timestamp)


@contextmanager
def built_before(story: Story) -> Iterator[Stage]:
    """An empty installation, made the day before ``story`` begins."""
    eve = Timestamp(story.start - DAY_SECONDS)
    keys = MemoryKeystore()
    registrar, operator = keys.create("registrar"), keys.create("operator")
    provider = open_embedded(None, funded={registrar: 10**24, operator: 10**24}, genesis_timestamp=eve)
    store = open_store("sqlite://")
    clock = StoryClock(eve)
    deployment = deploy(provider, registrar, lambda digest: keys.sign(registrar, digest), registrar, [operator])
    context = Context(
        store=store,
        chain=EvmChain(provider, deployment),
        keys=keys,
        clock=clock,
        entropy=Randomness(),
        network_key=secrets.token_bytes(32),
        registrar=registrar,
        operator=operator,
        code_hashes=published_code_hashes(),
        limits=Limits(),
    )
    try:
        yield Stage(context, clock, provider)
    finally:
        store.close()
        provider.close()
