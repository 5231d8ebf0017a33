"""A bundle carries the kept time-stamps of its batches where that is asked for, and not a byte of them otherwise."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from service.proven import provable
from service.world import INVOICE, SUPPLIER, World, changed
from tallystick.protocol.bundle_stream import parse_bundle
from tallystick.protocol.types import Hash, PartyId
from tallystick.protocol.verdict import CheckToken, Outcome, Step
from tallystick.service.bundle_file import chunks_of
from tallystick.service.check import check, check_stream, verdict_json
from tallystick.service.index import index
from tallystick.service.parties import find_party
from tallystick.service.seal import seal
from tallystick.service.share import Export
from tallystick.service.stamp import stamp_batches
from tallystick.timestamp.authority import HttpAuthority
from tallystick.timestamp.token import TokenVerdict, check_token, parse_roots
from timestamp.authority import listening, made_in, needs_openssl

pytestmark = needs_openssl


def supplier(world: World) -> PartyId:
    with world.context.store.transaction(read_only=True) as transaction:
        return find_party(transaction, SUPPLIER).party


def exported(world: World, *, timestamps: bool) -> tuple[bytes, int]:
    export = Export(world.context, supplier(world), timestamps=timestamps)
    return b"".join(export.pieces()), export.stamped


def test_kept_time_stamps_go_into_the_bundle_and_are_checked_held_and_streamed(tmp_path: Path) -> None:
    """Two batches are stamped by an authority that OpenSSL plays, the third is not."""
    with provable() as world, listening(made_in(tmp_path / "tsa")) as tsa:
        seal(world.context)
        world.record({**changed(INVOICE, invoiceNumber="second"), "label": None})
        seal(world.context)
        roots = parse_roots(tsa.roots.read_bytes(), "roots")
        assert stamp_batches(world.context.store, HttpAuthority(tsa.url, roots)) == 2
        without = exported(world, timestamps=False)
        world.record({**changed(INVOICE, invoiceNumber="third"), "label": None})
        seal(world.context)
        data, stamped = exported(world, timestamps=True)
        block = index(world.context).block
    assert without[1] == 0
    assert b'"stamp":' not in without[0]
    assert stamped == 2
    assert [item.stamp is not None for item in parse_bundle(data).appends] == [True, True, False]

    def judged(token: bytes, root: Hash) -> TokenVerdict:
        return check_token(token, root, roots)

    for given, valid in ((judged, 2), (None, 0)):
        verdicts = _both(world, data, block.hash, given)
        assert verdicts[0].stamps == verdicts[1].stamps
        assert verdict_json(verdicts[0]) == verdict_json(verdicts[1])
        assert verdicts[1].outcome is Outcome.VALID
        assert (verdicts[1].stamps.carried, verdicts[1].stamps.valid) == (2, valid)
        assert (Step.TIMESTAMP in verdicts[1].passed) is bool(valid)


def _both(world: World, data: bytes, block_hash: Hash, judged: CheckToken | None):  # type: ignore[no-untyped-def]
    codes = world.context.code_hashes
    held = check(data, code_hashes=codes, block_hash=block_hash, check_token=judged)
    chunks = chunks_of(io.BytesIO(data), 1 << 28)
    return held, check_stream(chunks, code_hashes=codes, block_hash=block_hash, check_token=judged)


@pytest.mark.parametrize("timestamps", [False, True])
def test_a_home_that_has_stamped_nothing_writes_the_same_bundle(timestamps: bool) -> None:
    with provable() as world:
        seal(world.context)
        data, stamped = exported(world, timestamps=timestamps)
    assert stamped == 0
    assert b'"stamp":' not in data
