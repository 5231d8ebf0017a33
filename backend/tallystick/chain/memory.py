"""A chain in memory with twins of the contracts: the same checks, heads and events, computed in plain Python.

- One block a transaction. Block hashes are made up (keccak256 over parent, number, time and transaction), so there is
  no state trie and ``state_proof`` is refused; all else answers as a real chain does.
- Time moves only as told: a block follows its parent by one second unless ``set_next_timestamp`` named its time.
- State is kept by block, so that reads of old blocks are true.

Example: ``MemoryChain(registrar, [operator]).admit(registrar, sign, [(party, signer)])``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tallystick.chain import calls, pledge_calls
from tallystick.chain.events import Sealed, SignerEvent
from tallystick.chain.memory_contracts import Effects, MemoryContracts, Revert
from tallystick.chain.pledge_calls import ReceivableCall
from tallystick.chain.records import (
    Account,
    Append,
    BlockHeader,
    Deployment,
    Fees,
    Inclusion,
    PledgeChange,
    SealedBatch,
    SendOutcome,
    SignedTransaction,
    SignerChange,
    StateProof,
)
from tallystick.chain.reverts import sentence
from tallystick.chain.transactions import Sign, UnsignedTransaction, parse_transaction, sign_transaction
from tallystick.errors import BadSignature, ChainError, ChainInconsistent, MalformedInput, TransactionFailed
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.pledges import PledgeBook
from tallystick.protocol.receivable import Pledge
from tallystick.protocol.types import (
    ZERO32,
    Address,
    BlockRef,
    EvidenceId,
    Hash,
    PartyId,
    SignerWindow,
    Timestamp,
    to_hex,
)

DEFAULT_CHAIN_ID = 31_337_732
DEFAULT_GENESIS_TIMESTAMP = Timestamp(1_700_000_000)
MADE_UP_GAS = 100_000
OFFER = Fees(1, 1)
"""Gas costs nothing here, but a transaction offers something."""

_REGISTRY = Address(keccak256(b"tallystick/memory/registry")[12:])
_LEDGER = Address(keccak256(b"tallystick/memory/ledger")[12:])
_RECEIVABLES = Address(keccak256(b"tallystick/memory/receivables")[12:])


class MemoryChain:
    """A chain whose registry obeys ``registrar`` and knows ``operators``; its contracts stand since block 0.

    ``finality_depth``: how many blocks stand on a final one.
    """

    def __init__(
        self,
        registrar: Address,
        operators: Sequence[Address],
        *,
        genesis_timestamp: Timestamp = DEFAULT_GENESIS_TIMESTAMP,
        chain_id: int = DEFAULT_CHAIN_ID,
        finality_depth: int = 0,
    ) -> None:
        genesis = Hash(keccak256(b"tallystick/memory/genesis" + word(chain_id) + word(genesis_timestamp)))
        self._blocks = [BlockRef(0, genesis, genesis_timestamp)]
        self._deployment = Deployment(chain_id, genesis, _REGISTRY, _LEDGER, _RECEIVABLES, 0)
        self._finality_depth = finality_depth
        self._next_timestamp: Timestamp | None = None
        self._contracts = MemoryContracts(registrar, operators)
        self._nonces: defaultdict[Address, int] = defaultdict(int)
        self._inclusions: dict[Hash, Inclusion] = {}
        self._batches: list[SealedBatch] = []
        self._changes: list[SignerChange] = []
        self._pledge_changes: list[PledgeChange] = []

    @property
    def deployment(self) -> Deployment:
        """Where the contracts are."""
        return self._deployment

    def check(self) -> None:
        """Nothing to check: the chain is its own deployment."""

    def set_next_timestamp(self, timestamp: Timestamp) -> None:
        """Give the next block the time ``timestamp`` (seconds). Raises ``ChainError`` unless it is after the newest."""
        newest = self._blocks[-1].timestamp
        if timestamp <= newest:
            message = f"next block: expected a time after {newest}, got {timestamp}."
            raise ChainError(message, todo="Set a time after the newest block's.")
        self._next_timestamp = timestamp

    def close(self) -> None:
        """Nothing to release."""

    # reading

    def final_block(self) -> BlockRef:
        """The newest block that can't be undone."""
        return self._blocks[max(0, len(self._blocks) - 1 - self._finality_depth)]

    def block(self, number: int) -> BlockRef:
        """The block ``number``. Raises ``ChainInconsistent`` if there is none."""
        if not 0 <= number < len(self._blocks):
            raise ChainInconsistent(f"expected block {number}, found none.", todo="Ask for a block that exists.")
        return self._blocks[number]

    def header(self, number: int | None) -> BlockHeader | None:
        """The block ``number`` (None: the newest) with its parent's hash; None if there is none."""
        at = len(self._blocks) - 1 if number is None else number
        if not 0 <= at < len(self._blocks):
            return None
        return BlockHeader(self._blocks[at], self._blocks[at - 1].hash if at else Hash(ZERO32))

    def head(self, subject: PartyId, block: BlockRef) -> Hash:
        """The head of ``subject``'s log at ``block``; zero for an empty one."""
        return self._contracts.heads.at(subject, self._number(block))

    def next_batch(self, operator: Address, block: BlockRef | None) -> int:
        """The id that the next batch of ``operator`` must have, as of ``block`` (None: the newest)."""
        at = len(self._blocks) - 1 if block is None else self._number(block)
        return self._contracts.next_batches.at(operator, at)

    def signer_window(self, party: PartyId, signer: Address, block: BlockRef) -> SignerWindow:
        """When ``signer`` might sign for ``party``, as of ``block``; both times zero if never."""
        return self._contracts.windows.at((party, signer), self._number(block))

    def was_operator(self, account: Address, block: BlockRef) -> bool:
        """Whether ``account`` might seal up to ``block``: an operator here is one from the start, for ever."""
        self._number(block)
        return account in self._contracts.operators

    def sealed_batches(self, first_block: int, last_block: int) -> list[SealedBatch]:
        """All batches sealed in blocks ``first_block`` to ``last_block`` inclusive, in chain order."""
        return [batch for batch in self._batches if first_block <= batch.block.number <= last_block]

    def signer_changes(self, first_block: int, last_block: int) -> list[SignerChange]:
        """All signers added and revoked in blocks ``first_block`` to ``last_block`` inclusive, in chain order."""
        return [change for change in self._changes if first_block <= change.block.number <= last_block]

    def pledge(self, name: Hash, block: BlockRef) -> Pledge | None:
        """The pledge called ``name`` as of ``block``, or None if there is none."""
        return self._book_at(block).pledges.get(name)

    def last_pledge(self, supplier: PartyId, receivable: EvidenceId, block: BlockRef) -> Hash:
        """The name of the newest pledge of ``supplier``'s ``receivable`` as of ``block``; zero for none."""
        return self._book_at(block).last.get((supplier, receivable), Hash(ZERO32))

    def last_pledge_of_fingerprint(self, supplier: PartyId, fingerprint: Hash, block: BlockRef) -> Hash:
        """The name of ``supplier``'s newest pledge of an invoice with ``fingerprint``, as of ``block``, or zero."""
        return self._book_at(block).last_of_fingerprint.get((supplier, fingerprint), Hash(ZERO32))

    def pledge_changes(
        self, first_block: int, last_block: int, *, receivable: EvidenceId | None = None
    ) -> list[PledgeChange]:
        """All events of the register of receivables in these blocks inclusive, of one ``receivable`` if given."""
        return [
            change
            for change in self._pledge_changes
            if first_block <= change.block.number <= last_block and receivable in (None, change.event.receivable)
        ]

    def state_proof(self, block: BlockRef, slots: Mapping[Address, Sequence[bytes]]) -> StateProof:
        """Raises ``ChainError``: there is no state trie."""
        raise ChainError("the in-memory chain has no state trie.", todo="Use the embedded chain for proofs.")

    # registering

    def admit(self, registrar: Address, sign: Sign, members: Sequence[tuple[PartyId, Address]]) -> None:
        """Admit each party of ``members`` with its first signer. Raises ``TransactionFailed``."""
        parties = {party for party, _ in members}
        if len(parties) != len(members):
            message = f"admit: expected each party once, got {len(members)} members of {len(parties)} parties."
            raise TransactionFailed(message, todo="Admit a party once, then add its further signers.")
        self._register(registrar, sign, [calls.party_signer_call(calls.ADMIT, *member) for member in members])

    def add_signer(self, registrar: Address, sign: Sign, party: PartyId, signer: Address) -> None:
        """Let ``signer`` sign for ``party`` from now on. Raises ``TransactionFailed``."""
        self._register(registrar, sign, [calls.party_signer_call(calls.ADD_SIGNER, party, signer)])

    def revoke_signer(self, registrar: Address, sign: Sign, party: PartyId, signer: Address) -> None:
        """End the window of ``signer`` for ``party``, for ever; ``registrar`` may be the signer itself."""
        self._register(registrar, sign, [calls.party_signer_call(calls.REVOKE_SIGNER, party, signer)])

    # sealing

    def account(self, operator: Address) -> Account:
        """What the newest block says of ``operator``."""
        return Account(self._blocks[-1], self._nonces[operator], self.next_batch(operator, None))

    def suggest_fees(self) -> Fees:
        """The same at any time: gas costs nothing here."""
        return OFFER

    def replacement_fees(self, offered: Fees) -> Fees | None:
        """More than ``offered``."""
        return Fees(offered.max_priority_fee_wei + 1, offered.max_fee_wei + 1)

    def sign_seal(
        self, operator: Address, sign: Sign, batch_id: int, appends: Sequence[Append], nonce: int, fees: Fees
    ) -> SignedTransaction:
        """The signed ``seal`` of batch ``batch_id``, tried but not sent. Raises ``TransactionFailed``."""
        return self._sign(operator, sign, _LEDGER, calls.seal_call(batch_id, appends), nonce, fees)

    def send(self, raw_transaction: bytes) -> SendOutcome:
        """Include ``raw_transaction`` in a block of its own; being included already is success.

        Raises:
            TransactionFailed: it is malformed, of another chain, or its nonce is above the sender's next.
        """
        transaction_hash = Hash(keccak256(raw_transaction))
        if transaction_hash in self._inclusions:
            return SendOutcome.TAKEN
        try:
            transaction, sender = parse_transaction(raw_transaction)
        except (MalformedInput, BadSignature) as error:
            raise TransactionFailed(error.message, todo="Sign it anew.") from error
        if transaction.chain_id != self._deployment.chain_id:
            message = f"transaction: expected chain id {self._deployment.chain_id}, got {transaction.chain_id}."
            raise TransactionFailed(message, todo="Sign it for this chain.")
        if transaction.nonce < self._nonces[sender]:
            return SendOutcome.NONCE_USED
        if transaction.nonce > self._nonces[sender]:
            message = f"transaction: expected nonce {self._nonces[sender]}, got {transaction.nonce}."
            raise TransactionFailed(message, todo="Sign it anew.")
        self._nonces[sender] += 1
        self._include(transaction, sender, transaction_hash)
        return SendOutcome.TAKEN

    def inclusion(self, transaction_hash: Hash) -> Inclusion | None:
        """Where ``transaction_hash`` was included, or None if it was not."""
        return self._inclusions.get(transaction_hash)

    # receivables

    def change_receivable(self, relayer: Address, sign: Sign, change: ReceivableCall) -> Inclusion:
        """Relay ``change`` from ``relayer`` in a block of its own. Raises ``TransactionFailed`` if it would revert."""
        signed = self._sign(relayer, sign, _RECEIVABLES, pledge_calls.encode_call(change), self._nonces[relayer])
        self.send(signed.raw)
        return self._inclusions[signed.hash]

    def _register(self, registrar: Address, sign: Sign, calldata_list: Sequence[bytes]) -> None:
        for calldata in calldata_list:
            self._try(registrar, _REGISTRY, calldata)
        for calldata in calldata_list:
            self.send(self._sign(registrar, sign, _REGISTRY, calldata, self._nonces[registrar]).raw)

    def _sign(
        self, sender: Address, sign: Sign, to: Address, calldata: bytes, nonce: int, fees: Fees = OFFER
    ) -> SignedTransaction:
        self._try(sender, to, calldata)
        tip, limit = fees.max_priority_fee_wei, fees.max_fee_wei
        unsigned = UnsignedTransaction(self._deployment.chain_id, nonce, tip, limit, MADE_UP_GAS, to, calldata)
        return sign_transaction(unsigned, sender, sign)

    def _try(self, sender: Address, to: Address, calldata: bytes) -> None:
        """Execute on the newest state and keep nothing. Raises ``TransactionFailed`` if it would revert."""
        try:
            self._execute(sender, to, calldata, self._following_timestamp())
        except Revert as revert:
            message, todo = sentence(revert.name, revert.values)
            raise TransactionFailed(message, todo=todo) from None

    def _include(self, transaction: UnsignedTransaction, sender: Address, transaction_hash: Hash) -> None:
        parent, timestamp = self._blocks[-1], self._following_timestamp()
        number = parent.number + 1
        block_hash = keccak256(parent.hash + word(number) + word(timestamp) + transaction_hash)
        block = BlockRef(number, Hash(block_hash), timestamp)
        try:
            effects = self._execute(sender, transaction.to, transaction.data, timestamp)
        except (Revert, MalformedInput):
            succeeded = False
        else:
            succeeded = True
            self._keep(effects, block, transaction_hash)
        self._blocks.append(block)
        self._next_timestamp = None
        self._inclusions[transaction_hash] = Inclusion(block, succeeded, MADE_UP_GAS, transaction_hash)

    def _execute(self, sender: Address, to: Address | None, calldata: bytes, timestamp: Timestamp) -> Effects:
        if to == _REGISTRY:
            return self._contracts.call_registry(sender, calldata, timestamp)
        if to == _LEDGER:
            return self._contracts.call_ledger(sender, calldata, timestamp)
        if to == _RECEIVABLES:
            return self._contracts.call_receivables(self._deployment.receivables_domain, calldata, timestamp)
        return Effects()

    def _keep(self, effects: Effects, block: BlockRef, transaction_hash: Hash) -> None:
        for history, key, value in effects.writes:
            history.put(key, value, block.number)
        event = effects.event
        if isinstance(event, Sealed):
            batch = SealedBatch(event.operator, event.batch_id, event.root, event.appends, block, transaction_hash, 0)
            self._batches.append(batch)
        elif isinstance(event, SignerEvent):
            # An admission emits two events; the signer's is the second.
            log_index = int(self._contracts.admitted_at.newest(event.party) == block.timestamp)
            self._changes.append(SignerChange(event.party, event.signer, event.added, block, log_index))
        elif event is not None:
            self._contracts.book.apply(event)
            self._pledge_changes.append(PledgeChange(event, block))

    def _book_at(self, block: BlockRef) -> PledgeBook:
        """The register as of ``block``, rebuilt from its events."""
        book = PledgeBook()
        for change in self.pledge_changes(0, self._number(block)):
            book.apply(change.event)
        return book

    def _following_timestamp(self) -> Timestamp:
        return self._next_timestamp or Timestamp(self._blocks[-1].timestamp + 1)

    def _number(self, block: BlockRef) -> int:
        if self.block(block.number).hash != block.hash:
            message = (
                f"block {block.number}: expected {to_hex(self.block(block.number).hash)}, got {to_hex(block.hash)}."
            )
            raise ChainInconsistent(message, todo="Ask for a block of this chain.")
        return block.number
