"""The commands, one function each: parse, call, print.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage; ``verify``: 0 valid, 1 invalid, 2 usage, 3 could not check;
``audit replay``: 0 nothing found, 1 faults, 2 usage, 3 could not check everything;
``receipt check``: 0 kept or not due, 1 late, broken or invalid, 2 usage, 3 could not check.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick import __version__, bootstrap
from tallystick.cli import demo as demo_command
from tallystick.cli.archive import archive_app
from tallystick.cli.audit import audit_app
from tallystick.cli.bank import bank_command
from tallystick.cli.certificate import certificate_command
from tallystick.cli.documents import DocumentsByDefault, import_command
from tallystick.cli.histories import bundle_command, changes_command, diff_command, history_command
from tallystick.cli.keys import key_app
from tallystick.cli.operate import doctor_command, serve_command, worker_command
from tallystick.cli.output import (
    EXIT_FAILED,
    EXIT_USAGE,
    bars,
    console,
    messages,
    print_error,
    print_json,
)
from tallystick.cli.receipt import receipt_app, receipt_json
from tallystick.cli.receivable import receivable_app
from tallystick.cli.status import show_status
from tallystick.cli.timestamp import timestamp_command
from tallystick.cli.verify import verify_command
from tallystick.config import Home
from tallystick.errors import NotFound, TallystickError, UsageError
from tallystick.intake.drafts import parse_drafts
from tallystick.intake.receivables import parse_mapping, read_receivables, ready_made
from tallystick.keys.secret_file import read_secret
from tallystick.protocol.types import EvidenceId, PartyId, parse_address, parse_bytes32, to_hex
from tallystick.service import importing, parties, record
from tallystick.service.context import Context
from tallystick.service.receipts import receipts_of
from tallystick.service.sending import seal_beside_others
from tallystick.store.records import PartyRecord

app = typer.Typer(
    name="tallystick",
    help="Signed B2B trade evidence, anchored on a chain, complete, and verifiable by anyone offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
party_app = typer.Typer(help="Admit parties to the ledger, list them, and change their keys.", no_args_is_help=True)
import_app = typer.Typer(
    cls=DocumentsByDefault,
    help="Turn documents that companies already have into evidence: `tallystick import FILE...`.",
    no_args_is_help=True,
)
app.add_typer(party_app, name="party")
app.add_typer(import_app, name="import")
app.add_typer(receivable_app, name="receivable")
app.add_typer(receipt_app, name="receipt")
app.add_typer(key_app, name="key")
app.add_typer(archive_app, name="archive")
app.add_typer(audit_app, name="audit")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
File = Annotated[Path, typer.Argument(help="The file to read.", show_default=False)]


def main() -> None:
    """Run the command line; every expected failure ends in a message that says what to do."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        app()
    except UsageError as error:
        print_error(error)
        sys.exit(EXIT_USAGE)
    except TallystickError as error:
        print_error(error)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        messages.print("stopped: what was acknowledged is kept; run the same command again to go on")
        sys.exit(130)


@contextlib.contextmanager
def _opened() -> Iterator[Context]:
    """The installation of this home, ready to work."""
    with bootstrap.open_home(Home.of(os.environ)) as opened:
        yield opened.context


def _read(path: Path) -> bytes:
    """The bytes of ``path``. Raises ``NotFound`` where it can't be read, also where it is larger than the limit."""
    limit = bootstrap.limits().bundle_bytes
    try:
        if path.stat().st_size > limit:
            raise UsageError(f"{path}: expected at most {limit} bytes, got {path.stat().st_size}.", todo="Split it.")
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path}: can't be read ({error.strerror}).", todo="Check the path.") from error


@app.command()
def version() -> None:
    """Print the version."""
    console.print(f"tallystick {__version__}")


@app.command()
def init(
    rpc: Annotated[str | None, typer.Option(help="JSON-RPC URL of an EVM node; else the embedded chain.")] = None,
    database: Annotated[str | None, typer.Option(help="Database URL; without it, SQLite in the home.")] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File with the funded account's private key in hex, for a node given by --rpc.")
    ] = None,
    contracts: Annotated[
        Path | None, typer.Option(help="Address file of contracts at --rpc to use; else they are deployed.")
    ] = None,
    network_key_file: Annotated[
        Path | None, typer.Option(help="File with the network key of the ledger of --contracts: 64 hex digits.")
    ] = None,
) -> None:
    """Make a home: keys, database, and a deployment of the contracts, new or existing."""
    home = Home.of(os.environ)
    existing = _existing(rpc, contracts, network_key_file)
    key = None if key_file is None else read_secret(key_file, "--key-file", prefix="0x")
    deployment = bootstrap.init_home(home, rpc_url=rpc, database_url=database, funded_key=key, existing=existing)
    console.print(f"home      {escape(str(home.directory))}")
    console.print(f"chain     {deployment.chain_id}" + ("" if rpc else " (embedded)"))
    console.print(f"ledger    {to_hex(deployment.ledger)}")
    console.print(f"registry  {to_hex(deployment.registry)}")
    if home.settings().registrar is None:
        console.print("registrar somebody else: only they admit parties; this home records and seals")
    console.print("next: tallystick party add NAME --id SCHEME:IDENTIFIER")


def _existing(rpc: str | None, contracts: Path | None, network_key_file: Path | None) -> bootstrap.Existing | None:
    """The existing contracts that ``init`` is to use, if any. Raises ``UsageError`` where an option is missing."""
    if contracts is None and network_key_file is None:
        return None
    given = {"--rpc": rpc, "--contracts": contracts, "--network-key-file": network_key_file}
    if contracts is None or network_key_file is None or rpc is None:
        missing = ", ".join(name for name, value in given.items() if value is None)
        raise UsageError(
            f"init: expected --rpc, --contracts and --network-key-file together, got none for {missing}.",
            todo="Take the network key from the first home of that ledger: `tallystick key export-network-key`.",
        )
    return bootstrap.Existing(_read(contracts), read_secret(network_key_file, "--network-key-file"))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def devnet(context: typer.Context) -> None:
    """Run the development chain as a JSON-RPC server (no Node, no Hardhat); `devnet --help` lists its options."""
    raise typer.Exit(bootstrap.run_devnet(context.args))


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
    with _opened() as context, bars(quiet=as_json) as progress:
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
    with _opened() as context:
        parties.admit_elsewhere(context, PartyId(parse_bytes32(party, "party")), parse_address(signer, "signer"))
    console.print(f"admitted {party}\nsigner   {signer}", soft_wrap=True)


@party_app.command("list")
def party_list(as_json: AsJson = False) -> None:
    """List the parties known here; with --json one object a line."""
    with _opened() as context, context.store.transaction() as transaction:
        found = transaction.parties()
    if as_json:
        for party in found:
            print_json(_party_json(party))
        return
    table = Table("party", "name", "identifiers", box=None)
    for party in found:
        table.add_row(to_hex(party.party)[:18] + "…", escape(party.name), escape(" ".join(map(str, party.identifiers))))
    console.print(table if found else "no parties yet: tallystick party add NAME --id SCHEME:IDENTIFIER")


@party_app.command("rotate")
def party_rotate(name: Annotated[str, typer.Argument(help="The party.", show_default=False)]) -> None:
    """Give a party a new key and revoke its old ones; what they signed and is anchored stays good."""
    with _opened() as context:
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


@app.command("record")
def record_evidence(file: File, as_json: AsJson = False) -> None:
    """Record the evidence of a JSON file: one draft, or a list of them; all are accepted or none."""
    drafts = parse_drafts(_read(file))
    with _opened() as context:
        made = record.record(context, drafts)
        signed = receipts_of(context, made) if as_json else {}
    for draft, item in zip(drafts, made, strict=True):
        if as_json:
            receipt = receipt_json(signed.get(item.evidence_id))
            told = {"evidence": to_hex(item.evidence_id), "kind": draft.kind.name, "status": item.state.value}
            print_json({**told, "receipt": receipt})
        else:
            console.print(f"{draft.kind.name:<16} {to_hex(item.evidence_id)}  {item.state.value}")


@app.command()
def countersign(
    evidence: Annotated[str, typer.Argument(help="The evidence id of a CONTRACT.", show_default=False)],
) -> None:
    """Countersign a contract with its counterparty's managed key."""
    with _opened() as context:
        made = record.countersign(context, EvidenceId(parse_bytes32(evidence, "evidence")))
    console.print(f"{to_hex(made.evidence_id)}  {made.state.value}")


@import_app.command("receivables")
def import_receivables(
    file: File,
    mapping: Annotated[
        str | None,
        typer.Option(help="Column mapping: TOML file or name of a ready-made one; else by the header."),
    ] = None,
    supplier: Annotated[
        str | None, typer.Option(help="Whose ledger it is; without it, a party of its own named after the file.")
    ] = None,
    simulate_counterparties: Annotated[
        bool, typer.Option(help="Customers become managed parties that countersign, acknowledge, dispute and resolve.")
    ] = False,
    no_seal: Annotated[bool, typer.Option("--no-seal", help="Record only; seal later with `tallystick seal`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import an accounts-receivable ledger from CSV: invoices, payments, and what customers answer."""
    chosen = None
    if mapping is not None:
        made = ready_made()
        chosen = made[mapping] if mapping in made else parse_mapping(_read(Path(mapping)), mapping)
    used, lines = read_receivables(_read(file), chosen, bootstrap.limits().csv_rows)
    with _opened() as context, bars(quiet=as_json) as progress:
        owner = _ledger_owner(context, supplier)
        result = importing.import_receivables(
            context,
            owner,
            lines,
            used.customer_scheme,
            simulate_counterparties=simulate_counterparties,
            progress=progress,
        )
        sealed = 0 if no_seal else seal_beside_others(context, progress)
    if as_json:
        print_json(
            {
                "lines": len(lines),
                "recorded": result.recorded,
                "known": result.known,
                "differing": list(result.differing),
                "settled": result.settled,
                "evidence": result.evidence,
                "customersAdded": result.customers_added,
                "unstatedDisputes": result.unstated_disputes,
                "batches": sealed,
            }
        )
        return
    paid = f", {result.settled} of them paid since" if result.settled else ""
    console.print(f"{len(lines)} lines: {result.recorded} recorded, {result.known} known already{paid}")
    console.print(
        f"{result.evidence} evidence recorded for {escape(owner.name)}, {result.customers_added} customers added"
    )
    if result.differing:
        rows = ", ".join(map(str, result.differing[:10])) + (", ..." if len(result.differing) > 10 else "")
        console.print(f"{len(result.differing)} known lines bill something else than was recorded, in rows {rows}")
        console.print("nothing of them was changed: state a CORRECTION with `tallystick record`")
    if result.unstated_disputes:
        console.print(
            f"{result.unstated_disputes} disputed lines: a dispute is the customer's to state, so none was recorded"
        )
    if not no_seal:
        console.print(f"all sealed and final, batches: {sealed}")


def _ledger_owner(context: Context, supplier: str | None) -> PartyRecord:
    """The party whose ledger is imported, made on the first import where nobody is named."""
    with context.store.transaction() as transaction:
        if supplier is not None:
            return parties.find_party(transaction, supplier)
        known = transaction.party_by_identifier(importing.LEDGER_OWNER)
    if known is not None:
        return known
    member = parties.NewParty("Ledger owner", (importing.LEDGER_OWNER,))
    return parties.add_parties(context, [member])[0]


@app.command("seal")
def seal_pending(as_json: AsJson = False) -> None:
    """Seal everything recorded, and wait until it is final."""
    with _opened() as context, bars(quiet=as_json) as progress:
        parties.complete_admissions(context, progress)
        batches = seal_beside_others(context, progress)
    if as_json:
        print_json({"batches": batches})
    else:
        console.print(f"sealed and final, batches: {batches}" if batches else "nothing to seal")


import_app.command("documents")(import_command)
app.command("bank")(bank_command)
app.command("history")(history_command)
app.command("changes")(changes_command)
app.command("bundle")(bundle_command)
app.command("status")(show_status)
app.command("certificate")(certificate_command)
app.command("timestamp")(timestamp_command)
app.command("verify")(verify_command)
app.command("diff")(diff_command)
app.command("demo")(demo_command.demo)
app.command("serve")(serve_command)
app.command("worker")(worker_command)
app.command("doctor")(doctor_command)
