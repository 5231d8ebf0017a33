"""Make a bundle fit an altered history, as a forger with a node and this very software at hand would.

Rules:

- everything that can be recomputed is: counts, roots, the signers relied upon, standings, the report, the state proofs;
- what can't be made is left as it was: signatures of others, and the state that a block hash names.

So what the verifier then objects to is the one thing that nobody can forge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from tallystick.protocol import content
from tallystick.protocol.bundle import Bundle, BundleAppend, BundleEntry, BundleProof
from tallystick.protocol.entry import Entry
from tallystick.protocol.evidence import Domain
from tallystick.protocol.log import subject_root
from tallystick.protocol.slots import LEDGER_REGISTRY_SLOT, REGISTRAR_ROLE, head_slot, role_slot, window_slot
from tallystick.protocol.standing import SealedEntry, Signers, judge, recover_signers
from tallystick.protocol.types import Address, EvidenceId, PartyId, SignerWindow, Timestamp
from tallystick.service.ports import Chain
from tallystick.service.report import derive

Windows = Mapping[tuple[PartyId, Address], SignerWindow]
Change = Callable[[EvidenceId, BundleEntry], BundleEntry | None]
"""Says what becomes of an entry: itself, another, or None to leave it out."""


def alter(bundle: Bundle, change: Change) -> tuple[BundleAppend, ...]:
    """The appends of ``bundle`` with ``change`` made to each entry, their counts and roots to match.

    An append of which nothing is left is left out as a whole; one that is withheld stays as it is.
    """
    appends = []
    for item in bundle.appends:
        if item.entries is None:
            appends.append(item)
            continue
        changed = [change(entry.evidence.evidence_id(bundle.domain), entry) for entry in item.entries]
        kept = tuple(entry for entry in changed if entry is not None)
        if kept:
            leaves = [(entry.evidence.evidence_id(bundle.domain), entry.signatures) for entry in kept]
            root = subject_root(bundle.subject, leaves)
            appends.append(BundleAppend(replace(item.append, count=len(kept), root=root), kept))
    return tuple(appends)


def restate(
    chain: Chain, bundle: Bundle, appends: Sequence[BundleAppend], *, pretended: Windows | None = None
) -> Bundle:
    """``bundle`` about ``appends`` instead of its own, with all that follows from them made anew.

    Entries are given the standing they would have under the ``pretended`` windows; None means the true ones. The
    state proofs come from the node behind ``chain``.
    """
    judged = history(bundle, appends, pretended)
    used = {pair for item in appends for entry in item.entries or () for pair in _signers(entry, bundle.domain)}
    made = replace(
        bundle,
        appends=_with_standings(appends, judged),
        windows={pair: bundle.windows[pair] for pair in sorted(used)},
        report=derive(bundle.subject, judged, bundle.as_of, _withheld(appends)),
    )
    return replace(made, proof=_prove(chain, made))


def history(bundle: Bundle, appends: Sequence[BundleAppend], windows: Windows | None = None) -> list[Entry]:
    """The entries of ``appends`` judged as a log of the subject of ``bundle``, with its windows or others."""
    known = bundle.windows if windows is None else windows
    batches = [
        (item.append, None if item.entries is None else [_unpack(entry, bundle.domain) for entry in item.entries])
        for item in appends
    ]
    return judge(bundle.subject, batches, lambda party, signer: known.get((party, signer)))


def never_revoked(windows: Windows) -> Windows:
    """``windows`` as if no signer had ever been revoked."""
    return {pair: replace(window, revoked_at=Timestamp(0)) for pair, window in windows.items()}


def with_amount(entry: BundleEntry, name: str, amount: str) -> BundleEntry:
    """``entry`` with the field ``name`` disclosed as ``amount``; its salt may be any, for the forger holds the file."""
    kept = [disclosure for disclosure in entry.disclosures if content.parse(disclosure)[0] != name]
    return replace(entry, disclosures=tuple(sorted([*kept, *content.make({name: amount}, bytes)])))


def _withheld(appends: Sequence[BundleAppend]) -> int:
    return sum(item.append.count for item in appends if item.entries is None)


def _signers(entry: BundleEntry, domain: Domain) -> Iterator[tuple[PartyId, Address]]:
    """The (party, signer) pairs whose windows ``entry`` relies upon."""
    signers = _recover(entry, entry.evidence.evidence_id(domain)) or ()
    yield from zip(entry.evidence.signing_parties(), signers, strict=False)


def _recover(entry: BundleEntry, evidence_id: EvidenceId) -> Signers:
    return recover_signers(evidence_id, entry.signatures, len(entry.evidence.signing_parties()))


def _unpack(entry: BundleEntry, domain: Domain) -> SealedEntry:
    evidence_id = entry.evidence.evidence_id(domain)
    return SealedEntry(
        evidence_id=evidence_id,
        evidence=entry.evidence,
        signers=_recover(entry, evidence_id),
        fields=content.parse_all(entry.disclosures),
        hidden=content.hidden_count(entry.evidence.content_root, entry.disclosures, entry.hidden),
    )


def _with_standings(appends: Sequence[BundleAppend], judged: Sequence[Entry]) -> tuple[BundleAppend, ...]:
    standings = iter(judged)
    return tuple(
        item
        if item.entries is None
        else replace(item, entries=tuple(replace(entry, standing=next(standings).standing) for entry in item.entries))
        for item in appends
    )


def _prove(chain: Chain, bundle: Bundle) -> BundleProof:
    """The proofs that the verifier of ``bundle`` will look for, none missing and none to spare."""
    registrars = {binding.signer(bundle.domain) for binding in bundle.bindings}
    registry_slots = [window_slot(party, signer) for party, signer in bundle.windows]
    registry_slots += [role_slot(REGISTRAR_ROLE, registrar) for registrar in registrars]
    proof = chain.state_proof(
        bundle.as_of,
        {bundle.ledger: [LEDGER_REGISTRY_SLOT, head_slot(bundle.subject)], bundle.registry: sorted(registry_slots)},
    )
    return BundleProof(proof.header, proof.nodes)
