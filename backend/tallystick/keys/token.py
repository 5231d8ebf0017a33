"""A key-encryption key inside a PKCS#11 token: it wraps and unwraps there, and never leaves.

Rules:

- only a key that is sensitive and not extractable is used: any other could be copied out;
- a data key is in the token only while it is wrapped or unwrapped, as an object of the session;
- one operation at a time; a session that is lost is opened once more.

Source: PKCS#11 v2.40, C_WrapKey and C_UnwrapKey with CKM_AES_KEY_WRAP (RFC 3394).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tallystick.errors import Duplicate, KeystoreError
from tallystick.keys.pkcs11_uri import TokenUri, parse_uri
from tallystick.protocol.types import clip

try:
    import pkcs11
    from pkcs11 import exceptions as failures
except ModuleNotFoundError as missing:  # pragma: no cover - the tests install it
    raise KeystoreError(
        "A key in a PKCS#11 token needs the Python package python-pkcs11, which is not installed.",
        todo="Install it: pip install 'tallystick[pkcs11]'",
    ) from missing

T = TypeVar("T")

_LOST = (
    failures.DeviceError,
    failures.DeviceRemoved,
    failures.KeyHandleInvalid,
    failures.ObjectHandleInvalid,
    failures.SessionClosed,
    failures.SessionHandleInvalid,
    failures.TokenNotPresent,
    failures.UserNotLoggedIn,
)
_PLAIN = {pkcs11.Attribute.SENSITIVE: False, pkcs11.Attribute.EXTRACTABLE: True}
"""What a data key must be to come back out."""


class TokenKey:
    """The key that ``uri`` names, in a session that stays open."""

    def __init__(self, uri: TokenUri, pin: str) -> None:
        self._uri = uri
        self._pin = pin
        self._lock = threading.Lock()
        self._session: Any = None
        self._key: Any = None
        with self._lock:
            self._open()

    def wrap(self, data_key: bytes) -> bytes:
        """``data_key`` wrapped inside the token. Raises ``KeystoreError`` where the token refuses."""

        def work() -> bytes:
            held = self._session.create_object(
                {
                    pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
                    pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.AES,
                    pkcs11.Attribute.TOKEN: False,
                    pkcs11.Attribute.VALUE: data_key,
                    **_PLAIN,
                }
            )
            try:
                return bytes(self._key.wrap_key(held, mechanism=pkcs11.Mechanism.AES_KEY_WRAP))
            finally:
                held.destroy()

        return self._do(work)

    def unwrap(self, wrapped: bytes) -> bytes | None:
        """The data key, or None where the token says that it was wrapped under another key, or changed since."""

        def work() -> bytes | None:
            try:
                held = self._key.unwrap_key(
                    pkcs11.ObjectClass.SECRET_KEY,
                    pkcs11.KeyType.AES,
                    wrapped,
                    mechanism=pkcs11.Mechanism.AES_KEY_WRAP,
                    template=_PLAIN,
                    store=False,
                )
            except (failures.WrappedKeyInvalid, failures.WrappedKeyLenRange, failures.GeneralError):
                return None  # SoftHSM says GeneralError where the integrity check fails
            try:
                return bytes(held[pkcs11.Attribute.VALUE])
            finally:
                held.destroy()

        return self._do(work)

    def close(self) -> None:
        """Log out."""
        with self._lock:
            if self._session is not None:
                self._session.close()
            self._session = self._key = None

    def _do(self, work: Callable[[], T]) -> T:
        with self._lock:
            try:
                if self._session is None:
                    self._open()
                return work()
            except _LOST:
                self._open()
                try:
                    return work()
                except failures.PKCS11Error as error:
                    raise self._refused(error) from error
            except failures.PKCS11Error as error:
                raise self._refused(error) from error

    def _open(self) -> None:
        try:
            self._session = _session(self._uri, self._pin, rw=False)
            self._key = _find(self._session, self._uri)
        except failures.PKCS11Error as error:
            raise self._refused(error) from error
        if self._key is None:
            raise KeystoreError(
                f"token {clip(self._uri.token)}: expected the AES key {clip(self._uri.label)}, found none.",
                todo="Make it with `tallystick key rewrap --to URI --make`, or check the URI.",
            )
        if not self._key[pkcs11.Attribute.SENSITIVE] or self._key[pkcs11.Attribute.EXTRACTABLE]:
            raise KeystoreError(
                f"token {clip(self._uri.token)}: expected a key {clip(self._uri.label)} that never leaves the token, "
                "got one that is extractable or not sensitive.",
                todo="Make one inside the token: `tallystick key rewrap --to URI --make`.",
            )

    def _refused(self, error: Exception) -> KeystoreError:
        return refused(self._uri, error)


def open_token_key(source: str, environment: Mapping[str, str]) -> TokenKey:
    """The key that the URI ``source`` names, with the PIN of ``environment`` or of the file that it names.

    Raises:
        KeystoreError: no module, token, key or PIN, or the key could leave the token. MalformedInput: no such URI.
    """
    uri = parse_uri(source)
    return TokenKey(uri, uri.pin(environment))


def make_token_key(source: str, environment: Mapping[str, str]) -> None:
    """Make the AES-256 key that the URI ``source`` names, inside its token: it wraps, unwraps, and never leaves.

    Raises:
        Duplicate: there is one of that label. KeystoreError: as ``open_token_key``.
    """
    uri = parse_uri(source)
    try:
        session = _session(uri, uri.pin(environment), rw=True)
        try:
            if _find(session, uri) is not None:
                raise Duplicate(
                    f"token {clip(uri.token)}: there is a key {clip(uri.label)}.", todo="Name another, or leave --make."
                )
            session.generate_key(
                pkcs11.KeyType.AES,
                256,
                label=uri.label,
                store=True,
                capabilities=pkcs11.MechanismFlag.WRAP | pkcs11.MechanismFlag.UNWRAP,
                template={pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False},
            )
        finally:
            session.close()
    except failures.PKCS11Error as error:
        raise refused(uri, error) from error


def refused(uri: TokenUri, error: Exception) -> KeystoreError:
    """What the token or its module refused, without the PIN."""
    reason = type(error).__name__ + (f": {error}" if str(error) else "")
    return KeystoreError(
        f"token {clip(uri.token)} of {uri.module}: refused ({clip(reason)}).",
        todo="Check that the token is there, its PIN, and the labels in the URI.",
    )


def _session(uri: TokenUri, pin: str, *, rw: bool) -> Any:
    try:
        library = pkcs11.lib(uri.module)
    except (RuntimeError, OSError, failures.PKCS11Error) as error:
        raise refused(uri, error) from error
    try:
        token = library.get_token(token_label=uri.token)
    except failures.NoSuchToken:
        library.reinitialize()  # one that was made after the module was loaded
        token = library.get_token(token_label=uri.token)
    try:
        return token.open(rw=rw, user_pin=pin)
    except failures.UserAlreadyLoggedIn:  # by another session of this process, which this one then shares
        return token.open(rw=rw)


def _find(session: Any, uri: TokenUri) -> Any:
    wanted = {
        pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
        pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.AES,
        pkcs11.Attribute.LABEL: uri.label,
    }
    found = list(session.get_objects(wanted))
    if len(found) > 1:
        raise KeystoreError(f"token {clip(uri.token)}: expected one key {clip(uri.label)}, found {len(found)}.")
    return found[0] if found else None
