"""What the findings about archive files explain of entries that are not proven, so that one cause is one finding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tallystick.protocol.types import Address, PartyId


@dataclass
class FileResults:
    """The results of the files that were checked, as far as they explain a lack."""

    _damaged: list[tuple[Address, int, int]] = field(default_factory=list)
    _rooted_out: set[tuple[Address, int, PartyId]] = field(default_factory=set)

    def note(self, operator: Address, result: Any) -> None:
        """Note what checking one file of ``operator`` gave."""
        if result["explained"] is not None:
            self._damaged.append((operator, *result["explained"]))
        self._rooted_out |= {(operator, number, PartyId(bytes.fromhex(of[2:]))) for number, of in result["rootedOut"]}

    def explain(self, operator: Address, batch_id: int, party: PartyId) -> bool:
        """Whether a finding says already why an append of ``party`` is not proven."""
        if (operator, batch_id, party) in self._rooted_out:
            return True
        return any(operator == of and first <= batch_id <= last for of, first, last in self._damaged)
