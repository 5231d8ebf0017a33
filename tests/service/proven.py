"""An installation in memory on an embedded chain, whose state can be proven."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.world import BUYER, CARRIER, CONTRACT, START, SUPPLIER, SeededEntropy, SettableClock, World
from tallystick import bootstrap
from tallystick.chain.deploy import deploy
from tallystick.chain.embedded import open_embedded
from tallystick.chain.ledger import EvmChain
from tallystick.keys.memory import MemoryKeystore
from tallystick.limits import Limits
from tallystick.service.context import Context
from tallystick.store.sql import open_store


@contextmanager
def provable() -> Iterator[World]:
    """A supplier, a buyer and a carrier as in ``trading``, on real contracts."""
    entropy = SeededEntropy()
    keys = MemoryKeystore(entropy.bytes)
    registrar, operator = keys.create_many(["registrar", "operator"])
    provider = open_embedded(None, funded={registrar: 10**24, operator: 10**24}, genesis_timestamp=START)
    store = open_store("sqlite://")
    deployment = deploy(provider, registrar, lambda digest: keys.sign(registrar, digest), registrar, [operator])
    chain, clock = EvmChain(provider, deployment), SettableClock()
    with store.transaction() as transaction:
        transaction.set_deployment(deployment)
    context = Context(
        store=store,
        chain=chain,
        keys=keys,
        clock=clock,
        entropy=entropy,
        network_key=entropy.bytes(32),
        registrar=registrar,
        operator=operator,
        code_hashes=bootstrap.published_code_hashes(),
        limits=Limits(),
    )
    world = World(context, clock, chain, operator)  # type: ignore[arg-type]
    try:
        world.party("Supplier GmbH", SUPPLIER)
        world.party("买方有限公司", BUYER)
        world.party("Carrier SA", CARRIER)
        world.record(CONTRACT)
        yield world
    finally:
        store.close()
        provider.close()
