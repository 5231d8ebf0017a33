"""Consent and erasure by the command line alone, as a party and its operator would."""

from __future__ import annotations

import json
import re
from pathlib import Path

from end_to_end.conftest import Shell


def test_a_party_lets_a_bank_look_and_takes_it_back(tmp_path: Path) -> None:
    """Granted, listed in both languages, withdrawn; an erasure takes its two steps."""
    shell = Shell(tmp_path / "home", tmp_path)
    shell.ok("init")
    for name, of in (("Acme Ltd", "LEI:5493001KJTIIGC8Y1R12"), ("First Bank", "LEI:529900T8BM49AURSDO55")):
        shell.ok("party", "add", name, "--id", of)
    told = shell.ok(
        "consent", "grant", "Acme Ltd", "--to", "First Bank", "--until", "2099-12-31", "--object", "history"
    )
    given = re.search(r"0x[0-9a-f]{64}", told)
    assert given is not None
    listed = json.loads(shell.ok("consent", "list", "Acme Ltd", "--json"))
    assert listed["grant"] == given[0]
    assert listed["scope"] == {"identities": "pseudonyms", "objects": ["history"]}
    assert "有效" in shell.ok("consent", "list", "Acme Ltd", "--lang", "zh")
    assert "尚无人查看" in shell.ok("consent", "accesses", "Acme Ltd", "--lang", "zh")
    assert "wrote looks.html" in shell.ok("consent", "accesses", "Acme Ltd", "--lang", "zh", "--page", "looks.html")
    assert "尚无人查看" in (shell.folder / "looks.html").read_text()
    shell.refused("consent", "grant", "Acme Ltd", "--to", "Nobody", "--until", "2099-12-31", code=1)
    shell.refused("consent", "grant", "Acme Ltd", "--to", "First Bank", "--until", "soon", code=2)
    shell.ok("consent", "withdraw", "Acme Ltd", given[0])
    assert "withdrawn" in shell.ok("consent", "list", "Acme Ltd")
    shell.refused("erase", given[0], code=2)
    plan = shell.ok("erase", given[0], "--reason", "a request under article 17 GDPR")
    code = re.search(r"erase-[0-9a-f]{10}", plan)
    assert code is not None
    shell.refused("erase", given[0], "--confirm", "erase-0000000000", code=1)
    assert "erased 4 fields" in shell.ok("erase", given[0], "--confirm", code[0])
    assert "erasure requested" in shell.ok("account", "journal")
