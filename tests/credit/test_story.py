"""Disputes, resolutions, corrections and write-offs are told as such, with both sides' words."""

from __future__ import annotations

from dataclasses import replace

from credit.builders import BUYER, OTHER_BUYER, SUPPLIER, Log
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import to_hex


def test_what_nobody_answers_has_no_story() -> None:
    """An invoice, its acknowledgement and its payment are the usual course."""
    log = Log()
    log.contract()
    invoice = log.invoice()
    log.acknowledge(invoice)
    log.pay(invoice, "100.00", "2026-01-31")
    assert log.json()["stories"] == []


def test_a_void_answer_is_not_told() -> None:
    """What does not stand was not said by whom it names."""
    log = Log()
    log.contract()
    invoice = log.invoice()
    log.dispute(invoice)
    log.entries[-1] = replace(log.entries[-1], standing=Standing.BAD_SIGNATURE)
    assert log.json()["stories"] == []


def test_statements_that_answer_each_other_end() -> None:
    """No hash can be made so, but a derivation that any entries could keep busy for ever would be none."""
    log = Log()
    log.contract()
    one = log.dispute(log.invoice())
    other = log.resolve(one, "withdrawn", BUYER)
    [at] = [place for place, entry in enumerate(log.entries) if entry.evidence_id == one]
    log.entries[at] = replace(log.entries[at], evidence=replace(log.entries[at].evidence, parent=other))
    (story,) = log.json()["stories"]
    assert [said["kind"] for said in story["said"]] == ["DISPUTE", "RESOLUTION"]


def test_both_sides_are_heard_in_their_own_words() -> None:
    """Dispute, resolution and its acknowledgement stand under the invoice, in order, each with who said it and what."""
    log = Log()
    log.contract()
    invoice = log.invoice(number="4711")
    dispute = log.add(
        Kind.DISPUTE,
        BUYER,
        SUPPLIER,
        {"reasonCode": "QUA", "disputedAmount": "60.00", "currency": "EUR", "description": "arrived wet"},
        parent=invoice,
    )
    resolution = log.resolve(dispute, "credited", BUYER, credit="40.00")
    log.acknowledge(resolution, by=SUPPLIER, note="agreed, as a courtesy")
    for party in (SUPPLIER, BUYER):
        (story,) = log.json(party)["stories"]
        assert (story["evidence"], story["kind"], story["number"]) == (to_hex(invoice), "INVOICE", "4711")
        assert [(said["kind"], said["issuer"]) for said in story["said"]] == [
            ("DISPUTE", to_hex(BUYER)),
            ("RESOLUTION", to_hex(BUYER)),
            ("ACKNOWLEDGEMENT", to_hex(SUPPLIER)),
        ]
        words = [said["words"] for said in story["said"]]
        assert words[0]["description"] == "arrived wet"
        assert words[1] == {"outcome": "credited", "creditAmount": "40.00", "currency": "EUR"}
        assert words[2] == {"note": "agreed, as a courtesy"}


def test_a_correction_of_a_correction_stands_under_the_invoice() -> None:
    """However many steps lead back, the story is about the first statement; each says what it answers."""
    log = Log()
    log.contract()
    invoice = log.invoice()
    first = log.credit_note(invoice, "25.00")
    second = log.correct(first, "cancelled")
    log.write_off(invoice, "75.00", reason="insolvency of the buyer")
    (story,) = log.json()["stories"]
    assert [said["answers"] for said in story["said"]] == [to_hex(invoice), to_hex(first), to_hex(invoice)]
    assert story["said"][1]["evidence"] == to_hex(second)
    assert story["said"][2]["words"]["reason"] == "insolvency of the buyer"


def test_hidden_words_are_counted() -> None:
    """What a holder hides is missing from the words, and the number of hidden fields says so."""
    log = Log()
    log.contract()
    invoice = log.invoice()
    log.dispute(invoice)
    log.entries[-1] = replace(log.entries[-1], fields={"currency": "EUR"}, hidden=2)
    (story,) = log.json()["stories"]
    assert (story["said"][0]["words"], story["said"][0]["hiddenFields"]) == ({"currency": "EUR"}, 2)


def test_figures_say_whether_they_rest_on_hidden_fields() -> None:
    """An invoice to one buyer that hides a field marks that trade line and the totals, and no other trade line."""
    log = Log()
    log.contract()
    log.invoice()
    log.invoice(buyer=OTHER_BUYER)
    assert not any(line["restsOnHidden"] for line in log.json()["tradelines"])
    log.entries[-1] = replace(log.entries[-1], hidden=1)
    report = log.json()
    assert {line["counterparty"]: line["restsOnHidden"] for line in report["tradelines"]} == {
        to_hex(BUYER): False,
        to_hex(OTHER_BUYER): True,
    }
    assert report["asSeller"]["EUR"]["restsOnHidden"] is True
