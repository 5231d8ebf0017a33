"""Any sequence of transfers, notes, restarts and reorganisations agrees with a few dictionaries."""

from __future__ import annotations

import tempfile
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devnet.support import (
    BUYER,
    ETHER,
    FUNDED,
    GWEI,
    LENDER,
    OPERATOR,
    SUPPLIER,
    address_of,
    block,
    deploy,
    head_number,
    make_config,
    note,
    send,
)
from hardhat_free_devnet import DevNode

FINALITY_DEPTH = 4
PEOPLE = {"supplier": SUPPLIER, "buyer": BUYER, "lender": LENDER}
roles = st.sampled_from(sorted(PEOPLE))


@dataclass
class Ledger:
    """What one block should have left behind."""

    nonces: dict[str, int]
    balances: dict[str, int]
    words: list[int] = field(default_factory=list)


class ChainAgainstModel(RuleBasedStateMachine):
    """The model is one `Ledger` for each block; a reorganisation drops the last ones."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "chain.db"
        self.node = self.reopen()
        self.node.request("evm_setAutomine", [True])
        self.notebook = deploy(self.node, OPERATOR)
        self.node.request("evm_setAutomine", [False])
        self.node.request("evm_mine", [{"blocks": FINALITY_DEPTH}])
        first = Ledger(dict.fromkeys(PEOPLE, 0), {role: FUNDED[each.address] for role, each in PEOPLE.items()})
        self.blocks = [deepcopy(first) for _ in range(head_number(self.node) + 1)]
        self.waiting: list[tuple[str, str, int]] = []

    def reopen(self) -> DevNode:
        return DevNode.open(self.path, make_config(finality_depth=FINALITY_DEPTH, auto_seal=False))

    @rule(sender=roles, receiver=roles, value=st.integers(0, ETHER))
    def transfer(self, sender: str, receiver: str, value: int) -> None:
        sent = send(self.node, PEOPLE[sender], to=PEOPLE[receiver].address, value=value, maxPriorityFeePerGas=GWEI)
        self.waiting.append((sent, receiver, value))

    @rule(author=roles, word=st.integers(0, 2**256 - 1))
    def write_note(self, author: str, word: int) -> None:
        self.waiting.append((note(self.node, PEOPLE[author], self.notebook, word), "", word))

    @rule()
    def seal(self) -> None:
        self.node.request("evm_mine", [])
        ledger = deepcopy(self.blocks[-1])
        expected = {sent: (receiver, value) for sent, receiver, value in self.waiting}
        receipts = self.node.request("eth_getBlockReceipts", ["latest"])
        assert {receipt["transactionHash"] for receipt in receipts} == set(expected)
        names = {address_of(account): role for role, account in PEOPLE.items()}
        for receipt in receipts:
            receiver, value = expected[receipt["transactionHash"]]
            sender = names[receipt["from"].lower()]
            ledger.nonces[sender] += 1
            ledger.balances[sender] -= int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
            if receiver:
                ledger.balances[sender] -= value
                ledger.balances[receiver] += value
            else:
                ledger.words.append(value)
        self.blocks.append(ledger)
        self.waiting = []

    @rule()
    def restart(self) -> None:
        self.node.close()
        self.node = self.reopen()

    @precondition(lambda self: not self.waiting)
    @rule(depth=st.integers(1, FINALITY_DEPTH))
    def reorganise(self, depth: int) -> None:
        self.node.request("devnet_reorg", [depth])
        del self.blocks[-depth:]
        self.blocks += [deepcopy(self.blocks[-1]) for _ in range(depth + 1)]

    @invariant()
    def chain_and_model_agree(self) -> None:
        node, ledger = self.node, self.blocks[-1]
        assert head_number(node) == len(self.blocks) - 1
        assert {role: self.count(account) for role, account in PEOPLE.items()} == ledger.nonces
        balances = {role: node.request("eth_getBalance", [address_of(each)]) for role, each in PEOPLE.items()}
        assert {role: int(balance, 16) for role, balance in balances.items()} == ledger.balances
        logs = node.request("eth_getLogs", [{"fromBlock": "0x0", "address": self.notebook}])
        assert [int(log["data"], 16) for log in logs] == ledger.words
        assert int(node.request("eth_call", [{"to": self.notebook}]), 16) == (ledger.words or [0])[-1]
        assert len(node.mempool) == len(self.waiting)
        older = max(0, len(self.blocks) - 3)
        supplier = node.request("eth_getTransactionCount", [address_of(SUPPLIER), hex(older)])
        assert int(supplier, 16) == self.blocks[older].nonces["supplier"]
        assert block(node)["parentHash"] == block(node, hex(len(self.blocks) - 2))["hash"]

    def count(self, account: Any) -> int:
        return int(self.node.request("eth_getTransactionCount", [address_of(account)]), 16)

    def teardown(self) -> None:
        if hasattr(self, "node"):
            self.node.close()
            self.folder.cleanup()


TestChainAgainstModel = ChainAgainstModel.TestCase
TestChainAgainstModel.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
