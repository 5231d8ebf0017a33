"""Well-known development accounts, one for each role in a story.

- The private key of a role is keccak256("hardhat-free-devnet/" + role). **Everybody knows these keys.** They exist so
  that a script can say "the operator sends" without keeping a secret; never let one hold anything of value on a real
  network.

Example: `role_account("operator").address.hex()` is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eth_keys.main import KeyAPI
from eth_utils.crypto import keccak

from hardhat_free_devnet.errors import DevnetError

ROLES = (
    "deployer",
    "registrar",
    "operator",
    "supplier",
    "buyer",
    "lender",
    "auditor",
    "carrier",
    "insurer",
    "factor",
)
KEY_DOMAIN = "hardhat-free-devnet/"
ROLE_BALANCE_WEI = 10_000 * 10**18
WARNING = (
    "These private keys are PUBLIC: anyone can derive them from this program.\n"
    "Never use them, or send anything of value to their addresses, on a real network."
)


@dataclass(frozen=True)
class RoleAccount:
    """The account of `role`: a 32-byte `private_key` that is public knowledge and its 20-byte `address`."""

    role: str
    private_key: bytes
    address: bytes

    def __repr__(self) -> str:
        return f"RoleAccount(role={self.role!r}, address=0x{self.address.hex()})"


def role_account(role: str) -> RoleAccount:
    """Derive the public development account of `role`.

    Raises: DevnetError when `role` is not 1 to 64 printable ASCII characters.
    """
    if not (0 < len(role) <= 64 and role.isascii() and role.isprintable()):
        raise DevnetError(f"role: expected 1 to 64 printable ASCII characters, got {role!r}", "choose another name")
    private_key = keccak(text=KEY_DOMAIN + role)
    return RoleAccount(role, private_key, KeyAPI.PrivateKey(private_key).public_key.to_canonical_address())


def role_accounts(roles: Iterable[str] = ROLES) -> tuple[RoleAccount, ...]:
    """Derive the accounts of all `roles`, in their order."""
    return tuple(role_account(role) for role in roles)
