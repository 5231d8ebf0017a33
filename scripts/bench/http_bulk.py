"""How much evidence a second the whole service carries from request to final: HTTP bulk, PostgreSQL, anvil.

The server, a worker, PostgreSQL and anvil run in processes of their own; one client posts drafts in bulk, one request
after the other, and waits while too many are pending: a queue in a database is durable, and not for ever. Printed are

- evidence a second from request to final, and what share that is of the same drafts recorded in this process, without
  HTTP, worker and chain, on SQLite: the peer;
- where the time goes: CPU seconds of each process by evidence;
- whether anything grew: pending evidence and the memory of server and worker at each third of the run.

Example::

    python scripts/bench/http_bulk.py --minutes 10 --bulk 500
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
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from rich.progress import Progress  # noqa: E402

from bench.anvil import BenchError, running_anvil  # noqa: E402
from postgresql import NoServer, Server  # noqa: E402
from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, changed, in_memory  # noqa: E402

PROGRAM = [sys.executable, "-c", "from tallystick.cli import main; main()"]
ANVIL_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first account of every anvil; it is published with the program."""
MOST_PENDING = 20_000
POLL_SECONDS = 1.0
PEER_DRAFTS = 1_500


def drafts(first: int, count: int) -> list[dict[str, Any]]:
    """Invoices of the supplier, numbered from ``first``."""
    return [{**changed(INVOICE, invoiceNumber=str(number)), "label": None} for number in range(first, first + count)]


def peer_rate() -> float:
    """Evidence a second recorded in this process."""
    with in_memory() as world:
        world.party("Supplier GmbH", SUPPLIER)
        world.party("Buyer AG", BUYER)
        world.record(CONTRACT)
        started = time.perf_counter()
        world.record(*drafts(0, PEER_DRAFTS))
        return PEER_DRAFTS / (time.perf_counter() - started)


class Installation:
    """A home on the node at ``rpc`` and the database at ``database``."""

    def __init__(self, home: Path, rpc: str, database: str) -> None:
        self._environment = {**os.environ, "TALLYSTICK_HOME": str(home), "TALLYSTICK_PASSPHRASE": "bench bench"}
        key = home.with_name("key")
        key.write_text(ANVIL_KEY)
        key.chmod(0o600)
        self.run("init", "--rpc", rpc, "--key-file", str(key), "--database", database)
        settings = home / "tallystick.toml"
        # anvil calls a block final a few blocks later than it must: two blocks on top are enough for a bench
        settings.write_text(settings.read_text().replace("[chain]\n", "[chain]\nfinality_blocks = 2\n"))
        self.run("party", "add", "Supplier GmbH", "--id", SUPPLIER)
        self.run("party", "add", "Buyer AG", "--id", BUYER)
        self.trader = self._key("Trader", "party", "--party", SUPPLIER, "--party", BUYER)
        self.operator = self._key("Operator", "operator")

    def _key(self, name: str, role: str, *options: str) -> dict[str, str]:
        """The header that authenticates a new organisation."""
        made = json.loads(self.run("account", "add", name, "--role", role, *options, "--json"))
        return {"Authorization": f"Bearer {made['secret']}"}

    def run(self, *arguments: str) -> str:
        """What ``tallystick`` with ``arguments`` prints."""
        command = [*PROGRAM, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"tallystick {arguments[0]} failed: {done.stderr.strip()}", todo="See the message.")
        return done.stdout

    @contextmanager
    def process(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """``tallystick`` with ``arguments``, running until the block ends."""
        command = [*PROGRAM, *arguments]
        with subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as running:
            try:
                yield running
            finally:
                running.send_signal(signal.SIGTERM)


def measure(minutes: float, bulk: int) -> None:
    """Run the bench and print what came of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        chain = stack.enter_context(running_anvil("--block-time", "1"))
        server = stack.enter_context(Server.of_this_machine().running())
        installation = Installation(folder / "home", chain.web3.provider.endpoint_uri, server.url)  # type: ignore[attr-defined]
        api = stack.enter_context(installation.process("serve", "--no-worker", "--port", "0"))
        worker = stack.enter_context(installation.process("worker"))
        assert api.stdout is not None
        found = re.search(r"http://[\d.:]+", api.stdout.readline())
        assert found is not None, "the server says where it listens"
        url, trader, operator = found.group(), installation.trader, installation.operator
        _post(url, trader, [CONTRACT])
        _wait_until(url, operator, lambda counts: counts.get("final", 0) == 1)
        processes = {"server": api.pid, "worker": worker.pid, "anvil": _below("anvil")}
        before = {name: _cpu(process) for name, process in processes.items()}
        database_before = _cpu_below(server.process)
        sent, waited, looked = 0, 0.0, 0.0
        states: list[tuple[dict[str, int], dict[str, int]]] = []
        started = time.perf_counter()
        with Progress(disable=not sys.stderr.isatty()) as shown:
            task = shown.add_task("posting", total=minutes * 60)
            while (passed := time.perf_counter() - started) < minutes * 60:
                shown.update(task, completed=passed)
                if passed - looked >= POLL_SECONDS or not looked:
                    # the figures are counted anew each time, which takes as long as the ledger is large
                    counts, looked = _counts(url, operator), passed
                if passed >= minutes * 60 / 3 * (len(states) + 1):
                    states.append((counts, {name: _memory(process) for name, process in processes.items()}))
                if sum(counts.get(state, 0) for state in ("pending", "sealing", "included")) > MOST_PENDING:
                    time.sleep(POLL_SECONDS)
                    waited += POLL_SECONDS
                    looked = 0.0
                    continue
                _post(url, trader, drafts(sent, bulk))
                sent += bulk
        posted = time.perf_counter() - started
        _wait_until(url, operator, lambda counts: counts.get("final", 0) == sent + 1)
        took = time.perf_counter() - started
        states.append((_counts(url, operator), {name: _memory(process) for name, process in processes.items()}))
        used = {name: _cpu(process) - before[name] for name, process in processes.items()}
        used["PostgreSQL"] = _cpu_below(server.process) - database_before
    rate, peer = sent / took, peer_rate()
    print(f"{sent} evidence in {took:.0f} s from the first request to the last one final: {rate:.0f} a second")
    print(f"  posted in {posted:.0f} s, of which {waited:.0f} s waiting because {MOST_PENDING} were pending")
    print(f"  {rate / peer:.2f} of the same drafts recorded in one process on SQLite ({peer:.0f} a second)")
    for name, seconds in used.items():
        print(f"  {name}: {1e6 * seconds / sent:.0f} us of CPU an evidence, {seconds / took:.2f} of a core")
    for part, (counts, memory) in enumerate(states, 1):
        sizes = ", ".join(f"{name} {size} MB" for name, size in memory.items())
        print(f"  after part {part}: {json.dumps({k: v for k, v in counts.items() if v})}; {sizes}")


def _post(url: str, who: dict[str, str], made: list[dict[str, Any]]) -> None:
    answer = requests.post(f"{url}/v1/evidence/bulk", json=made, headers=who, timeout=300)
    if answer.status_code != 201:
        raise BenchError(f"bulk: expected 201, got {answer.status_code}: {answer.text[:400]}", todo="See the message.")


def _counts(url: str, who: dict[str, str]) -> dict[str, int]:
    answer = requests.get(f"{url}/v1/health", headers=who, timeout=60).json()
    counts: dict[str, int] = answer.get("evidence") or {}
    return counts


def _wait_until(url: str, who: dict[str, str], is_so: Any) -> None:
    while not is_so(_counts(url, who)):
        time.sleep(POLL_SECONDS)


def _below(program: str) -> int:
    """The process id of the ``program`` that a child of this process started (Linux: /proc)."""
    for path in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if path.read_text().strip() == program and _parent(_parent(int(path.parent.name))) == os.getpid():
                return int(path.parent.name)
    raise BenchError(f"Expected a process {program} below this one, found none.", todo="Run it on Linux.")


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def _cpu(process: int) -> float:
    """CPU seconds that ``process`` has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu_below(process: int) -> float:
    """CPU seconds of ``process`` and of all that it started, those that have ended included."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return _cpu(process) + ended + sum(_cpu(int(child)) for child in children)


def _memory(process: int) -> int:
    """Resident megabytes of ``process``."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code is 1 where the bench can't run."""
    parser = argparse.ArgumentParser(description="Evidence a second from request to final.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to post (10)")
    parser.add_argument("--bulk", type=int, default=500, help="drafts in one request (500)")
    options = parser.parse_args(arguments)
    try:
        measure(options.minutes, options.bulk)
    except (BenchError, NoServer) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
