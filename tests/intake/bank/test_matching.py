"""Matching: what a payment names is what it pays; what is not sure is never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tallystick.intake.bank.cases import Match, Matching, OpenInvoice, Paid, Reason, Rule, Share, Unmatched
from tallystick.intake.bank.matching import match
from tallystick.intake.bank.records import Amount

BUYER = ("VAT-DE136695976",)


def euros(value: str) -> Amount:
    return Amount(Decimal(value), "EUR")


def invoice(key: str, number: str, open_amount: str = "100.00", **more: Any) -> OpenInvoice:
    fields: dict[str, Any] = {"payer": "buyer", "identifiers": BUYER, "names": ("Buyer AG",), "currency": "EUR", **more}
    return OpenInvoice(key=key, number=number, open_amount=Decimal(open_amount), **fields)


def paid(value: str = "100.00", key: str = "p", **more: Any) -> Paid:
    fields: dict[str, Any] = {"day": date(2026, 2, 10), "amount": euros(value), **more}
    return Paid(key=key, **fields)


def text(*lines: str, value: str = "100.00", key: str = "p", **more: Any) -> Paid:
    return paid(value, key, texts=lines, **more)


def work(found: Matching) -> Unmatched:
    assert found.matches == ()
    (only,) = found.work
    return only


def matched(found: Matching) -> Match:
    assert found.work == ()
    (only,) = found.matches
    return only


def parts(found: Match) -> dict[str, str]:
    return {each.invoice: f"{each.amount:f}" for each in found.allocations}


# ---- what stays a person's -----------------------------------------------------------------------------------------


def test_nothing_open_is_said() -> None:
    """No open invoice in that currency at all."""
    assert work(match([text("INV-0001")], [])).reason is Reason.NO_INVOICE
    assert work(match([paid()], [invoice("a", "INV-0001", currency="USD")])).reason is Reason.NO_INVOICE


def test_a_payment_that_says_nothing_is_not_matched_by_its_sum() -> None:
    """The same sum suggests an invoice; it never pays one."""
    found = work(match([paid()], [invoice("a", "INV-0001")]))
    assert found.reason is Reason.UNSURE
    assert [(each.invoice, each.rule) for each in found.candidates] == [("a", Rule.SAME_AMOUNT)]


def test_a_name_never_matches() -> None:
    """Sum and name together suggest, no more: names are not identifiers."""
    found = work(match([paid(names=("BUYER AG",))], [invoice("a", "INV-0001"), invoice("b", "INV-0002", "70.00")]))
    assert found.reason is Reason.UNSURE
    assert [(each.invoice, each.confidence) for each in found.candidates] == [("a", 50), ("b", 20)]


def test_two_invoices_of_one_sum_are_ambiguous() -> None:
    """Sum and identifier fit two: neither is chosen."""
    both = [invoice("a", "INV-0001"), invoice("b", "INV-0002")]
    found = work(match([paid(identifiers=BUYER)], both))
    assert found.reason is Reason.AMBIGUOUS
    assert {each.invoice for each in found.candidates} == {"a", "b"}


def test_two_payments_of_one_sum_contend() -> None:
    """Sum and identifier of two payments fit one invoice: neither gets it."""
    one, two = paid(key="p", identifiers=BUYER), paid(key="q", identifiers=BUYER)
    found = match([one, two], [invoice("a", "INV-0001")])
    assert found.matches == ()
    assert [each.reason for each in found.work] == [Reason.CONTENDED, Reason.CONTENDED]


def test_payments_contend_also_by_different_identifiers_and_among_many() -> None:
    """Each of two names the payer otherwise, and one may be for a hundred more invoices: neither is taken for one."""
    ours = invoice("k", "INV-0001", identifiers=("VAT-1", "LEI-1"))
    by_vat, by_lei = paid(key="p", identifiers=("VAT-1",)), paid(key="q", identifiers=("LEI-1",))
    assert [each.reason for each in match([by_vat, by_lei], [ours]).work] == [Reason.CONTENDED] * 2
    many = [invoice(f"a{at:03}", f"X-{at:04}", identifiers=("VAT-1",)) for at in range(100)]
    found = match([by_vat, by_lei], [*many, ours])
    assert [each.reason for each in found.work] == [Reason.AMBIGUOUS, Reason.CONTENDED]
    assert [each.invoice for each in found.work[0].candidates] == ["a000", "a001", "a002", "a003", "a004"]


def test_one_number_of_two_payers_is_ambiguous_unless_an_identifier_tells() -> None:
    """A buyer's two suppliers may both have an invoice 1001-A."""
    one, two = invoice("a", "1001-A"), invoice("b", "1001-A", payer="other", identifiers=("LEI-X",), names=())
    assert work(match([text("1001-A")], [one, two])).reason is Reason.AMBIGUOUS
    assert parts(matched(match([text("1001-A", identifiers=("lei x",))], [one, two]))) == {"b": "100.00"}


def test_an_unknown_document_does_not_fall_back_to_the_sum() -> None:
    """Who pays invoice 9 does not pay invoice 1 because the sums agree."""
    unknown = paid(shares=(Share(numbers=("INV-0009",)),), identifiers=BUYER)
    found = work(match([unknown], [invoice("a", "INV-0001")]))
    assert (found.reason, found.facts["names"]) == (Reason.UNKNOWN_REFERENCE, "INV-0009")
    assert [each.invoice for each in found.candidates] == ["a"]


def test_one_of_two_documents_unknown_is_for_a_person() -> None:
    """A part of the payment is for something that is not recorded: how much is nobody's guess."""
    two = paid("150.00", shares=(Share(numbers=("INV-0001",)), Share(numbers=("INV-0009",))))
    assert work(match([two], [invoice("a", "INV-0001")])).reason is Reason.UNKNOWN_REFERENCE


def test_number_and_reference_that_disagree_are_contradictory() -> None:
    """One block that names one invoice by number and another by reference."""
    both = [invoice("a", "INV-0001", references=("1111",)), invoice("b", "INV-0002", references=("2222",))]
    share = Share(numbers=("INV-0001",), reference="2222")
    assert work(match([paid(shares=(share,))], both)).reason is Reason.CONTRADICTORY


def test_invoices_of_several_payers_are_for_a_person() -> None:
    """One payment for two debtors' invoices."""
    both = [invoice("a", "INV-0001"), invoice("b", "INV-0002", payer="other")]
    assert work(match([text("INV-0001 INV-0002", value="200.00")], both)).reason is Reason.SEVERAL_PAYERS


def test_a_known_other_payer_is_for_a_person() -> None:
    """The text names one party's invoice, the payer's identifier is another known party's."""
    both = [invoice("a", "INV-0001"), invoice("b", "INV-0002", payer="other", identifiers=("LEI-X",))]
    assert work(match([text("INV-0001", identifiers=("LEI-X",))], both)).reason is Reason.OTHER_PAYER
    assert parts(matched(match([text("INV-0001", identifiers=("unknown",))], both))) == {"a": "100.00"}


def test_what_is_paid_already_is_said() -> None:
    """The invoice is known, and nothing of it is open."""
    found = work(match([text("INV-0001")], [invoice("a", "INV-0001", "0")]))
    assert (found.reason, found.candidates[0].invoice) == (Reason.NOTHING_OPEN, "a")


def test_several_invoices_paid_short_are_not_divided() -> None:
    """150 for two of 100: which one is short, only the payer knows."""
    both = [invoice("a", "INV-0001"), invoice("b", "INV-0002")]
    found = work(match([text("INV-0001, INV-0002", value="150.00")], both))
    assert found.reason is Reason.SHORT_FOR_SEVERAL
    assert (found.facts["paid"], found.facts["open"]) == ("150.00 EUR", "200.00 EUR")


def test_shares_that_do_not_add_up_are_for_a_person() -> None:
    """The payer's own division is not the sum that came."""
    shares = (Share(("INV-0001",), amount=euros("100.00")), Share(("INV-0002",), amount=euros("60.00")))
    both = [invoice("a", "INV-0001"), invoice("b", "INV-0002")]
    found = work(match([paid("150.00", shares=shares)], both))
    assert (found.reason, found.facts["stated"]) == (Reason.SHARES_DIFFER, "160.00 EUR")


def test_another_currency_without_a_stated_amount_is_for_a_person() -> None:
    """92 EUR for an invoice in USD: what that is in USD, the bank has to say."""
    dollars = [invoice("a", "INV-0001", currency="USD")]
    assert work(match([text("INV-0001", value="92.00")], dollars)).reason is Reason.OTHER_CURRENCY
    told = text("INV-0001", value="92.00", others=(Amount(Decimal("100.00"), "USD"),))
    found = matched(match([told], dollars))
    assert (found.amount, found.unallocated) == (Amount(Decimal("100.00"), "USD"), 0)
    assert found.confidence < matched(match([text("INV-0001")], [invoice("a", "INV-0001")])).confidence


@pytest.mark.parametrize("number", ["7", "123", "2026", "20260131", "A1", "31012026"])
def test_a_number_that_a_text_may_hold_by_chance_needs_the_sum_to_agree(number: str) -> None:
    """A year, a date or any small number is no invoice until the sum says so too."""
    one = [invoice("a", number)]
    assert work(match([text(f"for {number} goods", value="60.00")], one)).reason is Reason.UNSURE
    assert parts(matched(match([text(f"for {number} goods")], one))) == {"a": "100.00"}


@pytest.mark.parametrize("line", ["47 11", "54711", "4711x", "INV4711", "471-1"])
def test_a_piece_of_another_token_is_no_number(line: str) -> None:
    """Only whole tokens name an invoice."""
    assert match([text(line)], [invoice("a", "47113"), invoice("b", "4711-0")]).matches == ()
    assert match([text(line)], [invoice("a", "4711")]).matches == ()


def test_a_higher_threshold_only_suggests() -> None:
    """What a match is made of is suggested where somebody wants to be surer."""
    found = match([text("INV-0001")], [invoice("a", "INV-0001")], threshold=95)
    assert work(found).reason is Reason.UNSURE
    assert found.work[0].candidates[0].confidence == 90


# ---- what is matched -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    ["INV-0001", "Payment of inv 0001, thanks", "INV0001.", "Rechnung:INV/0001", "ＩＮＶ－０００１", "for (INV-0001)"],
)
def test_a_whole_token_of_the_text_names_an_invoice(line: str) -> None:
    """Whatever the separators, case and width of its characters."""
    found = matched(match([text(line)], [invoice("a", "INV-0001"), invoice("b", "INV-0002")]))
    assert parts(found) == {"a": "100.00"}
    assert found.allocations[0].rule is Rule.NUMBER_IN_TEXT


def test_a_number_broken_by_the_banks_line_is_found() -> None:
    """Lines of 35 characters are broken anywhere."""
    line = "Payment for goods as ordered INV-00"
    assert len(line) == 35
    assert parts(matched(match([text(line, "01")], [invoice("a", "INV-0001")]))) == {"a": "100.00"}
    assert match([text(line[1:], "01")], [invoice("a", "INV-0001")]).matches == ()


def test_the_longer_number_is_meant() -> None:
    """INV 2026 0001 is not also the invoice that is called 2026."""
    both = [invoice("a", "INV-2026-0001"), invoice("b", "2026")]
    assert parts(matched(match([text("INV 2026 0001")], both))) == {"a": "100.00"}


@pytest.mark.parametrize(
    ("reference", "number", "asks"),
    [
        ("RF18 5390 0754 7034", "539007547034", ()),
        ("RF18539007547034", "other", ("RF18 5390 0754 7034",)),
        ("21 00000 00003 13947 14300 09017", "other", ("210000000003139471430009017",)),
        ("000000000000000000000047119", "4711", ()),
        ("0004711", "4711", ()),
        ("inv-0001", "INV-0001", ()),
    ],
)
def test_a_creditor_reference_names_what_it_is_or_carries(reference: str, number: str, asks: tuple[str, ...]) -> None:
    """ISO 11649 and Swiss references, by what the invoice asks for or the number within."""
    share = Share(reference=reference)
    found = matched(match([paid(shares=(share,))], [invoice("a", number, references=asks), invoice("b", "INV-0002")]))
    assert parts(found) == {"a": "100.00"}
    assert found.allocations[0].rule is Rule.STRUCTURED_REFERENCE


@pytest.mark.parametrize("line", ["+++090/9337/55493+++", "ref 090 9337 55493 danke", "090933755493"])
def test_a_text_may_say_what_the_invoice_asks_for(line: str) -> None:
    """As a Belgian structured communication stands in the text; the number of an invoice goes before it."""
    asked = invoice("a", "INV-0001", references=("090/9337/55493",))
    found = matched(match([text(line)], [asked, invoice("b", "INV-0002")]))
    assert (parts(found), found.allocations[0].rule) == ({"a": "100.00"}, Rule.NUMBER_IN_TEXT)
    assert parts(matched(match([text(line, "INV-0002")], [asked, invoice("b", "INV-0002")]))) == {"b": "100.00"}


def test_one_reference_for_all_invoices_of_a_customer_names_none_of_them() -> None:
    """The number beside it does, structured or in the text; alone it is ambiguous."""
    all_of_it = [invoice(key, f"INV-000{at}", references=("4711234",)) for at, key in enumerate("abc")]
    share = Share(reference="4711234")
    assert work(match([paid(shares=(share,))], all_of_it)).reason is Reason.AMBIGUOUS
    assert work(match([text("4711234")], all_of_it)).reason is Reason.AMBIGUOUS
    for payment in (
        text("Kunde 4711234 INV-0001"),
        text("INV-0001", shares=(share,)),
        paid(shares=(replace(share, numbers=("INV-0001",)),)),
    ):
        assert parts(matched(match([payment], all_of_it))) == {"b": "100.00"}


@pytest.mark.parametrize("said", [{"shares": (Share(reference="1"),)}, {"end_to_end": "1"}, {"texts": ("1",)}])
def test_a_reference_that_programs_fill_in_needs_the_sum_to_agree(said: dict[str, Any]) -> None:
    """An invoice that asks for the reference 1 is not paid by whatever says 1."""
    asked = [invoice("a", "INV-0001", references=("1",))]
    assert parts(matched(match([paid(**said)], asked))) == {"a": "100.00"}
    assert work(match([paid("60.00", **said)], asked)).reason is Reason.UNSURE


def test_a_reference_with_a_wrong_check_digit_carries_nothing() -> None:
    """One digit off, and the number within is not believed."""
    assert match([paid(shares=(Share(reference="000000000000000000000047118"),))], [invoice("a", "4711")]).matches == ()
    share = Share(reference="RF19539007547034")
    assert match([paid(shares=(share,))], [invoice("a", "539007547034")]).matches == ()


def test_a_number_within_a_finnish_reference_needs_the_sum_to_agree() -> None:
    """One number in ten has a right Finnish check digit by chance."""
    share = Share(reference="12344")
    assert parts(matched(match([paid(shares=(share,))], [invoice("a", "1234")]))) == {"a": "100.00"}
    assert work(match([paid("60.00", shares=(share,))], [invoice("a", "1234")])).reason is Reason.UNSURE
    both = [invoice("a", "1234"), invoice("b", "12344")]
    assert parts(matched(match([paid(shares=(share,))], both))) == {"b": "100.00"}


def test_structured_before_text_before_end_to_end() -> None:
    """The first kind of hint that finds anything decides."""
    three = [invoice("a", "INV-0001"), invoice("b", "INV-0002"), invoice("c", "INV-0003")]
    full = text("INV-0002", shares=(Share(("INV-0001",)),), end_to_end="INV-0003")
    assert parts(matched(match([full], three))) == {"a": "100.00"}
    assert parts(matched(match([replace(full, shares=())], three))) == {"b": "100.00"}
    found = matched(match([replace(full, shares=(), texts=())], three))
    assert (parts(found), found.allocations[0].rule) == ({"c": "100.00"}, Rule.END_TO_END_ID)


def test_sum_and_identifier_match() -> None:
    """The exact open sum of one invoice, from a payer known by an identifier."""
    found = matched(match([paid(identifiers=("vat de136695976",))], [invoice("a", "X1"), invoice("b", "X2", "70.00")]))
    assert (parts(found), found.allocations[0].rule) == ({"a": "100.00"}, Rule.AMOUNT_AND_PARTY)


def test_one_invoice_by_several_payments() -> None:
    """40, 40 and 40 for 100: the last one is over by 20."""
    days = [text("INV-0001", value="40.00", key=str(n), day=date(2026, 2, n)) for n in (3, 1, 2)]
    found = match(days, [invoice("a", "INV-0001")]).matches
    assert [(each.paid.key, parts(each)["a"], f"{each.unallocated:f}") for each in found] == [
        ("1", "40.00", "0.00"),
        ("2", "40.00", "0.00"),
        ("3", "20.00", "20.00"),
    ]
    assert [[note.reason for note in each.notes] for each in found] == [
        [Reason.SHORT],
        [Reason.SHORT],
        [Reason.OVERPAID],
    ]


def test_one_payment_for_several_invoices() -> None:
    """200 for two of 100, by the text alone."""
    both = [invoice("a", "INV-0001"), invoice("b", "INV-0002"), invoice("c", "INV-0003")]
    assert parts(matched(match([text("INV-0001 and INV-0002", value="200.00")], both))) == {
        "a": "100.00",
        "b": "100.00",
    }


def test_shares_that_the_payer_states_hold() -> None:
    """60 and 90 of two invoices of 100: both stay partly open, as stated."""
    shares = (Share(("INV-0001",), amount=euros("60.00")), Share(("INV-0002",), amount=euros("90.00")))
    found = matched(match([paid("150.00", shares=shares)], [invoice("a", "INV-0001"), invoice("b", "INV-0002")]))
    assert parts(found) == {"a": "60.00", "b": "90.00"}
    assert found.notes[0].facts["short"] == "50.00 EUR"


def test_an_overpayment_stays_unallocated() -> None:
    """130 for 100: the invoice gets what is open of it."""
    found = matched(match([text("INV-0001", value="130.00")], [invoice("a", "INV-0001")]))
    assert (parts(found), f"{found.unallocated:f}") == ({"a": "100.00"}, "30.00")


def test_a_discount_is_told_and_stays_open() -> None:
    """98 with a stated discount of 2: whether it was agreed is for the supplier to say."""
    share = Share(("INV-0001",), amount=euros("98.00"), discount=euros("2.00"))
    found = matched(match([paid("98.00", shares=(share,))], [invoice("a", "INV-0001")]))
    assert [(note.reason, note.facts["short"]) for note in found.notes] == [(Reason.DISCOUNT, "2.00 EUR")]


def test_a_credit_note_that_was_taken_off_names_no_invoice() -> None:
    """2,500 less a credit note of 600, as in the Finnish example: 1,900 of the invoice are paid."""
    shares = (Share(reference="3900", amount=euros("2500.00")), Share(reference="12344", credited=euros("600.00")))
    found = matched(match([paid("1900.00", shares=shares)], [invoice("a", "X", "2500.00", references=("3900",))]))
    assert parts(found) == {"a": "1900.00"}
