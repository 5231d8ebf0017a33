"""Play a story into an installation: signed and recorded on the story's time, sealed on the chain's, week by week.

Rules:

- the clock of the installation and the time of each block follow the story, so that anchoring delays are those that
  such a rhythm of sealing has; block times strictly increase;
- a batch is sealed on Tuesday and on Friday evening, where there is something to seal;
- drafts refer to earlier ones across calls: labels are replaced by the ids that recording gave;
- books are closed once a day: what happened on one day is recorded in one call, at the time of its last event.

Example: ``play(context, tell(1494), clock, provider.set_next_timestamp)``, where ``context`` goes by ``clock``.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from tallystick.intake.drafts import Draft
from tallystick.protocol.entry import Json
from tallystick.protocol.types import Timestamp, to_hex
from tallystick.service.context import Context, Progress, silent
from tallystick.service.demo.story import Event, Story, moment
from tallystick.service.parties import NewParty, add_parties, parse_identifier
from tallystick.service.record import record
from tallystick.service.seal import seal
from tallystick.store.records import EvidenceRecord, PartyRecord

SetChainTime = Callable[[Timestamp], None]
"""Gives the next block its time, in seconds; it must be after the newest block's."""

_DAY_SECONDS = 86_400
_TUESDAY, _FRIDAY = 1, 4
_EVENING_HOUR = 19


class StoryClock:
    """A clock that stands still until it is set."""

    def __init__(self, start: Timestamp) -> None:
        """Stand at ``start``."""
        self._now = start

    def now(self) -> Timestamp:
        """The time it was set to last."""
        return self._now

    def set(self, now: Timestamp) -> None:
        """Go on to ``now``, which is not before the time shown."""
        assert now >= self._now, "a story is told forwards"
        self._now = now


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a story: its ``parties`` by identifier, and how much was recorded and sealed."""

    parties: Mapping[str, PartyRecord]
    evidence_count: int
    batch_count: int


def play(
    context: Context,
    story: Story,
    clock: StoryClock,
    set_chain_time: SetChainTime,
    progress: Progress = silent,
) -> Played:
    """Admit the companies of ``story`` and let them state its events; ``clock`` is the clock of ``context``.

    The newest block must be older than the start of the story, and no company may be known yet.

    Raises:
        TallystickError: what an installation refuses; the story is then told as far as it came.
    """
    clock.set(story.start)
    set_chain_time(story.start)
    members = [NewParty(company.name, (parse_identifier(company.identifier),)) for company in story.companies]
    parties = add_parties(context, members)
    made: dict[str, EvidenceRecord] = {}
    evidence_count = batch_count = 0
    batches = [(at, list(events)) for at, events in groupby(story.events, key=_sealing_evening)]
    for done, (evening, events) in enumerate(batches):
        for _, group in groupby(events, key=lambda event: event.at // _DAY_SECONDS):
            day = list(group)
            clock.set(day[-1].at)
            evidence_count += _record(context, [event.draft for event in day], made)
        clock.set(min(evening, story.end))
        set_chain_time(clock.now())
        batch_count += seal(context)
        progress("batches of the story", done + 1, len(batches))
    by_identifier = {company.identifier: party for company, party in zip(story.companies, parties, strict=True)}
    return Played(by_identifier, evidence_count, batch_count)


def _sealing_evening(event: Event) -> Timestamp:
    """The first Tuesday or Friday evening after ``event``, when the batch with it is sealed."""
    day = datetime.datetime.fromtimestamp(event.at, datetime.UTC).date()
    while day.weekday() not in (_TUESDAY, _FRIDAY) or moment(day, _EVENING_HOUR) <= event.at:
        day += datetime.timedelta(days=1)
    return moment(day, _EVENING_HOUR)


def _record(context: Context, drafts: Iterable[Draft], made: dict[str, EvidenceRecord]) -> int:
    """Record ``drafts`` in one call, and note in ``made`` those that have labels; returns how many they are."""
    resolved = [_resolve(draft, made) for draft in drafts]
    records = record(context, resolved)
    made |= {
        draft.label: evidence for draft, evidence in zip(resolved, records, strict=True) if draft.label is not None
    }
    return len(records)


def _resolve(draft: Draft, made: Mapping[str, EvidenceRecord]) -> Draft:
    """``draft`` with the labels of earlier calls replaced by ids; those of its own call stay."""

    def named(reference: str) -> str:
        known = made.get(reference.removeprefix("@"))
        return reference if known is None else to_hex(known.evidence_id)

    content: dict[str, Json] = dict(draft.content)
    allocations = content.get("allocations")
    if isinstance(allocations, list):
        content["allocations"] = [{**item, "invoice": named(item["invoice"])} for item in allocations]
    return replace(draft, parent=None if draft.parent is None else named(draft.parent), content=content)
