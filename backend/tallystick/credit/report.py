"""The report of one party: derived from its log alone, and written as one JSON object.

Rules:

- a report is a pure function of (entries, as-of block, definitions); entries are taken in the order of ``seq``;
- entries that do not stand enter no metric and are listed with their standing;
- currencies are never mixed: metrics are keyed by currency, and a tradeline is one counterparty, role and currency;
- every figure can be traced: a tradeline holds the states of its invoices and payments;
- the figures with a counterparty rest on hidden values where an entry with it hides any; totals where any tradeline's
  do. Which field is hidden nobody can tell, so that every one of these figures may be another in truth.

Example: ``to_json(derive(party, entries, as_of))["asBuyer"]["EUR"]["daysBeyondTermsWeighted"]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import attrgetter
from statistics import median_low

from tallystick.credit.dates import utc_date
from tallystick.credit.deals import read_deals
from tallystick.credit.findings import Finding, Findings
from tallystick.credit.metrics import Metrics, QuarterMetrics
from tallystick.credit.money import exact_arithmetic, format_amount, format_ratio
from tallystick.credit.story import Story, tell
from tallystick.credit.tradelines import Tradeline, draw_tradelines
from tallystick.protocol.access import concerns_access
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import kind_name, other_side
from tallystick.protocol.fields import MEASURED
from tallystick.protocol.types import ZERO32, BlockRef, EvidenceId, PartyId, to_hex

DEFINITIONS = "tallystick-credit/1"
"""Names the meaning of every metric; a change of meaning changes the name."""

NO_ENTRY = "no entry stands"
AGEING_KEYS = ("current", "d1to30", "d31to60", "d61to90", "d91plus")


@dataclass(frozen=True, slots=True)
class NotCounted:
    """An entry of the log that does not stand, and why."""

    seq: int
    evidence: EvidenceId
    standing: Standing


@dataclass(frozen=True, slots=True)
class AnchoringDelay:
    """Seconds from an entry's ``issuedAt``, and from its ``occurredAt``, to the block that anchored it."""

    count: int
    median_seconds: int | None
    max_seconds: int | None
    median_since_occurred_seconds: int | None
    max_since_occurred_seconds: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """The credit history of ``party`` as of one block."""

    party: PartyId
    as_of: BlockRef
    complete: bool
    """Whether no entry behind the log's head was withheld from the derivation."""
    entry_count: int
    as_buyer: Mapping[str, Metrics]
    as_seller: Mapping[str, Metrics]
    tradelines: tuple[Tradeline, ...]
    not_counted: tuple[NotCounted, ...]
    findings: tuple[Finding, ...]
    stories: tuple[Story, ...]
    hiding: frozenset[PartyId | None]
    """The counterparties, None for oneself, whose entries hide fields that figures may rest on."""
    anchoring_delay: AnchoringDelay


def derive(party: PartyId, entries: Sequence[Entry], as_of: BlockRef, *, withheld: int = 0) -> Report:
    """The report of ``party`` from the ``entries`` of its log up to the block ``as_of``.

    ``withheld`` counts the entries that the log's head commits to and that are not among ``entries``; with any, the
    report is not complete. Never raises for what an entry says: what does not fit is a finding.
    """
    in_order = sorted(entries, key=attrgetter("seq"))
    findings = Findings()
    day = utc_date(as_of.timestamp)
    with exact_arithmetic():
        drawn = draw_tradelines(read_deals(party, in_order, day, findings), day)
    return Report(
        party=party,
        as_of=as_of,
        complete=withheld == 0,
        entry_count=len(entries),
        as_buyer=drawn.as_buyer,
        as_seller=drawn.as_seller,
        tradelines=drawn.lines,
        not_counted=tuple(
            NotCounted(entry.seq, entry.evidence_id, entry.standing)
            for entry in in_order
            if entry.standing is not Standing.STANDS
        ),
        findings=findings.sorted(),
        stories=tell(in_order),
        hiding=_hiding(party, in_order),
        anchoring_delay=_anchoring_delay(in_order),
    )


def _hiding(party: PartyId, entries: Sequence[Entry]) -> frozenset[PartyId | None]:
    return frozenset(other_side(party, entry.evidence) for entry in entries if rests_on_hidden(entry))


def rests_on_hidden(entry: Entry) -> bool:
    """Whether figures may rest on what ``entry`` hides."""
    return bool(entry.hidden) and entry.standing is Standing.STANDS and entry.evidence.kind in MEASURED


def _anchoring_delay(entries: Sequence[Entry]) -> AnchoringDelay:
    standing = [one for one in entries if one.standing is Standing.STANDS and not concerns_access(one.evidence)]
    if not standing:
        return AnchoringDelay(0, None, None, None, None)
    issued = [entry.anchored_at - entry.evidence.issued_at for entry in standing]
    occurred = [entry.anchored_at - entry.evidence.occurred_at for entry in standing]
    return AnchoringDelay(len(standing), median_low(issued), max(issued), median_low(occurred), max(occurred))


def to_json(report: Report) -> dict[str, Json]:
    """``report`` as the object that ``history --json`` prints.

    Amounts, ratios, days and index are decimal strings; a metric without enough data is null, and ``reasons`` beside
    it says why. The object depends on the report only and holds no float.
    """
    block, delay = report.as_of, report.anchoring_delay
    delays: dict[str, Json] = {
        "count": delay.count,
        "medianSeconds": delay.median_seconds,
        "maxSeconds": delay.max_seconds,
        "medianSinceOccurredSeconds": delay.median_since_occurred_seconds,
        "maxSinceOccurredSeconds": delay.max_since_occurred_seconds,
    }
    delays["reasons"] = {key: NO_ENTRY for key, value in delays.items() if value is None}
    return {
        "party": to_hex(report.party),
        "asOf": {"blockNumber": block.number, "blockHash": to_hex(block.hash), "timestamp": block.timestamp},
        "definitions": DEFINITIONS,
        "complete": report.complete,
        "entryCount": report.entry_count,
        "asBuyer": _totals_json(report.as_buyer, on_hidden=bool(report.hiding)),
        "asSeller": _totals_json(report.as_seller, on_hidden=bool(report.hiding)),
        "tradelines": [_tradeline_json(line, line.counterparty in report.hiding) for line in report.tradelines],
        "stories": [_story_json(story) for story in report.stories],
        "notCounted": [
            {"seq": each.seq, "evidence": to_hex(each.evidence), "standing": each.standing.value}
            for each in report.not_counted
        ],
        "findings": [
            {"code": finding.code.value, "evidence": to_hex(finding.evidence), "message": finding.message}
            for finding in report.findings
        ],
        "anchoringDelay": delays,
    }


def _totals_json(totals: Mapping[str, Metrics], *, on_hidden: bool) -> dict[str, Json]:
    return {
        currency: {**_metrics_json(metrics, currency), "restsOnHidden": on_hidden}
        for currency, metrics in totals.items()
    }


def _story_json(story: Story) -> dict[str, Json]:
    return {
        "evidence": to_hex(story.about),
        "kind": kind_name(story.kind),
        "number": story.number,
        "issuer": to_hex(story.issuer),
        "counterparty": None if story.counterparty == ZERO32 else to_hex(story.counterparty),
        "said": [
            {
                "evidence": to_hex(said.evidence),
                "kind": kind_name(said.kind),
                "issuer": to_hex(said.issuer),
                "answers": to_hex(said.answers),
                "occurredAt": said.occurred_at,
                "anchoredAt": said.anchored_at,
                "words": dict(said.words),
                "hiddenFields": said.hidden,
            }
            for said in story.said
        ],
    }


def _tradeline_json(line: Tradeline, on_hidden: bool) -> dict[str, Json]:
    metrics = _metrics_json(line.metrics, line.currency)
    return {
        "counterparty": None if line.counterparty is None else to_hex(line.counterparty),
        "role": line.role.value,
        "currency": line.currency,
        "paymentTermsDays": line.payment_terms_days,
        "firstInvoiceDate": _day(line.first_invoice_date),
        "lastInvoiceDate": _day(line.last_invoice_date),
        **metrics,
        "restsOnHidden": on_hidden,
        "reasons": {**line.reasons, **line.metrics.reasons},
    }


def _metrics_json(metrics: Metrics, currency: str) -> dict[str, Json]:
    def amount(value: Decimal) -> str:
        return format_amount(value, currency)

    high, shares = metrics.high_credit, metrics.evidence
    return {
        "invoiceCount": metrics.invoice_count,
        "invoicedAmount": amount(metrics.invoiced_amount),
        "cancelledCount": metrics.cancelled_count,
        "settledCount": metrics.settled_count,
        "experienceCount": metrics.experience_count,
        "paidAmount": amount(metrics.paid_amount),
        "creditedAmount": amount(metrics.credited_amount),
        "writtenOffAmount": amount(metrics.written_off_amount),
        "unappliedAmount": amount(metrics.unapplied_amount),
        "claimedAmount": amount(metrics.claimed_amount),
        "daysBeyondTermsWeighted": _ratio(metrics.days_beyond_terms_weighted),
        "daysBeyondTermsMean": _ratio(metrics.days_beyond_terms_mean),
        "daysToTermsWeighted": _ratio(metrics.days_to_terms_weighted),
        "daysToTermsMean": _ratio(metrics.days_to_terms_mean),
        "averageDaysToPay": _ratio(metrics.average_days_to_pay),
        "onTimeRateByCount": _ratio(metrics.on_time_rate_by_count),
        "onTimeRateByValue": _ratio(metrics.on_time_rate_by_value),
        "disputedCount": metrics.disputed_count,
        "disputedOpenCount": metrics.disputed_open_count,
        "disputedOpenAmount": amount(metrics.disputed_open_amount),
        "disputeRateByCount": _ratio(metrics.dispute_rate_by_count),
        "disputeRateByValue": _ratio(metrics.dispute_rate_by_value),
        "dilutionRate": _ratio(metrics.dilution_rate),
        "writeOffRate": _ratio(metrics.write_off_rate),
        "highCredit": None if high is None else {"amount": amount(high.amount), "date": high.date.isoformat()},
        "openAmount": amount(metrics.open_amount),
        "overdueAmount": amount(metrics.overdue_amount),
        "ageing": {key: amount(value) for key, value in zip(AGEING_KEYS, metrics.ageing, strict=True)},
        "daysSalesOutstanding": _ratio(metrics.days_sales_outstanding),
        "paymentIndex": _ratio(metrics.payment_index),
        "evidence": None
        if shares is None
        else {
            "mutual": format_ratio(shares.mutual),
            "asserted": format_ratio(shares.asserted),
            "disputed": format_ratio(shares.disputed),
            "selfReported": format_ratio(shares.self_reported),
        },
        "witnessedShare": _ratio(metrics.witnessed_share),
        "trend": [_quarter_json(each, currency) for each in metrics.trend],
        "reasons": dict(metrics.reasons),
    }


def _quarter_json(metrics: QuarterMetrics, currency: str) -> dict[str, Json]:
    return {
        "quarter": metrics.quarter,
        "invoiceCount": metrics.invoice_count,
        "invoicedAmount": format_amount(metrics.invoiced_amount, currency),
        "daysBeyondTermsWeighted": _ratio(metrics.days_beyond_terms_weighted),
        "onTimeRateByValue": _ratio(metrics.on_time_rate_by_value),
        "disputeRateByValue": _ratio(metrics.dispute_rate_by_value),
        "reasons": dict(metrics.reasons),
    }


def _ratio(value: Decimal | None) -> str | None:
    return None if value is None else format_ratio(value)


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
