"""No search of evidence looks at every row: what PostgreSQL plans at 100,000 evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import DealId, PartyId, Timestamp
from tallystick.store.engine import open_engine
from tallystick.store.records import EvidenceState
from tallystick.store.searching import Wanted
from tallystick.store.sql import SqlStore, open_store

ROWS = 100_000
LARGE = {"evidence", "evidence_subject", "acceptance"}
_FILL = (
    """INSERT INTO evidence (evidence_id, issuer, counterparty, kind, deal, parent, content_root, occurred_at,
         issued_at, signatures, disclosures, hidden, document_key, recorded_at)
       SELECT sha256(('e' || n)::bytea), sha256(('p' || n % 50)::bytea), sha256(('p' || (n + 1 + n % 7) % 50)::bytea),
         CASE WHEN n % 100 = 0 THEN 1 WHEN n % 1000 = 1 THEN 6 ELSE 3 END, sha256(('d' || n % 400)::bytea),
         decode(repeat('00', 32), 'hex'), sha256(('c' || n)::bytea), 1700000000 + n * 37 % 10000000, 1700000000 + n,
         'signature', '[]', '', 'INVOICE ' || n, 1700000000 + n
       FROM generate_series(1, :rows) AS n""",
    """INSERT INTO evidence_subject (subject, position, kind, other, occurred_at, number, awaits)
       SELECT issuer, position, kind, counterparty, occurred_at, substr(document_key, 9), NULL FROM evidence
       UNION ALL SELECT counterparty, position, kind, issuer, occurred_at, substr(document_key, 9),
         CASE WHEN position % 500 = 0 THEN 'answer' END FROM evidence""",
    """INSERT INTO batch (operator, batch_id, root, state, created_at)
       SELECT 'op', n, 'root', CASE WHEN n < 199 THEN 'final' ELSE 'sent' END, 1700000000
       FROM generate_series(0, 199) AS n""",
    """INSERT INTO acceptance (evidence_id, operator, batch_id)
       SELECT evidence_id, CASE WHEN position <= 99800 THEN 'op'::bytea END,
         CASE WHEN position <= 99800 THEN position / 500 END
       FROM evidence WHERE kind <> 1 OR position % 500 <> 0 ORDER BY position""",
    "ANALYZE",
)


@pytest.fixture(scope="module")
def filled(restartable: Any) -> Iterator[tuple[SqlStore, list[tuple[str, Any]]]]:
    """A store of so many evidence of fifty parties, and the statements that are sent to it."""
    from postgresql import Schemas

    with Schemas(restartable.url).schema() as url:
        store = open_store(url)
        engine, _ = open_engine(url, 60)
        with engine.begin() as connection:
            for statement in _FILL:
                connection.execute(text(statement), {"rows": ROWS} if ":rows" in statement else {})
        engine.dispose()
        seen: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
            if statement.lstrip().startswith(("SELECT", "(SELECT")):
                seen.append((statement, parameters))

        event.listen(Engine, "before_cursor_execute", note)
        yield store, seen
        event.remove(Engine, "before_cursor_execute", note)
        store.close()


def _party(number: int) -> PartyId:
    import hashlib

    return PartyId(hashlib.sha256(f"p{number}".encode()).digest())


def _deal(number: int) -> DealId:
    import hashlib

    return DealId(hashlib.sha256(f"d{number}".encode()).digest())


def scanned(plan: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The tables that ``plan`` reads from end to end, and how many rows each step read in all."""
    if plan["Node Type"] in ("Seq Scan", "Parallel Seq Scan"):
        yield plan["Relation Name"], plan["Actual Rows"]
    for part in plan.get("Plans", []):
        yield from scanned(part)


def rows_read(plan: dict[str, Any]) -> float:
    """Rows that the leaves of ``plan`` looked at, those thrown away too."""
    parts = plan.get("Plans", [])
    own = 0.0
    if "Relation Name" in plan:
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        own = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return float(own + sum(rows_read(part) for part in parts))


OWN = Wanted(parties=(_party(3), _party(4)))
SEARCHES: dict[str, Wanted] = {
    "own": OWN,
    "own of a counterparty": Wanted(parties=(_party(3),), other=_party(4)),
    "own of a rare kind": Wanted(parties=(_party(3),), kind=Kind.DISPUTE),
    "own of a kind that is not there": Wanted(parties=(_party(3),), kind=Kind.WRITE_OFF),
    "own of a few days": Wanted(
        parties=(_party(3),), occurred_from=Timestamp(1_700_000_000), occurred_to=Timestamp(1_700_080_000)
    ),
    "own by number": Wanted(parties=(_party(3),), number="4711"),
    "own by deal": Wanted(parties=(_party(3),), deal=_deal(17)),
    "own pending": Wanted(parties=(_party(3),), state=EvidenceState.PENDING),
    "own awaiting": Wanted(parties=(_party(3),), state=EvidenceState.AWAITING_COUNTERSIGNATURE),
    "own final": Wanted(parties=(_party(3),), state=EvidenceState.FINAL),
    "all": Wanted(),
    "all of a party": Wanted(other=_party(3)),
    "all of a rare kind": Wanted(kind=Kind.DISPUTE),
    "all of a kind that is not there": Wanted(kind=Kind.WRITE_OFF),
    "all of a few days": Wanted(occurred_from=Timestamp(1_700_000_000), occurred_to=Timestamp(1_700_000_400)),
    "all by number": Wanted(number="4711"),
    "all by deal": Wanted(deal=_deal(17)),
    "all pending": Wanted(state=EvidenceState.PENDING),
    "all awaiting": Wanted(state=EvidenceState.AWAITING_COUNTERSIGNATURE),
    "all final": Wanted(state=EvidenceState.FINAL),
}


@pytest.mark.parametrize("name", [*SEARCHES, "inbox"])
@pytest.mark.parametrize("before", [None, 60_000], ids=["first page", "later page"])
def test_no_search_reads_a_table_from_end_to_end(
    filled: tuple[SqlStore, list[tuple[str, Any]]], name: str, before: int | None
) -> None:
    """No sequential scan of a large table, and at most a tenth of the rows looked at, for any filter."""
    store, seen = filled
    seen.clear()
    with store.transaction(read_only=True) as transaction:
        if name == "inbox":
            transaction.waiting([_party(3), _party(4)], before or 0, 51)
        else:
            transaction.find_evidence(SEARCHES[name], before, 51)
        asked = list(seen)
        assert asked
        for statement, parameters in asked:
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            (found,) = transaction._connection.exec_driver_sql(explain, parameters).one()
            plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
            assert not {table for table, _ in scanned(plan)} & LARGE, json.dumps(plan, indent=1)
            assert rows_read(plan) < ROWS / 10, (name, rows_read(plan))
