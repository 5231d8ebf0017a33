"""Section 17 of docs/protocol.md: the proof of one evidence from the page alone."""

from __future__ import annotations

import json
from typing import Any

from independent.inclusions import STEPS, verify
from independent.primitives import canonical, unhex
from independent.vectors import load, named, patched
from independent.verifier import Reader

VECTORS = load("inclusions")
BASES: dict[str, str] = {base["name"]: base["inclusion"] for base in VECTORS["bases"]}


def reader(**changes: Any) -> Reader:
    brought: dict[str, Any] = {
        "block_hash": unhex(VECTORS["trustedBlockHash"]),
        "ledger": unhex(VECTORS["trustedLedger"]),
        "ledger_code": unhex(VECTORS["codeHashes"]["ledger"]),
        "registry_code": unhex(VECTORS["codeHashes"]["registry"]),
        "derive": None,
    }
    return Reader(**{**brought, **changes})


@named(VECTORS["forgeries"])
def test_forgeries(case: dict[str, Any]) -> None:
    found = verify(canonical(patched(json.loads(BASES[case["base"]]), case["patch"])), reader())
    assert (found.outcome, found.failed) == ("invalid", case["failed"]), found.why


@named(VECTORS["bases"])
def test_proofs(case: dict[str, Any]) -> None:
    found = verify(case["inclusion"].encode(), reader())
    assert (found.outcome, found.failed) == (case["outcome"], case.get("failed")), found.why


def test_without_a_trusted_block() -> None:
    case = VECTORS["untrusted"]
    assert verify(BASES[case["base"]].encode(), reader(block_hash=None)).outcome == case["outcome"]


def test_the_vectors_hold_a_forgery_for_every_step() -> None:
    cases = [*VECTORS["forgeries"], *VECTORS["bases"]]
    assert {case["failed"] for case in cases if "failed" in case} == set(STEPS)
