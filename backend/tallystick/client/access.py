"""Operations of consent: who may look at a history, who did, whether a receivable is free, and erasures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from tallystick.client.transport import Transport, path_of
from tallystick.web.access_models import (
    AccessView,
    ConfirmationBody,
    ErasureBody,
    ErasureView,
    GrantBody,
    GrantView,
    PlanView,
    ReceivedGrantView,
)


class Access(Transport):
    """Consents and looks."""

    def grant_access(self, party: str, body: GrantBody) -> GrantView:
        """Consent, as the party, that somebody looks at its history within a scope and until a day."""
        made: GrantView = self._one("grantAccess", GrantView, "POST", path_of("parties", party, "grants"), body=body)
        return made

    def list_grants(self, party: str) -> Iterator[GrantView]:
        """The consents that a party gave, newest first."""
        return self._each("listGrants", GrantView, path_of("parties", party, "grants"))

    def withdraw_access(self, party: str, grant: str) -> GrantView:
        """Take back a consent, at once."""
        path = path_of("parties", party, "grants", grant)
        found: GrantView = self._one("withdrawAccess", GrantView, "DELETE", path)
        return found

    def list_accesses(self, party: str, *, before: int | None = None, limit: int | None = None) -> Iterator[AccessView]:
        """Who looked at a party's history, newest first; those ``before`` a position."""
        query = {"before": before, "limit": limit}
        return self._each("listAccesses", AccessView, path_of("parties", party, "accesses"), query=query)

    def show_accesses(
        self, party: str, *, lang: Literal["en", "zh"] = "en", before: int | None = None, limit: int | None = None
    ) -> bytes:
        """The same as a page to be read or printed: HTML that needs nothing else, with who may look."""
        query = {"lang": lang, "before": before, "limit": limit}
        path = path_of("parties", party, "accesses", "page")
        return self._ask("showAccesses", "GET", path, query).content

    def list_received_grants(self) -> Iterator[ReceivedGrantView]:
        """The consents under which you may look at others' histories."""
        return self._each("listReceivedGrants", ReceivedGrantView, "/v1/grants")

    def read_receivable(self, evidence: str) -> dict[str, Any]:
        """Whether an invoice is pledged, since when, and what speaks against financing it."""
        path = path_of("evidence", evidence, "receivable")
        found: dict[str, Any] = self._one("readReceivable", dict, "GET", path)
        return found

    def request_erasure(self, body: ErasureBody) -> PlanView:
        """Ask that the content of an evidence be erased; what would be deleted, and the code that confirms it."""
        made: PlanView = self._one("requestErasure", PlanView, "POST", "/v1/erasures", body=body)
        return made

    def confirm_erasure(self, evidence: str, body: ConfirmationBody) -> ErasureView:
        """Delete what lies off the chain, for good."""
        path = path_of("erasures", evidence, "confirmation")
        done: ErasureView = self._one("confirmErasure", ErasureView, "POST", path, body=body)
        return done

    def list_erasures(self) -> Iterator[ErasureView]:
        """What was erased or is to be, when, on whose word and for what reason."""
        return self._each("listErasures", ErasureView, "/v1/erasures")
