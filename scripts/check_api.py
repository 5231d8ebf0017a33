"""Explores the whole API by its OpenAPI document, each operation as each role, with all checks of schemathesis.

A home with an embedded chain is made and served for it; half of the ids in the questions are of things that are there.
Rounds with new seeds follow one another until there were enough cases or the time is up. Printed are

- cases and answers by role and status;
- operations that never did what was asked (no 2xx): these were explored from outside only;
- every failure once, with how to ask again. The exit code is 1 if there was one, or if the server logged an error.

Example::

    python scripts/check_api.py --cases 20000 --minutes 15
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from rich.progress import Progress  # noqa: E402

from tallystick.service.policy import RULES  # noqa: E402
from tallystick.store.identities import Role  # noqa: E402
from web.exploring import Findings, Town, explore, installation  # noqa: E402

CASES_A_ROUND = 10
"""Made at random of each operation in each phase."""


def explore_all(town: Town, cases: int, minutes: float, seed: int) -> list[Findings]:
    """What came of rounds as every role, until ``cases`` were asked or ``minutes`` are over; one round at least."""
    ends_at = time.monotonic() + minutes * 60
    made: list[Findings] = []
    with Progress(disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task("asking", total=cases)
        while True:
            for number, role in enumerate(Role):
                left = ends_at - time.monotonic()
                if left < 1 and len(made) >= len(Role):
                    return made
                # a slow machine gives each role its part of what is left of a first round
                share = left / (len(Role) - number) if len(made) < len(Role) else left
                found = explore(town, role, most_cases=CASES_A_ROUND, most_seconds=max(int(share), 1), seed=seed)
                made.append(found)
                shown.advance(task, found.cases)
            if sum(found.cases for found in made) >= cases:
                return made
            seed += 1


def report(made: list[Findings], complaints: list[str], seconds: float) -> bool:
    """Print what came of it; whether all is well."""
    total = sum(found.cases for found in made)
    print(f"{total} cases in {len(made)} runs, {seconds:.0f} s, {time.process_time():.0f} s of CPU (server included)")
    for role in Role:
        of_role = [found for found in made if found.role is role]
        statuses: Counter[int] = Counter()
        for found in of_role:
            for (_, status), count in found.answers.items():
                statuses[status] += count
        told = "  ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        print(f"  {role:14} {sum(found.cases for found in of_role):6}  {told}")
    done = {operation for found in made for operation, status in found.answers if 200 <= status < 300}
    print(f"operations that did what was asked: {len(done & RULES.keys())} of {len(RULES)}")
    for operation in sorted(RULES.keys() - done):
        print(f"  from outside only: {operation}")
    failures = {what: (found.role, how) for found in made for what, how in found.failures.items()}
    for what, (role, how) in failures.items():
        print(f"\nFAILED as {role}: {what}\n{how}")
    for complaint in complaints[:10]:
        print(f"\nLOGGED: {complaint}")
    server_errors = sum(count for found in made for (_, status), count in found.answers.items() if status >= 500)
    print(f"\n{len(failures)} failures, {server_errors} answers 5xx, {len(complaints)} errors in the log")
    return not failures and not complaints


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code is 1 where something is wrong."""
    parser = argparse.ArgumentParser(description="Explore the API by its OpenAPI document.")
    parser.add_argument("--cases", type=int, default=20_000, help="how many cases are enough (20000)")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long at most (15)")
    parser.add_argument("--seed", type=int, default=1, help="of the first round (1)")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, installation(Path(folder) / "home") as town:
        made = explore_all(town, options.cases, options.minutes, options.seed)
        return 0 if report(made, town.complaints, time.monotonic() - started) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
