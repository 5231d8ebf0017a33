"""How long an accounts-receivable ledger takes from CSV to final on the embedded chain, beside its bare signatures.

Imports a ledger with simulated counterparties into a home of its own, and signs and recovers as many digests with
coincurve alone in the same run: the ratio says what everything else costs. Example::

    python scripts/bench/import_receivables.py --file LEDGER.csv
    python scripts/bench/import_receivables.py --lines 2466 --customers 100
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import coincurve

from tallystick import bootstrap
from tallystick.config import Home
from tallystick.intake.receivables import read_receivables
from tallystick.service import importing, parties, report, seal
from tallystick.service.index import index
from tallystick.store.records import EvidenceState

HEADER = "customerID,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate"
TARGET_SECONDS = 120.0


def made_up_ledger(lines: int, customers: int) -> bytes:
    """A ledger of ``lines`` invoices to ``customers`` customers, a fifth of them disputed."""
    dice = random.Random(1)  # noqa: S311 -- a ledger for timing needs no secrets
    rows = [HEADER]
    for i in range(lines):
        disputed = "Yes" if dice.random() < 0.2 else "No"
        amount, day = dice.randint(1_000, 20_000), dice.randint(1, 28)
        rows.append(f"C{i % customers:04},{i:010},1/{day}/2013,2/{day}/2013,{amount / 100:.2f},{disputed},3/{day}/2013")
    return "\n".join(rows).encode()


def bare_signatures(count: int) -> float:
    """Seconds for ``count`` signatures made and recovered by coincurve alone."""
    key = coincurve.PrivateKey(b"\x01" * 32)
    started = time.perf_counter()
    for i in range(count):
        digest = i.to_bytes(32, "big")
        coincurve.PublicKey.from_signature_and_message(key.sign_recoverable(digest, hasher=None), digest, hasher=None)
    return time.perf_counter() - started


def main() -> None:
    """Print a line a phase, and the ratios."""
    parser = argparse.ArgumentParser(description="Time an import from CSV to final, beside its bare signatures.")
    parser.add_argument("--file", type=Path, help="a ledger that a ready-made mapping fits; else one is made up")
    parser.add_argument("--lines", type=int, default=2_466)
    parser.add_argument("--customers", type=int, default=100)
    options = parser.parse_args()
    data = options.file.read_bytes() if options.file else made_up_ledger(options.lines, options.customers)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        environment = {**os.environ, "TALLYSTICK_PASSPHRASE": "bench"}
        bootstrap.init_home(home, environment=environment)
        with bootstrap.open_home(home, environment=environment) as opened:
            context = opened.context
            marks = [("start", time.perf_counter())]
            read = read_receivables(data, None, 1_000_000)
            lines = read.or_raise()
            marks.append(("read", time.perf_counter()))
            owner = parties.add_parties(context, [parties.NewParty("Ledger owner", (importing.LEDGER_OWNER,))])[0]
            importing.import_receivables(
                context, owner, lines, read.mapping.customer_scheme, simulate_counterparties=True
            )
            marks.append(("admit, sign, check, record", time.perf_counter()))
            seal.seal(context)
            marks.append(("seal, index, final", time.perf_counter()))
            with context.store.transaction(read_only=True) as transaction:
                ids = [party.party for party in transaction.parties()]
                counts = transaction.counts()
            for _ in report.histories(context, index(context).block, ids):
                pass
            marks.append(("all histories", time.perf_counter()))
    evidence = counts.evidence[EvidenceState.FINAL]
    bare = bare_signatures(evidence)
    total = marks[3][1] - marks[0][1]
    print(f"{len(lines)} lines, {len(ids)} parties, {evidence} evidence, {counts.log_entries} log entries, all final")
    for (_, before), (phase, after) in pairwise(marks):
        print(f"  {phase:<28} {after - before:7.2f} s  {(after - before) / bare:6.1f} x bare sign and recover")
    print(f"from CSV to final: {total:.2f} s of {TARGET_SECONDS:.0f} s allowed, {total / bare:.1f} x bare")


if __name__ == "__main__":
    main()
