"""``tallystick receipt``: show the operator's signed promise about an evidence, and say whether it was kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import bootstrap
from tallystick.cli.output import EXIT_FAILED, EXIT_OK, EXIT_UNCHECKED, bars, console, print_json
from tallystick.cli.verify import never_reads_as_invalid, parse_trust, read_bounded
from tallystick.config import Home
from tallystick.errors import TallystickError, UsageError
from tallystick.protocol.promise import Finding, Promise, moment
from tallystick.protocol.receipt import MAX_RECEIPT_BYTES, SignedReceipt, format_receipt
from tallystick.protocol.types import EvidenceId, parse_bytes32, to_hex
from tallystick.service import receipts
from tallystick.service.bundle_file import chunks_of, opened

receipt_app = typer.Typer(
    help="The operator's signed promise to seal an evidence in time, and whether it was kept.", no_args_is_help=True
)

_EXITS = {
    Promise.KEPT: EXIT_OK,
    Promise.OPEN: EXIT_OK,
    Promise.LATE: EXIT_FAILED,
    Promise.BROKEN: EXIT_FAILED,
    Promise.INVALID: EXIT_FAILED,
    Promise.UNCHECKED: EXIT_UNCHECKED,
}
_STYLES = {EXIT_OK: "bold green", EXIT_FAILED: "bold red", EXIT_UNCHECKED: "bold yellow"}


@receipt_app.command("show")
def show(
    evidence: Annotated[str, typer.Argument(help="The evidence id.", show_default=False)],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file to write, to keep.")] = None,
) -> None:
    """Show by when an evidence will be sealed, and write the operator's signed word for it to a file."""
    with bootstrap.open_home(Home.of(os.environ)) as opened:
        signed = receipts.read_receipt(opened.context, EvidenceId(parse_bytes32(evidence, "evidence")))
    if output is not None:
        bootstrap.write_file(output, format_receipt(signed))
        console.print(f"wrote {escape(str(output))}")
    console.print(f"evidence   {to_hex(signed.receipt.evidence)}", soft_wrap=True)
    console.print(f"operator   {to_hex(signed.operator)}")
    console.print(f"received   {moment(signed.receipt.received_at)}")
    console.print(f"seal by    {moment(signed.receipt.seal_by)}")


@receipt_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The receipt file.", show_default=False)],
    bundle: Annotated[
        Path | None, typer.Option(help="Check by this bundle, with neither home nor network; else by this home.")
    ] = None,
    block_hash: Annotated[
        str | None, typer.Option(help="The as-of block's hash of --bundle, from a source you trust.")
    ] = None,
    ledger: Annotated[str | None, typer.Option(help="With --bundle: the ledger contract you rely on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the finding as JSON.")] = False,
) -> None:
    """Say whether a receipt was kept; exit 0 kept or not due, 1 late, broken or invalid, 3 could not check."""
    if bundle is None and (block_hash, ledger) != (None, None):
        raise UsageError(
            "receipt check: expected --block-hash and --ledger with --bundle, got them without.",
            todo="Give the bundle of a party that the evidence concerns, or check by this home without them.",
        )
    data = read_bounded(file, MAX_RECEIPT_BYTES, "receipt")
    with never_reads_as_invalid():
        finding = _check_here(data) if bundle is None else _check_by_bundle(data, bundle, block_hash, ledger, as_json)
    if as_json:
        print_json(receipts.finding_json(finding))
    else:
        _print_finding(finding)
    raise typer.Exit(_EXITS[finding.promise])


def receipt_json(signed: SignedReceipt | None) -> dict[str, object] | None:
    """``signed`` for programs, without the evidence; None where there is none."""
    if signed is None:
        return None
    return {
        "signaturesHash": to_hex(signed.receipt.signatures_hash),
        "receivedAt": signed.receipt.received_at,
        "sealBy": signed.receipt.seal_by,
        "operator": to_hex(signed.operator),
        "signature": to_hex(signed.signature),
    }


def _check_here(data: bytes) -> Finding:
    home = Home.of(os.environ)
    if not home.exists():
        raise UsageError(
            f"{home.directory}: expected a home to check by, found none.",
            todo="Give --bundle and --block-hash, or let TALLYSTICK_HOME name a home of that ledger.",
        )
    try:
        with bootstrap.open_home(home) as opened:
            return receipts.check_here(opened.context, data)
    except UsageError:
        raise
    except TallystickError as error:  # exit code 1 is for a receipt that was checked
        return Finding(Promise.UNCHECKED, str(error))


def _check_by_bundle(data: bytes, bundle: Path, block_hash: str | None, ledger: str | None, as_json: bool) -> Finding:
    if block_hash is None:
        raise UsageError(
            "receipt check: expected --block-hash with --bundle, got none.",
            todo="Take the hash of the bundle's block from a source you trust.",
        )
    trust = parse_trust(block_hash, ledger)
    assert trust.block_hash is not None, "it was given"
    limit = bootstrap.limits().bundle_file_bytes
    with opened(bundle, limit) as source, bars(quiet=as_json) as progress:
        return receipts.check_by_bundle(
            data,
            chunks_of(source, limit),
            code_hashes=bootstrap.published_code_hashes(),
            block_hash=trust.block_hash,
            ledger=trust.ledger,
            progress=lambda done, total: progress("verified", done, total),
        )


def _print_finding(finding: Finding) -> None:
    style = _STYLES[_EXITS[finding.promise]]
    console.print(f"[{style}]{finding.promise.value.upper()}[/]: {escape(finding.message)}", soft_wrap=True)
    if finding.promise is Promise.UNCHECKED:
        console.print("[dim]this is neither good nor bad news about the operator[/]")
    for caveat in finding.caveats:
        console.print(f"[yellow]mind[/] {escape(caveat)}", soft_wrap=True)
