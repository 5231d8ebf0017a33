"""The home directory and its settings file."""

from __future__ import annotations

import dataclasses
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config import Home, Settings, format_settings, parse_settings
from tallystick.errors import HomeError
from tallystick.limits import Limits
from tallystick.protocol.types import Address

NUMBERS = st.integers(1, 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip())
URLS = st.sampled_from(["https://ledger.example.com", "https://x.example:8443/app", "http://127.0.0.1:8000"])
ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
SETTINGS = st.builds(
    Settings,
    rpc_url=st.none() | TEXTS,
    chain_id=st.none() | NUMBERS,
    finality_blocks=st.none() | NUMBERS | st.just(0),
    max_fee_gwei=NUMBERS,
    operator=st.none() | ADDRESSES,
    registrar=st.none() | ADDRESSES,
    database_url=st.none() | TEXTS,
    authority_url=st.none() | TEXTS,
    authority_roots=st.none() | TEXTS,
    public_url=st.none() | URLS,
    limits=st.builds(Limits, **{one.name: NUMBERS for one in dataclasses.fields(Limits)}),
)


def parse(text: str) -> Settings:
    return parse_settings(text.encode(), "tallystick.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chain = 5", "expected the tables chain, store, timestamp, sign_in, service, limits, got 'chain'"),
        ("[chian]", "expected the tables chain, store, timestamp, sign_in, service, limits, got 'chian'"),
        ("rpc_url = 'http://localhost'", "expected the tables .*, got 'rpc_url'"),
        ("[[chain]]", "expected the tables .*, got 'chain'"),
        ("[chain]\nurl = 'x'", r"\[chain\]: expected rpc_url, chain_id, .*, got the key 'url'"),
        ("[limits]\ncsv_row = 1", r"\[limits\]: expected .*csv_rows, .*got the key 'csv_row'"),
        ("[store]\nrpc_url = 'x'", r"\[store\]: expected database_url, documents_url, got the key 'rpc_url'"),
        ("[chain]\nrpc_url = 8545", r"\[chain\] rpc_url: expected text, .*, got 8545"),
        ("[chain]\nrpc_url = ''", r"rpc_url: expected text, .*, got ''"),
        ("[sign_in]\npublic_url = 'http://ledger.example.com'", r"public_url: expected a URL of https"),
        ("[sign_in]\npublic_url = 'https://user@ledger.example.com'", r"public_url: expected a URL of https"),
        ("[sign_in]\npublic_url = 'https://ledger.example.com?x'", r"public_url: expected a URL of https"),
        ("[sign_in]\npublic_url = 'https://[::1'", r"public_url: expected a URL of https"),
        ("[sign_in]\noidc_issuer = 'login'\noidc_audience = 'x'", r"oidc_issuer: expected a URL of https"),
        ("[sign_in]\noidc_issuer = 'https://login.example.com'", r"expected oidc_issuer and oidc_audience together"),
        ("[sign_in]\noidc_audience = 'x'", r"expected oidc_issuer and oidc_audience together"),
        ("[service]\ntrusted_proxies = '*'", r"trusted_proxies: expected addresses or networks"),
        ("[service]\ntrusted_proxies = '127.0.0.1/8'", r"trusted_proxies: expected addresses or networks"),
        ("[service]\ntrusted_proxies = 'proxy.example.com'", r"trusted_proxies: expected addresses or networks"),
        ("[chain]\nchain_id = '1'", r"chain_id: expected a whole number from 1, got '1'"),
        ("[chain]\nchain_id = 0", r"chain_id: expected a whole number from 1, got 0"),
        ("[chain]\nchain_id = 1.0", r"chain_id: expected a whole number from 1, got 1.0"),
        ("[chain]\nchain_id = true", r"chain_id: expected a whole number from 1, got True"),
        ("[chain]\nchain_id = 9223372036854775808", r"chain_id: expected a whole number"),
        ("[chain]\nfinality_blocks = -1", r"finality_blocks: expected a whole number from 0, got -1"),
        ("[chain]\noperator = 5", r"operator: expected 0x and 40 lower-case hex digits, got 5"),
        ("[chain]\noperator = '0x" + "AB" * 20 + "'", r"operator: expected 0x and 40 lower-case hex digits"),
        ("[chain]\nregistrar = '0x" + "ab" * 19 + "'", r"registrar: expected 0x and 40 lower-case hex digits"),
        ("[store]\ndatabase_url = []", r"\[store\] database_url: expected text, .*, got \[\]"),
        ("[limits]\njson_bytes = 0", r"json_bytes: expected a whole number from 1, got 0"),
        ("[chain", "expected TOML"),
        ("[chain]\nchain_id = 1\nchain_id = 2", "expected TOML"),
        ("#" * 70_000, "expected TOML: expected at most 65536 bytes"),
        ("[chain]\nrpc_url = " + "[" * 20_000, "expected TOML"),
    ],
)
def test_what_is_not_of_its_form_is_named(text: str, message: str) -> None:
    """Every unknown table or key, and every value of another form, is refused by file, key, expected and got."""
    with pytest.raises(HomeError, match=message) as caught:
        parse(text)
    assert caught.value.message.startswith("tallystick.toml: ")
    assert caught.value.todo


def test_settings_are_utf_8() -> None:
    """Bytes that are no UTF-8 are refused."""
    with pytest.raises(HomeError, match="expected TOML"):
        parse_settings(b"[chain]\nrpc_url = '\xff'", "tallystick.toml")


def test_half_a_character_is_refused() -> None:
    """A value that no file could hold is refused before anything is written."""
    with pytest.raises(HomeError, match="Expected text"):
        format_settings(Settings(rpc_url="http://\udcff"))


def test_an_empty_file_has_the_defaults() -> None:
    """Nothing need stand in the file."""
    assert parse("") == Settings()
    assert parse("[chain]\n[store]\n[timestamp]\n[limits]\n") == Settings()


@given(SETTINGS)
def test_settings_come_back_as_they_were_written(settings: Settings) -> None:
    """What ``format_settings`` writes, ``parse_settings`` reads."""
    assert parse(format_settings(settings)) == settings


def test_one_limit_alone_leaves_the_others() -> None:
    """A limit that is not given has its default."""
    assert parse("[limits]\ncsv_rows = 7").limits == dataclasses.replace(Limits(), csv_rows=7)


def test_an_empty_variable_names_no_home() -> None:
    """A variable that is set but empty is a mistake, not the default."""
    with pytest.raises(HomeError, match="TALLYSTICK_HOME is set, but empty"):
        Home.of({"TALLYSTICK_HOME": " "})


def test_the_default_home_lies_where_the_program_was_started() -> None:
    """Without the variable it is ``.tallystick`` here; paths are absolute, whatever happens later."""
    assert Home.of({}).directory == Path.cwd() / ".tallystick"
    assert Home.of({"TALLYSTICK_HOME": "other"}).directory == Path.cwd() / "other"
    assert Home.of({"TALLYSTICK_HOME": "/srv/tally"}).directory == Path("/srv/tally")


def test_a_home_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    """Reading the settings of no home names the directory and the command."""
    home = Home(tmp_path / "nowhere")
    assert not home.exists()
    with pytest.raises(HomeError, match="nowhere: expected a home") as caught:
        home.settings()
    assert "tallystick init" in caught.value.todo


def test_a_home_is_made_once(tmp_path: Path) -> None:
    """Making a home where there is one is refused, and its settings stay."""
    home = Home(tmp_path / "home")
    home.create(Settings(chain_id=5))
    with pytest.raises(HomeError, match="is a home already"):
        home.create(Settings())
    assert home.settings() == Settings(chain_id=5)


def test_a_home_is_not_made_among_other_files(tmp_path: Path) -> None:
    """A directory that holds something else is refused, naming what, and left as it was."""
    (tmp_path / "photos").mkdir()
    with pytest.raises(HomeError, match="expected an empty directory, got one that holds photos"):
        Home(tmp_path).create(Settings())
    assert os.listdir(tmp_path) == ["photos"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """Where a file has the name of the home, the error names it."""
    (tmp_path / "home").write_text("")
    with pytest.raises(HomeError, match=str(tmp_path / "home")):
        Home(tmp_path / "home").create(Settings())


def test_a_damaged_settings_file_is_named(tmp_path: Path) -> None:
    """The error of a settings file says which file it is."""
    home = Home(tmp_path / "home")
    home.create(Settings())
    home.settings_path.write_text("[chain]\nchain_id = 'one'\n")
    with pytest.raises(HomeError, match=f"{home.settings_path}: .* chain_id"):
        home.settings()


def test_settings_that_could_not_be_read_are_not_saved(tmp_path: Path) -> None:
    """Saving what the reader would refuse is refused, and the file stays as it was."""
    home = Home(tmp_path / "home")
    home.create(Settings(chain_id=5))
    with pytest.raises(HomeError, match="chain_id: expected a whole number from 1, got 0"):
        home.save(Settings(chain_id=0))
    assert home.settings() == Settings(chain_id=5)


def test_a_home_is_the_owners_alone(tmp_path: Path) -> None:
    """The directory is 0700 and the settings, which may hold a database password, 0600; nothing else is there."""
    home = Home(tmp_path / "a" / "home")
    home.create(Settings())
    home.save(Settings(database_url="postgresql://tally:secret@host/ledger"))
    assert stat.S_IMODE(home.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.settings_path.stat().st_mode) == 0o600
    assert os.listdir(home.directory) == ["tallystick.toml"]


def test_the_store_lies_in_the_home_unless_named(tmp_path: Path) -> None:
    """``database`` is the file in the home, or the URL of the settings."""
    home = Home(tmp_path)
    assert home.database(Settings()) == tmp_path / "ledger.sqlite3"
    assert home.database(Settings(database_url="postgresql://host/x")) == "postgresql://host/x"
