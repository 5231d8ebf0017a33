"""The standing entries of a log, sorted by what they answer, and corrections settled into the terms that hold now.

Rules:

- only entries whose standing is STANDS count; the first of two with the same id counts;
- a CORRECTION counts when its issuer is the issuer of what it corrects;
- ``replaced`` supersedes the content wholly; of several replacements the last in the log holds;
- ``cancelled`` makes its parent void, and with it the replacements of that parent; a cancellation can be cancelled;
- ``credited`` is a credit note, an object of its own: it can be replaced and cancelled, and outlives a replacement
  of the invoice;
- a replacement whose content can't be read has no effect, and a finding says so.

Example::

    INVOICE 100 <- replaced 120 <- replaced 110        current: 110
         ^                  ^
         |                  cancelled                  current: 100 (110 replaced what is void)
         credited 20 <- cancelled                      no credit
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

from tallystick.credit.content import Fields, read_accepted_amount
from tallystick.credit.findings import FindingCode, Findings
from tallystick.protocol.entry import Entry, Standing
from tallystick.protocol.evidence import Kind, kind_name
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId, clip

TermsT = TypeVar("TermsT")

ANSWERS = (Kind.ACKNOWLEDGEMENT, Kind.DISPUTE, Kind.RESOLUTION, Kind.CORRECTION, Kind.WRITE_OFF)
_STATEMENTS = (Kind.CONTRACT, Kind.INVOICE, Kind.PAYMENT)
_FITS: Mapping[int, tuple[Kind, ...]] = {
    Kind.RESOLUTION: (Kind.DISPUTE, Kind.CORRECTION),
    Kind.WRITE_OFF: (Kind.INVOICE, Kind.CORRECTION),
}


@dataclass(frozen=True, slots=True)
class Cancellation(Generic[TermsT]):
    """A ``cancelled`` that stands: who took back what; ``terms`` are those of the void version."""

    entry: Entry
    terms: TermsT


@dataclass(slots=True)
class Versions(Generic[TermsT]):
    """One statement through its corrections: ``standing`` are its versions that are not void, in log order."""

    base: Entry
    standing: list[tuple[Entry, TermsT]] = field(default_factory=list)
    ids: list[EvidenceId] = field(default_factory=list)
    """The statement and everything that corrects it, credit notes included: what an answer may name as its parent."""
    cancelled: bool = False
    taken_back: list[Cancellation[TermsT]] = field(default_factory=list)
    credit_notes: list[Entry] = field(default_factory=list)

    @property
    def current(self) -> TermsT | None:
        """The terms that hold now, or None when the statement is cancelled or nothing of it can be read."""
        return self.standing[-1][1] if self.standing and not self.cancelled else None

    @property
    def current_id(self) -> EvidenceId:
        """The evidence whose terms hold now."""
        return self.standing[-1][0].evidence_id if self.standing else self.base.evidence_id

    @property
    def last_seq(self) -> int:
        """The place in the log of the version that holds now."""
        return self.standing[-1][0].seq if self.standing else self.base.seq


class Statements:
    """The standing ``entries`` of one log: statements by kind in log order, answers by the evidence they answer."""

    def __init__(self, entries: Iterable[Entry], findings: Findings) -> None:
        self.by_id: dict[EvidenceId, Entry] = {}
        self.findings = findings
        self._said: dict[int, list[Entry]] = {int(kind): [] for kind in _STATEMENTS}
        self._answers: dict[int, defaultdict[EvidenceId, list[Entry]]] = {
            int(kind): defaultdict(list) for kind in ANSWERS
        }
        for entry in entries:
            if entry.standing is not Standing.STANDS or entry.evidence_id in self.by_id:
                continue
            self.by_id[entry.evidence_id] = entry
            evidence = entry.evidence
            if (said := self._said.get(evidence.kind)) is not None:
                said.append(entry)
            elif (answers := self._answers.get(evidence.kind)) is not None:
                answers[evidence.parent].append(entry)
        for kind, by_parent in self._answers.items():
            for parent, children in by_parent.items():
                self._check_parent(kind, parent, children)

    def said(self, kind: Kind) -> Sequence[Entry]:
        """The CONTRACTs, INVOICEs or PAYMENTs in log order."""
        return self._said[kind]

    def answers(self, kind: Kind) -> Mapping[EvidenceId, Sequence[Entry]]:
        """The answers of ``kind`` by the evidence they answer, each list in log order."""
        return self._answers[kind]

    def acknowledgement(
        self, of: EvidenceId, by: PartyId, amount: Decimal | None, *, after_seq: int = -1
    ) -> Entry | None:
        """The first ACKNOWLEDGEMENT ``of`` an evidence ``by`` a party, later in the log than ``after_seq``.

        One with an ``acceptedAmount`` below ``amount`` is not an acknowledgement; a finding names it.
        """
        for entry in self._answers[Kind.ACKNOWLEDGEMENT].get(of, ()):
            if entry.evidence.issuer != by or entry.seq <= after_seq:
                continue
            accepted = read_accepted_amount(entry.fields)
            if isinstance(accepted, str):
                self.findings.add(FindingCode.UNREADABLE, entry.evidence_id, accepted)
            elif accepted is not None and amount is not None and accepted < amount:
                self.findings.add(
                    FindingCode.PARTLY_ACKNOWLEDGED,
                    entry.evidence_id,
                    f"acceptedAmount is {accepted}, below the {amount} stated: not taken as an acknowledgement",
                )
            else:
                return entry
        return None

    def versions(self, base: Entry, read: Callable[[Fields], TermsT | str]) -> Versions[TermsT]:
        """What became of ``base``, whose content ``read`` reads, through the corrections of its issuer."""
        found: Versions[TermsT] = Versions(base)
        if base.evidence_id not in self._answers[Kind.CORRECTION]:
            found.ids.append(base.evidence_id)
            self._read(base, read, found)
            return found
        tree = self._correction_tree(base, found)
        void = _void(tree)
        found.cancelled = base.evidence_id in void
        for node, _ in tree:
            if node is not base and _type(node) != "replaced":
                continue
            if node.evidence_id not in void or node is base:
                self._read(node, read, found)
            elif (by := void[node.evidence_id]) is not None and not isinstance(terms := read(node.fields), str):
                found.taken_back.append(Cancellation(by, terms))
        found.standing.sort(key=lambda version: version[0].seq)
        return found

    def _check_parent(self, kind: int, parent: EvidenceId, children: Sequence[Entry]) -> None:
        answered = self.by_id.get(parent)
        if answered is None:
            # what a witness acknowledged stands in the logs of those it concerns, not in the witness's own
            children = [child for child in children if child.evidence.counterparty != ZERO32]
            code, message = FindingCode.UNKNOWN_PARENT, "which is not among the standing entries of this log"
        elif kind in _FITS and answered.evidence.kind not in _FITS[kind]:
            code, message = FindingCode.MISPLACED, f"a {kind_name(answered.evidence.kind)}"
        else:
            return
        self.findings.add_all(code, (child.evidence_id for child in children), f"answers 0x{parent.hex()}, {message}")

    def _read(self, entry: Entry, read: Callable[[Fields], TermsT | str], into: Versions[TermsT]) -> None:
        terms = read(entry.fields)
        if isinstance(terms, str):
            self.findings.add(FindingCode.UNREADABLE, entry.evidence_id, terms)
        else:
            into.standing.append((entry, terms))

    def _correction_tree(self, base: Entry, into: Versions[TermsT]) -> list[tuple[Entry, Entry]]:
        """``base`` and the corrections beneath it with their parents, parents first; credit notes go to ``into``."""
        tree = [(base, base)]
        corrections = self._answers[Kind.CORRECTION]
        for node, _ in tree:
            into.ids.append(node.evidence_id)
            for child in corrections.get(node.evidence_id, ()):
                kind = _type(child)
                if child.evidence.issuer != base.evidence.issuer:
                    self.findings.add(
                        FindingCode.NOT_ENTITLED, child.evidence_id, "only the issuer of an evidence can correct it"
                    )
                elif kind == "credited" and base.evidence.kind == Kind.INVOICE:
                    into.credit_notes.append(child)
                    into.ids.append(child.evidence_id)
                elif kind == "cancelled" or (kind == "replaced" and (node is base or _type(node) == "replaced")):
                    tree.append((child, node))
                elif kind in ("credited", "replaced"):
                    self.findings.add(
                        FindingCode.MISPLACED, child.evidence_id, f"a correction of type {kind} does not fit its parent"
                    )
                else:
                    self.findings.add(
                        FindingCode.UNREADABLE,
                        child.evidence_id,
                        f"correctionType: expected replaced, credited or cancelled, got {clip(kind)}",
                    )
        return tree


def _type(entry: Entry) -> object:
    return entry.fields.get("correctionType")


def _void(tree: Sequence[tuple[Entry, Entry]]) -> dict[EvidenceId, Entry | None]:
    """What is void in ``tree``, with the cancellation that names it, or None where it only replaced what is void.

    Read from the leaves up: a cancellation voids its parent unless it is void itself.
    """
    void: dict[EvidenceId, Entry | None] = {}
    for node, parent in reversed(tree[1:]):
        if _type(node) == "cancelled" and node.evidence_id not in void:
            void.setdefault(parent.evidence_id, node)
    for node, parent in tree[1:]:
        if _type(node) == "replaced" and parent.evidence_id in void:
            void.setdefault(node.evidence_id, None)
    return void
