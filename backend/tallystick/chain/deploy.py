"""Putting the contracts on a chain, once: registry, ledger, receivables, roles and operators.

The deployer holds the roles only until the operators are in; then the registrar has them, and the deployer none.
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.chain import calls, wire
from tallystick.chain.artifacts import Artifact, load_artifact
from tallystick.chain.contracts import PartyRegistry
from tallystick.chain.ledger import REGISTRY_GAS, check_chain
from tallystick.chain.node import Node, Provider
from tallystick.chain.records import Deployment, Inclusion
from tallystick.chain.sender import (
    DEFAULT_INCLUSION_TIMEOUT_SECONDS,
    DEFAULT_MAX_FEE_PER_GAS_WEI,
    Call,
    Sender,
)
from tallystick.chain.transactions import Sign, created_address
from tallystick.errors import ChainInconsistent
from tallystick.protocol.types import Address, to_hex

_CREATION_BASE_GAS = 250_000
_GAS_PER_CODE_BYTE = 200
_GAS_PER_CREATION_BYTE = 18


def deploy(
    provider: Provider,
    deployer: Address,
    sign: Sign,
    registrar: Address,
    operators: Sequence[Address],
    *,
    max_fee_per_gas_wei: int = DEFAULT_MAX_FEE_PER_GAS_WEI,
    inclusion_timeout_seconds: float = DEFAULT_INCLUSION_TIMEOUT_SECONDS,
) -> Deployment:
    """Deploy the three contracts from ``deployer``, register ``operators``, and hand all roles to ``registrar``.

    ``sign`` holds the key of ``deployer``, which may be the ``registrar``. Waits for inclusion, not for finality.

    Raises:
        TransactionFailed: a transaction reverted or was not included in time.
        WrongChain: the deployed code is not the published one.
    """
    node = Node(provider)
    sender = Sender(
        node,
        node.chain_id(),
        max_fee_per_gas_wei=max_fee_per_gas_wei,
        inclusion_timeout_seconds=inclusion_timeout_seconds,
    )
    deployer_word = calls.address_word(deployer)
    registry, included = _create(node, sender, deployer, sign, load_artifact("PartyRegistry"), deployer_word * 2)
    ledger_argument = calls.address_word(registry)
    ledger, _ = _create(node, sender, deployer, sign, load_artifact("EvidenceLedger"), ledger_argument)
    receivables_argument = calls.address_word(ledger)
    receivables, _ = _create(node, sender, deployer, sign, load_artifact("ReceivableRegistry"), receivables_argument)
    _grant(sender, registry, deployer, sign, registrar, operators)

    deployment = Deployment(node.chain_id(), node.block(0).hash, registry, ledger, receivables, included.block.number)
    check_chain(node, deployment)
    _check_roles(PartyRegistry(node, registry), registrar, operators)
    return deployment


def _create(
    node: Node, sender: Sender, deployer: Address, sign: Sign, contract: Artifact, arguments: bytes
) -> tuple[Address, Inclusion]:
    """Create ``contract`` with the constructor's ``arguments`` (ABI words): its address and where it was included."""
    code = contract.bytecode + arguments
    gas = _CREATION_BASE_GAS + _GAS_PER_CODE_BYTE * len(contract.runtime_code) + _GAS_PER_CREATION_BYTE * len(code)
    count = node.request("eth_getTransactionCount", to_hex(deployer), "latest")
    address = created_address(deployer, wire.quantity(count, "eth_getTransactionCount"))
    included = sender.run(deployer, sign, [Call(None, code, gas, f"deploy {contract.name}")])[0]
    return address, included


def _grant(
    sender: Sender, registry: Address, deployer: Address, sign: Sign, registrar: Address, operators: Sequence[Address]
) -> None:
    """Register ``operators``; then hand both roles over, unless ``deployer`` is to keep them as the ``registrar``."""

    def call(signature: str, purpose: str, *words: bytes) -> Call:
        return Call(registry, calls.call(signature, *words), REGISTRY_GAS, purpose)

    steps = [
        call(calls.ADD_OPERATOR, f"add operator {to_hex(operator)}", calls.address_word(operator))
        for operator in dict.fromkeys(operators)
    ]
    if registrar != deployer:
        to, own = calls.address_word(registrar), calls.address_word(deployer)
        roles = (calls.REGISTRAR_ROLE, calls.DEFAULT_ADMIN_ROLE)
        steps += [call(calls.GRANT_ROLE, f"grant a role to {to_hex(registrar)}", role, to) for role in roles]
        steps += [call(calls.RENOUNCE_ROLE, "renounce the deployer's role", role, own) for role in roles]
    sender.run(deployer, sign, steps)


def _check_roles(registry: PartyRegistry, registrar: Address, operators: Sequence[Address]) -> None:
    newest = registry.node.newest().ref
    roles = (calls.REGISTRAR_ROLE, calls.DEFAULT_ADMIN_ROLE)
    granted = all(registry.has_role(role, registrar, newest) for role in roles)
    if not granted or not all(registry.is_operator(operator, newest) for operator in operators):
        message = f"deployment: expected registrar {to_hex(registrar)} and {len(operators)} operators to be registered."
        raise ChainInconsistent(message, todo="Deploy again; the node reported success without the effect.")
