"""The part of ``tallystick verify`` that reads certificates: the PDF itself, and the proof of one evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rich.markup import escape

from tallystick import bootstrap, stamping
from tallystick.cli.output import console, print_json
from tallystick.config import SystemClock
from tallystick.errors import MalformedInput, UsageError
from tallystick.protocol import content
from tallystick.protocol.evidence import kind_name
from tallystick.protocol.types import ZERO32, Address, Hash, to_hex
from tallystick.protocol.verdict import Outcome
from tallystick.render.attachment import attached_file, is_pdf
from tallystick.render.page import moment, one_line
from tallystick.service.check_proof import ProofVerdict, check_proof, proof_json


def unwrapped(data: bytes, limit: int) -> bytes:
    """What is attached to ``data`` where it is a certificate, else ``data`` itself.

    Raises ``UsageError``: a PDF that nothing can be taken from was not checked, which is not the same as invalid.
    """
    if not is_pdf(data):
        return data
    try:
        return attached_file(data, limit)
    except MalformedInput as error:
        raise UsageError(error.message, todo=error.todo) from error


class Trust(Protocol):
    """What the reader names."""

    @property
    def block_hash(self) -> Hash | None: ...

    @property
    def ledger(self) -> Address | None: ...


def verify_proof(data: bytes, trust: Trust, rpc: Sequence[str], roots_file: Path | None, as_json: bool) -> Outcome:
    """Check and show the proof of one evidence; the outcome."""
    verdict = check_proof(
        data,
        code_hashes=bootstrap.published_code_hashes(),
        block_hash=trust.block_hash,
        ledger=trust.ledger,
        nodes=[bootstrap.node(url) for url in rpc],
        timestamp_roots=() if roots_file is None else stamping.timestamp_roots(roots_file),
        now=SystemClock().now(),
    )
    if as_json:
        print_json(proof_json(verdict))
    else:
        _print(verdict)
    return verdict.outcome


_STYLES = {Outcome.VALID: "bold green", Outcome.INVALID: "bold red", Outcome.UNCHECKED: "bold yellow"}


def _print(verdict: ProofVerdict) -> None:
    told, outcome = verdict.inclusion, verdict.outcome
    failed = f" at step {told.failed.value}" if told.failed else ""
    message = told.message if outcome is told.outcome else "a time-stamp in the file does not hold"
    console.print(f"[{_STYLES[outcome]}]{outcome.value.upper()}{failed}[/]: {escape(message)}", soft_wrap=True)
    for stamp in verdict.timestamps:
        at = "no time" if stamp.at is None else moment(stamp.at)
        by = f" by {stamp.authority}" if stamp.authority else ""
        line = f"time-stamp {at}{by}: {stamp.outcome.value}, {stamp.message}"
        console.print(escape(line), soft_wrap=True)
    inclusion = told.inclusion
    if inclusion is None or outcome is Outcome.INVALID:
        return
    names = {binding.party: binding.name for binding in inclusion.bindings}
    evidence = inclusion.evidence
    console.print(f"evidence   {to_hex(inclusion.evidence_id)}  {kind_name(evidence.kind)}", soft_wrap=True)
    for role, party in (("issuer", evidence.issuer), ("about", evidence.counterparty)):
        if party != ZERO32:
            console.print(f"{role:<10} {escape(names.get(party, to_hex(party)))}", soft_wrap=True)
    for name, value in content.parse_all(inclusion.disclosures).items():
        console.print(f"  {name:<18} {escape(one_line(value))}", soft_wrap=True)
    console.print(f"as of      {moment(inclusion.as_of.timestamp)}: what was sealed later is not in it")
    if outcome is Outcome.UNCHECKED:
        console.print("proven     nothing yet: this is neither good nor bad news about the evidence")
    for caveat in told.caveats:
        console.print(f"[yellow]mind[/]       {escape(caveat)}", soft_wrap=True)
    console.print("[dim]a printed page is not checked: compare it with this[/]")
