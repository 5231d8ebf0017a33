"""UBL of strangers: whatever the bytes, documents or a sentence; and what is written is what is read."""

from __future__ import annotations

import contextlib
import string
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from intake.ubl import ubl_files as ubl
from tallystick.errors import MalformedInput
from tallystick.intake import stating
from tallystick.intake.documents import Invoice, Remittance, Source
from tallystick.intake.readers import read_file
from tallystick.protocol.evidence import Kind
from tallystick.protocol.fields import check, is_amount

FILES = (
    ubl.order(),
    ubl.order_response(),
    ubl.simple_response(),
    ubl.despatch(),
    ubl.receipt(),
    ubl.invoice(),
    ubl.invoice(payable="-1.00", corrects=("INV-0",)),
    ubl.credit_note(),
    ubl.debit_note(),
    ubl.answer("RE", reasons={"QTY": "short"}),
    ubl.remittance(),
)
AMOUNTS = st.decimals(0, Decimal(10) ** 15, places=2)
NAMES = st.text(string.ascii_letters + string.digits + "-/.", min_size=1, max_size=20)
DAYS = st.dates().map(lambda day: day.isoformat())


@given(st.sampled_from(FILES), st.data())
def test_no_damage_to_a_document_crashes_the_reader(file: bytes, data: st.DataObject) -> None:
    """A piece of it replaced by bytes, or an element by another's text: read, or refused by a sentence."""
    start, end = sorted((data.draw(st.integers(0, len(file))), data.draw(st.integers(0, len(file)))))
    instead = data.draw(st.binary(max_size=6) | st.sampled_from([b"-1", b"1e9", b"NaN", b"9" * 30, b"0000-00-00", b""]))
    with contextlib.suppress(MalformedInput):
        for item in read_file("x.xml", file[:start] + instead + file[end:]).items:
            assert not isinstance(item, MalformedInput)
            with contextlib.suppress(MalformedInput):
                stating.sides(item)


@given(NAMES, DAYS, DAYS, AMOUNTS, st.sampled_from(["EUR", "CNY", "JPY"]))
def test_an_invoice_is_read_as_it_was_written_and_its_evidence_is_well_formed(
    number: str, issued: str, due: str, amount: Decimal, currency: str
) -> None:
    """Every value comes back, and what is stated of it follows the protocol's forms."""
    written = ubl.invoice(number, issued, due=due, payable=f"{amount:f}", currency=currency)
    (made,) = read_file("x.xml", written).items
    assert isinstance(made, Invoice)
    assert (made.number, made.issue_date, made.due_date, made.currency) == (number, issued, due, currency)
    assert is_amount(made.payable)
    assert Decimal(made.payable) == amount
    fields = stating.invoice_fields(made, max(issued, due), [Source.of("x.xml", "application/xml", written)])
    check(Kind.INVOICE, fields)


@given(st.lists(st.tuples(NAMES, AMOUNTS.filter(bool)), min_size=1, max_size=6))
def test_a_remittance_allocates_what_its_lines_say(lines: list[tuple[str, Decimal]]) -> None:
    """Each invoice gets the sum of its lines, and all together no more than is paid."""
    total = sum(amount for _, amount in lines)
    file = ubl.remittance(total=f"{total:f}", lines=tuple((number, f"{amount:f}") for number, amount in lines))
    (made,) = read_file("x.xml", file).items
    assert isinstance(made, Remittance)
    said = {number: sum(amount for name, amount in lines if name == number) for number, _ in lines}
    assert {number: Decimal(amount) for number, amount in made.allocations} == said
    assert sum(Decimal(amount) for _, amount in made.allocations) == Decimal(made.amount)
