"""Idempotency-Key: a request that comes again is carried out once, whatever happens in between.

Source of the rules: Stripe's "Idempotent requests", draft-ietf-httpapi-idempotency-key-header-07.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postgresql import Schemas, Server
from tallystick import bootstrap
from tallystick.bootstrap import Opened
from tallystick.config import Home
from tallystick.protocol.types import Timestamp
from tallystick.service import accounts, once
from tallystick.service.context import Context
from tallystick.service.once import KEPT_SECONDS, Keyed, UnderWayKeys, fingerprint
from tallystick.service.ports import Transaction
from tallystick.store.identities import Role
from tallystick.store.records import EvidenceRecord
from tallystick.web.app import create_app
from web.conftest import ENVIRONMENT, serving, trusting_no_authority
from web.keys import Keys
from web.support import Api, problem

REPLAYED = "idempotent-replayed"
_keys = itertools.count(1)


def named(key: str | None = None, **headers: str) -> dict[str, str]:
    return {"Idempotency-Key": key or f"key-{next(_keys)}", **headers}


def test_the_same_request_again_is_answered_with_the_same_bytes(api: Api) -> None:
    """Also in another spacing of the JSON, and when the invoice by itself could not be recorded twice."""
    draft, headers = api.invoice(), named()
    first = api.post("/v1/evidence", draft, headers=headers)
    again = api.post("/v1/evidence", draft, headers=headers)
    spaced = json.dumps(draft, indent=3, sort_keys=True).encode()
    respaced = httpx.Client.post(
        api, "/v1/evidence", content=spaced, headers={**headers, "Content-Type": "application/json"}
    )
    assert first.status_code == again.status_code == respaced.status_code == 201
    assert first.content == again.content == respaced.content
    assert first.headers["location"] == again.headers["location"] == f"/v1/evidence/{first.json()['evidence']}"
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == respaced.headers[REPLAYED] == "true"
    api.final(first.json()["evidence"])
    assert api.post("/v1/evidence", draft, headers=headers).content == first.content


def test_another_request_with_the_key_is_refused(api: Api) -> None:
    """Another body, another path, another operation: 422, and nothing is recorded."""
    headers = named()
    assert api.post("/v1/evidence", api.invoice(), headers=headers).is_success
    problem(api.post("/v1/evidence", api.invoice(), headers=headers), 422, "key-reused")
    problem(api.post("/v1/evidence/bulk", [api.invoice()], headers=headers), 422, "key-reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
def test_a_key_is_short_printable_text(api: Api, key: str) -> None:
    """A key that is none is refused before anything is recorded."""
    problem(api.post("/v1/evidence", api.invoice(), headers={"Idempotency-Key": key}), 422, "malformed-input")


def test_a_refused_request_keeps_nothing(api: Api) -> None:
    """Nothing was recorded, so the key may come with the corrected request."""
    headers, draft = named(), api.invoice()
    problem(api.post("/v1/evidence", {**draft, "deal": f"0x{'77' * 32}"}, headers=headers), 409, "unfounded")
    made = api.post("/v1/evidence", draft, headers=headers)
    assert made.status_code == 201
    assert REPLAYED not in made.headers


def test_a_key_is_its_organisations(api: Api, opened: Opened) -> None:
    """Another organisation's key of the same text names another request."""
    party = bytes.fromhex(api.parties["Supplier"][2:])
    other = accounts.add_organisation(opened.context, "test", f"Other {next(_keys)}", Role.PARTY, [party])  # type: ignore[list-item]
    secret = accounts.issue_key(opened.context, "test", other.organisation, "test")[1]
    headers = named()
    first = api.post("/v1/evidence", api.invoice(), headers=headers)
    second = api.post("/v1/evidence", api.invoice(), headers={**headers, "Authorization": f"Bearer {secret}"})
    assert {first.status_code, second.status_code} == {201}
    assert first.json()["evidence"] != second.json()["evidence"]


@pytest.mark.parametrize("operation", ["bulk", "countersign", "import"])
def test_every_operation_that_records_takes_a_key(api: Api, operation: str) -> None:
    """In bulk, a countersignature, an import: again is as before."""
    headers = named()
    path, body = {
        "bulk": ("/v1/evidence/bulk", [api.invoice(), api.invoice()]),
        "countersign": ("", None),
        "import": ("/v1/imports", "no document, which is an outcome"),
    }[operation]
    if operation == "countersign":
        path = f"/v1/evidence/{api.record(api.contract(countersigned=False))['evidence']}/countersignature"
    first = api.post(path, body, headers=headers)
    again = api.post(path, body, headers=headers)
    assert first.is_success, first.text
    assert (again.status_code, again.content, again.headers[REPLAYED]) == (first.status_code, first.content, "true")


def test_while_the_first_is_under_way_a_second_is_told_so() -> None:
    """409, and free again when the first is done, however it ended."""
    keys = UnderWayKeys()

    def fail() -> None:
        with keys.taken("organisation", "key"):
            with pytest.raises(once.UnderWay), keys.taken("organisation", "key"):
                pytest.fail("it is taken")
            with keys.taken("another", "key"):
                raise RuntimeError("the request failed")

    with pytest.raises(RuntimeError):
        fail()
    with keys.taken("organisation", "key"):
        pass


class Crash(Exception):
    """The process dies here."""


@pytest.mark.parametrize("kept", [True, False], ids=["after the commit", "before the commit"])
def test_a_crash_records_once_or_not_at_all(
    api: Api, opened: Opened, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    """Killed between recording and answering: whoever asks again gets the answer; killed before: it is done now."""
    app = create_app(opened.context, idle_seconds=None, check_token=trusting_no_authority)
    draft, headers = api.invoice(), named(Authorization=f"Bearer {api.keys.group}")
    original = Keyed.end

    def dying(self: Keyed, transaction: Transaction, made: Sequence[EvidenceRecord]) -> None:
        original(self, transaction, made)
        raise Crash

    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        with monkeypatch.context() as patched:
            if kept:

                def no_answer(*_arguments: Any, **_options: Any) -> httpx.Response:
                    raise Crash

                patched.setattr("tallystick.web.once.response", no_answer)
            else:
                patched.setattr(Keyed, "end", dying)
            assert client.post("/v1/evidence", json=draft, headers=headers).status_code == 500
        again = client.post("/v1/evidence", json=draft, headers=headers)
    assert again.status_code == 201
    assert (REPLAYED in again.headers) is kept
    found = api.get(f"/v1/evidence/{again.json()['evidence']}")
    assert found.json()["receipt"] == again.json()["receipt"]


def test_an_answer_is_forgotten_after_a_while(opened: Opened, api: Api) -> None:
    """For the stated time, and not much longer: old ones go when new ones come."""

    @dataclass
    class At:
        seconds: int

        def now(self) -> Timestamp:
            return Timestamp(self.seconds)

    clock = At(opened.context.clock.now())
    context: Context = replace(opened.context, clock=clock)
    keyed = Keyed(context, "somebody", "a key", fingerprint("operation", "/path", b"{}"))
    with context.store.transaction() as transaction:
        keyed.keep(transaction, once.Answer(201, None, b"{}"))
        with pytest.raises(once.Replayed):
            keyed.begin(transaction)
    clock.seconds += KEPT_SECONDS
    with context.store.transaction() as transaction:
        keyed.begin(transaction)
        clock.seconds += 1
        replace(keyed, key="another").keep(transaction, once.Answer(201, None, b"{}"))
        assert transaction.kept_answer("somebody", "a key") is None


@pytest.fixture(scope="module")
def servers(restartable: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, list[str]]]:
    """Two servers on one store on PostgreSQL, which know nothing of each other's requests."""
    home = Home(tmp_path_factory.mktemp("web") / "once")
    with Schemas(restartable.url).schema() as url:
        bootstrap.init_home(home, environment=ENVIRONMENT, database_url=url)
        opening = bootstrap.open_home(home, environment=ENVIRONMENT)
        with (
            opening as opened,
            serving(opened) as one,
            serving(opened) as other,
            Api(one, Keys.made(opened.context)) as api,
        ):
            for role in ("Supplier", "Buyer"):
                body = {"name": role, "identifiers": [f"LEI:{role.upper()}"]}
                assert api.post("/v1/parties", body).status_code == 201
            api.deal = api.record(api.contract())["deal"]
            yield api, [one, other]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=6, max_size=24))
def test_clients_at_once_on_two_servers_record_each_key_once(
    servers: tuple[Api, list[str]], asked: list[tuple[int, int]]
) -> None:
    """Of all requests with one key, one body is recorded, once; its answers are the same bytes; others are refused.

    A DISPUTE has no number that would keep a second one out: only the key does.
    """
    api, urls = servers
    invoice = api.record(api.invoice())["evidence"]
    run = next(_keys)
    barrier = threading.Barrier(len(asked))

    def ask(numbered: tuple[int, tuple[int, int]]) -> tuple[int, int, httpx.Response]:
        at, (key, body) = numbered
        content = {"reasonCode": f"{key}-{body}", "disputedAmount": "1.00", "currency": "EUR"}
        draft = {"kind": "DISPUTE", "issuer": "Buyer", "counterparty": "Supplier", "parent": invoice}
        headers = {"Idempotency-Key": f"{run}-{key}", "Authorization": f"Bearer {api.keys.group}"}
        barrier.wait()
        url = urls[at % len(urls)] + "/v1/evidence"
        return key, body, httpx.post(url, json={**draft, "content": content}, headers=headers, timeout=60)

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(ask, enumerate(asked)))
    for key in {key for key, _ in asked}:
        made = {(body, answer.content) for k, body, answer in answers if k == key and answer.status_code == 201}
        assert len(made) == 1
        others = [answer for k, _, answer in answers if k == key and answer.status_code != 201]
        assert all(answer.status_code in (409, 422) for answer in others)
        for answer in others:
            problem(answer, answer.status_code, {409: "under-way", 422: "key-reused"}[answer.status_code])
    disputes = listed(api, invoice)
    assert len(disputes) == len({key for key, _ in asked})


def listed(api: Api, parent: str) -> list[dict[str, Any]]:
    """The disputes of ``parent``, found by the search."""
    found = api.get("/v1/evidence", params={"kind": "DISPUTE", "limit": 100}).json()
    return [one for one in found if one["parent"] == parent]
