"""An installation on each kind of node that can be reorganised."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nodes import NoNode
from pipeline.rigs import KINDS, Installation, open_installation


@pytest.fixture(params=KINDS)
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """A supplier and a buyer with a contract; skips where the node's program is not installed."""
    try:
        with open_installation(request.param) as made:
            yield made
    except NoNode as error:
        pytest.skip(str(error))


@pytest.fixture
def on_anvil() -> Iterator[Installation]:
    """The same on anvil alone."""
    try:
        with open_installation("anvil_reorg", max_fee_per_gas_wei=40 * 10**9) as made:
            yield made
    except NoNode as error:
        pytest.skip(str(error))
