"""``tallystick consent`` and ``tallystick erase``: who may look at a history, who did, and what is deleted."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape
from rich.table import Table

from tallystick.bootstrap import write_file
from tallystick.cli.opening import AsJson, opened
from tallystick.cli.output import console, print_json
from tallystick.credit.dates import parse_date
from tallystick.errors import NotFound, UsageError
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, Timestamp, parse_bytes32, to_hex
from tallystick.render.access_page import render_page
from tallystick.render.labels import LANGUAGES
from tallystick.service import accounts, consent, erasure
from tallystick.service.access_log import access_log
from tallystick.service.attachments import Shelf
from tallystick.service.consent import Grantee, organisation_id
from tallystick.service.parties import find_party
from tallystick.service.ports import Transaction
from tallystick.service.scope import Identities, Shown, parse_scope
from tallystick.store.grants import Grant

consent_app = typer.Typer(help="Who may look at a party's history, and who did.", no_args_is_help=True)

PartyName = Annotated[str, typer.Argument(help="Party id, SCHEME:identifier or unique name.", show_default=False)]
Consent = Annotated[str, typer.Argument(help="The evidence id of the consent.", show_default=False)]
Language = Annotated[str, typer.Option("--lang", help="en or zh (简体中文).")]

_WORDS = {
    "given to": "授予对象",
    "shows": "可查看内容",
    "until": "截至",
    "state": "状态",
    "consent": "同意书",
    "good": "有效",
    "ended": "已到期",
    "withdrawn": "已撤回",
    "everything": "全部",
    "when": "时间",
    "who": "查看者",
    "at what": "查看内容",
    "as of": "截至区块",
    "noted by": "记录证据",
    "nobody was let look": "尚未授予任何人查看权限",
    "nobody looked": "尚无人查看",
}


@consent_app.command("grant")
def grant(
    party: PartyName,
    to: Annotated[str, typer.Option(help="Who may look: a party, or an organisation by name or id.")],
    until: Annotated[str, typer.Option(metavar="DATE", help="The last day (YYYY-MM-DD, UTC).")],
    objects: Annotated[list[Shown] | None, typer.Option("--object", help="What may be asked for; else all.")] = None,
    counterparty: Annotated[list[str] | None, typer.Option(help="With whom the shown entries are; else all.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Of which kinds they are, e.g. INVOICE; else all.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="Which of their fields are shown; else all.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Entries from this day on.")] = None,
    before: Annotated[str | None, typer.Option("--up-to", metavar="DATE", help="Entries up to this day.")] = None,
    identities: Annotated[Identities, typer.Option(help="How counterparties are called.")] = Identities.PSEUDONYMS,
    as_json: AsJson = False,
) -> None:
    """Let somebody look at a party's history, within bounds and until a day."""
    last_day = parse_date(until)
    if last_day is None:
        raise UsageError(f"--until: expected a day as YYYY-MM-DD, got {until!r:.40}.")
    with opened() as context:
        with context.store.transaction(read_only=True) as transaction:
            subject = find_party(transaction, party)
            grantee = _grantee(transaction, to)
            told = {
                "objects": [one.value for one in objects] if objects else None,
                "counterparties": [to_hex(find_party(transaction, one).party) for one in counterparty or ()] or None,
                "kinds": [_kind(one) for one in kind or ()] or None,
                "fields": field,
                "since": since,
                "until": before,
                "identities": identities.value,
            }
        scope = parse_scope({name: value for name, value in told.items() if value is not None})
        _, made = consent.grant(context, subject, grantee, scope, last_day)
    if as_json:
        print_json(_grant_json(made))
        return
    console.print(f"{escape(grantee.name or to)} may look at {escape(subject.name)} until {last_day}")
    console.print(f"consent  {to_hex(made.consent)}")


@consent_app.command("list")
def list_grants(party: PartyName, as_json: AsJson = False, language: Language = "en") -> None:
    """List who may look at a party's history, and who might once."""
    _check_language(language)
    with opened() as context:
        with context.store.transaction(read_only=True) as transaction:
            found = transaction.grants_by(find_party(transaction, party).party)
        now = context.clock.now()
    if as_json:
        for one in found:
            print_json(_grant_json(one))
        return
    table = Table(*(_word(head, language) for head in ("given to", "shows", "until", "state", "consent")), box=None)
    for one in found:
        last = datetime.datetime.fromtimestamp(one.ends_at - 1, datetime.UTC).date()
        name = one.grantee_name or to_hex(one.grantee)[:12]
        table.add_row(
            escape(name), _shows(one, language), f"{last}", _word(_state(one, now), language), to_hex(one.consent)
        )
    console.print(table if found else _word("nobody was let look", language))


@consent_app.command("withdraw")
def withdraw(party: PartyName, given: Consent) -> None:
    """Withdraw a consent: nobody looks under it any more."""
    with opened() as context:
        with context.store.transaction(read_only=True) as transaction:
            subject = find_party(transaction, party)
        consent.withdraw(context, subject, EvidenceId(parse_bytes32(given, "consent")))
    console.print(f"withdrawn {escape(given)}")


@consent_app.command("accesses")
def accesses(
    party: PartyName,
    limit: Annotated[int, typer.Option(min=1, max=consent.MAX_USES, help="At most so many, newest first.")] = 100,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as an HTML page, with who may look.")
    ] = None,
    as_json: AsJson = False,
    language: Language = "en",
) -> None:
    """Say who looked at a party's history, when, at what, and by which evidence that is noted."""
    _check_language(language)
    with opened() as context:
        with context.store.transaction(read_only=True) as transaction:
            subject = find_party(transaction, party)
            names = {one.organisation: one.name for one in transaction.organisations()}
        log = access_log(context, subject, None, limit)
    if page is not None:
        write_file(page, render_page(log, language).encode())
        console.print(f"wrote {escape(str(page))}")
        return
    found = log.looks
    table = Table(*(_word(head, language) for head in ("when", "who", "at what", "as of", "noted by")), box=None)
    for use, given in found:
        when = datetime.datetime.fromtimestamp(use.at, datetime.UTC)
        if as_json:
            print_json(
                {
                    "at": use.at,
                    "consent": to_hex(use.consent),
                    "grantee": to_hex(given.grantee),
                    "organisation": use.organisation,
                    "key": use.key,
                    "object": use.object,
                    "evidence": None if use.evidence is None else to_hex(use.evidence),
                    "block": use.block,
                    "access": to_hex(use.access),
                }
            )
            continue
        seen = use.object if use.evidence is None else f"{use.object} {to_hex(use.evidence)[:18]}…"
        who = names.get(use.organisation, use.organisation)
        block = "" if use.block is None else str(use.block)
        table.add_row(f"{when:%Y-%m-%d %H:%M:%S} UTC", escape(who), seen, block, to_hex(use.access))
    if not as_json:
        console.print(table if found else _word("nobody looked", language))


def erase_command(
    evidence: Annotated[str, typer.Argument(help="The evidence id.", show_default=False)],
    reason: Annotated[
        str | None, typer.Option(help="The lawful request: by whom, of when, under what law.", show_default=False)
    ] = None,
    confirm: Annotated[
        str | None, typer.Option(metavar="CODE", help="The code of the first step.", show_default=False)
    ] = None,
) -> None:
    """Delete the content of an evidence for good, on a lawful request; the first step deletes nothing."""
    if (reason is None) == (confirm is None):
        raise UsageError("erase: expected --reason, then --confirm; got none or both.", todo="Begin with --reason.")
    named = EvidenceId(parse_bytes32(evidence, "evidence"))
    with opened() as context:
        if confirm is not None:
            done = erasure.confirm(context, accounts.COMMAND_LINE, named, confirm, Shelf(context))
            console.print(f"erased {done.fields} fields and {done.documents} documents of {evidence}")
            return
        plan = erasure.request(context, accounts.COMMAND_LINE, named, reason or "")
    console.print(f"{plan.kind}: {plan.fields} fields will be deleted for good, in {len(plan.parties)} histories")
    console.print(f"answered by {plan.answers} evidence, which stay")
    console.print(f"to do it, within a day: tallystick erase {evidence} --confirm {plan.confirmation}")


def _grantee(transaction: Transaction, name: str) -> Grantee:
    """A party of that name, else an organisation."""
    try:
        found = find_party(transaction, name)
        return Grantee(found.party, found.name, found)
    except NotFound:
        for one in transaction.organisations():
            if name in (one.organisation, one.name) and one.closed_at is None:
                return Grantee(organisation_id(one.organisation), one.name, None)
        raise


def _kind(name: str) -> int:
    try:
        return int(Kind[name])
    except KeyError:
        raise UsageError(f"--kind: expected one of {', '.join(one.name for one in Kind)}, got {name!r:.40}.") from None


def _state(one: Grant, now: Timestamp) -> str:
    if one.withdrawn_at is not None:
        return "withdrawn"
    return "good" if one.is_good(now) else "ended"


def _shows(one: Grant, language: str) -> str:
    scope = orjson.loads(one.scope)
    return ", ".join(scope.get("objects", [_word("everything", language)]))


def _grant_json(one: Grant) -> dict[str, object]:
    return {
        "grant": to_hex(one.consent),
        "subject": to_hex(one.subject),
        "grantee": to_hex(one.grantee),
        "granteeName": one.grantee_name,
        "recorder": to_hex(one.recorder),
        "scope": orjson.loads(one.scope),
        "grantedAt": one.granted_at,
        "endsAt": one.ends_at,
        "withdrawnAt": one.withdrawn_at,
        "withdrawal": None if one.withdrawal is None else to_hex(one.withdrawal),
    }


def _word(text: str, language: str) -> str:
    return _WORDS[text] if language == "zh" else text


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise UsageError(f"--lang: expected one of {', '.join(LANGUAGES)}, got {language!r:.40}.")
