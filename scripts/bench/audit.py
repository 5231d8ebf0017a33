"""How long an audit replay takes on one core, beside how fast coincurve alone recovers public keys; and its memory.

Imports ledgers of several suppliers into a home with an embedded chain, exports the archive, and replays it in a
process of its own, at two sizes. What the node computes is taken off: it is not the auditor's. Memory is the peak of
that process over what it has when it begins, the embedded node's own caches included; the largest log is the same at
both sizes. With ``--entries`` it is the largest log that grows: one supplier, whose log has about as many entries.
Example::

    python scripts/bench/audit.py --suppliers 3 12 --lines 300
    python scripts/bench/audit.py --entries 3000 10000 30000 100000
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import coincurve

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "backend"), str(ROOT / "scripts")]

from bench.import_receivables import made_up_ledger  # noqa: E402
from tallystick import auditing, bootstrap  # noqa: E402
from tallystick.chain.embedded import open_embedded  # noqa: E402
from tallystick.config import Home  # noqa: E402
from tallystick.intake.receivables import read_receivables  # noqa: E402
from tallystick.protocol.archive import parse_archived  # noqa: E402
from tallystick.service import archive, importing, parties  # noqa: E402
from tallystick.service.audit.report import outcome  # noqa: E402
from tallystick.service.seal import seal  # noqa: E402
from tallystick.store.archive import ArchiveReader  # noqa: E402
from tallystick.store.records import Identifier  # noqa: E402

CUSTOMERS = 20
ENTRIES_A_LINE = 3
"""About: an invoice, its acknowledgement, its payment, and now and then a dispute with its end."""
ENVIRONMENT = {**os.environ, "TALLYSTICK_PASSPHRASE": "bench"}


def build(folder: Path, suppliers: int, lines: int) -> None:
    """A home whose ``suppliers`` have each imported ``lines`` invoices, sealed and exported."""
    home = Home(folder / "home")
    bootstrap.init_home(home, environment=ENVIRONMENT)
    read = read_receivables(made_up_ledger(lines, CUSTOMERS), None, 1_000_000)
    with bootstrap.open_home(home, environment=ENVIRONMENT) as opened:
        for number in range(suppliers):
            member = parties.NewParty(f"Supplier {number}", (Identifier("ERP", f"SUPPLIER-{number}"),))
            owner = parties.add_parties(opened.context, [member])[0]
            scheme = f"{read.mapping.customer_scheme}{number}"
            importing.import_receivables(opened.context, owner, read.or_raise(), scheme, simulate_counterparties=True)
        seal(opened.context)
        archive.export(opened.context, auditing.archive_writer(folder / "archive", None))


class Node:
    """The embedded chain, whose time is counted apart."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self.seconds = 0.0

    def make_request(self, method: str, params: Any) -> Any:
        """The node's answer."""
        start = time.process_time()
        try:
            return self._provider.make_request(method, params)
        finally:
            self.seconds += time.process_time() - start


def signatures(folder: Path) -> list[tuple[bytes, bytes]]:
    """Every signature of the archive, as coincurve wants it, with what it signs."""
    reader = ArchiveReader(folder / "archive")
    manifest, _ = reader.manifest()
    found: list[tuple[bytes, bytes]] = []
    for file in manifest.entries:
        for line in reader.lines(file.content, None):
            entry = parse_archived(line).entry
            digest = entry.evidence.evidence_id(manifest.deployment.domain)
            parts = (entry.signatures[at : at + 65] for at in range(0, len(entry.signatures), 65))
            found += [(digest, part[:64] + bytes([part[64] - 27])) for part in parts]
    return found


def recover(signed: list[tuple[bytes, bytes]]) -> float:
    """CPU seconds of bare recovery."""
    start = time.process_time()
    for digest, signature in signed:
        coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
    return time.process_time() - start


def peak_kib() -> int:
    """The most memory that this process has had since ``forget_peak``, in KiB (Linux)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, "a process has a peak"
    return int(found.group(1))


def forget_peak() -> int:
    """Begin the peak anew, and return what memory there is now, in KiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_kib()


def replay(folder: Path, *, profile: bool = False) -> dict[str, float]:
    """Replay the archive in ``folder``; what it took, between two rounds of bare recovery."""
    provider = open_embedded(folder / "home" / "chain.sqlite3")
    node = Node(provider)
    with tempfile.TemporaryDirectory() as work:
        order = auditing.AuditOrder("http://127.0.0.1", Path(work) / "work", [folder / "archive"])
        with auditing.open_audit(order, lambda *_: None, node) as opened:
            before = forget_peak()
            start = time.process_time()
            if profile:
                profiler = cProfile.Profile()
                audit = profiler.runcall(opened.run)
                pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
            else:
                audit = opened.run()
            seconds = time.process_time() - start - node.seconds
            after = peak_kib()
    provider.close()
    assert not audit.findings, f"{outcome(audit)}: {audit.findings[:3]}"
    signed = signatures(folder)
    return {
        "evidence": audit.evidence,
        "entries": sum(party.entries for party in audit.parties),
        "largest": max(party.entries for party in audit.parties),
        "signatures": len(signed),
        "seconds": seconds,
        "node": node.seconds,
        "bare": min(recover(signed) for _ in range(3)),
        "memory": (after - before) / 1024,
    }


def main() -> None:
    """Build, replay, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suppliers", type=int, nargs=2, default=(3, 12), help="the two sizes")
    parser.add_argument("--lines", type=int, default=300, help="invoices of each supplier")
    parser.add_argument("--rounds", type=int, default=3, help="how often to replay; the best round is reported")
    parser.add_argument("--entries", type=int, nargs="+", help="measure logs of about so many entries instead")
    parser.add_argument("--profile", action="store_true", help="show where the time goes at the smaller size instead")
    parser.add_argument("--replay", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replay is not None:
        print(json.dumps(replay(options.replay)))
        return
    sizes = [(suppliers, options.lines) for suppliers in options.suppliers]
    if options.entries is not None:
        sizes, options.rounds = [(1, int(entries / ENTRIES_A_LINE)) for entries in options.entries], 1
    for suppliers, lines in sizes[:1] if options.profile else sizes:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder), suppliers, lines)
            if options.profile:
                replay(Path(folder), profile=True)
                return
            command = [sys.executable, __file__, "--replay", folder]
            rounds = [
                json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                for _ in range(options.rounds)
            ]
        best = min(rounds, key=lambda one: one["seconds"] / one["bare"])
        print(
            f"{suppliers} suppliers: {best['evidence']:,} evidence, {best['signatures']:,} signatures, "
            f"{best['entries']:,} entries, {best['largest']:,} in the largest log\n"
            f"  replay {best['seconds']:.2f} s ({best['evidence'] / best['seconds']:,.0f} evidence/s), "
            f"bare recovery {best['bare']:.2f} s: {best['seconds'] / best['bare']:.2f} x; the node's own work "
            f"{best['node']:.2f} s\n  peak memory of the replay {min(one['memory'] for one in rounds):.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
