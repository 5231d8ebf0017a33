"""Trade documents over HTTP: recorded for the parties of the asker, and of others nothing is told."""

from __future__ import annotations

import hashlib
import io
import itertools
import zipfile
from typing import Any

import openpyxl
import pytest

from intake import pdf_made
from intake.bank import camt_files as camt
from intake.cii import cii_files as cii
from intake.ubl import ubl_files as ubl
from tallystick.bootstrap import Opened
from tallystick.protocol.types import PartyId, parse_bytes32
from tallystick.service import accounts
from tallystick.store.identities import Role
from web.support import Api, problem

STRANGER = "7300010000001"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def market(api: Api) -> dict[str, str]:
    """A seller and a buyer by their GLNs."""
    made = {}
    for name, gln in (("Importing Supplier", ubl.SELLER_GLN), ("Importing Buyer", ubl.BUYER_GLN)):
        body = {"name": name, "identifiers": [f"GLN:{gln}"]}
        made[gln] = api.post("/v1/parties", body).json()["party"]
    return made


@pytest.fixture
def seller(opened: Opened, market: dict[str, str]) -> dict[str, str]:
    """The headers of an organisation that acts for the seller alone."""
    party = PartyId(parse_bytes32(market[ubl.SELLER_GLN], "party"))
    made = accounts.add_organisation(opened.context, "test", f"importer {next(_numbers)}", Role.PARTY, [party])
    key = accounts.issue_key(opened.context, "test", made.organisation, "test")[1]
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/xml"}


def sent(api: Api, headers: dict[str, str], data: bytes, **options: Any) -> Any:
    """What became of the document ``data``."""
    answer = api.post("/v1/imports", headers=headers, content=data, params={"name": "a.xml", **options})
    assert answer.status_code == 200, answer.text
    (document,) = answer.json()["documents"]
    return document


def test_nothing_and_web_forms_are_refused(api: Api, seller: dict[str, str]) -> None:
    """An empty body, and a media type that the form of a web page can send."""
    problem(api.post("/v1/imports", headers=seller), 400, "usage-error")
    form = {**seller, "Content-Type": "text/plain"}
    problem(api.post("/v1/imports", headers=form, content=ubl.invoice()), 415, "unsupported-media-type")


def test_a_document_becomes_evidence_that_its_issuer_can_read(api: Api, seller: dict[str, str]) -> None:
    """A dry run first, then once: the evidence is there, and the second time it is known."""
    file = ubl.invoice("HTTP-1", due=None, payable="11.00")
    assert sent(api, seller, file, dryRun=True, termsDays=10)["status"] == "recorded"
    made = sent(api, seller, file, termsDays=10)
    assert (made["status"], made["file"], made["number"]) == ("recorded", "a.xml", "HTTP-1")
    read = api.get(f"/v1/evidence/{made['evidence'][0]['evidence']}", headers=seller).json()
    assert read["content"]["dueDate"] == "2026-01-25"
    assert sent(api, seller, file, termsDays=10)["status"] == "known"


def job_of(api: Api, headers: dict[str, str], data: bytes, media_type: str, **options: Any) -> dict[str, Any]:
    """The answer to an import of ``data``, sent as ``media_type``."""
    sent_as = {**headers, "Content-Type": media_type}
    answer = api.post("/v1/imports", headers=sent_as, content=data, params=options)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


MAPPING = f"""
columns = {{customer = "Kunde", invoiceNumber = "Nr", issueDate = "Datum", payableAmount = "Betrag"}}
values = {{customerScheme = "GLN", supplier = "GLN:{ubl.SELLER_GLN}", currency = "EUR", decimalMark = ","}}
"""


def test_a_table_is_imported_through_its_mapping(api: Api, seller: dict[str, str], opened: Opened) -> None:
    """CSV and XLSX; the answer names the encoding, and the rows that can't be read come back with the reasons."""
    rows = [["Kunde", "Nr", "Datum", "Betrag"], ["5790000435951", "Ä-1", "2026-01-15", "7,50"]]
    rows += [["5790000435951", "TAB-2", "2026-01-15", "7,51"], ["5790000435951", "TAB-3", "gestern", "7,52"]]
    data = "\n".join(";".join(row) for row in rows).encode("cp1252")
    options = {"name": "t.csv", "mapping": MAPPING, "termsDays": 30}
    done = job_of(api, seller, data, "text/csv", **options)
    assert [each["readAs"] for each in done["tables"]] == ["Windows-1252, semicolon"]
    assert sorted(each["status"] for each in done["documents"]) == ["recorded", "refused", "refused"]
    rejected = api.get(f"/v1/imports/{done['job']}/rejected", headers=seller)
    assert rejected.headers["content-type"] == "text/csv; charset=utf-8"
    lines = rejected.content.decode("utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["Nr", "Datum"]
    book = openpyxl.Workbook()
    for row in rows[:1] + rows[2:3]:
        book.active.append(row)
    book.active.cell(2, 4).value = 7.51
    out = io.BytesIO()
    book.save(out)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    again = job_of(api, seller, out.getvalue(), kind, **options)
    assert [each["status"] for each in again["documents"]] == ["known"]
    problem(api.get(f"/v1/imports/{again['job']}/rejected", headers=seller), 404, "not-found")


def test_a_mapping_that_is_none_is_an_outcome(api: Api, seller: dict[str, str]) -> None:
    """As is a table without any."""
    for options in ({"mapping": "columns = 1"}, {}):
        (refused,) = job_of(api, seller, b"a;b\n1;2\n", "text/csv", **options)["documents"]
        assert refused["status"] == "refused"
        assert "mapping" in refused["why"]


def test_a_pdf_and_a_zip_file_are_taken_apart(api: Api, seller: dict[str, str]) -> None:
    """The evidence names the PDF itself; in a ZIP file each file is a document."""
    file = pdf_made.with_files([("factur-x.xml", pdf_made.packed(cii.invoice()))])
    (found,) = job_of(api, seller, file, "application/pdf", name="a.pdf")["documents"]
    assert (found["file"], found["document"]) == ("a.pdf", "Invoice")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.xml", ubl.invoice("ZIP-1", payable="3.01"))
        archive.writestr("b.xml", ubl.invoice("ZIP-2", payable="4.02"))
    done = job_of(api, seller, out.getvalue(), "application/zip", name="z")
    assert [(each["file"], each["status"]) for each in done["documents"]] == [
        ("z/a.xml", "recorded"),
        ("z/b.xml", "recorded"),
    ]


def test_an_import_is_a_job_of_whoever_made_it(api: Api, opened: Opened, seller: dict[str, str]) -> None:
    """It is listed and read, page by page; a dry run is none, and another organisation's is not there."""
    assert job_of(api, seller, ubl.invoice("JOB-1"), "application/xml", dryRun=True)["job"] is None
    assert api.get("/v1/imports", headers=seller).json() == []
    done = job_of(api, seller, ubl.invoice("JOB-1", payable="8.88"), "application/xml")
    (listed,) = api.get("/v1/imports", headers=seller).json()
    assert (listed["job"], listed["counts"]["recorded"]) == (done["job"], 1)
    read = api.get(f"/v1/imports/{done['job']}", headers=seller).json()
    assert [each["number"] for each in read["documents"]] == ["JOB-1"]
    assert read["documents"][0]["evidence"] == [done["documents"][0]["evidence"][0]["evidence"]]
    assert api.get(f"/v1/imports/{done['job']}?after=1", headers=seller).json()["documents"] == []
    made = accounts.add_organisation(opened.context, "test", f"other {next(_numbers)}", Role.PARTY, [])
    other = {"Authorization": f"Bearer {accounts.issue_key(opened.context, 'test', made.organisation, 'x')[1]}"}
    for path in ("", "/rejected"):
        problem(api.get(f"/v1/imports/{done['job']}{path}", headers=other), 404, "not-found")


def paged(api: Api, headers: dict[str, str], path: str, limit: int) -> list[Any]:
    """The pages at ``path``, by their ``Link`` headers."""
    found = []
    answer = api.get(path, headers=headers, params={"limit": limit})
    while True:
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        if "next" not in answer.links:
            return found
        answer = api.get(answer.links["next"]["url"], headers=headers)


def test_lists_of_imports_go_on_by_link(api: Api, seller: dict[str, str]) -> None:
    """However many there are: pages that repeat and skip nothing, imports, their documents, and what waits."""
    notes = [ubl.credit_note(f"CN-PAGE-{number}", of=(f"NEVER-{number}",)) for number in range(5)]
    jobs = [job_of(api, seller, data, "application/xml")["job"] for data in notes]
    pages = paged(api, seller, "/v1/imports", 2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one["job"] for page in pages for one in page] == jobs[::-1]
    pages = paged(api, seller, "/v1/waiting", 2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one["number"] for page in pages for one in page] == [f"CN-PAGE-{number}" for number in range(5)]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.xml", ubl.invoice(f"PAGE-{number}", payable=f"{number + 1}.00"))
    job = job_of(api, seller, packed.getvalue(), "application/zip")["job"]
    pages = paged(api, seller, f"/v1/imports/{job}", 1)
    assert [[one["number"] for one in page["documents"]] for page in pages] == [["PAGE-0"], ["PAGE-1"], ["PAGE-2"]]
    assert all(page["counts"] == pages[0]["counts"] for page in pages)
    (whole,) = paged(api, seller, f"/v1/imports/{job}", 3)
    assert len(whole["documents"]) == 3
    first = api.get("/v1/imports", headers=seller, params={"limit": 1})
    cursor = first.links["next"]["url"].partition("cursor=")[2]
    problem(api.get(f"/v1/waiting?cursor={cursor}", headers=seller), 422, "malformed-input")


def test_what_waits_is_taken_up_when_the_missing_piece_comes(api: Api, seller: dict[str, str]) -> None:
    """It is listed till then, for its organisation; asking to retry tells that it waits on."""
    missing = "WAIT-1"
    assert sent(api, seller, ubl.credit_note("CN-WAIT", of=(missing,)))["status"] == "waits"
    (waits,) = api.get("/v1/waiting", headers=seller, params={"lang": "zh"}).json()
    assert (waits["reason"], waits["facts"]["number"]) == ("noInvoice", missing)
    assert missing in waits["why"]
    again = api.post("/v1/waiting/retry", headers=seller).json()
    assert [each["status"] for each in again["documents"]] == ["waits"]
    done = job_of(api, seller, ubl.invoice(missing, payable="99.00"), "application/xml")
    assert [(each["document"], each["status"]) for each in done["documents"]] == [
        ("Invoice", "recorded"),
        ("CreditNote", "recorded"),
    ]
    assert api.get("/v1/waiting", headers=seller).json() == []


def test_a_bank_statement_pays_an_invoice(api: Api, seller: dict[str, str], market: dict[str, str]) -> None:
    """A dry run first, then once; the payment names the file, and another party's account is as unknown."""
    assert sent(api, seller, ubl.invoice("CAMT-1", payable="61.00"))["status"] == "recorded"
    paid_in = camt.transaction("61.00", servicer="B-1", documents=(("CAMT-1", None),))
    file = camt.statement(camt.entry("61.00", paid_in))
    own = {"party": market[ubl.SELLER_GLN], "name": "s.xml"}
    for path in ({**own, "party": market[ubl.BUYER_GLN]}, {**own, "party": "LEI:NOBODY"}):
        problem(api.post("/v1/statements", headers=seller, content=file, params=path), 404, "not-found")
    problem(api.post("/v1/statements", headers=seller, content=b"<a/>", params=own), 422, "malformed-input")
    tried = api.post("/v1/statements", headers=seller, content=file, params={**own, "dryRun": True}).json()
    assert [each["evidence"] for each in tried["recorded"]] == [[]]
    done = api.post("/v1/statements", headers=seller, content=file, params=own).json()
    assert (done["statements"][0]["file"], done["known"]) == ("s.xml", 0)
    paid = api.get(f"/v1/evidence/{done['recorded'][0]['evidence'][0]}", headers=seller).json()
    assert paid["content"]["documents"][0]["sha256"] == hashlib.sha256(file).hexdigest()
    assert api.get(f"/v1/imports/{done['job']}", headers=seller).json()["documents"][0]["document"] == "BankStatement"
    assert api.post("/v1/statements", headers=seller, content=file, params=own).json()["known"] == 1


def test_what_is_no_document_is_an_outcome(api: Api, seller: dict[str, str]) -> None:
    """The call did what it should: it says why nothing was made of the file."""
    refused = sent(api, seller, b"<a/>")
    assert (refused["status"], refused["evidence"]) == ("refused", [])
    assert "trade document" in refused["why"]


def test_of_others_nothing_is_told(api: Api, seller: dict[str, str], market: dict[str, str]) -> None:
    """What a registered party states, and what a stranger does, is answered alike; nobody signs for either."""
    told = []
    for gln in (ubl.BUYER_GLN, STRANGER):
        order = ubl.order(buyer=ubl.identified("Importing Buyer", gln))
        made = sent(api, seller, order)
        assert made["facts"].pop("identifier") == f"GLN:{gln}"
        told.append({name: made[name] for name in ("status", "reason", "facts", "evidence")})
    assert (
        told[0]
        == told[1]
        == {
            "status": "held",
            "reason": "unknownParty",
            "facts": {"name": "Importing Buyer"},
            "evidence": [],
        }
    )
    nameless = sent(api, seller, ubl.receipt().replace(b"Buyer AG", b"Somebody"))
    assert "Importing" not in str(nameless)


def test_an_invoice_of_others_is_not_there(api: Api, opened: Opened, market: dict[str, str]) -> None:
    """Whoever answers an invoice that names somebody else learns no more than of one that there is not."""
    stranger = api.post("/v1/parties", {"name": "Curious", "identifiers": [f"GLN:{STRANGER}"]}).json()["party"]
    parties = [PartyId(parse_bytes32(stranger, "party"))]
    made = accounts.add_organisation(opened.context, "test", f"curious {next(_numbers)}", Role.PARTY, parties)
    key = accounts.issue_key(opened.context, "test", made.organisation, "test")[1]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/xml"}
    contract = api.contract(issuer=market[ubl.SELLER_GLN], counterparty=market[ubl.BUYER_GLN])
    deal = api.record(contract)["deal"]
    bill = api.invoice(issuer=market[ubl.SELLER_GLN], counterparty=market[ubl.BUYER_GLN], deal=deal)
    number = api.record(bill) and bill["content"]["invoiceNumber"]
    asked = [sent(api, headers, ubl.answer(of=of, sender=ubl.identified("C", STRANGER))) for of in (number, "NONE")]
    assert [each["reason"] for each in asked] == ["noInvoice", "noInvoice"]
    assert "Importing" not in str(asked)
