"""What a holder shows of a history: everything, or all but the fields that it keeps to itself.

Rules:

- a field is hidden by its name, with one counterparty or with all; ``*`` hides every field, and with one counterparty
  its name too. What is hidden keeps its digest: the log stays complete and every content root is still checked;
- everything is judged and derived from what is shown, so the bundle's report is what its reader recomputes;
- a choice that hides nothing is refused: who misspells a field must not learn from its reader that it was shown.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tallystick.errors import MalformedEvidence, UsageError
from tallystick.protocol import content
from tallystick.protocol.evidence import other_side
from tallystick.protocol.types import PartyId, clip
from tallystick.service.parties import find_party
from tallystick.service.ports import Transaction
from tallystick.store.records import EvidenceRecord

ALL_FIELDS = "*"
_CHOICE = re.compile(r"(\*|[a-zA-Z][a-zA-Z0-9]{0,63})(?:@(.+))?", re.DOTALL)


@dataclass
class Showing:
    """The choices of one holder, for its own history: what is hidden with whom (None: with all)."""

    choices: Mapping[tuple[str, PartyId | None], str] = field(default_factory=dict)
    """(field or ``*``, counterparty) -> the choice as it was spelled."""
    names_others: bool = True
    _used: set[tuple[str, PartyId | None]] = field(default_factory=set)

    def shown(self, subject: PartyId, record: EvidenceRecord) -> EvidenceRecord:
        """``record`` in the log of ``subject``, with the digests of hidden fields in place of their disclosures."""
        if not self.choices:
            return record
        other = other_side(subject, record.evidence)
        kept: list[str] = []
        hidden = list(record.hidden)
        for disclosure in record.disclosures:
            if self._hides(field_of(disclosure), other):
                hidden.append(content.digest(disclosure))
            else:
                kept.append(disclosure)
        return dataclasses.replace(record, disclosures=tuple(kept), hidden=tuple(hidden))

    def names(self, subject: PartyId, party: PartyId) -> bool:
        """Whether the history of ``subject`` says which legal entity ``party`` is."""
        return party == subject or (self.names_others and (ALL_FIELDS, party) not in self.choices)

    def check_used(self) -> None:
        """Raises ``UsageError`` if a choice hid nothing."""
        for choice, spelled in self.choices.items():
            if choice not in self._used:
                raise UsageError(
                    f"hide: expected a field that this history shows, got {clip(spelled)}, which hides nothing.",
                    todo="Field names are listed in docs/protocol.md, section 6; check their spelling and the party.",
                )

    def _hides(self, name: str, other: PartyId | None) -> bool:
        found = {(named, party) for named in (name, ALL_FIELDS) for party in (None, other)} & self.choices.keys()
        self._used |= found
        return bool(found)


def read_showing(transaction: Transaction, hide: Sequence[str], *, names_others: bool = True) -> Showing:
    """The choices that ``hide`` spells: FIELD, or FIELD@PARTY, each.

    Raises:
        UsageError: not of that form. NotFound: no such party.
    """
    choices: dict[tuple[str, PartyId | None], str] = {}
    for text in hide:
        match = _CHOICE.fullmatch(text)
        if match is None:
            raise UsageError(
                f"hide: expected FIELD or FIELD@PARTY, got {clip(text)}.",
                todo="FIELD is a field's name or * for all, PARTY an id, SCHEME:identifier or unique name.",
            )
        name, party = match.groups()
        choices[name, None if party is None else find_party(transaction, party).party] = text
    return Showing(choices, names_others)


def field_of(disclosure: str) -> str:
    """The field that ``disclosure`` shows; none where it is malformed, which only ``*`` hides."""
    try:
        return content.parse(disclosure)[0]
    except MalformedEvidence:
        return ""
