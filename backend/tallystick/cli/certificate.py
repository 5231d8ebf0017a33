"""``tallystick certificate``: an evidence or a party's history as a PDF, for a court, a bank or a partner."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import bootstrap, stamping
from tallystick.cli.histories import AsOf
from tallystick.cli.output import console
from tallystick.config import Home
from tallystick.errors import UsageError
from tallystick.protocol.types import EvidenceId, PartyId, parse_bytes32, to_hex
from tallystick.service import parties
from tallystick.service.context import Context

_HEX32 = re.compile("0x[0-9a-f]{64}")


def certificate_command(
    what: Annotated[str, typer.Argument(help="An evidence id; or a party: id, SCHEME:identifier, unique name.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write, NAME.pdf.")],
    language: Annotated[str, typer.Option("--lang", help="en, zh (简体中文) or both.")] = "en",
    as_of: AsOf = None,
    hide: Annotated[
        list[str] | None,
        typer.Option(
            "--hide", metavar="FIELD", help="Keep a field to yourself; of a party also FIELD@PARTY, see bundle."
        ),
    ] = None,
    attach: Annotated[
        bool, typer.Option("--attach", help="Of a party: attach the bundle, so that the PDF alone can be verified.")
    ] = False,
) -> None:
    """Make a certificate of a final evidence, or of a party's history; verify it with `tallystick verify`."""
    # typst and its fonts take their time: only here
    from tallystick.render.certificates import evidence_certificate, party_certificate

    home = Home.of(os.environ)
    with bootstrap.open_home(home) as opened:
        evidence, party = _find(opened.context, what)
        if evidence is not None:
            if attach:
                raise UsageError("--attach: expected with a party; the proof of an evidence is always attached.")
            data, block = evidence_certificate(
                opened.context, evidence, language, stamping.token_check(home), as_of=as_of, hide=hide or ()
            )
        else:
            assert party is not None, "what was found is one of the two"
            data, block = party_certificate(
                opened.context, party, language, attach=attach, as_of=as_of, hide=hide or ()
            )
    bootstrap.write_file(output, data)
    console.print(f"wrote {escape(str(output))}: {len(data):,} bytes, as of block {block.number} {to_hex(block.hash)}")


def _find(context: Context, what: str) -> tuple[EvidenceId | None, PartyId | None]:
    """The evidence that ``what`` names, or else the party."""
    with context.store.transaction(read_only=True) as transaction:
        if _HEX32.fullmatch(what):
            evidence_id = EvidenceId(parse_bytes32(what, "evidence"))
            if transaction.evidence([evidence_id]) or transaction.party(PartyId(evidence_id)) is None:
                return evidence_id, None
        return None, parties.find_party(transaction, what).party
