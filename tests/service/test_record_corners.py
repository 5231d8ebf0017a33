"""Corners of recording: whose payments take an invoice's room, offers nobody signed yet, and names that mislead."""

from __future__ import annotations

import datetime
import random
from dataclasses import replace
from typing import Any

import pytest

from service.world import BUYER, CONTRACT, INVOICE, PAYMENT, SUPPLIER, World, changed
from tallystick.errors import Duplicate, Misfit
from tallystick.intake.receivables import Receivable
from tallystick.protocol import content
from tallystick.protocol.types import to_hex
from tallystick.service import importing, parties

CANCELLED: dict[str, Any] = {
    "kind": "CORRECTION",
    "issuer": SUPPLIER,
    "counterparty": BUYER,
    "content": {"correctionType": "cancelled"},
}


def replacement(parent: str, amount: str, label: str) -> dict[str, Any]:
    """A correction that bills ``amount`` instead."""
    content = {**INVOICE["content"], "correctionType": "replaced", "payableAmount": amount}
    return {**CANCELLED, "parent": parent, "label": label, "content": content}


def payment(invoice: str, amount: str, reference: str) -> dict[str, Any]:
    allocations = [{"invoice": invoice, "amount": amount}]
    return changed(PAYMENT, amount=amount, paymentReference=reference, allocations=allocations)


def invoice_of(world: World) -> str:
    with world.context.store.transaction() as transaction:
        supplier = parties.find_party(transaction, SUPPLIER).party
        return to_hex(transaction.evidence_by_document([key := f"INVOICE 4711 by {to_hex(supplier)}"])[key])


def test_a_replacement_that_was_cancelled_bills_nothing(trading: World) -> None:
    """Once a higher replacement is taken back, a payment may allocate the first amount and no more."""
    trading.record(INVOICE, replacement("@invoice", "1500.00", "more"), {**CANCELLED, "parent": "@more"})
    invoice = invoice_of(trading)
    with pytest.raises(Misfit, match=r"bills 1250\.00"):
        trading.record(payment(invoice, "1500.00", "P-1"))
    trading.record(payment(invoice, "1250.00", "P-1"))


def test_a_replacement_of_a_replacement_bills(trading: World) -> None:
    """The last of several replacements says what can be paid."""
    trading.record(INVOICE, replacement("@invoice", "1300.00", "more"), replacement("@more", "1500.00", "most"))
    trading.record(payment(invoice_of(trading), "1500.00", "P-1"))


def test_a_cancelled_payment_leaves_its_room(trading: World) -> None:
    """A payment may take the place of one that was cancelled in the same call."""
    other = changed(PAYMENT, paymentReference="P-2")
    trading.record(INVOICE, {**PAYMENT, "label": "payment"}, {**CANCELLED, "parent": "@payment"}, other)


def test_a_buyers_claim_does_not_keep_the_supplier_from_booking(trading: World) -> None:
    """What the buyer says it paid takes no room from what the supplier says it received."""
    trading.record(INVOICE, {**PAYMENT, "issuer": BUYER, "counterparty": SUPPLIER})
    invoice = invoice_of(trading)
    trading.record(payment(invoice, "600.00", "P-2"))
    with pytest.raises(Misfit, match=r"600\.00 of it is allocated already"):
        trading.record(payment(invoice, "1250.00", "P-3"))


def test_allocations_mean_something_in_a_payment_only(trading: World) -> None:
    """In any other kind ``allocations`` is a field like others, and no reason to fail."""
    assert len(trading.record(changed(INVOICE, allocations=[]))) == 1


def test_an_offer_that_waits_opens_no_deal(trading: World) -> None:
    """A contract that nobody countersigned makes the only deal between two parties no less the only one."""
    offer = changed(CONTRACT, contractNumber="C-2") | {
        "issuer": BUYER,
        "counterparty": SUPPLIER,
        "countersigned": False,
    }
    trading.record(offer)
    assert len(trading.record(INVOICE)) == 1


def test_a_number_may_be_as_long_as_the_protocol_allows(trading: World) -> None:
    """4,000 characters of four bytes: recorded once, as any other, though no index of a database takes so many."""
    dice = random.Random(4711)
    number = "".join(chr(dice.randrange(0x20000, 0x2A6D0)) for _ in range(4_000))
    (first,) = trading.record(changed(INVOICE, invoiceNumber=number))
    with pytest.raises(Duplicate, match="recorded already"):
        trading.record(changed(INVOICE, invoiceNumber=number, payableAmount="1.00"))
    trading.record(changed(INVOICE, invoiceNumber=number[:-1] + "x"))
    assert content.parse_all(first.disclosures)["invoiceNumber"] == number


def test_an_identifier_means_its_holder_before_one_who_is_called_like_it(trading: World) -> None:
    """Nobody takes another's place by a name that looks like the other's identifier, or like an id."""
    trading.party(BUYER, "ERP:IMPOSTOR")
    odd = trading.party("0xide Ltd", "ERP:OXIDE")
    with trading.context.store.transaction(read_only=True) as transaction:
        buyer = parties.find_party(transaction, BUYER)
    trading.party(to_hex(buyer.party), "ERP:SECOND-IMPOSTOR")
    with trading.context.store.transaction(read_only=True) as transaction:
        everybody = transaction.parties()
        for name, meant in ((BUYER, buyer), (to_hex(buyer.party), buyer), ("0xide Ltd", odd)):
            assert parties.find_party(transaction, name) == meant
            assert parties.find_among(everybody, name) == meant


def test_a_ledger_imported_again_records_what_was_paid_since(trading: World) -> None:
    """A line known as open and now settled gets its payment, once; an invoice is never recorded twice."""
    with trading.context.store.transaction() as transaction:
        supplier = parties.find_party(transaction, SUPPLIER)
    issued = datetime.date(2026, 1, 2)
    due = datetime.date(2026, 2, 1)
    line = Receivable(2, "C-1", "1", issued, due, "10.00", "EUR", disputed=False, settled=None)
    paid = replace(line, settled=due)
    made = [importing.import_receivables(trading.context, supplier, [each], "ERP") for each in (line, line, paid, paid)]
    assert [(each.recorded, each.settled, each.evidence) for each in made] == [
        (1, 0, 1),
        (0, 0, 0),
        (0, 1, 1),
        (0, 0, 0),
    ]


def test_a_known_line_that_bills_something_else_is_named_and_changes_nothing(trading: World) -> None:
    """Another amount or date under a known invoice number is the supplier's to correct; the import only says so."""
    with trading.context.store.transaction() as transaction:
        supplier = parties.find_party(transaction, SUPPLIER)
    issued, due = datetime.date(2026, 1, 2), datetime.date(2026, 2, 1)
    line = Receivable(2, "C-1", "1", issued, due, "10.00", "EUR", disputed=False, settled=None)
    same = replace(line, amount="10.0")
    dearer, later = (
        replace(line, row=3, amount="11.00"),
        replace(line, row=4, due_date=due + datetime.timedelta(days=1)),
    )
    made = [
        importing.import_receivables(trading.context, supplier, [each], "ERP") for each in (line, same, dearer, later)
    ]
    assert [(each.recorded, each.evidence, each.differing) for each in made] == [
        (1, 1, ()),
        (0, 0, ()),
        (0, 0, (3,)),
        (0, 0, (4,)),
    ]
