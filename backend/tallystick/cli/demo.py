"""``tallystick demo``: a dozen companies over two years, sealed as it happens, reported, verified, and attacked."""

from __future__ import annotations

import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.rule import Rule

from tallystick import bootstrap
from tallystick.cli import history as history_view
from tallystick.cli.output import EXIT_FAILED, bars, console, messages
from tallystick.cli.verify import print_verdict
from tallystick.config import Home
from tallystick.protocol.types import Hash, Timestamp, to_hex
from tallystick.protocol.verdict import CodeHashes, Outcome
from tallystick.service import check, report, share
from tallystick.service.context import Context
from tallystick.service.demo.attacks import Attack, attacks
from tallystick.service.demo.cast import DEFAULTER, LATE_PAYER, PROMPT_PAYER
from tallystick.service.demo.financing import FinancedOnce, finance_twice
from tallystick.service.demo.play import StoryClock, play
from tallystick.service.demo.story import DEFAULT_SEED, Story, tell
from tallystick.service.index import index

DAY_SECONDS = 86_400
PASSPHRASE = "demo"  # noqa: S105 - the demo's keys guard a made-up story  # nosec B105


def demo(
    home: Annotated[Path, typer.Option(help="Directory of the demo's home; an earlier demo there is replaced.")] = Path(
        ".tallystick-demo"
    ),
    seed: Annotated[int, typer.Option(help="Another seed tells another story.")] = DEFAULT_SEED,
    language: Annotated[str, typer.Option("--lang", help="en or zh (简体中文), for the reports.")] = "en",
) -> None:
    """Play the story of a dozen companies, report, export, verify offline, fail three attacks, and finance once."""
    started = time.monotonic()
    place = Home(home.absolute())
    environment = {**os.environ, "TALLYSTICK_PASSPHRASE": PASSPHRASE}
    _replace(place)
    story = tell(seed)
    eve = Timestamp(story.start - DAY_SECONDS)
    _chapter("1  A ledger: keys, an embedded chain, three contracts")
    deployment = bootstrap.init_home(place, environment=environment, genesis_timestamp=eve)
    console.print(f"chain {deployment.chain_id}, ledger {to_hex(deployment.ledger)}, home {home}")
    clock = StoryClock(eve)
    with bootstrap.open_home(place, environment=environment, clock=clock) as opened, bars() as progress:
        assert opened.embedded is not None, "the demo's home has its own chain"
        set_chain_time = opened.embedded.set_next_timestamp
        _chapter(f"2  {len(story.companies)} companies trade for two years; what they sign is sealed as it happens")
        played = play(opened.context, story, clock, set_chain_time, progress)
        console.print(
            f"{played.evidence_count} evidence signed by those it concerns, sealed in {played.batch_count} batches"
        )
        _chapter("3  Histories: a prompt payer, one who slows down, one who defaults")
        _histories(opened.context, story, language)
        _chapter("4  One file for a lender, verified with nothing but the file, a block hash and the ledger's address")
        path, block_hash = _export(opened.context, home)
        code_hashes = bootstrap.published_code_hashes()
        verdict = check.check(
            path.read_bytes(), code_hashes=code_hashes, block_hash=block_hash, ledger=deployment.ledger
        )
        print_verdict(verdict)
        _chapter("5  Three attacks")
        assert verdict.bundle is not None, "the exported bundle is well-formed"
        forgeries = attacks(opened.context, verdict.bundle, clock, set_chain_time)
        financed = finance_twice(opened.context, clock, set_chain_time)
    failed = [_attack(number, attack, code_hashes) for number, attack in enumerate(forgeries, 1)]
    _chapter("6  One invoice, financed twice")
    _financing(financed)
    if verdict.outcome is not Outcome.VALID or not all(failed) or financed.status.taken_since is None:
        messages.print("[bold red]the demo did not end as it must: please report this[/]")
        raise typer.Exit(EXIT_FAILED)
    _what_next(
        home,
        path,
        f"--block-hash {to_hex(block_hash)} --ledger {to_hex(deployment.ledger)}",
        time.monotonic() - started,
    )


def _replace(place: Home) -> None:
    """Remove an earlier demo's home; anything else at that place is left alone and refused by ``init``."""
    if place.exists():
        with place.lock(1.0):
            shutil.rmtree(place.directory)


def _chapter(title: str) -> None:
    console.print()
    console.print(Rule(f"[bold]{title}", align="left"))


def _histories(context: Context, story: Story, language: str) -> None:
    cursor = index(context)
    with context.store.transaction(read_only=True) as transaction:
        known = transaction.parties()
    names = {to_hex(party.party): party.name for party in known}
    by_identifier = {str(party.identifiers[0]): party for party in known}
    shown = [by_identifier[company.identifier] for company in (PROMPT_PAYER, LATE_PAYER, DEFAULTER)]
    for made in report.histories(context, cursor.block, [party.party for party in shown]):
        console.print(history_view.render(made, names, language))


def _export(context: Context, home: Path) -> tuple[Path, Hash]:
    with context.store.transaction(read_only=True) as transaction:
        party = next(p for p in transaction.parties() if str(p.identifiers[0]) == DEFAULTER.identifier)
    made, data = share.bundle(context, party.party)
    path = home / f"{party.identifiers[0].value.lower()}.tally.json"
    bootstrap.write_file(path, data)
    console.print(f"{path}: {party.name}, {len(data):,} bytes, as of block {made.as_of.number}")
    console.print(f"trusted block hash {to_hex(made.as_of.hash)}")
    return path, made.as_of.hash


def _attack(number: int, attack: Attack, code_hashes: CodeHashes) -> bool:
    """Show ``attack`` failing; whether it failed where it must."""
    console.print(f"[bold]{number}. {escape(attack.title)}[/]")
    console.print(f"   {escape(attack.deed)} {escape(attack.gain)}")
    if attack.refusal:
        console.print(f"   [dim]the service refuses: {escape(attack.refusal)}[/]")
    verdict = check.check(attack.forged, code_hashes=code_hashes, block_hash=attack.block_hash)
    step = verdict.failed.value if verdict.failed else "-"
    console.print(f"   [bold red]{verdict.outcome.value.upper()}[/] at step [bold]{step}[/]: {escape(verdict.message)}")
    return verdict.outcome is Outcome.INVALID and verdict.failed is attack.expected


def _financing(financed: FinancedOnce) -> None:
    """Show the one pledge that stands, and why each further one was refused."""
    since = datetime.fromtimestamp(financed.status.taken_since or 0, UTC)
    console.print(
        f"{escape(financed.supplier)} pledges an invoice, which its buyer acknowledged, to "
        f"{escape(financed.financier)} on {since:%Y-%m-%d}. Then it tries a second lender with"
    )
    for number, (tried, refusal) in enumerate(financed.refusals, 1):
        console.print(f"{number}. {escape(tried)}\n   [bold red]REFUSED[/] by the chain: {escape(refusal)}")


def _what_next(home: Path, path: Path, trusted: str, seconds: float) -> None:
    _chapter(f"Done in {seconds:.0f} s. Try next")
    console.print(f"  export TALLYSTICK_HOME={home} TALLYSTICK_PASSPHRASE={PASSPHRASE}", soft_wrap=True)
    if shutil.which("tallystick") is None:
        programs = os.path.relpath(Path(sys.executable).parent)
        console.print(f'  export PATH="$PWD/{programs}:$PATH"', soft_wrap=True)
    for line in (
        "tallystick party list",
        f"tallystick history {LATE_PAYER.identifier} --lang zh",
        "tallystick history --all --json",
        f"tallystick verify {path} {trusted}",
        f"tallystick account add Trader --role party --party {LATE_PAYER.identifier} && tallystick serve",
    ):
        console.print(f"  {line}", soft_wrap=True)
