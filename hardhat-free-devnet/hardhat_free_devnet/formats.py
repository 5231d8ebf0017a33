"""JSON objects for blocks, transactions and receipts, as the execution API specification spells them.

- A block's object has every header field, so that a reader can rebuild the RLP header and check the block hash.
"""

from __future__ import annotations

from eth.abc import BlockHeaderAPI, SignedTransactionAPI
from eth_bloom.bloom import BloomFilter

from hardhat_free_devnet.blocks import BlockRow, SealedTransaction
from hardhat_free_devnet.chain import decode_transaction
from hardhat_free_devnet.encoding import Json, format_address, format_data, format_quantity, format_word
from hardhat_free_devnet.logs import Log, log_json

HEADER_FIELDS = (
    ("parentHash", "parent_hash", format_data),
    ("sha3Uncles", "uncles_hash", format_data),
    ("miner", "coinbase", format_address),
    ("stateRoot", "state_root", format_data),
    ("transactionsRoot", "transaction_root", format_data),
    ("receiptsRoot", "receipt_root", format_data),
    ("logsBloom", "bloom", lambda bloom: f"0x{bloom:0512x}"),
    ("difficulty", "difficulty", format_quantity),
    ("number", "block_number", format_quantity),
    ("gasLimit", "gas_limit", format_quantity),
    ("gasUsed", "gas_used", format_quantity),
    ("timestamp", "timestamp", format_quantity),
    ("extraData", "extra_data", format_data),
    ("mixHash", "mix_hash", format_data),
    ("nonce", "nonce", format_data),
    ("baseFeePerGas", "base_fee_per_gas", format_quantity),
    ("withdrawalsRoot", "withdrawals_root", format_data),
    ("blobGasUsed", "blob_gas_used", format_quantity),
    ("excessBlobGas", "excess_blob_gas", format_quantity),
    ("parentBeaconBlockRoot", "parent_beacon_block_root", format_data),
    ("requestsHash", "requests_hash", format_data),
)
"""JSON name, py-evm name and spelling of each header field, in the order of the RLP header (Prague)."""


def block_json(header: BlockHeaderAPI, row: BlockRow, transactions: list[Json]) -> Json:
    """Format the block of `header` and `row` with `transactions`, each a hash or a whole object."""
    shown: dict[str, Json] = {"hash": format_data(row.hash)}
    for json_name, name, spelling in HEADER_FIELDS:
        shown[json_name] = spelling(getattr(header, name))
    shown["size"] = format_quantity(row.size)
    shown["uncles"] = []
    shown["withdrawals"] = []
    shown["transactions"] = transactions
    return shown


def sealed_transaction_json(sealed: SealedTransaction, block_hash: bytes) -> Json:
    """Format the transaction `sealed` in the block `block_hash`."""
    shown = _transaction_json(decode_transaction(sealed.raw), sealed.sender)
    shown["gasPrice"] = format_quantity(sealed.effective_gas_price)
    shown["blockHash"] = format_data(block_hash)
    shown["blockNumber"] = format_quantity(sealed.number)
    shown["transactionIndex"] = format_quantity(sealed.position)
    return shown


def waiting_transaction_json(transaction: SignedTransactionAPI) -> Json:
    """Format `transaction`, which is in no block yet."""
    return _transaction_json(transaction, transaction.sender)


def receipt_json(sealed: SealedTransaction, block_hash: bytes, logs: list[Log]) -> Json:
    """Format the receipt of `sealed`, a transaction with `logs` in the block `block_hash`."""
    transaction = decode_transaction(sealed.raw)
    bloom = BloomFilter()
    for log in logs:
        bloom.extend((log.address, *log.topics))
    created = sealed.contract_address
    return {
        "type": format_quantity(transaction.type_id or 0),
        "status": format_quantity(int(sealed.succeeded)),
        "transactionHash": format_data(sealed.hash),
        "transactionIndex": format_quantity(sealed.position),
        "blockHash": format_data(block_hash),
        "blockNumber": format_quantity(sealed.number),
        "from": format_address(sealed.sender),
        "to": format_address(transaction.to) if transaction.to else None,
        "contractAddress": None if created is None else format_address(created),
        "gasUsed": format_quantity(sealed.gas_used),
        "cumulativeGasUsed": format_quantity(sealed.cumulative_gas_used),
        "effectiveGasPrice": format_quantity(sealed.effective_gas_price),
        "logs": [log_json(log) for log in logs],
        "logsBloom": f"0x{int(bloom):0512x}",
    }


def _transaction_json(transaction: SignedTransactionAPI, sender: bytes) -> dict[str, Json]:
    type_id = transaction.type_id or 0
    shown: dict[str, Json] = {
        "type": format_quantity(type_id),
        "hash": format_data(transaction.hash),
        "chainId": None if transaction.chain_id is None else format_quantity(transaction.chain_id),
        "nonce": format_quantity(transaction.nonce),
        "from": format_address(sender),
        "to": format_address(transaction.to) if transaction.to else None,
        "value": format_quantity(transaction.value),
        "gas": format_quantity(transaction.gas),
        "gasPrice": format_quantity(transaction.max_fee_per_gas),
        "input": format_data(transaction.data),
        "r": format_quantity(transaction.r),
        "s": format_quantity(transaction.s),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
    }
    if type_id == 0:
        # py-evm's abstract class has no `v`; every legacy transaction does.
        shown["v"] = format_quantity(transaction.v)
        return shown
    shown["v"] = shown["yParity"] = format_quantity(transaction.y_parity)
    shown["accessList"] = [
        {"address": format_address(address), "storageKeys": [format_word(slot) for slot in slots]}
        for address, slots in transaction.access_list
    ]
    if type_id >= 2:
        shown["maxFeePerGas"] = format_quantity(transaction.max_fee_per_gas)
        shown["maxPriorityFeePerGas"] = format_quantity(transaction.max_priority_fee_per_gas)
    return shown
