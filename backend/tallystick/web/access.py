"""Routes of consent: who may look at a history, who did, and what else there is to look at."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Response

from tallystick.credit.dates import parse_date
from tallystick.errors import MalformedInput, NotFound, UsageError
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, clip, parse_bytes32, to_hex
from tallystick.render import access_page
from tallystick.service import consent
from tallystick.service.access_log import access_log
from tallystick.service.as_of import find_block
from tallystick.service.consent import Grantee, organisation_id
from tallystick.service.entitled import own_party
from tallystick.service.granted import note, reached_evidence, reached_history
from tallystick.service.parties import find_party
from tallystick.service.ports import Transaction
from tallystick.service.receivable import status, status_json
from tallystick.service.scope import AccessScope, Identities, Shown, parse_scope
from tallystick.service.tradelines import EVIDENCE_PATH, tradelines
from tallystick.web import access_examples as examples
from tallystick.web.access_models import AccessView, GrantBody, GrantView, ReceivedGrantView, ScopeBody
from tallystick.web.evidence import EvidencePath
from tallystick.web.files import NOT_MODIFIED, IfNoneMatch
from tallystick.web.histories import HISTORY_HEADERS, history_answer
from tallystick.web.identity import Asking
from tallystick.web.openapi import answers, writing
from tallystick.web.pages import LINK, Paged
from tallystick.web.parties import AsOf, PartyPath
from tallystick.web.requests import Indexed, Installed, StrictRoute

router = APIRouter(prefix="/v1", tags=["access"], route_class=StrictRoute)

GrantPath = Annotated[
    str,
    Path(
        description="The evidence id of the consent.",
        examples=[examples.CONSENT],
        json_schema_extra={"pattern": "^0x[0-9a-f]{64}$"},
    ),
]


def _object(description: str, example: dict[str, Any], **more: Any) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "object", "required": [name for name, value in example.items() if value is not None]}
    content = {"application/json": {"schema": schema, "example": example}}
    return {200: {"description": description, "content": content, **more}}


@router.post(
    "/parties/{party}/grants",
    status_code=201,
    operation_id="grantAccess",
    summary="Let somebody look at a party's history",
    responses=writing(404, 409, 503),
    response_description="They may look from now on; the consent will be sealed.",
)
def grant_access(
    party: PartyPath,
    body: Annotated[
        GrantBody, Body(openapi_examples={"lender": {"summary": "A bank, for a year", "value": examples.NEW_GRANT}})
    ],
    installed: Installed,
    asking: Asking,
    response: Response,
) -> GrantView:
    """Consent, as the party, that somebody looks at its history within a scope and until a day; signed with its key."""
    with installed.store.transaction(read_only=True) as transaction:
        subject = own_party(transaction, asking, party)
        grantee = _grantee(transaction, body)
        scope = _scope(transaction, body.scope)
    last_day = parse_date(body.until)
    if last_day is None:
        raise MalformedInput(f"until: expected a day of the calendar, got {clip(body.until)}.")
    _, made = consent.grant(installed, subject, grantee, scope, last_day)
    response.headers["Location"] = f"/v1/parties/{to_hex(subject.party)}/grants"
    return GrantView.of(made, installed.clock.now())


@router.get(
    "/parties/{party}/grants",
    operation_id="listGrants",
    summary="List the consents that a party gave",
    responses=answers(404, 422, 503),
    response_description="All of them, newest first.",
)
def list_grants(party: PartyPath, installed: Installed, asking: Asking) -> list[GrantView]:
    """List who may look at the history of a party, and who might once."""
    with installed.store.transaction(read_only=True) as transaction:
        subject = own_party(transaction, asking, party)
        return [GrantView.of(one, installed.clock.now()) for one in transaction.grants_by(subject.party)]


@router.delete(
    "/parties/{party}/grants/{grant}",
    operation_id="withdrawAccess",
    summary="Withdraw a consent",
    responses=answers(404, 409, 422, 503),
    response_description="Nobody looks under it any more; the withdrawal will be sealed.",
)
def withdraw_access(party: PartyPath, grant: GrantPath, installed: Installed, asking: Asking) -> GrantView:
    """Take back a consent that the party gave, at once."""
    with installed.store.transaction(read_only=True) as transaction:
        subject = own_party(transaction, asking, party)
    named = EvidenceId(parse_bytes32(grant, "grant"))
    consent.withdraw(installed, subject, named)
    with installed.store.transaction(read_only=True) as transaction:
        kept = transaction.grant(named)
    assert kept is not None, "it was withdrawn just now"
    return GrantView.of(kept, installed.clock.now())


@router.get(
    "/parties/{party}/accesses",
    operation_id="listAccesses",
    summary="Say who looked at a party's history",
    responses={200: {"headers": LINK}, **answers(404, 422, 503)},
    response_description="Each look, newest first.",
)
def list_accesses(
    party: PartyPath,
    installed: Installed,
    asking: Asking,
    page: Paged,
    before: Annotated[int | None, Query(ge=0, le=2**53 - 1, description="Those before this position.")] = None,
) -> list[AccessView]:
    """Tell who looked at the history of a party, when, at what, and by which evidence that is noted."""
    with installed.store.transaction(read_only=True) as transaction:
        subject = own_party(transaction, asking, party)
    start = before if page.number is None else page.number
    found = consent.uses(installed, subject.party, start, page.limit + 1)
    if len(found) > page.limit:
        page.go_on_after(found[page.limit - 1][0].position)
    return [AccessView.of(use, grant) for use, grant in page.cut(found)]


@router.get(
    "/parties/{party}/accesses/page",
    operation_id="showAccesses",
    summary="Show who looked at a party's history",
    responses={
        200: {
            "description": "A page that needs nothing else, to be read or printed.",
            "content": {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>..."}},
        },
        **answers(404, 422, 503),
    },
    response_class=Response,
)
def show_accesses(
    party: PartyPath,
    installed: Installed,
    asking: Asking,
    language: Annotated[Literal["en", "zh"], Query(alias="lang", description="zh is 简体中文.")] = "en",
    before: Annotated[int | None, Query(ge=0, le=2**53 - 1, description="Looks before this position.")] = None,
    limit: Annotated[int, Query(ge=1, le=consent.MAX_USES, description="At most so many looks.")] = 100,
) -> Response:
    """Show a person who may look at the history of a party, who did, when and at what, newest first."""
    with installed.store.transaction(read_only=True) as transaction:
        subject = own_party(transaction, asking, party)
    page = access_page.render_page(access_log(installed, subject, before, limit), language)
    policy = f"{access_page.POLICY}; frame-ancestors 'none'"
    return Response(page, headers={"Content-Security-Policy": policy}, media_type="text/html")


@router.get(
    "/grants",
    operation_id="listReceivedGrants",
    summary="List the histories that you may look at",
    responses=answers(503),
    response_description="The consents that are good now, newest first.",
)
def list_received(installed: Installed, asking: Asking) -> list[ReceivedGrantView]:
    """List the consents under which your organisation may look at others' histories."""
    now = installed.clock.now()
    grantees = [*asking.organisation.parties, organisation_id(asking.organisation.organisation)]
    with installed.store.transaction(read_only=True) as transaction:
        found = transaction.good_grants(grantees, now)
        names = {one.party: one.name for one in transaction.some_parties({one.subject for one in found})}
    return [ReceivedGrantView(subject_name=names[one.subject], grant=GrantView.of(one, now)) for one in found]


@router.get(
    "/parties/{party}/tradelines",
    operation_id="readTradelines",
    summary="Read a party's tradelines with the evidence of every figure",
    responses={
        **_object(
            "The tradelines; each figure's `sources` are its evidence.", examples.TRADELINES, headers=HISTORY_HEADERS
        ),
        **NOT_MODIFIED,
        **answers(400, 404, 422, 502, 503),
    },
    response_class=Response,
)
def read_tradelines(
    party: PartyPath,
    installed: Installed,
    asking: Asking,
    indexed: Indexed,
    as_of: AsOf = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Derive the tradelines of a party as of a final block, with the invoices and payments behind every figure."""
    view = reached_history(installed, asking, party, Shown.TRADELINES)
    block = find_block(installed, indexed().block, as_of)
    note(installed, asking, view, block=block)
    linked = view.scope is None or view.scope.identities is not Identities.PSEUDONYMS
    make = partial(tradelines, installed, block, view.party.party, view.showing(), linked=linked)
    return history_answer(installed, view, [block], make, if_none_match)


@router.get(
    "/evidence/{evidence}/receivable",
    operation_id="readReceivable",
    summary="Say whether an invoice can be financed",
    responses={
        **_object("How the receivable stands as of the newest final block.", examples.RECEIVABLE),
        **answers(404, 409, 422, 502, 503),
    },
)
def read_receivable(evidence: EvidencePath, installed: Installed, asking: Asking) -> dict[str, Any]:
    """Tell whether an invoice is pledged, since when, and what speaks against financing it."""
    named = EvidenceId(parse_bytes32(evidence, "evidence"))
    with installed.store.transaction(read_only=True) as transaction:
        record, view = reached_evidence(installed, transaction, asking, named, Shown.RECEIVABLE)
    if view is not None:
        note(installed, asking, view, evidence=named)
    return {**status_json(status(installed, record.evidence_id)), "evidence": f"{EVIDENCE_PATH}{to_hex(named)}"}


def _grantee(transaction: Transaction, body: GrantBody) -> Grantee:
    """Whom ``body`` lets look. Raises ``UsageError`` where it does not name one, ``NotFound`` where that is nobody."""
    if (body.grantee is None) == (body.organisation is None):
        raise UsageError("grantee: expected one of grantee and organisation, got none or both.", todo="Name one.")
    if body.grantee is not None:
        found = find_party(transaction, body.grantee)
        return Grantee(found.party, body.name or found.name, found)
    organisation = transaction.organisation(body.organisation or "")
    if organisation is None or organisation.closed_at is not None:
        raise NotFound(f"organisation {clip(body.organisation)}: not known here, or closed.", todo="Ask them its id.")
    return Grantee(organisation_id(organisation.organisation), body.name or organisation.name, None)


def _scope(transaction: Transaction, body: ScopeBody) -> AccessScope:
    """The scope that ``body`` spells, with parties and kinds by id."""
    told = {name: value for name, value in body.model_dump().items() if value is not None}
    if body.counterparties is not None:
        told["counterparties"] = [to_hex(find_party(transaction, one).party) for one in body.counterparties]
    if body.kinds is not None:
        told["kinds"] = [_kind(name) for name in body.kinds]
    return parse_scope(told)


def _kind(name: str) -> int:
    try:
        return int(Kind[name])
    except KeyError:
        raise MalformedInput(
            f"kinds: expected one of {', '.join(kind.name for kind in Kind)}, got {clip(name)}."
        ) from None
