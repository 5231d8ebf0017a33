"""Give a party that is here a further identifier, by which documents and statements find it.

Rules:

- an identifier of a scheme with check digits has to hold; none belongs to two parties;
- the first identifier, which makes a party's id, stays the first;
- that it was given, by whom and when, is in the journal of administrative acts, by the same transaction.
"""

from __future__ import annotations

from tallystick.errors import Duplicate, MalformedInput, NotFound
from tallystick.intake.identifiers import RANKED, normalise
from tallystick.protocol.binding import party_id
from tallystick.protocol.types import PartyId, to_hex
from tallystick.service.accounts import note_within
from tallystick.service.context import Context
from tallystick.store.records import Identifier, PartyRecord

MAX_IDENTIFIERS = 100


def check_holds(identifier: Identifier) -> Identifier:
    """``identifier`` as it is kept, without the blanks and points that people put in.

    Raises:
        MalformedInput: its check digits do not hold, or it is not of its scheme's form.
    """
    if identifier.scheme not in RANKED:
        return identifier
    found = normalise(identifier.scheme, identifier.value)
    if found is None:
        raise MalformedInput(
            f"identifier: expected one of the scheme {identifier.scheme} that holds, got {identifier}.",
            todo="Check its digits: docs/intake.md says what each scheme asks for.",
        )
    return Identifier(*found)


def add_identifier(context: Context, actor: str, party: PartyId, identifier: Identifier) -> PartyRecord:
    """``party`` with ``identifier``, which ``actor`` gave it; nothing changes where it has it already.

    Raises:
        NotFound: no such party. Duplicate: another party has it. MalformedInput: it does not hold, or is one too many.
    """
    identifier = check_holds(identifier)
    own_id = party_id(context.network_key, identifier.scheme, identifier.value)
    with context.store.transaction() as transaction:
        found = transaction.party(party)
        if found is None:
            raise NotFound(f"party {to_hex(party)}: not known here.", todo="Add the party first.")
        if identifier in found.identifiers:
            return found
        holder = transaction.party_by_identifier(identifier) or transaction.party(own_id)
        if holder is not None and holder.party != party:
            raise Duplicate(
                f"identifier {identifier}: expected one that nobody has, it names {holder.name} already.",
                todo="An identifier names one legal entity: ask which of the two is meant.",
            )
        if len(found.identifiers) >= MAX_IDENTIFIERS:
            raise MalformedInput(f"party {found.name}: expected at most {MAX_IDENTIFIERS} identifiers.")
        transaction.add_identifier(party, identifier)
        told = {"party": to_hex(party), "identifier": str(identifier)}
        note_within(transaction, context.clock.now(), actor, "identifier added", told)
        made = transaction.party(party)
    assert made is not None, "it was there before"
    return made
