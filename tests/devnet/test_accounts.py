"""The public role accounts: the same everywhere, and never shown by accident."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from hardhat_free_devnet import DevnetError, role_account, role_accounts


@pytest.mark.parametrize("role", ["", "x" * 65, "líder", "a\nb"])
def test_a_role_that_is_no_plain_name_is_refused(role: str) -> None:
    """Refuse names that could be spelled in two ways."""
    with pytest.raises(DevnetError, match="role: expected 1 to 64 printable ASCII characters"):
        role_account(role)


def test_a_role_key_is_the_hash_of_its_name() -> None:
    """Derive key and address as documented, equal to eth_account's."""
    for account in role_accounts():
        signer = Account.from_key(keccak(text=f"hardhat-free-devnet/{account.role}"))
        assert (account.private_key, account.address) == (bytes(signer.key), bytes.fromhex(signer.address[2:]))
    assert role_account("operator").address.hex() == "ed8843d78279e46d5cb94060dc1210ada472227d"


def test_a_private_key_is_not_in_the_repr() -> None:
    """Keep keys, even public ones, out of logs and tracebacks."""
    account = role_account("lender")
    assert account.private_key.hex() not in repr(account)
    assert account.address.hex() in repr(account)
