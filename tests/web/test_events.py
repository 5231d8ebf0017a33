"""Events as a stream and by webhooks: none is missed, nobody hears of what is not theirs, nothing is sent inside."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tallystick.bootstrap import Opened
from tallystick.errors import MalformedInput, Undelivered
from tallystick.outbound import Poster
from tallystick.protocol.types import PartyId, Timestamp, parse_bytes32
from tallystick.service import accounts, webhooks
from tallystick.service.context import Context
from tallystick.service.policy import Asker, Reach
from tallystick.store.identities import Role
from tallystick.store.service_records import DeliveryState
from tallystick.web import events
from web.support import Api, problem

_numbers = itertools.count(1)


def organisation(opened: Opened, role: Role, *parties: str) -> dict[str, str]:
    named = [PartyId(parse_bytes32(party, "party")) for party in parties]
    made = accounts.add_organisation(opened.context, "test", f"Listens {next(_numbers)}", role, named)
    secret = accounts.issue_key(opened.context, "test", made.organisation, "test")[1]
    return {"Authorization": f"Bearer {secret}"}


@contextmanager
def following(api: Api, headers: dict[str, str], **query: Any) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of a stream, as they come."""
    with api.stream("GET", "/v1/events", params=query, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield (json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: "))


def test_a_stream_tells_what_becomes_of_an_evidence(api: Api, opened: Opened) -> None:
    """From pending to final, in order; whoever comes back with the last id misses nothing and hears nothing twice."""
    headers = organisation(opened, Role.PARTY, api.parties["Supplier"])
    with following(api, headers) as told:
        evidence = api.record(api.invoice())["evidence"]
        seen: list[dict[str, Any]] = []
        while not any(one["evidence"] == evidence and one["status"] == "final" for one in seen):
            seen.append(next(told))
    ours = [one for one in seen if one["evidence"] == evidence]
    assert [one["type"] for one in ours] == ["evidence.pending", "evidence.included", "evidence.final"]
    assert ours[0]["block"] is None
    assert ours[-1]["block"]["number"] > 0
    ids = [one["id"] for one in seen]
    assert ids == sorted(set(ids))
    with following(api, {**headers, "Last-Event-ID": str(ours[0]["id"])}, after=10**12) as told:
        again = [next(told) for _ in range(len([one for one in seen if one["id"] > ours[0]["id"]]))]
    assert again == [one for one in seen if one["id"] > ours[0]["id"]]


def test_nobody_hears_of_what_is_not_theirs(api: Api, opened: Opened) -> None:
    """A lender that has nothing to do with it is told of its own evidence only; an auditor of all."""
    bank = api.post("/v1/parties", {"name": "A bank", "identifiers": ["ERP:told-alone"]}).json()["party"]
    lender, auditor = organisation(opened, Role.LENDER, bank), organisation(opened, Role.AUDITOR)
    foreign = api.record(api.invoice())["evidence"]
    own = api.record({"kind": "PROFILE", "issuer": bank, "content": {"note": "own"}})["evidence"]
    with following(api, lender, after=0) as told:
        assert next(told)["evidence"] == own
    with following(api, auditor, after=0, follow=False) as told:
        assert {foreign, own} <= {one["evidence"] for one in told}
    with following(api, lender, after=0, follow=False) as told:
        assert foreign not in {one["evidence"] for one in told}
    problem(api.get("/v1/events", headers={**lender, "Last-Event-ID": "newest"}), 422, "malformed-input")


def test_an_organisation_of_any_number_of_parties_is_told_of_all(api: Api, opened: Opened) -> None:
    """Of the last of two thousand as of the first, in order, and once where two of them are concerned."""
    api.final(api.record(api.invoice())["evidence"])
    supplier, buyer = (PartyId(parse_bytes32(api.parties[name], "party")) for name in ("Supplier", "Buyer"))
    others = [PartyId(number.to_bytes(32, "big")) for number in range(1, 2_000)]
    with opened.context.store.transaction(read_only=True) as transaction:
        last = transaction.last_event()
        few = transaction.events_of([supplier, buyer], 0, last)
        assert len(few) >= 3
        assert transaction.events_of([*others, supplier, buyer], 0, last) == few
        assert transaction.events_of([supplier, *others, buyer], 0, last) == few
        assert transaction.events_of(others, 0, last) == []


def test_a_key_has_few_streams(api: Api, opened: Opened) -> None:
    """One more than allowed is refused; when one ends there is room again."""
    streams = events.Streams()
    for _ in range(events.OF_ONE_KEY):
        streams.enter("key")
    with pytest.raises(events.RateExceeded):
        streams.enter("key")
    streams.enter("another")
    streams.leave("key")
    streams.enter("key")


@dataclass
class Receiver:
    """A real HTTP server that answers as ``answer`` says; what it got is in ``got``."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: handler.send_response(204)

    @contextmanager
    def running(self) -> Iterator[Receiver]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                receiver.answer(self)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/told?by=tallystick"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


@dataclass
class At:
    """A clock that a test moves."""

    seconds: int

    def now(self) -> Timestamp:
        return Timestamp(self.seconds)


@dataclass
class Rig:
    """An organisation whose webhooks are delivered when a test says so."""

    context: Context
    clock: At
    asker: Asker

    def state(self, name: str) -> list[Any]:
        with self.context.store.transaction(read_only=True) as transaction:
            return transaction.deliveries(name, None, None, 1_000)


@pytest.fixture
def rig(api: Api, opened: Opened) -> Iterator[Rig]:
    clock = At(opened.context.clock.now())
    context = replace(opened.context, clock=clock, post=Poster(to_loopback=True, total_seconds=1.0))
    # the server of the other tests has a notifier too, which sends nothing to loopback: this one's are made and ended;
    # what other tests' webhooks still wait for would be due when the clock is put forward
    with context.store.transaction() as transaction:
        for other in transaction.webhooks():
            transaction.put_webhook(replace(other, ended_at=clock.now()))
        for waiting in transaction.due_deliveries(Timestamp(2**62), 100_000):
            transaction.change_delivery(replace(waiting, state=DeliveryState.DEAD, next_at=None))
    parties = [PartyId(parse_bytes32(api.parties["Supplier"], "party"))]
    holder = accounts.add_organisation(context, "test", f"Hooked {next(_numbers)}", Role.PARTY, parties)
    key, _ = accounts.issue_key(context, "test", holder.organisation, "test")
    made = Rig(context, clock, Asker(holder, key.key, key.scopes, Reach.OWN))
    yield made
    with context.store.transaction(read_only=True) as transaction:
        left = transaction.webhooks(holder.organisation)
    for one in left:
        webhooks.end(context, made.asker, one.webhook)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tests of this file deliver while they run."""
    monkeypatch.setattr("tallystick.service.notify.tell", lambda _: 0)
    monkeypatch.setattr("tallystick.service.notify.deliver", lambda _: 0)


def verified(secret: str, header: str, body: bytes) -> bool:
    """What a receiver does, by the documentation alone."""
    at = re.search(r"t=(\d+)", header)
    assert at is not None
    expected = hmac.new(secret.encode(), at.group(1).encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected, one) for one in re.findall(r"v1=([0-9a-f]+)", header))


def test_a_webhook_is_told_and_can_check_it(api: Api, rig: Rig) -> None:
    """Signed over time and body; of what came after it was registered; once, where the receiver says so."""
    with Receiver().running() as receiver:
        made, secret = webhooks.register(rig.context, rig.asker, receiver.url)
        evidence = api.record(api.invoice())["evidence"]
        api.final(evidence)
        while webhooks.tell(rig.context) + webhooks.deliver(rig.context):
            pass
        told = [json.loads(body) for _, body in receiver.got]
        assert {"pending", "included", "final"} <= {one["status"] for one in told if one["evidence"] == evidence}
        for headers, body in receiver.got:
            assert verified(secret, headers["tallystick-signature"], body)
            assert not verified("whsec_other", headers["tallystick-signature"], body)
        assert {one.state for one in rig.state(made.webhook)} == {DeliveryState.DELIVERED}
        count = len(receiver.got)
        rotated, newer = webhooks.rotate(rig.context, rig.asker, made.webhook)
        webhooks.redeliver(rig.context, rig.asker, rotated.webhook, rig.state(made.webhook)[0].position)
        assert webhooks.deliver(rig.context) == 1
        assert len(receiver.got) == count + 1
        headers, body = receiver.got[-1]
        assert verified(secret, headers["tallystick-signature"], body), "the old secret is good for a while"
        assert verified(newer, headers["tallystick-signature"], body)
        rig.clock.seconds += webhooks.OVERLAP_SECONDS
        webhooks.redeliver(rig.context, rig.asker, rotated.webhook, rig.state(made.webhook)[0].position)
        assert webhooks.deliver(rig.context) == 1
        assert not verified(secret, receiver.got[-1][0]["tallystick-signature"], receiver.got[-1][1])


def fails(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(500)


def redirects(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://169.254.169.254/latest/meta-data")


def hangs(_handler: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def drips(handler: BaseHTTPRequestHandler) -> None:
    for _ in range(30):
        handler.wfile.write(b"H")
        time.sleep(0.1)


@pytest.mark.parametrize("answer", [fails, redirects, hangs, drips])
def test_a_receiver_that_does_not_take_it_is_asked_again_ever_later(api: Api, rig: Rig, answer: Any) -> None:
    """Until it was asked so often that it is dead: then it is listed, and tried again when somebody says so."""
    with Receiver(answer=answer).running() as receiver:
        made, _ = webhooks.register(rig.context, rig.asker, receiver.url)
        api.record(api.invoice())
        webhooks.tell(rig.context)
        with rig.context.store.transaction() as transaction:
            first, *others = transaction.deliveries(made.webhook, None, None, 100)
            for other in others:
                transaction.change_delivery(replace(other, state=DeliveryState.DEAD, next_at=None))
        began, pauses = time.monotonic(), []
        attempts = webhooks.MAX_ATTEMPTS if answer in (fails, redirects) else 2
        for _ in range(attempts):
            assert webhooks.deliver(rig.context) == 1
            assert webhooks.deliver(rig.context) == 0, "not before its time"
            with rig.context.store.transaction(read_only=True) as transaction:
                now = transaction.delivery(made.webhook, first.position)
            assert now is not None
            if now.next_at is not None:
                pauses.append(now.next_at - rig.clock.seconds)
                rig.clock.seconds = now.next_at
        assert time.monotonic() - began < 60
        assert pauses == sorted(pauses)
        assert pauses[:2] == [10, 20]
        assert now.failure
        if attempts == webhooks.MAX_ATTEMPTS:
            assert (now.state, now.next_at, now.attempts) == (DeliveryState.DEAD, None, attempts)
            assert now.answered in (500, 302)
            assert len(receiver.got) == attempts
            receiver.answer = lambda handler: handler.send_response(200)
            webhooks.redeliver(rig.context, rig.asker, made.webhook, first.position)
            assert webhooks.deliver(rig.context) == 1
            assert DeliveryState.DELIVERED in {one.state for one in rig.state(made.webhook)}


def test_who_takes_a_delivery_takes_it_alone(api: Api, rig: Rig) -> None:
    """While one process sends, another finds nothing due; if the first dies, it is due again after a while."""
    with Receiver().running() as receiver:
        webhooks.register(rig.context, rig.asker, receiver.url)
        api.record(api.invoice())
        webhooks.tell(rig.context)
        taken = webhooks._take(rig.context)
        assert taken
        assert webhooks._take(rig.context) == []
        rig.clock.seconds += webhooks.TAKEN_SECONDS
        again = webhooks._take(rig.context)
        assert [one.position for _, one in again] == [one.position for _, one in taken]
        assert [one.attempts for _, one in again] == [one.attempts + 1 for _, one in taken]


def test_webhooks_over_http(api: Api, opened: Opened) -> None:
    """Registered, listed without secrets, rotated, removed; another organisation's is not there."""
    headers, other = organisation(opened, Role.PARTY), organisation(opened, Role.PARTY)
    made = api.post("/v1/webhooks", {"url": "https://example.com/hook"}, headers=headers)
    assert made.status_code == 201, made.text
    secret, path = made.json()["secret"], f"/v1/webhooks/{made.json()['webhook']}"
    assert re.fullmatch(r"whsec_[a-z2-7]{52}", secret)
    listed = api.get("/v1/webhooks", headers=headers)
    assert [one["webhook"] for one in listed.json()] == [made.json()["webhook"]]
    assert secret not in listed.text
    assert api.get("/v1/webhooks", headers=other).json() == []
    problem(api.post(f"{path}/secret", headers=other), 404, "not-found")
    problem(api.get(f"{path}/deliveries", headers=other), 404, "not-found")
    problem(api.post(f"{path}/deliveries/1/redelivery", headers=headers), 404, "not-found")
    assert api.post(f"{path}/secret", headers=headers).json()["secret"] != secret
    assert api.get(f"{path}/deliveries", params={"state": "dead"}, headers=headers).json() == []
    assert api.request("DELETE", path, headers=headers).status_code == 204
    problem(api.request("DELETE", path, headers=headers), 404, "not-found")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https://example.com/#part",
        "https://127.0.0.1/",
        "http://localhost/",
        "https://10.0.0.8/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.8]/",
        "https://[2002:0a00:0008::1]/",
        "https://[64:ff9b::a00:8]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https:///path",
        "https://exa mple.com/",
        f"https://example.com/{'x' * 2_000}",
    ],
)
def test_nothing_is_sent_inside(api: Api, opened: Opened, url: str) -> None:
    """No address of a private network, of this machine, or within another address; no other scheme."""
    with pytest.raises(MalformedInput):
        Poster().check(url)
    headers = organisation(opened, Role.PARTY)
    assert api.post("/v1/webhooks", {"url": url}, headers=headers).status_code == 422


def test_a_name_that_means_a_private_address_is_refused_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it meant when it was registered; also where only one of its addresses is private."""
    public, private = "93.184.216.34", "10.0.0.8"
    asked = []

    def resolved(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in (public, private)]

    poster = Poster()
    poster.check("https://rebinding.example/")
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("nothing connects"))
    with pytest.raises(Undelivered, match=r"expected public addresses, got 10\.0\.0\.8"):
        poster.post("https://rebinding.example/", {}, b"{}")
    assert asked == ["rebinding.example"]


def test_a_stream_that_ends_makes_room(api: Api, opened: Opened) -> None:
    """A stream that ends is forgotten, so that a key can open another: as often as it likes, one after the other."""
    headers = organisation(opened, Role.PARTY, api.parties["Supplier"])
    api.record(api.invoice())
    for _ in range(events.OF_ONE_KEY + 2):
        with following(api, headers, after=0) as told:
            assert next(told)["id"] > 0
        time.sleep(2 * events.LOOK_SECONDS)
