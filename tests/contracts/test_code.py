"""What a verifier relies on: one published code for every deployment, and state at documented slots."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_abi import encode
from eth_utils import keccak

from contracts.deployment import Deployment
from contracts.reference import word
from tallystick.chain.artifacts import CONTRACT_NAMES, load_artifact

PUBLISHED = Path(__file__).parents[2] / "contracts" / "code-hashes.json"
SUPPLIER = word("supplier")


def slot_of(key_type: str, key: object, slot: int) -> int:
    """Where a mapping at `slot` keeps `key`: keccak256(abi.encode(key, slot))."""
    return int.from_bytes(keccak(encode([key_type, "uint256"], [key, slot])), "big")


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_artifacts_hold_the_published_code(name: str) -> None:
    """The hashes in the repository, the artifact's own, and those of its bytes are the same."""
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))["contracts"][name]
    artifact = load_artifact(name)
    assert (
        keccak(artifact.runtime_code) == artifact.runtime_code_hash == bytes.fromhex(published["runtimeCodeHash"][2:])
    )
    assert keccak(artifact.bytecode) == artifact.creation_code_hash == bytes.fromhex(published["creationCodeHash"][2:])


def test_every_deployment_has_the_published_code(chain: Deployment) -> None:
    """Constructor arguments leave no trace in the code, so one hash stands for all deployments."""
    other_registry = chain.deploy("PartyRegistry", chain.stranger, chain.stranger)
    other_ledger = chain.deploy("EvidenceLedger", other_registry.address)
    for name, deployed in (
        ("PartyRegistry", (chain.registry, other_registry)),
        ("EvidenceLedger", (chain.ledger, other_ledger)),
    ):
        for contract in deployed:
            assert keccak(chain.web3.eth.get_code(contract.address)) == load_artifact(name).runtime_code_hash


def test_code_stays_below_the_size_limit() -> None:
    """EIP-170 allows 24,576 bytes of code."""
    assert all(len(load_artifact(name).runtime_code) <= 24_576 for name in CONTRACT_NAMES)


def test_the_storage_layout_is_the_documented_one() -> None:
    """Slots of a deployed contract are for ever: a change here is a new protocol version."""
    assert {
        name: [(v.slot, v.offset, v.label, v.type) for v in load_artifact(name).storage] for name in CONTRACT_NAMES
    } == {
        "PartyRegistry": [
            (0, 0, "_roles", "mapping(bytes32 => struct AccessControl.RoleData)"),
            (1, 0, "admittedAt", "mapping(bytes32 => uint64)"),
            (2, 0, "_signerWindow", "mapping(bytes32 => mapping(address => struct IPartyRegistry.SignerWindow))"),
            (3, 0, "isOperator", "mapping(address => bool)"),
        ],
        "EvidenceLedger": [
            (0, 0, "registry", "contract IPartyRegistry"),
            (1, 0, "head", "mapping(bytes32 => bytes32)"),
            (2, 0, "nextBatch", "mapping(address => uint64)"),
            (3, 0, "batchRoot", "mapping(address => mapping(uint64 => bytes32))"),
        ],
        "ReceivableRegistry": [
            (0, 0, "ledger", "contract IEvidenceLedger"),
            (1, 0, "_pledges", "mapping(bytes32 => struct IReceivableRegistry.Pledge)"),
            (2, 0, "lastPledge", "mapping(bytes32 => mapping(bytes32 => bytes32))"),
            (3, 0, "lastPledgeOfFingerprint", "mapping(bytes32 => mapping(bytes32 => bytes32))"),
            (4, 0, "closedAt", "mapping(bytes32 => mapping(bytes32 => uint64))"),
        ],
    }


def test_registry_slots_hold_what_the_views_say(chain: Deployment) -> None:
    """Admission, signer window and operator read from storage by formula: what a storage proof will show."""
    added = chain.send(chain.registry.functions.admit(SUPPLIER, chain.supplier_signer), chain.registrar).timestamp
    chain.tester.time_travel(added + 1000)
    revoke = chain.registry.functions.revokeSigner(SUPPLIER, chain.supplier_signer)
    revoked = chain.send(revoke, chain.supplier_signer).timestamp
    window_slot = slot_of("address", chain.supplier_signer, slot_of("bytes32", SUPPLIER, 2))
    assert revoked > added
    assert chain.storage(chain.registry, window_slot) == added | revoked << 64
    assert chain.storage(chain.registry, slot_of("bytes32", SUPPLIER, 1)) == added
    assert chain.storage(chain.registry, slot_of("address", chain.operator, 3)) == 1
    assert chain.storage(chain.registry, slot_of("address", chain.stranger, 3)) == 0


def test_ledger_slots_hold_what_the_views_say(chain: Deployment) -> None:
    """Registry, head, next batch and batch root read from storage by formula: what a storage proof will show."""
    chain.send(chain.ledger.functions.seal(0, [(SUPPLIER, word("root"), 1)]), chain.operator)
    head = int.from_bytes(chain.ledger.functions.head(SUPPLIER).call(), "big")
    root = int.from_bytes(chain.ledger.functions.batchRoot(chain.operator, 0).call(), "big")
    assert head != 0
    assert root != 0
    assert chain.storage(chain.ledger, 0) == int(chain.registry.address, 16)
    assert chain.storage(chain.ledger, slot_of("bytes32", SUPPLIER, 1)) == head
    assert chain.storage(chain.ledger, slot_of("address", chain.operator, 2)) == 1
    assert chain.storage(chain.ledger, slot_of("uint64", 0, slot_of("address", chain.operator, 3))) == root
