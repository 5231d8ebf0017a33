"""docs/definitions.md suffices: credit reports derived from that page and docs/vectors/reports.json alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from independent import credit, figures, statements
from independent.corrections import Entry
from independent.primitives import canonical, unhex
from independent.states import day_of
from independent.vectors import VECTORS, load, named, patched
from independent.verifier import Reader, verify

REPORTS = load("reports")
BUNDLES: dict[str, str] = {case["name"]: case["bundle"] for case in REPORTS["bundles"]}
PAGE = (VECTORS.parent / "definitions.md").read_text()


def log_of(case: dict[str, Any]) -> list[Entry]:
    return [
        Entry(
            seq=each["seq"],
            id=unhex(each["evidenceId"], 32),
            said=statements.evidence({**each["evidence"], "contentRoot": "0x" + "00" * 32}),
            anchored=each["anchoredAt"],
            fields=each["fields"],
            hidden=each["hidden"],
            standing=each["standing"],
        )
        for each in case["entries"]
    ]


def reader() -> Reader:
    codes = REPORTS["codeHashes"]
    return Reader(
        block_hash=unhex(REPORTS["trustedBlockHash"]),
        ledger=unhex(REPORTS["trustedLedger"]),
        ledger_code=unhex(codes["ledger"]),
        registry_code=unhex(codes["registry"]),
        derive=credit.of_bundle,
    )


@named(REPORTS["forgeries"])
def test_altered_reports(case: dict[str, Any]) -> None:
    forged = canonical(patched(json.loads(BUNDLES["complete"]), case["patch"]))
    found = verify(forged, reader())
    assert (found.outcome, found.failed) == ("invalid", case["failed"]), found.why


@named(REPORTS["bundles"])
def test_bundles_that_carry_a_credit_report(case: dict[str, Any]) -> None:
    found = verify(case["bundle"].encode(), reader())
    assert (found.outcome, found.failed, found.recomputed) == (case["outcome"], None, True), found.why


@named(REPORTS["cases"])
def test_reports(case: dict[str, Any]) -> None:
    found = credit.report(unhex(case["subject"]), case["asOf"], log_of(case), case["complete"])
    assert found == json.loads(case["report"])
    assert canonical(found) == case["report"].encode()


def test_the_vectors_have_every_reason_and_every_finding_that_the_page_names() -> None:
    """So that nobody can leave one out and be none the wiser."""
    codes = set(re.findall(r"^\| `(\w+)` ", PAGE[PAGE.index("## 14.") : PAGE.index("## 15.")], re.MULTILINE))
    reasons = set(re.findall(r"^\| `(\w+ [^`]+)` ", PAGE[PAGE.index("## 13.") : PAGE.index("## 14.")], re.MULTILINE))
    found, told = set(), set()
    for case in REPORTS["cases"]:
        report = json.loads(case["report"])
        found |= {each["code"] for each in report["findings"]}
        for each in [*report["tradelines"], *report["asBuyer"].values(), *report["asSeller"].values()]:
            told |= set(each["reasons"].values())
        told |= set(report["anchoringDelay"]["reasons"].values())
    assert (found, told) == (codes, reasons)


@pytest.mark.parametrize(
    ("days", "score"), [(-31, "100"), (-25, "95"), (-10, "85"), (3, "78"), (75, "35"), (150, "10.5"), (181, "1")]
)
def test_scores_between_the_anchors(days: int, score: str) -> None:
    assert figures.score(days) == figures.Fraction(score)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("0", "JPY", "0"),
        ("5", "EUR", "5.00"),
        ("0.1", "JPY", "0.1"),
        ("2.12340", "CLF", "2.1234"),
        ("1", "XYZ", "1.00"),
    ],
)
def test_amounts_as_text(amount: str, currency: str, text: str) -> None:
    assert figures.amount_text(figures.Fraction(amount), currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.00005", "0.0000"), ("0.00015", "0.0002"), ("-0.00001", "0.0000"), ("-7.12345", "-7.1234"), ("40", "40.0000")],
)
def test_ratios_as_text(value: str, text: str) -> None:
    assert figures.ratio_text(figures.Fraction(value)) == text


def test_days_end_with_the_calendar() -> None:
    assert (day_of(86_399).isoformat(), day_of(2**53 - 1).isoformat()) == ("1970-01-01", "9999-12-31")
