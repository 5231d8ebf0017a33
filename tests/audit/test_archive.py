"""The archive: one spelling, named by its content, written whole, read strictly."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.installation import Installation
from audit.rogue import read_archive, write_archive
from tallystick.errors import MalformedInput, NotFound, UsageError
from tallystick.protocol.archive import (
    ArchivedEntry,
    Manifest,
    format_archived,
    format_manifest,
    parse_archived,
    parse_manifest,
)
from tallystick.protocol.bundle import BundleEntry
from tallystick.protocol.evidence import Evidence
from tallystick.protocol.types import Address
from tallystick.service import archive
from tallystick.service.audit.findings import Code
from tallystick.store.archive import ArchiveReader, ArchiveWriter, parse_identity
from tallystick.store.workbook import pack_struct, unpack_struct


def only_file(home: Installation) -> tuple[Manifest, Path]:
    """The manifest, and the path of the one file of entries."""
    manifest, _ = ArchiveReader(home.archive).manifest()
    return manifest, home.archive / f"{manifest.entries[0].content.name}.jsonl.gz"


def test_a_line_that_is_not_its_own_one_spelling_is_refused(home: Installation) -> None:
    """Blanks, another order, an unknown member, a place too many, and what is no JSON at all: each is refused."""
    _, items, _ = read_archive(home)
    line = format_archived(items[0][1]).removesuffix(b"\n")
    assert parse_archived(line) == items[0][1]
    place = line[line.index(b'"places":[[') + 11 : line.index(b"]", line.index(b'"places":[['))]
    for bad in (
        line.replace(b":", b": ", 1),
        line.replace(b'{"batchId"', b'{"A":1,"batchId"', 1),
        line.replace(b'"places":[[', b'"places":[[' + place + b"],[", 1),
        line.replace(b'"batchId":0', b'"batchId":-1', 1),
        line[:-1],
        b"",
        b"null",
        b"[" * 100_000,
    ):
        with pytest.raises(MalformedInput):
            parse_archived(bad)


@given(st.data())
def test_no_change_of_a_manifest_is_read_as_the_same(data: st.DataObject) -> None:
    """Whatever byte of a manifest is changed, it is refused or says something else; it never crashes."""
    whole = format_manifest(SAMPLE)
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
    with contextlib.suppress(MalformedInput):
        assert parse_manifest(changed) != SAMPLE


def test_content_is_named_by_its_hash_and_the_same_again(home: Installation) -> None:
    """File names are the SHA-256 of the lines; a second export gives the same bytes, and keeps the files it has."""
    before = {path.name: path.read_bytes() for path in home.archive.iterdir()}
    assert len(before) == 3, "a manifest, entries and bindings"
    for name, data in before.items():
        if name != "manifest.json":
            assert hashlib.sha256(gzip.decompress(data)).hexdigest() == name.removesuffix(".jsonl.gz")
            assert data[4:8] == bytes(4), "no time in the gzip header"
    stamps = {path.name: path.stat().st_mtime_ns for path in home.archive.iterdir() if path.name != "manifest.json"}
    home.export()
    assert {path.name: path.read_bytes() for path in home.archive.iterdir()} == before
    assert all((home.archive / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())


def test_what_is_not_final_is_not_exported(home: Installation) -> None:
    """Every archived evidence is final, and all that is final is archived with all its places."""
    _, items, bindings = read_archive(home)
    with home.context.store.transaction(read_only=True) as transaction:
        counts = transaction.counts()
    assert sum(len(item.places) for _, item in items) == counts.log_entries
    assert len(items) == sum(counts.evidence.values())
    assert len(bindings) == counts.parties


def test_files_are_cut_at_the_ends_of_batches(home: Installation) -> None:
    """However small a file is to be, no batch is cut in two, and the auditor finds the same."""
    manifest, items, bindings = read_archive(home)
    made = write_archive(home, manifest, items, bindings, file_bytes=1)
    assert [(file.first_batch, file.last_batch) for file in made.entries] == [
        (number, number) for number in range(len(made.entries))
    ]
    assert len(made.entries) > 2
    assert home.audit().findings == ()


def test_a_damaged_file_is_a_finding_whatever_the_damage(home: Installation) -> None:
    """Cut short, no gzip, more behind it, a bomb, another file's content, an empty file: altered, never a crash."""
    _, path = only_file(home)
    good = path.read_bytes()
    lines = gzip.decompress(good)
    for bad in (
        good[:-9],
        b"not gzip",
        good + b"x",
        good + good,
        gzip.compress(bytes(50_000_000), 9, mtime=0),
        gzip.compress(lines + b"\n", mtime=0),
        gzip.compress(lines[:-1], mtime=0),
        b"",
    ):
        path.write_bytes(bad)
        assert [finding.code for finding in home.audit().findings] == [Code.ARCHIVE_ALTERED]
    path.unlink()
    assert [finding.code for finding in home.audit().findings] == [Code.ARCHIVE_MISSING]


def test_a_bad_line_with_a_fitting_name_is_a_finding(home: Installation) -> None:
    """An archivist who redoes the names can't make a line readable that is not, or put one out of order."""
    manifest, items, bindings = read_archive(home)
    lines = [format_archived(item).removesuffix(b"\n") for _, item in items]
    for bad in ([b"{}", *lines[1:]], [lines[1], lines[0], *lines[2:]], [*lines, lines[-1]]):
        writer = ArchiveWriter(home.archive)
        content = writer._write([line + b"\n" for line in bad])
        writer._files.append(replace(manifest.entries[0], content=content))
        writer.add_bindings(bindings)
        writer.finish(manifest)
        codes = {finding.code for finding in home.audit().findings}
        assert codes == {Code.ARCHIVE_ALTERED}, codes


def test_only_the_recipient_reads_an_encrypted_archive(home: Installation) -> None:
    """With the auditor's key nothing is found; without, or with another, it says so; nothing stands in clear."""
    auditor, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    plain = {path.name for path in home.archive.iterdir()}
    for path in home.archive.iterdir():
        path.unlink()
    home.export(recipient=str(auditor.to_public()))
    assert {path.name.removesuffix(".age") for path in home.archive.iterdir()} == plain
    for path in home.archive.glob("*.age"):
        assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert home.audit(identity=f"# created today\n{auditor}\n".encode()).findings == ()
    with pytest.raises(UsageError, match="no key was given"):
        home.audit()
    with pytest.raises(UsageError, match="another key"):
        home.audit(identity=str(other).encode())
    with pytest.raises(UsageError, match="expected one age key") as refused:
        home.audit(identity=b"AGE-SECRET-KEY-1NONSENSE")
    assert "NONSENSE" not in str(refused.value)
    [path] = [path for path in home.archive.glob("*.age") if path.stat().st_size > 5_000]
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    found = home.audit(identity=str(auditor).encode()).findings
    assert [finding.code for finding in found] == [Code.ARCHIVE_ALTERED]


def test_a_bad_recipient_and_a_bad_place_are_refused(home: Installation, tmp_path: Path) -> None:
    """Whatever is no age key, and whatever is no directory, ends in a sentence that says what to do."""
    with pytest.raises(UsageError, match="age public key"):
        ArchiveWriter(tmp_path / "new", "age1nonsense")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be written"):
        ArchiveWriter(tmp_path / "file")
    with pytest.raises(NotFound):
        ArchiveReader(tmp_path / "nowhere").manifest()
    with pytest.raises(UsageError):
        parse_identity(b"\xff")


def test_memory_does_not_grow_with_the_archive(home: Installation, tmp_path: Path) -> None:
    """Ten times as many entries of one operator need no more memory to write: what is held is one file."""
    manifest, items, _ = read_archive(home)

    def peak(times: int) -> int:
        writer = ArchiveWriter(tmp_path / str(times), file_bytes=1 << 16)
        tracemalloc.start()
        for number in range(times):
            for _, item in items:
                shifted = ArchivedEntry(number * 10 + item.batch_id, item.places, item.entry)
                writer.add(Address(bytes(20)), shifted)
        writer.finish(manifest)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(30) < 1.5 * peak(3)


def test_a_home_without_the_registrars_key_shows_ids_alone(home: Installation) -> None:
    """Whoever can't sign names exports none."""
    home.context = replace(home.context, registrar=None)
    for path in home.archive.iterdir():
        path.unlink()
    archive.export(home.context, ArchiveWriter(home.archive))
    assert ArchiveReader(home.archive).manifest()[0].bindings is None
    audit = home.audit()
    assert audit.findings == ()
    assert {party.name for party in audit.parties} == {None}


ids = st.binary(min_size=32, max_size=32)
times = st.integers(0, 2**53 - 1)
structs = st.builds(
    Evidence,
    issuer=ids.filter(any),
    counterparty=st.just(bytes(32)),
    kind=st.integers(1, 255),
    deal=ids,
    parent=ids,
    content_root=ids,
    occurred_at=times,
    issued_at=times,
)
archived = st.builds(
    ArchivedEntry,
    batch_id=times,
    places=st.sets(st.tuples(ids, times), min_size=1, max_size=4).map(lambda places: tuple(sorted(places))),
    entry=st.builds(
        BundleEntry,
        evidence=structs,
        signatures=st.binary(max_size=130),
        disclosures=st.lists(st.text(st.characters(max_codepoint=127))).map(tuple),
        hidden=st.lists(ids).map(tuple),
    ),
)


@given(archived)
def test_what_is_archived_is_read_back(item: ArchivedEntry) -> None:
    """Format and parse are each other's inverse, for every evidence and every showing of it."""
    line = format_archived(item)
    assert line.count(b"\n") == 1
    assert parse_archived(line.removesuffix(b"\n")) == item


@given(structs)
def test_what_a_workbook_packs_it_unpacks(evidence: Evidence) -> None:
    """The packed form loses nothing."""
    assert unpack_struct(pack_struct(evidence)) == evidence


SAMPLE = parse_manifest(
    b'{"asOf":{"blockHash":"0x'
    + b"11" * 32
    + b'","blockNumber":9,"timestamp":1767225609},"bindings":null,"blockNumber":1,'
    b'"chainId":31337,"encryption":null,"entries":[{"bytes":120,"firstBatch":0,"lastBatch":2,"lines":3,"operator":"0x'
    + b"22" * 20
    + b'","sha256":"'
    + b"33" * 32
    + b'"}],"format":"tallystick-archive/1","genesisHash":"0x'
    + b"44" * 32
    + b'","ledger":"0x'
    + b"55" * 20
    + b'","receivables":"0x'
    + b"66" * 20
    + b'","registry":"0x'
    + b"77" * 20
    + b'"}'
)
