"""Parties: admit them to the ledger, find them, rotate and revoke their keys.

Rules:

- a party is kept here before it is admitted on chain, and ``complete_admissions`` finishes what a crash left undone;
- where the registrar is somebody else, they admit a party that is kept here, with the key that was made here;
- whoever sends from the registrar's account holds its lock: only then it is looked up what is left to send;
- a party is named by its id, by ``SCHEME:identifier``, or by a name that only one party has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from tallystick.errors import Duplicate, MalformedInput, NotFound, Refused, StoreUnavailable
from tallystick.protocol.binding import PartyBinding, party_id
from tallystick.protocol.types import Address, PartyId, clip, parse_bytes32, to_hex
from tallystick.service.context import Context, Progress, silent
from tallystick.service.index import index
from tallystick.service.ports import Sign, Transaction
from tallystick.service.sending import sending
from tallystick.store.records import Identifier, PartyRecord

MAX_NAME = 150
_NAMED_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class NewParty:
    """A legal entity to admit: its name, and its identifiers, of which the first makes its id."""

    name: str
    identifiers: tuple[Identifier, ...]


def parse_identifier(text: str) -> Identifier:
    """The identifier that ``SCHEME:value`` spells. Raises ``MalformedInput`` for another form."""
    scheme, colon, value = text.partition(":")
    if not colon:
        raise MalformedInput(
            f"identifier: expected SCHEME:value such as LEI:5493001KJTIIGC8Y1R12, got {clip(text)}.",
            todo="Name the scheme: LEI, USCC, VAT, DUNS, or ERP for your own numbers.",
        )
    return Identifier(scheme, value)


def add_parties(context: Context, members: Sequence[NewParty], progress: Progress = silent) -> list[PartyRecord]:
    """Keep ``members`` as managed parties, each with a new key, and admit them to the ledger.

    Raises:
        Duplicate: one of them, or one of its identifiers, is known already; then nothing is kept.
        MalformedInput: a bad name or identifier.
        Refused: kept, but the registrar is somebody else and must admit them; the message says whom.
        ChainError: kept, but not admitted yet: ``complete_admissions`` tries again.

    A process that leaves such work to others keeps them, and a worker admits them.
    """
    ids = [check_member(context, member) for member in members]
    with context.store.transaction() as transaction:
        for party, member in zip(ids, members, strict=True):
            if (taken := transaction.party(party)) is not None:
                raise Duplicate(
                    f"party {member.identifiers[0]}: expected a new one, got {taken.name}, which is here already."
                )
    signers = context.keys.create_many(
        [f"{member.name} ({to_hex(party)[:10]})" for party, member in zip(ids, members, strict=True)]
    )
    now = context.clock.now()
    records = [
        PartyRecord(party, member.name, member.identifiers, (signer,), now)
        for party, member, signer in zip(ids, members, signers, strict=True)
    ]
    with context.store.transaction() as transaction:
        for record in records:
            transaction.add_party(record)
    if context.works:
        complete_admissions(context, progress)
    if context.registrar is None:
        pairs = [f"{to_hex(record.party)} {to_hex(record.signers[0])}" for record in records[:_NAMED_AT_ONCE]]
        raise Refused(
            f"party: expected to admit {len(records)}, which only the registrar of the ledger may; kept here, each "
            "with a key.",
            todo="Ask the registrar to run, for each of them (see `tallystick party list --json`), "
            + "; ".join(f"tallystick party admit {pair}" for pair in pairs),
        )
    return records


def complete_admissions(context: Context, progress: Progress = silent) -> int:
    """Admit every managed party that the chain does not know yet; returns how many there were.

    A party that another installation had admitted gets the key it has here as a further one. Nothing is done where the
    registrar is somebody else.
    """
    index(context)
    if context.registrar is None or not any(_unadmitted(context)):
        return 0
    registrar, sign = registrar_of(context, "admit parties")
    with sending(context, registrar):
        index(context)
        missing, keyless = _unadmitted(context)
        total = len(missing) + len(keyless)
        progress("admitted", 0, total)
        if missing:
            context.chain.admit(registrar, sign, missing)
        for party, signer in keyless:
            context.chain.add_signer(registrar, sign, party, signer)
        progress("admitted", total, total)
    index(context)
    return total


def _unadmitted(context: Context) -> tuple[list[tuple[PartyId, Address]], list[tuple[PartyId, Address]]]:
    """Managed parties that the chain does not know, and those of which it knows no key that is here; each with one."""
    with context.store.transaction(read_only=True) as transaction:
        parties = [party for party in transaction.parties() if party.signers]
        known = {(item.party, item.signer) for item in transaction.signers([party.party for party in parties])}
    admitted = {party for party, _ in known}
    missing = [(party.party, party.signers[0]) for party in parties if party.party not in admitted]
    keyless = [
        (party.party, party.signers[0])
        for party in parties
        if party.party in admitted and known.isdisjoint((party.party, signer) for signer in party.signers)
    ]
    return missing, keyless


def admit_elsewhere(context: Context, party: PartyId, signer: Address) -> None:
    """As the registrar, let ``signer``, whose key another installation has, sign for ``party``, admitted if it is new.

    Raises:
        Refused: the registrar is somebody else.
        TransactionFailed: it signs already, or was revoked.
    """
    registrar, sign = registrar_of(context, "admit a party")
    with sending(context, registrar):
        index(context)
        with context.store.transaction(read_only=True) as transaction:
            is_known = bool(transaction.signers([party]))
        if is_known:
            context.chain.add_signer(registrar, sign, party, signer)
        else:
            context.chain.admit(registrar, sign, [(party, signer)])
    index(context)


def find_party(transaction: Transaction, name: str, seen_by: str | None = None) -> PartyRecord:
    """The party that ``name`` means: its id, ``SCHEME:identifier``, or its unique name.

    Where ``seen_by`` names an organisation, others than it may see are not there.

    Raises:
        NotFound: nobody is called that, or several are.
    """
    # an id or identifier before a name: whoever is called like another's must not take its place
    found = None
    if ":" in name:
        found = transaction.party_by_identifier(parse_identifier(name), seen_by)
    elif (wanted := as_id(name)) is not None:
        found = transaction.party(wanted, seen_by)
    return _the_one(transaction.parties_by_name(name, seen_by) if found is None else [found], name)


def find_among(parties: Iterable[PartyRecord], name: str) -> PartyRecord:
    """The one of ``parties`` that ``name`` means, as ``find_party`` understands it; others are not there."""
    among = list(parties)
    matches = []
    if ":" in name:
        identifier = parse_identifier(name)
        matches = [one for one in among if identifier in one.identifiers]
    elif (wanted := as_id(name)) is not None:
        matches = [one for one in among if one.party == wanted]
    return _the_one(matches or [one for one in among if one.name == name], name)


def as_id(name: str) -> PartyId | None:
    """The party id that ``name`` spells, or None."""
    with suppress(MalformedInput):
        return PartyId(parse_bytes32(name, "party"))
    return None


def _the_one(matches: Sequence[PartyRecord], name: str) -> PartyRecord:
    if not matches:
        if name.startswith("0x"):
            parse_bytes32(name, "party")  # says what is wrong with it
        raise unknown_party(name)
    if len(matches) > 1:
        ids = ", ".join(str(match.identifiers[0]) for match in matches[:5])
        raise NotFound(
            f"party {clip(name)}: {len(matches)} are called that.", todo=f"Name one by its identifier: {ids}."
        )
    return matches[0]


def unknown_party(name: str) -> NotFound:
    """What is said of a party that is not known, or that the asker may not know of."""
    return NotFound(f"party {clip(name)}: not known here.", todo="List the parties with `tallystick party list`.")


def rotate_key(context: Context, party: PartyRecord) -> Address:
    """Give ``party`` a new key, registered on chain; the old ones stay active until revoked. Returns its address.

    Raises:
        Refused: the registrar is somebody else; no key was made.
    """
    registrar, sign = registrar_of(context, "register a new key")
    signer = context.keys.create(f"{party.name} ({to_hex(party.party)[:10]})")
    with context.store.transaction() as transaction:
        transaction.add_signer(party.party, signer)
    with sending(context, registrar):
        context.chain.add_signer(registrar, sign, party.party, signer)
    index(context)
    return signer


def revoke_key(context: Context, party: PartyRecord, signer: Address) -> None:
    """Revoke ``signer`` for ``party``, for ever; what it signed before the block of the revocation stays good.

    Raises:
        Refused: the registrar is somebody else.
    """
    registrar, sign = registrar_of(context, "revoke a key")
    with sending(context, registrar):
        context.chain.revoke_signer(registrar, sign, party.party, signer)
    index(context)


def bind(context: Context, party: PartyRecord, transaction: Transaction | None = None) -> PartyBinding:
    """The registrar's signed statement of who ``party`` is; of those in ``transaction`` where a worker has to sign it.

    Raises:
        Refused: the registrar is somebody else. StoreUnavailable: the worker has not signed it yet.
    """
    if context.works or context.registrar is None:
        _, sign = registrar_of(context, "state who a party is")
        return _binding(party, sign(_binding(party, b"").digest(context.chain.deployment.domain)))
    with nullcontext(transaction) if transaction else context.store.transaction(read_only=True) as reading:
        found = reading.bindings(context.registrar, [party.party]).get(party.party)
    if found is None:
        raise StoreUnavailable(
            f"party {party.name}: the registrar has not signed yet who it is.",
            todo="Try again in a few seconds; if that does not help, look whether `tallystick worker` runs.",
        )
    return _binding(party, found)


def sign_bindings(context: Context, limit: int = 500) -> int:
    """Sign who those parties are of which no signed statement is kept, at most ``limit``; returns how many."""
    if context.registrar is None:
        return 0
    with context.store.transaction(read_only=True) as transaction:
        unbound = transaction.some_parties(transaction.unbound_parties(context.registrar, limit))
    if unbound:
        made = {party.party: bind(context, party).signature for party in unbound}
        with context.store.transaction() as transaction:
            transaction.set_bindings(context.registrar, made)
    return len(unbound)


def _binding(party: PartyRecord, signature: bytes) -> PartyBinding:
    identifier = party.identifiers[0]
    return PartyBinding(
        party.party, identifier.scheme, identifier.value, party.name, party.created_at, signature=signature
    )


def registrar_of(context: Context, deed: str) -> tuple[Address, Sign]:
    """The registrar of this installation, who is to do ``deed``, and what signs for it."""
    registrar = context.registrar
    if registrar is None:
        raise Refused(
            f"{deed}: expected this home to have the registrar's key, got one that seals only.",
            todo="Ask the registrar of the ledger to do it in their home.",
        )
    return registrar, lambda digest: context.keys.sign(registrar, digest)


def check_member(context: Context, member: NewParty) -> PartyId:
    """The id of ``member``. Raises ``MalformedInput`` for a bad name or identifier."""
    if not 0 < len(member.name) <= MAX_NAME or not member.name.isprintable() or member.name != member.name.strip():
        raise MalformedInput(
            f"party name: expected 1 to {MAX_NAME} printable characters without blanks around, got {clip(member.name)}."
        )
    if not member.identifiers:
        raise MalformedInput(
            f"party {member.name}: expected at least one identifier, got none.", todo="Give one, e.g. LEI:..."
        )
    for identifier in member.identifiers:
        party_id(context.network_key, identifier.scheme, identifier.value)
    return party_id(context.network_key, member.identifiers[0].scheme, member.identifiers[0].value)
