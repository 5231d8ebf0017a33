"""What changed in a party's history between two blocks, and by which evidence.

Rules:

- the older log must be the beginning of the newer one: what was sealed is never taken back, and its standing never
  changes. So all that can change are figures, by entries that came after, by time that went by, and by fields that one
  of the two shows and the other hides;
- an invoice changed by the later entries that lead back to it: what answers or corrects it, what pays it, and what
  answers or corrects those; where there is none, time alone did it;
- a figure of a role and currency changed by all that changed its invoices and payments.

Example: ``compare(party, History(entries, block), History(more, later)).figures``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.credit import report as credit_report
from tallystick.credit.money import format_amount
from tallystick.credit.states import InvoiceState
from tallystick.errors import Refused
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import kind_name
from tallystick.protocol.types import BlockRef, EvidenceId, PartyId, to_hex

_ROLES = ("asBuyer", "asSeller")
_NO_FIGURES = frozenset({"reasons", "trend"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A party's judged log, in order, as of one block; ``withheld`` entries are not among ``entries``."""

    entries: Sequence[Entry]
    as_of: BlockRef
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A metric of one role and currency that is another now, as reports spell it."""

    role: str
    currency: str
    metric: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class InvoiceChange:
    """An invoice that is new or stands otherwise; ``because`` is empty where only time went by."""

    before: InvoiceState | None
    after: InvoiceState | None
    because: tuple[EvidenceId, ...]

    @property
    def state(self) -> InvoiceState:
        """The later of the two that there is."""
        state = self.after or self.before
        assert state is not None, "one of the two is there"
        return state


@dataclass(frozen=True, slots=True)
class Changes:
    """All that is different in ``later``. ``reshown`` are old entries of which the two show different fields."""

    party: PartyId
    earlier: Snapshot
    later: Snapshot
    added: tuple[Entry, ...]
    reshown: tuple[EvidenceId, ...]
    figures: tuple[FigureChange, ...]
    invoices: tuple[InvoiceChange, ...]


def compare(party: PartyId, earlier: Snapshot, later: Snapshot) -> Changes:
    """What changed in the history of ``party``.

    Raises:
        Refused: ``later`` is of an older block, or the two are not of one log.
    """
    if later.as_of.number < earlier.as_of.number:
        raise Refused(
            f"changes: expected the older history first, got block {earlier.as_of.number} before {later.as_of.number}.",
            todo="Exchange the two.",
        )
    known = {entry.seq: entry for entry in earlier.entries}
    _check_one_log(known, earlier, later)
    first_new = len(earlier.entries) + earlier.withheld
    added = tuple(entry for entry in later.entries if entry.seq >= first_new)
    reshown = tuple(
        entry.evidence_id for entry in later.entries if entry.seq in known and _differ(known[entry.seq], entry)
    )
    causes = _by_target(later.entries, {entry.evidence_id for entry in added} | set(reshown))
    old_report = credit_report.derive(party, earlier.entries, earlier.as_of, withheld=earlier.withheld)
    new_report = credit_report.derive(party, later.entries, later.as_of, withheld=later.withheld)
    return Changes(
        party=party,
        earlier=earlier,
        later=later,
        added=added,
        reshown=reshown,
        figures=tuple(_figures(credit_report.to_json(old_report), credit_report.to_json(new_report))),
        invoices=tuple(_invoices(_states(old_report), _states(new_report), causes)),
    )


def _check_one_log(known: Mapping[int, Entry], earlier: Snapshot, later: Snapshot) -> None:
    at = {entry.seq: entry.evidence_id for entry in later.entries}
    length = len(later.entries) + later.withheld
    for seq, entry in known.items():
        if seq >= length or at.get(seq, entry.evidence_id) != entry.evidence_id:
            raise Refused(
                f"changes: entry {seq} as of block {earlier.as_of.number} is not in the log as of block "
                f"{later.as_of.number}.",
                todo="Compare two histories of one party on one chain, and verify both.",
            )


def _differ(old: Entry, new: Entry) -> bool:
    return (old.hidden, old.standing) != (new.hidden, new.standing) or old.fields != new.fields


def _by_target(entries: Sequence[Entry], changed: set[EvidenceId]) -> Mapping[EvidenceId, list[EvidenceId]]:
    """Which of the ``changed`` entries lead back to an evidence, in log order."""
    standing = {entry.evidence_id: entry for entry in entries if entry.standing is Standing.STANDS}
    causes: dict[EvidenceId, list[EvidenceId]] = {}
    for entry in entries:
        if entry.evidence_id in changed and standing.get(entry.evidence_id) is entry:
            for target in _targets(entry, standing):
                causes.setdefault(target, []).append(entry.evidence_id)
    return causes


def _targets(entry: Entry, standing: Mapping[EvidenceId, Entry]) -> set[EvidenceId]:
    """What ``entry`` says something about: itself, its parents, and the invoices that any of them pays."""
    found: set[EvidenceId] = set()
    step: Entry | None = entry
    while step is not None:
        found.add(step.evidence_id)
        found |= _allocated(step)
        step = standing.get(step.evidence.parent)
    return found


def _allocated(entry: Entry) -> set[EvidenceId]:
    allocations = entry.fields.get("allocations")
    if not isinstance(allocations, list):
        return set()
    named = (item.get("invoice") for item in allocations if isinstance(item, dict))
    return {EvidenceId(bytes.fromhex(name[2:])) for name in named if isinstance(name, str)}


def _states(report: credit_report.Report) -> dict[EvidenceId, InvoiceState]:
    return {invoice.evidence: invoice for line in report.tradelines for invoice in line.invoices}


def _invoices(
    old: Mapping[EvidenceId, InvoiceState],
    new: Mapping[EvidenceId, InvoiceState],
    causes: Mapping[EvidenceId, Sequence[EvidenceId]],
) -> Iterable[InvoiceChange]:
    for name in [*(name for name in old if name not in new), *new]:
        before, after = old.get(name), new.get(name)
        if before is None or after is None or state_json(before) != state_json(after):
            versions = {name} | {state.current_version for state in (before, after) if state is not None}
            because = dict.fromkeys(cause for version in sorted(versions) for cause in causes.get(version, ()))
            yield InvoiceChange(before, after, tuple(because))


def _figures(old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterable[FigureChange]:
    for role in _ROLES:
        before: Any = old[role]
        after: Any = new[role]
        for currency in sorted({*before, *after}):
            was, now = before.get(currency, {}), after.get(currency, {})
            for metric in {**now, **was}:
                if metric not in _NO_FIGURES and was.get(metric) != now.get(metric):
                    yield FigureChange(role, currency, metric, was.get(metric), now.get(metric))


def state_json(state: InvoiceState) -> dict[str, Json]:
    """What may change of an invoice, with amounts as reports spell them."""

    def amount(value: object) -> str:
        return format_amount(value, state.currency)  # type: ignore[arg-type]

    return {
        "status": state.status.value,
        "evidenceClass": state.evidence_class.value,
        "amount": amount(state.amount),
        "creditedAmount": amount(state.credited),
        "paidAmount": amount(state.paid),
        "writtenOffAmount": amount(state.written_off),
        "openAmount": amount(state.open_amount),
        "dueDate": state.due_date.isoformat(),
        "paidDate": None if state.paid_date is None else state.paid_date.isoformat(),
        "isOverdue": state.days_past_due > 0 and state.open_amount > 0,
    }


def to_json(changes: Changes) -> dict[str, Json]:
    """``changes`` as the object that ``changes --json`` prints."""
    return {
        "party": to_hex(changes.party),
        "from": _block_json(changes.earlier.as_of),
        "to": _block_json(changes.later.as_of),
        "definitions": credit_report.DEFINITIONS,
        "added": [
            {
                "seq": entry.seq,
                "evidence": to_hex(entry.evidence_id),
                "kind": kind_name(entry.evidence.kind),
                "issuer": to_hex(entry.evidence.issuer),
                "standing": entry.standing.value,
                "anchoredAt": entry.anchored_at,
            }
            for entry in changes.added
        ],
        "shownOtherwise": [to_hex(name) for name in changes.reshown],
        "figures": [
            {
                "role": figure.role,
                "currency": figure.currency,
                "metric": figure.metric,
                "before": figure.before,
                "after": figure.after,
            }
            for figure in changes.figures
        ],
        "invoices": [_invoice_json(change) for change in changes.invoices],
    }


def _invoice_json(change: InvoiceChange) -> dict[str, Json]:
    state = change.state
    return {
        "evidence": to_hex(state.evidence),
        "number": state.number,
        "role": state.role.value,
        "counterparty": None if state.counterparty is None else to_hex(state.counterparty),
        "currency": state.currency,
        "before": None if change.before is None else state_json(change.before),
        "after": None if change.after is None else state_json(change.after),
        "because": [to_hex(name) for name in change.because],
    }


def _block_json(block: BlockRef) -> dict[str, Json]:
    return {"blockNumber": block.number, "blockHash": to_hex(block.hash), "timestamp": block.timestamp}
