"""Compressed bundles: one whole gzip member, unpacked no further than the reader wants."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import MalformedBundle, MalformedInput
from tallystick.protocol.bundle_stream import parse_bundle
from tallystick.protocol.compression import compress, expand, is_compressed

TEXT = b'{"format":"tallystick-bundle/1"}'


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (compress(TEXT)[:-1], "the beginning"),
        (compress(TEXT) + b"x", "more behind"),
        (compress(TEXT) + compress(TEXT), "more behind"),
        (compress(TEXT)[:-8] + bytes(8), "damaged"),
        (compress(bytes(1000)), "at most 100 bytes"),
    ],
)
def test_what_is_not_one_whole_member_of_the_size_expected_is_refused(data: bytes, what: str) -> None:
    """Cut, followed by something, with a wrong check sum, or larger than the reader wants."""
    with pytest.raises(MalformedInput, match=what):
        expand(data, 100)


def test_a_small_file_that_unpacks_to_gigabytes_costs_no_memory() -> None:
    """No more than the limit is unpacked."""
    bomb = gzip.compress(bytes(1 << 26), mtime=0)
    with pytest.raises(MalformedInput, match="at most 1024"):
        expand(bomb, 1024)


def test_a_damaged_compressed_bundle_is_malformed() -> None:
    """It reads as a bundle that does not follow the format."""
    with pytest.raises(MalformedBundle, match="gzip"):
        parse_bundle(compress(b'{"appends":[' + TEXT)[:-3])


@given(st.binary(max_size=2000))
def test_compression_gives_back_what_it_took_and_has_one_spelling(data: bytes) -> None:
    """Whatever the bytes; twice the same input, twice the same output."""
    assert is_compressed(compress(data))
    assert expand(compress(data), 2000) == data
    assert compress(data) == compress(data)
    assert gzip.decompress(compress(data)) == data
