"""What a caller may choose about a development chain.

- `chain_id`, `gas_limit`, `genesis_timestamp` and `funded` make the genesis block. They are written into the data file
  when it is created; on a later start None means "as stored" and any other value must agree with what is stored.
- The other fields belong to one run of the node and may differ from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hardhat_free_devnet.accounts import RoleAccount
from hardhat_free_devnet.errors import DevnetError

DEFAULT_CHAIN_ID = 31_337_731
DEFAULT_GAS_LIMIT = 60_000_000
MAX_CHAIN_ID = 4_503_599_627_370_476
"""The largest chain id that wallets accept."""
MIN_GAS_LIMIT = 1_000_000
MAX_GAS_LIMIT = 1_000_000_000
MAX_TIMESTAMP = 2**40


@dataclass(frozen=True)
class DevnetConfig:
    """The settings of one development chain; see the module for which of them a data file fixes.

    `funded` maps 20-byte addresses to wei at genesis. `genesis_timestamp` (Unix seconds) also sets the chain's clock:
    blocks then follow from that time instead of from now. `finality_depth` is the number of blocks that `finalized`
    (and `safe`) stay behind the head. `auto_seal` makes a block for every accepted transaction;
    `seal_interval_seconds` makes one, empty or not, each time the interval has passed. `role_accounts` are disclosed,
    keys and all, by `devnet_accounts`.

    Raises: DevnetError for a value outside its range.
    """

    chain_id: int | None = None
    gas_limit: int | None = None
    genesis_timestamp: int | None = None
    funded: Mapping[bytes, int] | None = None
    finality_depth: int = 0
    auto_seal: bool = True
    seal_interval_seconds: float | None = None
    role_accounts: tuple[RoleAccount, ...] = ()

    def __post_init__(self) -> None:
        _check_range("chain_id", self.chain_id, 1, MAX_CHAIN_ID)
        _check_range("gas_limit", self.gas_limit, MIN_GAS_LIMIT, MAX_GAS_LIMIT)
        _check_range("genesis_timestamp", self.genesis_timestamp, 0, MAX_TIMESTAMP)
        _check_range("finality_depth", self.finality_depth, 0, 2**32)
        if self.seal_interval_seconds is not None and not self.seal_interval_seconds > 0:
            raise DevnetError(
                f"seal_interval_seconds: expected more than 0, got {self.seal_interval_seconds}",
                "leave it out to seal no empty blocks",
            )
        for address, wei in (self.funded or {}).items():
            if len(address) != 20 or not 0 <= wei < 2**200:
                raise DevnetError(
                    f"funded: expected a 20-byte address and 0 <= wei < 2**200, got {address.hex()} and {wei}",
                    "correct the entry",
                )


def _check_range(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise DevnetError(f"{name}: expected {low} to {high}, got {value}", "choose a value in this range")
