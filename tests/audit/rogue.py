"""Whoever does what they must not: a rogue operator, a careless archivist, somebody with access to the database.

The operator goes through the real contracts with real keys; the archivist redoes names and manifest, so that nothing
but the chain tells; the database is changed with plain SQL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from audit.installation import Installation
from tallystick.chain.pledge_calls import PledgeCall, ReleaseCall
from tallystick.chain.records import Append, SendOutcome
from tallystick.protocol import content
from tallystick.protocol.archive import ArchivedEntry, Manifest, parse_archived, parse_bound
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.bundle import BundleEntry
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.log import subject_root
from tallystick.protocol.receivable import LogProof, PledgeTerms, ReleaseTerms
from tallystick.protocol.types import ZERO32, Address, DealId, EvidenceId, Hash, PartyId, Timestamp
from tallystick.service.index import index
from tallystick.service.prove import read_evidence
from tallystick.store.archive import ArchiveReader, ArchiveWriter
from tallystick.store.records import EvidenceRecord, PartyRecord

NO_PARENT = EvidenceId(ZERO32)
NOBODY = PartyId(ZERO32)


@dataclass(frozen=True)
class Signed:
    """An evidence with its signatures and content."""

    evidence: Evidence
    evidence_id: EvidenceId
    signatures: bytes
    disclosures: tuple[str, ...]

    def shown(self) -> BundleEntry:
        return BundleEntry(self.evidence, self.signatures, self.disclosures, ())


@dataclass
class Rogue:
    """The rogue operator of ``home``; ``items`` are what it adds to the archive."""

    home: Installation
    items: list[ArchivedEntry] = field(default_factory=list)

    # signing

    def sign(
        self,
        issuer: PartyRecord,
        counterparty: PartyRecord | None,
        kind: Kind,
        fields: Mapping[str, Json],
        *,
        parent: EvidenceRecord | Signed | None = None,
        deal: DealId | None = None,
        signers: Sequence[Address] | None = None,
        issued_ahead: int = 0,
    ) -> Signed:
        """An evidence in the deal of ``parent``, or ``deal``, signed by ``signers`` or whoever has to."""
        context = self.home.context
        disclosures = tuple(sorted(content.make(fields, context.entropy.bytes)))
        now = context.clock.now()
        evidence = Evidence(
            issuer=issuer.party,
            counterparty=NOBODY if counterparty is None else counterparty.party,
            kind=int(kind),
            deal=deal or (parent.evidence.deal if parent else DealId(context.entropy.bytes(32))),
            parent=parent.evidence_id if parent else NO_PARENT,
            content_root=content.content_root([content.digest(one) for one in disclosures]),
            occurred_at=now,
            issued_at=Timestamp(now + issued_ahead),
        )
        evidence_id = evidence.evidence_id(context.chain.deployment.domain)
        if signers is None:
            both = [issuer, counterparty] if kind is Kind.CONTRACT and counterparty else [issuer]
            signers = [party.signers[-1] for party in both]
        signatures = b"".join(self.home.keys.sign(signer, evidence_id) for signer in signers)
        return Signed(evidence, evidence_id, signatures, disclosures)

    # sealing

    def seal(self, logs: Mapping[PartyId, Sequence[Signed]], *, shows: bool = True) -> int:
        """Seal ``logs``, and show them in the archive; the batch's id."""
        appends = [
            Append(party, subject_root(party, [(one.evidence_id, one.signatures) for one in entries]), len(entries))
            for party, entries in sorted(logs.items())
        ]
        batch_id = self.seal_appends(appends)
        if shows:
            self.show(batch_id, logs)
        return batch_id

    def seal_appends(self, appends: Sequence[Append]) -> int:
        """Seal whatever ``appends`` say."""
        chain, rogue = self.home.context.chain, self.home.rogue
        account = chain.account(rogue)
        signed = chain.sign_seal(
            rogue,
            lambda digest: self.home.keys.sign(rogue, digest),
            account.next_batch,
            sorted(appends, key=lambda append: append.subject),
            account.nonce,
            chain.suggest_fees(),
        )
        assert chain.send(signed.raw) is SendOutcome.TAKEN
        inclusion = chain.inclusion(signed.hash)
        assert inclusion is not None
        assert inclusion.succeeded
        index(self.home.context)
        return account.next_batch

    def show(self, batch_id: int, logs: Mapping[PartyId, Sequence[Signed]]) -> None:
        """Put ``logs`` into the archive as what batch ``batch_id`` holds."""
        places: dict[tuple[EvidenceId, bytes], list[tuple[PartyId, int]]] = {}
        entries: dict[tuple[EvidenceId, bytes], BundleEntry] = {}
        for party, signed in logs.items():
            for place, one in enumerate(signed):
                places.setdefault((one.evidence_id, one.signatures), []).append((party, place))
                entries[one.evidence_id, one.signatures] = one.shown()
        made = [ArchivedEntry(batch_id, tuple(sorted(where)), entries[key]) for key, where in places.items()]
        self.items += sorted(made, key=lambda item: item.places)

    # receivables

    def pledge(self, supplier: PartyRecord, receivable: EvidenceId, fingerprint: Hash, financier: PartyRecord) -> Hash:
        """Let ``supplier`` and ``financier`` pledge what stands in the supplier's log, whatever it is."""
        context = self.home.context
        place = next(
            place for place in read_evidence(context, receivable).placements if place.append.subject == supplier.party
        )
        now = context.clock.now()
        terms = PledgeTerms(
            supplier=supplier.party,
            receivable=receivable,
            fingerprint=fingerprint,
            financier=financier.party,
            expires_at=Timestamp(now + 10**7),
            deadline=Timestamp(now + 10**4),
            nonce=context.entropy.bytes(32),
        )
        name = terms.digest(context.chain.deployment.receivables_domain)
        proof = LogProof(
            operator=place.append.operator,
            batch_id=place.append.batch_id,
            index=place.index,
            signatures_hash=place.signatures_hash,
            count=place.append.count,
            entry_proof=place.entry_proof,
            subject_proof=place.batch_proof,
        )
        signatures = [self.home.keys.sign(party.signers[-1], name) for party in (supplier, financier)]
        self._relay(PledgeCall(terms, proof, *signatures))
        return name

    def release(self, name: Hash, financier: PartyRecord) -> None:
        """Let ``financier`` release the pledge ``name``."""
        context = self.home.context
        deadline = Timestamp(context.clock.now() + 10**4)
        terms = ReleaseTerms(name, financier.party, deadline, context.entropy.bytes(32))
        digest = terms.digest(context.chain.deployment.receivables_domain)
        self._relay(ReleaseCall(terms, self.home.keys.sign(financier.signers[-1], digest)))

    def _relay(self, call: PledgeCall | ReleaseCall) -> None:
        rogue = self.home.rogue
        self.home.context.chain.change_receivable(rogue, lambda digest: self.home.keys.sign(rogue, digest), call)
        index(self.home.context)


Items = list[tuple[Address, ArchivedEntry]]


def read_archive(home: Installation) -> tuple[Manifest, Items, list[PartyBinding]]:
    """Everything that the archive of ``home`` holds."""
    reader = ArchiveReader(home.archive)
    manifest, _ = reader.manifest()
    items = [
        (file.operator, parse_archived(line))
        for file in manifest.entries
        for line in reader.lines(file.content, manifest.encryption)
    ]
    bindings = [] if manifest.bindings is None else list(map(parse_bound, reader.lines(manifest.bindings, None)))
    return manifest, items, bindings


def write_archive(
    home: Installation, manifest: Manifest, items: Items, bindings: list[PartyBinding], *, file_bytes: int = 1 << 22
) -> Manifest:
    """Write an archive of exactly this, with names and manifest that fit, in place of the one there is."""
    for path in home.archive.iterdir():
        path.unlink()
    writer = ArchiveWriter(home.archive, file_bytes=file_bytes)
    for operator, item in sorted(items, key=lambda pair: (pair[0], pair[1].order)):
        writer.add(operator, item)
    writer.add_bindings(bindings)
    return writer.finish(manifest)


def change(
    items: Items, evidence_id: EvidenceId, home: Installation, alter: Callable[[BundleEntry], BundleEntry]
) -> Items:
    """``items`` with the entry of ``evidence_id`` as ``alter`` makes it."""
    domain = home.context.chain.deployment.domain
    return [
        (operator, replace(item, entry=alter(item.entry)))
        if item.entry.evidence.evidence_id(domain) == evidence_id
        else (operator, item)
        for operator, item in items
    ]


def sql(home: Installation, statement: str, *values: object) -> None:
    """Change the database of ``home`` behind its back; exactly one row."""
    with closing(sqlite3.connect(home.database)) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1, statement
