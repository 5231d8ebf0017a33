"""A time-stamp inside a bundle is of the batch root that its append leads to, or the bundle is invalid."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from independent import stamps as independent
from independent.primitives import Refused
from protocol.forging import GOOD, SUPPLIER, TRUSTED, WORLD, verdict_of
from protocol.stamping import LATER_SECONDS, MAKER, stamp_of, stamped
from protocol.world import CODE_HASHES, LEDGER, simple_report
from tallystick.errors import MalformedBundle, MalformedInput
from tallystick.protocol.bundle import Bundle, parse_append
from tallystick.protocol.bundle_stream import format_bundle, parse_bundle, read_bundle
from tallystick.protocol.stamps import MAX_TOKEN_BYTES, format_stamp, is_stamp_of, parse_stamp, read_imprint
from tallystick.protocol.types import Hash
from tallystick.protocol.verdict import Outcome, Step, Trust, Verdict
from tallystick.protocol.verify import verify
from tallystick.timestamp.token import check_token, parse_roots
from timestamp.maker import Maker

STAMPED = stamped(WORLD, GOOD)
TOKENS = Path(__file__).parents[1] / "timestamp" / "tokens"
REAL = sorted(TOKENS.rglob("*.tsr"))
ROOT = Hash(bytes(range(32)))


def by_roots(bundle: Bundle, maker: Maker = MAKER) -> Verdict:
    """The verdict of a reader who has the root certificates of ``maker``."""
    roots = parse_roots(maker.root_pem, "roots")
    trust = Trust(CODE_HASHES, TRUSTED, LEDGER, check_token=lambda token, root: check_token(token, root, roots))
    return verify(format_bundle(bundle), trust, derive=simple_report)


def forged(at: int = 0, **changes: Any) -> Bundle:
    """``STAMPED`` with another path or token at one append."""
    item = STAMPED.appends[at]
    assert item.stamp is not None
    appends = list(STAMPED.appends)
    appends[at] = replace(item, stamp=replace(item.stamp, **changes))
    return replace(STAMPED, appends=tuple(appends))


# invalid


@pytest.mark.parametrize(
    ("stamp", "message"),
    [
        (None, "expected an object of proof and token"),
        ({"proof": [], "token": "0x", "note": ""}, "expected an object of proof and token"),
        ({"proof": {}, "token": "0x"}, "expected a list of at most 64"),
        ({"proof": ["0x" + "00" * 32] * 65, "token": "0x"}, "expected a list of at most 64"),
        ({"proof": ["0x00"], "token": "0x"}, "stamp.proof"),
        ({"proof": [], "token": "0xAB"}, "stamp.token"),
        ({"proof": [], "token": "0x" + "00" * (MAX_TOKEN_BYTES + 1)}, "expected at most 65536 bytes"),
    ],
)
def test_what_has_not_the_form_of_a_time_stamp_is_no_bundle(stamp: object, message: str) -> None:
    with pytest.raises((MalformedBundle, MalformedInput), match=message):
        parse_stamp(stamp, "stamp")


def test_a_time_stamp_of_another_batch_is_invalid_with_and_without_root_certificates() -> None:
    other = STAMPED.appends[1].stamp
    assert other is not None
    for verdict in (verdict_of(forged(token=other.token)), by_roots(forged(token=other.token))):
        assert (verdict.outcome, verdict.failed) == (Outcome.INVALID, Step.TIMESTAMP)
        assert "its time-stamp is of something else than its batch root" in verdict.message


def test_a_path_that_leads_elsewhere_is_invalid() -> None:
    assert verdict_of(forged(path=(bytes(32),))).failed is Step.TIMESTAMP


def test_a_signature_that_does_not_hold_is_invalid_to_who_has_the_root_certificates_alone() -> None:
    stamp = STAMPED.appends[0].stamp
    assert stamp is not None
    twisted = forged(token=stamp.token[:-1] + bytes([stamp.token[-1] ^ 1]))
    assert by_roots(twisted).failed is Step.TIMESTAMP
    assert verdict_of(twisted).outcome is Outcome.VALID


def test_whatever_else_is_wrong_is_said_first() -> None:
    """Nothing rests on a time-stamp, so that its step is the last."""
    altered = replace(forged(token=b""), report={**GOOD.report, "withheld": 1})
    assert verdict_of(altered).failed is Step.REPORT


def test_a_later_time_stamp_is_looked_at_too() -> None:
    assert verdict_of(forged(len(STAMPED.appends) - 1, token=b"")).failed is Step.TIMESTAMP


# could not check


def test_without_root_certificates_the_verdict_stays_and_says_that_time_stamps_were_not_checked() -> None:
    verdict = verdict_of(STAMPED)
    assert verdict.outcome is Outcome.VALID
    assert Step.TIMESTAMP not in verdict.passed
    assert any("time-stamp not checked, of 5 appends: no root certificates" in said for said in verdict.caveats)
    assert (verdict.stamps.carried, verdict.stamps.valid, verdict.stamps.latest) == (5, 0, None)


def test_where_nothing_leads_to_the_readers_roots_a_time_stamp_was_not_checked() -> None:
    verdict = by_roots(STAMPED, Maker("Another Authority"))
    assert verdict.outcome is Outcome.VALID
    assert any("nothing leads from its signer" in said for said in verdict.caveats)


def test_a_time_stamp_by_an_unknown_hash_was_not_checked() -> None:
    by_sha1 = stamped(WORLD, GOOD, lambda root, at: MAKER.token(root, at, "sha1"))
    verdict = by_roots(by_sha1)
    assert verdict.outcome is Outcome.VALID
    assert any("its hash is none of SHA-256" in said for said in verdict.caveats)


# valid


def test_time_stamps_that_hold_are_told_with_the_latest_time() -> None:
    verdict = by_roots(STAMPED)
    assert (verdict.outcome, verdict.passed[-1]) == (Outcome.VALID, Step.TIMESTAMP)
    assert (verdict.stamps.appends, verdict.stamps.carried, verdict.stamps.valid) == (5, 5, 5)
    assert verdict.stamps.latest == GOOD.appends[-1].append.timestamp + LATER_SECONDS


def test_appends_without_a_time_stamp_are_counted() -> None:
    verdict = by_roots(stamped(WORLD, GOOD, only={0, 2}))
    assert (verdict.stamps.carried, verdict.stamps.valid) == (2, 2)
    assert any("3 of 5 appends carry no time-stamp" in said for said in verdict.caveats)


def test_withheld_entries_have_a_batch_that_can_be_stamped() -> None:
    withheld = stamped(WORLD, WORLD.bundle(SUPPLIER.party, withhold={1}))
    assert withheld.appends[1].entries is None
    verdict = by_roots(withheld)
    assert (verdict.outcome, verdict.stamps.valid) == (Outcome.UNCHECKED, 5)


def test_a_bundle_without_time_stamps_says_nothing_of_them() -> None:
    verdict = by_roots(GOOD)
    assert Step.TIMESTAMP not in verdict.passed
    assert not any("time-stamp" in said for said in verdict.caveats)


# the file


def test_a_time_stamp_is_read_as_it_was_written_held_and_streamed() -> None:
    data = format_bundle(STAMPED)
    assert parse_bundle(data) == STAMPED
    assert tuple(read_bundle(lambda: iter([data[at : at + 997] for at in range(0, len(data), 997)])).appends()) == (
        STAMPED.appends
    )
    stamp = stamp_of(WORLD, SUPPLIER.party, GOOD.appends[0].append)
    assert parse_stamp(format_stamp(stamp), "stamp") == stamp
    with pytest.raises(MalformedBundle, match="unknown"):
        parse_append({**_append(data), "stamps": []}, 0)


def _append(data: bytes) -> dict[str, Any]:
    import orjson

    return dict(orjson.loads(data)["appends"][0])


# the token, down to its imprint


@pytest.mark.parametrize("file", REAL, ids=[f"{file.parent.name}/{file.stem}" for file in REAL])
def test_tokens_of_real_authorities_are_of_what_they_are_of(file: Path) -> None:
    """All of these are of the text ``hello``, also those whose signature does not hold: nobody is asked here."""
    token = file.read_bytes()
    assert is_stamp_of(token, Hash(b"hello")) is True
    assert is_stamp_of(token, ROOT) is False
    assert independent.imprint(token) == read_imprint(token)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_token_is_of_its_root_by_any_of_three_hashes(algorithm: str) -> None:
    token = MAKER.token(ROOT, 1_700_000_000, algorithm)
    assert is_stamp_of(token, ROOT) is True
    assert check_token(token, ROOT, parse_roots(MAKER.root_pem, "roots")).outcome is Outcome.VALID


def test_every_byte_that_is_changed_is_read_alike_by_two_readers_and_makes_no_other_root() -> None:
    token = MAKER.token(ROOT, 1_700_000_000)
    for at in range(len(token)):
        for bit in (1, 0x80):
            changed = token[:at] + bytes([token[at] ^ bit]) + token[at + 1 :]
            assert _ours(changed) == _theirs(changed)
            assert _ours(changed) in (None, read_imprint(token)) or is_stamp_of(changed, ROOT) is not True


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    assert _ours(data) == _theirs(data)


def _ours(data: bytes) -> object:
    try:
        return read_imprint(data)
    except MalformedInput:
        return None


def _theirs(data: bytes) -> object:
    try:
        return independent.imprint(data)
    except Refused:
        return None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")
def test_openssl_accepts_the_tokens_of_the_vectors(tmp_path: Path) -> None:
    """What the tests and vectors rest on is a time-stamp to somebody else's program too."""
    for name, data in (("token", MAKER.token(ROOT, 1_700_000_000)), ("data", ROOT), ("roots", MAKER.root_pem)):
        (tmp_path / name).write_bytes(data)
    command = ["openssl", "ts", "-verify", "-in", "token", "-data", "data", "-CAfile", "roots"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "Verification: OK" in done.stdout) == (0, True), done.stderr
