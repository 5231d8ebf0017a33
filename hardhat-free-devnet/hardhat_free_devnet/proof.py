"""Merkle proofs of accounts and storage slots at any past block (EIP-1186, `eth_getProof`).

- A proof is the list of RLP-encoded trie nodes from the root; for something absent it ends where the path breaks off.
"""

from __future__ import annotations

import rlp
from eth.abc import BlockHeaderAPI
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.db.atomic import AtomicDB
from eth_utils.crypto import keccak
from trie import HexaryTrie

from hardhat_free_devnet.encoding import Json, format_address, format_data, format_quantity, parse_slot
from hardhat_free_devnet.errors import invalid_params

MAX_SLOTS = 1_024


def proof_json(nodes: AtomicDB, header: BlockHeaderAPI, address: bytes, slots: Json) -> Json:
    """Prove the account `address` and its storage `slots` (JSON list of hex) against `header.state_root` over `nodes`.

    Raises: RpcError -32602 for malformed slots.
    """
    if not isinstance(slots, list) or len(slots) > MAX_SLOTS:
        raise invalid_params(f"storage keys: expected a list of at most {MAX_SLOTS}")
    accounts = HexaryTrie(nodes, header.state_root)
    path = keccak(address)
    encoded = accounts.get(path)
    nonce, balance, storage_root, code_hash = (
        rlp.decode(encoded) if encoded else (b"", b"", BLANK_ROOT_HASH, EMPTY_SHA3)
    )
    storage = HexaryTrie(nodes, storage_root)
    return {
        "address": format_address(address),
        "accountProof": _nodes(accounts, path),
        "balance": format_quantity(int.from_bytes(balance, "big")),
        "codeHash": format_data(code_hash),
        "nonce": format_quantity(int.from_bytes(nonce, "big")),
        "storageHash": format_data(storage_root),
        "storageProof": [_slot_json(storage, slot) for slot in slots],
    }


def _slot_json(storage: HexaryTrie, slot: Json) -> Json:
    path = keccak(parse_slot(slot).to_bytes(32, "big"))
    encoded = storage.get(path)
    value = int.from_bytes(rlp.decode(encoded), "big") if encoded else 0
    return {"key": slot, "value": format_quantity(value), "proof": _nodes(storage, path)}


def _nodes(trie: HexaryTrie, path: bytes) -> list[Json]:
    if trie.root_hash == BLANK_ROOT_HASH:
        return []
    return [format_data(rlp.encode(node)) for node in trie.get_proof(path)]
