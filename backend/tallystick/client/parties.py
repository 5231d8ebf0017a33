"""Operations of parties: admit, list, and read or take home their histories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from tallystick.client.transport import File, Transport
from tallystick.web.models import NewPartyBody, PartyView


class Parties(Transport):
    """Who trades, and how they pay. A party is named by its id, ``SCHEME:identifier``, or its unique name."""

    def list_parties(self) -> Iterator[PartyView]:
        """The parties that you may see."""
        return self._each("listParties", PartyView, "/v1/parties")

    def add_party(self, body: NewPartyBody, *, idempotency_key: str | None = None) -> PartyView:
        """Admit a legal entity; it gets a key that is managed by the server."""
        made: PartyView = self._one(
            "addParty", PartyView, "POST", "/v1/parties", body=body, idempotency_key=idempotency_key
        )
        return made

    def read_party(self, party: str) -> PartyView:
        """A party's id, name, identifiers and managed keys."""
        found: PartyView = self._one("readParty", PartyView, "GET", f"/v1/parties/{quote(party, safe='')}")
        return found

    def read_history(self, party: str, *, as_of: str | None = None) -> dict[str, Any]:
        """The complete credit history as of a day, a block, or now; what it says is in docs/definitions.md."""
        path = f"/v1/parties/{quote(party, safe='')}/history"
        found: dict[str, Any] = self._one("readHistory", dict, "GET", path, query={"asOf": as_of})
        return found

    def read_changes(self, party: str, since: str, *, as_of: str | None = None) -> dict[str, Any]:
        """What is different from one day or block to another, and by which evidence."""
        path = f"/v1/parties/{quote(party, safe='')}/changes"
        found: dict[str, Any] = self._one("readChanges", dict, "GET", path, query={"since": since, "asOf": as_of})
        return found

    def download_bundle(
        self,
        party: str,
        *,
        as_of: str | None = None,
        hide: Sequence[str] = (),
        anonymous: bool = False,
        if_none_match: str | None = None,
        to: Path | None = None,
    ) -> File | None:
        """The history as a file that anybody can check; written to ``to`` as it comes, which may be more than memory.

        None if it is still the one of ``if_none_match``.
        """
        path = f"/v1/parties/{quote(party, safe='')}/bundle"
        query = {"asOf": as_of, "hide": list(hide) or None, "anonymous": anonymous}
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
        path = f"/v1/parties/{quote(party, safe='')}/certificate"
        query = {"lang": lang, "attach": attach, "asOf": as_of, "hide": list(hide) or None}
        return self._file("certifyParty", path, query, if_none_match, to)
