"""Puts an audit together: the ledger that is meant, the node, the archive, the database, and where the state is kept.

Rules:

- the auditor needs neither a home nor a key, but its age key where the archive is encrypted;
- one audit works in a directory at a time; its processes each open their own desk there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tallystick import bootstrap
from tallystick.config import HomeLock, SystemClock, SystemEntropy
from tallystick.errors import MalformedInput, NotFound, TallystickError, UsageError
from tallystick.limits import Limits
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.types import Address, to_hex
from tallystick.service.context import Context, Progress

if TYPE_CHECKING:
    from tallystick.chain.node import Provider
    from tallystick.service.audit.desk import Desk
    from tallystick.service.audit.replay import Replay
    from tallystick.service.ports import Store
    from tallystick.store.archive import ArchiveWriter


def archive_writer(directory: Path, recipient: str | None) -> ArchiveWriter:
    """Writes an archive into ``directory``, encrypted to the age public key ``recipient`` where one is given."""
    from tallystick.store.archive import ArchiveWriter

    return ArchiveWriter(directory, recipient)


@dataclass(frozen=True)
class AuditOrder:
    """What is to be audited, and by what: see ``tallystick audit replay --help``."""

    rpc_url: str
    work: Path
    """Where the state of the replay is kept."""
    archives: Sequence[Path] = ()
    contracts: bytes | None = None
    """The address file of the ledger; None: the first archive that can be read says which one it is."""
    ledger: Address | None = None
    identity: bytes | None = None
    from_block: int | None = None
    finality_blocks: int | None = None
    database_urls: Sequence[str] = ()
    jobs: int = 1


@contextmanager
def open_audit(order: AuditOrder, progress: Progress, provider: Provider | None = None) -> Iterator[Replay]:
    """A replay as ``order`` says, through ``provider`` or the node at its URL, until the block ends.

    Raises:
        UsageError: nothing says which ledger, or another than ``order`` names. HomeInUse: another audit works there.
        WrongChain: the node serves another chain.
    """
    from tallystick.chain.checks import check_network
    from tallystick.chain.facts import ChainFacts
    from tallystick.chain.ledger import EvmChain
    from tallystick.chain.node import Node as ChainNode
    from tallystick.chain.rpc import open_http
    from tallystick.keys.memory import MemoryKeystore
    from tallystick.service.audit.replay import Replay

    deployment = _audited(order)
    used = provider or open_http(order.rpc_url)
    check_network(ChainNode(used), deployment.chain_id, deployment.genesis_hash)
    with ExitStack() as stack:
        try:
            order.work.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{order.work}: can't be made ({error.strerror}).", todo="Name another --work.") from error
        stack.enter_context(HomeLock(order.work / "lock", bootstrap.LOCK_TIMEOUT_SECONDS))
        for url in order.database_urls:
            _refuse_missing(url)
        open_own = partial(open_desk, order.work, order.archives, order.identity, order.database_urls)
        desk = open_own()
        stack.callback(desk.close)
        with desk.store.transaction() as transaction:
            transaction.set_deployment(deployment)
        context = Context(
            store=desk.store,
            chain=EvmChain(used, deployment, finality_depth=order.finality_blocks),
            keys=MemoryKeystore(),
            clock=SystemClock(),
            entropy=SystemEntropy(),
            # an auditor has no key, admits nobody and seals nothing
            network_key=bytes(32),
            registrar=None,
            operator=Address(bytes(20)),
            code_hashes=bootstrap.published_code_hashes(),
            limits=Limits(),
        )
        yield Replay(context, ChainFacts(used, deployment), desk, open_own, order.jobs, progress)


def open_desk(work: Path, archives: Sequence[Path], identity: bytes | None, database_urls: Sequence[str]) -> Desk:
    """The desk of the audit whose state is in ``work``, in this process."""
    from tallystick.service.audit.desk import Desk
    from tallystick.store.archive import ArchiveReader, parse_identity
    from tallystick.store.sql import open_store
    from tallystick.store.workbook import Workbook

    key = None if identity is None else parse_identity(identity)
    readers = [ArchiveReader(archive, key) for archive in archives]
    databases: list[Store] = []
    try:
        databases += map(open_store, database_urls)
        return Desk(open_store(work / "chain.sqlite3"), Workbook(work / "entries.sqlite3"), readers, databases)
    except BaseException:
        for database in databases:
            database.close()
        raise


def _audited(order: AuditOrder) -> Deployment:
    """The deployment that is to be audited."""
    from tallystick.chain.address_file import check_published, parse_address_file

    if order.contracts is not None:
        file = parse_address_file(order.contracts, "--contracts")
        check_published(file)
        deployment = file.deployment()
    elif order.archives:
        deployment = _archived(order.archives)
    else:
        raise UsageError(
            "audit: expected --archive or --contracts, got neither: nothing says which ledger is meant.",
            todo="Give the archive, or the address file of the contracts.",
        )
    if order.ledger is not None and deployment.ledger != order.ledger:
        raise UsageError(
            f"--ledger: expected {to_hex(order.ledger)}, got what is of {to_hex(deployment.ledger)}.",
            todo="Ask whoever gave it to you.",
        )
    return deployment if order.from_block is None else replace(deployment, block_number=order.from_block)


def _archived(archives: Sequence[Path]) -> Deployment:
    """The deployment that the first of ``archives`` with a manifest is of. Raises ``UsageError``: none has one."""
    from tallystick.store.archive import ArchiveReader

    why: TallystickError | None = None
    for archive in archives:
        try:
            return ArchiveReader(archive).manifest()[0].deployment
        except (NotFound, MalformedInput) as error:
            why = why or error
    assert why is not None, "there is an archive"
    todo = "Give the address file of the ledger as --contracts, to audit it without this archive's word."
    raise UsageError(why.message, todo=todo) from why


def _refuse_missing(database_url: str) -> None:
    """Raises ``UsageError`` where SQLite would make a new file: there is nothing to compare with."""
    path = database_url.removeprefix("sqlite:///")
    if path != database_url and not Path(path).is_file():
        raise UsageError(f"--against: {path}: expected a database, found none.", todo="Check the path.")
