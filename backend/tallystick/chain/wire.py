"""Values of a node's JSON answers, parsed strictly.

What is not of its form raises ``ChainInconsistent``: a node that garbles one answer is not to be believed on another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tallystick.errors import ChainError, ChainInconsistent
from tallystick.protocol.types import Address, BlockRef, Hash, Timestamp, clip

Json: TypeAlias = Any
"""A value as JSON can write it."""

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}\Z")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*\Z")
_BAD_NODE = "Ask another node."


class NodeRefused(ChainError):
    """The node answered, with a JSON-RPC error: its ``code``, and the revert data if a contract refused (else None)."""

    def __init__(self, message: str, *, code: int, revert_data: bytes | None = None, todo: str = "") -> None:
        super().__init__(message, todo=todo)
        self.code = code
        self.revert_data = revert_data


@dataclass(frozen=True, slots=True)
class Header:
    """What is needed of a block header; ``base_fee_wei`` is per gas, and None on chains from before EIP-1559."""

    ref: BlockRef
    parent: Hash
    gas_limit: int
    base_fee_wei: int | None


@dataclass(frozen=True, slots=True)
class Log:
    """One event in a block, named by number and hash, as the node tells it."""

    emitter: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: Hash
    transaction_hash: Hash
    index: int
    removed: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """How an included transaction ended."""

    block_number: int
    block_hash: Hash
    succeeded: bool
    gas_used: int


def quantity(value: Json, name: str) -> int:
    """The number spelled by ``value``. Raises ``ChainInconsistent`` naming ``name``."""
    if not isinstance(value, str) or not _QUANTITY.match(value):
        raise ChainInconsistent(f"node: {name}: expected a hex quantity, got {clip(value)}.", todo=_BAD_NODE)
    return int(value, 16)


def data(value: Json, name: str, size: int | None = None) -> bytes:
    """The bytes spelled by ``value``, ``size`` of them where given. Raises ``ChainInconsistent`` naming ``name``."""
    if not isinstance(value, str) or not _DATA.match(value) or (size is not None and len(value) != 2 + 2 * size):
        want = "hex data" if size is None else f"{size} bytes of hex"
        raise ChainInconsistent(f"node: {name}: expected {want}, got {clip(value)}.", todo=_BAD_NODE)
    return bytes.fromhex(value[2:])


def mapping(value: Json, name: str) -> Mapping[str, Json]:
    """The object ``value``. Raises ``ChainInconsistent`` naming ``name``."""
    if not isinstance(value, Mapping):
        raise ChainInconsistent(f"node: {name}: expected an object, got {clip(value)}.", todo=_BAD_NODE)
    return value


def array(value: Json, name: str) -> Sequence[Json]:
    """The array ``value``. Raises ``ChainInconsistent`` naming ``name``."""
    if not isinstance(value, list):
        raise ChainInconsistent(f"node: {name}: expected an array, got {clip(value)}.", todo=_BAD_NODE)
    return value


def parse_header(value: Json) -> Header:
    """The header in the block ``value`` of eth_getBlockByNumber. Raises ``ChainInconsistent``."""
    block = mapping(value, "block")
    number = quantity(block.get("number"), "block number")
    timestamp = Timestamp(quantity(block.get("timestamp"), "block timestamp"))
    base_fee = block.get("baseFeePerGas")
    return Header(
        BlockRef(number, Hash(data(block.get("hash"), "block hash", 32)), timestamp),
        Hash(data(block.get("parentHash"), "parent hash", 32)),
        quantity(block.get("gasLimit"), "block gas limit"),
        None if base_fee is None else quantity(base_fee, "base fee"),
    )


def parse_log(value: Json) -> Log:
    """The log ``value`` of eth_getLogs. Raises ``ChainInconsistent``."""
    log = mapping(value, "log")
    return Log(
        Address(data(log.get("address"), "log address", 20)),
        tuple(data(topic, "log topic", 32) for topic in array(log.get("topics"), "log topics")),
        data(log.get("data"), "log data"),
        quantity(log.get("blockNumber"), "log block number"),
        Hash(data(log.get("blockHash"), "log block hash", 32)),
        Hash(data(log.get("transactionHash"), "log transaction hash", 32)),
        quantity(log.get("logIndex"), "log index"),
        log.get("removed") is True,
    )


def parse_receipt(value: Json) -> Receipt:
    """The receipt ``value`` of eth_getTransactionReceipt. Raises ``ChainInconsistent``."""
    receipt = mapping(value, "receipt")
    return Receipt(
        quantity(receipt.get("blockNumber"), "receipt block number"),
        Hash(data(receipt.get("blockHash"), "receipt block hash", 32)),
        quantity(receipt.get("status"), "receipt status") == 1,
        quantity(receipt.get("gasUsed"), "receipt gas used"),
    )


def parse_error(value: Json, method: str) -> NodeRefused:
    """The JSON-RPC error object ``value`` that answered ``method``, as an exception to raise."""
    error = value if isinstance(value, Mapping) else {"message": value}
    code = error.get("code")
    text = f"node: {method}: {clip(error.get('message'), 300)}."
    return NodeRefused(text, code=code if isinstance(code, int) else 0, revert_data=_revert_data(error))


def _revert_data(error: Mapping[str, Json]) -> bytes | None:
    """Nodes put it into ``data``, or one level deeper; a revert without data is known by its code 3 or its message."""
    found = error.get("data")
    if isinstance(found, Mapping):
        found = found.get("data", found.get("result"))
    if isinstance(found, str) and _DATA.match(found):
        return bytes.fromhex(found[2:])
    reverted = error.get("code") == 3 or "execution reverted" in str(error.get("message"))
    return b"" if reverted else None
