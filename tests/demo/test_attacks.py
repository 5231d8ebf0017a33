"""Each attack is as clever as it can be made, and fails at the one thing that nobody can forge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from demo.installation import Stage, built_before
from tallystick.protocol.bundle import Bundle
from tallystick.protocol.bundle_stream import parse_bundle
from tallystick.protocol.entry import Standing
from tallystick.protocol.log import fold
from tallystick.protocol.slots import LEDGER_REGISTRY_SLOT, head_slot, window_slot
from tallystick.protocol.types import Address, PartyId, SignerWindow
from tallystick.protocol.verdict import CodeHashes, Outcome, Step, Trust, Verdict
from tallystick.protocol.verify import verify_bundle
from tallystick.service import share
from tallystick.service.check import check
from tallystick.service.demo.attacks import Attack, attacks
from tallystick.service.demo.cast import VELOMONT
from tallystick.service.demo.forge import never_revoked
from tallystick.service.demo.story import tell
from tallystick.service.index import index
from tallystick.service.parties import find_party
from tallystick.service.report import derive


class ObligingState:
    """The state of a chain that would bear out whatever ``bundle`` says: what a forger would need."""

    def __init__(self, bundle: Bundle, code_hashes: CodeHashes) -> None:
        self.block = bundle.as_of
        self._codes = {bundle.ledger: code_hashes.ledger, bundle.registry: code_hashes.registry}
        self._slots = {
            (bundle.ledger, LEDGER_REGISTRY_SLOT): int.from_bytes(bundle.registry, "big"),
            (bundle.ledger, head_slot(bundle.subject)): int.from_bytes(fold(a.append for a in bundle.appends), "big"),
        }
        self._slots |= {
            (bundle.registry, window_slot(party, signer)): window.added_at + (window.revoked_at << 64)
            for (party, signer), window in bundle.windows.items()
        }

    def code_hash(self, address: Address) -> bytes:
        return self._codes[address]

    def slot(self, address: Address, slot: bytes) -> int:
        # what is not about this bundle is the role of the registrar
        return self._slots.get((address, slot), 1)


class Scene:
    """The attacks on the history of a buyer with an unpaid invoice, and what there was before."""

    def __init__(self, stage: Stage) -> None:
        story = tell(until=date(2024, 3, 29))
        played = stage.play(story)
        self.stage = stage
        self.parties = played.parties
        self.true, self.true_data = share.bundle(stage.context, played.parties[VELOMONT.identifier].party)
        self.attacks = attacks(stage.context, self.true, stage.clock, stage.chain.set_next_timestamp)

    def verdict(self, attack: Attack) -> Verdict:
        return check(attack.forged, code_hashes=self.stage.context.code_hashes, block_hash=attack.block_hash)

    def verdict_of_obliging_chain(self, bundle: Bundle) -> Verdict:
        codes = self.stage.context.code_hashes
        return verify_bundle(
            replace(bundle, proof=None),
            Trust(codes, bundle.as_of.hash, state=ObligingState(bundle, codes)),
            derive=derive,
        )


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with built_before(tell(until=date(2024, 3, 29))) as stage:
        yield Scene(stage)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_attack_fails_at_the_step_it_names(scene: Scene, position: int) -> None:
    """Each forged bundle is invalid, and the verifier says at which step."""
    attack = scene.attacks[position]
    verdict = scene.verdict(attack)
    assert (verdict.outcome, verdict.failed) == (Outcome.INVALID, attack.expected)


def test_the_three_attacks_fail_at_three_different_steps(scene: Scene) -> None:
    """They show three different things that can't be forged: the head, the content root, the time of a key."""
    assert [attack.expected for attack in scene.attacks] == [Step.HEAD, Step.CONTENT, Step.SIGNATURE]


def test_only_the_proven_head_contradicts_a_history_with_an_entry_left_out(scene: Scene) -> None:
    """On a chain whose head were the forger's, the forged bundle would be valid: nothing else gives it away."""
    verdict = scene.verdict_of_obliging_chain(parse_bundle(scene.attacks[0].forged))
    assert (verdict.outcome, verdict.failed) == (Outcome.VALID, None)


def test_no_chain_helps_against_the_content_root_that_was_signed(scene: Scene) -> None:
    """A changed amount contradicts the supplier's signature, whatever the chain says."""
    verdict = scene.verdict_of_obliging_chain(parse_bundle(scene.attacks[1].forged))
    assert verdict.failed is Step.CONTENT


def test_only_the_proven_revocation_contradicts_the_signature_of_the_stolen_key(scene: Scene) -> None:
    """On a chain that had never revoked the key, the forged bundle would be valid."""
    forged = parse_bundle(scene.attacks[2].forged)
    believed = replace(forged, windows=never_revoked(forged.windows))
    verdict = scene.verdict_of_obliging_chain(believed)
    assert (verdict.outcome, verdict.failed) == (Outcome.VALID, None)


def test_the_service_refuses_a_signature_by_a_revoked_key(scene: Scene) -> None:
    """It says whose signature it expected and whose it got."""
    refusal = scene.attacks[2].refusal
    assert refusal is not None
    assert "expected by one of 0x" in refusal
    assert "got 0x" in refusal


def test_what_a_revoked_key_signed_is_kept_and_marked_and_does_not_count(scene: Scene) -> None:
    """The true bundle of the thief is valid, shows the false receipt, and leaves it out of the figures."""
    context = scene.stage.context
    with context.store.transaction() as transaction:
        thief = find_party(transaction, "Rogue Ltd")
    true, data = share.bundle(context, thief.party)
    verdict = check(data, code_hashes=context.code_hashes, block_hash=true.as_of.hash)
    assert verdict.outcome is Outcome.VALID
    assert [entry.standing for entry in verdict.entries] == [
        Standing.STANDS,
        Standing.STANDS,
        Standing.SIGNER_INACTIVE,
    ]
    assert true.report["asBuyer"]["EUR"]["openAmount"] == "48000.00"  # type: ignore[index,call-overload]


def test_the_bundle_that_is_forged_is_valid_as_it_was(scene: Scene) -> None:
    """The forgeries start from the truth."""
    verdict = check(scene.true_data, code_hashes=scene.stage.context.code_hashes, block_hash=scene.true.as_of.hash)
    assert verdict.outcome is Outcome.VALID


def test_the_history_of_nobody_else_is_touched(scene: Scene) -> None:
    """The attacks add two parties of their own, and no entry to the log of any company of the story."""
    cursor = index(scene.stage.context)
    with scene.stage.context.store.transaction() as transaction:
        for party in scene.parties.values():
            last = transaction.appends(party.party, cursor.block_number)[-1]
            assert last.block_number <= scene.true.as_of.number


@pytest.mark.parametrize("position", [0, 1])
def test_an_attack_would_gain_something(scene: Scene, position: int) -> None:
    """The deed and the figures it would change are told in words, with the name of who does it."""
    attack = scene.attacks[position]
    assert VELOMONT.name in attack.deed
    assert "open " in attack.gain
    assert " becomes " in attack.gain


def test_a_window_without_end_is_what_never_revoked_means() -> None:
    """The pretence forgets revocations and keeps the day a key was added."""
    pair = (PartyId(b"\x01" * 32), Address(b"\x02" * 20))
    assert never_revoked({pair: SignerWindow(5, 9)}) == {pair: SignerWindow(5, 0)}  # type: ignore[arg-type]
