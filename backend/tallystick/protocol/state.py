"""State proofs: from one trusted block hash down to the value of a storage slot, with hashing alone.

Rules:

- the header's keccak256 is the block hash; it names the state root, the number and the time;
- a trie is walked from its root through nodes looked up by their hash; a node that is not in the pool is an error,
  never an absence. Absence too is proven: by a path that ends elsewhere (EIP-1186; yellow paper appendix D);
- the pool holds each node once, ascending by hash, and none that is not used: one proof has one spelling.

::

    block hash -> header -> state root -> account -> storage root -> slot
                                          \\-> code hash
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import rlp

from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, BlockRef, Hash, Timestamp

EMPTY_TRIE_ROOT = keccak256(b"\x80")
MAX_HEADER_BYTES = 2_048
MAX_NODE_BYTES = 1_024
_STATE_ROOT, _NUMBER, _TIMESTAMP = 3, 8, 11


class ProofError(Exception):
    """A proof that does not lead where it claims; the verifier turns it into a failing step."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the state trie says of one account."""

    storage_root: bytes
    code_hash: bytes


def check_header(header: bytes, block_hash: bytes) -> tuple[BlockRef, Hash]:
    """The block and state root of the RLP ``header``, which must hash to ``block_hash``.

    Raises:
        ProofError: another hash, or no RLP list of a header's fields. Source: yellow paper section 4.3.
    """
    if len(header) > MAX_HEADER_BYTES:
        raise ProofError(f"header: expected at most {MAX_HEADER_BYTES} bytes, got {len(header)}")
    if keccak256(header) != block_hash:
        raise ProofError(f"header: expected to hash to 0x{block_hash.hex()}, got 0x{keccak256(header).hex()}")
    fields = _decode(header, "header")
    if len(fields) < 15 or any(not isinstance(field, bytes) for field in fields):
        raise ProofError("header: expected a list of at least 15 byte strings")
    if len(fields[_STATE_ROOT]) != 32:
        raise ProofError("header: expected a state root of 32 bytes")
    if any(len(fields[i]) > 32 or fields[i][:1] == b"\x00" for i in (_NUMBER, _TIMESTAMP)):
        raise ProofError("header: expected number and time as integers of at most 32 bytes without leading zero")
    number, timestamp = (int.from_bytes(fields[i], "big") for i in (_NUMBER, _TIMESTAMP))
    return BlockRef(number, Hash(block_hash), Timestamp(timestamp)), Hash(fields[_STATE_ROOT])


class NodePool:
    """The trie nodes of a proof, by hash; remembers which were used."""

    def __init__(self, nodes: Sequence[bytes]) -> None:
        """Take ``nodes`` (RLP). Raises ``ProofError`` unless they ascend by keccak256 and each is of sane size."""
        self._nodes: dict[bytes, bytes] = {}
        self._used: set[bytes] = set()
        previous = b""
        for node in nodes:
            if len(node) > MAX_NODE_BYTES:
                raise ProofError(f"trie node: expected at most {MAX_NODE_BYTES} bytes, got {len(node)}")
            digest = keccak256(node)
            if digest <= previous:
                raise ProofError("trie nodes: expected each once, ascending by hash")
            self._nodes[digest] = node
            previous = digest

    def account(self, state_root: bytes, address: Address) -> Account:
        """What the trie under ``state_root`` says of ``address``. Raises ``ProofError``; no such account is one too."""
        value = self._lookup(state_root, keccak256(address))
        if value is None:
            raise ProofError(f"account 0x{address.hex()}: the state holds no such account")
        fields = _decode(value, "account")
        if len(fields) != 4 or any(not isinstance(field, bytes) for field in fields):
            raise ProofError("account: expected nonce, balance, storage root and code hash")
        return Account(fields[2], fields[3])

    def slot(self, account: Account, slot: bytes) -> int:
        """The value of the 32-byte storage ``slot`` of ``account``; 0 where proven absent. Raises ``ProofError``."""
        value = self._lookup(account.storage_root, keccak256(slot))
        if value is None:
            return 0
        decoded = _decode_any(value, "storage value")
        if not isinstance(decoded, bytes) or len(decoded) > 32 or decoded[:1] == b"\x00":
            raise ProofError("storage value: expected an integer of at most 32 bytes")
        return int.from_bytes(decoded, "big")

    def check_all_used(self) -> None:
        """Raises ``ProofError`` when a node proved nothing."""
        if spare := len(self._nodes) - len(self._used):
            raise ProofError(f"trie nodes: {spare} of {len(self._nodes)} prove nothing")

    def _lookup(self, root: bytes, key: bytes) -> bytes | None:
        """The value under ``key`` (32 bytes) in the trie of ``root``, or None where the trie proves its absence."""
        if root == EMPTY_TRIE_ROOT:
            return None
        path = _nibbles(key)
        node = self._resolve(root)
        while True:
            if len(node) == 17:
                if not path:
                    raise ProofError("trie: the path ends in a branch, keys here are all of one length")
                child, path = node[path[0]], path[1:]
                if child == b"":
                    return None
            elif len(node) == 2:
                prefix, is_leaf = _unpack(node[0])
                if path[: len(prefix)] != prefix or (is_leaf and len(path) != len(prefix)):
                    return None
                if is_leaf:
                    if not isinstance(node[1], bytes):
                        raise ProofError("trie: a leaf holds bytes")
                    return node[1]
                child, path = node[1], path[len(prefix) :]
            else:
                raise ProofError(f"trie: expected a node of 2 or 17 items, got {len(node)}")
            node = self._resolve(child)

    def _resolve(self, reference: bytes | list[bytes]) -> list[bytes]:
        """The node that ``reference`` names: by its hash, or inline where its RLP is below 32 bytes."""
        if isinstance(reference, list):
            return reference
        if len(reference) != 32:
            raise ProofError("trie: expected a node hash of 32 bytes")
        encoded = self._nodes.get(reference)
        if encoded is None:
            raise ProofError(f"trie: node 0x{reference.hex()} is missing")
        self._used.add(reference)
        return _decode(encoded, "trie node")


def _decode(data: bytes, name: str) -> list[bytes]:
    decoded = _decode_any(data, name)
    if not isinstance(decoded, list):
        raise ProofError(f"{name}: expected an RLP list")
    return decoded


def _decode_any(data: bytes, name: str) -> bytes | list[bytes]:
    try:
        decoded: bytes | list[bytes] = rlp.decode(data, strict=True)
    except (rlp.exceptions.RLPException, RecursionError) as error:
        raise ProofError(f"{name}: not RLP ({error})") from error
    return decoded


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _unpack(packed: bytes) -> tuple[bytes, bool]:
    """The nibbles and kind of a hex-prefix encoded path (yellow paper appendix C)."""
    if not isinstance(packed, bytes) or not packed or packed[0] >> 4 > 3:
        raise ProofError("trie: expected a hex-prefix encoded path")
    nibbles = _nibbles(packed)
    is_odd, is_leaf = bool(nibbles[0] & 1), bool(nibbles[0] & 2)
    if not is_odd and nibbles[1] != 0:
        raise ProofError("trie: expected zero padding in an even path")
    return nibbles[1 if is_odd else 2 :], is_leaf
