"""Operations of accounts: organisations, their API keys, and the journal of what was done to them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from tallystick.client.transport import Transport
from tallystick.web.account_models import (
    AccountView,
    DeedView,
    GivenPartyBody,
    IssuedKey,
    KeyView,
    NewKeyBody,
    OrganisationBody,
    OrganisationView,
    RotationBody,
)


class Accounts(Transport):
    """Who may do what."""

    def read_own_account(self) -> AccountView:
        """Your organisation, and what the key in use is good for."""
        found: AccountView = self._one("readOwnAccount", AccountView, "GET", "/v1/account")
        return found

    def list_organisations(self, *, limit: int | None = None) -> Iterator[OrganisationView]:
        """All organisations, closed ones too; ``limit`` is how many are asked for at once, as in all lists."""
        return self._each("listOrganisations", OrganisationView, "/v1/organisations", query={"limit": limit})

    def add_organisation(self, body: OrganisationBody) -> OrganisationView:
        """Open an organisation that acts for the parties named."""
        made: OrganisationView = self._one(
            "addOrganisation",
            OrganisationView,
            "POST",
            "/v1/organisations",
            body=body,
        )
        return made

    def close_organisation(self, organisation: str) -> None:
        """Close an organisation: none of its keys is good any more."""
        self._one("closeOrganisation", None, "DELETE", f"/v1/organisations/{quote(organisation, safe='')}")

    def give_party(self, organisation: str, body: GivenPartyBody) -> None:
        """Let an organisation act for a party as well."""
        path = f"/v1/organisations/{quote(organisation, safe='')}/parties"
        self._one("giveParty", None, "POST", path, body=body)

    def list_keys(self, *, organisation: str | None = None, limit: int | None = None) -> Iterator[KeyView]:
        """The keys of your organisation, or for an operator of any; without their secrets."""
        return self._each("listKeys", KeyView, "/v1/keys", query={"organisation": organisation, "limit": limit})

    def issue_key(self, body: NewKeyBody) -> IssuedKey:
        """A new key with its secret, which nobody can show again."""
        made: IssuedKey = self._one("issueKey", IssuedKey, "POST", "/v1/keys", body=body)
        return made

    def rotate_key(self, key: str, body: RotationBody | None = None) -> IssuedKey:
        """The key that takes the place of ``key``, with its secret."""
        path = f"/v1/keys/{quote(key, safe='')}/rotation"
        made: IssuedKey = self._one("rotateKey", IssuedKey, "POST", path, body=body)
        return made

    def revoke_key(self, key: str) -> None:
        """Revoke a key at once."""
        self._one("revokeKey", None, "DELETE", f"/v1/keys/{quote(key, safe='')}")

    def read_journal(self, *, after: int = 0, limit: int | None = None) -> Iterator[DeedView]:
        """The administrative acts after a position, oldest first; ``limit`` is how many are asked for at once."""
        return self._each("readJournal", DeedView, "/v1/journal", query={"after": after, "limit": limit})
