"""A fresh chain for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chain.rigs import deploy_on, open_memory_provider
from tallystick.chain.embedded import EmbeddedProvider
from tallystick.chain.ledger import EvmChain


@pytest.fixture
def provider() -> Iterator[EmbeddedProvider]:
    """An embedded chain in memory without the contracts."""
    opened = open_memory_provider()
    yield opened
    opened.close()


@pytest.fixture
def evm_chain(provider: EmbeddedProvider) -> EvmChain:
    """The contracts on the embedded chain of ``provider``."""
    return deploy_on(provider)
