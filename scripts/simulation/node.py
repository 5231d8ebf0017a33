"""A node of the simulated chain: true JSON-RPC answers, as the execution API specification spells them.

- A node may see another head than the chain's newest, see ``view``. Then all that it answers to one request is true as
  of that head.
- State is told at any block of the view by number, and by hash at any block that the chain knows, orphaned or not.
- With ``auto_mine`` every accepted transaction is in a block of its own before the answer.

Example: ``EvmChain(node, node.chain.deployment)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simulation import wordings
from simulation.blocks import Block, Executed
from simulation.chain import BLOCK_GAS_LIMIT, GWEI, LEDGER, RECEIVABLES, REGISTRY, SimulatedChain
from simulation.mempool import SimulatedTransaction, parse
from simulation.state import encode_revert, fits_one_transaction, gas_needed
from simulation.view import Json, View, data, quantity
from simulation.wordings import RpcError
from tallystick.chain.artifacts import ContractName, load_artifact
from tallystick.chain.memory_contracts import Revert
from tallystick.errors import BadSignature, MalformedInput
from tallystick.protocol.types import Address, Hash, Timestamp, to_hex

Answer = Callable[[View, Sequence[Json]], Json]

SUGGESTED_TIP_WEI = GWEI
BALANCE_WEI = 10**24

_CODE: Mapping[Address, ContractName] = {
    REGISTRY: "PartyRegistry",
    LEDGER: "EvidenceLedger",
    RECEIVABLES: "ReceivableRegistry",
}
_PENDING_HASH = None
_EMPTY_BLOOM = "0x" + "00" * 256
_WRITES = frozenset(("eth_sendRawTransaction",))


class SimulatedNode:
    """A node of ``chain`` that tells the truth, about its newest block or the ``head`` it is asked with."""

    def __init__(self, chain: SimulatedChain, *, auto_mine: bool = False) -> None:
        self.chain = chain
        self.auto_mine = auto_mine
        self._headers: dict[Hash, dict[str, Json]] = {}
        self._logs: dict[Hash, list[dict[str, Json]]] = {}
        self._methods: dict[str, Answer] = {
            "eth_blockNumber": lambda view, _: hex(view.head.number),
            "eth_call": self._call,
            "eth_chainId": lambda view, _: hex(view.chain.deployment.chain_id),
            "eth_estimateGas": self._estimate_gas,
            "eth_feeHistory": self._fee_history,
            "eth_gasPrice": lambda view, _: hex(view.chain.base_fee_wei + SUGGESTED_TIP_WEI),
            "eth_getBalance": self._balance,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getCode": self._code,
            "eth_getLogs": self._get_logs,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionCount": self._transaction_count,
            "eth_getTransactionReceipt": self._receipt,
            "eth_maxPriorityFeePerGas": lambda _view, _params: hex(SUGGESTED_TIP_WEI),
            "eth_sendRawTransaction": self._send,
            "eth_syncing": lambda _view, _params: False,
            "net_version": lambda view, _: str(view.chain.deployment.chain_id),
        }

    def make_request(self, method: Any, params: Any, /) -> dict[str, Json]:
        """The JSON-RPC answer to ``method`` with ``params``."""
        return self.answer(method, params)

    def answer(self, method: str, params: Sequence[Json], head: Block | None = None) -> dict[str, Json]:
        """As ``make_request``, by a node whose newest block is ``head``."""
        response: dict[str, Json] = {"jsonrpc": "2.0", "id": 0}
        try:
            function = self._methods.get(method)
            if function is None:
                message = f"the method {method} does not exist/is not available"
                raise RpcError(wordings.METHOD_NOT_FOUND, message)
            response["result"] = function(View(self.chain, head or self.chain.head), params)
        except RpcError as error:
            response["error"] = error.body
        return response

    def header_json(self, block: Block) -> dict[str, Json]:
        """``block`` as JSON, transactions by hash."""
        known = self._headers.get(block.ref.hash)
        if known is None:
            known = self._headers[block.ref.hash] = {
                "number": hex(block.number),
                "hash": to_hex(block.ref.hash),
                "parentHash": to_hex(block.parent.ref.hash if block.parent else bytes(32)),
                "timestamp": hex(block.ref.timestamp),
                "gasLimit": hex(BLOCK_GAS_LIMIT),
                "gasUsed": hex(block.gas_used),
                "baseFeePerGas": hex(block.base_fee_wei),
                "transactions": [to_hex(item.transaction.hash) for item in block.executed],
            }
        return dict(known)

    def logs_json(self, block: Block) -> list[dict[str, Json]]:
        """All logs of ``block`` as JSON, in order."""
        known = self._logs.get(block.ref.hash)
        if known is None:
            known = self._logs[block.ref.hash] = [
                log for position in range(len(block.executed)) for log in _logs_json(block, position)
            ]
        return known

    # methods

    def _block_by_number(self, view: View, params: Sequence[Json]) -> Json:
        block = view.named(params[0])
        if block is None:
            return None
        if params[0] == "pending":
            shown = self.header_json(block)
            shown.update(number=hex(block.number + 1), parentHash=shown["hash"], hash=_PENDING_HASH, transactions=[])
            return {**shown, "timestamp": hex(_next_timestamp(view))}
        return self._block_json(block, params)

    def _block_by_hash(self, view: View, params: Sequence[Json]) -> Json:
        block = self.chain.by_hash(Hash(data(params[0])))
        return None if block is None else self._block_json(block, params)

    def _block_json(self, block: Block, params: Sequence[Json]) -> Json:
        shown = self.header_json(block)
        if params[1:2] == [True]:
            shown["transactions"] = [_included_json(block, at) for at in range(len(block.executed))]
        return shown

    def _get_logs(self, view: View, params: Sequence[Json]) -> Json:
        wanted = params[0]
        blocks: list[Block]
        if "blockHash" in wanted:
            found = self.chain.by_hash(Hash(data(wanted["blockHash"])))
            if found is None:
                raise RpcError(wordings.SERVER_ERROR, "unknown block")
            blocks = [found]
        else:
            first, last = (_number(view, wanted.get(key)) for key in ("fromBlock", "toBlock"))
            if first > last:
                raise RpcError(wordings.INVALID_PARAMS, "invalid block range params")
            known = (view.block(number) for number in range(first, min(last, view.head.number) + 1))
            blocks = [block for block in known if block is not None and block.executed]
        return [log for block in blocks for log in self.logs_json(block) if _matches(log, wanted)]

    def _receipt(self, view: View, params: Sequence[Json]) -> Json:
        place = view.place(Hash(data(params[0])))
        if place is None:
            return None
        block, position = place
        item = block.executed[position]
        gas_before = sum(other.gas_used for other in block.executed[:position])
        return {
            **_place_json(block, position),
            "type": "0x2",
            "status": hex(item.succeeded),
            "from": to_hex(item.transaction.sender),
            "to": _to_json(item.transaction),
            "contractAddress": None,
            "gasUsed": hex(item.gas_used),
            "cumulativeGasUsed": hex(gas_before + item.gas_used),
            "effectiveGasPrice": hex(block.base_fee_wei + item.transaction.tip(block.base_fee_wei)),
            "logs": _logs_json(block, position),
            "logsBloom": _EMPTY_BLOOM,
        }

    def _transaction(self, view: View, params: Sequence[Json]) -> Json:
        transaction_hash = Hash(data(params[0]))
        place = view.place(transaction_hash)
        if place is not None:
            return _included_json(*place)
        waiting = self.chain.mempool.get(transaction_hash)
        return None if waiting is None else _transaction_json(waiting)

    def _transaction_count(self, view: View, params: Sequence[Json]) -> Json:
        sender = Address(data(params[0]))
        nonce = _known(view, params[1]).state.nonces.get(sender, 0)
        return hex(self.chain.mempool.next_nonce(sender, nonce) if params[1] == "pending" else nonce)

    def _balance(self, view: View, params: Sequence[Json]) -> Json:
        _known(view, params[1])
        return hex(BALANCE_WEI)

    def _code(self, view: View, params: Sequence[Json]) -> Json:
        block = _known(view, params[1])
        name = _CODE.get(Address(data(params[0])))
        if name is None or not self.chain.has_contracts(block):
            return "0x"
        return to_hex(load_artifact(name).runtime_code)

    def _call(self, view: View, params: Sequence[Json]) -> Json:
        name = params[1] if len(params) > 1 else "latest"
        block = _known(view, name)
        now = _next_timestamp(view) if name == "pending" else block.ref.timestamp
        return to_hex(self._run(block, params[0], now))

    def _estimate_gas(self, view: View, params: Sequence[Json]) -> Json:
        block = _known(view, params[1] if len(params) > 1 else "latest")
        self._run(block, params[0], _next_timestamp(view))
        gas = gas_needed(_to(params[0]), _calldata(params[0]), LEDGER)
        if not fits_one_transaction(gas):
            raise RpcError(wordings.SERVER_ERROR, f"gas required exceeds allowance ({BLOCK_GAS_LIMIT})")
        return hex(gas)

    def _run(self, block: Block, request: Mapping[str, Json], now: Timestamp) -> bytes:
        """What the call ``request`` returns in the state after ``block``."""
        if not self.chain.has_contracts(block):
            return b""
        sender = Address(data(request["from"])) if "from" in request else Address(bytes(20))
        try:
            return block.state.call(sender, _to(request), _calldata(request), now)
        except (Revert, MalformedInput) as error:
            reason = to_hex(encode_revert(error))
            raise RpcError(wordings.EXECUTION_REVERTED, "execution reverted", reason) from error

    def _send(self, view: View, params: Sequence[Json]) -> Json:
        try:
            transaction = parse(data(params[0]))
        except (MalformedInput, BadSignature) as error:
            raise RpcError(wordings.SERVER_ERROR, f"rlp: {error.message}") from error
        expected, got = self.chain.deployment.chain_id, transaction.body.chain_id
        if got != expected:
            raise RpcError(wordings.SERVER_ERROR, f"invalid chain id for signer: have {got} want {expected}")
        if not fits_one_transaction(transaction.body.gas):
            raise RpcError(wordings.SERVER_ERROR, f"transaction gas limit too high (tx: {transaction.body.gas})")
        self.chain.send(transaction)
        if self.auto_mine:
            self.chain.mine()
        return to_hex(transaction.hash)

    def _fee_history(self, view: View, params: Sequence[Json]) -> Json:
        newest = _known(view, params[1])
        first = max(0, newest.number + 1 - quantity(params[0]))
        blocks = [block for number in range(first, newest.number + 1) if (block := view.block(number)) is not None]
        following = view.block(newest.number + 1)
        next_fee = self.chain.base_fee_wei if following is None else following.base_fee_wei
        shown: dict[str, Json] = {
            "oldestBlock": hex(first),
            "baseFeePerGas": [hex(block.base_fee_wei) for block in blocks] + [hex(next_fee)],
            "gasUsedRatio": [block.gas_used / BLOCK_GAS_LIMIT for block in blocks],
        }
        if len(params) > 2 and params[2]:
            shown["reward"] = [[hex(_median_tip(block))] * len(params[2]) for block in blocks]
        return shown


def is_write(method: str) -> bool:
    """Whether ``method`` changes something."""
    return method in _WRITES


def _known(view: View, name: Json) -> Block:
    block = view.named(name)
    if block is None:
        raise RpcError(wordings.SERVER_ERROR, "header not found")
    return block


def _number(view: View, name: Json) -> int:
    """The number of a tag or of a hex quantity, whether there is such a block or not."""
    if name is None or not str(name).startswith("0x"):
        return _known(view, name).number
    return quantity(name)


def _next_timestamp(view: View) -> Timestamp:
    return Timestamp(max(view.chain.clock.now(), view.head.ref.timestamp + 1))


def _median_tip(block: Block) -> int:
    tips = sorted(item.transaction.tip(block.base_fee_wei) for item in block.executed)
    return tips[(len(tips) - 1) // 2] if tips else 0


def _matches(log: Mapping[str, Json], wanted: Mapping[str, Json]) -> bool:
    emitters = wanted.get("address")
    if emitters and log["address"] not in ([emitters] if isinstance(emitters, str) else emitters):
        return False
    filters = wanted.get("topics") or []
    if len(filters) > len(log["topics"]):
        return False
    return all(
        not choice or topic in ([choice] if isinstance(choice, str) else choice)
        for choice, topic in zip(filters, log["topics"], strict=False)
    )


def _logs_json(block: Block, position: int) -> list[dict[str, Json]]:
    item: Executed = block.executed[position]
    return [
        {
            **_place_json(block, position),
            "address": to_hex(log.emitter),
            "topics": [to_hex(topic) for topic in log.topics],
            "data": to_hex(log.data),
            "logIndex": hex(item.first_log + offset),
            "removed": False,
        }
        for offset, log in enumerate(item.logs)
    ]


def _place_json(block: Block, position: int) -> dict[str, Json]:
    return {
        "blockNumber": hex(block.number),
        "blockHash": to_hex(block.ref.hash),
        "transactionHash": to_hex(block.executed[position].transaction.hash),
        "transactionIndex": hex(position),
    }


def _included_json(block: Block, position: int) -> dict[str, Json]:
    place = _place_json(block, position)
    del place["transactionHash"]
    return {**_transaction_json(block.executed[position].transaction), **place}


def _transaction_json(transaction: SimulatedTransaction) -> dict[str, Json]:
    body = transaction.body
    return {
        "type": "0x2",
        "hash": to_hex(transaction.hash),
        "chainId": hex(body.chain_id),
        "nonce": hex(body.nonce),
        "from": to_hex(transaction.sender),
        "to": _to_json(transaction),
        "value": "0x0",
        "gas": hex(body.gas),
        "input": to_hex(body.data),
        "maxFeePerGas": hex(body.max_fee_wei),
        "maxPriorityFeePerGas": hex(body.max_priority_fee_wei),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
    }


def _to_json(transaction: SimulatedTransaction) -> str | None:
    return None if transaction.body.to is None else to_hex(transaction.body.to)


def _to(request: Mapping[str, Json]) -> Address | None:
    return Address(data(request["to"])) if request.get("to") else None


def _calldata(request: Mapping[str, Json]) -> bytes:
    return data(request.get("input") or request.get("data") or "0x")
