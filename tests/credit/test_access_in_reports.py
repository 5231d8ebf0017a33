"""To be looked at changes nothing of what is seen: the report of a log with consents and accesses, by both ways."""

from __future__ import annotations

from protocol.accessing import Access
from protocol.world import LEDGER
from tallystick.credit import report as credit
from tallystick.protocol.bundle import Frame
from tallystick.protocol.evidence import Kind
from tallystick.service.spool import Spool


def test_looks_change_no_figure() -> None:
    """Whatever of consents, withdrawals and accesses is sealed: all but the count of entries is as without."""
    with_looks, without = Access(), Access()
    for access, looked_at in ((with_looks, True), (without, False)):
        access.world.now += 10_000
        contract = access.world.contract(access.supplier, access.buyer)
        invoice = access.world.evidence(access.supplier, access.buyer, Kind.INVOICE, parent=contract)
        access.seal(contract, invoice)
        looks = [access.look(access.lender, access.consent), access.withdrawal(access.consent, access.supplier)]
        access.seal(*(looks if looked_at else [access.world.evidence(access.buyer, None, Kind.PROFILE, {})]))
    reports = []
    for access in (with_looks, without):
        subject = access.supplier.party
        _, block = access.world.prove(subject, [], [])
        entries = access.world.judged(subject)
        made = credit.to_json(credit.derive(subject, entries, block))
        with Spool(subject) as spool:
            for entry in entries:
                spool.standing[entry.evidence_id] = entry.evidence
                spool.add([entry])
            frame = Frame(
                chain_id=1,
                registry=LEDGER,
                ledger=LEDGER,
                subject=subject,
                as_of=block,
                proof=None,
                windows={},
                bindings=(),
            )
            assert spool.report(frame, 0) == made
        reports.append(
            {name: value for name, value in made.items() if name not in ("asOf", "entryCount", "tradelines")}
        )
    assert reports[0]["anchoringDelay"]["count"] == 2  # type: ignore[index,call-overload]
    for name in ("asSeller", "asBuyer", "findings", "stories", "notCounted", "anchoringDelay"):
        assert reports[0][name] == reports[1][name]
