"""The signers of a party: added, rotated, revoked, stated to be compromised; each by one act, in one transaction.

::

    rotate       add new .. final .. what the old key signed is final .. revoke old
    compromise   revoke old at once; add new beside it; keep since when; say what the old key signed since
    revoke       revoke at once

Rules:

- an act is in the journal and in the outbox, or in neither; a worker, which has the registrar's key, sends it;
- from the act on nothing that a revoked key signs is accepted here, whenever the block of the revocation comes;
- the contract revokes as of a block and for ever. What the key signed and is sealed stays good: that it was in other
  hands since some time is a statement beside the ledger, which says what to look at and to correct or dispute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tallystick.errors import Duplicate, MalformedInput, Misfit, NotFound, Refused, UsageError
from tallystick.protocol.types import Address, EvidenceId, PartyId, Timestamp, to_hex
from tallystick.service.accounts import note_within
from tallystick.service.context import Context
from tallystick.service.outbox import signed_by
from tallystick.service.parties import NewParty, check_member, registrar_of
from tallystick.service.ports import Transaction
from tallystick.store.records import PartyRecord
from tallystick.store.signer_records import Compromise


class SignerState(StrEnum):
    """How a signer stands, as far as the chain is indexed and changes were asked for."""

    QUEUED = "queued"
    """Asked for, and not in a final block yet."""
    ACTIVE = "active"
    RETIRING = "retiring"
    """Its revocation is asked for, and not in a final block yet."""
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class SignerView:
    """A signer of a party: when the chain had it added and revoked, and whether its key is managed here."""

    signer: Address
    state: SignerState
    managed: bool
    added_at: Timestamp | None = None
    revoked_at: Timestamp | None = None
    compromised_since: Timestamp | None = None
    trouble: str | None = None
    """Why what was asked for could not be done yet."""


@dataclass(frozen=True, slots=True)
class Compromised:
    """What follows from a compromise: the new signer, if any, and what the old one signed since."""

    new: Address | None
    suspects: tuple[EvidenceId, ...]


def admit_own(context: Context, actor: str, member: NewParty, signer: Address) -> PartyRecord:
    """Keep ``member`` as a party that signs itself, with ``signer``, and ask for its admission.

    Raises:
        Duplicate, MalformedInput: as ``add_parties``. Refused: the registrar is somebody else; says what to ask for.
    """
    party, now = check_member(context, member), context.clock.now()
    if context.registrar is None:
        raise Refused(
            "party: expected this home to admit it, got one that seals only.",
            todo="Ask the registrar of the ledger to admit it in their home.",
        )
    record = PartyRecord(party, member.name, member.identifiers, (), now)
    with context.store.transaction() as transaction:
        transaction.add_party(record)
        act = _act(context)
        transaction.add_registry_change(act, party, signer, now, added=True)
        told = {"party": to_hex(party), "signer": to_hex(signer), "change": act}
        note_within(transaction, now, actor, "party added", told)
    return record


def add_signer(context: Context, actor: str, party: PartyRecord, signer: Address) -> None:
    """Ask that ``signer``, whose key is elsewhere, sign for ``party`` as well. Raises ``Duplicate``, ``Refused``."""
    _check_registrar(context)
    now, act = context.clock.now(), _act(context)
    with context.store.transaction() as transaction:
        _check_new(transaction, party.party, signer)
        transaction.add_registry_change(act, party.party, signer, now, added=True)
        _note(transaction, now, actor, "signer added", party, act, new=signer)


def rotate(
    context: Context,
    actor: str,
    party: PartyRecord,
    new: Address | None = None,
    replaces: Sequence[Address] = (),
) -> Address:
    """Ask for a new signer of ``party`` in the place of those that it ``replaces``; its address.

    Without ``new`` a key is made in the keystore here. Without ``replaces`` it takes the place of the managed keys, or
    of the only signer there is. The old ones sign until the new one is final; what they signed does not become void.

    Raises:
        UsageError: it is not clear which are replaced. NotFound: one that is replaced is no signer, or not any more.
        Duplicate: the new one was a signer before. Refused: the registrar is somebody else.
    """
    _check_registrar(context)
    made = _made(context, party) if new is None else new
    now, act = context.clock.now(), _act(context)
    with context.store.transaction() as transaction:
        _check_new(transaction, party.party, made)
        old = _replaced(transaction, party, replaces)
        first = transaction.add_registry_change(act, party.party, made, now, added=True, managed=new is None)
        for one in old:
            transaction.add_registry_change(act, party.party, one, now, added=False, after=first)
        _note(transaction, now, actor, "signer rotated", party, act, new=made, old=old)
    return made


def revoke(context: Context, actor: str, party: PartyRecord, signer: Address) -> None:
    """Ask that ``signer`` sign for ``party`` no more; from now on nothing of it is accepted here.

    Raises:
        NotFound: it is no signer of the party. Duplicate: it is revoked, or to be. Refused: the registrar is elsewhere.
    """
    _check_registrar(context)
    now, act = context.clock.now(), _act(context)
    with context.store.transaction() as transaction:
        _check_active(transaction, party.party, signer)
        transaction.add_registry_change(act, party.party, signer, now, added=False)
        _note(transaction, now, actor, "signer revoked", party, act, old=(signer,))


def state_compromise(
    context: Context,
    actor: str,
    party: PartyRecord,
    signer: Address,
    since: Timestamp,
    *,
    new: Address | None = None,
    makes_new: bool = False,
) -> Compromised:
    """State that the key of ``signer`` is in other hands ``since`` then: it is revoked at once, and ``new`` asked for.

    With ``makes_new`` the new key is made in the keystore here. Returned is, too, what the old one signed and was
    recorded since then; what of it is sealed stays good on chain: it is to be corrected or disputed.

    Raises:
        MalformedInput: a time to come. NotFound, Duplicate, Refused: as ``revoke`` and ``rotate``.
    """
    _check_registrar(context)
    now, act = context.clock.now(), _act(context)
    if since > now:
        raise MalformedInput(f"since: expected a time up to now, {now}, got {since}.")
    with context.store.transaction(read_only=True) as transaction:
        _check_active(transaction, party.party, signer)
    made = _made(context, party) if makes_new else new
    with context.store.transaction() as transaction:
        _check_active(transaction, party.party, signer)
        transaction.add_registry_change(act, party.party, signer, now, added=False)
        if made is not None:
            _check_new(transaction, party.party, made)
            transaction.add_registry_change(act, party.party, made, now, added=True, managed=makes_new)
        transaction.add_compromise(party.party, Compromise(signer, since, now))
        records = transaction.signed_since(party.party, since)
        suspects = tuple(one.evidence_id for one in records if signed_by(one, party.party, signer))
        _note(transaction, now, actor, "signer compromised", party, act, new=made, old=(signer,), since=since)
    return Compromised(made, suspects)


def signers_of(transaction: Transaction, party: PartyRecord) -> list[SignerView]:
    """All signers that ``party`` ever had or is to have: those of the chain by time, then those that were asked for."""
    cursor = transaction.cursor()
    final = () if cursor is None else transaction.signers([party.party], cursor.block_number)
    is_final = {record.signer for record in final}
    changes = transaction.registry_changes(party.party)
    revoking = {one.signer: one for one in changes if not one.added and one.done_at is None}
    adding = {one.signer: one for one in changes if one.added and one.done_at is None}
    managed = set(party.signers) | {one.signer for one in changes if one.managed}
    since = {one.signer: one.since for one in transaction.compromises(party.party)}
    views = []
    for record in transaction.signers([party.party]):
        asked = revoking.get(record.signer) or adding.get(record.signer)
        state = SignerState.ACTIVE if record.signer in is_final else SignerState.QUEUED
        if record.signer in revoking:
            state = SignerState.RETIRING
        elif record.revoked_at:
            state = SignerState.REVOKED
        views.append(
            SignerView(
                record.signer,
                state,
                record.signer in managed,
                record.added_at,
                record.revoked_at or None,
                since.get(record.signer),
                None if asked is None else asked.trouble,
            )
        )
    known = {view.signer for view in views}
    waiting = [one for one in [*party.signers, *adding] if one not in known]
    return views + [
        SignerView(one, SignerState.QUEUED, one in managed, trouble=adding[one].trouble if one in adding else None)
        for one in dict.fromkeys(waiting)
    ]


def _replaced(transaction: Transaction, party: PartyRecord, named: Sequence[Address]) -> tuple[Address, ...]:
    views = signers_of(transaction, party)
    active = [view for view in views if view.state is SignerState.ACTIVE]
    if named:
        for one in named:
            _check_active(transaction, party.party, one)
        return tuple(dict.fromkeys(named))
    managed = tuple(view.signer for view in active if view.managed)
    if managed or len(active) <= 1:
        return managed or tuple(view.signer for view in active)
    raise UsageError(
        f"replaces: expected which of {', '.join(to_hex(view.signer) for view in active)} is replaced, got none.",
        todo="Name it.",
    )


def _check_active(transaction: Transaction, party: PartyId, signer: Address) -> None:
    """Raises ``NotFound`` unless ``signer`` is one, ``Misfit`` if not yet, ``Duplicate`` if it is revoked, or to be."""
    known = {record.signer: record for record in transaction.signers([party])}
    changes = transaction.registry_changes(party)
    if signer not in known and any(one.signer == signer and one.added for one in changes):
        raise Misfit(
            f"signer {to_hex(signer)}: expected it to be on the chain, it is on its way there.",
            todo="Wait until its state is active, then do the same again.",
        )
    if signer not in known:
        raise NotFound(
            f"signer {to_hex(signer)}: the chain knows no such signer of the party.", todo="List its signers."
        )
    asked = any(one.signer == signer and not one.added for one in changes)
    if known[signer].revoked_at or asked:
        raise Duplicate(f"signer {to_hex(signer)}: it is revoked, or to be revoked, already.", todo="List its signers.")


def _check_new(transaction: Transaction, party: PartyId, signer: Address) -> None:
    if not any(signer):
        raise MalformedInput("signer: expected an address, got zero.")
    if any(record.signer == signer for record in transaction.signers([party])):
        raise Duplicate(
            f"signer {to_hex(signer)}: it signs, or signed, for the party already; a revocation is for ever.",
            todo="Take another key.",
        )


def _check_registrar(context: Context) -> None:
    if context.registrar is None:
        registrar_of(context, "change a party's keys")


def _made(context: Context, party: PartyRecord) -> Address:
    return context.keys.create(f"{party.name} ({to_hex(party.party)[:10]})")


def _act(context: Context) -> str:
    return context.entropy.bytes(8).hex()


def _note(
    transaction: Transaction,
    at: Timestamp,
    actor: str,
    act: str,
    party: PartyRecord,
    change: str,
    *,
    new: Address | None = None,
    old: Sequence[Address] = (),
    since: Timestamp | None = None,
) -> None:
    told: dict[str, object] = {"party": to_hex(party.party), "change": change}
    if new is not None:
        told["signer"] = to_hex(new)
    if old:
        told["revoked"] = [to_hex(one) for one in old]
    if since is not None:
        told["since"] = since
    note_within(transaction, at, actor, act, told)
