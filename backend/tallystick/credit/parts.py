"""The report of a log that is too long to be held: derived part by part.

Rules:

- a *part* is a set of standing entries such that whatever one of them answers, allocates money to or calls the same
  payment, and stands, is in it as well (``links``). Nothing that a report says of one part depends on another but for
  who supplies in a deal, which contracts say, and for invoice numbers that come again; both are collected apart;
- sums of parts add up exactly, findings are a set and stories have an order of their own: so the report is that of
  ``report.derive``, whatever the parts;
- held are contracts, what is listed by the report itself (void entries, findings, stories), and sums by tradeline.

Example: ``Parts(party)``, ``add`` each entry in order of the log, then ``derive(parts, shelf, as_of)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from tallystick.credit.content import same_payment
from tallystick.credit.dates import utc_date
from tallystick.credit.deals import Contracts, settle
from tallystick.credit.findings import Findings
from tallystick.credit.invoices import Numbers, find_repeated
from tallystick.credit.money import exact_arithmetic
from tallystick.credit.report import AnchoringDelay, NotCounted, Report, rests_on_hidden
from tallystick.credit.statements import ANSWERS, Statements
from tallystick.credit.story import Story, tell
from tallystick.credit.tradelines import Drawing
from tallystick.errors import MalformedInput
from tallystick.protocol.entry import Entry, Standing
from tallystick.protocol.evidence import Kind, other_side
from tallystick.protocol.types import BlockRef, EvidenceId, PartyId, parse_bytes32


class Shelf(Protocol):
    """Where the standing entries of a log are kept."""

    def parts(self) -> Iterator[Sequence[Entry]]:
        """Parts that together are all entries, each in order of the log."""

    def numbers(self) -> Numbers: ...

    def anchoring_delay(self) -> AnchoringDelay:
        """How long after they were issued, and after they happened, the entries were anchored."""


def links(entry: Entry) -> Iterator[EvidenceId]:
    """What must be in the part of ``entry`` where it stands: what it answers, or allocates or equates money to."""
    if entry.evidence.kind in ANSWERS:
        yield entry.evidence.parent
    if (same := same_payment(entry.fields)) is not None:
        yield same
    allocations = entry.fields.get("allocations")
    for item in allocations if isinstance(allocations, list | tuple) else ():
        try:
            yield EvidenceId(parse_bytes32(item.get("invoice"), "invoice"))
        except (AttributeError, MalformedInput):
            continue


class Parts:
    """What is held of the log of ``party`` while its entries are added, in order."""

    def __init__(self, party: PartyId) -> None:
        self.party = party
        self.entry_count = 0
        self.findings = Findings()
        self.contracts = Contracts(party, self.findings)
        self.not_counted: list[NotCounted] = []
        self.hiding: set[PartyId | None] = set()

    def add(self, entries: Iterable[Entry]) -> None:
        """Count ``entries``, the next ones of the log."""
        for entry in entries:
            self.entry_count += 1
            if entry.standing is not Standing.STANDS:
                self.not_counted.append(NotCounted(entry.seq, entry.evidence_id, entry.standing))
                continue
            if entry.evidence.kind == Kind.CONTRACT:
                self.contracts.add(entry)
            if rests_on_hidden(entry):
                self.hiding.add(other_side(self.party, entry.evidence))


def derive(parts: Parts, shelf: Shelf, as_of: BlockRef, *, withheld: int = 0) -> Report:
    """The report on what was added to ``parts`` and is kept on ``shelf``, as ``report.derive`` gives it.

    Its tradelines have the figures, not the invoices and payments that these come from.
    """
    day = utc_date(as_of.timestamp)
    findings, numbers = parts.findings, shelf.numbers()
    stories: list[Story] = []
    drawing = Drawing(day, sums_only=True)
    with exact_arithmetic():
        for part in shelf.parts():
            statements = Statements(part, findings)
            drawing.add(*settle(parts.party, statements, parts.contracts.suppliers, numbers, day))
            stories += tell(part)
        drawn = drawing.finish(parts.contracts.states)
    find_repeated(numbers, findings)
    return Report(
        party=parts.party,
        as_of=as_of,
        complete=withheld == 0,
        entry_count=parts.entry_count,
        as_buyer=drawn.as_buyer,
        as_seller=drawn.as_seller,
        tradelines=drawn.lines,
        not_counted=tuple(parts.not_counted),
        findings=findings.sorted(),
        stories=tuple(sorted(stories, key=lambda story: (story.happened_at, story.about))),
        hiding=frozenset(parts.hiding),
        anchoring_delay=shelf.anchoring_delay(),
    )
