"""``tallystick party``: who takes part, and with which keys."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick.cli.opening import AsJson, opened
from tallystick.cli.output import bars, console, print_json
from tallystick.protocol.types import PartyId, parse_address, parse_bytes32, to_hex
from tallystick.service import accounts, identifying, parties
from tallystick.store.records import PartyRecord

party_app = typer.Typer(help="Admit parties to the ledger, list them, and change their keys.", no_args_is_help=True)


@party_app.command("add")
def party_add(
    name: Annotated[str, typer.Argument(help="The legal entity's name.", show_default=False)],
    identifier: Annotated[
        list[str],
        typer.Option("--id", help="SCHEME:identifier, e.g. LEI:5493001KJTIIGC8Y1R12; the first makes the id."),
    ],
    as_json: AsJson = False,
) -> None:
    """Admit a party to the ledger, with a key that this installation manages."""
    member = parties.NewParty(name, tuple(parties.parse_identifier(text) for text in identifier))
    with opened() as context, bars(quiet=as_json) as progress:
        added = parties.add_parties(context, [member], progress)[0]
    if as_json:
        print_json(_party_json(added))
    else:
        console.print(
            f"admitted {escape(added.name)}\nparty    {to_hex(added.party)}\nsigner   {to_hex(added.signers[-1])}"
        )


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
    """Give a party a new key and revoke its old ones; what they signed and is anchored stays good."""
    with opened() as context:
        with context.store.transaction() as transaction:
            party = parties.find_party(transaction, name)
        signer = parties.rotate_key(context, party)
        for old in party.signers:
            with context.store.transaction() as transaction:
                active = [s for s in transaction.signers([party.party]) if s.signer == old and s.revoked_at == 0]
            if active:
                parties.revoke_key(context, party, old)
                console.print(f"revoked  {to_hex(old)}")
    console.print(f"signer   {to_hex(signer)}")


def _party_json(party: PartyRecord) -> dict[str, object]:
    return {
        "party": to_hex(party.party),
        "name": party.name,
        "identifiers": [str(item) for item in party.identifiers],
        "signers": [to_hex(signer) for signer in party.signers],
    }
