"""Where the contracts of one ledger are: enough to tell it from every other one."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.protocol.evidence import Domain
from tallystick.protocol.types import Address, Hash


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of the three contracts; nothing of the ledger is older than ``block_number``."""

    chain_id: int
    genesis_hash: Hash
    registry: Address
    ledger: Address
    receivables: Address
    block_number: int

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain that its evidence is signed in."""
        return Domain(self.chain_id, self.ledger)

    @property
    def receivables_domain(self) -> Domain:
        """The EIP-712 domain that pledges, transfers and releases are signed in."""
        return Domain(self.chain_id, self.receivables)
