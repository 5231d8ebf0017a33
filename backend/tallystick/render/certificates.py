"""Certificates as files: what the service certifies, set as PDF, with what anybody needs to check it attached."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.errors import UsageError
from tallystick.protocol.types import BlockRef, EvidenceId, PartyId
from tallystick.render import evidence_page, party_page
from tallystick.render.pdf import render_pdf
from tallystick.service.certificate import certify_evidence, certify_party
from tallystick.service.context import Context
from tallystick.service.showing import Showing
from tallystick.service.stamp import CheckToken

LANGUAGES = {"en": ("en",), "zh": ("zh",), "both": ("en", "zh")}
"""What may be asked for, and the languages of its pages."""


def evidence_certificate(
    context: Context,
    evidence_id: EvidenceId,
    language: str,
    check_token: CheckToken,
    *,
    as_of: str | None = None,
    hide: Sequence[str] = (),
) -> tuple[bytes, BlockRef]:
    """The certificate of a final evidence, its proof attached, and the block that proves it.

    Raises:
        Refused: it is not final, or void.
        UsageError: ``language`` is none of ``LANGUAGES``, or as ``certify_evidence`` says.
    """
    pages = _languages(language)
    made = certify_evidence(context, evidence_id, check_token, as_of=as_of, hide=hide)
    block = made.inclusion.as_of
    set_pages = [evidence_page.evidence_page(made, page) for page in pages]
    return render_pdf(set_pages, {evidence_page.ATTACHMENT: made.proof}, block.timestamp), block


def party_certificate(
    context: Context,
    party: PartyId,
    language: str,
    *,
    attach: bool = False,
    as_of: str | None = None,
    hide: Sequence[str] = (),
    showing: Showing | None = None,
) -> tuple[bytes, BlockRef]:
    """The certificate of a party's history, its bundle attached if ``attach``, and the block it is as of.

    Raises:
        Refused: it has no final entry.
        UsageError: ``language`` is none of ``LANGUAGES``, or as ``certify_party`` says.
    """
    pages = _languages(language)
    made = certify_party(context, party, as_of=as_of, hide=hide, showing=showing)
    block = made.bundle.as_of
    set_pages = [party_page.party_page(made, page) for page in pages]
    return render_pdf(set_pages, {party_page.ATTACHMENT: made.data} if attach else {}, block.timestamp), block


def _languages(language: str) -> tuple[str, ...]:
    if language not in LANGUAGES:
        raise UsageError(f"lang: expected one of {', '.join(LANGUAGES)}, got {language}.")
    return LANGUAGES[language]
