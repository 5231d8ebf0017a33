"""The PKCS#11 URIs that name a key-encryption key, e.g. ``pkcs11:token=ledger;object=kek?module-path=/usr/lib/x.so``.

Rules: token and object are labels, each once; ``module-path`` is required; ``pin-source=file:PATH`` may follow, else
the PIN is in ``TALLYSTICK_PKCS11_PIN``. A URI with the PIN itself is refused: it would stand in the keystore.

Source: RFC 7512.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from tallystick.errors import KeystoreError, MalformedInput
from tallystick.protocol.types import clip

PIN_VARIABLE = "TALLYSTICK_PKCS11_PIN"
MAX_URI = 1000
_ENCODED = re.compile(r"(?:[A-Za-z0-9\-._~:\[\]@!$'()*+,=&/]|%[0-9A-Fa-f]{2})+\Z")
_MAX_PIN_BYTES = 256


@dataclass(frozen=True, slots=True)
class TokenUri:
    """Where a key is: the ``module`` that speaks PKCS#11, the label of the token, the label of the key."""

    module: str
    token: str
    label: str
    pin_file: Path | None

    def pin(self, environment: Mapping[str, str]) -> str:
        """The PIN of the token. Raises ``KeystoreError``: there is none, or its file can't be read."""
        if self.pin_file is None:
            if not environment.get(PIN_VARIABLE):
                raise KeystoreError(
                    f"{PIN_VARIABLE}: expected the PIN of the token {clip(self.token)}, got none.",
                    todo="Set it, or name a file with the PIN: &pin-source=file:PATH.",
                )
            return environment[PIN_VARIABLE]
        try:
            with self.pin_file.open("rb") as file:
                return file.read(_MAX_PIN_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise KeystoreError(f"{self.pin_file}: the PIN can't be read ({reason}).") from error


def parse_uri(text: str) -> TokenUri:
    """The place that ``text`` names. Raises ``MalformedInput`` for any other form."""
    todo = "Write pkcs11:token=LABEL;object=LABEL?module-path=PATH, with &pin-source=file:PATH if the PIN is in a file."
    if len(text) > MAX_URI or not text.startswith("pkcs11:"):
        raise MalformedInput(f"PKCS#11 URI: expected pkcs11:..., got {clip(text)}.", todo=todo)
    path, _, query = text.removeprefix("pkcs11:").partition("?")
    named = _attributes(path, ";", ("token", "object"), todo)
    asked = _attributes(query, "&", ("module-path", "pin-source"), todo)
    missing = [name for name, value in (*named.items(), ("module-path", asked["module-path"])) if value is None]
    if missing:
        raise MalformedInput(f"PKCS#11 URI: expected {', '.join(missing)}, found none.", todo=todo)
    pin = asked["pin-source"]
    if pin is not None and not pin.startswith("file:"):
        raise MalformedInput(f"PKCS#11 URI: pin-source: expected file:PATH, got {clip(pin)}.", todo=todo)
    pin_file = None if pin is None else Path(pin.removeprefix("file:"))
    return TokenUri(str(asked["module-path"]), str(named["token"]), str(named["object"]), pin_file)


def _attributes(text: str, separator: str, names: tuple[str, ...], todo: str) -> dict[str, str | None]:
    found: dict[str, str | None] = dict.fromkeys(names)
    for part in text.split(separator) if text else ():
        name, _, value = part.partition("=")
        if name == "pin-value":
            raise MalformedInput("PKCS#11 URI: expected no pin-value: the URI is kept in the keystore.", todo=todo)
        if name not in found or found[name] is not None or not _ENCODED.match(value):
            raise MalformedInput(f"PKCS#11 URI: expected each of {', '.join(names)} once, got {clip(name)}.", todo=todo)
        found[name] = unquote(value)
    return found
