"""One seed: a whole installation at work on a troubled chain, with a store that fails and a process that dies.

::

    record --+
    round  --+-- in an order that the seed decides, with trouble in every request, every transaction and between them
    mine   --+
    reorg  --+        then calm, until everything that was acknowledged is final; then the oracle

Rules:

- the installation is the real one: acceptance, sealing, indexing, the store on SQLite, the adapter of the chain. Node,
  chain and clock are simulated; a death is an exception that nothing catches, after which all but what the store holds
  is made anew;
- the oracle: everything acknowledged is final exactly once in the log of each subject, in the order it was recorded;
  a clean replay of the same chain gives the same index digest; each log folds to its head on the chain; receipts were
  honoured; the status events of each evidence tell one possible story that ends in the block that has it.

Example: ``Run(7).play()`` is None, or says what differs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sqlalchemy import Engine

from simulation.chain import GWEI, SimulatedChain
from simulation.faults import Fault, Faults
from simulation.node import SimulatedNode
from simulation.troubled import Troubled
from tallystick.bootstrap import published_code_hashes
from tallystick.chain.ledger import EvmChain
from tallystick.errors import Duplicate, StoreUnavailable, TallystickError
from tallystick.intake.drafts import parse_draft
from tallystick.keys.memory import MemoryKeystore
from tallystick.limits import Limits
from tallystick.protocol.evidence import subjects
from tallystick.protocol.log import fold
from tallystick.protocol.promise import Promise
from tallystick.protocol.receipt import format_receipt
from tallystick.protocol.types import Address, EvidenceId, Timestamp, to_hex
from tallystick.service import parties, receipts, record, seal
from tallystick.service.context import Context
from tallystick.service.digest import index_digest
from tallystick.service.index import index
from tallystick.service.ports import Store, Transaction
from tallystick.service.report import log_append
from tallystick.store.engine import open_engine
from tallystick.store.records import BatchState, EvidenceRecord, EvidenceState, PartyRecord
from tallystick.store.schema import metadata
from tallystick.store.sql import SqlStore, open_store

START = Timestamp(1_700_000_000)
STEPS = 28
SECONDS_A_BLOCK = 12
LAST_ROUNDS = 400
"""Rounds of calm in which everything must become final."""
INVOICES = 6
RECEIPTS = 2
"""Receipts that are looked at in each run."""
SUPPLIER = "LEI:5493001KJTIIGC8Y1R12"
BUYERS = ("VAT:DE136695976", "DUNS:150483782")


class Death(BaseException):
    """The process is gone: nothing after it runs."""


@dataclass(frozen=True)
class Cast:
    """What all seeds have in common: keys, parties, and evidence, signed and in the order it is recorded."""

    keys: MemoryKeystore
    registrar: Address
    operator: Address
    parties: tuple[PartyRecord, ...]
    evidence: tuple[EvidenceRecord, ...]


class Seeded:
    """Randomness that is the same for every run."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - the same seed must make the same run

    def bytes(self, size: int) -> bytes:
        return self._random.randbytes(size)


class TroubledStore:
    """``store`` whose transactions fail or die at the seed's will: before, at the commit, and after it."""

    def __init__(self, store: Store, run: Run) -> None:
        self._store = store
        self._run = run

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[Transaction]:
        self._run.stumble("before a transaction")
        with self._store.transaction(read_only=read_only) as transaction:
            yield transaction
            if not read_only:
                self._run.stumble("at a commit")
        if not read_only:
            self._run.stumble("after a commit")

    def account_lock(self, account: Address, timeout_seconds: float) -> Any:
        return self._store.account_lock(account, timeout_seconds)

    def check(self) -> None:
        self._store.check()

    def scrub(self) -> None:
        self._store.scrub()

    def close(self) -> None:
        self._store.close()


@dataclass
class Run:
    """The run of ``seed``; ``quiet`` is the same story without any trouble."""

    seed: int
    quiet: bool = False
    told: list[str] = field(default_factory=list)
    """What happened besides the faults, to read when a seed fails."""

    def play(self) -> str | None:
        """Play the seed to its end; what differs from what must be, or None."""
        self._random = random.Random(self.seed)  # noqa: S311 - the same seed must make the same run
        self._cast = cast()
        self._begin()
        for _ in range(STEPS):
            self._alive(self._step)
        self._calm()
        for _ in range(LAST_ROUNDS):
            self._alive(self._record_next)
            self._alive(self._round)
            self._mine(1)
            if self._is_done():
                break
        else:
            return self._differs("not everything became final")
        try:
            self._judge()
        except AssertionError as error:
            return self._differs(str(error) or "an assertion failed")
        return None

    def stumble(self, where: str) -> None:
        """Fail or die here, if the seed wills it."""
        if self._steady or self._random.random() >= self._stumbles:
            return
        if self._random.random() < 0.4:
            self.told.append(f"died {where}")
            raise Death
        self.told.append(f"failed {where}")
        raise StoreUnavailable(f"The database failed {where}.")

    # the world

    def _begin(self) -> None:
        pick = self._random
        depth = pick.choice((1, 2, 4, 8, 16))
        self.chain = SimulatedChain(
            self._cast.registrar, [self._cast.operator], seed=self.seed, finality_depth=depth, genesis_timestamp=START
        )
        self.node = SimulatedNode(self.chain, auto_mine=True)
        rates: dict[Fault, float] = {kind: pick.choice((0.0, 0.01, 0.04)) for kind in Fault}
        rates[Fault.WRONG_CHAIN_ID] = 0.0  # never asked while at work
        self.faults = Faults(self.seed, None if self.quiet else rates)
        self._stumbles = 0.0 if self.quiet else pick.choice((0.0, 0.01, 0.03))
        self._dies = 0.0 if self.quiet else pick.choice((0.0, 0.005, 0.02))
        self._steady = True
        self._recorded = 0
        self.store = empty_store("the installation's")
        honest = self._context(self.store, EvmChain(self.node, self.chain.deployment))
        with self.store.transaction() as transaction:
            transaction.set_deployment(self.chain.deployment)
            for party in self._cast.parties:
                transaction.add_party(party)
        parties.complete_admissions(honest)
        self.node.auto_mine = False
        self.chain.mine(depth)
        index(honest)
        self._steady = False
        self._restart()

    def _context(self, store: Store, chain: EvmChain) -> Context:
        return Context(
            store=store,
            chain=chain,
            keys=self._cast.keys,
            clock=self.chain.clock,
            entropy=Seeded(self.seed),
            network_key=bytes(32),
            registrar=self._cast.registrar,
            operator=self._cast.operator,
            code_hashes=published_code_hashes(),
            limits=Limits(batch_evidence=5),
        )

    def _restart(self) -> None:
        """A new process: only what the store holds is what it was."""
        provider = Troubled(self.node, self.faults, before_request=self._before_request)
        self.context = self._context(TroubledStore(self.store, self), EvmChain(provider, self.chain.deployment))

    def _before_request(self, method: str) -> None:
        if self._steady:
            return
        if self._random.random() < self._dies:
            self.told.append(f"died before {method}")
            raise Death
        if not self.quiet and self._random.random() < 0.03:
            self._reorganise() if self._random.random() < 0.4 else self._mine(1)

    # what happens

    def _step(self) -> None:
        actions: list[Callable[[], None]] = [self._record_next, self._round, self._round, self._mine_some]
        if not self.quiet:
            actions += [self._reorganise, self._change_fees, self._lose_transaction]
        self._random.choice(actions)()

    def _alive(self, action: Any) -> None:
        """Do ``action``; an error ends it, a death begins a new process."""
        try:
            action()
        except TallystickError as error:
            self.told.append(f"{type(error).__name__}: {error.message[:80]}")
        except Death:
            self._restart()

    def _record_next(self) -> None:
        if self._recorded == len(self._cast.evidence):
            return
        one = self._cast.evidence[self._recorded]
        with suppress(Duplicate):  # kept by a transaction of which nobody heard: asking again is how a client learns
            record.submit(self.context, one.evidence, one.signatures, one.disclosures)
        self._recorded += 1

    def _round(self) -> None:
        """What the worker does, again and again."""
        index(self.context)
        for _ in range(6):
            if seal.advance(self.context) not in (seal.Move.FROZEN, seal.Move.SIGNED, seal.Move.SENT):
                break

    def _mine_some(self) -> None:
        self._mine(self._random.randint(1, 4))

    def _mine(self, count: int) -> None:
        for _ in range(count):
            self.chain.advance(SECONDS_A_BLOCK)
            self.chain.mine()

    def _reorganise(self) -> None:
        if self.chain.unfinal_count:
            depth = self._random.randint(1, self.chain.unfinal_count)
            self.told.append(str(self.chain.reorg(depth, length=depth + self._random.choice((0, 0, 1, 2)))))

    def _change_fees(self) -> None:
        self.chain.base_fee_wei = self._random.choice((GWEI, GWEI, 3 * GWEI, 20 * GWEI))

    def _lose_transaction(self) -> None:
        with self.store.transaction(read_only=True) as transaction:
            batches = transaction.batches([BatchState.SENT])
            sent = [one for batch in batches for one in transaction.submissions(batch.operator, batch.batch_id)]
        if sent:
            self.chain.mempool.drop(self._random.choice(sent).hash)

    def _calm(self) -> None:
        self._steady = True
        self.faults.calm()
        self.chain.base_fee_wei = GWEI

    def _is_done(self) -> bool:
        with self.store.transaction(read_only=True) as transaction:
            if transaction.count_pending() or transaction.batches(set(BatchState) - {BatchState.FINAL}):
                return False  # the usual answer, for less than all counts
            counts = transaction.counts().evidence
        return counts[EvidenceState.FINAL] == len(self._cast.evidence) == sum(counts.values())

    # the oracle

    def _judge(self) -> None:
        expected, honest = self._expected_logs(), EvmChain(self.node, self.chain.deployment)
        cursor = index(self.context)
        with self.store.transaction(read_only=True) as transaction:
            for subject, ids in expected.items():
                log = list(transaction.log(subject, cursor.block_number))
                assert [entry.record.evidence_id for entry in log] == ids, f"log of {to_hex(subject)}: not as recorded"
                head = honest.head(subject, cursor.block)
                folded = fold(log_append(one) for one in transaction.appends(subject, cursor.block_number))
                assert folded == head, f"log of {to_hex(subject)}: does not fold to the head on the chain"
            assert sorted(expected) == transaction.subjects(), "logs of others"
            ours = index_digest(transaction, cursor.block_number)
        assert ours == self._replayed_digest(), "the digest of a clean replay is another"
        self._judge_receipts()
        self._judge_events()

    def _expected_logs(self) -> dict[Any, list[EvidenceId]]:
        by_id = {one.evidence_id: one.evidence for one in self._cast.evidence}
        logs: dict[Any, list[EvidenceId]] = {}
        for one in self._cast.evidence:
            for subject in subjects(one.evidence, by_id.get(one.evidence.parent)):
                logs.setdefault(subject, []).append(one.evidence_id)
        return logs

    def _replayed_digest(self) -> bytes:
        """The digest of an empty index that reads the same chain undisturbed, with the same frozen batches."""
        with self.store.transaction(read_only=True) as transaction:
            batches = transaction.batches(list(BatchState))
            entries = [transaction.batch_entries(batch.operator, batch.batch_id) for batch in batches]
        replay = empty_store("the replay's")
        with replay.transaction() as transaction:
            transaction.set_deployment(self.chain.deployment)
            transaction.add_evidence(self._cast.evidence)
            for batch, places in zip(batches, entries, strict=True):
                transaction.add_batch(replace(batch, state=BatchState.BUILT, block=None), places)
        cursor = index(self._context(replay, EvmChain(self.node, self.chain.deployment)))
        with replay.transaction(read_only=True) as transaction:
            return index_digest(transaction, cursor.block_number)

    def _judge_receipts(self) -> None:
        with self.store.transaction(read_only=True) as transaction:
            records = list(transaction.evidence(one.evidence_id for one in self._cast.evidence).values())
        for given in self._random.sample(list(receipts.receipts_of(self.context, records).values()), RECEIPTS):
            finding = receipts.check_here(self.context, format_receipt(given))
            assert finding.promise is Promise.KEPT, f"a receipt is {finding.promise}: {finding.message}"

    def _judge_events(self) -> None:
        with self.store.transaction(read_only=True) as transaction:
            events = transaction.status_events(0, 10**6)
        for one in self._cast.evidence:
            story = [event for event in events if event.evidence_id == one.evidence_id]
            states = [event.status for event in story]
            middle = [EvidenceState.INCLUDED, EvidenceState.ORPHANED] * len(states)
            told = [EvidenceState.PENDING, *middle[: len(states) - 2], EvidenceState.FINAL]
            assert states == told, f"status events {[str(state) for state in states]}"
            assert story[-2].block == story[-1].block, "final in another block than included"
            block = story[-1].block
            assert block is not None, "final in no block"
            assert self.chain.canonical[block.number].ref == block, "final in an orphaned block"

    def _differs(self, what: str) -> str:
        return f"{what}\n  {'; '.join(self.told[-12:])}\n  {str(self.faults)[-1500:]}"


@cache
def cast() -> Cast:
    """The cast, made once a process in an installation without trouble."""
    entropy = Seeded(0)
    keys = MemoryKeystore(entropy.bytes)
    registrar, operator = keys.create_many(["registrar", "operator"])
    chain = SimulatedChain(registrar, [operator], genesis_timestamp=START)
    store = open_store("sqlite://")
    with store.transaction() as transaction:
        transaction.set_deployment(chain.deployment)
    context = Context(
        store=store,
        chain=EvmChain(SimulatedNode(chain, auto_mine=True), chain.deployment),
        keys=keys,
        clock=chain.clock,
        entropy=entropy,
        network_key=bytes(32),
        registrar=registrar,
        operator=operator,
        code_hashes=published_code_hashes(),
        limits=Limits(),
    )
    members = [
        parties.NewParty(f"Party {identifier}", (parties.parse_identifier(identifier),))
        for identifier in (SUPPLIER, *BUYERS)
    ]
    admitted = parties.add_parties(context, members)
    evidence = record.record(context, [parse_draft(draft, "draft") for draft in _drafts()])
    store.close()
    return Cast(keys, registrar, operator, tuple(admitted), tuple(evidence))


@cache
def _engine(whose: str) -> Engine:
    return open_engine("sqlite://", 1.0)[0]


def empty_store(whose: str) -> SqlStore:
    """An empty store in memory, always the same one of that name: making tables takes as long as half a run."""
    engine = _engine(whose)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return SqlStore(engine, whose, 1.0)


def _drafts() -> Iterator[dict[str, Any]]:
    """A contract with each buyer, invoices to both, each second of them acknowledged."""
    for buyer in BUYERS:
        yield {
            "kind": "CONTRACT",
            "issuer": SUPPLIER,
            "counterparty": buyer,
            "label": buyer,
            "countersigned": True,
            "content": {
                "contractNumber": f"C {buyer}",
                "issuerRole": "supplier",
                "currency": "EUR",
                "paymentTermsDays": 30,
            },
        }
    for number in range(INVOICES):
        buyer = BUYERS[number % len(BUYERS)]
        yield {
            "kind": "INVOICE",
            "issuer": SUPPLIER,
            "counterparty": buyer,
            "label": str(number),
            "content": {
                "invoiceNumber": str(number),
                "issueDate": "2023-11-14",
                "dueDate": "2023-12-14",
                "currency": "EUR",
                "payableAmount": f"{100 + number}.00",
            },
        }
        if number % 4 == 3:
            yield {
                "kind": "ACKNOWLEDGEMENT",
                "issuer": buyer,
                "counterparty": SUPPLIER,
                "parent": f"@{number}",
                "content": {},
            }
