"""``tallystick record``, ``countersign`` and ``seal``: evidence from a file to the chain."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.opening import AsJson, File, opened, read_input
from tallystick.cli.output import bars, console, print_json
from tallystick.cli.receipt import receipt_json
from tallystick.intake.drafts import parse_drafts
from tallystick.protocol.types import EvidenceId, parse_bytes32, to_hex
from tallystick.service import parties, record
from tallystick.service.receipts import receipts_of
from tallystick.service.sending import seal_beside_others


def record_evidence(file: File, as_json: AsJson = False) -> None:
    """Record the evidence of a JSON file: one draft, or a list of them; all are accepted or none."""
    drafts = parse_drafts(read_input(file))
    with opened() as context:
        made = record.record(context, drafts)
        signed = receipts_of(context, made) if as_json else {}
    for draft, item in zip(drafts, made, strict=True):
        if as_json:
            receipt = receipt_json(signed.get(item.evidence_id))
            told = {"evidence": to_hex(item.evidence_id), "kind": draft.kind.name, "status": item.state.value}
            print_json({**told, "receipt": receipt})
        else:
            console.print(f"{draft.kind.name:<16} {to_hex(item.evidence_id)}  {item.state.value}")


def countersign(
    evidence: Annotated[str, typer.Argument(help="The evidence id of a CONTRACT.", show_default=False)],
) -> None:
    """Countersign a contract with its counterparty's managed key."""
    with opened() as context:
        made = record.countersign(context, EvidenceId(parse_bytes32(evidence, "evidence")))
    console.print(f"{to_hex(made.evidence_id)}  {made.state.value}")


def seal_pending(as_json: AsJson = False) -> None:
    """Seal everything recorded, and wait until it is final."""
    with opened() as context, bars(quiet=as_json) as progress:
        parties.complete_admissions(context, progress)
        batches = seal_beside_others(context, progress)
    if as_json:
        print_json({"batches": batches})
    else:
        console.print(f"sealed and final, batches: {batches}" if batches else "nothing to seal")
