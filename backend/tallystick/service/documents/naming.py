"""Who the parties of a document are: found by their identifiers, never by their names.

Rules:

- any of a party's identifiers finds it, and all that are registered must find the same one;
- a name only suggests: it holds a document back, with what to register.
"""

from __future__ import annotations

from tallystick.intake.documents import TradeParty
from tallystick.protocol.types import PartyId
from tallystick.service.documents.outcomes import Reason, Status, Stop
from tallystick.service.ports import Transaction
from tallystick.store.records import Identifier, PartyRecord


class Names:
    """The parties that documents name, each looked up once."""

    def __init__(self) -> None:
        self._found: dict[tuple[tuple[str, str], ...], PartyRecord | None] = {}
        self._taken: dict[str, bool] = {}
        """By name, whether a party has it."""

    def find(self, transaction: Transaction, party: TradeParty) -> PartyRecord | None:
        """Who ``party`` is, or None where none of its identifiers is registered.

        Raises:
            Stop: its identifiers belong to different parties.
        """
        if party.identifiers in self._found:
            return self._found[party.identifiers]
        known: dict[bytes, tuple[PartyRecord, str]] = {}
        for scheme, value in party.identifiers:
            record = transaction.party_by_identifier(Identifier(scheme, value))
            if record is not None:
                known.setdefault(record.party, (record, f"{scheme}:{value}"))
        if len(known) > 1:
            (one, by_one), (other, by_other) = list(known.values())[:2]
            facts = {"one": one.name, "byOne": by_one, "other": other.name, "byOther": by_other}
            raise Stop(Status.HELD, Reason.TWO_PARTIES, **facts)
        found = next((record for record, _ in known.values()), None)
        self._found[party.identifiers] = found
        return found

    def need(self, transaction: Transaction, party: TradeParty) -> PartyRecord:
        """Who ``party`` is. Raises ``Stop`` where nobody is registered with one of its identifiers."""
        found = self.find(transaction, party)
        if found is None:
            self.refuse_namesake(transaction, party)
            raise unknown(party)
        return found

    def find_own(self, transaction: Transaction, party: TradeParty, own: frozenset[PartyId]) -> PartyRecord:
        """Who ``party`` is, if that is one of ``own``. Raises ``Stop``, the same one for anybody else as for nobody."""
        try:
            found = self.find(transaction, party)
        except Stop:
            found = None
        if found is None or found.party not in own:
            raise unknown(party)
        return found

    def refuse_namesake(self, transaction: Transaction, party: TradeParty) -> None:
        """Raise ``Stop`` where somebody is called like ``party``, who has none of its identifiers registered."""
        if party.name is None:
            return
        if party.name not in self._taken:
            self._taken[party.name] = bool(transaction.parties_by_name(party.name))
        if self._taken[party.name]:
            raise Stop(Status.HELD, Reason.SAME_NAME, name=party.name, identifier=spelled(party))


def unknown(party: TradeParty) -> Stop:
    """That nobody is registered as ``party``."""
    return Stop(Status.HELD, Reason.UNKNOWN_PARTY, name=party.name or "?", identifier=spelled(party))


def spelled(party: TradeParty) -> str:
    """The most telling identifier of ``party``, as a user writes it."""
    return ":".join(party.identifiers[0])
