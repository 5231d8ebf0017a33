"""One mutation: drawn from its number, shown to the verifier, and judged.

Rules:

- nothing is *accepted* as valid but another genuine bundle of the trusted block, or one that shows less where no
  figure rests on it: a name less, or fields hidden of an entry that is void or of a kind without required fields. All
  else is then as it was, but for time-stamps: left out, or such that nobody can tell who has no root certificates of
  their authority. Each must be of its batch root, and none may count as valid that no authority made;
- *could not check* is right only where something is missing that the protocol names: a trusted block, the proof,
  entries, or fields;
- whatever else happens is a failure, and any exception is a *crash*.
"""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

import orjson

from independent.verifier import verify as verify_independently
from mutation.bases import Base, bases
from mutation.proof_forgeries import FORGERIES
from mutation.spellings import SPELLINGS
from mutation.stamp_forgeries import stamps_are_of, without_stamps
from mutation.values import VALUES, NothingToDoError
from tallystick.errors import MalformedInput
from tallystick.protocol.bundle_stream import MAX_BUNDLE_BYTES
from tallystick.protocol.compression import expand, is_compressed
from tallystick.protocol.entry import Standing
from tallystick.protocol.fields import MEASURED
from tallystick.protocol.verdict import Outcome, Verdict
from tallystick.protocol.verify import verify

SAME, LESS, NO_BLOCK, STAMPS = "genuine", "less shown", "no block trusted", "time-stamps aside"
SEVERAL = "several at once"
ACCEPTED, UNEXCUSED, CRASH, DIFFERS = "ACCEPTED", "NO REASON NOT TO CHECK", "CRASH", "VERIFIERS DIFFER"
FAULTS = (ACCEPTED, UNEXCUSED, CRASH, DIFFERS)


@dataclass(frozen=True)
class Result:
    """What became of mutation ``number``: the failing step, another outcome, or a fault with what went wrong."""

    number: int
    kind: str
    outcome: str
    detail: str = ""


@lru_cache(maxsize=1)
def bases_of(seed: int) -> list[Base]:
    """The bundles that the mutations of ``seed`` are of; they are made once a process."""
    return bases(seed)


def mutate(seed: int, number: int) -> tuple[Base, str, bytes]:
    """Mutation ``number`` of ``seed``: the base it is of, its kind, its bytes.

    One in six is shown to a reader who trusts no block: then header and trie nodes may be the forger's own as well.
    """
    rng = Random(f"{seed} {number}")  # noqa: S311 - the same seed gives the same mutation
    base = rng.choice(bases_of(seed))
    if rng.random() < 1 / 6:
        base = base.untrusting()
    while True:
        try:
            kind, data = _mutated(base, rng)
            if data != base.data:
                return base, kind, data
        except NothingToDoError:
            continue


def _mutated(base: Base, rng: Random) -> tuple[str, bytes]:
    if rng.random() < 0.12:
        kind = rng.choice(list(SPELLINGS))
        return kind, SPELLINGS[kind](base.data, rng)
    value = orjson.loads(base.data)
    count = rng.choice([1, 1, 1, 1, 2, 3])
    kind = ""
    for _ in range(count):
        kind = rng.choice([*VALUES, *FORGERIES, *FORGERIES])
        try:
            if kind in VALUES:
                VALUES[kind](value, rng)
            else:
                FORGERIES[kind](value, rng, base)
        except (KeyError, TypeError, IndexError, ValueError, AttributeError, OverflowError):
            if count == 1:  # only what an earlier change broke may stand in the way of a later one
                raise
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return SEVERAL if count > 1 else kind, text.encode()


def check(seed: int, number: int, *, independently: bool = False) -> Result:
    """Show mutation ``number`` to the verifier, and to the independent one where asked."""
    base, kind, data = mutate(seed, number)
    try:
        verdict = verify(data, base.trust, derive=base.derive)
        problem = _differing(base, data, verdict) if independently else ""
    except Exception:
        return Result(number, kind, CRASH, traceback.format_exc())
    if problem:
        return Result(number, kind, DIFFERS, problem)
    return Result(number, kind, *_judged(base, data, verdict))


def _judged(base: Base, data: bytes, verdict: Verdict) -> tuple[str, str]:
    if verdict.failed is not None:
        return verdict.failed.value, ""
    if verdict.outcome is Outcome.UNCHECKED:
        if base.trust.block_hash is None:
            return NO_BLOCK, ""
        return (verdict.outcome.value, "") if _excused(verdict) else (UNEXCUSED, verdict.message)
    block = orjson.loads(base.data)["asOf"]
    genuine = [orjson.loads(base.data), *(other for other in base.others if other["asOf"] == block)]
    data = _unpacked(data)
    if data in [orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in genuine]:
        return SAME, ""
    try:
        value = orjson.loads(data)
        plain, aside = [without_stamps(each) for each in genuine], without_stamps(value)
        if value != aside and not stamps_are_of(value, genuine, verdict.stamps.valid):
            return ACCEPTED, "a time-stamp that is none"
        if aside in plain and value not in genuine:
            return STAMPS, ""
        less = any(_shows_less(each, without_stamps(value)) for each in plain)
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):  # no bundle at all
        less = False
    return (LESS, "") if less else (ACCEPTED, verdict.message)


def _unpacked(data: bytes) -> bytes:
    """What ``data`` holds: one file has many compressions."""
    try:
        return expand(data, MAX_BUNDLE_BYTES) if is_compressed(data) else data
    except MalformedInput:
        return data


def _excused(verdict: Verdict) -> bool:
    bundle = verdict.bundle
    assert bundle is not None, "what could not be checked was read"
    return (
        bundle.proof is None
        or any(append.entries is None for append in bundle.appends)
        or any(
            entry.hidden and entry.standing is Standing.STANDS and entry.evidence.kind in MEASURED
            for entry in verdict.entries
        )
    )


def _shows_less(old: Any, new: Any) -> bool:
    """Whether ``new`` is ``old`` but for names left out, and fields hidden on which no figure may rest."""
    for before, after in zip(old["appends"], new["appends"], strict=False):
        for was, entry in zip(before["entries"] or (), after["entries"] or (), strict=False):
            less = set(entry["disclosures"]) < set(was["disclosures"])
            if less and ("standing" in was or was["evidence"]["kind"] not in MEASURED):
                entry["disclosures"], entry["hidden"] = was["disclosures"], was["hidden"]
                if "hidden" in old["report"]:  # the report of the vectors counts them
                    new["report"]["hidden"] = old["report"]["hidden"]
    if len(new["bindings"]) < len(old["bindings"]) and all(each in old["bindings"] for each in new["bindings"]):
        if not set(new["proof"]["nodes"]) <= set(old["proof"]["nodes"]):
            return False
        new["bindings"], new["proof"] = old["bindings"], old["proof"]
    return bool(new == old)


def _differing(base: Base, data: bytes, verdict: Verdict) -> str:
    """What the independent verifier says otherwise, or nothing."""
    theirs = verify_independently(data, base.reader)
    ours: tuple[str, str | None] = (verdict.outcome.value, verdict.failed.value if verdict.failed else None)
    if ours == (theirs.outcome, theirs.failed):
        return ""
    if ours[1] == "timestamp" and base.trust.check_token is not None and theirs.failed is None:
        return ""  # it has no root certificates
    return f"{ours}: {verdict.message}; independently ({theirs.outcome}, {theirs.failed}): {theirs.why}"
