"""``tallystick doctor``: looks at every part of an installation and says what is wrong with it, and what to do.

Rules:

- nothing is changed and nothing sent; a row is written to the database and undone again;
- one part that fails keeps no other from being looked at, unless that one needs it;
- a warning is what will fail later, or what could not be looked at; only a failure makes the exit code 1.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tallystick.config import NETWORK_KEY, Home, Settings, SystemEntropy
from tallystick.errors import HomeInUse, NotFound, StoreError, TallystickError
from tallystick.keys.keystore import open_keystore
from tallystick.keys.passphrase import read_passphrase
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.types import PartyId, Timestamp, to_hex
from tallystick.store.records import PartyRecord

if TYPE_CHECKING:
    from tallystick.chain.node import Provider
    from tallystick.chain.probe import Finality, Standing
    from tallystick.store.sql import SqlStore

BATCHES_AHEAD = 100
"""So many batches the operator should be able to pay."""
LONG_CHAIN_BLOCKS = 200
"""A chain this long has a final block: Ethereum's is some 64 to 96 blocks behind."""
CLOCK_SECONDS = 30
"""What a clock may differ from the database's; an evidence issued in the future would not verify."""
OLD_BLOCK_SECONDS = 600
LOW_DISK_BYTES = 1024**3
FULL_DISK_BYTES = 64 * 1024**2
LOCK_TIMEOUT_SECONDS = 0.5


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out in one ``check``; ``todo`` is empty where it is ok."""

    check: str
    level: Level
    says: str
    todo: str = ""


def examine(home: Home, environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """All findings about ``home``, in the order of what needs what."""
    return list(_examine(home, environment))


def _examine(home: Home, environment: Mapping[str, str]) -> Iterator[Finding]:
    try:
        settings = home.settings()
    except TallystickError as error:
        yield _failed("configuration", error)
        return
    yield Finding("configuration", Level.OK, f"{home.settings_path}")
    yield _disk(home)
    yield from _keys(home, settings, environment)
    with ExitStack() as stack:
        deployment: Deployment | None = None
        try:
            from tallystick.store.sql import open_store

            store = open_store(home.database(settings))
            stack.callback(store.close)
            deployment = _database(store)
            yield Finding("database", Level.OK, f"{store.place}: answers, has the tables of this version, takes rows")
            yield from _database_clock(store)
        except TallystickError as error:
            yield _failed("database", error)
        if deployment is None:
            yield Finding("chain", Level.WARN, "not looked at: the database tells which ledger it is", "See above.")
            return
        try:
            provider = _provider(home, settings, stack)
            yield from _chain(provider, deployment, settings)
        except TallystickError as error:
            level = Level.WARN if isinstance(error, HomeInUse) else Level.FAIL
            yield Finding("chain", level, error.message, error.todo)


def _keys(home: Home, settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    try:
        keystore = open_keystore(home.keys_path, lambda: read_passphrase(environment), environment=environment)
        keystore.secret(NETWORK_KEY)
    except TallystickError as error:
        yield _failed("keystore", error)
        return
    yield Finding("keystore", Level.OK, f"{home.keys_path}: opens, holds the network key")
    for role, account in (("operator", settings.operator), ("registrar", settings.registrar)):
        if account is None:
            level = Level.FAIL if role == "operator" else Level.OK
            todo = "Make a new home with `tallystick init`." if role == "operator" else ""
            yield Finding(f"{role} key", level, "none named: somebody else's", todo)
            continue
        try:
            keystore.sign(account, bytes(32))
        except NotFound:
            yield Finding(
                f"{role} key",
                Level.FAIL,
                f"expected the key of {to_hex(account)} in the keystore, found none",
                "Restore the folder keys/ from the newest backup.",
            )
        except TallystickError as error:
            yield _failed(f"{role} key", error)
        else:
            yield Finding(f"{role} key", Level.OK, to_hex(account))


class _Undo(Exception):
    """Leaves a transaction without keeping anything."""


def _database(store: SqlStore) -> Deployment:
    """The deployment that ``store`` is bound to, after a row could be written to it."""
    store.check()
    with store.transaction(read_only=True) as transaction:
        deployment = transaction.deployment()
    if deployment is None:
        raise StoreError("expected a store that is bound to a ledger.", todo="Run `tallystick init`.")
    try:
        with store.transaction() as transaction:
            party = PartyId(SystemEntropy().bytes(32))
            transaction.add_party(PartyRecord(party, "tallystick doctor", (), (), Timestamp(0)))
            raise _Undo
    except _Undo:
        return deployment


def _database_clock(store: SqlStore) -> Iterator[Finding]:
    theirs = store.server_time()
    if theirs is None:
        return
    off = abs(time.time() - theirs)
    if off > CLOCK_SECONDS:
        todo = "Let both machines take their time from the network (NTP)."
        yield Finding("clock and database", Level.FAIL, f"the clocks are {off:.0f} s apart", todo)
    else:
        yield Finding("clock and database", Level.OK, f"{off:.1f} s apart")


def _provider(home: Home, settings: Settings, stack: ExitStack) -> Provider:
    if settings.rpc_url is not None:
        from tallystick.chain.rpc import open_http

        return open_http(settings.rpc_url)
    from tallystick.chain.embedded import open_embedded

    stack.enter_context(home.lock(LOCK_TIMEOUT_SECONDS))
    embedded = open_embedded(home.chain_path)
    stack.callback(embedded.close)
    return embedded


def _chain(provider: Provider, deployment: Deployment, settings: Settings) -> Iterator[Finding]:
    from tallystick.chain.ledger import EvmChain
    from tallystick.chain.probe import Probe

    EvmChain(provider, deployment, finality_depth=settings.finality_blocks).check()
    yield Finding(
        "chain", Level.OK, f"chain id {deployment.chain_id}, its genesis block, and the published code of the contracts"
    )
    probe = Probe(provider, deployment)
    if settings.finality_blocks is None:
        yield judge_finality(probe.finality())
    else:
        yield Finding("finality", Level.OK, f"{settings.finality_blocks} blocks on top, as tallystick.toml says")
    if settings.rpc_url is not None:
        yield judge_clock(time.time() - probe.newest().timestamp)
    if settings.operator is not None:
        standing = probe.standing(settings.operator)
        yield judge_operator(to_hex(settings.operator), standing)
        yield judge_balance(standing)
    if settings.registrar is not None:
        is_registrar = probe.standing(settings.registrar).is_registrar
        yield (
            Finding("registrar", Level.OK, "may admit parties")
            if is_registrar
            else Finding(
                "registrar",
                Level.FAIL,
                f"{to_hex(settings.registrar)} may not admit parties any more",
                "Ask the admin of the ledger for the role, or remove `registrar` from tallystick.toml.",
            )
        )


def judge_finality(found: Finality) -> Finding:
    """Whether what the node calls ``finalized`` can be relied on."""
    name, other = "finality", "Use another node, or set finality_blocks in tallystick.toml."
    if found.first is None or found.second is None:
        return Finding(name, Level.FAIL, "the node does not know the finalized tag", other)
    if found.first.number == 0 and found.newest.number >= LONG_CHAIN_BLOCKS:
        says = f"block 0 is called final, {found.newest.number} blocks below the newest"
        return Finding(name, Level.FAIL, says, "Wait until the node has caught up. " + other)
    if found.second.number < found.first.number:
        return Finding(name, Level.FAIL, f"went back from {found.first.number} to {found.second.number}", other)
    if found.by_number != found.first:
        return Finding(name, Level.FAIL, f"block {found.first.number} has another hash by its number", other)
    behind = found.newest.number - found.first.number
    return Finding(name, Level.OK, f"block {found.first.number}, {behind} below the newest")


def judge_clock(ahead_seconds: float) -> Finding:
    """Whether this machine's clock, ``ahead_seconds`` ahead of the newest block, fits it."""
    name = "clock and chain"
    if ahead_seconds < -CLOCK_SECONDS:
        todo = "Let this machine take its time from the network (NTP)."
        return Finding(
            name, Level.FAIL, f"this machine's clock is {-ahead_seconds:.0f} s behind the newest block", todo
        )
    if ahead_seconds > OLD_BLOCK_SECONDS:
        todo = "Check the clock, and whether the node has caught up; a development chain may make no blocks by itself."
        return Finding(name, Level.WARN, f"the newest block is {ahead_seconds:.0f} s old", todo)
    return Finding(name, Level.OK, f"the newest block is {ahead_seconds:.0f} s old")


def judge_operator(account: str, standing: Standing) -> Finding:
    """Whether the operator may seal."""
    if standing.is_operator:
        return Finding("operator", Level.OK, f"{account} may seal")
    todo = f"Ask the registrar of the ledger to send addOperator({account}) to the PartyRegistry."
    return Finding("operator", Level.FAIL, f"{account} is not registered (any more)", todo)


def judge_balance(standing: Standing) -> Finding:
    """Whether the operator can pay for the next batches."""
    name = "operator balance"
    has = f"{standing.balance_wei / 10**18:.6f} of the chain's currency"
    if standing.batch_wei is None:
        todo = "Wait until the chain is less busy: batches stay frozen and go on by themselves."
        return Finding(name, Level.WARN, f"{has}; the base fee is above the limit", todo)
    batches = standing.balance_wei // max(1, standing.batch_wei)
    says = f"{has}, enough for {batches} batches at what they may cost now"
    if batches < 1:
        return Finding(name, Level.FAIL, says, "Send it some of the chain's currency.")
    if batches < BATCHES_AHEAD:
        return Finding(name, Level.WARN, says, "Send it some of the chain's currency soon.")
    return Finding(name, Level.OK, says)


def _disk(home: Home) -> Finding:
    try:
        free = shutil.disk_usage(home.directory).free
    except OSError as error:
        return Finding("disk", Level.FAIL, f"{home.directory}: {error.strerror}", "Check the directory.")
    says = f"{free / 1024**3:.1f} GiB free where the home is"
    if free < FULL_DISK_BYTES:
        return Finding("disk", Level.FAIL, says, "Make room: nothing more can be recorded.")
    if free < LOW_DISK_BYTES:
        return Finding("disk", Level.WARN, says, "Make room soon.")
    return Finding("disk", Level.OK, says)


def _failed(check: str, error: TallystickError) -> Finding:
    return Finding(check, Level.FAIL, error.message, error.todo)
