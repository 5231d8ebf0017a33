"""Trade documents become evidence: each once, of who states it, and nothing is guessed."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from intake.bank import camt_files as camt
from intake.ubl import ubl_files as ubl
from service.world import World
from tallystick.intake.bank.camt import read_message
from tallystick.intake.documents import Document
from tallystick.intake.readers import read_file
from tallystick.protocol import content
from tallystick.protocol.types import EvidenceId, to_hex
from tallystick.service import parties
from tallystick.service.bank.importing import import_statements
from tallystick.service.documents import importing, words
from tallystick.service.documents.importing import DocumentImport, Rules, import_documents
from tallystick.service.documents.outcomes import Outcome, Reason, Status
from tallystick.service.parties import find_party

SELLER, BUYER = f"GLN:{ubl.SELLER_GLN}", f"GLN:{ubl.BUYER_GLN}"


@pytest.fixture
def market(world: World) -> World:
    """A supplier and a buyer, both managed here, each with two identifiers."""
    for name, identifiers in (
        ("Supplier GmbH", (SELLER, f"VAT:{ubl.SELLER_VAT}")),
        ("Buyer AG", (BUYER, f"VAT:{ubl.BUYER_VAT}")),
    ):
        parsed = tuple(parties.parse_identifier(each) for each in identifiers)
        parties.add_parties(world.context, [parties.NewParty(name, parsed)])
    return world


def imported(world: World, *files: bytes, dry_run: bool = False, **rules: Any) -> DocumentImport:
    """What an import of ``files`` does."""
    read = [read_file(f"{at}.xml", data) for at, data in enumerate(files)]
    return import_documents(world.context, read, Rules(**rules), dry_run=dry_run)


def statuses(done: DocumentImport) -> list[str]:
    return [outcome.status.value for outcome in done.outcomes]


def reason(done: DocumentImport) -> Reason | None:
    (outcome,) = done.outcomes
    return outcome.reason


def kinds(done: DocumentImport) -> list[list[str]]:
    return [[made.kind for made in outcome.made] for outcome in done.outcomes]


def shown(world: World, name: EvidenceId) -> dict[str, Any]:
    """The content of one evidence."""
    with world.context.store.transaction() as transaction:
        return content.parse_all(transaction.evidence([name])[name].disclosures)


def count(world: World) -> int:
    with world.context.store.transaction() as transaction:
        return sum(transaction.counts().evidence.values())


CHAIN = (
    ubl.order(),
    ubl.order_response(),
    ubl.despatch(),
    ubl.receipt(),
    ubl.invoice(),
    ubl.answer("AP"),
    ubl.remittance(),
    ubl.credit_note(),
)


DIFFERS = (Status.HELD, Reason.DIFFERS)
ARRIVED = ubl.despatch().replace(
    b"</cac:Shipment>",
    b"<cac:Delivery><cbc:ActualDeliveryDate>2026-01-11</cbc:ActualDeliveryDate></cac:Delivery></cac:Shipment>",
)


def test_a_whole_trade_is_one_deal(market: World) -> None:
    """Order to credit note: each becomes what it says, all of one deal, whatever order the files come in."""
    done = imported(market, *reversed(CHAIN))
    assert statuses(done) == ["recorded"] * len(CHAIN)
    assert list(reversed(kinds(done))) == [
        ["CONTRACT"],
        ["CONTRACT"],
        ["DELIVERY"],
        ["DELIVERY"],
        ["INVOICE"],
        ["ACKNOWLEDGEMENT"],
        ["PAYMENT"],
        ["CORRECTION"],
    ]
    names = {made.evidence for outcome in done.outcomes for made in outcome.made}
    with market.context.store.transaction() as transaction:
        deals = {record.evidence.deal for record in transaction.evidence(names).values()}
    assert (len(names), len(deals), done.evidence) == (6, 1, 6)


def test_importing_again_changes_nothing(market: World) -> None:
    """All of it at once, or file by file: known, and no evidence more."""
    imported(market, *CHAIN)
    before = count(market)
    assert statuses(imported(market, *CHAIN)) == ["known"] * len(CHAIN)
    assert [reason(imported(market, file)) for file in CHAIN] == [None] * len(CHAIN)
    assert count(market) == before


def test_files_may_come_one_by_one(market: World) -> None:
    """In the order of the trade, each in its own call: the same evidence; the receipt takes up the despatch advice."""
    done = [imported(market, file, terms_days=30) for file in CHAIN]
    assert [statuses(each) for each in done] == [
        ["recorded"],
        ["recorded"],
        ["waits"],
        ["recorded", "recorded"],
        ["recorded"],
        ["recorded"],
        ["recorded"],
        ["recorded"],
    ]
    assert statuses(imported(market, *CHAIN)) == ["known"] * len(CHAIN)


def test_a_dry_run_records_nothing_and_says_all(market: World) -> None:
    """The same outcomes as the import that follows, and the store as it was."""
    before = count(market)
    dry = imported(market, *CHAIN, dry_run=True)
    assert count(market) == before
    done = imported(market, *CHAIN)
    assert statuses(dry) == statuses(done)
    assert kinds(dry) == kinds(done)


# ---- what is not recorded, and why -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "file", "status", "why"),
    [
        ((), ubl.order(terms=""), Status.WAITS, Reason.NO_TERMS),
        ((), ubl.order_response(), Status.WAITS, Reason.NO_ORDER),
        ((ubl.order(),), ubl.order_response(code="CA"), Status.HELD, Reason.NOT_AGREED),
        ((ubl.order(),), ubl.order_response(code="RE"), Status.HELD, Reason.NOT_AGREED),
        ((ubl.order(),), ubl.order(total="101.00"), Status.HELD, Reason.DIFFERS),
        ((), ubl.despatch(), Status.WAITS, Reason.NO_RECEIPT),
        ((), ubl.receipt(), Status.WAITS, Reason.NO_CONTRACT),
        ((ubl.order(),), ubl.receipt(), Status.WAITS, Reason.NOT_COUNTERSIGNED),
        ((ubl.order(),), ubl.invoice(), Status.WAITS, Reason.NOT_COUNTERSIGNED),
        ((), ubl.invoice(due=None), Status.HELD, Reason.NO_DUE_DATE),
        ((), ubl.credit_note(), Status.WAITS, Reason.NO_INVOICE),
        ((), ubl.invoice(type_code="384", corrects=("INV-0",)), Status.WAITS, Reason.NO_INVOICE),
        ((), ubl.answer(), Status.WAITS, Reason.NO_INVOICE),
        ((), ubl.remittance(), Status.WAITS, Reason.NO_INVOICE),
        ((ubl.invoice(),), ubl.answer(), Status.HELD, Reason.SELF_REPORTED),
        ((ubl.invoice(),), ubl.invoice(payable="107.51"), Status.HELD, Reason.DIFFERS),
        ((ubl.invoice(),), ubl.invoice(due="2026-03-14"), Status.HELD, Reason.DIFFERS),
        ((ubl.order(),), ubl.order(terms='<cbc:DurationMeasure unitCode="DAY">60</cbc:DurationMeasure>'), *DIFFERS),
        (CHAIN[:4], ubl.despatch(quantity="91"), *DIFFERS),
        (CHAIN[:4], ubl.receipt(lines='<cbc:ReceivedQuantity unitCode="KGM">91</cbc:ReceivedQuantity>'), *DIFFERS),
        ((*CHAIN[:2], ARRIVED, ubl.receipt()), ubl.receipt(lines=""), *DIFFERS),
        ((*CHAIN[:2], ARRIVED, ubl.receipt()), ubl.receipt("RA-2"), *DIFFERS),
        ((ubl.invoice(),), ubl.invoice(due=None, issued="2026-01-16"), Status.HELD, Reason.DIFFERS),
        ((ubl.invoice("INV-001"),), ubl.invoice("inv 1"), Status.HELD, Reason.ALIKE),
        ((ubl.invoice("INV-001"),), ubl.invoice("INV-1", payable="9.00"), Status.HELD, Reason.ALIKE),
        ((ubl.invoice("INV-17"),), ubl.invoice("INV-71"), Status.HELD, Reason.ALIKE),
        ((ubl.invoice("INV-17"),), ubl.invoice("INV-18"), Status.HELD, Reason.ALIKE),
        ((*CHAIN[:2], ubl.invoice("INV-0"), ubl.credit_note()), ubl.credit_note(), Status.WAITS, Reason.NO_INVOICE),
        (CHAIN[:5], ubl.credit_note(amount="1.00"), None, None),
        ((*CHAIN[:5], ubl.credit_note()), ubl.credit_note(amount="1.00"), Status.HELD, Reason.DIFFERS),
        (CHAIN[:7], ubl.remittance(total="108.00"), Status.HELD, Reason.DIFFERS),
    ],
)
def test_what_is_missing_or_differs_keeps_a_document_back(
    market: World, before: tuple[bytes, ...], file: bytes, status: Status | None, why: Reason | None
) -> None:
    """It waits for what it refers to, or is held for a person; nothing is recorded of it."""
    imported(market, *before)
    recorded = count(market)
    (outcome,) = imported(market, file).outcomes
    assert (outcome.status, outcome.reason) == (status or Status.RECORDED, why)
    assert count(market) == recorded + (status is None)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ((ubl.invoice(seller=ubl.identified("Nobody", "7300010000001")),), Reason.UNKNOWN_PARTY),
        ((ubl.invoice(seller=ubl.identified("Supplier GmbH", "7300010000001")),), Reason.SAME_NAME),
        ((ubl.invoice(buyer=ubl.identified("Buyer AG", "7300010000001")),), Reason.SAME_NAME),
        ((ubl.order(buyer=ubl.identified("Nobody", "7300010000001")),), Reason.UNKNOWN_PARTY),
        ((*CHAIN[:5], ubl.answer(sender=ubl.identified("Service", ubl.SELLER_VAT, "9930"))), Reason.ONE_PARTY),
    ],
)
def test_a_name_finds_nobody(market: World, files: tuple[bytes, ...], why: Reason) -> None:
    """Whose identifiers are not registered is not taken for a namesake, nor made up."""
    last = imported(market, *files).outcomes[-1]
    assert (last.status, last.reason) == (Status.HELD, why)


def test_identifiers_of_two_parties_in_one_are_held(market: World) -> None:
    """A VAT number of one and a GLN of another: somebody is wrong, and nobody guesses who."""
    mixed = ubl.SELLER + (
        f'<cac:PartyIdentification><cbc:ID schemeID="9915">{ubl.BUYER_VAT}</cbc:ID></cac:PartyIdentification>'
    )
    (outcome,) = imported(market, ubl.invoice(seller=mixed, buyer=ubl.identified("X", "7300010000001"))).outcomes
    assert outcome.reason is Reason.TWO_PARTIES
    assert {outcome.facts["one"], outcome.facts["other"]} == {"Supplier GmbH", "Buyer AG"}


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (ubl.invoice(seller="<cac:PartyName><cbc:Name>Supplier GmbH</cbc:Name></cac:PartyName>"), "only the name"),
        (ubl.invoice(buyer=ubl.SELLER), "on both sides"),
        (ubl.invoice(due="2026-01-14"), "Invoice/cbc:DueDate"),
        (ubl.invoice(issued="1969-12-31"), "1970"),
    ],
)
def test_what_states_nothing_is_refused_and_keeps_nothing_else_back(market: World, file: bytes, says: str) -> None:
    """A side without an identifier, or one company on both sides; the other file of the call is recorded."""
    done = imported(market, file, ubl.invoice("OTHER", payable="1.00"))
    assert statuses(done) == ["refused", "recorded"]
    assert says in str(done.outcomes[0].error)


def test_who_states_a_document_signs_it(market: World) -> None:
    """Of a party whose key is elsewhere nothing is recorded, whoever has the file."""
    with market.context.store.transaction() as transaction:
        elsewhere = parties.find_party(transaction, SELLER)
        record = type(elsewhere)
        transaction.add_party(
            record(
                parties.party_id(market.context.network_key, "GLN", "7300010000001"),
                "Elsewhere Ltd",
                (parties.Identifier("GLN", "7300010000001"),),
                (),
                elsewhere.created_at,
            )
        )
    (outcome,) = imported(market, ubl.invoice(seller=ubl.identified("Elsewhere Ltd", "7300010000001"))).outcomes
    assert (outcome.status, outcome.reason) == (Status.HELD, Reason.NO_KEY)


def test_an_import_for_one_party_signs_for_nobody_else(market: World) -> None:
    """Though the keys of both are here: what the buyer states is held, its order too, until it is imported for it."""
    with market.context.store.transaction() as transaction:
        seller, buyer = (frozenset([parties.find_party(transaction, name).party]) for name in (SELLER, BUYER))
    assert statuses(imported(market, *CHAIN[:2], parties=seller)) == ["held", "waits"]
    assert statuses(imported(market, *CHAIN[:2], parties=buyer)) == ["recorded", "held"]
    assert statuses(imported(market, *CHAIN[:2], ubl.invoice(), parties=seller)) == ["held", "recorded", "recorded"]
    last = imported(market, ubl.answer(), parties=seller).outcomes[-1]
    assert (last.status, last.reason) == (Status.HELD, Reason.NOT_ASKED)


def test_an_answer_of_somebody_else_answers_nothing(market: World) -> None:
    """A third party that accepts in the buyer's place is not the buyer."""
    market.party("Processing Ltd", "GLN:7300010000001")
    imported(market, *CHAIN[:5])
    (outcome,) = imported(market, ubl.answer(sender=ubl.identified("Processing Ltd", "7300010000001"))).outcomes
    assert (outcome.status, outcome.reason) == (Status.HELD, Reason.OTHER_PARTY)


def test_a_job_that_was_interrupted_says_how_far_it_came(market: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What became of a document is kept with its evidence; the rest is recorded by the next import."""
    monkeypatch.setattr(importing, "DOCUMENTS_A_TRANSACTION", 3)

    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    read = [read_file(f"{at}.xml", data) for at, data in enumerate(CHAIN)]
    with pytest.raises(KeyboardInterrupt):
        import_documents(market.context, read, progress=stop)
    done = import_documents(market.context, read)
    with market.context.store.transaction(read_only=True) as transaction:
        last, first = transaction.imports(9)
        kept = transaction.imported(first.job)[1]
        assert (first.ended_at, len(kept), last.job) == (None, 3, done.job)
        assert {name for document in kept for name in document.evidence} <= {
            to_hex(made.evidence) for outcome in done.outcomes for made in outcome.made
        }
    assert statuses(done) == ["known"] * 4 + ["recorded"] * 4


def test_a_name_of_a_file_that_nobody_can_read_is_kept_readable(market: World) -> None:
    """Control characters, half a character, and a name without end."""
    name = "a\x00\udc80\n" + "b" * 999 + ".xml"
    done = import_documents(market.context, [read_file(name, ubl.invoice())])
    assert done.outcomes[0].status is Status.RECORDED
    assert len(done.outcomes[0].source.name) == 255
    odd = import_documents(market.context, [read_file("a\x00\udc80.xml", ubl.invoice("OTHER", payable="1.00"))])
    assert shown(market, odd.outcomes[0].made[0].evidence)["documents"][0]["name"] == "a\ufffd\ufffd.xml"


# ---- what is recorded ------------------------------------------------------------------------------------------------


def test_the_content_says_what_the_document_says(market: World) -> None:
    """Contract and invoice field by field, with the exact bytes of the file."""
    done = imported(market, ubl.order(), ubl.order_response(), ubl.invoice())
    contract, _, invoice = (outcome.made[0].evidence for outcome in done.outcomes)
    said = shown(market, contract)
    (file,) = said.pop("documents")
    assert said == {
        "contractNumber": "PO-1",
        "issuerRole": "buyer",
        "currency": "EUR",
        "paymentTermsDays": 30,
        "totalAmount": "100.00",
        "effectiveDate": "2026-01-05",
        "orderedQuantity": "100",
    }
    assert (file["name"], file["size"], file["mediaType"]) == ("0.xml", len(ubl.order()), "application/xml")
    said = shown(market, invoice)
    assert said.pop("documents")[0]["sha256"] == read_file("x", ubl.invoice()).source.sha256
    assert said == {
        "invoiceNumber": "INV-1",
        "issueDate": "2026-01-15",
        "dueDate": "2026-02-14",
        "currency": "EUR",
        "payableAmount": "107.50",
        "taxAmount": "17.50",
        "orderNumber": "PO-1",
    }


@pytest.mark.parametrize(
    ("order", "invoice", "rules", "terms", "due"),
    [
        (ubl.order(), ubl.invoice(due=None), {}, 30, "2026-02-14"),
        (ubl.order(terms=""), ubl.invoice(due="2026-03-16"), {}, 60, "2026-03-16"),
        (ubl.order(terms=""), ubl.invoice(due=None), {"terms_days": 10}, 10, "2026-01-25"),
        (ubl.order(), ubl.invoice(due="2026-03-16"), {"terms_days": 10}, 30, "2026-03-16"),
    ],
)
def test_days_to_pay_are_taken_from_where_they_are_said(
    market: World, order: bytes, invoice: bytes, rules: dict[str, int], terms: int, due: str
) -> None:
    """The document's own, else the other one's, else the user's."""
    done = imported(market, order, ubl.order_response(), invoice, **rules)
    assert shown(market, done.outcomes[0].made[0].evidence)["paymentTermsDays"] == terms
    assert shown(market, done.outcomes[2].made[0].evidence)["dueDate"] == due


def test_an_invoice_to_no_party_is_self_reported(market: World) -> None:
    """It names the customer by the most telling identifier, and its credit note follows it."""
    stranger = ubl.identified("Stranger", "7300010000001")
    credit = ubl.credit_note().replace(ubl.BUYER.encode(), stranger.encode())
    done = imported(market, ubl.invoice(buyer=stranger), credit)
    assert statuses(done) == ["recorded", "recorded"]
    assert shown(market, done.outcomes[0].made[0].evidence)["customer"] == "GLN:7300010000001"
    assert statuses(imported(market, ubl.invoice(buyer=stranger), credit)) == ["known", "known"]


def test_an_invoice_is_paid_by_the_reference_that_it_asks_for(market: World) -> None:
    """What the document asks the payer to state is part of the evidence, and the bank's booking finds it there."""
    asks = "<cac:PaymentMeans><cbc:PaymentID>RF18 5390 0754 7034</cbc:PaymentID></cac:PaymentMeans>"
    done = imported(market, *CHAIN[:2], ubl.invoice(extra=asks))
    (invoice,) = done.outcomes[2].made
    assert shown(market, invoice.evidence)["paymentReference"] == "RF18 5390 0754 7034"
    with market.context.store.transaction() as transaction:
        seller = find_party(transaction, SELLER)
    booked = camt.entry("107.50", camt.transaction("107.50", reference="RF18539007547034"))
    (made,) = import_statements(market.context, seller, [read_message(camt.statement(booked))]).made
    assert made.matched is not None
    assert [each.invoice for each in made.matched.allocations] == [to_hex(invoice.evidence)]


def test_the_same_invoice_in_other_bytes_is_one(market: World) -> None:
    """Another prefix, another order of identifiers, another way to say the due date: one evidence, one fingerprint."""
    first = ubl.invoice()
    other = (
        ubl.invoice(
            version="2.0",
            type_code="SalesInvoice",
            due=None,
            seller=ubl.identified("SUPPLIER", ubl.SELLER_VAT, "9930"),
            extra="<cac:PaymentMeans><cbc:PaymentDueDate>2026-02-14</cbc:PaymentDueDate></cac:PaymentMeans>",
        )
        .replace(b"cbc:", b"b:")
        .replace(b":cbc=", b":b=")
        .replace(b">107.50<", b">107.500<")
    )
    done = imported(market, *CHAIN[:2], first, first + b"\n", other)
    assert sorted(statuses(done)[2:]) == ["known", "known", "recorded"]
    assert len({outcome.made for outcome in done.outcomes[2:]}) == 1
    assert len({outcome.fingerprint for outcome in done.outcomes[2:]}) == 1


def test_who_allows_similar_invoices_gets_them_but_no_altered_one(market: World) -> None:
    """Two invoices of one day and sum are two where the user says so; one number with two sums never is."""
    imported(market, ubl.invoice("INV-17"))
    assert statuses(imported(market, ubl.invoice("INV-18"), allow_similar=True)) == ["recorded"]
    assert reason(imported(market, ubl.invoice("INV-0017", payable="1.00"), allow_similar=True)) is Reason.ALIKE


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AP", "ACKNOWLEDGEMENT"),
        ("RE", "DISPUTE"),
        ("UQ", "DISPUTE"),
        ("AB", "SIGNAL"),
        ("IP", "SIGNAL"),
        ("CA", "SIGNAL"),
        ("PD", "SIGNAL"),
    ],
)
def test_an_answer_to_an_invoice_is_what_its_code_means(market: World, code: str, kind: str) -> None:
    """Acknowledged, disputed, or a signal on which no figure rests; each once."""
    imported(market, *CHAIN[:5])
    file = ubl.answer(code, reasons={"QTY": "ten are missing"})
    done = imported(market, file)
    assert kinds(done) == [[kind]]
    said = shown(market, done.outcomes[0].made[0].evidence)
    assert (said["responseCode"], said["responseNumber"]) == (code, "IR-1")
    if kind == "DISPUTE":
        assert (said["reasonCode"], said["disputedAmount"], said["currency"]) == ("QTY", "107.50", "EUR")
    assert statuses(imported(market, file)) == ["known"]


def test_who_accepts_after_a_query_withdraws_it(market: World) -> None:
    """UQ, then AP: the dispute is withdrawn by whoever raised it, and the invoice acknowledged."""
    imported(market, *CHAIN[:5], ubl.answer("UQ", number="IR-1"))
    accepted = ubl.answer("AP", number="IR-2", issued="2026-01-25")
    assert kinds(imported(market, accepted)) == [["ACKNOWLEDGEMENT", "RESOLUTION"]]
    assert statuses(imported(market, accepted, ubl.answer("UQ", number="IR-1"))) == ["known", "known"]


def test_a_corrected_invoice_takes_the_place_of_the_first(market: World) -> None:
    """What answers it afterwards answers the corrected one, under either number."""
    corrected = ubl.invoice("INV-2", "2026-01-18", payable="96.75", type_code="384", corrects=("INV-1",))
    done = imported(market, *CHAIN[:5], corrected, ubl.answer("RE", of="INV-2"))
    assert kinds(done)[-2:] == [["CORRECTION"], ["DISPUTE"]]
    assert shown(market, done.outcomes[-1].made[0].evidence)["disputedAmount"] == "96.75"
    assert statuses(imported(market, corrected, ubl.invoice())) == ["known", "known"]


def test_a_corrected_invoice_may_keep_its_number(market: World) -> None:
    """It says itself what it takes the place of; the first version stays known."""
    corrected = ubl.invoice("INV-1", "2026-01-18", payable="96.75", type_code="384", corrects=("INV-1",))
    assert kinds(imported(market, *CHAIN[:5], corrected))[-1] == ["CORRECTION"]
    assert statuses(imported(market, corrected, ubl.invoice())) == ["known", "known"]
    assert statuses(imported(market, ubl.invoice(payable="96.75"))) == ["held"]


def test_a_delivery_that_the_seller_stated_is_acknowledged_by_the_receipt(market: World) -> None:
    """A despatch advice that says when it arrived stands by itself; the buyer's receipt says how much of it."""
    lines = '<cbc:ReceivedQuantity unitCode="KGM">90</cbc:ReceivedQuantity>'
    lines += '<cbc:RejectedQuantity unitCode="KGM">5</cbc:RejectedQuantity>'
    done = imported(market, *CHAIN[:2], ARRIVED, ubl.receipt(lines=lines))
    assert kinds(done)[2:] == [["DELIVERY"], ["ACKNOWLEDGEMENT"]]
    assert shown(market, done.outcomes[3].made[0].evidence)["acceptedQuantity"] == "85"


def test_a_receipt_says_what_was_sent_received_and_short(market: World) -> None:
    """With the carrier that only the despatch advice knows, and both files attached."""
    done = imported(market, *CHAIN[:4])
    said = shown(market, done.outcomes[3].made[0].evidence)
    assert len(said.pop("documents")) == 2
    assert said == {
        "deliveryNumber": "RA-1",
        "receivedDate": "2026-01-11",
        "orderNumber": "PO-1",
        "despatchNumber": "DA-1",
        "despatchedQuantity": "90",
        "receivedQuantity": "90",
        "shortQuantity": "10",
        "carrier": "Carrier Ltd",
        "trackingNumber": "TRACK-7",
    }


def test_a_remittance_is_a_claim_one_for_each_deal(market: World) -> None:
    """Invoices of two orders are paid by two claims; what names no invoice stands with the first."""
    second = (
        ubl.order("PO-2"),
        ubl.order_response("OR-9", of="PO-2"),
        ubl.invoice("INV-22", order="PO-2", payable="9.00"),
    )
    paid = ubl.remittance(total="120.00", lines=(("INV-1", "107.50"), ("INV-22", "9.00"), (None, "3.50")))
    done = imported(market, *CHAIN[:2], ubl.invoice(), *second, paid)
    assert kinds(done)[-1] == ["PAYMENT", "PAYMENT"]
    one, other = (shown(market, made.evidence) for made in done.outcomes[-1].made)
    assert (one["paymentReference"], one["amount"], one["method"]) == ("RM-1", "111.00", "remittance advice (claim)")
    assert (other["paymentReference"], other["amount"]) == ("RM-1/2", "9.00")
    assert statuses(imported(market, paid)) == ["known"]


def test_an_invoice_finds_its_contract_among_several(market: World) -> None:
    """By the order it names; without one, it is held rather than put to either."""
    second = (ubl.order("PO-2"), ubl.order_response("OR-9", of="PO-2"))
    imported(market, *CHAIN[:2], *second)
    (named,) = imported(market, ubl.invoice(order="PO-2")).outcomes
    assert named.status is Status.RECORDED
    assert reason(imported(market, ubl.invoice("INV-55", order=None))) is Reason.SEVERAL_CONTRACTS


def test_what_the_gate_refuses_is_told_and_keeps_nothing_else_back(market: World) -> None:
    """A second claim on an invoice that is paid in full is refused; the other document of the call is recorded."""
    imported(market, *CHAIN[:5], ubl.remittance())
    done = imported(market, ubl.remittance("RM-2"), ubl.credit_note())
    assert statuses(done) == ["refused", "recorded"]
    assert "allocated already" in str(done.outcomes[0].error)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_a_person_reads_is_said_in_both_languages(language: str) -> None:
    """Every status, document and reason has its words, and every reason what to do about it."""
    source = read_file("x.xml", ubl.invoice()).source
    for why_not in Reason:
        held = Outcome(source, None, None, Status.HELD, reason=why_not, facts={"number": "[7]", "name": "N"})
        for told in (words.why(held, language), words.todo(held, language)):
            assert told
            assert any("\u4e00" <= letter <= "\u9fff" for letter in told) == (language == "zh")
    assert len({words.status_word(status, language) for status in Status}) == len(Status)
    assert all(words.document_word(kind.__name__, language) for kind in get_args(Document))
