"""Certificates on the command line: made twice alike, verified as a PDF with neither home nor network, time-stamped."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from end_to_end.conftest import Shell
from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, INVOICE, SUPPLIER, changed
from tallystick.render import pdf
from timestamp.authority import listening, made_in, needs_openssl

needs_font = pytest.mark.skipif(not pdf.has_chinese(), reason=f"no Chinese font is installed: {pdf.INSTALL_FONT}")


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home with a contract and an acknowledged invoice, sealed, and an invoice that waits."""
    base = tmp_path_factory.mktemp("certificates")
    (base / "desk").mkdir()
    shell = Shell(base / "home", base / "desk")
    shell.ok("init")
    for name, identifier in (("Supplier GmbH", SUPPLIER), ("Buyer AG", BUYER)):
        shell.ok("party", "add", name, "--id", identifier)
    made = shell.lines("record", shell.write("trade.json", [CONTRACT, INVOICE, ACKNOWLEDGEMENT]))
    (shell.folder / "invoice.id").write_text(made[1]["evidence"])
    shell.ok("seal")
    [waiting] = shell.lines("record", shell.write("next.json", changed(INVOICE, invoiceNumber="4712")))
    (shell.folder / "waiting.id").write_text(waiting["evidence"])
    return shell


@pytest.fixture
def invoice(trading: Shell) -> str:
    return (trading.folder / "invoice.id").read_text()


@pytest.fixture
def stranger(tmp_path: Path) -> Shell:
    """A reader with neither home nor network."""
    return Shell(tmp_path / "no-home", tmp_path)


def trust(stranger: Shell, file: Path) -> tuple[str, ...]:
    """The options that verify ``file`` by the block and ledger it names; a reader has them from elsewhere."""
    told = json.loads(stranger.run("verify", str(file), "--json").stdout)
    return "--block-hash", told["asOf"]["blockHash"], "--ledger", told["ledger"]


def test_wrong_usage_is_told(trading: Shell, invoice: str) -> None:
    """A language that there is none of, a party nobody knows, an option that does not fit: nothing is written."""
    assert "expected one of en, zh, both" in trading.refused(
        "certificate", invoice, "-o", "x.pdf", "--lang", "de", code=2
    )
    assert "not known here" in trading.refused("certificate", "Nobody Ltd", "-o", "x.pdf")
    assert "expected with a party" in trading.refused("certificate", invoice, "-o", "x.pdf", "--attach", code=2)
    assert not (trading.folder / "x.pdf").exists()


def test_what_waits_is_not_certified(trading: Shell) -> None:
    """Evidence that is not final is refused, with what to do."""
    waiting = (trading.folder / "waiting.id").read_text()
    assert "expected final evidence, got one that is pending" in trading.refused("certificate", waiting, "-o", "x.pdf")
    assert not (trading.folder / "x.pdf").exists()


def test_two_processes_make_the_same_bytes(trading: Shell, invoice: str) -> None:
    """Evidence and party: made twice by processes of their own, the files are byte for byte the same."""
    for what in (invoice, SUPPLIER):
        made = []
        for name, seed in (("one.pdf", "1"), ("two.pdf", "2")):
            os.environ["PYTHONHASHSEED"] = seed
            trading.ok("certificate", what, "-o", name)
            made.append((trading.folder / name).read_bytes())
        del os.environ["PYTHONHASHSEED"]
        assert made[0] == made[1]


def test_the_pdf_alone_is_verified(trading: Shell, stranger: Shell, invoice: str) -> None:
    """With neither home nor network: valid against the block, invalid against another, unchecked without one."""
    trading.ok("certificate", invoice, "-o", "invoice.pdf")
    file = trading.folder / "invoice.pdf"
    options = trust(stranger, file)
    told = stranger.ok("verify", str(file), *options)
    assert told.startswith("VALID: the ledger held this evidence as of block")
    assert "Supplier GmbH" in told
    assert invoice in told
    assert "payableAmount      1250.00" in told
    assert "a printed page is not checked" in told
    assert stranger.run("verify", str(file)).returncode == 3
    assert stranger.run("verify", str(file), "--block-hash", "0x" + "00" * 32).returncode == 1
    other = "0x" + "11" * 20
    assert stranger.run("verify", str(file), *options[:2], "--ledger", other).returncode == 1


def test_a_party_s_pdf_is_verified_by_its_bundle(trading: Shell, stranger: Shell) -> None:
    """With the bundle attached the PDF is verified as the bundle is; without, the reader is told what to ask for."""
    trading.ok("certificate", SUPPLIER, "-o", "party.pdf", "--attach")
    file = trading.folder / "party.pdf"
    told = stranger.ok("verify", str(file), *trust(stranger, file))
    assert "VALID: complete as of block" in told
    trading.ok("certificate", SUPPLIER, "-o", "alone.pdf")
    why = stranger.refused("verify", str(trading.folder / "alone.pdf"), code=2)
    assert "found 0" in why
    assert "ask for the bundle" in why


@needs_font
def test_both_languages_stand_in_one_file(trading: Shell, stranger: Shell, invoice: str) -> None:
    """English and Chinese together are larger than each alone, and are verified the same."""
    sizes = {}
    for language in ("en", "zh", "both"):
        trading.ok("certificate", invoice, "-o", f"{language}.pdf", "--lang", language)
        sizes[language] = (trading.folder / f"{language}.pdf").stat().st_size
    assert sizes["both"] > max(sizes["en"], sizes["zh"])
    file = trading.folder / "both.pdf"
    assert "VALID" in stranger.ok("verify", str(file), *trust(stranger, file))


def test_a_home_without_an_authority_says_how_to_name_one(trading: Shell) -> None:
    """Nobody is asked for time-stamps unless one is configured; there is nothing to check then."""
    assert "[timestamp]" in trading.refused("timestamp")
    assert "no batch is time-stamped yet" in trading.ok("timestamp", "--check")
    assert "expected with --check" in trading.refused("timestamp", "--roots", "x.pem", code=2)


@needs_openssl
def test_a_time_stamped_certificate(tmp_path: Path) -> None:
    """An authority stamps each final batch once; the certificate carries its token, which the reader checks alone."""
    (tmp_path / "desk").mkdir()
    shell = Shell(tmp_path / "home", tmp_path / "desk")
    shell.ok("init")
    for name, identifier in (("Supplier GmbH", SUPPLIER), ("Buyer AG", BUYER)):
        shell.ok("party", "add", name, "--id", identifier)
    made = shell.lines("record", shell.write("trade.json", [CONTRACT, INVOICE]))
    shell.ok("seal")
    settings = shell.home / "tallystick.toml"
    with listening(made_in(tmp_path / "tsa")) as authority:
        section = f'[timestamp]\nauthority_url = "{authority.url}"\nauthority_roots = "roots.pem"'
        settings.write_text(settings.read_text().replace("[timestamp]", section))
        assert "roots.pem: can't be read" in shell.refused("timestamp", code=2)
        (shell.home / "roots.pem").write_bytes(authority.roots.read_bytes())
        authority.fails = (503, b"")
        assert "status 503" in shell.refused("timestamp")
        authority.fails = None
        assert shell.json("timestamp") == {"stamped": 1}
        assert "nothing to time-stamp" in shell.ok("timestamp")
    assert "valid" in shell.ok("timestamp", "--check")
    other = made_in(tmp_path / "other")
    assert shell.run("timestamp", "--check", "--roots", str(other.roots)).returncode != 0

    shell.ok("certificate", made[1]["evidence"], "-o", "invoice.pdf")
    stranger = Shell(tmp_path / "no-home", tmp_path)
    file = shell.folder / "invoice.pdf"
    options = trust(stranger, file)
    by_roots = stranger.json("verify", str(file), *options, "--timestamp-roots", str(authority.roots))
    assert (by_roots["verdict"], by_roots["timestamps"][0]["verdict"]) == ("valid", "valid")
    assert "Test Authority" in by_roots["timestamps"][0]["authority"]
    alone = stranger.json("verify", str(file), *options)
    assert (alone["verdict"], alone["timestamps"][0]["verdict"]) == ("valid", "unchecked")
    assert any("--timestamp-roots" in caveat for caveat in alone["caveats"])

    told = shell.ok("bundle", "Buyer AG", "-o", "buyer.tally.json", "--timestamps")
    assert "stamped   1 appends carry a time-stamp" in told
    bundle = shell.folder / "buyer.tally.json"
    options = trust(stranger, bundle)
    by_roots = stranger.json("verify", str(bundle), *options, "--timestamp-roots", str(authority.roots))
    assert (by_roots["verdict"], by_roots["passed"][-1]) == ("valid", "timestamp")
    assert by_roots["timestamps"]["valid"] == by_roots["timestamps"]["carried"] == 1
    assert "stamped    1 appends" in stranger.ok(
        "verify", str(bundle), *options, "--timestamp-roots", str(authority.roots)
    )
    alone = stranger.ok("verify", str(bundle), *options)
    assert "VALID" in alone
    assert "time-stamp not checked" in alone
