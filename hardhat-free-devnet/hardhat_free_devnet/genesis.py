"""What a chain was created with, kept in its data file.

- A new file takes the caller's choices, or the defaults. An existing file wins over None and refuses anything else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from hardhat_free_devnet.config import DEFAULT_CHAIN_ID, DEFAULT_GAS_LIMIT, DevnetConfig
from hardhat_free_devnet.database import Database
from hardhat_free_devnet.errors import DevnetError


@dataclass(frozen=True)
class GenesisSettings:
    """The choices behind a genesis block: `timestamp` in Unix seconds, `funded` wei by 20-byte address."""

    chain_id: int
    gas_limit: int
    timestamp: int
    funded: Mapping[bytes, int]


def stored_settings(database: Database) -> GenesisSettings | None:
    """Read the settings that the chain in `database` was created with, or None for an empty file."""
    text = database.meta("genesis")
    if text is None:
        return None
    stored = json.loads(text)
    return GenesisSettings(
        chain_id=stored["chainId"],
        gas_limit=stored["gasLimit"],
        timestamp=stored["timestamp"],
        funded={bytes.fromhex(address): int(wei) for address, wei in stored["funded"].items()},
    )


def store_settings(database: Database, settings: GenesisSettings) -> None:
    """Write `settings` into `database`; call it inside the transaction that writes the genesis block."""
    funded = {address.hex(): str(wei) for address, wei in settings.funded.items()}
    stored = {
        "chainId": settings.chain_id,
        "gasLimit": settings.gas_limit,
        "timestamp": settings.timestamp,
        "funded": funded,
    }
    database.set_meta("genesis", json.dumps(stored))


def new_settings(config: DevnetConfig) -> GenesisSettings:
    """Fill the gaps of `config` with the defaults; the genesis block is made now unless it says otherwise."""
    return GenesisSettings(
        chain_id=DEFAULT_CHAIN_ID if config.chain_id is None else config.chain_id,
        gas_limit=DEFAULT_GAS_LIMIT if config.gas_limit is None else config.gas_limit,
        timestamp=int(time.time()) if config.genesis_timestamp is None else config.genesis_timestamp,
        funded=dict(config.funded or {}),
    )


def check_agreement(stored: GenesisSettings, config: DevnetConfig) -> None:
    """Check that `config` asks for nothing else than the chain was created with.

    Raises: DevnetError that names the first difference.
    """
    pairs: list[tuple[str, object, object]] = [
        ("chain id", stored.chain_id, config.chain_id),
        ("gas limit", stored.gas_limit, config.gas_limit),
        ("genesis timestamp", stored.timestamp, config.genesis_timestamp),
        ("funded accounts", stored.funded, None if config.funded is None else dict(config.funded)),
    ]
    for name, kept, asked in pairs:
        if asked is not None and asked != kept:
            shown = (kept, asked) if name != "funded accounts" else (_summary(stored.funded), _summary(config.funded))
            raise DevnetError(
                f"the data file's chain has {name} {shown[0]}; expected the same, got {shown[1]}",
                f"leave the {name} out to resume the stored chain, or choose another data file",
            )


def _summary(funded: Mapping[bytes, int] | None) -> str:
    return ", ".join(f"0x{address.hex()}: {wei} wei" for address, wei in sorted((funded or {}).items())) or "none"
