"""Calldata and events of the register of receivables, against web3's and eth_abi's own encoding by the compiled ABI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.abi import abi_to_signature, event_abi_to_log_topic, function_abi_to_4byte_selector
from hypothesis import example, given
from hypothesis import strategies as st
from web3 import Web3

from tallystick.chain import pledge_calls, pledge_events
from tallystick.chain.abi import selector
from tallystick.chain.artifacts import load_artifact
from tallystick.chain.pledge_calls import CancelCall, PledgeCall, ReceivableCall, ReleaseCall, TransferCall
from tallystick.errors import MalformedInput
from tallystick.protocol.pledges import Cancelled, Event, Pledged, Released, Transferred
from tallystick.protocol.receivable import LogProof, PledgeTerms, ReleaseTerms, TransferTerms
from tallystick.protocol.types import Address, Hash, PartyId, Timestamp

ABI = load_artifact("ReceivableRegistry").abi
EVENTS: dict[str, type[Event]] = {
    "Pledged": Pledged,
    "Transferred": Transferred,
    "Released": Released,
    "Cancelled": Cancelled,
}

words: st.SearchStrategy[Any] = st.binary(min_size=32, max_size=32)
uint64s: st.SearchStrategy[Any] = st.integers(0, 2**64 - 1)
uint32s = st.integers(0, 2**32 - 1)
addresses: st.SearchStrategy[Any] = st.binary(min_size=20, max_size=20)
paths = st.lists(words, max_size=4).map(tuple)
signatures = st.binary(min_size=65, max_size=65) | st.binary(max_size=100)

pledge_terms = st.builds(PledgeTerms, words, words, words, words, uint64s, uint64s, words)
transfer_terms = st.builds(TransferTerms, words, words, words, uint64s, words)
release_terms = st.builds(ReleaseTerms, words, words, uint64s, words)
proofs = st.builds(LogProof, addresses, uint64s, uint32s, words, uint32s, paths, paths)
calls: st.SearchStrategy[ReceivableCall] = st.one_of(
    st.builds(PledgeCall, pledge_terms, proofs, signatures, signatures),
    st.builds(TransferCall, transfer_terms, signatures, signatures),
    st.builds(ReleaseCall, release_terms, signatures),
    st.builds(CancelCall, pledge_terms | transfer_terms, words, signatures),
)

RELEASE = ReleaseCall(ReleaseTerms(Hash(b"\x01" * 32), PartyId(b"\x02" * 32), Timestamp(3), b"\x04" * 32), b"\x05" * 65)
FOUR: Any = tuple(bytes([i]) * 32 for i in range(1, 5))
PLEDGE = PledgeCall(
    PledgeTerms(FOUR[0], FOUR[1], FOUR[2], FOUR[3], Timestamp(5), Timestamp(6), b"\x07" * 32),
    LogProof(Address(b"\x08" * 20), 9, 1, Hash(b"\x0a" * 32), 2, (b"\x0b" * 32,), (b"\x0c" * 32, b"\x0d" * 32)),
    b"\x0e" * 65,
    b"\x0f" * 65,
)


def by_abi(call: ReceivableCall) -> bytes:
    """The calldata of ``call`` as web3 makes it from the compiled ABI."""
    terms = astuple(call.terms)
    if isinstance(call, PledgeCall):
        place = astuple(call.proof)
        arguments: list[object] = [terms, (Web3.to_checksum_address(place[0]), *place[1:])]
        arguments += [call.supplier_signature, call.financier_signature]
        name = "pledge"
    elif isinstance(call, TransferCall):
        name, arguments = "transfer", [terms, call.giver_signature, call.taker_signature]
    elif isinstance(call, ReleaseCall):
        name, arguments = "release", [terms, call.signature]
    else:
        name = "cancelPledge" if isinstance(call.terms, PledgeTerms) else "cancelTransfer"
        arguments = [terms, call.party, call.signature]
    return bytes.fromhex(Web3().eth.contract(abi=ABI).encode_abi(name, arguments)[2:])


# --- what is no call ----------


@given(calls, st.binary(min_size=4, max_size=4))
def test_a_call_of_another_function_is_refused(call: ReceivableCall, prefix: bytes) -> None:
    """Any other selector is refused, also one of a function of the same types."""
    calldata = pledge_calls.encode_call(call)
    for other in (prefix, selector("pledgeOf(bytes32)"), b"", calldata[:3]):
        if other != calldata[:4]:
            with pytest.raises(MalformedInput):
                pledge_calls.parse_call(other + calldata[4:])


def test_no_calldata_is_no_call() -> None:
    for short in (b"", b"\x00", pledge_calls.encode_call(RELEASE)[:4]):
        with pytest.raises(MalformedInput, match="receivables: "):
            pledge_calls.parse_call(short)


@given(calls, st.binary(min_size=1, max_size=64))
@example(PLEDGE, bytes(32))
def test_a_call_holds_nothing_else(call: ReceivableCall, more: bytes) -> None:
    """Bytes behind the arguments, which the contract would not read, are refused."""
    with pytest.raises(MalformedInput, match="one spelling"):
        pledge_calls.parse_call(pledge_calls.encode_call(call) + more)


@given(calls, st.data())
def test_a_call_is_whole(call: ReceivableCall, data: st.DataObject) -> None:
    """A call cut off anywhere is refused."""
    calldata = pledge_calls.encode_call(call)
    with pytest.raises(MalformedInput):
        pledge_calls.parse_call(calldata[: data.draw(st.integers(0, len(calldata) - 1))])


@given(calls, st.data())
def test_a_call_has_one_spelling(call: ReceivableCall, data: st.DataObject) -> None:
    """What parses after a byte was changed is another call, which encodes to exactly those bytes."""
    calldata = pledge_calls.encode_call(call)
    at = data.draw(st.integers(4, len(calldata) - 1))
    changed = calldata[:at] + bytes([calldata[at] ^ data.draw(st.integers(1, 255))]) + calldata[at + 1 :]
    try:
        parsed = pledge_calls.parse_call(changed)
    except MalformedInput:
        return
    assert parsed != call
    assert pledge_calls.encode_call(parsed) == changed


@pytest.mark.parametrize("call", [PLEDGE, RELEASE], ids=lambda call: type(call).__name__)
def test_no_byte_of_a_call_can_be_changed_unnoticed(call: ReceivableCall) -> None:
    """Every byte with every bit flipped: offsets, lengths, padding and values."""
    calldata = pledge_calls.encode_call(call)
    for at in range(4, len(calldata)):
        for bit in range(8):
            changed = calldata[:at] + bytes([calldata[at] ^ 1 << bit]) + calldata[at + 1 :]
            try:
                parsed = pledge_calls.parse_call(changed)
            except MalformedInput:
                continue
            assert pledge_calls.encode_call(parsed) == changed


def moved_tail() -> bytes:
    """A release whose signature stands one word further on than it must; the contract would read the same."""
    calldata = pledge_calls.encode_call(RELEASE)
    head, tail = calldata[4 : 4 + 5 * 32], calldata[4 + 5 * 32 :]
    assert head[-32:] == (160).to_bytes(32, "big")
    return calldata[:4] + head[:-32] + (192).to_bytes(32, "big") + bytes(32) + tail


def shared_tail() -> bytes:
    """A pledge whose two equal signatures stand in one place."""
    calldata = pledge_calls.encode_call(replace(PLEDGE, financier_signature=PLEDGE.supplier_signature))
    offsets = slice(4 + 8 * 32, 4 + 9 * 32), slice(4 + 9 * 32, 4 + 10 * 32)
    once = calldata[: offsets[1].start] + calldata[offsets[0]] + calldata[offsets[1].stop :]
    return once[: len(once) - 4 * 32]


@pytest.mark.parametrize("spell", [moved_tail, shared_tail])
def test_offsets_other_than_the_canonical_ones_are_refused(spell: Any) -> None:
    with pytest.raises(MalformedInput, match="one spelling"):
        pledge_calls.parse_call(spell())


@pytest.mark.parametrize("length", [97, 2**31, 2**63, 2**255, 2**256 - 1])
def test_a_length_beyond_the_end_is_refused(length: int) -> None:
    """Neither a signature nor a path is read further than there are bytes, however long it says to be."""
    signature_at = 4 + 5 * 32
    calldata = pledge_calls.encode_call(RELEASE)
    spelled = calldata[:signature_at] + length.to_bytes(32, "big") + calldata[signature_at + 32 :]
    with pytest.raises(MalformedInput):
        pledge_calls.parse_call(spelled)
    calldata = pledge_calls.encode_call(PLEDGE)
    path = (1).to_bytes(32, "big") + b"\x0b" * 32
    assert calldata.count(path) == 1
    with pytest.raises(MalformedInput):
        pledge_calls.parse_call(calldata.replace(path, length.to_bytes(32, "big") + b"\x0b" * 32))


# --- what is no event ----------


def topics_and_data(name: str, values: list[Any]) -> tuple[list[bytes], bytes]:
    """The event ``name`` with ``values`` as the compiled ABI has it: indexed values are topics, the others data."""
    item = next(item for item in ABI if item["type"] == "event" and item["name"] == name)
    pairs = list(zip(item["inputs"], values, strict=True))
    indexed = [encode([field["type"]], [value]) for field, value in pairs if field["indexed"]]
    others = [(field["type"], value) for field, value in pairs if not field["indexed"]]
    topics = [event_abi_to_log_topic(item), *indexed]  # type: ignore[arg-type]
    return topics, encode([kind for kind, _ in others], [value for _, value in others])


def sample(name: str) -> list[Any]:
    fields = next(item for item in ABI if item["type"] == "event" and item["name"] == name)["inputs"]
    return [i if field["type"] == "uint64" else bytes([i]) * 32 for i, field in enumerate(fields, 1)]


def malformed(name: str) -> Iterator[tuple[list[bytes], bytes]]:
    topics, data = topics_and_data(name, sample(name))
    yield [], data
    yield topics[:3], data
    yield [*topics, bytes(32)], data
    yield [bytes(32), *topics[1:]], data
    yield topics, data[:-1]
    yield topics, data[:-32]
    yield topics, data + bytes(32)
    yield topics, b""
    yield topics, data[:-32] + (2**64).to_bytes(32, "big")


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_that_is_cut_lengthened_or_of_another_kind_is_refused(name: str) -> None:
    """Wrong number of topics, another event, too few or too many bytes, or a time that is no uint64."""
    for topics, data in malformed(name):
        with pytest.raises(MalformedInput):
            pledge_events.decode_pledge_event(topics, data)


def test_neither_time_of_a_pledge_is_beyond_64_bits() -> None:
    topics, data = topics_and_data("Pledged", sample("Pledged"))
    with pytest.raises(MalformedInput, match="pledgedAt"):
        pledge_events.decode_pledge_event(topics, data[:64] + b"\x01" + data[65:])


# --- calls and events as they are ----------


@given(calls)
@example(PLEDGE)
@example(RELEASE)
def test_calldata_is_what_the_compiled_abi_says_and_parses_back(call: ReceivableCall) -> None:
    calldata = pledge_calls.encode_call(call)
    assert calldata == by_abi(call)
    assert pledge_calls.parse_call(calldata) == call


@pytest.mark.parametrize("name", EVENTS)
@given(data=st.data())
def test_an_event_decodes_to_its_values_by_the_order_of_the_abi(name: str, data: st.DataObject) -> None:
    fields = next(item for item in ABI if item["type"] == "event" and item["name"] == name)["inputs"]
    values = [data.draw(uint64s if field["type"] == "uint64" else words) for field in fields]
    assert pledge_events.decode_pledge_event(*topics_and_data(name, values)) == EVENTS[name](*values)


def test_every_function_that_changes_the_register_is_encoded() -> None:
    """All functions of the ABI that are no views, each under the selector that eth_utils computes."""
    changing = [item for item in ABI if item["type"] == "function" and item["stateMutability"] == "nonpayable"]
    assert sorted(map(abi_to_signature, changing)) == sorted(pledge_calls.SIGNATURES)  # type: ignore[arg-type]
    for item in changing:
        assert selector(abi_to_signature(item)) == function_abi_to_4byte_selector(item)  # type: ignore[arg-type]


def test_every_event_of_the_register_is_read() -> None:
    """All events of the ABI under eth_utils' topics, but ERC-5267's, which the contract never emits."""
    own = [item for item in ABI if item["type"] == "event" and item["name"] != "EIP712DomainChanged"]
    assert sorted(map(event_abi_to_log_topic, own)) == sorted(pledge_events.TOPICS)  # type: ignore[arg-type]
