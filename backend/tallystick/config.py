"""The home directory, its settings file and its lock; the wall clock and the operating system's randomness.

::

    .tallystick/            TALLYSTICK_HOME, mode 0700
      tallystick.toml       the settings; only what differs from the defaults need stand in it
      keys/                 the encrypted keystore, with the network key as one of its secrets
      ledger.sqlite3        the store, unless ``database_url`` names another
      documents/            attached documents, encrypted, unless ``documents_url`` names another place
      chain.sqlite3         the embedded development chain, unless ``rpc_url`` names a node
      deployment.json       the address file of contracts that were deployed through that node
      lock                  held by the one process that writes

The settings file is read strictly: a key that is not known, or a value of another type, is an error that names it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from tallystick.errors import HomeError, HomeInUse, MalformedInput
from tallystick.flock import FileLock, Held
from tallystick.limits import Limits
from tallystick.protocol.types import Address, Timestamp, clip, parse_address, to_hex

VARIABLE = "TALLYSTICK_HOME"
DEFAULT_HOME = ".tallystick"
NETWORK_KEY = "network-key"
"""The name, in the keystore, of the 32 bytes that party ids are made with (protocol section 2)."""
MAX_SETTINGS_BYTES = 64 * 1024
_INT64_MAX = 2**63 - 1
_REMOVE = "Check its spelling, or remove it."


@dataclass(frozen=True, slots=True)
class Settings:
    """What a home says about its chain, its store and its limits; None where the default follows from the rest."""

    rpc_url: str | None = field(default=None, repr=False)
    """The JSON-RPC endpoint of the node, which may hold a token; None: the embedded development chain."""
    chain_id: int | None = None
    """The chain that the node must serve; None: the one the ledger was deployed on."""
    finality_blocks: int | None = None
    """Blocks on top of a block that make it final; None: what the node calls ``finalized``."""
    max_fee_gwei: int = 500
    """What a transaction offers at most for a unit of gas, also when it is sent again for more (EIP-1559)."""
    operator: Address | None = None
    """The account that seals; its key is in the keystore."""
    registrar: Address | None = None
    """The account that admits parties; its key is in the keystore. None: somebody else's."""
    database_url: str | None = field(default=None, repr=False)
    """The database of the store, which may hold a password; None: ``ledger.sqlite3`` in the home."""
    allowed_origins: str | None = None
    """Origins of web pages that may use the API, with blanks between them; None: none (no CORS)."""
    trusted_proxies: str | None = None
    """Addresses or networks, with blanks between them, of proxies that say who their clients are; None: none may."""
    webhooks_to_loopback: bool | None = None
    """Whether webhooks may be sent to this machine itself, by http; None: no."""
    documents_url: str | None = None
    """Where attached documents lie, encrypted: a folder, or a URL such as s3://; None: ``documents`` in the home."""
    authority_url: str | None = None
    """The RFC 3161 authority that ``tallystick timestamp`` asks; None: nobody is asked."""
    authority_roots: str | None = None
    """PEM file with the root certificates by which its tokens are checked; relative to the home."""
    public_url: str | None = None
    """Where people reach this API, by whatever proxy; wallets sign in for it (EIP-4361). None: no wallet signs in."""
    oidc_issuer: str | None = None
    """The OpenID Connect issuer whose bearer tokens are taken, as its tokens name it; None: none are."""
    oidc_audience: str | None = None
    """Whom those tokens must be for."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Home:
    """A home directory and where everything in it lies; ``directory`` is absolute."""

    directory: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Home:
        """The home that ``environment`` names, else ``.tallystick`` where the program was started.

        Raises:
            HomeError: the variable is set, but empty.
        """
        named = environment.get(VARIABLE, DEFAULT_HOME)
        if not named.strip():
            raise HomeError(f"{VARIABLE} is set, but empty.", todo="Unset it, or let it name a directory.")
        return cls(Path(named).absolute())

    @property
    def settings_path(self) -> Path:
        return self.directory / "tallystick.toml"

    @property
    def keys_path(self) -> Path:
        return self.directory / "keys"

    @property
    def ledger_path(self) -> Path:
        return self.directory / "ledger.sqlite3"

    @property
    def chain_path(self) -> Path:
        return self.directory / "chain.sqlite3"

    @property
    def deployment_path(self) -> Path:
        return self.directory / "deployment.json"

    @property
    def lock_path(self) -> Path:
        return self.directory / "lock"

    @property
    def documents_path(self) -> Path:
        return self.directory / "documents"

    def database(self, settings: Settings) -> str | Path:
        """Where the store of this home lies, as ``settings`` say: a URL, or the path of a SQLite file."""
        return settings.database_url or self.ledger_path

    def exists(self) -> bool:
        """Whether this is a home already."""
        return self.settings_path.is_file()

    def create(self, settings: Settings) -> None:
        """Make the directory (mode 0700) with ``settings`` in it.

        Raises:
            HomeError: it is a home already, holds something else, or can't be written.
        """
        if self.exists():
            raise HomeError(f"{self.directory} is a home already.", todo=f"Use it, or let {VARIABLE} name another.")
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            others = sorted(entry.name for entry in self.directory.iterdir() if entry != self.lock_path)
        except OSError as error:
            raise _refused(self.directory, error) from error
        if others:
            raise HomeError(
                f"{self.directory}: expected an empty directory, got one that holds {', '.join(others[:5])}.",
                todo=f"Let {VARIABLE} name another directory.",
            )
        self.save(settings)

    def settings(self) -> Settings:
        """The settings of this home.

        Raises:
            HomeError: there is no home here, or the file is not of its form; names the key, expected and got.
        """
        try:
            with self.settings_path.open("rb") as file:
                content = file.read(MAX_SETTINGS_BYTES + 1)
        except FileNotFoundError as error:
            raise HomeError(
                f"{self.directory}: expected a home, found no tallystick.toml.",
                todo=f"Make one with `tallystick init`, or let {VARIABLE} name the right directory.",
            ) from error
        except OSError as error:
            raise _refused(self.settings_path, error) from error
        return parse_settings(content, str(self.settings_path))

    def save(self, settings: Settings) -> None:
        """Put ``settings`` in place of the settings file, which is whole at any moment. Raises ``HomeError``."""
        beside = self.settings_path.with_name(".tallystick.toml.new")
        content = format_settings(settings).encode()
        parse_settings(content, str(self.settings_path))
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.settings_path)
            names = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(names)
            finally:
                os.close(names)
        except OSError as error:
            raise _refused(self.settings_path, error) from error

    def lock(self, timeout_seconds: float) -> HomeLock:
        """The right to write in this home, waited for up to ``timeout_seconds``; take it with ``with``."""
        return HomeLock(self.lock_path, timeout_seconds)


class HomeLock:
    """Only one process writes in a home: its lock is free again when the process ends, even after kill -9."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._lock = FileLock(path)
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> HomeLock:
        """Take the lock.

        Raises:
            HomeInUse: another process holds it for longer than the timeout; names its process id.
        """
        try:
            self._lock.take(self._timeout_seconds)
        except Held as held:
            raise HomeInUse(
                f"{self._lock.path.parent} is in use by process {held.holder}; waited {self._timeout_seconds:g} s.",
                todo="Wait until it is done, or end that process; then try again.",
            ) from None
        except OSError as error:
            raise _refused(self._lock.path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class SystemClock:
    """The wall clock of this machine."""

    def now(self) -> Timestamp:
        """Seconds since 1970-01-01T00:00:00Z."""
        return Timestamp(int(time.time()))


class SystemEntropy:
    """The randomness of the operating system, good for keys and salts."""

    def bytes(self, size: int) -> bytes:
        """``size`` random bytes."""
        return os.urandom(size)


@dataclass(frozen=True, slots=True)
class _Form:
    """How one key of the file is read and written."""

    table: str
    name: str
    expected: str
    read: Callable[[Any], Any]
    """The value that a TOML value spells; ``ValueError`` or ``MalformedInput`` if it spells none."""
    write: Callable[[Any], str]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def _origins(value: Any) -> str:
    for origin in _text(value).split():
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}" or not parts.hostname:
            raise ValueError
    return str(value)


def _networks(value: Any) -> str:
    for network in _text(value).split():
        ipaddress.ip_network(network)
    return str(value)


def _number(minimum: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not minimum <= value <= _INT64_MAX:
            raise ValueError
        return value

    return read


def _quoted(value: str) -> str:
    # A JSON string is a TOML basic string, but for U+007F, which TOML wants escaped, and half a character
    # (an argument that was not UTF-8), which it can't hold.
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise HomeError(f"Expected text, got {clip(value)}.", todo="Write it in UTF-8.")
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _origin(value: Any) -> str:
    """A URL of https, or of http on this machine, without user, query and fragment."""
    parts = urlsplit(_text(value))
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if not parts.hostname or not plain or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise ValueError
    return str(value)


def _address(value: Any) -> Address:
    return parse_address(value, "address")


_FORMS = (
    _Form("chain", "rpc_url", 'text, e.g. "http://127.0.0.1:8545"', _text, _quoted),
    _Form("chain", "chain_id", "a whole number from 1", _number(1), str),
    _Form("chain", "finality_blocks", "a whole number from 0", _number(0), str),
    _Form("chain", "max_fee_gwei", "a whole number from 1", _number(1), str),
    _Form("chain", "operator", "0x and 40 lower-case hex digits", _address, lambda value: _quoted(to_hex(value))),
    _Form("chain", "registrar", "0x and 40 lower-case hex digits", _address, lambda value: _quoted(to_hex(value))),
    _Form("store", "database_url", 'text, e.g. "postgresql://user@host/ledger"', _text, _quoted),
    _Form("store", "documents_url", 'text, e.g. "s3://bucket/documents"', _text, _quoted),
    _Form("timestamp", "authority_url", 'text, e.g. "https://tsa.example.com/"', _text, _quoted),
    _Form("timestamp", "authority_roots", 'the path of a PEM file, e.g. "tsa-roots.pem"', _text, _quoted),
    _Form("sign_in", "public_url", 'a URL of https, e.g. "https://ledger.example.com"', _origin, _quoted),
    _Form("sign_in", "oidc_issuer", 'a URL of https, e.g. "https://login.example.com"', _origin, _quoted),
    _Form("sign_in", "oidc_audience", 'text, e.g. "https://ledger.example.com"', _text, _quoted),
    _Form("service", "allowed_origins", 'origins, e.g. "https://app.example.com"', _origins, _quoted),
    _Form("service", "trusted_proxies", 'addresses or networks, e.g. "127.0.0.1"', _networks, _quoted),
    _Form("service", "webhooks_to_loopback", "true or false", _flag, lambda value: str(value).lower()),
    *(_Form("limits", one.name, "a whole number from 1", _number(1), str) for one in dataclasses.fields(Limits)),
)


def parse_settings(content: bytes, name: str) -> Settings:
    """The settings that the TOML ``content`` of the file ``name`` spells.

    Raises:
        HomeError: too long, no TOML, a table or key that is not known, or a value of another form.
    """
    try:
        if len(content) > MAX_SETTINGS_BYTES:
            raise ValueError(f"expected at most {MAX_SETTINGS_BYTES} bytes")
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise HomeError(f"{name}: expected TOML: {error}.", todo="Correct the file.") from error
    values: dict[str, dict[str, Any]] = {form.table: {} for form in _FORMS}
    forms = {(form.table, form.name): form for form in _FORMS}
    for table, content_of_table in document.items():
        if table not in values or not isinstance(content_of_table, dict):
            raise HomeError(f"{name}: expected the tables {', '.join(values)}, got {clip(table)}.", todo=_REMOVE)
        for key, value in content_of_table.items():
            form = forms.get((table, key))
            if form is None:
                known = ", ".join(other.name for other in _FORMS if other.table == table)
                raise HomeError(f"{name}: [{table}]: expected {known}, got the key {clip(key)}.", todo=_REMOVE)
            try:
                values[table][key] = form.read(value)
            except (ValueError, MalformedInput) as error:
                raise HomeError(
                    f"{name}: [{table}] {key}: expected {form.expected}, got {clip(value)}.", todo="Correct the value."
                ) from error
    limits = Limits(**values.pop("limits"))
    settings = Settings(**{key: value for table in values.values() for key, value in table.items()}, limits=limits)
    if (settings.oidc_issuer is None) != (settings.oidc_audience is None):
        raise HomeError(
            f"{name}: [sign_in]: expected oidc_issuer and oidc_audience together, got one of them.",
            todo="Name whom tokens are for: a token for somebody else must not be good here.",
        )
    return settings


def format_settings(settings: Settings) -> str:
    """The TOML file that ``parse_settings`` reads as ``settings``: every limit, and whatever else is not None."""
    lines = ["# Settings of this Tallystick home. What is left out has its default."]
    for table in dict.fromkeys(form.table for form in _FORMS):
        source = settings.limits if table == "limits" else settings
        lines += ["", f"[{table}]"]
        for form in _FORMS:
            value = getattr(source, form.name) if form.table == table else None
            if value is not None:
                lines.append(f"{form.name} = {form.write(value)}")
    return "\n".join(lines) + "\n"


def _refused(path: Path, error: OSError) -> HomeError:
    return HomeError(
        f"{error.filename or path}: {error.strerror}.",
        todo=f"Check that you may write there, or let {VARIABLE} name another directory.",
    )
