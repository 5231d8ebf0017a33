"""Explores a whole API by its OpenAPI document: schemathesis asks a real server as each role, with all its checks.

What is asked, and what must be answered, comes from the document alone: a new route is explored as soon as it stands
there. So that questions meet something, half of the ids in paths, queries and bodies are of things that are there.

Example: ``with installation(folder) as town: done = explore(town, Role.PARTY, most_cases=10)`` has ``done.failures``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from schemathesis.engine import events, from_schema

from tallystick import bootstrap
from tallystick.bootstrap import Opened
from tallystick.config import Home
from tallystick.errors import Unauthenticated
from tallystick.protocol.types import PartyId, parse_bytes32
from tallystick.service import accounts
from tallystick.service.policy import PUBLIC, RULES, Reach
from tallystick.store.identities import Role
from web.conftest import ENVIRONMENT, serving
from web.keys import Keys
from web.support import Api

ACTING = (Role.PARTY, Role.LENDER, Role.PROVIDER)
ORDER = (Role.PARTY, Role.OPERATOR, Role.REGISTRAR, Role.AUDITOR, Role.LENDER, Role.PROVIDER)
FORMAL = ("2xx", "3xx", 401, 403, 404, 409)
"""What a request of the right form may be answered."""
SEMANTIC = (*FORMAL, 400, 422)
"""The same where JSON Schema can't say all that is asked of values: that a content fits its kind, that a signature
holds, that a block is not in the future, that a cursor came from here, that an evidence is an invoice. These
operations document 400, or take a cursor, or stand in ``OF_ONE_KIND``."""
OF_ONE_KIND = ("readReceivable",)
"""Operations about an evidence of one kind: its id does not tell."""
NOTHING_WRONG = "Invalid component: positive test case"
"""How schemathesis calls what it meant to be invalid, where its own links put something valid in that place."""
JUDGING = ("verifyBundle", "importDocuments", "importStatements", "recordEvidenceLines")
"""Whatever bytes these are given, they say what is wrong with them: that is their answer, not an error."""
ENDLESS = ("streamEvents",)
"""What answers for as long as somebody listens is no answer that schemathesis can read; test_events.py asks for it."""
_NAMES = {"issuer": "party", "counterparty": "party", "parties": "party", "subject": "party", "evidence_id": "evidence"}
"""Members and parameters that hold the id of something whose name they don't bear."""
_numbers = itertools.count(1)


@schemathesis.serializer("application/x-ndjson")
def _lines(_context: Any, value: Any) -> bytes:
    """One JSON value as a line; bytes and text as they are."""
    if isinstance(value, bytes | str):
        return value if isinstance(value, bytes) else value.encode(errors="replace")
    return json.dumps(value).encode() + b"\n"


@dataclass
class Town:
    """A server, and what there is to ask about: ids by what they name."""

    url: str
    opened: Opened
    known: Mapping[str, list[str]]
    complaints: list[str] = field(default_factory=list)
    """What the server logged as errors."""


@dataclass
class Findings:
    """What came of exploring as one role."""

    role: Role
    cases: int = 0
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By operation and status."""
    failures: dict[str, str] = field(default_factory=dict)
    """What was wrong, with how to ask it again; one of each kind."""


class _Complaints(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        """Keep ``record`` with its traceback."""
        self._kept.append(logging.Formatter().format(record))


@contextmanager
def installation(directory: Path) -> Iterator[Town]:
    """A new home in ``directory`` with an embedded chain and two pairs of trading parties, served until the end."""
    home = Home(directory)
    bootstrap.init_home(home, environment=ENVIRONMENT)
    settings = directory / "tallystick.toml"
    settings.write_text(re.sub(r"requests_per_minute = \d+", "requests_per_minute = 10000000", settings.read_text()))
    with bootstrap.open_home(home, environment=ENVIRONMENT) as opened, serving(opened) as url:
        known: dict[str, list[str]] = {"party": [], "evidence": [], "deal": [], "organisation": [], "key": []}
        known["block"] = ["2", "3", "5", "2030-01-01"]
        with Api(url, Keys.made(opened.context)) as api:
            for side in ("own", "foreign"):
                seller, buyer = (_party(api, f"{side} {name}") for name in ("seller", "buyer"))
                made = api.record(api.contract(issuer=seller, counterparty=buyer))
                waiting = api.record(api.contract(issuer=buyer, counterparty=seller, countersigned=False))
                invoice = api.record(api.invoice(issuer=seller, counterparty=buyer, deal=made["deal"]))
                api.final(invoice["evidence"])
                known["party"] += [seller, buyer]
                known["deal"].append(made["deal"])
                known["evidence"] += [found["evidence"] for found in (made, waiting, invoice)]
        for role in (Role.PARTY, Role.OPERATOR):
            account = _Account(opened, role, [])
            known["organisation"].append(account.organisation)
            known["key"].append(account.text().split("_")[1])
        town = Town(url, opened, known)
        handler = _Complaints(town.complaints)
        logging.getLogger("tallystick").addHandler(handler)
        try:
            yield town
        finally:
            logging.getLogger("tallystick").removeHandler(handler)


def shared_out(operations: Iterable[str]) -> dict[Role, list[str]]:
    """``operations`` by role: each once, with the first role that reaches it."""
    shares: dict[Role, list[str]] = {}
    for operation in operations:
        rule = RULES.get(operation)
        first = next(role for role in ORDER if rule is None or rule.reach[role] is not Reach.NONE)
        shares.setdefault(first, []).append(operation)
    return shares


def explore(
    town: Town,
    role: Role,
    *,
    most_cases: int,
    operations: Sequence[str] = (),
    most_seconds: int | None = None,
    seed: int = 1,
    stateful: bool = True,
) -> Findings:
    """Ask ``town`` as ``role``: at most ``most_cases`` made at random of each operation in each phase.

    Of ``operations``, or of all where none are named, but for those that are ``ENDLESS``.
    """
    account = _Account(town.opened, role, [PartyId(parse_bytes32(town.known["party"][0], "party"))])
    document = httpx.get(f"{town.url}/v1/openapi.json", timeout=60).json()
    settings = _settings(town, document, most_cases, seed, stateful)
    if most_seconds is not None:
        settings["max-time"] = most_seconds
    schema = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(settings))
    wanted = {*(operations or RULES)} - {*ENDLESS}
    # to include some does not hold back the others
    explored = schema.exclude(operation_id=[*sorted({*RULES, *PUBLIC} - wanted)])
    explored.auth()(account.provider())

    @explored.hook
    def map_case(_context: Any, case: Any) -> Any:
        # what is wrong on purpose must stay so
        is_wrong = case.meta is not None and case.meta.generation.mode.is_negative
        if isinstance(case.body, dict | list) and not is_wrong:
            case.body = _with_known(case.body, town.known)
        return case

    found = Findings(role)
    for event in from_schema(explored).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(found, event.recorder)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            error = event.value if isinstance(event, events.NonFatalError) else event.exception
            found.failures[f"{type(error).__name__}: {error}"] = ""
    return found


class _Account:
    """An organisation with a key that is good, whatever the questions did to the one before."""

    def __init__(self, opened: Opened, role: Role, parties: list[PartyId]) -> None:
        self._context = opened.context
        self._role = role
        self._parties = parties if role in ACTING else []
        self._key = ""
        self.text()

    def text(self) -> str:
        """The key; of a new organisation where the old one was closed or its key revoked."""
        try:
            accounts.authenticate(self._context, self._key)
        except Unauthenticated:
            name = f"explorer {next(_numbers)}"
            self.organisation = accounts.add_organisation(
                self._context, "test", name, self._role, self._parties
            ).organisation
            self._key = accounts.issue_key(self._context, "test", self.organisation, "exploring")[1]
        return self._key

    def provider(self) -> type:
        """What schemathesis asks for credentials."""
        account = self

        class Provider:
            def get(self, _case: Any, _context: Any) -> str:
                return account.text()

            def set(self, case: Any, data: str, _context: Any) -> None:
                case.headers["Authorization"] = f"Bearer {data}"

        return Provider


def _settings(town: Town, document: Mapping[str, Any], most_cases: int, seed: int, stateful: bool) -> dict[str, Any]:
    names = {**{name: name for name in town.known}, **_NAMES}
    names |= dict.fromkeys(("asOf", "since"), "block")
    return {
        "base-url": town.url,
        "seed": seed,
        "continue-on-failure": True,
        "request-timeout": 300,
        "generation": {"max-examples": most_cases, "database": "none", "deterministic": False, "no-shrink": True},
        "checks": {"positive_data_acceptance": {"expected-statuses": [*FORMAL]}},
        "operations": [*_exceptions(document)],
        "phases": {"stateful": {"enabled": stateful}},
        "dictionaries": {name: {"values": values} for name, values in town.known.items()},
        "parameters": {name: {"dictionary": kind, "probability": 0.5} for name, kind in names.items()},
    }


def _exceptions(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        for operation in item.values():
            checks: dict[str, Any] = {}
            parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
            name = operation["operationId"]
            if "400" in operation["responses"] or "cursor" in parameters or name in OF_ONE_KIND:
                checks["positive_data_acceptance"] = {"expected-statuses": [*SEMANTIC]}
            if name in JUDGING:
                checks["negative_data_rejection"] = {"enabled": False}
            if checks:
                yield {"include-operation-id": name, "checks": checks}


def _with_known(value: Any, known: Mapping[str, list[str]]) -> Any:
    """``value`` with half of the ids in it replaced by ids of things that are there; always the same ones."""
    if not isinstance(value, dict):
        return [_with_known(item, known) for item in value] if isinstance(value, list) else value
    if "kind" in value and "content" in value and _chance(json.dumps(value, sort_keys=True, default=repr), 2):
        return _believable(known)
    made = {}
    for name, item in value.items():
        there = known.get(_NAMES.get(str(name), str(name)))
        if there and isinstance(item, str):
            made[name] = there[len(item) % len(there)] if _chance(f"{name}{item}", 2) else item
        else:
            made[name] = _with_known(item, known)
    return made


def _chance(text: str, of: int) -> bool:
    """Whether it is to be, once in ``of`` times; for the same ``text`` always the same."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()[0] % of == 0


def _believable(known: Mapping[str, list[str]]) -> dict[str, Any]:
    """An invoice that the ledger takes, of a number of its own."""
    content = {
        "invoiceNumber": f"X-{next(_numbers)}",
        "issueDate": "2026-01-02",
        "dueDate": "2026-02-01",
        "currency": "EUR",
        "payableAmount": "100.00",
    }
    seller, buyer = known["party"][:2]
    named = {"issuer": seller, "counterparty": buyer, "deal": known["deal"][0]}
    return {"kind": "INVOICE", **named, "content": content}


def _note(found: Findings, recorder: Any) -> None:
    found.cases += len(recorder.interactions)
    for case_id, done in recorder.interactions.items():
        definition = recorder.cases[case_id].value.operation.definition.raw
        status = 0 if done.response is None else done.response.status_code
        found.answers[definition.get("operationId", "?"), status] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            if check.name == "negative_data_rejection" and NOTHING_WRONG in failure.message:
                continue
            label = recorder.cases[case_id].value.operation.label
            told = f"{label}: {check.name}: {failure.title}: {failure.message}"
            done = recorder.interactions[case_id]
            answered = "" if done.response is None else done.response.content[:400].decode(errors="replace")
            found.failures.setdefault(
                told[:300], f"{done.request.method} {done.request.uri}\n{_body(done.request)}\n{answered}"
            )


def _body(request: Any) -> str:
    text = request.body or ""
    return json.dumps(text[:600] if isinstance(text, str) else repr(text)[:600])


def _party(api: Api, name: str) -> str:
    answer = api.post("/v1/parties", {"name": name, "identifiers": [f"ERP:{name.replace(' ', '-')}"]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["party"])
