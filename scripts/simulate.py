"""Run the sender and the indexer through seeded trouble: nodes that lie, stores that fail, processes that die.

Each seed is one whole installation at work (``simulation/run.py``). The last line says how many seeds there were, and
how many came out otherwise than they must; before it stands one line for each of those, which runs it again alone.

Example::

    python scripts/simulate.py --seeds 1-2000
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable
from multiprocessing import Pool
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from rich.progress import track  # noqa: E402

from simulation.run import Run  # noqa: E402

SEEDS_A_TASK = 5


def differences(seeds: range, jobs: int) -> Iterable[tuple[int, str | None]]:
    """(seed, what differs or None) for each of ``seeds``, ``jobs`` at once, as they come."""
    with Pool(jobs) as pool:
        yield from pool.imap_unordered(_play, seeds, SEEDS_A_TASK)


def _play(seed: int) -> tuple[int, str | None]:
    try:
        return seed, Run(seed).play()
    except Exception as error:  # a seed that breaks the installation is a difference as well
        return seed, f"{type(error).__name__}: {error}"


def _seeds(text: str) -> range:
    match = re.fullmatch(r"(\d+)-(\d+)", text)
    if match is None or int(match[1]) > int(match[2]):
        raise argparse.ArgumentTypeError(f"expected FIRST-LAST such as 1-2000, got {text!r}")
    return range(int(match[1]), int(match[2]) + 1)


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code is 0 if nothing differs."""
    parser = argparse.ArgumentParser(description="Run the sender and the indexer through seeded trouble.")
    parser.add_argument("--seeds", type=_seeds, default=range(1, 2001), metavar="A-B", help="seeds A to B (1-2000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="seeds at a time")
    options = parser.parse_args(arguments)
    seeds: range = options.seeds
    failed = 0
    played = differences(seeds, options.jobs)
    for seed, difference in track(played, "simulating", total=len(seeds), disable=not sys.stderr.isatty()):
        if difference is not None:
            failed += 1
            print(f"python scripts/simulate.py --seeds {seed}-{seed}  # {difference}", flush=True)
    print(f"{len(seeds)} seeds, {failed} differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
