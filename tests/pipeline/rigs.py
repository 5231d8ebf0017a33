"""An installation on a real node whose blocks the test makes and takes away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from web3.providers.base import BaseProvider

from chain.rigs import DEPLOYER, FUNDED, GENESIS_TIMESTAMP, OPERATOR, REGISTRAR
from hardhat_free_devnet.config import DevnetConfig
from hardhat_free_devnet.node import DevNode
from hardhat_free_devnet.server import serve_in_background
from nodes import anvil, ask, fund
from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, SeededEntropy, SettableClock, changed
from tallystick.bootstrap import published_code_hashes
from tallystick.chain.deploy import deploy
from tallystick.chain.ledger import EvmChain
from tallystick.chain.rpc import open_http
from tallystick.intake.drafts import parse_draft
from tallystick.keys.memory import MemoryKeystore
from tallystick.limits import Limits
from tallystick.protocol.types import EvidenceId, Timestamp
from tallystick.service import parties, record, seal
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.ports import Store
from tallystick.store.records import BatchState, EvidenceRecord, StatusEvent, Submission
from tallystick.store.sql import open_store

FINALITY_DEPTH = 4
KINDS = ("devnet", "anvil_reorg", "anvil_rollback")


@dataclass
class Installation:
    """``context`` works on the node at ``url``; no block is made there but by ``mine``."""

    context: Context
    clock: SettableClock
    url: str
    kind: str
    provider: BaseProvider

    def mine(self, count: int = 1) -> None:
        """Make so many blocks, of whatever waits."""
        for _ in range(count):
            ask(self.url, "evm_mine")

    def reorganise(self, depth: int) -> None:
        """Other blocks, empty ones, take the place of the newest ``depth``, and there is at least one more."""
        if self.kind == "devnet":
            ask(self.url, "devnet_reorg", depth)
            return
        if self.kind == "anvil_reorg":
            ask(self.url, "anvil_reorg", depth, [])
        else:
            ask(self.url, "anvil_rollback", depth)
            ask(self.url, "anvil_dropAllTransactions")
            ask(self.url, "evm_increaseTime", 7)
            self.mine(depth)
        self.mine()

    def step(self) -> list[seal.Move]:
        """What the worker does in one round; its moves."""
        index(self.context)
        moves = []
        while not moves or moves[-1] in (seal.Move.FROZEN, seal.Move.SIGNED, seal.Move.SENT):
            moves.append(seal.advance(self.context))
        return moves

    def record(self, number: str) -> EvidenceRecord:
        """A new invoice."""
        draft = {**changed(INVOICE, invoiceNumber=number), "label": None}
        return record.record(self.context, [parse_draft(draft, "draft")])[0]

    def story(self, evidence_id: EvidenceId) -> list[StatusEvent]:
        """What became of an evidence, oldest first."""
        with self.context.store.transaction(read_only=True) as transaction:
            return [event for event in transaction.status_events(0, 10**6) if event.evidence_id == evidence_id]

    def submissions(self, batch_id: int) -> list[Submission]:
        """The transactions that were to carry a batch, oldest first."""
        with self.context.store.transaction(read_only=True) as transaction:
            return transaction.submissions(self.context.operator, batch_id)

    def states(self) -> list[BatchState]:
        """The states of all batches."""
        with self.context.store.transaction(read_only=True) as transaction:
            return [batch.state for batch in transaction.batches(list(BatchState))]

    def kept(self) -> object:
        """All that the index keeps, to compare."""
        with self.context.store.transaction(read_only=True) as transaction:
            cursor, tip = transaction.cursor(), transaction.tip()
            blocks = transaction.blocks(0, 10**9)
            events = transaction.status_events(0, 10**6)
            return cursor, tip, blocks, events, transaction.counts()

    def settle(self, seconds_a_block: int = 0) -> None:
        """Work and make blocks, each so much later, until everything is final."""
        for _ in range(40):
            self.clock.time = Timestamp(self.clock.time + seconds_a_block)
            self.step()
            self.mine()
            index(self.context)
            if set(self.states()) == {BatchState.FINAL}:
                return
        raise AssertionError(f"not final: {self.states()}")


@contextmanager
def open_installation(kind: str, *, max_fee_per_gas_wei: int = 500 * 10**9) -> Iterator[Installation]:
    """An installation on a fresh node of ``kind``, with a contract of supplier and buyer final. Raises ``NoNode``."""
    with ExitStack() as stack:
        if kind == "devnet":
            funded: dict[bytes, int] = {bytes(address): wei for address, wei in FUNDED.items()}
            config = DevnetConfig(funded=funded, genesis_timestamp=GENESIS_TIMESTAMP, finality_depth=64)
            node = stack.enter_context(DevNode.open(None, config))
            url = stack.enter_context(serve_in_background(node))
        else:
            url = stack.enter_context(anvil("--timestamp", str(GENESIS_TIMESTAMP), "--accounts", "1"))
            fund(url, FUNDED)
        provider = open_http(url)
        keys = MemoryKeystore(SeededEntropy().bytes)
        for actor in (REGISTRAR, OPERATOR):
            keys.import_key(actor.private_key, actor.role)
        deployment = deploy(provider, DEPLOYER.address, DEPLOYER.sign, REGISTRAR.address, [OPERATOR.address])
        chain = EvmChain(provider, deployment, finality_depth=FINALITY_DEPTH, max_fee_per_gas_wei=max_fee_per_gas_wei)
        store = open_store("sqlite://")
        stack.callback(store.close)
        with store.transaction() as transaction:
            transaction.set_deployment(deployment)
        clock = SettableClock(GENESIS_TIMESTAMP)
        made = Installation(_context(store, chain, keys, clock), clock, url, kind, provider)
        _trade(made)
        ask(url, "evm_setAutomine", False)
        yield made


def _context(store: Store, chain: EvmChain, keys: MemoryKeystore, clock: SettableClock) -> Context:
    return Context(
        store=store,
        chain=chain,
        keys=keys,
        clock=clock,
        entropy=SeededEntropy(),
        network_key=bytes(32),
        registrar=REGISTRAR.address,
        operator=OPERATOR.address,
        code_hashes=published_code_hashes(),
        limits=Limits(),
    )


def _trade(made: Installation) -> None:
    """A supplier and a buyer with a contract, sealed and final."""
    made.mine(FINALITY_DEPTH)
    members = [("Supplier GmbH", SUPPLIER), ("Buyer AG", BUYER)]
    parties.add_parties(
        made.context, [parties.NewParty(name, (parties.parse_identifier(text),)) for name, text in members]
    )
    made.mine(FINALITY_DEPTH)
    index(made.context)
    newest = made.context.chain.header(None)
    assert newest is not None
    made.clock.time = newest.block.timestamp
    record.record(made.context, [parse_draft(CONTRACT, "contract")])
    made.settle()
