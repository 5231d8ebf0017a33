"""What documents find recorded is what reading all of it would find, however and whenever it was recorded."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.test_erasure import erase
from service.world import BUYER, CONTRACT, INVOICE, PAYMENT, SUPPLIER, World, changed, in_memory
from tallystick.errors import TallystickError
from tallystick.intake.likeness import Billed, Likeness, likeness
from tallystick.protocol import content
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, to_hex
from tallystick.service.documents import catalogue, importing
from tallystick.service.documents.books import Books
from tallystick.service.parties import find_party
from tallystick.store.engine import begun
from tallystick.store.records import EvidenceRecord

NUMBERS = ["INV-1", "INV-2", "inv 01", "INV-12", "X"]
SUMS = ["10.00", "20.00"]
DAYS = ["2026-01-02", "2026-01-03"]
numbers, sums, days = st.sampled_from(NUMBERS), st.sampled_from(SUMS), st.sampled_from(DAYS)
steps = st.one_of(
    st.tuples(st.just("bill"), numbers, sums, days),
    st.tuples(st.just("replace"), st.integers(0, 5), numbers, sums),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("credit"), st.integers(0, 5), st.sampled_from(["CN-1", "CN-2"])),
    st.tuples(st.just("pay"), st.sampled_from(["P-1", "P-2"])),
)


def take(world: World, step: tuple[Any, ...], invoices: list[EvidenceId]) -> None:
    """Record what ``step`` says, of one of ``invoices`` where it is about one."""
    if step[0] == "bill":
        _, number, amount, day = step
        draft = changed(INVOICE, invoiceNumber=number, payableAmount=amount, issueDate=day)
        invoices.append(world.record(draft)[0].evidence_id)
        return
    if step[0] == "pay":
        world.record(changed({**PAYMENT, "label": None}, paymentReference=step[1], amount="1.00", allocations=[]))
        return
    parent = to_hex(invoices[step[1] % len(invoices)])
    base = {"kind": "CORRECTION", "issuer": SUPPLIER, "counterparty": BUYER, "parent": parent}
    if step[0] == "replace":
        words = {**INVOICE["content"], "correctionType": "replaced", "invoiceNumber": step[2], "payableAmount": step[3]}
    elif step[0] == "cancel":
        words = {"correctionType": "cancelled"}
    else:
        words = {
            "correctionType": "credited",
            "creditNoteNumber": step[2],
            "issueDate": "2026-01-05",
            "creditAmount": "1.00",
            "currency": "EUR",
        }
    invoices.append(world.record({**base, "content": words})[0].evidence_id)


class AllRead:
    """The same answers from all that is recorded, read from the first to the last."""

    def __init__(self, records: list[EvidenceRecord]) -> None:
        self.records = records
        self.said = {record.evidence_id: content.parse_all(record.disclosures) for record in records}

    def versions(self, base: EvidenceRecord) -> list[EvidenceRecord]:
        """What holds of an invoice, the last in force."""
        ours, holds = {base.evidence_id}, [base]
        for record in self.records:
            if record.evidence.kind == Kind.CORRECTION and record.evidence.parent in ours:
                ours.add(record.evidence_id)
                kind = self.said[record.evidence_id].get("correctionType")
                if kind == "replaced":
                    holds.append(record)
                elif kind == "cancelled":
                    is_base = record.evidence.parent == base.evidence_id
                    holds = [] if is_base else [each for each in holds if each.evidence_id != record.evidence.parent]
        return holds

    def base_of(self, record: EvidenceRecord) -> EvidenceRecord:
        by_name = {each.evidence_id: each for each in self.records}
        while record.evidence.kind == Kind.CORRECTION:
            record = by_name[record.evidence.parent]
        return record

    def last(self, kind: Kind | tuple[Kind, ...], field: str, value: str) -> EvidenceRecord | None:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        found = [r for r in self.records if r.evidence.kind in kinds and self.said[r.evidence_id].get(field) == value]
        return found[-1] if found else None

    def billed(self, base: EvidenceRecord) -> Billed | None:
        holds = self.versions(base)
        if not holds:
            return None
        said = self.said[holds[-1].evidence_id]
        told = [str(said[name]) for name in ("invoiceNumber", "issueDate", "currency", "payableAmount")]
        return Billed(told[0], to_hex(base.evidence.counterparty), told[1], told[2], Decimal(told[3]))

    def alike(self, billed: Billed) -> set[EvidenceId]:
        bases = [record for record in self.records if record.evidence.kind == Kind.INVOICE]
        others = ((base, self.billed(base)) for base in bases)
        return {
            base.evidence_id
            for base, other in others
            if other is not None and likeness(billed, other) not in (None, Likeness.SAME)
        }


def empty_catalogue(world: World) -> None:
    """What an update does that changes how numbers are compared."""
    engine = world.context.store._engine  # type: ignore[attr-defined]
    with begun(engine, "here", read_only=False) as connection:
        for table in ("catalogue", "catalogued"):
            connection.exec_driver_sql(f"DELETE FROM {table}")


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=12), st.integers(0, 12), st.integers(0, 12))
def test_what_is_found_by_name_is_what_reading_everything_finds(
    plan: list[tuple[Any, ...]], seen: int, emptied: int
) -> None:
    """Invoices by every number they ever had, as they were last corrected; payments, credits, and what is alike."""
    with in_memory() as world:
        world.party("Acme Ltd", SUPPLIER)
        world.party("Northwind GmbH", BUYER)
        world.record(CONTRACT)
        invoices: list[EvidenceId] = []
        for at, step in enumerate(plan):
            if at == seen:  # the catalogue is complete at some time, and not any more
                with world.context.store.transaction() as transaction:
                    Books().within(transaction)
            if at == emptied:  # and is made anew after it was emptied
                empty_catalogue(world)
            with suppress(TallystickError, ZeroDivisionError):
                take(world, step, invoices)
        with world.context.store.transaction() as transaction:
            books = Books()
            books.within(transaction)
            supplier, buyer = (find_party(transaction, name).party for name in (SUPPLIER, BUYER))
            everything = AllRead(transaction.evidence_of_party(supplier, map(int, catalogue.KINDS)))
            contract = books.contract(buyer, supplier, "C-1")
            assert contract is not None
            assert contract.record == everything.last(Kind.CONTRACT, "contractNumber", "C-1")
            for number in NUMBERS:
                bill = books.bill(supplier, number)
                last = everything.last((Kind.INVOICE, Kind.CORRECTION), "invoiceNumber", number)
                assert (bill is None) == (last is None)
                if bill is not None and last is not None:
                    assert bill.base.record == everything.base_of(last)
                    assert [kept.record for kept in bill.versions] == everything.versions(bill.base.record)
                    assert bill.billed() == everything.billed(bill.base.record)
                for amount in SUMS:
                    billed = Billed(number, to_hex(buyer), DAYS[0], "EUR", Decimal(amount))
                    found, expected = books.alike(supplier, billed), everything.alike(billed)
                    assert (found is None) == (not expected)
                    assert found is None or found[0].base.record.evidence_id in expected
            for reference in ("P-1", "P-2"):
                paid = books.payment(supplier, buyer, reference)
                assert (None if paid is None else paid.record) == everything.last(
                    Kind.PAYMENT, "paymentReference", reference
                )
            for number in ("CN-1", "CN-2"):
                credit = books.credit(supplier, buyer, number)
                assert (None if credit is None else credit.record) == everything.last(
                    Kind.CORRECTION, "creditNoteNumber", number
                )


def test_what_was_recorded_before_is_found_however_much_it_is(trading: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue is brought up to date some at a time; each invoice of before is known by its number."""
    monkeypatch.setattr(catalogue, "AT_ONCE", 2)
    monkeypatch.setattr(importing, "AT_ONCE", 2)
    for at in range(7):
        trading.record(changed(INVOICE, invoiceNumber=f"N-{at}-{at}", label=None))
    with trading.context.store.transaction(read_only=True) as transaction:
        assert transaction.behind() > 7
    importing.import_documents(trading.context, [])
    with trading.context.store.transaction() as transaction:
        assert transaction.behind() <= 2
        books = Books()
        books.within(transaction)
        supplier = find_party(transaction, SUPPLIER).party
        assert all(books.bill(supplier, f"N-{at}-{at}") is not None for at in range(7))
        assert books.bill(supplier, "N-7-7") is None


def test_what_is_erased_is_found_by_nothing(trading: World) -> None:
    """Neither by its number nor as something alike; its number may come again."""
    (invoice,) = trading.record(INVOICE)
    with trading.context.store.transaction() as transaction:
        Books().within(transaction)
    erase(trading, invoice.evidence_id)
    with trading.context.store.transaction() as transaction:
        books = Books()
        books.within(transaction)
        supplier = find_party(transaction, SUPPLIER).party
        buyer = find_party(transaction, BUYER).party
        assert books.bill(supplier, "4711") is None
        assert books.alike(supplier, Billed("4711", to_hex(buyer), "2026-01-02", "EUR", Decimal("1.00"))) is None
