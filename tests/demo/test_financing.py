"""The demo's last chapter: one invoice is financed once, whatever its supplier tries."""

from __future__ import annotations

from datetime import date

from demo.installation import built_before
from tallystick.service.demo.financing import finance_twice
from tallystick.service.demo.story import tell


def test_one_invoice_is_financed_once() -> None:
    """The first pledge stands; the same evidence, and another evidence of the same invoice, are refused since when."""
    with built_before(tell(until=date(2024, 1, 5))) as stage:
        financed = finance_twice(stage.context, stage.clock, stage.chain.set_next_timestamp)
        first, second = (refusal for _, refusal in financed.refusals)
        assert f"Receivable 0x{financed.status.receivable.hex()} is pledged since 20" in first
        assert f"of fingerprint 0x{financed.status.fingerprint.hex()}, is pledged under another evidence" in second
        assert financed.status.taken_since is not None
        assert len(financed.status.changes) == 1
