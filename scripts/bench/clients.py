"""What the service does under many clients at once: 500 connections, reads and writes mixed, PostgreSQL, anvil.

The server, a worker, PostgreSQL and anvil run in processes of their own. Each client has a key of its own and asks
without a pause over one connection: four fifths reads (an evidence, a party, the list of parties, now and then a
history), one fifth records an invoice. A bare FastAPI endpoint is asked by the same clients before and after, in the
same run: it is the peer. Printed are

- requests a second and p50, p99 by operation, and what shares of the peer's these are;
- answers by status: anything but a success and 429 is an error, and so is a lost connection;
- lost writes: every evidence that was acknowledged is asked for at the end, and must be final;
- CPU and memory of each process.

The exit code is 1 if there was an error or a loss.

Example::

    python scripts/bench/clients.py --minutes 5
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from bench.anvil import BenchError, running_anvil  # noqa: E402
from bench.http_bulk import Installation, _below, _cpu, _cpu_below, _memory  # noqa: E402
from postgresql import NoServer, Server  # noqa: E402
from tallystick import bootstrap  # noqa: E402
from tallystick.config import Home  # noqa: E402
from tallystick.protocol.types import to_hex  # noqa: E402
from tallystick.service import accounts  # noqa: E402
from tallystick.service.parties import NewParty, add_parties, parse_identifier  # noqa: E402
from tallystick.store.identities import Role  # noqa: E402

PAIRS = 20
"""Pairs of trading companies; the clients are shared out among them."""
BARE_SECONDS = 20.0
PATIENCE_SECONDS = 120.0
SETTLE_SECONDS = 600.0


@dataclass
class Told:
    """What the clients were answered."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    """Evidence ids with the key that recorded them."""
    complaints: Counter[str] = field(default_factory=Counter)
    """Errors, shortened, with how often each came."""
    took: float = 0.0
    cpu: float = 0.0
    """Seconds of CPU that the server used, where that was measured."""

    @property
    def rate(self) -> float:
        """Successes a second."""
        return sum(count for (_, status), count in self.statuses.items() if status < 400) / self.took

    def quantile(self, share: float, name: str | None = None) -> float:
        """Milliseconds that ``share`` of the successes of ``name``, or of all, took at most."""
        chosen = self.seconds[name] if name else list(itertools.chain(*self.seconds.values()))
        return 1000 * sorted(chosen)[min(len(chosen) - 1, int(share * len(chosen)))] if chosen else 0.0


class Connection:
    """One client: HTTP/1.1 over one connection, opened again where it was closed."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.key = key

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Status and body of the answer. Raises ``OSError`` or ``asyncio`` errors where there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        try:
            content = b"" if body is None else json.dumps(body).encode()
            head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(content)}\r\n\r\n"
            writer.write(head.encode() + content)
            told = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", told)
            answer = await reader.readexactly(int(length[1])) if length else b""
            if b"\r\nconnection: close" in told.lower():
                self.close()
            return int(told[9:12]), answer
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


Turn = Callable[[], tuple[str, str, str, Any]]
"""What a client asks next: a name for it, method, path and body."""


async def drive(told: Told, clients: list[tuple[Connection, Turn]], seconds: float) -> None:
    """Let every client ask, one question after the other, for so long."""
    ends_at = time.perf_counter() + seconds

    async def one(connection: Connection, turn: Turn) -> None:
        while time.perf_counter() < ends_at:
            name, method, path, body = turn()
            began = time.perf_counter()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    status, answer = await connection.ask(method, path, body)
            except (OSError, EOFError, TimeoutError) as error:
                told.complaints[f"{name}: {type(error).__name__}"] += 1
                continue
            told.statuses[name, status] += 1
            if status < 400:
                told.seconds[name].append(time.perf_counter() - began)
                if status == 201:
                    told.acknowledged.append((json.loads(answer)["evidence"], connection.key))
            elif status == 429:
                await asyncio.sleep(1)
            else:
                told.complaints[f"{name}: {status} {answer.decode(errors='replace')[:200]}"] += 1

    began = time.perf_counter()
    await asyncio.gather(*(one(*client) for client in clients))
    told.took = time.perf_counter() - began
    for connection, _ in clients:
        connection.close()


@dataclass
class Trade:
    """A pair of companies, the deal between them, and what their clients have recorded."""

    seller: str
    buyer: str
    deal: str = ""
    evidence: list[str] = field(default_factory=list)


def mixed(trade: Trade, dice: random.Random, numbers: Iterator[int]) -> Turn:
    """The turns of a client of ``trade``."""

    def turn() -> tuple[str, str, str, Any]:
        thrown = dice.random()
        if thrown < 0.20:
            return "recordEvidence", "POST", "/v1/evidence", _invoice(trade, next(numbers))
        if thrown < 0.22:
            return "readHistory", "GET", f"/v1/parties/{trade.buyer}/history", None
        if thrown < 0.30:
            return "listParties", "GET", "/v1/parties", None
        if thrown < 0.45:
            return "readParty", "GET", f"/v1/parties/{trade.buyer}", None
        return "readEvidence", "GET", f"/v1/evidence/{dice.choice(trade.evidence)}", None

    return turn


def bare_turn() -> tuple[str, str, str, Any]:
    """The one question of the peer's clients: a small body that is validated, and a small answer."""
    return "bare", "POST", "/echo", {"name": "x", "amount": "100.00"}


def serve_bare() -> None:
    """The peer: FastAPI with one endpoint, a model in and a model out, run as our server is."""
    import socket

    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Echo(BaseModel):
        name: str
        amount: str

    app = FastAPI()

    def echo(body: Echo) -> Echo:
        return body

    # the annotations are names of this function, which FastAPI can't look up
    echo.__annotations__ = {"body": Echo, "return": Echo}
    app.post("/echo")(echo)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])


@contextmanager
def bare() -> Iterator[tuple[int, int]]:
    """The peer in a process of its own, until the block ends; gives its port and its process id."""
    with subprocess.Popen([sys.executable, __file__, "--serve-bare"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().rpartition(":")[2]), process.pid
        finally:
            process.terminate()


def drive_bare(told: Told, clients: int) -> None:
    """Let as many clients ask the peer for a while."""
    with bare() as (port, process):
        before = _cpu(process)
        asyncio.run(drive(told, [(Connection(port, ""), bare_turn) for _ in range(clients)], BARE_SECONDS))
        told.cpu = _cpu(process) - before


def furnish(home: Path, clients: int) -> tuple[list[Trade], list[list[str]]]:
    """Pairs of parties in the home, and for each pair the keys of its clients."""
    named = [f"Company {number}" for number in range(2 * PAIRS)]
    environment = {"TALLYSTICK_PASSPHRASE": "bench bench"}
    with bootstrap.open_home(Home(home), environment=environment) as opened:
        members = [NewParty(name, (parse_identifier(f"ERP:{name.replace(' ', '-')}"),)) for name in named]
        made = [record.party for record in add_parties(opened.context, members)]
        trades, keys = [], []
        for pair in range(PAIRS):
            both = made[2 * pair : 2 * pair + 2]
            organisation = accounts.add_organisation(opened.context, "bench", f"pair {pair}", Role.PARTY, both)
            count = len(range(pair, clients, PAIRS)) or 1
            keys.append(
                [
                    accounts.issue_key(opened.context, "bench", organisation.organisation, "client")[1]
                    for _ in range(count)
                ]
            )
            trades.append(Trade(to_hex(both[0]), to_hex(both[1])))
    return trades, keys


async def begin(port: int, trades: list[Trade], keys: list[list[str]]) -> None:
    """A contract and an invoice for each pair, so that there is something to read."""
    for number, (trade, of_pair) in enumerate(zip(trades, keys, strict=True)):
        connection = Connection(port, of_pair[0])
        terms = {"contractNumber": f"C-{number}", "issuerRole": "supplier", "currency": "EUR", "paymentTermsDays": 30}
        draft = {"kind": "CONTRACT", "issuer": trade.seller, "counterparty": trade.buyer, "countersigned": True}
        trade.deal = (await _recorded(connection, {**draft, "content": terms}))["deal"]
        trade.evidence.append((await _recorded(connection, _invoice(trade, -number - 1)))["evidence"])
        connection.close()


async def settled(port: int, operator: str, expected: int) -> float:
    """Seconds until ``expected`` evidence are final. Raises ``BenchError`` after a while."""
    connection, began = Connection(port, operator), time.perf_counter()
    while time.perf_counter() - began < SETTLE_SECONDS:
        status, answer = await connection.ask("GET", "/v1/health")
        final = (json.loads(answer).get("evidence") or {}).get("final", 0) if status == 200 else 0
        if final >= expected:
            connection.close()
            return time.perf_counter() - began
        await asyncio.sleep(1)
    raise BenchError(f"Expected {expected} evidence to be final, got {final}.", todo="Look at the worker.")


async def lost(port: int, acknowledged: list[tuple[str, str]]) -> list[str]:
    """Those of the ``acknowledged`` evidence that are not there, or not final."""
    missing: list[str] = []
    left = iter(acknowledged)

    async def look() -> None:
        connection = Connection(port, "")
        for evidence, key in left:
            found = Connection(port, key)
            found._streams = connection._streams
            status, answer = await found.ask("GET", f"/v1/evidence/{evidence}")
            connection._streams = found._streams
            while status == 429:
                await asyncio.sleep(1)
                status, answer = await found.ask("GET", f"/v1/evidence/{evidence}")
                connection._streams = found._streams
            if status != 200 or json.loads(answer)["status"] != "final":
                missing.append(f"{evidence}: {status}")
        connection.close()

    await asyncio.gather(*(look() for _ in range(20)))
    return missing


def measure(minutes: float, clients: int) -> bool:
    """Run the bench and print what came of it; whether nothing went wrong."""
    numbers, dice = itertools.count(1), random.Random(1)  # noqa: S311 - the same seed asks the same
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        chain = stack.enter_context(running_anvil("--block-time", "1"))
        database = stack.enter_context(Server.of_this_machine().running())
        installation = Installation(folder / "home", chain.web3.provider.endpoint_uri, database.url)  # type: ignore[attr-defined]
        trades, keys = furnish(folder / "home", clients)
        api = stack.enter_context(installation.process("serve", "--no-worker", "--port", "0"))
        worker = stack.enter_context(installation.process("worker"))
        assert api.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", api.stdout.readline())
        assert found is not None, "the server says where it listens"
        port, operator = int(found[1]), installation.operator["Authorization"].partition(" ")[2]
        asyncio.run(begin(port, trades, keys))
        asyncio.run(settled(port, operator, 2 * PAIRS))
        driven = [
            (Connection(port, key), mixed(trade, dice, numbers))
            for trade, of_pair in zip(trades, keys, strict=True)
            for key in of_pair
        ][:clients]
        peers = [Told(), Told()]
        drive_bare(peers[0], clients)
        processes = {"server": api.pid, "worker": worker.pid, "anvil": _below("anvil")}
        before = {name: _cpu(process) for name, process in processes.items()}
        database_before, memory = _cpu_below(database.process), {n: _memory(p) for n, p in processes.items()}
        told, own = Told(), time.process_time()
        asyncio.run(drive(told, driven, minutes * 60))
        own = time.process_time() - own
        used = {name: _cpu(process) - before[name] for name, process in processes.items()}
        used |= {"PostgreSQL": _cpu_below(database.process) - database_before, "clients": own}
        drive_bare(peers[1], clients)
        waited = asyncio.run(settled(port, operator, 2 * PAIRS + len(told.acknowledged)))
        missing = asyncio.run(lost(port, told.acknowledged))
        memory_after = {name: _memory(process) for name, process in processes.items()}
    report(told, peers, used, waited)
    for name, size in memory.items():
        print(f"  {name}: {size} MB before, {memory_after[name]} MB after")
    print(
        f"lost writes: {len(missing)} of {len(told.acknowledged)} acknowledged"
        + "".join(f"\n  {m}" for m in missing[:10])
    )
    return not missing and not told.complaints


def report(told: Told, peers: list[Told], used: dict[str, float], waited: float) -> None:
    """Print the figures of a run."""
    requests = sum(told.statuses.values())
    peer_rate = sum(peer.rate for peer in peers) / len(peers)
    peer_p99 = sum(peer.quantile(0.99) for peer in peers) / len(peers)
    print(f"{requests} requests in {told.took:.0f} s: {told.rate:.0f} a second, p99 {told.quantile(0.99):.0f} ms")
    print(f"  bare FastAPI endpoint, same clients, before and after: {peer_rate:.0f} a second, p99 {peer_p99:.0f} ms")
    print(f"  {told.rate / peer_rate:.2f} of its rate, {told.quantile(0.99) / max(peer_p99, 0.001):.1f} times its p99")
    peer_cpu = sum(peer.cpu for peer in peers) / sum(sum(peer.statuses.values()) for peer in peers)
    print(f"  {used['server'] / requests / peer_cpu:.1f} times its CPU a request ({1000 * peer_cpu:.2f} ms)")
    for name in sorted(told.seconds):
        count = len(told.seconds[name])
        print(f"  {name:16} {count:7}  p50 {told.quantile(0.5, name):6.0f} ms  p99 {told.quantile(0.99, name):6.0f} ms")
    statuses: Counter[int] = Counter()
    for (_, status), count in told.statuses.items():
        statuses[status] += count
    print("  answers: " + "  ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
    for name, seconds in used.items():
        print(f"  {name}: {1000 * seconds / requests:.2f} ms of CPU a request, {seconds / told.took:.2f} of a core")
    print(f"  everything final {waited:.0f} s after the last request")
    print(f"errors: {sum(told.complaints.values())}")
    for complaint, count in told.complaints.most_common(10):
        print(f"  {count} times {complaint}")


def _invoice(trade: Trade, number: int) -> dict[str, Any]:
    content = {
        "invoiceNumber": f"I-{number}",
        "issueDate": "2026-01-02",
        "dueDate": "2026-02-01",
        "currency": "EUR",
        "payableAmount": "100.00",
    }
    named = {"issuer": trade.seller, "counterparty": trade.buyer, "deal": trade.deal}
    return {"kind": "INVOICE", **named, "content": content}


async def _recorded(connection: Connection, draft: dict[str, Any]) -> dict[str, Any]:
    status, answer = await connection.ask("POST", "/v1/evidence", draft)
    if status != 201:
        raise BenchError(f"record: expected 201, got {status}: {answer.decode()[:300]}", todo="See the message.")
    made: dict[str, Any] = json.loads(answer)
    return made


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code is 1 where something went wrong, or the bench can't run."""
    parser = argparse.ArgumentParser(description="Many clients at once.")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long the clients ask (5)")
    parser.add_argument("--clients", type=int, default=500, help="connections at once (500)")
    parser.add_argument("--serve-bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve_bare:
        serve_bare()
        return 0
    try:
        return 0 if measure(options.minutes, options.clients) else 1
    except (BenchError, NoServer) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
