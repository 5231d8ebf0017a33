"""Filters that a client polls: what is new since the last time, and what a reorganisation took back.

- Filters live in memory; at most `MAX_FILTERS`, and one that nobody polled for `IDLE_SECONDS` is forgotten.
- After a reorganisation a log filter first reports the logs it had reported and that are gone, with `removed: true`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from hardhat_free_devnet import blocks
from hardhat_free_devnet.encoding import Json, format_data, format_quantity
from hardhat_free_devnet.errors import LIMIT_EXCEEDED, RpcError, refused
from hardhat_free_devnet.logs import Log, LogFilter, find_logs, log_json
from hardhat_free_devnet.node import DevNode

MAX_FILTERS = 1_000
IDLE_SECONDS = 300.0


@dataclass
class _Filter:
    """A client's filter; `wanted` is None for one of block hashes, and `reported` the last block it was told about."""

    wanted: LogFilter | None
    reported: int
    polled_at_seconds: float
    removed: list[Json] = field(default_factory=list)


class Filters:
    """The filters of the clients of `node`."""

    def __init__(self, node: DevNode) -> None:
        self._node = node
        self._filters: dict[str, _Filter] = {}
        self._count = 0
        node.abandon_listeners.append(self._abandoned)

    def add(self, wanted: LogFilter | None) -> str:
        """Start a filter of the logs that are `wanted` (None: of block hashes) and return its id.

        Raises: RpcError -32005 when there are too many.
        """
        now = time.monotonic()
        self._filters = {
            key: kept for key, kept in self._filters.items() if now - kept.polled_at_seconds < IDLE_SECONDS
        }
        if len(self._filters) >= MAX_FILTERS:
            raise RpcError(LIMIT_EXCEEDED, f"too many filters: expected at most {MAX_FILTERS}; uninstall some")
        self._count += 1
        filter_id = format_quantity(self._count)
        self._filters[filter_id] = _Filter(wanted, self._node.head.block_number, now)
        return filter_id

    def remove(self, filter_id: Json) -> bool:
        """Forget the filter `filter_id`; False when there is none."""
        return isinstance(filter_id, str) and self._filters.pop(filter_id, None) is not None

    def changes(self, filter_id: Json) -> list[Json]:
        """Return what the filter `filter_id` has not reported yet.

        Raises: RpcError -32000 when there is no such filter.
        """
        chosen = self._get(filter_id)
        first, last = chosen.reported + 1, self._node.head.block_number
        connection = self._node.database.connection
        if chosen.wanted is None:
            fresh = [format_data(block_hash) for block_hash in blocks.block_hashes(connection, first, last)]
        else:
            wanted = chosen.wanted
            span = replace(wanted, first=max(first, wanted.first), last=min(last, wanted.last))
            fresh = chosen.removed + [log_json(log) for log in find_logs(connection, span)]
        chosen.removed, chosen.reported = [], last
        return fresh

    def all_logs(self, filter_id: Json) -> list[Json]:
        """Return every log that the log filter `filter_id` describes, reported before or not.

        Raises: RpcError -32000 when there is no such filter of logs.
        """
        wanted = self._get(filter_id).wanted
        if wanted is None:
            raise refused("filter not found: expected a filter of logs, got one of blocks")
        return [log_json(log) for log in find_logs(self._node.database.connection, wanted)]

    def _get(self, filter_id: Json) -> _Filter:
        chosen = self._filters.get(filter_id) if isinstance(filter_id, str) else None
        if chosen is None:
            raise refused("filter not found")
        chosen.polled_at_seconds = time.monotonic()
        return chosen

    def _abandoned(self, kept: int, logs: list[Log]) -> None:
        for each in self._filters.values():
            if each.reported <= kept:
                continue
            if each.wanted is not None:
                each.removed += [
                    log_json(log, removed=True)
                    for log in reversed(logs)
                    if log.number <= each.reported and each.wanted.matches(log)
                ]
            each.reported = kept
