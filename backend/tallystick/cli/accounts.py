"""``tallystick account``: the organisations that may use the API, and their keys."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick.cli.opening import AsJson, opened
from tallystick.cli.output import console, print_json
from tallystick.credit.dates import parse_date, start_of
from tallystick.errors import NotFound, UsageError
from tallystick.protocol.types import Timestamp, to_hex
from tallystick.service import accounts
from tallystick.service.context import Context
from tallystick.service.parties import find_party
from tallystick.store.identities import ApiKey, Organisation, Role, Scope

account_app = typer.Typer(help="The organisations that may use the HTTP API, and their keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The organisation: its name or id.", show_default=False)]
KeyName = Annotated[str, typer.Option(help="What the key is for.")]
Scopes = Annotated[
    list[Scope] | None, typer.Option("--scope", help="What the key is good for; else all that the role can use.")
]
Expires = Annotated[str | None, typer.Option(help="The day (YYYY-MM-DD, UTC) from whose start the key fails.")]


@account_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The organisation's name.", show_default=False)],
    role: Annotated[Role, typer.Option(help="What it is to this service.", show_default=False)],
    party: Annotated[list[str] | None, typer.Option(help="A party that it acts for; as often as there are.")] = None,
    key_name: KeyName = "first key",
    scope: Scopes = None,
    expires: Expires = None,
    as_json: AsJson = False,
) -> None:
    """Open an organisation, and issue its first key: it is shown this once."""
    expires_at = _expiry(expires)
    with opened() as context:
        with context.store.transaction(read_only=True) as transaction:
            parties = [find_party(transaction, one).party for one in party or ()]
        made = accounts.add_organisation(context, accounts.COMMAND_LINE, name, role, parties)
        issued = accounts.issue_key(
            context, accounts.COMMAND_LINE, made.organisation, key_name, scope or None, expires_at
        )
    _print_issued(made, *issued, as_json=as_json)


@account_app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """List the organisations with their keys; with --json one object a line."""
    with opened() as context, context.store.transaction(read_only=True) as transaction:
        found = [(one, transaction.keys(one.organisation)) for one in transaction.organisations()]
        now = context.clock.now()
    if as_json:
        for one, keys in found:
            print_json({**_organisation_json(one), "keys": [_key_json(key) for key in keys]})
        return
    table = Table("organisation", "role", "acts for", "key", "for", "state", "last used", box=None)
    for one, keys in found:
        head = (escape(one.name), one.role.value, str(len(one.parties)) if one.parties else "")
        rows = [(key.key, escape(key.name), _state(one, key, now), _day(key.last_used_at)) for key in keys]
        for i, row in enumerate(rows or [("", "no key", "", "")]):
            table.add_row(*(head if i == 0 else ("", "", "")), *row)
    console.print(table if found else "no accounts yet: tallystick account add NAME --role ROLE")


@account_app.command("give")
def give(name: Name, party: Annotated[str, typer.Argument(help="The party.", show_default=False)]) -> None:
    """Let an organisation act for a party as well."""
    with opened() as context:
        holder = _find(context, name)
        with context.store.transaction(read_only=True) as transaction:
            given = find_party(transaction, party)
        accounts.let_act_for(context, accounts.COMMAND_LINE, holder.organisation, given.party)
    console.print(f"{escape(holder.name)} acts for {escape(given.name)}")


@account_app.command("close")
def close(name: Name) -> None:
    """Close an organisation: none of its keys is good from now on."""
    with opened() as context:
        holder = _find(context, name)
        accounts.close_organisation(context, accounts.COMMAND_LINE, holder.organisation)
    console.print(f"closed {escape(holder.name)}")


@account_app.command("issue")
def issue(
    name: Name, key_name: KeyName = "key", scope: Scopes = None, expires: Expires = None, as_json: AsJson = False
) -> None:
    """Issue a further key to an organisation: it is shown this once."""
    expires_at = _expiry(expires)
    with opened() as context:
        holder = _find(context, name)
        issued = accounts.issue_key(
            context, accounts.COMMAND_LINE, holder.organisation, key_name, scope or None, expires_at
        )
    _print_issued(holder, *issued, as_json=as_json)


@account_app.command("rotate")
def rotate(
    key: Annotated[str, typer.Argument(help="The key's id, the middle of its text.", show_default=False)],
    overlap: Annotated[int, typer.Option(min=0, help="Seconds for which the old key stays good.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Give a key a successor of the same scopes: it is shown this once."""
    with opened() as context:
        made, secret = accounts.rotate_key(context, accounts.COMMAND_LINE, key, overlap)
        with context.store.transaction(read_only=True) as transaction:
            holder = transaction.organisation(made.organisation)
    assert holder is not None, "a key has an organisation"
    _print_issued(holder, made, secret, as_json=as_json)


@account_app.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="The key's id, the middle of its text.")]) -> None:
    """Revoke a key at once."""
    with opened() as context:
        accounts.revoke_key(context, accounts.COMMAND_LINE, key)
    console.print(f"revoked {escape(key)}")


@account_app.command("journal")
def journal(as_json: AsJson = False) -> None:
    """Show every administrative act, oldest first, and check that none was altered or taken out."""
    with opened() as context:
        deeds = list(accounts.journal(context))
    for one in deeds:
        details = {str(name): value for name, value in one.details.items()}
        if as_json:
            print_json(
                {"at": one.at, "actor": one.actor, "act": one.act, "details": details, "digest": to_hex(one.digest)}
            )
        else:
            when = datetime.datetime.fromtimestamp(one.at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
            about = ", ".join(f"{name} {_words(value)}" for name, value in details.items() if value)
            console.print(f"{when}  {escape(one.actor)}: {one.act} ({escape(about)})", soft_wrap=True)
    if not as_json:
        console.print(f"{len(deeds)} acts, each follows from the one before")


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _find(context: Context, name: str) -> Organisation:
    with context.store.transaction(read_only=True) as transaction:
        found = [one for one in transaction.organisations() if name in (one.name, one.organisation)]
    if not found:
        raise NotFound(f"organisation {name}: not known here.", todo="See `tallystick account list`.")
    return found[0]


def _expiry(day: str | None) -> Timestamp | None:
    if day is None:
        return None
    found = parse_date(day)
    if found is None:
        raise UsageError(f"--expires: expected a day such as 2027-12-31, got {day}.")
    return Timestamp(start_of(found))


def _print_issued(holder: Organisation, key: ApiKey, secret: str, *, as_json: bool) -> None:
    if as_json:
        print_json({**_organisation_json(holder), "key": _key_json(key), "secret": secret})
        return
    console.print(f"{escape(holder.name)}  {holder.role}  {holder.organisation}", soft_wrap=True)
    console.print(f"key      {key.key}  {' '.join(key.scopes)}", soft_wrap=True)
    console.print(f"secret   {secret}", soft_wrap=True)
    console.print("keep it: it is shown this once; send it as `Authorization: Bearer SECRET`")


def _state(holder: Organisation, key: ApiKey, now: Timestamp) -> str:
    if holder.closed_at is not None:
        return "closed"
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None:
        return "expired" if key.expires_at <= now else f"good until {_day(key.expires_at)}"
    return "good"


def _day(at: Timestamp | None) -> str:
    return "" if at is None else datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d")


def _organisation_json(one: Organisation) -> dict[str, object]:
    return {
        "organisation": one.organisation,
        "name": one.name,
        "role": one.role,
        "parties": [to_hex(party) for party in one.parties],
        "closedAt": one.closed_at,
    }


def _key_json(one: ApiKey) -> dict[str, object]:
    return {
        "key": one.key,
        "name": one.name,
        "scopes": list(one.scopes),
        "createdAt": one.created_at,
        "expiresAt": one.expires_at,
        "revokedAt": one.revoked_at,
        "lastUsedAt": one.last_used_at,
    }
