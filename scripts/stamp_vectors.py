"""Test vectors of time-stamps inside bundles: what is one, what is none, and what needs root certificates to tell.

Part of ``bundle_vectors.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from protocol.stamping import MAKER, stamped
from protocol.world import World
from tallystick.protocol.bundle import Bundle
from tallystick.protocol.bundle_stream import format_bundle
from tallystick.protocol.types import to_hex
from timestamp.maker import Maker

Forge = Callable[..., dict[str, Any]]


def stamped_bases(world: World, bundle: Bundle) -> dict[str, Bundle]:
    """``bundle`` with time-stamps that hold."""
    return {
        "time-stamped": stamped(world, bundle),
        "one batch time-stamped": stamped(world, bundle, only={1}),
        "time-stamped by SHA-512": stamped(world, bundle, lambda root, at: MAKER.token(root, at, "sha512"), only={0}),
        "time-stamped by a hash that is not known": stamped(
            world, bundle, lambda root, at: MAKER.token(root, at, "sha1"), only={0}
        ),
    }


def stamp_forgeries(forgery: Forge, bundle: Bundle) -> list[dict[str, Any]]:
    """Patches of the base ``time-stamped``, which is ``bundle``."""
    appends = json.loads(format_bundle(bundle))["appends"]
    first, second = (append["stamp"] for append in appends)
    token = bytes.fromhex(first["token"][2:])
    stamp = bundle.appends[0].stamp
    assert stamp is not None, "it is stamped"
    root = stamp.batch_root(bundle.subject, bundle.appends[0].append)
    zero = to_hex(bytes(32))
    assert token[:2] == b"\x30\x82", "it has a length of two bytes"
    longer_length = b"\x30\x83\x00" + token[2:]
    no_signed_data = token.replace(bytes.fromhex("2a864886f70d010702"), bytes.fromhex("2a864886f70d010701"), 1)

    def of(name: str, failed: str, *patch: tuple[str, str, Any]) -> dict[str, Any]:
        return forgery(name, failed, *patch, base="time-stamped")

    def by(name: str, forged: bytes) -> dict[str, Any]:
        return of(name, "timestamp", ("replace", "/appends/0/stamp/token", to_hex(forged)))

    return [
        of("a time-stamp of null", "schema", ("replace", "/appends/0/stamp", None)),
        of("a time-stamp without its path", "schema", ("remove", "/appends/0/stamp/proof", None)),
        of("a time-stamp with a member more", "schema", ("add", "/appends/0/stamp/authority", "x")),
        of("a path of 65", "schema", ("replace", "/appends/0/stamp/proof", [zero] * 65)),
        of(
            "time-stamps exchanged",
            "timestamp",
            ("replace", "/appends/0/stamp", second),
            ("replace", "/appends/1/stamp", first),
        ),
        of("a time-stamp of another batch", "timestamp", ("replace", "/appends/0/stamp/token", second["token"])),
        of("a path of another batch", "timestamp", ("replace", "/appends/0/stamp/proof", [zero])),
        of("a path cut short", "timestamp", ("replace", "/appends/0/stamp/proof", [])),
        by("a time-stamp of the first half of its batch root", MAKER.token(root[:16], 1_700_000_000)),
        by("a time-stamp that was not granted", MAKER.token(root, 1_700_000_000, status=2)),
        by("a time-stamp granted with changes", MAKER.token(root, 1_700_000_000, status=1)),
        by("no bytes as time-stamp", b""),
        by("a time-stamp with a byte behind it", token + b"\x00"),
        by("a time-stamp cut off", token[:-1]),
        by("a time-stamp with a length that is too long", longer_length),
        by("a time-stamp of no length", b"\x30\x80" + token[4:] + b"\x00\x00"),
        by("a time-stamp of another content type", no_signed_data),
    ]


def signed_stamps(bundle: Bundle) -> dict[str, Any]:
    """What a reader with root certificates finds of ``bundle``, which is ``time-stamped``."""
    stamp = bundle.appends[0].stamp
    assert stamp is not None, "it is stamped"
    cut = len(stamp.token) - 1
    twisted = stamp.token[:cut] + bytes([stamp.token[cut] ^ 1])
    root = stamp.batch_root(bundle.subject, bundle.appends[0].append)
    by_another = Maker("Another Authority").token(root, 1_700_000_000)

    def case(name: str, outcome: str, failed: str | None, valid: int, token: bytes) -> dict[str, Any]:
        patch = [{"op": "replace", "path": "/appends/0/stamp/token", "value": to_hex(token)}]
        return {
            "name": name,
            "base": "time-stamped",
            "patch": patch,
            "outcome": outcome,
            "failed": failed,
            "valid": valid,
        }

    return {
        "roots": MAKER.root_pem.decode(),
        "cases": [
            case("as it was", "valid", None, 2, stamp.token),
            case("a signature that does not hold", "invalid", "timestamp", 0, twisted),
            case("by an authority that leads to no root", "valid", None, 1, by_another),
        ],
    }
