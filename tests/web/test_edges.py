"""What holds for every operation, those included that nobody has thought of yet: driven by the OpenAPI document.

The OWASP API Security Top Ten (2023) in docs/security.md names these tests among others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from web.keys import Keys
from web.support import Api

ROOT = Path(__file__).parents[2]
FETCHING = {"addWebhook", "removeWebhook", "rotateWebhookSecret", "listDeliveries", "redeliver"}
"""Operations that take the address of something the server calls, or the id of such an address. Each needs a test that
it calls nobody inside: for webhooks in tests/web/test_events.py."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
_ADDRESS = re.compile(r"url|uri|host|callback|endpoint|webhook", re.IGNORECASE)


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    made: dict[str, Any] = api.get("/v1/openapi.json").json()
    return made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def schemas(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in what ``operation`` takes, with the way to it."""
    for parameter in operation.get("parameters", ()):
        yield from _within(document, parameter["name"], parameter["schema"])
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield from _within(document, "body", media["schema"])


def _within(document: dict[str, Any], at: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    yield at, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _within(document, f"{at}.{name}", inner)
    for key in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(key, ()):
            yield from _within(document, at, inner)
    if "items" in schema:
        yield from _within(document, f"{at}[]", schema["items"])


def test_every_answer_has_the_headers_that_keep_browsers_away(api: Api, document: dict[str, Any], keys: Keys) -> None:
    """Whatever is asked, by somebody or nobody: not sniffed, not framed, not kept, with the request's id; no CORS."""
    asked = [(method, re.sub(r"\{\w+\}", "x", path)) for method, path, _ in operations(document)]
    for method, path in [
        *asked,
        ("GET", "/"),
        ("PATCH", "/v1/parties"),
        ("OPTIONS", "/v1/evidence"),
        ("GET", "/healthz"),
    ]:
        for key in (keys.operator, "nobody"):
            if method == "DELETE" and key != "nobody":
                continue
            with api.stream(method, path, headers={"Authorization": f"Bearer {key}"}) as answer:
                pass  # the stream of events has no end
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, (method, path)
            assert answer.headers["x-request-id"]
            assert answer.headers["cache-control"] in ("no-store", "private, no-cache")
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert "server" not in answer.headers


def test_every_list_that_is_taken_is_bounded(document: dict[str, Any]) -> None:
    """A request can't make the server work on more items than the document says."""
    for _, _, operation in operations(document):
        for at, schema in schemas(document, operation):
            assert schema.get("type") != "array" or "maxItems" in schema, (operation["operationId"], at)


def test_every_body_is_a_closed_form(document: dict[str, Any]) -> None:
    """Nobody sets a property that is not theirs to set: a member that the form does not name is refused."""
    for _, _, operation in operations(document):
        for at, schema in schemas(document, operation):
            if "properties" in schema and at.startswith("body"):
                assert schema["additionalProperties"] is False, (operation["operationId"], at)


def test_nobody_names_an_address_that_the_server_calls(document: dict[str, Any]) -> None:
    """No parameter and no member is an address, unless the operation is listed, and tested, as one that takes one."""
    found = {
        operation["operationId"]
        for _, _, operation in operations(document)
        for at, schema in schemas(document, operation)
        if schema.get("format") in ("uri", "iri", "hostname") or _ADDRESS.search(at.rpartition(".")[2])
    }
    assert found == FETCHING


def test_the_page_names_tests_that_are_there() -> None:
    """The walk through the OWASP list has ten lines, and each names at least one test that exists."""
    page = (ROOT / "docs" / "security.md").read_text()
    lines = re.findall(r"^\| (\d+) .*\| (.+) \|$", page.partition("## The OWASP")[2], re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(range(1, 11))
    for _, shown in lines:
        named = re.findall(r"`(tests/[\w/.]+)`", shown)
        assert named
        assert all((ROOT / name).exists() for name in named), shown
