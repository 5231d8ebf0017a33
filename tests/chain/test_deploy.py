"""Deploying: code, roles and operators as they must be, or an error."""

from __future__ import annotations

import pytest

from chain.rigs import DEPLOYER, OPERATOR, OTHER_OPERATOR, REGISTRAR, STRANGER, Actor
from tallystick.chain import calls
from tallystick.chain.contracts import PartyRegistry
from tallystick.chain.deploy import deploy
from tallystick.chain.embedded import EmbeddedProvider
from tallystick.chain.ledger import EvmChain
from tallystick.chain.node import Node
from tallystick.errors import MalformedInput, TransactionFailed, WrongSigner
from tallystick.protocol.types import Address

ROLES = (calls.REGISTRAR_ROLE, calls.DEFAULT_ADMIN_ROLE)


def test_a_deployer_without_means_fails(provider: EmbeddedProvider) -> None:
    """An account that can't pay for gas deploys nothing, and the error says what the node said."""
    pauper = Actor("pauper")
    with pytest.raises(TransactionFailed, match="was refused"):
        deploy(provider, pauper.address, pauper.sign, REGISTRAR.address, [])


def test_a_deployers_key_must_be_its_own(provider: EmbeddedProvider) -> None:
    """Another key than the deployer's is noticed before anything is sent."""
    with pytest.raises(WrongSigner):
        deploy(provider, DEPLOYER.address, STRANGER.sign, REGISTRAR.address, [])
    assert Node(provider).newest().ref.number == 0


def test_the_zero_address_is_refused(provider: EmbeddedProvider) -> None:
    """The zero address can't become an operator or the registrar: nothing is sent for it."""
    nobody = Address(bytes(20))
    with pytest.raises(MalformedInput, match="operator: expected an account"):
        deploy(provider, DEPLOYER.address, DEPLOYER.sign, REGISTRAR.address, [OPERATOR.address, nobody])
    with pytest.raises(MalformedInput, match="registrar: expected an account"):
        deploy(provider, DEPLOYER.address, DEPLOYER.sign, nobody, [OPERATOR.address])
    assert Node(provider).newest().ref.number == 0


def test_the_registrar_ends_up_with_all_roles(provider: EmbeddedProvider) -> None:
    """After a deployment the registrar holds both roles, the deployer none, and the operators may seal."""
    operators = [OPERATOR.address, OTHER_OPERATOR.address]
    deployment = deploy(provider, DEPLOYER.address, DEPLOYER.sign, REGISTRAR.address, operators)
    node = Node(provider)
    registry, newest = PartyRegistry(node, deployment.registry), node.newest().ref
    assert [registry.has_role(role, REGISTRAR.address, newest) for role in ROLES] == [True, True]
    assert [registry.has_role(role, DEPLOYER.address, newest) for role in ROLES] == [False, False]
    assert [registry.is_operator(operator, newest) for operator in operators] == [True, True]
    assert not registry.is_operator(STRANGER.address, newest)
    assert deployment.block_number == 1
    EvmChain(provider, deployment).check()


def test_a_registrar_may_deploy_for_itself(provider: EmbeddedProvider) -> None:
    """When deployer and registrar are one account, it keeps its roles."""
    deployment = deploy(provider, REGISTRAR.address, REGISTRAR.sign, REGISTRAR.address, [OPERATOR.address] * 2)
    node = Node(provider)
    registry = PartyRegistry(node, deployment.registry)
    assert all(registry.has_role(role, REGISTRAR.address, node.newest().ref) for role in ROLES)
