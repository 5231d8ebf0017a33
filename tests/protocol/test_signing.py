"""Signatures: one spelling each, equal to those of eth_keys."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_keys import keys
from hypothesis import given

from protocol.strategies import bytes32, private_keys
from tallystick.errors import BadSignature
from tallystick.protocol.signing import GROUP_ORDER, private_key_address, recover, sign, split

DIGEST = b"\x07" * 32
KEY = b"\x01" * 32
GOOD = sign(DIGEST, KEY)


def spelled(r: int, s: int, v: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])


R, S, V = int.from_bytes(GOOD[:32], "big"), int.from_bytes(GOOD[32:64], "big"), GOOD[64]


@pytest.mark.parametrize("signature", [b"", GOOD[:64], GOOD + b"\x00", GOOD[:-1] + b"\x00\x1b"])
def test_a_signature_of_another_length_is_refused(signature: bytes) -> None:
    with pytest.raises(BadSignature, match="expected 65 bytes"):
        recover(DIGEST, signature)


@pytest.mark.parametrize("v", [0, 1, 2, 26, 29, 30, 35, 255])
def test_a_v_other_than_27_or_28_is_refused(v: int) -> None:
    with pytest.raises(BadSignature, match="expected v 27 or 28"):
        recover(DIGEST, spelled(R, S, v))


def test_the_high_s_twin_of_a_signature_is_refused() -> None:
    twin = spelled(R, GROUP_ORDER - S, 55 - V)
    assert keys.Signature(twin[:64] + bytes([twin[64] - 27])).recover_public_key_from_msg_hash(
        DIGEST
    ).to_canonical_address() == private_key_address(KEY), "the curve itself would take it"
    with pytest.raises(BadSignature, match="upper half"):
        recover(DIGEST, twin)


@pytest.mark.parametrize("r", [0, GROUP_ORDER, GROUP_ORDER + 1, 2**256 - 1])
def test_an_r_out_of_range_is_refused(r: int) -> None:
    with pytest.raises(BadSignature, match="r is zero or not below the group order"):
        recover(DIGEST, spelled(r, S, V))


@pytest.mark.parametrize("s", [0, GROUP_ORDER // 2 + 1, GROUP_ORDER, 2**256 - 1])
def test_an_s_out_of_range_is_refused(s: int) -> None:
    with pytest.raises(BadSignature, match="s is zero or in the upper half"):
        recover(DIGEST, spelled(R, s, V))


def test_the_largest_low_s_is_in_range() -> None:
    assert len(recover(DIGEST, spelled(R, GROUP_ORDER // 2, V))) == 20


def test_an_r_that_is_no_point_of_the_curve_is_refused() -> None:
    with pytest.raises(BadSignature, match="no public key fits"):
        recover(DIGEST, spelled(5, S, V))


@pytest.mark.parametrize(
    "key", [b"", bytes(31), bytes(32), GROUP_ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\x01" * 33]
)
def test_a_private_key_out_of_range_is_refused(key: bytes) -> None:
    with pytest.raises(BadSignature, match="private key"):
        sign(DIGEST, key)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_signatures_than_needed_is_refused(count: int) -> None:
    with pytest.raises(BadSignature, match="expected 2 x 65 bytes"):
        split(GOOD * count, 2)


def test_signatures_are_split_in_their_order() -> None:
    other = sign(DIGEST, b"\x02" * 32)
    assert split(GOOD + other, 2) == (GOOD, other)


@given(bytes32, private_keys)
def test_a_signature_is_the_one_that_eth_keys_makes(digest: bytes, key: bytes) -> None:
    theirs = keys.PrivateKey(key).sign_msg_hash(digest).to_bytes()
    assert sign(digest, key) == theirs[:64] + bytes([theirs[64] + 27])


@given(bytes32, private_keys)
def test_recovery_gives_the_account_that_signed(digest: bytes, key: bytes) -> None:
    account = Account.from_key(key)
    theirs = bytes(account.unsafe_sign_hash(digest).signature)
    assert recover(digest, theirs) == bytes.fromhex(account.address[2:]) == private_key_address(key)


@given(bytes32, bytes32, private_keys)
def test_a_signature_of_one_digest_is_not_one_of_another(digest: bytes, other: bytes, key: bytes) -> None:
    signature = sign(digest, key)
    try:
        found = recover(other, signature)
    except BadSignature:
        found = None  # type: ignore[assignment]
    assert (found == private_key_address(key)) is (digest == other)
