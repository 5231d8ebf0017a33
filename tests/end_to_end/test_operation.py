"""The service as it is operated: API and workers in processes of their own, before a node that comes and goes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text

from end_to_end.conftest import PROGRAM, Shell
from postgresql import NoServer, Server, server_programs

WAIT_SECONDS = 60
OUTAGE_SECONDS = float(os.environ.get("TALLYSTICK_TEST_OUTAGE_SECONDS", "0"))
"""How long a node stays away at least; longer than seconds for who wants to see it (tests/pipeline.md)."""
DRAFT = {"kind": "INVOICE", "issuer": "Supplier", "counterparty": "Buyer"}


class Node:
    """A development chain in a process of its own, always at the same port; it can be stopped and started."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._port = "0"
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        command = [sys.executable, "-m", "hardhat_free_devnet", "--data", str(self._data), "--port", self._port]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        found = re.search(r"http://\S+:(\d+)", self._process.stdout.readline())
        assert found is not None
        self.url, self._port = found.group(), found.group(1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.communicate()
            self._process = None


class Process:
    """A ``tallystick`` command that goes on until it is told to stop; its log is in ``log``."""

    def __init__(self, shell: Shell, log: Path, *arguments: str) -> None:
        self.log = log
        with log.open("a") as lines:
            self.running = subprocess.Popen(
                [*PROGRAM, *arguments],
                cwd=shell.folder,
                env=shell.environment,
                stdout=subprocess.PIPE,
                stderr=lines,
                text=True,
            )
        assert self.running.stdout is not None
        self.first_line = self.running.stdout.readline()
        assert self.first_line, log.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """Its log so far; every line must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def says(self, message: str) -> bool:
        return any(line["message"] == message for line in self.lines())

    def end(self, number: signal.Signals) -> int:
        self.running.send_signal(number)
        return self.running.wait(WAIT_SECONDS)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node that runs."""
    node = Node(tmp_path / "node.sqlite3")
    node.start()
    yield node
    node.stop()


@pytest.fixture
def start(shell: Shell, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts commands, and kills at the end what still runs."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Process:
            process = Process(shell, tmp_path / f"{time.monotonic_ns()}.log", *arguments)
            stack.callback(process.running.wait)
            stack.callback(process.running.kill)
            return process

        yield start


@contextmanager
def client_of(process: Process, key: str) -> Iterator[httpx.Client]:
    url = process.first_line.split()[1].removesuffix(",").removesuffix("/v1")
    with httpx.Client(base_url=url, timeout=WAIT_SECONDS, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


def traders(shell: Shell) -> str:
    """A key of an organisation that acts for a supplier and a buyer."""
    for role in ("Supplier", "Buyer"):
        shell.ok("party", "add", role, "--id", f"LEI:{role.upper()}")
    return key_of(shell, "Traders", "--role", "party", "--party", "Supplier", "--party", "Buyer")


def key_of(shell: Shell, *account: str) -> str:
    """The key of a new account."""
    secret: str = json.loads(shell.ok("account", "add", *account, "--json"))["secret"]
    return secret


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Trade:
    """Records invoices of one contract and sees them final."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        content = {"contractNumber": "C-1", "issuerRole": "supplier", "currency": "EUR", "paymentTermsDays": 30}
        contract = {**DRAFT, "kind": "CONTRACT", "countersigned": True, "content": content}
        made = client.post("/v1/evidence", json=contract)
        assert made.status_code == 201, made.text
        self.deal = made.json()["deal"]
        self.tried = 0
        self.invoices: list[str] = []
        """Those that were acknowledged."""

    def invoice(self) -> str:
        """A new invoice, recorded."""
        assert self.try_invoice() == 201
        return self.invoices[-1]

    def try_invoice(self) -> int:
        """The status that a new invoice is answered with; it counts if it is acknowledged."""
        self.tried += 1
        content = {
            "invoiceNumber": f"I-{self.tried}",
            "issueDate": "2026-01-02",
            "dueDate": "2026-02-01",
            "currency": "EUR",
            "payableAmount": "100.00",
        }
        made = self.client.post("/v1/evidence", json={**DRAFT, "deal": self.deal, "content": content})
        if made.status_code == 201:
            self.invoices.append(made.json()["evidence"])
        return made.status_code

    def is_final(self, evidence: str) -> bool:
        return bool(self.client.get(f"/v1/evidence/{evidence}").json()["status"] == "final")


@pytest.mark.slow
def test_workers_take_over_and_nothing_is_lost_whatever_goes_away(
    shell: Shell, node: Node, start: Callable[..., Process]
) -> None:
    """An API and two workers in one home: the leader is killed, the node restarted; everything is sealed once."""
    shell.ok("init", "--rpc", node.url)
    key, registrar = traders(shell), key_of(shell, "Registrar", "--role", "registrar")
    api = start("serve", "--no-worker", "--port", "0")
    leader = start("worker")
    until(lambda: leader.says("worker: leads"), "no worker leads")
    follower = start("worker")
    with client_of(api, key) as client:
        trade = Trade(client)
        first = trade.invoice()
        until(lambda: trade.is_final(first), "the leader seals nothing")
        assert not follower.says("worker: leads")

        assert leader.end(signal.SIGKILL) == -signal.SIGKILL
        second = trade.invoice()
        until(lambda: trade.is_final(second), "nobody takes over")
        assert follower.says("worker: leads")

        assert client.get("/readyz").json()["status"] == "ready"
        node.stop()
        back_at = time.monotonic() + OUTAGE_SECONDS
        until(lambda: client.get("/readyz").status_code == 503, "/readyz does not see that the node is gone")
        failing = client.get("/readyz")
        assert failing.headers["retry-after"]
        parts = failing.json()["parts"]
        assert (parts["database"]["status"], parts["chain"]["status"]) == ("ok", "failing")
        assert client.get("/healthz").status_code == 200
        third = trade.invoice()
        lender = {"name": "Lender", "identifiers": ["LEI:LENDER"]}
        as_registrar = {"Authorization": f"Bearer {registrar}"}
        kept = client.post("/v1/parties", json=lender, headers=as_registrar)
        assert kept.status_code == 201, kept.text
        signers = f"/v1/parties/{kept.json()['party']}/signers"
        assert [one["state"] for one in client.get(signers, headers=as_registrar).json()] == ["queued"]
        assert "tallystick_evidence_pending 1.0" in client.get("/metrics").text
        late = start("worker", "--log-format", "text", "--metrics-port", "0")
        watched = late.first_line.split()[1].removesuffix("/metrics")
        assert httpx.get(f"{watched}/healthz").status_code == 200
        until(lambda: httpx.get(f"{watched}/readyz").status_code == 503, "the late worker calls itself ready")
        assert "tallystick_worker_leads 0.0" in httpx.get(f"{watched}/metrics").text
        assert httpx.get(f"{watched}/v1/account").status_code == 404
        until(lambda: "WARNING tallystick.worker: worker: " in late.log.read_text(), "the late worker says nothing")
        assert late.end(signal.SIGTERM) == 0
        while time.monotonic() < back_at:
            assert client.get("/readyz").status_code == 503
            time.sleep(1)
        node.start()
        until(lambda: client.get("/readyz").status_code == 200, "/readyz does not see that the node is back")
        until(lambda: trade.is_final(third), "the worker does not go on by itself")
        until(
            lambda: client.get(signers, headers=as_registrar).json()[0]["state"] == "active",
            "a party that was kept while the node was away is not admitted",
        )

        history = client.get("/v1/parties/Buyer/history").json()
        assert (history["complete"], history["entryCount"]) == (True, 4)
        metrics = client.get("/metrics").text
        assert 'tallystick_batches{state="final"}' in metrics
        assert re.search(r'tallystick_rpc_requests_total\{method="eth_\w+",outcome="unreachable"\}', metrics)
        assert 'route="/v1/evidence",status="201"} 4.0' in metrics
    for process in (follower, api):
        assert process.end(signal.SIGTERM) == 0
        assert all({"time", "level", "logger", "message"} <= line.keys() for line in process.lines())
    answered = [line for line in api.lines() if line["message"] == "answered"]
    recorded = [line for line in answered if (line["route"], line["status"]) == ("/v1/evidence", 201)]
    assert len({line["request"] for line in recorded}) == 4
    assert not re.search("Supplier|LEI|" + trade.invoices[0], api.log.read_text())
    assert shell.json("seal") == {"batches": 0}


def test_an_embedded_chain_belongs_to_one_process(shell: Shell) -> None:
    """Without a node, neither an API without its worker nor a worker alone can do anything: the reason is said."""
    shell.ok("init")
    for command in (["serve", "--no-worker"], ["worker"]):
        said = shell.refused(*command, code=2)
        assert "which one process has to itself" in said
        assert "tallystick serve" in said


def test_the_doctor_says_what_is_wrong_and_what_to_do(shell: Shell, node: Node) -> None:
    """Everything is ok in a new home; then the node is stopped, a key removed and the passphrase wrong, one by one."""
    assert {one["check"] for one in json.loads(shell.refused_output("doctor", "--json"))} == {"configuration"}
    shell.ok("init", "--rpc", node.url)
    found = {one["check"]: one for one in json.loads(shell.ok("doctor", "--json"))}
    wrong = {name: one for name, one in found.items() if one["level"] == "fail"}
    assert wrong == {}
    for check in ("keystore", "operator key", "database", "chain", "finality", "operator", "operator balance", "disk"):
        assert found[check]["level"] == "ok", found[check]
    key = next(path for path in (shell.home / "keys").iterdir() if path.name.startswith("0x"))
    kept = key.read_bytes()
    key.unlink()
    node.stop()
    found = {one["check"]: one for one in json.loads(shell.refused_output("doctor", "--json"))}
    failing = {name for name, one in found.items() if one["level"] == "fail"}
    assert failing == {"operator key", "registrar key", "chain"}
    assert all(one["todo"] for one in found.values() if one["level"] != "ok")
    key.write_bytes(kept)
    node.start()
    assert "what to do" not in shell.ok("doctor")


class SqliteBackup:
    """The database of a home, as one file."""

    options: tuple[str, ...] = ()

    def __init__(self, shell: Shell, copy: Path) -> None:
        self._live, self._copy = shell.home / "ledger.sqlite3", copy

    def take(self) -> None:
        with closing(sqlite3.connect(self._live)) as source:
            source.execute("VACUUM INTO ?", (str(self._copy),))

    def lose_and_restore(self) -> None:
        """The home is in place again, without its database."""
        self._copy.rename(self._live)


class PostgresqlBackup:
    """A database of its own on a real server, as ``pg_dump`` writes it."""

    def __init__(self, server: Server, copy: Path) -> None:
        self._administrator = make_url(server.url).set(drivername="postgresql+psycopg")
        self._url = make_url(server.url).set(database="tallystick").render_as_string()
        self._copy = copy
        self.options = ("--database", self._url)
        self._do("CREATE DATABASE tallystick")

    def take(self) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self._copy}", self._url)

    def lose_and_restore(self) -> None:
        self._do("DROP DATABASE tallystick WITH (FORCE)")
        self._do("CREATE DATABASE tallystick")
        self._run("pg_restore", "--exit-on-error", f"--dbname={self._url}", str(self._copy))

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([server_programs() / program, *arguments], check=True)

    def _do(self, statement: str) -> None:
        engine = create_engine(self._administrator, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def backup(request: pytest.FixtureRequest, shell: Shell, tmp_path: Path) -> Iterator[SqliteBackup | PostgresqlBackup]:
    """How the database of a home is backed up and restored."""
    if request.param == "sqlite":
        yield SqliteBackup(shell, tmp_path / "ledger.copy")
        return
    try:
        server = Server.of_this_machine()
    except NoServer as error:
        pytest.skip(str(error))
    with server.running():
        yield PostgresqlBackup(server, tmp_path / "ledger.copy")


def test_a_backup_taken_while_the_service_works_is_whole(
    shell: Shell,
    node: Node,
    start: Callable[..., Process],
    backup: SqliteBackup | PostgresqlBackup,
    tmp_path: Path,
) -> None:
    """As docs/operations.md says: copied while it works, put in place of the home, and it goes on where it was."""
    shell.ok("init", "--rpc", node.url, *backup.options)
    key = traders(shell)
    served = start("serve", "--port", "0")
    with client_of(served, key) as client:
        trade = Trade(client)
        for _ in range(3):
            sealed = trade.invoice()
        until(lambda: trade.is_final(sealed), "nothing is sealed")
        waiting = trade.invoice()
        backup.take()
        copy = tmp_path / "copy"
        shutil.copytree(shell.home, copy, ignore=shutil.ignore_patterns("*.sqlite3*", "*.lock", "lock"))
        served.end(signal.SIGKILL)
    shutil.rmtree(shell.home)
    copy.rename(shell.home)
    backup.lose_and_restore()
    shell.ok("seal")
    served = start("serve", "--port", "0")
    with client_of(served, key) as client:
        trade.client = client
        until(lambda: trade.is_final(waiting), "what waited is not sealed")
        trade.invoice()
        until(lambda: trade.is_final(trade.invoices[-1]), "the restored home does not go on")
        history = client.get("/v1/parties/Buyer/history").json()
        assert (history["complete"], history["entryCount"]) == (True, 6)
        assert served.end(signal.SIGTERM) == 0


@pytest.fixture
def small_disk(shell: Shell) -> Iterator[Path]:
    """A file system of 24 MB under the home."""
    shell.home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(shell.home)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    yield shell.home
    subprocess.run(["umount", "-l", str(shell.home)], check=True)


@pytest.mark.slow
def test_a_full_disk_refuses_new_work_and_loses_none(
    shell: Shell, small_disk: Path, node: Node, start: Callable[..., Process]
) -> None:
    """Without room, recording is refused with 503 and /readyz says so; with room it goes on by itself, nothing lost."""
    home = small_disk / "home"
    shell = Shell(home, shell.folder, shell.passphrase)
    shell.ok("init", "--rpc", node.url)
    key = traders(shell)
    served = Process(shell, shell.folder / "full.log", "serve", "--port", "0")
    try:
        with client_of(served, key) as client:
            trade = Trade(client)
            first = trade.invoice()
            until(lambda: trade.is_final(first), "nothing is sealed")
            _fill(small_disk / "filler")
            until(lambda: trade.try_invoice() == 503, "a full disk takes everything")
            assert client.get("/readyz").status_code == 503
            (small_disk / "filler").unlink()
            until(lambda: trade.try_invoice() == 201, "nothing is recorded though there is room")
            until(lambda: all(map(trade.is_final, trade.invoices)), "what was acknowledged is not sealed")
            history = client.get("/v1/parties/Buyer/history").json()
            assert (history["complete"], history["entryCount"]) == (True, 1 + len(trade.invoices))
    finally:
        served.end(signal.SIGTERM)


def _fill(path: Path) -> None:
    """Leave no room beside ``path``."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)
