"""Whoever needs no key asks so often and no oftener, by address, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tallystick.bootstrap import Opened
from tallystick.errors import RateExceeded
from tallystick.service.context import Context
from tallystick.web.identity import SignIn
from tallystick.web.strangers import Strangers, address_of
from web.conftest import serving
from web.keys import Keys
from web.support import problem

NONCE = "/v1/sign-in/nonce"
WALLET = {"address": "0x" + "ab" * 20}
BURST = 4
SIGN_IN = SignIn("https://ledger.example.com")


@pytest.fixture
def few(opened: Opened) -> Context:
    """An installation that lets an address ask four times at once, and then once in two and a half seconds."""
    return replace(opened.context, limits=replace(opened.context.limits, anonymous_requests_per_minute=6 * BURST))


@pytest.fixture
def url(opened: Opened, few: Context) -> Iterator[str]:
    """A server that trusts no proxy, whatever the environment says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORWARDED_ALLOW_IPS", "*")
        with serving(opened, few, sign_in_by=SIGN_IN) as url:
            yield url


@pytest.fixture
def proxied(opened: Opened, few: Context) -> Iterator[str]:
    """A server that believes a proxy on this machine, and another one in front of that."""
    with serving(opened, few, sign_in_by=SIGN_IN, trusted_proxies=("127.0.0.1", "192.0.2.0/24")) as url:
        yield url


def asked(url: str, forwarded: str = "", **options: Any) -> httpx.Response:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return httpx.post(url + NONCE, json=WALLET, headers=headers, **options)


def used_up(url: str, forwarded: str = "") -> None:
    """Ask until an address is refused, which must be after its burst: no slow machine makes it much later."""
    statuses = [asked(url, forwarded).status_code for _ in range(BURST)]
    assert statuses == [200] * BURST
    while (answer := asked(url, forwarded)).status_code == 200:
        statuses.append(200)
        assert len(statuses) < 100 * BURST, "nobody is ever refused"
    problem(answer, 429, "rate-exceeded")


def test_an_address_that_signs_in_too_often_is_told_when_to_come_again(url: str) -> None:
    """429 as for a key, with Retry-After; both routes count together, and the body is not even read."""
    used_up(url)
    answer = asked(url)
    found = problem(answer, 429, "rate-exceeded")
    assert "address 127.0.0.1: expected at most 24 requests a minute" in found["detail"]
    assert 1 <= int(answer.headers["retry-after"]) <= 3
    body = {"message": "m", "signature": "0x00"}
    problem(httpx.post(url + "/v1/sign-in", json=body), 429, "rate-exceeded")
    unread = httpx.post(url + "/v1/sign-in", content=b"x" * 20_000, headers={"Content-Type": "text/plain"})
    problem(unread, 429, "rate-exceeded")
    problem(httpx.get(url + "/v1/openapi.json"), 429, "rate-exceeded")


def test_others_do_not_pay_for_it(url: str, keys: Keys) -> None:
    """Another address signs in, and whoever has a key goes on, from the same address too."""
    used_up(url)
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"), base_url=url) as neighbour:
        assert neighbour.post(NONCE, json=WALLET).status_code == 200
    headers = {"Authorization": f"Bearer {keys.group}"}
    for _ in range(3 * BURST):
        assert httpx.get(url + "/v1/account", headers=headers).status_code == 200


def test_nobody_may_say_that_they_are_somebody_else(url: str) -> None:
    """Without a trusted proxy the header changes nothing, also where the server's environment trusts all the world."""
    used_up(url)
    for number in range(2 * BURST):
        headers = {"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"}
        last = httpx.post(url + NONCE, json=WALLET, headers=headers)
    problem(last, 429, "rate-exceeded")


def test_behind_a_trusted_proxy_each_client_is_counted(proxied: str) -> None:
    """What the proxy adds at the right counts; what its client put at the left of it does not."""
    used_up(proxied, "198.51.100.1")
    assert asked(proxied, "198.51.100.2").status_code == 200
    problem(asked(proxied, "203.0.113.9, 198.51.100.1"), 429, "rate-exceeded")
    problem(asked(proxied, "198.51.100.1, 192.0.2.7"), 429, "rate-exceeded")


def test_this_machine_watches_as_often_as_it_likes(url: str, proxied: str) -> None:
    """A watch is never refused; whoever gets to it through a proxy that passes it is counted."""
    for _ in range(10 * BURST):
        assert httpx.get(url + "/healthz").status_code == 200
    statuses = [
        httpx.get(proxied + "/healthz", headers={"X-Forwarded-For": "198.51.100.1"}).status_code
        for _ in range(10 * BURST)
    ]
    assert statuses[:BURST] == [200] * BURST
    assert 429 in statuses


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("no address", "'no address'"),
        ("x" * 500, f"'{'x' * 80}'... (length 500)"),
    ],
)
def test_who_is_counted(host: str, counted: str) -> None:
    """IPv4 by address, IPv6 by the network that one customer has, however spelled; what is neither by its name."""
    assert address_of({"type": "http", "client": (host, 1)}) == counted


def test_an_ipv6_customer_has_one_bucket_for_all_addresses() -> None:
    """Changing the last 64 bits gives nobody more; nor does a request whose peer is not known."""
    strangers = Strangers(6, lambda: 0.0)
    for clients in ([("2001:db8::1", 1), ("2001:db8::2", 1)], [None, None]):
        first, second = ({"type": "http", "path": NONCE, "client": client} for client in clients)
        strangers.admit(first)
        with pytest.raises(RateExceeded):
            strangers.admit(second)
