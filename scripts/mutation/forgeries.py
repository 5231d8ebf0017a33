"""Forgeries of a history: each changes one thing of its entries and mends what it can of the rest."""

from __future__ import annotations

import copy
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import orjson

from mutation.bases import ROLES, Base
from mutation.values import NothingToDoError, number_changed, pick
from protocol.world import Actor, actor
from tallystick.errors import TallystickError
from tallystick.protocol import content
from tallystick.protocol.bundle import parse_evidence
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Domain
from tallystick.protocol.log import subject_root
from tallystick.protocol.signing import GROUP_ORDER, sign
from tallystick.protocol.types import Address, to_hex

Forgery = Callable[[Any, Random, Base], None]
ACTORS = [actor(role) for role in ROLES]


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _domain(value: Any) -> Domain:
    return Domain(value["chainId"], Address(raw(value["ledger"])))


def _shown(value: Any, least: int = 1) -> list[Any]:
    return [append for append in value["appends"] if append["entries"] and len(append["entries"]) >= least]


def _entry(value: Any, rng: Random) -> tuple[Any, Any]:
    """An append and one of its entries."""
    append = pick(rng, _shown(value))
    return append, rng.choice(append["entries"])


def _reroot(value: Any, append: Any) -> None:
    """Make count and root of ``append`` fit its entries, so that only the head can tell."""
    domain, leaves = _domain(value), []
    try:
        for entry in append["entries"]:
            leaves.append((parse_evidence(entry["evidence"], "").evidence_id(domain), raw(entry["signatures"])))
    except (TallystickError, ValueError):
        return
    append["count"] = len(leaves)
    append["root"] = to_hex(subject_root(raw(value["subject"]), leaves))  # type: ignore[arg-type]


def _perhaps_reroot(value: Any, rng: Random, *appends: Any) -> None:
    if rng.random() < 0.5:
        for append in appends:
            _reroot(value, append)


# --- entries and appends --------------------------------------------------------------------------------------------


def entry_dropped(value: Any, rng: Random, base: Base) -> None:
    append = pick(rng, _shown(value, 2))
    del append["entries"][rng.randrange(len(append["entries"]))]
    append["count"] -= 1
    _perhaps_reroot(value, rng, append)


def entry_repeated(value: Any, rng: Random, base: Base) -> None:
    append, entry = _entry(value, rng)
    append["entries"].insert(rng.randrange(append["count"] + 1), {**copy.deepcopy(entry), "standing": "repeated"})
    append["count"] += 1
    _perhaps_reroot(value, rng, append)


def entries_swapped(value: Any, rng: Random, base: Base) -> None:
    first, second = pick(rng, _shown(value)), pick(rng, _shown(value))
    i, j = rng.randrange(len(first["entries"])), rng.randrange(len(second["entries"]))
    first["entries"][i], second["entries"][j] = second["entries"][j], first["entries"][i]
    _perhaps_reroot(value, rng, first, second)


def entry_moved(value: Any, rng: Random, base: Base) -> None:
    first = pick(rng, _shown(value, 2))
    second = pick(rng, [append for append in _shown(value) if append is not first])
    second["entries"].append(first["entries"].pop())
    first["count"], second["count"] = first["count"] - 1, second["count"] + 1
    _perhaps_reroot(value, rng, first, second)


def entry_of_another_log(value: Any, rng: Random, base: Base) -> None:
    append, _ = _entry(value, rng)
    _, entry = _entry(pick(rng, [*base.others, *base.retold]), rng)
    append["entries"][rng.randrange(len(append["entries"]))] = copy.deepcopy(entry)
    _perhaps_reroot(value, rng, append)


def entries_withheld(value: Any, rng: Random, base: Base) -> None:
    """With the report and signers that go with it, or the old ones."""
    append = pick(rng, _shown(value))
    gone, append["entries"] = append["entries"], None
    if rng.random() < 0.5 and {"withheld", "entries"} <= set(value["report"]):
        value["report"]["withheld"] += append["count"]
        value["report"]["entries"] -= append["count"]
        value["report"]["standing"] -= sum("standing" not in entry for entry in gone)


def append_dropped(value: Any, rng: Random, base: Base) -> None:
    del value["appends"][pick(rng, range(len(value["appends"])))]


def history_cut_short(value: Any, rng: Random, base: Base) -> None:
    del value["appends"][pick(rng, range(len(value["appends"]))) :]


def append_of_another_log(value: Any, rng: Random, base: Base) -> None:
    append = pick(rng, pick(rng, [*base.others, *base.retold])["appends"])
    at = rng.randrange(len(value["appends"]) + 1)
    value["appends"][at : at + rng.randrange(2)] = [copy.deepcopy(append)]


def appends_merged(value: Any, rng: Random, base: Base) -> None:
    first = pick(rng, range(len(value["appends"]) - 1))
    one, two = value["appends"][first : first + 2]
    if not one["entries"] or not two["entries"]:
        raise NothingToDoError
    one["entries"] += two["entries"]
    del value["appends"][first + 1]
    _reroot(value, one)


def append_by_another(value: Any, rng: Random, base: Base) -> None:
    pick(rng, value["appends"])["operator"] = to_hex(rng.choice(ACTORS).address)


def append_changed(value: Any, rng: Random, base: Base) -> None:
    append = pick(rng, value["appends"])
    numbers = {name: append[name] for name in ("batchId", "count", "timestamp")}
    number_changed(numbers, rng)
    append.update(numbers)


# --- evidence and signatures ----------------------------------------------------------------------------------------


def evidence_signed_anew(value: Any, rng: Random, base: Base) -> None:
    """An evidence changed, and signed by everybody who has to, with their true keys."""
    append, entry = _entry(value, rng)
    evidence = entry["evidence"]
    name = rng.choice(list(evidence))
    if name == "kind":
        evidence["kind"] = rng.choice([1, 3, 4, 5, 9, 14, 255])
    elif name in ("occurredAt", "issuedAt"):
        evidence[name] += rng.choice([1, 601, 10**6])
    else:
        evidence[name] = _entry(value, rng)[1]["evidence"][name]
    _sign(value, entry, [who for who in ACTORS if to_hex(who.party) in (evidence["issuer"], evidence["counterparty"])])
    _perhaps_reroot(value, rng, append)


def signed_by_another(value: Any, rng: Random, base: Base) -> None:
    append, entry = _entry(value, rng)
    _sign(value, entry, [rng.choice(ACTORS) for _ in range(len(raw(entry["signatures"])) // 65)])
    _perhaps_reroot(value, rng, append)


def _sign(value: Any, entry: Any, signers: list[Actor]) -> None:
    try:
        evidence_id = parse_evidence(entry["evidence"], "").evidence_id(_domain(value))
    except TallystickError as error:
        raise NothingToDoError from error
    order = {entry["evidence"]["issuer"]: 0}
    signers = sorted(signers, key=lambda who: order.get(to_hex(who.party), 1))
    if entry["evidence"]["kind"] != 1:
        signers = signers[:1]
    entry["signatures"] = to_hex(b"".join(sign(evidence_id, who.key) for who in signers))


def signature_twisted(value: Any, rng: Random, base: Base) -> None:
    """The high-s twin, another v, halves exchanged, or one signature too few or many."""
    holder = rng.choice([_entry(value, rng)[1], *value["bindings"]])
    name = "signatures" if "signatures" in holder else "signature"
    old = raw(holder[name])
    if len(old) < 65:
        raise NothingToDoError
    r, s, v, rest = old[:32], int.from_bytes(old[32:64], "big"), old[64], old[65:]
    twin = r + ((GROUP_ORDER - s) % GROUP_ORDER).to_bytes(32, "big") + bytes([55 - v if v in (27, 28) else v])
    choices = [twin + rest, old[:64] + bytes([v ^ rng.choice([1, 7, 27])]) + rest, rest + old[:65], old + old[:65]]
    holder[name] = to_hex(rng.choice([*choices, old[:65], old[32:64] + r + bytes([v]) + rest, b""]))


def standing_changed(value: Any, rng: Random, base: Base) -> None:
    _, entry = _entry(value, rng)
    reasons = [standing.value for standing in Standing if standing is not Standing.STANDS]
    if "standing" in entry and rng.random() < 0.5:
        del entry["standing"]
    else:
        entry["standing"] = rng.choice([reason for reason in reasons if reason != entry.get("standing")])


# --- content --------------------------------------------------------------------------------------------------------


def disclosure_altered(value: Any, rng: Random, base: Base) -> None:
    """Another value under the same name and salt."""
    _, entry = _entry(value, rng)
    shown = entry["disclosures"]
    at = pick(rng, range(len(shown)))
    try:
        salt, name, old = json.loads(urlsafe_b64decode(shown[at] + "=" * (-len(shown[at]) % 4)))
    except (ValueError, TypeError) as error:  # no disclosure at all
        raise NothingToDoError from error
    new: Any = rng.choice(["1.00", "2020-01-01", "USD", "", None, 1, [], f"{old}0"])
    shown[at] = urlsafe_b64encode(orjson.dumps([salt, name, new])).rstrip(b"=").decode()
    if rng.random() < 0.8:
        shown.sort()


def showing_out_of_order(value: Any, rng: Random, base: Base) -> None:
    _, entry = _entry(value, rng)
    if len(entry["disclosures"]) < 2:
        raise NothingToDoError
    entry["disclosures"].reverse()


def field_hidden(value: Any, rng: Random, base: Base) -> None:
    """Hidden as a holder may, with the report as it was or counted anew."""
    entries = [entry for append in _shown(value) for entry in append["entries"] if entry["disclosures"]]
    entry = pick(rng, entries)
    for text in rng.sample(entry["disclosures"], rng.choice([1, len(entry["disclosures"])])):
        entry["disclosures"].remove(text)
        entry["hidden"] = sorted([*entry["hidden"], to_hex(content.digest(text))])
        if "hidden" in value["report"] and rng.random() < 0.7:
            value["report"]["hidden"] += 1


def digest_added(value: Any, rng: Random, base: Base) -> None:
    _, entry = _entry(value, rng)
    shown = [to_hex(content.digest(text)) for text in entry["disclosures"]]
    entry["hidden"] = sorted([*entry["hidden"], rng.choice([*shown, to_hex(rng.randbytes(32))])])


def showing_of_another(value: Any, rng: Random, base: Base) -> None:
    _, entry = _entry(value, rng)
    _, other = _entry(value, rng)
    entry["disclosures"], entry["hidden"] = list(other["disclosures"]), list(other["hidden"])


ON_HISTORY: Mapping[str, Forgery] = {
    "an entry dropped": entry_dropped,
    "an entry repeated": entry_repeated,
    "entries swapped": entries_swapped,
    "an entry moved": entry_moved,
    "an entry of another log": entry_of_another_log,
    "entries withheld": entries_withheld,
    "an append dropped": append_dropped,
    "the history cut short": history_cut_short,
    "an append of another log": append_of_another_log,
    "appends merged": appends_merged,
    "another operator": append_by_another,
    "an append's number changed": append_changed,
    "an evidence changed, signed anew": evidence_signed_anew,
    "signed by another": signed_by_another,
    "a signature twisted": signature_twisted,
    "a standing changed": standing_changed,
    "a disclosure altered": disclosure_altered,
    "a showing out of order": showing_out_of_order,
    "a field hidden": field_hidden,
    "a digest added": digest_added,
    "another entry's showing": showing_of_another,
}
