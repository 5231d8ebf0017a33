"""Routes that find evidence: a search within reach, and the inbox of what waits for an answer."""

from __future__ import annotations

import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from tallystick.errors import MalformedInput
from tallystick.intake.drafts import parse_time
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import DealId, Timestamp, clip, parse_bytes32, to_hex
from tallystick.service import finding
from tallystick.store.records import EvidenceState
from tallystick.store.searching import Wanted
from tallystick.web import examples
from tallystick.web.answer_models import FoundEvidence, WaitingBody
from tallystick.web.identity import Asking
from tallystick.web.once import PLACE
from tallystick.web.openapi import answers
from tallystick.web.pages import LINK, Paged
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1", tags=["evidence"], route_class=StrictRoute)

_DAY = datetime.timedelta(days=1).total_seconds()


@router.get(
    "/evidence",
    operation_id="findEvidence",
    summary="Find evidence",
    responses={200: {"headers": LINK}, **answers(404, 422, 503)},
    response_description="What was found, newest first.",
)
def find_evidence(
    installed: Installed,
    asking: Asking,
    page: Paged,
    party: Annotated[
        str | None,
        Query(max_length=500, description="In the log of this party.", examples=["LEI:529900T8BM49AURSDO55"]),
    ] = None,
    counterparty: Annotated[
        str | None,
        Query(max_length=500, description="About this party besides.", examples=["LEI:5493001KJTIIGC8Y1R12"]),
    ] = None,
    kind: Annotated[
        str | None,
        Query(max_length=40, description="Of this kind.", json_schema_extra={"enum": [one.name for one in Kind]}),
    ] = None,
    since: Annotated[
        str | None,
        Query(alias="from", max_length=40, description="Occurred then or later: ISO 8601.", examples=["2026-01-01"]),
    ] = None,
    until: Annotated[
        str | None,
        Query(alias="to", max_length=40, description="Occurred then or earlier; a date is its whole day (UTC)."),
    ] = None,
    number: Annotated[
        str | None, Query(max_length=500, description="Number of the business document, exactly.", examples=["4711"])
    ] = None,
    status: Annotated[EvidenceState | None, Query(description="How far it has come.")] = None,
    deal: Annotated[str | None, Query(max_length=66, description="Of this deal.", examples=[examples.DEAL])] = None,
) -> list[FoundEvidence]:
    """Find evidence of the parties that you act for; auditors find all. What narrows the search narrows it together."""
    wanted = Wanted(
        kind=None if kind is None else int(_kind(kind)),
        occurred_from=None if since is None else parse_time(since, "from"),
        occurred_to=None if until is None else _end(until),
        number=number,
        state=status,
        deal=None if deal is None else DealId(parse_bytes32(deal, "deal")),
    )
    found = finding.find(installed, asking, wanted, page.number, page.limit + 1, party=party, counterparty=counterparty)
    if len(found) > page.limit:
        page.go_on_after(found[page.limit - 1].position)
    return [FoundEvidence.of(one.record) for one in page.cut(found)]


@router.get(
    "/inbox",
    operation_id="readInbox",
    summary="Read what waits for your answer",
    responses={200: {"headers": LINK}, **answers(422, 503)},
    response_description="What waits, oldest first, with the operations that settle it.",
)
def read_inbox(installed: Installed, asking: Asking, page: Paged) -> list[WaitingBody]:
    """List what awaits something of a party that you act for.

    Contracts to countersign; invoices and assignments that it neither acknowledged nor disputed; disputes of what it
    stated. What is settled leaves the list at once. Each page holds all that waits of its last evidence.
    """
    found = finding.inbox(installed, asking, page.number or 0, page.limit)
    if len(found) >= page.limit:
        page.go_on_after(found[-1].position)
    return [
        WaitingBody.of(one, finding.operations_for(one, PLACE.format(to_hex(one.record.evidence_id)))) for one in found
    ]


def _kind(text: str) -> Kind:
    try:
        return Kind[text]
    except KeyError as error:
        known = ", ".join(one.name for one in Kind)
        raise MalformedInput(f"kind: expected one of {known}; got {clip(text)}.") from error


def _end(text: str) -> Timestamp:
    """The last second of what ``text`` spells: of the whole day where it is a date."""
    at = parse_time(text, "to")
    return Timestamp(at + int(_DAY) - 1) if len(text) == len("2026-01-31") else at
