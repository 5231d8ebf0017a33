"""Thousands of seeds are run by ``scripts/simulate.py``; here a few, and proof that the oracle notices what breaks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulation.run import Run
from tallystick.service import index, seal

ROOT = Path(__file__).resolve().parents[2]


def nothing(*_: object, **__: object) -> None:
    """Stands for a step that was left out."""


@pytest.mark.parametrize(
    ("sabotage", "first_seed"),
    [
        pytest.param(
            lambda patch: patch.setattr(seal, "RESEND_SECONDS", 10**9), 1, id="what is lost is never sent again"
        ),
        pytest.param(lambda patch: patch.setattr(index, "_undo", nothing), 1, id="a reorganisation undoes nothing"),
        pytest.param(
            lambda patch: patch.setattr(index, "check_state", nothing), 241, id="nobody compares logs with state"
        ),
    ],
)
def test_what_is_broken_is_noticed(
    monkeypatch: pytest.MonkeyPatch, sabotage: Callable[[pytest.MonkeyPatch], None], first_seed: int
) -> None:
    """Of an installation that leaves out one of its duties, some seed differs."""
    sabotage(monkeypatch)
    assert any(_differs(seed) for seed in range(first_seed, first_seed + 160))


def _differs(seed: int) -> bool:
    try:
        return Run(seed).play() is not None
    except AssertionError:
        return True


def test_without_trouble_nothing_happens_twice() -> None:
    """A quiet run needs no second transaction for any batch."""
    run = Run(5, quiet=True)
    assert run.play() is None
    with run.store.transaction(read_only=True) as transaction:
        batches = transaction.counts().batches
        operator = run.context.operator
        carried = [len(transaction.submissions(operator, number)) for number in range(sum(batches.values()))]
    assert set(carried) == {1}


def test_a_seed_is_the_same_run_each_time() -> None:
    """The same seed tells the same story: a difference can be looked at again."""
    first, second = Run(11), Run(11)
    assert first.play() is second.play() is None
    assert first.told == second.told
    assert first.faults.done == second.faults.done


def test_the_command_counts_seeds_and_differences() -> None:
    """The last line says how many seeds there were and how many differed."""
    command = [sys.executable, str(ROOT / "scripts" / "simulate.py"), "--seeds", "1-6", "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "6 seeds, 0 differences")
