"""What the store promises about receipts: kept with the acceptance, whole, and none where there was none."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

import tallystick.store.migrations
from store.samples import AWAITING, OPERATOR, OTHER_OPERATOR, batch, digest, entries, evidence, undone
from tallystick.errors import Duplicate
from tallystick.protocol.evidence import MAX_TIME, Kind
from tallystick.protocol.types import Timestamp
from tallystick.store.records import BatchState, ReceiptRecord
from tallystick.store.sql import SqlStore, open_store

TIMES = st.integers(0, MAX_TIME).map(Timestamp)
RECEIPTS = st.builds(
    ReceiptRecord, TIMES, TIMES, st.sampled_from([OPERATOR, OTHER_OPERATOR]), st.binary(min_size=65, max_size=65)
)


def receipt(number: int) -> ReceiptRecord:
    """A receipt that differs for each ``number``."""
    signature = digest("receipt", number) * 2 + b"\x1c"
    return ReceiptRecord(Timestamp(1_700_000_800 + number), Timestamp(1_700_200_000 + number), OPERATOR, signature)


def test_what_was_accepted_without_a_receipt_has_none(store: SqlStore) -> None:
    """Unknown evidence, evidence that awaits a signature, and evidence accepted without one are left out."""
    waiting = evidence(2, Kind.CONTRACT, state=AWAITING)
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1), waiting])
        assert transaction.receipts([evidence(1).evidence_id, waiting.evidence_id, evidence(9).evidence_id]) == {}
        assert transaction.receipts([]) == {}


def test_what_is_not_accepted_gets_no_receipt(store: SqlStore) -> None:
    """A receipt given for evidence that awaits a signature is not kept: nobody accepted it."""
    waiting = evidence(1, Kind.CONTRACT, state=AWAITING)
    with store.transaction() as transaction:
        transaction.add_evidence([waiting], {waiting.evidence_id: receipt(1)})
        assert transaction.receipts([waiting.evidence_id]) == {}


def test_a_refused_call_keeps_no_receipt(store: SqlStore) -> None:
    """What is accepted already keeps the receipt it was accepted with."""
    first = evidence(1)
    with store.transaction() as transaction:
        transaction.add_evidence([first], {first.evidence_id: receipt(1)})
        with pytest.raises(Duplicate):
            transaction.add_evidence([evidence(2), first], {first.evidence_id: receipt(2)})
        with pytest.raises(Duplicate):
            transaction.complete_signatures(first.evidence_id, b"\x01" * 130, receipt(3))
        assert transaction.receipts([first.evidence_id, evidence(2).evidence_id]) == {first.evidence_id: receipt(1)}


def test_a_receipt_lasts_no_longer_than_its_acceptance(store: SqlStore) -> None:
    """Both are of one transaction: undone together."""
    with undone(store) as transaction:
        transaction.add_evidence([evidence(1)], {evidence(1).evidence_id: receipt(1)})
        assert transaction.receipts([evidence(1).evidence_id])
    with store.transaction() as transaction:
        assert transaction.receipts([evidence(1).evidence_id]) == {}


def test_an_older_store_is_brought_up_to_date(lasting_url: str) -> None:
    """What the version before receipts accepted is still pending, has no receipt, and new evidence gets one."""
    engine = create_engine(make_url(lasting_url))
    config = Config()
    config.set_main_option("script_location", str(Path(tallystick.store.migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        one = evidence(1)
        struct = one.evidence
        connection.execute(
            text(
                "INSERT INTO evidence (evidence_id, issuer, counterparty, kind, deal, parent, content_root, "
                "occurred_at, issued_at, signatures, disclosures, hidden, document_key, recorded_at) VALUES "
                "(:id, :issuer, :counterparty, :kind, :deal, :parent, :root, :occurred, :issued, :signatures, "
                ":disclosures, :hidden, NULL, :recorded)"
            ),
            {
                "id": one.evidence_id,
                "issuer": struct.issuer,
                "counterparty": struct.counterparty,
                "kind": int(struct.kind),
                "deal": struct.deal,
                "parent": struct.parent,
                "root": struct.content_root,
                "occurred": struct.occurred_at,
                "issued": struct.issued_at,
                "signatures": one.signatures,
                "disclosures": '["one","two"]',
                "hidden": b"",
                "recorded": one.recorded_at,
            },
        )
        connection.execute(text("INSERT INTO acceptance (evidence_id) VALUES (:id)"), {"id": one.evidence_id})
    engine.dispose()
    store = open_store(lasting_url)
    with store.transaction() as transaction:
        assert transaction.pending(9) == [one]
        assert transaction.receipts([one.evidence_id]) == {}
        transaction.add_evidence([evidence(2)], {evidence(2).evidence_id: receipt(2)})
        assert transaction.receipts([evidence(2).evidence_id]) == {evidence(2).evidence_id: receipt(2)}
    store.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=RECEIPTS)
def test_a_receipt_comes_back_as_it_was_given(store: SqlStore, kept: ReceiptRecord) -> None:
    """Whatever times, operator and signature it holds, with the evidence or with its countersignature."""
    waiting = evidence(2, Kind.CONTRACT, state=AWAITING)
    with undone(store) as transaction:
        transaction.add_evidence([evidence(1), waiting], {evidence(1).evidence_id: kept})
        transaction.complete_signatures(waiting.evidence_id, b"\x01" * 130, kept)
        ids = [evidence(1).evidence_id, waiting.evidence_id]
        assert transaction.receipts(iter(ids)) == dict.fromkeys(ids, kept)


def test_a_receipt_stays_whatever_becomes_of_its_evidence(store: SqlStore) -> None:
    """Freezing, sending and finality change nothing of it, and many are found at once."""
    records = [evidence(number) for number in range(2_000)]
    given_with = {record.evidence_id: receipt(number) for number, record in enumerate(records)}
    with store.transaction() as transaction:
        transaction.add_evidence(records, given_with)
        transaction.add_batch(batch(0), entries(records))
        transaction.set_batch_state(OPERATOR, 0, BatchState.FINAL)
    with store.transaction(read_only=True) as transaction:
        assert transaction.receipts(given_with) == given_with
