"""Blocks one upon the other, with reorganisations, and nothing that moves by itself.

::

    0 -- 1 -- 2 -- 3 -- 4 -- 5        5 is the head, 2 is final: reorg(3) may replace 3 to 5, and no more
                    \\-- 3' -- 4' -- 5' -- 6'

- A block's hash is keccak256 over parent, number, time, base fee, transactions and a salt.
- The final block is ``finality_depth`` below the head and only moves forward. A reorganisation ends above it, unless
  told ``past_final``, which no honest chain does.
- Of each transaction in an abandoned block, a seeded choice says what becomes of it: see ``Fate``.
- The newest ``orphans_kept`` orphaned blocks stay known by hash, with their state.

Example: ``chain.mine(3); chain.reorg(2)``.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

from simulation.blocks import DEFAULT_FATES, Block, Executed, Fate, Reorg
from simulation.clock import SimulatedClock
from simulation.mempool import Mempool, SimulatedTransaction, foreign
from simulation.state import RawLog, State, gas_needed
from tallystick.chain.memory import DEFAULT_CHAIN_ID, DEFAULT_GENESIS_TIMESTAMP
from tallystick.chain.memory_contracts import Revert
from tallystick.errors import MalformedInput
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.types import Address, BlockRef, Hash, Timestamp

BLOCK_GAS_LIMIT = 60_000_000
GWEI = 10**9

REGISTRY = Address(keccak256(b"tallystick/simulation/registry")[12:])
LEDGER = Address(keccak256(b"tallystick/simulation/ledger")[12:])
RECEIVABLES = Address(keccak256(b"tallystick/simulation/receivables")[12:])


class SimulatedChain:
    """A chain whose registry obeys ``registrar`` and knows ``operators``; ``seed`` decides hashes and reorganisations.

    The contracts stand since block ``deployment_block``; ``base_fee_wei``, per gas, is that of the next block.
    """

    def __init__(
        self,
        registrar: Address,
        operators: Sequence[Address],
        *,
        seed: int = 0,
        chain_id: int = DEFAULT_CHAIN_ID,
        genesis_timestamp: Timestamp = DEFAULT_GENESIS_TIMESTAMP,
        deployment_block: int = 0,
        finality_depth: int = 0,
        orphans_kept: int = 64,
        clock: SimulatedClock | None = None,
    ) -> None:
        self.clock = clock or SimulatedClock(genesis_timestamp)
        self.base_fee_wei = GWEI
        self.mempool = Mempool()
        self.finality_depth = finality_depth
        self._random = random.Random(seed)  # noqa: S311 - not for secrets: the same seed must give the same chain
        self._orphans_kept = orphans_kept
        self._registrar, self._operators = registrar, tuple(operators)
        self._chain_id, self._deployment_block = chain_id, deployment_block
        self._begin(genesis_timestamp)
        self.mine(deployment_block)

    @property
    def deployment(self) -> Deployment:
        """Where the contracts are."""
        return self._deployment

    @property
    def head(self) -> Block:
        """The newest block."""
        return self._canonical[-1]

    @property
    def final(self) -> Block:
        """The newest block that no honest reorganisation replaces."""
        return self._canonical[self._final_number]

    @property
    def unfinal_count(self) -> int:
        """How many blocks a reorganisation may replace at most."""
        return self.head.number - self._final_number

    @property
    def canonical(self) -> Sequence[Block]:
        """All blocks, by number."""
        return self._canonical

    @property
    def orphans(self) -> list[Block]:
        """The orphaned blocks that are still known, the newest last."""
        return list(self._orphans.values())

    def by_hash(self, block_hash: Hash) -> Block | None:
        """The block of that hash, canonical or a kept orphan."""
        return self._canonical_by_hash.get(block_hash) or self._orphans.get(block_hash)

    def is_canonical(self, block: Block) -> bool:
        """Whether ``block`` is in the chain now."""
        return block.number < len(self._canonical) and self._canonical[block.number] is block

    def blocks_of(self, transaction_hash: Hash) -> list[Block]:
        """The blocks, canonical and orphaned, that hold the transaction of that hash."""
        return self._blocks_of.get(transaction_hash, [])

    # moving

    def send(self, transaction: SimulatedTransaction) -> None:
        """Let ``transaction`` wait. Raises ``RpcError`` where a node would refuse it."""
        self.mempool.add(transaction, self.head.state.nonces.get(transaction.sender, 0))
        versions = self._versions[transaction.sender, transaction.nonce]
        if transaction not in versions:
            versions.append(transaction)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass; no block comes by itself."""
        self.clock.advance(seconds)

    def mine(self, count: int = 1, *, max_transactions: int | None = None) -> Block:
        """Put ``count`` blocks on the head, at most ``max_transactions`` in each, and return the newest.

        A block has the clock's time, and at least its parent's and a second, which then passes.
        """
        for _ in range(count):
            parent = self.head
            timestamp = Timestamp(max(self.clock.now(), parent.ref.timestamp + 1))
            chosen = self.mempool.choose(parent.state.nonces, self.base_fee_wei, max_transactions)
            self._append(self._build(parent, timestamp, self.base_fee_wei, chosen))
            for transaction in chosen:
                self.mempool.drop(transaction.hash)
            self.mempool.forget_used(self.head.state.nonces)
            self.clock.move_to(timestamp)
            self._finalise()
        return self.head

    def reorg(
        self,
        depth: int,
        *,
        length: int | None = None,
        fates: Mapping[Fate, float] = DEFAULT_FATES,
        past_final: bool = False,
    ) -> Reorg:
        """Replace the last ``depth`` blocks by ``length`` new ones, as many or one more unless told.

        ``fates`` says how often each fate of a transaction is chosen, in proportion.
        """
        self._check_depth(depth, past_final)
        length = depth + self._random.randint(0, 1) if length is None else length
        assert length >= depth, "a node adopts no shorter branch"
        fork = self._canonical[-1 - depth]
        abandoned = self._canonical[-depth:]
        placed, chosen, given_back = self._decide(abandoned, length, fates)
        branch: list[Block] = []
        parent = fork
        left: list[SimulatedTransaction] = []
        for offset in range(length):
            old = abandoned[offset] if offset < depth else None
            base_fee = old.base_fee_wei if old is not None else self.base_fee_wei
            wish = old.ref.timestamp + self._random.randint(-2, 2) if old is not None else 0
            timestamp = Timestamp(max(parent.ref.timestamp + 1, wish))
            here, left = _executable([*left, *placed[offset]], parent.state.nonces, base_fee)
            parent = self._build(parent, timestamp, base_fee, here)
            branch.append(parent)
        self._adopt(fork, branch, [*given_back, *left])
        return Reorg(tuple(block.ref for block in abandoned), tuple(block.ref for block in branch), chosen)

    def switch(self, block_hash: Hash, *, past_final: bool = False) -> Reorg:
        """Make the orphan of ``block_hash`` the head again, as when two branches win in turn.

        It must stand at least as high as the head; transactions that are in the abandoned branch alone wait again.
        """
        tip = self._orphans[block_hash]
        assert tip.number >= self.head.number, "a node adopts no shorter branch"
        branch = [tip]
        while not self.is_canonical(fork := _parent(branch[0])):
            branch.insert(0, fork)
        depth = self.head.number - fork.number
        self._check_depth(depth, past_final)
        abandoned = self._canonical[-depth:]
        waits = [item.transaction for block in abandoned for item in block.executed]
        self._adopt(fork, branch, waits)
        return Reorg(tuple(block.ref for block in abandoned), tuple(block.ref for block in branch))

    def wipe(self, *, with_contracts: bool = True) -> None:
        """Make the chain anew, with another genesis and nothing in it, as a development chain that was restarted.

        With ``with_contracts`` they stand where they stood, so that the genesis alone tells the difference.
        """
        if not with_contracts:
            self._deployment_block = 2**62
        self.mempool = Mempool(self.mempool.make)
        self._begin(self.clock.now())
        if with_contracts:
            self.mine(self._deployment_block)

    def has_contracts(self, block: Block) -> bool:
        """Whether the contracts stand at ``block``."""
        return block.number >= self._deployment_block

    def _begin(self, timestamp: Timestamp) -> None:
        genesis_hash = Hash(keccak256(b"tallystick/simulation/genesis" + word(self._chain_id) + self._salt()))
        places = (REGISTRY, LEDGER, RECEIVABLES)
        self._deployment = Deployment(self._chain_id, genesis_hash, *places, self._deployment_block)
        state = State(self._deployment, self._registrar, self._operators)
        genesis = Block(BlockRef(0, genesis_hash, timestamp), None, self.base_fee_wei, (), state)
        self._canonical = [genesis]
        self._canonical_by_hash = {genesis_hash: genesis}
        self._orphans: dict[Hash, Block] = {}
        self._blocks_of: dict[Hash, list[Block]] = {}
        self._versions: defaultdict[tuple[Address, int], list[SimulatedTransaction]] = defaultdict(list)
        self._final_number = 0

    def _build(
        self, parent: Block, timestamp: Timestamp, base_fee_wei: int, transactions: Sequence[SimulatedTransaction]
    ) -> Block:
        number = parent.number + 1
        state = parent.state.fork() if transactions else parent.state
        executed: list[Executed] = []
        logs = 0
        for transaction in transactions:
            item = self._execute(state, transaction, number, timestamp, logs)
            logs += len(item.logs)
            executed.append(item)
        head = parent.ref.hash + word(number) + word(timestamp) + word(base_fee_wei)
        hashes = b"".join(transaction.hash for transaction in transactions)
        ref = BlockRef(number, Hash(keccak256(head + hashes + self._salt())), timestamp)
        return Block(ref, parent, base_fee_wei, tuple(executed), state)

    def _execute(
        self, state: State, transaction: SimulatedTransaction, number: int, timestamp: Timestamp, first_log: int
    ) -> Executed:
        sender, body = transaction.sender, transaction.body
        state.nonces[sender] = transaction.nonce + 1
        gas = gas_needed(body.to, body.data, LEDGER)
        logs: tuple[RawLog, ...] = ()
        if transaction.raw is None or number < self._deployment_block:
            return Executed(transaction, True, min(gas, body.gas), logs, first_log)
        if gas > body.gas:
            return Executed(transaction, False, body.gas, logs, first_log)
        try:
            logs = state.keep(state.execute(sender, body.to, body.data, timestamp), number)
        except (Revert, MalformedInput):
            return Executed(transaction, False, gas // 2, logs, first_log)
        return Executed(transaction, True, gas, logs, first_log)

    def _decide(
        self, abandoned: Sequence[Block], length: int, fates: Mapping[Fate, float]
    ) -> tuple[list[list[SimulatedTransaction]], dict[Hash, Fate], list[SimulatedTransaction]]:
        """Which transactions go into which new block, the fate of each old one, and those that wait again."""
        placed: list[list[SimulatedTransaction]] = [[] for _ in range(length)]
        chosen: dict[Hash, Fate] = {}
        waits: list[SimulatedTransaction] = []
        names, weights = list(fates), list(fates.values())
        for offset, block in enumerate(abandoned):
            for item in block.executed:
                old = item.transaction
                fate = chosen[old.hash] = self._random.choices(names, weights)[0]
                if fate is Fate.WAITS:
                    waits.append(old)
                elif fate is not Fate.LOST:
                    place = self._random.randrange(length) if fate is Fate.MOVED else offset
                    placed[place].append(self._successor(old, fate))
        return placed, chosen, waits

    def _successor(self, old: SimulatedTransaction, fate: Fate) -> SimulatedTransaction:
        if fate is Fate.FOREIGN:
            return foreign(self._chain_id, old.sender, old.nonce, self._salt())
        rivals = [item for item in self._versions.get((old.sender, old.nonce), ()) if item.hash != old.hash]
        return self._random.choice(rivals) if fate is Fate.RIVAL and rivals else old

    def _check_depth(self, depth: int, past_final: bool) -> None:
        assert 0 < depth <= self.head.number, "a reorganisation replaces some blocks, and never the first"
        if not past_final:
            assert depth <= self.unfinal_count, "what is final stays; say past_final for a chain that breaks its word"

    def _adopt(self, fork: Block, branch: Sequence[Block], waits: Sequence[SimulatedTransaction]) -> None:
        """Let ``branch`` follow on ``fork``; those of ``waits`` whose nonces are free wait again."""
        for block in self._canonical[fork.number + 1 :]:
            del self._canonical_by_hash[block.ref.hash]
            self._orphans[block.ref.hash] = block
        del self._canonical[fork.number + 1 :]
        for block in branch:
            self._orphans.pop(block.ref.hash, None)
            self._append(block)
        nonces = self.head.state.nonces
        self.mempool.forget_used(nonces)
        for transaction in sorted(waits, key=lambda item: item.nonce):
            self.mempool.give_back(transaction, nonces.get(transaction.sender, 0))
        while len(self._orphans) > self._orphans_kept:
            del self._orphans[next(iter(self._orphans))]
        self.clock.move_to(self.head.ref.timestamp)
        self._finalise()

    def _append(self, block: Block) -> None:
        self._canonical.append(block)
        self._canonical_by_hash[block.ref.hash] = block
        for item in block.executed:
            places = self._blocks_of.setdefault(item.transaction.hash, [])
            if block not in places:
                places.append(block)

    def _finalise(self) -> None:
        self._final_number = max(self._final_number, self.head.number - self.finality_depth)

    def _salt(self) -> bytes:
        return self._random.getrandbits(64).to_bytes(8, "big")


def _executable(
    wanted: Sequence[SimulatedTransaction], nonces: Mapping[Address, int], base_fee_wei: int
) -> tuple[list[SimulatedTransaction], list[SimulatedTransaction]]:
    """Those of ``wanted`` that a block after ``nonces`` can hold, in order of nonce, and those that it can't."""
    following = dict(nonces)
    here, left = [], []
    for transaction in sorted(wanted, key=lambda item: item.nonce):
        fits = following.get(transaction.sender, 0) == transaction.nonce
        if fits and transaction.body.max_fee_wei >= base_fee_wei:
            following[transaction.sender] = transaction.nonce + 1
            here.append(transaction)
        else:
            left.append(transaction)
    return here, left


def _parent(block: Block) -> Block:
    assert block.parent is not None, "the first block is always canonical"
    return block.parent
