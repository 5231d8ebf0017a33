"""A story is played into a real installation: everything it states is signed, sealed in time, and stands."""

from __future__ import annotations

import datetime

import pytest

from demo.installation import DAY_SECONDS, Stage, built_before
from tallystick.errors import ChainError
from tallystick.protocol.entry import Standing
from tallystick.protocol.verdict import Outcome
from tallystick.service import share
from tallystick.service.check import check
from tallystick.service.demo.cast import CARRIER
from tallystick.service.demo.play import Played, StoryClock, play
from tallystick.service.demo.story import Story
from tallystick.service.index import index
from tallystick.service.report import History, Reader
from tallystick.store.records import EvidenceState


def history_of(stage: Stage, played: Played, identifier: str) -> History:
    reader = Reader(stage.context, index(stage.context).block)
    with stage.context.store.transaction() as transaction:
        return reader.read(transaction, played.parties[identifier].party)


def test_a_story_is_not_played_onto_a_chain_that_is_past_its_beginning(first_quarter: Story) -> None:
    """Block times only increase, so a story needs a chain that is older."""
    with built_before(first_quarter) as late:
        late.chain.set_next_timestamp(first_quarter.end)
        late.play(first_quarter)
        with pytest.raises(ChainError):
            play(late.context, first_quarter, StoryClock(first_quarter.start), late.chain.set_next_timestamp)


def test_everything_stated_is_recorded_and_final(stage: Stage, played: Played, first_quarter: Story) -> None:
    """Nothing of the story is lost on the way, and nothing waits."""
    with stage.context.store.transaction() as transaction:
        counts = transaction.counts()
    assert played.evidence_count == len(first_quarter.events)
    assert counts.evidence[EvidenceState.FINAL] == len(first_quarter.events)
    assert sum(counts.evidence.values()) == len(first_quarter.events)
    assert counts.sealed_batches == played.batch_count
    assert counts.parties == len(first_quarter.companies)


def test_every_entry_of_every_history_stands(stage: Stage, played: Played, first_quarter: Story) -> None:
    """A played story contains nothing that a verifier would object to."""
    for company in first_quarter.companies:
        entries = history_of(stage, played, company.identifier).entries
        assert {entry.standing for entry in entries} <= {Standing.STANDS}


def test_the_log_of_a_company_has_what_it_stated_and_what_was_stated_to_it(
    stage: Stage, played: Played, first_quarter: Story
) -> None:
    """Each statement enters the logs of both sides; a witness's enters those of the delivery's sides and its own."""
    for company in first_quarter.companies:
        own = [
            event
            for event in first_quarter.events
            if company.identifier in (event.draft.issuer, event.draft.counterparty)
        ]
        labels = {f"@{event.draft.label}" for event in own}
        witnessed = [
            event
            for event in first_quarter.events
            if event.draft.issuer == CARRIER.identifier != company.identifier and event.draft.parent in labels
        ]
        assert len(history_of(stage, played, company.identifier).entries) == len(own) + len(witnessed)


def test_evidence_is_sealed_on_tuesday_and_friday_evenings(stage: Stage, played: Played, first_quarter: Story) -> None:
    """Blocks carry the story's time: an entry is anchored at the next sealing evening, at most four days later."""
    for company in first_quarter.companies:
        for entry in history_of(stage, played, company.identifier).entries:
            anchored = datetime.datetime.fromtimestamp(entry.anchored_at, datetime.UTC)
            assert (anchored.weekday(), anchored.hour) in {(1, 19), (4, 19)}
            assert 0 < entry.anchored_at - entry.evidence.issued_at < 4 * DAY_SECONDS
            assert entry.evidence.issued_at // DAY_SECONDS == entry.evidence.occurred_at // DAY_SECONDS


def test_the_bundle_of_every_company_is_valid(stage: Stage, played: Played) -> None:
    """Whoever took part can show its complete history to anyone."""
    for party in played.parties.values():
        bundle, data = share.bundle(stage.context, party.party)
        verdict = check(data, code_hashes=stage.context.code_hashes, block_hash=bundle.as_of.hash)
        assert (verdict.outcome, verdict.message[:8]) == (Outcome.VALID, "complete")


def test_progress_is_told_from_first_to_last(first_quarter: Story) -> None:
    """Each batch is one step of the progress, and the last one is the end."""
    told: list[tuple[str, int, int]] = []
    with built_before(first_quarter) as empty:
        played = play(
            empty.context,
            first_quarter,
            empty.clock,
            empty.chain.set_next_timestamp,
            lambda what, done, total: told.append((what, done, total)),
        )
    assert [done for _, done, _ in told] == list(range(1, len(told) + 1))
    assert {total for _, _, total in told} == {len(told)} == {played.batch_count}
