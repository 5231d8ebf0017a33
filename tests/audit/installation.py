"""A ledger to audit: an accounts-receivable import on the embedded chain and SQLite, sealed and exported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from service.world import SeededEntropy
from tallystick import auditing, bootstrap
from tallystick.chain.deploy import deploy
from tallystick.chain.embedded import EmbeddedProvider, open_embedded
from tallystick.chain.ledger import EvmChain
from tallystick.intake.receivables import Receivable, read_receivables
from tallystick.keys.memory import MemoryKeystore
from tallystick.limits import Limits
from tallystick.protocol.types import Address, Timestamp
from tallystick.service import archive, importing, parties
from tallystick.service.audit.replay import Audit
from tallystick.service.context import Context, Progress, silent
from tallystick.service.seal import seal
from tallystick.store.archive import ArchiveWriter
from tallystick.store.records import PartyRecord
from tallystick.store.sql import open_store

START = Timestamp(1_767_225_600)
"""2026-01-01T00:00:00Z."""
HEADER = "customerID,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate"


@dataclass
class Installation:
    """A home's insides in ``folder``, with the keys of everybody at hand, those of a rogue operator included."""

    folder: Path
    context: Context
    chain: EmbeddedProvider
    keys: MemoryKeystore
    rogue: Address
    owner: PartyRecord
    database_url: str
    audits: int = field(default=0)

    @property
    def database(self) -> Path:
        return self.folder / "ledger.sqlite3"

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def export(self, **options: Any) -> None:
        """Write the archive anew."""
        archive.export(self.context, ArchiveWriter(self.archive, **options))

    def audit(
        self,
        *,
        work: Path | None = None,
        provider: Any = None,
        progress: Progress = silent,
        against: bool = False,
        archives: Sequence[Path] = (),
        databases: Sequence[str] = (),
        **options: Any,
    ) -> Audit:
        """What an auditor finds who has a node and the archive, in a work directory of its own unless told which.

        ``against`` says whether the database of this installation is compared; ``archives`` and ``databases`` are more.
        """
        self.audits += 1
        order = auditing.AuditOrder(
            rpc_url="http://127.0.0.1",
            work=work or self.folder / f"audit{self.audits}",
            archives=[self.archive, *archives],
            database_urls=[self.database_url] * against + list(databases),
            **options,
        )
        with auditing.open_audit(order, progress, provider or self.chain) as replay:
            return replay.run()


def made_up_lines(lines: int, customers: int) -> list[Receivable]:
    """A small ledger; every fifth invoice was disputed."""
    rows = [
        f"C{i % customers:04},{i:010},1/{1 + i % 28}/2013,2/{1 + i % 28}/2013,{1000 + i}.50,"
        f"{'Yes' if i % 5 == 0 else 'No'},3/{1 + i % 28}/2013"
        for i in range(lines)
    ]
    return list(read_receivables("\n".join([HEADER, *rows]).encode(), None, 1_000_000).or_raise())


@contextmanager
def imported(
    folder: Path, lines: list[Receivable], *, batch_evidence: int = 5_000, database_url: str | None = None
) -> Iterator[Installation]:
    """An installation that has imported and sealed ``lines`` with simulated customers, on SQLite unless told where."""
    entropy = SeededEntropy(7)
    keys = MemoryKeystore(entropy.bytes)
    registrar, operator, rogue = keys.create_many(["registrar", "operator", "rogue operator"])
    provider = open_embedded(None, funded=dict.fromkeys((registrar, operator, rogue), 10**24), genesis_timestamp=START)
    folder.mkdir(parents=True, exist_ok=True)
    database_url = database_url or f"sqlite:///{folder / 'ledger.sqlite3'}"
    store = open_store(database_url)
    deployment = deploy(provider, registrar, partial(keys.sign, registrar), registrar, [operator, rogue])
    with store.transaction() as transaction:
        transaction.set_deployment(deployment)
    context = Context(
        store=store,
        chain=EvmChain(provider, deployment),
        keys=keys,
        clock=provider,
        entropy=entropy,
        network_key=entropy.bytes(32),
        registrar=registrar,
        operator=operator,
        code_hashes=bootstrap.published_code_hashes(),
        limits=Limits(batch_evidence=batch_evidence),
    )
    try:
        owner = parties.add_parties(context, [parties.NewParty("Ledger owner", (importing.LEDGER_OWNER,))])[0]
        importing.import_receivables(context, owner, lines, "ERP", simulate_counterparties=True)
        seal(context)
        yield Installation(folder, context, provider, keys, rogue, owner, database_url)
    finally:
        store.close()
        provider.close()
