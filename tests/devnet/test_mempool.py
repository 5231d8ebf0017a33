"""Which transactions are refused, which wait, and in which order they are sealed."""

from __future__ import annotations

import pytest

from devnet.support import (
    BUYER,
    ETHER,
    GWEI,
    LENDER,
    NOTEBOOK,
    SUPPLIER,
    address_of,
    block,
    head_number,
    open_node,
    send,
    sign,
)
from hardhat_free_devnet import DevNode, RpcError, role_account

HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2
STRANGER = role_account("stranger without funds")


def refuse(node: DevNode, raw: str) -> str:
    """Send `raw`, check that it is refused and leaves no trace, and return the message."""
    before = head_number(node)
    with pytest.raises(RpcError) as refusal:
        node.request("eth_sendRawTransaction", [raw])
    assert refusal.value.code == -32000
    assert head_number(node) == before
    return refusal.value.message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"chainId": 1}, "invalid chain id for signer: have 1 want 4242"),
        ({"gas": 20_999}, "intrinsic gas too low: gas 20999, minimum needed 21000"),
        ({"gas": 60_000_001}, "exceeds block gas limit: gas 60000001, limit 60000000"),
        ({"gas": 16_777_217}, "transaction gas limit too high (cap: 16777216, tx: 16777217)"),
        ({"gas": 30_000, "data": b"\xff" * 250}, "insufficient gas for floor data gas cost: gas 30000"),
        ({"maxPriorityFeePerGas": 5 * GWEI}, "max priority fee per gas higher than max fee per gas"),
        ({"maxFeePerGas": 1, "maxPriorityFeePerGas": 0}, "max fee per gas less than block base fee"),
        ({"value": 1_000 * ETHER}, "insufficient funds for gas * price + value: balance 1000000000000000000000"),
        ({"to": None, "gas": 5_000_000, "data": b"\0" * 49_153}, "max initcode size exceeded: code size 49153"),
        ({"data": b"\0" * 131_072, "gas": 5_000_000}, "oversized data: transaction size"),
    ],
)
def test_a_transaction_that_can_never_run_is_refused_with_the_reason(
    node: DevNode, fields: dict[str, object], expected: str
) -> None:
    """Refuse at submission what no block could hold, in the words of geth."""
    assert refuse(node, sign(SUPPLIER, 0, **fields)).startswith(expected)


def test_a_used_nonce_is_refused(node: DevNode) -> None:
    """Refuse a nonce below the account's."""
    send(node, SUPPLIER)
    assert refuse(node, sign(SUPPLIER, 0, value=2)) == "nonce too low: next nonce 1, tx nonce 0"


def test_an_account_without_funds_is_refused(node: DevNode) -> None:
    """Refuse a sender that cannot pay its gas."""
    assert refuse(node, sign(STRANGER, 0, value=0)).startswith("insufficient funds for gas * price + value: balance 0")


def test_waiting_transactions_count_against_the_balance(node: DevNode) -> None:
    """Refuse what the sender could not pay after all that it already has waiting."""
    node.request("evm_setAutomine", [False])
    send(node, SUPPLIER, value=600 * ETHER)
    assert "queued cost" in refuse(node, sign(SUPPLIER, 1, value=600 * ETHER))


def test_an_unprotected_transaction_is_refused(node: DevNode) -> None:
    """Refuse a legacy signature without a chain id: it could be replayed elsewhere."""
    raw = sign(SUPPLIER, 0, type=None, chainId=None, gasPrice=2 * GWEI)
    assert refuse(node, raw).startswith("only replay-protected")


@pytest.mark.parametrize("raw", ["0x", "0x03c0", "0x04c0", "0x7f00", "0x02", "0x02c0", "0xc0", "0xf86b00"])
def test_bytes_that_are_no_supported_transaction_are_refused(node: DevNode, raw: str) -> None:
    """Refuse unknown types and broken encodings."""
    assert refuse(node, raw).startswith(("transaction type not supported", "rlp: "))


def test_trailing_bytes_are_refused(node: DevNode) -> None:
    """Refuse a second spelling of a valid transaction."""
    assert refuse(node, sign(SUPPLIER, 0) + "00").startswith("rlp: ")


def test_a_signature_with_high_s_is_refused(node: DevNode) -> None:
    """Refuse the other signature that everybody can make from a valid one (EIP-2)."""
    import rlp

    fields = rlp.decode(bytes.fromhex(sign(SUPPLIER, 0)[4:]))
    high_s = 2 * HALF_ORDER + 1 - int.from_bytes(fields[11], "big")
    fields[9], fields[11] = (b"" if fields[9] else b"\x01"), high_s.to_bytes(32, "big")
    assert refuse(node, "0x02" + rlp.encode(fields).hex()).startswith("invalid sender")


def test_the_same_transaction_is_already_known(node: DevNode) -> None:
    """Refuse a waiting transaction that comes again."""
    raw = sign(SUPPLIER, 1)
    node.request("eth_sendRawTransaction", [raw])
    assert refuse(node, raw) == "already known"


def test_a_replacement_must_raise_both_fees_by_a_tenth(node: DevNode) -> None:
    """Refuse the same nonce with 9 % more, take it with 10 % more, and seal only the replacement."""
    node.request("evm_setAutomine", [False])
    first = send(node, SUPPLIER, maxFeePerGas=4 * GWEI, maxPriorityFeePerGas=GWEI)
    almost = sign(SUPPLIER, 0, maxFeePerGas=4 * GWEI * 109 // 100, maxPriorityFeePerGas=2 * GWEI)
    assert refuse(node, almost) == "replacement transaction underpriced"
    enough = sign(SUPPLIER, 0, maxFeePerGas=4 * GWEI * 110 // 100, maxPriorityFeePerGas=GWEI * 110 // 100)
    second = node.request("eth_sendRawTransaction", [enough])
    node.request("evm_mine", [])
    assert block(node)["transactions"] == [second]
    assert node.request("eth_getTransactionByHash", [first]) is None


def test_a_nonce_gap_waits_and_is_sealed_when_it_closes(node: DevNode) -> None:
    """Keep later nonces waiting, and seal all of them in nonce order once the missing one comes."""
    third = node.request("eth_sendRawTransaction", [sign(SUPPLIER, 2)])
    second = node.request("eth_sendRawTransaction", [sign(SUPPLIER, 1)])
    assert head_number(node) == 0
    assert node.request("eth_getTransactionByHash", [third])["blockHash"] is None
    assert node.request("eth_getTransactionCount", [address_of(SUPPLIER), "pending"]) == "0x0"
    first = node.request("eth_sendRawTransaction", [sign(SUPPLIER, 0)])
    assert block(node)["transactions"] == [first, second, third]


def test_the_higher_priority_fee_goes_first(node: DevNode) -> None:
    """Order senders by fee, then by arrival, but never a sender's nonces."""
    node.request("evm_setAutomine", [False])
    cheap = send(node, SUPPLIER)
    dear_but_later = send(node, SUPPLIER, maxPriorityFeePerGas=3 * GWEI)
    same_fee_later = send(node, LENDER)
    dearest = send(node, BUYER, maxPriorityFeePerGas=2 * GWEI)
    assert node.request("eth_getTransactionCount", [address_of(SUPPLIER), "pending"]) == "0x2"
    node.request("evm_mine", [])
    assert block(node)["transactions"] == [dearest, cheap, dear_but_later, same_fee_later]


def test_a_full_block_leaves_the_rest_for_the_next() -> None:
    """Skip what no longer fits and seal it one block later, in nonce order."""
    with open_node(gas_limit=1_000_000, auto_seal=False) as node:
        sent = [send(node, SUPPLIER, gas=400_000) for _ in range(3)] + [send(node, LENDER, gas=990_000)]
        node.request("evm_mine", [])
        node.request("evm_mine", [])
        sealed = [block(node, number)["transactions"] for number in ("0x1", "0x2")]
        assert sealed[0][:2] == sent[:2]
        assert sum(map(len, sealed)) + len(node.mempool) == 4
        node.request("evm_setAutomine", [True])
        assert len(node.mempool) == 0


def test_a_later_nonce_that_would_fit_waits_for_an_earlier_one_that_does_not() -> None:
    """Keep a sender's order when the block is nearly full, and lose none of its transactions."""
    with open_node(gas_limit=1_000_000, auto_seal=False) as node:
        sent = [send(node, SUPPLIER, gas=gas) for gas in (700_000, 990_000, 30_000)]
        node.request("evm_mine", [])
        assert block(node)["transactions"] == sent[:1]
        node.request("evm_setAutomine", [True])
        sealed = [block(node, hex(number))["transactions"] for number in range(2, head_number(node) + 1)]
        assert [each for transactions in sealed for each in transactions] == sent[1:]


@pytest.mark.parametrize(
    "fields", [{"type": None, "gasPrice": 2 * GWEI}, {"type": 1, "gasPrice": 2 * GWEI, "accessList": []}, {"type": 2}]
)
def test_legacy_access_list_and_fee_market_transactions_are_accepted(node: DevNode, fields: dict[str, object]) -> None:
    """Seal types 0, 1 and 2, each in a block of its own."""
    sent = send(node, SUPPLIER, **fields)
    receipt = node.request("eth_getTransactionReceipt", [sent])
    assert (receipt["status"], receipt["blockNumber"], receipt["type"]) == ("0x1", "0x1", hex(fields["type"] or 0))
    shown = node.request("eth_getTransactionByHash", [sent])
    assert shown["gasPrice"] == receipt["effectiveGasPrice"]
    assert ("accessList" in shown) == (shown["type"] != "0x0")


def test_a_reverting_transaction_is_included_with_status_0(node: DevNode) -> None:
    """Seal a transaction that fails: it paid for its gas."""
    receipt = node.request(
        "eth_getTransactionReceipt", [send(node, SUPPLIER, to=None, gas=100_000, data=NOTEBOOK[:-1] + b"\xfe", value=0)]
    )
    created = receipt["contractAddress"]
    failed = node.request(
        "eth_getTransactionReceipt", [send(node, SUPPLIER, to=created, gas=60_000, data=b"\x01", value=0)]
    )
    assert (failed["status"], failed["logs"], failed["contractAddress"]) == ("0x0", [], None)
    assert node.request("eth_getTransactionCount", [address_of(SUPPLIER)]) == "0x2"
