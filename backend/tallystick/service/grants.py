"""Grants, withdrawals and accesses among the evidence that is recorded, whichever door it comes through.

Rules: what a verifier would hold against them beyond their structs is refused; a grant is kept beside its evidence in
the same transaction, and a withdrawal holds from there on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import orjson

from tallystick.errors import Misfit
from tallystick.protocol.access import access_deal, end_of, is_grant, is_withdrawal
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.types import PartyId, Timestamp, parse_bytes32, to_hex
from tallystick.service.ports import Transaction
from tallystick.service.scope import parse_scope
from tallystick.store.grants import Grant
from tallystick.store.records import EvidenceRecord


def check_access(
    transaction: Transaction,
    evidence: Evidence,
    shown: Mapping[str, Json],
    added: Collection[EvidenceRecord],
    now: Timestamp,
) -> None:
    """Refuse what a verifier would hold against a grant, a withdrawal or an access, beyond what their structs say.

    ``added`` is what the same call adds before it.

    Raises:
        Misfit: says what.
    """
    if is_grant(evidence):
        _check_grant(evidence, shown, now)
        return
    if not is_withdrawal(evidence) and evidence.kind != Kind.ACCESS:
        return
    known = transaction.grant(evidence.parent)
    again = any(is_withdrawal(one.evidence) and one.evidence.parent == evidence.parent for one in added)
    if again or (known is not None and known.withdrawn_at is not None):
        raise Misfit("the consent was withdrawn before.", todo="Ask the party for a new one.")
    if evidence.kind == Kind.ACCESS and known is not None and evidence.occurred_at >= known.ends_at:
        raise Misfit("the consent had ended before.", todo="Ask the party for a new one.")


def _check_grant(evidence: Evidence, shown: Mapping[str, Json], now: Timestamp) -> None:
    if "grantee" not in shown:
        return
    grantee, recorder = str(shown["grantee"]), shown.get("recorder")
    noting = PartyId(parse_bytes32(recorder or grantee, "recorder"))
    if evidence.deal != access_deal(evidence.issuer, noting):
        raise Misfit(
            f"deal: expected that of a consent whose accesses {to_hex(noting)} notes, got {to_hex(evidence.deal)}.",
            todo="docs/protocol.md section 15 says how the deal of a consent to access is made.",
        )
    if evidence.issuer == noting or to_hex(evidence.issuer) == grantee:
        raise Misfit("grantee, recorder: expected somebody else than the party itself.")
    end = end_of(shown)
    if end is None or end <= now:
        raise Misfit(f"validUntil: expected a day that has not ended, got {shown.get('validUntil')}.")
    parse_scope(shown["accessScope"])


def keep_access(transaction: Transaction, records: Iterable[tuple[EvidenceRecord, Mapping[str, Json]]]) -> None:
    """Keep the grants and withdrawals among ``records``, which were just kept, as such."""
    for record, shown in records:
        evidence = record.evidence
        if is_grant(evidence) and "grantee" in shown and (end := end_of(shown)) is not None:
            grantee, name = parse_bytes32(shown["grantee"], "grantee"), shown.get("granteeName")
            recorder = shown.get("recorder")
            transaction.add_grant(
                Grant(
                    consent=record.evidence_id,
                    subject=evidence.issuer,
                    grantee=grantee,
                    grantee_name=name if isinstance(name, str) else None,
                    recorder=PartyId(grantee if recorder is None else parse_bytes32(recorder, "recorder")),
                    scope=orjson.dumps(shown["accessScope"]).decode(),
                    granted_at=record.recorded_at,
                    ends_at=end,
                )
            )
        elif is_withdrawal(evidence):
            transaction.withdraw_grant(evidence.parent, record.evidence_id, record.recorded_at)
