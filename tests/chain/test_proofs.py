"""State proofs lead from a block hash to the slots, by this package's verifier and by an independent one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import rlp
from trie import HexaryTrie

from chain.lying import LyingProvider
from chain.rigs import OPERATOR, REGISTRAR, STRANGER, SUPPLIER, appends, open_rig, party, seal
from tallystick.chain.artifacts import load_artifact
from tallystick.chain.embedded import EmbeddedProvider
from tallystick.chain.ledger import EvmChain
from tallystick.chain.records import StateProof
from tallystick.errors import ChainError, ChainInconsistent
from tallystick.protocol import slots
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.state import NodePool, check_header
from tallystick.protocol.types import Address, Hash, to_hex
from tallystick.service.ports import Chain

_STATE_ROOT = 3


@pytest.fixture(params=["embedded", "http", "anvil"])
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    """A chain with one party, whose log holds one append."""
    with open_rig(request.param) as rig:
        fill(rig.chain)
        yield rig.chain


def fill(chain: Chain) -> None:
    chain.admit(REGISTRAR.address, REGISTRAR.sign, [(party("supplier"), SUPPLIER.address)])
    seal(chain, OPERATOR, appends("supplier", "buyer", "lender"))


def wanted(chain: Chain) -> dict[Address, list[bytes]]:
    """Slots that hold something, and slots that hold nothing."""
    ledger = [slots.LEDGER_REGISTRY_SLOT, slots.head_slot(party("supplier")), slots.head_slot(party("auditor"))]
    registry = [
        slots.window_slot(party("supplier"), SUPPLIER.address),
        slots.window_slot(party("supplier"), STRANGER.address),
        slots.role_slot(slots.REGISTRAR_ROLE, REGISTRAR.address),
    ]
    return {chain.deployment.ledger: ledger, chain.deployment.registry: registry}


def read_with_trie(proof: StateProof, address: Address, slot: bytes) -> tuple[bytes, int]:
    """Code hash of ``address`` and value of ``slot``, by py-trie alone."""
    nodes = [rlp.decode(node) for node in proof.nodes]
    state_root = rlp.decode(proof.header)[_STATE_ROOT]
    account = rlp.decode(HexaryTrie.get_from_proof(state_root, keccak256(address), nodes))
    value = HexaryTrie.get_from_proof(account[2], keccak256(slot), nodes)
    return account[3], int.from_bytes(rlp.decode(value), "big") if value else 0


def test_a_block_of_another_hash_is_not_proven(chain: Chain) -> None:
    """A proof is refused for a block whose hash is not the canonical one."""
    block = replace(chain.final_block(), hash=Hash(bytes(32)))
    with pytest.raises(ChainError):
        chain.state_proof(block, wanted(chain))


def test_slots_are_proven_from_the_block_hash(chain: Chain) -> None:
    """Header, account and storage proofs give heads, windows, role, registry and code hashes, and prove absence."""
    block = chain.final_block()
    proof = chain.state_proof(block, wanted(chain))
    ledger, registry = chain.deployment.ledger, chain.deployment.registry
    assert keccak256(proof.header) == block.hash

    def value(address: Address, slot: bytes) -> int:
        return read_with_trie(proof, address, slot)[1]

    for name in ("supplier", "auditor"):
        expected = int.from_bytes(chain.head(party(name), block), "big")
        assert value(ledger, slots.head_slot(party(name))) == expected
    assert value(ledger, slots.LEDGER_REGISTRY_SLOT) == int.from_bytes(registry, "big")
    for signer in (SUPPLIER, STRANGER):
        window = slots.decode_window(value(registry, slots.window_slot(party("supplier"), signer.address)))
        assert window == chain.signer_window(party("supplier"), signer.address, block)
    assert value(registry, slots.role_slot(slots.REGISTRAR_ROLE, REGISTRAR.address)) == 1
    assert (
        read_with_trie(proof, ledger, slots.LEDGER_REGISTRY_SLOT)[0]
        == load_artifact("EvidenceLedger").runtime_code_hash
    )
    assert read_with_trie(proof, registry, slots.role_slot(slots.REGISTRAR_ROLE, REGISTRAR.address))[0] == (
        load_artifact("PartyRegistry").runtime_code_hash
    )


def test_the_proof_has_one_spelling(chain: Chain) -> None:
    """Nodes ascend by hash, each once, and the verifier uses every one of them."""
    block = chain.final_block()
    proof = chain.state_proof(block, wanted(chain))
    checked, state_root = check_header(proof.header, block.hash)
    pool = NodePool(proof.nodes)
    for address, keys in wanted(chain).items():
        account = pool.account(state_root, address)
        for key in keys:
            assert pool.slot(account, key) == read_with_trie(proof, address, key)[1]
    pool.check_all_used()
    assert checked == block


def test_an_old_block_is_proven_as_it_was(chain: Chain) -> None:
    """A proof at an earlier block proves the head of then, also after the log went on."""
    block = chain.final_block()
    head = int.from_bytes(chain.head(party("supplier"), block), "big")
    seal(chain, OPERATOR, appends("supplier"))
    proof = chain.state_proof(block, wanted(chain))
    assert read_with_trie(proof, chain.deployment.ledger, slots.head_slot(party("supplier")))[1] == head


def test_the_deployment_has_no_entries_to_prove(evm_chain: EvmChain) -> None:
    """On a fresh ledger every head is proven absent, and no node is spare."""
    block = evm_chain.final_block()
    slot = slots.head_slot(party("supplier"))
    proof = evm_chain.state_proof(block, {evm_chain.deployment.ledger: [slot]})
    pool = NodePool(proof.nodes)
    account = pool.account(check_header(proof.header, block.hash)[1], evm_chain.deployment.ledger)
    assert pool.slot(account, slot) == 0
    pool.check_all_used()


@pytest.mark.parametrize("field", ["stateRoot", "timestamp", "extraData", "gasUsed", "requestsHash"])
def test_a_forged_header_is_noticed(provider: EmbeddedProvider, evm_chain: EvmChain, field: str) -> None:
    """A header with a changed or missing field does not hash to the block."""
    block = evm_chain.final_block()
    other = to_hex(bytes(32))
    forged = {"stateRoot": other, "timestamp": "0x77", "extraData": other, "gasUsed": "0x77", "requestsHash": None}

    def forge(method: str, params: list[Any], response: Any) -> Any:
        if method == "eth_getBlockByNumber":
            response["result"][field] = forged[field]
        return response

    liar = EvmChain(LyingProvider(provider, forge), evm_chain.deployment)
    with pytest.raises(ChainInconsistent, match=r"header of block .* expected to hash to"):
        liar.state_proof(block, wanted(evm_chain))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda proof: {**proof, "accountProof": proof["accountProof"][1:]}, id="account root"),
        pytest.param(lambda proof: {**proof, "storageProof": proof["storageProof"][1:]}, id="a slot less"),
        pytest.param(lambda proof: {**proof, "storageHash": to_hex(bytes(32))}, id="storage root"),
        pytest.param(lambda proof: {**proof, "accountProof": []}, id="no account"),
    ],
)
def test_an_answer_about_something_else_is_noticed(
    provider: EmbeddedProvider, evm_chain: EvmChain, change: Any
) -> None:
    """Proofs that do not start at their root, or are not as many as asked for, are refused."""
    fill(evm_chain)

    def tamper(method: str, params: list[Any], response: Any) -> Any:
        if method == "eth_getProof":
            response["result"] = change(response["result"])
        return response

    liar = EvmChain(LyingProvider(provider, tamper), evm_chain.deployment)
    with pytest.raises(ChainInconsistent, match=r"node: .*roof"):
        liar.state_proof(evm_chain.final_block(), wanted(evm_chain))


def test_the_chain_in_memory_proves_nothing() -> None:
    """The in-memory chain says that it has no state trie."""
    with open_rig("memory") as rig, pytest.raises(ChainError, match="no state trie"):
        rig.chain.state_proof(rig.chain.final_block(), {})
