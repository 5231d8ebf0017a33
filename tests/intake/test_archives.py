"""ZIP files of documents: what is in them is read, bombs and what can't be read are refused, by a sentence."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import MalformedInput
from tallystick.intake import archives
from tallystick.intake.archives import is_zip, members, read_again


def packed(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def test_a_bomb_ends_at_its_limit() -> None:
    """Four gigabytes of nothing in four megabytes: refused while it is unpacked, whatever its headers claim."""
    bomb = packed({"a.xml": b"<a/>", "bomb.xml": bytes(archives._FREE + 1)})
    got = members(bomb)
    info, inside = next(got)
    assert (info.filename, inside) == ("a.xml", b"<a/>")
    with pytest.raises(MalformedInput, match="bomb"):
        next(got)


def test_many_files_that_are_a_bomb_together_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each within its limit, all together beyond what the archive can hold."""
    monkeypatch.setattr(archives, "_FREE", 10_000)
    monkeypatch.setattr(archives, "MAX_RATIO", 2)
    with pytest.raises(MalformedInput, match="bomb"):
        list(members(packed({f"{at}.xml": b" " * 4_000 for at in range(9)})))


def test_what_comes_to_nothing_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory may name one damaged or endless file a hundred thousand times: it is unpacked until the limit."""
    monkeypatch.setattr(archives, "_FREE", 10_000_000)
    monkeypatch.setattr(archives, "MAX_BYTES", 1_000_000)
    endless = {f"{at}.xml": bytes(1_000_001) for at in range(20)}
    damaged = bytearray(packed({f"{at}.xml": bytes(900_000) for at in range(20)}))
    at = 0
    while (at := damaged.find(b"PK\x01\x02", at) + 1) > 0:
        damaged[at + 15] ^= 1  # the CRC-32
    for data in (packed(endless), bytes(damaged)):
        told: list[bytes | MalformedInput] = []
        with pytest.raises(MalformedInput, match="bomb"):
            told.extend(inside for _, inside in members(data))
        assert 9 <= len(told) <= 11
        assert all(isinstance(inside, MalformedInput) for inside in told)


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first of them is unpacked."""
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(MalformedInput, match="at most 3 files, got 4"):
        next(members(packed(dict.fromkeys("abcd", b"x"))))


def test_a_file_that_can_not_be_read_is_an_error_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encrypted, too large, damaged, or an archive itself: the others are read all the same."""
    monkeypatch.setattr(archives, "MAX_BYTES", 50)
    data = bytearray(
        packed(
            {"good.xml": b"<a/>", "large.xml": b"x" * 51, "inner.zip": b"PK\x03\x04", "damaged.xml": b"<damaged/>"},
            zipfile.ZIP_STORED,
        )
    )
    data[data.index(b"<damaged/>")] ^= 1
    got = {info.filename: inside for info, inside in members(bytes(data))}
    assert got.pop("good.xml") == b"<a/>"
    says = {name: str(error) for name, error in got.items()}
    assert "at most 50 bytes" in says["large.xml"]
    assert "archive within" in says["inner.zip"]
    assert "can be unpacked" in says["damaged.xml"]
    encrypted = bytearray(packed({"secret.xml": b"<a/>"}))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    ((_, error),) = members(bytes(encrypted))
    assert "not encrypted" in str(error)


def test_a_file_packed_by_another_method_is_refused_before_it_is_unpacked() -> None:
    """LZMA may ask for as much memory as its header says."""
    ((_, error),) = members(packed({"a.xml": b"<a/>"}, zipfile.ZIP_LZMA))
    assert "stored or deflated" in str(error)


def test_a_file_without_a_name_is_an_error_in_its_place() -> None:
    """Found by fuzzing: the directory may name nothing at all."""
    ((info, error),) = members(_without_names(packed({"a": b"<a/>"}, zipfile.ZIP_STORED)))
    assert (info.filename, "can be unpacked" in str(error)) == ("", True)


def _without_names(data: bytes) -> bytes:
    """``data`` with the length of the name in its central directory set to none."""
    at = data.index(b"PK\x01\x02") + 28
    end = data.index(b"PK\x05\x06") + 12
    size = int.from_bytes(data[end : end + 4], "little") - 1
    central = data[:at] + b"\x00\x00" + data[at + 2 :]
    without = central[: at + 18] + central[at + 19 :]
    return without[: end - 1] + size.to_bytes(4, "little") + without[end + 3 :]


def test_what_nobody_meant_to_send_is_left_out() -> None:
    """Folders, hidden files, and what macOS puts beside every file."""
    names = ["jan/", "jan/a.xml", ".DS_Store", "__MACOSX/jan/._a.xml", "jan/.b.xml"]
    assert [info.filename for info, _ in members(packed(dict.fromkeys(names, b"")))] == ["jan/a.xml"]


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,9}\.xml", fullmatch=True), st.binary(max_size=99), min_size=1), st.data()
)
def test_no_damage_to_an_archive_crashes_the_reader(files: dict[str, bytes], data: st.DataObject) -> None:
    """Whole, it gives what was packed; with any bytes changed or cut, files or sentences."""
    whole = packed(files, data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])))
    assert is_zip(whole)
    found = [(info, got) for info, got in members(whole) if isinstance(got, bytes)]
    assert {info.filename: got for info, got in found} == {
        name: inside for name, inside in files.items() if not is_zip(inside)
    }
    assert all(read_again(io.BytesIO(whole), info) == got for info, got in found)
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + data.draw(st.integers(0, 4)) :]
    try:
        for info, inside in members(damaged):
            assert isinstance(inside, bytes | MalformedInput)
            assert isinstance(read_again(io.BytesIO(damaged), info), bytes)
    except MalformedInput:
        pass
