"""A deployment that outlives its process: its plan stands in the address file before the first transaction.

::

    no file --plan--> planned --carry out, as often as it takes--> complete --again--> checked, nothing sent

Whoever orders the same again goes on; whoever orders something else for the same file is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tallystick.chain.address_file import (
    MAX_FILE_BYTES,
    AddressFile,
    check_published,
    format_address_file,
    parse_address_file,
    published_hashes,
)
from tallystick.chain.checks import check_network
from tallystick.chain.deploy import Report, carry_out, check_roles, find_deployment, plan_deployment, silent
from tallystick.chain.node import Node, Provider
from tallystick.chain.records import Deployment
from tallystick.chain.transactions import Sign
from tallystick.errors import ChainInconsistent, UsageError, WrongChain
from tallystick.protocol.types import Address, to_hex


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be deployed; ``chain_id`` None: on whatever chain the node serves."""

    deployer: Address
    registrar: Address
    operators: tuple[Address, ...]
    chain_id: int | None = None


def plan_for(provider: Provider, order: Order, path: Path) -> AddressFile:
    """The plan in the file at ``path`` where there is one, else a new one; nothing is written or sent.

    Raises:
        UsageError: the file was made for another order, or can't be read.
        MalformedInput: it is no address file, or the order names the zero address.
        WrongChain: the node serves another chain than the order or the file names, or the code is of another version.
    """
    content = _read(path)
    if content is None:
        plan = plan_deployment(provider, order.deployer, order.registrar, order.operators)
        if order.chain_id not in (None, plan.chain_id):
            raise WrongChain(
                f"chain id: expected {order.chain_id}, as ordered, got {plan.chain_id} from the node.",
                todo="Use a node of that chain.",
            )
        return AddressFile(plan, published_hashes())
    file = parse_address_file(content, str(path))
    _check_order(file, order, path)
    check_network(Node(provider), file.plan.chain_id, file.plan.genesis_hash)
    check_published(file)
    return file


def finish(provider: Provider, file: AddressFile, path: Path, sign: Sign, report: Report = silent) -> AddressFile:
    """Keep ``file`` at ``path``, do what is left of its plan, and keep it there as complete; if it is, only check.

    Raises:
        UsageError: the file can't be written; then nothing was sent.
        ChainError: as ``carry_out``; finishing it again goes on.
    """
    if file.is_complete:
        check_complete(provider, file)
        check_roles(provider, file.plan)
        return file
    _write(path, file)
    deployment = carry_out(provider, file.plan, sign, report=report)
    done = replace(file, block_number=deployment.block_number)
    _write(path, done)
    return done


def check_complete(provider: Provider, file: AddressFile) -> Deployment:
    """The deployment that ``file`` tells of, found on the chain just as it says.

    Raises:
        MalformedInput: the file is only planned.
        WrongChain: another chain, contracts with other code than published, or linked otherwise.
        ChainInconsistent: the registry was created in another block.
    """
    deployment = file.deployment()
    check_published(file)
    found = find_deployment(provider, file.plan)
    if found != deployment:
        expected, got = found.block_number, deployment.block_number
        raise ChainInconsistent(
            f"deployment: blockNumber: expected {expected}, as the chain says, got {got}.",
            todo="Correct it in the file, if the chain was reorganised since; else ask another node.",
        )
    return deployment


def _check_order(file: AddressFile, order: Order, path: Path) -> None:
    plan = file.plan
    chain_id = plan.chain_id if order.chain_id is None else order.chain_id
    compared = (
        ("deployer", to_hex(plan.deployer), to_hex(order.deployer)),
        ("registrar", to_hex(plan.registrar), to_hex(order.registrar)),
        ("operators", _names(plan.operators), _names(order.operators)),
        ("chain id", str(plan.chain_id), str(chain_id)),
    )
    for name, planned, ordered in compared:
        if planned != ordered:
            raise UsageError(
                f"{path}: {name}: expected {planned}, as planned there, got {ordered}.",
                todo="Give what was planned, or name another file for another deployment.",
            )


def _names(accounts: tuple[Address, ...]) -> str:
    return ", ".join(to_hex(account) for account in sorted(set(accounts))) or "none"


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror}).", todo="Name another file.") from error


def _write(path: Path, file: AddressFile) -> None:
    """Put ``file`` at ``path``, whole, and on the disk before this returns: transactions follow it."""
    beside = path.with_name(f"{path.name}.new")
    with _writing(path):
        with beside.open("wb") as stream:
            stream.write(format_address_file(file))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
        names = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(names)
        finally:
            os.close(names)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror}).", todo="Name another file.") from error
