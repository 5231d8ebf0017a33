"""Mutations: whatever is done to a valid bundle, no verifier accepts it, none raises, and two verifiers say the same.

A slice of ``scripts/mutate_bundles.py``; what counts as a mutation, and as accepted, is said in ``scripts/mutation/``.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import orjson
import pytest

from independent.verifier import verify as verify_independently
from mutate_bundles import main
from mutation import check as mutation
from mutation.bases import counting_report, credit_report, reader_of
from mutation.check import ACCEPTED, CRASH, DIFFERS, FAULTS, UNEXCUSED, bases_of, check
from mutation.proof_forgeries import report_altered
from mutation.worlds import random_world
from protocol.world import CODE_HASHES
from tallystick.protocol.bundle_stream import format_bundle
from tallystick.protocol.entry import Standing
from tallystick.protocol.verdict import Outcome, Step, Trust, Verdict
from tallystick.protocol.verify import verify

SEED, COUNT, EVERY = 1, 2_000, 10


def test_no_mutation_is_accepted_or_breaks_the_verifier_and_every_step_finds_some() -> None:
    found = Counter[str]()
    for number in range(COUNT):
        result = check(SEED, number, independently=number % EVERY == 0)
        assert result.outcome not in FAULTS, result
        found[result.outcome] += 1
    assert set(found) >= set(Step)
    assert sum(found[step] for step in Step) > COUNT * 0.9


@pytest.mark.parametrize("derive", [counting_report, credit_report])
def test_bundles_of_random_histories_are_judged_alike_by_both_verifiers(derive: Any) -> None:
    """Each derives the report anew, the credit report too."""
    standings = Counter[Standing]()
    for number in range(40):
        rng = random.Random(f"history {number}")
        world, who = random_world(rng)
        standings.update(entry.standing for entry in world.judged(who.party))
        hide = rng.choice([(), (), {"payableAmount", "note", "correctionType"}])
        withhold = rng.choice([(), (), {1}])
        bundle = world.bundle(who.party, bindings=[world.binding(who)], hide=hide, withhold=withhold, derive=derive)
        trust = Trust(CODE_HASHES, bundle.as_of.hash, world.ledger)
        data = format_bundle(bundle)
        ours = verify(data, trust, derive=derive)
        theirs = verify_independently(data, reader_of(trust, derive))
        assert ours.failed is None, ours.message
        assert (ours.outcome, None) == (theirs.outcome, theirs.failed), theirs.why
    assert set(standings) == set(Standing)


def test_an_altered_credit_report_is_refused_by_both_verifiers_at_the_same_step() -> None:
    """Whatever value of it was altered, or taken from another bundle."""
    base = next(base for base in bases_of(SEED) if base.name == "story of the supplier, credit")
    for number in range(200):
        value = orjson.loads(base.data)
        report_altered(value, random.Random(number), base)
        if value == orjson.loads(base.data):
            continue
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        theirs = verify_independently(data, base.reader)
        assert theirs.recomputed
        assert theirs.failed == verify(data, base.trust, derive=base.derive).failed == Step.REPORT, value["report"]


@pytest.mark.parametrize("untrusting", [False, True])
def test_the_bundles_that_are_mutated_are_valid_to_who_trusts_their_block(untrusting: bool) -> None:
    for base in bases_of(SEED):
        shown = base.untrusting() if untrusting else base
        wanted = Outcome.UNCHECKED if untrusting else Outcome.VALID
        assert verify(shown.data, shown.trust, derive=shown.derive).outcome is wanted
        assert verify_independently(shown.data, shown.reader).outcome == wanted


# what the mutations are there to find would be found


def _outcomes(monkeypatch: pytest.MonkeyPatch, broken: Any, independently: bool = False) -> set[str]:
    monkeypatch.setattr(mutation, "verify", broken)
    return {check(SEED, number, independently=independently).outcome for number in range(40)}


def test_a_verifier_that_takes_everything_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ACCEPTED in _outcomes(monkeypatch, lambda data, trust, derive: Verdict(Outcome.VALID, "fine"))


def test_a_verifier_that_raises_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes, trust: Trust, derive: Any) -> Verdict:
        raise IndexError("list index out of range")

    assert _outcomes(monkeypatch, broken) == {CRASH}


def test_a_verifier_that_will_not_say_forged_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def timid(data: bytes, trust: Trust, derive: Any) -> Verdict:
        verdict = verify(data, trust, derive=derive)
        if verdict.failed is None or verdict.bundle is None:
            return verdict
        return replace(verdict, outcome=Outcome.UNCHECKED, failed=None)

    assert UNEXCUSED in _outcomes(monkeypatch, timid)


def test_a_verifier_that_names_another_step_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(data: bytes, trust: Trust, derive: Any) -> Verdict:
        verdict = verify(data, trust, derive=derive)
        return replace(verdict, failed=Step.REPORT if verdict.failed is Step.HEAD else verdict.failed)

    assert DIFFERS in _outcomes(monkeypatch, mistaken, independently=True)


def test_the_command_says_how_many_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count", "40", "--seed", str(SEED), "--jobs", "1", "--independent", "20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "2 shown to the independent verifier too, 0 differences",
        "40 mutations, 0 accepted, 0 crashes",
    ]
