"""Mutate valid bundles in every way there is, and see that the verifier accepts none, breaks at none, and names each.

Mutation N of a seed is always the same. The table says how many of each kind failed at which step; a line for each
fault says what went wrong and how to run it alone. With ``--independent N``, the verifier written from the protocol
page (``tests/independent/``) is shown every Nth mutation too and must come to the same verdict and step.

Example::

    python scripts/mutate_bundles.py --count 100000 --seed 1 --independent 10
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable
from functools import partial
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "backend"), str(ROOT / "tests"), str(ROOT / "scripts")]

from rich.progress import track  # noqa: E402

from mutation.check import (  # noqa: E402
    ACCEPTED,
    CRASH,
    DIFFERS,
    FAULTS,
    LESS,
    NO_BLOCK,
    SAME,
    STAMPS,
    UNEXCUSED,
    Result,
    bases_of,
    check,
)
from tallystick.protocol.verdict import Outcome, Step  # noqa: E402

COLUMNS = [*(step.value for step in Step), Outcome.UNCHECKED.value, NO_BLOCK, LESS, SAME, STAMPS, *FAULTS]


def results(seed: int, numbers: range, jobs: int, every: int = 0) -> Iterable[Result]:
    """What became of each mutation, as they come; every ``every``-th is shown to both verifiers (0: none)."""
    run = partial(_check, seed, every)
    if jobs == 1:
        yield from map(run, numbers)
        return
    bases_of(seed)  # made before the processes part
    with Pool(jobs) as pool:
        yield from pool.imap_unordered(run, numbers, 200)


def _check(seed: int, every: int, number: int) -> Result:
    return check(seed, number, independently=bool(every) and number % every == 0)


def table(counts: Counter[tuple[str, str]]) -> str:
    """Kinds down, outcomes across."""
    used = [column for column in COLUMNS if any(outcome == column for _, outcome in counts)]
    kinds = sorted({kind for kind, _ in counts})
    width = max(map(len, kinds))
    lines = [" " * width + "".join(f"  {column:>9}" for column in used)]
    for kind in [*kinds, "all"]:
        cells = [sum(n for (k, o), n in counts.items() if o == column and kind in (k, "all")) for column in used]
        lines.append(
            f"{kind:{width}}" + "".join(f"  {n or '':>{max(9, len(c))}}" for n, c in zip(cells, used, strict=True))
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code is 0 where there was no fault."""
    parser = argparse.ArgumentParser(description="Mutate valid bundles and see what the verifier says.")
    parser.add_argument("--count", type=int, default=100_000, help="how many mutations (100000)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this one alone, shown to both verifiers")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--independent", type=int, default=0, metavar="N", help="show every Nth to both verifiers")
    options = parser.parse_args(arguments)
    numbers, every = range(options.count), options.independent
    if options.only is not None:
        numbers, every = range(options.only, options.only + 1), 1
    counts: Counter[tuple[str, str]] = Counter()
    made = results(options.seed, numbers, 1 if options.only is not None else options.jobs, every)
    for result in track(made, "mutating", total=len(numbers), disable=not sys.stderr.isatty()):
        counts[result.kind, result.outcome] += 1
        if result.outcome in FAULTS:
            again = f"python scripts/mutate_bundles.py --seed {options.seed} --only {result.number}"
            print(f"{again}  # {result.kind}: {result.outcome}: {result.detail}", flush=True)
    print(table(counts))
    by_outcome: Counter[str] = Counter()
    for (_, outcome), number in counts.items():
        by_outcome[outcome] += number
    if every:
        shown = len([number for number in numbers if number % every == 0]) if options.only is None else 1
        print(f"{shown} shown to the independent verifier too, {by_outcome[DIFFERS]} differences")
    accepted, crashes = by_outcome[ACCEPTED] + by_outcome[UNEXCUSED], by_outcome[CRASH]
    print(f"{len(numbers)} mutations, {accepted} accepted, {crashes} crashes")
    return 1 if accepted or crashes or by_outcome[DIFFERS] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
