"""State proofs as a node gives them (EIP-1186), rebuilt into what a verifier can check with hashing alone.

- The header is put together from the block's JSON in the order of its fork's fields, and must hash to the block.
- Trie nodes of all proofs are pooled: each once, ascending by keccak256, without those that stand inside their parent
  (shorter than 32 bytes, yellow paper appendix D) and without the empty trie.
- Slot keys go out as 32-byte hex strings, the one spelling that every node accepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import rlp

from tallystick.chain import wire
from tallystick.chain.node import Node
from tallystick.chain.records import StateProof
from tallystick.chain.wire import Json
from tallystick.errors import ChainInconsistent
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, BlockRef, to_hex

_BYTES = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("extraData", "mixHash", "nonce", "withdrawalsRoot", "parentBeaconBlockRoot", "requestsHash"),
)
_FRONTIER_FIELDS = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
)
_LATER_FIELDS = (
    "baseFeePerGas",  # London, EIP-1559
    "withdrawalsRoot",  # Shanghai, EIP-4895
    "blobGasUsed",  # Cancun, EIP-4844
    "excessBlobGas",
    "parentBeaconBlockRoot",  # Cancun, EIP-4788
    "requestsHash",  # Prague, EIP-7685
)
_EMPTY_TRIE = b"\x80"
_MIN_HASHED_SIZE = 32
_TODO = "Ask another node, one that serves eth_getProof for this block."


def prove_state(node: Node, block: BlockRef, slots: Mapping[Address, Sequence[bytes]]) -> StateProof:
    """The header of ``block`` and the trie nodes that prove the 32-byte storage ``slots`` of each contract there.

    Raises:
        ChainInconsistent: the header does not hash to ``block``, or an answer is about something else.
        NodeRefused: the node serves no proofs, or no longer for this block.
    """
    header, state_root = _header(node, block)
    pool: set[bytes] = set()
    for address, wanted in slots.items():
        assert all(len(slot) == 32 for slot in wanted), "a storage slot has 32 bytes"
        pool.update(_contract_nodes(node, block, state_root, address, wanted))
    return StateProof(block, header, tuple(sorted(pool, key=keccak256)))


def encode_header(block: Mapping[str, Json]) -> bytes:
    """The RLP of the header in the JSON ``block`` (yellow paper section 4.3, and the EIPs named beside the fields).

    Raises:
        ChainInconsistent: a field is missing or not of its form.
    """
    names = [*_FRONTIER_FIELDS, *(name for name in _LATER_FIELDS if block.get(name) is not None)]
    fields = [
        wire.data(block.get(name), name) if name in _BYTES else wire.quantity(block.get(name), name) for name in names
    ]
    return bytes(rlp.encode(fields))


def _header(node: Node, block: BlockRef) -> tuple[bytes, bytes]:
    answer = node.block_json(block.number)
    if answer is None:
        raise ChainInconsistent(f"node: expected block {block.number}, found none.", todo=_TODO)
    fields = wire.mapping(answer, "block")
    header = encode_header(fields)
    if keccak256(header) != block.hash:
        raise ChainInconsistent(
            f"node: header of block {block.number}: expected to hash to {to_hex(block.hash)}, got "
            f"{to_hex(keccak256(header))}.",
            todo="The chain was reorganised, or its fork adds header fields that this version does not know.",
        )
    return header, wire.data(fields.get("stateRoot"), "stateRoot", 32)


def _contract_nodes(
    node: Node, block: BlockRef, state_root: bytes, address: Address, slots: Sequence[bytes]
) -> Iterable[bytes]:
    """The hashed trie nodes that prove ``slots`` of the contract ``address`` under ``state_root``."""
    answer = node.read_at("eth_getProof", to_hex(address), [to_hex(slot) for slot in slots], block=block)
    proof = wire.mapping(answer, "eth_getProof")
    storage_root = wire.data(proof.get("storageHash"), "storageHash", 32)
    yield from _path(proof.get("accountProof"), state_root, f"account {to_hex(address)}")
    storage_proofs = wire.array(proof.get("storageProof"), "storageProof")
    if len(storage_proofs) != len(slots):
        message = f"node: storageProof: expected {len(slots)} proofs, got {len(storage_proofs)}."
        raise ChainInconsistent(message, todo=_TODO)
    for slot, item in zip(slots, storage_proofs, strict=True):
        yield from _path(wire.mapping(item, "storageProof").get("proof"), storage_root, f"slot {to_hex(slot)}")


def _path(answer: Json, root: bytes, name: str) -> list[bytes]:
    """The nodes of one proof, which starts at ``root``, without inlined ones; empty for the empty trie."""
    path = [wire.data(item, f"proof of {name}") for item in wire.array(answer, f"proof of {name}")]
    if root == keccak256(_EMPTY_TRIE):
        return []
    if not path or keccak256(path[0]) != root:
        raise ChainInconsistent(f"node: proof of {name}: expected to start at root {to_hex(root)}.", todo=_TODO)
    return [path[0], *(item for item in path[1:] if len(item) >= _MIN_HASHED_SIZE)]
