"""The client against a real server, and against servers that fail as scripted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from intake.ubl import ubl_files as ubl
from tallystick import errors
from tallystick.bootstrap import Opened
from tallystick.client import (
    Client,
    CountersignatureBody,
    DraftBody,
    GivenPartyBody,
    NewKeyBody,
    NewPartyBody,
    OrganisationBody,
    RemoteProblem,
    RotationBody,
    ServerUnreachable,
)
from tallystick.service import accounts
from tallystick.store.identities import Role
from web.conftest import api, keys, opened  # noqa: F401 - fixtures
from web.keys import Keys
from web.support import Api

KEY = "tallystick_secret"
PROBLEM_TYPE = "application/problem+json"
PROBLEM = {
    "type": "urn:tallystick:problem:rate-exceeded",
    "title": "",
    "status": 429,
    "detail": "too often",
    "todo": "",
}


@pytest.fixture(scope="module")
def group(api: Api, keys: Keys) -> Iterator[Client]:  # noqa: F811
    """A client of the organisation that acts for every party."""
    with Client(str(api.base_url), keys.group) as made:
        yield made


def invoice(api: Api, **changes: Any) -> DraftBody:  # noqa: F811
    return DraftBody.model_validate(api.invoice(**changes))


def scripted(*answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response], **options: Any) -> Any:
    """A client whose server gives ``answers`` in turn, what was asked, and how long the client waited."""
    left = list(answers)
    asked: list[httpx.Request] = []
    waited: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one(request) if callable(one) else one

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Client("http://127.0.0.1:1", KEY, http=http, sleep=waited.append, **options), asked, waited


@pytest.mark.parametrize("url", ["http://example.com", "http://192.0.2.1:8000", "ftp://127.0.0.1", "127.0.0.1"])
def test_a_key_never_crosses_a_network_in_the_clear(url: str) -> None:
    """A client of an address that is neither this machine nor behind TLS can't be made."""
    with pytest.raises(errors.UsageError, match="in the clear"):
        Client(url, KEY)
    assert KEY not in repr(Client("https://example.com", KEY))


def test_a_url_holds_no_password() -> None:
    """It would stand in messages and in what is shown of the client."""
    with pytest.raises(errors.UsageError, match="expected no name and password") as refused:
        Client("https://user:hunter2@example.com", KEY)
    assert "hunter2" not in str(refused.value)


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """A connection that breaks in the middle of a download leaves nothing; asked again, the file is whole."""

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise httpx.ReadError("gone")

    client, _, _ = scripted(httpx.Response(200, content=broken()), retries=0)
    with pytest.raises(ServerUnreachable):
        client.download_bundle("n", to=tmp_path / "n.tally.json")
    assert not list(tmp_path.iterdir())
    client, _, _ = scripted(httpx.Response(200, content=broken()), httpx.Response(200, content=b"whole"))
    client.download_bundle("n", to=tmp_path / "n.tally.json")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]


def test_a_refusal_is_the_error_that_it_names(group: Client, api: Api) -> None:  # noqa: F811
    """What a use case raises here is raised there: by class, with status, values at fault and the request's id."""
    draft = invoice(api)
    group.record_evidence(draft)
    with pytest.raises(errors.Duplicate) as refused:
        group.record_evidence(draft)
    assert isinstance(refused.value, RemoteProblem)
    assert (refused.value.status, refused.value.name) == (409, "duplicate")
    assert refused.value.request_id
    with pytest.raises(errors.NotFound):
        group.read_party("LEI:NOBODY")
    with pytest.raises(errors.MalformedInput) as malformed:
        group.read_history("Buyer", as_of=["3", "4"])  # type: ignore[arg-type]
    assert isinstance(malformed.value, RemoteProblem)
    assert malformed.value.errors[0]["at"] == "query parameter asOf"
    with Client(str(api.base_url), KEY) as stranger, pytest.raises(errors.Unauthenticated):
        stranger.read_own_account()


def test_every_error_of_the_service_comes_back_as_itself() -> None:
    """Each class that the server maps to a problem is raised by the client for that problem."""
    from tallystick.client.problems import problem_of
    from tallystick.web import problems

    for kind, (status, _) in problems.BY_ERROR.items():
        made = problems.response(problems.of_error(kind("expected, got.", todo="Do.")), "id")
        raised = problem_of("x", status, made.headers, bytes(made.body))
        assert isinstance(raised, kind)
        assert raised.todo == "Do."


def test_evidence_goes_all_the_way(group: Client, api: Api, tmp_path: Path) -> None:  # noqa: F811
    """Record, countersign, read, certify, take home and verify, all typed."""
    contract = DraftBody.model_validate(api.contract(countersigned=False))
    made = group.record_evidence(contract)
    assert made.status == "awaitingCountersignature"
    assert group.countersign_evidence(made.evidence, CountersignatureBody()).status == "pending"
    bulk = group.record_evidence_in_bulk([invoice(api, deal=made.deal), invoice(api, deal=made.deal)])
    assert [one.kind for one in bulk] == ["INVOICE", "INVOICE"]
    api.final(bulk[1].evidence)
    found = group.read_evidence(bulk[1].evidence)
    assert found.placements
    assert found.struct.issuer == made.issuer
    assert b'"tallystick-receipt/1"' in group.read_receipt(bulk[1].evidence)
    history = group.read_history("Buyer")
    assert history["complete"] is True
    assert group.read_changes("Buyer", str(history["asOf"]["blockNumber"]))["added"] == []
    file = group.download_bundle("Buyer", to=tmp_path / "buyer.tally.json")
    assert file is not None
    assert file.name == "Buyer.tally.json"
    assert group.download_bundle("Buyer", if_none_match=file.etag, as_of=str(history["asOf"]["blockNumber"])) is None
    verdict = group.verify_bundle(tmp_path / "buyer.tally.json", block_hash=history["asOf"]["blockHash"])
    assert verdict["verdict"] == "valid"
    pdf = group.certify_evidence(bulk[1].evidence)
    assert pdf is not None
    assert pdf.data.startswith(b"%PDF")


def test_documents_become_evidence(opened: Opened, api: Api, tmp_path: Path) -> None:  # noqa: F811
    """Files are sent one by one, under their own names; a path that is none is refused before anything is sent."""
    parties = [
        api.post("/v1/parties", {"name": name, "identifiers": [f"GLN:{gln}"]}).json()["party"]
        for name, gln in (("Client Supplier", ubl.SELLER_GLN), ("Client Buyer", ubl.BUYER_GLN))
    ]
    made = accounts.add_organisation(opened.context, "test", "an importer", Role.PARTY)
    for party in parties:
        accounts.let_act_for(opened.context, "test", made.organisation, bytes.fromhex(party[2:]))  # type: ignore[arg-type]
    key = accounts.issue_key(opened.context, "test", made.organisation, "test")[1]
    (tmp_path / "order.xml").write_bytes(ubl.order())
    (tmp_path / "none.txt").write_text("no document")
    with Client(str(api.base_url), key) as client:
        with pytest.raises(errors.UsageError, match="found none"):
            client.import_documents([tmp_path / "order.xml", tmp_path / "missing.xml"])
        done = list(client.import_documents([tmp_path / "order.xml", tmp_path / "none.txt"], dry_run=True))
    assert [one["documents"][0]["file"] for one in done] == ["order.xml", "none.txt"]
    assert done[1]["documents"][0]["status"] == "refused"


def test_accounts_are_kept(api: Api, keys: Keys) -> None:  # noqa: F811
    """Organisations and keys from opening to closing; the journal is read page by page, and has it all."""
    with Client(str(api.base_url), keys.operator) as operator, Client(str(api.base_url), keys.registrar) as registrar:
        party = registrar.add_party(NewPartyBody(name="Of the client", identifiers=["ERP:of-the-client"]))
        made = operator.add_organisation(OrganisationBody(name="The client's", role="party"))
        operator.give_party(made.organisation, GivenPartyBody(party=party.party))
        issued = operator.issue_key(NewKeyBody(name="first", organisation=made.organisation))
        with Client(str(api.base_url), issued.secret) as member:
            assert member.read_own_account().organisation.parties == [party.party]
            assert [one.party for one in member.list_parties()] == [party.party]
        following = operator.rotate_key(issued.key, RotationBody(overlap_seconds=0))
        assert {one.key for one in operator.list_keys(organisation=made.organisation)} == {issued.key, following.key}
        operator.revoke_key(following.key)
        operator.close_organisation(made.organisation)
        assert made.organisation in {one.organisation for one in operator.list_organisations()}
        journal = list(operator.read_journal(limit=3))
        assert [one.position for one in journal] == list(range(1, len(journal) + 1))
        assert len(journal) > 6
        assert journal == list(operator.read_journal(limit=1000))
        assert operator.read_health().status == "ok"


@pytest.mark.parametrize(("retry_after", "waited"), [("7", [7.0]), ("9999", [30.0])])
def test_the_client_waits_as_it_is_told(retry_after: str, waited: list[float]) -> None:
    """429 and 503 are asked again after as many seconds as they say, within bounds; a POST under the same key."""
    for status in (429, 503):
        again = httpx.Response(status, json=PROBLEM, headers={"Retry-After": retry_after})
        done = httpx.Response(
            201, json={"key": "k", "organisation": "o", "name": "n", "scopes": [], "createdAt": 1, "secret": "s"}
        )
        client, asked, waits = scripted(again, done)
        client.issue_key(NewKeyBody(name="n"))
        assert waits == waited
        assert len({request.headers["Idempotency-Key"] for request in asked}) == 1


def test_the_client_gives_up() -> None:
    """After so many attempts the problem is raised; waits that nobody said grow."""
    again = [httpx.Response(429, json=PROBLEM) for _ in range(4)]
    client, asked, waits = scripted(*again, retries=3)
    with pytest.raises(errors.RateExceeded, match="too often"):
        client.read_own_account()
    assert len(asked) == 4
    assert [0.25 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(waits)] == [True] * 3


def test_a_lost_answer_is_asked_for_again_only_if_it_can_do_no_harm() -> None:
    """A GET is; a POST only where the server's document says that it takes an Idempotency-Key; else it is told."""
    view = httpx.Response(200, json={"party": "0x" + "1" * 64, "name": "n", "identifiers": [], "signers": [], "new": 1})
    client, _, _ = scripted(httpx.ReadTimeout("lost"), view)
    assert client.read_party("n").name == "n"
    body = NewPartyBody(name="n", identifiers=["ERP:1"])
    operation: dict[str, Any] = {"operationId": "addParty", "parameters": []}
    document = {"paths": {"/v1/parties": {"post": operation}}}
    client, _, _ = scripted(httpx.ReadTimeout("lost"), httpx.Response(200, json=document))
    with pytest.raises(ServerUnreachable, match="nobody knows whether it was done"):
        client.add_party(body)
    operation["parameters"] = [{"name": "Idempotency-Key", "in": "header"}]
    client, _, _ = scripted(httpx.ReadTimeout("lost"), httpx.Response(200, json=document), view)
    assert client.add_party(body).name == "n"
    client, _, _ = scripted(httpx.ConnectError("no"), view)
    assert client.add_party(body).name == "n"


def test_a_late_answer_is_asked_for_again_until_it_is_there() -> None:
    """After 504 the server may be busy still with the first request (409): the client waits under one key."""
    late = {**PROBLEM, "type": "urn:tallystick:problem:out-of-time", "status": 504}
    busy = {**PROBLEM, "type": "urn:tallystick:problem:under-way", "status": 409}
    view = {"party": "0x" + "1" * 64, "name": "n", "identifiers": [], "signers": []}
    taken = {"parameters": [{"name": "Idempotency-Key", "in": "header"}], "operationId": "addParty"}
    document = httpx.Response(200, json={"paths": {"/v1/parties": {"post": taken}}})
    problems = [
        httpx.Response(told["status"], json=told, headers={"Content-Type": PROBLEM_TYPE}) for told in (late, busy)
    ]
    client, asked, waits = scripted(problems[0], document, problems[1], httpx.Response(200, json=view))
    assert client.add_party(NewPartyBody(name="n", identifiers=["ERP:1"])).name == "n"
    named = [request.headers["Idempotency-Key"] for request in asked if request.method == "POST"]
    assert (len(named), len(set(named)), len(waits)) == (3, 1, 2)
    # a request that was never sent before by this client is somebody else's
    client, _, _ = scripted(httpx.Response(409, json=busy, headers={"Content-Type": PROBLEM_TYPE}))
    with pytest.raises(errors.UnderWay):
        client.add_party(NewPartyBody(name="n", identifiers=["ERP:1"]))
    # without a key that is taken, nobody knows
    taken["parameters"] = []
    document = httpx.Response(200, json={"paths": {"/v1/parties": {"post": taken}}})
    client, _, _ = scripted(httpx.Response(504, json=late, headers={"Content-Type": PROBLEM_TYPE}), document)
    with pytest.raises(errors.OutOfTime):
        client.add_party(NewPartyBody(name="n", identifiers=["ERP:1"]))


def test_pages_follow_one_another_and_stay_on_the_server() -> None:
    """A list goes on where ``Link`` says so, but the key goes nowhere else."""
    one = {"party": "0x" + "1" * 64, "name": "n", "identifiers": [], "signers": []}
    first = httpx.Response(200, json=[one], headers={"Link": '</v1/parties?cursor=abc>; rel="next"'})
    client, asked, _ = scripted(first, httpx.Response(200, json=[one]))
    assert len(list(client.list_parties())) == 2
    assert asked[1].url.query == b"cursor=abc"
    astray = httpx.Response(200, json=[one], headers={"Link": '<http://example.com/v1/parties>; rel="next"'})
    client, asked, _ = scripted(astray)
    with pytest.raises(RemoteProblem, match="expected the next page"):
        list(client.list_parties())
    assert len(asked) == 1


def test_what_is_no_answer_of_this_api_is_no_answer() -> None:
    """A proxy's page, a redirect, a body of another form: an error that shows what came."""
    for answer in (
        httpx.Response(502, text="<html>bad gateway</html>"),
        httpx.Response(302, headers={"Location": "http://example.com"}),
        httpx.Response(200, json={"name": 1}),
    ):
        client, asked, _ = scripted(answer)
        with pytest.raises(RemoteProblem, match="expected"):
            client.read_party("n")
        assert len(asked) == 1
