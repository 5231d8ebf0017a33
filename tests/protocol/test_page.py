"""The protocol's page: its example is true, and it names every code that the verifier can give."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from protocol.test_receipt import sample
from tallystick.protocol import content, fields, log
from tallystick.protocol.binding import BINDING_TYPE
from tallystick.protocol.bundle import Bundle, format_evidence
from tallystick.protocol.bundle_stream import parse_bundle
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import DOMAIN_NAME, EVIDENCE_TYPE, EVIDENCE_TYPEHASH, Kind
from tallystick.protocol.promise import Promise
from tallystick.protocol.receipt import RECEIPT_TYPE, format_receipt
from tallystick.protocol.types import to_hex
from tallystick.protocol.verdict import Outcome, Step

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


def complete() -> Bundle:
    vectors: Any = json.loads((ROOT / "docs" / "vectors" / "bundles.json").read_text(encoding="utf-8"))
    return parse_bundle(next(base["bundle"] for base in vectors["bases"] if base["name"] == "complete").encode())


def test_every_hash_of_the_example_is_one_of_the_vectors() -> None:
    bundle = complete()
    entries = bundle.appends[0].entries
    assert entries
    invoice = entries[1]
    evidence_id = invoice.evidence.evidence_id(bundle.domain)
    appends = [item.append for item in bundle.appends]
    known = {
        *(str(value) for value in format_evidence(invoice.evidence).values()),
        to_hex(evidence_id),
        to_hex(log.entry_leaf(bundle.subject, 1, evidence_id, invoice.signatures)),
        to_hex(appends[0].root),
        to_hex(log.fold(appends[:1])),
        to_hex(log.fold(appends)),
        to_hex(EVIDENCE_TYPEHASH),
    }
    shown = set(re.findall(r"0x[0-9a-f]{64}", PAGE))
    assert shown
    assert shown <= known
    assert any(text in PAGE and content.digest(text).hex() in PAGE for text in invoice.disclosures)


def test_the_page_shows_the_signed_types_as_they_are() -> None:
    assert EVIDENCE_TYPE.decode() in PAGE
    assert BINDING_TYPE.decode() in PAGE
    assert RECEIPT_TYPE.decode() in PAGE
    assert f'name "{DOMAIN_NAME}"' in PAGE


@pytest.mark.parametrize("code", [*Step, *(standing for standing in Standing)])
def test_the_page_names_every_step_and_standing(code: str) -> None:
    assert f"`{code}`" in PAGE


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_page_names_every_verdict(outcome: str) -> None:
    assert f"**{outcome}**" in PAGE


@pytest.mark.parametrize("promise", list(Promise))
def test_the_page_names_every_end_of_a_promise(promise: str) -> None:
    assert f"**{promise}**" in PAGE


@pytest.mark.parametrize("name", json.loads(format_receipt(sample())))
def test_the_page_names_every_member_of_a_receipt_file(name: str) -> None:
    assert f"`{name}`" in PAGE.split("## 14. Receipts")[1].split("## 15.")[0]


@pytest.mark.parametrize("kind", list(Kind))
def test_the_page_names_every_kind_and_what_it_requires(kind: Kind) -> None:
    assert f"{kind.value} {kind.name}" in PAGE
    if kind in fields.REQUIRED:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {kind.name} |"))
        assert all(f"`{name}`" in row for name in fields.REQUIRED[kind])


@pytest.mark.parametrize("name", fields.FORMS)
def test_the_page_names_every_field_that_has_a_form(name: str) -> None:
    assert f"`{name}`" in PAGE
