"""docs/protocol.md and docs/vectors/ suffice: a verifier written from them alone, importing nothing of the product."""

from __future__ import annotations

import ast
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from independent import content, logs, standing, state, statements
from independent.bundles import Bundle
from independent.primitives import Refused, canonical, keccak, recover, require, sha, unhex
from independent.vectors import VECTORS, load, named, patched
from independent.verifier import STEPS, Reader, verify

HERE = Path(__file__).parent
# Besides the standard library: Keccak, which it lacks, and what runs the tests.
ALLOWED = {"Crypto", "pytest", "independent"}


PARTIES, EVIDENCE, SIGNATURES, CONTENT = load("parties"), load("evidence"), load("signatures"), load("content")
LOG, STANDING, STATE, BUNDLES = load("log"), load("standing"), load("state"), load("bundles")
DOMAIN = statements.separator(EVIDENCE["domain"]["chainId"], unhex(EVIDENCE["domain"]["ledger"], 20))


# --- independence ---------------------------------------------------------------------------------------------------


def imported(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").split(".")[0])
    return found


def test_it_imports_nothing_of_the_product() -> None:
    for path in HERE.glob("*.py"):
        foreign = imported(path.read_text()) - set(sys.stdlib_module_names) - ALLOWED
        assert not foreign, f"{path.name} imports {foreign}"


def test_an_import_of_the_product_would_be_found() -> None:
    assert "tallystick" in imported("def f():\n    from tallystick.protocol import verify")
    assert "tallystick" in imported("import os, tallystick.errors as e")


# --- sections 3 to 6 ------------------------------------------------------------------------------------------------


def test_parties() -> None:
    key = unhex(PARTIES["networkKey"])
    for case in PARTIES["invalidIdentifiers"]:
        with pytest.raises(Refused):
            statements.party_id(key, case["scheme"], case["identifier"])
    for case in PARTIES["ids"]:
        assert statements.party_id(key, case["scheme"], case["identifier"]) == unhex(case["party"])
    domain = statements.separator(PARTIES["domain"]["chainId"], unhex(PARTIES["domain"]["ledger"]))
    for case in PARTIES["bindings"]:
        bound = statements.binding({name: case[name] for name in case if name not in ("digest", "signer")})
        assert bound.digest(domain) == unhex(case["digest"])
        assert bound.signer(domain) == unhex(case["signer"])


@named(EVIDENCE["invalid"])
def test_evidence_that_is_none(case: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        statements.evidence(case["evidence"])


@named(EVIDENCE["valid"])
def test_evidence(case: dict[str, Any]) -> None:
    assert unhex(EVIDENCE["domainSeparator"]) == DOMAIN
    assert statements.evidence(case["evidence"]).id(DOMAIN) == unhex(case["evidenceId"])


def test_the_type_hash_on_the_page() -> None:
    page = (VECTORS.parent / "protocol.md").read_text()
    assert f"0x{keccak(statements.EVIDENCE).hex()}" in page


@named(SIGNATURES["invalid"])
def test_signatures_to_refuse(case: dict[str, Any]) -> None:
    assert recover(unhex(case["digest"]), unhex(case["signature"])) is None


@named(SIGNATURES["valid"])
def test_signatures(case: dict[str, Any]) -> None:
    assert recover(unhex(case["digest"]), unhex(case["signature"])) == unhex(case["signer"])


@named(CONTENT["invalidDisclosures"])
def test_disclosures_to_refuse(case: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        content.opened(case["disclosure"])


@named(CONTENT["valid"])
def test_contents(case: dict[str, Any]) -> None:
    names = sorted(case["fields"])
    made = [
        content.disclosure(unhex(salt), name, case["fields"][name])
        for salt, name in zip(case["salts"], names, strict=True)
    ]
    assert made == case["disclosures"]
    assert [sha(text.encode()) for text in made] == [unhex(digest) for digest in case["digests"]]
    assert dict(map(content.opened, made)) == case["fields"]
    content.showing(unhex(case["contentRoot"]), sorted(made), []).check()


@named(CONTENT["showings"])
def test_showings(case: dict[str, Any]) -> None:
    shown = content.showing(unhex(case["contentRoot"]), case["disclosures"], case["hidden"])
    if case["fits"]:
        shown.check()
    else:
        with pytest.raises(Refused):
            shown.check()


# --- sections 7 to 9 ------------------------------------------------------------------------------------------------


def test_trees() -> None:
    vectors = load("merkle")
    for case in vectors["trees"]:
        leaves = [unhex(leaf) for leaf in vectors["leaves"][: case["size"]]]
        assert logs.tree(leaves) == unhex(case["root"])
        for index, siblings in enumerate(case["proofs"]):
            assert logs.proof(leaves, index) == [unhex(each) for each in siblings]
            assert logs.climb(leaves[index], logs.proof(leaves, index)) == unhex(case["root"])


def test_logs() -> None:
    subject = unhex(LOG["subject"])
    leaves = [
        logs.entry_leaf(subject, each["index"], unhex(each["evidenceId"]), unhex(each["signatures"]))
        for each in LOG["entries"]
    ]
    assert leaves == [unhex(each["leaf"]) for each in LOG["entries"]]
    assert logs.tree(leaves) == unhex(LOG["subjectRoot"])
    batch = [logs.subject_leaf(unhex(b["subject"]), unhex(b["root"]), b["count"]) for b in LOG["batch"]]
    assert logs.tree(batch) == unhex(LOG["batchRoot"])
    head = bytes(32)
    for each in LOG["appends"]:
        operator, root = unhex(each["operator"], 20), unhex(each["root"])
        head = logs.fold(head, operator, each["batchId"], each["count"], root, each["timestamp"])
        assert head == unhex(each["head"])


@named(STANDING["cases"])
def test_standings(case: dict[str, Any]) -> None:
    windows = {
        (unhex(each["party"]), unhex(each["signer"])): (each["addedAt"], each["revokedAt"]) for each in case["signers"]
    }
    log = standing.Log(unhex(case["subject"]), windows)
    found: list[str] = []
    for append in case["appends"]:
        entries = []
        for each in append["entries"]:
            said = statements.evidence(each["evidence"])
            shown = content.showing(said.content_root, each["disclosures"], [])
            entries.append(standing.Entry(said, said.id(DOMAIN), unhex(each["signatures"]), shown))
        found += log.judge(append["timestamp"], entries)
    assert found == case["standings"]


@named(STATE["cases"])
def test_state(case: dict[str, Any]) -> None:
    def prove() -> int:
        pool = state.Pool([unhex(node) for node in case["nodes"]])
        found = pool.slot(unhex(case["root"]), unhex(case["slot"]))
        require(not pool.unused, "a spare node")
        return found

    if case["value"] is None:
        with pytest.raises(Refused):
            prove()
    else:
        assert prove() == case["value"]


# --- sections 10 and 11 ---------------------------------------------------------------------------------------------


def report_of_the_vectors(bundle: Bundle, standings: list[list[str] | None]) -> dict[str, Any]:
    """As `about` in bundles.json says. The credit report (docs/definitions.md) is not recomputed here."""
    entries = [entry for append in bundle.appends for entry in append.entries or ()]
    return {
        "entries": len(entries),
        "hidden": sum(entry.showing.hides for entry in entries),
        "standing": sum(each == "stands" for judged in standings for each in judged or ()),
        "withheld": sum(append.count for append in bundle.appends if append.entries is None),
    }


def reader(**changes: Any) -> Reader:
    brought: dict[str, Any] = {
        "block_hash": unhex(BUNDLES["trustedBlockHash"]),
        "ledger": unhex(BUNDLES["trustedLedger"]),
        "ledger_code": unhex(BUNDLES["codeHashes"]["ledger"]),
        "registry_code": unhex(BUNDLES["codeHashes"]["registry"]),
        "derive": report_of_the_vectors,
    }
    return Reader(**{**brought, **changes})


BASES: dict[str, str] = {base["name"]: base["bundle"] for base in BUNDLES["bases"]}


@named(BUNDLES["forgeries"])
def test_forgeries(case: dict[str, Any]) -> None:
    forged = canonical(patched(json.loads(BASES[case["base"]]), case["patch"]))
    found = verify(forged, reader())
    assert (found.outcome, found.failed) == ("invalid", case["failed"]), found.why


@named(BUNDLES["texts"])
def test_texts_that_are_no_bundle(case: dict[str, Any]) -> None:
    text = (
        case["bundle"] if "bundle" in case else case.get("prepend", "") + BASES[case["base"]] + case.get("append", "")
    )
    assert verify(text.encode(), reader()).failed == case["failed"]


def test_compressed_bundles() -> None:
    """RFC 1952: one member, whole, and no bytes behind it; its name and time say nothing."""
    packed = gzip.compress(BASES["complete"].encode())
    for good in (packed, gzip.compress(BASES["complete"].encode(), 1, mtime=1)):
        assert verify(good, reader()).outcome == "valid"
    for bad in (
        packed[:-1],
        packed + b"\n",
        packed + packed,
        packed[:-8] + bytes(8),
        packed[:2],
        gzip.compress(packed),
    ):
        assert verify(bad, reader()).failed == "schema"


@named(BUNDLES["bases"])
def test_bundles(case: dict[str, Any]) -> None:
    found = verify(case["bundle"].encode(), reader())
    assert (found.outcome, found.failed) == (case["outcome"], case.get("failed")), found.why
    assert found.recomputed


def test_without_a_trusted_block() -> None:
    case = BUNDLES["untrusted"]
    found = verify(BASES[case["base"]].encode(), reader(block_hash=None))
    assert (found.outcome, found.failed) == (case["outcome"], None)


def test_the_report_is_said_not_to_be_recomputed_where_nobody_brings_its_derivation() -> None:
    assert not verify(BASES["complete"].encode(), reader(derive=None)).recomputed


def test_the_vectors_hold_a_forgery_for_every_step() -> None:
    assert {case["failed"] for case in [*BUNDLES["forgeries"], *BUNDLES["texts"]]} == set(STEPS)
