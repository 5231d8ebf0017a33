"""All logs of one contract in a range of blocks, checked, whatever range the node is willing to answer at once.

- The range asked for is halved on any refusal or timeout, down to one block, and doubled again after each answer.
- Each log must come from the contract asked about, from a block of the range, in strictly ascending order, and from the
  block that the node calls canonical under that number; else ``ChainInconsistent``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tallystick.chain import wire
from tallystick.chain.node import Node, NodeTimeout
from tallystick.chain.wire import Log, NodeRefused
from tallystick.errors import ChainInconsistent
from tallystick.protocol.types import Address, BlockRef, Hash, to_hex

MAX_RANGE_BLOCKS = 10_000
_RANGE_TODO = "Ask another node; this one leaves out or mixes up logs."


def scan_logs(
    node: Node,
    emitter: Address,
    topics: Sequence[bytes],
    first_block: int,
    last_block: int,
    *,
    second_topic: bytes | None = None,
) -> Iterator[tuple[Log, BlockRef]]:
    """The logs of ``emitter`` whose first topic is one of ``topics``, in blocks ``first_block`` to ``last_block``.

    With a ``second_topic`` (32 bytes), those alone that have it. Both ends of the range are included; yields each log
    with its block, in chain order.

    Raises:
        ChainInconsistent: what the node answers breaks a rule above.
        NodeRefused: it refuses even a single block.
    """
    size = MAX_RANGE_BLOCKS
    start = first_block
    previous = (-1, -1)
    confirmed: dict[Hash, BlockRef] = {}
    while start <= last_block:
        end = min(start + size - 1, last_block)
        try:
            answer = _get_logs(node, emitter, topics, second_topic, start, end)
        except (NodeRefused, NodeTimeout):
            if start == end:
                raise
            size = max(1, (end - start + 1) // 2)
            continue
        for item in answer:
            log = wire.parse_log(item)
            place = (log.block_number, log.index)
            _check(log, emitter, topics, second_topic, start, end)
            if place <= previous:
                message = f"node: log {place} stands after log {previous} (block number, log index)."
                raise ChainInconsistent(message, todo=_RANGE_TODO)
            previous = place
            block = confirmed.get(log.block_hash)
            if block is None or block.number != log.block_number:
                block = confirmed[log.block_hash] = node.confirm(log.block_number, log.block_hash)
            yield log, block
        start = end + 1
        size = min(2 * size, MAX_RANGE_BLOCKS)


def _get_logs(
    node: Node, emitter: Address, topics: Sequence[bytes], second_topic: bytes | None, first: int, last: int
) -> Sequence[wire.Json]:
    names: list[wire.Json] = [to_hex(topic) for topic in topics]
    filters: list[wire.Json] = [names] if second_topic is None else [names, to_hex(second_topic)]
    question = {
        "address": to_hex(emitter),
        "topics": filters,
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }
    return wire.array(node.request("eth_getLogs", question), "eth_getLogs")


def _check(
    log: Log, emitter: Address, topics: Sequence[bytes], second_topic: bytes | None, first: int, last: int
) -> None:
    if log.emitter != emitter:
        message = f"node: log: expected one of {to_hex(emitter)}, got one of {to_hex(log.emitter)}."
        raise ChainInconsistent(message, todo=_RANGE_TODO)
    if not first <= log.block_number <= last:
        message = f"node: log: expected one of blocks {first} to {last}, got one of block {log.block_number}."
        raise ChainInconsistent(message, todo=_RANGE_TODO)
    matches = bool(log.topics) and log.topics[0] in topics and second_topic in (None, *log.topics[1:2])
    if log.removed or not matches:
        message = f"node: log in block {log.block_number}: expected one of the event asked for, got another."
        raise ChainInconsistent(message, todo=_RANGE_TODO)
