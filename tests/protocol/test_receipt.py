"""A receipt: what an operator signs about an evidence, and the file that holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.strategies import addresses, bytes32, domains, evidences, private_keys, times
from protocol.test_evidence import typed_data_digest
from protocol.test_receivable import typed
from protocol.world import World, actor
from tallystick.errors import MalformedInput
from tallystick.protocol.evidence import Domain, Kind
from tallystick.protocol.receipt import (
    MAX_RECEIPT_BYTES,
    Receipt,
    SignedReceipt,
    format_receipt,
    parse_receipt,
    signatures_digest,
)
from tallystick.protocol.signing import GROUP_ORDER, private_key_address, sign
from tallystick.protocol.types import Timestamp

RECEIPT_FIELDS = typed(evidence="bytes32", signaturesHash="bytes32", receivedAt="uint64", sealBy="uint64")
OPERATOR = actor("operator")


def signed_by(key: bytes, domain: Domain, evidence: Any, signatures: bytes, times: tuple[int, int]) -> SignedReceipt:
    received_at, seal_by = map(Timestamp, sorted(times))
    receipt = Receipt(evidence.evidence_id(domain), signatures_digest(signatures), received_at, seal_by)
    return SignedReceipt(domain, evidence, receipt, private_key_address(key), sign(receipt.digest(domain), key))


def sample() -> SignedReceipt:
    world = World()
    invoice = world.evidence(world.join("supplier"), world.join("buyer"), Kind.INVOICE)
    times = (1_700_000_000, 1_700_172_800)
    return signed_by(OPERATOR.key, world.domain, invoice.evidence, invoice.signatures, times)


GOOD = sample()
DATA = format_receipt(GOOD)
VALUE = orjson.loads(DATA)

receipts = st.tuples(times, times).flatmap(
    lambda pair: st.builds(
        Receipt,
        bytes32,
        bytes32,
        received_at=st.just(min(pair)),
        seal_by=st.just(max(pair)),  # type: ignore[arg-type]
    )
)
signed_receipts = st.builds(
    signed_by, private_keys, domains, evidences, st.binary(max_size=130), st.tuples(times, times)
)


# --- what is no receipt ----------


@pytest.mark.parametrize("name", ["received_at", "seal_by"])
@pytest.mark.parametrize("value", [-1, 2**53])
def test_a_time_that_json_can_not_hold_is_refused(name: str, value: int) -> None:
    """Times are whole seconds below 2**53."""
    with pytest.raises(MalformedInput, match="expected"):
        replace(GOOD.receipt, **{name: value})


def test_a_promise_that_was_due_before_it_was_made_is_refused() -> None:
    """``seal_by`` is not before ``received_at``; the same second is allowed."""
    at = GOOD.receipt.received_at
    with pytest.raises(MalformedInput, match=f"seal_by: expected {at}"):
        replace(GOOD.receipt, seal_by=Timestamp(at - 1))
    assert replace(GOOD.receipt, seal_by=at).seal_by == at


def changed(**members: Any) -> bytes:
    return orjson.dumps({**VALUE, **members}, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "expected canonical JSON", id="nothing"),
        pytest.param(b"[]", "expected an object", id="a list"),
        pytest.param(b"[" * 4_000, "JSON", id="deep"),
        pytest.param(b" " * (MAX_RECEIPT_BYTES + 1), "at most 4096 bytes", id="too long"),
        pytest.param(DATA + b"\n", "another spelling", id="a line end"),
        pytest.param(orjson.dumps(VALUE, option=orjson.OPT_INDENT_2), "another spelling", id="indented"),
        pytest.param(b'{"chainId":1,' + DATA[1:], "another spelling", id="a name twice"),
        pytest.param(changed(format="tallystick-receipt/2"), "expected 'tallystick-receipt/1'", id="version"),
        pytest.param(changed(more=1), r"unknown \['more'\]", id="unknown member"),
        pytest.param(changed(chainId="31337"), "chainId: expected a whole number", id="chain id as text"),
        pytest.param(changed(chainId=True), "chainId: expected a whole number", id="chain id as truth"),
        pytest.param(changed(chainId=-1), "chainId: expected a whole number", id="chain id below 0"),
        pytest.param(changed(receivedAt=1.5), "float", id="a fraction"),
        pytest.param(changed(receivedAt=VALUE["sealBy"] + 1), "seal_by: expected", id="due before"),
        pytest.param(changed(ledger=VALUE["ledger"].upper()), "ledger: expected 0x", id="upper case"),
        pytest.param(changed(operator="0x00"), "operator: expected 0x and 40", id="short operator"),
        pytest.param(changed(signature=VALUE["signature"][:-2]), "signature: expected 0x and 130", id="64 bytes"),
        pytest.param(changed(evidence={}), "evidence: expected exactly its members", id="no struct"),
        pytest.param(changed(evidence={**VALUE["evidence"], "kind": 0}), "kind: expected 1 to 255", id="no kind"),
    ],
)
def test_what_is_no_receipt_file_is_refused(data: bytes, said: str) -> None:
    """Every member is there once, of its form, in one spelling; the refusal says what was expected."""
    with pytest.raises(MalformedInput, match=said):
        parse_receipt(data)


@pytest.mark.parametrize("name", sorted(VALUE))
def test_a_member_that_is_missing_is_named(name: str) -> None:
    """No member may be left out."""
    left = {key: value for key, value in VALUE.items() if key != name}
    with pytest.raises(MalformedInput, match=f"missing \\['{name}'\\]"):
        parse_receipt(orjson.dumps(left, option=orjson.OPT_SORT_KEYS))


# --- receipts that nobody has to answer for ----------


def malleable(signature: bytes) -> bytes:
    s = GROUP_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda good: replace(good, operator=actor("supplier").address), "was signed by"),
        (lambda good: replace(good, signature=sign(bytes(32), OPERATOR.key)), "was signed by"),
        (lambda good: replace(good, signature=bytes(65)), "expected v 27 or 28"),
        (lambda good: replace(good, signature=malleable(good.signature)), "upper half"),
        (lambda good: replace(good, domain=replace(good.domain, chain_id=1)), "the evidence that it shows is"),
        (lambda good: replace(good, evidence=replace(good.evidence, kind=2)), "the evidence that it shows is"),
        (lambda good: replace(good, receipt=replace(good.receipt, seal_by=Timestamp(2**53 - 1))), "changed since"),
    ],
)
def test_what_the_operator_did_not_sign_binds_nobody(
    change: Callable[[SignedReceipt], SignedReceipt], said: str
) -> None:
    """Another operator, evidence, ledger, time or spelling of the signature is named as the problem."""
    problem = change(GOOD).problem()
    assert problem is not None
    assert said in problem


@given(place=st.integers(0, len(DATA) - 1), bit=st.integers(0, 7))
def test_any_changed_bit_is_refused(place: int, bit: int) -> None:
    """A file with one bit changed is either no receipt, or one that its operator did not sign."""
    data = bytearray(DATA)
    data[place] ^= 1 << bit
    try:
        found = parse_receipt(bytes(data))
    except MalformedInput:
        return
    assert found.problem() is not None


@given(signed_receipts, addresses)
def test_a_receipt_is_worth_nothing_in_another_domain(signed: SignedReceipt, contract: bytes) -> None:
    """The digest differs for every other ledger and chain."""
    here = signed.domain
    for there in (Domain(here.chain_id + 1, here.contract), Domain(here.chain_id, contract)):  # type: ignore[arg-type]
        assert (signed.receipt.digest(there) == signed.receipt.digest(here)) is (there == here)


# --- receipts ----------


@given(domains, receipts)
def test_the_digest_of_a_receipt_is_its_eip712_digest(domain: Domain, receipt: Receipt) -> None:
    """eth_account computes the same from the typed data in JSON form."""
    message = {
        "evidence": receipt.evidence,
        "signaturesHash": receipt.signatures_hash,
        "receivedAt": receipt.received_at,
        "sealBy": receipt.seal_by,
    }
    assert receipt.digest(domain) == typed_data_digest(domain, "Receipt", RECEIPT_FIELDS, message)


@given(signed_receipts)
def test_a_file_gives_back_what_it_was_made_of(signed: SignedReceipt) -> None:
    """Formatting and parsing are inverse, whatever the receipt holds, and the file is never too long."""
    data = format_receipt(signed)
    assert parse_receipt(data) == signed
    assert format_receipt(parse_receipt(data)) == data
    assert signed.problem() is None
