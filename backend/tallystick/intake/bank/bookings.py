"""Bookings: the transactions of several messages, each once, with the keys by which it is known again.

Rules:

- the same booking in a camt.053 and a camt.054, or in one file twice, is one: keys are made of what the bank writes in
  both - account, direction, sum, day, and its own reference of the entry or transaction;
- an entry that is not taken apart stands for all of its transactions, and each of these for a part of it: where the
  parts are known, the whole is dropped;
- a booking of which the bank gives no reference has a key of all that is known of it, which is vague: two messages may
  tell it differently;
- the order of messages, and of entries within them, changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from tallystick.intake.bank.records import (
    Entry,
    FindingCode,
    Message,
    References,
    Remittance,
    Statement,
    Transaction,
)
from tallystick.intake.documents import Source

_KEY_BYTES = 12
WHOLE, PART, VAGUE = "whole:", "part:", "vague:"
"""The key of an entry that is one transaction; that of the entry of which it is a part; a key of contents alone."""
_HOLDING = frozenset({FindingCode.TRANSACTIONS_OF_ENTRY, FindingCode.BATCH_COUNT, FindingCode.BATCH_TOTAL})


@dataclass(frozen=True, slots=True)
class Booking:
    """One booked transaction. ``held_by`` is the finding that keeps it from being taken for what it says, if any."""

    account: str
    statement: str
    entry: Entry
    transaction: Transaction
    keys: frozenset[str]
    held_by: FindingCode | None
    source: Source | None = None
    """The file that tells of it."""

    @property
    def day(self) -> date:
        """When the money was there: the value date, else the booking date."""
        day = self.entry.value_date or self.entry.booking_date
        assert day is not None, "a booked entry has one of the two"
        return day

    @property
    def name(self) -> str:
        """One of its keys, the same whatever the order: names the booking within one import."""
        return min(self.keys)

    @property
    def is_vague(self) -> bool:
        """Whether the bank gives no reference by which the booking is known again for sure."""
        return all(key.startswith(VAGUE) for key in self.keys)

    @property
    def reference(self) -> str:
        """What a person finds it by at the bank."""
        references = self.transaction.references
        found = references.servicer or self.entry.servicer_reference or references.uetr or references.end_to_end
        return found or f"{self.statement}/{self.entry.number}.{self.transaction.position + 1}"

    def is_among(self, keys: Iterable[str]) -> bool:
        """Whether a booking with one of ``keys`` is this one, the entry of which this is a part, or a part of it."""
        given = keys if isinstance(keys, (set, frozenset)) else frozenset(keys)
        for key in self.keys:
            if key.startswith(PART):
                if WHOLE + key.removeprefix(PART) in given:
                    return True
            elif key in given or (key.startswith(WHOLE) and PART + key.removeprefix(WHOLE) in given):
                return True
        return False


def distinct_bookings(messages: Iterable[Message]) -> list[Booking]:
    """The booked transactions of ``messages``, each once, by day and then key."""
    found = [
        booking
        for message in messages
        for statement in message.statements
        for booking in _bookings_of(statement, message.source)
    ]
    # parts before wholes, what tells more before what tells less: the first of equals is kept
    found.sort(key=_place)
    kept: list[Booking] = []
    seen: set[str] = set()
    for booking in found:
        if not booking.is_among(seen):
            kept.append(booking)
        seen |= booking.keys
    return sorted(kept, key=lambda booking: (booking.day, booking.name))


def _place(booking: Booking) -> tuple[bool, int, date, list[str], str]:
    told_by = "" if booking.source is None else booking.source.sha256
    return not _is_part(booking), -_detail(booking), booking.day, sorted(booking.keys), told_by


def _bookings_of(statement: Statement, source: Source | None) -> Iterator[Booking]:
    held: dict[int, FindingCode] = {}
    for finding in statement.findings:
        if finding.entry is not None and finding.code in _HOLDING:
            held.setdefault(finding.entry, finding.code)
    account = statement.account.number
    booked = [entry for entry in statement.entries if entry.is_booked]
    counts: dict[str, int] = defaultdict(int)
    names = _entry_names(account, booked, counts)
    listed = [(entry, transaction) for entry in booked for transaction in entry.transactions]
    listed.sort(key=lambda item: _content(item[1]))
    for entry, transaction in listed:
        keys = frozenset(_keys(account, entry, transaction, names.get(entry.number), counts))
        yield Booking(account, statement.identification, entry, transaction, keys, held.get(entry.number), source)


def _entry_names(account: str, entries: Sequence[Entry], counts: dict[str, int]) -> dict[int, str]:
    """By number of the entry, the name of each of ``entries`` to which the bank gives a reference."""
    names: dict[int, str] = {}
    for entry in sorted(entries, key=lambda each: sorted(map(_content, each.transactions))):
        if entry.servicer_reference is not None:
            money = f"{entry.amount.value.normalize():f}", entry.amount.currency
            day = str(entry.booking_date or entry.value_date)
            values = (account, entry.direction.value, *money, day, entry.servicer_reference)
            names[entry.number] = _counted("", counts, *values)
    return names


def _keys(
    account: str, entry: Entry, transaction: Transaction, name: str | None, counts: dict[str, int]
) -> Iterator[str]:
    """The keys of ``transaction``, a part of the ``entry`` that is called ``name``."""
    amount, references = transaction.amount, transaction.references
    money = f"{amount.value.normalize():f}", amount.currency
    base = (account, transaction.direction.value, *money, str(entry.booking_date or entry.value_date))
    if references.servicer is not None:
        yield _counted("tx:", counts, *base, references.servicer)
    if references.uetr is not None:
        yield "uetr:" + _digest(account, transaction.direction.value, *money, references.uetr.lower())
    if name is not None and len(entry.transactions) == 1:
        yield WHOLE + name
    elif name is not None:
        yield PART + name
        yield _counted("in:", counts, name, *base, *_content(transaction))
    if name is None and references.servicer is None and references.uetr is None:
        yield _counted(VAGUE, counts, *base, *_content(transaction))


def _counted(prefix: str, counts: dict[str, int], *values: str) -> str:
    """A key of ``values``, another one for each that is alike: two equal transactions of one statement are two."""
    name = _digest(prefix, *values)
    counts[name] += 1
    return prefix + (name if counts[name] == 1 else _digest(name, str(counts[name])))


def _digest(*values: str) -> str:
    return hashlib.sha256("\x1f".join(values).encode()).digest()[:_KEY_BYTES].hex()


def _content(transaction: Transaction) -> tuple[str, ...]:
    """What a transaction says of itself, to tell it from another of the same sum."""
    references: References = transaction.references
    blocks: Sequence[Remittance] = transaction.remittances
    said = [reference for block in blocks if (reference := block.reference)]
    said += [document.number for block in blocks for document in block.documents]
    return (
        references.end_to_end or "",
        references.instruction or "",
        *said,
        *transaction.unstructured,
        transaction.debtor.account or "",
        transaction.creditor.account or "",
    )


def _is_part(booking: Booking) -> bool:
    return any(key.startswith(PART) for key in booking.keys)


def _detail(booking: Booking) -> int:
    """How much the bank tells of ``booking``."""
    return sum(map(bool, _content(booking.transaction)))
