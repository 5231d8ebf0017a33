"""Histories as of a block, what changed since, and bundles that keep fields to their holder."""

from __future__ import annotations

import gzip
from typing import Any

import orjson
import pytest

from tallystick.bootstrap import Opened
from tallystick.protocol.bundle_stream import parse_bundle
from tallystick.protocol.compression import compress
from tallystick.protocol.types import to_hex
from tallystick.service.check import check
from web.support import Api, problem


@pytest.fixture(scope="module")
def blocks(api: Api) -> tuple[int, int]:
    """A block after which an invoice of 100.00 was sealed, and the one in which that had happened."""
    first = api.final(api.record(api.invoice())["evidence"])["block"]["number"]
    second = api.final(api.record(api.invoice())["evidence"])["block"]["number"]
    return first, second


def verdict(opened: Opened, bundle: bytes) -> Any:
    """What a reader says of ``bundle`` that trusts its block."""
    as_of = parse_bundle(bundle).as_of
    return check(bundle, code_hashes=opened.context.code_hashes, block_hash=as_of.hash)


@pytest.mark.parametrize("path", ["history", "bundle"])
@pytest.mark.parametrize("wanted", ["0", "999999999", "2001-01-01", "2999-01-01", "2026-02-30", "yesterday", "-1"])
def test_no_such_block_is_refused(api: Api, path: str, wanted: str) -> None:
    """Before the contracts, after the newest final block, a day that is none: each says what is expected."""
    found = problem(api.get(f"/v1/parties/Buyer/{path}", params={"asOf": wanted}), 400, "usage-error")
    assert "expected" in found["detail"] or "deployed after" in found["detail"]


def test_a_history_is_as_of_the_block_that_is_asked_for(api: Api, blocks: tuple[int, int]) -> None:
    """At each block the history holds what had been sealed by then, and the same question has the same answer."""
    first, second = blocks
    then = api.get("/v1/parties/Buyer/history", params={"asOf": str(first)}).json()
    now = api.get("/v1/parties/Buyer/history", params={"asOf": str(second)}).json()
    assert (then["asOf"]["blockNumber"], now["asOf"]["blockNumber"]) == blocks
    assert now["entryCount"] == then["entryCount"] + 1
    assert now["asBuyer"]["EUR"]["invoiceCount"] == then["asBuyer"]["EUR"]["invoiceCount"] + 1
    assert then == api.get("/v1/parties/Buyer/history", params={"asOf": str(first)}).json()


def test_a_bundle_of_an_older_block_is_valid(api: Api, opened: Opened, blocks: tuple[int, int]) -> None:
    """It is proven from that block's header, and ends there."""
    data = api.get("/v1/parties/Buyer/bundle", params={"asOf": str(blocks[0])}).content
    assert parse_bundle(data).as_of.number == blocks[0]
    assert verdict(opened, data).outcome == "valid"


def test_what_changed_names_the_evidence(api: Api, blocks: tuple[int, int]) -> None:
    """Between the two blocks one invoice was added, which is its own cause, and the figures grew by it."""
    first, second = blocks
    made = api.get("/v1/parties/Buyer/changes", params={"since": str(first), "asOf": str(second)}).json()
    (added,) = made["added"]
    (invoice,) = made["invoices"]
    assert invoice["because"] == [added["evidence"]]
    counts = {each["metric"]: (each["before"], each["after"]) for each in made["figures"]}
    assert counts["invoiceCount"][1] == counts["invoiceCount"][0] + 1
    problem(api.get("/v1/parties/Buyer/changes", params={"since": str(second), "asOf": str(first)}), 409, "refused")


@pytest.mark.parametrize("hide", ["no such form", "payableamount", "note@Buyer", "invoiceNumber@Lender"])
def test_a_choice_that_hides_nothing_is_refused(api: Api, hide: str) -> None:
    """A misspelt field or the wrong party would show what the holder wants to keep: it is refused."""
    found = problem(api.get("/v1/parties/Buyer/bundle", params={"hide": hide}), 400, "usage-error")
    assert hide[:10] in found["detail"]


def test_a_choice_about_nobody_is_refused(api: Api) -> None:
    """The party of a choice must be known."""
    problem(api.get("/v1/parties/Buyer/bundle", params={"hide": "note@Nobody"}), 404, "not-found")


@pytest.mark.parametrize(
    "hide", [["invoiceNumber"], ["invoiceNumber@Supplier", "paymentTermsDays"], ["*"], ["*@Supplier"]]
)
def test_hidden_fields_stay_with_the_holder(api: Api, opened: Opened, blocks: tuple[int, int], hide: list[str]) -> None:
    """No disclosure of a hidden field leaves; the log is complete, the figures are marked, and not called valid."""
    whole = parse_bundle(api.get("/v1/parties/Buyer/bundle").content)
    data = api.get("/v1/parties/Buyer/bundle", params={"hide": hide}).content
    found = verdict(opened, data)
    assert found.outcome == "could not check"
    assert found.failed is None
    assert "figures" in found.message
    told = {text for item in whole.appends for entry in item.entries or () for text in entry.disclosures}
    kept = {text for item in parse_bundle(data).appends for entry in item.entries or () for text in entry.disclosures}
    assert kept < told
    report: Any = orjson.loads(data)["report"]
    assert all(metrics["restsOnHidden"] for metrics in report["asBuyer"].values())
    assert report["entryCount"] == orjson.loads(api.get("/v1/parties/Buyer/history").content)["entryCount"]
    if "*" in hide[0]:
        assert not kept
        assert report["asBuyer"] == {}


def test_who_is_hidden_whole_or_asked_for_anonymously_is_not_named(api: Api, blocks: tuple[int, int]) -> None:
    """The registrar's statement about a counterparty is left out; the holder itself is always named."""
    buyer, supplier = api.parties["Buyer"], api.parties["Supplier"]
    named = []
    for params in ({}, {"hide": "*@Supplier"}, {"anonymous": "true"}):
        data = api.get("/v1/parties/Buyer/bundle", params=params).content
        named.append({to_hex(binding.party) for binding in parse_bundle(data).bindings})
    assert named == [{buyer, supplier}, {buyer}, {buyer}]


def test_a_bundle_may_be_compressed(api: Api, opened: Opened, blocks: tuple[int, int]) -> None:
    """A gzip of the file has the same verdict, here and over the API."""
    data = api.get("/v1/parties/Buyer/bundle").content
    packed = compress(data)
    assert gzip.decompress(packed) == data
    assert verdict(opened, packed).outcome == "valid"
    headers = {"content-type": "application/gzip"}
    params = {"blockHash": to_hex(parse_bundle(data).as_of.hash)}
    assert api.post("/v1/verify", content=packed, headers=headers, params=params).json()["verdict"] == "valid"
