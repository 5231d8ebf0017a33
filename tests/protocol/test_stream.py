"""A bundle read an append at a time is the bundle read whole: the same verdict, the same code, the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutation.check import bases_of, mutate
from protocol.forging import GOOD, WORLD
from tallystick.errors import MalformedBundle
from tallystick.protocol.bundle import Bundle, Frame, format_bundle, parse_bundle
from tallystick.protocol.bundle_stream import UnstreamableError, read_appends, read_frame, write
from tallystick.protocol.compression import compress, expanding, is_compressed
from tallystick.protocol.entry import Entry, Json
from tallystick.protocol.evidence import Evidence
from tallystick.protocol.standing import SealedEntry, recover_one_by_one
from tallystick.protocol.types import EvidenceId
from tallystick.protocol.verdict import DeriveReport, Trust, Verdict
from tallystick.protocol.verify import verify
from tallystick.protocol.verify_stream import verify_stream

SEED = 11
DATA = format_bundle(GOOD)


class Held:
    """A log that is simply held."""

    def __init__(self, derive: DeriveReport) -> None:
        self.standing: dict[EvidenceId, Evidence] = {}
        self.entries: list[Entry] = []
        self._derive = derive

    def expect(self, sealed: Sequence[SealedEntry]) -> None:
        """Nothing need be looked up."""

    def add(self, entries: Sequence[Entry]) -> None:
        self.entries += entries

    def report(self, frame: Frame, withheld: int) -> Mapping[str, Json]:
        return self._derive(frame.subject, self.entries, frame.as_of, withheld)


def streamed(data: bytes, trust: Trust, derive: DeriveReport, size: int) -> Verdict | None:
    """The verdict on ``data`` read in pieces of ``size`` bytes; None where it can't be read so."""

    def chunks() -> Iterator[bytes]:
        return (data[at : at + size] for at in range(0, len(data), size))

    try:
        frame, total = read_frame(chunks)
        return verify_stream(frame, total, chunks, trust, log=Held(derive), recover_all=recover_one_by_one)
    except UnstreamableError:
        return None


def said(verdict: Verdict) -> tuple[Any, ...]:
    return (
        *(verdict.outcome, verdict.failed, verdict.message, tuple(verdict.passed), tuple(verdict.caveats)),
        verdict.tally,
    )


def test_a_mutated_bundle_gets_the_same_verdict_whole_and_streamed() -> None:
    read = 0
    for number in range(500):
        base, kind, data = mutate(SEED, number)
        if is_compressed(data):
            continue
        whole = verify(data, base.trust, derive=base.derive)
        parted = streamed(data, base.trust, base.derive, 1 + number * 37 % 5_000)
        if parted is None:
            assert whole.bundle is None, (number, kind, whole.message)
        else:
            read += 1
            assert said(parted) == said(whole), (number, kind)
    assert read > 100


def test_the_bundles_that_are_mutated_are_valid_streamed_too() -> None:
    for base in bases_of(SEED):
        parted = streamed(base.data, base.trust, base.derive, 1_000)
        assert parted is not None
        assert said(parted) == said(verify(base.data, base.trust, derive=base.derive))


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(DATA) - 1), byte=st.integers(0, 255), size=st.integers(1, 3_000))
def test_with_any_byte_changed_a_file_is_read_in_parts_where_it_is_read_whole(at: int, byte: int, size: int) -> None:
    data = DATA[:at] + bytes([byte]) + DATA[at + 1 :]

    def chunks() -> Iterator[bytes]:
        return (data[i : i + size] for i in range(0, len(data), size))

    try:
        whole: Bundle | None = parse_bundle(data)
    except MalformedBundle:
        whole = None
    try:
        frame, total = read_frame(chunks)
        appends = tuple(read_appends(chunks))
    except UnstreamableError:
        assert whole is None
        return
    assert whole is not None
    assert appends == whole.appends
    assert total == sum(item.append.count for item in whole.appends)
    assert {name: getattr(frame, name) for name in frame.__dataclass_fields__} == {
        name: getattr(whole, name) for name in frame.__dataclass_fields__
    }


@pytest.mark.parametrize("bundle", [GOOD, WORLD.bundle(next(iter(WORLD.logs)), withhold={0})])
def test_what_is_written_in_pieces_is_what_is_written_whole(bundle: Bundle) -> None:
    assert b"".join(write(lambda: bundle, bundle.appends)) == format_bundle(bundle)


@given(size=st.integers(1, 5_000))
def test_what_is_compressed_expands_piece_by_piece(size: int) -> None:
    packed = compress(DATA)
    pieces = expanding((packed[at : at + size] for at in range(0, len(packed), size)), len(DATA))
    assert b"".join(pieces) == DATA
