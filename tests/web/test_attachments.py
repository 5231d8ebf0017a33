"""Documents that belong to evidence: checked, encrypted where they lie, shown to whoever may read the evidence only."""

from __future__ import annotations

import hashlib
import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from tallystick.bootstrap import Opened
from tallystick.errors import StoreError
from tallystick.protocol.types import PartyId, parse_bytes32
from tallystick.service import accounts
from tallystick.store.blobs import open_blobs
from tallystick.store.identities import Role
from tallystick.web.app import create_app
from web.conftest import trusting_no_authority
from web.support import Api, problem

BINARY = {"Content-Type": "application/octet-stream"}
_numbers = itertools.count(1)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def organisation(opened: Opened, role: Role, *parties: str) -> dict[str, str]:
    """The headers of a new organisation."""
    named = [PartyId(parse_bytes32(party, "party")) for party in parties]
    made = accounts.add_organisation(opened.context, "test", f"Keeps documents {next(_numbers)}", role, named)
    secret = accounts.issue_key(opened.context, "test", made.organisation, "test")[1]
    return {"Authorization": f"Bearer {secret}"}


def upload(
    client: httpx.Client, data: bytes, headers: dict[str, str], digest: str = "", **query: Any
) -> httpx.Response:
    path = f"/v1/documents/{digest or sha256(data)}"
    return client.request("PUT", path, content=data, params=query, headers={**headers, **BINARY})


@pytest.fixture(scope="module")
def supplier(api: Api, opened: Opened) -> dict[str, str]:
    return organisation(opened, Role.PARTY, api.parties["Supplier"])


def test_a_hash_that_is_another_keeps_nothing(api: Api, supplier: dict[str, str]) -> None:
    """Bytes that changed on their way, no bytes, and a hash of another form are refused."""
    problem(upload(api, b"changed", supplier, sha256(b"original")), 422, "malformed-input")
    problem(upload(api, b"", supplier), 422, "malformed-input")
    problem(upload(api, b"x", supplier, "AB" * 32), 422, "malformed-input")
    problem(upload(api, b"x", supplier, name="a\nb"), 422, "malformed-input")
    problem(api.get(f"/v1/documents/{sha256(b'original')}", headers=supplier), 404, "not-found")


def test_a_document_comes_back_as_a_download(api: Api, opened: Opened, supplier: dict[str, str]) -> None:
    """The same bytes, never as a page; where they lie they can't be read; again is the same document."""
    data = b"<script>alert(1)</script>" + os.urandom(300_000)
    made = upload(api, data, supplier, name="Lieferschein 7/é.html", mediaType="text/html")
    assert made.status_code == 201, made.text
    assert made.json() | {"keptAt": 0} == {
        "sha256": sha256(data),
        "mediaType": "text/html",
        "size": len(data),
        "name": "Lieferschein 7/é.html",
        "keptAt": 0,
    }
    again = upload(api, data, supplier)
    assert (again.status_code, again.json()) == (200, made.json())
    found = api.get(made.headers["location"], headers=supplier)
    assert found.content == data
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["content-disposition"].startswith("attachment;")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in found.headers["content-security-policy"]
    assert made.json() in api.get("/v1/documents", params={"limit": 1000}, headers=supplier).json()
    lies = opened.context.blobs._root  # type: ignore[union-attr]
    kept = [path.read_bytes() for path in Path(lies).rglob("*") if path.is_file()]
    assert kept
    assert not any(data[:25] in one or data[-32:] in one for one in kept)


def test_a_document_is_shown_with_the_evidence_that_names_it(
    api: Api, opened: Opened, supplier: dict[str, str]
) -> None:
    """Buyer and auditor get what the supplier keeps; a stranger does not, nor by naming it in its own evidence."""
    data = os.urandom(1_000)
    assert upload(api, data, supplier).status_code == 201
    named = [{"sha256": sha256(data), "mediaType": "application/pdf", "size": len(data), "name": "note.pdf"}]
    invoice, plain = api.invoice(), api.record(api.invoice())["evidence"]
    invoice["content"]["documents"] = named
    evidence = api.record(invoice)["evidence"]
    buyer, auditor = organisation(opened, Role.PARTY, api.parties["Buyer"]), organisation(opened, Role.AUDITOR)
    stranger = organisation(opened, Role.LENDER, api.parties["Lender"])
    path = f"/v1/evidence/{{}}/documents/{sha256(data)}"
    for headers in (supplier, buyer, auditor):
        assert api.get(path.format(evidence), headers=headers).content == data
    problem(api.get(path.format(evidence), headers=stranger), 404, "not-found")
    problem(api.get(path.format(plain), headers=buyer), 404, "not-found")
    problem(api.get(f"/v1/documents/{sha256(data)}", headers=buyer), 404, "not-found")
    # the lender knows the hash and states it in an evidence of its own: whose issuer keeps no such document
    theft = {"kind": "PROFILE", "issuer": "Lender", "content": {"documents": named}}
    own = api.post("/v1/evidence", theft, headers=stranger)
    assert own.status_code == 201, own.text
    problem(api.get(path.format(own.json()["evidence"]), headers=stranger), 404, "not-found")


def test_a_document_may_not_be_larger_than_the_limit(opened: Opened, supplier: dict[str, str]) -> None:
    """What is above the limit is refused while it comes."""
    context = replace(opened.context, limits=replace(opened.context.limits, document_bytes=1_000))
    app = create_app(context, idle_seconds=None, check_token=trusting_no_authority)
    with TestClient(app, base_url="http://localhost") as client:
        problem(upload(client, bytes(1_001), supplier), 413, "too-large")
        assert upload(client, bytes(1_000), supplier).status_code in (200, 201)


@pytest.mark.parametrize("damage", ["gone", "cut", "changed", "swapped"])
def test_bytes_that_are_not_what_was_kept_are_never_given(
    opened: Opened, supplier: dict[str, str], damage: str
) -> None:
    """Gone, cut off at the end, changed, or another's: an error, or an answer that breaks off; no wrong byte."""
    context = replace(opened.context, blobs=open_blobs(f"memory://damaged/{damage}"))
    blobs = context.blobs
    app = create_app(context, idle_seconds=None, check_token=trusting_no_authority)
    one, other = os.urandom(200_000), os.urandom(200_000)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        for data in (one, other):
            assert upload(client, data, supplier).status_code == 201
        with context.store.transaction(read_only=True) as transaction:
            holder = accounts.authenticate(context, supplier["Authorization"].partition(" ")[2])[0].organisation
            kept, second = (transaction.attachment(holder, hashlib.sha256(data).digest()) for data in (one, other))
        assert kept is not None
        assert second is not None
        with blobs.open(kept.blob) as file, blobs.open(second.blob) as another:  # type: ignore[union-attr]
            sealed, foreign = file.read(), another.read()
        blobs.remove(kept.blob)  # type: ignore[union-attr]
        replaced = {"cut": sealed[: 11 + 2 * (65_536 + 16)], "changed": sealed[:-1] + b"?", "swapped": foreign}
        if damage in replaced:
            with blobs.create(kept.blob) as file:  # type: ignore[union-attr]
                file.write(replaced[damage])
        try:
            answer = client.get(f"/v1/documents/{sha256(one)}", headers=supplier)
        except (StoreError, httpx.HTTPError):  # the answer broke off
            return
        assert answer.status_code == 500 or len(answer.content) < int(answer.headers["content-length"])
        assert answer.status_code == 500 or one.startswith(answer.content)


@pytest.mark.parametrize("place", ["memory://blobs", "folder"])
def test_a_blob_is_whole_or_not_there(place: str, tmp_path: Path) -> None:
    """A writer that fails leaves nothing; what is removed is gone; to remove it again changes nothing."""
    blobs = open_blobs(str(tmp_path / "documents") if place == "folder" else place)
    failing, kept = "ab" * 16, "cd" * 16

    def fail() -> None:
        with blobs.create(failing) as file:
            file.write(b"half")
            raise RuntimeError("the machine failed")

    with pytest.raises(RuntimeError):
        fail()
    with blobs.create(kept) as file:
        file.write(b"whole")
    with blobs.open(kept) as file:
        assert file.read() == b"whole"
    for name in (failing, "ef" * 16):
        with pytest.raises(StoreError), blobs.open(name):
            pytest.fail("it is not there")
    for _ in range(2):
        blobs.remove(kept)
    with pytest.raises(StoreError), blobs.open(kept):
        pytest.fail("it is gone")


def test_erasing_an_evidence_deletes_its_documents_and_its_number(api: Api, opened: Opened) -> None:
    """Neither the bytes nor the row nor the key are left, others' documents stay, and no search finds the number."""
    seller = api.post("/v1/parties", {"name": "Erases", "identifiers": ["ERP:erases"]}).json()["party"]
    buyer = api.post("/v1/parties", {"name": "Buys", "identifiers": ["ERP:buys-what-is-erased"]}).json()["party"]
    deal = api.record(api.contract(issuer=seller, counterparty=buyer))["deal"]
    supplier = organisation(opened, Role.PARTY, seller)
    deed, other = f"deed {next(_numbers)}".encode(), f"other {next(_numbers)}".encode()
    for data in (deed, other):
        assert upload(api, data, supplier).status_code == 201
    named = {"sha256": sha256(deed), "mediaType": "application/pdf", "size": len(deed), "name": "deed.pdf"}
    draft = api.invoice(issuer=seller, counterparty=buyer, deal=deal)
    draft["content"]["documents"] = [named]
    gone, number = api.record(draft)["evidence"], draft["content"]["invoiceNumber"]
    search = {"party": seller, "number": number}
    assert [one["evidence"] for one in api.get("/v1/evidence", params=search).json()] == [gone]
    operator = organisation(opened, Role.OPERATOR)
    plan = api.post("/v1/erasures", {"evidence": gone, "reason": "a request under the law"}, headers=operator).json()
    body = {"confirmation": plan["confirmation"]}
    done = api.post(f"/v1/erasures/{gone}/confirmation", body, headers=operator).json()
    assert done["documents"] == 1
    problem(api.get(f"/v1/documents/{sha256(deed)}", headers=supplier), 404, "not-found")
    assert api.get(f"/v1/documents/{sha256(other)}", headers=supplier).content == other
    assert api.get("/v1/evidence", params=search).json() == []
