"""A fresh chain in memory for each test."""

from collections.abc import Iterator

import pytest

from devnet.support import open_node
from hardhat_free_devnet import DevNode


@pytest.fixture
def node() -> Iterator[DevNode]:
    with open_node() as opened:
        yield opened


@pytest.fixture
def slow_final_node() -> Iterator[DevNode]:
    """A chain whose finalized block stays ten behind the head, so that there is something to reorganise."""
    with open_node(finality_depth=10) as opened:
        yield opened
