"""Documents that wait are kept with their files, and taken up when what they wait for is there."""

from __future__ import annotations

import dataclasses
import io
import random
import zipfile
from typing import Any

import pytest
from sqlalchemy import text

from intake.ubl import ubl_files as ubl
from service.world import World
from tallystick.errors import MalformedInput, NotFound, StoreError, UsageError
from tallystick.intake.files import read_files
from tallystick.intake.readers import Options, Reading
from tallystick.service import parties
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import DocumentImport, import_documents
from tallystick.service.documents.jobs import rejected_rows
from tallystick.service.documents.outcomes import Reason, Status
from tallystick.service.keeping import lock_up, take_out
from tallystick.store.waiting_records import COMMAND_LINE, WaitingDocument

SELLER, BUYER = f"GLN:{ubl.SELLER_GLN}", f"GLN:{ubl.BUYER_GLN}"
MAPPING = b"""
[columns]
customer = "c"
invoiceNumber = "n"
issueDate = "d"
payableAmount = "a"
[values]
customerScheme = "GLN"
supplier = "GLN:%s"
currency = "EUR"
""" % ubl.SELLER_GLN.encode()


def register(world: World, name: str, identifier: str) -> None:
    parties.add_parties(world.context, [parties.NewParty(name, (parties.parse_identifier(identifier),))])


@pytest.fixture
def market(world: World) -> World:
    register(world, "Supplier GmbH", SELLER)
    register(world, "Buyer AG", BUYER)
    return world


def imported(world: World, *files: bytes, mapping: bytes | None = None, **options: Any) -> DocumentImport:
    rules = Rules(options.pop("terms_days", None))
    read = [each for at, data in enumerate(files) for each in read_files(f"{at}.xml", data, Options(mapping))]
    return import_documents(world.context, read, rules, **options)


def waiting(world: World, owner: str = COMMAND_LINE) -> list[WaitingDocument]:
    with world.context.store.transaction(read_only=True) as transaction:
        return transaction.waiting_documents(owner)


def told(done: DocumentImport) -> list[tuple[str | None, str]]:
    return [(outcome.document, outcome.status.value) for outcome in done.outcomes]


def test_a_dry_run_keeps_nothing(market: World) -> None:
    """Neither the document nor its file."""
    assert told(imported(market, ubl.order_response(), dry_run=True)) == [("OrderResponse", "waits")]
    assert waiting(market) == []


def test_what_a_person_has_to_decide_is_not_kept(market: World) -> None:
    """An invoice like another is held, and no later import takes it up."""
    imported(market, ubl.order(), ubl.order_response(), ubl.invoice("INV-1"))
    assert told(imported(market, ubl.invoice("INV-2"))) == [("Invoice", "held")]
    assert waiting(market) == []


def test_the_missing_piece_takes_up_what_waits_for_it_in_turn(market: World) -> None:
    """An answer waits for its order, that for terms: the invoice that says them brings both in, once."""
    first = imported(market, ubl.order(terms=""), ubl.order_response())
    assert told(first) == [("Order", "waits"), ("OrderResponse", "waits")]
    assert {each.reason for each in waiting(market)} == {"noTerms", "noOrder"}
    done = imported(market, ubl.invoice())
    assert told(done) == [("Invoice", "recorded"), ("Order", "recorded"), ("OrderResponse", "recorded")]
    assert (done.taken_up, waiting(market)) == (2, [])
    assert told(imported(market, retry=True)) == []


def test_a_despatch_advice_waits_for_its_receipt(market: World) -> None:
    """What was sent and what arrived become one delivery, though they come in two imports."""
    imported(market, ubl.order(), ubl.order_response())
    assert told(imported(market, ubl.despatch())) == [("DespatchAdvice", "waits")]
    done = imported(market, ubl.receipt())
    assert told(done) == [("ReceiptAdvice", "recorded"), ("DespatchAdvice", "recorded")]
    assert done.evidence == 1


def test_an_import_of_something_else_leaves_it_waiting(market: World) -> None:
    """And says nothing of it; who asks to retry is told that it waits on."""
    imported(market, ubl.order_response())
    assert told(imported(market, ubl.order("ELSE"))) == [("Order", "recorded")]
    assert told(imported(market, retry=True)) == [("OrderResponse", "waits")]
    assert len(waiting(market)) == 1


def test_an_invoice_of_an_unknown_party_waits_until_it_is_registered(world: World) -> None:
    """From then on any import takes it up, by the rules that it came with."""
    held = imported(world, ubl.invoice(due=None), terms_days=10)
    assert (told(held), held.outcomes[0].reason) == ([("Invoice", "held")], Reason.UNKNOWN_PARTY)
    assert told(imported(world)) == []
    register(world, "Supplier GmbH", SELLER)
    assert told(imported(world)) == [("Invoice", "recorded")]


def test_terms_given_to_a_retry_go_before_those_that_a_document_came_with(market: World) -> None:
    """Another import's terms are not for what came before it."""
    imported(market, ubl.invoice(due=None))
    assert waiting(market)[0].reason == "noDueDate"
    assert told(imported(market, ubl.invoice("X", payable="1.00", due=None), terms_days=9)) == [("Invoice", "recorded")]
    assert told(imported(market, retry=True)) == [("Invoice", "held")]
    assert told(imported(market, retry=True, terms_days=9)) == [("Invoice", "recorded")]


def test_files_in_archives_and_tables_wait_too(market: World) -> None:
    """Of a table the rows that wait, with its mapping; of a ZIP file the file within."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/order-response.xml", ubl.order_response())
    table = f"c,n,d,a\n{ubl.BUYER_GLN},T-1,2026-01-15,5.00\n{ubl.BUYER_GLN},T-2,2026-01-15,6.00\n".encode()
    imported(market, out.getvalue(), table, mapping=MAPPING)
    assert [each.file for each in waiting(market)] == ["0.xml/a/order-response.xml", "1.xml", "1.xml"]
    done = imported(market, ubl.order(), terms_days=30)
    assert ("OrderResponse", "recorded") in told(done)
    assert told(imported(market, retry=True, terms_days=30)) == [("Invoice", "recorded")] * 2


def test_a_file_is_kept_once_however_many_of_its_documents_wait(world: World) -> None:
    """It is read again and encrypted once, not once a row, whatever other files' rows come between."""
    asked = []
    read = []
    for name in ("a", "b"):
        rows = "".join(f"{ubl.BUYER_GLN},{at}-{name},2026-01-15,5.{at}0\n" for at in range(9))
        (reading,) = read_files(name, f"c,n,d,a\n{rows}".encode(), Options(MAPPING))
        assert isinstance(reading, Reading)
        read.append(reading.kept_by(lambda again=reading.again, name=name: asked.append(name) or again()))
    done = import_documents(world.context, read)
    assert done.counts()[Status.HELD] == len(waiting(world)) == 18
    assert sorted(asked) == ["a", "b"]


def test_a_file_that_changes_while_it_is_imported_ends_the_import(world: World) -> None:
    """What it says now is not what waits: nobody is told that something is kept which is not."""
    (reading,) = read_files("a.xml", ubl.order_response())
    assert isinstance(reading, Reading)
    with pytest.raises(MalformedInput, match="changed while it was imported"):
        import_documents(world.context, [reading.kept_by(lambda: b"<other/>")])
    assert waiting(world) == []


def test_a_document_with_a_number_of_any_length_waits(market: World) -> None:
    """A thousand characters of four bytes: kept, and taken up by its number."""
    dice = random.Random(4711)
    number = "".join(chr(dice.randrange(0x20000, 0x2A6D0)) for _ in range(1_000))
    assert told(imported(market, ubl.order(number, terms=""))) == [("Order", "waits")]
    assert told(imported(market, ubl.order_response(of=number))) == [("OrderResponse", "waits")]
    done = imported(market, ubl.invoice(order=number))
    assert sorted(told(done)) == [("Invoice", "recorded"), ("Order", "recorded"), ("OrderResponse", "recorded")]


def test_what_waits_belongs_to_who_imported_it(market: World) -> None:
    """One organisation's import takes up nothing of another's, nor of the command line's."""
    for organisation in (None, "one", "two"):
        imported(market, ubl.order_response(), organisation=organisation)
    done = imported(market, ubl.order(), organisation="one")
    assert told(done) == [("Order", "recorded"), ("OrderResponse", "recorded")]
    assert [len(waiting(market, owner)) for owner in (COMMAND_LINE, "one", "two")] == [1, 0, 1]
    assert told(imported(market, retry=True)) == [("OrderResponse", "known")]


def test_a_file_is_encrypted_and_given_up_when_nothing_of_it_waits(market: World) -> None:
    """No row holds its text, and none its bytes any more once it is taken up."""
    imported(market, ubl.order_response())
    engine = market.context.store._engine  # type: ignore[attr-defined]
    with engine.connect() as connection:
        (sealed,) = connection.execute(text("SELECT sealed FROM waiting_file")).scalars()
        assert len(sealed) > 100
        assert b"OrderResponse" not in sealed
    imported(market, ubl.order())
    with engine.connect() as connection:
        assert list(connection.execute(text("SELECT sealed FROM waiting_file")).scalars()) == [None]


def test_what_is_kept_opens_unaltered_and_as_itself_only(world: World) -> None:
    """A flipped bit, another name, another key: an error that says so."""
    kept = lock_up(world.context, "file a", b"<a/>" * 99)
    assert take_out(world.context, "file a", kept) == b"<a/>" * 99
    other = dataclasses.replace(world.context, network_key=bytes(32))
    for context, name, data in (
        (world.context, "file b", kept),
        (world.context, "file a", kept[:-1] + bytes([kept[-1] ^ 1])),
        (world.context, "file a", b""),
        (other, "file a", kept),
    ):
        with pytest.raises(StoreError, match="altered"):
            take_out(context, name, data)


def test_rejected_rows_are_kept_with_the_import(market: World) -> None:
    """As CSV with the reasons; of several tables one has to be named, and an import without any has none."""
    table = f"c,n,d,a\n{ubl.BUYER_GLN},T-1,2026-01-15,no\n".encode()
    done = imported(market, table, table.replace(b"T-1", b"T-2"), mapping=MAPPING, terms_days=1)
    assert done.job is not None
    assert done.counts()[Status.REFUSED] == 2
    with pytest.raises(UsageError, match="2 files"):
        rejected_rows(market.context, done.job)
    assert b"T-2" in rejected_rows(market.context, done.job, "1.xml")
    for job, organisation in ((done.job, "one"), ("nothing", None), (imported(market).job or "", None)):
        with pytest.raises(NotFound):
            rejected_rows(market.context, job, None, organisation)
