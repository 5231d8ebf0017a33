"""What a transaction on the store does for parties, and for the accounts that act for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tallystick.protocol.types import Address, Hash, PartyId, Timestamp
from tallystick.store.identities import ApiKey, Deed, Organisation
from tallystick.store.records import (
    Identifier,
    PartyRecord,
)


class PartyRows(Protocol):
    """Parties, their identifiers and managed keys.

    ``seen_by`` names an organisation: only those that it acts for, and those that trade with them, are there then.
    """

    def add_party(self, party: PartyRecord) -> None:
        """Keep a new party. Raises ``Duplicate`` if its id, or one of its identifiers, is taken."""

    def add_identifier(self, party: PartyId, identifier: Identifier) -> None:
        """Note a further identifier of ``party``. Raises ``Duplicate`` if it is taken, ``NotFound``."""

    def add_signer(self, party: PartyId, signer: Address) -> None:
        """Note a further managed key of ``party``."""

    def party(self, party: PartyId, seen_by: str | None = None) -> PartyRecord | None: ...

    def count_parties(self) -> int: ...

    def parties(self) -> list[PartyRecord]:
        """All parties, by name then id."""

    def parties_after(self, after: PartyId, limit: int, seen_by: str | None = None) -> list[PartyRecord]:
        """Parties whose ids are above ``after``, by id, at most ``limit``."""

    def some_parties(self, parties: Iterable[PartyId]) -> list[PartyRecord]:
        """Those of ``parties`` that are kept, by name then id."""

    def party_by_identifier(self, identifier: Identifier, seen_by: str | None = None) -> PartyRecord | None: ...

    def parties_by_name(self, name: str, seen_by: str | None = None) -> list[PartyRecord]: ...


class AccountRows(Protocol):
    """Organisations, their API keys, and the journal of administrative acts."""

    def add_organisation(self, one: Organisation) -> None:
        """Keep a new organisation. Raises ``Duplicate`` if its name is taken."""

    def let_act_for(self, organisation_id: str, party: PartyId) -> None:
        """Let an organisation act for ``party`` as well."""

    def organisation(self, organisation_id: str) -> Organisation | None: ...

    def organisations(self) -> list[Organisation]:
        """All organisations, closed ones too, by name."""

    def organisations_after(self, after: str, limit: int) -> list[Organisation]:
        """Organisations whose ids are above ``after``, by id, at most ``limit``."""

    def close_organisation(self, organisation_id: str, at: Timestamp) -> None:
        """From ``at`` on none of its keys is good. Raises ``NotFound`` where there is no such open organisation."""

    def add_key(self, one: ApiKey) -> None: ...

    def key(self, key_id: str) -> ApiKey | None: ...

    def holder(self, key_id: str) -> tuple[ApiKey, Organisation] | None:
        """The key of that id with its organisation, whatever became of them, by one statement; or None."""

    def keys(self, organisation_id: str, skip: int = 0, limit: int | None = None) -> list[ApiKey]:
        """Keys that an organisation ever had, oldest first, without the first ``skip``, at most ``limit``."""

    def end_key(self, key_id: str, at: Timestamp, *, revoked: bool) -> None:
        """The key is not good from ``at`` on: revoked, or else expired, if it does not expire before."""

    def note_use(self, key_id: str, at: Timestamp) -> None: ...

    def add_deed(self, one: Deed) -> None: ...

    def last_deed(self) -> Hash:
        """The digest of the newest entry of the journal; zero where there is none."""

    def deeds(self, after: int, limit: int) -> list[Deed]:
        """The journal after position ``after``, oldest first, at most ``limit``."""
