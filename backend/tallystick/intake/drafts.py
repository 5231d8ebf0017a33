"""Drafts: what a person or program wants to state, as JSON, before it is resolved, signed and recorded.

Rules:

- ``issuer`` and ``counterparty`` name parties as anywhere: id, ``SCHEME:identifier`` or unique name; no counterparty
  makes the statement self-reported;
- ``deal`` and ``parent`` are ids, or ``@label`` of an earlier draft of the same call; a deal left out is the only one
  between the two parties; a CONTRACT opens a new one;
- allocations of a PAYMENT may name their invoice by ``@label`` as well;
- ``occurredAt`` is ISO 8601 in UTC; left out, it is the date the content tells, at midnight;
- ``countersigned`` on a CONTRACT has the counterparty sign at once, where this installation manages its keys.

Example::

    {"kind": "INVOICE", "issuer": "LEI:5493001KJTIIGC8Y1R12", "counterparty": "Northwind Ltd", "label": "inv1",
     "content": {"invoiceNumber": "4711", "issueDate": "2026-01-02", "dueDate": "2026-02-01",
                 "currency": "EUR", "payableAmount": "1250.00"}}
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tallystick.errors import MalformedInput
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import Timestamp, clip

MAX_DRAFTS = 10_000
_MEMBERS = {
    "kind",
    "issuer",
    "counterparty",
    "deal",
    "parent",
    "content",
    "occurredAt",
    "label",
    "countersigned",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """One statement to be made; parties, deal and parent are still as the user named them."""

    kind: Kind
    issuer: str
    counterparty: str | None
    deal: str | None
    parent: str | None
    content: Mapping[str, Json]
    occurred_at: Timestamp | None
    label: str | None
    countersigned: bool


def parse_drafts(data: bytes) -> list[Draft]:
    """The drafts that the JSON text ``data`` holds: one object, or a list of at most 10,000.

    Raises:
        MalformedInput: not JSON, or a member missing, unknown or not of its form; says which draft and member.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedInput(f"drafts: expected JSON, got {clip(data)} ({error}).") from error
    items = value if isinstance(value, list) else [value]
    if not 0 < len(items) <= MAX_DRAFTS:
        raise MalformedInput(f"drafts: expected 1 to {MAX_DRAFTS}, got {len(items)}.")
    return [parse_draft(item, f"draft {i + 1}") for i, item in enumerate(items)]


def parse_draft(value: Any, name: str) -> Draft:
    """The draft that the JSON object ``value`` holds; an error calls it ``name``. Raises ``MalformedInput``."""
    if not isinstance(value, dict):
        raise MalformedInput(f"{name}: expected an object, got {clip(value)}.")
    if unknown := sorted(value.keys() - _MEMBERS):
        raise MalformedInput(
            f"{name}: unknown member {unknown[0]!r}.", todo=f"Known are {', '.join(sorted(_MEMBERS))}."
        )
    for member in ("kind", "issuer", "content"):
        if member not in value:
            raise MalformedInput(f"{name}: expected the member {member!r}, got {sorted(value)}.")
    if not isinstance(value["content"], dict):
        raise MalformedInput(f"{name}: content: expected an object, got {clip(value['content'])}.")
    for member in ("issuer", "counterparty", "deal", "parent", "label"):
        if value.get(member) is not None and not isinstance(value[member], str):
            raise MalformedInput(f"{name}: {member}: expected text, got {clip(value[member])}.")
    if not isinstance(value.get("countersigned", False), bool):
        raise MalformedInput(f"{name}: countersigned: expected true or false, got {clip(value['countersigned'])}.")
    return Draft(
        kind=_parse_kind(value["kind"], name),
        issuer=value["issuer"],
        counterparty=value.get("counterparty"),
        deal=value.get("deal"),
        parent=value.get("parent"),
        content=value["content"],
        occurred_at=None if value.get("occurredAt") is None else parse_time(value["occurredAt"], f"{name}: occurredAt"),
        label=value.get("label"),
        countersigned=value.get("countersigned", False),
    )


def parse_time(text: Any, name: str) -> Timestamp:
    """The time that ``text`` spells: an ISO 8601 date (midnight UTC) or date-time with offset or Z."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise MalformedInput(f"{name}: expected ISO 8601 such as 2026-01-31T12:00:00Z, got {clip(text)}.") from error
    if moment.tzinfo is None:
        if len(text) != len("2026-01-31"):
            raise MalformedInput(f"{name}: expected an offset or Z, got {clip(text)}.", todo="Append Z for UTC.")
        moment = moment.replace(tzinfo=datetime.UTC)
    seconds = int(moment.timestamp())
    if seconds < 0:
        raise MalformedInput(f"{name}: expected 1970 or later, got {clip(text)}.")
    return Timestamp(seconds)


def _parse_kind(value: Any, name: str) -> Kind:
    try:
        return Kind[value]
    except (KeyError, TypeError) as error:
        known = ", ".join(kind.name for kind in Kind)
        raise MalformedInput(f"{name}: kind: expected one of {known}; got {clip(value)}.") from error
