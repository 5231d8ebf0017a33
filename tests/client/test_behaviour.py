"""What the client does with a real server where a network fails, and with what comes: it goes on, and it checks."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from client.actors import account, group, invoice, numbers, opened_for, operator, registrar  # noqa: F401 - fixtures
from client.cutting import cutting
from tallystick import errors
from tallystick.client import (
    Client,
    DocumentBody,
    DraftBody,
    NewPartyBody,
    RemoteProblem,
)
from web.conftest import api, keys, opened, serving  # noqa: F401 - fixtures
from web.keys import Keys
from web.support import Api


def test_lines_go_on_where_the_network_failed(api: Api, keys: Keys) -> None:  # noqa: F811
    """Cut off in the middle of the results, twice: each comes once and in order, and each evidence is recorded once."""
    drafts = [invoice(api) for _ in range(60)]
    drafts[20] = drafts[10]
    with (
        cutting(str(api.base_url)) as (url, cut),
        Client(url, keys.group, sleep=lambda _: None, retries=1000) as client,
    ):
        cut.after(b'"line":', 5)
        results = client.record_evidence_lines(drafts)
        told = [next(results) for _ in range(4)]
        cut.after(b'"line":', 41)
        told += results
        assert cut.cuts == 2
        assert [one["line"] for one in told] == list(range(1, 61))
        refused = [one["line"] for one in told if "problem" in one]
        assert refused == [21]
        assert told[20]["problem"]["type"] == "urn:tallystick:problem:duplicate"
        made = [one["evidence"] for one in told if "evidence" in one]
        assert len(set(made)) == 59
        for draft, one in zip(drafts, told, strict=True):
            found = api.get("/v1/evidence", params={"number": draft.content["invoiceNumber"]}).json()
            assert [each["evidence"] for each in found] == [one.get("evidence", told[10]["evidence"])]


def test_lines_that_break_off_for_good_are_told(api: Api, keys: Keys) -> None:  # noqa: F811
    """After so many failures in a row the client says so; what it told before stays true."""
    with cutting(str(api.base_url)) as (url, cut), Client(url, keys.group, sleep=lambda _: None, retries=0) as client:
        cut.after(b'"line":', 2)
        results = client.record_evidence_lines([invoice(api), invoice(api)])
        first = next(results)
        with pytest.raises(errors.ServerUnreachable, match="broke off"):
            next(results)
    assert api.get(f"/v1/evidence/{first['evidence']}").status_code == 200


@pytest.mark.parametrize("where", [b"id: %d\n", b"id: %d\nevent: evidence.pending\ndata: {", b'"evidence":"%s"'])
def test_events_go_on_where_the_network_failed(
    api: Api,  # noqa: F811
    keys: Keys,  # noqa: F811
    operator: Client,  # noqa: F811
    registrar: Client,  # noqa: F811
    where: bytes,
) -> None:
    """Cut off in the middle of an event, wherever: that event comes whole, and each of them once."""
    named = [f"ERP:heard-{next(numbers)}"]
    own = registrar.add_party(NewPartyBody(name="Heard of", identifiers=named, organisation=keys.organisation))
    _, key = opened_for(operator, "party", [own.party])
    profiles = [
        DraftBody(kind="PROFILE", issuer=own.party, content={"note": f"number {number}"}) for number in range(3)
    ]
    with Client(str(api.base_url), key) as client:
        made = [client.record_evidence(draft).evidence for draft in profiles]
        for one in made:
            api.final(one)
        whole = list(client.stream_events(after=0, follow=False))
    assert [one["evidence"] for one in whole if one["status"] == "pending"] == made
    lost = whole[len(whole) // 2]
    marker = where.replace(b"%d", b"%d" % lost["id"]).replace(b"%s", lost["evidence"].encode())
    marker = marker.replace(b"pending", lost["status"].encode())
    with cutting(str(api.base_url)) as (url, cut), Client(url, key, sleep=lambda _: None) as client:
        cut.after(marker)
        assert list(client.stream_events(after=0, follow=False)) == whole
        assert cut.cuts == 1
        assert list(client.stream_events(after=lost["id"], follow=False)) == [
            one for one in whole if one["id"] > lost["id"]
        ]


def test_events_are_followed_as_they_happen(group: Client, api: Api) -> None:  # noqa: F811
    """From now on, without an end; what happens meanwhile is told."""
    seen, done = [], threading.Event()

    def follow() -> None:
        for event in group.stream_events(after=before):
            seen.append(event)
            if event["evidence"] == made.evidence and event["status"] == "final":
                done.set()
                return

    before = max((event["id"] for event in group.stream_events(after=0, follow=False)), default=0)
    made = group.record_evidence(invoice(api))
    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert done.wait(60)
    thread.join()
    assert [one["status"] for one in seen if one["evidence"] == made.evidence] == ["pending", "included", "final"]


def test_a_document_goes_there_and_back(group: Client, api: Api, tmp_path: Path) -> None:  # noqa: F811
    """The same bytes by path and in memory, by itself and with the evidence that names it; a list has it."""
    data = os.urandom(3 << 20)
    (tmp_path / "note.pdf").write_bytes(data)
    kept = group.upload_document(tmp_path / "note.pdf", media_type="application/pdf")
    assert (kept.sha256, kept.size, kept.name) == (hashlib.sha256(data).hexdigest(), len(data), "note.pdf")
    assert group.upload_document(data) == kept
    assert kept.sha256 in [one.sha256 for one in group.list_documents(limit=1)]
    assert group.download_document(kept.sha256).data == data
    body = DocumentBody(sha256=kept.sha256, media_type=kept.media_type, size=kept.size, name=kept.name)
    content = {**api.invoice()["content"], "documents": [body.model_dump(by_alias=True, exclude_none=True)]}
    made = group.record_evidence(invoice(api, content=content))
    found = group.download_attachment(made.evidence, kept.sha256, to=tmp_path / "back.pdf")
    assert (tmp_path / "back.pdf").read_bytes() == data
    assert found.etag == f'"{kept.sha256}"'


def test_a_document_of_another_hash_is_no_document(group: Client, api: Api, keys: Keys, tmp_path: Path) -> None:  # noqa: F811
    """The server refuses bytes that have not the hash; the client refuses what was changed on its way back."""
    with pytest.raises(errors.MalformedInput, match="expected"):
        group.upload_document(b"changed", sha256=hashlib.sha256(b"original").hexdigest())
    with pytest.raises(errors.NotFound):
        group.download_document(hashlib.sha256(b"original").hexdigest())
    kept = group.upload_document(b"original bytes " * 1000)
    # the same answer under another name: as from a server that gives out something else
    with Client(str(api.base_url), keys.group) as client:
        ask = client._send

        def astray(operation: str, method: str, path: str, *rest: Any, **options: Any) -> Any:
            return ask(operation, method, path.replace("0" * 64, kept.sha256), *rest, **options)

        client._send = astray  # type: ignore[method-assign]
        with pytest.raises(RemoteProblem, match=f"expected bytes of SHA-256 '{'0' * 64}', got {kept.sha256}"):
            client.download_document("0" * 64)
        with pytest.raises(RemoteProblem, match="expected bytes of SHA-256"):
            client.download_document("0" * 64, to=tmp_path / "kept")
    assert not list(tmp_path.iterdir())


def test_what_is_still_the_same_does_not_come_again(group: Client, api: Api) -> None:  # noqa: F811
    """Histories, tradelines, changes, bundles and certificates by ETag: None while nothing is new, then the new."""
    last = group.record_evidence(invoice(api))
    api.final(last.evidence)
    history = group.read_history("Buyer")
    at = str(history["asOf"]["blockNumber"])
    tradelines, changes = group.read_tradelines("Buyer", as_of=at), group.read_changes("Buyer", "3", as_of=at)
    bundle, certificate = group.download_bundle("Buyer", as_of=at), group.certify_party("Buyer", as_of=at)
    assert bundle is not None
    assert certificate is not None
    for etag, again in (
        (history.etag, lambda tag: group.read_history("Buyer", as_of=at, if_none_match=tag)),
        (tradelines.etag, lambda tag: group.read_tradelines("Buyer", as_of=at, if_none_match=tag)),
        (changes.etag, lambda tag: group.read_changes("Buyer", "3", as_of=at, if_none_match=tag)),
        (bundle.etag, lambda tag: group.download_bundle("Buyer", as_of=at, if_none_match=tag)),
        (certificate.etag, lambda tag: group.certify_party("Buyer", as_of=at, if_none_match=tag)),
    ):
        assert etag is not None
        assert again(etag) is None
        assert again('"another"') is not None
    api.final(group.record_evidence(invoice(api)).evidence)
    later = group.read_history("Buyer", if_none_match=history.etag)
    assert later is not None
    assert later["entryCount"] == history["entryCount"] + 1
    assert later.etag != history.etag
