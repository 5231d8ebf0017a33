"""The parties this installation knows by name, their identifiers and the keys it manages for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, select, union

from tallystick.errors import Duplicate, NotFound
from tallystick.protocol.types import Address, PartyId, to_hex
from tallystick.store.api_tables import trading_partner
from tallystick.store.records import Identifier, PartyRecord
from tallystick.store.rows import CHUNK, chunks
from tallystick.store.schema import acts_for, managed_signer
from tallystick.store.schema import identifier as identifiers
from tallystick.store.schema import party as named_parties
from tallystick.store.tallies import TallyRows

_PARTIES = select(named_parties.c.party, named_parties.c.name, named_parties.c.created_at)
_OWN = select(acts_for.c.party).where(acts_for.c.organisation == bindparam("seen_by"))
_PARTNERS = select(trading_partner.c.other).where(trading_partner.c.party.in_(_OWN))
_SEEN = _PARTIES.where(named_parties.c.party.in_(union(_OWN, _PARTNERS)))
"""Those that the organisation ``seen_by`` acts for, and those that trade with them."""


def _both(narrowed: Callable[[Select[Any]], Select[Any]]) -> Mapping[bool, Select[Any]]:
    """A statement among all parties, and (True) among those that are seen."""
    return {False: narrowed(_PARTIES), True: narrowed(_SEEN)}


# Asked for each request: made once.

_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
_BY_ID = _both(lambda of: of.where(named_parties.c.party == bindparam("party")))
_BY_NAME = _both(lambda of: of.where(named_parties.c.name == bindparam("name")))
_BY_IDENTIFIER = _both(
    lambda of: of.where(
        named_parties.c.party.in_(
            select(identifiers.c.party).where(
                identifiers.c.scheme == bindparam("scheme"), identifiers.c.value == bindparam("value")
            )
        )
    )
)
_AFTER = _both(
    lambda of: (
        of.where(named_parties.c.party > bindparam("after")).order_by(named_parties.c.party).limit(bindparam("most"))
    )
)
_SOME = _PARTIES.where(named_parties.c.party.in_(_WANTED))
_IDENTIFIERS = identifiers.select().order_by(identifiers.c.ordinal)
_SIGNERS = managed_signer.select().order_by(managed_signer.c.position)
_THEIR_IDENTIFIERS = _IDENTIFIERS.where(identifiers.c.party.in_(_WANTED))
_THEIR_SIGNERS = _SIGNERS.where(managed_signer.c.party.in_(_WANTED))


class PartyRows(TallyRows):
    """The part of a transaction that reads and writes parties."""

    def __init__(self, connection: Connection, place: str) -> None:
        self._connection = connection
        self._place = place

    def add_party(self, party: PartyRecord) -> None:
        """Keep a new party with its identifiers and signers.

        Raises:
            Duplicate: its id, or one of its identifiers, is taken; the message names it and who has it.
        """
        self._refuse_taken_party(party)
        row = {"party": party.party, "name": party.name, "created_at": party.created_at}
        self._connection.execute(named_parties.insert(), row)
        self._tally("parties", 1)
        if party.identifiers:
            self._connection.execute(
                identifiers.insert(),
                [
                    {"scheme": one.scheme, "value": one.value, "party": party.party, "ordinal": ordinal}
                    for ordinal, one in enumerate(party.identifiers)
                ],
            )
        if party.signers:
            rows = [{"party": party.party, "signer": signer} for signer in party.signers]
            self._connection.execute(managed_signer.insert(), rows)

    def add_identifier(self, party: PartyId, identifier: Identifier) -> None:
        """Note ``identifier`` as a further one of ``party``, after those that it has.

        Raises:
            NotFound: no such party.
            Duplicate: it is taken; the message names who has it.
        """
        known = self.party(party)
        if known is None:
            raise NotFound(f"There is no party {to_hex(party)}.", todo="Add the party first.")
        if (holder := self.party_by_identifier(identifier)) is not None:
            raise Duplicate(f"The identifier {identifier} names party {holder.name!r} already.")
        ordinal = len(known.identifiers)
        row = {"scheme": identifier.scheme, "value": identifier.value, "party": party, "ordinal": ordinal}
        self._connection.execute(identifiers.insert(), row)

    def add_signer(self, party: PartyId, signer: Address) -> None:
        """Note ``signer`` as a further managed key of ``party``.

        Raises:
            NotFound: no such party.
            Duplicate: it is noted already.
        """
        known = self.party(party)
        if known is None:
            raise NotFound(f"There is no party {to_hex(party)}.", todo="Add the party first.")
        if signer in known.signers:
            raise Duplicate(f"The key {to_hex(signer)} is noted for party {known.name!r} already.")
        self._connection.execute(managed_signer.insert(), {"party": party, "signer": signer})

    def party(self, party: PartyId, seen_by: str | None = None) -> PartyRecord | None:
        """The party ``party``, or None."""
        return next(iter(self._looked_up(_BY_ID, seen_by, party=party)), None)

    def count_parties(self) -> int:
        """How many parties are kept."""
        return self.tallies().get("parties", 0)

    def parties(self) -> list[PartyRecord]:
        """All parties, by name (in code point order) then id."""
        return self._parties(_PARTIES)

    def parties_after(self, after: PartyId, limit: int, seen_by: str | None = None) -> list[PartyRecord]:
        """Parties whose ids are above ``after``, by id, at most ``limit``."""
        return sorted(self._looked_up(_AFTER, seen_by, after=after, most=limit), key=lambda one: one.party)

    def some_parties(self, parties: Iterable[PartyId]) -> list[PartyRecord]:
        """Those of ``parties`` that are kept, by name then id."""
        found = [one for some in chunks(parties) for one in self._parties(_SOME, {"wanted": some})]
        return sorted(found, key=lambda one: (one.name, one.party))

    def party_by_identifier(self, identifier: Identifier, seen_by: str | None = None) -> PartyRecord | None:
        """The party that ``identifier`` names, or None."""
        found = self._looked_up(_BY_IDENTIFIER, seen_by, scheme=identifier.scheme, value=identifier.value)
        return next(iter(found), None)

    def parties_by_name(self, name: str, seen_by: str | None = None) -> list[PartyRecord]:
        """The parties of exactly this ``name``, by id."""
        return self._looked_up(_BY_NAME, seen_by, name=name)

    def _refuse_taken_party(self, record: PartyRecord) -> None:
        known = self.party(record.party)
        if known is not None:
            raise Duplicate(
                f"The party {to_hex(record.party)} is here already, as {known.name!r}.",
                todo="Use the party that is there.",
            )
        for position, one in enumerate(record.identifiers):
            if one in record.identifiers[:position]:
                raise Duplicate(f"The identifier {one} is given twice.", todo="Give each identifier once.")
            holder = self.party_by_identifier(one)
            if holder is not None:
                raise Duplicate(
                    f"The identifier {one} belongs to {holder.name!r} already.",
                    todo="Use the party that is there, or check the identifier.",
                )
        if len(set(record.signers)) != len(record.signers):
            raise Duplicate(f"A key of {record.name!r} is given twice.", todo="Give each key once.")

    def _looked_up(self, among: Mapping[bool, Select[Any]], seen_by: str | None, **asked: Any) -> list[PartyRecord]:
        if seen_by is not None:
            asked["seen_by"] = seen_by
        return self._parties(among[seen_by is not None], asked)

    def _parties(self, statement: Select[Any], asked: Mapping[str, Any] | None = None) -> list[PartyRecord]:
        # Ordered here, not by the database: PostgreSQL would order by the language of its installation.
        rows = sorted(self._connection.execute(statement, asked or {}).all(), key=lambda row: (row.name, row.party))
        few = [row.party for row in rows] if len(rows) <= CHUNK else None
        named, keys = self._belongings(few)
        return [
            PartyRecord(row.party, row.name, tuple(named[row.party]), tuple(keys[row.party]), row.created_at)
            for row in rows
        ]

    def _belongings(
        self, parties: Iterable[PartyId] | None
    ) -> tuple[dict[PartyId, list[Identifier]], dict[PartyId, list[Address]]]:
        """Identifiers and keys by party, of ``parties`` or of all of them."""
        named: dict[PartyId, list[Identifier]] = defaultdict(list)
        keys: dict[PartyId, list[Address]] = defaultdict(list)
        for wanted in [None] if parties is None else list(chunks(parties)):
            asked = {} if wanted is None else {"wanted": wanted}
            for row in self._connection.execute(_IDENTIFIERS if wanted is None else _THEIR_IDENTIFIERS, asked):
                named[row.party].append(Identifier(row.scheme, row.value))
            for row in self._connection.execute(_SIGNERS if wanted is None else _THEIR_SIGNERS, asked):
                keys[row.party].append(row.signer)
        return named, keys
