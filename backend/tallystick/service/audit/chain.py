"""Hold what the chain's events say against what its storage holds: heads, signers, roles, operators, pledges.

Rules:

- the appends of every log must fold to the head in its storage slot: nothing else folds to it;
- a batch counts only where an event had made its operator one, by its block;
- pledges are replayed by the state machine that the contract is tested against (``protocol/pledges.py``).

Both sides are the node's word. A node that leaves out an event, or makes one up, contradicts itself here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tallystick.chain.facts import OPERATOR, RegistryFact
from tallystick.errors import MalformedInput
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.log import fold
from tallystick.protocol.pledges import Cancelled, Event, PledgeBook, Pledged
from tallystick.protocol.slots import (
    decode_window,
    head_slot,
    last_pledge_of_fingerprint_slot,
    last_pledge_slot,
    parse_pledge,
    pledge_slots,
    window_slot,
)
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId, SignerWindow, to_hex
from tallystick.service.audit.desk import Facts
from tallystick.service.audit.findings import Code, Finding
from tallystick.service.context import Progress
from tallystick.service.ports import Transaction
from tallystick.service.report import log_append
from tallystick.store.records import AppendRecord


def check_logs(
    transaction: Transaction, facts: Facts, deployment: Deployment, as_of: BlockRef, progress: Progress
) -> Iterator[Finding]:
    """Heads and operators of all logs as of ``as_of``, and the registry's own state."""
    registry = facts.registry_facts(deployment.block_number, as_of.number)
    yield from _registry(facts, deployment, as_of, registry)
    operators = _Operators(registry)
    known = transaction.subjects()
    for done, subject in enumerate(known, 1):
        appends = transaction.appends(subject, as_of.number)
        folded = fold(log_append(append) for append in appends)
        held = Hash(facts.slot(deployment.ledger, head_slot(subject), as_of).to_bytes(32, "big"))
        if folded != held:
            yield Finding(Code.HEAD, (subject,), facts=(("expected", to_hex(folded)), ("got", to_hex(held))))
        yield from operators.check(appends)
        progress("heads", done, len(known))


def check_signers(
    transaction: Transaction, facts: Facts, deployment: Deployment, as_of: BlockRef, parties: Sequence[PartyId]
) -> Iterator[Finding]:
    """The windows of all signers of ``parties`` as of ``as_of``."""
    for signer in transaction.signers(parties, as_of.number):
        said = SignerWindow(signer.added_at, signer.revoked_at)
        held = decode_window(facts.slot(deployment.registry, window_slot(signer.party, signer.signer), as_of))
        if said != held:
            yield Finding(
                Code.SIGNER_WINDOW,
                (signer.party,),
                facts=(("expected", window(said)), ("got", window(held)), ("signer", to_hex(signer.signer))),
            )


def admitted(facts: Facts, deployment: Deployment, as_of: BlockRef) -> list[PartyId]:
    """Every party that was admitted by ``as_of``."""
    return sorted(
        PartyId(fact.holder)
        for fact in facts.registry_facts(deployment.block_number, as_of.number)
        if fact.role == "party"
    )


def check_pledges(facts: Facts, deployment: Deployment, as_of: BlockRef, events: Sequence[Event]) -> Iterator[Finding]:
    """The register of receivables after ``events``, all up to ``as_of``, against its storage."""
    book = PledgeBook()
    for event in events:
        if not isinstance(event, Pledged | Cancelled) and event.pledge not in book.pledges:
            yield _pledge_state(event.supplier, event.pledge)
            continue
        book.apply(event)

    def held(slot: bytes) -> int:
        return facts.slot(deployment.receivables, slot, as_of)

    for name, pledge in book.pledges.items():
        try:
            kept = parse_pledge([held(slot) for slot in pledge_slots(name)])
        except MalformedInput:
            kept = None
        newest = int.from_bytes(book.last[pledge.supplier, pledge.receivable], "big")
        same = int.from_bytes(book.last_of_fingerprint[pledge.supplier, pledge.fingerprint], "big")
        if (
            kept != pledge
            or held(last_pledge_slot(pledge.supplier, pledge.receivable)) != newest
            or held(last_pledge_of_fingerprint_slot(pledge.supplier, pledge.fingerprint)) != same
        ):
            yield _pledge_state(pledge.supplier, name)


def window(value: SignerWindow) -> str:
    """``value`` as a part of a sentence."""
    return f"added {value.added_at}, revoked {value.revoked_at}"


def _pledge_state(supplier: PartyId, name: Hash) -> Finding:
    return Finding(Code.PLEDGE_STATE, (supplier,), facts=(("pledge", to_hex(name)),))


def _registry(
    facts: Facts, deployment: Deployment, as_of: BlockRef, registry: Sequence[RegistryFact]
) -> Iterator[Finding]:
    newest = {fact.slot: fact for fact in registry}
    for slot, fact in newest.items():
        held = facts.slot(deployment.registry, slot, as_of)
        if held != fact.value:
            values = (("account", to_hex(fact.holder)), ("expected", str(fact.value)), ("got", str(held)))
            yield Finding(Code.ROLE, facts=(*values, ("role", fact.role)))


class _Operators:
    """Who might seal in which blocks."""

    def __init__(self, registry: Sequence[RegistryFact]) -> None:
        self._changes: dict[Address, list[tuple[int, bool]]] = {}
        for fact in registry:
            if fact.role == OPERATOR:
                self._changes.setdefault(Address(fact.holder), []).append((fact.block.number, bool(fact.value)))

    def check(self, appends: Sequence[AppendRecord]) -> Iterator[Finding]:
        for append in appends:
            if not self._might_seal(append.operator, append.block_number):
                yield Finding(Code.NOT_OPERATOR, operator=append.operator, batch_id=append.batch_id)

    def _might_seal(self, operator: Address, block_number: int) -> bool:
        """Whether it was an operator when the block began, or became one in it."""
        might = False
        for number, added in self._changes.get(operator, ()):
            if number > block_number:
                break
            # removed in the very block: what it sealed before in that block counts
            might = added or number == block_number
        return might
