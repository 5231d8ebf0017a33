"""What accounts and contracts hold after one block, and what a transaction or call makes of it.

- A state is never changed after its block: the next block works on a copy, so reads of any kept block are true,
  orphaned or not.
- The contracts are their Python twins; events and revert data are encoded as the compiled contracts encode them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from tallystick.chain import calls, events, pledge_events, seal_gas
from tallystick.chain.abi import AbiError, custom_errors, selector
from tallystick.chain.memory_contracts import Effects, History, MemoryContracts, Revert
from tallystick.chain.sender import MAX_TRANSACTION_GAS
from tallystick.errors import MalformedInput
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.pledges import Cancelled, Event, PledgeBook, Pledged, Released
from tallystick.protocol.types import ZERO32, Address, EvidenceId, Hash, PartyId, SignerWindow, Timestamp

PARTY_ADMITTED = keccak256(b"PartyAdmitted(bytes32,address,uint64)")

_BASE_GAS = 60_000
_CALLDATA_GAS = 16

K = TypeVar("K")
V = TypeVar("V")


class Latest(History[K, V]):
    """A ``History`` of one moment: it keeps the newest values alone and can be copied."""

    def __init__(self, default: V, values: dict[K, V] | None = None) -> None:
        super().__init__(default)
        self._latest: dict[K, V] = {} if values is None else values

    def put(self, key: K, value: V, block_number: int) -> None:
        """Let ``value`` stand under ``key``, whatever ``block_number``."""
        self._latest[key] = value

    def at(self, key: K, block_number: int) -> V:
        """What stands under ``key``; ``block_number`` is always that of this moment."""
        return self.newest(key)

    def newest(self, key: K) -> V:
        """What stands under ``key``."""
        return self._latest.get(key, self._default)

    def copy(self) -> Latest[K, V]:
        """The same values, to be changed apart."""
        return Latest(self._default, dict(self._latest))

    def values(self) -> dict[K, V]:
        """All that stands."""
        return self._latest


@dataclass(frozen=True, slots=True)
class RawLog:
    """An event as ``emitter`` wrote it."""

    emitter: Address
    topics: tuple[bytes, ...]
    data: bytes


class State:
    """The contracts of ``deployment``, which obey ``registrar`` and know ``operators``, and the accounts' nonces."""

    def __init__(self, deployment: Deployment, registrar: Address, operators: Sequence[Address]) -> None:
        self.deployment = deployment
        self.registrar = registrar
        self.operators = tuple(operators)
        self.nonces: dict[Address, int] = {}
        self.contracts = MemoryContracts(registrar, operators)
        self.admitted_at: Latest[PartyId, Timestamp] = Latest(Timestamp(0))
        self.heads: Latest[PartyId, Hash] = Latest(Hash(ZERO32))
        self.next_batches: Latest[Address, int] = Latest(0)
        self.batch_roots: Latest[tuple[Address, int], Hash] = Latest(Hash(ZERO32))
        self.windows: Latest[tuple[PartyId, Address], SignerWindow] = Latest(SignerWindow(Timestamp(0), Timestamp(0)))
        self._bind()

    def fork(self) -> State:
        """A copy to be changed."""
        made = State(self.deployment, self.registrar, self.operators)
        made.nonces = dict(self.nonces)
        made.admitted_at, made.heads = self.admitted_at.copy(), self.heads.copy()
        made.next_batches, made.batch_roots = self.next_batches.copy(), self.batch_roots.copy()
        made.windows = self.windows.copy()
        book = self.contracts.book
        made.contracts.book = PledgeBook(
            dict(book.pledges), dict(book.last), dict(book.last_of_fingerprint), dict(book.closed_at)
        )
        made._bind()
        return made

    def _bind(self) -> None:
        contracts = self.contracts
        contracts.admitted_at, contracts.heads, contracts.windows = self.admitted_at, self.heads, self.windows
        contracts.next_batches, contracts.batch_roots = self.next_batches, self.batch_roots

    def execute(self, sender: Address, to: Address | None, calldata: bytes, now: Timestamp) -> Effects:
        """The effects of ``sender`` calling ``to`` in a block of time ``now``; nothing is changed yet.

        Raises:
            Revert: the contract refuses.
            MalformedInput: it has no such function.
        """
        if to == self.deployment.registry:
            return self.contracts.call_registry(sender, calldata, now)
        if to == self.deployment.ledger:
            return self.contracts.call_ledger(sender, calldata, now)
        if to == self.deployment.receivables:
            return self.contracts.call_receivables(self.deployment.receivables_domain, calldata, now)
        return Effects()

    def keep(self, effects: Effects, number: int) -> tuple[RawLog, ...]:
        """Let ``effects`` happen in block ``number``; returns the logs they leave."""
        logs: list[RawLog] = []
        event = effects.event
        for history, key, value in effects.writes:
            history.put(key, value, number)
            if history is self.admitted_at and isinstance(event, events.SignerEvent):
                topics = (PARTY_ADMITTED, event.party, calls.address_word(event.by))
                logs.append(RawLog(self.deployment.registry, topics, word(event.at)))
        if isinstance(event, events.Sealed):
            logs.append(RawLog(self.deployment.ledger, *events.encode_sealed(event)))
        elif isinstance(event, events.SignerEvent):
            logs.append(RawLog(self.deployment.registry, *events.encode_signer_event(event)))
        elif event is not None:
            self.contracts.book.apply(event)
            logs.append(RawLog(self.deployment.receivables, *encode_pledge_event(event)))
        return tuple(logs)

    def call(self, sender: Address, to: Address | None, calldata: bytes, now: Timestamp) -> bytes:
        """What ``to`` returns to ``sender`` at time ``now``. Raises as ``execute``."""
        words = [calldata[at : at + 32] for at in range(4, len(calldata), 32)]
        answer = self._view(to, calldata[:4], words)
        if answer is None:
            self.execute(sender, to, calldata, now)
            return b""
        return answer

    def _view(self, to: Address | None, function: bytes, words: list[bytes]) -> bytes | None:
        """What the view ``function`` of ``to`` returns; None if there is none for so many ``words``."""
        places = (self.deployment.registry, self.deployment.ledger, self.deployment.receivables)
        name = _views().get((places.index(to), function, len(words))) if to in places else None
        if name is None:
            return None
        book = self.contracts.book
        if name == calls.SIGNER_WINDOW:
            window = self.windows.newest((PartyId(words[0]), _address(words[1])))
            return word(window.added_at) + word(window.revoked_at)
        if name == calls.IS_OPERATOR:
            return word(_address(words[0]) in self.operators)
        if name == calls.HAS_ROLE:
            return word(words[0] == calls.REGISTRAR_ROLE and _address(words[1]) == self.registrar)
        if name == calls.HEAD:
            return self.heads.newest(PartyId(words[0]))
        if name == calls.NEXT_BATCH:
            return word(self.next_batches.newest(_address(words[0])))
        if name == calls.BATCH_ROOT:
            return self.batch_roots.newest((_address(words[0]), int.from_bytes(words[1], "big")))
        if name == calls.REGISTRY:
            return calls.address_word(self.deployment.registry)
        if name == calls.LEDGER:
            return calls.address_word(self.deployment.ledger)
        if name == calls.LAST_PLEDGE:
            return book.last.get((PartyId(words[0]), EvidenceId(words[1])), Hash(ZERO32))
        if name == calls.LAST_PLEDGE_OF_FINGERPRINT:
            return book.last_of_fingerprint.get((PartyId(words[0]), Hash(words[1])), Hash(ZERO32))
        held = book.pledges.get(Hash(words[0]))
        if held is None:
            return bytes(7 * 32)
        ids = held.supplier + held.receivable + held.fingerprint + held.financier
        return ids + word(held.pledged_at) + word(held.expires_at) + word(held.released_at)


@cache
def _views() -> dict[tuple[int, bytes, int], str]:
    """The views by contract (registry, ledger, receivables), selector and number of words."""
    of_contract = (
        (calls.SIGNER_WINDOW, calls.IS_OPERATOR, calls.HAS_ROLE),
        (calls.HEAD, calls.NEXT_BATCH, calls.BATCH_ROOT, calls.REGISTRY),
        (calls.LEDGER, calls.PLEDGE_OF, calls.LAST_PLEDGE, calls.LAST_PLEDGE_OF_FINGERPRINT),
    )
    return {
        (place, selector(name), name.count(",") + (not name.endswith("()"))): name
        for place, names in enumerate(of_contract)
        for name in names
    }


def gas_needed(to: Address | None, calldata: bytes, ledger: Address) -> int:
    """A made-up amount of gas that is within what the adapter asks for: by subjects of a ``seal``, else by size."""
    if to == ledger and len(calldata) >= 100:
        return _BASE_GAS + (seal_gas.GAS_PER_NEW_SUBJECT - 1_000) * ((len(calldata) - 100) // 96)
    return _BASE_GAS + _CALLDATA_GAS * len(calldata)


def fits_one_transaction(gas: int) -> bool:
    """Whether EIP-7825 allows so much ``gas``."""
    return gas <= MAX_TRANSACTION_GAS


def encode_pledge_event(event: Event) -> tuple[tuple[bytes, ...], bytes]:
    """Topics and data of ``event``, as the contract emits them."""
    subject = (event.receivable, event.fingerprint, event.supplier)
    if isinstance(event, Pledged):
        data = event.pledge + event.financier + word(event.pledged_at) + word(event.expires_at)
        return (pledge_events.PLEDGED, *subject), data
    if isinstance(event, Released):
        data = event.pledge + event.authorisation + event.financier + word(event.released_at)
        return (pledge_events.RELEASED, *subject), data
    if isinstance(event, Cancelled):
        return (pledge_events.CANCELLED, *subject), event.authorisation + event.party + word(event.cancelled_at)
    data = event.pledge + event.authorisation + event.giver + event.taker + word(event.transferred_at)
    return (pledge_events.TRANSFERRED, *subject), data


def encode_revert(error: Revert | MalformedInput) -> bytes:
    """The revert data of ``error``: a custom error with its values; none where the function does not exist."""
    if isinstance(error, MalformedInput):
        return b""
    declared = _errors_by_name()[error.name]
    encoded = declared.selector
    for name, _ in declared.parameters:
        value = error.values[name]
        encoded += bytes.fromhex(value[2:]).rjust(32, b"\0") if value.startswith("0x") else word(int(value))
    return encoded


@cache
def _errors_by_name() -> dict[str, AbiError]:
    return {error.name: error for error in custom_errors()}


def _address(encoded: bytes) -> Address:
    return Address(encoded[12:])
