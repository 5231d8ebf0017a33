"""Corrections (docs/definitions.md, section 12): which versions of a statement there are, and which holds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from independent.statements import (
    ACKNOWLEDGEMENT,
    CONTRACT,
    CORRECTION,
    INVOICE,
    PAYMENT,
    RESOLUTION,
    WRITE_OFF,
    Evidence,
)

Note = Callable[[str, bytes, str], None]  # code, evidence, message

NEEDED: dict[int, tuple[str, ...]] = {
    CONTRACT: ("issuerRole", "currency", "paymentTermsDays"),
    INVOICE: ("issueDate", "dueDate", "currency", "payableAmount"),
    CORRECTION: ("issueDate", "currency", "creditAmount"),  # as a home: a credit note
    PAYMENT: ("valueDate", "currency", "amount", "allocations"),
    RESOLUTION: ("outcome",),
    WRITE_OFF: ("currency", "amount"),
}


@dataclass(frozen=True)
class Entry:
    """An entry of a log as it was judged."""

    seq: int
    id: bytes
    said: Evidence
    anchored: int
    fields: dict[str, Any]
    hidden: int
    standing: str


def lacking(kind: int, fields: dict[str, Any]) -> str | None:
    """The first needed field that is not shown."""
    names = NEEDED.get(kind, ())
    if kind == RESOLUTION and fields.get("outcome") == "credited":
        names = (*names, "currency", "creditAmount")
    return next((name for name in names if name not in fields), None)


@dataclass
class Home:
    """A statement with what corrects it."""

    entry: Entry
    members: list[Entry] = field(default_factory=list)
    notes: list["Home"] = field(default_factory=list)
    faults: list[tuple[str, bytes, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Life:
    """What became of a statement."""

    home: Home
    versions: list[Entry]
    cancelled: bool
    taken_back: list[tuple[Entry, int]]
    ids: set[bytes]

    @property
    def issuer(self) -> bytes:
        return self.home.entry.said.issuer

    @property
    def last(self) -> Entry:
        return self.versions[-1]

    @property
    def holds(self) -> Entry | None:
        return None if self.cancelled or not self.versions else self.last

    @property
    def once(self) -> list[dict[str, Any]]:
        """The fields of every version, and of what is taken back."""
        return [each.fields for each in self.versions] + [each.fields for each, _ in self.taken_back]

    @property
    def last_corrected(self) -> int:
        return max(each.seq for each in [self.home.entry, *self.home.members])


class Log:
    """The entries that stand."""

    def __init__(self, entries: list[Entry], note: Note) -> None:
        self.entries, self.note = entries, note
        self.answers: dict[tuple[int, bytes], list[Entry]] = {}
        self.homes: dict[bytes, Home] = {}
        self.void: set[bytes] = set()
        self.ended: dict[bytes, int] = {}
        for entry in entries:
            self.answers.setdefault((entry.said.kind, entry.said.parent), []).append(entry)
            if entry.said.kind == CORRECTION:
                self._place(entry)
            else:
                self.homes[entry.id] = Home(entry)
        members = [entry for entry in entries if entry.id in self.homes and self._is_member(entry)]
        for entry in reversed(members):
            if entry.fields["correctionType"] == "cancelled" and entry.id not in self.void:
                self.void.add(entry.said.parent)
                self.ended.setdefault(entry.said.parent, entry.seq)
        for entry in members:
            if entry.fields["correctionType"] == "replaced" and entry.said.parent in self.void:
                self.void.add(entry.id)

    def _is_member(self, entry: Entry) -> bool:
        return self.homes[entry.id].entry is not entry

    def _place(self, entry: Entry) -> None:
        home = self.homes.get(entry.said.parent)
        if home is None:
            return
        how = entry.fields.get("correctionType")
        above = next((each for each in home.members if each.id == entry.said.parent), None)
        if how == "cancelled" or (how == "replaced" and (not above or above.fields["correctionType"] == "replaced")):
            home.members.append(entry)
            self.homes[entry.id] = home
        elif how == "credited" and home.entry.said.kind == INVOICE:
            self.homes[entry.id] = Home(entry)
            home.notes.append(self.homes[entry.id])
        elif how is None:
            text = "correctionType: expected replaced, credited or cancelled, got None"
            home.faults.append(("unreadableContent", entry.id, text))
        else:
            text = f"a correction of type {how} does not fit its parent"
            home.faults.append(("misplaced", entry.id, text))

    def said(self, kind: int) -> list[Entry]:
        return [entry for entry in self.entries if entry.said.kind == kind]

    def answering(self, kind: int, ids: set[bytes]) -> Iterator[Entry]:
        for name in ids:
            yield from self.answers.get((kind, name), ())

    def life(self, home: Home) -> Life:
        for fault in home.faults:
            self.note(*fault)
        versions, taken_back = [], []
        replaced = [each for each in home.members if each.fields["correctionType"] == "replaced"]
        for entry in [home.entry, *replaced]:
            lacks = lacking(home.entry.said.kind, entry.fields)
            if entry is home.entry or entry.id not in self.void:
                if lacks is None:
                    versions.append(entry)
                else:
                    self.note("unreadableContent", entry.id, f"{lacks} is absent or hidden")
            elif lacks is None and entry.id in self.ended:
                taken_back.append((entry, self.ended[entry.id]))
        ids = {each.id for each in [home.entry, *home.members]}
        for each in home.notes:
            ids |= {each.entry.id, *(member.id for member in each.members)}
        return Life(home, versions, home.entry.id in self.void, taken_back, ids)

    def acknowledged(self, name: bytes, by: bytes, amount: str | None, after: int = -1) -> int | None:
        """Where in the log; `amount` as it is written in a message."""
        for entry in self.answers.get((ACKNOWLEDGEMENT, name), ()):
            if entry.said.issuer == by and entry.seq > after:
                accepted = entry.fields.get("acceptedAmount")
                if accepted is None or amount is None or Decimal(accepted) >= Decimal(amount):
                    return entry.seq
                text = f"acceptedAmount is {accepted}, below the {amount} stated: not taken as an acknowledgement"
                self.note("partlyAcknowledged", entry.id, text)
        return None
