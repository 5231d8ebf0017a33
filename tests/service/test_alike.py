"""Many invoices of one day and sum: each is compared with every other, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from intake.ubl import ubl_files as ubl
from service.world import World
from tallystick.intake.likeness import compared, one_off
from tallystick.intake.readers import read_file
from tallystick.service import parties
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import DocumentImport, import_documents
from tallystick.service.documents.outcomes import Status

NUMBERS = [f"N-{at:03}" for at in range(400)]


def imported(world: World, numbers: Sequence[str], **rules: bool) -> DocumentImport:
    read = [read_file(f"{number}.xml", ubl.invoice(number)) for number in numbers]
    return import_documents(world.context, read, Rules(**rules))  # type: ignore[arg-type]


def test_of_hundreds_of_equal_invoices_none_is_recorded_beside_one_that_it_is_like(world: World) -> None:
    """What is held stays held: the same files again, in another order, change nothing."""
    parties.add_parties(
        world.context, [parties.NewParty("Supplier", (parties.parse_identifier(f"GLN:{ubl.SELLER_GLN}"),))]
    )
    first = imported(world, NUMBERS)
    kept = [outcome.number or "" for outcome in first.outcomes if outcome.status is Status.RECORDED]
    assert len(kept) > 32
    assert not any(one_off(compared(one), compared(other)) for one, other in combinations(kept, 2))
    again = imported(world, NUMBERS[::-1])
    assert {outcome.number for outcome in again.outcomes if outcome.status is Status.KNOWN} == set(kept)
    assert {outcome.status for outcome in again.outcomes} == {Status.KNOWN, Status.HELD}


def test_who_allows_it_gets_them_all_and_no_number_twice(world: World) -> None:
    """With ``allow_similar`` all are recorded; a number spelled otherwise, with another sum, is still found."""
    parties.add_parties(
        world.context, [parties.NewParty("Supplier", (parties.parse_identifier(f"GLN:{ubl.SELLER_GLN}"),))]
    )
    assert imported(world, NUMBERS, allow_similar=True).counts()[Status.RECORDED] == len(NUMBERS)
    altered = read_file("a.xml", ubl.invoice("n 0399", payable="1.00"))
    (outcome,) = import_documents(world.context, [altered], Rules(allow_similar=True)).outcomes
    assert outcome.status is Status.HELD
    assert "N-399" in outcome.facts["recorded"]
