"""Parties are admitted and found by any of their names; their histories are shown, handed out and checked."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest

from tallystick.bootstrap import Opened
from tallystick.errors import MalformedBundle
from tallystick.protocol.bundle_stream import parse_bundle
from tallystick.protocol.types import Hash, parse_bytes32, to_hex
from tallystick.service.check import check, verdict_json
from web.support import Api, problem

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def bundle(api: Api) -> bytes:
    """The buyer's bundle, of a history with a final entry."""
    api.final(api.record(api.invoice())["evidence"])
    return api.get("/v1/parties/Buyer/bundle").content


@pytest.mark.parametrize("path", ["", "/history", "/bundle"])
@pytest.mark.parametrize("name", ["Nobody", "LEI:NOBODY", "0x" + "ab" * 32])
def test_an_unknown_party_is_not_found(api: Api, name: str, path: str) -> None:
    """Whatever is asked of a party that nobody knows, the answer is that it is not known."""
    problem(api.get(f"/v1/parties/{name}{path}"), 404, "not-found")


@pytest.mark.parametrize("name", ["0x12", "0x" + "AB" * 32])
def test_a_malformed_party_id_is_refused(api: Api, name: str) -> None:
    """What begins as an id must be one."""
    problem(api.get(f"/v1/parties/{name}"), 422, "malformed-input")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "identifiers": ["LEI:X"]},
        {"name": "A\nB", "identifiers": ["LEI:X"]},
        {"name": "Carrier", "identifiers": []},
        {"name": "Carrier", "identifiers": ["no scheme"]},
        {"name": "Carrier", "identifiers": [7]},
        {"name": "Carrier"},
    ],
)
def test_a_malformed_party_is_refused(api: Api, body: dict[str, Any]) -> None:
    """A party needs a printable name and an identifier with its scheme."""
    problem(api.post("/v1/parties", body), 422, "malformed-input")


def test_a_legal_entity_is_admitted_once(api: Api) -> None:
    """A second party with the same identifier is refused: a bad history can't be left behind."""
    problem(api.post("/v1/parties", {"name": "Buyer renamed", "identifiers": ["LEI:BUYER"]}), 409, "duplicate")


def test_a_party_is_found_by_any_of_its_names(api: Api) -> None:
    """Id, identifier and unique name lead to the same party, which the list has too."""
    made = api.post("/v1/parties", {"name": "Nord / 株式", "identifiers": ["VAT:DE1", "ERP:N-1"]})
    assert made.status_code == 201
    party = made.json()
    assert made.headers["location"] == f"/v1/parties/{party['party']}"
    for name in (party["party"], "VAT:DE1", "ERP:N-1"):
        assert api.get(f"/v1/parties/{name}").json() == party
    assert party in api.get("/v1/parties").json()


def test_a_history_is_complete_and_names_its_block(api: Api, opened: Opened, bundle: bytes) -> None:
    """The buyer's history has all of its entries, as of a final block, under the definitions' version."""
    report = api.get("/v1/parties/Buyer/history").json()
    assert report["party"] == api.parties["Buyer"]
    assert report["complete"]
    assert report["entryCount"] >= 2
    assert report["asBuyer"]["EUR"]["invoiceCount"] >= 1
    assert report["asOf"]["blockNumber"] <= opened.context.chain.final_block().number
    assert orjson.loads(bundle)["report"].keys() == report.keys()


def test_a_bundle_is_a_file_to_keep(api: Api, bundle: bytes) -> None:
    """A bundle comes as NAME.tally.json, parses as one, and its ETag is the hash of its bytes."""
    answer = api.get("/v1/parties/Lender/bundle")
    assert answer.headers["content-disposition"].startswith('attachment; filename="Lender.tally.json"')
    etag = answer.headers["etag"]
    assert etag == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert parse_bundle(bundle).subject == parse_bytes32(api.parties["Buyer"], "party")
    again = api.get("/v1/parties/Lender/bundle", headers={"if-none-match": etag})
    if again.status_code == 200:  # a block was sealed in between: other bytes
        assert again.headers["etag"] != etag
    else:
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


def test_a_file_name_holds_no_header(api: Api) -> None:
    """A party's name can't end the file name, nor the header, that it stands in."""
    made = api.post("/v1/parties", {"name": "Q\"; x='../é", "identifiers": ["LEI:QUOTE"]}).json()
    disposition = api.get(f"/v1/parties/{made['party']}/bundle").headers["content-disposition"]
    assert disposition == (
        "attachment; filename=\"Q-x.tally.json\"; filename*=UTF-8''Q%22%3B%20x%3D%27..-%C3%A9.tally.json"
    )


def test_the_verdict_is_that_of_the_verifier(api: Api, opened: Opened, bundle: bytes) -> None:
    """The API says of a bundle exactly what the offline verifier says: valid against its block, else not."""
    as_of = orjson.loads(bundle)["asOf"]["blockHash"]
    for block, outcome in ((as_of, "valid"), ("0x" + "ab" * 32, "invalid"), (None, "unchecked")):
        answer = api.post(
            "/v1/verify", content=bundle, headers=JSON, params={} if block is None else {"blockHash": block}
        )
        assert answer.status_code == 200
        trusted = None if block is None else Hash(parse_bytes32(block, "block"))
        assert answer.json() == verdict_json(check(bundle, code_hashes=opened.context.code_hashes, block_hash=trusted))
        assert answer.json()["verdict"] == outcome


def test_the_ledger_that_the_reader_knows_is_checked(api: Api, opened: Opened, bundle: bytes) -> None:
    """A bundle of another ledger is invalid; one of the ledger named is valid, and nothing is left to mind."""
    trusted = {"blockHash": orjson.loads(bundle)["asOf"]["blockHash"]}
    for ledger, outcome in (("0x" + "11" * 20, "invalid"), (to_hex(opened.context.chain.deployment.ledger), "valid")):
        answer = api.post("/v1/verify", content=bundle, headers=JSON, params={**trusted, "ledger": ledger})
        assert (answer.status_code, answer.json()["verdict"]) == (200, outcome)
        assert answer.json()["caveats"] == []
    assert api.post("/v1/verify", content=bundle, headers=JSON, params={"ledger": "0x1"}).status_code == 422


def test_an_altered_bundle_is_found_invalid(api: Api, bundle: bytes) -> None:
    """An amount changed in the file is a finding with its step, not an error."""
    altered = bundle.replace(b'"entryCount":', b'"entryCount":1')
    with pytest.raises(MalformedBundle):
        parse_bundle(bundle[:-1])
    as_of = orjson.loads(bundle)["asOf"]["blockHash"]
    for body, step in ((altered, "report"), (bundle[:-1], "schema")):
        verdict = api.post("/v1/verify", content=body, headers=JSON, params={"blockHash": as_of}).json()
        assert (verdict["verdict"], verdict["failed"]) == ("invalid", step)


def test_verify_needs_a_bundle_and_a_well_formed_hash(api: Api, bundle: bytes) -> None:
    """Without a body, or with half a hash, nothing is checked."""
    problem(api.post("/v1/verify"), 400, "usage-error")
    problem(api.post("/v1/verify", content=bundle, headers=JSON, params={"blockHash": "0x12"}), 422, "malformed-input")
