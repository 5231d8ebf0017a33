"""What is certified: only what is final and stands, with all that speaks against it, by a proof that holds alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.proven import provable
from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, DISPUTE, INVOICE, PAYMENT, SUPPLIER, World, changed
from tallystick.errors import Refused, UsageError
from tallystick.protocol import canonical, content
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.inclusion import FORMAT, format_inclusion, parse_inclusion
from tallystick.protocol.types import Address, EvidenceId, Hash, PartyId, Timestamp, to_hex
from tallystick.protocol.verdict import Outcome, Step
from tallystick.service import parties
from tallystick.service.certificate import EvidenceCertificate, PartyCertificate, certify_evidence, certify_party
from tallystick.service.check_proof import ProofVerdict, check_proof, is_proof
from tallystick.service.seal import seal
from tallystick.store.records import EvidenceRecord
from tallystick.timestamp.token import TokenVerdict, check_token


def unchecked(token: bytes, root: Hash) -> TokenVerdict:
    return check_token(token, root, ())


def certify(world: World, evidence_id: EvidenceId) -> EvidenceCertificate:
    return certify_evidence(world.context, evidence_id, unchecked)


def check(world: World, data: bytes, **trust: Any) -> ProofVerdict:
    return check_proof(data, code_hashes=world.context.code_hashes, **trust)


@dataclass
class Story:
    """A disputed invoice that was paid in part, and its certificates."""

    world: World
    contract: EvidenceRecord
    invoice: EvidenceRecord
    answers: list[EvidenceRecord]
    certificate: EvidenceCertificate
    history: PartyCertificate


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with provable() as world:
        made = world.record(
            INVOICE,
            ACKNOWLEDGEMENT,
            DISPUTE,
            {
                "kind": "RESOLUTION",
                "issuer": BUYER,
                "counterparty": SUPPLIER,
                "parent": "@dispute",
                "content": {"outcome": "withdrawn"},
            },
            changed(PAYMENT, amount="1000.00", allocations=[{"invoice": "@invoice", "amount": "1000.00"}]),
            {**changed(INVOICE, invoiceNumber="4712"), "label": None},
        )
        seal(world.context)
        with world.context.store.transaction() as transaction:
            contract = transaction.contract_of(made[0].evidence.deal)
            supplier = parties.find_party(transaction, SUPPLIER).party
        assert contract is not None
        yield Story(
            world,
            contract,
            made[0],
            made[1:5],
            certify(world, made[0].evidence_id),
            certify_party(world.context, supplier),
        )


def test_what_is_not_known_is_not_certified(story: Story) -> None:
    """An id that nobody recorded is refused."""
    with pytest.raises(Refused, match="expected final evidence, got one that is not known here"):
        certify(story.world, EvidenceId(bytes(31) + b"\x01"))


def test_what_is_not_final_is_not_certified() -> None:
    """Evidence that waits is refused with how far it has come, and so is a history without a sealed entry."""
    with provable() as world:
        [invoice] = world.record(INVOICE)
        with pytest.raises(Refused, match="expected final evidence, got one that is pending") as caught:
            certify(world, invoice.evidence_id)
        assert "tallystick seal" in caught.value.todo
        with pytest.raises(Refused, match="expected a history with final entries"):
            certify_party(world.context, invoice.evidence.issuer)


def test_what_is_void_is_not_certified() -> None:
    """An invoice whose key was revoked before it was sealed stands in no log: its void reason is told instead."""
    with provable() as world:
        seal(world.context)
        [invoice] = world.record(INVOICE)
        with world.context.store.transaction() as transaction:
            supplier = parties.find_party(transaction, SUPPLIER)
        parties.rotate_key(world.context, supplier)
        parties.revoke_key(world.context, supplier, supplier.signers[0])
        seal(world.context)
        with pytest.raises(Refused, match="is void: signerInactive"):
            certify(world, invoice.evidence_id)


def test_a_certificate_holds_by_its_block_alone(story: Story) -> None:
    """With the trusted block hash the proof is valid; without one it could not be checked; nothing else is asked."""
    proof, as_of = story.certificate.proof, story.certificate.inclusion.as_of
    ledger = story.world.context.chain.deployment.ledger
    verdict = check(story.world, proof, block_hash=as_of.hash, ledger=ledger)
    assert verdict.outcome is Outcome.VALID, verdict.inclusion.message
    assert check(story.world, proof, ledger=ledger).outcome is Outcome.UNCHECKED
    assert is_proof(proof)
    assert not is_proof(story.history.data)


@pytest.mark.parametrize(
    ("trust", "step"),
    [
        ({"block_hash": Hash(bytes(32))}, Step.HEADER),
        ({"ledger": Address(bytes(20))}, Step.ACCOUNT),
    ],
)
def test_another_block_or_ledger_is_refused(story: Story, trust: dict[str, Any], step: Step) -> None:
    """A proof by a block or of a ledger that the reader does not rely on is invalid, at that step."""
    given_by = {"block_hash": story.certificate.inclusion.as_of.hash, **trust}
    verdict = check(story.world, story.certificate.proof, **given_by)
    assert (verdict.outcome, verdict.inclusion.failed) == (Outcome.INVALID, step)


def test_a_caveat_says_what_the_proof_does_not_show(story: Story) -> None:
    """Whoever names no ledger is told which one it is about; answers and the time of sealing are named as unproven."""
    verdict = check(story.world, story.certificate.proof, block_hash=story.certificate.inclusion.as_of.hash)
    told = " ".join(verdict.inclusion.caveats)
    assert "no ledger was named" in told
    assert "disputes or corrects" in told
    assert "the maker's word" in told


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value of a JSON document that is no list and no object, with its path."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def other(value: Any) -> Any:
    """A value of the same form that is not ``value``."""
    if isinstance(value, int):
        return value + 1
    if value.startswith("0x") and len(value) > 2:
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value[:-1] + ("A" if value[-1:] != "A" else "B")


# what only the maker says, and the check tells as such, or what other values of the file take the place of
_MAKERS_WORD = {"sealedIn"}


def test_whatever_is_changed_in_a_proof_is_found(story: Story) -> None:
    """Each single value changed, the file is invalid; but for the block that sealed it, which is the maker's word."""
    document = json.loads(story.certificate.proof)
    trust = {
        "block_hash": story.certificate.inclusion.as_of.hash,
        "ledger": story.certificate.inclusion.domain.contract,
    }
    found = set()
    for path, value in leaves(document):
        changed_document = json.loads(story.certificate.proof)
        place = changed_document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = other(value)
        verdict = check(story.world, canonical.encode(changed_document), **trust)
        if not _MAKERS_WORD & set(path):
            assert verdict.outcome is Outcome.INVALID, path
            found.add(verdict.inclusion.failed)
    assert found >= {Step.SCHEMA, Step.HEADER, Step.ACCOUNT, Step.STORAGE, Step.ROOT}


@pytest.mark.parametrize("name", ["signers", "disclosures"])
def test_nothing_can_be_left_out_of_a_proof(story: Story, name: str) -> None:
    """Without a signer or a field the file does not hold: nothing of the proof may be left over."""
    document = json.loads(story.certificate.proof)
    document[name] = document[name][1:]
    verdict = check(story.world, canonical.encode(document), block_hash=story.certificate.inclusion.as_of.hash)
    assert verdict.outcome is Outcome.INVALID


def test_a_log_that_is_not_shown_is_named(story: Story) -> None:
    """A proof of one log alone holds, and says that it does not show the other."""
    document = json.loads(story.certificate.proof)
    left = document["places"].pop(0)["subject"]
    verdict = check(story.world, canonical.encode(document), block_hash=story.certificate.inclusion.as_of.hash)
    assert verdict.outcome is Outcome.VALID
    role = "issuer" if left == to_hex(story.invoice.evidence.issuer) else "counterparty"
    assert f"it is not shown that the log of its {role} holds it" in verdict.inclusion.caveats


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_flipped_bit_is_never_valid_nor_raises(story: Story, data: st.DataObject) -> None:
    """Whatever bit of the file is flipped, it is invalid, or only the maker's word about the sealing block changed."""
    proof = story.certificate.proof
    position = data.draw(st.integers(0, 8 * len(proof) - 1))
    mutated = bytearray(proof)
    mutated[position // 8] ^= 1 << position % 8
    verdict = check(story.world, bytes(mutated), block_hash=story.certificate.inclusion.as_of.hash)
    if verdict.outcome is Outcome.VALID:
        assert verdict.inclusion.inclusion is not None
        places = [
            replace(p, block=o.block)
            for p, o in zip(verdict.inclusion.inclusion.places, story.certificate.inclusion.places, strict=True)
        ]
        assert tuple(places) == story.certificate.inclusion.places


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b'{"format":"tallystick-inclusion/1"}', b"\xff", b"[" * 99_999]
)
def test_what_is_no_proof_is_invalid(story: Story, data: bytes) -> None:
    """Anything else fails the first step, whatever it is."""
    verdict = check(story.world, data)
    assert (verdict.outcome, verdict.inclusion.failed) == (Outcome.INVALID, Step.SCHEMA)


def test_a_proof_reads_as_it_was_written(story: Story) -> None:
    """``parse_inclusion`` gives back what ``format_inclusion`` wrote, byte for byte."""
    assert parse_inclusion(story.certificate.proof) == story.certificate.inclusion
    assert format_inclusion(parse_inclusion(story.certificate.proof)) == story.certificate.proof
    assert json.loads(story.certificate.proof)["format"] == FORMAT


def test_hidden_fields_stay_hidden_and_are_counted(story: Story) -> None:
    """A field that is not shown leaves its digest; the proof is valid all the same, and says so."""
    inclusion = story.certificate.inclusion
    shown = tuple(d for d in inclusion.disclosures if content.parse(d)[0] != "payableAmount")
    [hidden] = set(inclusion.disclosures) - set(shown)
    redacted = format_inclusion(replace(inclusion, disclosures=shown, hidden=(content.digest(hidden),)))
    assert hidden.encode() not in redacted
    verdict = check(story.world, redacted, block_hash=inclusion.as_of.hash)
    assert verdict.outcome is Outcome.VALID, verdict.inclusion.message
    assert "fields that are hidden: 1 at least" in verdict.inclusion.caveats


def test_a_holder_hides_fields_by_name(story: Story) -> None:
    """What is hidden by name is in neither proof nor answers; a name that hides nothing is refused with those there."""
    invoice = story.invoice.evidence_id
    certificate = certify_evidence(story.world.context, invoice, unchecked, hide=["payableAmount", "currency"])
    assert certificate.hidden == 2
    assert {"payableAmount", "currency"}.isdisjoint(certificate.fields)
    assert all("currency" not in answer.entry.fields for answer in certificate.answers)
    assert any(answer.entry.hidden for answer in certificate.answers)
    verdict = check(story.world, certificate.proof, block_hash=certificate.inclusion.as_of.hash)
    assert verdict.outcome is Outcome.VALID
    with pytest.raises(UsageError, match=r"expected fields of the evidence, currency, .*; got payable"):
        certify_evidence(story.world.context, invoice, unchecked, hide=["payable"])
    history = certify_party(story.world.context, story.invoice.evidence.issuer, hide=["payableAmount"])
    assert history.verdict.outcome is Outcome.UNCHECKED


def test_a_certificate_is_as_of_the_block_that_is_asked_for(story: Story) -> None:
    """As of the same block it is the same proof, whatever was sealed since; before its block there is none."""
    as_of = story.certificate.inclusion.as_of
    with provable() as world:
        [first] = world.record(INVOICE)
        seal(world.context)
        before = certify(world, first.evidence_id)
        world.record({**changed(INVOICE, invoiceNumber="4712"), "label": None})
        seal(world.context)
        number = before.inclusion.as_of.number
        assert certify(world, first.evidence_id).proof != before.proof
        assert certify_evidence(world.context, first.evidence_id, unchecked, as_of=str(number)).proof == before.proof
    with pytest.raises(Refused, match="does not hold it yet"):
        certify_evidence(story.world.context, story.invoice.evidence_id, unchecked, as_of=str(as_of.number - 1))


def test_what_answers_it_is_certified_too(story: Story) -> None:
    """Acknowledgement, dispute, its resolution and the payment are told; the other invoice and the contract are not."""
    told = [(answer.entry.evidence.kind, answer.allocated) for answer in story.certificate.answers]
    answers = {Kind.ACKNOWLEDGEMENT: None, Kind.DISPUTE: None, Kind.RESOLUTION: None, Kind.PAYMENT: "1000.00"}
    assert [kind for kind, _ in told] == list(answers)
    assert dict(told) == answers
    assert {answer.entry.evidence_id for answer in story.certificate.answers} == {r.evidence_id for r in story.answers}


def test_it_stands_in_both_logs(story: Story) -> None:
    """The standing is told for each log, with the entry's place."""
    evidence = story.invoice.evidence
    assert story.certificate.standings == dict.fromkeys((evidence.issuer, evidence.counterparty), Standing.STANDS)
    assert {place.subject for place in story.certificate.inclusion.places} == set(story.certificate.standings)


def test_a_contract_names_both_signers(story: Story) -> None:
    """The certificate of a contract holds both signatures, and nothing that merely happened under it."""
    certificate = certify(story.world, story.contract.evidence_id)
    assert {party for party, _ in certificate.signers} == {
        story.invoice.evidence.issuer,
        story.invoice.evidence.counterparty,
    }
    assert certificate.answers == []
    assert CONTRACT["content"]["contractNumber"] == certificate.fields["contractNumber"]


def test_a_revoked_key_does_not_spoil_what_was_sealed_before() -> None:
    """The window at the time of sealing counts, also when the key was revoked since."""
    with provable() as world:
        [invoice] = world.record(INVOICE)
        seal(world.context)
        with world.context.store.transaction() as transaction:
            supplier = parties.find_party(transaction, SUPPLIER)
        parties.rotate_key(world.context, supplier)
        parties.revoke_key(world.context, supplier, supplier.signers[0])
        certificate = certify(world, invoice.evidence_id)
        [window] = certificate.inclusion.windows.values()
        assert window.revoked_at != 0
        assert not window.covers(Timestamp(window.revoked_at))
        assert check(world, certificate.proof, block_hash=certificate.inclusion.as_of.hash).outcome is Outcome.VALID


def test_a_party_is_certified_by_its_verified_bundle(story: Story) -> None:
    """The certificate holds what the verifier found: complete, every entry, disputes and resolutions in order."""
    history = story.history
    assert history.verdict.outcome is Outcome.VALID
    assert history.withheld == 0
    assert len(history.entries) == 7
    assert history.names[PartyId(history.bundle.subject)].name == "Supplier GmbH"
