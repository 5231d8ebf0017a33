"""PartyRegistry: parties enter once, signers have one window for ever, and each role has its powers and no other."""

from __future__ import annotations

import pytest

from contracts.deployment import Deployment
from contracts.reference import ZERO, word

NOBODY = "0x" + "00" * 20
SUPPLIER, BUYER = word("supplier"), word("buyer")
ADMIN_ROLE = ZERO
REGISTRAR_ROLE = word("REGISTRAR_ROLE")


@pytest.fixture
def admitted_at(chain: Deployment) -> int:
    """The time at which the supplier was admitted with its signer."""
    return chain.send(chain.registry.functions.admit(SUPPLIER, chain.supplier_signer), chain.registrar).timestamp


def window(chain: Deployment, party: bytes, signer: str) -> tuple[int, int]:
    return tuple(chain.registry.functions.signerWindow(party, signer).call())


# --- who may do what ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["stranger", "operator", "admin", "supplier_signer"])
@pytest.mark.parametrize("function", ["admit", "addSigner", "revokeSigner", "addOperator", "removeOperator"])
def test_only_a_registrar_keeps_parties_signers_and_operators(
    chain: Deployment, admitted_at: int, role: str, function: str
) -> None:
    """No other role, be it admin or a party's signer, may admit, add, revoke another's signer, or touch operators."""
    sender = getattr(chain, role)
    arguments = [chain.operator] if "Operator" in function else [SUPPLIER, chain.buyer_signer]
    call = getattr(chain.registry.functions, function)(*arguments)
    assert chain.refusal(call, sender) == ("AccessControlUnauthorizedAccount", sender, REGISTRAR_ROLE)


@pytest.mark.parametrize("role", ["stranger", "operator", "registrar", "supplier_signer"])
def test_only_the_admin_grants_and_revokes_roles(chain: Deployment, role: str) -> None:
    """A registrar can neither make another registrar nor unmake the admin."""
    sender = getattr(chain, role)
    expected = ("AccessControlUnauthorizedAccount", sender, ADMIN_ROLE)
    assert chain.refusal(chain.registry.functions.grantRole(REGISTRAR_ROLE, chain.stranger), sender) == expected
    assert chain.refusal(chain.registry.functions.revokeRole(ADMIN_ROLE, chain.admin), sender) == expected


def test_a_registrar_that_was_removed_has_no_power_left(chain: Deployment) -> None:
    """Once the admin revokes the role, the former registrar is as anybody else; a new one takes over."""
    chain.send(chain.registry.functions.revokeRole(REGISTRAR_ROLE, chain.registrar), chain.admin)
    chain.send(chain.registry.functions.grantRole(REGISTRAR_ROLE, chain.stranger), chain.admin)
    call = chain.registry.functions.admit(SUPPLIER, chain.supplier_signer)
    expected = ("AccessControlUnauthorizedAccount", chain.registrar, REGISTRAR_ROLE)
    assert chain.refusal(call, chain.registrar) == expected
    chain.send(call, chain.stranger)


def test_deployment_refuses_address_zero(chain: Deployment) -> None:
    """Neither the admin nor the registrar may be address zero."""
    assert chain.deploy_refusal("PartyRegistry", NOBODY, chain.registrar) == ("ZeroAddress",)
    assert chain.deploy_refusal("PartyRegistry", chain.admin, NOBODY) == ("ZeroAddress",)


def test_deployment_gives_each_role_to_its_account_alone(chain: Deployment) -> None:
    """The admin is no registrar, the registrar no admin, and the registrar's role answers to the admin's."""
    has_role = chain.registry.functions.hasRole
    assert chain.registry.functions.REGISTRAR_ROLE().call() == REGISTRAR_ROLE
    assert chain.registry.functions.getRoleAdmin(REGISTRAR_ROLE).call() == ADMIN_ROLE
    assert has_role(ADMIN_ROLE, chain.admin).call()
    assert has_role(REGISTRAR_ROLE, chain.registrar).call()
    assert not has_role(REGISTRAR_ROLE, chain.admin).call()
    assert not has_role(ADMIN_ROLE, chain.registrar).call()


# --- parties ------------------------------------------------------------------------------------------------------


def test_admission_refuses_zero_ids(chain: Deployment) -> None:
    """Neither the party nor its first signer may be zero."""
    admit = chain.registry.functions.admit
    assert chain.refusal(admit(ZERO, chain.supplier_signer), chain.registrar) == ("ZeroParty",)
    assert chain.refusal(admit(SUPPLIER, NOBODY), chain.registrar) == ("ZeroAddress",)


def test_a_party_is_admitted_once(chain: Deployment, admitted_at: int) -> None:
    """A second admission is refused, also with another signer, and says since when the party is there."""
    call = chain.registry.functions.admit(SUPPLIER, chain.buyer_signer)
    assert chain.refusal(call, chain.registrar) == ("PartyAlreadyAdmitted", SUPPLIER, admitted_at)


def test_admission_opens_the_first_signers_window(chain: Deployment) -> None:
    """A party that is admitted has one signer from that block on, and two events say so."""
    assert not chain.registry.functions.isParty(SUPPLIER).call()
    assert chain.registry.functions.admittedAt(SUPPLIER).call() == 0
    mined = chain.send(chain.registry.functions.admit(SUPPLIER, chain.supplier_signer), chain.registrar)
    assert chain.registry.functions.isParty(SUPPLIER).call()
    assert chain.registry.functions.admittedAt(SUPPLIER).call() == mined.timestamp
    assert window(chain, SUPPLIER, chain.supplier_signer) == (mined.timestamp, 0)
    by = {"party": SUPPLIER, "by": chain.registrar}
    assert mined.events == (
        ("PartyAdmitted", {**by, "admittedAt": mined.timestamp}),
        ("SignerAdded", {**by, "signer": chain.supplier_signer, "addedAt": mined.timestamp}),
    )


# --- signers ------------------------------------------------------------------------------------------------------


def test_a_signer_needs_an_admitted_party(chain: Deployment) -> None:
    """Nobody can sign for a party that was never admitted."""
    call = chain.registry.functions.addSigner(BUYER, chain.buyer_signer)
    assert chain.refusal(call, chain.registrar) == ("UnknownParty", BUYER)


def test_a_signer_is_not_address_zero(chain: Deployment, admitted_at: int) -> None:
    """Address zero is what a failed recovery gives, so it never signs."""
    assert chain.refusal(chain.registry.functions.addSigner(SUPPLIER, NOBODY), chain.registrar) == ("ZeroAddress",)


def test_a_signer_is_added_once(chain: Deployment, admitted_at: int) -> None:
    """Adding an active signer again is refused, so that its window can't be moved."""
    call = chain.registry.functions.addSigner(SUPPLIER, chain.supplier_signer)
    assert chain.refusal(call, chain.registrar) == ("SignerAlreadyAdded", SUPPLIER, chain.supplier_signer, admitted_at)


@pytest.mark.parametrize("role", ["registrar", "buyer_signer"])
def test_a_signer_that_was_never_added_cannot_be_revoked(chain: Deployment, admitted_at: int, role: str) -> None:
    """Otherwise a key could be barred from a party before it ever joins."""
    call = chain.registry.functions.revokeSigner(SUPPLIER, chain.buyer_signer)
    assert chain.refusal(call, getattr(chain, role)) == ("UnknownSigner", SUPPLIER, chain.buyer_signer)


def test_a_revoked_signer_stays_revoked(chain: Deployment, admitted_at: int) -> None:
    """It can be neither added again nor revoked again: its window is what it was."""
    call = chain.registry.functions.revokeSigner(SUPPLIER, chain.supplier_signer)
    revoked_at = chain.send(call, chain.registrar).timestamp
    expected = ("SignerAlreadyRevoked", SUPPLIER, chain.supplier_signer, revoked_at)
    again = chain.registry.functions.addSigner(SUPPLIER, chain.supplier_signer)
    assert chain.refusal(again, chain.registrar) == expected
    assert chain.refusal(call, chain.registrar) == expected
    assert chain.refusal(call, chain.supplier_signer) == expected
    assert window(chain, SUPPLIER, chain.supplier_signer) == (admitted_at, revoked_at)


@pytest.mark.parametrize("role", ["registrar", "supplier_signer"])
def test_revocation_by_the_registrar_or_the_signer_closes_the_window(
    chain: Deployment, admitted_at: int, role: str
) -> None:
    """Whoever notices first that a key leaked may revoke it, and the event says who it was."""
    sender = getattr(chain, role)
    mined = chain.send(chain.registry.functions.revokeSigner(SUPPLIER, chain.supplier_signer), sender)
    assert window(chain, SUPPLIER, chain.supplier_signer) == (admitted_at, mined.timestamp)
    arguments = {"party": SUPPLIER, "signer": chain.supplier_signer, "by": sender, "revokedAt": mined.timestamp}
    assert mined.events == (("SignerRevoked", arguments),)


def test_a_window_is_closed_below_and_open_above(chain: Deployment, admitted_at: int) -> None:
    """A signature at `t` is good when addedAt <= t < revokedAt."""
    chain.tester.time_travel(admitted_at + 100)
    call = chain.registry.functions.revokeSigner(SUPPLIER, chain.supplier_signer)
    revoked_at = chain.send(call, chain.registrar).timestamp
    assert revoked_at >= admitted_at + 100
    good = {
        at: chain.registry.functions.isSigner(SUPPLIER, chain.supplier_signer, at).call()
        for at in (0, admitted_at - 1, admitted_at, revoked_at - 1, revoked_at, revoked_at + 1, 2**64 - 1)
    }
    assert [at for at, is_good in good.items() if is_good] == [admitted_at, revoked_at - 1]


def test_a_signer_that_was_not_revoked_signs_from_its_addition_on(chain: Deployment, admitted_at: int) -> None:
    """Without a revocation the window has no end; without an addition there is none, not even at time zero."""
    is_signer = chain.registry.functions.isSigner
    assert not is_signer(SUPPLIER, chain.supplier_signer, admitted_at - 1).call()
    assert is_signer(SUPPLIER, chain.supplier_signer, admitted_at).call()
    assert is_signer(SUPPLIER, chain.supplier_signer, 2**64 - 1).call()
    for at in (0, admitted_at, 2**64 - 1):
        assert not is_signer(SUPPLIER, chain.buyer_signer, at).call()


def test_windows_belong_to_one_party(chain: Deployment, admitted_at: int) -> None:
    """One address may sign for two parties; revoking it for one leaves it to the other."""
    chain.send(chain.registry.functions.admit(BUYER, chain.buyer_signer), chain.registrar)
    added = chain.send(chain.registry.functions.addSigner(BUYER, chain.supplier_signer), chain.registrar)
    assert [name for name, _ in added.events] == ["SignerAdded"]
    chain.send(chain.registry.functions.revokeSigner(SUPPLIER, chain.supplier_signer), chain.supplier_signer)
    assert window(chain, BUYER, chain.supplier_signer) == (added.timestamp, 0)
    assert window(chain, SUPPLIER, chain.supplier_signer)[1] != 0


# --- operators ----------------------------------------------------------------------------------------------------


def test_an_operator_is_not_address_zero(chain: Deployment) -> None:
    """Address zero is refused."""
    assert chain.refusal(chain.registry.functions.addOperator(NOBODY), chain.registrar) == ("ZeroAddress",)


def test_an_operator_is_added_once_and_removed_once(chain: Deployment) -> None:
    """A change that changes nothing is refused, so that every event is a change."""
    add, remove = chain.registry.functions.addOperator, chain.registry.functions.removeOperator
    assert chain.refusal(add(chain.operator), chain.registrar) == ("OperatorAlreadyAdded", chain.operator)
    assert chain.refusal(remove(chain.stranger), chain.registrar) == ("UnknownOperator", chain.stranger)


def test_operators_come_and_go_by_events(chain: Deployment) -> None:
    """Addition, removal and a second addition each show at once and emit one event."""
    arguments = {"operator": chain.other_operator, "by": chain.registrar}
    for function, event, active in (
        ("addOperator", "OperatorAdded", True),
        ("removeOperator", "OperatorRemoved", False),
        ("addOperator", "OperatorAdded", True),
    ):
        mined = chain.send(getattr(chain.registry.functions, function)(chain.other_operator), chain.registrar)
        assert mined.events == ((event, arguments),)
        assert chain.registry.functions.isOperator(chain.other_operator).call() is active


def test_the_version_is_stated(chain: Deployment) -> None:
    """Software asks the contract which version it is."""
    assert chain.registry.functions.version().call() == "1.0.0"
