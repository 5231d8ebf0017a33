"""The composition root: the one place that knows every concrete class.

Rules:

- a home is made beside its place and moved there when it is whole: there is no half-made home;
- an embedded chain belongs to one process, held by the home's lock; with a node, several processes may work in a home;
- heavy libraries are imported where they are needed: ``verify`` offline needs no web3 and no database.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.chain.artifacts import load_artifact
from tallystick.config import NETWORK_KEY, Home, Settings, SystemClock, SystemEntropy
from tallystick.errors import ChainError, ChainUnreachable, HomeError
from tallystick.keys.keystore import EncryptedKeystore, create_keystore, open_keystore
from tallystick.keys.passphrase import read_passphrase
from tallystick.keys.secret_file import write_secret
from tallystick.keys.wrapping import KeystoreWrapping
from tallystick.limits import Limits
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.types import Address, Hash, Timestamp, parse_bytes32, to_hex
from tallystick.protocol.verdict import CodeHashes
from tallystick.service.bundle_file import write_pieces
from tallystick.service.context import Context
from tallystick.service.ports import Clock, Entropy, Keys, Store

if TYPE_CHECKING:
    from tallystick.chain.embedded import EmbeddedProvider
    from tallystick.chain.meter import Meter
    from tallystick.chain.node import Provider
    from tallystick.chain.transactions import Sign
    from tallystick.service.check import Node

EMBEDDED_BALANCE_WEI = 10**24
LOCK_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Opened:
    """A home at work; ``embedded`` is its own chain, None where it uses a node elsewhere."""

    context: Context
    embedded: EmbeddedProvider | None
    meter: Meter
    """Counts what is asked of the node."""


@dataclass(frozen=True)
class Existing:
    """Contracts that are deployed already: their address file, and the network key that its parties' ids are made with.

    Another key would give the same companies other ids on that ledger, and nobody would notice.
    """

    address_file: bytes
    network_key: bytes


def published_code_hashes() -> CodeHashes:
    """The runtime code hashes of the contracts in this package."""
    registry, ledger = load_artifact("PartyRegistry"), load_artifact("EvidenceLedger")
    return CodeHashes(Hash(registry.runtime_code_hash), Hash(ledger.runtime_code_hash))


def init_home(
    home: Home,
    *,
    environment: Mapping[str, str] = os.environ,
    rpc_url: str | None = None,
    database_url: str | None = None,
    funded_key: bytes | None = None,
    existing: Existing | None = None,
    genesis_timestamp: Timestamp | None = None,
    entropy: Entropy | None = None,
) -> Deployment:
    """Make ``home``: keystore, network key, store, and the contracts on the embedded chain or at ``rpc_url``.

    ``funded_key`` (32 bytes) is of the account that deploys, admits and seals on a node given by ``rpc_url``; a
    development node that tells its accounts needs none. With ``existing`` contracts there it deploys nothing, must be
    an operator already, and admits only if it is a registrar. ``genesis_timestamp`` starts the embedded chain.

    Raises:
        HomeError: there is a home, or something else, already. ChainError, KeystoreError: nothing is left behind.
    """
    if home.exists():
        raise HomeError(f"{home.directory} is a home already.", todo="Use it, or let TALLYSTICK_HOME name another.")
    if home.directory.exists() and any(home.directory.iterdir()):
        raise HomeError(f"{home.directory}: expected an empty directory.", todo="Let TALLYSTICK_HOME name another.")
    passphrase = read_passphrase(environment, confirm=True)
    draft = Home(home.directory.with_name(home.directory.name + ".new"))
    shutil.rmtree(draft.directory, ignore_errors=True)
    try:
        deployment = _make(draft, passphrase, rpc_url, database_url, funded_key, existing, genesis_timestamp, entropy)
        home.directory.parent.mkdir(parents=True, exist_ok=True)
        draft.directory.rename(home.directory)
    finally:
        shutil.rmtree(draft.directory, ignore_errors=True)
    return deployment


def _make(
    home: Home,
    passphrase: str,
    rpc_url: str | None,
    database_url: str | None,
    funded_key: bytes | None,
    existing: Existing | None,
    genesis_timestamp: Timestamp | None,
    entropy: Entropy | None,
) -> Deployment:
    from tallystick.chain.deploy import deploy
    from tallystick.store.sql import open_store

    assert existing is None or rpc_url is not None, "existing contracts are on a node"
    registrar: Address | None
    random_bytes = (entropy or SystemEntropy()).bytes
    home.create(Settings())
    keystore = create_keystore(home.keys_path, passphrase, entropy=random_bytes)
    keystore.put_secret(NETWORK_KEY, random_bytes(32) if existing is None else existing.network_key)
    with ExitStack() as stack:
        if rpc_url is None:
            registrar, operator = keystore.create_many(["registrar", "operator"])
            accounts = registrar, operator
            embedded = stack.enter_context(_embedded(home, funded=accounts, genesis_timestamp=genesis_timestamp))
            deployment = deploy(embedded, registrar, partial(keystore.sign, registrar), registrar, [operator])
        else:
            provider, key = _remote(rpc_url, funded_key)
            operator = keystore.import_key(key, "operator")
            if existing is None:
                registrar = operator
                deployment = _deploy(home, provider, operator, partial(keystore.sign, operator))
            else:
                deployment, registrar = _join(provider, existing, operator)
    settings = Settings(
        rpc_url=rpc_url,
        chain_id=deployment.chain_id,
        operator=operator,
        registrar=registrar,
        database_url=database_url,
    )
    store = open_store(home.database(settings))
    try:
        with store.transaction() as transaction:
            transaction.set_deployment(deployment)
    finally:
        store.close()
    home.save(settings)
    return deployment


@contextmanager
def open_home(
    home: Home,
    *,
    environment: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
    needs_node: bool = True,
    works: bool = True,
) -> Iterator[Opened]:
    """``home`` at work until the block ends; one with an embedded chain is locked for this process.

    Without ``needs_node`` the node may be away: whoever sends then has to check the chain first. Where nobody ``works``
    for it here, the keys of operator and registrar stay closed: a worker in another process does what needs them.

    Raises:
        HomeInUse: another process works there for longer than ``lock_timeout_seconds``. HomeError: there is none.
        WrongPassphrase: the keystore stays closed.
        WrongChain: the node serves another ledger than this home's.
    """
    from tallystick.chain.ledger import EvmChain
    from tallystick.chain.meter import Meter
    from tallystick.outbound import Poster
    from tallystick.store.blobs import open_blobs
    from tallystick.store.sql import open_store

    settings = home.settings()
    with ExitStack() as stack:
        if settings.rpc_url is None:
            stack.enter_context(home.lock(lock_timeout_seconds))
        keystore = _keystore(home, environment, () if works else (settings.operator, settings.registrar))
        store = open_store(home.database(settings))
        stack.callback(store.close)
        with store.transaction() as transaction:
            deployment = transaction.deployment()
        if deployment is None or settings.operator is None:
            raise HomeError(
                f"{home.directory}: the home names no deployment and operator.",
                todo="Make a new home with `tallystick init`.",
            )
        embedded: EmbeddedProvider | None = None
        provider: Provider
        if settings.rpc_url is None:
            provider = embedded = stack.enter_context(_embedded(home))
        else:
            from tallystick.chain.rpc import open_http

            provider = open_http(settings.rpc_url)
        meter = Meter()
        chain = EvmChain(
            meter.around(provider),
            deployment,
            finality_depth=settings.finality_blocks,
            max_fee_per_gas_wei=settings.max_fee_gwei * 10**9,
        )
        try:
            chain.check()
        except ChainUnreachable:
            if needs_node:
                raise
        keys: Keys = keystore
        context = Context(
            store=store,
            chain=chain,
            keys=keys,
            # an embedded chain may live in a story's time: what is recorded there is issued by its clock
            clock=clock or embedded or SystemClock(),
            entropy=entropy or SystemEntropy(),
            network_key=keystore.secret(NETWORK_KEY),
            registrar=settings.registrar,
            operator=settings.operator,
            code_hashes=published_code_hashes(),
            limits=settings.limits,
            works=works,
            blobs=open_blobs(settings.documents_url or str(home.documents_path)),
            wrapping=KeystoreWrapping(keystore),
            post=Poster(to_loopback=settings.webhooks_to_loopback or False),
            allowed_origins=frozenset((settings.allowed_origins or "").split()),
        )
        yield Opened(context, embedded, meter)


@contextmanager
def store_of(home: Home) -> Iterator[Store]:
    """The store of ``home`` alone, to read beside the process that works there."""
    from tallystick.store.sql import open_store

    store = open_store(home.database(home.settings()))
    try:
        yield store
    finally:
        store.close()


def export_network_key(home: Home, path: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Put the network key of ``home`` at ``path``, a new file, for another home of the same ledger.

    Raises:
        UsageError: something is at ``path``. HomeError, KeystoreError: as ``open_home``.
    """
    home.settings()
    write_secret(path, _keystore(home, environment).secret(NETWORK_KEY))


def node(url: str) -> Node:
    """A node that a verifier trusts, at ``url``."""
    from tallystick.chain.reader import NodeReader

    return NodeReader(url)


def limits() -> Limits:
    """The limits that hold before any home is opened."""
    return Limits()


def write_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, whole or not at all. Raises ``UsageError`` where it can't be written."""
    write_pieces(path, [data])


def _keystore(
    home: Home, environment: Mapping[str, str], withheld: tuple[Address | None, ...] = ()
) -> EncryptedKeystore:
    """The keystore of ``home``, opened, without the keys of ``withheld``."""
    return open_keystore(
        home.keys_path,
        lambda: read_passphrase(environment),
        environment=environment,
        withheld=[address for address in withheld if address is not None],
    )


@contextmanager
def _embedded(
    home: Home, funded: tuple[Address, ...] = (), genesis_timestamp: Timestamp | None = None
) -> Iterator[EmbeddedProvider]:
    from tallystick.chain.embedded import open_embedded

    balances = dict.fromkeys(funded, EMBEDDED_BALANCE_WEI) or None
    provider = open_embedded(home.chain_path, funded=balances, genesis_timestamp=genesis_timestamp)
    try:
        yield provider
    finally:
        provider.close()


def _deploy(home: Home, provider: Provider, account: Address, sign: Sign) -> Deployment:
    """Deploy from ``account``, which will be registrar and operator; the address file stays in ``home``."""
    from tallystick.chain.resumable import Order, finish, plan_for

    path = home.deployment_path
    planned = plan_for(provider, Order(account, account, (account,)), path)
    return finish(provider, planned, path, sign).deployment()


def _join(provider: Provider, existing: Existing, account: Address) -> tuple[Deployment, Address | None]:
    """The ``existing`` deployment, checked, and ``account`` if it is a registrar there; it must be a fresh operator."""
    from tallystick.chain.address_file import parse_address_file
    from tallystick.chain.calls import REGISTRAR_ROLE
    from tallystick.chain.contracts import EvidenceLedger, PartyRegistry
    from tallystick.chain.node import Node as ChainNode
    from tallystick.chain.resumable import check_complete

    file = parse_address_file(existing.address_file, "--contracts")
    deployment = check_complete(provider, file)
    registry = PartyRegistry(ChainNode(provider), deployment.registry)
    if not registry.is_operator(account, None):
        raise ChainError(
            f"account {to_hex(account)}: expected an operator of the ledger {to_hex(deployment.ledger)}, got one that "
            "may not seal there.",
            todo=f"Ask the registrar, {to_hex(file.plan.registrar)} when it was deployed, to send "
            f"addOperator({to_hex(account)}) to the PartyRegistry at {to_hex(deployment.registry)}.",
        )
    if sealed := EvidenceLedger(registry.node, deployment.ledger).next_batch(account, None):
        raise ChainError(
            f"account {to_hex(account)}: expected an operator that no home seals with, got one of {sealed} batches.",
            todo="Use that home, or the account of another operator: two homes would freeze different batches.",
        )
    return deployment, account if registry.has_role(REGISTRAR_ROLE, account, None) else None


def _remote(rpc_url: str, funded_key: bytes | None) -> tuple[Provider, bytes]:
    """The node at ``rpc_url`` and the key of a funded account there."""
    from tallystick.chain.rpc import open_http
    from tallystick.chain.wire import NodeRefused

    provider = open_http(rpc_url)
    if funded_key is not None:
        return provider, funded_key
    from tallystick.chain.node import Node as ChainNode

    try:
        accounts = ChainNode(provider).request("devnet_accounts")
        assert isinstance(accounts, dict)
        return provider, parse_bytes32(accounts["operator"]["privateKey"], "devnet_accounts")
    except (NodeRefused, KeyError, TypeError, AssertionError) as error:
        raise ChainError(
            f"{rpc_url}: expected a funded account to deploy and seal with, got none.",
            todo="Give the file with its private key as --key-file.",
        ) from error
