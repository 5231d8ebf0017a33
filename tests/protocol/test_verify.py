"""The verifier, from the roots to the report; and what can't be checked never reads as forged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.forging import (
    BUYER,
    GOOD,
    ROGUE,
    SUPPLIER,
    TRUSTED,
    WORLD,
    assert_fails,
    change_append,
    change_entry,
    find,
    node,
    verdict_of,
)
from protocol.world import LEDGER, World, actor, story
from tallystick.protocol import content
from tallystick.protocol.bundle import BundleEntry
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import SignerWindow
from tallystick.protocol.verdict import Outcome, Step
from tallystick.protocol.verify import withheld_by

WITHOUT_STAMPS = tuple(step for step in Step if step is not Step.TIMESTAMP)
"""The steps of a bundle that carries no time-stamp."""

# root


@pytest.mark.parametrize("at", range(len(GOOD.appends)))
def test_an_entry_left_out_and_another_put_in_its_place_fails_at_the_root(at: int) -> None:
    entries = GOOD.appends[at].entries
    assert entries
    forged = change_append(GOOD, at, lambda append: replace(append, entries=(*entries[:-1], entries[0])))
    assert_fails(forged, Step.ROOT, "an entry was changed, left out or added")


def test_entries_in_another_order_fail_at_the_root() -> None:
    assert_fails(
        change_append(GOOD, 0, lambda append: replace(append, entries=(append.entries or ())[::-1])),
        Step.ROOT,
        "an entry was changed",
    )


def test_an_evidence_changed_and_signed_anew_fails_at_the_root() -> None:
    """Even by whoever signed the first one: the signature was anchored too."""
    at, index = find(GOOD, Kind.INVOICE)

    def later(entry: BundleEntry) -> BundleEntry:
        evidence = replace(entry.evidence, occurred_at=entry.evidence.occurred_at + 1)  # type: ignore[arg-type]
        return replace(entry, evidence=evidence, signatures=WORLD.sign(evidence, [SUPPLIER]).signatures)

    assert_fails(change_entry(GOOD, at, index, later), Step.ROOT, "an entry was changed")


def test_another_signature_of_the_same_evidence_fails_at_the_root() -> None:
    at, index = find(GOOD, Kind.INVOICE)
    forged = change_entry(GOOD, at, index, lambda entry: replace(entry, signatures=bytes(65)))
    assert_fails(forged, Step.ROOT, "an entry was changed")


def test_another_chain_id_fails_at_the_root_for_it_changes_every_evidence_id() -> None:
    assert_fails(replace(WORLD.bundle(SUPPLIER.party), chain_id=1), Step.ROOT, "an entry was changed")


# signature


@pytest.mark.parametrize(
    ("kind", "standing"),
    [
        (Kind.INVOICE, Standing.BAD_SIGNATURE),
        (Kind.INVOICE, Standing.SIGNER_INACTIVE),
        (Kind.INVOICE, Standing.ISSUED_AHEAD),
    ],
)
def test_an_entry_with_a_void_signature_declared_standing_fails(kind: int, standing: Standing) -> None:
    at, index = find(GOOD, kind, standing)
    forged = change_entry(GOOD, at, index, lambda entry: replace(entry, standing=Standing.STANDS))
    assert_fails(forged, Step.SIGNATURE, f"the bundle says stands, checking says {standing}")


def test_a_good_entry_declared_badly_signed_fails() -> None:
    at, index = find(GOOD, Kind.INVOICE)
    forged = change_entry(GOOD, at, index, lambda entry: replace(entry, standing=Standing.BAD_SIGNATURE))
    assert_fails(forged, Step.SIGNATURE, "the bundle says badSignature, checking says stands")


def test_a_signer_whose_window_is_not_proven_fails() -> None:
    windows = dict(list(GOOD.windows.items())[1:])
    assert_fails(replace(GOOD, windows=windows, proof=None), Step.SIGNATURE, "the bundle proves no window", **node())


def test_a_signer_who_signed_nothing_fails() -> None:
    windows = {**GOOD.windows, (BUYER.party, actor("nobody").address): SignerWindow(0, 0)}  # type: ignore[arg-type]
    forged = replace(GOOD, windows=dict(sorted(windows.items())), proof=None)
    assert_fails(forged, Step.SIGNATURE, "signed nothing in this history", **node())


# content


def test_a_changed_amount_fails_at_the_content() -> None:
    at, index = find(GOOD, Kind.INVOICE)

    def cheaper(entry: BundleEntry) -> BundleEntry:
        fields = content.parse_all(entry.disclosures) | {"payableAmount": "1.00"}
        return replace(entry, disclosures=tuple(sorted(content.make(fields, bytes))))

    assert_fails(change_entry(GOOD, at, index, cheaper), Step.CONTENT, "a field was changed, added or left out")


def test_a_field_left_out_without_its_digest_fails_at_the_content() -> None:
    at, index = find(GOOD, Kind.INVOICE)
    forged = change_entry(GOOD, at, index, lambda entry: replace(entry, disclosures=entry.disclosures[1:], hidden=()))
    assert verdict_of(forged).failed is Step.CONTENT


def test_a_malformed_entry_declared_standing_fails_at_the_content() -> None:
    at, index = find(GOOD, Kind.INVOICE, Standing.MALFORMED)
    forged = change_entry(GOOD, at, index, lambda entry: replace(entry, standing=Standing.STANDS))
    assert_fails(forged, Step.CONTENT, "the bundle says stands, checking says malformed")


# reference


@pytest.mark.parametrize("standing", [Standing.FOREIGN, Standing.MISFIT, Standing.UNFOUNDED, Standing.REPEATED])
def test_an_entry_without_place_in_the_history_declared_standing_fails(standing: Standing) -> None:
    at, index = next(
        (i, j)
        for i, append in enumerate(GOOD.appends)
        for j, entry in enumerate(append.entries or ())
        if entry.standing is standing
    )
    forged = change_entry(GOOD, at, index, lambda entry: replace(entry, standing=Standing.STANDS))
    assert_fails(forged, Step.REFERENCE, f"the bundle says stands, checking says {standing}")


def test_an_entry_that_stands_declared_void_fails() -> None:
    """Else a holder could strike out what it does not like."""
    at, index = find(GOOD, Kind.DISPUTE)
    forged = change_entry(GOOD, at, index, lambda entry: replace(entry, standing=Standing.UNFOUNDED))
    assert_fails(forged, Step.REFERENCE, "the bundle says unfounded, checking says stands")


# binding


def test_a_binding_by_anybody_but_a_registrar_fails() -> None:
    world, supplier = story()
    bundle = world.bundle(supplier.party, bindings=[world.binding(supplier, signer=supplier)])
    assert_fails(bundle, Step.BINDING, "who is no registrar")


def test_a_binding_without_a_signature_fails() -> None:
    bindings = tuple(replace(binding, signature=bytes(65)) for binding in GOOD.bindings)
    assert_fails(replace(GOOD, bindings=bindings, proof=None), Step.BINDING, "signature", **node())


def test_a_renamed_party_fails() -> None:
    bindings = (replace(GOOD.bindings[0], name="Another GmbH"), *GOOD.bindings[1:])
    assert_fails(replace(GOOD, bindings=bindings, proof=None), Step.BINDING, "who is no registrar", **node())


def test_bindings_out_of_order_or_repeated_fail() -> None:
    assert_fails(replace(GOOD, bindings=GOOD.bindings[::-1]), Step.BINDING, "ascending by party")
    assert_fails(replace(GOOD, bindings=(GOOD.bindings[0], *GOOD.bindings)), Step.BINDING, "ascending by party")


# report


@pytest.mark.parametrize(
    "change", [{"invoiced": "99"}, {"withheld": 1}, {"hidden": True}, {"note": "excellent payer"}, {"standings": {}}]
)
def test_an_altered_report_fails(change: dict[str, Any]) -> None:
    name = next(iter(change))
    assert_fails(replace(GOOD, report={**GOOD.report, **change}), Step.REPORT, f"report.{name}")


def test_a_report_with_a_number_left_out_fails() -> None:
    report = {name: value for name, value in GOOD.report.items() if name != "withheld"}
    assert_fails(replace(GOOD, report=report), Step.REPORT, "report.withheld")


# could not check


def test_a_bundle_without_trusted_block_hash_could_not_be_checked() -> None:
    verdict = verdict_of(GOOD, block_hash=None)
    assert verdict.outcome is Outcome.UNCHECKED
    assert "compare block 1000" in verdict.message
    assert tuple(verdict.passed) == WITHOUT_STAMPS


def test_a_bundle_with_neither_proof_nor_node_could_not_be_checked() -> None:
    verdict = verdict_of(replace(GOOD, proof=None))
    assert verdict.outcome is Outcome.UNCHECKED
    assert "no state proofs" in verdict.message
    assert not {Step.HEADER, Step.ACCOUNT, Step.STORAGE} & set(verdict.passed)


def test_a_history_with_withheld_entries_could_not_be_checked_and_says_who_withholds() -> None:
    bundle = WORLD.bundle(SUPPLIER.party, withhold={4})
    verdict = verdict_of(bundle)
    assert verdict.outcome is Outcome.UNCHECKED
    assert f"{bundle.appends[4].append.count} entries are withheld" in verdict.message
    assert f"0x{ROGUE.address.hex()} in its batch 0" in verdict.message
    assert withheld_by(bundle) == [bundle.appends[4].append]


def test_a_forgery_is_found_even_where_there_is_no_proof() -> None:
    at, index = find(GOOD, Kind.INVOICE)
    forged = change_entry(GOOD, at, index, lambda entry: replace(entry, signatures=bytes(65)))
    assert_fails(replace(forged, proof=None), Step.ROOT, "an entry was changed")


def test_another_ledger_than_the_one_relied_on_is_found_even_where_there_is_no_proof() -> None:
    assert_fails(replace(GOOD, proof=None), Step.ACCOUNT, "ledger: expected", ledger=actor("another").address)


def test_a_bundle_that_a_node_proves_is_as_of_the_nodes_block() -> None:
    late = replace(GOOD, proof=None, as_of=replace(GOOD.as_of, timestamp=GOOD.as_of.timestamp + 1))  # type: ignore[arg-type]
    assert_fails(late, Step.HEADER, "asOf", **node())


# valid


def test_a_complete_history_is_valid() -> None:
    verdict = verdict_of(GOOD)
    assert (verdict.outcome, verdict.failed, tuple(verdict.passed)) == (Outcome.VALID, None, WITHOUT_STAMPS)
    assert verdict.caveats == ()
    assert [entry.standing for entry in verdict.entries] == [
        entry.standing for append in GOOD.appends for entry in append.entries or ()
    ]


def test_the_history_of_a_party_without_entries_is_valid_when_its_absence_is_proven() -> None:
    world = World()
    newcomer = world.join("newcomer")
    bundle = world.bundle(newcomer.party, bindings=[world.binding(newcomer)])
    assert verdict_of(bundle, block_hash=bundle.as_of.hash).outcome is Outcome.VALID


def test_a_bundle_without_proof_is_valid_against_a_node() -> None:
    options = node() | {"block_hash": TRUSTED}
    assert verdict_of(replace(GOOD, proof=None), **options).outcome is Outcome.VALID


def test_a_report_over_hidden_fields_could_not_be_checked() -> None:
    bundle = WORLD.bundle(SUPPLIER.party, hide={"payableAmount"})
    verdict = verdict_of(bundle)
    assert (verdict.outcome, verdict.failed) == (Outcome.UNCHECKED, None)
    assert "hide fields that the figures may rest on" in verdict.message
    assert [caveat for caveat in verdict.caveats if "hide fields" in caveat]


def test_a_reader_who_names_no_ledger_is_told_which_one_to_make_sure_of() -> None:
    verdict = verdict_of(GOOD, ledger=None)
    assert verdict.outcome is Outcome.VALID
    assert "0x" + LEDGER.hex() in verdict.caveats[0]


def test_every_history_of_the_story_is_valid() -> None:
    for name in ("supplier", "buyer", "carrier", "stranger"):
        bundle = WORLD.bundle(actor(name).party)
        assert verdict_of(bundle).outcome is Outcome.VALID


def test_progress_counts_all_entries() -> None:
    seen: list[tuple[int, int]] = []
    verdict = verdict_of(GOOD, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(verdict.entries), len(verdict.entries))
