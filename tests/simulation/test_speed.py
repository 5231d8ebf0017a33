"""The simulation is fast enough that thousands of seeds can be run."""

from __future__ import annotations

import time

from bench.simulated_chain import SEALS, run

MOST_CPU_SECONDS = 0.15
"""Two thousand seeds in five minutes on two cores."""


def test_a_run_takes_little_time() -> None:
    """A run of 200 blocks and 20 seals of 10 subjects, read through the adapter, takes less than 150 ms of CPU."""
    took = []
    for seed in range(4):
        started = time.process_time()
        read, requests = run(seed, 0.0)
        took.append(time.process_time() - started)
        assert read > SEALS // 2
        assert requests > 400
    assert min(took) < MOST_CPU_SECONDS
