"""What is to be done to the registry of signers, and what is known of a compromise, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.protocol.types import Address, PartyId, Timestamp


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """One change that the registrar is to make: ``signer`` added to ``party``, or revoked for ever.

    ``act`` names the administrative act that it is part of; ``after`` is the position of a change that must be final
    first; ``managed`` says that the key is in the keystore here. ``trouble`` is why the newest attempt failed.
    """

    position: int
    act: str
    party: PartyId
    signer: Address
    added: bool
    managed: bool
    after: int | None
    requested_at: Timestamp
    done_at: Timestamp | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Compromise:
    """The statement that the key of ``signer`` is in other hands ``since`` that time."""

    signer: Address
    since: Timestamp
    stated_at: Timestamp
