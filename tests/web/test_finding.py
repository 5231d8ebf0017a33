"""Evidence is found within reach, page by page, whatever is recorded meanwhile."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tallystick.bootstrap import Opened
from tallystick.protocol.types import PartyId, parse_bytes32
from tallystick.service import accounts
from tallystick.store.identities import Role
from web.support import Api, problem


@pytest.fixture(scope="module")
def trade(api: Api, opened: Opened) -> dict[str, Any]:
    """A pair with a few invoices, and the headers of whoever acts for the seller, of a stranger and of an auditor."""
    made: dict[str, Any] = {}
    for name in ("found seller", "found buyer"):
        body = {"name": name, "identifiers": [f"ERP:{name.replace(' ', '-')}"]}
        made[name] = api.post("/v1/parties", body).json()["party"]
    sides = {"issuer": made["found seller"], "counterparty": made["found buyer"]}
    made["deal"] = api.record(api.contract(**sides))["deal"]
    made["invoices"] = [api.record(api.invoice(**sides, deal=made["deal"])) for _ in range(5)]
    for role, kind, parties in (
        ("seller", Role.PARTY, [made["found seller"]]),
        ("stranger", Role.LENDER, [api.parties["Lender"]]),
        ("auditor", Role.AUDITOR, []),
    ):
        named = [PartyId(parse_bytes32(party, "party")) for party in parties]
        holder = accounts.add_organisation(opened.context, "test", f"Finding {role}", kind, named)
        secret = accounts.issue_key(opened.context, "test", holder.organisation, "test")[1]
        made[role] = {"Authorization": f"Bearer {secret}"}
    return made


def found(api: Api, headers: dict[str, str], **narrowed: Any) -> list[dict[str, Any]]:
    """All pages of a search."""
    items: list[dict[str, Any]] = []
    answer = api.get("/v1/evidence", params=narrowed, headers=headers)
    while True:
        assert answer.status_code == 200, answer.text
        items += answer.json()
        if "next" not in answer.links:
            return items
        answer = api.get(answer.links["next"]["url"], headers=headers)


def test_own_evidence_newest_first(api: Api, trade: dict[str, Any]) -> None:
    """Everything that stands in an own log, and nothing else; a stranger finds nothing of it."""
    items = found(api, trade["seller"], limit=2)
    assert [one["kind"] for one in items] == ["INVOICE"] * 5 + ["CONTRACT"]
    assert [one["evidence"] for one in items[:5]] == [one["evidence"] for one in reversed(trade["invoices"])]
    assert not found(api, trade["stranger"], deal=trade["deal"])
    assert len(found(api, trade["auditor"], deal=trade["deal"])) == 6


def test_each_filter_narrows(api: Api, trade: dict[str, Any]) -> None:
    """By party, counterparty, kind, dates, number, status and deal, and by all of them together."""
    seller, buyer = trade["found seller"], trade["found buyer"]
    number = api.get(f"/v1/evidence/{trade['invoices'][2]['evidence']}").json()["content"]["invoiceNumber"]
    everything = {
        "party": seller,
        "counterparty": buyer,
        "kind": "INVOICE",
        "from": "2026-01-02",
        "to": "2026-01-02",
        "number": number,
        "deal": trade["deal"],
    }
    for headers in (trade["seller"], trade["auditor"]):
        (one,) = found(api, headers, **everything)
        assert (one["number"], one["content"]["invoiceNumber"]) == (number, number)
        assert [one["number"] for one in found(api, headers, number=number)] == [number]
        assert len(found(api, headers, party=seller, kind="CONTRACT")) == 1
        assert len(found(api, headers, counterparty=buyer, kind="INVOICE")) == 5
        assert not found(api, headers, **{"party": seller, "from": "2026-01-03", "kind": "INVOICE"})
        assert not found(api, headers, party=seller, to="2026-01-01", kind="INVOICE")
        assert not found(api, headers, party=seller, status="awaitingCountersignature")
    api.final(trade["invoices"][-1]["evidence"])
    assert len(found(api, trade["seller"], status="final")) == 6


@pytest.mark.parametrize(
    ("narrowed", "status", "name"),
    [
        ({"kind": "INVOICES"}, 422, "malformed-input"),
        ({"from": "yesterday"}, 422, "malformed-input"),
        ({"status": "lost"}, 422, "malformed-input"),
        ({"deal": "0x12"}, 422, "malformed-input"),
        ({"limit": 0}, 422, "malformed-input"),
        ({"limit": 1001}, 422, "malformed-input"),
        ({"cursor": "made up"}, 422, "malformed-input"),
        ({"party": "found buyer"}, 404, "not-found"),
        ({"party": f"0x{'99' * 32}"}, 404, "not-found"),
        ({"counterparty": "Nobody Ltd"}, 404, "not-found"),
    ],
)
def test_what_can_not_be_looked_for(
    api: Api, trade: dict[str, Any], narrowed: dict[str, Any], status: int, name: str
) -> None:
    """A filter that is not of its form, and a party out of reach, which is as unknown."""
    problem(api.get("/v1/evidence", params=narrowed, headers=trade["seller"]), status, name)


def test_a_cursor_is_good_for_its_list_alone(api: Api, trade: dict[str, Any]) -> None:
    """Of another list, of other filters, or of another form: refused; the link holds the filters."""
    answer = api.get("/v1/evidence", params={"kind": "INVOICE", "limit": 2}, headers=trade["seller"])
    link = answer.links["next"]["url"]
    assert link.startswith("/v1/evidence?kind=INVOICE&limit=2&cursor=")
    cursor = link.partition("cursor=")[2]
    for path in (f"/v1/evidence?cursor={cursor}", f"/v1/parties?cursor={cursor}"):
        problem(api.get(path, headers=trade["seller"]), 422, "malformed-input")
    made = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    for place in ([], ["x"], [1, 2], [-1], [2**63], [True]):
        text = base64.urlsafe_b64encode(json.dumps([*made[:2], *place], separators=(",", ":")).encode()).decode()
        path = f"/v1/evidence?kind=INVOICE&cursor={text.rstrip('=')}"
        problem(api.get(path, headers=trade["seller"]), 422, "malformed-input")


def test_what_comes_meanwhile_moves_nothing(api: Api, trade: dict[str, Any]) -> None:
    """Between two pages others record: no item is skipped, none comes twice."""
    sides = {"issuer": trade["found seller"], "counterparty": trade["found buyer"], "deal": trade["deal"]}
    before = found(api, trade["seller"])
    answer = api.get("/v1/evidence", params={"limit": 2}, headers=trade["seller"])
    items = answer.json()
    while "next" in answer.links:
        api.record(api.invoice(**sides))
        answer = api.get(answer.links["next"]["url"], headers=trade["seller"])
        items += answer.json()
    assert items == before


@pytest.mark.parametrize("path", ["/v1/parties", "/v1/organisations", "/v1/keys", "/v1/journal"])
def test_every_list_has_pages(api: Api, path: str) -> None:
    """Page by page is the same as at once."""
    headers = {"Authorization": f"Bearer {api.keys.operator}"}
    whole = api.get(path, params={"limit": 1000}, headers=headers)
    assert whole.status_code == 200
    items, answer = [], api.get(path, params={"limit": 1}, headers=headers)
    for _ in range(len(whole.json()) + 1):
        items += answer.json()
        if "next" not in answer.links:
            break
        answer = api.get(answer.links["next"]["url"], headers=headers)
    assert [*items] == whole.json()[: len(items)]
    assert len(items) == len(whole.json())
