"""Calldata, events and transactions, against independent encoders (eth_abi, eth_account) and the compiled ABI."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.abi import abi_to_signature, event_abi_to_log_topic, function_abi_to_4byte_selector
from hypothesis import given
from hypothesis import strategies as st

from chain.rigs import OPERATOR, STRANGER
from tallystick.chain import calls, events
from tallystick.chain.abi import selector
from tallystick.chain.artifacts import CONTRACT_NAMES, load_artifact
from tallystick.chain.records import Append
from tallystick.chain.transactions import UnsignedTransaction, created_address, parse_transaction, sign_transaction
from tallystick.errors import BadSignature, MalformedInput, WrongSigner
from tallystick.protocol.types import Address, Hash, PartyId, Timestamp

APPENDS_TYPE = "(bytes32,bytes32,uint32)[]"

words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(Address)
uint64s = st.integers(0, 2**64 - 1)
append_lists = st.lists(
    st.builds(Append, words.map(PartyId), words.map(Hash), st.integers(0, 2**32 - 1)), max_size=5
).map(tuple)


def abi(kind: str) -> list[dict[str, Any]]:
    return [item for name in CONTRACT_NAMES for item in load_artifact(name).abi if item["type"] == kind]


def tuples(appends: tuple[Append, ...]) -> list[tuple[bytes, bytes, int]]:
    return [(item.subject, item.root, item.count) for item in appends]


# the compiled contracts


def test_every_function_called_is_in_the_abi() -> None:
    """Each function that the package calls exists in a contract, under that selector."""
    known = {function_abi_to_4byte_selector(item): abi_to_signature(item) for item in abi("function")}  # type: ignore[arg-type]
    for signature in calls.SIGNATURES:
        assert known[selector(signature)] == signature


def test_every_event_read_is_in_the_abi() -> None:
    """Each event that the package reads exists in a contract, under that topic."""
    known = {event_abi_to_log_topic(item) for item in abi("event")}  # type: ignore[arg-type]
    assert {events.SEALED, events.SIGNER_ADDED, events.SIGNER_REVOKED, events.ROLE_GRANTED} <= known


# events: failures


@given(append_lists, st.binary(min_size=1, max_size=96))
def test_a_sealed_event_holds_nothing_else(appends: tuple[Append, ...], more: bytes) -> None:
    """Data after the appends is refused."""
    topics, data = events.encode_sealed(events.Sealed(OPERATOR.address, 0, Hash(bytes(32)), appends))
    with pytest.raises(MalformedInput, match="appends: expected"):
        events.decode_sealed(topics, data + more)


@given(append_lists, st.data())
def test_a_sealed_event_is_whole(appends: tuple[Append, ...], data: st.DataObject) -> None:
    """An event cut off anywhere is refused."""
    topics, encoded = events.encode_sealed(events.Sealed(OPERATOR.address, 0, Hash(bytes(32)), appends))
    with pytest.raises(MalformedInput):
        events.decode_sealed(topics, encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@given(append_lists, st.data())
def test_a_sealed_event_has_one_spelling(appends: tuple[Append, ...], data: st.DataObject) -> None:
    """What decodes after a byte was changed is another event: it encodes to exactly those bytes."""
    event = events.Sealed(OPERATOR.address, 7, Hash(bytes(32)), appends)
    topics, encoded = events.encode_sealed(event)
    at = data.draw(st.integers(0, len(encoded) - 1))
    changed = encoded[:at] + bytes([encoded[at] ^ data.draw(st.integers(1, 255))]) + encoded[at + 1 :]
    try:
        decoded = events.decode_sealed(topics, changed)
    except MalformedInput:
        return
    assert decoded != event
    assert events.encode_sealed(decoded) == (topics, changed)


@pytest.mark.parametrize(
    "topics",
    [
        pytest.param([events.SEALED, bytes(32)], id="too few"),
        pytest.param([bytes(32)] * 3, id="another event"),
        pytest.param([events.SEALED, b"\1" + bytes(31), bytes(32)], id="operator is no address"),
        pytest.param([events.SEALED, bytes(32), b"\1" + bytes(31)], id="batch id is no uint64"),
    ],
)
def test_the_topics_of_a_sealed_event_are_checked(topics: list[bytes]) -> None:
    """Wrong number, event, operator or batch id among the topics is refused."""
    _, data = events.encode_sealed(events.Sealed(OPERATOR.address, 0, Hash(bytes(32)), ()))
    with pytest.raises(MalformedInput):
        events.decode_sealed(topics, data)


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        pytest.param([events.SIGNER_ADDED, bytes(32), bytes(32)], bytes(32), id="too few topics"),
        pytest.param([events.SEALED, *[bytes(32)] * 3], bytes(32), id="another event"),
        pytest.param([events.SIGNER_ADDED, *[bytes(32)] * 3], bytes(31), id="data too short"),
        pytest.param([events.SIGNER_ADDED, *[bytes(32)] * 3], b"\1" * 32, id="time is no uint64"),
        pytest.param([events.SIGNER_ADDED, bytes(32), b"\1" * 32, bytes(32)], bytes(32), id="signer is no address"),
    ],
)
def test_a_malformed_signer_event_is_refused(topics: list[bytes], data: bytes) -> None:
    """Wrong topics or data of a signer event are refused."""
    with pytest.raises(MalformedInput):
        events.decode_signer_event(topics, data)


# events and calldata: successes


@given(addresses, uint64s, words, append_lists)
def test_a_sealed_event_round_trips(operator: Address, batch: int, root: bytes, appends: tuple[Append, ...]) -> None:
    """A Sealed event decodes to what was encoded, and its data is what eth_abi writes."""
    event = events.Sealed(operator, batch, Hash(root), appends)
    topics, data = events.encode_sealed(event)
    assert data == encode(["bytes32", APPENDS_TYPE], [root, tuples(appends)])
    assert events.decode_sealed(topics, data) == event


@given(words, addresses, addresses, uint64s, st.booleans())
def test_a_signer_event_round_trips(subject: bytes, signer: Address, by: Address, at: int, added: bool) -> None:
    """A signer event decodes to what was encoded."""
    event = events.SignerEvent(PartyId(subject), signer, by, Timestamp(at), added)
    assert events.decode_signer_event(*events.encode_signer_event(event)) == event


@given(uint64s, append_lists)
def test_seal_calldata_is_abi(batch_id: int, appends: tuple[Append, ...]) -> None:
    """The calldata of seal is what eth_abi writes, and parses back."""
    calldata = calls.seal_call(batch_id, appends)
    assert calldata[4:] == encode(["uint64", APPENDS_TYPE], [batch_id, tuples(appends)])
    assert calls.parse_seal_call(calldata) == (batch_id, appends)


# transactions: failures


def transaction(**changes: Any) -> UnsignedTransaction:
    fields = {"chain_id": 1, "nonce": 0, "max_priority_fee_wei": 1, "max_fee_wei": 2, "gas": 3, "to": None, "data": b""}
    return UnsignedTransaction(**{**fields, **changes})


def test_a_transaction_by_another_key_is_refused() -> None:
    """A signature of another account than the sender is noticed before anything is sent."""
    with pytest.raises(WrongSigner, match="expected the signature of"):
        sign_transaction(transaction(), OPERATOR.address, STRANGER.sign)


def test_a_malformed_signature_is_refused() -> None:
    """A signature of the wrong size is refused."""
    with pytest.raises(BadSignature):
        sign_transaction(transaction(), OPERATOR.address, lambda digest: OPERATOR.sign(digest)[:64])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_transaction(raw: bytes) -> None:
    """Bytes that are no transaction are refused with a typed error."""
    with pytest.raises((MalformedInput, BadSignature)):
        parse_transaction(b"\x02" + raw)


# transactions: successes


@given(
    st.integers(1, 2**63),
    st.integers(0, 2**32),
    st.integers(0, 2**40),
    st.integers(21_000, 2**24),
    st.none() | addresses,
    st.binary(max_size=200),
)
def test_a_transaction_is_what_eth_account_makes(
    chain_id: int, nonce: int, fee: int, gas: int, to: Address | None, data: bytes
) -> None:
    """A signed transaction equals eth_account's, byte for byte, and parses back with its sender."""
    made = transaction(
        chain_id=chain_id, nonce=nonce, max_fee_wei=fee, max_priority_fee_wei=fee, gas=gas, to=to, data=data
    )
    signed = sign_transaction(made, OPERATOR.address, OPERATOR.sign)
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "maxFeePerGas": fee,
        "maxPriorityFeePerGas": fee,
        "gas": gas,
        "to": to or b"",
        "value": 0,
        "data": data,
    }
    independent = Account.sign_transaction(fields, OPERATOR.private_key)
    assert signed.raw == bytes(independent.raw_transaction)
    assert signed.hash == bytes(independent.hash)
    assert parse_transaction(signed.raw) == (made, OPERATOR.address)


def test_the_address_of_a_new_contract_is_known_before() -> None:
    """The address follows from sender and nonce. Source: the well-known example 0x6ac7ea33... of nonces 0 and 1."""
    sender = Address(bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"))
    assert created_address(sender, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert created_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"
