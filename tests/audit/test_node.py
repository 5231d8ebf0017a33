"""A node that contradicts itself is found out, and what it says never reads as a fault that it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from audit.installation import Installation
from audit.rogue import Rogue
from chain.lying import LyingProvider, Tamper, refusal
from tallystick.chain import events
from tallystick.errors import ChainError, ChainUnreachable, WrongChain
from tallystick.protocol.slots import (
    REGISTRAR_ROLE,
    admitted_slot,
    head_slot,
    last_pledge_slot,
    operator_slot,
    pledge_slots,
    role_slot,
    window_slot,
)
from tallystick.protocol.types import Address, Hash, to_hex
from tallystick.protocol.verdict import Outcome
from tallystick.service.audit.findings import Code
from tallystick.service.audit.replay import Audit
from tallystick.service.audit.report import outcome
from tallystick.store.records import EvidenceState


def audit_through(home: Installation, tamper: Tamper) -> Audit:
    """What an auditor finds whose node lies."""
    return home.audit(provider=LyingProvider(home.chain, tamper))  # type: ignore[arg-type]


def lie_about(address: Address, slot: bytes) -> Tamper:
    """A node that holds another value in one storage slot of the contract at ``address``."""

    def tamper(method: str, params: list[Any], response: Any) -> Any:
        if method == "eth_getStorageAt" and params[:2] == [to_hex(address), to_hex(slot)]:
            value = int(response["result"], 16) + 2
            return {**response, "result": f"0x{value:064x}"}
        return response

    return tamper


def change_logs(topic: bytes, alter: Callable[[list[Any]], list[Any]]) -> Tamper:
    """A node that answers ``alter`` of the logs of one event."""

    def tamper(method: str, params: list[Any], response: Any) -> Any:
        if method != "eth_getLogs" or "result" not in response:
            return response
        logs = response["result"]
        chosen = [log for log in logs if log["topics"][0] == to_hex(topic)]
        kept = alter(chosen)
        others = [log for log in logs if log["topics"][0] != to_hex(topic)]
        place = lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16))  # noqa: E731
        return {**response, "result": sorted(others + kept, key=place)}

    return tamper


def test_storage_that_contradicts_the_events_is_found(home: Installation) -> None:
    """Head, signer window, admission, operator, role, pledge: each slot is held against what its events say."""
    rogue, owner, context = Rogue(home), home.owner, home.context
    with context.store.transaction(read_only=True) as transaction:
        bank = next(party for party in transaction.parties() if party.party != owner.party)
        invoice = next(
            entry.record for entry in transaction.log(owner.party, 10**6) if entry.record.state is EvidenceState.FINAL
        )
    name = rogue.pledge(owner, invoice.evidence_id, Hash(b"\x07" * 32), bank)
    assert context.registrar is not None
    home.export()
    pledge_only = {Code.PLEDGE_OF_NO_INVOICE}
    assert {finding.code for finding in home.audit().findings} == pledge_only, "the first entry is a contract"
    deployment = context.chain.deployment
    for address, slot, code in (
        (deployment.ledger, head_slot(owner.party), Code.HEAD),
        (deployment.registry, window_slot(bank.party, bank.signers[0]), Code.SIGNER_WINDOW),
        (deployment.registry, admitted_slot(bank.party), Code.ROLE),
        (deployment.registry, operator_slot(home.rogue), Code.ROLE),
        (deployment.registry, role_slot(REGISTRAR_ROLE, context.registrar), Code.ROLE),
        (deployment.receivables, pledge_slots(name)[4], Code.PLEDGE_STATE),
        (deployment.receivables, last_pledge_slot(owner.party, invoice.evidence_id), Code.PLEDGE_STATE),
    ):
        found = {finding.code for finding in audit_through(home, lie_about(address, slot)).findings} - pledge_only
        # who is no registrar by its slot can't state names either
        assert found - {Code.BINDING} == {code}, slot


def test_an_operator_that_no_event_made_one_is_named(home: Installation) -> None:
    """A node that leaves out by which event an operator may seal: its batches are named."""
    found = audit_through(home, change_logs(events.OPERATOR_ADDED, lambda logs: [])).findings
    assert {finding.code for finding in found} == {Code.NOT_OPERATOR}
    assert {finding.operator for finding in found} == {home.context.operator}


@pytest.mark.parametrize(
    "alter",
    [
        lambda logs: logs[1:],
        lambda logs: logs[:-1],
        lambda logs: [logs[0], *logs],
        lambda logs: [{**logs[0], "address": "0x" + "11" * 20}, *logs[1:]],
        lambda logs: [{**logs[0], "data": logs[0]["data"][:66][:-1] + "0" + logs[0]["data"][66:]}, *logs[1:]],
        lambda logs: [{**logs[0], "removed": True}, *logs[1:]],
    ],
    ids=["first left out", "last left out", "one twice", "another contract's", "another root", "removed"],
)
def test_a_node_that_tampers_with_batches_is_not_relied_upon(
    home: Installation, alter: Callable[[list[Any]], list[Any]]
) -> None:
    """Left out, doubled, of another emitter, altered or removed logs: could not check, and no fault of the ledger's."""
    audit = audit_through(home, change_logs(events.SEALED, lambda logs: alter(logs) if logs else logs))
    assert [finding.code for finding in audit.findings] == [Code.NODE]
    assert outcome(audit) is Outcome.UNCHECKED


def test_other_code_than_the_published_is_a_fault(home: Installation) -> None:
    """Contracts whose code is not the published one prove nothing."""

    def tamper(method: str, params: list[Any], response: Any) -> Any:
        return {**response, "result": "0x6001"} if method == "eth_getCode" else response

    audit = audit_through(home, tamper)
    assert [finding.code for finding in audit.findings] == [Code.CONTRACTS]
    assert (audit.as_of, outcome(audit)) == (None, Outcome.INVALID)


def test_another_chain_and_no_answer_are_errors_and_no_findings(home: Installation) -> None:
    """A node of another chain, one that is away, and one that refuses: an exception, for nothing was checked."""

    def other_chain(method: str, params: list[Any], response: Any) -> Any:
        return {**response, "result": "0x1"} if method == "eth_chainId" else response

    def away(method: str, params: list[Any], response: Any) -> Any:
        if method == "eth_getStorageAt":
            raise ChainUnreachable("node: no connection.")
        return response

    def pruned(method: str, params: list[Any], response: Any) -> Any:
        return refusal("missing trie node") if method == "eth_getStorageAt" else response

    with pytest.raises(WrongChain):
        audit_through(home, other_chain)
    with pytest.raises(ChainUnreachable):
        audit_through(home, away)
    with pytest.raises(ChainError):
        audit_through(home, pruned)
