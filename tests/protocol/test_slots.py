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
from tallystick.errors import MalformedInput
from tallystick.protocol import slots
from tallystick.protocol.receivable import Pledge

uint64s = st.integers(0, 2**64 - 1)


def layout(contract: str) -> dict[str, Any]:
    """The storage layout of ``contract`` as solc printed it, variables by name."""
    artifact = files("tallystick.chain") / "artifacts" / f"{contract}.json"
    if not artifact.is_file():
        pytest.skip("the contracts are not compiled: run scripts/compile.py")
    storage = json.loads(artifact.read_text())["storageLayout"]
    return {variable["label"]: variable for variable in storage["variables"]} | storage["structs"]


@given(uint64s, uint64s)
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
    assert variables["batchRoot"]["slot"] == slots.LEDGER_BATCH_ROOT_MAPPING
    assert variables["batchRoot"]["type"] == "mapping(address => mapping(uint64 => bytes32))"


def test_the_registry_keeps_roles_and_windows_where_the_verifier_looks() -> None:
    variables = layout("PartyRegistry")
    assert variables["_roles"]["slot"] == slots.REGISTRY_ROLE_MAPPING
    assert variables["_signerWindow"]["slot"] == slots.REGISTRY_WINDOW_MAPPING
    assert variables["admittedAt"]["slot"] == slots.REGISTRY_ADMITTED_MAPPING
    assert variables["isOperator"]["slot"] == slots.REGISTRY_OPERATOR_MAPPING
    role = {member["label"]: member for member in variables["struct AccessControl.RoleData"]}
    assert (role["hasRole"]["slot"], role["hasRole"]["type"]) == (0, "mapping(address => bool)")
    window = {member["label"]: member for member in variables["struct IPartyRegistry.SignerWindow"]}
    assert [(window[name]["slot"], window[name]["offset"]) for name in ("addedAt", "revokedAt")] == [(0, 0), (0, 8)]
    assert [window[name]["type"] for name in ("addedAt", "revokedAt")] == ["uint64", "uint64"]


def test_the_register_keeps_its_ledger_and_pledges_where_the_verifier_looks() -> None:
    variables = layout("ReceivableRegistry")
    assert variables["ledger"]["slot"] == int.from_bytes(slots.RECEIVABLES_LEDGER_SLOT, "big")
    assert variables["ledger"]["offset"] == 0
    assert variables["_pledges"]["slot"] == slots.RECEIVABLES_PLEDGE_MAPPING
    assert variables["lastPledge"]["slot"] == slots.RECEIVABLES_LAST_PLEDGE_MAPPING
    assert variables["lastPledgeOfFingerprint"]["slot"] == slots.RECEIVABLES_LAST_OF_FINGERPRINT_MAPPING
    by_two_ids = "mapping(bytes32 => mapping(bytes32 => bytes32))"
    assert {variables[name]["type"] for name in ("lastPledge", "lastPledgeOfFingerprint")} == {by_two_ids}


def test_a_pledge_is_four_ids_and_three_times_in_one_slot() -> None:
    members = layout("ReceivableRegistry")["struct IReceivableRegistry.Pledge"]
    assert [(member["label"], member["slot"], member["offset"], member["type"]) for member in members] == [
        ("supplier", 0, 0, "bytes32"),
        ("receivable", 1, 0, "bytes32"),
        ("fingerprint", 2, 0, "bytes32"),
        ("financier", 3, 0, "bytes32"),
        ("pledgedAt", 4, 0, "uint64"),
        ("expiresAt", 4, 8, "uint64"),
        ("releasedAt", 4, 16, "uint64"),
    ]
    assert slots.PLEDGE_WORDS == 5


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="no words"),
        pytest.param([1, 2, 3, 4], id="a word less"),
        pytest.param([1, 2, 3, 4, 5, 6], id="a word more"),
        pytest.param([1, 2, 3, 4, 0], id="never made"),
        pytest.param([0, 0, 0, 0, 2**64], id="expiring without having been made"),
        pytest.param([1, 2, 3, 4, 1 << 192 | 1], id="bits above the times"),
    ],
)
def test_words_that_the_register_never_writes_are_no_pledge(words: list[int]) -> None:
    with pytest.raises(MalformedInput, match="pledge: expected"):
        slots.parse_pledge(words)


def test_where_no_pledge_was_ever_made_there_is_none() -> None:
    assert slots.parse_pledge([0] * 5) is None


@given(bytes32, bytes32, bytes32, bytes32, uint64s.filter(bool), uint64s, uint64s)
def test_the_words_of_a_pledge_are_read_as_they_are_packed(
    supplier: Any, receivable: Any, fingerprint: Any, financier: Any, pledged_at: Any, expires_at: Any, released_at: Any
) -> None:
    packed = b"".join(time.to_bytes(8, "big") for time in (0, released_at, expires_at, pledged_at))
    words = [int.from_bytes(item, "big") for item in (supplier, receivable, fingerprint, financier, packed)]
    expected = Pledge(supplier, receivable, fingerprint, financier, pledged_at, expires_at, released_at)
    assert slots.parse_pledge(words) == expected


@given(bytes32, bytes32)
def test_pledges_stand_at_the_hashes_of_their_keys_and_slots(one: Any, other: Any) -> None:
    def at(key: bytes, base: bytes) -> bytes:
        return keccak(encode(["bytes32", "bytes32"], [key, base]))

    pledges, last, last_of_fingerprint = (i.to_bytes(32, "big") for i in (1, 2, 3))
    first = int.from_bytes(at(one, pledges), "big")
    assert [int.from_bytes(slot, "big") for slot in slots.pledge_slots(one)] == [first + i for i in range(5)]
    assert slots.last_pledge_slot(one, other) == at(other, at(one, last))
    assert slots.last_pledge_of_fingerprint_slot(one, other) == at(other, at(one, last_of_fingerprint))


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
