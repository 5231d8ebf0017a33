"""What a look at the figures of a store costs at 10,000 and at 1,000,000 evidence, beside a count of every row.

Prints CPU seconds of one look as ratios to the smaller store, measured in this process on SQLite files.

    python scripts/bench/figures.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from tallystick.protocol.types import Timestamp
from tallystick.store.engine import open_engine
from tallystick.store.sql import SqlStore, SqlTransaction, open_store

SIZES = (10_000, 1_000_000)
LOOKS = 200
_EVIDENCE = """
INSERT INTO evidence (evidence_id, issuer, counterparty, kind, deal, parent, content_root, occurred_at, issued_at,
                      signatures, disclosures, hidden, recorded_at)
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :rows)
SELECT CAST(printf('%032d', n) AS BLOB), CAST(printf('%032d', 1) AS BLOB), CAST(printf('%032d', 2) AS BLOB), 3,
       zeroblob(32), zeroblob(32), zeroblob(32), n, n, x'05', '[]', x'', n FROM c
"""
_BATCHES = """
INSERT INTO batch (operator, batch_id, root, state, created_at)
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :rows / 500)
SELECT x'0a', n, x'0b', 'final', n FROM c
"""
_ACCEPTANCES = """
INSERT INTO acceptance (evidence_id, operator, batch_id, seal_by, received_at, receipt_operator, receipt_signature)
SELECT evidence_id, CASE WHEN position > 500 THEN x'0a' END, CASE WHEN position > 500 THEN position / 500 END,
       5, 5, x'0a', x'0c' FROM evidence
"""
_FILL = (_EVIDENCE, _BATCHES, _ACCEPTANCES)


def filled(path: Path, rows: int) -> SqlStore:
    """A store of so many evidence, 500 of which are pending."""
    store = open_store(path)
    engine, _ = open_engine(path, 5)
    with engine.begin() as connection:
        for statement in _FILL:
            connection.execute(text(statement), {"rows": rows} if ":rows" in statement else {})
    engine.dispose()
    return store


def look(transaction: SqlTransaction) -> None:
    """What /metrics asks of the store."""
    transaction.counts()
    transaction.count_pending()
    transaction.pending(1)
    transaction.count_overdue(Timestamp(10))


def count(transaction: SqlTransaction) -> None:
    """One of the figures, counted."""
    transaction._connection.execute(text("SELECT count(*) FROM acceptance WHERE batch_id IS NOT NULL")).scalar()


def seconds(store: SqlStore, what: Callable[[SqlTransaction], None], times: int) -> float:
    """CPU seconds of one ``what``."""
    with store.transaction(read_only=True) as transaction:
        what(transaction)
        began = time.process_time()
        for _ in range(times):
            what(transaction)
        return (time.process_time() - began) / times


def main() -> None:
    """Measure and print."""
    found: dict[str, list[float]] = {"kept": [], "counted": []}
    for rows in SIZES:
        with tempfile.TemporaryDirectory() as directory:
            store = filled(Path(directory) / "ledger.sqlite3", rows)
            found["kept"].append(seconds(store, look, LOOKS))
            found["counted"].append(seconds(store, count, 5))
            store.close()
    for name, (few, many) in found.items():
        print(f"{name:8} {SIZES[1]:,} evidence cost {many / few:.1f} times what {SIZES[0]:,} do")


if __name__ == "__main__":
    main()
