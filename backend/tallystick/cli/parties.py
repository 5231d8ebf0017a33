"""``tallystick party``: who takes part, and with which keys."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick.cli.opening import AsJson, opened
from tallystick.cli.output import bars, console, messages, print_json
from tallystick.credit.dates import parse_date, start_of
from tallystick.errors import UsageError
from tallystick.protocol.types import Address, PartyId, Timestamp, parse_address, parse_bytes32, to_hex
from tallystick.service import accounts, identifying, parties, signers
from tallystick.service.context import Context
from tallystick.service.outbox import change_registry
from tallystick.store.records import PartyRecord

party_app = typer.Typer(help="Admit parties to the ledger, list them, and change their keys.", no_args_is_help=True)


@party_app.command("add")
def party_add(
    name: Annotated[str, typer.Argument(help="The legal entity's name.", show_default=False)],
    identifier: Annotated[
        list[str],
        typer.Option("--id", help="SCHEME:identifier, e.g. LEI:5493001KJTIIGC8Y1R12; the first makes the id."),
    ],
    own: Annotated[
        str | None, typer.Option("--signer", help="The account that signs for it, whose key stays where it is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Admit a party to the ledger, with a key that this installation manages, or with one of its own."""
    member = parties.NewParty(name, tuple(parties.parse_identifier(text) for text in identifier))
    signer = None if own is None else parse_address(own, "--signer")
    with opened() as context, bars(quiet=as_json) as progress:
        if signer is None:
            added = parties.add_parties(context, [member], progress)[0]
            signer = added.signers[-1]
        else:
            added = signers.admit_own(context, accounts.COMMAND_LINE, member, signer)
            change_registry(context)
    if as_json:
        print_json(_party_json(added))
    else:
        console.print(f"admitted {escape(added.name)}\nparty    {to_hex(added.party)}\nsigner   {to_hex(signer)}")


@party_app.command("admit")
def party_admit(
    party: Annotated[str, typer.Argument(help="The party's id.", show_default=False)],
    signer: Annotated[str, typer.Argument(help="The account that signs for it.", show_default=False)],
) -> None:
    """As the registrar, admit a party whose key another home of this ledger has."""
    with opened() as context:
        parties.admit_elsewhere(context, PartyId(parse_bytes32(party, "party")), parse_address(signer, "signer"))
    console.print(f"admitted {party}\nsigner   {signer}", soft_wrap=True)


@party_app.command("list")
def party_list(as_json: AsJson = False) -> None:
    """List the parties known here; with --json one object a line."""
    with opened() as context, context.store.transaction() as transaction:
        found = transaction.parties()
    if as_json:
        for party in found:
            print_json(_party_json(party))
        return
    table = Table("party", "name", "identifiers", box=None)
    for party in found:
        table.add_row(to_hex(party.party)[:18] + "…", escape(party.name), escape(" ".join(map(str, party.identifiers))))
    console.print(table if found else "no parties yet: tallystick party add NAME --id SCHEME:IDENTIFIER")


@party_app.command("identify")
def party_identify(
    name: Annotated[str, typer.Argument(help="The party.", show_default=False)],
    identifier: Annotated[
        list[str], typer.Option("--identifier", help="SCHEME:value that names it too (may be given again).")
    ],
    as_json: AsJson = False,
) -> None:
    """Give a party further identifiers, by which documents and bank statements find it."""
    given = [parties.parse_identifier(text) for text in identifier]
    with opened() as context:
        with context.store.transaction(read_only=True) as transaction:
            party = parties.find_party(transaction, name)
        for each in given:
            party = identifying.add_identifier(context, accounts.COMMAND_LINE, party.party, each)
    if as_json:
        print_json(_party_json(party))
    else:
        console.print(f"{escape(party.name)}  {escape(' '.join(map(str, party.identifiers)))}", soft_wrap=True)
        console.print("documents that waited for it: tallystick import retry")


@party_app.command("rotate")
def party_rotate(name: Annotated[str, typer.Argument(help="The party.", show_default=False)]) -> None:
    """Give a party a new key and revoke its old ones; what they signed stays good."""
    with opened() as context:
        party = _find(context, name)
        before = _states(context, party)
        signer = signers.rotate(context, accounts.COMMAND_LINE, party)
        _carry_out(context, party, before)
    console.print(f"signer   {to_hex(signer)}")


@party_app.command("revoke")
def party_revoke(
    name: Annotated[str, typer.Argument(help="The party.", show_default=False)],
    signer: Annotated[str, typer.Argument(help="The account that is to sign for it no more.", show_default=False)],
) -> None:
    """Revoke a key of a party for ever; what it signed before and is sealed stays good."""
    with opened() as context:
        party = _find(context, name)
        before = _states(context, party)
        signers.revoke(context, accounts.COMMAND_LINE, party, parse_address(signer, "signer"))
        _carry_out(context, party, before)


@party_app.command("compromise")
def party_compromise(
    name: Annotated[str, typer.Argument(help="The party.", show_default=False)],
    signer: Annotated[str, typer.Argument(help="The account whose key is in other hands.", show_default=False)],
    since: Annotated[str, typer.Option(help="Since when: the day (YYYY-MM-DD, UTC) or seconds since 1970.")],
    own: Annotated[
        str | None, typer.Option("--signer", help="The new account, if its key is not to be made here.")
    ] = None,
) -> None:
    """State that a key is in other hands: revoke it at once, make a new one, list what it signed since."""
    with opened() as context:
        party = _find(context, name)
        before = _states(context, party)
        new = None if own is None else parse_address(own, "--signer")
        found = signers.state_compromise(
            context,
            accounts.COMMAND_LINE,
            party,
            parse_address(signer, "signer"),
            _moment(since),
            new=new,
            makes_new=new is None,
        )
        _carry_out(context, party, before)
    if found.new is not None:
        console.print(f"signer   {to_hex(found.new)}")
    for evidence in found.suspects:
        console.print(f"suspect  {to_hex(evidence)}", soft_wrap=True)
    console.print(f"{len(found.suspects)} evidence signed with it since then: dispute or correct what is not yours")


@party_app.command("signers")
def party_signers(
    name: Annotated[str, typer.Argument(help="The party.", show_default=False)], as_json: AsJson = False
) -> None:
    """List a party's keys: which sign, which are to be added or revoked, and since when."""
    with opened() as context:
        views = _states(context, _find(context, name)).values()
    for view in views:
        if as_json:
            print_json(
                {
                    "signer": to_hex(view.signer),
                    "state": view.state,
                    "managed": view.managed,
                    "addedAt": view.added_at,
                    "revokedAt": view.revoked_at,
                    "compromisedSince": view.compromised_since,
                    "trouble": view.trouble,
                }
            )
        else:
            kept = "managed here" if view.managed else "its own"
            trouble = f"  {escape(view.trouble)}" if view.trouble else ""
            console.print(f"{to_hex(view.signer)}  {view.state:<8}  {kept}{trouble}", soft_wrap=True)


def _find(context: Context, name: str) -> PartyRecord:
    with context.store.transaction(read_only=True) as transaction:
        return parties.find_party(transaction, name)


def _states(context: Context, party: PartyRecord) -> dict[Address, signers.SignerView]:
    with context.store.transaction(read_only=True) as transaction:
        return {view.signer: view for view in signers.signers_of(transaction, party)}


def _carry_out(context: Context, party: PartyRecord, before: dict[Address, signers.SignerView]) -> None:
    """Do what was asked for as far as it can be done now, and say what was and what is left."""
    for _ in range(3):  # a key is revoked when the one in its place is final
        left = change_registry(context)
    for signer, view in _states(context, party).items():
        if view.state is signers.SignerState.REVOKED and before[signer].state is not view.state:
            console.print(f"revoked  {to_hex(signer)}")
        if view.trouble:
            messages.print(f"{to_hex(signer)}: {escape(view.trouble)}")
    if left:
        messages.print(f"{left} changes are left to a worker, or to the next such command: a block must be final first")


def _moment(text: str) -> Timestamp:
    day = parse_date(text)
    if day is not None:
        return Timestamp(start_of(day))
    if not text.isdecimal() or len(text) > 15:
        raise UsageError(f"--since: expected a day such as 2026-03-31, or seconds since 1970, got {text}.")
    return Timestamp(int(text))


def _party_json(party: PartyRecord) -> dict[str, object]:
    return {
        "party": to_hex(party.party),
        "name": party.name,
        "identifiers": [str(item) for item in party.identifiers],
        "signers": [to_hex(signer) for signer in party.signers],
    }
