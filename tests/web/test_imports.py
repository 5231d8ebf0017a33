"""Trade documents over HTTP: recorded for the parties of the asker, and of others nothing is told."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from intake.ubl import ubl_files as ubl
from tallystick.bootstrap import Opened
from tallystick.protocol.types import PartyId, parse_bytes32
from tallystick.service import accounts
from tallystick.store.identities import Role
from web.support import Api, problem

STRANGER = "7300010000001"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def market(api: Api) -> dict[str, str]:
    """A seller and a buyer by their GLNs."""
    made = {}
    for name, gln in (("Importing Supplier", ubl.SELLER_GLN), ("Importing Buyer", ubl.BUYER_GLN)):
        body = {"name": name, "identifiers": [f"GLN:{gln}"]}
        made[gln] = api.post("/v1/parties", body).json()["party"]
    return made


@pytest.fixture
def seller(opened: Opened, market: dict[str, str]) -> dict[str, str]:
    """The headers of an organisation that acts for the seller alone."""
    party = PartyId(parse_bytes32(market[ubl.SELLER_GLN], "party"))
    made = accounts.add_organisation(opened.context, "test", f"importer {next(_numbers)}", Role.PARTY, [party])
    key = accounts.issue_key(opened.context, "test", made.organisation, "test")[1]
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/xml"}


def sent(api: Api, headers: dict[str, str], data: bytes, **options: Any) -> Any:
    """What became of the document ``data``."""
    answer = api.post("/v1/imports", headers=headers, content=data, params={"name": "a.xml", **options})
    assert answer.status_code == 200, answer.text
    (document,) = answer.json()["documents"]
    return document


def test_nothing_and_web_forms_are_refused(api: Api, seller: dict[str, str]) -> None:
    """An empty body, and a media type that the form of a web page can send."""
    problem(api.post("/v1/imports", headers=seller), 400, "usage-error")
    form = {**seller, "Content-Type": "text/plain"}
    problem(api.post("/v1/imports", headers=form, content=ubl.invoice()), 415, "unsupported-media-type")


def test_a_document_becomes_evidence_that_its_issuer_can_read(api: Api, seller: dict[str, str]) -> None:
    """A dry run first, then once: the evidence is there, and the second time it is known."""
    file = ubl.invoice("HTTP-1", due=None, payable="11.00")
    assert sent(api, seller, file, dryRun=True, termsDays=10)["status"] == "recorded"
    made = sent(api, seller, file, termsDays=10)
    assert (made["status"], made["file"], made["number"]) == ("recorded", "a.xml", "HTTP-1")
    read = api.get(f"/v1/evidence/{made['evidence'][0]['evidence']}", headers=seller).json()
    assert read["content"]["dueDate"] == "2026-01-25"
    assert sent(api, seller, file, termsDays=10)["status"] == "known"


def test_what_is_no_document_is_an_outcome(api: Api, seller: dict[str, str]) -> None:
    """The call did what it should: it says why nothing was made of the file."""
    refused = sent(api, seller, b"<a/>")
    assert (refused["status"], refused["evidence"]) == ("refused", [])
    assert "trade document" in refused["why"]


def test_of_others_nothing_is_told(api: Api, seller: dict[str, str], market: dict[str, str]) -> None:
    """What a registered party states, and what a stranger does, is answered alike; nobody signs for either."""
    told = []
    for gln in (ubl.BUYER_GLN, STRANGER):
        order = ubl.order(buyer=ubl.identified("Importing Buyer", gln))
        made = sent(api, seller, order)
        assert made["facts"].pop("identifier") == f"GLN:{gln}"
        told.append({name: made[name] for name in ("status", "reason", "facts", "evidence")})
    assert (
        told[0]
        == told[1]
        == {
            "status": "held",
            "reason": "unknownParty",
            "facts": {"name": "Importing Buyer"},
            "evidence": [],
        }
    )
    nameless = sent(api, seller, ubl.receipt().replace(b"Buyer AG", b"Somebody"))
    assert "Importing" not in str(nameless)


def test_an_invoice_of_others_is_not_there(api: Api, opened: Opened, market: dict[str, str]) -> None:
    """Whoever answers an invoice that names somebody else learns no more than of one that there is not."""
    stranger = api.post("/v1/parties", {"name": "Curious", "identifiers": [f"GLN:{STRANGER}"]}).json()["party"]
    parties = [PartyId(parse_bytes32(stranger, "party"))]
    made = accounts.add_organisation(opened.context, "test", f"curious {next(_numbers)}", Role.PARTY, parties)
    key = accounts.issue_key(opened.context, "test", made.organisation, "test")[1]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/xml"}
    contract = api.contract(issuer=market[ubl.SELLER_GLN], counterparty=market[ubl.BUYER_GLN])
    deal = api.record(contract)["deal"]
    bill = api.invoice(issuer=market[ubl.SELLER_GLN], counterparty=market[ubl.BUYER_GLN], deal=deal)
    number = api.record(bill) and bill["content"]["invoiceNumber"]
    asked = [sent(api, headers, ubl.answer(of=of, sender=ubl.identified("C", STRANGER))) for of in (number, "NONE")]
    assert [each["reason"] for each in asked] == ["noInvoice", "noInvoice"]
    assert "Importing" not in str(asked)
