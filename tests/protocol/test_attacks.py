"""What an attacker with one key can do: nothing that changes what a history proves, and nothing unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.world import (
    CODE_HASHES,
    DAY,
    FIELDS,
    LEDGER,
    Actor,
    Signed,
    World,
    actor,
    show,
    simple_report,
)
from tallystick.protocol import content
from tallystick.protocol.bundle import Bundle, BundleEntry
from tallystick.protocol.bundle_stream import format_bundle
from tallystick.protocol.entry import Entry, Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, Hash
from tallystick.protocol.verdict import Outcome, Step, Trust, Verdict
from tallystick.protocol.verify import verify

OPERATOR, ROGUE = actor("operator"), actor("rogue operator")


def read(bundle: Bundle, **more: Any) -> Verdict:
    """The verdict of a reader who knows the ledger and the newest block."""
    options = {"code_hashes": CODE_HASHES, "block_hash": bundle.as_of.hash, "ledger": LEDGER} | more
    return verify(format_bundle(bundle), Trust(**options), derive=simple_report)


def trade() -> tuple[World, Actor, Actor, Signed, Signed]:
    """A world with a supplier, a buyer, their contract and one invoice, sealed."""
    world = World()
    supplier, buyer = world.join("supplier"), world.join("buyer")
    contract = world.contract(supplier, buyer)
    invoice = world.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    world.seal(OPERATOR, [contract, invoice])
    return world, supplier, buyer, contract, invoice


def counting(entries: list[Entry]) -> list[tuple[bytes, int]]:
    """What counts of a history."""
    return [(entry.evidence_id, entry.anchored_at) for entry in entries if entry.standing is Standing.STANDS]


# with an operator's key


def test_a_rogue_operator_can_add_junk_to_a_log_but_nothing_that_counts() -> None:
    world, supplier, buyer, contract, invoice = trade()
    before = counting(world.judged(supplier.party))
    stranger = world.join("stranger")
    world.seal_as(
        ROGUE,
        {
            supplier.party: [
                world.evidence(supplier, buyer, Kind.PAYMENT, parent=invoice, signers=[ROGUE]),
                world.evidence(buyer, supplier, Kind.DISPUTE, parent=invoice, signers=[ROGUE]),
                world.evidence(buyer, supplier, Kind.DISPUTE, parent=invoice, signers=[stranger]),
                world.evidence(stranger, supplier, Kind.INVOICE, parent=contract),
                world.evidence(supplier, stranger, Kind.CONTRACT, deal="x", signers=[stranger, stranger]),
                invoice,
            ]
        },
    )
    assert counting(world.judged(supplier.party)) == before
    assert read(world.bundle(supplier.party)).outcome is Outcome.VALID


def test_an_operator_that_seals_a_root_without_entries_is_named_and_forges_nothing() -> None:
    world, supplier, *_ = trade()
    world.seal_as(ROGUE, {supplier.party: [world.evidence(supplier, None, Kind.PROFILE, {}, signers=[ROGUE])]})
    verdict = read(world.bundle(supplier.party, withhold={1}))
    assert verdict.outcome is Outcome.UNCHECKED
    assert ROGUE.address.hex() in verdict.message


def test_sealing_again_does_not_move_an_evidence_in_time() -> None:
    world, supplier, _, _, invoice = trade()
    first = counting(world.judged(supplier.party))
    world.now += 365 * DAY
    world.seal_as(ROGUE, {supplier.party: [invoice]})
    assert counting(world.judged(supplier.party)) == first


# with a partner's key


def test_a_stolen_key_signs_nothing_good_once_it_is_revoked() -> None:
    """Not even with an early date: what counts is when it was anchored."""
    world, supplier, buyer, _, invoice = trade()
    world.revoke(buyer)
    forged = world.evidence(buyer, supplier, Kind.PAYMENT, parent=invoice, issued_at=world.now - 30 * DAY)
    world.seal(ROGUE, [forged])
    assert world.judged(supplier.party)[-1].standing is Standing.SIGNER_INACTIVE


def test_a_partner_can_not_acknowledge_its_own_statement() -> None:
    world, supplier, buyer, _, invoice = trade()
    alone = world.evidence(supplier, None, Kind.INVOICE)
    world.seal(
        ROGUE,
        [
            alone,
            world.evidence(supplier, buyer, Kind.ACKNOWLEDGEMENT, {}, parent=invoice),
            world.evidence(supplier, None, Kind.ACKNOWLEDGEMENT, {}, parent=invoice),
            world.evidence(supplier, None, Kind.ACKNOWLEDGEMENT, {}, parent=alone),
        ],
    )
    assert [entry.standing for entry in world.judged(supplier.party)[-3:]] == [Standing.MISFIT] * 3


def test_a_signature_for_another_ledger_is_worth_nothing_here() -> None:
    world, supplier, buyer, contract, _ = trade()
    elsewhere = World(ledger=Address(keccak256(b"another ledger")[:20]))
    foreign = elsewhere.evidence(supplier, buyer, Kind.INVOICE, parent=contract)
    here = replace(foreign, evidence_id=foreign.evidence.evidence_id(world.domain))
    world.seal_as(ROGUE, {supplier.party: [here]})
    assert world.judged(supplier.party)[-1].standing is Standing.SIGNER_INACTIVE


# as a hostile holder


def test_a_holder_with_a_ledger_of_its_own_fails_where_the_reader_names_the_ledger() -> None:
    """Anybody can deploy the published code with any storage: only the address tells."""
    own = World(ledger=Address(keccak256(b"the holder's own ledger")[:20]))
    supplier, buyer = own.join("supplier"), own.join("buyer")
    own.seal(supplier, [own.contract(supplier, buyer)])
    bundle = own.bundle(supplier.party)
    assert read(bundle).failed is Step.ACCOUNT
    unnamed = read(bundle, ledger=None)
    assert unnamed.outcome is Outcome.VALID
    assert own.ledger.hex() in unnamed.caveats[0]


def test_a_holder_can_not_pass_off_an_old_block_as_the_newest() -> None:
    world, supplier, buyer, _, invoice = trade()
    old = world.bundle(supplier.party)
    world.seal(OPERATOR, [world.evidence(buyer, supplier, Kind.DISPUTE, parent=invoice)])
    new = world.bundle(supplier.party)
    assert read(old, block_hash=new.as_of.hash).failed is Step.HEADER
    mixed = replace(new, appends=old.appends, report=old.report)
    assert read(mixed).failed is Step.HEAD


def test_a_holder_that_calls_its_entries_withheld_gets_no_valid_verdict() -> None:
    world, supplier, *_ = trade()
    assert read(world.bundle(supplier.party, withhold={0})).outcome is Outcome.UNCHECKED


def test_a_field_that_would_make_an_entry_malformed_can_be_hidden_but_not_unseen() -> None:
    """Standing is judged on what is shown; so what is hidden is counted aloud."""
    world, supplier, buyer, contract, _ = trade()
    bad = world.evidence(supplier, buyer, Kind.INVOICE, {**FIELDS[Kind.INVOICE], "taxAmount": "?"}, parent=contract)
    world.seal(OPERATOR, [bad])
    assert world.judged(supplier.party)[-1].standing is Standing.MALFORMED
    verdict = read(world.bundle(supplier.party, hide={"taxAmount"}))
    assert verdict.outcome is Outcome.UNCHECKED
    assert verdict.entries[-1].standing is Standing.STANDS
    assert "2 of 3 entries hide fields" in verdict.caveats[0]


def test_two_texts_never_share_the_digest_of_one_disclosure() -> None:
    """A disclosure beyond ASCII must not be hashed as if its strange characters were question marks."""
    world, supplier, buyer, contract, _ = trade()
    base = world.evidence(supplier, buyer, Kind.INVOICE, {}, parent=contract)
    shown = "no?disclosure"
    evidence = replace(base.evidence, content_root=content.content_root([content.digest(shown)]))
    world.seal(OPERATOR, [world.sign(evidence, [supplier], [shown])])
    bundle = world.bundle(supplier.party)
    assert read(bundle).outcome is Outcome.VALID
    last = bundle.appends[-1]
    assert last.entries
    twin = replace(last.entries[0], disclosures=("noédisclosure",))
    forged = replace(bundle, appends=(*bundle.appends[:-1], replace(last, entries=(twin,))))
    assert read(forged).failed is Step.SCHEMA


def test_a_field_can_not_be_taken_out_by_showing_it_and_hiding_it_too() -> None:
    world, supplier, *_ = trade()
    bundle = world.bundle(supplier.party)
    append = bundle.appends[0]
    entries = list(append.entries or ())
    digest = content.digest(entries[1].disclosures[0])
    entries[1] = replace(entries[1], hidden=(digest,))
    forged = replace(bundle, appends=(replace(append, entries=tuple(entries)),))
    assert read(forged).failed is Step.CONTENT


@pytest.mark.parametrize("claimed", [Standing.REPEATED, Standing.FOREIGN, Standing.MALFORMED, Standing.MISFIT])
def test_a_holder_can_not_strike_out_an_entry_under_any_pretext(claimed: Standing) -> None:
    world, supplier, *_ = trade()
    bundle = world.bundle(supplier.party)
    append = bundle.appends[0]
    first, second = append.entries or ()
    entries = (first, replace(second, standing=claimed))
    verdict = read(replace(bundle, appends=(replace(append, entries=entries),)))
    assert verdict.failed in (Step.CONTENT, Step.REFERENCE)


# as whoever writes the file


def test_nodes_nested_without_end_are_refused_and_crash_nothing() -> None:
    world, supplier, *_ = trade()
    bundle = world.bundle(supplier.party)
    assert bundle.proof is not None
    for header in (b"\xc1" * 2_048, b"\xf8\xff" * 1_000, b"\xbf" + b"\xff" * 8):
        block = replace(bundle.as_of, hash=Hash(keccak256(header)))
        forged = replace(bundle, as_of=block, proof=replace(bundle.proof, header=header))
        assert read(forged).failed is Step.HEADER


def test_an_entry_may_be_shown_by_its_content_root_alone() -> None:
    world, supplier, buyer, *_ = trade()
    (append, items), *_ = world.logs[supplier.party]
    entries: list[BundleEntry] = [show(items[0]), replace(show(items[1]), disclosures=())]
    bundle = world.assemble(supplier.party, [(append, entries)], [], simple_report)
    verdict = read(bundle)
    assert (verdict.outcome, verdict.failed) == (Outcome.UNCHECKED, None)
    assert verdict.entries[1].hidden == 1
    assert verdict.entries[1].evidence.counterparty == buyer.party
