"""Sections 13 and 14 of docs/protocol.md: receipts and pledged receivables from the page alone."""

from __future__ import annotations

from typing import Any

import pytest

from independent import receipts, receivables, statements
from independent.primitives import Refused, keccak, recover, unhex
from independent.vectors import load, named

RECEIPTS, RECEIVABLES = load("receipts"), load("receivables")


@named(RECEIPTS["invalid"])
def test_receipts_to_refuse(case: dict[str, Any]) -> None:
    assert receipts.fault(case["file"].encode()) == case["reason"]


@named(RECEIPTS["valid"])
def test_receipts(case: dict[str, Any]) -> None:
    found = receipts.read(case["file"].encode())
    assert found.digest == unhex(case["digest"])
    assert found.signatures_hash == keccak(unhex(case["signatures"]))
    assert found.in_force()


@named(RECEIPTS["promises"])
def test_promises(case: dict[str, Any]) -> None:
    assert receipts.promise(case["sealBy"], case["sealed"], case["unknown"], case["asOf"]) == case["promise"]


@named(RECEIVABLES["invalidInvoices"])
def test_invoices_without_fingerprint(case: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        receivables.fingerprint(unhex(RECEIVABLES["networkKey"]), case["invoice"])


@named(RECEIVABLES["fingerprints"])
def test_fingerprints(case: dict[str, Any]) -> None:
    assert receivables.normal_number(case["invoice"]["invoiceNumber"]) == case["normalised"]["invoiceNumber"]
    assert receivables.normal_amount(case["invoice"]["payableAmount"]) == case["normalised"]["payableAmount"]
    found = receivables.fingerprint(unhex(RECEIVABLES["networkKey"]), case["invoice"])
    assert found == unhex(case["fingerprint"])


def pledge_domain(domain: dict[str, Any]) -> bytes:
    return statements.separator(domain["chainId"], unhex(domain["receivables"], 20))


@named(RECEIVABLES["authorisations"])
def test_authorisations(case: dict[str, Any]) -> None:
    domain = pledge_domain(RECEIVABLES["domain"])
    assert domain == unhex(RECEIVABLES["domainSeparator"])
    digest = receivables.digest(domain, case["primaryType"], case["message"])
    assert digest == unhex(case["digest"])
    assert receivables.signing(case["primaryType"], case["message"]) == [each["party"] for each in case["signatures"]]
    for each in case["signatures"]:
        assert recover(digest, unhex(each["signature"])) == unhex(each["signer"])


@named(RECEIVABLES["otherDomains"])
def test_authorisations_elsewhere(case: dict[str, Any]) -> None:
    first = RECEIVABLES["authorisations"][0]
    digest = receivables.digest(pledge_domain(case["domain"]), first["primaryType"], first["message"])
    assert digest == unhex(case["digest"])


def test_where_a_pledge_stands() -> None:
    vectors, message = RECEIVABLES["storage"], RECEIVABLES["authorisations"][0]["message"]
    slots = receivables.pledge_slots(unhex(vectors["pledgeName"]))
    assert slots == [unhex(slot) for slot in vectors["pledgeSlots"]]
    supplier = unhex(message["supplier"])
    newest = receivables.newest_slot(unhex(message["receivable"]), supplier, 2)
    assert newest == unhex(vectors["lastPledgeSlot"])
    newest = receivables.newest_slot(unhex(message["fingerprint"]), supplier, 3)
    assert newest == unhex(vectors["lastPledgeOfFingerprintSlot"])


@named(RECEIVABLES["storage"]["cases"])
def test_pledges_in_storage(case: dict[str, Any]) -> None:
    assert receivables.pledge([unhex(each) for each in case["words"]]) == case["pledge"]


@named(RECEIVABLES["invalidStorage"])
def test_words_that_are_no_pledge(case: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        receivables.pledge([unhex(each) for each in case["words"]])
