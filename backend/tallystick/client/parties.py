"""Operations of parties: admit, list, and read or take home their histories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, overload

from tallystick.client.transport import File, Tagged, Transport, path_of
from tallystick.web.models import NewIdentifierBody, NewPartyBody, PartyView


class Parties(Transport):
    """Who trades, and how they pay. A party is named by its id, ``SCHEME:identifier``, or its unique name."""

    def list_parties(self, *, limit: int | None = None) -> Iterator[PartyView]:
        """The parties that you may see."""
        return self._each("listParties", PartyView, "/v1/parties", query={"limit": limit})

    def add_party(self, body: NewPartyBody) -> PartyView:
        """Admit a legal entity; it gets a key that is managed by the server."""
        made: PartyView = self._one("addParty", PartyView, "POST", "/v1/parties", body=body)
        return made

    def read_party(self, party: str) -> PartyView:
        """A party's id, name, identifiers and managed keys."""
        found: PartyView = self._one("readParty", PartyView, "GET", path_of("parties", party))
        return found

    def add_identifier(self, party: str, body: NewIdentifierBody) -> PartyView:
        """Let documents and bank statements find the party by a further identifier too."""
        path = path_of("parties", party, "identifiers")
        found: PartyView = self._one("addIdentifier", PartyView, "POST", path, body=body)
        return found

    @overload
    def read_history(self, party: str, *, as_of: str | None = None) -> Tagged: ...
    @overload
    def read_history(self, party: str, *, as_of: str | None = None, if_none_match: str | None) -> Tagged | None: ...
    def read_history(self, party: str, *, as_of: str | None = None, if_none_match: str | None = None) -> Tagged | None:
        """The complete credit history as of a day, a block, or now; what it says is in docs/definitions.md.

        None if it is still the one of ``if_none_match``.
        """
        return self._report("readHistory", path_of("parties", party, "history"), {"asOf": as_of}, if_none_match)

    @overload
    def read_changes(self, party: str, since: str, *, as_of: str | None = None) -> Tagged: ...
    @overload
    def read_changes(
        self, party: str, since: str, *, as_of: str | None = None, if_none_match: str | None
    ) -> Tagged | None: ...
    def read_changes(
        self, party: str, since: str, *, as_of: str | None = None, if_none_match: str | None = None
    ) -> Tagged | None:
        """What is different from one day or block to another, and by which evidence; None as in ``read_history``."""
        query = {"since": since, "asOf": as_of}
        return self._report("readChanges", path_of("parties", party, "changes"), query, if_none_match)

    @overload
    def read_tradelines(self, party: str, *, as_of: str | None = None) -> Tagged: ...
    @overload
    def read_tradelines(self, party: str, *, as_of: str | None = None, if_none_match: str | None) -> Tagged | None: ...
    def read_tradelines(
        self, party: str, *, as_of: str | None = None, if_none_match: str | None = None
    ) -> Tagged | None:
        """The tradelines, each figure with the evidence of it; None as in ``read_history``."""
        return self._report("readTradelines", path_of("parties", party, "tradelines"), {"asOf": as_of}, if_none_match)

    def download_bundle(
        self,
        party: str,
        *,
        as_of: str | None = None,
        hide: Sequence[str] = (),
        anonymous: bool = False,
        timestamps: bool = False,
        if_none_match: str | None = None,
        to: Path | None = None,
    ) -> File | None:
        """The history as a file that anybody can check; written to ``to`` as it comes, which may be more than memory.

        None if it is still the one of ``if_none_match``.
        """
        path = path_of("parties", party, "bundle")
        query = {"asOf": as_of, "hide": list(hide) or None, "anonymous": anonymous, "timestamps": timestamps}
        return self._file("downloadBundle", path, query, if_none_match, to)

    def certify_party(
        self,
        party: str,
        *,
        lang: Literal["en", "zh", "both"] = "en",
        attach: bool = False,
        as_of: str | None = None,
        hide: Sequence[str] = (),
        if_none_match: str | None = None,
        to: Path | None = None,
    ) -> File | None:
        """The history as a PDF; with ``attach`` it carries its bundle. None if it is still ``if_none_match``."""
        path = path_of("parties", party, "certificate")
        query = {"lang": lang, "attach": attach, "asOf": as_of, "hide": list(hide) or None}
        return self._file("certifyParty", path, query, if_none_match, to)
