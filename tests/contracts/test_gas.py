"""What a seal costs: the EVM counts gas exactly, so these limits hold on any machine."""

from __future__ import annotations

import pytest

from contracts.deployment import Deployment
from contracts.reference import word


def seal_gas(chain: Deployment, batch_id: int, size: int) -> int:
    appends = sorted((word(f"subject {number}"), word(f"root {batch_id}/{number}"), 10) for number in range(size))
    return chain.send(chain.ledger.functions.seal(batch_id, appends), chain.operator).gas_used


@pytest.mark.parametrize(
    ("size", "first_touch_limit", "known_limit"),
    [(1, 104_000, 70_000), (10, 325_000, 151_000), (100, 2_680_000, 950_000), (500, 13_100_000, 4_550_000)],
)
def test_a_seal_stays_within_its_gas(chain: Deployment, size: int, first_touch_limit: int, known_limit: int) -> None:
    """A batch of `size` subjects stays within the limits: 9,500 gas a known subject at 100 of them."""
    seal_gas(chain, 0, 1)  # the operator's own counter is written for the first time
    assert seal_gas(chain, 1, size) <= first_touch_limit
    assert seal_gas(chain, 2, size) <= known_limit
