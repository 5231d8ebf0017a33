"""``tallystick receivable``: pledge, transfer and release an invoice, and say how it stands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick import bootstrap
from tallystick.chain.records import Inclusion
from tallystick.cli.output import console, print_json
from tallystick.config import Home
from tallystick.credit.dates import parse_date, start_of
from tallystick.errors import UsageError
from tallystick.protocol.pledges import Cancelled, Event, Pledged, Released, Transferred
from tallystick.protocol.types import EvidenceId, PartyId, Timestamp, parse_bytes32, to_hex
from tallystick.service import parties, receivable
from tallystick.service.context import Context
from tallystick.service.receivable import ReceivableStatus, status_json

receivable_app = typer.Typer(
    help="Pledge an acknowledged invoice to one financier; the chain refuses a second one.", no_args_is_help=True
)

Invoice = Annotated[str, typer.Argument(help="The evidence id of the INVOICE.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@receivable_app.command("pledge")
def pledge(
    invoice: Invoice,
    to: Annotated[str, typer.Option("--to", help="The financier: party id, SCHEME:identifier or unique name.")],
    until: Annotated[
        str | None, typer.Option(help="Last day of the pledge, YYYY-MM-DD; without it, 180 days after the due date.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pledge an invoice: checked by the financier, signed by both, refused by the chain where it is pledged already."""
    expires_at = None if until is None else _day_after(until)
    with _opened() as context:
        with context.store.transaction() as transaction:
            financier = parties.find_party(transaction, to)
        name, included = receivable.pledge(context, _evidence(invoice), financier, expires_at=expires_at)
        shown = receivable.status(context, _evidence(invoice))
        names = _names(context)
    if as_json:
        print_json({**_done_json(included), "pledge": to_hex(name), **status_json(shown)})
        return
    console.print(f"pledged to {escape(financier.name)}\npledge   {to_hex(name)}")
    _print_included(included)
    _print_status(shown, names)


@receivable_app.command("transfer")
def transfer(
    invoice: Invoice,
    to: Annotated[str, typer.Option("--to", help="The new financier: party id, SCHEME:identifier or unique name.")],
    as_json: AsJson = False,
) -> None:
    """Give a pledge to another financier; the old and the new one sign."""
    with _opened() as context:
        with context.store.transaction() as transaction:
            financier = parties.find_party(transaction, to)
        included = receivable.transfer(context, _evidence(invoice), financier)
    if as_json:
        print_json(_done_json(included))
    else:
        console.print(f"transferred to {escape(financier.name)}")
        _print_included(included)


@receivable_app.command("release")
def release(invoice: Invoice, as_json: AsJson = False) -> None:
    """Let the financier that holds an invoice release it; it can be pledged again."""
    with _opened() as context:
        included = receivable.release(context, _evidence(invoice))
    if as_json:
        print_json(_done_json(included))
    else:
        console.print("released")
        _print_included(included)


@receivable_app.command("status")
def status(invoice: Invoice, as_json: AsJson = False) -> None:
    """Say since when an invoice is pledged and until when, what was done, and what speaks against financing it."""
    with _opened() as context:
        shown = receivable.status(context, _evidence(invoice))
        names = _names(context)
    if as_json:
        print_json(status_json(shown))
    else:
        _print_status(shown, names)


@contextmanager
def _opened() -> Iterator[Context]:
    with bootstrap.open_home(Home.of(os.environ)) as opened:
        yield opened.context


def _evidence(text: str) -> EvidenceId:
    return EvidenceId(parse_bytes32(text, "evidence"))


def _day_after(text: str) -> Timestamp:
    """The end of the UTC day ``text``."""
    day = parse_date(text)
    if day is None:
        raise UsageError(f"--until: expected a day as YYYY-MM-DD, got {text!r:.40}.", todo="Write e.g. 2027-03-31.")
    return Timestamp(start_of(day + timedelta(days=1)))


def _names(context: Context) -> dict[PartyId, str]:
    with context.store.transaction(read_only=True) as transaction:
        return {party.party: party.name for party in transaction.parties()}


def _print_included(included: Inclusion) -> None:
    console.print(f"block    {included.block.number}, {included.gas_used:,} gas")


def _print_status(shown: ReceivableStatus, names: dict[PartyId, str]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_row("supplier", _name(shown.supplier, names))
    table.add_row("state", _state(shown, names))
    if shown.same_invoice is not None:
        table.add_row("", f"the same invoice is pledged as evidence {to_hex(shown.same_invoice.receivable)}")
    for change in shown.changes:
        table.add_row(_moment(change.block.timestamp), escape(_told(change.event, names)))
    against = [obstacle.reason for obstacle in shown.obstacles]
    table.add_row("against financing", "; ".join(against) or "nothing but what is said above")
    table.add_row("as of", f"block {shown.as_of.number}, {_moment(shown.as_of.timestamp)}")
    console.print(table)


def _state(shown: ReceivableStatus, names: dict[PartyId, str]) -> str:
    held = shown.pledge
    if shown.taken_since is None:
        return "free" if held is None or held.released_at else f"free: the pledge expired {_moment(held.expires_at)}"
    if held is None or not held.is_active(shown.as_of.timestamp):
        return f"taken since {_moment(shown.taken_since)}"
    holder = _name(held.financier, names)
    return f"pledged to {holder} since {_moment(held.pledged_at)}, until {_moment(held.expires_at)}"


def _told(event: Event, names: dict[PartyId, str]) -> str:
    match event:
        case Pledged():
            return f"pledged to {_name(event.financier, names)}"
        case Transferred():
            return f"transferred from {_name(event.giver, names)} to {_name(event.taker, names)}"
        case Released():
            return f"released by {_name(event.financier, names)}"
        case Cancelled():
            return f"{_name(event.party, names)} took back terms {to_hex(event.authorisation)[:18]}…"


def _name(party: PartyId, names: dict[PartyId, str]) -> str:
    return escape(names.get(party, to_hex(party)))


def _moment(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _done_json(included: Inclusion) -> dict[str, object]:
    return {"blockNumber": included.block.number, "blockHash": to_hex(included.block.hash), "gas": included.gas_used}
