"""A node that a verifier trusts: its word for a block's hash, and for the state where a bundle carries no proofs."""

from __future__ import annotations

from tallystick.chain import wire
from tallystick.chain.node import Node
from tallystick.chain.rpc import open_http
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, BlockRef, to_hex


class NodeReader:
    """The node at ``url``; asks it nothing before it is used."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._node = Node(open_http(url))

    def chain_id(self) -> int:
        """The id of the chain it serves. Raises ``ChainUnreachable``."""
        return self._node.chain_id()

    def block(self, number: int) -> BlockRef:
        """The canonical block ``number``. Raises ``ChainError``, also where the node knows no such block."""
        return self._node.block(number)

    def state(self, block: BlockRef) -> NodeState:
        """The state after ``block``, as this node tells it."""
        return NodeState(self._node, block)


class NodeState:
    """``verdict.State`` by the word of ``node`` at ``block``."""

    def __init__(self, node: Node, block: BlockRef) -> None:
        self.block = block
        self._node = node

    def code_hash(self, address: Address) -> bytes:
        """keccak256 of the code at ``address``; that of nothing where there is no contract."""
        return keccak256(self._node.code(address, self.block))

    def slot(self, address: Address, slot: bytes) -> int:
        """The value of the 32-byte storage ``slot`` of ``address``."""
        value = self._node.read_at("eth_getStorageAt", to_hex(address), to_hex(slot), block=self.block)
        return int.from_bytes(wire.data(value, "eth_getStorageAt", 32), "big")
