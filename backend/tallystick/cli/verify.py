"""``tallystick verify``: a bundle's verdict, what it rests on, and what it does not say."""

from __future__ import annotations

import datetime
import gc
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple

import typer
from rich.markup import escape

from tallystick import bootstrap, stamping
from tallystick.cli.output import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_UNCHECKED,
    Bars,
    bars,
    console,
    print_json,
)
from tallystick.cli.proof import unwrapped, verify_proof
from tallystick.credit.receivables import Obstacle
from tallystick.errors import MalformedInput, TallystickError, UsageError
from tallystick.protocol.bundle_stream import unpacked
from tallystick.protocol.entry import Standing
from tallystick.protocol.types import Address, EvidenceId, Hash, parse_address, parse_bytes32, to_hex
from tallystick.protocol.verdict import Outcome, Step, Verdict
from tallystick.service import check
from tallystick.service.bundle_file import begins_as_bundle, chunks_of, opened
from tallystick.service.check_proof import is_proof
from tallystick.service.spool import Spool


class Given(NamedTuple):
    """What a reader names: the hash of the as-of block, and the ledger; None where it does not."""

    block_hash: Hash | None
    ledger: Address | None


Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Processes that check signatures, where there are thousands.")]

_EXITS = {Outcome.VALID: EXIT_OK, Outcome.INVALID: EXIT_FAILED, Outcome.UNCHECKED: EXIT_UNCHECKED}
_STYLES = {Outcome.VALID: "bold green", Outcome.INVALID: "bold red", Outcome.UNCHECKED: "bold yellow"}


@contextmanager
def never_reads_as_invalid() -> Iterator[None]:
    """A fault of this program says nothing about what is checked: it is shown as one, and the exit code is 3."""
    try:
        yield
    except TallystickError:
        raise
    except Exception as error:
        traceback.print_exc()
        raise typer.Exit(EXIT_UNCHECKED) from error


def verify_command(
    file: Annotated[Path, typer.Argument(help="NAME.tally.json, or a certificate, NAME.pdf.", show_default=False)],
    block_hash: Annotated[str | None, typer.Option(help="The as-of block's hash, from a source you trust.")] = None,
    rpc: Annotated[list[str] | None, typer.Option(help="A node you trust; several must agree on the block.")] = None,
    ledger: Annotated[str | None, typer.Option(help="The ledger contract you know; others are refused.")] = None,
    receivable: Annotated[
        str | None, typer.Option(help="Evidence id of an invoice by the subject: say what speaks against financing it.")
    ] = None,
    jobs: Jobs = 1,
    timestamp_roots: Annotated[
        Path | None, typer.Option(help="PEM file with the root certificates to check time-stamps by.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Check a bundle or a certificate, offline with --block-hash; exit 0 valid, 1 invalid, 3 could not check."""
    trust = parse_trust(block_hash, ledger)
    try:
        invoice = None if receivable is None else EvidenceId(parse_bytes32(receivable.lower(), "--receivable"))
    except MalformedInput as error:
        raise UsageError(error.message, todo=error.todo) from error
    obstacles: Sequence[Obstacle] | None = None

    def look(verdict: Verdict, log: Spool) -> None:
        nonlocal obstacles
        if invoice is not None:
            obstacles = check.receivable_obstacles(verdict, log, invoice)

    limit = bootstrap.limits().bundle_file_bytes
    with opened(file, limit) as source:
        chunks = chunks_of(source, limit)
        if not begins_as_bundle(source):
            data = read_certificate(source, file)
            if is_proof(data):
                with never_reads_as_invalid():
                    outcome = verify_proof(data, trust, rpc or (), timestamp_roots, as_json)
                raise typer.Exit(_EXITS[outcome])
            chunks = unpacked(lambda: iter([data]), limit)
        with bars(quiet=as_json) as progress, never_reads_as_invalid():
            options = _arguments(trust, rpc or (), progress, jobs, timestamp_roots)
            verdict = check.check_stream(chunks, look=look, **options)
    if as_json:
        found = {} if invoice is None else {"obstacles": None if obstacles is None else list(obstacles)}
        print_json({**check.verdict_json(verdict), **found})
    else:
        print_verdict(verdict)
        if obstacles is not None:
            _print_obstacles(obstacles)
    raise typer.Exit(_EXITS[verdict.outcome])


def parse_trust(block_hash: str | None, ledger: str | None) -> Given:
    """What the reader relies on, as the options say it. Raises ``UsageError``."""
    try:
        return Given(
            None if block_hash is None else Hash(parse_bytes32(block_hash.lower(), "--block-hash")),
            None if ledger is None else parse_address(ledger.lower(), "--ledger"),
        )
    except MalformedInput as error:
        raise UsageError(error.message, todo=error.todo) from error


def check_file(file: Path, trust: Given, rpc: Sequence[str], progress: Bars, jobs: int = 1) -> Verdict:
    """The verdict on the bundle in ``file``, plain or compressed. Raises ``UsageError`` where it can't be read."""
    data = read_bounded(file, bootstrap.limits().bundle_bytes, "bundle")
    return check.check(data, **_arguments(trust, rpc, progress, jobs))


def _arguments(
    trust: Given, rpc: Sequence[str], progress: Bars, jobs: int, roots_file: Path | None = None
) -> dict[str, Any]:
    gc.disable()  # a bundle holds no cycles, and looking for some among millions of objects takes a fifth of the time
    return {
        "code_hashes": bootstrap.published_code_hashes(),
        "block_hash": trust.block_hash,
        "ledger": trust.ledger,
        "nodes": [bootstrap.node(url) for url in rpc],
        "check_token": None if roots_file is None else stamping.reader_token_check(roots_file),
        "progress": lambda done, total: progress("verified", done, total),
        "jobs": jobs,
    }


def read_certificate(source: BinaryIO, file: Path) -> bytes:
    """What ``file``, opened as ``source``, holds: of a certificate, what is attached. Raises ``UsageError``."""
    limit = bootstrap.limits().bundle_bytes
    source.seek(0)
    return unwrapped(_read(source, file, limit, "bundle or certificate"), limit)


def read_bounded(file: Path, limit: int, what: str) -> bytes:
    """The bytes of ``file``, at most ``limit``: a ``what``, so its reader thinks.

    Raises ``UsageError``: exit code 1 is for what was read and found invalid.
    """
    try:
        with file.open("rb") as source:
            return _read(source, file, limit, what)
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror}).", todo="Check the path.") from error


def _read(source: BinaryIO, file: Path, limit: int, what: str) -> bytes:
    data = source.read(limit + 1)
    if len(data) > limit:
        raise UsageError(f"{file}: expected at most {limit} bytes, got more.", todo=f"Check that it is a {what}.")
    return data


def _age(age: datetime.timedelta) -> str:
    """How long ago that is by this computer's clock, in the largest unit of which there are two."""
    seconds = int(age.total_seconds())
    if seconds < 0:
        return "ahead of this computer's clock"
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def _print_obstacles(obstacles: Sequence[Obstacle]) -> None:
    against = "; ".join(obstacle.reason for obstacle in obstacles) or "nothing in this log speaks against financing it"
    console.print(f"receivable {against}")
    console.print("[dim]whether it is pledged stands in no log: ask `tallystick receivable status`[/]")


def print_verdict(verdict: Verdict) -> None:
    """The verdict for a person: the steps, the sentence, and what to bear in mind."""
    marks = []
    for step in Step:
        if step in verdict.passed:
            marks.append(f"[green]{step.value} ✓[/]")
        elif step is verdict.failed:
            marks.append(f"[bold red]{step.value} ✗[/]")
    console.print("  ".join(marks))
    failed = f" at step {verdict.failed.value}" if verdict.failed else ""
    console.print(f"[{_STYLES[verdict.outcome]}]{verdict.outcome.value.upper()}{failed}[/]: {escape(verdict.message)}")
    bundle, tally = verdict.frame, verdict.tally
    if bundle is None or verdict.outcome is Outcome.INVALID:
        return
    names = {binding.party: binding.name for binding in bundle.bindings}
    console.print(f"subject    {escape(names.get(bundle.subject, to_hex(bundle.subject)))}")
    day = datetime.datetime.fromtimestamp(bundle.as_of.timestamp, datetime.UTC)
    age = _age(datetime.datetime.now(datetime.UTC) - day)
    console.print(f"as of      {day:%Y-%m-%d %H:%M} UTC, {age}: what was sealed later is not in it")
    if verdict.outcome is Outcome.UNCHECKED:
        console.print("proven     nothing yet: this is neither good nor bad news about the history")
        return
    void = tally.entries - tally.standings[Standing.STANDS]
    console.print("proven     the log is complete; who signed each entry; by when it existed; the report's figures")
    console.print("asserted   what an entry says is its issuer's word, mutual where the other side confirmed it")
    console.print(f"hidden     {tally.hidden_fields} fields" + (f"; void entries, not counted: {void}" if void else ""))
    if verdict.stamps.latest is not None:
        latest = datetime.datetime.fromtimestamp(verdict.stamps.latest, datetime.UTC)
        told = f"{verdict.stamps.valid} appends, by an authority that you named, the latest {latest:%Y-%m-%d %H:%M} UTC"
        console.print(f"stamped    {told}")
    for caveat in verdict.caveats:
        console.print(f"[yellow]mind[/]       {escape(caveat)}")
    console.print("[dim]complete means: of what was sealed, not of all that happened[/]")
