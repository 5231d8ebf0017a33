"""Kill a real installation at random moments, again and again, and check that nothing it promised was lost or doubled.

::

    anvil, a block every 50 ms, final four blocks later -------------------------------------------------------->
    process  start . record, seal, index . SIGKILL   start . record, ... . SIGKILL   ...   start, come to rest . oracle
    client         post . receipt . post .  no answer      post again . receipt ...

Rules:

- the process is the real server with its worker, on a home of its own, its store on SQLite or PostgreSQL; it is forked
  from this program, which has imported everything, and dies by SIGKILL 0.3 to 3 s later. That may be before it answers;
- the client notes every receipt. What was not answered is posted again in the next round, until it is answered or
  refused as recorded already: kept, and nobody heard;
- in half of the rounds the chain loses its newest one to three blocks as well, and what was in them, every half second;
- the oracle at the end: every evidence the client has an answer for is final, exactly once in the log of each party it
  concerns, under the receipt that was given; each document is recorded once; each log folds to its head on the chain; a
  clean replay of the chain gives the same index digest; the status events of each evidence tell one possible story.

The last line says how many rounds there were, how many receipts were given, and how much differs; the exit code is 1
where anything does.

Example::

    python scripts/kill_rounds.py --rounds 150 --seed 1 --database postgresql
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import requests  # noqa: E402

# all that a server needs, so that a round begins with a fork and not with seconds of imports
import tallystick.chain.rpc  # noqa: E402
import tallystick.web.server  # noqa: E402, F401
from nodes import anvil, ask, fund  # noqa: E402
from postgresql import Schemas, Server  # noqa: E402
from tallystick import bootstrap, running  # noqa: E402
from tallystick.cli.receipt import receipt_json  # noqa: E402
from tallystick.config import Home  # noqa: E402
from tallystick.errors import ChainError  # noqa: E402
from tallystick.intake.drafts import parse_draft  # noqa: E402
from tallystick.protocol import signing  # noqa: E402
from tallystick.protocol.evidence import subjects  # noqa: E402
from tallystick.protocol.hashing import keccak256  # noqa: E402
from tallystick.protocol.log import fold  # noqa: E402
from tallystick.protocol.promise import Promise  # noqa: E402
from tallystick.protocol.receipt import format_receipt  # noqa: E402
from tallystick.protocol.types import EvidenceId, to_hex  # noqa: E402
from tallystick.service import accounts, parties, receipts, record, work  # noqa: E402
from tallystick.service.context import Context  # noqa: E402
from tallystick.service.digest import index_digest  # noqa: E402
from tallystick.service.index import index  # noqa: E402
from tallystick.service.report import log_append  # noqa: E402
from tallystick.service.seal import seal  # noqa: E402
from tallystick.store.identities import Role  # noqa: E402
from tallystick.store.records import BatchState, EvidenceRecord, EvidenceState  # noqa: E402
from tallystick.store.sql import open_store  # noqa: E402

BLOCK_SECONDS = 0.05
EPOCH_SLOTS = 2
"""anvil calls final what has two epochs on top of it: four blocks."""
SHORTEST_SECONDS, LONGEST_SECONDS = 0.3, 3.0
"""How long a process lives."""
WORKER_WAIT_SECONDS = 0.1
"""The worker looks for news as often as a chain of such short blocks has any; so there is more to interrupt."""
DEEPEST_REORG = 3
REORG_RATE = 0.5
LONGEST_CALM_SECONDS = 1.0
CLIENTS = 2
REST_SECONDS = 30.0
RECEIPTS_CHECKED = 200
"""How many receipts are checked as their holders would; that all were kept follows from the rest."""
ENVIRONMENT = {"TALLYSTICK_PASSPHRASE": "killed and killed again"}
SUPPLIER, BUYER = "LEI:5493001KJTIIGC8Y1R12", "VAT:DE136695976"
CONTRACT: dict[str, Any] = {
    "kind": "CONTRACT",
    "issuer": SUPPLIER,
    "counterparty": BUYER,
    "countersigned": True,
    "content": {"contractNumber": "C-1", "issuerRole": "supplier", "currency": "EUR", "paymentTermsDays": 30},
}


@dataclass
class Client:
    """Who posts invoices, notes the receipts, and posts again what was not answered."""

    key: str
    """Its API key."""
    receipts: dict[str, Any] = field(default_factory=dict)
    """By evidence id, as they were answered."""
    heard_later: int = 0
    """Documents that were refused as recorded already: their answer was lost with a process."""
    unexpected: Counter[str] = field(default_factory=Counter)
    """Answers that say neither; a busy store or a chain that answers with an error may give some."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: int = 0
    _unanswered: list[str] = field(default_factory=list)

    def post_until(self, url: str, ended: threading.Event) -> None:
        """Post one document after the other to ``url`` until nobody answers or ``ended``."""
        with requests.Session() as session:
            while not ended.is_set() and self._post(session, url):
                pass

    def _post(self, session: requests.Session, url: str) -> bool:
        """Post one document; whether there was an answer."""
        number = self._next()
        try:
            headers = {"Authorization": f"Bearer {self.key}"}
            answer = session.post(f"{url}/v1/evidence", json=_invoice(number), headers=headers, timeout=30)
            body = answer.json()
        except (requests.RequestException, ValueError):
            self._unanswered.append(number)
            return False
        if answer.status_code == 201:
            self.receipts[body["evidence"]] = body["receipt"]
        elif answer.status_code == 409 and body["type"].endswith(":duplicate"):
            self.heard_later += 1
        else:
            self._unanswered.append(number)
            self.unexpected[f"{answer.status_code} {body.get('detail', '')[:90]}"] += 1
        return True

    def ask_again(self, url: str) -> None:
        """Post to ``url`` what was not answered, until all is."""
        deadline = time.monotonic() + 60
        while self._unanswered:
            assert time.monotonic() < deadline, f"not answered: {self.unexpected}"
            self._post(requests.Session(), url)

    @property
    def documents(self) -> int:
        """How many were answered, the contract among them."""
        return 1 + self._numbers - len(self._unanswered)

    def _next(self) -> str:
        with self._lock:
            if self._unanswered:
                return self._unanswered.pop()
            self._numbers += 1
            return f"K-{self._numbers}"


class BlockMaker:
    """Makes a block every ``BLOCK_SECONDS`` on the anvil at ``node_url``, in a process of its own.

    Not anvil itself: a block that it makes while it reorganises may leave its state without what its logs tell.
    """

    def __init__(self, node_url: str) -> None:
        forking = multiprocessing.get_context("fork")
        self._asks, asked = forking.Pipe()
        self._process = forking.Process(target=_make_blocks, args=(node_url, asked), daemon=True)
        self._process.start()

    def reorganise(self, depth: int) -> None:
        """Other blocks, which are empty, take the place of the newest ``depth``."""
        self._asks.send(depth)
        self._asks.recv()

    def stop(self) -> None:
        """Make no more."""
        self._process.kill()
        self._process.join()


def _make_blocks(node_url: str, asked: Connection) -> None:
    while True:
        if asked.poll(BLOCK_SECONDS):
            ask(node_url, "anvil_reorg", asked.recv(), [])
            asked.send(None)
        ask(node_url, "evm_mine")


@dataclass(frozen=True)
class Rounds:
    """Rounds on ``home``, whose chain is made by ``chain``, in the order that ``pick`` decides."""

    home: Home
    chain: BlockMaker
    pick: random.Random
    client: Client

    def play(self, count: int) -> None:
        """``count`` processes, each killed."""
        for number in range(count):
            self.play_one()
            if sys.stderr.isatty() or (number + 1) % 10 == 0:
                print(f"{number + 1} rounds, {len(self.client.receipts)} receipts", file=sys.stderr, flush=True)

    def play_one(self) -> None:
        """One process, from its start to its death."""
        lives = self.pick.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)
        reorgs = list(self._reorgs(lives)) if self.pick.random() < REORG_RATE else []
        death = time.monotonic() + lives
        with _process(self.home) as (process, told):
            ended = threading.Event()
            clients: list[threading.Thread] = []
            for at, depth in reorgs:
                self._listen(told, ended, clients, death - lives + at)
                self.chain.reorganise(depth)
            self._listen(told, ended, clients, death)
            assert process.is_alive(), "the server ended by itself"
            process.kill()
            process.join()
            ended.set()
            for client in clients:
                client.join()

    def _reorgs(self, lives: float) -> Iterator[tuple[float, int]]:
        """When in a life, and how deep."""
        at = self.pick.uniform(0, LONGEST_CALM_SECONDS)
        while at < lives:
            yield at, self.pick.randint(1, DEEPEST_REORG)
            at += self.pick.uniform(0, LONGEST_CALM_SECONDS)

    def finish(self) -> None:
        """One more process, to ask again what the last ones did not answer."""
        with _process(self.home) as (_, told):
            assert told.poll(60), "the server does not start"
            self.client.ask_again(told.recv())

    def _listen(self, told: Connection, ended: threading.Event, clients: list[threading.Thread], until: float) -> None:
        """Wait ``until`` then; let clients post as soon as the server tells where it listens."""
        if not clients and told.poll(max(0.0, until - time.monotonic())):
            with suppress(EOFError):
                url = told.recv()
                clients += [
                    threading.Thread(target=self.client.post_until, args=(url, ended), daemon=True)
                    for _ in range(CLIENTS)
                ]
                for client in clients:
                    client.start()
        time.sleep(max(0.0, until - time.monotonic()))


@contextmanager
def _process(home: Home) -> Iterator[tuple[Any, Connection]]:
    """A server of ``home`` in a process of its own, killed at the latest when the block ends; it tells its URL."""
    forking = multiprocessing.get_context("fork")
    told, tells = forking.Pipe(duplex=False)
    process = forking.Process(target=_serve, args=(home, tells))
    process.start()
    tells.close()
    try:
        yield process, told
    finally:
        process.kill()
        process.join()
        told.close()


def _serve(home: Home, tells: Connection) -> None:
    os.environ.update(ENVIRONMENT)
    work.LAST_WAIT_SECONDS = WORKER_WAIT_SECONDS
    running.serve(home, "127.0.0.1", 0, tells.send)


def _invoice(number: str) -> dict[str, Any]:
    fields = {"invoiceNumber": number, "issueDate": "2026-01-02", "dueDate": "2026-02-01", "currency": "EUR"}
    content = {**fields, "payableAmount": "1250.00"}
    return {"kind": "INVOICE", "issuer": SUPPLIER, "counterparty": BUYER, "content": content}


def make_home(home: Home, node_url: str, database_url: str | None) -> str:
    """A home with a supplier and a buyer who have a contract, on the node at ``node_url``; a key that acts for both."""
    key = keccak256(b"tallystick/kill-rounds/operator")
    fund(node_url, {signing.private_key_address(key): 10**22})
    bootstrap.init_home(home, environment=ENVIRONMENT, rpc_url=node_url, database_url=database_url, funded_key=key)
    with _at_rest(home) as context:
        members = [("Supplier GmbH", SUPPLIER), ("Buyer AG", BUYER)]
        made = parties.add_parties(
            context, [parties.NewParty(name, (parties.parse_identifier(text),)) for name, text in members]
        )
        _wait_for_final(context, context.chain.account(context.operator).block.number)
        index(context)
        record.record(context, [parse_draft(CONTRACT, "contract")])
        trader = accounts.add_organisation(context, "bench", "Trader", Role.PARTY, [one.party for one in made])
        return accounts.issue_key(context, "bench", trader.organisation, "bench")[1]


@contextmanager
def _at_rest(home: Home) -> Iterator[Context]:
    """``home`` at work in this process."""
    with bootstrap.open_home(home, environment=ENVIRONMENT) as opened:
        _wait_for_final(opened.context, opened.context.chain.deployment.block_number)
        yield opened.context


def _wait_for_final(context: Context, number: int) -> None:
    deadline = time.monotonic() + 60
    while context.chain.final_block().number < number:
        assert time.monotonic() < deadline, f"block {number} does not become final"
        time.sleep(BLOCK_SECONDS)


def come_to_rest(context: Context) -> Counter[str]:
    """Seal what is pending and see it final; what was refused on the way, and went well when tried again."""
    refusals: Counter[str] = Counter()
    deadline = time.monotonic() + REST_SECONDS
    while True:
        try:
            seal(context)
        except ChainError as error:  # as the worker does; what stays is raised
            refusals[f"at rest: {error.message}"] += 1
            if time.monotonic() > deadline:
                raise
            time.sleep(BLOCK_SECONDS)
        else:
            return refusals


# the oracle


class Oracle:
    """What must be true of an installation at rest; ``differences`` says what is not."""

    def __init__(self, context: Context, client: Client) -> None:
        self._context = context
        self._client = client
        self.differences: list[str] = []
        self._cursor = index(context)
        with context.store.transaction(read_only=True) as transaction:
            self._batches = transaction.batches(list(BatchState))
            self._entries = [transaction.batch_entries(one.operator, one.batch_id) for one in self._batches]
            self._subjects = transaction.subjects()
            self._logs = {
                subject: [entry.record for entry in transaction.log(subject, self._cursor.block_number)]
                for subject in self._subjects
            }
            self._events = transaction.status_events(0, 10**7)
            self._counts = transaction.counts().evidence
            self.digest = index_digest(transaction, self._cursor.block_number)
        self._records: dict[EvidenceId, EvidenceRecord] = {
            record.evidence_id: record for log in self._logs.values() for record in log
        }

    def judge(self, pick: random.Random) -> list[str]:
        """Everything that differs from what must be."""
        if not self._client.receipts:
            self.differences.append("expected some receipts, got none: nothing was tried")
        self._judge_logs()
        self._judge_heads()
        self._judge_receipts(pick)
        self._judge_events()
        if self._replayed_digest() != self.digest:
            self.differences.append("the index digest of a clean replay is another")
        return self.differences

    def _differs(self, what: str, *which: bytes) -> None:
        self.differences.append(" ".join([what, *(to_hex(one) for one in which)]))

    def _judge_logs(self) -> None:
        kept = sum(self._counts.values())
        if self._counts[EvidenceState.FINAL] != kept:
            self._differs(f"{kept} evidence kept, {self._counts[EvidenceState.FINAL]} final")
        if kept != self._client.documents:
            self._differs(f"{self._client.documents} documents answered, {kept} evidence kept")
        documents = Counter(record.document_key for record in self._records.values())
        for document, times in documents.items():
            if times != 1:
                self._differs(f"document {document}: recorded {times} times")
        places = Counter((subject, record.evidence_id) for subject, log in self._logs.items() for record in log)
        for name in self._client.receipts:
            evidence_id = EvidenceId(bytes.fromhex(name[2:]))
            record = self._records.get(evidence_id)
            if record is None:
                self._differs("receipted, and in no log:", evidence_id)
                continue
            for subject in subjects(record.evidence, None):
                if places[subject, evidence_id] != 1:
                    self._differs(
                        f"receipted, and {places[subject, evidence_id]} times in a log:", evidence_id, subject
                    )

    def _judge_heads(self) -> None:
        with self._context.store.transaction(read_only=True) as transaction:
            for subject in self._subjects:
                appends = transaction.appends(subject, self._cursor.block_number)
                head = self._context.chain.head(subject, self._cursor.block)
                if fold(log_append(one) for one in appends) != head:
                    self._differs("a log does not fold to its head on the chain:", subject)

    def _judge_receipts(self, pick: random.Random) -> None:
        signed = receipts.receipts_of(self._context, list(self._records.values()))
        for name, given in self._client.receipts.items():
            kept = receipt_json(signed.get(EvidenceId(bytes.fromhex(name[2:]))))
            if json.dumps(kept, sort_keys=True) != json.dumps(given, sort_keys=True):
                self.differences.append(f"the receipt given is not the one kept: {name}")
        for one in pick.sample(list(signed.values()), min(RECEIPTS_CHECKED, len(signed))):
            finding = receipts.check_here(self._context, format_receipt(one))
            if finding.promise is not Promise.KEPT:
                self.differences.append(f"a receipt is {finding.promise}: {finding.message}")

    def _judge_events(self) -> None:
        stories: dict[EvidenceId, list[Any]] = {}
        for event in self._events:
            stories.setdefault(event.evidence_id, []).append(event)
        for evidence_id in self._records:
            story = stories.get(evidence_id, [])
            states = [event.status for event in story]
            middle = [EvidenceState.INCLUDED, EvidenceState.ORPHANED] * len(states)
            if states != [EvidenceState.PENDING, *middle[: max(1, len(states) - 2)], EvidenceState.FINAL]:
                self._differs(f"status events {[str(state) for state in states]}:", evidence_id)
            elif story[-1].block != story[-2].block:
                self._differs("final in another block than included:", evidence_id)
            elif self._context.chain.block(story[-1].block.number) != story[-1].block:
                self._differs("final in an orphaned block:", evidence_id)

    def _replayed_digest(self) -> bytes:
        """The digest of an empty index that reads the same chain, with the same frozen batches."""
        replay = open_store("sqlite://")
        with replay.transaction() as transaction:
            transaction.set_deployment(self._context.chain.deployment)
            transaction.add_evidence(
                [replace(record, state=EvidenceState.PENDING) for record in self._records.values()]
            )
            for batch, places in zip(self._batches, self._entries, strict=True):
                transaction.add_batch(replace(batch, state=BatchState.BUILT, block=None), places)
        index(replace(self._context, store=replay))
        with replay.transaction(read_only=True) as transaction:
            digest = index_digest(transaction, self._cursor.block_number)
        replay.close()
        return digest


def run(rounds: int, seed: int, database: str, directory: Path) -> int:
    """Play ``rounds`` of ``seed`` in ``directory`` and judge; how much differs."""
    pick = random.Random(seed)  # noqa: S311 - the same seed must kill after the same times
    home = Home(directory / "home")
    with ExitStack() as stack:
        node_url = stack.enter_context(anvil("--no-mining", "--slots-in-an-epoch", str(EPOCH_SLOTS)))
        chain = BlockMaker(node_url)
        stack.callback(chain.stop)
        database_url = None
        if database == "postgresql":
            server = stack.enter_context(Server.of_this_machine().running())
            database_url = stack.enter_context(Schemas(server.url).schema())
        played = Rounds(home, chain, pick, Client(make_home(home, node_url, database_url)))
        played.play(rounds)
        played.finish()
        with _at_rest(home) as context:
            refusals = come_to_rest(context)
            differences = Oracle(context, played.client).judge(pick)
            with context.store.transaction(read_only=True) as transaction:
                batches = sum(transaction.counts().batches.values())
                orphaned = sum(event.status is EvidenceState.ORPHANED for event in transaction.status_events(0, 10**7))
    client = played.client
    print(f"{client.heard_later} documents kept of which the client heard when it asked again")
    print(f"{batches} batches; {orphaned} times an evidence was orphaned")
    for answer, times in (client.unexpected + refusals).most_common():
        print(f"{times} times: {answer}")
    for difference in differences:
        print(f"DIFFERS: {difference}")
    print(f"{rounds} rounds, {len(client.receipts)} receipts, {len(differences)} differences")
    return len(differences)


def main(arguments: Sequence[str]) -> int:
    """Run the command line; the exit code is 0 if nothing differs."""
    parser = argparse.ArgumentParser(description="Kill a real installation at random moments, again and again.")
    parser.add_argument("--rounds", type=int, default=10, help="how many processes are killed (10)")
    parser.add_argument("--seed", type=int, default=1, help="decides when (1)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite", help="the store (sqlite)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that what it started ends with it
    logging.disable(logging.WARNING)  # a server that can't reach its node says so, and here that is no news
    with tempfile.TemporaryDirectory(prefix="tally-kill-") as directory:
        return 1 if run(options.rounds, options.seed, options.database, Path(directory)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
