"""The outbox of changes to the registry, statements of compromise, receipts and bindings that a worker signs later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from tallystick.errors import Duplicate
from tallystick.protocol.types import Address, EvidenceId, PartyId, Timestamp, to_hex
from tallystick.store.identity_schema import party_binding, registry_change, signer_compromise
from tallystick.store.records import EvidenceRecord, ReceiptRecord
from tallystick.store.rows import evidence_record, select_evidence
from tallystick.store.schema import acceptance, batch, evidence, identifier
from tallystick.store.signer_records import Compromise, RegistryChange

_CHANGES = select(
    registry_change.c.position,
    registry_change.c.act,
    registry_change.c.party,
    registry_change.c.signer,
    registry_change.c.added,
    registry_change.c.managed,
    registry_change.c.after,
    registry_change.c.requested_at,
    registry_change.c.done_at,
    registry_change.c.trouble,
).order_by(registry_change.c.position)
_OPEN = _CHANGES.where(registry_change.c.done_at.is_(None))


class SignerRows:
    """The part of a transaction that reads and writes what is to be done to signers."""

    _connection: Connection

    def add_registry_change(
        self,
        act: str,
        party: PartyId,
        signer: Address,
        at: Timestamp,
        *,
        added: bool,
        managed: bool = False,
        after: int | None = None,
    ) -> int:
        """Keep a change that is to be made; its position. Raises ``Duplicate`` if it was asked for before."""
        same = (
            registry_change.c.party == party,
            registry_change.c.signer == signer,
            registry_change.c.added.is_(added),
        )
        if self._connection.execute(select(registry_change.c.position).where(*same)).first() is not None:
            deed = "to be added" if added else "to be revoked"
            raise Duplicate(f"signer {to_hex(signer)}: it is {deed} already.", todo="List the party's signers.")
        row = {
            "act": act,
            "party": party,
            "signer": signer,
            "added": added,
            "managed": managed,
            "after": after,
            "requested_at": at,
        }
        made = self._connection.execute(registry_change.insert().returning(registry_change.c.position), row)
        return int(made.scalar_one())

    def open_registry_changes(self) -> list[RegistryChange]:
        """The changes that no final block shows yet, oldest first."""
        return self._changes(_OPEN)

    def registry_changes(self, party: PartyId) -> list[RegistryChange]:
        """All changes that were asked for ``party``, oldest first."""
        return self._changes(_CHANGES.where(registry_change.c.party == party))

    def note_registry_change(
        self, position: int, *, done_at: Timestamp | None = None, trouble: str | None = None
    ) -> None:
        """The change at ``position`` was seen in a final block, or failed for now."""
        values = {"done_at": done_at, "trouble": trouble}
        self._connection.execute(
            registry_change.update().where(registry_change.c.position == position).values(**values)
        )

    def retired_signers(self, party: PartyId) -> set[Address]:
        """The signers of ``party`` that are to be revoked, and that nothing has to happen before: they sign no more."""
        first = registry_change.alias()
        due = or_(registry_change.c.after.is_(None), first.c.done_at.is_not(None))
        joined = registry_change.outerjoin(first, first.c.position == registry_change.c.after)
        wanted = select(registry_change.c.signer).select_from(joined)
        found = wanted.where(registry_change.c.party == party, registry_change.c.added.is_(False), due)
        return set(self._connection.execute(found).scalars())

    def add_compromise(self, party: PartyId, one: Compromise) -> None:
        """Keep the statement ``one``. Raises ``Duplicate`` if there is one of that signer."""
        if any(known.signer == one.signer for known in self.compromises(party)):
            raise Duplicate(f"signer {to_hex(one.signer)}: its compromise is stated already.")
        row = {"party": party, "signer": one.signer, "since": one.since, "stated_at": one.stated_at}
        self._connection.execute(signer_compromise.insert(), row)

    def compromises(self, party: PartyId) -> list[Compromise]:
        """What was stated of the signers of ``party``, by address."""
        columns = (signer_compromise.c.signer, signer_compromise.c.since, signer_compromise.c.stated_at)
        wanted = select(*columns).where(signer_compromise.c.party == party).order_by(signer_compromise.c.signer)
        return [Compromise(*row) for row in self._connection.execute(wanted)]

    def signed_since(self, party: PartyId, since: Timestamp) -> list[EvidenceRecord]:
        """What ``party`` may have signed and was recorded ``since`` then, oldest first."""
        sides = or_(evidence.c.issuer == party, evidence.c.counterparty == party)
        return self._read(select_evidence().where(sides, evidence.c.recorded_at >= since))

    def on_its_way(self, party: PartyId) -> list[EvidenceRecord]:
        """What was accepted, names ``party``, and stands in no final block, oldest first."""
        sides = or_(evidence.c.issuer == party, evidence.c.counterparty == party)
        unfinished = or_(batch.c.state.is_(None), batch.c.state != "final")
        return self._read(select_evidence().where(sides, acceptance.c.position.is_not(None), unfinished))

    def without_receipt(self, limit: int) -> list[EvidenceRecord]:
        """Accepted evidence that stands in no batch and has no receipt, in order of acceptance, at most ``limit``."""
        missing = and_(
            acceptance.c.position.is_not(None),
            acceptance.c.batch_id.is_(None),
            acceptance.c.receipt_signature.is_(None),
        )
        wanted = select_evidence().where(missing).order_by(acceptance.c.position).limit(limit)
        return [evidence_record(row) for row in self._connection.execute(wanted)]

    def add_receipts(self, receipts: Mapping[EvidenceId, ReceiptRecord]) -> None:
        """Keep ``receipts`` of accepted evidence that has none."""
        for evidence_id, receipt in receipts.items():
            lacking = (acceptance.c.evidence_id == evidence_id, acceptance.c.receipt_signature.is_(None))
            values = {
                "received_at": receipt.received_at,
                "seal_by": receipt.seal_by,
                "receipt_operator": receipt.operator,
                "receipt_signature": receipt.signature,
            }
            self._connection.execute(acceptance.update().where(*lacking).values(**values))

    def unbound_parties(self, registrar: Address, limit: int) -> list[PartyId]:
        """Parties with an identifier of which no binding by ``registrar`` is kept, at most ``limit``."""
        signed = and_(party_binding.c.party == identifier.c.party, party_binding.c.registrar == registrar)
        wanted = select(identifier.c.party).distinct().select_from(identifier.outerjoin(party_binding, signed))
        return list(self._connection.execute(wanted.where(party_binding.c.party.is_(None)).limit(limit)).scalars())

    def set_bindings(self, registrar: Address, signatures: Mapping[PartyId, bytes]) -> None:
        """Keep the signatures of ``registrar`` under who these parties are."""
        for one, made in signatures.items():
            row = {"party": one, "registrar": registrar, "signature": made}
            known = party_binding.update().where(party_binding.c.party == one)
            if self._connection.execute(known.values(registrar=registrar, signature=made)).rowcount == 0:
                self._connection.execute(party_binding.insert(), row)

    def bindings(self, registrar: Address, parties: Iterable[PartyId]) -> dict[PartyId, bytes]:
        """The signatures of ``registrar`` that are kept, of those of ``parties`` that have one."""
        found: dict[PartyId, bytes] = {}
        columns = (party_binding.c.party, party_binding.c.signature)
        for one in parties:
            wanted = select(*columns).where(party_binding.c.party == one, party_binding.c.registrar == registrar)
            for party, signature in self._connection.execute(wanted):
                found[party] = signature
        return found

    def _changes(self, statement: Select[Any]) -> list[RegistryChange]:
        rows: Iterable[Any] = self._connection.execute(statement)
        return [RegistryChange(*row) for row in rows]

    def _read(self, statement: Select[Any]) -> list[EvidenceRecord]:
        return [evidence_record(row) for row in self._connection.execute(statement.order_by(evidence.c.position))]
