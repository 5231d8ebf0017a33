"""Canonical JSON (RFC 8785) for the values that are hashed: one spelling, strict and bounded.

Rules:

- values are null, booleans, integers below 2**53 in magnitude, strings, lists and objects; no floats: money is text;
- object names are ASCII, so that ordering by code point and by UTF-16 unit (RFC 8785 section 3.2.3) is the same;
- ``parse`` re-encodes and compares: a second spelling of the same value is refused, and so is a repeated name.

Example: ``encode({"b": 1, "a": "x"}) == b'{"a":"x","b":1}'``.
"""

from __future__ import annotations

import orjson

from tallystick.errors import MalformedInput
from tallystick.protocol.entry import Json
from tallystick.protocol.types import clip

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 16


def encode(value: Json) -> bytes:
    """The canonical bytes of ``value``. Source: RFC 8785.

    Raises:
        MalformedInput: a float, an integer of 2**53 or more, a name that is not ASCII text, a lone surrogate, or more
            than 16 levels.
    """
    check(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:  # text with half a surrogate pair has no UTF-8
        raise MalformedInput(f"value: expected Unicode text, got {clip(value)} ({error}).") from error


def parse(data: bytes, name: str) -> Json:
    """The value that the canonical ``data`` spells; an error calls it ``name``.

    Raises:
        MalformedInput: not JSON, not canonical, or holding what ``encode`` would refuse.
    """
    try:
        value: Json = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedInput(f"{name}: expected canonical JSON, got {clip(data)} ({error}).") from error
    if encode(value) != data:
        raise MalformedInput(
            f"{name}: expected canonical JSON (RFC 8785), got another spelling of the same value: {clip(data)}.",
            todo="Sort the names, drop white space, and write each number in its shortest form.",
        )
    return value


def check(value: object, depth: int = 0) -> None:
    """Refuse in ``value`` whatever canonical JSON of this protocol can't hold. Raises ``MalformedInput``."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise MalformedInput(f"number: expected below 2**53 in magnitude, got {clip(value)}.", todo="Use a string.")
        return
    if depth >= MAX_DEPTH:
        raise MalformedInput(f"value: expected at most {MAX_DEPTH} levels of nesting, got more.")
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str or not key.isascii():
                raise MalformedInput(f"name: expected ASCII text, got {clip(key)}.")
            if type(item) is not str:
                check(item, depth + 1)
    elif kind is list or kind is tuple:
        for item in value:  # type: ignore[attr-defined]
            if type(item) is not str:
                check(item, depth + 1)
    else:
        raise MalformedInput(
            f"value: expected text, integer, boolean, null, list or object, got {kind.__name__} {clip(value)}.",
            todo='Write amounts as decimal strings, e.g. "12.50".',
        )
