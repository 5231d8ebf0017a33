"""Methods that change the chain: transactions, and the `evm_` and `devnet_` switches for development."""

from __future__ import annotations

from hardhat_free_devnet.config import MAX_TIMESTAMP
from hardhat_free_devnet.encoding import (
    Json,
    format_address,
    format_data,
    format_quantity,
    parse_data,
    parse_flag,
    parse_number,
    parse_object,
)
from hardhat_free_devnet.errors import METHOD_NOT_FOUND, RpcError
from hardhat_free_devnet.mempool import MAX_TRANSACTION_BYTES
from hardhat_free_devnet.node import DevNode

MAX_MINED_AT_ONCE = 1_000


class WriteMethods:
    """Methods that change `node`."""

    def __init__(self, node: DevNode) -> None:
        self._node = node

    def eth_sendRawTransaction(self, raw: Json) -> Json:
        return format_data(self._node.submit(parse_data(raw, "transaction", 2 * MAX_TRANSACTION_BYTES)))

    def evm_mine(self, wanted: Json = None) -> Json:
        """Make a block at once; `wanted` is its timestamp, or an object with `timestamp` and the number of `blocks`."""
        fields = wanted if isinstance(wanted, dict) else {"timestamp": wanted}
        fields = parse_object(fields, "evm_mine", frozenset({"timestamp", "blocks"}))
        count = parse_number(fields.get("blocks", 1), "blocks", MAX_MINED_AT_ONCE)
        if "timestamp" in fields:
            self._node.set_next_timestamp(parse_number(fields["timestamp"], "timestamp", MAX_TIMESTAMP))
        for _ in range(count):
            self._node.seal()
        return "0x0"

    def evm_setAutomine(self, enabled: Json) -> Json:
        """Switch automatic sealing; switching it on also seals what is waiting."""
        self._node.auto_seal = parse_flag(enabled, "enabled")
        if self._node.auto_seal:
            self._node.seal_executable()
        return True

    def evm_setNextBlockTimestamp(self, timestamp: Json) -> Json:
        """Give the next block this timestamp and answer with it."""
        wanted = parse_number(timestamp, "timestamp", MAX_TIMESTAMP)
        self._node.set_next_timestamp(wanted)
        return format_quantity(wanted)

    def evm_increaseTime(self, seconds: Json) -> Json:
        """Move the clock forward and answer with the time it then shows."""
        self._node.increase_time(parse_number(seconds, "seconds", MAX_TIMESTAMP))
        return format_quantity(self._node.chain_time())

    def evm_snapshot(self) -> Json:
        return format_quantity(self._node.snapshot())

    def evm_revert(self, snapshot: Json) -> Json:
        return self._node.revert(parse_number(snapshot, "snapshot", 2**63))

    def devnet_reorg(self, depth: Json, resubmit: Json = False) -> Json:
        """Abandon the last `depth` blocks for a longer chain of empty ones."""
        wanted = parse_number(depth, "depth", 2**32)
        done = self._node.reorganise(wanted, parse_flag(resubmit, "resubmit"))
        return {
            "abandoned": [format_data(each) for each in done.abandoned],
            "canonical": [format_data(each) for each in done.canonical],
            "resubmitted": [format_data(each) for each in done.resubmitted],
        }

    def devnet_accounts(self) -> Json:
        """The public role accounts of a stand-alone devnet."""
        if not self._node.role_accounts:
            raise RpcError(METHOD_NOT_FOUND, "devnet_accounts is not available: this chain has no public role accounts")
        return {
            account.role: {"address": format_address(account.address), "privateKey": format_data(account.private_key)}
            for account in self._node.role_accounts
        }
