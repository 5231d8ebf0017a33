"""Who consented to whom: what a lender reads under a consent, that each look is noted, and that nothing else leaks.

Rule: without a consent that is good, for this object and this entry, a history looks as if it were not there.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from tallystick.bootstrap import Opened
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import PartyId, Timestamp, parse_bytes32, to_hex
from tallystick.service import accounts, consent
from tallystick.service.consent import Grantee, organisation_id
from tallystick.service.context import Context
from tallystick.service.parties import find_party
from tallystick.service.scope import BOUND, AccessScope, Identities, Shown
from tallystick.store.grants import Grant
from tallystick.store.identities import Role
from tallystick.web.app import create_app
from web.conftest import trusting_no_authority
from web.support import Api, problem

_numbers = itertools.count(1)
FOREVER = date(2099, 12, 31)
EVERYTHING = AccessScope(identities=Identities.NAMES)
PATHS = {
    Shown.HISTORY: "/v1/parties/{party}/history",
    Shown.TRADELINES: "/v1/parties/{party}/tradelines",
    Shown.CHANGES: "/v1/parties/{party}/changes?since=3",
    Shown.BUNDLE: "/v1/parties/{party}/bundle",
    Shown.CERTIFICATE: "/v1/parties/{party}/certificate",
    Shown.EVIDENCE: "/v1/evidence/{evidence}",
    Shown.RECEIVABLE: "/v1/evidence/{evidence}/receivable",
}


@dataclass(frozen=True)
class Subject:
    """A seller with two buyers, and a final invoice to each."""

    party: str
    buyers: tuple[str, str]
    invoices: tuple[str, str]


@dataclass(frozen=True)
class Lender:
    """An organisation that is no party of this ledger, with a key."""

    organisation: str
    key: str


@pytest.fixture(scope="module")
def recorder(api: Api, opened: Opened) -> str:
    """The party that notes looks on behalf of organisations that are none."""
    body = {"name": "Recorder", "identifiers": [f"OPERATOR:{to_hex(opened.context.operator)}"]}
    made: str = api.post("/v1/parties", body).json()["party"]
    return made


@pytest.fixture(scope="module")
def subject(api: Api, recorder: str) -> Subject:
    parties = [
        api.post(
            "/v1/parties", {"name": f"Consent {name}", "identifiers": [f"ERP:consent-{name.replace(' ', '-')}"]}
        ).json()["party"]
        for name in ("seller", "first buyer", "second buyer")
    ]
    invoices = []
    for buyer in parties[1:]:
        deal = api.record(api.contract(issuer=parties[0], counterparty=buyer))["deal"]
        invoices.append(api.record(api.invoice(issuer=parties[0], counterparty=buyer, deal=deal))["evidence"])
    for invoice in invoices:
        api.final(invoice)
    return Subject(parties[0], (parties[1], parties[2]), (invoices[0], invoices[1]))


def open_lender(opened: Opened, parties: list[str] | None = None) -> Lender:
    named = [PartyId(parse_bytes32(one, "party")) for one in parties or []]
    made = accounts.add_organisation(opened.context, "test", f"consent lender {next(_numbers)}", Role.LENDER, named)
    return Lender(made.organisation, accounts.issue_key(opened.context, "test", made.organisation, "test")[1])


def grant(
    context: Context, subject: Subject, lender: Lender, scope: AccessScope = EVERYTHING, until: date = FOREVER
) -> Grant:
    with context.store.transaction(read_only=True) as transaction:
        giving = find_party(transaction, subject.party)
    return consent.grant(context, giving, Grantee(organisation_id(lender.organisation), "Bank", None), scope, until)[1]


def withdraw(context: Context, subject: Subject, given: Grant) -> None:
    with context.store.transaction(read_only=True) as transaction:
        giving = find_party(transaction, subject.party)
    consent.withdraw(context, giving, given.consent)


def ask(api: Api, what: Shown, subject: Subject, lender: Lender, **headers: str) -> httpx.Response:
    path = PATHS[what].format(party=subject.party, evidence=subject.invoices[0])
    return api.get(path, headers={"Authorization": f"Bearer {lender.key}", **headers})


def prepared(opened: Opened, subject: Subject, state: str, what: Shown) -> Lender:
    """A lender in ``state`` towards ``subject``."""
    lender = open_lender(opened)
    context = opened.context
    if state == "granted":
        grant(context, subject, lender)
    elif state == "withdrawn":
        withdraw(context, subject, grant(context, subject, lender))
    elif state == "expired":
        earlier = dataclasses.replace(context, clock=Standing(Timestamp(context.clock.now() - 10 * 86_400)))
        grant(earlier, subject, lender, until=datetime.now(UTC).date() - timedelta(days=5))
    elif state == "another object":
        others = frozenset(Shown) - {what}
        grant(context, subject, lender, dataclasses.replace(EVERYTHING, objects=others))
    elif state == "pseudonyms":
        grant(context, subject, lender, AccessScope())
    elif state in ("another counterparty", "another kind", "another period"):
        bounds: dict[str, Any] = {
            "another counterparty": {"counterparties": frozenset([PartyId(parse_bytes32(subject.buyers[1], "party"))])},
            "another kind": {"kinds": frozenset([Kind.PAYMENT])},
            "another period": {"until": date(2020, 1, 1)},
        }[state]
        grant(context, subject, lender, dataclasses.replace(EVERYTHING, **bounds))
    return lender


@dataclass
class Standing:
    """A clock that stands."""

    time: Timestamp

    def now(self) -> Timestamp:
        return self.time


CLOSED = [
    *((state, what) for state in ("never", "withdrawn", "expired", "another object") for what in Shown),
    *(("pseudonyms", what) for what in sorted(BOUND)),
    *(
        (state, what)
        for state in ("another counterparty", "another kind", "another period")
        for what in (Shown.EVIDENCE, Shown.RECEIVABLE)
    ),
]


@pytest.mark.parametrize(("state", "what"), CLOSED)
def test_without_a_good_consent_a_history_is_not_there(
    api: Api, opened: Opened, subject: Subject, state: str, what: Shown
) -> None:
    """Never given, withdrawn, past its day, for another object or other entries: the answer is that to nonsense."""
    lender = prepared(opened, subject, state, what)
    nobody = Subject(f"0x{'08' * 32}", subject.buyers, (f"0x{'09' * 32}", ""))
    told = []
    for asked in (nobody, subject):
        found = problem(ask(api, what, asked, lender), 404, "not-found")
        del found["instance"]
        for name in (asked.party, asked.invoices[0]):
            found["detail"] = found["detail"].replace(name, "NAME")
        told.append(found)
    assert told[0] == told[1]


@pytest.mark.parametrize(("state", "what"), CLOSED)
def test_what_is_not_consented_to_takes_the_work_of_what_is_unknown(
    opened: Opened, subject: Subject, state: str, what: Shown, statements: list[str]
) -> None:
    """The same statements in the same order, whether there is a consent for something else or none at all."""
    lender = prepared(opened, subject, state, what)
    app = create_app(opened.context, idle_seconds=None, check_token=trusting_no_authority)
    asked = []
    with TestClient(app, base_url="http://localhost") as client:
        for name, invoice in 2 * [(f"0x{'08' * 32}", f"0x{'09' * 32}"), (subject.party, subject.invoices[0])]:
            statements.clear()
            path = PATHS[what].format(party=name, evidence=invoice)
            assert client.get(path, headers={"Authorization": f"Bearer {lender.key}"}).status_code == 404
            asked.append(list(statements))
    assert asked[2] == asked[3] != []


@pytest.mark.parametrize("what", Shown)
def test_under_a_consent_a_history_is_read_and_each_look_is_noted(
    api: Api, opened: Opened, subject: Subject, what: Shown
) -> None:
    """The look is in the subject's log before the answer: who, when, at what; one evidence a day, one row a look."""
    lender = prepared(opened, subject, "granted", what)
    before = looks(api, subject)
    for _ in range(2):
        answer = ask(api, what, subject, lender)
        assert answer.is_success, answer.text
    first, second = looks(api, subject)[: len(looks(api, subject)) - len(before)]
    assert first["organisation"] == second["organisation"] == lender.organisation
    assert first["object"] == what.value
    assert first["access"] == second["access"]
    assert first["granteeName"] == "Bank"
    noted = api.get(f"/v1/evidence/{first['access']}").json()
    assert noted["kind"] == "ACCESS"
    assert noted["struct"]["parent"] == first["grant"]
    assert noted["content"]["accessedObject"] == what.value
    assert noted["content"]["grantee"] == to_hex(organisation_id(lender.organisation))


def test_the_party_reads_on_a_page_who_looked(api: Api, opened: Opened, subject: Subject) -> None:
    """Who, when, at what, by which evidence, in either language; a browser may take its style and nothing else."""
    lender = prepared(opened, subject, "granted", Shown.HISTORY)
    assert ask(api, Shown.HISTORY, subject, lender).is_success
    newest, second = looks(api, subject)[:2]
    path = f"/v1/parties/{subject.party}/accesses/page"
    english, chinese = (api.get(path, params={"lang": language, "limit": 1}) for language in ("en", "zh"))
    for page in (english, chinese):
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert page.headers["content-security-policy"].endswith("frame-ancestors 'none'")
        assert newest["access"] in page.text
        assert lender.organisation in page.text
    when = datetime.fromtimestamp(newest["at"], UTC)
    assert f"{when:%Y-%m-%d %H:%M:%S} UTC</td><td><bdi>Bank</bdi>" in english.text
    assert ("<h2>Who looked</h2>" in english.text, "<h2>谁已查看</h2>" in chinese.text) == (True, True)
    assert f"before position {newest['position']}." in english.text
    older = api.get(path, params={"before": newest["position"], "limit": 1}).text
    assert datetime.fromtimestamp(second["at"], UTC).strftime("%H:%M:%S UTC</td>") in older
    problem(api.get(path, params={"lang": "de"}), 422, "malformed-input")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/parties/{party}"),
        ("GET", "/v1/parties/{party}/grants"),
        ("GET", "/v1/parties/{party}/accesses"),
        ("GET", "/v1/parties/{party}/accesses/page"),
        ("POST", "/v1/parties/{party}/grants"),
        ("DELETE", "/v1/parties/{party}/grants/{given}"),
        ("GET", "/v1/evidence/{evidence}/receipt"),
        ("GET", "/v1/evidence/{evidence}/certificate"),
        ("POST", "/v1/evidence/{evidence}/countersignature"),
        ("GET", "/v1/evidence/{given}"),
    ],
)
def test_a_consent_opens_no_other_door(api: Api, opened: Opened, subject: Subject, method: str, path: str) -> None:
    """Whoever may look at everything is not shown the party itself, its consents and looks, nor acts for it."""
    lender = open_lender(opened)
    given = to_hex(grant(opened.context, subject, lender).consent)
    url = path.format(party=subject.party, evidence=subject.invoices[0], given=given)
    body = {"grantee": "Lender", "until": "2099-12-31"} if path.endswith("/grants") and method == "POST" else None
    key = {"Authorization": f"Bearer {lender.key}"}
    answer = api.request(method, url, headers=key, **({} if body is None else {"json": body}))
    problem(answer, 404, "not-found")


def looks(api: Api, subject: Subject) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/v1/parties/{subject.party}/accesses?limit=1000").json()
    return found


def test_an_access_is_sealed_into_the_log_of_who_was_looked_at_and_stands(
    api: Api, opened: Opened, subject: Subject
) -> None:
    """The subject's own bundle verifies with it, and it changes no figure."""
    lender = prepared(opened, subject, "granted", Shown.HISTORY)
    ask(api, Shown.HISTORY, subject, lender)
    before = api.get(f"/v1/parties/{subject.party}/history").json()
    access = looks(api, subject)[0]["access"]
    placed = api.final(access)["placements"]
    assert subject.party in {one["subject"] for one in placed}
    after = api.get(f"/v1/parties/{subject.party}/history").json()
    assert not any(one["evidence"] == access for one in after["notCounted"])
    assert (after["asSeller"], after["anchoringDelay"]["count"]) == (
        before["asSeller"],
        before["anchoringDelay"]["count"],
    )
    bundle = api.get(f"/v1/parties/{subject.party}/bundle")
    verdict = api.post("/v1/verify", json.loads(bundle.content)).json()
    assert verdict["verdict"] != "invalid", verdict


def test_a_lender_that_is_a_party_notes_its_own_looks(api: Api, opened: Opened, subject: Subject) -> None:
    """Over HTTP from grant to withdrawal: given, found in the lender's list, used, seen, withdrawn at once."""
    lender = open_lender(opened, [api.parties["Lender"]])
    body = {"grantee": "Lender", "until": "2099-12-31", "scope": {"identities": "ids", "objects": ["history"]}}
    given = api.post(f"/v1/parties/{subject.party}/grants", body)
    assert given.status_code == 201, given.text
    assert given.json()["recorder"] == api.parties["Lender"]
    headers = {"Authorization": f"Bearer {lender.key}"}
    received = api.get("/v1/grants", headers=headers).json()
    assert given.json()["grant"] in {one["grant"]["grant"] for one in received}
    assert ask(api, Shown.HISTORY, subject, lender).is_success
    noted = api.get(f"/v1/evidence/{looks(api, subject)[0]['access']}").json()
    assert noted["struct"]["issuer"] == api.parties["Lender"]
    assert "grantee" not in noted["content"]
    gone = api.delete(f"/v1/parties/{subject.party}/grants/{given.json()['grant']}")
    assert gone.json()["good"] is False
    problem(ask(api, Shown.HISTORY, subject, lender), 404, "not-found")
    problem(api.delete(f"/v1/parties/{subject.party}/grants/{given.json()['grant']}"), 409, "misfit")


def test_a_bundle_under_a_consent_is_complete_and_hides_what_is_out_of_scope(
    api: Api, opened: Opened, subject: Subject
) -> None:
    """Hidden fields keep their digest, every entry is there, it is not invalid; who is out of scope has no name."""
    lender = open_lender(opened)
    first = PartyId(parse_bytes32(subject.buyers[0], "party"))
    scope = AccessScope(
        counterparties=frozenset([first]),
        fields=frozenset(["invoiceNumber", "currency", "payableAmount", "issueDate", "dueDate"]),
        identities=Identities.NAMES,
    )
    grant(opened.context, subject, lender, scope)
    shown = ask(api, Shown.BUNDLE, subject, lender)
    assert shown.is_success, shown.text
    told = json.loads(shown.content)
    named = {one["party"] for one in told["bindings"]}
    assert named == {subject.party, subject.buyers[0]}
    entries = [entry for append in told["appends"] for entry in append["entries"]]
    whole = json.loads(api.get(f"/v1/parties/{subject.party}/bundle?asOf={told['asOf']['blockNumber']}").content)
    assert len(entries) == sum(append["count"] for append in whole["appends"])
    for entry in entries:
        in_scope = subject.buyers[0] in (entry["evidence"]["issuer"], entry["evidence"]["counterparty"])
        assert bool(entry["disclosures"]) == (in_scope and entry["evidence"]["kind"] in (1, 3))
        assert entry["hidden"] or entry["evidence"]["kind"] in (3, 5, 9)
    verdict = api.post("/v1/verify", told).json()
    assert verdict["verdict"] != "invalid", verdict


def test_an_evidence_under_a_consent_shows_its_scope_and_one_log_alone(
    api: Api, opened: Opened, subject: Subject
) -> None:
    lender = open_lender(opened)
    grant(opened.context, subject, lender, dataclasses.replace(EVERYTHING, fields=frozenset(["currency"])))
    seen = ask(api, Shown.EVIDENCE, subject, lender).json()
    assert seen["content"] == {"currency": "EUR"}
    assert len(seen["hidden"]) == 4
    assert {one["subject"] for one in seen["placements"]} == {subject.party}
    assert seen["receipt"] is None
    other = api.get(f"/v1/evidence/{subject.invoices[0]}/receipt", headers={"Authorization": f"Bearer {lender.key}"})
    problem(other, 404, "not-found")


def test_pseudonyms_are_stable_in_a_consent_and_unlinkable_across_consents(
    api: Api, opened: Opened, subject: Subject
) -> None:
    """No id of a counterparty or an evidence shows; two lenders that compare find none in common."""
    lenders = [open_lender(opened) for _ in range(2)]
    for lender in lenders:
        grant(
            opened.context,
            subject,
            lender,
            AccessScope(fields=frozenset(["currency", "payableAmount", "issueDate", "dueDate"])),
        )
    block = api.get(f"/v1/parties/{subject.party}/history").json()["asOf"]["blockNumber"]
    headers = [{"Authorization": f"Bearer {lender.key}"} for lender in lenders]
    for path in (f"tradelines?asOf={block}", f"history?asOf={block}", f"changes?since=3&asOf={block}"):
        url = f"/v1/parties/{subject.party}/{path}"
        one, again, other = (api.get(url, headers=header) for header in (headers[0], headers[0], headers[1]))
        assert one.json() == again.json()
        for secret in (*subject.buyers, *subject.invoices):
            assert secret not in one.text
        assert subject.party in one.text
        assert ids(one.json()) & ids(other.json()) <= {subject.party}
    lines = [
        api.get(f"/v1/parties/{subject.party}/tradelines", headers=header).json()["tradelines"] for header in headers
    ]
    assert len({line["counterparty"] for line in lines[0]}) == 2


def ids(told: Any) -> set[str]:
    """The 32-byte ids in ``told``; blocks are public."""
    if isinstance(told, dict):
        return set().union(*(ids(item) for name, item in told.items() if name != "blockHash"))
    if isinstance(told, list):
        return set().union(*map(ids, told))
    return {told} if isinstance(told, str) and told.startswith("0x") and len(told) == 66 else set()


def test_every_figure_links_to_its_evidence(api: Api, opened: Opened, subject: Subject) -> None:
    """Each figure of a tradeline and of a total has sources, and each source answers under the same consent."""
    lender = prepared(opened, subject, "granted", Shown.TRADELINES)
    told = ask(api, Shown.TRADELINES, subject, lender).json()
    plain = api.get(f"/v1/parties/{subject.party}/history?asOf={told['asOf']['blockNumber']}").json()
    for line, figures in zip(told["tradelines"], plain["tradelines"], strict=True):
        assert {**line, **figures} == line
        numbers = {name for name in figures if name not in NO_FIGURES}
        assert numbers == line["sources"].keys()
        assert line["sources"]["openAmount"] == [one["evidence"] for one in line["invoices"]]
    total = told["asSeller"]["EUR"]["sources"]["openAmount"]
    assert total == sorted(link for line in told["tradelines"] for link in line["sources"]["openAmount"])
    for link in total:
        assert api.get(link, headers={"Authorization": f"Bearer {lender.key}"}).is_success


NO_FIGURES = {
    *("counterparty", "role", "currency", "paymentTermsDays", "firstInvoiceDate", "lastInvoiceDate"),
    *("restsOnHidden", "reasons"),
}


@pytest.mark.parametrize("what", [Shown.HISTORY, Shown.TRADELINES, Shown.CHANGES])
def test_a_reader_that_has_a_history_is_told_so(api: Api, opened: Opened, subject: Subject, what: Shown) -> None:
    """Same head, block and scope: 304 without a body, and noted all the same. Another scope: another tag."""
    lender, other = (prepared(opened, subject, "granted", what) for _ in range(2))
    path = PATHS[what].format(party=subject.party)
    newest = api.get(f"/v1/parties/{subject.party}/history").json()["asOf"]["blockNumber"]
    path += f"{'&' if '?' in path else '?'}asOf={newest}"
    key = {"Authorization": f"Bearer {lender.key}"}
    first = api.get(path, headers=key)
    count = len(looks(api, subject))
    again = api.get(path, headers={**key, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert len(looks(api, subject)) == count + 1
    assert api.get(path, headers={"Authorization": f"Bearer {other.key}"}).headers["etag"] != first.headers["etag"]
    earlier = api.get(path.replace(f"asOf={newest}", f"asOf={newest - 1}"), headers=key)
    assert earlier.headers["etag"] != first.headers["etag"]


def test_what_a_reader_hides_is_no_choice_under_a_consent(api: Api, opened: Opened, subject: Subject) -> None:
    """It would tell whether others are parties here."""
    lender = prepared(opened, subject, "granted", Shown.BUNDLE)
    answer = api.get(
        f"/v1/parties/{subject.party}/bundle?hide=note@Buyer", headers={"Authorization": f"Bearer {lender.key}"}
    )
    problem(answer, 400, "usage-error")


def test_a_data_provider_gives_no_consent(api: Api, opened: Opened, subject: Subject) -> None:
    """It states evidence on a party's behalf; who may look is for the party to say."""
    named = [PartyId(parse_bytes32(subject.party, "party"))]
    made = accounts.add_organisation(opened.context, "test", "a provider", Role.PROVIDER, named)
    key = accounts.issue_key(opened.context, "test", made.organisation, "test")[1]
    draft = {"kind": "CONSENT", "issuer": subject.party, "content": {}}
    problem(api.post("/v1/evidence", draft, headers={"Authorization": f"Bearer {key}"}), 403, "not-entitled")


@pytest.mark.parametrize(
    "change",
    [
        {"until": "2020-01-01"},
        {"until": "2026-02-30"},
        {"organisation": "ab" * 16},
        {"grantee": None},
        {"grantee": "Nobody at all"},
        {"scope": {"identities": "pseudonyms", "objects": ["bundle"]}},
        {"scope": {"objects": ["everything"]}},
        {"scope": {"kinds": ["HEARSAY"]}},
        {"scope": {"until": "2026-02-30"}},
    ],
)
def test_a_consent_that_makes_no_sense_is_refused(api: Api, subject: Subject, change: dict[str, Any]) -> None:
    body = {"grantee": "Lender", "until": "2099-12-31", **change}
    assert 400 <= api.post(f"/v1/parties/{subject.party}/grants", body).status_code < 500


def test_what_is_erased_shows_as_erased_and_changes_the_tag(api: Api, opened: Opened, subject: Subject) -> None:
    """Over HTTP from the request to the history: also under a consent, and 304 is no answer any more."""
    deal = api.get(f"/v1/evidence/{subject.invoices[1]}").json()["struct"]["deal"]
    gone = api.record(api.invoice(issuer=subject.party, counterparty=subject.buyers[1], deal=deal))["evidence"]
    api.final(gone)
    lender = prepared(opened, subject, "granted", Shown.HISTORY)
    block = api.get(f"/v1/parties/{subject.party}/history").json()["asOf"]["blockNumber"]
    path, key = f"/v1/parties/{subject.party}/history?asOf={block}", {"Authorization": f"Bearer {lender.key}"}
    before = api.get(path, headers=key)
    operator = {"Authorization": f"Bearer {api.keys.operator}"}
    plan = api.post("/v1/erasures", {"evidence": gone, "reason": "a request under the law"}, headers=operator).json()
    assert (plan["fields"], set(plan["parties"])) == (5, {subject.party, subject.buyers[1]})
    body = {"confirmation": plan["confirmation"]}
    done = api.post(f"/v1/erasures/{gone}/confirmation", body, headers=operator).json()
    assert done["fields"] == 5
    after = api.get(path, headers={**key, "If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert gone in {one["evidence"] for one in after.json()["erased"]}
    seen = api.get(f"/v1/evidence/{gone}").json()
    assert (seen["content"], len(seen["hidden"]), seen["erasedAt"]) == ({}, 5, done["erasedAt"])
    assert gone in {one["evidence"] for one in api.get("/v1/erasures", headers=operator).json()}


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is asked of any database while the test runs."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        is_others = threading.current_thread().name in {"worker", "notifier"} or "status_event" in statement
        if not is_others and not statement.startswith("PRAGMA"):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)
