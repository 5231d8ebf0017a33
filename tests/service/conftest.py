"""Installations in memory for the use cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.world import BUYER, CARRIER, CONTRACT, SUPPLIER, World, in_memory


@pytest.fixture
def world() -> Iterator[World]:
    """An empty installation."""
    with in_memory() as made:
        yield made


@pytest.fixture
def trading(world: World) -> World:
    """A supplier, a buyer and a carrier; supplier and buyer have a countersigned contract."""
    world.party("Supplier GmbH", SUPPLIER)
    world.party("Buyer AG", BUYER)
    world.party("Carrier SA", CARRIER)
    world.record(CONTRACT)
    return world
