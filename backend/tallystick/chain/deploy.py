"""Putting the contracts on a chain: planned first, carried out step by step, and gone on with after a crash.

::

    plan --> create registry, ledger, receivables --> add operators --> grant both roles --> renounce both roles
             (nonces n, n+1, n+2 of the deployer)                       to the registrar     of the deployer

- An address follows from its creator and the creator's nonce, so a plan knows all three before anything is sent.
- A step is sent only where the chain does not show it done: a plan carried out twice sends nothing twice.
- The deployer renounces its roles only when the chain shows that the registrar has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tallystick.chain import calls, events
from tallystick.chain.artifacts import ContractName, load_artifact
from tallystick.chain.checks import check_chain, check_code, check_link, check_network
from tallystick.chain.contracts import EvidenceLedger, PartyRegistry, ReceivableRegistry
from tallystick.chain.ledger import REGISTRY_GAS
from tallystick.chain.logs import scan_logs
from tallystick.chain.node import Node, Provider
from tallystick.chain.records import Deployment, Inclusion
from tallystick.chain.sender import (
    DEFAULT_INCLUSION_TIMEOUT_SECONDS,
    DEFAULT_MAX_FEE_PER_GAS_WEI,
    Call,
    Sender,
)
from tallystick.chain.transactions import Sign, created_address
from tallystick.errors import ChainError, ChainInconsistent, MalformedInput
from tallystick.protocol.types import Address, Hash, to_hex

Report = Callable[[str], None]
"""Called with one line a step: what it did, or that it was done before."""

_ROLES = (calls.REGISTRAR_ROLE, calls.DEFAULT_ADMIN_ROLE)
_ROLE_NAMES = {calls.REGISTRAR_ROLE: "REGISTRAR_ROLE", calls.DEFAULT_ADMIN_ROLE: "DEFAULT_ADMIN_ROLE"}
_CREATION_BASE_GAS = 250_000
_GAS_PER_CODE_BYTE = 200
_GAS_PER_CREATION_BYTE = 18


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """What one deployment will be, decided before anything is sent; ``operators`` ascend, each once.

    ``first_nonce`` is the nonce of ``deployer`` that creates the registry; no contract is older than ``from_block``.
    Making one raises ``MalformedInput`` where the registrar or an operator is the zero address: a ledger handed over
    to nobody is lost.
    """

    chain_id: int
    genesis_hash: Hash
    deployer: Address
    first_nonce: int
    registrar: Address
    operators: tuple[Address, ...]
    from_block: int

    def __post_init__(self) -> None:
        for role, account in (("registrar", self.registrar), *(("operator", item) for item in self.operators)):
            if not any(account):
                message = f"{role}: expected an account, got the zero address."
                raise MalformedInput(message, todo=f"Give the address of the {role}.")
        if list(self.operators) != sorted(set(self.operators)):
            raise MalformedInput("operators: expected them in ascending order, each once.", todo="Sort them.")

    @property
    def registry(self) -> Address:
        """Where the PartyRegistry will be."""
        return created_address(self.deployer, self.first_nonce)

    @property
    def ledger(self) -> Address:
        """Where the EvidenceLedger will be."""
        return created_address(self.deployer, self.first_nonce + 1)

    @property
    def receivables(self) -> Address:
        """Where the ReceivableRegistry will be."""
        return created_address(self.deployer, self.first_nonce + 2)

    @property
    def addresses(self) -> dict[ContractName, Address]:
        """The address of each contract, in the order of their creation."""
        return {
            "PartyRegistry": self.registry,
            "EvidenceLedger": self.ledger,
            "ReceivableRegistry": self.receivables,
        }

    def deployment(self, block_number: int) -> Deployment:
        """The deployment that this plan became, with the registry created in block ``block_number``."""
        contracts = self.registry, self.ledger, self.receivables
        return Deployment(self.chain_id, self.genesis_hash, *contracts, block_number)


def silent(line: str) -> None:
    """A ``Report`` that nobody reads."""


def plan_deployment(
    provider: Provider, deployer: Address, registrar: Address, operators: Sequence[Address]
) -> DeploymentPlan:
    """The plan of a deployment from ``deployer`` as its account stands now; sends nothing.

    Raises:
        MalformedInput: the registrar or an operator is the zero address.
    """
    node = Node(provider)
    chain_id = node.chain_id()
    return DeploymentPlan(
        chain_id=chain_id,
        genesis_hash=node.block(0).hash,
        deployer=deployer,
        first_nonce=Sender(node, chain_id).next_nonce(deployer),
        registrar=registrar,
        operators=tuple(sorted(set(operators))),
        from_block=node.newest().ref.number,
    )


def carry_out(
    provider: Provider,
    plan: DeploymentPlan,
    sign: Sign,
    *,
    report: Report = silent,
    max_fee_per_gas_wei: int = DEFAULT_MAX_FEE_PER_GAS_WEI,
    inclusion_timeout_seconds: float = DEFAULT_INCLUSION_TIMEOUT_SECONDS,
) -> Deployment:
    """Do whatever of ``plan`` the chain does not show done, and return the deployment when all of it is.

    ``sign`` holds the key of the plan's deployer, which may be the registrar. Waits for inclusion, not for finality.

    Raises:
        TransactionFailed: a transaction reverted or was not included in time; carrying out the plan again goes on.
        WrongChain: another chain than the plan's, or other code at one of its addresses.
        ChainError: the deployer sent something else before all contracts were created: the plan can't be kept.
    """
    node = Node(provider)
    check_network(node, plan.chain_id, plan.genesis_hash)
    sender = Sender(
        node,
        plan.chain_id,
        max_fee_per_gas_wei=max_fee_per_gas_wei,
        inclusion_timeout_seconds=inclusion_timeout_seconds,
    )
    work = _Work(node, sender, plan, sign, report)
    work.create_contracts()
    work.add_operators()
    work.hand_over()
    deployment = find_deployment(provider, plan)
    check_roles(provider, plan)
    return deployment


def deploy(
    provider: Provider, deployer: Address, sign: Sign, registrar: Address, operators: Sequence[Address]
) -> Deployment:
    """Plan a deployment and carry it out in one go. Raises as ``plan_deployment`` and ``carry_out``."""
    return carry_out(provider, plan_deployment(provider, deployer, registrar, operators), sign)


def find_deployment(provider: Provider, plan: DeploymentPlan) -> Deployment:
    """The deployment that ``plan`` became: published code, linked as it must be, and the block it began in.

    Raises:
        WrongChain: another chain, no contracts yet, or other ones.
        ChainInconsistent: the node does not know how the registry was created.
    """
    node = Node(provider)
    check_chain(node, plan.deployment(plan.from_block))
    return plan.deployment(_creation_block(node, plan))


def check_roles(provider: Provider, plan: DeploymentPlan) -> None:
    """Raises ``ChainInconsistent`` unless the chain shows the roles and operators of ``plan``."""
    registry = PartyRegistry(Node(provider), plan.registry)
    newest = registry.node.newest().ref
    lacking = [
        *(f"operator {to_hex(item)}" for item in plan.operators if not registry.is_operator(item, newest)),
        *(
            f"registrar {to_hex(plan.registrar)} with {_ROLE_NAMES[role]}"
            for role in _ROLES
            if not registry.has_role(role, plan.registrar, newest)
        ),
    ]
    kept = [role for role in _ROLES if registry.has_role(role, plan.deployer, newest)]
    if plan.deployer != plan.registrar:
        lacking += [f"deployer {to_hex(plan.deployer)} without {_ROLE_NAMES[role]}" for role in kept]
    if lacking:
        raise ChainInconsistent(
            f"deployment: expected {', '.join(lacking)} at block {newest.number}, got otherwise.",
            todo="If the registrar changed it since, all is well; else ask another node.",
        )


def _creation_block(node: Node, plan: DeploymentPlan) -> int:
    """The block of the registry's creation: the one of its first event, by which the deployer became admin."""
    deployer = calls.address_word(plan.deployer)
    created = (events.ROLE_GRANTED, calls.DEFAULT_ADMIN_ROLE, deployer, deployer)
    last = node.newest().ref.number
    for log, block in scan_logs(node, plan.registry, [events.ROLE_GRANTED], plan.from_block, last):
        if log.topics != created:
            break
        return block.number
    raise ChainInconsistent(
        f"PartyRegistry at {to_hex(plan.registry)}: expected the event of its creation first, in blocks "
        f"{plan.from_block} to {last}, got none or another.",
        todo="Check the plan's first block, wait until the node has indexed its logs, or ask another node.",
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """``plan`` under way: ``sender`` sends for its deployer, whose key ``sign`` holds; ``report`` is told each step."""

    node: Node
    sender: Sender
    plan: DeploymentPlan
    sign: Sign
    report: Report

    def create_contracts(self) -> None:
        """Create what is missing of the three contracts, in their order."""
        plan, node = self.plan, self.node
        self._create("PartyRegistry", 0, calls.address_word(plan.deployer) * 2)
        self._create("EvidenceLedger", 1, calls.address_word(plan.registry))
        check_link("registry of the ledger", plan.registry, EvidenceLedger(node, plan.ledger).registry(None))
        self._create("ReceivableRegistry", 2, calls.address_word(plan.ledger))
        check_link("ledger of the receivables", plan.ledger, ReceivableRegistry(node, plan.receivables).ledger(None))

    def add_operators(self) -> None:
        """Register the operators that are not yet."""
        missing = [operator for operator in self.plan.operators if not self._registry.is_operator(operator, None)]
        self._send(
            (f"add operator {to_hex(operator)}", calls.call(calls.ADD_OPERATOR, calls.address_word(operator)))
            for operator in missing
        )

    def hand_over(self) -> None:
        """Both roles to the registrar, then none left with the deployer; nothing where the two are one account."""
        plan = self.plan
        if plan.registrar == plan.deployer:
            return
        to, own = calls.address_word(plan.registrar), calls.address_word(plan.deployer)
        self._send(
            (f"grant {_ROLE_NAMES[role]} to {to_hex(plan.registrar)}", calls.call(calls.GRANT_ROLE, role, to))
            for role in _ROLES
            if not self._registry.has_role(role, plan.registrar, None)
        )
        # Whoever renounces before the other has the role leaves a ledger that nobody can ever administer.
        if not all(self._registry.has_role(role, plan.registrar, None) for role in _ROLES):
            message = f"deployment: expected {to_hex(plan.registrar)} to hold both roles by now, got otherwise."
            raise ChainInconsistent(message, todo="Carry out the same plan again, through another node.")
        self._send(
            (f"renounce {_ROLE_NAMES[role]} of the deployer", calls.call(calls.RENOUNCE_ROLE, role, own))
            for role in _ROLES
            if self._registry.has_role(role, plan.deployer, None)
        )

    @property
    def _registry(self) -> PartyRegistry:
        return PartyRegistry(self.node, self.plan.registry)

    def _create(self, name: ContractName, position: int, arguments: bytes) -> None:
        """Create the contract ``name`` with the constructor's ``arguments`` (ABI words), unless it is there."""
        plan, address = self.plan, self.plan.addresses[name]
        purpose = f"create {name} at {to_hex(address)}"
        if code := self.node.code(address, None):
            check_code(name, address, code)
            self.report(f"{purpose}: there already")
            return
        nonce, planned = self.sender.next_nonce(plan.deployer), plan.first_nonce + position
        if nonce != planned:
            raise ChainError(
                f"{purpose}: expected nonce {planned} of {to_hex(plan.deployer)}, got {nonce}: that account sent "
                "something else since the plan was made, or a creation failed.",
                todo="Make a new plan: its contracts have other addresses.",
            )
        artifact = load_artifact(name)
        data = artifact.bytecode + arguments
        gas = _CREATION_BASE_GAS + _GAS_PER_CODE_BYTE * len(artifact.runtime_code) + _GAS_PER_CREATION_BYTE * len(data)
        self._tell(purpose, self.sender.create(plan.deployer, self.sign, Call(None, data, gas, purpose), nonce))
        check_code(name, address, self.node.code(address, None))

    def _send(self, steps: Iterable[tuple[str, bytes]]) -> None:
        """Send the calls of the registry, each with its purpose, that must not depend on each other."""
        call_list = [Call(self.plan.registry, data, REGISTRY_GAS, purpose) for purpose, data in steps]
        for call in call_list:
            self.sender.try_call(self.plan.deployer, call)
        for call, inclusion in zip(call_list, self.sender.run(self.plan.deployer, self.sign, call_list), strict=True):
            self._tell(call.purpose, inclusion)

    def _tell(self, purpose: str, inclusion: Inclusion) -> None:
        where = f"block {inclusion.block.number}, {inclusion.gas_used:,} gas"
        self.report(f"{purpose}: {where}, transaction {to_hex(inclusion.transaction_hash)}")
