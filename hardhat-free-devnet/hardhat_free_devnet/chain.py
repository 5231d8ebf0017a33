"""The EVM: genesis, building one block on another, and the state after any block.

- Rules of the Prague fork, by py-evm. One `PragueVM` per block; no consensus engine, no difficulty, no withdrawals.
- Building is deterministic: the same parent, timestamp, extra data and transactions give the same block hash.
- A transaction that cannot be in a block (nonce, funds, fee, gas) is left out; one that reverts is in it with status 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import rlp
from eth._utils.address import generate_contract_address
from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.consensus import ConsensusContext
from eth.constants import ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.db.chain import ChainDB
from eth.db.trie import make_trie_root_and_nodes
from eth.exceptions import VMError
from eth.rlp.headers import BlockHeader
from eth.vm.chain_context import ChainContext
from eth.vm.forks import PragueVM
from eth.vm.forks.london.headers import calculate_expected_base_fee_per_gas
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from hardhat_free_devnet.blocks import BlockRow, SealedTransaction
from hardhat_free_devnet.database import NodeStore
from hardhat_free_devnet.logs import Log

COINBASE = Address(keccak(text="hardhat-free-devnet/coinbase")[-20:])
"""Receives the priority fees; nobody has its key."""
GENESIS_BASE_FEE_WEI = 10**9
CACHED_HEADERS = 1_024
GENESIS_EXTRA_DATA = b"hardhat-free-devnet"


@dataclass
class BuiltBlock:
    """A new block that is not yet committed: its `header`, `row`, `sealed` transactions and `logs`.

    `left_out` pairs each transaction that can never be in this chain's next blocks with the reason.
    """

    header: BlockHeaderAPI
    row: BlockRow
    sealed: list[SealedTransaction] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    left_out: list[tuple[SignedTransactionAPI, str]] = field(default_factory=list)


@dataclass
class _Filling:
    """A block while transactions are being put into it."""

    header: BlockHeaderAPI
    transactions: list[SignedTransactionAPI] = field(default_factory=list)
    receipts: list[ReceiptAPI] = field(default_factory=list)
    left_out: list[tuple[SignedTransactionAPI, str]] = field(default_factory=list)


class Evm:
    """Builds blocks of chain `chain_id` over the trie nodes in `nodes`."""

    def __init__(self, nodes: NodeStore, chain_id: int) -> None:
        self.chain_id = chain_id
        self.nodes = AtomicDB(nodes)
        self._chaindb = ChainDB(self.nodes)
        self._chain_context = ChainContext(chain_id)
        self._consensus_context = ConsensusContext(self.nodes)
        self._headers: dict[bytes, BlockHeaderAPI] = {}

    def genesis(self, gas_limit: int, timestamp: int, funded: Mapping[bytes, int]) -> BuiltBlock:
        """Build block 0 with `funded` balances (wei by address)."""
        before = BlockHeader(difficulty=0, block_number=BlockNumber(-1), gas_limit=0)
        state = PragueVM.build_state(self.nodes, before, self._chain_context)
        for address, wei in funded.items():
            state.set_balance(Address(address), wei)
        state.persist()
        header = PragueVM.create_genesis_header(
            gas_limit=gas_limit,
            timestamp=timestamp,
            coinbase=COINBASE,
            extra_data=GENESIS_EXTRA_DATA,
            base_fee_per_gas=GENESIS_BASE_FEE_WEI,
            state_root=state.state_root,
            parent_beacon_block_root=ZERO_HASH32,
        )
        return self._built(_Filling(header), ())

    def header(self, block_hash: bytes) -> BlockHeaderAPI:
        """Read the header of the block `block_hash`, which must exist."""
        header = self._headers.get(block_hash)
        if header is None:
            if len(self._headers) >= CACHED_HEADERS:
                self._headers.clear()
            header = self._headers[block_hash] = self._chaindb.get_block_header_by_hash(Hash32(block_hash))
        return header

    def next_header(self, parent: BlockHeaderAPI, timestamp: int, extra_data: bytes = b"") -> BlockHeaderAPI:
        """Return the header of an empty block on `parent`, before any state change."""
        return PragueVM.create_header_from_parent(
            parent,
            timestamp=timestamp,
            gas_limit=parent.gas_limit,
            coinbase=COINBASE,
            mix_hash=keccak(parent.hash + extra_data),
            extra_data=extra_data,
            parent_beacon_block_root=ZERO_HASH32,
        )

    def state(self, header: BlockHeaderAPI) -> StateAPI:
        """Return the state after the block of `header`, to read or to try calls on; it is never written back."""
        return self.vm(header).state

    def vm(self, header: BlockHeaderAPI) -> PragueVM:
        """Return the virtual machine that works in the block of `header`."""
        return PragueVM(
            header=header,
            chaindb=self._chaindb,
            chain_context=self._chain_context,
            consensus_context=self._consensus_context,
        )

    def build(
        self,
        parent: BlockHeaderAPI,
        timestamp: int,
        transactions: Iterable[SignedTransactionAPI],
        extra_data: bytes = b"",
    ) -> BuiltBlock:
        """Execute `transactions` in order in a new block on `parent` and write its state into the node store.

        A transaction whose gas no longer fits, and all later ones of its sender, are skipped for a later block.
        """
        filling = _Filling(self.next_header(parent, timestamp, extra_data))
        vm = self.vm(filling.header)
        self._fill(vm, filling, transactions)
        transaction_root, _ = make_trie_root_and_nodes(filling.transactions)
        receipt_root, _ = make_trie_root_and_nodes(filling.receipts)
        block = PragueVM.get_block_class()(
            header=filling.header.copy(transaction_root=transaction_root, receipt_root=receipt_root),
            transactions=filling.transactions,
            uncles=[],
            withdrawals=[],
        )
        filling.header = vm.mine_block(block).block.header
        return self._built(filling, filling.transactions)

    def _fill(self, vm: PragueVM, filling: _Filling, transactions: Iterable[SignedTransactionAPI]) -> None:
        skipped_senders = set()
        for transaction in transactions:
            too_big = filling.header.gas_used + transaction.gas > filling.header.gas_limit
            if too_big or transaction.sender in skipped_senders:
                skipped_senders.add(transaction.sender)
                continue
            try:
                receipt, _ = vm.apply_transaction(filling.header, transaction)
            except (ValidationError, VMError) as error:
                # py-evm validates before it changes state, so the block goes on as if it had not been there.
                filling.left_out.append((transaction, str(error)))
                skipped_senders.add(transaction.sender)
                continue
            filling.header = vm.add_receipt_to_header(filling.header, receipt)
            filling.transactions.append(transaction)
            filling.receipts.append(receipt)

    def _built(self, filling: _Filling, transactions: Iterable[SignedTransactionAPI]) -> BuiltBlock:
        header = filling.header
        self.nodes[header.hash] = rlp.encode(header)
        encoded = [transaction.encode() for transaction in transactions]
        row = BlockRow(header.block_number, header.hash, _block_size(header, encoded))
        built = BuiltBlock(header, row, left_out=filling.left_out)
        used_before = 0
        for position, (transaction, raw, receipt) in enumerate(
            zip(filling.transactions, encoded, filling.receipts, strict=True)
        ):
            sealed = _sealed(header, position, transaction, raw, receipt, receipt.gas_used - used_before)
            used_before = receipt.gas_used
            built.sealed.append(sealed)
            for entry in receipt.logs:
                topics = tuple(topic.to_bytes(32, "big") for topic in entry.topics)
                built.logs.append(
                    Log(
                        header.block_number,
                        header.hash,
                        len(built.logs),
                        position,
                        sealed.hash,
                        entry.address,
                        topics,
                        entry.data,
                    )
                )
        return built


def effective_gas_price(transaction: SignedTransactionAPI, base_fee: int) -> int:
    """Return what `transaction` pays per gas in a block with `base_fee`, in wei (EIP-1559)."""
    return min(int(transaction.max_fee_per_gas), base_fee + int(transaction.max_priority_fee_per_gas))


def next_base_fee(parent: BlockHeaderAPI) -> int:
    """Return the base fee per gas of the block after `parent`, in wei (EIP-1559)."""
    return int(calculate_expected_base_fee_per_gas(parent))


def decode_transaction(raw: bytes) -> SignedTransactionAPI:
    """Decode the EIP-2718 bytes `raw` of a transaction that this chain has already accepted."""
    return PragueVM.get_transaction_builder().decode(raw)


def _sealed(
    header: BlockHeaderAPI,
    position: int,
    transaction: SignedTransactionAPI,
    raw: bytes,
    receipt: ReceiptAPI,
    gas_used: int,
) -> SealedTransaction:
    creates = transaction.to == b""
    return SealedTransaction(
        number=header.block_number,
        position=position,
        hash=transaction.hash,
        sender=transaction.sender,
        raw=raw,
        succeeded=receipt.state_root == b"\x01",
        gas_used=gas_used,
        cumulative_gas_used=receipt.gas_used,
        effective_gas_price=effective_gas_price(transaction, header.base_fee_per_gas),
        contract_address=generate_contract_address(transaction.sender, transaction.nonce) if creates else None,
    )


def _block_size(header: BlockHeaderAPI, encoded: list[bytes]) -> int:
    # A typed transaction is a byte string inside the block, a legacy one (first byte >= 0xc0) is a list.
    transactions = [raw if raw[0] < 0xC0 else rlp.decode(raw) for raw in encoded]
    return len(rlp.encode([rlp.decode(rlp.encode(header)), transactions, [], []]))
