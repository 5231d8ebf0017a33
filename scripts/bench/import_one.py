"""What it takes to import one invoice of a supplier that has few, and one of a supplier that has many.

Fills a home of its own with made-up invoices, and between them imports single ones, each by itself; prints their
processor time as a ratio to that of the first: 1 means that what is recorded costs nothing. Example::

    python scripts/bench/import_one.py --invoices 1000 10000 50000
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.tables import MAPPING, as_csv, made_up
from tallystick import bootstrap
from tallystick.config import Home
from tallystick.intake.readers import Options, read_file
from tallystick.service.context import Context
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import import_documents
from tallystick.service.documents.outcomes import Status
from tallystick.service.parties import NewParty, add_parties, parse_identifier

SINGLE = 15
"""Invoices that are imported by themselves at each size."""


def import_rows(context: Context, rows: list[list[str]], header: list[str]) -> None:
    """Import ``rows``, all of which have to be recorded."""
    read = read_file("invoices.csv", as_csv([header, *rows]), Options(MAPPING))
    done = import_documents(context, [read], Rules(allow_similar=True))
    if done.counts()[Status.RECORDED] != len(rows):
        raise SystemExit(f"expected {len(rows)} recorded, got {done.counts()}")


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description="Time the import of one invoice beside few and beside many.")
    parser.add_argument("--invoices", type=int, nargs="+", default=[1_000, 10_000], help="sizes, ascending")
    sizes = parser.parse_args().invoices
    environment = {**os.environ, "TALLYSTICK_PASSPHRASE": "bench"}
    header, *rows = made_up(sizes[-1] + SINGLE * len(sizes))
    first = None
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        bootstrap.init_home(home, environment=environment)
        with bootstrap.open_home(home, environment=environment) as opened:
            context = opened.context
            add_parties(context, [NewParty("Supplier GmbH", (parse_identifier("VAT:DE136695976"),))])
            here = 0
            for size in sizes:
                import_rows(context, rows[here:size], header)
                here, taken = size, []
                for row in rows[here : here + SINGLE]:
                    started = time.process_time()
                    import_rows(context, [row], header)
                    taken.append(time.process_time() - started)
                here += SINGLE
                median = statistics.median(taken)
                first = first or median
                print(
                    f"one invoice beside {size}: {median * 1_000:.1f} ms, {median / first:.2f} of the first", flush=True
                )


if __name__ == "__main__":
    main()
