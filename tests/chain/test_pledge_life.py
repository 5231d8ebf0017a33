"""One life of a receivable on every chain: in memory, embedded, behind HTTP, and on anvil."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chain.pledging import (
    ABSENT_INVOICE,
    FINANCIER,
    FINGERPRINT,
    INVOICE,
    OTHER_FINANCIER,
    OTHER_FINGERPRINT,
    OTHER_INVOICE,
    OTHER_SUPPLIER,
    SUPPLIER,
    Market,
    open_market,
    word,
)
from chain.rigs import KINDS
from tallystick.errors import TransactionFailed
from tallystick.protocol.pledges import Pledged, Released, Transferred
from tallystick.protocol.receivable import Pledge, PledgeTerms, ReleaseTerms, TransferTerms
from tallystick.protocol.types import ZERO32, BlockRef, Timestamp

AHEAD = Timestamp(4_000_000_000)
TERMS = PledgeTerms(SUPPLIER, INVOICE, FINGERPRINT, FINANCIER, AHEAD, AHEAD, word("nonce"))
OTHER = replace(TERMS, receivable=OTHER_INVOICE, fingerprint=OTHER_FINGERPRINT)
AGAIN = replace(TERMS, financier=OTHER_FINANCIER, nonce=word("again"))


@pytest.fixture(params=KINDS)
def market(request: pytest.FixtureRequest) -> Iterator[Market]:
    with open_market(request.param) as opened:
        yield opened


def pledge(market: Market, terms: PledgeTerms) -> BlockRef:
    """Pledge under ``terms``, which must be taken, and return the block."""
    return market.relay(market.pledge(terms, market.batches[0].prove(terms.supplier, terms.receivable))).block


def refusal(market: Market, terms: PledgeTerms) -> str:
    """Why pledging under ``terms`` is refused."""
    with pytest.raises(TransactionFailed) as refused:
        pledge(market, terms)
    return refused.value.message


@dataclass(frozen=True)
class Life:
    """The blocks in which the one receivable was pledged, transferred, released and pledged again; another between."""

    start: BlockRef
    pledged: BlockRef
    transferred: BlockRef
    released: BlockRef
    other_pledged: BlockRef
    pledged_again: BlockRef
    transfer: TransferTerms
    release: ReleaseTerms


def live(market: Market) -> Life:
    name = market.digest(TERMS)
    transfer = TransferTerms(name, FINANCIER, OTHER_FINANCIER, AHEAD, word("transfer"))
    release = ReleaseTerms(name, OTHER_FINANCIER, AHEAD, word("release"))
    return Life(
        market.rig.chain.final_block(),
        pledge(market, TERMS),
        market.relay(market.transfer(transfer)).block,
        market.relay(market.release(release)).block,
        pledge(market, OTHER),
        pledge(market, AGAIN),
        transfer,
        release,
    )


def test_a_pledged_receivable_is_refused_and_it_is_said_since_when(market: Market) -> None:
    """By its evidence and by its fingerprint, whoever the financier is."""
    since = datetime.fromtimestamp(pledge(market, TERMS).timestamp, UTC)
    again = refusal(market, replace(AGAIN, fingerprint=OTHER_FINGERPRINT))
    assert f"is pledged since {since:%Y-%m-%d %H:%M:%S} UTC" in again
    disguised = refusal(market, replace(AGAIN, receivable=OTHER_INVOICE))
    assert f"is pledged under another evidence since {since:%Y-%m-%d %H:%M:%S} UTC" in disguised
    assert market.rig.chain.last_pledge(SUPPLIER, INVOICE, market.rig.chain.final_block()) == market.digest(TERMS)


def test_only_who_holds_a_pledge_releases_it(market: Market) -> None:
    """The old financier can't once the new one has it, and terms that were used are good no more."""
    life = live(market)
    early = replace(life.release, pledge=market.digest(AGAIN), financier=FINANCIER)
    with pytest.raises(TransactionFailed, match="does not hold pledge"):
        market.relay(market.release(early))
    with pytest.raises(TransactionFailed, match="was released at"):
        market.relay(market.release(life.release))
    market.relay(market.release(replace(early, financier=OTHER_FINANCIER)))
    assert "used or cancelled authorisation" in refusal(market, TERMS)


def test_a_receivable_is_pledged_transferred_released_and_pledged_again(market: Market) -> None:
    """Each step is seen at its block and not before."""
    chain, life, name = market.rig.chain, live(market), market.digest(TERMS)
    held = Pledge(SUPPLIER, INVOICE, FINGERPRINT, FINANCIER, life.pledged.timestamp, AHEAD, Timestamp(0))
    taken = replace(held, financier=OTHER_FINANCIER)
    over = replace(taken, released_at=life.released.timestamp)
    blocks = (life.start, life.pledged, life.transferred, life.released, life.pledged_again)
    assert [chain.pledge(name, block) for block in blocks] == [None, held, taken, over, over]
    newest = [ZERO32, name, name, name, market.digest(AGAIN)]
    assert [chain.last_pledge(SUPPLIER, INVOICE, block) for block in blocks] == newest
    assert [chain.last_pledge_of_fingerprint(SUPPLIER, FINGERPRINT, block) for block in blocks] == newest
    assert chain.last_pledge(OTHER_SUPPLIER, INVOICE, life.pledged_again) == ZERO32
    assert chain.pledge(market.digest(AGAIN), life.other_pledged) is None


def test_the_events_tell_the_life_of_a_receivable(market: Market) -> None:
    """All of them in order with their blocks, those of one receivable alone, and those of some blocks alone."""
    chain, life = market.rig.chain, live(market)
    ids: Any = (INVOICE, FINGERPRINT, SUPPLIER)
    moved: Any = (*ids, market.digest(TERMS), market.digest(life.transfer))
    over: Any = (*ids, market.digest(TERMS), market.digest(life.release))
    other: Any = (OTHER_INVOICE, OTHER_FINGERPRINT, SUPPLIER, market.digest(OTHER))
    events = [
        (Pledged(*ids, market.digest(TERMS), FINANCIER, life.pledged.timestamp, AHEAD), life.pledged),
        (Transferred(*moved, FINANCIER, OTHER_FINANCIER, life.transferred.timestamp), life.transferred),
        (Released(*over, OTHER_FINANCIER, life.released.timestamp), life.released),
        (Pledged(*other, FINANCIER, life.other_pledged.timestamp, AHEAD), life.other_pledged),
        (
            Pledged(*ids, market.digest(AGAIN), OTHER_FINANCIER, life.pledged_again.timestamp, AHEAD),
            life.pledged_again,
        ),
    ]

    def told(first: int, last: int, **only: Any) -> list[tuple[object, BlockRef]]:
        return [(change.event, change.block) for change in chain.pledge_changes(first, last, **only)]

    last = life.pledged_again.number
    assert told(0, last) == events
    assert told(0, last, receivable=INVOICE) == events[:3] + events[4:]
    assert told(0, last, receivable=OTHER_INVOICE) == events[3:4]
    assert told(0, last, receivable=ABSENT_INVOICE) == []
    assert told(life.transferred.number, life.released.number) == events[1:3]
    assert told(life.transferred.number, last, receivable=INVOICE) == events[1:3] + events[4:]


@pytest.mark.parametrize("kind", ["memory", "embedded"])
def test_what_expired_since_the_newest_block_hinders_nobody(kind: str) -> None:
    """On a quiet chain the newest block may be days old: what the next one would take must not be refused."""
    with open_market(kind) as market:
        at = market.rig.chain.final_block().timestamp
        pledge(market, replace(TERMS, expires_at=Timestamp(at + 1_000)))
        market.rig.set_next_timestamp(Timestamp(at + 1_001))
        pledge(market, AGAIN)
