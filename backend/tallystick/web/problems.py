"""Every error as a problem (RFC 9457): one table says which status and title each has.

::

    HTTP/1.1 409 Conflict
    Content-Type: application/problem+json

    {"type": "urn:tallystick:problem:unfounded", "title": "...", "status": 409,
     "detail": "expected ..., got ...", "todo": "what to do", "instance": "urn:uuid:..."}

Rules: ``type`` never changes once published; ``instance`` is the request, as in the log; nothing of the inside (stack,
class, file) reaches the client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tallystick import errors
from tallystick.protocol.types import clip
from tallystick.web.methods import methods_at

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:tallystick:problem:"
RETRY_AFTER_SECONDS = 5

BY_ERROR: Mapping[type[errors.TallystickError], tuple[int, str]] = {
    errors.UsageError: (400, "The request makes no sense as given"),
    errors.MalformedInput: (422, "A value is not of its form"),
    errors.MalformedEvidence: (422, "The evidence or its content is not of its form"),
    errors.MalformedBundle: (422, "The bundle is not of its form"),
    errors.BadSignature: (422, "The signature is malformed, malleable or missing"),
    errors.Refused: (409, "A rule of the ledger stands against it"),
    errors.WrongSigner: (403, "The signer may not sign for that party"),
    errors.Duplicate: (409, "It is recorded already"),
    errors.Unfounded: (409, "No contract lets this evidence enter the counterparty's history"),
    errors.Misfit: (409, "It does not fit what it refers to"),
    errors.NotFound: (404, "It is not known here"),
    errors.Unauthenticated: (401, "No credentials that are good"),
    errors.IssuerUnavailable: (503, "The issuer of tokens does not answer"),
    errors.RateExceeded: (429, "This key or address asks too often"),
    errors.OutOfTime: (504, "The answer took longer than it may"),
    errors.KeyReused: (422, "The Idempotency-Key named another request"),
    errors.UnderWay: (409, "The request is still being carried out"),
    errors.NotEntitled: (403, "Neither this role nor this key may do that"),
    errors.HomeError: (503, "The home directory can't be used"),
    errors.KeystoreError: (500, "A key can't be read or written"),
    errors.StoreError: (500, "The database refused"),
    errors.StoreUnavailable: (503, "The database does not answer"),
    errors.AccountBusy: (503, "Another process sends from that account"),
    errors.ChainError: (502, "The chain did not do what was asked"),
    errors.ChainUnreachable: (503, "The node does not answer"),
    errors.WrongChain: (502, "The node serves another chain or ledger"),
    errors.TransactionFailed: (502, "The chain refused a transaction"),
    errors.ChainInconsistent: (502, "The node contradicts itself"),
}
"""Status and title by class; a class without a line has those of the nearest class above it."""

_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": 'Bearer realm="tallystick"'},  # RFC 6750 section 3
    503: {"Retry-After": str(RETRY_AFTER_SECONDS)},
}

BY_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("malformed-request", "The request can't be read"),
    403: ("foreign-origin", "A page of another origin may not use this API"),
    404: ("unknown-route", "There is nothing at this path"),
    405: ("method-not-allowed", "This path does not take that method"),
    408: ("request-timeout", "The request came too slowly"),
    413: ("too-large", "The request is too large"),
    415: ("unsupported-media-type", "The body is of another media type than expected"),
    421: ("foreign-host", "This server answers under loopback names only"),
    422: ("malformed-input", "A value is not of its form"),
    500: ("internal", "Something failed that should not have"),
}
"""Name and title of what goes wrong before any use case is called."""

_FORMS = {
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "list_type": "a list",
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
}
"""What pydantic expects, in the words of JSON."""

_TODO_BY_STATUS = {
    404: "See /v1/openapi.json for the paths there are.",
    405: "See the Allow header, and /v1/openapi.json.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem; ``errors`` are the single values of a request that are not of their form."""

    name: str
    title: str
    status: int
    detail: str
    todo: str = ""
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def slug(error: type[errors.TallystickError]) -> str:
    """The last part of the problem type of the class ``error``: its name in lower case with hyphens."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", error.__name__).lower()


def of_error(error: errors.TallystickError) -> Problem:
    """The problem that ``error`` is."""
    known = next(kind for kind in type(error).__mro__ if kind in BY_ERROR or kind is errors.TallystickError)
    status, title = BY_ERROR.get(known, (500, "It failed"))
    headers = _HEADERS.get(status, {})
    if isinstance(error, errors.RateExceeded):
        headers = {"Retry-After": str(error.seconds)}
    return Problem(slug(known), title, status, error.message, error.todo, headers=headers)


def of_status(status: int, detail: str, todo: str = "", headers: Mapping[str, str] | None = None) -> Problem:
    """The problem of an HTTP ``status`` that no use case has to do with."""
    name, title = BY_STATUS.get(status, (f"http-{status}", HTTPStatus(status).phrase))
    return Problem(name, title, status, detail, todo or _TODO_BY_STATUS.get(status, ""), headers=headers or {})


def closing(problem: Problem) -> Problem:
    """``problem`` as the last answer of its connection."""
    return replace(problem, headers={**problem.headers, "Connection": "close"})


def of_validation(error: RequestValidationError) -> Problem:
    """The problem that FastAPI's ``error`` tells: JSON that can't be read, or values that are not of their form."""
    found = error.errors()
    unreadable = next((one for one in found if one["type"] == "json_invalid"), None)
    if unreadable is not None:
        reason = unreadable.get("ctx", {}).get("error", "no JSON")
        return of_status(400, f"body: expected JSON (RFC 8259) in UTF-8: {reason}.", "Check the JSON text.")
    items = [_item(one) for one in found]
    first = items[0]
    detail = f"{first['at']}: expected {first['expected']}, got {first['got']}."
    if len(items) > 1:
        detail += f" {len(items) - 1} more: see errors."
    name, title = BY_STATUS[422]
    return Problem(name, title, 422, detail, first["todo"], items)


def response(problem: Problem, request_id: str) -> Response:
    """``problem`` as the answer to the request ``request_id``."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.name,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "todo": problem.todo,
        "instance": f"urn:uuid:{request_id}",
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    # escaped to ASCII: a message may quote half a surrogate pair, which has no UTF-8
    content = json.dumps(body, ensure_ascii=True).encode()
    return Response(content, problem.status, dict(problem.headers), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let ``app`` answer every error with its problem; unexpected ones are the guard's."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.TallystickError), "registered for these"
        return response(of_error(error), request.state.request_id)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError), "registered for these"
        return response(of_validation(error), request.state.request_id)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for these"
        detail = f"{request.method} {clip(request.url.path)}: {error.detail}."
        headers = dict(error.headers or {})
        if error.status_code == 405:
            # Starlette names the methods of one of the routes of a path only
            headers["Allow"] = ", ".join(sorted(methods_at(request.app, request.url.path))) or headers.get("Allow", "")
        return response(of_status(error.status_code, detail, headers=headers), request.state.request_id)

    app.add_exception_handler(errors.TallystickError, known)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)


def _item(error: Mapping[str, Any]) -> dict[str, str]:
    """One value that is not of its form: where it stands (a JSON pointer into the body, or the parameter's name)."""
    place, *rest = error["loc"]
    if rest[:1] in (["draft"], ["signed"]):  # the tag of a union stands in pydantic's path, but not in the body
        rest = rest[1:]
    path = [str(part) for part in rest]
    at = "#" + "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)
    if place != "body":
        at = f"{place} parameter {'.'.join(path)}"
    kind, message, got = error["type"], str(error["msg"]), clip(error.get("input"))
    if kind == "missing":
        return {"at": at, "expected": "a value", "got": "nothing", "todo": "Add it."}
    if kind == "extra_forbidden":
        expected = "no such member" if place == "body" else "no such parameter"
        return {"at": at, "expected": expected, "got": got, "todo": "Check its spelling, or remove it."}
    if kind == "string_pattern_mismatch":
        message = f"text of the form {error['ctx']['pattern']}"
    message = _FORMS.get(kind, message.removeprefix("Input should be "))
    return {"at": at, "expected": message, "got": got, "todo": "Correct the value; see /v1/openapi.json."}
