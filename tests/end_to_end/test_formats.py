"""Invoices in other formats than UBL become evidence the same way, and the same invoice in two formats is one."""

from __future__ import annotations

import hashlib
from typing import Any

from end_to_end.conftest import Shell
from intake import pdf_made, test_chinese
from intake.cii import cii_files


def outcome(done: Any) -> list[tuple[str, str]]:
    return [(each["file"], each["status"]) for each in done["documents"]]


def test_an_invoice_of_the_tax_platform_is_due_by_terms_and_never_by_a_guess(shell: Shell) -> None:
    """It has no due date: held until the user says how many days there are."""
    shell.ok("init")
    shell.ok("party", "add", "供应商有限公司", "--id", f"USCC:{test_chinese.SELLER}")
    (shell.folder / "dzfp.xml").write_text(test_chinese.einvoice(), encoding="utf-8")
    held = shell.json("import", "dzfp.xml")
    assert outcome(held) == [("dzfp.xml", "held")]
    assert "no due date" in held["documents"][0]["why"]
    assert outcome(shell.json("import", "dzfp.xml", "--terms-days", "30")) == [("dzfp.xml", "recorded")]


def test_the_same_invoice_as_pdf_and_as_xml_is_one(shell: Shell) -> None:
    """The PDF is the document of the evidence, by its exact bytes; its XML alone is known afterwards."""
    shell.ok("init")
    shell.ok("party", "add", "Supplier GmbH", "--id", f"VAT:{cii_files.SELLER_VAT}")
    data = pdf_made.with_files([("factur-x.xml", pdf_made.packed(cii_files.invoice()))])
    (shell.folder / "a.pdf").write_bytes(data)
    (shell.folder / "b.xml").write_bytes(cii_files.invoice())
    (shell.folder / "c.pdf").write_bytes(data[:300])
    done = shell.json("import", "a.pdf", "b.xml", "c.pdf")
    assert sorted(outcome(done)) == [("a.pdf", "recorded"), ("b.xml", "known"), ("c.pdf", "refused")]
    assert done["documents"][0]["sha256"] == hashlib.sha256(data).hexdigest()
