"""docs/definitions.md suffices: ``tests/independent/credit.py``, written from it alone, comes to the same report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from credit.builders import BUYER, CARRIER, SUPPLIER, block
from credit.histories import HISTORIES, judged
from independent import credit as independent
from independent import statements
from independent.corrections import Entry as TheirEntry
from tallystick.credit.report import derive, to_json
from tallystick.protocol.bundle import format_evidence
from tallystick.protocol.entry import Entry
from tallystick.protocol.standing import SealedEntry
from tallystick.protocol.types import BlockRef, PartyId, to_hex


def theirs(who: PartyId, entries: Sequence[Entry], as_of: BlockRef, withheld: int = 0) -> Any:
    """The report by the independent implementation."""
    shown = {"blockNumber": as_of.number, "blockHash": to_hex(as_of.hash), "timestamp": as_of.timestamp}
    read = [
        TheirEntry(
            each.seq, each.evidence_id, statements.evidence(format_evidence(each.evidence)), each.anchored_at,
            json.loads(json.dumps(each.fields)), each.hidden, each.standing.value,
        )
        for each in entries
    ]  # fmt: skip
    return independent.report(who, shown, read, complete=not withheld)


def canonical(report: Any) -> str:
    """``report`` as text, one line a value, so that a difference can be seen."""
    return json.dumps(report, sort_keys=True, indent=1)


@settings(max_examples=400)
@given(HISTORIES, st.sampled_from([*[SUPPLIER] * 4, BUYER, BUYER, CARRIER]), st.integers(1, 9))
def test_both_implementations_derive_the_same_report(history: Sequence[SealedEntry], who: PartyId, batch: int) -> None:
    """Value for value, messages and order included."""
    entries, as_of = judged(who, history, batch), block("2026-06-30")
    ours = to_json(derive(who, entries, as_of, withheld=len(entries) % 2))
    assert canonical(ours) == canonical(theirs(who, entries, as_of, withheld=len(entries) % 2))
