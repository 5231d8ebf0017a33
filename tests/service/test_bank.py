"""Bank statements become payments: once each, of what is sure, and what a bank takes back is open again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from intake.bank.camt_files import amount, entry, notification, statement, tag, transaction
from service.world import BUYER, CONTRACT, INVOICE, PAYMENT, SUPPLIER, World, changed
from tallystick.credit.states import Role
from tallystick.errors import WrongSigner
from tallystick.intake.bank.camt import read_message
from tallystick.intake.bank.cases import Reason
from tallystick.protocol import content
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import to_hex
from tallystick.service.bank import importing
from tallystick.service.bank.importing import BankImport, import_statements
from tallystick.service.bank.ledger import read_ledger
from tallystick.service.documents.jobs import begin
from tallystick.service.parties import find_party

SECOND = changed({**INVOICE, "label": "second"}, invoiceNumber="4712-B", payableAmount="80.00")


def bank(world: World, *files: bytes, party: str = SUPPLIER, dry_run: bool = False) -> BankImport:
    """What an import of ``files`` does."""
    with world.context.store.transaction() as transaction:
        owner = find_party(transaction, party)
    return import_statements(world.context, owner, [read_message(data) for data in files], dry_run=dry_run)


def open_amounts(world: World, party: str = SUPPLIER, role: Role = Role.SELLER) -> dict[str | None, str]:
    """What is open of each invoice, by its number."""
    with world.context.store.transaction() as transaction:
        ledger = read_ledger(transaction, find_party(transaction, party))
    return {invoice.number: f"{invoice.open_amount:.2f}" for invoice in ledger.invoices[role].values()}


def evidence_count(world: World) -> int:
    with world.context.store.transaction() as transaction:
        return sum(transaction.counts().evidence.values())


def shown(world: World, name: Any) -> dict[str, Any]:
    """The content of one evidence."""
    with world.context.store.transaction() as transaction:
        return content.parse_all(transaction.evidence([name])[name].disclosures)


def reasons(done: BankImport) -> list[tuple[Reason, bool]]:
    return [(line.found.reason, line.made) for line in done.work]


def receipt(value: str = "1250.00", number: str = "4711", **more: Any) -> str:
    """A credit that names an invoice as a document."""
    inside = {"servicer": f"T-{value}-{number}", "documents": ((number, None),)}
    return entry(value, transaction(value, **{**inside, **more}), servicer=f"E-{value}-{number}")


def test_who_can_not_sign_is_told_before_anything_is_read(trading: World) -> None:
    """The party's key is elsewhere: the statement has to be imported there."""
    with trading.context.store.transaction() as transaction:
        owner = find_party(transaction, SUPPLIER)
    keyless = type(owner)(owner.party, owner.name, owner.identifiers, (), owner.created_at)
    with pytest.raises(WrongSigner, match="no key"):
        import_statements(trading.context, keyless, [read_message(statement(receipt()))])


def test_a_dry_run_records_nothing(trading: World) -> None:
    """It says what would be recorded, and the store stays as it was."""
    trading.record(INVOICE)
    before = evidence_count(trading)
    done = bank(trading, statement(receipt()), dry_run=True)
    assert (len(done.made), done.made[0].evidence, evidence_count(trading)) == (1, (), before)


def test_a_credit_is_a_receipt_that_counts(trading: World) -> None:
    """The supplier states it, in the words of the bank, and the invoice is paid."""
    (invoice,) = trading.record(INVOICE)
    done = bank(trading, statement(receipt(end_to_end="E2E-1", uetr="0-0-0")))
    ((name,),) = [made.evidence for made in done.made]
    said = shown(trading, name)
    assert said["valueDate"] == "2026-02-10"
    assert said["allocations"] == [{"invoice": to_hex(invoice.evidence_id), "amount": "1250.00"}]
    assert (said["amount"], said["endToEndId"], said["uetr"]) == ("1250.00", "E2E-1", "0-0-0")
    assert (said["matchedBy"], said["bankReference"]) == ("documentNumber", "T-1250.00-4711")
    assert "DE8937" not in str(said), "no account number is stated"
    assert open_amounts(trading) == {"4711": "0.00"}
    assert done.work == ()


def test_what_is_not_booked_is_no_payment(trading: World) -> None:
    """PDNG is counted, and nothing else."""
    trading.record(INVOICE)
    pending = receipt().replace("BOOK", "PDNG")
    done = bank(trading, statement(pending))
    assert (done.made, done.not_booked, open_amounts(trading)) == ((), 1, {"4711": "1250.00"})


def test_importing_twice_changes_nothing(trading: World) -> None:
    """The same file again, in one call or in another, finds every booking known."""
    trading.record(INVOICE, SECOND)
    file = statement(receipt("50.00"), receipt("80.00", "4712-B"))
    assert len(bank(trading, file, file).made) == 2
    before = evidence_count(trading)
    again = bank(trading, file)
    assert (again.made, again.work, again.known, evidence_count(trading)) == ((), (), 2, before)


def test_what_is_recorded_while_an_import_is_planned_is_not_recorded_again(
    trading: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two messages tell of one booking at the same time, and a third one pays the same invoice: all is paid once."""
    trading.record(INVOICE, SECOND)
    others = [notification(receipt("50.00")), statement(receipt("1200.00", servicer="T-2"))]

    def let_others_first(*told: Any) -> str:
        while others:
            assert len(bank(trading, others.pop()).made) == 1
        return begin(*told)

    with monkeypatch.context() as patched:
        patched.setattr(importing, "begin", let_others_first)
        done = bank(trading, statement(receipt("50.00"), receipt("80.00", "4712-B")))
    assert ([each.booking.transaction.amount.value for each in done.made], done.known) == ([Decimal(80)], 1)
    assert open_amounts(trading) == {"4711": "0.00", "4712-B": "0.00"}
    with trading.context.store.transaction() as transaction:
        assert done.job is not None
        _, (kept,) = transaction.imported(done.job)
    assert len(kept.evidence) == 1, "what is kept of the import is what it did"


BATCH = entry(
    "130.00",
    transaction("50.00", servicer="B1", documents=(("4711", None),)),
    transaction("80.00", servicer="B2", documents=(("4712-B", None),)),
    servicer="BATCH",
)
LUMP = entry("130.00", servicer="BATCH")


@pytest.mark.parametrize(
    "calls",
    [
        [(statement(BATCH), notification(BATCH))],
        [(statement(BATCH),), (notification(BATCH),)],
        [(notification(BATCH),), (statement(BATCH),)],
        [(statement(LUMP), notification(BATCH))],
        [(statement(LUMP),), (notification(BATCH),)],
        [(notification(BATCH),), (statement(LUMP),)],
        [(notification(BATCH), statement(LUMP)), (statement(BATCH),)],
    ],
)
def test_a_booking_told_by_statement_and_notification_is_one(trading: World, calls: list[tuple[bytes, ...]]) -> None:
    """camt.053 with or without details, camt.054, in any order: two payments, and the lump sum is not a third."""
    trading.record(INVOICE, SECOND)
    done = [bank(trading, *files) for files in calls]
    assert sum(len(each.made) for each in done) == 2
    assert open_amounts(trading) == {"4711": "1200.00", "4712-B": "0.00"}
    assert bank(trading, *(file for files in calls for file in files)).made == ()


def test_two_equal_payments_of_one_day_are_two(trading: World) -> None:
    """The bank gives both one reference and one sum: each is counted, and each is known again."""
    trading.record(INVOICE)
    twice = statement(receipt("50.00"), receipt("50.00"))
    assert len(bank(trading, twice).made) == 2
    assert open_amounts(trading) == {"4711": "1150.00"}
    assert bank(trading, twice).known == 2


def test_what_may_be_recorded_by_hand_is_not_recorded_again(trading: World) -> None:
    """The same sum for the same invoice a few days apart: a person has to tell whether it is the same."""
    hand = changed(PAYMENT, amount="50.00", allocations=[{"invoice": "@invoice", "amount": "50.00"}])
    _, payment = trading.record(INVOICE, hand)
    done = bank(trading, statement(receipt("50.00"), receipt("60.00")))
    assert reasons(done) == [(Reason.PERHAPS_RECORDED, False), (Reason.SHORT, True)]
    assert done.work[0].found.facts["evidence"] == to_hex(payment.evidence_id)
    assert open_amounts(trading) == {"4711": "1140.00"}


def test_an_invoice_settled_by_hand_is_not_paid_again(trading: World) -> None:
    """Nothing is open of it."""
    trading.record(INVOICE, PAYMENT)
    assert reasons(bank(trading, statement(receipt()))) == [(Reason.NOTHING_OPEN, False)]


def test_transactions_that_do_not_add_up_to_their_entry_are_held(trading: World) -> None:
    """Nobody knows which figure is right: none is recorded."""
    trading.record(INVOICE, SECOND)
    torn = BATCH.replace('<Amt Ccy="EUR">130.00', '<Amt Ccy="EUR">131.00')
    done = bank(trading, statement(torn))
    assert reasons(done) == [(Reason.TOTALS_DIFFER, False)] * 2
    assert open_amounts(trading) == {"4711": "1250.00", "4712-B": "80.00"}


def test_an_overpayment_is_recorded_with_what_is_over_unapplied(trading: World) -> None:
    """1,300 for 1,250: the payment is 1,300, its allocation 1,250."""
    trading.record(INVOICE)
    done = bank(trading, statement(receipt("1300.00")))
    said = shown(trading, done.made[0].evidence[0])
    assert (said["amount"], said["allocations"][0]["amount"]) == ("1300.00", "1250.00")
    assert reasons(done) == [(Reason.OVERPAID, True)]


def test_one_payment_for_invoices_of_two_deals_is_stated_once_a_deal(trading: World) -> None:
    """A payment belongs to one deal: what is over stays with the first."""
    one = trading.record(INVOICE)[0]
    other = changed({**CONTRACT, "label": "other"}, contractNumber="C-2")
    _, two = trading.record(other, {**SECOND, "deal": "@other"})
    both = entry(
        "1400.00", transaction("1400.00", servicer="T", documents=(("4711", None), ("4712-B", None))), servicer="E"
    )
    done = bank(trading, statement(both))
    said = [shown(trading, name) for name in done.made[0].evidence]
    assert {each["allocations"][0]["invoice"]: each["amount"] for each in said} in (
        {to_hex(one.evidence_id): "1320.00", to_hex(two.evidence_id): "80.00"},
        {to_hex(one.evidence_id): "1250.00", to_hex(two.evidence_id): "150.00"},
    )
    assert open_amounts(trading) == {"4711": "0.00", "4712-B": "0.00"}
    back = statement(entry("1400.00", transaction("1400.00", servicer="T", returned="AC04"), direction="DBIT"))
    assert len(bank(trading, back).made[0].drafts) == 2
    assert open_amounts(trading) == {"4711": "1250.00", "4712-B": "80.00"}


def test_a_payers_identifier_and_the_exact_sum_match(trading: World) -> None:
    """Without a word about the invoice: an identifier of the party's, never its name alone."""
    trading.record(INVOICE)
    named = entry("1250.00", transaction("1250.00", debtor="Buyer AG", servicer="T1"), servicer="E1")
    assert reasons(bank(trading, statement(named))) == [(Reason.UNSURE, False)]
    known = entry(
        "1250.00", transaction("1250.00", debtor="?", lei=BUYER.partition(":")[2], servicer="T2"), servicer="E2"
    )
    assert len(bank(trading, statement(known)).made) == 1


def test_a_debit_is_the_buyers_claim_until_it_is_acknowledged(trading: World) -> None:
    """On the buyer's statement: a claim, recorded once; the invoice is open until the supplier says otherwise."""
    trading.record(INVOICE)
    paying = transaction("1250.00", documents=(("4711", None),), servicer="D1")
    debit = entry("1250.00", paying, direction="DBIT", servicer="DE")
    wages = entry("9000.00", direction="DBIT", servicer="W")
    done = bank(trading, statement(debit, wages), party=BUYER)
    assert (len(done.made), done.not_concerned, done.work) == (1, 1, ())
    assert open_amounts(trading) == {"4711": "1250.00"}
    assert open_amounts(trading, BUYER, Role.BUYER) == {"4711": "0.00"}
    assert bank(trading, statement(debit, wages), party=BUYER).known == 1
    back = entry("1250.00", transaction("1250.00", servicer="D1", returned="AC01"), servicer="DR")
    (made,) = bank(trading, statement(back), party=BUYER).made
    assert [draft.kind for draft in made.drafts] == [Kind.CORRECTION]
    assert open_amounts(trading, BUYER, Role.BUYER) == {"4711": "1250.00"}


# ---- returns -------------------------------------------------------------------------------------------------------


def back(value: str = "1250.00", **more: Any) -> str:
    """A debit that takes back a receipt."""
    inside = transaction(value, servicer="R-1", returned="AC04", **more)
    return entry(value, inside, direction="DBIT", day="2026-02-12", servicer="RE-1")


def test_a_return_reopens_what_it_takes_back(trading: World) -> None:
    """Found by the end-to-end id, it cancels the payment; once, however often it is told."""
    trading.record(INVOICE)
    (paid,) = bank(trading, statement(receipt(end_to_end="E2E-1"))).made
    done = bank(trading, statement(back(end_to_end="E2E-1")))
    said = shown(trading, done.made[0].evidence[0])
    assert (said["correctionType"], said["reason"]) == ("cancelled", "returned by the bank: AC04")
    with trading.context.store.transaction() as transaction:
        corrected = transaction.evidence(done.made[0].evidence)[done.made[0].evidence[0]]
    assert corrected.evidence.parent == paid.evidence[0]
    assert open_amounts(trading) == {"4711": "1250.00"}
    again = bank(trading, statement(receipt(end_to_end="E2E-1")), statement(back(end_to_end="E2E-1")))
    assert (again.made, again.known) == ((), 2)


def test_a_return_in_the_same_statement_reopens_and_the_next_payment_settles(trading: World) -> None:
    """Paid, returned, paid again: in one call, day by day, the invoice is paid once."""
    trading.record(INVOICE)
    anew = receipt(end_to_end="E2E-2", servicer="T-2").replace("2026-02-10", "2026-02-14").replace("E-1250", "F-1250")
    file = statement(anew, back(end_to_end="E2E-1"), receipt(end_to_end="E2E-1"))
    done = bank(trading, file)
    assert [[draft.kind for draft in made.drafts] for made in done.made] == [
        [Kind.PAYMENT],
        [Kind.CORRECTION],
        [Kind.PAYMENT],
    ]
    assert open_amounts(trading) == {"4711": "0.00"}
    assert (bank(trading, file).made, bank(trading, file).work) == ((), ())


def test_a_part_that_is_returned_leaves_the_rest(trading: World) -> None:
    """250 of 1,250 come back: the payment is replaced by one of 1,000; another 1,000 cancels it."""
    trading.record(INVOICE)
    bank(trading, statement(receipt(end_to_end="E2E-1")))
    done = bank(trading, statement(back("250.00", end_to_end="E2E-1")))
    said = shown(trading, done.made[0].evidence[0])
    assert (said["correctionType"], said["amount"], said["allocations"][0]["amount"]) == (
        "replaced",
        "1000.00",
        "1000.00",
    )
    assert open_amounts(trading) == {"4711": "250.00"}
    rest = bank(trading, statement(back("1000.00", end_to_end="E2E-1")))
    assert rest.made[0].drafts[0].content["correctionType"] == "cancelled"
    assert open_amounts(trading) == {"4711": "1250.00"}


def test_a_return_of_what_is_not_recorded_is_for_a_person(trading: World) -> None:
    """No such payment; more than was paid; or one of two that nothing tells apart."""
    trading.record(INVOICE, SECOND)
    bank(trading, statement(receipt("40.00", end_to_end="SAME"), receipt("40.00", "4712-B", end_to_end="SAME")))
    bank(trading, statement(receipt("50.00", end_to_end="E2E-1")))
    assert reasons(bank(trading, statement(back("50.00", end_to_end="E2E-9")))) == [(Reason.NO_ORIGINAL, False)]
    assert reasons(bank(trading, statement(back("51.00", end_to_end="E2E-1")))) == [(Reason.RETURNED_MORE, False)]
    assert reasons(bank(trading, statement(back("40.00", end_to_end="SAME")))) == [(Reason.SEVERAL_ORIGINALS, False)]
    assert open_amounts(trading) == {"4711": "1160.00", "4712-B": "40.00"}


def test_a_part_returned_of_a_payment_for_several_invoices_is_for_a_person(trading: World) -> None:
    """Which of them is open again, nothing says."""
    trading.record(INVOICE, SECOND)
    both = entry("1330.00", transaction("1330.00", end_to_end="E2E-1", text=("4711 4712-B",)), servicer="E")
    bank(trading, statement(both))
    assert open_amounts(trading) == {"4711": "0.00", "4712-B": "0.00"}
    assert reasons(bank(trading, statement(back("80.00", end_to_end="E2E-1")))) == [(Reason.SHORT_FOR_SEVERAL, False)]
    assert open_amounts(trading) == {"4711": "0.00", "4712-B": "0.00"}


def test_a_payment_in_another_currency_is_stated_in_the_invoices(trading: World) -> None:
    """The bank states both sums: the payment is in the invoice's currency, what was booked stands beside it."""
    trading.record(changed(INVOICE, currency="USD"))
    details = tag("AmtDtls", tag("InstdAmt", amount("1250.00", "USD")))
    file = entry("1150.00", transaction(servicer="T", documents=(("4711", None),), more=details), servicer="E")
    done = bank(trading, statement(file))
    said = shown(trading, done.made[0].evidence[0])
    assert (said["amount"], said["currency"]) == ("1250.00", "USD")
    assert (said["bookedAmount"], said["bookedCurrency"]) == ("1150.00", "EUR")
    assert Decimal(open_amounts(trading)["4711"]) == 0


def test_self_reported_invoices_are_paid_by_self_reported_payments(world: World) -> None:
    """A customer that is no party here: the payment stands in the supplier's history alone."""
    world.party("Supplier GmbH", SUPPLIER)
    alone = {**changed(INVOICE, customer="ERP:C-17"), "counterparty": None}
    world.record(alone)
    (made,) = bank(world, statement(receipt())).made
    assert made.drafts[0].counterparty is None
    assert open_amounts(world) == {"4711": "0.00"}
