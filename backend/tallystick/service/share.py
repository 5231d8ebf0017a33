"""Share a history: one file that anyone can check against one block hash.

Rules: the bundle is as of a final block, by default the newest; everything in it that can be proven is proven from that
block's header; the holder chooses what to show (``showing.py``); names are the registrar's signed statements, so a home
without the registrar's key shows ids alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tallystick.errors import ChainError
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.bundle import Bundle, BundleAppend, BundleEntry, BundleProof, format_bundle
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Evidence
from tallystick.protocol.slots import LEDGER_REGISTRY_SLOT, REGISTRAR_ROLE, head_slot, role_slot, window_slot
from tallystick.protocol.types import ZERO32, Address, BlockRef, PartyId
from tallystick.service.as_of import find_block
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.parties import bind
from tallystick.service.report import History, Reader, log_append, report_of
from tallystick.service.showing import read_showing
from tallystick.store.records import EvidenceRecord


def bundle(
    context: Context,
    party: PartyId,
    *,
    as_of: str | None = None,
    hide: Sequence[str] = (),
    names_others: bool = True,
) -> tuple[Bundle, bytes]:
    """The bundle of ``party``'s complete history as of ``as_of`` (``as_of.py``), and its bytes.

    ``hide`` are choices of fields (``showing.py``); with ``names_others`` false, only the party itself is named.

    Raises:
        UsageError: no such block, or a choice of no effect. NotFound: a choice names an unknown party.
        ChainError: the node gives no state proofs (``eth_getProof``) for that block.
    """
    block = find_block(context, index(context).block, as_of)
    with context.store.transaction(read_only=True) as transaction:
        showing = read_showing(transaction, hide, names_others=names_others)
        history = Reader(context, block, showing).read(transaction, party)
        showing.check_used()
        named = [other for other in sorted(_parties(history)) if showing.names(party, other)]
        known = [transaction.party(other) for other in named]
    nameable = [record for record in known if record is not None and record.identifiers]
    bindings = () if context.registrar is None else tuple(bind(context, record) for record in nameable)
    proof = prove(context, party, history.as_of, history.windows, bindings)
    made = Bundle(
        chain_id=context.chain.deployment.chain_id,
        registry=context.chain.deployment.registry,
        ledger=context.chain.deployment.ledger,
        subject=party,
        as_of=history.as_of,
        proof=proof,
        windows=dict(sorted(history.windows.items())),
        appends=_appends(history),
        bindings=bindings,
        report=report_of(history),
    )
    return made, format_bundle(made)


def _appends(history: History) -> tuple[BundleAppend, ...]:
    judged = iter(history.entries)
    appends = []
    for append, records in zip(history.appends, history.records, strict=True):
        shown = None
        if records is not None:
            shown = tuple(bundle_entry(record, next(judged).standing) for record in records)
        appends.append(BundleAppend(log_append(append), shown))
    return tuple(appends)


def bundle_entry(record: EvidenceRecord, standing: Standing) -> BundleEntry:
    """``record`` as a bundle shows it."""
    return BundleEntry(
        evidence=record.evidence,
        signatures=record.signatures,
        disclosures=tuple(sorted(record.disclosures)),
        hidden=tuple(sorted(record.hidden)),
        standing=standing,
    )


def prove(
    context: Context,
    party: PartyId,
    as_of: BlockRef,
    windows: Iterable[tuple[PartyId, Address]],
    bindings: Iterable[PartyBinding],
) -> BundleProof:
    """The proof of every slot that a bundle of ``party`` relies upon. Raises ``ChainError``."""
    deployment = context.chain.deployment
    registry_slots = [window_slot(of, signer) for of, signer in windows]
    registry_slots += {role_slot(REGISTRAR_ROLE, binding.signer(deployment.domain)) for binding in bindings}
    proof = context.chain.state_proof(
        as_of,
        {
            deployment.ledger: [LEDGER_REGISTRY_SLOT, head_slot(party)],
            deployment.registry: sorted(registry_slots),
        },
    )
    if proof.block != as_of:
        raise ChainError("state proof: the node proved another block than asked for.", todo="Try again.")
    return BundleProof(proof.header, proof.nodes)


def _parties(history: History) -> set[PartyId]:
    """The subject and whoever it deals with."""
    evidence: list[Evidence] = [entry.evidence for entry in history.entries]
    named = {history.party} | {e.issuer for e in evidence} | {e.counterparty for e in evidence}
    return {party for party in named if party != ZERO32}
