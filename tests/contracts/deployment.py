"""The contracts on a real EVM in memory, with one account per role."""

from __future__ import annotations

from ast import literal_eval
from dataclasses import dataclass
from typing import Any

from eth_abi import decode
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_utils import keccak
from web3 import EthereumTesterProvider, Web3
from web3.contract import Contract

from tallystick.chain.artifacts import CONTRACT_NAMES, load_artifact

# A batch of a thousand new subjects fits; what a public chain allows is the operator's business, not the contract's.
BLOCK_GAS_LIMIT = 60_000_000
TRANSACTION_GAS = 50_000_000


@dataclass(frozen=True)
class Mined:
    """A transaction that succeeded: the time of its block, its gas, and its events as (name, arguments by name)."""

    timestamp: int
    gas_used: int
    events: tuple[tuple[str, dict[str, Any]], ...]


class Deployment:
    """A fresh chain with a `registry`, a `ledger` and a registry of `receivables`; the only operator is `operator`."""

    def __init__(self) -> None:
        genesis = PyEVMBackend.generate_genesis_params(overrides={"gas_limit": BLOCK_GAS_LIMIT})
        self.tester = EthereumTester(PyEVMBackend(genesis_parameters=genesis))
        self.web3 = Web3(EthereumTesterProvider(self.tester))
        accounts = self.web3.eth.accounts
        self.admin, self.registrar, self.operator, self.other_operator = accounts[:4]
        self.supplier_signer, self.buyer_signer, self.stranger = accounts[4:7]
        self.registry = self.deploy("PartyRegistry", self.admin, self.registrar)
        self.ledger = self.deploy("EvidenceLedger", self.registry.address)
        self.receivables = self.deploy("ReceivableRegistry", self.ledger.address)
        self.send(self.registry.functions.addOperator(self.operator), self.registrar)

    def deploy(self, name: Any, *arguments: Any) -> Contract:
        """A new instance of contract `name`, constructed with `arguments`."""
        receipt = self.web3.eth.wait_for_transaction_receipt(self._constructor(name, *arguments).transact())
        assert receipt["status"] == 1
        return self.web3.eth.contract(address=receipt["contractAddress"], abi=load_artifact(name).abi)

    def deploy_refusal(self, name: Any, *arguments: Any) -> tuple[Any, ...]:
        """The custom error, name then arguments, with which the constructor of contract `name` refuses `arguments`."""
        return self._refusal({"from": self.stranger, "data": self._constructor(name, *arguments).data_in_transaction})

    def send(self, call: Any, sender: str) -> Mined:
        """Mine `call` from `sender` in a block of its own, which must succeed."""
        digest = call.transact({"from": sender, "gas": TRANSACTION_GAS})
        receipt = self.web3.eth.get_transaction_receipt(digest)
        assert receipt["status"] == 1, call
        events = []
        for log in receipt["logs"]:
            contract = next(c for c in (self.registry, self.ledger, self.receivables) if c.address == log["address"])
            event = next(e for e in contract.events if keccak(text=e.signature) == log["topics"][0])
            processed = event.process_log(log)
            events.append((processed["event"], dict(processed["args"])))
        timestamp = self.web3.eth.get_block(receipt["blockNumber"])["timestamp"]
        return Mined(timestamp, receipt["gasUsed"], tuple(events))

    def refusal(self, call: Any, sender: str) -> tuple[Any, ...]:
        """The custom error, name then arguments, with which `call` from `sender` reverts."""
        # The price stands there so that web3 does not ask the chain for one.
        transaction = call.build_transaction({"gas": TRANSACTION_GAS, "gasPrice": 0})
        return self._refusal({"from": sender, "to": transaction["to"], "data": transaction["data"]})

    def storage(self, contract: Contract, slot: bytes | int) -> int:
        """The word that `contract` keeps in `slot`."""
        position = slot if isinstance(slot, int) else int.from_bytes(slot, "big")
        return int.from_bytes(self.web3.eth.get_storage_at(contract.address, position), "big")

    def _refusal(self, transaction: dict[str, str]) -> tuple[Any, ...]:
        # Asked of eth-tester itself, which renders the revert data as a bytes literal; its web3 provider adds words.
        try:
            self.tester.call({"gas": TRANSACTION_GAS, **transaction})
        except TransactionFailed as failure:
            return decode_error(literal_eval(str(failure)))
        raise AssertionError("the contract accepted")

    def _constructor(self, name: Any, *arguments: Any) -> Any:
        artifact = load_artifact(name)
        return self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor(*arguments)


def decode_error(raw: bytes) -> tuple[Any, ...]:
    """The name and arguments of the custom error in the revert data `raw`."""
    for name in CONTRACT_NAMES:
        for item in load_artifact(name).abi:
            types = [argument["type"] for argument in item.get("inputs", [])]
            if item["type"] == "error" and keccak(text=f"{item['name']}({','.join(types)})")[:4] == raw[:4]:
                return (item["name"], *map(_checksummed, types, decode(types, raw[4:])))
    raise AssertionError(f"unknown error {raw.hex()}")


def _checksummed(kind: str, value: Any) -> Any:
    return Web3.to_checksum_address(value) if kind == "address" else value
