"""Finding logs: by range, block, address and topics, against a plain search; and filters that are polled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devnet.support import (
    BUYER,
    LENDER,
    NOTED_TOPIC,
    SUPPLIER,
    block,
    deploy,
    head_number,
    note,
    open_node,
    send,
)
from hardhat_free_devnet import DevNode, RpcError

NOTED = "0x" + NOTED_TOPIC.hex()
OTHER_TOPIC = "0x" + "ab" * 32


def author_topic(account: Any) -> str:
    return "0x" + account.address.hex().rjust(64, "0")


def words(logs: Any) -> list[int]:
    return [int(log["data"], 16) for log in logs]


@pytest.fixture
def notebooks(slow_final_node: DevNode) -> list[str]:
    """Two contracts with notes 0 to 11 by three authors, some sharing a block; the head is block 10."""
    node = slow_final_node
    addresses = [deploy(node), deploy(node)]
    for word in range(12):
        node.request("evm_setAutomine", [word % 3 != 0])
        note(node, (SUPPLIER, BUYER, LENDER)[word % 3], addresses[word % 2], word)
    node.request("evm_setAutomine", [True])
    return addresses


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"blockHash": "0x" + "11" * 32}, -32000),
        ({"blockHash": "0x" + "11" * 32, "fromBlock": "0x0"}, -32602),
        ({"fromBlock": "0x2", "toBlock": "0x1"}, -32602),
        ({"topics": [None] * 5}, -32602),
        ({"topics": ["0x12"]}, -32602),
        ({"address": "0x12"}, -32602),
        ({"address": ["0x" + "11" * 20] * 1_001}, -32602),
        ({"adress": []}, -32602),
    ],
)
def test_a_malformed_log_filter_is_refused(node: DevNode, wanted: Any, code: int) -> None:
    """Refuse unknown blocks, contradictions and malformed fields."""
    with pytest.raises(RpcError) as refusal:
        node.request("eth_getLogs", [wanted])
    assert refusal.value.code == code


def test_logs_are_found_by_address_author_and_range(slow_final_node: DevNode, notebooks: list[str]) -> None:
    """Find each note under its contract, its author and its block, in chain order."""
    node = slow_final_node
    everything = node.request("eth_getLogs", [{"fromBlock": "0x0"}])
    assert sorted(words(everything)) == list(range(12))
    places = [(int(log["blockNumber"], 16), int(log["logIndex"], 16)) for log in everything]
    assert places == sorted(places)
    by_second = node.request("eth_getLogs", [{"fromBlock": "earliest", "toBlock": "latest", "address": notebooks[1]}])
    assert sorted(words(by_second)) == [1, 3, 5, 7, 9, 11]
    by_buyer = node.request("eth_getLogs", [{"fromBlock": "0x0", "topics": [NOTED, author_topic(BUYER)]}])
    assert sorted(words(by_buyer)) == [1, 4, 7, 10]
    either = [None, [author_topic(BUYER), author_topic(LENDER)]]
    assert len(node.request("eth_getLogs", [{"fromBlock": "0x0", "topics": either}])) == 8
    assert node.request("eth_getLogs", [{"fromBlock": "0x0", "topics": [NOTED, None, None]}]) == []
    latest = node.request("eth_getLogs", [{"blockHash": block(node)["hash"]}])
    assert latest == node.request("eth_getLogs", [{}])
    assert node.request("eth_getLogs", [{"fromBlock": "0x100"}]) == []


def test_logs_agree_with_the_receipts(slow_final_node: DevNode, notebooks: list[str]) -> None:
    """Give the same log objects through eth_getLogs as in the receipts."""
    node = slow_final_node
    from_receipts = [
        log
        for number in range(head_number(node) + 1)
        for receipt in node.request("eth_getBlockReceipts", [hex(number)])
        for log in receipt["logs"]
    ]
    assert node.request("eth_getLogs", [{"fromBlock": "0x0"}]) == from_receipts
    assert len(from_receipts) == 12


topic_choices = st.sampled_from([NOTED, OTHER_TOPIC, author_topic(SUPPLIER), author_topic(BUYER)])
positions = st.none() | topic_choices | st.lists(topic_choices, max_size=3)


@pytest.fixture(scope="module")
def noted_node() -> Any:
    with open_node() as node:
        addresses = [deploy(node), deploy(node)]
        for word in range(8):
            note(node, (SUPPLIER, BUYER)[word % 2], addresses[word // 4], word)
        yield node, addresses


@settings(max_examples=150, deadline=None)
@given(data=st.data(), first=st.integers(0, 12), length=st.integers(0, 12), topics=st.lists(positions, max_size=4))
def test_any_filter_finds_what_a_plain_search_finds(
    noted_node: Any, data: Any, first: int, length: int, topics: list[Any]
) -> None:
    """Compare the index with the definition: go through all logs and apply the rules one by one."""
    node, addresses = noted_node
    chosen = data.draw(st.lists(st.sampled_from([*addresses, "0x" + "99" * 20]), max_size=2))
    wanted = {"fromBlock": hex(first), "toBlock": hex(first + length), "address": chosen, "topics": topics}

    def matches(log: Any) -> bool:
        if not first <= int(log["blockNumber"], 16) <= first + length or len(topics) > len(log["topics"]):
            return False
        if chosen and log["address"].lower() not in {each.lower() for each in chosen}:
            return False
        pairs = zip(topics, log["topics"], strict=False)
        return all(not want or got in ([want] if isinstance(want, str) else want) for want, got in pairs)

    everything = node.request("eth_getLogs", [{"fromBlock": "0x0"}])
    assert len(everything) == 8
    assert node.request("eth_getLogs", [wanted]) == [log for log in everything if matches(log)]


def test_an_unknown_filter_is_refused(node: DevNode) -> None:
    """Refuse to poll a filter that was never made or has been uninstalled."""
    made = node.request("eth_newBlockFilter", [])
    assert node.request("eth_uninstallFilter", [made]) is True
    assert node.request("eth_uninstallFilter", [made]) is False
    with pytest.raises(RpcError, match="filter not found"):
        node.request("eth_getFilterChanges", [made])


def test_a_filter_reports_each_block_and_log_once(node: DevNode) -> None:
    """Report what is new since the last poll, and nothing from before the filter."""
    notebook = deploy(node)
    note(node, SUPPLIER, notebook, 1)
    of_blocks = node.request("eth_newBlockFilter", [])
    of_logs = node.request("eth_newFilter", [{"address": notebook, "topics": [NOTED]}])
    note(node, SUPPLIER, notebook, 2)
    send(node, BUYER)
    assert node.request("eth_getFilterChanges", [of_blocks]) == [
        block(node, number)["hash"] for number in ("0x3", "0x4")
    ]
    assert words(node.request("eth_getFilterChanges", [of_logs])) == [2]
    assert node.request("eth_getFilterChanges", [of_blocks]) == node.request("eth_getFilterChanges", [of_logs]) == []


def test_a_log_filter_takes_back_what_a_reorganisation_removed(slow_final_node: DevNode) -> None:
    """Report removed logs once with removed: true, newest first, and only those it had reported."""
    node = slow_final_node
    notebook = deploy(node)
    of_logs = node.request("eth_newFilter", [{"address": notebook}])
    note(node, SUPPLIER, notebook, 1)
    note(node, SUPPLIER, notebook, 2)
    assert words(node.request("eth_getFilterChanges", [of_logs])) == [1, 2]
    note(node, SUPPLIER, notebook, 3)
    node.request("devnet_reorg", [3])
    note(node, BUYER, notebook, 4)
    changes = node.request("eth_getFilterChanges", [of_logs])
    assert [(log["removed"], int(log["data"], 16)) for log in changes] == [(True, 2), (True, 1), (False, 4)]
    assert words(node.request("eth_getFilterLogs", [of_logs])) == [4]
