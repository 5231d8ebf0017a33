"""The OpenAPI 3.1 document: what FastAPI derives from the routes, and the problems that each may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from tallystick import errors
from tallystick.web import examples
from tallystick.web.problems import BY_ERROR, BY_STATUS, MEDIA_TYPE, TYPE_PREFIX, slug

DESCRIPTION = """Signed B2B trade evidence, anchored on a chain, complete, and verifiable by anyone offline.

Every operation under /v1 but this document and /v1/sign-in needs `Authorization: Bearer` and an API key
(`tallystick_...`), a session of a wallet (`tallystick-session_...`) or a token of this service's OpenID Connect issuer.
Each reaches what the role of its organisation and its own scopes allow; what it may not see is, to it, not there (404).

Ids, hashes and signatures are `0x` and lower-case hex; amounts are decimal strings; times are seconds since 1970 (UTC).
Every error is a problem (RFC 9457) that says expected and got in `detail`, and what to do in `todo`. Complete means:
with respect to what was sealed, not to all that happened.
"""

_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "todo", "instance"],
    "properties": {
        "type": {"type": "string", "description": "A stable name, urn:tallystick:problem:NAME."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was expected, and what came."},
        "todo": {"type": "string", "description": "What to do about it."},
        "instance": {"type": "string", "description": "The request: urn:uuid: and the X-Request-Id of the answer."},
        "errors": {
            "type": "array",
            "description": "The single values that are not of their form.",
            "items": {
                "type": "object",
                "required": ["at", "expected", "got", "todo"],
                "properties": {
                    "at": {"type": "string", "description": "JSON pointer into the body, or the parameter."},
                    "expected": {"type": "string"},
                    "got": {"type": "string"},
                    "todo": {"type": "string"},
                },
            },
        },
    },
    "examples": [examples.PROBLEM, examples.VALIDATION_PROBLEM],
}

_DESCRIPTIONS = {
    401: "No key, session or token, or none that is good.",
    403: "Neither this role nor this key may do that, or the signer may not sign for that party.",
    404: "It is not known here.",
    409: "A rule of the ledger stands against it: recorded already, unfounded, or a misfit.",
    429: "This key or address asks too often: see Retry-After.",
    502: "The chain did not do what was asked, or contradicts itself.",
    504: "It took longer than it may; it may have been done, or may be done yet.",
    503: "The node or the database does not answer; try again.",
}
_FREQUENT: Mapping[int, tuple[str, str]] = {
    BY_ERROR[kind][0]: (slug(kind), BY_ERROR[kind][1])
    for kind in (
        errors.Unauthenticated,
        errors.NotEntitled,
        errors.RateExceeded,
        errors.NotFound,
        errors.TransactionFailed,
        errors.ChainUnreachable,
        errors.OutOfTime,
    )
}
_READ, _BODY = (404,), (400, 413, 415)
_ANY = (401, 403, 408, 421, 422, 429, 500, 503, 504)
"""What every operation may answer: who asks is looked up in the database, an unknown parameter is refused, and neither
a body nor an answer may take for ever."""
_HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "The name of this request in the server's log.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "RFC 6750 section 3.", "schema": {"type": "string"}},
}
_HEADERS_BY_STATUS = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of an operation: ``statuses`` and those that any may answer."""
    return {
        status: {
            "description": _DESCRIPTIONS.get(status) or f"{BY_STATUS[status][1]}.",
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": _example(status),
                }
            },
        }
        for status in sorted({*statuses, *_ANY})
    }


def reading() -> dict[int | str, dict[str, Any]]:
    """The problem responses of an operation that reads one thing."""
    return answers(*_READ)


def writing(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of an operation that takes a JSON body, and ``statuses``."""
    return answers(*_BODY, *statuses)


def document_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What makes the document of ``app``, once."""

    def make() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                openapi_version="3.1.0",
                description=DESCRIPTION,
                routes=app.routes,
                license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
                servers=[{"url": "/", "description": "This server."}],
                tags=[
                    {"name": "evidence", "description": "State, sign, read and prove trade evidence."},
                    {"name": "documents", "description": "Documents that belong to evidence, kept encrypted."},
                    {"name": "events", "description": "What becomes of evidence: as a stream, and by webhooks."},
                    {"name": "parties", "description": "Who trades, and their credit histories."},
                    {"name": "certificates", "description": "Evidence and histories as PDF, to be checked by anybody."},
                    {"name": "signers", "description": "The keys that sign for a party: rotate, revoke, compromised."},
                    {"name": "access", "description": "Consent to look at a history, who looked, and erasure."},
                    {"name": "accounts", "description": "Organisations, their API keys, and what was done to them."},
                    {"name": "sign-in", "description": "Persons: members, and sign-in with a wallet."},
                    {"name": "verification", "description": "Check a bundle, whoever made it."},
                    {"name": "server", "description": "How this server is."},
                ],
            )
            schemas = made["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            schemas["Problem"] = _PROBLEM_SCHEMA
            made["components"]["headers"] = {name.replace("-", ""): one for name, one in _HEADERS.items()}
            for item in made["paths"].values():
                for operation in item.values():
                    _name_headers(operation["responses"])
            app.openapi_schema = made
        return app.openapi_schema

    return make


def _name_headers(responses: dict[str, Any]) -> None:
    for status, answer in responses.items():
        for name in ("X-Request-Id", *_HEADERS_BY_STATUS.get(status, ())):
            headers = answer.setdefault("headers", {})
            headers[name] = {"$ref": f"#/components/headers/{name.replace('-', '')}"}


def _example(status: int) -> dict[str, Any]:
    """A problem of ``status``: the one a client meets most often."""
    if status == 409:
        return examples.PROBLEM
    if status == 422:
        return examples.VALIDATION_PROBLEM
    name, title = _FREQUENT.get(status) or BY_STATUS[status]
    return {
        **examples.PROBLEM,
        "type": TYPE_PREFIX + name,
        "title": title,
        "status": status,
        "detail": f"{title}: expected one thing, got another.",
        "todo": "What to do about it.",
    }
