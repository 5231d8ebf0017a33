"""Fee data: what the next block asks for, and `eth_feeHistory`."""

from __future__ import annotations

from eth.abc import BlockHeaderAPI

from hardhat_free_devnet import blocks
from hardhat_free_devnet.chain import next_base_fee
from hardhat_free_devnet.encoding import Json, format_quantity
from hardhat_free_devnet.errors import invalid_params
from hardhat_free_devnet.node import DevNode

SUGGESTED_PRIORITY_FEE_WEI = 10**9
"""One gwei; any priority fee, even 0, is accepted."""
BLOB_BASE_FEE_WEI = 1
MAX_HISTORY_BLOCKS = 1_024
MAX_PERCENTILES = 100


def suggested_gas_price(node: DevNode) -> int:
    """Return the next block's base fee plus the suggested priority fee, in wei."""
    return next_base_fee(node.head) + SUGGESTED_PRIORITY_FEE_WEI


def fee_history_json(node: DevNode, count: int, newest: BlockHeaderAPI, percentiles: list[float]) -> Json:
    """Format base fees, fullness and priority fees at `percentiles` of gas for `count` blocks up to `newest`."""
    last = newest.block_number
    first = max(0, last + 1 - min(count, MAX_HISTORY_BLOCKS))
    hashes = blocks.block_hashes(node.database.connection, first, last)
    headers = [node.evm.header(block_hash) for block_hash in hashes]
    base_fees = [header.base_fee_per_gas for header in headers] + [next_base_fee(newest)]
    shown: dict[str, Json] = {
        "oldestBlock": format_quantity(first),
        "baseFeePerGas": [format_quantity(fee) for fee in base_fees],
        "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
        "baseFeePerBlobGas": [format_quantity(BLOB_BASE_FEE_WEI)] * len(base_fees),
        "blobGasUsedRatio": [0.0] * len(headers),
    }
    if percentiles:
        shown["reward"] = [_rewards(node, header, percentiles) for header in headers]
    return shown


def parse_percentiles(value: Json) -> list[float]:
    """Read the ascending reward percentiles `value`, each 0 to 100.

    Raises: RpcError -32602.
    """
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_PERCENTILES:
        raise invalid_params(f"rewardPercentiles: expected a list of at most {MAX_PERCENTILES} numbers")
    for item in value:
        if isinstance(item, bool) or not isinstance(item, int | float) or not 0 <= item <= 100:
            raise invalid_params(f"rewardPercentiles: expected numbers from 0 to 100, got {item!r}")
    if value != sorted(value):
        raise invalid_params("rewardPercentiles: expected ascending numbers")
    return [float(item) for item in value]


def _rewards(node: DevNode, header: BlockHeaderAPI, percentiles: list[float]) -> list[Json]:
    paid = sorted(
        (sealed.effective_gas_price - header.base_fee_per_gas, sealed.gas_used)
        for sealed in blocks.transactions_of_block(node.database.connection, header.block_number)
    )
    rewards: list[Json] = []
    for percentile in percentiles:
        reached, reward = 0, 0
        for priority_fee, gas in paid:
            reached, reward = reached + gas, priority_fee
            if reached >= header.gas_used * percentile / 100:
                break
        rewards.append(format_quantity(reward))
    return rewards
