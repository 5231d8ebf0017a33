"""docs/definitions.md suffices: ``tests/independent/credit.py``, written from it alone, comes to the same report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from credit.builders import BUYER, CARRIER, SUPPLIER, block
from credit.histories import HISTORIES, history, judged
from independent import credit as independent
from independent import statements
from independent.corrections import Entry as TheirEntry
from tallystick.credit.findings import FindingCode
from tallystick.credit.report import derive, to_json
from tallystick.credit.states import EvidenceClass, Status
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
def test_both_implementations_derive_the_same_report(said: Sequence[SealedEntry], who: PartyId, batch: int) -> None:
    """Value for value, messages and order included."""
    entries, as_of = judged(who, said, batch), block("2026-06-30")
    ours = to_json(derive(who, entries, as_of, withheld=len(entries) % 2))
    assert canonical(ours) == canonical(theirs(who, entries, as_of, withheld=len(entries) % 2))


def test_the_histories_hold_everything_that_a_report_can_say() -> None:
    """Every status, every evidence class, every finding but the two of what can't stand: none goes unexamined."""
    found: set[str] = set()
    for seed in range(1_000):
        report = derive(SUPPLIER, judged(SUPPLIER, history(seed, 40)), block("2026-06-30"))
        found |= {finding.code for finding in report.findings}
        for invoice in (invoice for line in report.tradelines for invoice in line.invoices):
            found |= {invoice.status, invoice.evidence_class}
        found |= {"same money" for line in report.tradelines for payment in line.payments if payment.confirmed}
    never = {FindingCode.UNKNOWN_PARENT, FindingCode.NOT_ENTITLED}
    assert found == {*FindingCode, *Status, *EvidenceClass, "same money"} - never
