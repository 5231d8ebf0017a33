"""What the store promises about evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.samples import AWAITING, DEAL, PENDING, batch, digest, entries, evidence, undone
from tallystick.errors import Duplicate, NotFound
from tallystick.protocol.evidence import MAX_TIME, Kind
from tallystick.protocol.types import DealId, EvidenceId, Hash, Timestamp, to_hex
from tallystick.store.records import EvidenceState
from tallystick.store.sql import SqlStore

AT = Timestamp(1_700_003_000)


def test_an_evidence_id_is_taken_once(store: SqlStore) -> None:
    """An evidence that is kept already is refused by its id, and nothing of the call is kept."""
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1)])
        with pytest.raises(Duplicate, match=to_hex(evidence(1).evidence_id)):
            transaction.add_evidence([evidence(2), evidence(1)])
        assert transaction.counts().evidence[PENDING] == 1


def test_one_call_holds_no_evidence_twice(store: SqlStore) -> None:
    """The same id twice in one call is refused by its id."""
    with store.transaction() as transaction, pytest.raises(Duplicate, match=to_hex(evidence(1).evidence_id)):
        transaction.add_evidence([evidence(1), evidence(1)])


def test_a_document_is_recorded_once(store: SqlStore) -> None:
    """A document key that is taken is refused, naming the key and the evidence that has it."""
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1, document_key="invoice 7")])
        with pytest.raises(Duplicate, match=f"'invoice 7'.*{to_hex(evidence(1).evidence_id)}"):
            transaction.add_evidence([evidence(2, document_key="invoice 7")])


def test_one_call_holds_no_document_twice(store: SqlStore) -> None:
    """The same document key twice in one call is refused by the key."""
    both = [evidence(1, document_key="invoice 7"), evidence(2, document_key="invoice 7")]
    with store.transaction() as transaction, pytest.raises(Duplicate, match=r"'invoice 7'.*same call"):
        transaction.add_evidence(both)


def test_a_countersignature_needs_its_evidence(store: SqlStore) -> None:
    """Completing the signatures of an unknown evidence is refused."""
    with store.transaction() as transaction, pytest.raises(NotFound, match=to_hex(evidence(1).evidence_id)):
        transaction.complete_signatures(evidence(1).evidence_id, b"\x01" * 130, AT)


def test_an_evidence_is_countersigned_once(store: SqlStore) -> None:
    """An accepted evidence keeps the signatures it was accepted with."""
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1)])
        with pytest.raises(Duplicate, match="has all of its signatures"):
            transaction.complete_signatures(evidence(1).evidence_id, b"\x01" * 130, AT)
        assert transaction.evidence([evidence(1).evidence_id]) == {evidence(1).evidence_id: evidence(1)}


def test_unknown_evidence_is_left_out(store: SqlStore) -> None:
    """What is not kept is absent from every answer, never an error."""
    unknown = evidence(9).evidence_id
    with store.transaction() as transaction:
        assert transaction.evidence([unknown]) == {}
        assert transaction.evidence([]) == {}
        assert transaction.evidence_by_document(["no such document"]) == {}
        assert transaction.children(unknown) == []
        assert transaction.evidence_of_deal(DEAL, [Kind.PAYMENT]) == []
        assert transaction.deals_between(evidence(9).evidence.issuer, evidence(9).evidence.counterparty) == []
        assert transaction.contract_of(DEAL) is None
        assert transaction.pending(10) == []
        assert transaction.count_pending() == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(),
    kind=st.integers(1, 255),
    occurred_at=st.integers(0, MAX_TIME),
    disclosures=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4).map(tuple),
    hidden=st.lists(st.binary(min_size=32, max_size=32).map(Hash), max_size=4).map(tuple),
    key=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
def test_evidence_comes_back_as_it_was_given(
    store: SqlStore,
    number: int,
    kind: int,
    occurred_at: int,
    disclosures: tuple[str, ...],
    hidden: tuple[Hash, ...],
    key: str | None,
) -> None:
    """Whatever an evidence may hold (any kind, any time, any text) is read as it was written."""
    record = evidence(number, kind, occurred_at=occurred_at, disclosures=disclosures, hidden=hidden, document_key=key)
    with undone(store) as transaction:
        transaction.add_evidence([record])
        assert transaction.evidence([record.evidence_id]) == {record.evidence_id: record}
        if key is not None:
            assert transaction.evidence_by_document([key]) == {key: record.evidence_id}


def test_many_evidence_are_found_at_once(store: SqlStore) -> None:
    """Ids and document keys may be more than one statement can name, and may repeat."""
    records = [evidence(number, document_key=f"invoice {number}") for number in range(2_500)]
    with store.transaction() as transaction:
        transaction.add_evidence(records)
        ids = [record.evidence_id for record in records] * 2
        assert transaction.evidence(iter(ids)) == {record.evidence_id: record for record in records}
        keys = [f"invoice {number}" for number in range(3_000)]
        assert transaction.evidence_by_document(keys) == {record.document_key: record.evidence_id for record in records}


def test_acceptance_keeps_the_order_of_recording(store: SqlStore) -> None:
    """Pending evidence comes in the order it was added, across calls, at most ``limit``."""
    numbers = [5, 3, 9, 1, 7]
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(number) for number in numbers[:3]])
        transaction.add_evidence([evidence(number) for number in numbers[3:]])
        assert transaction.pending(10) == [evidence(number) for number in numbers]
        assert transaction.pending(2) == [evidence(5), evidence(3)]
        assert transaction.count_pending() == 5


def test_what_awaits_a_signature_is_not_pending(store: SqlStore) -> None:
    """A contract is accepted when its last signature comes, behind what was accepted before."""
    contract = evidence(1, Kind.CONTRACT, state=AWAITING)
    with store.transaction() as transaction:
        transaction.add_evidence([contract, evidence(2)])
        assert transaction.pending(10) == [evidence(2)]
        assert transaction.contract_of(DEAL) == contract
        transaction.complete_signatures(contract.evidence_id, b"\x02" * 130, AT)
        signed = replace(contract, signatures=b"\x02" * 130, state=PENDING)
        assert transaction.pending(10) == [evidence(2), signed]
        assert transaction.contract_of(DEAL) == signed


def test_a_batch_takes_evidence_off_the_pending(store: SqlStore) -> None:
    """Evidence in a frozen batch is SEALING and no longer pending; the rest keeps its order."""
    records = [evidence(number) for number in range(4)]
    with store.transaction() as transaction:
        transaction.add_evidence(records)
        transaction.add_batch(batch(0), entries([records[0], records[2]]))
        assert transaction.pending(10) == [records[1], records[3]]
        assert transaction.count_pending() == 2
        sealing = transaction.evidence([records[0].evidence_id])[records[0].evidence_id]
        assert sealing == replace(records[0], state=EvidenceState.SEALING)


def test_children_answer_their_parent_oldest_first(store: SqlStore) -> None:
    """``children`` gives the evidence whose parent it is, in the order of recording."""
    invoice = evidence(1)
    answers = [evidence(n, Kind.DISPUTE, parent=invoice.evidence_id) for n in (8, 2, 5)]
    with store.transaction() as transaction:
        transaction.add_evidence([invoice, *answers, evidence(3, parent=answers[0].evidence_id)])
        assert transaction.children(invoice.evidence_id) == answers


def test_evidence_is_found_by_its_deal_and_kind(store: SqlStore) -> None:
    """``evidence_of_deal`` gives every PAYMENT of the deal, oldest first, and of no other deal."""
    elsewhere = DealId(digest("another deal"))
    payments = [evidence(number, Kind.PAYMENT) for number in (7, 4)]
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1), *payments, evidence(2, Kind.PAYMENT, deal=elsewhere), evidence(3)])
        assert transaction.evidence_of_deal(DEAL, [Kind.PAYMENT]) == payments


def test_deals_are_found_by_their_two_parties(store: SqlStore) -> None:
    """``deals_between`` gives each deal that a CONTRACT between the two opened once, whoever issued it."""
    contract = evidence(2, Kind.CONTRACT)
    one, other = contract.evidence.issuer, contract.evidence.counterparty
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1), contract, evidence(4, Kind.CONTRACT)])
        assert transaction.deals_between(one, other) == transaction.deals_between(other, one) == [DEAL]
        assert transaction.deals_between(one, one) == []


def test_the_first_contract_opens_the_deal(store: SqlStore) -> None:
    """``contract_of`` is the CONTRACT of that deal which came first."""
    first, second = evidence(2, Kind.CONTRACT), evidence(1, Kind.CONTRACT)
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(3), first, second, evidence(4, Kind.CONTRACT, deal=DealId(digest("x")))])
        assert transaction.contract_of(DEAL) == first


def test_an_id_is_no_other_id(store: SqlStore) -> None:
    """Ids that share a beginning are told apart."""
    near = EvidenceId(evidence(1).evidence_id[:31] + b"\xff")
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(1), replace(evidence(2), evidence_id=near)])
        assert set(transaction.evidence([near])) == {near}
