"""camt.053 and camt.054: what is read of them, what does not add up, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from intake.bank.camt_files import amount, entry, notification, statement, tag, transaction
from tallystick.errors import MalformedInput
from tallystick.intake.bank.camt import read_message
from tallystick.intake.bank.records import Amount, Direction, Entry, FindingCode, Identifier, MessageKind, Statement


def only(data: bytes) -> Statement:
    """The one statement of a message."""
    (found,) = read_message(data).statements
    return found


def first(*entries: str) -> Entry:
    return only(statement(*entries)).entries[0]


@pytest.mark.parametrize(
    ("damage", "by", "names"),
    [
        ('<Amt Ccy="EUR">5.00</Amt>', "", "Stmt/Ntry/Amt"),
        ('Ccy="EUR"', "", "Stmt/Ntry/Amt/@Ccy"),
        (">5.00<", ">-5.00<", "Stmt/Ntry/Amt"),
        (">5.00<", ">5,00<", "Stmt/Ntry/Amt"),
        (">5.00<", ">5.000001<", "Stmt/Ntry/Amt"),
        (">5.00<", ">NaN<", "Stmt/Ntry/Amt"),
        ("<CdtDbtInd>CRDT</CdtDbtInd>", "", "Stmt/Ntry/CdtDbtInd"),
        ("<CdtDbtInd>CRDT</CdtDbtInd>", "<CdtDbtInd>C</CdtDbtInd>", "Stmt/Ntry/CdtDbtInd"),
        ("<Sts><Cd>BOOK</Cd></Sts>", "", "Stmt/Ntry/Sts"),
        ("<Dt>2026-02-10</Dt>", "", "Stmt/Ntry/BookgDt"),
        ("2026-02-10", "2026-02-30", "Stmt/Ntry/BookgDt"),
        ("<IBAN>DE89370400440532013000</IBAN>", "", "Stmt/Acct/Id"),
        ("<Id>S-1</Id>", "", "Stmt/Id"),
    ],
)
def test_what_is_missing_or_malformed_is_named(damage: str, by: str, names: str) -> None:
    """A required element that is missing, or any that can't be read, refuses the file and is named with its way."""
    sound = statement(entry("5.00")).decode()
    assert damage in sound
    with pytest.raises(MalformedInput) as refused:
        read_message(sound.replace(damage, by).encode())
    assert refused.value.message.startswith(f"{names}:")


def test_the_bad_one_of_several_entries_is_counted() -> None:
    """The way to a bad element says which of its kind it is."""
    with pytest.raises(MalformedInput, match=r"^Stmt/Ntry\[2\]/NtryDtls/TxDtls\[1\]/Amt: "):
        read_message(statement(entry("5.00"), entry("5.00", transaction("x"), transaction("4.00"))))


def test_an_intraday_report_is_refused() -> None:
    """A camt.052 tells of a day that is not over: nothing in it need be booked."""
    report = statement(entry("5.00")).replace(b"BkToCstmrStmt", b"BkToCstmrAcctRpt").replace(b"Stmt>", b"Rpt>")
    with pytest.raises(MalformedInput, match=r"camt\.052") as refused:
        read_message(report)
    assert "camt.053" in refused.value.todo


def test_another_message_is_refused_by_its_name() -> None:
    """A payment order is no statement."""
    order = statement().replace(b"BkToCstmrStmt", b"CstmrCdtTrfInitn")
    with pytest.raises(MalformedInput, match="CstmrCdtTrfInitn: expected a camt"):
        read_message(order)


@pytest.mark.parametrize("version", ["camt.053.001.01", "camt.053.001.02", "camt.053.001.13", "whatever"])
def test_any_version_is_read_by_local_names(version: str) -> None:
    """The namespace says nothing: names do; version 1 appends itself to the name of the message."""
    data = statement(entry("5.00")).replace(b"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08", version.encode())
    message = read_message(data.replace(b"BkToCstmrStmt", b"BkToCstmrStmtV01") if version.endswith("01") else data)
    assert (message.kind, message.version) == (MessageKind.STATEMENT, version)
    assert message.statements[0].entries[0].amount == Amount(Decimal("5.00"), "EUR")


def test_prefixes_and_a_missing_namespace_change_nothing() -> None:
    """``<c:Ntry>`` is ``<Ntry>``."""
    plain = statement(entry("5.00")).decode()
    prefixed = plain.replace("xmlns=", "xmlns:c=").replace("</", "</c:").replace("<", "<c:")
    prefixed = prefixed.replace("<c:?", "<?").replace("<c:/c:", "</c:")
    assert read_message(prefixed.encode()).statements == read_message(plain.encode()).statements


def test_a_batch_is_taken_apart() -> None:
    """One booking of two payers gives two transactions, each with its own words."""
    found = first(
        entry(
            "30.00",
            transaction("10.00", servicer="B1", end_to_end="E1", reference="RF18539007547034", debtor="Buyer AG"),
            transaction("20.00", servicer="B2", documents=(("INV-2", "20.00"),), text=("Thank", "you")),
            servicer="B",
        )
    )
    one, two = found.transactions
    assert found.is_divided
    assert (one.amount.value, one.references.servicer, one.references.end_to_end) == (Decimal("10.00"), "B1", "E1")
    assert (one.remittances[0].reference, one.remittances[0].reference_kind) == ("RF18539007547034", "SCOR")
    assert one.debtor.name == "Buyer AG"
    assert two.remittances[0].documents[0].number == "INV-2"
    assert two.remittances[0].remitted == Amount(Decimal("20.00"), "EUR")
    assert two.unstructured == ("Thank", "you")


def test_what_is_not_booked_is_kept_apart() -> None:
    """PDNG and INFO are announcements, whether as text or as a code."""
    old = entry("1.00", status="BOOK").replace("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>PDNG</Sts>")
    statuses = only(statement(entry("5.00"), entry("6.00", status="INFO"), old)).entries
    assert [each.is_booked for each in statuses] == [True, False, False]


def test_an_end_to_end_id_that_was_not_provided_is_none() -> None:
    """NOTPROVIDED stands where there is none; it must not tie two payments together."""
    assert (
        first(entry("5.00", transaction("5.00", end_to_end="NOTPROVIDED"))).transactions[0].references.end_to_end
        is None
    )


def test_returns_are_known_by_flag_reason_or_code() -> None:
    """RvslInd of the entry, RtrInf of the transaction, or the code of a payment return."""
    code = tag("BkTxCd", tag("Domn", tag("Cd", "PMNT"), tag("Fmly", tag("Cd", "RCDT"), tag("SubFmlyCd", "RRTN"))))
    entries = (
        entry("5.00", direction="DBIT", reversal=True),
        entry("5.00", transaction("5.00", returned="AC04"), direction="DBIT"),
        entry("5.00", transaction("5.00", more=code), direction="DBIT"),
        entry("5.00", transaction("5.00"), direction="DBIT"),
    )
    found = [each.transactions[0] for each in only(statement(*entries)).entries]
    assert [each.is_return for each in found] == [True, True, True, False]
    assert found[1].return_reason == "AC04"


def test_identifiers_of_the_payer_keep_their_scheme() -> None:
    """LEI, BIC, and others as the bank calls them; since version 8 within Pty."""
    other = tag("Othr", tag("Id", "150483782"), tag("SchmeNm", tag("Cd", "DUNS")))
    lei = "5493001KJTIIGC8Y1R12"
    party = tag("Nm", "Buyer AG") + tag("Id", tag("OrgId", tag("AnyBIC", "ABCDDEFF"), tag("LEI", lei), other))
    for inside in (party, tag("Pty", party)):
        related = tag("RltdPties", tag("Dbtr", inside), tag("DbtrAcct", tag("Id", tag("IBAN", "DE02 1203"))))
        debtor = first(entry("5.00", transaction("5.00", more=related))).transactions[0].debtor
        assert (debtor.name, debtor.account) == ("Buyer AG", "DE021203")
        expected = (Identifier("BIC", "ABCDDEFF"), Identifier("LEI", lei), Identifier("DUNS", "150483782"))
        assert debtor.identifiers == expected


def test_instructed_and_counter_value_are_kept_beside_what_was_booked() -> None:
    """What moved on the account counts; what was instructed in another currency is kept."""
    details = tag("AmtDtls", tag("InstdAmt", amount("100.00", "USD")), tag("CntrValAmt", amount("92.00")))
    found = first(entry("92.00", transaction(more=details))).transactions[0]
    assert found.amount == Amount(Decimal("92.00"), "EUR")
    assert found.instructed == Amount(Decimal("100.00"), "USD")
    assert found.counter_value == Amount(Decimal("92.00"), "EUR")


def test_the_discount_of_both_forms_is_read() -> None:
    """Plain before version 3, with a type since."""
    for inside in ('<DscntApldAmt Ccy="EUR">2.00</DscntApldAmt>', tag("DscntApldAmt", amount("2.00"))):
        block = tag("RmtInf", tag("Strd", tag("RfrdDocAmt", inside)))
        found = first(entry("98.00", transaction("98.00", more=block))).transactions[0]
        assert found.remittances[0].discount == Amount(Decimal("2.00"), "EUR")


def findings(*entries: str, more: str = "") -> list[tuple[FindingCode, int | None, str, str]]:
    found = only(statement(*entries, more=more)).findings
    return [(each.code, each.entry, each.stated, each.found) for each in found]


def test_transactions_that_do_not_add_up_are_named_with_both_sums() -> None:
    """The sum of the transactions is the entry's, with signs; a finding says both."""
    assert findings(entry("30.00", transaction("10.00"), transaction("20.00"))) == []
    code = FindingCode.TRANSACTIONS_OF_ENTRY
    short = entry("30.00", transaction("10.00"), transaction("19.99"))
    assert findings(short) == [(code, 1, "+30.00 EUR", "+29.99 EUR")]
    netted = entry("10.00", transaction("30.00", direction="CRDT"), transaction("20.00", direction="DBIT"))
    assert findings(netted) == []
    turned = entry("5.00", transaction("5.00", direction="CRDT"), direction="DBIT")
    assert findings(turned) == [(code, 1, "-5.00 EUR", "+5.00 EUR")]


def test_stated_charges_explain_what_arrived_less() -> None:
    """A lone payment of 100 that arrives as 98 is no contradiction where charges of 2 are stated."""
    charges = tag("Chrgs", amount("2.00"))
    assert findings(entry("98.00", transaction("100.00", more=charges))) == []
    assert len(findings(entry("97.00", transaction("100.00", more=charges)))) == 1
    assert first(entry("98.00", transaction("100.00", more=charges))).transactions[0].amount.value == Decimal("98.00")


def test_an_entry_whose_parts_have_no_amounts_stays_whole() -> None:
    """Nobody can say how much each was: one transaction, all references, and a finding."""
    undivided = entry("30.00", transaction(reference="1111"), transaction(reference="2222"))
    (whole,) = first(undivided).transactions
    assert [block.reference for block in whole.remittances] == ["1111", "2222"]
    assert not first(undivided).is_divided
    assert [each[0] for each in findings(undivided)] == [FindingCode.UNDIVIDED_ENTRY]


def test_the_statements_own_totals_are_compared() -> None:
    """Number, sum and net of all entries; number and sum of credits and of debits; the closing balance."""

    def totals(entries: str, net: str, credits_sum: str, debits: str, closing: str) -> str:
        return (
            tag("Bal", tag("Tp", tag("CdOrPrtry", tag("Cd", "OPBD"))), amount("100.00"), tag("CdtDbtInd", "CRDT"))
            + tag("Bal", tag("Tp", tag("CdOrPrtry", tag("Cd", "CLBD"))), amount(closing), tag("CdtDbtInd", "CRDT"))
            + tag(
                "TxsSummry",
                tag(
                    "TtlNtries",
                    tag("NbOfNtries", entries),
                    tag("Sum", "50.00"),
                    tag("TtlNetNtry", tag("Amt", net), tag("CdtDbtInd", "CRDT")),
                ),
                tag("TtlCdtNtries", tag("NbOfNtries", "1"), tag("Sum", credits_sum)),
                tag("TtlDbtNtries", tag("NbOfNtries", debits), tag("Sum", "20.00")),
            )
        )

    entries = (entry("30.00"), entry("20.00", direction="DBIT"))
    assert findings(*entries, more=totals("2", "10.00", "30.00", "1", "110.00")) == []
    assert only(statement(*entries, more=totals("2", "10.00", "30.00", "1", "110.00"))).totals_checked == 8
    assert findings(*entries, more=totals("3", "11.00", "31.00", "2", "111.00")) == [
        (FindingCode.ENTRIES_COUNT, None, "3", "2"),
        (FindingCode.CREDITS_SUM, None, "31.00", "30.00"),
        (FindingCode.DEBITS_COUNT, None, "2", "1"),
        (FindingCode.ENTRIES_NET, None, "11.00", "10.00"),
        (FindingCode.BALANCE, None, "111.00", "110.00"),
    ]


def test_a_notification_is_read_alike() -> None:
    """A camt.054 has the same entries under another name."""
    message = read_message(notification(entry("5.00", transaction("5.00", end_to_end="E1"))))
    assert message.kind is MessageKind.NOTIFICATION
    assert message.statements[0].entries[0].direction is Direction.CREDIT
