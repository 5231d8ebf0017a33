"""Twins of the contracts in plain Python: same checks in the same order, same heads, same pledges.

A call is executed without touching the state and gives its ``Effects``, which the chain keeps or drops.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tallystick.chain import calls, events, pledge_calls
from tallystick.chain.abi import selector
from tallystick.chain.pledge_calls import CancelCall, PledgeCall, ReleaseCall
from tallystick.chain.records import Append
from tallystick.errors import MalformedInput
from tallystick.protocol import merkle
from tallystick.protocol.evidence import Domain
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.log import LogAppend, append_leaf, batch_root, extend_head
from tallystick.protocol.pledges import Event, PledgeBook, Refusal, Surroundings
from tallystick.protocol.receivable import LogProof
from tallystick.protocol.types import ZERO32, Address, EvidenceId, Hash, PartyId, SignerWindow, Timestamp, to_hex

_NO_WINDOW = SignerWindow(Timestamp(0), Timestamp(0))
_NOBODY = Address(bytes(20))
_CONTRACT_MAX_SUBJECTS = 2_048
"""The contract's own limit; a transaction's gas allows for less."""

K = TypeVar("K")
V = TypeVar("V")


class Revert(Exception):
    """A contract refused with the custom error ``name`` and its ``values`` by parameter name."""

    def __init__(self, name: str, **values: bytes | int) -> None:
        super().__init__(name)
        self.name = name
        self.values = {key: to_hex(value) if isinstance(value, bytes) else str(value) for key, value in values.items()}


class History(Generic[K, V]):
    """A mapping that remembers which value stood under a key at which block; ``default`` where none did."""

    def __init__(self, default: V) -> None:
        self._default = default
        self._blocks: dict[K, list[int]] = {}
        self._values: dict[K, list[V]] = {}

    def put(self, key: K, value: V, block_number: int) -> None:
        """Let ``value`` stand under ``key`` from ``block_number`` on, which is not below any earlier one."""
        self._blocks.setdefault(key, []).append(block_number)
        self._values.setdefault(key, []).append(value)

    def at(self, key: K, block_number: int) -> V:
        """What stood under ``key`` after the block ``block_number``."""
        index = bisect_right(self._blocks.get(key, []), block_number)
        return self._values[key][index - 1] if index else self._default

    def newest(self, key: K) -> V:
        """What stands under ``key`` now."""
        values = self._values.get(key)
        return values[-1] if values else self._default


@dataclass(slots=True)
class Effects:
    """What a call changes (put into which history, under which key, which value) and the event it emits, if any."""

    writes: list[tuple[History[Any, Any], Any, Any]] = field(default_factory=list)
    event: events.Sealed | events.SignerEvent | Event | None = None


class MemoryContracts:
    """The state of the contracts; ``registrar`` is the one holder of the registrar's role."""

    def __init__(self, registrar: Address, operators: Sequence[Address]) -> None:
        self._registrar = registrar
        self.operators = frozenset(operators)
        self.admitted_at: History[PartyId, Timestamp] = History(Timestamp(0))
        self.windows: History[tuple[PartyId, Address], SignerWindow] = History(_NO_WINDOW)
        self.heads: History[PartyId, Hash] = History(Hash(ZERO32))
        self.next_batches: History[Address, int] = History(0)
        self.batch_roots: History[tuple[Address, int], Hash] = History(Hash(ZERO32))
        self.book = PledgeBook()
        self._registry_functions: Mapping[bytes, Callable[[Address, PartyId, Address, Timestamp], Effects]] = {
            selector(calls.ADMIT): self._admit,
            selector(calls.ADD_SIGNER): self._add_signer,
            selector(calls.REVOKE_SIGNER): self._revoke_signer,
        }

    def call_registry(self, sender: Address, calldata: bytes, now: Timestamp) -> Effects:
        """The effects of ``sender`` calling the registry in a block of time ``now``.

        Raises:
            Revert: the contract refuses.
            MalformedInput: ``calldata`` calls nothing that exists.
        """
        function = self._registry_functions.get(calldata[:4])
        if function is None:
            raise MalformedInput(f"registry: expected a function of this twin, got 0x{calldata[:4].hex()}.")
        return function(sender, PartyId(calldata[4:36]), calls.address(calldata[36:], "signer"), now)

    def call_ledger(self, sender: Address, calldata: bytes, now: Timestamp) -> Effects:
        """The effects of ``sender`` calling ``seal`` in a block of time ``now``.

        Raises:
            Revert: the contract refuses.
            MalformedInput: ``calldata`` calls nothing that exists.
        """
        batch_id, appends = calls.parse_seal_call(calldata)
        if sender not in self.operators:
            raise Revert("NotOperator", account=sender)
        expected = self.next_batches.newest(sender)
        if batch_id != expected:
            raise Revert("UnexpectedBatchId", operator=sender, expected=expected, actual=batch_id)
        if not appends:
            raise Revert("EmptyBatch", batchId=batch_id)
        if len(appends) > _CONTRACT_MAX_SUBJECTS:
            raise Revert("BatchTooLarge", batchId=batch_id, size=len(appends), limit=_CONTRACT_MAX_SUBJECTS)
        effects = Effects()
        previous = ZERO32
        for position, item in enumerate(appends):
            _check_append(position, item, previous)
            previous = item.subject
            append = LogAppend(sender, batch_id, item.count, item.root, now)
            effects.writes.append((self.heads, item.subject, extend_head(self.heads.newest(item.subject), append)))
        effects.writes.append((self.next_batches, sender, batch_id + 1))
        root = batch_root((item.subject, item.root, item.count) for item in appends)
        effects.writes.append((self.batch_roots, (sender, batch_id), root))
        effects.event = events.Sealed(sender, batch_id, root, appends)
        return effects

    def call_receivables(self, domain: Domain, calldata: bytes, now: Timestamp) -> Effects:
        """The effects of anybody's call of the register of receivables, whose EIP-712 ``domain`` is given.

        Raises:
            Revert: the contract refuses.
            MalformedInput: ``calldata`` calls nothing that exists.
        """
        call = pledge_calls.parse_call(calldata)
        around = Surroundings(
            domain,
            now,
            is_signer=lambda party, signer: self.windows.newest((party, signer)).covers(now),
            is_sealed=lambda proof: self._sealed_root(proof) != ZERO32,
            stands_in_log=self._stands_in_log,
        )
        match call:
            case PledgeCall():
                answer: Event | Refusal = self.book.pledge(
                    call.terms, call.proof, call.supplier_signature, call.financier_signature, around
                )
            case ReleaseCall():
                answer = self.book.release(call.terms, call.signature, around)
            case CancelCall():
                answer = self.book.cancel(call.terms, call.party, call.signature, around)
            case _:
                answer = self.book.transfer(call.terms, call.giver_signature, call.taker_signature, around)
        if isinstance(answer, Refusal):
            raise Revert(answer.error, **answer.values)
        return Effects(event=answer)

    def _sealed_root(self, proof: LogProof) -> Hash:
        return self.batch_roots.newest((proof.operator, proof.batch_id))

    def _stands_in_log(self, subject: PartyId, evidence_id: EvidenceId, proof: LogProof) -> bool:
        if proof.index >= proof.count:
            return False
        words = subject + word(proof.index) + evidence_id + proof.signatures_hash
        root = merkle.climb(keccak256(keccak256(words)), proof.entry_proof)
        return merkle.check(append_leaf(subject, root, proof.count), proof.subject_proof, self._sealed_root(proof))

    def _admit(self, sender: Address, party: PartyId, signer: Address, now: Timestamp) -> Effects:
        self._check_registrar(sender)
        if party == ZERO32:
            raise Revert("ZeroParty")
        if admitted_at := self.admitted_at.newest(party):
            raise Revert("PartyAlreadyAdmitted", party=party, admittedAt=admitted_at)
        effects = self._open_window(sender, party, signer, now)
        effects.writes.append((self.admitted_at, party, now))
        return effects

    def _add_signer(self, sender: Address, party: PartyId, signer: Address, now: Timestamp) -> Effects:
        self._check_registrar(sender)
        if not self.admitted_at.newest(party):
            raise Revert("UnknownParty", party=party)
        return self._open_window(sender, party, signer, now)

    def _revoke_signer(self, sender: Address, party: PartyId, signer: Address, now: Timestamp) -> Effects:
        if sender != signer:
            self._check_registrar(sender)
        window = self.windows.newest((party, signer))
        if not window.added_at:
            raise Revert("UnknownSigner", party=party, signer=signer)
        if window.revoked_at:
            raise Revert("SignerAlreadyRevoked", party=party, signer=signer, revokedAt=window.revoked_at)
        event = events.SignerEvent(party, signer, sender, now, added=False)
        return Effects([(self.windows, (party, signer), SignerWindow(window.added_at, now))], event)

    def _open_window(self, sender: Address, party: PartyId, signer: Address, now: Timestamp) -> Effects:
        if signer == _NOBODY:
            raise Revert("ZeroAddress")
        window = self.windows.newest((party, signer))
        if window.revoked_at:
            raise Revert("SignerAlreadyRevoked", party=party, signer=signer, revokedAt=window.revoked_at)
        if window.added_at:
            raise Revert("SignerAlreadyAdded", party=party, signer=signer, addedAt=window.added_at)
        event = events.SignerEvent(party, signer, sender, now, added=True)
        return Effects([(self.windows, (party, signer), SignerWindow(now, Timestamp(0)))], event)

    def _check_registrar(self, sender: Address) -> None:
        if sender != self._registrar:
            raise Revert("AccessControlUnauthorizedAccount", account=sender, neededRole=calls.REGISTRAR_ROLE)


def _check_append(position: int, item: Append, previous: bytes) -> None:
    if item.subject == ZERO32:
        raise Revert("ZeroSubject", position=position)
    if item.subject <= previous:
        raise Revert("SubjectsNotAscending", position=position, previous=previous, subject=item.subject)
    if item.root == ZERO32:
        raise Revert("ZeroRoot", position=position, subject=item.subject)
    if item.count == 0:
        raise Revert("ZeroCount", position=position, subject=item.subject)
