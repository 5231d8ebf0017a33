"""A bundle file is read as often as needed, wherever it comes from."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from protocol.forging import GOOD
from tallystick.errors import UsageError
from tallystick.protocol.bundle_stream import format_bundle, read_bundle
from tallystick.protocol.compression import compress
from tallystick.service.bundle_file import begins_as_bundle, chunks_of, opened

DATA = format_bundle(GOOD)


@contextmanager
def pipe(path: Path, data: bytes) -> Iterator[Path]:
    """A pipe at ``path`` out of which ``data`` come, once."""

    def write() -> None:
        with suppress(BrokenPipeError):  # the reader has seen enough
            path.write_bytes(data)

    os.mkfifo(path)
    writer = threading.Thread(target=write)
    writer.start()
    yield path
    writer.join()


def test_what_can_t_be_read_or_is_too_large_is_refused_without_a_verdict(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match="can't be read"), opened(path, len(DATA)):
            pass
    file = tmp_path / "file"
    file.write_bytes(DATA)
    with pytest.raises(UsageError, match=f"at most {len(DATA) - 1} bytes"), opened(file, len(DATA) - 1):
        pass
    with (
        pipe(tmp_path / "pipe", DATA + bytes(1 << 22)) as endless,
        pytest.raises(UsageError, match="at most"),
        opened(endless, len(DATA)),
    ):
        pass


@pytest.mark.parametrize("data", [DATA, compress(DATA)])
def test_a_pipe_is_read_as_a_file_is(tmp_path: Path, data: bytes) -> None:
    """More than once, though it can't be: a good bundle must not look truncated."""
    file = tmp_path / "file"
    file.write_bytes(data)
    with pipe(tmp_path / "pipe", data) as piped:
        for path in (file, piped):
            with opened(path, len(DATA)) as source:
                assert begins_as_bundle(source)
                assert tuple(read_bundle(chunks_of(source, len(DATA))).appends()) == GOOD.appends


@pytest.mark.parametrize("data", [b"", b"{", b"%PDF-1.7", compress(b"{}"), compress(DATA)[:4], b'{"format":"x"}'])
def test_what_begins_otherwise_is_something_else(data: bytes) -> None:
    assert not begins_as_bundle(io.BytesIO(data))
