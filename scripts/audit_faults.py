"""Audit a whole accounts-receivable import: nothing is found; then plant faults of every kind, and find exactly those.

Imports a ledger of some 10,000 entries with simulated customers on the embedded chain, has it audited, plants 38 faults
in chain, archive and database (``tests/audit/planting.py``), and has it audited again. Ends with 1 if anything is found
too much or too little. Example::

    python scripts/audit_faults.py --file LEDGER.csv
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "backend"), str(ROOT / "tests"), str(ROOT / "hardhat-free-devnet")]

from audit.installation import Installation, imported, made_up_lines  # noqa: E402
from audit.planting import CUSTOMERS, named, plant_everything  # noqa: E402
from tallystick.intake.receivables import read_receivables  # noqa: E402
from tallystick.service.audit.replay import Audit  # noqa: E402
from tallystick.service.audit.words import says  # noqa: E402


def audited(home: Installation, jobs: int) -> Audit:
    """The audit of ``home``, with what it took."""
    start = time.perf_counter()
    audit = home.audit(against=True, jobs=jobs)
    entries = sum(party.entries for party in audit.parties)
    print(
        f"audited {audit.batches} batches, {audit.evidence:,} evidence, {entries:,} entries of {len(audit.parties)} "
        f"parties, and the database, in {time.perf_counter() - start:.1f} s: {len(audit.findings)} findings"
    )
    return audit


def main() -> int:
    """Import, audit, plant, audit; 0 where all is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, help="a ledger that a ready-made mapping fits; else one is made up")
    parser.add_argument("--lines", type=int, default=2_466)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    if options.customers < CUSTOMERS:
        parser.error(f"--customers: expected at least {CUSTOMERS}, got {options.customers}")
    lines = made_up_lines(options.lines, options.customers)
    if options.file is not None:
        lines = list(read_receivables(options.file.read_bytes(), None, 1_000_000).or_raise())
    # customer by customer, so that a lost batch concerns few of them
    lines.sort(key=lambda line: line.customer)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with imported(Path(folder), lines, batch_evidence=50) as home:
            print(f"imported and sealed {len(lines):,} invoices in {time.perf_counter() - start:.1f} s")
            home.export()
            honest = audited(home, options.jobs)
            planted = Counter(plant_everything(home))
            print(f"planted {planted.total()} faults of {len({code for code, _ in planted})} kinds")
            audit = audited(home, options.jobs)
    found = Counter(map(named, audit.findings))
    for code, about in sorted((planted - found).elements()):
        print(f"MISSED   {code.value} 0x{about.hex()}")
    for finding in audit.findings:
        if named(finding) not in planted:
            print(f"TOO MUCH {finding.code.value}: {says(finding)}")
    is_right = not honest.findings and planted == found
    print("exactly the planted faults were found" if is_right else "NOT as it must be")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
