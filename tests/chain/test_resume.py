"""A deployment that is interrupted goes on where it stopped, and one that can't be kept says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from chain.lying import LyingProvider
from chain.rigs import (
    DEPLOYER,
    OPERATOR,
    OTHER_OPERATOR,
    REGISTRAR,
    STRANGER,
    open_memory_provider,
    open_provider,
)
from tallystick.chain import calls, deploy
from tallystick.chain.artifacts import Artifact, load_artifact
from tallystick.chain.contracts import PartyRegistry
from tallystick.chain.deploy import DeploymentPlan, carry_out, check_roles, find_deployment, plan_deployment
from tallystick.chain.embedded import EmbeddedProvider, open_embedded
from tallystick.chain.ledger import REGISTRY_GAS
from tallystick.chain.node import Node, Provider
from tallystick.chain.sender import Call, Sender
from tallystick.errors import ChainError, ChainInconsistent, TransactionFailed, WrongChain
from tallystick.protocol.types import Hash, Timestamp, to_hex

OPERATORS = [OTHER_OPERATOR.address, OPERATOR.address]
TRANSACTIONS = 9
"""Three creations, two operators, two grants, two renunciations."""


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


class MortalProvider:
    """Passes ``lifetime`` requests on to ``node``, then kills; ``asked`` are the methods passed on."""

    def __init__(self, node: Provider, lifetime: int) -> None:
        self._node = node
        self._lifetime = lifetime
        self.asked: list[str] = []

    def make_request(self, method: Any, params: Any, /) -> Any:
        if len(self.asked) == self._lifetime:
            raise Killed
        self.asked.append(method)
        return self._node.make_request(method, params)


def plan_on(provider: Provider) -> DeploymentPlan:
    return plan_deployment(provider, DEPLOYER.address, REGISTRAR.address, OPERATORS)


def other_build(name: str) -> Callable[[Any], Artifact]:
    """Loads artifacts of which ``name`` calls itself another version: what a changed source would give."""

    def load(asked: Any) -> Artifact:
        true = load_artifact(asked)
        changed = true.bytecode.replace(b"1.0.0", b"1.0.1") if asked == name else true.bytecode
        assert (changed == true.bytecode) == (asked != name)
        return replace(true, bytecode=changed)

    return load


def sender_on(provider: Provider) -> Sender:
    node = Node(provider)
    return Sender(node, node.chain_id())


def nonce(provider: Provider) -> int:
    return sender_on(provider).next_nonce(DEPLOYER.address)


def send_something(provider: Provider) -> None:
    """A transaction of the deployer's that has nothing to do with the deployment."""
    sender_on(provider).run(DEPLOYER.address, DEPLOYER.sign, [Call(STRANGER.address, b"", 50_000, "something else")])


def state(provider: Provider, plan: DeploymentPlan) -> dict[str, Any]:
    """All that a deployment leaves on the chain: code and storage of each contract, its events, the nonce used."""
    node = Node(provider)
    proofs = {name: node.request("eth_getProof", to_hex(at), [], "latest") for name, at in plan.addresses.items()}
    question = {"address": to_hex(plan.registry), "fromBlock": "0x0", "toBlock": "latest"}
    return {
        "contracts": {
            name: [proof[key] for key in ("nonce", "codeHash", "storageHash")] for name, proof in proofs.items()
        },
        "events": [(log["topics"], log["data"], log["blockNumber"]) for log in node.request("eth_getLogs", question)],
        "nonce": nonce(provider),
        "blocks": node.newest().ref.number,
    }


@pytest.fixture(params=["embedded", "anvil"])
def chain(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A fresh chain without the contracts, of each kind that is here."""
    with open_provider(request.param) as provider:
        yield provider


@pytest.mark.slow
def test_wherever_it_is_interrupted_it_goes_on(chain: Provider) -> None:
    """Killed before any of its requests, the same plan goes on to the same addresses, state and number of transactions.

    Dying before request k + 1 is dying with the answer to request k lost, so that every moment is covered.
    """
    node, plan = Node(chain), plan_on(chain)

    def fresh() -> MortalProvider:
        node.request("evm_revert", fresh_chain.pop())
        fresh_chain.append(node.request("evm_snapshot"))
        return MortalProvider(chain, -1)

    fresh_chain = [node.request("evm_snapshot")]
    whole = fresh()
    expected = carry_out(whole, plan, DEPLOYER.sign)
    expected_state = state(chain, plan)
    assert expected_state["nonce"] == TRANSACTIONS
    assert whole.asked.count("eth_sendRawTransaction") == TRANSACTIONS

    for lifetime in count():
        fresh()
        try:
            # a slow node is asked for a receipt once more, so only a run that ends says where to stop
            carry_out(MortalProvider(chain, lifetime), plan, DEPLOYER.sign)
        except Killed:
            assert carry_out(chain, plan, DEPLOYER.sign) == expected, f"killed after {lifetime} requests"
            assert state(chain, plan) == expected_state, f"killed after {lifetime} requests"
        else:
            break
    assert lifetime > 4 * TRANSACTIONS, "each transaction has an estimate, a sending, a receipt and a block"


def test_what_dies_again_and_again_ends(chain: Provider) -> None:
    """A process that lives for a few requests only, and is started again each time, gets the whole plan done."""
    plan = plan_on(chain)
    for lifetime in range(20, 200):
        with suppress(Killed):
            carry_out(MortalProvider(chain, lifetime), plan, DEPLOYER.sign)
            break
    check_roles(chain, plan)
    assert find_deployment(chain, plan).registry == plan.registry
    assert nonce(chain) == TRANSACTIONS


def test_a_plan_carried_out_again_sends_nothing(chain: Provider) -> None:
    """When all is done, carrying out only reads, and finds the block of the registry's creation again."""
    send_something(chain)
    plan = plan_on(chain)
    first = carry_out(chain, plan, DEPLOYER.sign)
    send_something(chain)
    lines: list[str] = []
    again = MortalProvider(chain, -1)
    assert carry_out(again, plan, DEPLOYER.sign, report=lines.append) == first
    assert first.block_number == 2
    assert "eth_sendRawTransaction" not in again.asked
    assert len(lines) == 3
    assert all(line.endswith("there already") for line in lines)
    assert find_deployment(chain, plan) == first


def test_one_deployer_and_nonce_give_one_deployment() -> None:
    """On two chains made alike, the same deployer has the same plan, and the contracts stand where it says."""
    made = []
    for _ in range(2):
        provider = open_memory_provider()
        plan = plan_on(provider)
        made.append((plan, carry_out(provider, plan, DEPLOYER.sign)))
        provider.close()
    (plan, deployment), other = made
    assert (plan, deployment) == other
    assert (deployment.registry, deployment.ledger, deployment.receivables) == tuple(plan.addresses.values())
    assert len({plan.registry, plan.ledger, plan.receivables}) == 3


def test_operators_may_be_given_in_any_order_and_twice(provider: EmbeddedProvider) -> None:
    """The plan names each operator once, in ascending order, however they were given."""
    given = [*OPERATORS, *reversed(OPERATORS)]
    plan = plan_deployment(provider, DEPLOYER.address, REGISTRAR.address, given)
    assert plan == plan_on(provider)
    assert list(plan.operators) == sorted(set(OPERATORS))


def test_each_step_is_told_in_one_line(provider: EmbeddedProvider) -> None:
    """The report has a line for each transaction, with its block, gas and hash."""
    lines: list[str] = []
    carry_out(provider, plan_on(provider), DEPLOYER.sign, report=lines.append)
    assert [line.split()[0] for line in lines] == ["create"] * 3 + ["add"] * 2 + ["grant"] * 2 + ["renounce"] * 2
    for number, line in enumerate(lines, 1):
        assert f"block {number}, " in line
        receipt = Node(provider).request("eth_getTransactionReceipt", line.rpartition(" ")[2])
        assert f"{int(receipt['gasUsed'], 16):,} gas" in line


@pytest.mark.parametrize("created", range(3))
def test_a_nonce_used_for_something_else_ends_the_plan(provider: EmbeddedProvider, created: int) -> None:
    """Where the deployer sent something else before all contracts stand, nothing more is sent: the error says why."""
    plan = plan_on(provider)
    if created:
        _carry_out_creations(provider, plan, created)
    send_something(provider)
    before = nonce(provider)
    with pytest.raises(ChainError, match=f"expected nonce {created} of .*, got {created + 1}") as raised:
        carry_out(provider, plan, DEPLOYER.sign)
    assert "new plan" in raised.value.todo
    assert nonce(provider) == before
    assert carry_out(provider, plan_on(provider), DEPLOYER.sign).registry != plan.registry


def test_something_else_sent_between_the_later_steps_does_no_harm(provider: EmbeddedProvider) -> None:
    """Once the contracts stand, the deployer's nonce no longer matters."""
    plan = plan_on(provider)
    _carry_out_creations(provider, plan, 3)
    send_something(provider)
    assert carry_out(provider, plan, DEPLOYER.sign).registry == plan.registry


def _carry_out_creations(provider: Provider, plan: DeploymentPlan, count: int) -> None:
    """Carry ``plan`` out until ``count`` contracts stand."""
    lines: list[str] = []

    def stop(line: str) -> None:
        lines.append(line)
        if len(lines) == count:
            raise Killed

    with pytest.raises(Killed):
        carry_out(provider, plan, DEPLOYER.sign, report=stop)


@pytest.mark.parametrize("name", ["PartyRegistry", "EvidenceLedger", "ReceivableRegistry"])
def test_other_code_at_a_planned_address_is_refused(
    provider: EmbeddedProvider, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A contract of another build at a planned address: the plan goes no further, and says both hashes."""
    plan = plan_on(provider)

    with monkeypatch.context() as patched:
        patched.setattr(deploy, "load_artifact", other_build(name))
        with pytest.raises(WrongChain, match=f"{name} at .*: expected code of hash 0x.*, got code of hash 0x"):
            carry_out(provider, plan, DEPLOYER.sign)
    sent = nonce(provider)
    published = to_hex(load_artifact(name).runtime_code_hash)  # type: ignore[arg-type]
    with pytest.raises(WrongChain, match=f"expected code of hash {published}, got code of hash 0x"):
        carry_out(provider, plan, DEPLOYER.sign)
    assert nonce(provider) == sent


def test_a_ledger_of_another_registry_is_refused(provider: EmbeddedProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger with the published code that obeys another registry is not the planned one."""
    plan = plan_on(provider)
    stray = deploy.deploy(provider, REGISTRAR.address, REGISTRAR.sign, REGISTRAR.address, OPERATORS)
    _carry_out_creations(provider, plan, 1)
    artifact = load_artifact("EvidenceLedger")
    data = artifact.bytecode + calls.address_word(stray.registry)
    creation = Call(None, data, 5_000_000, "create a ledger of the other registry")
    sender_on(provider).create(DEPLOYER.address, DEPLOYER.sign, creation, plan.first_nonce + 1)
    with pytest.raises(WrongChain, match="registry of the ledger: expected"):
        carry_out(provider, plan, DEPLOYER.sign)
    assert nonce(provider) == 2


def test_another_chain_is_refused(provider: EmbeddedProvider) -> None:
    """A plan for one chain is not carried out on another, nor on one made anew under the same id."""
    plan = plan_on(provider)
    others = {
        "chain id: expected": open_embedded(None, funded={DEPLOYER.address: 10**22}, chain_id=4711),
        "genesis block: expected": open_embedded(
            None, funded={DEPLOYER.address: 10**22}, genesis_timestamp=Timestamp(1_600_000_000)
        ),
    }
    for message, other in others.items():
        with pytest.raises(WrongChain, match=message):
            carry_out(other, plan, DEPLOYER.sign)
        assert Node(other).newest().ref.number == 0
        other.close()


def test_the_deployer_renounces_nothing_that_the_registrar_lacks(provider: EmbeddedProvider) -> None:
    """Where the chain does not show the registrar's roles after the grants, the deployer keeps its own."""
    plan = plan_on(provider)
    question = calls.call(calls.HAS_ROLE, calls.DEFAULT_ADMIN_ROLE, calls.address_word(REGISTRAR.address))

    def deny(method: str, params: list[Any], true: Any) -> Any:
        denied = method == "eth_call" and params[0]["data"] == to_hex(question)
        return {**true, "result": "0x" + "00" * 32} if denied else true

    with pytest.raises(ChainInconsistent, match="to hold both roles by now"):
        carry_out(LyingProvider(provider, deny), plan, DEPLOYER.sign)  # type: ignore[arg-type]
    registry = PartyRegistry(Node(provider), plan.registry)
    assert registry.has_role(calls.DEFAULT_ADMIN_ROLE, DEPLOYER.address, None)
    assert carry_out(provider, plan, DEPLOYER.sign).registry == plan.registry


def test_what_the_registrar_changed_since_is_not_done_again(provider: EmbeddedProvider) -> None:
    """An operator that the registrar removed is named by the check, and the deployer, without roles, can't add it."""
    plan = plan_on(provider)
    deployment = carry_out(provider, plan, DEPLOYER.sign)
    data = calls.call("removeOperator(address)", calls.address_word(OPERATOR.address))
    removal = Call(plan.registry, data, REGISTRY_GAS, "remove an operator")
    sender_on(provider).run(REGISTRAR.address, REGISTRAR.sign, [removal])
    with pytest.raises(ChainInconsistent, match=f"expected operator {to_hex(OPERATOR.address)} at block"):
        check_roles(provider, plan)
    with pytest.raises(TransactionFailed, match="lacks the role"):
        carry_out(provider, plan, DEPLOYER.sign)
    assert nonce(provider) == TRANSACTIONS
    assert find_deployment(provider, plan) == deployment


def test_a_first_block_after_the_creation_is_noticed(provider: EmbeddedProvider) -> None:
    """A plan that looks from a later block does not find the creation, and no later event passes for it."""
    plan = plan_on(provider)
    carry_out(provider, plan, DEPLOYER.sign)
    for later in (2, 6, 9, 1000):
        with pytest.raises(ChainInconsistent, match="expected the event of its creation first"):
            find_deployment(provider, replace(plan, from_block=later))


def test_a_plan_without_contracts_is_no_deployment(provider: EmbeddedProvider) -> None:
    """Before anything is sent there is nothing to find."""
    with pytest.raises(WrongChain, match="got no code"):
        find_deployment(provider, plan_on(provider))
    with pytest.raises(WrongChain, match="genesis"):
        find_deployment(provider, replace(plan_on(provider), genesis_hash=Hash(bytes(32))))
