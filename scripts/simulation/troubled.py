"""The provider in which the trouble happens: asks a simulated node, and spoils what ``faults`` decide to spoil.

- At most one trouble a request, tried in a fixed order; a kind that can't happen to a request leaves it alone.
- The chain itself is never touched, but for transactions that the node loses while they wait.

Example: ``EvmChain(Troubled(node, Faults(7, storm(0.02))), node.chain.deployment)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simulation import wordings
from simulation.blocks import Block
from simulation.faults import Fault, Faults
from simulation.node import SimulatedNode, is_write
from simulation.view import Json, View
from simulation.wordings import Make, RpcError
from tallystick.chain.node import NodeTimeout
from tallystick.errors import ChainUnreachable
from tallystick.protocol.types import to_hex

Response = dict[str, Any]
Trouble = Callable[[str, Sequence[Json]], Response | None]
"""What a request of a method with parameters is answered; None where this trouble can't happen to it now."""


class Troubled:
    """The provider through which ``faults`` happen to requests of ``node``.

    ``before_request`` is told the method before each: blocks and reorganisations may come there, or a crash be raised.
    """

    def __init__(
        self, node: SimulatedNode, faults: Faults, *, before_request: Callable[[str], None] | None = None
    ) -> None:
        self.node = node
        self.faults = faults
        self.before_request = before_request
        self._by_method: dict[str, list[tuple[Fault, Trouble]]] = {}
        self._troubles: dict[Fault, Trouble] = {
            Fault.TIMEOUT_BEFORE: self._time_out_before,
            Fault.TIMEOUT_AFTER: self._time_out_after,
            Fault.TOO_MANY_REQUESTS: self._refuse_by_status,
            Fault.INTERNAL_ERROR: self._refuse,
            Fault.WRONG_CHAIN_ID: self._change_chain_id,
            Fault.ALREADY_KNOWN: self._take_and_refuse,
            Fault.NONCE_TOO_LOW: self._refuse_nonce,
            Fault.RECEIPT_MISSING: self._hide_receipt,
            Fault.FINALITY_MISSING: self._forget_finality,
            Fault.FINALITY_ZERO: self._final_zero,
            Fault.FINALITY_REGRESSING: self._final_lower,
            Fault.UNLINKED_HEADER: self._unlink,
            Fault.LOGS_OMITTED: self._omit_logs,
            Fault.LOGS_ORPHANED: self._orphan_logs,
            Fault.LOGS_TRUNCATED: self._truncate_logs,
            Fault.LOGS_TOO_WIDE: self._refuse_range,
            Fault.LOGS_TOO_MANY: self._refuse_results,
            Fault.SIDE_BRANCH: self._answer_from_orphans,
            Fault.STALE_SPELL: self._begin_spell,
            Fault.STALE_HEAD: self._answer_stale,
        }

    def make_request(self, method: Any, params: Any, /) -> Response:
        """The JSON-RPC answer to ``method`` with ``params``, or what trouble makes of it.

        Raises:
            NodeTimeout: there is no answer in time.
            ChainUnreachable: the node takes no more requests.
        """
        faults = self.faults
        faults.requests += 1
        if self.before_request is not None:
            self.before_request(method)
        self._lose(method)
        for kind, trouble in self._that_can_happen(method):
            if faults.strikes(kind):
                answer = trouble(method, params)
                if answer is not None:
                    return answer
        return self._answer(method, params)

    def _that_can_happen(self, method: str) -> Sequence[tuple[Fault, Trouble]]:
        """The troubles that a request of ``method`` can suffer, in the order in which they are tried."""
        found = self._by_method.get(method)
        if found is None:
            found = self._by_method[method] = [
                (kind, trouble) for kind, trouble in self._troubles.items() if method in _METHODS.get(kind, (method,))
            ]
        return found

    def _answer(self, method: str, params: Sequence[Json]) -> Response:
        """The node's answer, within a spell as of its older head."""
        spell = self.faults.spell
        if spell is None or is_write(method):
            return self.node.answer(method, params)
        left, head = spell
        self.faults.spell = (left - 1, head) if left > 1 else None
        return self.node.answer(method, params, head)

    # anything

    def _lose(self, method: str) -> None:
        waiting = self.node.chain.mempool.waiting()
        if waiting and self.faults.strikes(Fault.TRANSACTION_LOST):
            lost = self.faults.random.choice(waiting)
            self.node.chain.mempool.drop(lost.hash)
            self.faults.record(Fault.TRANSACTION_LOST, method, lost.hash.hex()[:8])

    def _time_out_before(self, method: str, params: Sequence[Json]) -> None:
        self.faults.record(Fault.TIMEOUT_BEFORE, method)
        raise NodeTimeout(f"node: {method}: no answer in time.", todo="Try again.")

    def _time_out_after(self, method: str, params: Sequence[Json]) -> None:
        self.faults.record(Fault.TIMEOUT_AFTER, method)
        self._answer(method, params)
        raise NodeTimeout(f"node: {method}: no answer in time.", todo="Try again.")

    def _refuse_by_status(self, method: str, params: Sequence[Json]) -> None:
        self.faults.record(Fault.TOO_MANY_REQUESTS, method)
        raise ChainUnreachable(f"node: {method}: HTTP status 429.", todo="Ask less often.")

    def _refuse(self, method: str, params: Sequence[Json]) -> Response:
        self.faults.record(Fault.INTERNAL_ERROR, method)
        return _error(RpcError(wordings.INTERNAL_ERROR, "Internal error"))

    def _change_chain_id(self, method: str, params: Sequence[Json]) -> Response:
        self.faults.record(Fault.WRONG_CHAIN_ID, method)
        return _result(hex(self.node.chain.deployment.chain_id + 1))

    # sending

    def _take_and_refuse(self, method: str, params: Sequence[Json]) -> Response:
        answer = self.node.answer(method, params)
        if "error" in answer:
            return answer
        make = self.faults.random.choice(list(Make))
        self.faults.record(Fault.ALREADY_KNOWN, method, make)
        return _error(wordings.already_known(make))

    def _refuse_nonce(self, method: str, params: Sequence[Json]) -> Response:
        make = self.faults.random.choice(list(Make))
        self.faults.record(Fault.NONCE_TOO_LOW, method, make)
        return _error(wordings.nonce_too_low(make, 1, 0))

    def _hide_receipt(self, method: str, params: Sequence[Json]) -> Response | None:
        if self._true(method, params) is None:
            return None
        self.faults.record(Fault.RECEIPT_MISSING, method)
        return _result(None)

    # blocks

    def _forget_finality(self, method: str, params: Sequence[Json]) -> Response | None:
        if params[0] != "finalized":
            return None
        make = self.faults.random.choice(list(Make))
        self.faults.record(Fault.FINALITY_MISSING, method, make)
        error = wordings.no_finality(make)
        return _result(None) if error is None else _error(error)

    def _final_zero(self, method: str, params: Sequence[Json]) -> Response | None:
        if params[0] != "finalized" or not self.node.chain.final.number:
            return None
        self.faults.record(Fault.FINALITY_ZERO, method)
        return self.node.answer(method, ["0x0", *params[1:]])

    def _final_lower(self, method: str, params: Sequence[Json]) -> Response | None:
        final = self.node.chain.final.number
        if params[0] != "finalized" or not final:
            return None
        lower = max(0, final - self.faults.random.randint(1, self.faults.limits.longest_lag))
        self.faults.record(Fault.FINALITY_REGRESSING, method, f"{final} to {lower}")
        return self.node.answer(method, [hex(lower), *params[1:]])

    def _unlink(self, method: str, params: Sequence[Json]) -> Response | None:
        block = View(self.node.chain, self.node.chain.head).named(params[0])
        if params[0] in ("finalized", "safe", "pending") or block is None or not block.number:
            return None
        others = [orphan for orphan in self.node.chain.orphans if orphan.number == block.number]
        self.faults.record(Fault.UNLINKED_HEADER, method, f"{block.number} {'orphan' if others else 'made up'}")
        if others:
            return _result(self.node.header_json(self.faults.random.choice(others)))
        made_up = {name: to_hex(self.faults.random.randbytes(32)) for name in ("hash", "parentHash")}
        return _result({**self.node.header_json(block), **made_up})

    # logs

    def _omit_logs(self, method: str, params: Sequence[Json]) -> Response | None:
        logs = self._true(method, params)
        if not logs:
            return None
        left_out = set(self.faults.random.sample(range(len(logs)), self.faults.random.randint(1, len(logs))))
        self.faults.record(Fault.LOGS_OMITTED, method, f"{len(left_out)} of {len(logs)}")
        return _result([log for position, log in enumerate(logs) if position not in left_out])

    def _orphan_logs(self, method: str, params: Sequence[Json]) -> Response | None:
        logs, span = self._true(method, params), self._span(params)
        if logs is None or span is None:
            return None
        found: dict[int, list[Json]] = {}
        for orphan in self.node.chain.orphans:
            if span[0] <= orphan.number <= span[1] and orphan.executed:
                by_hash = {name: value for name, value in params[0].items() if name not in ("fromBlock", "toBlock")}
                told = self._true(method, [{**by_hash, "blockHash": to_hex(orphan.ref.hash)}])
                if told:
                    found[orphan.number] = told
        if not found:
            return None
        number = self.faults.random.choice(sorted(found))
        self.faults.record(Fault.LOGS_ORPHANED, method, f"block {number}")
        kept = [log for log in logs if int(log["blockNumber"], 16) != number]
        return _result(sorted([*kept, *found[number]], key=lambda log: int(log["blockNumber"], 16)))

    def _truncate_logs(self, method: str, params: Sequence[Json]) -> Response | None:
        logs, limit = self._true(method, params), self.faults.limits.logs
        if not logs or len(logs) <= limit:
            return None
        self.faults.record(Fault.LOGS_TRUNCATED, method, f"{limit} of {len(logs)}")
        return _result(logs[:limit])

    def _refuse_range(self, method: str, params: Sequence[Json]) -> Response | None:
        span, limit = self._span(params), self.faults.limits.log_blocks
        if span is None or span[1] - span[0] < limit:
            return None
        self.faults.record(Fault.LOGS_TOO_WIDE, method, f"{span[0]} to {span[1]}")
        return _error(RpcError(wordings.LIMIT_EXCEEDED, f"query exceeds max block range {limit}"))

    def _refuse_results(self, method: str, params: Sequence[Json]) -> Response | None:
        logs, limit = self._true(method, params), self.faults.limits.logs
        if not logs or len(logs) <= limit:
            return None
        self.faults.record(Fault.LOGS_TOO_MANY, method, str(len(logs)))
        return _error(RpcError(wordings.LIMIT_EXCEEDED, f"query returned more than {limit} results"))

    # other heads

    def _answer_from_orphans(self, method: str, params: Sequence[Json]) -> Response | None:
        orphans = self.node.chain.orphans
        if is_write(method) or not orphans:
            return None
        tip = orphans[-1]
        self.faults.record(Fault.SIDE_BRANCH, method, f"head {tip.number} {tip.ref.hash.hex()[:8]}")
        return self.node.answer(method, params, tip)

    def _begin_spell(self, method: str, params: Sequence[Json]) -> Response | None:
        head = self._older_head()
        if is_write(method) or self.faults.spell is not None or head is None:
            return None
        count = self.faults.random.randint(2, max(2, self.faults.limits.longest_spell))
        self.faults.record(Fault.STALE_SPELL, method, f"head {head.number}, {count} requests")
        self.faults.spell = (count, head)
        return self._answer(method, params)

    def _answer_stale(self, method: str, params: Sequence[Json]) -> Response | None:
        head = self._older_head()
        if is_write(method) or head is None:
            return None
        self.faults.record(Fault.STALE_HEAD, method, f"head {head.number}")
        return self.node.answer(method, params, head)

    def _older_head(self) -> Block | None:
        chain = self.node.chain
        lag = self.faults.random.randint(1, self.faults.limits.longest_lag)
        return chain.canonical[max(0, chain.head.number - lag)] if chain.head.number else None

    def _true(self, method: str, params: Sequence[Json]) -> Json:
        """The result of the node itself; None where it refuses."""
        return self.node.answer(method, params).get("result")

    def _span(self, params: Sequence[Json]) -> tuple[int, int] | None:
        """First and last block number of a request for logs, None where it names a block by hash."""
        if "blockHash" in params[0]:
            return None
        view = View(self.node.chain, self.node.chain.head)
        ends = []
        for key in ("fromBlock", "toBlock"):
            name = params[0].get(key, "latest")
            named = None if name.startswith("0x") else view.named(name)
            ends.append(int(name, 16) if named is None else named.number)
        return ends[0], ends[1]


_HEADER = ("eth_getBlockByNumber",)
_LOGS = ("eth_getLogs",)
_SEND = ("eth_sendRawTransaction",)
_METHODS: Mapping[Fault, tuple[str, ...]] = {
    Fault.WRONG_CHAIN_ID: ("eth_chainId",),
    Fault.ALREADY_KNOWN: _SEND,
    Fault.NONCE_TOO_LOW: _SEND,
    Fault.RECEIPT_MISSING: ("eth_getTransactionReceipt",),
    Fault.FINALITY_MISSING: _HEADER,
    Fault.FINALITY_ZERO: _HEADER,
    Fault.FINALITY_REGRESSING: _HEADER,
    Fault.UNLINKED_HEADER: _HEADER,
    Fault.LOGS_OMITTED: _LOGS,
    Fault.LOGS_ORPHANED: _LOGS,
    Fault.LOGS_TRUNCATED: _LOGS,
    Fault.LOGS_TOO_WIDE: _LOGS,
    Fault.LOGS_TOO_MANY: _LOGS,
}
"""The methods whose requests can suffer a kind of trouble; any where it is not named."""


def _result(value: Json) -> Response:
    return {"jsonrpc": "2.0", "id": 0, "result": value}


def _error(error: RpcError) -> Response:
    return {"jsonrpc": "2.0", "id": 0, "error": error.body}
