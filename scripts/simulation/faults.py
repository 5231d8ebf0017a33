"""A seeded troublemaker: which request suffers which of the troubles that nodes, balancers and networks really make.

- Each kind of trouble (``Fault``) has a rate, the chance that a request it can happen to suffers it; at most one a
  request. ``force`` makes the next request that can suffer it do so.
- Same seed, same rates, same requests: same trouble. What was done is kept in ``done``, a short string each.

Example::

    faults = Faults(7, {Fault.TIMEOUT_AFTER: 0.05, Fault.LOGS_OMITTED: 0.1})
    ledger = EvmChain(Troubled(node, faults), node.chain.deployment)
    faults.calm()
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from simulation.blocks import Block


class Fault(StrEnum):
    """A kind of trouble."""

    TRANSACTION_LOST = "transaction lost"
    """A waiting transaction is silently forgotten."""
    TIMEOUT_BEFORE = "timeout before"
    """No answer in time, and nothing happened."""
    TIMEOUT_AFTER = "timeout after"
    """No answer in time, but the request took effect."""
    TOO_MANY_REQUESTS = "too many requests"
    """HTTP status 429: nothing happened."""
    INTERNAL_ERROR = "internal error"
    """A JSON-RPC error without a reason: nothing happened."""
    WRONG_CHAIN_ID = "wrong chain id"
    """The chain id of another chain, as by a misconfigured balancer."""
    ALREADY_KNOWN = "already known"
    """A transaction is taken and yet refused as known, in the words of some make of node."""
    NONCE_TOO_LOW = "nonce too low"
    """A transaction is refused for its nonce, which is right, in the words of some make of node."""
    RECEIPT_MISSING = "receipt missing"
    """No receipt of an included transaction."""
    FINALITY_MISSING = "finality missing"
    """The node does not know the finalized tag, in the words of some make of node."""
    FINALITY_ZERO = "finality zero"
    """The finalized block is the first."""
    FINALITY_REGRESSING = "finality regressing"
    """The finalized block is lower than it was."""
    UNLINKED_HEADER = "unlinked header"
    """A block of that number that does not follow on the one before: an orphan if there is one, else one made up."""
    LOGS_OMITTED = "logs omitted"
    """Some logs are left out, though every block is right."""
    LOGS_ORPHANED = "logs orphaned"
    """The logs of an orphaned block stand where those of the canonical one should."""
    LOGS_TRUNCATED = "logs truncated"
    """All logs after the first so many are left out, without a word."""
    LOGS_TOO_WIDE = "logs too wide"
    """A range of too many blocks is refused."""
    LOGS_TOO_MANY = "logs too many"
    """A range with too many logs is refused."""
    SIDE_BRANCH = "side branch"
    """The answer is as of an orphaned branch: the node missed the reorganisation."""
    STALE_SPELL = "stale spell"
    """This and the next requests are answered as of one older head."""
    STALE_HEAD = "stale head"
    """This request alone is answered as of an older head."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large the troubles are that have a size; ``log_blocks`` and ``logs`` are the most that are answered."""

    log_blocks: int = 50
    logs: int = 10
    longest_lag: int = 6
    longest_spell: int = 12


class Faults:
    """Trouble of each kind in ``rates`` (0 to 1), decided by ``seed``."""

    def __init__(self, seed: int, rates: Mapping[Fault, float] | None = None, *, limits: Limits | None = None) -> None:
        self.seed = seed
        self.rates: dict[Fault, float] = dict(rates or {})
        self.limits = limits or Limits()
        self.random = random.Random(seed)  # noqa: S311 - not for secrets: the same seed must make the same trouble
        self.requests = 0
        self.done: list[str] = []
        self.counts: Counter[Fault] = Counter()
        self._forced: Counter[Fault] = Counter()
        self._is_calm = False
        self.spell: tuple[int, Block] | None = None

    def calm(self) -> None:
        """No more trouble from now on, but what is forced afterwards."""
        self._is_calm = True
        self._forced.clear()
        self.spell = None

    def force(self, kind: Fault, times: int = 1) -> None:
        """Let the next ``times`` requests to which ``kind`` can happen suffer it."""
        self._forced[kind] += times

    def strikes(self, kind: Fault) -> bool:
        """Whether trouble of ``kind`` is due now."""
        if self._forced[kind] > 0:
            return True
        rate = 0.0 if self._is_calm else self.rates.get(kind, 0.0)
        return rate > 0 and self.random.random() < rate

    def record(self, kind: Fault, method: str, detail: str = "") -> None:
        """Note that ``kind`` happened to a request of ``method``."""
        if self._forced[kind] > 0:
            self._forced[kind] -= 1
        self.counts[kind] += 1
        self.note(f"{kind} {method} {detail}".rstrip())

    def note(self, text: str) -> None:
        """Note ``text``, whatever happened besides, with the number of requests so far."""
        self.done.append(f"{self.requests}: {text}")

    def __str__(self) -> str:
        rates = ", ".join(f"{kind} {rate:g}" for kind, rate in self.rates.items())
        return f"seed {self.seed}, rates [{rates}]: " + ("; ".join(self.done) or "nothing happened")


def storm(rate: float, *but: Fault) -> dict[Fault, float]:
    """One ``rate`` for all kinds of trouble, ``but`` these; seven of them can happen to any request."""
    return {kind: rate for kind in Fault if kind not in but}
