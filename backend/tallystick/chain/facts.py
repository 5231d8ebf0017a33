"""What an auditor asks a node besides the ledger's logs: the registry's other events, and storage slots by themselves.

Rule: each of these events says what one storage slot of the registry holds from then on, so that events and storage can
be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.chain import calls, events, wire
from tallystick.chain.logs import scan_logs
from tallystick.chain.node import Node, Provider
from tallystick.chain.records import Deployment
from tallystick.errors import ChainInconsistent, MalformedInput
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.slots import REGISTRAR_ROLE, admitted_slot, operator_slot, role_slot
from tallystick.protocol.types import Address, BlockRef, PartyId, to_hex

PARTY_ADMITTED = keccak256(b"PartyAdmitted(bytes32,address,uint64)")
OPERATOR_REMOVED = keccak256(b"OperatorRemoved(address,address)")
ROLE_REVOKED = keccak256(b"RoleRevoked(bytes32,address,address)")

OPERATOR = "operator"
_ROLE_NAMES = {REGISTRAR_ROLE: "registrar", calls.DEFAULT_ADMIN_ROLE: "administrator"}
_TOPICS = (
    *(PARTY_ADMITTED, events.OPERATOR_ADDED, OPERATOR_REMOVED),
    *(events.ROLE_GRANTED, ROLE_REVOKED),
)


@dataclass(frozen=True, slots=True)
class RegistryFact:
    """An event: ``holder`` (party or account) is a ``role``, or is not; ``slot`` holds ``value`` from ``block`` on."""

    role: str
    holder: bytes
    slot: bytes
    value: int
    block: BlockRef


class ChainFacts:
    """The registry of ``deployment`` and the state of the chain, as the node behind ``provider`` tells them."""

    def __init__(self, provider: Provider, deployment: Deployment) -> None:
        self._node = Node(provider)
        self._deployment = deployment

    def registry_facts(self, first_block: int, last_block: int) -> list[RegistryFact]:
        """Who was admitted, made or unmade operator, given or taken a role, in these blocks inclusive, in chain order.

        Raises:
            ChainInconsistent: the logs contradict the headers, the question or the events' form.
        """
        facts = []
        for log, block in scan_logs(self._node, self._deployment.registry, _TOPICS, first_block, last_block):
            try:
                facts.append(decode_fact(log.topics, log.data, block))
            except MalformedInput as error:
                raise ChainInconsistent(
                    f"node: log in block {block.number}: {error.message}", todo="Ask another node."
                ) from error
        return facts

    def slot(self, address: Address, slot: bytes, block: BlockRef) -> int:
        """The value of the 32-byte storage ``slot`` of ``address`` at ``block``."""
        value = self._node.read_at("eth_getStorageAt", to_hex(address), to_hex(slot), block=block)
        return int.from_bytes(wire.data(value, "eth_getStorageAt", 32), "big")


def decode_fact(topics: Sequence[bytes], data: bytes, block: BlockRef) -> RegistryFact:
    """The fact of an event's ``topics`` and ``data``. Raises ``MalformedInput`` for any other event."""
    kind = topics[0] if topics else b""
    if kind == PARTY_ADMITTED and len(topics) == 3:
        party, admitted_at = PartyId(topics[1]), calls.uint(data, 64, "admittedAt")
        if admitted_at != block.timestamp:
            raise MalformedInput(f"PartyAdmitted: expected time {block.timestamp} of its block, got {admitted_at}.")
        return RegistryFact("party", party, admitted_slot(party), admitted_at, block)
    if kind in (events.OPERATOR_ADDED, OPERATOR_REMOVED) and len(topics) == 3 and not data:
        account = calls.address(topics[1], "operator")
        return RegistryFact(OPERATOR, account, operator_slot(account), int(kind == events.OPERATOR_ADDED), block)
    if kind in (events.ROLE_GRANTED, ROLE_REVOKED) and len(topics) == 4 and not data:
        role, account = topics[1], calls.address(topics[2], "account")
        name = _ROLE_NAMES.get(role, to_hex(role))
        return RegistryFact(name, account, role_slot(role, account), int(kind == events.ROLE_GRANTED), block)
    raise MalformedInput(f"registry: expected one of its events, got one with {len(topics)} topics.")
