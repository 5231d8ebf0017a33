"""The published test vectors through this implementation: each comes out as it says."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tallystick.errors import BadSignature, MalformedEvidence, MalformedInput
from tallystick.protocol import content, log, merkle, slots
from tallystick.protocol.binding import PartyBinding, check_identifier, party_id
from tallystick.protocol.bundle import parse_evidence
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Domain
from tallystick.protocol.log import LogAppend
from tallystick.protocol.promise import LogView, settle
from tallystick.protocol.receipt import format_receipt, parse_receipt, signatures_digest
from tallystick.protocol.receivable import (
    InvoiceIdentity,
    Pledge,
    PledgeTerms,
    ReleaseTerms,
    TransferTerms,
    cancellation_digest,
    normalise_amount,
    normalise_number,
)
from tallystick.protocol.signing import private_key_address, recover, sign
from tallystick.protocol.standing import SealedEntry, judge, recover_signers
from tallystick.protocol.state import Account, NodePool, ProofError
from tallystick.protocol.types import BlockRef, PartyId, SignerWindow
from tallystick.protocol.verdict import CodeHashes, Trust, Verdict
from tallystick.protocol.verify import verify
from tallystick.protocol.verify_inclusion import InclusionVerdict, check_inclusion
from tallystick.timestamp.token import check_token, parse_roots

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "docs" / "vectors").glob("*.json"))


def vectors(name: str) -> Any:
    return json.loads((ROOT / "docs" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


def raw(text: str) -> Any:
    """The bytes of ``text``, as any of the protocol's kinds of bytes."""
    return bytes.fromhex(text[2:])


def named(items: list[Any]) -> Any:
    return pytest.mark.parametrize("case", items, ids=[item["name"] for item in items])


def domain_of(value: Any) -> Domain:
    return Domain(value["chainId"], raw(value["ledger"]))


def report(subject: PartyId, entries: Any, as_of: BlockRef, withheld: int) -> dict[str, Json]:
    """The report of the vectors, as docs/vectors/bundles.json describes it."""
    return {
        "entries": len(entries),
        "hidden": sum(entry.hidden for entry in entries),
        "standing": sum(entry.standing is Standing.STANDS for entry in entries),
        "withheld": withheld,
    }


EVIDENCE, SIGNATURES, CONTENT, BUNDLES = map(vectors, ("evidence", "signatures", "content", "bundles"))
INCLUSIONS = vectors("inclusions")


def test_the_vectors_are_those_that_the_script_makes() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_vectors.py"), "--check"], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr


def test_the_vectors_are_small() -> None:
    assert len(FILES) == 13
    assert sum(file.stat().st_size for file in FILES) < 1_000_000


@named(EVIDENCE["invalid"])
def test_invalid_evidence_is_refused(case: Any) -> None:
    with pytest.raises((MalformedEvidence, MalformedInput)):
        parse_evidence(case["evidence"], "evidence")


@named(EVIDENCE["valid"])
def test_evidence_has_the_id_of_its_vector(case: Any) -> None:
    evidence = parse_evidence(case["evidence"], "evidence")
    domain = domain_of(EVIDENCE["domain"])
    assert domain.separator == raw(EVIDENCE["domainSeparator"])
    assert evidence.struct_hash() == raw(case["structHash"])
    assert evidence.evidence_id(domain) == raw(case["evidenceId"])


@named(SIGNATURES["invalid"])
def test_invalid_signatures_are_refused(case: Any) -> None:
    with pytest.raises(BadSignature):
        recover(raw(case["digest"]), raw(case["signature"]))


@named(SIGNATURES["valid"])
def test_signatures_name_their_signers(case: Any) -> None:
    assert recover(raw(case["digest"]), raw(case["signature"])) == raw(case["signer"])
    assert sign(raw(case["digest"]), raw(case["privateKey"])) == raw(case["signature"])
    assert private_key_address(raw(case["privateKey"])) == raw(case["signer"])


@named(CONTENT["invalidDisclosures"])
def test_invalid_disclosures_are_refused(case: Any) -> None:
    with pytest.raises(MalformedEvidence):
        content.parse(case["disclosure"])


@named(CONTENT["showings"])
def test_showings_fit_their_root_or_not(case: Any) -> None:
    hidden = [raw(digest) for digest in case["hidden"]]
    assert (content.check_root(raw(case["contentRoot"]), case["disclosures"], hidden) is None) is case["fits"]


@named(CONTENT["valid"])
def test_contents_have_the_disclosures_and_root_of_their_vector(case: Any) -> None:
    salts = iter(case["salts"])
    disclosures = content.make(case["fields"], lambda size: raw(next(salts)))
    digests = [content.digest(item) for item in disclosures]
    assert list(disclosures) == case["disclosures"]
    assert digests == [raw(digest) for digest in case["digests"]]
    assert content.content_root(digests) == raw(case["contentRoot"])
    assert content.parse_all(disclosures) == case["fields"]


def test_trees_have_the_roots_and_proofs_of_their_vectors() -> None:
    value = vectors("merkle")
    leaves = [raw(leaf) for leaf in value["leaves"]]
    for tree in value["trees"]:
        shown = leaves[: tree["size"]]
        assert merkle.root(shown) == raw(tree["root"])
        for i, proof in enumerate(tree["proofs"]):
            assert merkle.prove(shown, i) == tuple(map(raw, proof))
            assert merkle.check(leaves[i], [raw(node) for node in proof], raw(tree["root"]))


def test_logs_have_the_leaves_roots_and_heads_of_their_vectors() -> None:
    value = vectors("log")
    subject = raw(value["subject"])
    entries = [(raw(entry["evidenceId"]), raw(entry["signatures"])) for entry in value["entries"]]
    leaves = [log.entry_leaf(subject, i, *entry) for i, entry in enumerate(entries)]
    assert leaves == [raw(entry["leaf"]) for entry in value["entries"]]
    assert log.subject_root(subject, entries) == raw(value["subjectRoot"])
    batch = [(raw(item["subject"]), raw(item["root"]), item["count"]) for item in value["batch"]]
    assert log.batch_root(batch) == raw(value["batchRoot"])
    head = bytes(32)
    for item in value["appends"]:
        append = LogAppend(raw(item["operator"]), item["batchId"], item["count"], raw(item["root"]), item["timestamp"])
        head = log.extend_head(head, append)
        assert head == raw(item["head"])


def test_parties_have_the_ids_and_bindings_the_signers_of_their_vectors() -> None:
    value = vectors("parties")
    for item in value["ids"]:
        assert party_id(raw(value["networkKey"]), item["scheme"], item["identifier"]) == raw(item["party"])
    for item in value["invalidIdentifiers"]:
        with pytest.raises(MalformedInput):
            check_identifier(item["scheme"], item["identifier"])
    domain = domain_of(value["domain"])
    for item in value["bindings"]:
        binding = PartyBinding(
            raw(item["party"]),
            item["scheme"],
            item["identifier"],
            item["name"],
            item["issuedAt"],
            raw(item["signature"]),
        )
        assert (binding.digest(domain), binding.signer(domain)) == (raw(item["digest"]), raw(item["signer"]))


RECEIVABLES = vectors("receivables")
RECEIVABLES_DOMAIN = Domain(RECEIVABLES["domain"]["chainId"], raw(RECEIVABLES["domain"]["receivables"]))


def invoice_of(value: Any) -> InvoiceIdentity:
    parties = raw(value["seller"]), raw(value["buyer"])
    return InvoiceIdentity(
        *parties, value["invoiceNumber"], value["issueDate"], value["currency"], value["payableAmount"]
    )


def digest_of(case: Any, domain: Domain) -> bytes:
    """The digest of an authorisation: its members are ids, nonces, and times as text."""
    values: list[Any] = [
        int(value) if name in ("deadline", "expiresAt") else raw(value) for name, value in case["message"].items()
    ]
    if case["primaryType"] == "Cancellation":
        return cancellation_digest(domain, *values)
    terms = {"Pledge": PledgeTerms, "Transfer": TransferTerms, "Release": ReleaseTerms}[case["primaryType"]]
    return terms(*values).digest(domain)


@named(RECEIVABLES["invalidInvoices"])
def test_what_is_no_invoice_has_no_fingerprint(case: Any) -> None:
    with pytest.raises(MalformedInput):
        invoice_of(case["invoice"]).fingerprint(raw(RECEIVABLES["networkKey"]))


@named(RECEIVABLES["invalidStorage"])
def test_words_that_the_register_never_writes_are_refused(case: Any) -> None:
    with pytest.raises(MalformedInput):
        slots.parse_pledge([int(word, 16) for word in case["words"]])


@named(RECEIVABLES["otherDomains"])
def test_an_authorisation_has_another_digest_in_another_domain(case: Any) -> None:
    pledge = RECEIVABLES["authorisations"][0]
    domain = Domain(case["domain"]["chainId"], raw(case["domain"]["receivables"]))
    assert digest_of(pledge, domain) == raw(case["digest"]) != raw(pledge["digest"])


@named(RECEIVABLES["fingerprints"])
def test_invoices_have_the_fingerprint_of_their_vector(case: Any) -> None:
    invoice, normalised = invoice_of(case["invoice"]), case["normalised"]
    assert normalise_number(invoice.number) == normalised["invoiceNumber"]
    assert normalise_amount(invoice.amount) == normalised["payableAmount"]
    assert invoice.fingerprint(raw(RECEIVABLES["networkKey"])) == raw(case["fingerprint"])


@named(RECEIVABLES["authorisations"])
def test_authorisations_have_the_digest_and_signatures_of_their_vector(case: Any) -> None:
    assert RECEIVABLES_DOMAIN.separator == raw(RECEIVABLES["domainSeparator"])
    digest = digest_of(case, RECEIVABLES_DOMAIN)
    assert digest == raw(case["digest"])
    for item in case["signatures"]:
        assert sign(digest, raw(item["privateKey"])) == raw(item["signature"])
        assert recover(digest, raw(item["signature"])) == raw(item["signer"])


@named(RECEIVABLES["storage"]["cases"])
def test_pledges_stand_in_storage_as_their_vector_says(case: Any) -> None:
    storage, terms = RECEIVABLES["storage"], RECEIVABLES["authorisations"][0]["message"]
    supplier = raw(terms["supplier"])
    assert slots.pledge_slots(raw(storage["pledgeName"])) == tuple(map(raw, storage["pledgeSlots"]))
    assert slots.last_pledge_slot(supplier, raw(terms["receivable"])) == raw(storage["lastPledgeSlot"])
    last_of_fingerprint = slots.last_pledge_of_fingerprint_slot(supplier, raw(terms["fingerprint"]))
    assert last_of_fingerprint == raw(storage["lastPledgeOfFingerprintSlot"])
    expected = case["pledge"]
    if expected is not None:
        ids = [raw(expected[name]) for name in ("supplier", "receivable", "fingerprint", "financier")]
        times = [expected[name] for name in ("pledgedAt", "expiresAt", "releasedAt")]
        expected = Pledge(*ids, *times)
    assert slots.parse_pledge([int(word, 16) for word in case["words"]]) == expected


RECEIPTS = vectors("receipts")


@named(RECEIPTS["invalid"])
def test_files_that_are_no_receipt_or_bind_nobody_are_told_apart(case: Any) -> None:
    if case["reason"] == "malformed":
        with pytest.raises(MalformedInput):
            parse_receipt(case["file"].encode())
    else:
        assert parse_receipt(case["file"].encode()).problem() is not None


@named(RECEIPTS["promises"])
def test_promises_end_as_their_vector_says(case: Any) -> None:
    good = parse_receipt(RECEIPTS["valid"][0]["file"].encode())
    signed = replace(good, receipt=replace(good.receipt, seal_by=case["sealBy"]))
    nobody: Any = bytes(20)
    view = LogView(raw("0x" + "01" * 32), tuple(case["sealed"]), tuple((at, nobody) for at in case["unknown"]))
    block: Any = BlockRef(1, raw("0x" + "00" * 32), case["asOf"])
    assert settle(signed, [view], block).promise == case["promise"]


@named(RECEIPTS["valid"])
def test_receipts_have_the_digest_signature_and_file_of_their_vector(case: Any) -> None:
    signed = parse_receipt(case["file"].encode())
    assert signed.problem() is None
    assert format_receipt(signed) == case["file"].encode()
    assert signed.domain == domain_of(RECEIPTS["domain"])
    assert signed.evidence == parse_evidence(case["evidence"], "evidence")
    assert signed.receipt.digest(signed.domain) == raw(case["digest"])
    assert signed.receipt.signatures_hash == signatures_digest(raw(case["signatures"]))
    assert sign(raw(case["digest"]), raw(case["privateKey"])) == signed.signature == raw(case["signature"])
    assert signed.operator == raw(case["operator"])


@named(vectors("state")["cases"])
def test_state_proofs_give_the_value_of_their_vector(case: Any) -> None:
    found: int | None
    try:
        pool = NodePool([raw(node) for node in case["nodes"]])
        found = pool.slot(Account(raw(case["root"]), b""), raw(case["slot"]))
        pool.check_all_used()
    except ProofError:
        found = None
    assert found == case["value"]


@named(vectors("standing")["cases"])
def test_entries_stand_as_their_vector_says(case: Any) -> None:
    domain = domain_of(vectors("standing")["domain"])
    windows = {
        (raw(item["party"]), raw(item["signer"])): SignerWindow(item["addedAt"], item["revokedAt"])
        for item in case["signers"]
    }
    batches = []
    for append in case["appends"]:
        entries = [_sealed(entry, domain) for entry in append["entries"]]
        batches.append((LogAppend(bytes(20), 0, len(entries), bytes(32), append["timestamp"]), entries))  # type: ignore[arg-type]
    judged: list[Entry] = judge(raw(case["subject"]), batches, lambda *pair: windows.get(pair))
    assert [entry.standing.value for entry in judged] == case["standings"]


def _sealed(entry: Any, domain: Domain) -> SealedEntry:
    evidence = parse_evidence(entry["evidence"], "evidence")
    evidence_id = evidence.evidence_id(domain)
    signers = recover_signers(evidence_id, raw(entry["signatures"]), len(evidence.signing_parties()))
    try:
        fields = content.parse_all(entry["disclosures"])
    except MalformedEvidence:
        return SealedEntry(evidence_id, evidence, signers, None, 0)
    return SealedEntry(evidence_id, evidence, signers, fields, 0)


def read(data: bytes, block_hash: str | None = BUNDLES["trustedBlockHash"], **more: Any) -> Verdict:
    hashes = BUNDLES["codeHashes"]
    codes = CodeHashes(raw(hashes["registry"]), raw(hashes["ledger"]))
    trust = Trust(codes, None if block_hash is None else raw(block_hash), raw(BUNDLES["trustedLedger"]), **more)
    return verify(data, trust, derive=report)


BASES = {case["name"]: case["bundle"] for case in BUNDLES["bases"]}


@named(BUNDLES["forgeries"])
def test_forgeries_fail_at_the_step_that_their_vector_names(case: Any) -> None:
    value = copy.deepcopy(json.loads(BASES[case["base"]]))
    for operation in case["patch"]:
        patch(value, operation)
    verdict = read(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
    assert (verdict.outcome, verdict.failed) == ("invalid", case["failed"]), verdict.message


@named(BUNDLES["signedTimestamps"]["cases"])
def test_time_stamps_are_judged_by_root_certificates_as_their_vector_says(case: Any) -> None:
    roots = parse_roots(BUNDLES["signedTimestamps"]["roots"].encode(), "roots")
    value = json.loads(BASES[case["base"]])
    for operation in case["patch"]:
        patch(value, operation)
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    verdict = read(data, check_token=lambda token, root: check_token(token, root, roots))
    assert (verdict.outcome, verdict.failed) == (case["outcome"], case["failed"]), verdict.message
    assert verdict.stamps.valid == case["valid"]
    assert read(data).outcome == "valid", "without root certificates a signature says nothing"


@named(BUNDLES["texts"])
def test_texts_that_are_no_bundle_fail_at_the_schema(case: Any) -> None:
    base = case["bundle"] if "bundle" in case else BASES[case["base"]]
    text = case.get("prepend", "") + base + case.get("append", "")
    assert read(text.encode()).failed == case["failed"]


@named(BUNDLES["bases"])
def test_bundles_have_the_outcome_of_their_vector(case: Any) -> None:
    verdict = read(case["bundle"].encode())
    assert (verdict.outcome, verdict.failed) == (case["outcome"], case.get("failed")), verdict.message


def test_without_a_trusted_block_hash_nothing_is_valid() -> None:
    case = BUNDLES["untrusted"]
    assert read(BASES[case["base"]].encode(), case["trustedBlockHash"]).outcome == case["outcome"]


def patch(value: Any, operation: Any) -> None:
    """Apply one ``operation`` of RFC 6902 to ``value`` in place: add, remove or replace."""
    *way, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
    for step in way:
        value = value[int(step) if isinstance(value, list) else step]
    key = int(last) if isinstance(value, list) else last
    if operation["op"] == "remove":
        del value[key]
    elif operation["op"] == "add" and isinstance(value, list):
        value.insert(key, operation["value"])
    else:
        assert operation["op"] == "add" or (key in value if isinstance(value, dict) else key < len(value))
        value[key] = operation["value"]


def check_one(data: bytes, block_hash: str | None = INCLUSIONS["trustedBlockHash"]) -> InclusionVerdict:
    codes = CodeHashes(**{name: raw(value) for name, value in INCLUSIONS["codeHashes"].items()})
    trust = Trust(codes, None if block_hash is None else raw(block_hash), raw(INCLUSIONS["trustedLedger"]))
    return check_inclusion(data, trust)


INCLUDED = {case["name"]: case["inclusion"] for case in INCLUSIONS["bases"]}


@named(INCLUSIONS["forgeries"])
def test_forged_proofs_of_one_evidence_fail_at_their_step(case: Any) -> None:
    value = orjson.loads(INCLUDED[case["base"]])
    for operation in case["patch"]:
        patch(value, operation)
    found = check_one(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
    assert (found.outcome, found.failed) == ("invalid", case["failed"]), found.message


@named(INCLUSIONS["bases"])
def test_proofs_of_one_evidence_come_out_as_they_say(case: Any) -> None:
    found = check_one(case["inclusion"].encode())
    assert (found.outcome, found.failed) == (case["outcome"], case.get("failed")), found.message


def test_a_proof_of_one_evidence_without_a_trusted_block_is_not_valid() -> None:
    assert check_one(INCLUDED["complete"].encode(), None).outcome == INCLUSIONS["untrusted"]["outcome"]
