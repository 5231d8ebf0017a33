"""A simulated chain with the real adapter before it, and the trouble between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain.rigs import OPERATOR, OTHER_OPERATOR, REGISTRAR, Actor, appends
from simulation.chain import GWEI, SimulatedChain
from simulation.faults import Fault, Faults, Limits
from simulation.mempool import parse
from simulation.node import SimulatedNode
from simulation.troubled import Troubled
from tallystick.chain import calls, seal_gas
from tallystick.chain.ledger import EvmChain
from tallystick.chain.records import Append, SignedTransaction
from tallystick.chain.transactions import UnsignedTransaction, sign_transaction


@dataclass(frozen=True)
class Simulation:
    """``ledger`` asks through ``provider``, which may trouble it by ``faults``; ``honest`` asks the node itself."""

    chain: SimulatedChain
    node: SimulatedNode
    faults: Faults
    provider: Troubled
    ledger: EvmChain
    honest: EvmChain

    def ask(self, method: str, *params: Any) -> Any:
        """The true result of ``method``."""
        return self.node.make_request(method, params)["result"]

    def refusal(self, signed: SignedTransaction) -> str:
        """Why the node does not take ``signed``."""
        answer = self.node.make_request("eth_sendRawTransaction", ["0x" + signed.raw.hex()])
        return str(answer["error"]["message"])

    def send(self, signed: SignedTransaction) -> SignedTransaction:
        """Let ``signed`` wait."""
        self.node.chain.send(parse(signed.raw))
        return signed


def simulate(
    *,
    seed: int = 0,
    finality_depth: int = 8,
    auto_mine: bool = False,
    rates: Mapping[Fault, float] | None = None,
    limits: Limits | None = None,
    **options: Any,
) -> Simulation:
    """A fresh simulation of ``seed``; ``options`` are the chain's."""
    operators = [OPERATOR.address, OTHER_OPERATOR.address]
    chain = SimulatedChain(REGISTRAR.address, operators, seed=seed, finality_depth=finality_depth, **options)
    node = SimulatedNode(chain, auto_mine=auto_mine)
    faults = Faults(seed, rates, limits=limits)
    provider = Troubled(node, faults)
    return Simulation(
        chain, node, faults, provider, EvmChain(provider, chain.deployment), EvmChain(node, chain.deployment)
    )


def sign_seal(
    simulation: Simulation,
    batch_id: int,
    batch: Sequence[Append] | None = None,
    *,
    operator: Actor = OPERATOR,
    nonce: int | None = None,
    tip_wei: int = GWEI,
    max_fee_wei: int = 3 * GWEI,
) -> SignedTransaction:
    """A signed ``seal`` of batch ``batch_id``, whose nonce is the same number unless given; never tried."""
    content = appends("buyer", "supplier") if batch is None else batch
    deployment = simulation.chain.deployment
    transaction = UnsignedTransaction(
        deployment.chain_id,
        batch_id if nonce is None else nonce,
        tip_wei,
        max_fee_wei,
        seal_gas.most_gas(len(content)),
        deployment.ledger,
        calls.seal_call(batch_id, content),
    )
    return sign_transaction(transaction, operator.address, operator.sign)
