"""``tallystick certificate``: an evidence or a party's history as a PDF, for a court, a bank or a partner."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import bootstrap
from tallystick.cli.histories import AsOf
from tallystick.cli.output import console
from tallystick.config import Home
from tallystick.errors import UsageError
from tallystick.protocol.types import BlockRef, EvidenceId, PartyId, parse_bytes32, to_hex
from tallystick.service import parties
from tallystick.service.context import Context
from tallystick.service.stamp import CheckToken

LANGUAGES = {"en": ("en",), "zh": ("zh",), "both": ("en", "zh")}
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
    if language not in LANGUAGES:
        raise UsageError(f"--lang: expected one of {', '.join(LANGUAGES)}, got {language}.")
    home = Home.of(os.environ)
    with bootstrap.open_home(home) as opened:
        evidence, party = _find(opened.context, what)
        if evidence is not None:
            if attach:
                raise UsageError("--attach: expected with a party; the proof of an evidence is always attached.")
            data, block = _evidence(
                opened.context, evidence, LANGUAGES[language], bootstrap.token_check(home), as_of, hide or ()
            )
        else:
            assert party is not None, "what was found is one of the two"
            data, block = _party(opened.context, party, LANGUAGES[language], attach, as_of, hide or ())
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


def _evidence(
    context: Context,
    evidence_id: EvidenceId,
    languages: tuple[str, ...],
    check_token: CheckToken,
    as_of: str | None,
    hide: Sequence[str],
) -> tuple[bytes, BlockRef]:
    from tallystick.render.evidence_page import ATTACHMENT, evidence_page
    from tallystick.render.pdf import render_pdf
    from tallystick.service.certificate import certify_evidence

    made = certify_evidence(context, evidence_id, check_token, as_of=as_of, hide=hide)
    block = made.inclusion.as_of
    pages = [evidence_page(made, language) for language in languages]
    return render_pdf(pages, {ATTACHMENT: made.proof}, block.timestamp), block


def _party(
    context: Context,
    party: PartyId,
    languages: tuple[str, ...],
    attach: bool,
    as_of: str | None,
    hide: Sequence[str],
) -> tuple[bytes, BlockRef]:
    from tallystick.render.party_page import ATTACHMENT, party_page
    from tallystick.render.pdf import render_pdf
    from tallystick.service.certificate import certify_party

    made = certify_party(context, party, as_of=as_of, hide=hide)
    block = made.bundle.as_of
    pages = [party_page(made, language) for language in languages]
    return render_pdf(pages, {ATTACHMENT: made.data} if attach else {}, block.timestamp), block
