"""Every public example of a bank message is read, or refused by a sentence that names the element; none crashes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from tallystick.errors import MalformedInput
from tallystick.intake.bank.bookings import distinct_bookings
from tallystick.intake.bank.camt import read_message
from tallystick.intake.bank.records import Message

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "iso20022"
FILES = sorted(FOLDER.rglob("*.xml"))
pytestmark = pytest.mark.skipif(not FILES, reason="the public ISO 20022 examples are not beside the repository")


@dataclass(frozen=True)
class Result:
    """What became of one file."""

    file: Path
    message: Message | None
    refusal: str


@pytest.fixture(scope="module")
def results() -> list[Result]:
    found = []
    for file in FILES:
        try:
            found.append(Result(file, read_message(file.read_bytes()), ""))
        except MalformedInput as error:
            found.append(Result(file, None, error.message))
    return found


def is_statement(file: Path) -> bool:
    """Whether the file's namespace or name says that it is a camt.053 or camt.054."""
    return any(name in file.read_text(errors="replace")[:3000] for name in ("camt.053.001", "camt.054.001"))


def test_every_file_is_read_or_refused_by_the_name_of_an_element(results: list[Result]) -> None:
    """Of 62 files, 33 are statements: 29 are read, 4 lack what a booking needs. The others are other messages."""
    statements = Counter(each.refusal.partition(":")[0] or "read" for each in results if is_statement(each.file))
    assert statements == {"read": 29, "BkToCstmrStmt/Stmt": 1, "Ntfctn/Ntry/BookgDt": 3}
    others = Counter(each.refusal.partition(":")[0] or "read" for each in results if not is_statement(each.file))
    assert others == {
        "BkToCstmrAcctRpt": 9,
        "BkToCstmrAcctRptV01": 1,
        "CstmrCdtTrfInitn": 5,
        "CstmrDrctDbtInitn": 1,
        "CstmrPmtStsRpt": 7,
        "CstmrPmtCxlReq": 1,
        "AcctOpngReq": 1,
        "CtrctRegnReq": 1,
        "FIToFIPmtStsRpt": 1,
        "ReqToPayCdtrEnrlmntReq": 1,
        "RmtAdvc": 1,
    }


def test_the_transactions_of_each_file_are_its_totals(results: list[Result]) -> None:
    """Where a file states a total, its parts add up to it; those that do not are named by file and both figures."""
    compared, differing = 0, []
    for each in results:
        for statement in each.message.statements if each.message else ():
            compared += statement.totals_checked
            differing += [
                (each.file.name.partition("_P_")[0], finding.code.value, finding.stated, finding.found)
                for finding in statement.findings
            ]
    assert compared == 61
    undivided = [each for each in differing if each[1] in ("undividedEntry", "batchCount")]
    assert len(undivided) == 5
    assert sorted(set(differing) - set(undivided)) == [
        ("FI_camt_054_sample.xml", "entriesNet", "169.95", "369.95"),
        ("camt.053", "balance", "215112.21", "216649.21"),
        ("camt.053", "transactionsOfEntry", "-77.70 CHF", "+77.70 CHF"),
        ("camt053.v2.all-balance-types.xml", "balance", "4.04", "9.860"),
        ("camt053.v2.five.decimals.xml", "balance", "27.050", "27.000"),
        ("camt053.v3.xml", "transactionsOfEntry", "+8.85 EUR", "+105.750 EUR"),
    ]


def test_batches_are_taken_apart_to_what_single_payers_paid(results: list[Result]) -> None:
    """The Swiss batch of 1,500 francs is six payments, the Finnish one of 2,000 euros two, with their references."""
    by_name = {each.file.name: each.message for each in results}
    swiss = by_name["200924_camt.054_P_CH2909000000250094239_1110092703_0_2019042423412214.xml"]
    assert swiss is not None
    (batch,) = swiss.statements[0].entries
    assert len(batch.transactions) == 6
    assert sum(each.amount.value for each in batch.transactions) == Decimal("1500.00")
    finnish = by_name["FI_camt_054_sample.xml"]
    assert finnish is not None
    one, two = finnish.statements[0].entries[0].transactions
    assert [block.reference for block in one.remittances] == ["3900", "12344"]
    assert one.remittances[1].credited is not None
    assert one.remittances[1].credited.value == Decimal("600.00")
    assert (one.amount.value, two.amount.value) == (Decimal("1900.00"), Decimal("100.00"))


def test_the_finnish_statement_and_its_notification_share_their_bookings(results: list[Result]) -> None:
    """Both tell of one batch of three: together they give it once, taken apart."""
    by_name = {each.file.name: each.message for each in results}
    statement, notification = by_name["FI_camt_053_sample.xml"], by_name["FI_camt_054_sample.xml"]
    assert statement is not None
    assert notification is not None
    both = distinct_bookings([statement, notification])
    assert {each.name for each in both} == {each.name for each in distinct_bookings([notification, statement])}
    alone = len(distinct_bookings([statement])) + len(distinct_bookings([notification]))
    shared = [each for each in both if each.entry.servicer_reference == "091029ACCTSTMTARCH03"]
    amounts = sorted(each.transaction.amount.value for each in shared)
    assert amounts == [Decimal("1000.01"), Decimal("1230.02"), Decimal("2000.02")]
    assert len(both) < alone
