"""eth_getProof, verified with py-trie's own verifier against the block's state root."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from devnet.support import BUYER, LENDER, SUPPLIER, address_of, block, deploy, note, send
from hardhat_free_devnet import DevNode, RpcError


def from_hex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def proven(root: str, path: bytes, proof: list[str]) -> bytes:
    """Return the value under keccak256(`path`) that `proof` shows for `root`; empty when it shows there is none."""
    return HexaryTrie.get_from_proof(from_hex(root), keccak(path), [rlp.decode(from_hex(node)) for node in proof])


def quantity(text: str) -> bytes:
    number = int(text, 16)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def check_account(state_root: str, answer: Any) -> None:
    account = [
        quantity(answer["nonce"]),
        quantity(answer["balance"]),
        from_hex(answer["storageHash"]),
        from_hex(answer["codeHash"]),
    ]
    assert proven(state_root, from_hex(answer["address"]), answer["accountProof"]) == rlp.encode(account)


@pytest.mark.parametrize("slots", [["0x"], ["1"], [1], "0x0", ["0x" + "0" * 65], ["0x0"] * 1_025])
def test_malformed_storage_keys_are_refused(node: DevNode, slots: Any) -> None:
    """Refuse what is no list of hex slots of at most 32 bytes."""
    with pytest.raises(RpcError) as refusal:
        node.request("eth_getProof", [address_of(SUPPLIER), slots])
    assert refusal.value.code == -32602


def test_an_absent_account_is_proven_absent(node: DevNode) -> None:
    """Prove that there is nothing: the path breaks off and every field is that of an empty account."""
    nowhere = "0x" + "12" * 20
    answer = node.request("eth_getProof", [nowhere, ["0x0"]])
    assert proven(block(node)["stateRoot"], from_hex(nowhere), answer["accountProof"]) == b""
    assert (answer["balance"], answer["nonce"], answer["codeHash"]) == ("0x0", "0x0", "0x" + keccak(b"").hex())
    assert answer["storageProof"] == [{"key": "0x0", "value": "0x0", "proof": []}]


def test_storage_is_proven_at_every_past_block(node: DevNode) -> None:
    """Prove the account and its storage for each block against that block's own state root."""
    notebook = deploy(node)
    for word in (300, 2**255, 0):
        note(node, SUPPLIER, notebook, word)
    slots = ["0x0", "0x" + "00" * 31 + "01"]
    for number, word in ((1, 0), (2, 300), (3, 2**255), (4, 0)):
        answer = node.request("eth_getProof", [notebook, slots, hex(number)])
        check_account(block(node, hex(number))["stateRoot"], answer)
        assert [each["key"] for each in answer["storageProof"]] == slots
        assert [int(each["value"], 16) for each in answer["storageProof"]] == [word, 0]
        for slot, each in zip((0, 1), answer["storageProof"], strict=True):
            if answer["storageHash"] != "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421":
                shown = proven(answer["storageHash"], slot.to_bytes(32, "big"), each["proof"])
                assert shown == (rlp.encode(quantity(each["value"])) if each["value"] != "0x0" else b"")


@settings(max_examples=15, deadline=None)
@given(amounts=st.lists(st.tuples(st.sampled_from([SUPPLIER, BUYER, LENDER]), st.integers(1, 10**18)), max_size=4))
def test_every_balance_and_nonce_can_be_proven(amounts: list[tuple[Any, int]]) -> None:
    """Prove each account's balance and nonce after any transfers, equal to what the node says directly."""
    from devnet.support import open_node

    with open_node() as node:
        for number, (sender, value) in enumerate(amounts):
            send(node, sender, to=keccak(bytes([number]))[:20], value=value)
        for account in (SUPPLIER, BUYER, LENDER):
            answer = node.request("eth_getProof", [address_of(account), [], "latest"])
            check_account(block(node)["stateRoot"], answer)
            assert answer["balance"] == node.request("eth_getBalance", [address_of(account)])
            assert answer["nonce"] == node.request("eth_getTransactionCount", [address_of(account)])
