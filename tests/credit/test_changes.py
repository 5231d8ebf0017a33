"""What changed between two blocks: figures and invoices, and by which evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.builders import BUYER, SUPPLIER, Log, block, in_order
from tallystick.credit.changes import Changes, Snapshot, compare, to_json
from tallystick.errors import Refused
from tallystick.protocol.entry import Entry, Standing
from tallystick.protocol.types import BlockRef, to_hex


def numbered(number: int, day: str) -> BlockRef:
    """Block ``number``, made on ``day``."""
    return replace(block(day), number=number)


EARLY, LATE = numbered(10, "2026-01-15"), numbered(20, "2026-03-15")


def changes(log: Log, known: int, *, earlier: BlockRef = EARLY, later: BlockRef = LATE) -> Changes:
    """What changed for the supplier since only the first ``known`` entries were there."""
    return compare(SUPPLIER, Snapshot(log.entries[:known], earlier), Snapshot(log.entries, later))


def figures(made: Changes) -> dict[str, tuple[Any, Any]]:
    """The changed figures of the supplier's sales by metric."""
    return {each.metric: (each.before, each.after) for each in made.figures if each.role == "asSeller"}


def test_the_later_history_first_is_refused() -> None:
    """The older block comes first."""
    log = Log()
    log.contract()
    with pytest.raises(Refused, match="older history first"):
        changes(log, 1, earlier=LATE, later=EARLY)


def test_a_log_that_was_rewritten_is_refused() -> None:
    """An entry that was there and is no longer, or is another one, means that these are not two states of one log."""
    log = Log()
    log.contract()
    log.invoice()
    shorter = Snapshot(log.entries[:1], LATE)
    swapped = Snapshot(in_order(reversed(log.entries)), LATE)
    for later in (shorter, swapped):
        with pytest.raises(Refused, match=r"entry 0|entry 1"):
            compare(SUPPLIER, Snapshot(log.entries, EARLY), later)


def test_nothing_changes_without_entries_and_time() -> None:
    """Two states of the same block are the same."""
    log = Log()
    log.contract()
    log.invoice()
    made = changes(log, 2, later=EARLY)
    assert (made.added, made.figures, made.invoices, made.reshown) == ((), (), (), ())


def test_a_payment_is_the_cause_of_the_invoice_it_settles() -> None:
    """The invoice that is paid names the payment; the one beside it does not change."""
    log = Log()
    log.contract()
    paid = log.invoice(due="2026-02-28")
    log.invoice(due="2026-04-30")
    payment = log.pay(paid, "100.00", "2026-02-20")
    made = changes(log, 3)
    (change,) = made.invoices
    assert change.state.evidence == paid
    assert (change.before.status, change.after.status) == ("open", "settled")  # type: ignore[union-attr]
    assert change.because == (payment,)
    assert [entry.evidence_id for entry in made.added] == [payment]
    assert figures(made)["openAmount"] == ("200.00", "100.00")
    assert figures(made)["settledCount"] == (0, 1)


def test_time_alone_makes_an_invoice_overdue() -> None:
    """No evidence came, the due date went by: the cause is time, and nothing is named."""
    log = Log()
    log.contract()
    log.invoice(due="2026-02-28")
    made = changes(log, 2)
    (change,) = made.invoices
    assert change.because == ()
    assert figures(made)["overdueAmount"] == ("0.00", "100.00")
    assert to_json(made)["invoices"][0]["after"]["isOverdue"] is True  # type: ignore[index, call-overload]


def test_every_answer_on_the_way_is_a_cause() -> None:
    """A dispute, its resolution and the acknowledgement that makes it effective all lead back to the invoice."""
    log = Log()
    log.contract()
    invoice = log.invoice(due="2026-04-30")
    dispute = log.dispute(invoice)
    resolution = log.resolve(dispute, "credited", BUYER, credit="40.00")
    acknowledgement = log.acknowledge(resolution, by=SUPPLIER)
    (change,) = changes(log, 2).invoices
    assert change.because == (dispute, resolution, acknowledgement)
    assert figures(changes(log, 2))["creditedAmount"] == ("0.00", "40.00")


def test_what_does_not_stand_is_added_and_causes_nothing() -> None:
    """A void entry is listed as new, and no invoice names it."""
    log = Log()
    log.contract()
    invoice = log.invoice(due="2026-04-30")
    log.pay(invoice, "100.00", "2026-02-20", standing=Standing.BAD_SIGNATURE)
    made = changes(log, 2)
    assert [entry.standing for entry in made.added] == [Standing.BAD_SIGNATURE]
    assert made.invoices == ()


def test_fields_that_only_one_of_the_two_shows_are_named() -> None:
    """An invoice that was hidden and is shown now is new to the figures, and the entry says why."""
    log = Log()
    log.contract()
    invoice = log.invoice(due="2026-04-30")
    hidden = [log.entries[0], replace(log.entries[1], fields={}, hidden=5)]
    made = compare(SUPPLIER, Snapshot(hidden, EARLY), Snapshot(log.entries, LATE))
    assert made.reshown == (invoice,)
    assert [change.because for change in made.invoices] == [(invoice,)]
    assert figures(made)["restsOnHidden"][0] in (True, None)


def test_a_new_invoice_is_its_own_cause() -> None:
    """It has no state before."""
    log = Log()
    log.contract()
    invoice = log.invoice()
    value = to_json(changes(log, 1))
    assert [(each["before"], each["because"]) for each in value["invoices"]] == [(None, [to_hex(invoice)])]  # type: ignore[index, union-attr, call-overload]


def trades(draw: st.DrawFn) -> list[Entry]:
    """A log of invoices that are disputed, corrected, credited, written off or paid in any order."""
    log = Log()
    log.contract()
    invoices = [log.invoice(due=f"2026-0{draw(st.integers(1, 6))}-15") for _ in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(0, 8))):
        invoice = draw(st.sampled_from(invoices))
        what = draw(st.sampled_from(["pay", "dispute", "credit", "writeOff", "cancel", "acknowledge"]))
        if what == "pay":
            log.pay(invoice, draw(st.sampled_from(["30.00", "100.00"])), f"2026-0{draw(st.integers(1, 6))}-20")
        elif what == "dispute":
            dispute = log.dispute(invoice)
            if draw(st.booleans()):
                log.resolve(dispute, "withdrawn", BUYER)
        elif what == "credit":
            log.credit_note(invoice, "25.00")
        elif what == "writeOff":
            log.write_off(invoice, "50.00")
        elif what == "cancel":
            log.correct(invoice, "cancelled")
        else:
            log.acknowledge(invoice)
    return log.entries


@given(st.data())
def test_on_one_day_every_change_has_a_cause_that_is_new(data: st.DataObject) -> None:
    """With no day in between, an invoice changes only by entries that came after, and names at least one of them."""
    entries = trades(data.draw)  # type: ignore[arg-type]
    known = data.draw(st.integers(0, len(entries)))
    later = replace(EARLY, number=EARLY.number + 1)
    made = compare(SUPPLIER, Snapshot(entries[:known], EARLY), Snapshot(entries, later))
    added = [entry.evidence_id for entry in entries[known:]]
    assert [entry.evidence_id for entry in made.added] == added
    for change in made.invoices:
        assert change.because
        assert set(change.because) <= set(added)
    assert bool(made.figures) <= bool(added)
