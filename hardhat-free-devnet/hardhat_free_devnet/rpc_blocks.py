"""Methods that read blocks, transactions, receipts and logs."""

from __future__ import annotations

from collections import defaultdict

from hardhat_free_devnet import blocks
from hardhat_free_devnet.blocks import BlockRow
from hardhat_free_devnet.encoding import (
    Json,
    format_data,
    format_quantity,
    parse_address,
    parse_flag,
    parse_hash,
    parse_object,
    parse_quantity,
)
from hardhat_free_devnet.errors import invalid_params, refused
from hardhat_free_devnet.filters import Filters
from hardhat_free_devnet.formats import block_json, receipt_json, sealed_transaction_json, waiting_transaction_json
from hardhat_free_devnet.logs import (
    MAX_ALTERNATIVES,
    MAX_TOPICS,
    Log,
    LogFilter,
    find_logs,
    log_json,
    logs_of_block,
    logs_of_transaction,
)
from hardhat_free_devnet.node import DevNode
from hardhat_free_devnet.selectors import select_number, select_row

_FILTER_FIELDS = frozenset({"fromBlock", "toBlock", "blockHash", "address", "topics"})


class BlockMethods:
    """Methods about what is in the chain of `node`."""

    def __init__(self, node: DevNode) -> None:
        self._node = node
        self._connection = node.database.connection
        self._filters = Filters(node)

    def eth_getBlockByNumber(self, block: Json, full: Json = False) -> Json:
        return self._block(blocks.block_by_number(self._connection, select_number(self._node, block)), full)

    def eth_getBlockByHash(self, block_hash: Json, full: Json = False) -> Json:
        return self._block(self._by_hash(block_hash), full)

    def eth_getBlockTransactionCountByNumber(self, block: Json) -> Json:
        return self._count(blocks.block_by_number(self._connection, select_number(self._node, block)))

    def eth_getBlockTransactionCountByHash(self, block_hash: Json) -> Json:
        return self._count(self._by_hash(block_hash))

    def eth_getBlockReceipts(self, block: Json) -> Json:
        if isinstance(block, str) and len(block) == 66:
            block = {"blockHash": block}
        row = select_row(self._node, block)
        if row is None:
            return None
        logs: dict[int, list[Log]] = defaultdict(list)
        for log in logs_of_block(self._connection, row.number):
            logs[log.position].append(log)
        sealed = blocks.transactions_of_block(self._connection, row.number)
        return [receipt_json(each, row.hash, logs[each.position]) for each in sealed]

    def eth_getTransactionByHash(self, transaction_hash: Json) -> Json:
        wanted = parse_hash(transaction_hash)
        sealed = blocks.transaction_by_hash(self._connection, wanted)
        if sealed is not None:
            return sealed_transaction_json(sealed, self._hash_of(sealed.number))
        waiting = self._node.mempool.get(wanted)
        return None if waiting is None else waiting_transaction_json(waiting)

    def eth_getTransactionByBlockNumberAndIndex(self, block: Json, index: Json) -> Json:
        return self._at(blocks.block_by_number(self._connection, select_number(self._node, block)), index)

    def eth_getTransactionByBlockHashAndIndex(self, block_hash: Json, index: Json) -> Json:
        return self._at(self._by_hash(block_hash), index)

    def eth_getTransactionReceipt(self, transaction_hash: Json) -> Json:
        sealed = blocks.transaction_by_hash(self._connection, parse_hash(transaction_hash))
        if sealed is None:
            return None
        logs = logs_of_transaction(self._connection, sealed.number, sealed.position)
        return receipt_json(sealed, self._hash_of(sealed.number), logs)

    def eth_getLogs(self, wanted: Json) -> Json:
        found = find_logs(self._connection, self._log_filter(wanted))
        return [log_json(log) for log in found]

    def eth_newFilter(self, wanted: Json) -> Json:
        fields = parse_object(wanted, "filter", _FILTER_FIELDS)
        if "blockHash" in fields:
            raise invalid_params("filter: expected no blockHash, a filter reports what is new")
        return self._filters.add(self._log_filter({"toBlock": hex(2**63 - 1), **fields}))

    def eth_newBlockFilter(self) -> Json:
        return self._filters.add(None)

    def eth_getFilterChanges(self, filter_id: Json) -> Json:
        return self._filters.changes(filter_id)

    def eth_getFilterLogs(self, filter_id: Json) -> Json:
        return self._filters.all_logs(filter_id)

    def eth_uninstallFilter(self, filter_id: Json) -> Json:
        return self._filters.remove(filter_id)

    def _block(self, row: BlockRow | None, full: Json) -> Json:
        whole = parse_flag(full, "full transactions")
        if row is None:
            return None
        if whole:
            sealed = blocks.transactions_of_block(self._connection, row.number)
            shown = [sealed_transaction_json(each, row.hash) for each in sealed]
        else:
            shown = [format_data(each) for each in blocks.transaction_hashes(self._connection, row.number)]
        return block_json(self._node.evm.header(row.hash), row, shown)

    def _count(self, row: BlockRow | None) -> Json:
        return None if row is None else format_quantity(len(blocks.transaction_hashes(self._connection, row.number)))

    def _at(self, row: BlockRow | None, index: Json) -> Json:
        position = parse_quantity(index, "transaction index", 2**32)
        if row is None:
            return None
        sealed = blocks.transactions_of_block(self._connection, row.number)
        return sealed_transaction_json(sealed[position], row.hash) if position < len(sealed) else None

    def _by_hash(self, block_hash: Json) -> BlockRow | None:
        return blocks.block_by_hash(self._connection, parse_hash(block_hash, "block hash"))

    def _hash_of(self, number: int) -> bytes:
        row = blocks.block_by_number(self._connection, number)
        assert row is not None, "a sealed transaction is always in a block"
        return row.hash

    def _log_filter(self, value: Json) -> LogFilter:
        fields = parse_object(value, "filter", _FILTER_FIELDS)
        if "blockHash" in fields:
            if "fromBlock" in fields or "toBlock" in fields:
                raise invalid_params("filter: expected either blockHash or fromBlock and toBlock, got both")
            row = self._by_hash(fields["blockHash"])
            if row is None:
                raise refused("unknown block: no canonical block has this blockHash")
            first = last = row.number
        else:
            first = select_number(self._node, fields.get("fromBlock"))
            last = select_number(self._node, fields.get("toBlock"))
            if first > last and "fromBlock" in fields and "toBlock" in fields:
                raise invalid_params(f"filter: expected fromBlock <= toBlock, got {hex(first)} and {hex(last)}")
        return LogFilter(first, last, _addresses(fields.get("address")), _topics(fields.get("topics")))


def _addresses(value: Json) -> tuple[bytes, ...]:
    if value is None:
        return ()
    listed = value if isinstance(value, list) else [value]
    if len(listed) > MAX_ALTERNATIVES:
        raise invalid_params(f"address: expected at most {MAX_ALTERNATIVES}, got {len(listed)}")
    return tuple(parse_address(each) for each in listed)


def _topics(value: Json) -> tuple[tuple[bytes, ...] | None, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_TOPICS:
        raise invalid_params(f"topics: expected a list of at most {MAX_TOPICS} positions")
    return tuple(_alternatives(position) for position in value)


def _alternatives(value: Json) -> tuple[bytes, ...] | None:
    listed = value if isinstance(value, list) else [value]
    if len(listed) > MAX_ALTERNATIVES:
        raise invalid_params(f"topics: expected at most {MAX_ALTERNATIVES} alternatives, got {len(listed)}")
    # As in geth: null or an empty list matches anything, also as one alternative among others.
    if not listed or None in listed:
        return None
    return tuple(parse_hash(each, "topic") for each in listed)
