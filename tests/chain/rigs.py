"""Chains to test against, with the actors that send to them.

A rig is one fresh deployment on one kind of chain: in memory, simulated behind a simulated node, embedded, behind HTTP,
or on anvil where installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from web3.providers.base import BaseProvider

from hardhat_free_devnet.config import DevnetConfig
from hardhat_free_devnet.node import DevNode
from hardhat_free_devnet.server import serve_in_background
from nodes import NoNode, anvil, fund
from simulation.chain import SimulatedChain
from simulation.node import SimulatedNode
from tallystick.chain.deploy import deploy
from tallystick.chain.embedded import EmbeddedProvider, open_embedded
from tallystick.chain.ledger import EvmChain
from tallystick.chain.memory import MemoryChain
from tallystick.chain.node import Provider
from tallystick.chain.records import Append, Inclusion, SignedTransaction
from tallystick.chain.rpc import open_http
from tallystick.protocol import signing
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, Hash, PartyId, Timestamp
from tallystick.service.ports import Chain

GENESIS_TIMESTAMP = Timestamp(1_700_000_000)
KINDS = ("memory", "simulated", "embedded", "http", "anvil")


@dataclass(frozen=True)
class Actor:
    """Someone with one key, named by ``role``."""

    role: str
    private_key: bytes = field(init=False, repr=False)
    address: Address = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "private_key", keccak256(b"tallystick/tests/" + self.role.encode()))
        object.__setattr__(self, "address", signing.private_key_address(self.private_key))

    def sign(self, digest: bytes) -> bytes:
        return signing.sign(digest, self.private_key)


DEPLOYER, REGISTRAR = Actor("deployer"), Actor("registrar")
OPERATOR, OTHER_OPERATOR = Actor("operator"), Actor("other operator")
SUPPLIER, BUYER, STRANGER = Actor("supplier"), Actor("buyer"), Actor("stranger")
FUNDED = {actor.address: 10**22 for actor in (DEPLOYER, REGISTRAR, OPERATOR, OTHER_OPERATOR, SUPPLIER, BUYER, STRANGER)}


@dataclass(frozen=True)
class Rig:
    """A deployment with ``OPERATOR`` and ``OTHER_OPERATOR``; ``set_next_timestamp`` dates the next block."""

    chain: Chain
    set_next_timestamp: Callable[[Timestamp], None]


def party(name: str) -> PartyId:
    return PartyId(keccak256(b"party " + name.encode()))


def append(name: str, count: int = 1) -> Append:
    return Append(party(name), Hash(keccak256(b"root " + name.encode() + bytes([count]))), count)


def appends(*names: str) -> list[Append]:
    """One append for each party of ``names``, in the order that the ledger wants."""
    return sorted((append(name) for name in names), key=lambda item: item.subject)


def seal(chain: Chain, operator: Actor, batch: list[Append]) -> int:
    """Seal ``batch`` as the operator's next and return the number of its block."""
    signed = sign_seal(chain, operator, chain.next_batch(operator.address, None), batch)
    chain.send(signed.raw)
    inclusion = included(chain, signed)
    assert inclusion.succeeded
    return inclusion.block.number


def sign_seal(chain: Chain, operator: Actor, batch_id: int, batch: list[Append]) -> SignedTransaction:
    """The signed ``seal`` of ``batch`` as the operator's next transaction, at what the chain suggests to offer."""
    nonce, fees = chain.account(operator.address).nonce, chain.suggest_fees()
    return chain.sign_seal(operator.address, operator.sign, batch_id, batch, nonce, fees)


def included(chain: Chain, signed: SignedTransaction) -> Inclusion:
    """Where ``signed``, which was sent, is included: anvil answers a moment before it has mined."""
    deadline = time.monotonic() + 10
    while (inclusion := chain.inclusion(signed.hash)) is None:
        assert time.monotonic() < deadline, "not included within ten seconds"
        time.sleep(0.01)
    return inclusion


@contextmanager
def open_rig(kind: str) -> Iterator[Rig]:
    """A fresh rig of ``kind``; skips the test where its program is not installed."""
    if kind == "memory":
        chain = MemoryChain(
            REGISTRAR.address, [OPERATOR.address, OTHER_OPERATOR.address], genesis_timestamp=GENESIS_TIMESTAMP
        )
        yield Rig(chain, chain.set_next_timestamp)
    elif kind == "simulated":
        operators = [OPERATOR.address, OTHER_OPERATOR.address]
        simulated = SimulatedChain(
            REGISTRAR.address, operators, genesis_timestamp=GENESIS_TIMESTAMP, deployment_block=1
        )
        node = SimulatedNode(simulated, auto_mine=True)
        yield Rig(EvmChain(node, simulated.deployment), simulated.clock.move_to)
    elif kind == "embedded":
        provider = open_memory_provider()
        yield Rig(deploy_on(provider), provider.set_next_timestamp)
        provider.close()
    elif kind == "http":
        funded: dict[bytes, int] = {bytes(address): wei for address, wei in FUNDED.items()}
        config = DevnetConfig(funded=funded, genesis_timestamp=GENESIS_TIMESTAMP)
        with DevNode.open(None, config) as node, serve_in_background(node) as url:
            http = open_http(url)
            yield Rig(deploy_on(http), lambda timestamp: set_timestamp(http, timestamp))
    else:
        with _anvil() as anvil:
            yield Rig(deploy_on(anvil, finality_depth=0), lambda timestamp: set_timestamp(anvil, timestamp))


@contextmanager
def open_provider(kind: str) -> Iterator[Provider]:
    """An embedded chain in memory, or an anvil, without the contracts; skips the test where anvil is not installed."""
    if kind == "anvil":
        with _anvil() as anvil:
            yield anvil
        return
    embedded = open_memory_provider()
    yield embedded
    embedded.close()


def open_memory_provider() -> EmbeddedProvider:
    return open_embedded(None, funded=FUNDED, genesis_timestamp=GENESIS_TIMESTAMP)


def deploy_on(provider: BaseProvider, *, finality_depth: int | None = None) -> EvmChain:
    operators = [OPERATOR.address, OTHER_OPERATOR.address]
    deployment = deploy(provider, DEPLOYER.address, DEPLOYER.sign, REGISTRAR.address, operators)
    return EvmChain(provider, deployment, finality_depth=finality_depth)


def set_timestamp(provider: BaseProvider, timestamp: Timestamp) -> None:
    response = provider.make_request("evm_setNextBlockTimestamp", [hex(timestamp)])  # type: ignore[arg-type]
    assert "error" not in response, response


@contextmanager
def _anvil() -> Iterator[BaseProvider]:
    try:
        with anvil("--timestamp", str(GENESIS_TIMESTAMP), "--accounts", "1") as url:
            fund(url, FUNDED)
            yield open_http(url)
    except NoNode as error:
        pytest.skip(str(error))
