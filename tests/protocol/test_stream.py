"""A bundle file is read and written an append at a time, however it is cut, and is one file from first to last."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.forging import GOOD, WORLD
from tallystick.errors import FileChanged, MalformedBundle, MalformedInput
from tallystick.protocol import bundle_stream
from tallystick.protocol.bundle import Bundle
from tallystick.protocol.bundle_stream import format_bundle, parse_bundle, read_bundle, unpacked, write_bundle
from tallystick.protocol.compression import compress, compressing, expand, expanding

DATA = format_bundle(GOOD)
WITHHELD = WORLD.bundle(next(iter(WORLD.logs)), withhold={0})


def in_pieces(data: bytes, size: int) -> Callable[[], Iterator[bytes]]:
    return lambda: (data[at : at + size] for at in range(0, len(data), size))


def in_turn(*files: bytes) -> Callable[[], Iterator[bytes]]:
    """A file that is another one each time that it is gone through."""
    rest = iter(files)
    return lambda: in_pieces(next(rest), 1_000)()


def read_in_pieces(data: bytes, size: int) -> Bundle:
    read = read_bundle(in_pieces(data, size))
    made = Bundle(**vars(read.frame), appends=tuple(read.appends()))
    assert read.entries == sum(item.append.count for item in made.appends)
    return made


def test_a_file_that_changed_before_its_appends_are_read_is_no_verdict_on_either() -> None:
    """Neither the frame of one with the appends of another, nor a file half written: it may be good in a moment."""
    other = format_bundle(WITHHELD)
    for second in (other, DATA + b"\n", DATA[:-1], DATA[: len(DATA) // 2], b"", DATA.replace(b"0x", b"0y", 1)):
        read = read_bundle(in_turn(DATA, second))
        with pytest.raises(FileChanged, match="changed while it was read"):
            list(read.appends())
    for second in (compress(other), compress(DATA)[:-1], compress(DATA) + b"\n", DATA):
        read = read_bundle(unpacked(in_turn(compress(DATA), second), len(DATA)))
        if second is DATA:  # packed otherwise, it is the same
            assert tuple(read.appends()) == GOOD.appends
            continue
        with pytest.raises(FileChanged):
            list(read.appends())
    assert tuple(read_bundle(in_turn(DATA, DATA)).appends()) == GOOD.appends


@pytest.mark.parametrize("cut", [0, 5, 12, 13, 14, 200, len(DATA) // 2, len(DATA) - 1])
def test_the_beginning_of_a_bundle_is_none(cut: int) -> None:
    with pytest.raises(MalformedBundle):
        list(read_bundle(in_pieces(DATA[:cut], 100)).appends())


def test_what_is_wrong_is_said_of_the_append_that_it_is_wrong_in() -> None:
    second = DATA.index(b',{"batchId":') + 1
    for spoiled, what in (
        (DATA[:second] + DATA[second:].replace(b'"count":', b'"count": ', 1), r"appends\[1\]: expected canonical JSON"),
        (DATA[:second] + DATA[second:].replace(b'"count":', b'"count":0', 1), r"appends\[1\]: expected canonical JSON"),
        (DATA[:second] + DATA[second:].replace(b'"root":"0x', b'"root":"', 1), r"appends\[1\]\.root"),
        (b" " + DATA, "that begins with"),
        (DATA + b"\n", "beside its appends: expected canonical JSON"),
    ):
        with pytest.raises(MalformedBundle, match=what):
            list(read_bundle(in_pieces(spoiled, 500)).appends())


def test_an_append_or_a_frame_above_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file may be larger: each part of it counts by itself."""
    between = [at for at in range(len(DATA)) if DATA.startswith((b',{"batchId":', b'],"asOf":'), at)]
    begin = len(bundle_stream.START)
    appends = [end - start for start, end in zip([begin, *(at + 1 for at in between)], between, strict=False)]
    largest = max([*appends, len(DATA) - between[-1] - 1])
    monkeypatch.setattr(bundle_stream, "MAX_BUNDLE_BYTES", largest)
    assert largest < len(DATA) // 2
    for size in (10, 1_000, len(DATA)):
        assert read_in_pieces(DATA, size) == GOOD
    monkeypatch.setattr(bundle_stream, "MAX_BUNDLE_BYTES", largest - 1)
    for size in (10, 1_000, len(DATA)):
        with pytest.raises(MalformedBundle, match=f"at most {largest - 1} bytes"):
            read_in_pieces(DATA, size)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(DATA) - 1), byte=st.integers(0, 255), size=st.integers(1, 3_000))
def test_with_any_byte_changed_a_file_is_read_in_pieces_as_it_is_read_whole(at: int, byte: int, size: int) -> None:
    data = DATA[:at] + bytes([byte]) + DATA[at + 1 :]
    found: list[Bundle | str] = []
    for read in (parse_bundle, lambda data: read_in_pieces(data, size)):
        try:
            found.append(read(data))
        except MalformedBundle as error:
            found.append(str(error))
    assert found[0] == found[1]


@pytest.mark.parametrize("bundle", [GOOD, WITHHELD])
def test_what_is_written_in_pieces_is_read_in_pieces_of_any_size(bundle: Bundle) -> None:
    data = b"".join(write_bundle(lambda: bundle, iter(bundle.appends)))
    for size in (1, 7, 12, 13, 1_000, len(data)):
        assert read_in_pieces(data, size) == bundle


@given(size=st.integers(1, 5_000))
def test_what_is_compressed_expands_piece_by_piece(size: int) -> None:
    packed = compress(DATA)
    assert b"".join(compressing(in_pieces(DATA, size)())) == packed
    pieces = list(expanding(in_pieces(packed, size)(), len(DATA)))
    assert b"".join(pieces) == DATA
    assert all(pieces), "an empty piece would read as the end"


@pytest.mark.parametrize("behind", [b"x", b"\0", gzip.compress(b"", mtime=0)])
def test_what_stands_behind_a_compressed_file_is_found_wherever_a_piece_ends(behind: bytes) -> None:
    packed = compress(DATA)
    for size in (1, 2, len(packed) - 1, len(packed), len(packed) + 1):
        with pytest.raises(MalformedInput, match="more behind it"):
            list(expanding(in_pieces(packed + behind, size)(), len(DATA)))
        with pytest.raises(MalformedInput, match=f"at most {len(DATA) - 1} bytes"):
            list(expanding(in_pieces(packed, size)(), len(DATA) - 1))
    with pytest.raises(MalformedInput, match="the beginning of one"):
        expand(b"", 10)
