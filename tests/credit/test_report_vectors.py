"""The published vectors of credit reports through this implementation: each report is its vector's, no other passes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from credit.builders import block
from independent.vectors import VECTORS, load, named, patched
from tallystick.credit.report import derive, to_json
from tallystick.protocol.bundle import parse_evidence
from tallystick.protocol.entry import Entry, Standing
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId
from tallystick.protocol.verdict import CodeHashes, Trust, Verdict
from tallystick.protocol.verify import verify

REPORTS = load("reports")
BUNDLES = {case["name"]: case["bundle"] for case in REPORTS["bundles"]}
ZERO = "0x" + "00" * 32


def raw(text: str) -> Any:
    return bytes.fromhex(text[2:])


def entry_of(each: dict[str, Any]) -> Entry:
    evidence = parse_evidence({**each["evidence"], "contentRoot": ZERO}, "evidence")
    return Entry(
        each["seq"], raw(each["evidenceId"]), evidence, each["anchoredAt"], Address(bytes(20)), 0, each["fields"],
        each["hidden"], Standing(each["standing"]),
    )  # fmt: skip


def read(data: bytes) -> Verdict:
    codes = CodeHashes(**{name: raw(value) for name, value in REPORTS["codeHashes"].items()})
    trust = Trust(codes, raw(REPORTS["trustedBlockHash"]), raw(REPORTS["trustedLedger"]))
    return verify(data, trust, derive=lambda *of: to_json(derive(of[0], of[1], of[2], withheld=of[3])))


@named(REPORTS["forgeries"])
def test_a_bundle_whose_report_was_altered_fails_at_the_report(case: dict[str, Any]) -> None:
    forged = patched(json.loads(BUNDLES["complete"]), case["patch"])
    verdict = read(orjson.dumps(forged, option=orjson.OPT_SORT_KEYS))
    assert (verdict.outcome, verdict.failed) == ("invalid", case["failed"]), verdict.message


@named(REPORTS["bundles"])
def test_a_bundle_has_the_outcome_of_its_vector(case: dict[str, Any]) -> None:
    verdict = read(case["bundle"].encode())
    assert (verdict.outcome, verdict.failed) == (case["outcome"], None), verdict.message


@named(REPORTS["cases"])
def test_a_log_has_the_report_of_its_vector(case: dict[str, Any]) -> None:
    as_of = case["asOf"]
    at = BlockRef(as_of["blockNumber"], Hash(raw(as_of["blockHash"])), as_of["timestamp"])
    entries = [entry_of(each) for each in case["entries"]]
    report = to_json(derive(PartyId(raw(case["subject"])), entries, at, withheld=not case["complete"]))
    assert orjson.dumps(report, option=orjson.OPT_SORT_KEYS).decode() == case["report"]
    assert at == block("2026-06-30")


def test_the_vectors_alter_every_kind_of_thing_that_a_report_says() -> None:
    """Figures, nulls, reasons, stories, findings, marks, delays and the version of the definitions."""
    members = {case["patch"][0]["path"].split("/")[2] for case in REPORTS["forgeries"]}
    assert members >= {"tradelines", "asSeller", "stories", "findings", "definitions", "anchoringDelay"}


def test_a_number_used_twice_is_quoted_as_it_is() -> None:
    """No escapes: which characters are printable depends on the version of Unicode that a program knows."""
    report = json.loads(next(case["report"] for case in REPORTS["cases"] if case["name"] == "void entries"))
    messages = {each["message"] for each in report["findings"]}
    assert "2 invoices of one issuer have number 'it's 1'" in messages
    assert f"2 invoices of one issuer have number '{('发票' + chr(9) + '7') * 19}发票	" in messages


@pytest.mark.parametrize(
    ("currency", "reason"), [("USD", "nothing was owed at the end of any day"), ("CHF", "nothing was invoiced")]
)
def test_high_credit_says_why_there_is_none(currency: str, reason: str) -> None:
    """A cash sale was invoiced, but owed at the end of no day."""
    report = json.loads(next(case["report"] for case in REPORTS["cases"] if case["name"] == "days and currencies"))
    totals = report["asSeller"][currency]
    assert (totals["highCredit"], totals["reasons"]["highCredit"]) == (None, reason)


def test_the_page_names_every_member_of_a_report() -> None:
    """And so somebody who has nothing else can write one."""
    page = (VECTORS.parent / "definitions.md").read_text(encoding="utf-8")
    told = page[page.index("## 13.") : page.index("## 14.")]
    reports = [json.loads(case["report"]) for case in REPORTS["cases"]]
    missing = {name for report in reports for name in names_in(report) if f"`{name}`" not in told}
    assert not missing


def names_in(value: Any) -> Iterator[str]:
    """The names of all members but those that are data: currencies, and the words of a story."""
    if isinstance(value, list):
        for each in value:
            yield from names_in(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if len(name) > 3:
                yield name
            if name not in ("words", "reasons"):
                yield from names_in(each)
