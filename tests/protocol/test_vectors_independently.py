"""The published test vectors through other people's libraries, so that they do not only agree with ourselves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import unicodedata
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
import rlp
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys import keys
from eth_utils import keccak
from trie import HexaryTrie
from trie.exceptions import BadTrieProof

from protocol.test_evidence import BINDING_FIELDS, DOMAIN_FIELDS, EVIDENCE_FIELDS
from protocol.test_merkle import recursive_path, recursive_root
from protocol.test_receipt import RECEIPT_FIELDS
from protocol.test_receivable import CANCELLATION_FIELDS, PLEDGE_FIELDS, RELEASE_FIELDS, TRANSFER_FIELDS
from protocol.test_vectors import raw, vectors


def digest(domain: Any, name: str, fields: list[dict[str, str]], message: dict[str, Any]) -> bytes:
    """The EIP-712 digest of ``message`` by eth_account."""
    data = {
        "types": {"EIP712Domain": DOMAIN_FIELDS, name: fields},
        "primaryType": name,
        "domain": {
            "name": "Tallystick",
            "version": "1",
            "chainId": domain["chainId"],
            "verifyingContract": domain.get("ledger") or domain["receivables"],
        },
        "message": message,
    }
    signable = encode_typed_data(full_message=data)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def test_eth_account_gives_the_same_evidence_ids() -> None:
    value = vectors("evidence")
    for case in value["valid"]:
        assert digest(value["domain"], "Evidence", EVIDENCE_FIELDS, case["evidence"]) == raw(case["evidenceId"])


def test_eth_account_gives_the_same_signatures() -> None:
    for case in vectors("signatures")["valid"]:
        account = Account.from_key(case["privateKey"])
        assert account.address.lower() == case["signer"]
        assert bytes(account.unsafe_sign_hash(raw(case["digest"])).signature) == raw(case["signature"])


def test_eth_keys_gives_the_same_signers_of_bindings() -> None:
    value = vectors("parties")
    for case in value["bindings"]:
        message = {field["name"]: case[field["name"]] for field in BINDING_FIELDS}
        assert digest(value["domain"], "PartyBinding", BINDING_FIELDS, message) == raw(case["digest"])
        signature = raw(case["signature"])
        key = keys.Signature(signature[:64] + bytes([signature[64] - 27])).recover_public_key_from_msg_hash(
            raw(case["digest"])
        )
        assert key.to_canonical_address() == raw(case["signer"])


def test_the_standard_library_gives_the_same_party_ids() -> None:
    value = vectors("parties")
    for case in value["ids"]:
        text = f"{case['scheme']}:{case['identifier']}".encode()
        assert hmac.new(raw(value["networkKey"]), text, hashlib.sha256).digest() == raw(case["party"])


def test_rfc8785_and_the_standard_library_give_the_same_contents() -> None:
    for case in vectors("content")["valid"]:
        disclosures = []
        for salt, name in zip(case["salts"], sorted(case["fields"]), strict=True):
            shown = [base64.urlsafe_b64encode(raw(salt)).decode().rstrip("="), name, case["fields"][name]]
            disclosures.append(base64.urlsafe_b64encode(rfc8785.dumps(shown)).decode().rstrip("="))
        digests = [hashlib.sha256(item.encode()).digest() for item in disclosures]
        assert disclosures == case["disclosures"]
        assert digests == [raw(item) for item in case["digests"]]
        assert hashlib.sha256(b"".join(sorted(digests))).digest() == raw(case["contentRoot"])


def test_rfc6962_by_recursion_gives_the_same_trees() -> None:
    value = vectors("merkle")
    leaves = [raw(leaf) for leaf in value["leaves"]]
    for tree in value["trees"]:
        shown = leaves[: tree["size"]]
        assert recursive_root(shown) == raw(tree["root"])
        assert [recursive_path(shown, i) for i in range(tree["size"])] == [list(map(raw, p)) for p in tree["proofs"]]


def test_eth_abi_gives_the_same_leaves_and_heads() -> None:
    value = vectors("log")
    for entry in value["entries"]:
        subject = raw(value["subject"])
        words = [subject, entry["index"], raw(entry["evidenceId"]), keccak(subject + raw(entry["signatures"]))]
        encoded = encode(["bytes32", "uint32", "bytes32", "bytes32"], words)
        assert keccak(keccak(encoded)) == raw(entry["leaf"])
    assert recursive_root([raw(entry["leaf"]) for entry in value["entries"]]) == raw(value["subjectRoot"])
    batch = [[raw(item["subject"]), raw(item["root"]), item["count"]] for item in value["batch"]]
    leaves = [keccak(keccak(encode(["bytes32", "bytes32", "uint32"], words))) for words in batch]
    assert recursive_root(leaves) == raw(value["batchRoot"])
    head = bytes(32)
    for item in value["appends"]:
        types = ["bytes32", "address", "uint64", "uint32", "bytes32", "uint256"]
        words = [head, item["operator"], item["batchId"], item["count"], raw(item["root"]), item["timestamp"]]
        head = keccak(encode(types, words))
        assert head == raw(item["head"])


AUTHORISATION_FIELDS = {
    "Pledge": PLEDGE_FIELDS,
    "Transfer": TRANSFER_FIELDS,
    "Release": RELEASE_FIELDS,
    "Cancellation": CANCELLATION_FIELDS,
}


def test_eth_account_gives_the_same_authorisations_and_signatures() -> None:
    value = vectors("receivables")
    for case in value["authorisations"]:
        kind = case["primaryType"]
        expected = digest(value["domain"], kind, AUTHORISATION_FIELDS[kind], as_numbers(case["message"]))
        assert expected == raw(case["digest"])
        for item in case["signatures"]:
            account = Account.from_key(item["privateKey"])
            assert account.address.lower() == item["signer"]
            assert bytes(account.unsafe_sign_hash(expected).signature) == raw(item["signature"])
    pledge = as_numbers(value["authorisations"][0]["message"])
    for case in value["otherDomains"]:
        assert digest(case["domain"], "Pledge", PLEDGE_FIELDS, pledge) == raw(case["digest"])


def test_eth_account_and_rfc8785_give_the_same_receipts_and_files() -> None:
    value = vectors("receipts")
    for case in value["valid"]:
        evidence_id = digest(value["domain"], "Evidence", EVIDENCE_FIELDS, case["evidence"])
        assert evidence_id == raw(case["message"]["evidence"])
        assert keccak(raw(case["signatures"])) == raw(case["message"]["signaturesHash"])
        expected = digest(value["domain"], "Receipt", RECEIPT_FIELDS, case["message"])
        assert expected == raw(case["digest"])
        account = Account.from_key(case["privateKey"])
        assert account.address.lower() == case["operator"]
        assert bytes(account.unsafe_sign_hash(expected).signature) == raw(case["signature"])
        members = {name: item for name, item in case["message"].items() if name != "evidence"}
        file = {
            "format": "tallystick-receipt/1",
            "chainId": value["domain"]["chainId"],
            "ledger": value["domain"]["ledger"],
            "evidence": case["evidence"],
            "evidenceId": case["message"]["evidence"],
            "operator": case["operator"],
            "signature": case["signature"],
        }
        assert rfc8785.dumps({**file, **members}).decode() == case["file"]


def as_numbers(message: Any) -> dict[str, Any]:
    """``message`` with its times as numbers, which stand as text there."""
    return {name: int(value) if name in ("deadline", "expiresAt") else value for name, value in message.items()}


def test_rfc8785_and_the_standard_library_give_the_same_fingerprints() -> None:
    value = vectors("receivables")
    fingerprints = {}
    for case in value["fingerprints"]:
        invoice = case["invoice"]
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", invoice["invoiceNumber"]).casefold())
        number = "".join(character for character in folded if unicodedata.category(character)[0] in "LN") or folded
        amount = Decimal(invoice["payableAmount"]).normalize()
        hashed = rfc8785.dumps(
            [
                *("tallystick receivable fingerprint 1", invoice["seller"], invoice["buyer"], number),
                *(invoice["issueDate"], invoice["currency"], f"{amount:f}"),
            ]
        )
        fingerprints[case["name"]] = hmac.new(raw(value["networkKey"]), hashed, hashlib.sha256).digest()
        assert fingerprints[case["name"]] == raw(case["fingerprint"])
    same = {name for name, item in fingerprints.items() if item == fingerprints["an invoice"]}
    assert same == {"an invoice", *(name for name in fingerprints if name.startswith("its "))}
    assert len(set(fingerprints.values())) == 1 + len(fingerprints) - len(same)


def test_eth_abi_gives_the_same_slots_and_words_of_pledges() -> None:
    value = vectors("receivables")
    storage, terms = value["storage"], value["authorisations"][0]["message"]

    def at(key: bytes, base: bytes) -> bytes:
        return keccak(encode(["bytes32", "bytes32"], [key, base]))

    pledges, last, last_of_fingerprint = (encode(["uint256"], [slot]) for slot in (1, 2, 3))
    first = int.from_bytes(at(raw(storage["pledgeName"]), pledges), "big")
    assert [int(slot, 16) for slot in storage["pledgeSlots"]] == [first + i for i in range(5)]
    supplier = raw(terms["supplier"])
    assert raw(storage["lastPledgeSlot"]) == at(raw(terms["receivable"]), at(supplier, last))
    expected = at(raw(terms["fingerprint"]), at(supplier, last_of_fingerprint))
    assert raw(storage["lastPledgeOfFingerprintSlot"]) == expected
    for case in storage["cases"]:
        pledge = case["pledge"] or dict.fromkeys(
            ("supplier", "receivable", "fingerprint", "financier"), "0x" + "00" * 32
        )
        times = [pledge.get(name, 0) for name in ("releasedAt", "expiresAt", "pledgedAt")]
        packed = bytes(8) + b"".join(time.to_bytes(8, "big") for time in times)
        ids = [pledge[name] for name in ("supplier", "receivable", "fingerprint", "financier")]
        assert case["words"] == [*ids, "0x" + packed.hex()]


@pytest.mark.parametrize("case", [case for case in vectors("state")["cases"] if case["nodes"]], ids=lambda c: c["name"])
def test_the_trie_package_gives_the_same_values(case: Any) -> None:
    """It knows no rule on order, repetition or spare nodes: those vectors it proves as if they were good."""
    nodes = [rlp.decode(raw(node)) for node in case["nodes"]]
    key = keccak(raw(case["slot"]))
    if case["name"] in ("a node is missing", "a node altered"):
        with pytest.raises(BadTrieProof):
            HexaryTrie.get_from_proof(raw(case["root"]), key, nodes)
        return
    value = HexaryTrie.get_from_proof(raw(case["root"]), key, nodes)
    assert (int.from_bytes(rlp.decode(value), "big") if value else 0) == (8 if case["value"] is None else case["value"])


def test_the_trie_package_proves_the_accounts_and_heads_of_the_bundles() -> None:
    value = vectors("bundles")
    for case in value["bases"]:
        bundle = json.loads(case["bundle"])
        if bundle["proof"] is None:
            continue
        header, nodes = raw(bundle["proof"]["header"]), [rlp.decode(raw(node)) for node in bundle["proof"]["nodes"]]
        assert keccak(header) == raw(bundle["asOf"]["blockHash"])
        state_root = rlp.decode(header)[3]
        account = rlp.decode(HexaryTrie.get_from_proof(state_root, keccak(raw(bundle["ledger"])), nodes))
        assert account[3] == raw(value["codeHashes"]["ledger"])
        slot = keccak(raw(bundle["subject"]) + (1).to_bytes(32, "big"))
        found = HexaryTrie.get_from_proof(account[2], keccak(slot), nodes)
        head = bytes(32)
        for item in bundle["appends"]:
            types = ["bytes32", "address", "uint64", "uint32", "bytes32", "uint256"]
            words = [head, item["operator"], item["batchId"], item["count"], raw(item["root"]), item["timestamp"]]
            head = keccak(encode(types, words))
        assert (rlp.decode(found).rjust(32, b"\x00") if found else bytes(32)) == head
