"""Tell others what becomes of their evidence: webhooks, signed, at least once, with retries that end.

::

    Tallystick-Signature: t=1767345600,v1=<hex of HMAC-SHA-256(secret, "1767345600." + body)>[,v1=<by the old secret>]

    status event --tell--> delivery (waiting) --deliver: 2xx--> delivered
                                ^   |
                     10 s, 20 s, 40 s, ...    --after MAX_ATTEMPTS--> dead --redeliver--> waiting

Rules:

- a webhook is told of events from its registration on, each at least once, in no promised order: the body has the
  event's ``id``, by which a receiver knows one that comes again;
- who delivers takes a delivery for ``TAKEN_SECONDS`` first: of several processes one sends; if it dies,
  another does;
- a secret is shown once. Kept is what only this home's keystore opens; rotated, the old one signs as well for a while;
- a receiver compares ``t`` with its clock, and the signature in constant time.

Source: the form of the header and what is signed are Stripe's ("Verify webhook signatures manually").
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from tallystick.errors import HomeError, NotFound, Refused, TallystickError, Undelivered
from tallystick.protocol.types import Timestamp, clip, to_hex
from tallystick.service.accounts import note
from tallystick.service.context import Context
from tallystick.service.policy import Asker
from tallystick.service.ports import Transaction
from tallystick.service.ports.attachments import Wrapping
from tallystick.service.ports.notices import Post
from tallystick.store.records import StatusEvent
from tallystick.store.service_records import Delivery, DeliveryState, Webhook

SIGNATURE = "Tallystick-Signature"
PREFIX = "whsec_"
MAX_WEBHOOKS = 10
MAX_ATTEMPTS = 12
FIRST_RETRY_SECONDS = 10
LAST_RETRY_SECONDS = 6 * 3600
TAKEN_SECONDS = 60
OVERLAP_SECONDS = 24 * 3600
EVENTS_AT_ONCE = 1_000
DUE_AT_ONCE = 64
OF_ONE_AT_ONCE = 4
SENDERS = 8


def event_json(event: StatusEvent) -> dict[str, Any]:
    """``event`` as it is told, to webhooks and in the stream of events."""
    block = event.block
    return {
        "id": event.position,
        "type": f"evidence.{event.status.value}",
        "at": event.at,
        "evidence": to_hex(event.evidence_id),
        "status": event.status.value,
        "block": None
        if block is None
        else {"number": block.number, "hash": to_hex(block.hash), "timestamp": block.timestamp},
    }


def register(context: Context, asker: Asker, url: str) -> tuple[Webhook, str]:
    """A webhook of the asker's organisation at ``url``, and its secret, which nobody can show again.

    Raises:
        MalformedInput: nothing is ever sent there. Refused: there are enough.
    """
    post, wrapping = _means(context)
    post.check(url)
    name, secret = context.entropy.bytes(16).hex(), _secret(context)
    holder, now = asker.organisation.organisation, context.clock.now()
    with context.store.transaction() as transaction:
        if len(transaction.webhooks(holder)) >= MAX_WEBHOOKS:
            raise Refused(f"webhooks: expected at most {MAX_WEBHOOKS}.", todo="Remove one first.")
        wrapped = wrapping.wrap(secret.encode(), _context_of(name))
        made = Webhook(name, holder, url, wrapped, None, None, now, None, transaction.last_event())
        transaction.put_webhook(made)
    note(context, asker.key, "webhook added", {"organisation": holder, "webhook": name})
    return made, secret


def rotate(context: Context, asker: Asker, name: str) -> tuple[Webhook, str]:
    """A new secret of the webhook ``name``; the old one signs as well for ``OVERLAP_SECONDS``. Raises ``NotFound``."""
    _, wrapping = _means(context)
    secret = _secret(context)
    with context.store.transaction() as transaction:
        known = own(transaction, asker, name)
        made = dataclasses.replace(
            known,
            secret=wrapping.wrap(secret.encode(), _context_of(name)),
            old_secret=known.secret,
            old_until=Timestamp(context.clock.now() + OVERLAP_SECONDS),
        )
        transaction.put_webhook(made)
    note(context, asker.key, "webhook secret rotated", {"organisation": known.organisation, "webhook": name})
    return made, secret


def end(context: Context, asker: Asker, name: str) -> None:
    """The webhook ``name`` is told of nothing any more. Raises ``NotFound``."""
    with context.store.transaction() as transaction:
        known = own(transaction, asker, name)
        transaction.put_webhook(dataclasses.replace(known, ended_at=context.clock.now()))
    note(context, asker.key, "webhook removed", {"organisation": known.organisation, "webhook": name})


def redeliver(context: Context, asker: Asker, name: str, position: int) -> Delivery:
    """Let delivery ``position`` of the webhook ``name`` be tried anew, whatever became of it. Raises ``NotFound``."""
    with context.store.transaction() as transaction:
        own(transaction, asker, name)
        known = transaction.delivery(name, position)
        if known is None:
            raise NotFound(f"delivery {position}: not known here.", todo="List the deliveries of the webhook.")
        made = dataclasses.replace(known, state=DeliveryState.WAITING, attempts=0, next_at=context.clock.now())
        transaction.change_delivery(made)
    return made


def own(transaction: Transaction, asker: Asker, name: str) -> Webhook:
    """The webhook ``name`` of the asker's organisation. Raises ``NotFound`` for an ended or foreign one too."""
    known = transaction.webhook(name)
    if known is None or known.ended_at is not None or known.organisation != asker.organisation.organisation:
        raise NotFound(f"webhook {clip(name)}: not known here.", todo="List your webhooks.")
    return known


def tell(context: Context) -> int:
    """Make a delivery of each event that a webhook was not told of, some at a time; how many."""
    made = 0
    with context.store.transaction(read_only=True) as transaction:
        last = transaction.last_event()
        behind = [one.webhook for one in transaction.webhooks() if one.seen < last]
    for name in behind:
        with context.store.transaction() as transaction:
            known = transaction.webhook(name)
            holder = None if known is None else transaction.organisation(known.organisation)
            if known is None or holder is None or known.ended_at is not None:
                continue
            until = min(transaction.last_event(), known.seen + EVENTS_AT_ONCE)
            events = [] if holder.closed_at is not None else transaction.events_of(holder.parties, known.seen, until)
            told = [(event.position, orjson.dumps(event_json(event)).decode()) for event in events]
            transaction.add_deliveries(name, told, context.clock.now())
            transaction.put_webhook(dataclasses.replace(known, seen=until))
            made += len(told)
    return made


def deliver(context: Context) -> int:
    """Try some of the deliveries that are due; how many."""
    with context.store.transaction(read_only=True) as transaction:
        if not transaction.due_deliveries(context.clock.now(), 1):
            return 0
    taken = _take(context)
    with ThreadPoolExecutor(SENDERS, "webhook") as senders:
        for done in senders.map(lambda one: _send(context, *one), taken):
            with context.store.transaction() as transaction:
                transaction.change_delivery(done)
    return len(taken)


def signature(secrets: Sequence[str], at: Timestamp, body: bytes) -> str:
    """The value of the header that proves ``body``, sent ``at``, by each of ``secrets``."""
    signed = f"{at}.".encode() + body
    made = (hmac.digest(secret.encode(), signed, hashlib.sha256).hex() for secret in secrets)
    return ",".join([f"t={at}", *(f"v1={one}" for one in made)])


def _take(context: Context) -> list[tuple[Webhook, Delivery]]:
    """Deliveries that nobody else tries for a while, few of one webhook: one that hangs holds up no other."""
    now, taken = context.clock.now(), []
    of_one: Counter[str] = Counter()
    with context.store.transaction() as transaction:
        for one in transaction.due_deliveries(now, DUE_AT_ONCE):
            known = transaction.webhook(one.webhook)
            if known is None or known.ended_at is not None:
                dead = dataclasses.replace(one, state=DeliveryState.DEAD, next_at=None, failure="webhook removed")
                transaction.change_delivery(dead)
                continue
            of_one[one.webhook] += 1
            if of_one[one.webhook] > OF_ONE_AT_ONCE:
                continue
            held = dataclasses.replace(one, attempts=one.attempts + 1, next_at=Timestamp(now + TAKEN_SECONDS))
            transaction.change_delivery(held)
            taken.append((known, held))
    return taken


def _send(context: Context, to: Webhook, one: Delivery) -> Delivery:
    """What became of ``one``, which was tried now."""
    post, wrapping = _means(context)
    now, body = context.clock.now(), one.body.encode()
    answered, failure = None, None
    try:
        secrets = [wrapping.unwrap(to.secret, _context_of(to.webhook)).decode()]
        if to.old_secret is not None and (to.old_until or 0) > now:
            secrets.append(wrapping.unwrap(to.old_secret, _context_of(to.webhook)).decode())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Tallystick",
            SIGNATURE: signature(secrets, now, body),
        }
        answered = post.post(to.url, headers, body)
    except Undelivered as error:
        failure = error.message
    except TallystickError as error:
        failure = type(error).__name__
    if answered is not None and 200 <= answered < 300:
        return dataclasses.replace(one, state=DeliveryState.DELIVERED, next_at=None, answered=answered, failure=None)
    failure = failure or f"expected an answer of 2xx, got {answered}"
    if one.attempts >= MAX_ATTEMPTS:
        return dataclasses.replace(one, state=DeliveryState.DEAD, next_at=None, answered=answered, failure=failure)
    pause = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (one.attempts - 1))
    return dataclasses.replace(one, next_at=Timestamp(context.clock.now() + pause), answered=answered, failure=failure)


def _secret(context: Context) -> str:
    return PREFIX + base64.b32encode(context.entropy.bytes(32)).decode().rstrip("=").lower()


def _context_of(name: str) -> bytes:
    return b"tallystick webhook v1\x00" + name.encode()


def _means(context: Context) -> tuple[Post, Wrapping]:
    if context.post is None or context.wrapping is None:
        raise HomeError("webhooks: this installation sends none.", todo="Open it with a keystore.")
    return context.post, context.wrapping
