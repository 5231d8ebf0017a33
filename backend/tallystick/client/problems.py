"""Problems (RFC 9457) as exceptions: each is a ``RemoteProblem``, and the error of ``tallystick.errors`` it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tallystick import errors
from tallystick.errors import RateExceeded, RemoteProblem, TallystickError
from tallystick.protocol.types import clip

PREFIX = "urn:tallystick:problem:"


def problem_of(operation: str, status: int, headers: Mapping[str, str], content: bytes) -> RemoteProblem:
    """The exception of an answer of ``status`` to ``operation``, whatever its ``content`` is."""
    try:
        told: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("type"), str):
        return RemoteProblem(
            f"{operation}: expected a success or a problem, got status {status} and {clip(content)}.",
            todo="Ask who runs the server, or the proxy before it.",
            status=status,
            request_id=headers.get("x-request-id"),
        )
    name = told["type"].removeprefix(PREFIX)
    kind = _KINDS.get(name, RemoteProblem)
    problem = kind(
        f"{operation}: {told.get('detail', '')}",
        todo=str(told.get("todo", "")),
        status=status,
        name=name,
        errors=[one for one in told.get("errors", ()) if isinstance(one, dict)],
        request_id=headers.get("x-request-id"),
    )
    if isinstance(problem, RateExceeded):
        waits = headers.get("retry-after", "")
        problem.seconds = int(waits) if waits.isdecimal() else 1
    return problem


def _all(base: type[TallystickError]) -> Iterator[type[TallystickError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__ and not issubclass(kind, RemoteProblem):
            yield kind
            yield from _all(kind)


def _name(kind: type[TallystickError]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


_KINDS: Mapping[str, type[RemoteProblem]] = {
    _name(kind): type(f"Remote{kind.__name__}", (RemoteProblem, kind), {})
    for kind in _all(TallystickError)
    if kind.__init__ is TallystickError.__init__ or kind is RateExceeded
}
"""By the last part of the problem's type; the same name as ``web.problems.slug`` gives."""
