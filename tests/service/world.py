"""A whole installation: keys without a disk, the contracts' Python twin as chain, by default a database in memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tallystick import bootstrap
from tallystick.chain.memory import MemoryChain
from tallystick.intake.drafts import parse_draft
from tallystick.keys.memory import MemoryKeystore
from tallystick.limits import Limits
from tallystick.protocol.types import Address, Timestamp
from tallystick.service import parties, record
from tallystick.service.context import Context
from tallystick.store.records import EvidenceRecord, PartyRecord
from tallystick.store.sql import open_store

START = Timestamp(1_767_225_600)
"""2026-01-01T00:00:00Z."""


class SettableClock:
    """A clock that stands until it is set."""

    def __init__(self, now: Timestamp = START) -> None:
        self.time = now

    def now(self) -> Timestamp:
        return self.time


class SeededEntropy:
    """Randomness that a test can repeat."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def bytes(self, size: int) -> bytes:
        return self._random.randbytes(size)


@dataclass
class World:
    """An installation with its clock and its chain in the test's hands."""

    context: Context
    clock: SettableClock
    chain: MemoryChain
    other_operator: Address
    """May seal too, and its key is here, but it seals for another installation."""

    def party(self, name: str, identifier: str) -> PartyRecord:
        """A new managed party."""
        return parties.add_parties(self.context, [parties.NewParty(name, (parties.parse_identifier(identifier),))])[0]

    def record(self, *drafts: dict[str, Any]) -> list[EvidenceRecord]:
        """Record drafts given as JSON objects."""
        return record.record(self.context, [parse_draft(draft, f"draft {i + 1}") for i, draft in enumerate(drafts)])


@contextmanager
def in_memory(
    limits: Limits | None = None, *, one_account: bool = False, database_url: str = "sqlite://"
) -> Iterator[World]:
    """A fresh installation that leaves nothing behind; with ``one_account`` the registrar is the operator too.

    The database at ``database_url`` is empty.
    """
    entropy = SeededEntropy()
    keys = MemoryKeystore(entropy.bytes)
    registrar, operator, other_operator = keys.create_many(["registrar", "operator", "other operator"])
    operator = registrar if one_account else operator
    chain = MemoryChain(registrar, [operator, other_operator], genesis_timestamp=START)
    store = open_store(database_url)
    with store.transaction() as transaction:
        transaction.set_deployment(chain.deployment)
    clock = SettableClock()
    context = Context(
        store=store,
        chain=chain,
        keys=keys,
        clock=clock,
        entropy=entropy,
        network_key=entropy.bytes(32),
        registrar=registrar,
        operator=operator,
        code_hashes=bootstrap.published_code_hashes(),
        limits=limits or Limits(),
    )
    try:
        yield World(context, clock, chain, other_operator)
    finally:
        store.close()


SUPPLIER, BUYER, CARRIER = "LEI:5493001KJTIIGC8Y1R12", "VAT:DE136695976", "DUNS:150483782"
CONTRACT: dict[str, Any] = {
    "kind": "CONTRACT",
    "issuer": SUPPLIER,
    "counterparty": BUYER,
    "label": "deal",
    "countersigned": True,
    "content": {"contractNumber": "C-1", "issuerRole": "supplier", "currency": "EUR", "paymentTermsDays": 30},
}
INVOICE: dict[str, Any] = {
    "kind": "INVOICE",
    "issuer": SUPPLIER,
    "counterparty": BUYER,
    "label": "invoice",
    "content": {
        "invoiceNumber": "4711",
        "issueDate": "2026-01-02",
        "dueDate": "2026-02-01",
        "currency": "EUR",
        "payableAmount": "1250.00",
    },
}
ACKNOWLEDGEMENT: dict[str, Any] = {
    "kind": "ACKNOWLEDGEMENT",
    "issuer": BUYER,
    "counterparty": SUPPLIER,
    "parent": "@invoice",
    "content": {},
}
DISPUTE: dict[str, Any] = {
    "kind": "DISPUTE",
    "issuer": BUYER,
    "counterparty": SUPPLIER,
    "parent": "@invoice",
    "label": "dispute",
    "content": {"reasonCode": "QUA", "disputedAmount": "1250.00", "currency": "EUR"},
}
PAYMENT: dict[str, Any] = {
    "kind": "PAYMENT",
    "issuer": SUPPLIER,
    "counterparty": BUYER,
    "content": {
        "paymentReference": "P-1",
        "valueDate": "2026-02-08",
        "currency": "EUR",
        "amount": "1250.00",
        "allocations": [{"invoice": "@invoice", "amount": "1250.00"}],
    },
}


def changed(draft: dict[str, Any], **content: Any) -> dict[str, Any]:
    """``draft`` with some fields of its content changed; None removes one."""
    fields = {**draft["content"], **content}
    return {**draft, "content": {name: value for name, value in fields.items() if value is not None}}
