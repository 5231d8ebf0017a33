"""Storage slots: where the compiler's own layout says that the contracts keep what a verifier relies upon."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from protocol.strategies import addresses, bytes32
from tallystick.protocol import slots


def layout(contract: str) -> dict[str, Any]:
    """The storage layout of ``contract`` as solc printed it, variables by name."""
    artifact = files("tallystick.chain") / "artifacts" / f"{contract}.json"
    if not artifact.is_file():
        pytest.skip("the contracts are not compiled: run scripts/compile.py")
    storage = json.loads(artifact.read_text())["storageLayout"]
    return {variable["label"]: variable for variable in storage["variables"]} | storage["structs"]


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_window_is_two_64_bit_times_in_one_slot_the_earlier_one_low(added_at: int, revoked_at: int) -> None:
    packed = revoked_at.to_bytes(8, "big") + added_at.to_bytes(8, "big")
    window = slots.decode_window(int.from_bytes(packed, "big"))
    assert (window.added_at, window.revoked_at) == (added_at, revoked_at)


def test_the_ledger_keeps_its_registry_and_the_heads_where_the_verifier_looks() -> None:
    variables = layout("EvidenceLedger")
    assert variables["registry"]["slot"] == int.from_bytes(slots.LEDGER_REGISTRY_SLOT, "big")
    assert variables["registry"]["offset"] == 0
    assert variables["head"]["slot"] == slots.LEDGER_HEAD_MAPPING
    assert variables["head"]["type"] == "mapping(bytes32 => bytes32)"


def test_the_registry_keeps_roles_and_windows_where_the_verifier_looks() -> None:
    variables = layout("PartyRegistry")
    assert variables["_roles"]["slot"] == slots.REGISTRY_ROLE_MAPPING
    assert variables["_signerWindow"]["slot"] == slots.REGISTRY_WINDOW_MAPPING
    role = {member["label"]: member for member in variables["struct AccessControl.RoleData"]}
    assert (role["hasRole"]["slot"], role["hasRole"]["type"]) == (0, "mapping(address => bool)")
    window = {member["label"]: member for member in variables["struct IPartyRegistry.SignerWindow"]}
    assert [(window[name]["slot"], window[name]["offset"]) for name in ("addedAt", "revokedAt")] == [(0, 0), (0, 8)]
    assert [window[name]["type"] for name in ("addedAt", "revokedAt")] == ["uint64", "uint64"]


@given(bytes32, addresses)
def test_mapped_values_stand_at_the_hash_of_key_and_slot(party: bytes, account: bytes) -> None:
    def at(key_type: str, key: bytes | str, base: bytes) -> bytes:
        return keccak(encode([key_type, "bytes32"], [key, base]))

    address = "0x" + account.hex()
    head, windows, roles = (i.to_bytes(32, "big") for i in (1, 2, 0))
    role = keccak(text="REGISTRAR_ROLE")
    assert slots.head_slot(party) == at("bytes32", party, head)  # type: ignore[arg-type]
    assert slots.window_slot(party, account) == at("address", address, at("bytes32", party, windows))  # type: ignore[arg-type]
    assert slots.role_slot(slots.REGISTRAR_ROLE, account) == at("address", address, at("bytes32", role, roles))  # type: ignore[arg-type]
