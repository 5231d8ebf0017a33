"""What the adapter makes of nodes that are wrong, limited or lying."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from chain.lying import LyingProvider, Tamper, refusal
from chain.rigs import OPERATOR, OTHER_OPERATOR, REGISTRAR, SUPPLIER, append, appends, deploy_on, party, seal, sign_seal
from tallystick.chain import calls, seal_gas
from tallystick.chain.contracts import PartyRegistry
from tallystick.chain.embedded import EmbeddedProvider
from tallystick.chain.ledger import EvmChain
from tallystick.chain.node import Node
from tallystick.chain.records import MAX_BATCH_SUBJECTS, Deployment
from tallystick.chain.sender import MAX_TRANSACTION_GAS, Call, Sender
from tallystick.chain.wire import NodeRefused
from tallystick.errors import ChainError, ChainInconsistent, TransactionFailed, WrongChain
from tallystick.protocol.types import Hash, to_hex

ChangeLogs = Callable[[list[Any]], list[Any]]


def lying_chain(provider: EmbeddedProvider, deployment: Deployment, tamper: Tamper, **options: Any) -> EvmChain:
    return EvmChain(LyingProvider(provider, tamper), deployment, **options)


def changing(method: str, change: Callable[[Any], Any]) -> Tamper:
    """A lie about the results of ``method`` alone."""

    def tamper(asked: str, params: list[Any], response: Any) -> Any:
        if asked == method and response.get("result") is not None:
            response["result"] = change(response["result"])
        return response

    return tamper


# the wrong chain


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"chain_id": 1}, "chain id: expected 1, got 31337731", id="chain id"),
        pytest.param({"genesis_hash": Hash(bytes(32))}, "genesis block: expected 0x0000", id="genesis"),
        pytest.param({"registry": SUPPLIER.address}, "PartyRegistry at .* got no code", id="registry"),
        pytest.param({"ledger": SUPPLIER.address}, "EvidenceLedger at .* got no code", id="ledger"),
    ],
)
def test_another_chain_is_noticed(evm_chain: EvmChain, change: dict[str, Any], reason: str, provider: Any) -> None:
    """Another chain id, genesis or contract than the deployment's is named, with expected and got."""
    with pytest.raises(WrongChain, match=reason) as raised:
        EvmChain(provider, replace(evm_chain.deployment, **change)).check()
    assert raised.value.todo


def test_other_code_is_noticed(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """A contract of other code than the published is refused."""
    swapped = replace(evm_chain.deployment, registry=evm_chain.deployment.ledger, ledger=evm_chain.deployment.registry)
    with pytest.raises(WrongChain, match=r"PartyRegistry at .* expected code of hash"):
        EvmChain(provider, swapped).check()


def test_a_ledger_of_another_registry_is_noticed(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """Registry and ledger of two deployments do not fit together."""
    other = deploy_on(provider).deployment
    with pytest.raises(WrongChain, match="registry of the ledger"):
        EvmChain(provider, replace(evm_chain.deployment, ledger=other.ledger)).check()


def test_a_contract_that_is_not_there_answers_nothing(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """Reading from an address without code is an error, not an empty log."""
    chain = EvmChain(provider, replace(evm_chain.deployment, ledger=SUPPLIER.address))
    with pytest.raises(WrongChain, match=r"expected 32 bytes .* got 0"):
        chain.head(party("supplier"), chain.final_block())


def test_a_block_before_the_contracts_is_refused(evm_chain: EvmChain) -> None:
    """A read at a block older than the deployment is refused, for it would look like an empty log."""
    with pytest.raises(ChainError, match="not older than the contracts"):
        evm_chain.head(party("supplier"), evm_chain.block(0))


# finality


def test_a_node_without_finality_needs_a_depth(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """A node that does not know the finalized tag can be used with an explicit depth only."""

    def refuse_tag(method: str, params: list[Any], response: Any) -> Any:
        return refusal("unknown block") if params[:1] == ["finalized"] else response

    with pytest.raises(ChainError, match="expected it to name a finalized block"):
        lying_chain(provider, evm_chain.deployment, refuse_tag).final_block()
    newest = evm_chain.final_block().number
    deep = lying_chain(provider, evm_chain.deployment, refuse_tag, finality_depth=2)
    assert deep.final_block() == evm_chain.block(newest - 2)
    assert lying_chain(provider, evm_chain.deployment, refuse_tag, finality_depth=999).final_block().number == 0


def test_a_node_that_names_no_final_block_yet_is_an_error(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """A null instead of a finalized block is an error, not block zero."""

    def forget_tag(method: str, params: list[Any], response: Any) -> Any:
        return {"result": None} if params[:1] == ["finalized"] else response

    with pytest.raises(ChainError, match="got none"):
        lying_chain(provider, evm_chain.deployment, forget_tag).final_block()


def by_tag(**answers: Any) -> Tamper:
    """Lies about the blocks called so; what is not a response changes fields of the true block."""

    def tamper(method: str, params: list[Any], response: Any) -> Any:
        lie = answers.get(str(params[0])) if method == "eth_getBlockByNumber" else None
        if lie is None:
            return response
        return lie if "result" in lie or "error" in lie else {"result": {**response["result"], **lie}}

    return tamper


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        pytest.param({"finalized": {"result": None}}, "to name a finalized block, got none", id="null (Nethermind)"),
        pytest.param({"finalized": refusal("finalized block not found")}, "got none", id="error (geth)"),
        pytest.param({"finalized": refusal("Unknown block", code=-39001)}, "got none", id="error (Besu, Erigon)"),
        pytest.param(
            {"finalized": {"number": "0x0"}, "latest": {"number": "0x3e8"}},
            "expected a finalized block above 0 in a chain of 1000 blocks, got block 0",
            id="block 0 for ever (reth)",
        ),
        pytest.param({"finalized": {"number": "0x1000"}}, "finalized block 4096: expected 0x.* got none", id="beyond"),
        pytest.param({"finalized": {"hash": "0x" + "11" * 32}}, "expected 0x1111.* got 0x", id="another block"),
    ],
)
def test_a_node_that_does_not_tell_finality_is_refused_at_the_start(
    evm_chain: EvmChain, provider: EmbeddedProvider, answers: dict[str, Any], reason: str
) -> None:
    """Where no depth is set, what the node calls finalized must exist, move, and be of its chain (R12)."""
    lie = by_tag(**answers)
    with pytest.raises(ChainError, match=reason) as raised:
        lying_chain(provider, evm_chain.deployment, lie).check()
    assert "finality_blocks" in raised.value.todo
    lying_chain(provider, evm_chain.deployment, lie, finality_depth=2).check()


@pytest.mark.parametrize(("orphans", "is_refused"), [(2, False), (3, True)])
def test_a_block_that_is_undone_during_the_check_is_not_the_end(
    evm_chain: EvmChain, provider: EmbeddedProvider, orphans: int, is_refused: bool
) -> None:
    """The newest block may be undone while its state is read: the next one is taken, but not for ever (R4)."""
    undone = ["0x" + "11" * 32] * orphans

    def tamper(method: str, params: list[Any], response: Any) -> Any:
        if params[:1] == ["latest"] and method == "eth_getBlockByNumber" and undone:
            response["result"]["hash"] = undone.pop()
        return response

    chain = lying_chain(provider, evm_chain.deployment, tamper, finality_depth=0)
    with pytest.raises(ChainInconsistent, match="reorganised") if is_refused else nullcontext():
        chain.check()
    assert undone == []


def test_a_young_chain_has_no_final_block_yet(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """Block 0 may be the newest final one of a chain that is shorter than a node needs to finalize (R12)."""
    first = Node(provider).block_json(0)
    lying_chain(provider, evm_chain.deployment, by_tag(finalized={"result": first})).check()


# reads at a block


def by_number_only(method: str, params: list[Any], response: Any) -> Any:
    """A node from before EIP-1898."""
    if params and isinstance(params[-1], dict) and "blockHash" in params[-1]:
        return refusal("invalid argument: block hash", code=-32602)
    return response


def test_a_node_that_knows_numbers_only_is_checked_afterwards(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """Without EIP-1898 a read by number is accepted only if that number still has the named hash."""
    seal(evm_chain, OPERATOR, appends("buyer"))
    final = evm_chain.final_block()
    old = lying_chain(provider, evm_chain.deployment, by_number_only)
    with pytest.raises(ChainInconsistent, match="expected 0x"):
        old.head(party("buyer"), replace(final, hash=Hash(bytes(32))))
    assert old.head(party("buyer"), final) == evm_chain.head(party("buyer"), final)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(refusal("header for hash not found"), id="a block it lacks (geth)"),
        pytest.param(refusal("Resource not found", code=-32001), id="a block it lacks (anvil)"),
        pytest.param(refusal("BlockOutOfRangeError: block height is 3 but requested was 4", code=-32602), id="undone"),
        pytest.param(refusal("Internal error", code=-32603), id="broken"),
        pytest.param(refusal("limit exceeded", code=-32005), id="busy"),
    ],
)
def test_a_node_that_fails_once_is_still_asked_by_hash(
    evm_chain: EvmChain, provider: EmbeddedProvider, error: Any
) -> None:
    """Only a node that does not understand block hashes is asked by number; another error says nothing about that."""
    asked: list[Any] = []
    failing = [error]

    def fail_once(method: str, params: list[Any], response: Any) -> Any:
        if method != "eth_call":
            return response
        asked.append(params[-1])
        return failing.pop() if failing else response

    chain = lying_chain(provider, evm_chain.deployment, fail_once)
    final = evm_chain.final_block()
    with pytest.raises(NodeRefused):
        chain.head(party("buyer"), final)
    chain.head(party("buyer"), final)
    assert asked == [{"blockHash": to_hex(final.hash)}] * 2


def test_a_read_in_an_orphaned_block_says_so(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """A node that refuses a block because it was orphaned meanwhile is no broken node: the index begins anew (R4)."""
    final = evm_chain.final_block()
    evm_chain.head(party("buyer"), final)
    with pytest.raises(ChainInconsistent, match="reorganised"):
        evm_chain.head(party("buyer"), replace(final, hash=Hash(bytes(31) + b"\1")))


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(refusal("invalid argument: block hash", code=-32602), id="by its code"),
        pytest.param(
            refusal("invalid argument 1: json: cannot unmarshal object into Go value of type string"), id="by its words"
        ),
    ],
)
def test_a_node_without_block_hashes_is_asked_by_number_for_good(
    evm_chain: EvmChain, provider: EmbeddedProvider, error: Any
) -> None:
    """A node from before EIP-1898 is asked by hash once."""
    asked: list[Any] = []

    def by_numbers(method: str, params: list[Any], response: Any) -> Any:
        if method == "eth_call":
            asked.append(params[-1])
            return error if isinstance(params[-1], dict) else response
        return response

    chain = lying_chain(provider, evm_chain.deployment, by_numbers)
    final = evm_chain.final_block()
    for _ in range(2):
        chain.head(party("buyer"), final)
    assert asked == [{"blockHash": to_hex(final.hash)}, hex(final.number), hex(final.number)]


@pytest.mark.parametrize(
    ("method", "garbage"),
    [("eth_call", "0xzz"), ("eth_call", None), ("eth_getBlockByNumber", []), ("eth_getLogs", {}), ("eth_getLogs", [7])],
)
def test_a_garbled_answer_is_inconsistent(
    evm_chain: EvmChain, provider: EmbeddedProvider, method: str, garbage: Any
) -> None:
    """An answer that is not of its form is an error of the node."""

    def garble(_: Any) -> Any:
        return garbage

    chain = lying_chain(provider, evm_chain.deployment, changing(method, garble))
    with pytest.raises(ChainInconsistent, match="node: "):
        read_all(chain)


def read_all(chain: EvmChain) -> None:
    chain.next_batch(OPERATOR.address, None)
    chain.sealed_batches(0, chain.final_block().number)


# logs


def reverse(logs: list[Any]) -> list[Any]:
    return logs[::-1]


def repeat(logs: list[Any]) -> list[Any]:
    return [logs[0], *logs]


def change_first(**fields: Any) -> ChangeLogs:
    return lambda logs: [{**logs[0], **fields}, *logs[1:]]


def cut_data(logs: list[Any]) -> list[Any]:
    return [{**logs[0], "data": logs[0]["data"][:-2]}, *logs[1:]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(reverse, "stands after", id="order"),
        pytest.param(repeat, "stands after", id="twice"),
        pytest.param(change_first(address=to_hex(SUPPLIER.address)), "expected one of 0x", id="another contract"),
        pytest.param(change_first(blockHash=to_hex(bytes(32))), "block .*: expected 0x0000", id="another block"),
        pytest.param(change_first(blockNumber="0x0"), "expected one of blocks 1 to", id="out of range"),
        pytest.param(change_first(removed=True), "expected one of the event", id="removed"),
        pytest.param(change_first(topics=[to_hex(bytes(32))]), "expected one of the event", id="another event"),
        pytest.param(change_first(topics=[]), "expected one of the event", id="no topics"),
        pytest.param(cut_data, "appends: expected", id="data"),
    ],
)
def test_a_node_that_mixes_up_logs_is_noticed(
    evm_chain: EvmChain, provider: EmbeddedProvider, change: ChangeLogs, reason: str
) -> None:
    """Logs out of order, of another contract, block, range, event or form are refused."""
    for _ in range(2):
        last = seal(evm_chain, OPERATOR, appends("buyer"))
    chain = lying_chain(provider, evm_chain.deployment, changing("eth_getLogs", change))
    with pytest.raises(ChainInconsistent, match=reason):
        chain.sealed_batches(1, last)


def test_a_signer_event_of_another_time_is_noticed(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """The time in a signer event must be that of its block."""
    evm_chain.admit(REGISTRAR.address, REGISTRAR.sign, [(party("supplier"), SUPPLIER.address)])
    lie = changing("eth_getLogs", change_first(data=to_hex(bytes(31) + b"\1")))
    with pytest.raises(ChainInconsistent, match="signer event: expected time"):
        lying_chain(provider, evm_chain.deployment, lie).signer_changes(0, evm_chain.final_block().number)


def test_a_node_that_refuses_one_block_is_an_error(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """When even a single block is too much for the node, that is said."""

    def refuse(method: str, params: list[Any], response: Any) -> Any:
        return refusal("query returned more than 0 results") if method == "eth_getLogs" else response

    with pytest.raises(ChainError, match="more than 0 results"):
        lying_chain(provider, evm_chain.deployment, refuse).sealed_batches(0, 5)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_node_of_small_ranges_tells_all_logs(evm_chain: EvmChain, provider: EmbeddedProvider, limit: int) -> None:
    """A node that answers few blocks at once is asked in small ranges, and nothing is left out."""
    for _ in range(7):
        last = seal(evm_chain, OPERATOR, appends("buyer"))

    def refuse_ranges(method: str, params: list[Any], response: Any) -> Any:
        too_wide = method == "eth_getLogs" and int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= limit
        return refusal("block range too wide") if too_wide else response

    told = lying_chain(provider, evm_chain.deployment, refuse_ranges).sealed_batches(0, last)
    assert told == evm_chain.sealed_batches(0, last)
    assert [batch.batch_id for batch in told] == list(range(7))


# sending


def test_a_seal_beyond_the_gas_cap_is_refused(evm_chain: EvmChain) -> None:
    """A batch that can't fit into one transaction is refused with the number of its subjects and the cap."""
    many = sorted((append(f"buyer {i}") for i in range(2300)), key=lambda item: item.subject)
    with pytest.raises(TransactionFailed, match="2300 subjects: expected to need at most 16777216 gas"):
        sign_seal(evm_chain, OPERATOR, 0, many)


def test_a_seal_the_node_finds_no_gas_for_is_refused(evm_chain: EvmChain) -> None:
    """A batch that might fit if its subjects were known, but are new, is refused before it is signed."""
    many = sorted((append(f"buyer {i}") for i in range(800)), key=lambda item: item.subject)
    with pytest.raises(TransactionFailed, match="800 subjects") as raised:
        sign_seal(evm_chain, OPERATOR, 0, many)
    assert "less" in raised.value.todo


@pytest.mark.parametrize("count", [1, 10, 150])
def test_the_gas_formula_covers_new_subjects(evm_chain: EvmChain, count: int) -> None:
    """The gas asked for is enough for new subjects, and less than twice what is used."""
    batch = sorted((append(f"buyer {i}", 255) for i in range(count)), key=lambda item: item.subject)
    signed = sign_seal(evm_chain, OPERATOR, 0, batch)
    evm_chain.send(signed.raw)
    inclusion = evm_chain.inclusion(signed.hash)
    assert inclusion is not None
    assert inclusion.succeeded
    assert inclusion.gas_used < seal_gas.most_gas(count) < 2 * inclusion.gas_used
    seal(evm_chain, OPERATOR, batch)
    known = evm_chain.inclusion(evm_chain.sealed_batches(0, evm_chain.final_block().number)[1].transaction_hash)
    assert known is not None
    assert seal_gas.least_gas(count) < known.gas_used < inclusion.gas_used


@pytest.mark.slow
def test_the_largest_batch_fits(evm_chain: EvmChain) -> None:
    """A batch of as many new subjects as promised fits into one transaction."""
    assert seal_gas.most_gas(MAX_BATCH_SUBJECTS) <= MAX_TRANSACTION_GAS
    batch = sorted((append(f"buyer {i}", 255) for i in range(MAX_BATCH_SUBJECTS)), key=lambda item: item.subject)
    seal(evm_chain, OPERATOR, batch)


def test_a_busy_chain_is_not_paid_any_price(provider: EmbeddedProvider, evm_chain: EvmChain) -> None:
    """No transaction is signed while the base fee is above the limit."""
    chain = EvmChain(provider, evm_chain.deployment, max_fee_per_gas_wei=1)
    with pytest.raises(TransactionFailed, match="expected a base fee below 1 wei"):
        sign_seal(chain, OPERATOR, 0, appends("buyer"))


def test_a_node_without_fee_history_is_enough(provider: EmbeddedProvider, evm_chain: EvmChain) -> None:
    """Where the node keeps no fee history, the newest base fee serves."""

    def forget(method: str, params: list[Any], response: Any) -> Any:
        return refusal("method not found", code=-32601) if method == "eth_feeHistory" else response

    seal(lying_chain(provider, evm_chain.deployment, forget), OPERATOR, appends("buyer"))


def test_a_node_that_forgets_a_transaction_is_not_waited_for(provider: EmbeddedProvider, evm_chain: EvmChain) -> None:
    """A registration that is not included in time fails, and says that it may still be."""

    def forget(method: str, params: list[Any], response: Any) -> Any:
        return {"result": None} if method == "eth_getTransactionReceipt" else response

    chain = lying_chain(provider, evm_chain.deployment, forget, inclusion_timeout_seconds=0)
    with pytest.raises(TransactionFailed, match="was not included within 0 seconds"):
        chain.admit(REGISTRAR.address, REGISTRAR.sign, [(party("buyer"), SUPPLIER.address)])


def test_a_transaction_in_an_abandoned_block_is_not_included(provider: EmbeddedProvider, evm_chain: EvmChain) -> None:
    """A receipt from a block that is no longer canonical counts as not included."""
    signed = sign_seal(evm_chain, OTHER_OPERATOR, 0, appends("buyer"))
    evm_chain.send(signed.raw)
    stale = changing("eth_getTransactionReceipt", lambda receipt: {**receipt, "blockHash": to_hex(bytes(32))})
    assert lying_chain(provider, evm_chain.deployment, stale).inclusion(signed.hash) is None


def test_a_node_that_has_not_indexed_a_transaction_yet_is_asked_again(
    provider: EmbeddedProvider, evm_chain: EvmChain
) -> None:
    """An error in place of a receipt, as by a geth that just began, tells nothing: unknown is no failure (T8)."""
    refusals = [refusal("transaction indexing is in progress")] * 3

    def tamper(method: str, params: list[Any], response: Any) -> Any:
        return refusals.pop() if method == "eth_getTransactionReceipt" and refusals else response

    chain = lying_chain(provider, evm_chain.deployment, tamper)
    chain.admit(REGISTRAR.address, REGISTRAR.sign, [(party("supplier"), SUPPLIER.address)])
    assert refusals == []


def test_a_lie_about_a_transactions_hash_is_noticed(provider: EmbeddedProvider, evm_chain: EvmChain) -> None:
    """The hash that the node gives a transaction must be that of its bytes."""
    signed = sign_seal(evm_chain, OPERATOR, 0, appends("buyer"))
    lie = changing("eth_sendRawTransaction", lambda _: to_hex(bytes(32)))
    with pytest.raises(ChainInconsistent, match="expected hash"):
        lying_chain(provider, evm_chain.deployment, lie).send(signed.raw)


def test_a_failed_transaction_is_explained(provider: EmbeddedProvider, evm_chain: EvmChain) -> None:
    """A registration that passes its trial and reverts on chain is replayed, and its reason told."""
    evm_chain.admit(REGISTRAR.address, REGISTRAR.sign, [(party("supplier"), SUPPLIER.address)])
    asked: list[str] = []

    def hide_trial(method: str, params: list[Any], response: Any) -> Any:
        if method == "eth_call" and params[-1] == "latest" and not asked:
            asked.append(method)
            return {"result": "0x"}
        return response

    with pytest.raises(TransactionFailed, match="was admitted before"):
        lying_chain(provider, evm_chain.deployment, hide_trial).admit(
            REGISTRAR.address, REGISTRAR.sign, [(party("supplier"), SUPPLIER.address)]
        )


def test_who_was_removed_still_was_an_operator(evm_chain: EvmChain, provider: EmbeddedProvider) -> None:
    """What an operator signed stays its word after the registrar removed it; before its admission it was none."""
    registry = evm_chain.deployment.registry
    before = evm_chain.block(evm_chain.deployment.block_number)
    assert not evm_chain.was_operator(OTHER_OPERATOR.address, before)
    calldata = calls.call("removeOperator(address)", calls.address_word(OTHER_OPERATOR.address))
    sender = Sender(Node(provider), evm_chain.deployment.chain_id)
    sender.run(REGISTRAR.address, REGISTRAR.sign, [Call(registry, calldata, 100_000, "remove operator")])
    block = evm_chain.final_block()
    assert not PartyRegistry(Node(provider), registry).is_operator(OTHER_OPERATOR.address, block)
    assert evm_chain.was_operator(OTHER_OPERATOR.address, block)
    assert not evm_chain.was_operator(SUPPLIER.address, block)
