"""Whether a node serves the chain of a deployment, tells what is final, and has the published contracts there."""

from __future__ import annotations

from tallystick.chain.artifacts import ContractName, load_artifact
from tallystick.chain.contracts import EvidenceLedger, ReceivableRegistry
from tallystick.chain.node import Node
from tallystick.chain.records import Deployment
from tallystick.chain.wire import NodeRefused
from tallystick.errors import ChainError, WrongChain
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, BlockRef, Hash, to_hex

LONG_CHAIN_BLOCKS = 1_000
"""A chain of so many blocks has a final one above the first, or its node does not tell finality."""
_SET_DEPTH = "Set finality_blocks in tallystick.toml: how many blocks on top of one make it final."


def check_chain(node: Node, deployment: Deployment) -> None:
    """Raises ``WrongChain`` unless ``node`` serves the chain of ``deployment`` and the published code is there."""
    check_network(node, deployment.chain_id, deployment.genesis_hash)
    newest = node.newest().ref
    contracts: tuple[tuple[ContractName, Address], ...] = (
        ("PartyRegistry", deployment.registry),
        ("EvidenceLedger", deployment.ledger),
        ("ReceivableRegistry", deployment.receivables),
    )
    for name, address in contracts:
        check_code(name, address, node.code(address, newest))
    links = (
        ("registry of the ledger", deployment.registry, EvidenceLedger(node, deployment.ledger).registry(newest)),
        (
            "ledger of the receivables",
            deployment.ledger,
            ReceivableRegistry(node, deployment.receivables).ledger(newest),
        ),
    )
    for link, expected, got in links:
        check_link(link, expected, got)


def check_network(node: Node, chain_id: int, genesis_hash: Hash) -> None:
    """Raises ``WrongChain`` unless ``node`` serves the chain ``chain_id`` that began with ``genesis_hash``."""
    todo = "Use a node of the chain the contracts were deployed on. A development chain made anew is another chain."
    served = node.chain_id()
    if served != chain_id:
        raise WrongChain(f"chain id: expected {chain_id}, got {served}.", todo=todo)
    genesis = node.block(0).hash
    if genesis != genesis_hash:
        raise WrongChain(f"genesis block: expected {to_hex(genesis_hash)}, got {to_hex(genesis)}.", todo=todo)


def check_finality(node: Node) -> None:
    """Raises ``ChainError`` unless what ``node`` calls ``finalized`` can be the final block of its chain.

    Nodes answer an error, null or the first block for ever where they don't know it (execution-apis issue 879).
    """
    final = finalized(node)
    newest = node.newest().ref
    if final.number == 0 and newest.number >= LONG_CHAIN_BLOCKS:
        message = f"node: expected a finalized block above 0 in a chain of {newest.number} blocks, got block 0."
        raise ChainError(message, todo=_SET_DEPTH)
    numbered = node.header(final.number)
    if numbered is None or numbered.ref.hash != final.hash:
        got = "none" if numbered is None else to_hex(numbered.ref.hash)
        raise ChainError(
            f"node: finalized block {final.number}: expected {to_hex(final.hash)} under its number, got {got}.",
            todo=f"Ask another node. {_SET_DEPTH}",
        )


def check_code(name: ContractName, address: Address, code: bytes) -> None:
    """Raises ``WrongChain`` unless ``code``, found at ``address``, is the published one of ``name``."""
    expected, got = load_artifact(name).runtime_code_hash, keccak256(code)
    if got != expected:
        found = f"code of hash {to_hex(got)}" if code else "no code"
        message = f"{name} at {to_hex(address)}: expected code of hash {to_hex(expected)}, got {found}."
        raise WrongChain(message, todo="Check the contract address and that node and package are of one version.")


def check_link(name: str, expected: Address, got: Address) -> None:
    """Raises ``WrongChain`` if a contract obeys another one, its ``name``, than ``expected``."""
    if got != expected:
        message = f"{name}: expected {to_hex(expected)}, got {to_hex(got)}."
        raise WrongChain(message, todo="Take all contract addresses from the same deployment.")


def finalized(node: Node) -> BlockRef:
    """What ``node`` calls ``finalized``. Raises ``ChainError`` where it calls none so."""
    try:
        header = node.header("finalized")
    except NodeRefused as error:
        raise _no_finality() from error
    if header is None:
        raise _no_finality()
    return header.ref


def _no_finality() -> ChainError:
    return ChainError("node: expected it to name a finalized block, got none.", todo=_SET_DEPTH)
