"""Looks at a node and an account as an operator of the service wants to know them, without sending anything.

Rule: everything is asked raw and twice where it could contradict itself; the caller says what it means.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.chain import seal_gas, wire
from tallystick.chain.calls import REGISTRAR_ROLE
from tallystick.chain.contracts import PartyRegistry
from tallystick.chain.node import Node, Provider
from tallystick.chain.records import Deployment
from tallystick.chain.sender import Sender
from tallystick.chain.wire import NodeRefused
from tallystick.errors import TransactionFailed
from tallystick.protocol.types import Address, BlockRef, to_hex

TYPICAL_SUBJECTS = 50
"""Parties that a batch of the estimate touches, all new to the ledger."""


@dataclass(frozen=True, slots=True)
class Finality:
    """What the node answered when it was asked twice for ``finalized``: None where it does not know the tag."""

    newest: BlockRef
    first: BlockRef | None
    by_number: BlockRef | None
    """The block of the same number as the first answer."""
    second: BlockRef | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An account: whether it may seal and admit, what it has, and what a batch would cost it now (None: too much)."""

    is_operator: bool
    is_registrar: bool
    balance_wei: int
    batch_wei: int | None


class Probe:
    """The node behind ``provider``."""

    def __init__(self, provider: Provider, deployment: Deployment) -> None:
        self._node = Node(provider)
        self._deployment = deployment

    def newest(self) -> BlockRef:
        """The newest block."""
        return self._node.newest().ref

    def finality(self) -> Finality:
        """What the node says is final."""
        newest = self._node.newest().ref
        first = self._finalized()
        by_number = None
        if first is not None:
            header = self._node.header(first.number)
            by_number = None if header is None else header.ref
        return Finality(newest, first, by_number, self._finalized())

    def standing(self, account: Address) -> Standing:
        """How ``account`` stands in the newest block."""
        registry = PartyRegistry(self._node, self._deployment.registry)
        balance = wire.quantity(self._node.request("eth_getBalance", to_hex(account), "latest"), "eth_getBalance")
        return Standing(
            is_operator=registry.is_operator(account, None),
            is_registrar=registry.has_role(REGISTRAR_ROLE, account, None),
            balance_wei=balance,
            batch_wei=self._cost_of_a_batch(),
        )

    def _cost_of_a_batch(self) -> int | None:
        try:
            fees = Sender(self._node, self._deployment.chain_id).suggest_fees()
        except TransactionFailed:
            return None
        return seal_gas.most_gas(TYPICAL_SUBJECTS) * fees.max_fee_wei

    def _finalized(self) -> BlockRef | None:
        try:
            header = self._node.header("finalized")
        except NodeRefused:
            return None
        return None if header is None else header.ref
