"""``tallystick member``: the persons of an organisation who may sign in."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick.cli.opening import AsJson, opened
from tallystick.cli.output import console, print_json
from tallystick.errors import NotFound
from tallystick.protocol.types import parse_address, to_hex
from tallystick.service import accounts, members
from tallystick.service.context import Context
from tallystick.store.identities import Member, Organisation, Scope

member_app = typer.Typer(help="The persons of an organisation who may sign in.", no_args_is_help=True)

Holder = Annotated[str, typer.Argument(help="The organisation: its name or id.", show_default=False)]


@member_app.command("add")
def add(
    organisation: Holder,
    name: Annotated[str, typer.Argument(help="Who it is.", show_default=False)],
    issuer: Annotated[str | None, typer.Option(help="The OpenID Connect issuer that vouches for it (iss).")] = None,
    subject: Annotated[str | None, typer.Option(help="What that issuer calls it (sub).")] = None,
    address: Annotated[str | None, typer.Option(help="Or else its wallet: 0x and 40 hex digits.")] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option("--scope", help="What it may do; else all that the role can use.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a person by what an issuer calls it, or a wallet."""
    wallet = None if address is None else parse_address(address.lower(), "--address")
    with opened() as context:
        made = members.add_member(
            context,
            accounts.COMMAND_LINE,
            _find(context, organisation).organisation,
            name,
            issuer=issuer,
            subject=subject,
            address=wallet,
            scopes=scope or None,
        )
    if as_json:
        print_json(_member_json(made))
    else:
        console.print(f"{escape(made.name)}  {made.member}  {escape(_known_by(made))}", soft_wrap=True)


@member_app.command("list")
def list_members(organisation: Holder, as_json: AsJson = False) -> None:
    """List the members that an organisation ever had; with --json one object a line."""
    with opened() as context:
        holder = _find(context, organisation)
        with context.store.transaction(read_only=True) as transaction:
            found = transaction.members(holder.organisation)
    if as_json:
        for one in found:
            print_json(_member_json(one))
        return
    table = Table("member", "name", "known by", "state", "scopes", box=None)
    for one in found:
        state = "member" if one.removed_at is None else "removed"
        table.add_row(one.member, escape(one.name), escape(_known_by(one)), state, " ".join(one.scopes))
    console.print(table if found else "no members yet: tallystick member add ORGANISATION NAME --address 0x...")


@member_app.command("remove")
def remove(member: Annotated[str, typer.Argument(help="The member's id.", show_default=False)]) -> None:
    """Remove a member at once, with its sessions."""
    with opened() as context:
        members.remove_member(context, accounts.COMMAND_LINE, member)
    console.print(f"removed {escape(member)}")


def _find(context: Context, name: str) -> Organisation:
    with context.store.transaction(read_only=True) as transaction:
        found = [one for one in transaction.organisations() if name in (one.name, one.organisation)]
    if not found:
        raise NotFound(f"organisation {name}: not known here.", todo="See `tallystick account list`.")
    return found[0]


def _known_by(one: Member) -> str:
    return f"{one.subject} of {one.issuer}" if one.address is None else to_hex(one.address)


def _member_json(one: Member) -> dict[str, object]:
    return {
        "member": one.member,
        "organisation": one.organisation,
        "name": one.name,
        "issuer": one.issuer,
        "subject": one.subject,
        "address": None if one.address is None else to_hex(one.address),
        "scopes": list(one.scopes),
        "createdAt": one.created_at,
        "removedAt": one.removed_at,
    }
