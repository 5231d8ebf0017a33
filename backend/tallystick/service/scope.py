"""What a consent to access shows: which objects, which entries, which of their fields, and under which names.

Rules:

- a bound that is not set bounds nothing; but counterparties are pseudonymous unless the consent says otherwise;
- what is out of scope is hidden, not left out: its digest stays, so that the log is complete and every root checked;
- what is bound by a signature can't be renamed. So under pseudonyms nothing is shown that holds an evidence as it was
  signed: no bundle, certificate, evidence or receivable (``BOUND``);
- fields of what concerns access itself are shown to nobody but the party: who else looks is not for others to know.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import orjson

from tallystick.credit.dates import SECONDS_PER_DAY, parse_date, start_of
from tallystick.errors import MalformedInput
from tallystick.protocol import content
from tallystick.protocol.access import concerns_access
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence, other_side
from tallystick.protocol.types import PartyId, clip, parse_bytes32, to_hex
from tallystick.service.showing import Showing, field_of
from tallystick.store.records import EvidenceRecord


class Shown(StrEnum):
    """What may be asked for under a consent."""

    HISTORY = "history"
    TRADELINES = "tradelines"
    CHANGES = "changes"
    BUNDLE = "bundle"
    CERTIFICATE = "certificate"
    EVIDENCE = "evidence"
    RECEIVABLE = "receivable"


BOUND = frozenset({Shown.BUNDLE, Shown.CERTIFICATE, Shown.EVIDENCE, Shown.RECEIVABLE})
"""What holds ids that a signature binds."""


class Identities(StrEnum):
    """How counterparties are called."""

    PSEUDONYMS = "pseudonyms"
    """By a name that is good in this one consent alone."""
    IDS = "ids"
    """By their party ids, which are the same everywhere on this ledger."""
    NAMES = "names"
    """By their ids, and who they are, as the registrar signed it."""


@dataclass(frozen=True, slots=True)
class AccessScope:
    """The bounds of one consent; None bounds nothing. ``since`` and ``until`` are days, both within."""

    objects: frozenset[Shown] | None = None
    counterparties: frozenset[PartyId] | None = None
    kinds: frozenset[int] | None = None
    fields: frozenset[str] | None = None
    since: date | None = None
    until: date | None = None
    identities: Identities = Identities.PSEUDONYMS

    def allows(self, what: Shown) -> bool:
        """Whether ``what`` may be asked for at all."""
        if self.identities is Identities.PSEUDONYMS and what in BOUND:
            return False
        return self.objects is None or what in self.objects

    def covers(self, subject: PartyId, evidence: Evidence) -> bool:
        """Whether fields of ``evidence`` in the log of ``subject`` are shown."""
        if concerns_access(evidence):
            return False
        other = other_side(subject, evidence)
        if self.counterparties is not None and other is not None and other not in self.counterparties:
            return False
        if self.kinds is not None and evidence.kind not in self.kinds:
            return False
        if self.since is not None and evidence.occurred_at < start_of(self.since):
            return False
        return self.until is None or evidence.occurred_at < start_of(self.until) + SECONDS_PER_DAY


@dataclass
class ScopedShowing(Showing):
    """What a consent of ``scope`` shows of a history."""

    scope: AccessScope = AccessScope()

    def shown(self, subject: PartyId, record: EvidenceRecord) -> EvidenceRecord:
        """``record`` in the log of ``subject``, with the digests of what is out of scope."""
        if self.scope.covers(subject, record.evidence):
            wanted = self.scope.fields
            kept = tuple(one for one in record.disclosures if wanted is None or field_of(one) in wanted)
        else:
            kept = ()
        if len(kept) == len(record.disclosures):
            return record
        gone = [content.digest(one) for one in record.disclosures if one not in kept]
        return dataclasses.replace(record, disclosures=kept, hidden=(*record.hidden, *gone))

    def names(self, subject: PartyId, party: PartyId) -> bool:
        """Whether the history of ``subject`` says which legal entity ``party`` is."""
        if party == subject:
            return True
        named = self.scope.identities is Identities.NAMES
        return named and (self.scope.counterparties is None or party in self.scope.counterparties)


def parse_scope(value: Any) -> AccessScope:
    """The scope that the field ``accessScope`` spells.

    Raises:
        MalformedInput: a member that is unknown or not of its form; says which.
    """
    if not isinstance(value, Mapping):
        raise MalformedInput(f"scope: expected an object, got {clip(value)}.")
    known = {field.name for field in dataclasses.fields(AccessScope)}
    if unknown := sorted(value.keys() - known):
        raise MalformedInput(f"scope: unknown member {unknown[0]!r}.", todo=f"Known are {', '.join(sorted(known))}.")
    made = AccessScope(
        objects=_set(value, "objects", lambda text: Shown(text), ", ".join(Shown)),
        counterparties=_set(value, "counterparties", lambda text: PartyId(parse_bytes32(text, "party")), "party ids"),
        kinds=_set(value, "kinds", _kind, "kinds from 1 to 255"),
        fields=_set(value, "fields", _field, "names of fields"),
        since=_day(value, "since"),
        until=_day(value, "until"),
        identities=_identities(value.get("identities", Identities.PSEUDONYMS)),
    )
    if made.identities is Identities.PSEUDONYMS and made.objects is not None and (bound := made.objects & BOUND):
        raise MalformedInput(
            f"scope: expected identities {Identities.IDS} or {Identities.NAMES} with {', '.join(sorted(bound))}, "
            f"which hold ids that a signature binds; got {Identities.PSEUDONYMS}.",
            todo="Consent to the ids, or leave these objects out.",
        )
    return made


def read_scope(text: str) -> AccessScope:
    """The scope that is kept as JSON ``text``."""
    return parse_scope(orjson.loads(text))


def format_scope(scope: AccessScope) -> dict[str, Json]:
    """``scope`` as the field ``accessScope``; ``parse_scope`` gives it back."""
    made: dict[str, Json] = {"identities": scope.identities.value}
    if scope.objects is not None:
        made["objects"] = sorted(one.value for one in scope.objects)
    if scope.counterparties is not None:
        made["counterparties"] = sorted(map(to_hex, scope.counterparties))
    if scope.kinds is not None:
        made["kinds"] = sorted(map(int, scope.kinds))
    if scope.fields is not None:
        made["fields"] = sorted(scope.fields)
    if scope.since is not None:
        made["since"] = scope.since.isoformat()
    if scope.until is not None:
        made["until"] = scope.until.isoformat()
    return made


def _set(value: Mapping[str, Any], name: str, parse: Any, expected: str) -> Any:
    if name not in value:
        return None
    items = value[name]
    try:
        if not isinstance(items, list):
            raise ValueError
        return frozenset(parse(item) for item in items)
    except (ValueError, TypeError, MalformedInput):
        raise MalformedInput(f"scope: {name}: expected a list of {expected}, got {clip(items)}.") from None


def _kind(value: Any) -> int:
    if type(value) is not int or not 0 < value < 256:
        raise ValueError
    return value


def _field(value: Any) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isalnum() or len(value) > 64:
        raise ValueError
    return value


def _day(value: Mapping[str, Any], name: str) -> date | None:
    if name not in value:
        return None
    day = parse_date(value[name])
    if day is None:
        raise MalformedInput(f"scope: {name}: expected a day as YYYY-MM-DD, got {clip(value[name])}.")
    return day


def _identities(value: Any) -> Identities:
    try:
        return Identities(value)
    except ValueError:
        raise MalformedInput(
            f"scope: identities: expected one of {', '.join(Identities)}, got {clip(value)}."
        ) from None
