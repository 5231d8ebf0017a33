"""What the client does with a real server: goes on where a network fails, checks what comes, and signs for itself."""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from client.cutting import cutting
from tallystick import errors
from tallystick.bootstrap import Opened
from tallystick.client import (
    Client,
    CountersignatureBody,
    DocumentBody,
    DraftBody,
    EvidenceStruct,
    GrantBody,
    MemberBody,
    NewKeyBody,
    NewPartyBody,
    NonceBody,
    OrganisationBody,
    RemoteProblem,
    ScopeBody,
    SignedBody,
    SignerBody,
    SignInBody,
    ToSignView,
)
from tallystick.protocol.types import to_hex
from tallystick.web.identity import SignIn
from web.conftest import api, keys, opened, serving  # noqa: F401 - fixtures
from web.keys import Keys
from web.support import WAIT_SECONDS, Api

PUBLIC = "https://ledger.example.com"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def group(api: Api, keys: Keys) -> Iterator[Client]:  # noqa: F811
    """A client of the organisation that acts for every party."""
    with Client(str(api.base_url), keys.group) as made:
        yield made


@pytest.fixture(scope="module")
def operator(api: Api, keys: Keys) -> Iterator[Client]:  # noqa: F811
    with Client(str(api.base_url), keys.operator) as made:
        yield made


@pytest.fixture(scope="module")
def registrar(api: Api, keys: Keys) -> Iterator[Client]:  # noqa: F811
    with Client(str(api.base_url), keys.registrar) as made:
        yield made


@pytest.fixture
def url(opened: Opened) -> Iterator[str]:  # noqa: F811
    """A second server of the same home, where wallets sign in."""
    with serving(opened, opened.context, sign_in_by=SignIn(PUBLIC)) as url:
        yield url


def invoice(api: Api, **changes: Any) -> DraftBody:  # noqa: F811
    return DraftBody.model_validate(api.invoice(**changes))


def account() -> Any:
    """A wallet that nobody else here has."""
    return Account.from_key(hashlib.sha256(f"wallet {next(_numbers)}".encode()).digest())


def opened_for(operator: Client, role: str, parties: list[str] | None = None) -> tuple[str, str]:
    """The id and a key of a new organisation."""
    made = operator.add_organisation(
        OrganisationBody(name=f"Of the client {next(_numbers)}", role=role, parties=parties or [])
    )
    return made.organisation, operator.issue_key(NewKeyBody(name="test", organisation=made.organisation)).secret


# lines


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


# events


@pytest.mark.parametrize("where", [b"id: %d\n", b"id: %d\nevent: evidence.pending\ndata: {", b'"evidence":"%s"'])
def test_events_go_on_where_the_network_failed(
    api: Api,  # noqa: F811
    keys: Keys,  # noqa: F811
    operator: Client,
    registrar: Client,
    where: bytes,
) -> None:
    """Cut off in the middle of an event, wherever: that event comes whole, and each of them once."""
    named = [f"ERP:heard-{next(_numbers)}"]
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


# documents


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


# histories


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


# persons and their keys


def test_a_wallet_signs_in_without_a_key(operator: Client, url: str) -> None:
    """The message, the signature, a session; it is the member's, and ends."""
    wallet = account()
    organisation, _ = opened_for(operator, "lender")
    operator.add_member(MemberBody(name="Ada", address=wallet.address.lower(), organisation=organisation))
    with Client(url) as stranger:
        asked = stranger.ask_nonce(NonceBody(address=wallet.address.lower()))
        assert PUBLIC in asked.message
        signature = bytes(wallet.sign_message(encode_defunct(text=asked.message)).signature)
        another = bytes(account().sign_message(encode_defunct(text=asked.message)).signature)
        with pytest.raises(errors.Unauthenticated):
            stranger.sign_in(SignInBody(message=asked.message, signature=to_hex(another)))
        session = stranger.sign_in(SignInBody(message=asked.message, signature=to_hex(signature)))
        with pytest.raises(errors.Duplicate):
            stranger.sign_in(SignInBody(message=asked.message, signature=to_hex(signature)))
        with pytest.raises(errors.Unauthenticated):
            stranger.read_own_account()
    with Client(url, session.token) as ada:
        assert ada.read_own_account().organisation.organisation == organisation
        ada.end_session(session.session)
        with pytest.raises(errors.Unauthenticated):
            ada.read_own_account()


def admitted(client: Client, party: str) -> SignerBody:
    """The signer of ``party`` as soon as it is active."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        (signer,) = client.list_signers(party)
        if signer.state == "active":
            return signer
        assert time.monotonic() < deadline, f"not admitted after {WAIT_SECONDS} s: {signer}"
        time.sleep(0.05)


def signed(found: ToSignView, wallet: Any) -> str:
    return to_hex(bytes(wallet.sign_typed_data(full_message=found.typed_data).signature))


def submission(found: ToSignView, wallet: Any) -> SignedBody:
    struct = EvidenceStruct.model_validate(found.typed_data["message"])
    return SignedBody(evidence=struct, signatures=signed(found, wallet), disclosures=found.disclosures)


def test_two_wallets_trade(group: Client, registrar: Client, api: Api, keys: Keys) -> None:  # noqa: F811
    """Both sides sign what the server drafts (EIP-712), with keys it never sees; the wrong wallet is refused."""
    wallets = seller, buyer = account(), account()
    parties = [
        registrar.add_party(
            NewPartyBody(
                name=f"With a wallet {next(_numbers)}",
                identifiers=[f"ERP:wallet-{next(_numbers)}"],
                signer=wallet.address.lower(),
                organisation=keys.organisation,
            )
        ).party
        for wallet in wallets
    ]
    for party, wallet in zip(parties, wallets, strict=True):
        signer = admitted(group, party)
        assert (signer.signer, signer.managed) == (wallet.address.lower(), False)
    draft = DraftBody.model_validate(api.contract(issuer=parties[0], counterparty=parties[1], countersigned=False))
    with pytest.raises(errors.Refused):
        group.record_evidence(draft)
    found = group.draft_typed_data(draft)
    assert found.party == parties[0]
    with pytest.raises(errors.WrongSigner):
        group.submit_evidence(submission(found, buyer))
    made = group.submit_evidence(submission(found, seller))
    assert (made.evidence, made.status) == (found.evidence, "awaitingCountersignature")
    other = group.read_typed_data(made.evidence)
    assert (other.evidence, other.party) == (made.evidence, parties[1])
    with pytest.raises(errors.WrongSigner):
        group.countersign_evidence(made.evidence, CountersignatureBody(signature=signed(other, seller)))
    done = group.countersign_evidence(made.evidence, CountersignatureBody(signature=signed(other, buyer)))
    assert done.status == "pending"
    bill = invoice(api, issuer=parties[0], counterparty=parties[1], deal=made.deal)
    last = group.submit_evidence(submission(group.draft_typed_data(bill), seller))
    assert api.final(last.evidence)["kind"] == "INVOICE"


# consent


def test_a_lender_reads_under_a_consent_until_it_is_withdrawn(
    group: Client,
    operator: Client,
    registrar: Client,
    api: Api,  # noqa: F811
    opened: Opened,  # noqa: F811
) -> None:
    """What is in scope is shown, the rest is not there; each look is listed, in a table and on a page."""
    recorder = f"OPERATOR:{to_hex(opened.context.operator)}"
    if api.get(f"/v1/parties/{recorder}").status_code == 404:
        registrar.add_party(NewPartyBody(name="Recorder", identifiers=[recorder]))
    api.final(group.record_evidence(invoice(api)).evidence)
    organisation, key = opened_for(operator, "lender")
    subject = api.parties["Supplier"]
    with Client(str(api.base_url), key) as lender:
        with pytest.raises(errors.NotFound):
            lender.read_history(subject)
        given = group.grant_access(
            subject,
            GrantBody(
                organisation=organisation,
                name="First Bank",
                until="2099-12-31",
                scope=ScopeBody(objects=["history", "tradelines", "bundle"], identities="ids"),
            ),
        )
        assert given.good
        (received,) = lender.list_received_grants()
        assert (received.grant.grant, received.subject_name) == (given.grant, "Supplier")
        history = lender.read_history(subject)
        assert history["entryCount"] > 0
        assert (
            lender.read_history(subject, if_none_match=history.etag, as_of=str(history["asOf"]["blockNumber"])) is None
        )
        assert lender.read_tradelines(subject)["tradelines"]
        bundle = lender.download_bundle(subject)
        assert bundle is not None
        assert lender.verify_bundle(bundle.data)["verdict"] != "invalid"
        with pytest.raises(errors.NotFound):
            lender.certify_party(subject)
        with pytest.raises(errors.NotFound):
            lender.list_accesses(subject).__next__()
        looks = [one for one in group.list_accesses(subject, limit=1) if one.organisation == organisation]
        assert [one.object for one in looks] == ["bundle", "tradelines", "history", "history"]
        assert {one.grantee_name for one in looks} == {"First Bank"}
        page = group.show_accesses(subject, lang="zh").decode()
        assert all(one.access in page for one in looks)
        assert given.grant in {one.grant for one in group.list_grants(subject)}
        assert not group.withdraw_access(subject, given.grant).good
        with pytest.raises(errors.NotFound):
            lender.read_history(subject)
        assert list(lender.list_received_grants()) == []
