"""What one call works on: the evidence kept before and the evidence added by it, each read once."""

from __future__ import annotations

from tallystick.protocol import content
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence
from tallystick.protocol.types import ZERO32, EvidenceId
from tallystick.service.ports import Transaction
from tallystick.store.records import EvidenceRecord


class Known:
    """The evidence of ``transaction`` together with what the call adds to it."""

    def __init__(self, transaction: Transaction) -> None:
        self.added: dict[EvidenceId, EvidenceRecord] = {}
        self._transaction = transaction
        self._answers: dict[EvidenceId, list[EvidenceRecord]] = {}
        self._kept: dict[EvidenceId, EvidenceRecord | None] = {}
        self._fields: dict[EvidenceId, dict[str, Json]] = {}

    def add(self, record: EvidenceRecord, shown: dict[str, Json]) -> None:
        """Let ``record``, whose content shows ``shown``, be known from now on."""
        self.added[record.evidence_id] = record
        self._answers.setdefault(record.evidence.parent, []).append(record)
        self._fields[record.evidence_id] = shown

    def find(self, evidence_id: EvidenceId) -> EvidenceRecord | None:
        """The evidence of that id, or None where there is none (zero names none)."""
        if evidence_id == ZERO32:
            return None
        if evidence_id in self.added:
            return self.added[evidence_id]
        if evidence_id not in self._kept:
            self._kept[evidence_id] = self._transaction.evidence([evidence_id]).get(evidence_id)
        return self._kept[evidence_id]

    def evidence(self, evidence_id: EvidenceId) -> Evidence | None:
        """The signed struct of that id, or None."""
        found = self.find(evidence_id)
        return None if found is None else found.evidence

    def shown(self, record: EvidenceRecord) -> dict[str, Json]:
        """What the content of ``record`` shows, by name."""
        if record.evidence_id not in self._fields:
            self._fields[record.evidence_id] = content.parse_all(record.disclosures)
        return self._fields[record.evidence_id]

    def answers(self, evidence_id: EvidenceId) -> list[EvidenceRecord]:
        """The evidence that answers ``evidence_id``, oldest first; nothing kept can answer what was just added."""
        kept = [] if evidence_id in self.added else self._transaction.children(evidence_id)
        return kept + self._answers.get(evidence_id, [])
