"""Whether the server's memory stays flat: a large document there and back, and many lines of evidence, over HTTP.

A home with an embedded chain is served by a process of its own. Printed are

- by document: how far the server's memory rose above where it was, and that as a share of the document;
- of the lines: the same at each tenth, and CPU a line of the last tenth as a multiple of that of the first.

Example::

    python scripts/bench/http_memory.py --megabytes 100 --lines 100000
    python scripts/bench/http_memory.py --documents s3://bucket/documents --lines 0
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from bench.anvil import BenchError  # noqa: E402
from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, changed  # noqa: E402
from tallystick.client import Client, DraftBody  # noqa: E402

PROGRAM = [sys.executable, "-c", "from tallystick.cli import main; main()"]
MEGABYTE = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A process of this machine, by its id."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    def begin(self) -> float:
        """Let the peak begin anew; the memory now, in MiB."""
        (self._folder / "clear_refs").write_text("5")
        return self._status("VmRSS")

    def peak(self) -> float:
        """The most memory since then, in MiB."""
        return self._status("VmHWM")

    def cpu_seconds(self) -> float:
        """What it computed so far."""
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _status(self, name: str) -> float:
        found = re.search(rf"{name}:\s+(\d+) kB", (self._folder / "status").read_text())
        assert found is not None, "Linux says so of every process"
        return int(found[1]) / 1024


@contextmanager
def served(folder: Path, documents: str | None) -> Iterator[tuple[Process, Client]]:
    """A server of a new home in ``folder``, and a client that acts for both parties."""
    environment = {**os.environ, "TALLYSTICK_HOME": str(folder / "home"), "TALLYSTICK_PASSPHRASE": "bench bench"}

    def run(*arguments: str) -> str:
        done = subprocess.run([*PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"tallystick {arguments[0]} failed: {done.stderr.strip()}", todo="See the message.")
        return done.stdout

    run("init")
    if documents is not None:
        settings = folder / "home" / "tallystick.toml"
        settings.write_text(settings.read_text().replace("[store]\n", f'[store]\ndocuments_url = "{documents}"\n'))
    run("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    run("party", "add", "Buyer AG", "--id", BUYER)
    secret = json.loads(
        run("account", "add", "Trader", "--role", "party", "--party", SUPPLIER, "--party", BUYER, "--json")
    )["secret"]
    command = [*PROGRAM, "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://[\d.:]+", server.stdout.readline())
            assert found is not None, "the server says where it listens"
            with Client(found.group(), secret, timeout=600) as client:
                yield Process(server.pid), client
        finally:
            server.send_signal(signal.SIGTERM)


def measure_documents(process: Process, client: Client, folder: Path, megabytes: int) -> None:
    """Send documents there and back; the first one is small, so that what is loaded once is there."""
    for size in (1, max(1, megabytes // 10), megabytes):
        sent, back = folder / "sent", folder / "back"
        sent.write_bytes(os.urandom(size * MEGABYTE))
        before = process.begin()
        kept = client.upload_document(sent)
        up = process.peak() - before
        before = process.begin()
        client.download_document(kept.sha256, to=back)
        down = process.peak() - before
        shares = f"{up / size:.3f} and {down / size:.3f} of it"
        print(f"document of {size} MiB: up {up:.1f} MiB, down {down:.1f} MiB above start: {shares}")


def measure_lines(process: Process, client: Client, lines: int) -> None:
    """Record ``lines`` invoices line by line."""
    client.record_evidence(DraftBody.model_validate(CONTRACT))
    drafts = (DraftBody.model_validate(changed(INVOICE, invoiceNumber=str(number))) for number in range(lines))
    before, cpu, spent = process.begin(), process.cpu_seconds(), []
    for done, told in enumerate(client.record_evidence_lines(drafts), 1):
        if "evidence" not in told:
            raise BenchError(f"line {told['line']}: {told['problem']}", todo="See the problem.")
        if done % (lines // 10) == 0:
            now = process.cpu_seconds()
            spent.append(now - cpu)
            cpu = now
            print(f"{done} lines: at most {process.peak() - before:.1f} MiB above start")
    print(f"CPU a line, last tenth to first: {spent[-1] / spent[0]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100, help="Size of the largest document, at most 100.")
    parser.add_argument("--lines", type=int, default=100_000, help="Lines of evidence, in tens; 0: none.")
    parser.add_argument("--documents", help="Where documents lie; else in the home.")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), given.documents) as (process, client),
    ):
        measure_documents(process, client, Path(folder), given.megabytes)
        if given.lines:
            measure_lines(process, client, given.lines)


if __name__ == "__main__":
    main()
