"""What persons, wallets, lenders and importers do with the client, at a real server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_defunct

from client.actors import account, group, invoice, numbers, opened_for, operator, registrar  # noqa: F401 - fixtures
from intake.bank import camt_files as camt
from intake.ubl import ubl_files as ubl
from tallystick import errors
from tallystick.bootstrap import Opened
from tallystick.client import (
    Client,
    CountersignatureBody,
    DraftBody,
    EvidenceStruct,
    GrantBody,
    MemberBody,
    NewPartyBody,
    NonceBody,
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
from web.test_imports import MAPPING

PUBLIC = "https://ledger.example.com"


@pytest.fixture
def url(opened: Opened) -> Iterator[str]:  # noqa: F811
    """A second server of the same home, where wallets sign in."""
    with serving(opened, opened.context, sign_in_by=SignIn(PUBLIC)) as url:
        yield url


def test_a_wallet_signs_in_without_a_key(operator: Client, url: str) -> None:  # noqa: F811
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
                name=f"With a wallet {next(numbers)}",
                identifiers=[f"ERP:wallet-{next(numbers)}"],
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


def test_a_lender_reads_under_a_consent_until_it_is_withdrawn(
    group: Client,  # noqa: F811
    operator: Client,  # noqa: F811
    registrar: Client,  # noqa: F811
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


@pytest.fixture(scope="module")
def importer(api: Api, operator: Client, registrar: Client) -> Iterator[Client]:  # noqa: F811
    """A client of an organisation that acts for the seller of the documents, and nobody else."""
    parties = [
        registrar.add_party(NewPartyBody(name=f"Imports {name}", identifiers=[f"GLN:{gln}"])).party
        for name, gln in (("seller", ubl.SELLER_GLN), ("buyer", ubl.BUYER_GLN))
    ]
    with Client(str(api.base_url), opened_for(operator, "party", parties[:1])[1]) as made:
        yield made


def test_documents_are_imported_listed_and_taken_up(importer: Client, tmp_path: Path) -> None:
    """A credit note waits for its invoice and is taken up with it; jobs and documents are listed, page by page."""
    (tmp_path / "note.xml").write_bytes(ubl.credit_note("CN-C", of=("C-1",)))
    (tmp_path / "bill.xml").write_bytes(ubl.invoice("C-1", payable="99.00"))
    (done,) = importer.import_documents([tmp_path / "note.xml"])
    assert [each["status"] for each in done["documents"]] == ["waits"]
    (waits,) = importer.list_waiting(lang="zh")
    assert (waits["number"], waits["file"]) == ("CN-C", "note.xml")
    assert re.search("[一-鿿]", waits["why"])
    assert [each["status"] for each in importer.retry_waiting()["documents"]] == ["waits"]
    key = "the bill"
    (done,) = importer.import_documents([tmp_path / "bill.xml"], idempotency_key=key)
    assert [each["status"] for each in done["documents"]] == ["recorded", "recorded"]
    assert list(importer.import_documents([tmp_path / "bill.xml"], idempotency_key=key)) == [done]
    assert list(importer.list_waiting()) == []
    jobs = [each["job"] for each in importer.list_imports(limit=1)]
    assert jobs[0] == done["job"]
    assert len(jobs) == 3
    read = importer.read_import(done["job"])
    assert [each["number"] for each in read["documents"]] == ["C-1", "CN-C"]
    assert [each["number"] for each in importer.read_import(done["job"], after=1, limit=1)["documents"]] == ["CN-C"]
    with pytest.raises(errors.UsageError):
        importer.import_documents([tmp_path / "bill.xml", tmp_path / "note.xml"], idempotency_key=key)


def test_rows_that_are_rejected_come_back(importer: Client, tmp_path: Path) -> None:
    """A table through its mapping; what can't be read is a file to correct, told by ETag when it is the same."""
    (tmp_path / "t.csv").write_text("Kunde;Nr;Datum;Betrag\n5790000435951;X-1;yesterday;7,52\n")
    (done,) = importer.import_documents([tmp_path / "t.csv"], mapping=MAPPING, terms_days=30)
    rejected = importer.download_rejected_rows(done["job"])
    assert rejected is not None
    assert b"X-1" in rejected.data
    assert importer.download_rejected_rows(done["job"], if_none_match=rejected.etag) is None
    with pytest.raises(errors.NotFound):
        importer.download_rejected_rows(next(importer.list_imports())["job"] + "0")


def test_a_bank_statement_is_imported(importer: Client, tmp_path: Path) -> None:
    """In memory or by path; for a party that the organisation acts for, and no other."""
    data = camt.statement(camt.entry("61.00", camt.transaction("61.00", servicer="B-1")))
    told = importer.import_statements(data, f"GLN:{ubl.SELLER_GLN}", name="bank.xml", dry_run=True)
    (tmp_path / "bank.xml").write_bytes(data)
    assert importer.import_statements(tmp_path / "bank.xml", f"GLN:{ubl.SELLER_GLN}", dry_run=True) == told
    with pytest.raises(errors.NotFound):
        importer.import_statements(data, f"GLN:{ubl.BUYER_GLN}", name="bank.xml")
