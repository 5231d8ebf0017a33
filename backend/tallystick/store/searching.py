"""What evidence is looked for by, what waits for an answer, and what was answered to a request that may come again."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from tallystick.protocol.types import DealId, PartyId, Timestamp
from tallystick.store.records import EvidenceRecord, EvidenceState

_NUMBER = re.compile(r"[A-Z_]+ (.*?) by 0x[0-9a-f]{64}(?: to 0x[0-9a-f]{64})?\Z", re.DOTALL)


MAX_NUMBER = 500
"""Characters of a number, at most four bytes each, that are kept in keys as they are: a B-tree takes 2,704 bytes."""


class Awaits(StrEnum):
    """What a party has yet to do about an evidence in its log."""

    COUNTERSIGNATURE = "countersignature"
    """A CONTRACT that it is offered."""
    ANSWER = "answer"
    """An INVOICE or ASSIGNMENT addressed to it, neither acknowledged nor disputed by it, nor taken back."""
    RESOLUTION = "resolution"
    """A DISPUTE of what it stated, without a RESOLUTION."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What evidence is looked for: each member narrows it, None does not.

    ``parties``: it stands in the log of one of these. ``other`` is whom it is about beside that party; where
    ``parties`` is None, one of its sides. ``occurred_from`` and ``occurred_to`` are inclusive. ``number`` is that of
    the business document, exactly.
    """

    parties: tuple[PartyId, ...] | None = None
    other: PartyId | None = None
    kind: int | None = None
    occurred_from: Timestamp | None = None
    occurred_to: Timestamp | None = None
    number: str | None = None
    state: EvidenceState | None = None
    deal: DealId | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An evidence and its ``position``: evidence recorded later has a higher one."""

    position: int
    record: EvidenceRecord


@dataclass(frozen=True, slots=True)
class Waiting:
    """An evidence that awaits something of ``party``."""

    position: int
    record: EvidenceRecord
    party: PartyId
    awaits: Awaits


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered to the request of ``fingerprint`` (32 bytes) that an organisation named ``key``."""

    organisation: str
    key: str
    fingerprint: bytes
    status: int
    location: str | None
    body: bytes
    kept_at: Timestamp


def keyed(number: str) -> str:
    """``number`` as keys hold it: a digest of one that is longer than an index of PostgreSQL takes."""
    return number if len(number) <= MAX_NUMBER else f"sha256:{hashlib.sha256(number.encode()).hexdigest()}"


def number_of(document_key: str | None) -> str | None:
    """The number of the business document that ``document_key`` names (``service/record.py``); None for none."""
    matched = _NUMBER.match(document_key or "")
    return None if matched is None or document_key is None or document_key.startswith("ACKN") else matched.group(1)
