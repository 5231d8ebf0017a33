"""What Prometheus reads under ``/metrics``: requests as they happen, everything else when it is asked for.

Rules:

- labels are few and from fixed sets (route templates, states, methods of the node): no id of a party or an evidence;
- what the database or the chain does not tell at the moment is left out, so that a missing series shows the outage;
- an installation's figures come from its database, and are the same whichever of its processes is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tallystick.chain.meter import Meter
from tallystick.errors import TallystickError
from tallystick.service.context import Context
from tallystick.service.lag import Lag, lag
from tallystick.service.work import Worker
from tallystick.web.readiness import Readiness

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics of one server; ``meter`` counts what it asks of the node."""

    def __init__(self, context: Context, readiness: Readiness, worker: Worker | None, meter: Meter | None) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tallystick_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "tallystick_http_request_seconds",
            "How long requests took.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Figures(context, readiness, worker, meter))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """All of them now, in Prometheus's text format."""
        return generate_latest(self._registry)


class _Figures(Collector):
    def __init__(self, context: Context, readiness: Readiness, worker: Worker | None, meter: Meter | None) -> None:
        self._context = context
        self._readiness = readiness
        self._worker = worker
        self._meter = meter

    def describe(self) -> list[Metric]:
        """Nothing beforehand: to register must ask nobody."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures as of now."""
        failures = self._readiness.failures()
        ready = GaugeMetricFamily("tallystick_ready", "1 where the part works, 0 where it fails.", labels=["part"])
        for part, failure in failures.items():
            ready.add_metric([part], 0 if failure else 1)
        yield ready
        if self._worker is not None:
            yield _gauge("tallystick_worker_leads", "1 where the worker of this process leads.", self._worker.leads)
        if self._meter is not None:
            yield _requests_of(self._meter)
        if failures["database"] is None:
            try:
                found = lag(self._context)
            except TallystickError:
                return
            yield from self._of_installation(found)

    def _of_installation(self, found: Lag) -> Iterator[Metric]:
        yield _gauge("tallystick_evidence_pending", "Evidence accepted that stands in no batch yet.", found.pending)
        yield _gauge(
            "tallystick_seal_lag_seconds",
            "Age of the oldest evidence that no block holds; 0 where there is none.",
            found.oldest_seconds,
        )
        yield _gauge(
            "tallystick_receipts_overdue",
            "Evidence that no block holds, though its receipt promised it before now.",
            found.overdue,
        )
        batches = GaugeMetricFamily("tallystick_batches", "Batches of this installation by state.", labels=["state"])
        for state, number in found.batches.items():
            batches.add_metric([state.value], number)
        yield batches
        yield _gauge("tallystick_blocks_undone", "Indexed blocks that a reorganisation undid.", found.undone_blocks)
        if found.offered_wei is not None:
            yield _gauge(
                "tallystick_fee_offered_wei",
                "The most that the batch on its way offers, per gas (max fee of its newest transaction).",
                found.offered_wei,
            )
        if found.unfinal_blocks is not None:
            yield _gauge(
                "tallystick_finality_lag_blocks", "Indexed blocks on top of the final one.", found.unfinal_blocks
            )
        now = self._readiness.chain_now
        if now is not None and found.indexed_block is not None:
            behind = max(0, now.newest.number - found.indexed_block)
            yield _gauge("tallystick_blocks_behind", "Blocks of the node that are not indexed yet.", behind)


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=float(value))


def _requests_of(meter: Meter) -> Metric:
    requests = CounterMetricFamily(
        "tallystick_rpc_requests",
        "Requests of this process to the node; outcome refused: an error of JSON-RPC.",
        labels=["method", "outcome"],
    )
    for (method, outcome), number in sorted(meter.counts().items()):
        requests.add_metric([method, outcome], number)
    return requests
