"""What a hostile bundle can make its reader hold is bounded, and what is beyond the bounds is refused by name."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from independent.bundles import read as read_independently
from independent.primitives import Refused
from protocol.forging import GOOD, assert_fails
from protocol.world import CODE_HASHES, simple_report
from tallystick.protocol import bundle, bundle_stream
from tallystick.protocol.bundle_stream import format_bundle, parse_bundle
from tallystick.protocol.types import Address, PartyId, SignerWindow, Timestamp
from tallystick.protocol.verdict import Step, Trust, Verdict
from tallystick.protocol.verify import verify


def with_signers(count: int) -> bytes:
    """A bundle file that lists ``count`` signers, none of whom signed anything."""
    value = orjson.loads(format_bundle(GOOD))
    value["signers"] = [
        {"addedAt": 0, "party": f"0x{number:064x}", "revokedAt": 0, "signer": "0x" + "00" * 20}
        for number in range(count)
    ]
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def with_values(count: int) -> bytes:
    """A bundle file whose report holds ``count`` empty lists in three bytes each."""
    value = orjson.loads(format_bundle(GOOD))
    value["report"]["junk"] = [[]] * count
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def test_more_signers_than_any_history_needs_are_no_bundle() -> None:
    """2^17 are read, one more is refused before the log is looked at; both verifiers agree."""
    data = with_signers(bundle.MAX_SIGNERS + 1)
    verdict = _verdict(data)
    assert verdict.failed is Step.SCHEMA
    assert "signers: expected at most 131072, got 131073" in verdict.message
    with pytest.raises(Refused, match="too many signers"):
        read_independently(data)
    assert len(parse_bundle(with_signers(bundle.MAX_SIGNERS)).windows) == bundle.MAX_SIGNERS


def test_a_part_of_more_values_than_memory_is_meant_for_is_refused_unread() -> None:
    """Twenty megabytes of brackets would be a gigabyte of lists: they are counted before they are read."""
    data = with_values(bundle_stream.MAX_PART_VALUES // 2 + 1)
    verdict = _verdict(data)
    assert verdict.failed is Step.SCHEMA
    assert "expected at most 8388608 values in one part" in verdict.message
    with pytest.raises(Refused, match="too many values"):
        read_independently(data)


def test_signers_that_the_bundle_does_not_list_are_not_collected() -> None:
    """Of those that signed and are not listed only the first is remembered, and it is the one that is named."""
    missing = sorted(GOOD.windows)[:2]
    windows = {pair: window for pair, window in GOOD.windows.items() if pair not in missing}
    unproven = replace(GOOD, windows=windows, proof=None)
    assert_fails(unproven, Step.SIGNATURE, missing[0][1].hex(), block_hash=None)


def test_a_signer_that_signed_nothing_is_named() -> None:
    spare = (PartyId(b"\xff" * 32), Address(bytes(20)))
    windows = {**GOOD.windows, spare: SignerWindow(Timestamp(0), Timestamp(0))}
    assert_fails(replace(GOOD, windows=windows, proof=None), Step.SIGNATURE, "signed nothing", block_hash=None)


def _verdict(data: bytes) -> Verdict:
    return verify(data, Trust(CODE_HASHES), derive=simple_report)
