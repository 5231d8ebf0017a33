"""``tallystick status``: what is recorded, sealed and indexed, also while another process works in the home."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.table import Table

from tallystick import bootstrap
from tallystick.cli.output import console, messages, print_json
from tallystick.config import Home
from tallystick.errors import HomeInUse
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.types import to_hex
from tallystick.service.ports import Store
from tallystick.service.status import Status, status, stored_status

LOCK_TIMEOUT_SECONDS = 0.5


def show_status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """Say what is recorded, what is sealed, and how far the chain is indexed."""
    home = Home.of(os.environ)
    busy: str | None = None
    try:
        with bootstrap.open_home(home, lock_timeout_seconds=LOCK_TIMEOUT_SECONDS) as opened:
            now, deployment = status(opened.context), opened.context.chain.deployment
    except HomeInUse as error:
        busy = error.message
        with bootstrap.store_of(home) as store:
            now, deployment = stored_status(store), _deployment(store)
    operator = home.settings().operator
    identity = {
        "chainId": deployment.chain_id,
        "ledger": to_hex(deployment.ledger),
        "operator": None if operator is None else to_hex(operator),
    }
    if as_json:
        print_json({**identity, **_figures(now), "inUse": busy})
        return
    table = Table.grid(padding=(0, 2))
    table.add_row("chain", f"{identity['chainId']}, ledger {identity['ledger']}")
    table.add_row("operator", str(identity["operator"]))
    table.add_row("indexed", "nothing yet" if now.cursor is None else f"up to block {now.cursor.block_number}")
    if now.final is not None:
        table.add_row("final block", f"{now.final.number}, {now.blocks_behind} not indexed yet")
    table.add_row("parties", str(now.counts.parties))
    for state, number in now.counts.evidence.items():
        table.add_row(f"evidence {state.value}", str(number))
    table.add_row("sealed batches", f"{now.counts.sealed_batches}, {now.counts.log_entries} log entries")
    console.print(table)
    if busy is not None:
        messages.print(f"[yellow]the chain was not asked:[/] {busy}")


def _deployment(store: Store) -> Deployment:
    with store.transaction(read_only=True) as transaction:
        deployment = transaction.deployment()
    assert deployment is not None, "a home is made with its deployment"
    return deployment


def _figures(now: Status) -> dict[str, object]:
    return {
        "indexedBlock": None if now.cursor is None else now.cursor.block_number,
        "finalBlock": None if now.final is None else now.final.number,
        "blocksBehind": now.blocks_behind,
        "parties": now.counts.parties,
        "evidence": {state.value: number for state, number in now.counts.evidence.items()},
        "batches": {state.value: number for state, number in now.counts.batches.items()},
        "sealedBatches": now.counts.sealed_batches,
        "logEntries": now.counts.log_entries,
    }
